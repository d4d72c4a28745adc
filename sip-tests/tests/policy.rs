//! What crosses from one leg to another: header fields, who calls, and nothing else.

use std::net::SocketAddr;

use serde_json::Value;
use sip_tests::{Config, Invite, Phone, Server, Sip, Sipp, call_of};

/// Where callers come from who are not believed; the carrier is 127.0.0.1.
const STRANGER: &str = "127.0.0.2";
/// Where Alice's phone is, if that may not be the carrier's address.
const DESK: &str = "127.0.0.3";

const TRUNKS: &str = "[[trunk]]\nname = \"carrier\"\nhosts = [\"127.0.0.1\"]\n\
     headers_in = [\"X-*\", \"User-to-User\", \"Subject\", \"Diversion\"]\n\
     headers_strip = [\"X-Secret*\"]\n\
     [[trunk]]\nname = \"stranger\"\nhosts = [\"127.0.0.2\"]\ntrust = false\n";

fn config() -> Config {
    Config { trunks: TRUNKS.to_owned(), ..Config::default() }
}

/// An operator's phone at an address of its own, registered.
#[track_caller]
fn at_desk(server: &Server, operator: &str) -> Phone {
    let password = format!("{operator}-secret");
    let mut phone = Phone::at(DESK, server, operator, 1_570.0).with_password(&password);
    let mark = server.events.mark();
    assert_eq!(phone.register(3_600).status(), Some(200));
    let fields = [("operator", operator), ("/effective/state", "ready")];
    server.events.wait_from(mark, "operator.state", &fields);
    phone
}

/// What Alice's phone is told of a call to 101 with these header fields, and the start of the call.
#[track_caller]
fn told(
    server: &Server,
    caller: &mut Phone,
    alice: &mut Phone,
    invite: &Invite<'_>,
) -> (Sip, Value) {
    let mark = server.events.mark();
    caller.invite_as("101", invite);
    let told = alice.expect("INVITE");
    let started = server.events.wait_from(mark, "call.started", &[]);
    alice.reply_invite("486 Busy Here");
    alice.expect("ACK");
    caller.expect_refusal();
    (told, started)
}

#[test]
fn a_trusted_trunk_says_who_calls_and_another_only_from() {
    let server = Server::start(&config());
    let mut alice = at_desk(&server, "alice");
    let mut carrier = Phone::caller(&server, 1_130.0);
    let mut stranger = Phone::at(STRANGER, &server, "+7900", 1_130.0);
    let headers = "P-Asserted-Identity: \"Ada\" <sip:+4420@sbc>, <tel:+44-20-7946>\r\n\
                   Remote-Party-ID: <sip:+666@h>\r\nP-Preferred-Identity: <sip:+666@h>\r\n\
                   Diversion: <sip:+777@h>;reason=no-answer\r\nHistory-Info: <sip:+666@h>\r\n";
    let invite = Invite { headers, ..Invite::default() };

    let (seen, started) = told(&server, &mut carrier, &mut alice, &invite);
    assert!(seen.must("From").starts_with("\"Ada\" <sip:+44207946@usher.test>"), "{}", seen.text());
    assert_eq!(started["from"], "+44207946");
    assert_eq!(seen.must("Diversion"), "<sip:+777@h>;reason=no-answer");
    assert_eq!(started["context"]["Diversion"], "<sip:+777@h>;reason=no-answer");

    let (seen, started) = told(&server, &mut stranger, &mut alice, &invite);
    assert!(seen.must("From").contains("<sip:+7900@usher.test>"), "{}", seen.text());
    assert_eq!((&started["from"], &started["context"]), (&"+7900".into(), &serde_json::json!({})));
    for mark in ["+4420", "+44207946"] {
        assert!(!seen.text().contains(mark), "{}", seen.text());
    }
    for name in ["Diversion", "P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID"] {
        assert_eq!(seen.header(name), None, "{}", seen.text());
    }
    assert!(!alice.heard().contains("+666"), "{}", alice.heard());
    server.finish();
}

