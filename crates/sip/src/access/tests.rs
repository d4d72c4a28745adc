//! Who is let in, who is asked, who is turned away.

use proptest::prelude::*;

use super::{Access, Verdict};
use crate::msg::digest::{Algorithm, Challenge};
use crate::msg::{Message, Method};
use crate::registrar::Registrar;
use crate::registrar::tests::{config, flow, phone, register};
use crate::{Config, Event, Flow, Peer, Strangers, Time, Transport};

/// The rig of a test: everything `judge` wants.
struct Rig {
    access: Access,
    registrar: Registrar,
    config: Config,
    now: Time,
    flow: Flow,
}

impl Rig {
    fn new() -> Self {
        let (registrar, config) = (Registrar::default(), config());
        let (access, now) = (Access::new([7; 32]), Time::from_secs(1000));
        Self { access, registrar, config, now, flow: phone() }
    }

    fn judge(&mut self, request: &Message) -> Verdict {
        self.access.judge(self.now, &self.config, &self.registrar, &self.flow, request)
    }

    /// Puts a user on a flow.
    fn bind(&mut self, user: &str, flow: Flow) {
        let (call_id, port) = (format!("{user}-{}", flow.remote), flow.remote.port());
        let message = register(user, &call_id, 1, &[&format!("Contact: <sip:x@h:{port}>")]);
        let got = self.registrar.register(self.now, user, flow, &message, &self.config);
        assert_eq!(got.status, 200);
    }

    /// What the first challenge of this answer says.
    fn challenge(&mut self, request: &Message) -> Challenge {
        match self.judge(request) {
            Verdict::Challenge { headers, .. } | Verdict::Refuse { headers, .. } => {
                Challenge::parse(&headers[0].1).unwrap()
            }
            other => panic!("{other:?}"),
        }
    }

    /// One REGISTER asked for and answered, in short.
    fn guess(&mut self, user: &str, password: &str) -> String {
        let challenge = match self.judge(&request("REGISTER", user)) {
            Verdict::Challenge { headers, .. } => Challenge::parse(&headers[0].1).unwrap(),
            other => return short(&other),
        };
        let request = Answer::new(user, password).to(&challenge);
        short(&self.judge(&request))
    }
}

/// How a client answers a challenge.
#[derive(Clone)]
struct Answer {
    method: &'static str,
    user: String,
    password: String,
    uri: &'static str,
    hashed_method: Method,
    count: u32,
    field: &'static str,
}

impl Answer {
    fn new(user: &str, password: &str) -> Self {
        Self {
            method: "REGISTER",
            user: user.into(),
            password: password.into(),
            uri: "sip:usher.example",
            hashed_method: Method::Register,
            count: 1,
            field: "Authorization",
        }
    }

    fn invite(user: &str, password: &str) -> Self {
        let method = "INVITE";
        let field = "Proxy-Authorization";
        Self { method, hashed_method: Method::Invite, field, ..Self::new(user, password) }
    }

    fn value(&self, challenge: &Challenge) -> String {
        let ha1 = challenge.algorithm.ha1(&self.user, &challenge.realm, &self.password);
        let method = &self.hashed_method;
        challenge.answer(&self.user, &ha1, method, self.uri, "0a4f113b", self.count).to_string()
    }

    fn to(&self, challenge: &Challenge) -> Message {
        let line = format!("{}: {}", self.field, self.value(challenge));
        with_lines(self.method, "sip:alice@usher.example", &[&line])
    }
}

fn with_lines(method: &str, from: &str, lines: &[&str]) -> Message {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    let text = format!(
        "{method} sip:usher.example SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.7;branch=z9hG4bK1\r\n\
         From: <{from}>;tag=1\r\nTo: <{from}>\r\nCall-ID: c\r\nCSeq: 1 {method}\r\n\
         {lines}Content-Length: 0\r\n\r\n"
    );
    Message::parse(text.into()).unwrap()
}

/// Without credentials, from a user of our domain.
fn request(method: &str, user: &str) -> Message {
    with_lines(method, &format!("sip:{user}@usher.example"), &[])
}

