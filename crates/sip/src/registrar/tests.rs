//! The rules of RFC 3261 10.3 and our own, one table each.

use super::{Registered, Registrar};
use crate::msg::Message;
use crate::{
    Block, Config, Credentials, Event, Flow, Strangers, Time, Transport, TrunkPeer, UnbindCause,
};

/// Three users and two trunks.
pub(crate) fn config() -> Config {
    let credentials =
        |name: &str| Credentials { username: name.into(), password: format!("{name}-pw").into() };
    let trunk = |name: &str, host: &str, prefix, credentials| TrunkPeer {
        name: name.into(),
        hosts: vec![Block { address: host.parse().unwrap(), prefix }],
        credentials,
    };
    Config {
        domain: "usher.example".into(),
        advertise: None,
        streams: Vec::new(),
        product: "usher".into(),
        users: ["alice", "bob", "carol"].map(credentials).into(),
        trunks: vec![
            trunk("carrier", "203.0.113.0", 28, None),
            trunk("second", "203.0.113.0", 24, Some(credentials("pbx"))),
        ],
        strangers: Strangers::Forbid,
        expires_s_min: 60,
        expires_s_max: 7200,
        watch: crate::Watch::default(),
        contacts_max: 3,
        legs_max: 100,
        transactions_max: 100,
        sha256_first: false,
    }
}

pub(crate) fn flow(transport: Transport, remote: &str, connection: u64) -> Flow {
    let local = "192.0.2.10:5060".parse().unwrap();
    Flow { transport, local, remote: remote.parse().unwrap(), connection }
}

pub(crate) fn phone() -> Flow {
    flow(Transport::Udp, "198.51.100.7:40000", 0)
}

/// A REGISTER for `user` with more lines, each without its end.
pub(crate) fn register(user: &str, call_id: &str, cseq: u32, lines: &[&str]) -> Message {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    let text = format!(
        "REGISTER sip:usher.example SIP/2.0\r\n\
         Via: SIP/2.0/UDP 10.0.0.7:5060;branch=z9hG4bK{call_id}{cseq}\r\n\
         From: <sip:{user}@usher.example>;tag=1\r\nTo: <sip:{user}@usher.example>\r\n\
         Call-ID: {call_id}\r\nCSeq: {cseq} REGISTER\r\n{lines}Content-Length: 0\r\n\r\n"
    );
    Message::parse(text.into()).unwrap()
}

fn at(s: u64) -> Time {
    Time::from_secs(s)
}

/// The rig of a test: time, sequence and flow at hand.
struct Rig {
    registrar: Registrar,
    config: Config,
    now: Time,
    flow: Flow,
    cseq: u32,
}

impl Rig {
    fn new() -> Self {
        let (registrar, config) = (Registrar::default(), config());
        Self { registrar, config, now: at(1000), flow: phone(), cseq: 0 }
    }

    /// Alice registers in the Call-ID `a`.
    fn alice(&mut self, lines: &[&str]) -> Registered {
        self.cseq += 1;
        let message = register("alice", "a", self.cseq, lines);
        self.send("alice", &message)
    }

    fn send(&mut self, user: &str, message: &Message) -> Registered {
        self.registrar.register(self.now, user, self.flow, message, &self.config)
    }

    fn contacts(&self) -> Vec<String> {
        self.registrar.bindings("alice").iter().map(|b| b.contact.to_string()).collect()
    }
}

fn listed(registered: &Registered) -> Vec<&str> {
    let contacts = registered.headers.iter().filter(|(name, _)| &**name == "Contact");
    contacts.map(|(_, value)| value.as_str()).collect()
}

/// Events in short.
fn told(events: &[Event]) -> Vec<String> {
    let short = |event: &Event| match event {
        Event::Bound { user, binding, new } => format!("bound {user} {} {new}", binding.id),
        Event::Unbound { user, binding, cause, left, .. } => {
            format!("unbound {user} {binding} {cause:?} {left}")
        }
        Event::Refused { reason, user, .. } => format!("refused {user} {reason}"),
        other => format!("{other:?}"),
    };
    events.iter().map(short).collect()
}