#[test]
fn whoever_calls_anonymously_is_shown_to_nobody() {
    let server = Server::start(&config());
    let mut alice = at_desk(&server, "alice");
    let mut carrier = Phone::caller(&server, 1_130.0);
    let mut stranger = Phone::at(STRANGER, &server, "+7900", 1_130.0);
    let asserted = "P-Asserted-Identity: \"Ada\" <sip:+4420@sbc>\r\nDiversion: <sip:+777@h>\r\n";
    let with_id = format!("{asserted}Privacy: id\r\n");
    let with_user = format!("{asserted}Privacy: critical;user\r\n");
    for (from, headers) in [
        ("", with_id.as_str()),
        ("", &with_user),
        ("", "Privacy: header\r\n"),
        ("anonymous", asserted),
    ] {
        let invite = Invite { headers, from, late: false };
        for caller in [&mut carrier, &mut stranger] {
            let (seen, started) = told(&server, caller, &mut alice, &invite);
            let from = seen.must("From");
            let nobody = "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=";
            assert!(from.starts_with(nobody), "{headers} {}", seen.text());
            assert_eq!(started["from"], "anonymous");
            assert!(seen.contact().is_some_and(|uri| !uri.contains('+')), "{}", seen.text());
        }
    }
    let events: String = server.events.all().iter().map(Value::to_string).collect();
    for number in ["+4420", "+7900", "+777", "+74951234567", "Ada"] {
        assert!(!alice.heard().contains(number), "{number} in\n{}", alice.heard());
        assert!(!events.contains(number), "{number} in\n{events}");
    }
    let list = server.api.items("/records/calls?limit=1000");
    assert!(list.iter().all(|record| record["from"] == "anonymous"), "{list:?}");
    server.finish();
}

#[test]
fn context_crosses_as_it_came_and_nothing_else_does() {
    let server = Server::start(&config());
    let mut alice = at_desk(&server, "alice");
    let mut carrier = Phone::caller(&server, 1_130.0);
    let uui = ["56a390f3d2b7310023;encoding=hex;purpose=foo;content=bar", "\"a, b;c\";Purpose=x"];
    let headers = format!(
        "X-Line : vip\r\nx-folded: one\r\n  two\r\nX-Line: twice\r\nX-Secret-Key: k\r\n\
         User-to-User: {}, {}\r\nuser-to-user: 04c8\r\ns: compact\r\nk: timer-of-a\r\n\
         u: presence-of-a\r\ny: identity-of-a\r\nX-Usher-Call: c1\r\nX-Usher-Task: t1\r\n\
         Organization: house-of-a\r\nX-Empty:\r\n",
        uui[0], uui[1]
    );
    let invite = Invite { headers: &headers, ..Invite::default() };
    let (seen, started) = told(&server, &mut carrier, &mut alice, &invite);
    assert_eq!(seen.all("X-Line").collect::<Vec<_>>(), ["vip, twice"]);
    let folded: Vec<&str> = seen.must("X-Folded").split_whitespace().collect();
    assert_eq!(folded, ["one", "two"]);
    assert_eq!(seen.all("User-to-User").collect::<Vec<_>>(), [uui[0], uui[1], "04c8"]);
    assert_eq!(seen.must("Subject"), "compact");
    assert_eq!(started["context"]["User-to-User"], format!("{}, {}, 04c8", uui[0], uui[1]));
    assert_eq!(seen.all("X-Usher-Call").collect::<Vec<_>>(), [call_of(&started)]);
    for name in ["X-Secret-Key", "X-Usher-Task", "Organization", "X-Empty"] {
        assert_eq!(seen.header(name), None, "{}", seen.text());
    }
    assert!(!seen.text().contains("-of-a"), "{}", seen.text());

    let long = format!("X-Long: {}\r\nX-Short: 1\r\n", "y".repeat(1_025));
    let invite = Invite { headers: &long, ..Invite::default() };
    let (seen, started) = told(&server, &mut carrier, &mut alice, &invite);
    assert_eq!((seen.header("X-Long"), seen.header("X-Short")), (None, Some("1")));
    let call = [("call", call_of(&started))];
    let dropped = server.events.wait("call.context_dropped", &call);
    assert_eq!(dropped["headers"], serde_json::json!(["X-Long"]));
    server.wait_log(&["beyond [limits]", "X-Long"]);
    server.finish();
}

/// Somebody out there at an address, who speaks to a server that starts later.
fn carrier_at(address: &str) -> Phone {
    Phone::towards(SocketAddr::from(([127, 0, 0, 1], 9)), address, "carrier", 2_210.0)
}