/// A verdict in one line; the lines of a ban list are in it.
fn short(verdict: &Verdict) -> String {
    let told = |event: &Event| match event {
        Event::Refused { reason, user, method, .. } => format!("{method} {user}: {reason}"),
        other => panic!("{other:?}"),
    };
    let stale = |headers: &crate::Headers| {
        let stale = |(_, value): &(_, String)| Challenge::parse(value).unwrap().is_stale;
        if headers.iter().any(stale) { " stale" } else { "" }
    };
    match verdict {
        Verdict::Admit(Peer::User(user)) => format!("user {user}"),
        Verdict::Admit(Peer::Trunk(trunk)) => format!("trunk {trunk}"),
        Verdict::Challenge { status, headers } => format!("{status}{}", stale(headers)),
        Verdict::Refuse { status, headers, event } => {
            format!("{status}{} ({})", stale(headers), told(event))
        }
        Verdict::Silence { event } => format!("silence ({})", told(event)),
    }
}

#[test]
fn known_by_the_way_they_come() {
    let (dedicated, shared) = (phone(), flow(Transport::Udp, "198.51.100.8:5060", 0));
    let trunk_and_one = flow(Transport::Udp, "203.0.113.2:5060", 0);
    let check = |flow: Flow, method, from: &str, expected: &str| {
        let mut rig = Rig::new();
        rig.bind("alice", dedicated);
        rig.bind("alice", trunk_and_one);
        rig.bind("bob", shared);
        rig.bind("carol", shared);
        rig.flow = flow;
        let got = short(&rig.judge(&with_lines(method, from, &[])));
        assert_eq!(got, expected, "{method} {from} {flow:?}");
    };
    check(dedicated, "INVITE", "sip:alice@usher.example", "user alice");
    check(dedicated, "OPTIONS", "sip:anonymous@anonymous.invalid", "user alice");
    check(dedicated, "INVITE", "sip:bob@usher.example", "user alice");
    check(dedicated, "INVITE", "tel:+4930123", "user alice");
    check(dedicated, "REGISTER", "sip:alice@usher.example", "401");
    check(shared, "INVITE", "sip:carol@usher.example", "user carol");
    check(shared, "INVITE", "sip:bob@anything.example", "user bob");
    check(shared, "INVITE", "sip:alice@usher.example", "407");
    check(shared, "INVITE", "sip:x@h", "403 (INVITE x: unknown source)");
    check(trunk_and_one, "INVITE", "sip:alice@usher.example", "user alice");
    check(trunk_and_one, "INVITE", "sip:+4930123@carrier.example", "trunk carrier");
    let elsewhere = |remote| flow(Transport::Udp, remote, 0);
    check(elsewhere("203.0.113.15:9"), "INVITE", "sip:1@h", "trunk carrier");
    check(elsewhere("203.0.113.16:9"), "INVITE", "sip:1@h", "trunk second");
    check(elsewhere("[::ffff:203.0.113.1]:9"), "INVITE", "sip:1@h", "trunk carrier");
    check(elsewhere("203.0.114.1:9"), "INVITE", "sip:1@h", "403 (INVITE 1: unknown source)");
    check(elsewhere("[2001:db8::1]:9"), "PING", "sip:1@h", "403 (PING 1: unknown source)");
    let trunks_host = |transport| flow(transport, "203.0.113.1:9", 7);
    for transport in [Transport::Udp, Transport::Tcp, Transport::Tls] {
        check(trunks_host(transport), "INVITE", "sip:1@h", "trunk carrier");
    }
    // Browsers behind a proxy that has a trunk's address.
    for transport in [Transport::Ws, Transport::Wss] {
        let browser = trunks_host(transport);
        check(browser, "INVITE", "sip:1@h", "403 (INVITE 1: unknown source)");
        check(browser, "INVITE", "sip:alice@usher.example", "407");
        let mut rig = Rig::new();
        rig.bind("alice", browser);
        rig.flow = browser;
        assert_eq!(short(&rig.judge(&with_lines("INVITE", "sip:1@h", &[]))), "user alice");
    }
    let next_port = elsewhere("198.51.100.7:40001");
    check(next_port, "INVITE", "sip:1@h", "403 (INVITE 1: unknown source)");
    let other_listener = Flow { local: "192.0.2.10:5062".parse().unwrap(), ..dedicated };
    check(other_listener, "INVITE", "sip:1@h", "403 (INVITE 1: unknown source)");
}