#[test]
fn how_long_a_contact_lives() {
    let check = |lines: &[&str], status: u16, expected: &[&str]| {
        let mut rig = Rig::new();
        let got = rig.alice(lines);
        assert_eq!((got.status, listed(&got).as_slice()), (status, expected), "{lines:?}");
        assert_eq!(rig.registrar.len(), expected.len(), "{lines:?}");
    };
    check(&[], 200, &[]);
    check(&["Contact: <sip:a@h>"], 200, &["<sip:a@h>;expires=3600"]);
    check(&["m: sip:a@h;expires=90"], 200, &["<sip:a@h>;expires=90"]);
    check(&["Contact: <sip:a@h>", "Expires: 120"], 200, &["<sip:a@h>;expires=120"]);
    check(&["Contact: <sip:a@h>;expires=90", "Expires: 120"], 200, &["<sip:a@h>;expires=90"]);
    check(&["Contact: <sip:a@h>", "Expires: 99999999999"], 200, &["<sip:a@h>;expires=7200"]);
    check(&["Contact: <sip:a@h>;expires=x", "Expires: 120"], 200, &["<sip:a@h>;expires=3600"]);
    check(&["Contact: <sip:a@h>", "Expires: soon"], 200, &["<sip:a@h>;expires=3600"]);
    check(&["Contact: <sip:a@h>", "Expires: 0"], 200, &[]);
    check(&["Contact: <sip:a@h>", "Expires: 60"], 200, &["<sip:a@h>;expires=60"]);
    check(&["Contact: <sip:a@h>", "Expires: 59"], 423, &[]);
    check(&["Contact: <sip:a@h>;expires=100, <sip:b@h>;expires=1"], 423, &[]);
    check(
        &["Contact: <sip:a@h>;q=0.5, <sip:b@h>;expires=90;q=1", "Expires: 120"],
        200,
        &["<sip:a@h>;expires=120;q=0.500", "<sip:b@h>;expires=90;q=1.000"],
    );
    check(
        &["Contact: <sip:a@h;ob?Subject=x>;+sip.instance=\"<urn:uuid:\\\"1>\";reg-id=1;expires=60"],
        200,
        &["<sip:a@h;ob>;expires=60;+sip.instance=\"<urn:uuid:\\\"1>\";reg-id=1"],
    );
    let mut rig = Rig::new();
    let got = rig.alice(&["Contact: <sip:a@h>", "Expires: 1"]);
    assert_eq!(got.headers, [("Min-Expires".into(), "60".to_owned())]);
}

#[test]
fn a_fetch_lists_what_is_left_rounded_up() {
    let mut rig = Rig::new();
    rig.alice(&["Contact: <sip:a@h>", "Expires: 120"]);
    rig.now += Time::from_millis(20_100);
    let got = rig.alice(&[]);
    assert_eq!((got.status, listed(&got)), (200, vec!["<sip:a@h>;expires=100"]));
    assert!(got.events.is_empty());
    assert_eq!(rig.registrar.poll_timeout(), Some(at(1120)));
}

#[test]
fn a_star_stands_alone() {
    let check = |lines: &[&str], status, left| {
        let mut rig = Rig::new();
        rig.alice(&["Contact: <sip:a@h>, <sip:b@h>"]);
        let got = rig.alice(lines);
        assert_eq!((got.status, rig.registrar.len()), (status, left), "{lines:?}");
    };
    check(&["Contact: *", "Expires: 0"], 200, 0);
    check(&["Contact: *"], 400, 2);
    check(&["Contact: *", "Expires: 60"], 400, 2);
    check(&["Contact: *", "Expires: x"], 400, 2);
    check(&["Contact: *, <sip:a@h>", "Expires: 0"], 400, 2);
    check(&["Contact: <sip:a@h>", "Contact: *", "Expires: 0"], 400, 2);
    check(&["Contact: *", "Contact: *", "Expires: 0"], 400, 2);
    check(&["Contact: *;expires=0"], 400, 2);
}