/// From, P-Asserted-Identity and Privacy of what a trunk with these keys is sent: for a customer,
/// for one who is hidden, for an operator, for an operator who wants to hide; for a customer of a trunk
/// that is not believed, and for one who is hidden.
fn shown(keys: &str) -> [String; 6] {
    let mut out = carrier_at("127.0.0.1");
    let mut config = config();
    config.trunks += &format!(
        "[[trunk]]\nname = \"out\"\nproxy = \"sip:{}\"\nusername = \"user\"\npassword = \"p\"\n{keys}\n",
        out.address()
    );
    let number = "number = \"101\"\n";
    let more = "number = \"101\"\noutgoing = ['.*']\ncaller_id = \"+1001\"\n";
    config.operators = config.operators.replacen(number, more, 1);
    config.routes = "[[route]]\ngo = { number = \"+15550100\", trunk = \"out\" }\n".to_owned();
    let server = Server::start(&config);
    out.aim(&server);
    let mut alice = at_desk(&server, "alice");
    let mut carrier = Phone::caller(&server, 1_130.0);
    let open = "P-Asserted-Identity: \"Ada\" <tel:+4420>\r\n";
    let hidden = "P-Asserted-Identity: \"Ada\" <tel:+4420>\r\nPrivacy: id\r\n";
    let mut stranger = Phone::at(STRANGER, &server, "+7900", 1_130.0);
    let mut see = |caller: &mut Phone, headers: &str| {
        caller.invite_as("+1", &Invite { headers, ..Invite::default() });
        let seen = out.expect("INVITE");
        out.reply_invite("486 Busy Here");
        out.expect("ACK");
        caller.expect_refusal();
        let from = seen.must("From").split(";tag=").next().unwrap_or_default();
        let more = ["P-Asserted-Identity", "Privacy"].map(|name| seen.header(name).unwrap_or("-"));
        format!("{from} | {}", more.join(" | "))
    };
    let [[a, b], [c, d], [e, f]] = [&mut carrier, &mut alice, &mut stranger]
        .map(|caller| [see(caller, open), see(caller, hidden)]);
    server.finish();
    [a, b, c, d, e, f]
}

const NOBODY: &str = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";

#[test]
fn as_whom_calls_go_out_over_a_trunk() {
    let ada = "\"Ada\" <sip:+4420@usher.test>";
    let number = |number: &str| format!("<sip:{number}@usher.test>");
    let out =
        |from: &str, asserted: &str, privacy: &str| format!("{from} | {asserted} | {privacy}");
    assert_eq!(
        shown("trust = true\n"),
        [
            out(ada, ada, "-"),
            out(NOBODY, &number("+4420"), "id"),
            out(&number("+1001"), &number("+1001"), "-"),
            out(NOBODY, &number("+1001"), "id"),
            out(&number("+7900"), &number("user"), "-"),
            out(NOBODY, &number("user"), "id"),
        ]
    );
    assert_eq!(
        shown(""),
        [
            out(ada, "-", "-"),
            out(NOBODY, "-", "id"),
            out(&number("+1001"), "-", "-"),
            out(NOBODY, "-", "id"),
            out(&number("+7900"), "-", "-"),
            out(NOBODY, "-", "id"),
        ]
    );
    let own = number("+3003");
    let mut all = std::array::from_fn(|_| out(&own, &own, "-"));
    all[3] = out(NOBODY, &own, "id");
    assert_eq!(shown("trust = true\nidentity = \"trunk\"\ncaller_id = \"+3003\"\n"), all);
    assert_eq!(shown("identity = \"trunk\"\n")[0], out(&number("user"), "-", "-"));
}

/// What is a phone's own in all it said: its addresses, tags, branches, Call-IDs, and every word that
/// was marked as its own.
fn marks(phone: &Phone, own: &str) -> Vec<String> {
    let in_word = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
    let mut marks = vec![phone.address().ip().to_string()];
    let words = |text: &str| -> Vec<String> {
        text.split(|c| !in_word(c)).filter(|word| word.len() > 5).map(str::to_owned).collect()
    };
    for line in phone.said().lines() {
        // What it calls its peer is not its own.
        let name = line.split(':').next().unwrap_or_default();
        let is_ours = line.starts_with("SIP/2.0 ") || ["Route", "To"].contains(&name);
        marks.extend(words(line).into_iter().filter(|word| !is_ours && word.contains(own)));
    }
    marks.sort();
    marks.dedup();
    marks
}

/// That nothing of one is in what the other heard.
#[track_caller]
fn hears_nothing_of(listener: &Phone, speaker: &Phone, own: &str) {
    let marks = marks(speaker, own);
    assert!(marks.len() > 8, "{marks:?}");
    for mark in marks {
        assert!(!listener.heard().contains(&mark), "{mark} is in\n{}", listener.heard());
    }
}

