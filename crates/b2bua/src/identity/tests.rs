use std::sync::Arc;

use super::*;
use crate::config::{HeaderRules, Outgoing as Dial, SignIn};

fn of_trunk(request: &Message, trusted: bool) -> Caller {
    super::of_trunk(request, trusted, &Rewriting::default())
}

fn invite(from: &str, lines: &str) -> Message {
    let text = format!(
        "INVITE sip:us@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\n\
         From: {from};tag=1\r\nTo: <sip:us@192.0.2.1>\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\n\
         {lines}Content-Length: 0\r\n\r\n"
    );
    Message::parse(text.into()).unwrap()
}

/// `number "name" asserted`, `!` before it where it is hidden.
fn shown(caller: &Caller) -> String {
    let display = caller.display.as_ref().map(|name| format!(" {name:?}")).unwrap_or_default();
    let asserted = if caller.asserted { " asserted" } else { "" };
    match &caller.hidden {
        Some(hidden) => {
            assert_eq!((&*caller.number, &caller.display), (ANONYMOUS, &None));
            format!("!{}{asserted}", hidden.number.as_deref().unwrap_or("?"))
        }
        None => format!("{}{display}{asserted}", caller.number),
    }
}

const FROM: &str = "\"Bob\" <sip:100@h>";
const ANON: &str = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";

#[test]
fn who_is_believed() {
    let check = |from: &str, lines: &str, trusted: &str, stranger: &str| {
        let request = invite(from, lines);
        assert_eq!(shown(&of_trunk(&request, true)), trusted, "{from} {lines}");
        assert_eq!(shown(&of_trunk(&request, false)), stranger, "{from} {lines}");
    };
    let bob = "100 \"Bob\"";
    check(FROM, "", bob, bob);
    check("<sip:100@h>", "", "100", "100");
    check(FROM, "P-Asserted-Identity: <sip:200@h>\r\n", "200 asserted", bob);
    let tel = "P-Asserted-Identity: \"Al\" <tel:+1-212-555>\r\n";
    check(FROM, tel, "+1212555 \"Al\" asserted", bob);
    let both = "P-Asserted-Identity: \"Al\" <sip:al@h>, <tel:+(1).212>\r\n";
    check(FROM, both, "+1212 \"Al\" asserted", bob);
    let twice =
        "P-Asserted-Identity: <sip:+44;isub=1@h>\r\nP-Asserted-Identity: \"X\" <sip:2@h>\r\n";
    check(FROM, twice, "+44 \"X\" asserted", bob);
    check(FROM, "P-Asserted-Identity: nonsense\r\n", bob, bob);
    check(FROM, "P-Asserted-Identity: <sip:h>\r\n", bob, bob);
    check(FROM, "P-Asserted-Identity: <mailto:a@h>\r\n", bob, bob);
    for lines in [
        "P-Preferred-Identity: <sip:200@h>\r\n",
        "Remote-Party-ID: <sip:200@h>;privacy=full\r\n",
        "Diversion: <sip:200@h>;privacy=full\r\n",
    ] {
        check(FROM, lines, bob, bob);
    }
}

#[test]
fn who_stays_hidden() {
    let check = |from: &str, lines: &str, trusted: &str| {
        assert_eq!(shown(&of_trunk(&invite(from, lines), true)), trusted, "{from} {lines}");
    };
    for wish in ["id", "ID", "user", "header", "header;id", "critical; id", "session, user"] {
        check(FROM, &format!("Privacy: {wish}\r\n"), "!100");
        check(ANON, &format!("Privacy: {wish}\r\nP-Asserted-Identity: <tel:1>\r\n"), "!1 asserted");
    }
    for wish in ["none", "critical", "session", "idle"] {
        check(FROM, &format!("Privacy: {wish}\r\n"), "100 \"Bob\"");
    }
    check(ANON, "", "!?");
    check(ANON, "P-Asserted-Identity: <sip:200@h>\r\n", "!200 asserted");
    for from in [
        "<sip:Anonymous@h>",
        "<sip:h>",
        "<sip:x@ANONYMOUS.invalid>",
        "<sip:anonymous%40@anonymous.invalid>",
        "<sip:@h>",
    ] {
        assert!(of_trunk(&invite(from, ""), false).hidden.is_some(), "{from}");
    }
    check(FROM, "P-Asserted-Identity: <sip:anonymous@h>\r\n", "!? asserted");
    // A stranger's word is no assertion, but to hide takes no trust.
    let lines = "Privacy: id\r\nP-Asserted-Identity: <sip:200@h>\r\n";
    assert_eq!(shown(&of_trunk(&invite(FROM, lines), false)), "!100");
}

