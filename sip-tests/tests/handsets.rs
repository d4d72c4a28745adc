//! Phones that others wrote, each by datagram and by connection: what every one of them must be
//! able to do. `README.md` has the same as a table, held to this file by the last test.

use sip_tests::{Keys, Kind, Phone, Server, Way};

/// Tones of the phone under test and of the one made of text.
const HANDSET_HZ: f64 = 1_570.0;
const TEXT_HZ: f64 = 1_130.0;
/// And of a colleague.
const COLLEAGUE_HZ: f64 = 2_210.0;

/// Each deed with each phone and each way.
macro_rules! with_each {
    ($($deed:ident)*) => {
        with_each!(baresip_udp, Baresip, Udp, has_baresip, $($deed)*);
        with_each!(baresip_tcp, Baresip, Tcp, has_baresip, $($deed)*);
        with_each!(linphone_udp, Linphone, Udp, has_linphone, $($deed)*);
        with_each!(linphone_tcp, Linphone, Tcp, has_linphone, $($deed)*);

        const DEEDS: &[&str] = &[$(stringify!($deed)),*];
    };
    ($group:ident, $kind:ident, $way:ident, $has:ident, $($deed:ident)*) => {
        mod $group {
            use sip_tests::{Kind, Way};
            $(
                #[test]
                #[cfg_attr(not($has), ignore = "not installed: see the README of sip-tests")]
                fn $deed() {
                    super::$deed(Kind::$kind, Way::$way);
                }
            )*
        }
    };
}

with_each! {
    a_call_of_the_queue_with_hold_and_keys_that_it_ends
    a_call_by_number_that_the_other_side_holds_and_ends
    early_media_is_heard_while_it_rings
    a_call_to_the_queue
    a_caller_who_gives_up_and_one_whom_it_declines
    a_call_that_it_gives_up_and_one_that_is_refused
    keys_by_info
    a_blind_transfer_to_a_colleague
    an_attended_transfer_to_a_colleague
}

fn a_call_of_the_queue_with_hold_and_keys_that_it_ends(kind: Kind, way: Way) {
    let server = Server::plain();
    let mut alice = kind.operator(&server, 0, "alice", HANDSET_HZ, (way, Keys::Events));
    let mut caller = Phone::caller(&server, TEXT_HZ);
    caller.invite("600");
    caller.expect_answer();
    caller.audio.hears_music(&[HANDSET_HZ, TEXT_HZ]);
    let call = alice.rings();
    server.events.wait("leg.ringing", &[("operator", "alice")]);
    alice.answer(call);
    caller.audio.hears(HANDSET_HZ);
    alice.hears(call, TEXT_HZ);
    alice.hold(call);
    server.events.wait("participant.held", &[]);
    caller.audio.hears_music(&[HANDSET_HZ, TEXT_HZ]);
    alice.resume(call);
    server.events.wait("participant.resumed", &[]);
    caller.audio.hears(HANDSET_HZ);
    alice.hears(call, TEXT_HZ);
    // Not to the end: a key's packets keep the time at which it was pressed (RFC 4733 2.2).
    caller.audio.is_continuous();
    for key in ['1', '9', '#'] {
        let mark = server.events.mark();
        alice.press(call, key);
        server.events.wait_from(mark, "dtmf.received", &[("digit", &key.to_string())]);
    }
    alice.hang_up(call);
    caller.expect_bye();
    alice.is_over(call);
    assert_eq!(server.events.count("dtmf.received", &[]), 3, "a key counted twice");
    server.finish();
}

fn a_call_by_number_that_the_other_side_holds_and_ends(kind: Kind, way: Way) {
    let server = Server::plain();
    let mut bob = Phone::operator(&server, "bob", TEXT_HZ);
    let mut alice = kind.operator(&server, 0, "alice", HANDSET_HZ, (way, Keys::Events));
    let call = alice.dial("102");
    bob.expect("INVITE");
    bob.reply_invite("180 Ringing");
    alice.is_alerting(call);
    bob.answer();
    alice.is_answered(call);
    bob.audio.hears(HANDSET_HZ);
    alice.hears(call, TEXT_HZ);
    bob.direction = "sendonly";
    bob.reinvite();
    bob.expect_answer();
    alice.hears_music(call, &[HANDSET_HZ, TEXT_HZ]);
    bob.direction = "sendrecv";
    bob.reinvite();
    bob.expect_answer();
    bob.audio.hears(HANDSET_HZ);
    alice.hears(call, TEXT_HZ);
    bob.hang_up();
    alice.is_over(call);
    bob.audio.is_continuous();
    server.finish();
}

fn early_media_is_heard_while_it_rings(kind: Kind, way: Way) {
    let server = Server::plain();
    let mut bob = Phone::operator(&server, "bob", TEXT_HZ);
    let mut alice = kind.operator(&server, 0, "alice", HANDSET_HZ, (way, Keys::Events));
    let call = alice.dial("102");
    let invite = bob.expect("INVITE");
    let sdp = bob.sdp();
    bob.reply(&invite, "183 Session Progress", "", &sdp);
    alice.hears(call, TEXT_HZ);
    assert_eq!(server.events.count("call.answered", &[]), 0);
    bob.reply(&invite, "200 OK", "", &sdp);
    bob.expect("ACK");
    alice.is_answered(call);
    bob.audio.hears(HANDSET_HZ);
    alice.hears(call, TEXT_HZ);
    alice.hang_up(call);
    bob.expect_bye();
    alice.is_over(call);
    server.finish();
}