#[test]
fn blocks_of_addresses() {
    let check = |block: &str, prefix, address: &str, expected| {
        let block = crate::Block { address: block.parse().unwrap(), prefix };
        let address = address.parse().unwrap();
        assert_eq!(block.contains(address), expected, "{block:?} {address}");
    };
    check("203.0.113.5", 32, "203.0.113.5", true);
    check("203.0.113.5", 32, "203.0.113.4", false);
    check("203.0.113.5", 200, "203.0.113.5", true);
    check("203.0.113.5", 0, "8.8.8.8", true);
    check("203.0.113.5", 0, "2001:db8::1", false);
    check("2001:db8::", 33, "2001:db8:7fff::1", true);
    check("2001:db8::", 33, "2001:db8:8000::1", false);
    check("203.0.113.0", 28, "::ffff:203.0.113.7", true);
}

#[test]
fn whom_to_challenge_tells_nothing_of_users() {
    let check = |from: &str, expected: &str| {
        let mut rig = Rig::new();
        rig.config.advertise = Some("192.0.2.99".parse().unwrap());
        let got = short(&rig.judge(&with_lines("INVITE", from, &[])));
        assert_eq!(got, expected, "{from}");
        rig.config.strangers = Strangers::Silence;
        let got = short(&rig.judge(&with_lines("INVITE", from, &[])));
        assert_eq!(got, expected.replace("403", "silence"), "{from}");
    };
    check("sip:alice@usher.example", "407");
    check("sip:nobody@USHER.example", "407");
    check("sip:nobody@192.0.2.10", "407");
    check("sip:nobody@192.0.2.99:5060", "407");
    check("sip:nobody@192.0.2.10:5071", "403 (INVITE nobody: unknown source)");
    check("sip:alice@elsewhere.example", "403 (INVITE alice: unknown source)");
    check("sip:nobody@elsewhere.example", "403 (INVITE nobody: unknown source)");
    check("sip:pbx@elsewhere.example", "403 (INVITE pbx: unknown source)");
    check("tel:+4930123", "403 (INVITE +4930123: unknown source)");
    check("sip:elsewhere.example", "403 (INVITE : unknown source)");
    let mut rig = Rig::new();
    rig.config.trunks[0].hosts.clear();
    let stranger = with_lines("INVITE", "sip:1@elsewhere.example", &[]);
    let expected = "403 (INVITE 1: unknown source)";
    assert_eq!(short(&rig.judge(&stranger)), expected, "no credentials to ask for");
    rig.config.trunks[1].hosts.clear();
    assert_eq!(short(&rig.judge(&stranger)), "407", "a trunk without an address");
}

#[test]
fn the_log_line_is_one_line_of_measure() {
    let mut rig = Rig::new();
    let user = format!("a%0D%0Ab{}", "c".repeat(100));
    let request = with_lines("INVITE", &format!("sip:{user}@h"), &[]);
    let Verdict::Refuse { event: Event::Refused { user, .. }, .. } = rig.judge(&request) else {
        panic!("let in")
    };
    assert_eq!(user, format!("ab{}", "c".repeat(62)));
}