#[test]
fn an_operator_is_whoever_is_registered() {
    let alice = operator(None);
    let id: Name = "alice".into();
    let who = |from: &str, lines: &str| of_operator(&invite(from, lines), &id, Some(&alice));
    let lines = "P-Asserted-Identity: <sip:boss@h>\r\n";
    let caller = who("\"The boss\" <sip:boss@h>", lines);
    assert_eq!((&*caller.number, caller.display.as_deref()), ("alice", Some("Alice")));
    assert_eq!(caller.hidden, None);
    let caller = who(FROM, "Privacy: id\r\n");
    assert_eq!((&*caller.number, caller.hidden), ("alice", Some(Hidden { number: None })));
}

fn operator(caller_id: Option<&str>) -> Operator {
    Operator {
        rank: crate::config::Rank::Operator,
        supervises: Vec::new(),
        contact: None,
        id: "alice".into(),
        number: Some("101".into()),
        name: "Alice".into(),
        queues: Vec::new(),
        skills: Vec::new(),
        weight: 1,
        wrap_up_ms: None,
        sign_in: SignIn::Register,
        outgoing: Dial::Internal,
        total_max: 1,
        voice_max: 1,
        headers: HeaderRules::of_operator(),
        caller_id: caller_id.map(Into::into),
        pickup: crate::config::Pickup::Own,
        codecs: None,
    }
}

fn trunk(trusted: bool, identity: Identity, caller_id: Option<&str>) -> Trunk {
    let credentials = sip::Credentials { username: "user".into(), password: "p".into() };
    Trunk {
        name: "t".into(),
        proxy: None,
        credentials: Some(credentials),
        calls_max: 1,
        outgoing: crate::config::Outgoing::Internal,
        redirects: sip::Redirects::Refused,
        headers: HeaderRules::of_trunk(),
        trusted,
        number_in: Rewriting::default(),
        number_out: Rewriting::default(),
        identity,
        caller_id: caller_id.map(Into::into),
        codecs: None,
    }
}

/// `From [asserted] [privacy]`.
fn out(call: Outgoing<'_>) -> String {
    let (from, headers) = outward(call, &Host::Name("d".into()));
    let headers = headers.iter().map(|(name, value)| format!(" {name}: {value}"));
    format!("{from}{}", headers.collect::<String>())
}

#[test]
fn numbers_are_written_as_the_trunk_writes_them() {
    let rule = |strip: &str, add: &str| {
        let (strip, add) = (strip.into(), add.into());
        Rewriting(vec![crate::Rule { strip, add, digits: None }])
    };
    let from = "<sip:84951234567@carrier>";
    let caller = super::of_trunk(&invite(from, ""), true, &rule("8", "+7"));
    assert_eq!(&*caller.number, "+74951234567");
    let hidden = super::of_trunk(&invite(from, "Privacy: id\r\n"), true, &rule("8", "+7"));
    assert_eq!(hidden.hidden, Some(Hidden { number: Some("+74951234567".into()) }));
    let proxy = Uri::parse("sip:sbc.example:5070").ok();
    let number_out = rule("+7", "8");
    let trunk = Trunk { number_out, proxy, ..trunk(true, Identity::Customer, Some("+7495")) };
    let number = "+74951234567";
    let (display, hidden, operator, trunk) = (None, None, None, Some(&trunk));
    let call = Outgoing { own: None, number, display, hidden, asserted: true, operator, trunk };
    assert_eq!(out(call), "<sip:84951234567@d> P-Asserted-Identity: <sip:84951234567@d>");
    // Its own is as it is configured.
    let call = Outgoing { asserted: false, ..call };
    assert_eq!(out(call), "<sip:84951234567@d> P-Asserted-Identity: <sip:+7495@d>");
    let reached = trunk.and_then(|trunk| trunk.reaches("+74957654321"));
    assert_eq!(
        reached.map(|uri| uri.to_string()).as_deref(),
        Some("sip:84957654321@sbc.example:5070")
    );
}

const NOBODY: &str = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";