fn a_call_to_the_queue(kind: Kind, way: Way) {
    let server = Server::plain();
    let mut bob = Phone::operator(&server, "bob", TEXT_HZ);
    let mut alice = kind.operator(&server, 0, "alice", HANDSET_HZ, (way, Keys::Events));
    let call = alice.dial("600");
    alice.is_answered(call);
    bob.expect("INVITE");
    bob.reply_invite("180 Ringing");
    alice.hears_music(call, &[HANDSET_HZ, TEXT_HZ]);
    bob.answer();
    bob.audio.hears(HANDSET_HZ);
    alice.hears(call, TEXT_HZ);
    alice.hang_up(call);
    bob.expect_bye();
    alice.is_over(call);
    let for_alice = [("operator", "alice")];
    assert_eq!(server.events.count("reservation.offered", &for_alice), 0, "rung by her own call");
    server.finish();
}

fn a_caller_who_gives_up_and_one_whom_it_declines(kind: Kind, way: Way) {
    let server = Server::plain();
    let mut alice = kind.operator(&server, 0, "alice", HANDSET_HZ, (way, Keys::Events));
    let mut caller = Phone::caller(&server, TEXT_HZ);
    caller.invite("101");
    let call = alice.rings();
    caller.expect_status(180);
    caller.cancel();
    assert_eq!(caller.expect_response("CANCEL").status(), Some(200));
    caller.expect_status(487);
    alice.is_over(call);
    caller.invite("101");
    let call = alice.rings();
    alice.decline(call);
    let status = caller.expect_refusal().status();
    // Which of the two a key means is the phone's choice.
    assert!([Some(486), Some(603)].contains(&status), "{status:?}");
    alice.is_over(call);
    server.finish();
}

fn a_call_that_it_gives_up_and_one_that_is_refused(kind: Kind, way: Way) {
    let server = Server::plain();
    let mut bob = Phone::operator(&server, "bob", TEXT_HZ);
    let mut alice = kind.operator(&server, 0, "alice", HANDSET_HZ, (way, Keys::Events));
    let call = alice.dial("102");
    bob.expect("INVITE");
    bob.reply_invite("180 Ringing");
    alice.is_alerting(call);
    alice.hang_up(call);
    bob.expect_cancel();
    alice.is_over(call);
    let call = alice.dial("102");
    bob.expect("INVITE");
    bob.reply_invite("486 Busy Here");
    bob.expect("ACK");
    alice.is_over(call);
    server.finish();
}

fn keys_by_info(kind: Kind, way: Way) {
    let server = Server::plain();
    let mut alice = kind.operator(&server, 0, "alice", HANDSET_HZ, (way, Keys::Info));
    let mut caller = Phone::caller(&server, TEXT_HZ);
    caller.invite("600");
    caller.expect_answer();
    let call = alice.rings();
    alice.answer(call);
    caller.audio.hears(HANDSET_HZ);
    for key in ['7', '7', '*'] {
        let mark = server.events.mark();
        alice.press(call, key);
        server.events.wait_from(mark, "dtmf.received", &[("digit", &key.to_string())]);
    }
    caller.hang_up();
    alice.is_over(call);
    assert_eq!(server.events.count("dtmf.received", &[]), 3, "a key counted twice");
    server.finish();
}

/// Alice, by the handset, talks to a caller of the queue; Bob is her colleague.
fn talking(
    kind: Kind,
    way: Way,
    server: &Server,
) -> (Box<dyn sip_tests::Handset>, u64, Phone, Phone) {
    let mut alice = kind.operator(server, 0, "alice", HANDSET_HZ, (way, Keys::Events));
    let bob = Phone::operator(server, "bob", COLLEAGUE_HZ);
    let mut caller = Phone::caller(server, TEXT_HZ);
    caller.invite("600");
    caller.expect_answer();
    let call = alice.rings();
    alice.answer(call);
    caller.audio.hears(HANDSET_HZ);
    (alice, call, caller, bob)
}

/// Bob has the caller, Alice has nobody, and it ends.
fn handed_over(server: Server, mut caller: Phone, mut bob: Phone) {
    caller.audio.hears(COLLEAGUE_HZ);
    bob.audio.hears(TEXT_HZ);
    server.events.wait("transfer.completed", &[]);
    assert_eq!(server.events.count("transfer.failed", &[]), 0);
    caller.hang_up();
    bob.expect_bye();
    caller.audio.is_continuous();
    server.finish();
}

fn a_blind_transfer_to_a_colleague(kind: Kind, way: Way) {
    let server = Server::plain();
    let (mut alice, call, caller, mut bob) = talking(kind, way, &server);
    alice.transfer(call, "102");
    bob.expect("INVITE");
    bob.reply_invite("180 Ringing");
    bob.answer();
    alice.is_over(call);
    handed_over(server, caller, bob);
}

fn an_attended_transfer_to_a_colleague(kind: Kind, way: Way) {
    let server = Server::plain();
    let (mut alice, call, caller, mut bob) = talking(kind, way, &server);
    alice.hold(call);
    server.events.wait("participant.held", &[]);
    let other = alice.dial("102");
    bob.expect("INVITE");
    bob.answer();
    alice.is_answered(other);
    bob.audio.hears(HANDSET_HZ);
    alice.join(call, other);
    alice.is_over(call);
    alice.is_over(other);
    handed_over(server, caller, bob);
}

#[test]
fn the_table_of_the_readme_has_every_deed_and_no_other() {
    let readme = include_str!("../README.md");
    let table = readme.split_once("| deed |").map_or("", |(_, rest)| rest);
    let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    let named = rows.filter_map(|line| line.split('`').nth(1));
    let named: Vec<&str> = named.collect();
    assert_eq!(named, DEEDS, "the first is what the README's table of deeds names");
}