/// Header fields that stay on the leg they came by.
fn remarks(own: &str) -> String {
    let fields = [
        "User-Agent: phone",
        "Server: server",
        "Organization: house",
        "Warning: 399 host-w \"warned\"",
        "P-Charging-Vector: icid-value=icid",
        "Record-Info: record",
        "Call-Info: <http://picture",
        "Alert-Info: <http://bell",
        "Reply-To: <sip:reply",
        "Error-Info: <sip:error",
        "Supported: tag",
        "Accept-Language: tongue",
        "P-Asserted-Service: urn",
    ];
    let line = |field: &&str| match field.contains('<') {
        true => format!("{field}{own}@h{own}>\r\n"),
        false if field.ends_with('"') => format!("{}{own}\"\r\n", field.trim_end_matches('"')),
        false => format!("{field}{own}\r\n"),
    };
    fields.iter().map(line).collect()
}

/// A caller and an operator's phone, both of whom say what they can of themselves.
#[test]
fn nothing_of_one_leg_shows_in_another() {
    let server = Server::start(&config());
    let mut alice = at_desk(&server, "alice");
    let mut caller = Phone::at(STRANGER, &server, "+7900", 1_130.0);
    caller.rewrite = |sdp| sdp.replace("o=-", "o=owner-of-a").replace("s=-", "s=talk-of-a");
    alice.rewrite = |sdp| sdp.replace("o=-", "o=owner-of-b").replace("s=-", "s=talk-of-b");
    let (of_a, of_b) = (remarks("-of-a"), remarks("-of-b"));
    let invite = Invite { headers: &of_a, ..Invite::default() };

    // Through the queue: music, 180 and 183, an answer, re-INVITEs of either, BYE of hers.
    caller.invite_as("600", &invite);
    caller.expect_answer();
    let rung = alice.expect("INVITE");
    let sdp = alice.sdp();
    alice.reply(&rung, "183 Progress of-b-here", &of_b, &sdp);
    alice.reply(&rung, "180 Ringing of-b-here", &of_b, "");
    server.events.wait("leg.ringing", &[("operator", "alice")]);
    let sdp = alice.sdp();
    alice.reply(&rung, "200 OK of-b-here", &of_b, &sdp);
    alice.expect("ACK");
    server.events.wait("call.answered", &[]);
    caller.reinvite();
    caller.expect_answer();
    alice.direction = "sendonly";
    alice.reinvite();
    alice.expect_answer();
    server.events.wait("participant.held", &[]);
    caller.request("INFO", &of_a);
    caller.expect_response("INFO");
    alice.request("MESSAGE", &of_b);
    alice.expect_response("MESSAGE");
    alice.request("BYE", &format!("{of_b}Reason: SIP;cause=200;text=\"why-of-b\"\r\n"));
    alice.expect_response("BYE");
    caller.expect_bye();

    // Dialled, and given up: CANCEL with all that was said in INVITE.
    alice.direction = "sendrecv";
    caller.invite_as("101", &invite);
    let rung = alice.expect("INVITE");
    alice.reply(&rung, "180 Ringing of-b-here", &of_b, "");
    caller.expect_status(180);
    caller.cancel();
    caller.expect_response("CANCEL");
    caller.expect_status(487);
    alice.expect_cancel();

    // Dialled, and refused; then answered, and the caller hangs up.
    caller.invite_as("101", &invite);
    let rung = alice.expect("INVITE");
    alice.reply(&rung, "486 Busy of-b-here", &of_b, "");
    alice.expect("ACK");
    let refusal = caller.expect_refusal();
    assert_eq!(refusal.start, "SIP/2.0 486 Busy Here");
    caller.invite_as("101", &invite);
    let rung = alice.expect("INVITE");
    let sdp = alice.sdp();
    alice.reply(&rung, "200 OK of-b-here", &of_b, &sdp);
    alice.expect("ACK");
    caller.expect_answer();
    caller.request("BYE", &of_a);
    caller.expect_response("BYE");
    alice.expect_bye();

    hears_nothing_of(&alice, &caller, "-of-a");
    hears_nothing_of(&caller, &alice, "-of-b");
    for own in marks(&caller, &caller.address().port().to_string()) {
        assert!(!alice.heard().contains(&own), "{own} is in\n{}", alice.heard());
    }
    server.finish();
}