#[test]
fn the_order_of_algorithms() {
    let check = |method, sha256_first, name: &str, order: [Algorithm; 2]| {
        let mut rig = Rig::new();
        rig.config.sha256_first = sha256_first;
        let Verdict::Challenge { headers, .. } = rig.judge(&request(method, "alice")) else {
            panic!("{method}")
        };
        let got: Vec<_> = headers
            .iter()
            .map(|(n, value)| (&**n, Challenge::parse(value).unwrap()))
            .map(|(n, c)| (n, &*c.realm == "usher.example" && c.has_qop, c.algorithm))
            .collect();
        assert_eq!(got, order.map(|algorithm| (name, true, algorithm)));
    };
    check("REGISTER", false, "WWW-Authenticate", [Algorithm::Md5, Algorithm::Sha256]);
    check("REGISTER", true, "WWW-Authenticate", [Algorithm::Sha256, Algorithm::Md5]);
    check("INVITE", false, "Proxy-Authenticate", [Algorithm::Md5, Algorithm::Sha256]);
}

#[test]
fn answers_to_a_challenge() {
    let check = |answer: &Answer, sha256, has_qop, expected: &str| {
        let mut rig = Rig::new();
        rig.config.sha256_first = sha256;
        let mut challenge = rig.challenge(&request(answer.method, "alice"));
        challenge.has_qop = has_qop;
        let got = short(&rig.judge(&answer.to(&challenge)));
        assert_eq!(got, expected, "{} {} {sha256} {has_qop}", answer.user, answer.method);
    };
    let alice = Answer::new("alice", "alice-pw");
    let wrong = "401 (REGISTER alice: wrong password)";
    for sha256 in [false, true] {
        for has_qop in [false, true] {
            check(&alice, sha256, has_qop, "user alice");
            check(&Answer::new("alice", "other"), sha256, has_qop, wrong);
            check(&Answer::invite("alice", "alice-pw"), sha256, has_qop, "user alice");
            check(&Answer::invite("pbx", "pbx-pw"), sha256, has_qop, "trunk second");
        }
    }
    check(&Answer::new("alice@Usher.example", "alice-pw"), false, true, "user alice");
    let unknown = |user: &str| format!("401 (REGISTER {user}: unknown user)");
    check(&Answer::new("alice@else", "alice-pw"), false, true, &unknown("alice@else"));
    check(&Answer::new("mallory", ""), false, true, &unknown("mallory"));
    check(&Answer::new("pbx", "pbx-pw"), false, true, &unknown("pbx"));
    check(&Answer::new("", ""), false, true, &unknown(""));
    let invite = Answer::invite("alice", "alice-pw");
    check(&Answer { field: "Authorization", ..invite.clone() }, false, true, "user alice");
    check(&Answer { field: "Proxy-Authorization", ..alice.clone() }, false, true, "user alice");
    let crossed = Answer { hashed_method: Method::Register, ..invite };
    check(&crossed, false, true, "407 (INVITE alice: wrong password)");
    let uri = |uri| Answer { uri, ..alice.clone() };
    check(&uri("sip:USHER.example;transport=tcp"), false, true, "user alice");
    check(&uri("sip:usher.example"), false, true, "user alice");
    for other in ["sip:usher.example:5061", "sips:usher.example", "sip:x@usher.example", "x", ""] {
        check(&uri(other), false, true, "401 (REGISTER alice: other uri)");
    }
}

#[test]
fn spellings_of_credentials() {
    let check = |from: &str, to: &str, expected: &str| {
        let mut rig = Rig::new();
        let challenge = rig.challenge(&request("REGISTER", "alice"));
        let value = Answer::new("alice", "alice-pw").value(&challenge);
        assert!(value.contains(from), "{value}");
        let line = format!("Authorization: {}", value.replace(from, to));
        let got = rig.judge(&with_lines("REGISTER", "sip:alice@usher.example", &[&line]));
        assert_eq!(short(&got), expected, "{to}");
    };
    check("username=\"alice\"", "USERNAME=alice", "user alice");
    check("algorithm=MD5", "algorithm=\"md5\"", "user alice");
    check(", algorithm=MD5", "", "user alice");
    check("Digest ", "digest   ", "user alice");
    check("realm=\"usher.example\"", "realm=\"elsewhere\"", "401");
    check("algorithm=MD5", "algorithm=MD5-sess", "401");
    check("qop=auth", "qop=auth-int", "401");
    check("username=\"alice\", ", "", "401");
    check("username=\"alice\"", "username=\"alice\", username=\"bob\"", "401");
    check("nc=00000001", "nc=1", "401");
    check("nonce=\"", "nonce=\"0", "401 stale");
    check("Digest ", "Basic ", "401");
    check("Digest username", "\" Digest ,,,=\"", "401");
}