#[test]
fn as_whom_a_customers_call_goes_out() {
    use Identity::{Customer, Trunk as Own};
    let hidden = Hidden { number: Some("100".into()) };
    let goes = |trunk: &Trunk, is_hidden: bool, asserted: bool| {
        let (number, display) = if is_hidden { (ANONYMOUS, None) } else { ("100", Some("Bob")) };
        let (hidden, trunk) = (is_hidden.then_some(&hidden), Some(trunk));
        out(Outgoing { own: None, number, display, hidden, asserted, operator: None, trunk })
    };
    // Of a customer for whom somebody in the trust domain answers, and of another one.
    let check = |trunk: &Trunk, is_hidden: bool, answered_for: &str, other: &str| {
        assert_eq!(goes(trunk, is_hidden, true), answered_for);
        assert_eq!(goes(trunk, is_hidden, false), other);
    };
    let (bob, hides) = ("\"Bob\" <sip:100@d>", format!("{NOBODY} Privacy: id"));
    let asserts = |who: &str| format!("P-Asserted-Identity: {who}");

    let stranger = trunk(false, Customer, Some("5"));
    check(&stranger, false, bob, bob);
    check(&stranger, true, &hides, &hides);

    let carrier = trunk(true, Customer, Some("5"));
    let (theirs, ours) = (asserts(bob), asserts("<sip:5@d>"));
    check(&carrier, false, &format!("{bob} {theirs}"), &format!("{bob} {ours}"));
    let theirs = format!("{NOBODY} {} Privacy: id", asserts("<sip:100@d>"));
    check(&carrier, true, &theirs, &format!("{NOBODY} {ours} Privacy: id"));
    // Without a number of its own a trunk answers for nobody.
    let nameless = Trunk { credentials: None, ..trunk(true, Customer, None) };
    check(&nameless, false, &format!("{bob} {}", asserts(bob)), bob);
    check(&nameless, true, &theirs, &hides);

    for is_hidden in [false, true] {
        let same = |trusted, caller_id, expected: &str| {
            check(&trunk(trusted, Own, caller_id), is_hidden, expected, expected);
        };
        same(false, Some("+4"), "<sip:+4@d>");
        same(false, None, "<sip:user@d>");
        let uri = "<sip:+4@pbx.example>";
        same(true, Some("sip:+4@pbx.example"), &format!("{uri} {}", asserts(uri)));
        same(false, Some("tel:+4"), "<tel:+4>");
    }
}

#[test]
fn as_whom_an_operators_own_call_goes_out() {
    use Identity::{Customer, Trunk as Own};
    let check = |own: Option<&str>, trunk: Option<Trunk>, is_hidden: bool, expected: &str| {
        let operator = operator(own);
        let hidden = is_hidden.then_some(Hidden { number: None });
        let call = Outgoing {
            own: None,
            number: "alice",
            display: Some("Alice"),
            hidden: hidden.as_ref(),
            asserted: true,
            operator: Some(&operator),
            trunk: trunk.as_ref(),
        };
        assert_eq!(out(call), expected);
    };
    check(Some("+1"), Some(trunk(false, Customer, Some("+4"))), false, "<sip:+1@d>");
    check(None, Some(trunk(false, Customer, Some("+4"))), false, "<sip:+4@d>");
    check(None, Some(trunk(false, Customer, None)), false, "<sip:user@d>");
    let bare = Trunk { credentials: None, ..trunk(false, Customer, None) };
    check(None, Some(bare), false, "<sip:101@d>");
    check(None, None, false, "<sip:101@d>");
    check(Some("+1"), Some(trunk(false, Own, Some("+4"))), false, "<sip:+4@d>");
    let asserted = format!("{NOBODY} P-Asserted-Identity: <sip:+1@d> Privacy: id");
    check(Some("+1"), Some(trunk(true, Customer, None)), true, &asserted);
    check(Some("+1"), Some(trunk(false, Customer, None)), true, &format!("{NOBODY} Privacy: id"));
    let own = format!("{NOBODY} P-Asserted-Identity: <sip:+4@d> Privacy: id");
    check(Some("+1"), Some(trunk(true, Own, Some("+4"))), true, &own);
}

#[test]
fn nothing_configured_or_said_breaks_out_of_an_address() {
    let name: Arc<str> = "a\r\nVia: b\" <sip:x@y>".into();
    let trunk = trunk(true, Identity::Trunk, Some(&name));
    let (hidden, asserted, operator) = (None, false, None);
    let trunk = Some(&trunk);
    let call =
        Outgoing { own: None, number: "1", display: None, hidden, asserted, operator, trunk };
    let (from, _) = outward(call, &Host::Name("d".into()));
    assert_eq!(NameAddr::parse(&from.to_string()), Ok(from.clone()));
    assert_eq!(from.uri.user().as_deref(), Some(&*name));
    assert!(!from.to_string().contains(['\r', '\n']));
}
