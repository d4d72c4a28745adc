use std::sync::Arc;

use super::*;
use crate::config::{HeaderRules, Outgoing as Dial, SignIn};

fn invite(from: &str, lines: &str) -> Message {
    let text = format!(
        "INVITE sip:us@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\n\
         From: {from};tag=1\r\nTo: <sip:us@192.0.2.1>\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\n\
         {lines}Content-Length: 0\r\n\r\n"
    );
    Message::parse(text.into()).unwrap()
}

/// `number "name"`, `!` before it where it is hidden.
fn shown(caller: &Caller) -> String {
    let display = caller.display.as_ref().map(|name| format!(" {name:?}")).unwrap_or_default();
    match &caller.hidden {
        Some(hidden) => {
            assert_eq!((&*caller.number, &caller.display), (ANONYMOUS, &None));
            format!("!{}", hidden.number.as_deref().unwrap_or("?"))
        }
        None => format!("{}{display}", caller.number),
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
    check(FROM, "P-Asserted-Identity: <sip:200@h>\r\n", "200", bob);
    check(FROM, "P-Asserted-Identity: \"Al\" <tel:+1-212-555>\r\n", "+1212555 \"Al\"", bob);
    let both = "P-Asserted-Identity: \"Al\" <sip:al@h>, <tel:+(1).212>\r\n";
    check(FROM, both, "+1212 \"Al\"", bob);
    let twice =
        "P-Asserted-Identity: <sip:+44;isub=1@h>\r\nP-Asserted-Identity: \"X\" <sip:2@h>\r\n";
    check(FROM, twice, "+44 \"X\"", bob);
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
        check(ANON, &format!("Privacy: {wish}\r\nP-Asserted-Identity: <tel:1>\r\n"), "!1");
    }
    for wish in ["none", "critical", "session", "idle"] {
        check(FROM, &format!("Privacy: {wish}\r\n"), "100 \"Bob\"");
    }
    check(ANON, "", "!?");
    check(ANON, "P-Asserted-Identity: <sip:200@h>\r\n", "!200");
    for from in [
        "<sip:Anonymous@h>",
        "<sip:h>",
        "<sip:x@ANONYMOUS.invalid>",
        "<sip:anonymous%40@anonymous.invalid>",
        "<sip:@h>",
    ] {
        assert!(of_trunk(&invite(from, ""), false).hidden.is_some(), "{from}");
    }
    check(FROM, "P-Asserted-Identity: <sip:anonymous@h>\r\n", "!?");
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
        id: "alice".into(),
        number: Some("101".into()),
        name: "Alice".into(),
        queues: Vec::new(),
        wrap_up_ms: None,
        sign_in: SignIn::Register,
        outgoing: Dial::Internal,
        total_max: 1,
        voice_max: 1,
        headers: HeaderRules::of_operator(),
        caller_id: caller_id.map(Into::into),
    }
}
        pickup: crate::config::Pickup::Own,

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
        identity,
        caller_id: caller_id.map(Into::into),
    }
}

/// `From [asserted] [privacy]`.
fn out(call: Outgoing<'_>) -> String {
    let (from, headers) = outward(call, &Host::Name("d".into()));
    let headers = headers.iter().map(|(name, value)| format!(" {name}: {value}"));
    format!("{from}{}", headers.collect::<String>())
}

const NOBODY: &str = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";

#[test]
fn as_whom_a_customers_call_goes_out() {
    use Identity::{Customer, Trunk as Own};
    let hidden = Hidden { number: Some("100".into()) };
    let check = |trusted, identity, caller_id, is_hidden: bool, expected: &str| {
        let trunk = trunk(trusted, identity, caller_id);
        let (number, display) = if is_hidden { (ANONYMOUS, None) } else { ("100", Some("Bob")) };
        let hidden = is_hidden.then_some(&hidden);
        let call = Outgoing { number, display, hidden, operator: None, trunk: Some(&trunk) };
        assert_eq!(out(call), expected);
    };
    let bob = "\"Bob\" <sip:100@d>";
    check(false, Customer, None, false, bob);
    check(true, Customer, Some("5"), false, &format!("{bob} P-Asserted-Identity: {bob}"));
    check(false, Customer, None, true, &format!("{NOBODY} Privacy: id"));
    let asserted = "P-Asserted-Identity: <sip:100@d>";
    check(true, Customer, None, true, &format!("{NOBODY} {asserted} Privacy: id"));
    for is_hidden in [false, true] {
        check(false, Own, Some("+4"), is_hidden, "<sip:+4@d>");
        check(false, Own, None, is_hidden, "<sip:user@d>");
        let uri = "<sip:+4@pbx.example>";
        let asserted = format!("{uri} P-Asserted-Identity: {uri}");
        check(true, Own, Some("sip:+4@pbx.example"), is_hidden, &asserted);
        check(false, Own, Some("tel:+4"), is_hidden, "<tel:+4>");
    }
}

#[test]
fn as_whom_an_operators_own_call_goes_out() {
    use Identity::{Customer, Trunk as Own};
    let check = |own: Option<&str>, trunk: Option<Trunk>, is_hidden: bool, expected: &str| {
        let operator = operator(own);
        let hidden = is_hidden.then_some(Hidden { number: None });
        let call = Outgoing {
            number: "alice",
            display: Some("Alice"),
            hidden: hidden.as_ref(),
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
    let call =
        Outgoing { number: "1", display: None, hidden: None, operator: None, trunk: Some(&trunk) };
    let (from, _) = outward(call, &Host::Name("d".into()));
    assert_eq!(NameAddr::parse(&from.to_string()), Ok(from.clone()));
    assert_eq!(from.uri.user().as_deref(), Some(&*name));
    assert!(!from.to_string().contains(['\r', '\n']));
}