#[test]
fn the_credentials_of_our_realm_are_found_among_others() {
    let mut rig = Rig::new();
    let challenge = rig.challenge(&request("REGISTER", "alice"));
    let ours = Answer::new("alice", "alice-pw").value(&challenge);
    let theirs = Answer::new("alice", "x").value(&Challenge { realm: "else".into(), ..challenge });
    let lines = [format!("Authorization: {theirs}"), format!("Authorization: {ours}")];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let got = rig.judge(&with_lines("REGISTER", "sip:alice@usher.example", &lines));
    assert_eq!(short(&got), "user alice");
}

#[test]
fn nonces_age_and_are_not_replayed() {
    let mut rig = Rig::new();
    let challenge = rig.challenge(&request("REGISTER", "alice"));
    let alice = Answer::new("alice", "alice-pw");
    let counted = |count| Answer { count, ..alice.clone() }.to(&challenge);
    let replayed = "401 stale (REGISTER alice: replayed nonce)";
    for (count, expected) in [(1, "user alice"), (1, replayed), (3, "user alice"), (2, replayed)] {
        assert_eq!(short(&rig.judge(&counted(count))), expected, "{count}");
    }
    let home = rig.flow;
    rig.flow = flow(Transport::Udp, "198.51.100.7:40009", 0);
    assert_eq!(short(&rig.judge(&counted(4))), "user alice", "NAT gave another port");
    rig.flow = flow(Transport::Udp, "198.51.100.99:40000", 0);
    assert_eq!(short(&rig.judge(&counted(5))), "401 stale", "sniffed and sent from elsewhere");
    rig.flow = home;
    rig.now += Time::from_secs(301);
    assert_eq!(short(&rig.judge(&counted(6))), "401 stale");
    let wrong = Answer { count: 7, ..Answer::new("alice", "other") }.to(&challenge);
    let told = "401 (REGISTER alice: wrong password)";
    assert_eq!(short(&rig.judge(&wrong)), told, "an old nonce is no free guess");
}

#[test]
fn without_qop_a_nonce_is_good_once() {
    let mut rig = Rig::new();
    let mut challenge = rig.challenge(&request("REGISTER", "alice"));
    challenge.has_qop = false;
    let message = Answer::new("alice", "alice-pw").to(&challenge);
    assert_eq!(short(&rig.judge(&message)), "user alice");
    let mut fresh = rig.challenge(&message);
    assert!(fresh.is_stale, "an honest client just tries again");
    fresh.has_qop = false;
    let message = Answer::new("alice", "alice-pw").to(&fresh);
    assert_eq!(short(&rig.judge(&message)), "user alice");
}

#[test]
fn a_forged_nonce_is_no_oracle() {
    let mut rig = Rig::new();
    let challenge = Challenge::new("usher.example", &"0".repeat(64), Algorithm::Md5, false);
    for _ in 0..100 {
        for password in ["alice-pw", "wrong"] {
            let message = Answer::new("alice", password).to(&challenge);
            assert_eq!(short(&rig.judge(&message)), "401 stale", "right and wrong alike");
        }
    }
    assert_eq!(rig.guess("alice", "alice-pw"), "user alice", "nobody can be locked out by it");
}