#[test]
fn the_sequence_must_rise_within_a_call_id() {
    let check = |call_id, cseq, lines: &[&str], status, expected: &[&str]| {
        let mut rig = Rig::new();
        let first = register("alice", "a", 5, &["Contact: <sip:a@h>, <sip:b@h>"]);
        assert_eq!(rig.send("alice", &first).status, 200);
        let got = rig.send("alice", &register("alice", call_id, cseq, lines));
        assert_eq!(got.status, status, "{call_id} {cseq} {lines:?}");
        assert_eq!(rig.contacts(), expected, "{call_id} {cseq} {lines:?}");
        assert!(status == 200 || got.events.is_empty() && got.headers.is_empty());
    };
    let both = ["sip:a@h", "sip:b@h"];
    check("a", 6, &["Contact: <sip:a@h>"], 200, &both);
    check("a", 5, &["Contact: <sip:a@h>"], 500, &both);
    check("a", 4, &["Contact: <sip:a@h>;expires=0"], 500, &both);
    check("a", 4, &["Contact: <sip:c@h>, <sip:a@h>;expires=0"], 500, &both);
    check("a", 4, &["Contact: *", "Expires: 0"], 500, &both);
    check("a", 4, &["Contact: <sip:c@h>"], 200, &["sip:a@h", "sip:b@h", "sip:c@h"]);
    check("a", 4, &[], 200, &both);
    check("b", 1, &["Contact: <sip:a@h>;expires=0"], 200, &["sip:b@h"]);
    check("b", 1, &["Contact: *", "Expires: 0"], 200, &[]);
    check("a", 6, &["Contact: <sip:a@h>;expires=90, <sip:a@h>;expires=0"], 200, &["sip:b@h"]);
}

#[test]
fn what_counts_as_the_same_contact() {
    let check = |one: &str, two: &str, expected: usize| {
        let mut rig = Rig::new();
        rig.alice(&[&format!("Contact: {one}")]);
        assert_eq!(rig.alice(&[&format!("Contact: {two}")]).status, 200, "{two}");
        let bindings = rig.registrar.bindings("alice");
        assert_eq!(bindings.len(), expected, "{one} {two}");
        assert_eq!(bindings[0].id, 1, "the number stays");
    };
    check("<sip:a@H.example>", "<sip:%61@h.EXAMPLE>", 1);
    check("<sip:a@h>", "<sip:A@h>", 2);
    check("<sip:a@h>", "<sip:a@h:5060>", 2);
    check("<sip:a@h;transport=tcp>", "<sip:a@h;transport=TCP;ob>", 1);
    check("<sip:a@h;transport=tcp>", "<sip:a@h>", 2);
    check("<sip:a@h>", "<sips:a@h>", 2);
    let instance = |uri: &str, urn: &str, more: &str| {
        format!("<{uri}>;+sip.instance=\"<urn:uuid:{urn}>\"{more}")
    };
    check(&instance("sip:a@h:1", "x", ""), &instance("sip:a@h:2", "x", ""), 1);
    check(&instance("sip:a@h:1", "x", ";reg-id=1"), &instance("sip:a@h:2", "x", ";reg-id=1"), 1);
    check(&instance("sip:a@h:1", "x", ";reg-id=1"), &instance("sip:a@h:1", "x", ";reg-id=2"), 2);
    check(&instance("sip:a@h:1", "x", ""), &instance("sip:a@h:1", "y", ""), 2);
    check(&instance("sip:a@h:1", "x", ""), "<sip:a@h:1>", 1);
    check("<sip:a@h:1>", &instance("sip:a@h:1", "x", ""), 1);
}