/// An operator's own call: the trunk learns nothing of the phone, nor the phone of the trunk.
#[test]
fn a_trunk_hears_nothing_of_an_operators_phone() {
    let mut out = carrier_at(STRANGER);
    let mut config = Config::default();
    config.trunks += &format!("[[trunk]]\nname = \"out\"\nproxy = \"sip:{}\"\n", out.address());
    config.operators =
        config.operators.replacen("number = \"101\"\n", "number = \"101\"\noutgoing = ['.*']\n", 1);
    config.routes = "[[route]]\ngo = { number = \"+15550100\", trunk = \"out\" }\n".to_owned();
    let server = Server::start(&config);
    out.aim(&server);
    let mut alice = at_desk(&server, "alice");
    out.rewrite = |sdp| sdp.replace("o=-", "o=owner-of-a").replace("s=-", "s=talk-of-a");
    alice.rewrite = |sdp| sdp.replace("o=-", "o=owner-of-b").replace("s=-", "s=talk-of-b");
    let (of_a, of_b) = (remarks("-of-a"), remarks("-of-b"));
    let invite = Invite { headers: &format!("{of_b}X-Own: of-b-own\r\n"), ..Invite::default() };
    alice.invite_as("+1", &invite);
    let rung = out.expect("INVITE");
    assert_eq!(rung.header("X-Own"), None, "{}", rung.text());
    let sdp = out.sdp();
    out.reply(&rung, "180 Ringing of-a-here", &of_a, "");
    alice.expect_status(180);
    out.reply(&rung, "200 OK of-a-here", &of_a, &sdp);
    out.expect("ACK");
    alice.expect_answer();
    out.reinvite();
    out.expect_answer();
    alice.request("BYE", &of_b);
    alice.expect_response("BYE");
    out.expect_bye();
    hears_nothing_of(&out, &alice, "-of-b");
    hears_nothing_of(&alice, &out, "-of-a");
    for own in ["of-b-own", "alice", "Alice"] {
        assert!(!out.heard().contains(own), "{own} is in\n{}", out.heard());
    }
    server.finish();
}

#[test]
fn a_uri_brings_header_fields_that_say_nothing_of_the_dialog() {
    let mut desk = carrier_at("127.0.0.1");
    let uri = format!(
        "sip:desk@{}?X-Line=2&Id=a%20%22b%22&User-to-User=56%3bencoding%3dhex",
        desk.address()
    );
    let routes = format!("[[route]]\ngo = {{ uri = \"{uri}\" }}\n");
    let server = Server::start(&Config { routes, ..config() });
    desk.aim(&server);
    let mut carrier = Phone::caller(&server, 1_130.0);
    let headers = "X-Line: 1\r\nX-Other: 3\r\nDiversion: <sip:+777@h>\r\n";
    carrier.invite_as("1", &Invite { headers, ..Invite::default() });
    let seen = desk.expect("INVITE");
    assert!(!seen.request_uri().contains('?'), "{}", seen.start);
    assert_eq!(seen.all("X-Line").collect::<Vec<_>>(), ["2"]);
    let one = |name| seen.header(name);
    assert_eq!((one("X-CRM-Id"), one("X-Other")), (Some("a \"b\""), Some("3")));
    assert_eq!(one("User-to-User"), Some("56;encoding=hex"));
    assert_eq!((one("Diversion"), one("X-Usher-Call")), (None, None), "{}", seen.text());
    desk.reply_invite("486 Busy Here");
    desk.expect("ACK");
    carrier.expect_refusal();
    server.finish();
}

#[test]
fn a_caller_of_sipp_with_context_and_a_word_at_the_end() {
    let server = Server::start(&config());
    let mut alice = at_desk(&server, "alice");
    let more = ["-s", "600", "-d", "2500"];
    let caller = Sipp::start(&server, "uac-policy", server.ports.peer(1), 1, &more);
    let seen = alice.expect("INVITE");
    let from = "\"support: Ada\" <sip:+44207946@usher.test>;tag=";
    assert!(seen.must("From").starts_with(from), "{}", seen.text());
    assert_eq!(seen.must("X-Line"), "vip");
    let uui = "56a390f3;encoding=hex;purpose=isdn-uui;content=isdn-uui";
    assert_eq!(seen.must("User-to-User"), uui);
    alice.answer();
    let bye = alice.expect_bye();
    caller.succeeds();
    assert_eq!(bye.header("User-to-User"), Some("0bad;encoding=hex"), "{}", bye.text());
    assert!(!alice.heard().contains("-of-a"), "{}", alice.heard());
    server.finish();
}