#[test]
fn unknown_users_get_the_answers_of_wrong_passwords() {
    let run = |user: &str| -> Vec<String> {
        let mut rig = Rig::new();
        let guesses = (0..20).map(|_| rig.guess(user, "guess"));
        // Only the log may tell.
        guesses.map(|said| said.split(" (").next().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(run("alice"), run("mallory"));
    assert_eq!(run("alice").iter().filter(|said| *said == "403").count(), 15);
}

#[test]
fn guessing_is_throttled_by_source() {
    let mut rig = Rig::new();
    let said: Vec<_> = (0..6).map(|_| rig.guess("alice", "guess")).collect();
    assert_eq!(said[..5], ["401 (REGISTER alice: wrong password)"; 5].map(String::from));
    assert_eq!(said[5], "403 (REGISTER alice: throttled)");
    assert_eq!(rig.guess("alice", "alice-pw"), "403 (REGISTER alice: throttled)");
    let invite = short(&rig.judge(&request("INVITE", "bob")));
    assert_eq!(invite, "403 (INVITE bob: throttled)");
    rig.config.strangers = Strangers::Silence;
    assert_eq!(rig.guess("alice", "guess"), "silence (REGISTER alice: throttled)");
    let bad = rig.flow;
    rig.flow = flow(Transport::Udp, "198.51.100.8:40000", 0);
    assert_eq!(rig.guess("alice", "alice-pw"), "user alice", "another address");
    rig.flow = bad;
    rig.now += Time::from_secs(1);
    assert_eq!(rig.guess("alice", "guess"), "401 (REGISTER alice: wrong password)");
    rig.now += Time::from_secs(1);
    assert_eq!(rig.guess("alice", "alice-pw"), "silence (REGISTER alice: throttled)");
    rig.now += Time::from_secs(1);
    assert_eq!(rig.guess("alice", "alice-pw"), "user alice");
}

#[test]
fn a_phone_that_is_in_does_not_fall_to_its_neighbour() {
    let mut rig = Rig::new();
    let neighbour = flow(Transport::Udp, "198.51.100.7:41000", 0);
    rig.bind("alice", phone());
    rig.flow = neighbour;
    for _ in 0..10 {
        rig.guess("bob", "guess");
    }
    assert_eq!(rig.guess("alice", "alice-pw"), "403 (REGISTER alice: throttled)");
    rig.flow = phone();
    assert_eq!(rig.guess("bob", "bob-pw"), "403 (REGISTER bob: throttled)");
    assert_eq!(rig.guess("alice", "alice-pw"), "user alice");
    assert_eq!(short(&rig.judge(&request("INVITE", "alice"))), "user alice");
}

#[test]
fn carried_over_it_goes_on_and_shows_no_secret() {
    let mut rig = Rig::new();
    let challenge = rig.challenge(&request("REGISTER", "alice"));
    let message = Answer::new("alice", "alice-pw").to(&challenge);
    assert_eq!(short(&rig.judge(&message)), "user alice");
    for _ in 0..6 {
        rig.guess("bob", "guess");
    }
    let debug = format!("{:?} {:?} {:?}", rig.access, rig.registrar, rig.config);
    assert!(!debug.contains("-pw") && !debug.contains("7, 7, 7"), "{debug}");
    rig.access = postcard::from_bytes(&postcard::to_stdvec(&rig.access).unwrap()).unwrap();
    assert_eq!(rig.guess("bob", "bob-pw"), "403 (REGISTER bob: throttled)");
    rig.now += Time::from_secs(2);
    let replayed = "401 stale (REGISTER alice: replayed nonce)";
    assert_eq!(short(&rig.judge(&message)), replayed);
}

proptest! {
    #[test]
    fn nothing_hostile_is_let_in(
        method in prop_oneof![Just("REGISTER"), Just("INVITE")],
        field in prop_oneof![Just("Authorization"), Just("Proxy-Authorization")],
        scheme in prop_oneof![Just("Digest "), Just("")],
        value in "[ -~é]{0,80}|((username|realm|nonce|uri|qop|nc)=\"?[a-z:0-9.]{0,16}\"?,? ?){0,8}",
        from in "sip:[!-;A-~]{1,30}|[ -~]{1,30}",
    ) {
        let line = format!("{field}: {scheme}{value}");
        let text = with_lines(method, "sip:FROM", &[&line]);
        let text = core::str::from_utf8(text.wire()).unwrap().replace("sip:FROM", &from);
        if let Ok(message) = Message::parse(text.into()) {
            let mut rig = Rig::new();
            prop_assert!(!matches!(rig.judge(&message), Verdict::Admit(_)));
        }
    }
}