#[test]
fn contacts_that_cannot_be_taken() {
    let check = |contact: &str, remote: &str, status| {
        let mut rig = Rig::new();
        rig.config.advertise = Some("192.0.2.99".parse().unwrap());
        rig.flow = flow(Transport::Udp, remote, 0);
        if remote.starts_with("10.") {
            rig.flow.local = "10.9.9.9:5060".parse().unwrap();
        }
        let got = rig.alice(&[&format!("Contact: <sip:good@h>, {contact}")]);
        assert_eq!(got.status, status, "{contact} {remote}");
        let forged: &[&str] = &["refused alice forged contact"];
        let expected = if status == 403 { forged } else { &[] };
        assert!(status == 200 || told(&got.events) == expected, "{contact} {remote}");
        assert_eq!(rig.registrar.len(), if status == 200 { 2 } else { 0 }, "all or nothing");
    };
    let far = "198.51.100.7:40000";
    check("<sip:a@192.0.2.10>", far, 403);
    check("<sip:a@192.0.2.10:5060;transport=tcp>", far, 403);
    check("<sip:a@[::ffff:192.0.2.10]>", far, 403);
    check("<sip:a@192.0.2.10:5071>", far, 200);
    check("<sip:a@192.0.2.99>", far, 403);
    check("<sip:bob@Usher.Example>", far, 403);
    check("<sip:bob@usher.example:5060>", far, 403);
    check("<sip:bob@usher.example:5999>", far, 200);
    check("<sip:a@0.0.0.0>", far, 403);
    check("<sip:a@[::]:5070>", far, 403);
    check("<sip:a@224.0.1.75>", far, 403);
    check("<sip:a@[ff02::1]>", far, 403);
    check("<sip:a@255.255.255.255>", far, 403);
    check("<sip:a@127.0.0.1:5060>", far, 200);
    check("<sip:a@df7jal23ls0d.invalid;transport=ws>", far, 200);
    check("<sip:192.168.1.4>", far, 200);
    check("<sip:a@10.9.9.9>", "10.0.0.5:5060", 403);
    check("<sip:a@10.9.9.9:5061>", "10.0.0.5:5060", 200);
    check("<tel:+4930123>", far, 400);
    check("<mailto:a@h>", far, 400);
    check("<http://h/>", far, 400);
    check("<sip:a@h", far, 400);
    check("<sip:>", far, 400);
    check("<sip:a@h>;reg-id=x", far, 400);
    check(&format!("<sip:{}@h>", "a".repeat(1100)), far, 400);
    check(&format!("<sip:a@h:1>;+sip.instance=\"{}\"", "a".repeat(1100)), far, 400);
}

#[test]
fn a_private_address_of_ours_may_be_another_behind_nat() {
    let mut rig = Rig::new();
    rig.flow.local = "192.168.1.10:5060".parse().unwrap();
    assert_eq!(rig.alice(&["Contact: <sip:a@192.168.1.10>"]).status, 200);
    rig.flow.remote = "192.168.1.77:5060".parse().unwrap();
    assert_eq!(rig.alice(&["Contact: <sip:a@192.168.1.10>"]).status, 403);
}

#[test]
fn nobody_registers_for_another() {
    let mut rig = Rig::new();
    let message = register("bob", "a", 1, &["Contact: <sip:a@h>"]);
    let got = rig.send("alice", &message);
    assert_eq!(got.status, 403);
    assert_eq!(told(&got.events), ["refused bob third-party registration"]);
    assert_eq!(rig.registrar.len(), 0);
}

#[test]
fn too_many_contacts_change_nothing() {
    let mut rig = Rig::new();
    rig.alice(&["Contact: <sip:a@h>, <sip:b@h>"]);
    let got = rig.alice(&["Contact: <sip:c@h>, <sip:d@h>"]);
    assert_eq!(got.status, 403);
    assert_eq!(told(&got.events), ["refused alice too many contacts"]);
    assert_eq!(rig.contacts(), ["sip:a@h", "sip:b@h"]);
    let thousand: Vec<_> = (0..1000).map(|n| format!("<sip:{n}@h>")).collect();
    assert_eq!(rig.alice(&[&format!("Contact: {}", thousand.join(","))]).status, 403);
    let swap = "Contact: <sip:c@h>, <sip:d@h>, <sip:a@h>;expires=0";
    assert_eq!(rig.alice(&[swap]).status, 200);
    rig.config.contacts_max = 1;
    assert_eq!(rig.alice(&["Contact: <sip:b@h>"]).status, 200, "a refresh is let be");
    assert_eq!(rig.alice(&["Contact: <sip:e@h>"]).status, 403);
    assert_eq!(rig.contacts(), ["sip:b@h", "sip:c@h", "sip:d@h"]);
}

#[test]
fn events_tell_the_difference() {
    let mut rig = Rig::new();
    let mut check = |contact: &str, port: u16, expected: &[&str]| {
        rig.flow.remote.set_port(port);
        let got = rig.alice(&[&format!("Contact: {contact}")]);
        assert_eq!(told(&got.events), expected, "{contact} {port}");
    };
    check("<sip:a@h>", 1, &["bound alice 1 true"]);
    check("<sip:a@h>", 1, &[]);
    check("<sip:a@h>", 2, &["bound alice 1 false"]);
    check("<sip:a@h;ob>", 2, &["bound alice 1 false"]);
    check("<sip:b@h>, <sip:c@h>", 2, &["bound alice 2 true", "bound alice 3 true"]);
    check("<sip:b@h>;expires=0", 3, &["unbound alice 2 Removed 2"]);
    let expected = ["bound alice 4 true", "unbound alice 1 Removed 2", "unbound alice 3 Removed 1"];
    check("<sip:a@h>;expires=0, <sip:d@h>, <sip:c@h>;expires=0", 2, &expected);
    check("<sip:nobody@h>;expires=0", 2, &[]);
    assert_eq!(rig.registrar.binding("alice", 4).map(|b| b.flow.remote.port()), Some(2));
    assert!(rig.registrar.binding("alice", 1).is_none());
}

#[test]
fn bindings_run_out() {
    let mut rig = Rig::new();
    rig.alice(&["Contact: <sip:a@h>;expires=100, <sip:b@h>;expires=100, <sip:c@h>;expires=200"]);
    assert_eq!(rig.registrar.poll_timeout(), Some(at(1100)));
    assert!(rig.registrar.handle_timeout(at(1099)).is_empty());
    let events = rig.registrar.handle_timeout(at(1100));
    assert_eq!(told(&events), ["unbound alice 1 Expired 2", "unbound alice 2 Expired 1"]);
    assert_eq!(rig.registrar.poll_timeout(), Some(at(1200)));
    // Whoever is late with a timer still does not find what has run out.
    rig.now = at(1200);
    let got = rig.alice(&[]);
    assert_eq!(told(&got.events), ["unbound alice 3 Expired 0"]);
    assert!(listed(&got).is_empty());
    assert_eq!((rig.registrar.poll_timeout(), rig.registrar.len()), (None, 0));
}

#[test]
fn a_closed_connection_takes_its_bindings() {
    let tcp = flow(Transport::Tcp, "198.51.100.7:40001", 7);
    let other = Flow { connection: 8, ..tcp };
    let mut rig = Rig::new();
    rig.alice(&["Contact: <sip:a@h>"]);
    rig.flow = tcp;
    rig.alice(&["Contact: <sip:b@h>, <sip:c@h>"]);
    rig.send("bob", &register("bob", "b", 1, &["Contact: <sip:b@h>"]));
    assert_eq!(rig.registrar.users_on(&tcp).collect::<Vec<_>>(), ["alice", "bob"]);
    assert!(rig.registrar.flow_failed(&phone()).is_empty(), "datagrams do not close");
    assert!(rig.registrar.flow_failed(&other).is_empty());
    // One contact comes back by another connection before the old one is known to be dead.
    rig.flow = other;
    rig.alice(&["Contact: <sip:c@h>"]);
    let events = rig.registrar.flow_failed(&tcp);
    assert_eq!(told(&events), ["unbound alice 2 FlowGone 2", "unbound bob 4 FlowGone 0"]);
    assert_eq!(rig.registrar.users_on(&tcp).count(), 0);
    assert_eq!(rig.contacts(), ["sip:a@h", "sip:c@h"]);
}

#[test]
fn revoked_users_lose_their_bindings() {
    let mut rig = Rig::new();
    rig.alice(&["Contact: <sip:a@h>"]);
    rig.send("bob", &register("bob", "b", 1, &["Contact: <sip:b@h>, <sip:c@h>"]));
    assert!(rig.registrar.configure(rig.now, &rig.config).is_empty());
    rig.config.users.retain(|user| &*user.username != "bob");
    let events = rig.registrar.configure(rig.now, &rig.config);
    assert_eq!(told(&events), ["unbound bob 2 Revoked 1", "unbound bob 3 Revoked 0"]);
    assert_eq!(told(&rig.registrar.unregister("alice")), ["unbound alice 1 Revoked 0"]);
    assert!(rig.registrar.unregister("alice").is_empty());
    assert_eq!(rig.registrar.poll_timeout(), None);
}

#[test]
fn path_and_user_agent_are_kept() {
    let mut rig = Rig::new();
    let path = "Path: <sip:p1.example;lr>, <sip:p2.example;lr>";
    let got = rig.alice(&["Contact: <sip:a@h>", path, "User-Agent: Phone 1.0"]);
    let paths = got.headers.iter().filter(|(name, _)| &**name == "Path").count();
    assert_eq!((got.status, paths), (200, 1));
    let kept: Vec<&str> = rig.registrar.path("alice", 1).iter().map(|value| &**value).collect();
    assert_eq!(kept, ["<sip:p1.example;lr>", "<sip:p2.example;lr>"]);
    assert_eq!(rig.registrar.bindings("alice")[0].user_agent.as_deref(), Some("Phone 1.0"));
    assert!(rig.registrar.path("alice", 2).is_empty() && rig.registrar.path("bob", 1).is_empty());
    assert_eq!(rig.alice(&["Contact: <sip:a@h>", "Path: <nonsense"]).status, 400);
    let long = format!("Path: <sip:{}@h>", "p".repeat(1100));
    assert_eq!(rig.alice(&["Contact: <sip:a@h>", &long]).status, 400);
}

#[test]
fn carried_over_it_goes_on() {
    let mut rig = Rig::new();
    rig.alice(&["Contact: <sip:a@h>;q=0.1, <sip:b@h>;+sip.instance=\"<u>\"", "Path: <sip:p;lr>"]);
    let bytes = postcard::to_stdvec(&rig.registrar).unwrap();
    let mut again: Registrar = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(format!("{again:?}"), format!("{:?}", rig.registrar));
    assert_eq!(again.users_on(&phone()).collect::<Vec<_>>(), ["alice"]);
    let stale = register("alice", "a", 1, &["Contact: <sip:a@h>"]);
    let got = again.register(at(1001), "alice", phone(), &stale, &rig.config);
    assert_eq!(got.status, 500, "the sequence is remembered");
    let events = again.flow_failed(&phone());
    assert!(events.is_empty());
    let cause = UnbindCause::Revoked;
    let got = again.unregister("alice");
    assert!(got.iter().all(|e| matches!(e, Event::Unbound { cause: c, .. } if *c == cause)));
    assert_eq!(got.len(), 2);
}
