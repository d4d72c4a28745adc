use bytes::Bytes;
use sip::Transport;

use super::*;

const NOW: Duration = Duration::from_secs(100);

fn flow() -> Flow {
    let at = |port| ([127, 0, 0, 1], port).into();
    Flow { transport: Transport::Udp, local: at(5060), remote: at(5062), connection: 0 }
}

/// `method` of call `id`; in a dialog where the method is in lower case.
fn message(method: &str, id: usize) -> Message {
    let (upper, tag) =
        (method.to_uppercase(), if method == method.to_lowercase() { ";tag=t" } else { "" });
    let start = match method {
        "200" => "SIP/2.0 200 OK".to_owned(),
        _ => format!("{upper} sip:a@b SIP/2.0"),
    };
    let cseq = if method == "200" { "INVITE" } else { &upper };
    let text = format!(
        "{start}\r\nVia: SIP/2.0/UDP c;branch=z9hG4bK{id}\r\nFrom: <sip:c@d>;tag=f\r\n\
         To: <sip:a@b>{tag}\r\nCall-ID: {id}\r\nCSeq: 1 {cseq}\r\nContent-Length: 0\r\n\r\n"
    );
    Message::parse(Bytes::from(text)).unwrap()
}

fn name(item: &Item) -> String {
    let Item::Message { message, .. } = item else { return "input".into() };
    let what = message.method().map_or("200", Method::as_str);
    let what = match message.to_tag() {
        Some(_) if what != "200" => what.to_lowercase(),
        _ => what.to_owned(),
    };
    format!("{what} {}", message.call_id())
}

fn check(given: &[(&str, usize)], expected: &[&str]) {
    let (inbox, mut lanes) = inbox();
    for &(method, id) in given {
        inbox.message(NOW, flow(), message(method, id)).unwrap();
    }
    let mut taken = Vec::new();
    while let Some(item) = lanes.next(NOW, Some(Duration::ZERO)) {
        taken.push(name(&item));
    }
    assert_eq!(taken, expected, "{given:?}");
    assert_eq!(inbox.len(), 0);
    assert!(inbox.door.waiting.iter().all(|slot| slot.load(Relaxed) == 0));
}

#[test]
fn a_dialog_goes_before_a_new_call() {
    check(
        &[("INVITE", 1), ("bye", 2), ("REGISTER", 3), ("200", 4)],
        &["bye 2", "200 4", "INVITE 1", "REGISTER 3"],
    );
    check(&[("CANCEL", 1), ("ACK", 2)], &["CANCEL 1", "ACK 2"]);
}

#[test]
fn the_order_within_a_call_id_never_changes() {
    check(&[("INVITE", 1), ("CANCEL", 1)], &["INVITE 1", "CANCEL 1"]);
    check(
        &[("INVITE", 1), ("INVITE", 1), ("ack", 1), ("bye", 1), ("bye", 2)],
        &["bye 2", "INVITE 1", "INVITE 1", "ack 1", "bye 1"],
    );
    check(&[("bye", 1), ("INVITE", 1), ("bye", 1)], &["bye 1", "INVITE 1", "bye 1"]);
}

#[test]
fn what_was_put_aside_lets_earlier_urgent_ones_pass() {
    let (inbox, mut lanes) = inbox();
    inbox.message(NOW, flow(), message("INVITE", 1)).unwrap();
    // As if the core had found the urgent lane empty, and then both of these came.
    lanes.aside = lanes.fresh.try_recv().ok();
    inbox.message(NOW, flow(), message("bye", 2)).unwrap();
    inbox.message(NOW, flow(), message("ack", 1)).unwrap();
    let mut next = || name(&lanes.next(NOW, Some(Duration::ZERO)).unwrap());
    assert_eq!([next(), next(), next()], ["bye 2", "INVITE 1", "ack 1"]);
}

#[test]
fn above_the_watermark_only_new_invites_are_refused() {
    let (inbox, _lanes) = inbox();
    for id in 0..=WATERMARK {
        inbox.message(NOW, flow(), message("INVITE", id)).unwrap();
    }
    let put = |method, id| inbox.message(NOW, flow(), message(method, id));
    assert!(matches!(put("INVITE", 9_999), Err(Refused::Busy(_))));
    // The last one: the memory is of slots, and an earlier one may have lost its own.
    assert!(put("INVITE", WATERMARK).is_ok(), "a retransmission of one that was let in");
    assert!(put("REGISTER", 9_999).is_ok());
    assert!(put("invite", 9_999).is_ok());
    let late = NOW + Duration::from_secs(REMEMBERED_S + 1);
    assert!(matches!(
        inbox.message(late, flow(), message("INVITE", WATERMARK)),
        Err(Refused::Busy(_))
    ));
}

#[test]
fn a_long_wait_refuses_too_until_it_is_over() {
    let (inbox, mut lanes) = inbox();
    for id in 0..SHORT + 3 {
        inbox.message(NOW, flow(), message("INVITE", id)).unwrap();
    }
    let put = |id| inbox.message(NOW, flow(), message("INVITE", id)).is_ok();
    assert!(put(1_000), "long, but nobody has waited");
    lanes.next(NOW + Duration::from_millis(101), None).unwrap();
    assert!(!put(1_001));
    lanes.next(NOW + Duration::from_millis(99), None).unwrap();
    assert!(put(1_002));
    lanes.next(NOW + Duration::from_millis(101), None).unwrap();
    for _ in 0..3 {
        lanes.next(NOW + Duration::from_millis(101), None).unwrap();
    }
    assert!(put(1_003), "short enough");
}

#[test]
fn a_full_lane_gives_back_what_it_cannot_hold() {
    let (inbox, mut lanes) = inbox();
    for _ in 0..URGENT_MAX {
        inbox.message(NOW, flow(), message("200", 1)).unwrap();
    }
    assert!(inbox.is_crowded());
    assert!(matches!(inbox.message(NOW, flow(), message("200", 2)), Err(Refused::Full(_))));
    assert!(!inbox.input(b2bua::Input::Drain));
    lanes.next(NOW, None).unwrap();
    assert!(inbox.input(b2bua::Input::Drain));
}

#[tokio::test]
async fn a_flow_fails_after_all_that_came_by_it() {
    let (inbox, mut lanes) = inbox();
    inbox.message(NOW, flow(), message("REGISTER", 1)).unwrap();
    inbox.flow_failed(flow()).await;
    inbox.message(NOW, flow(), message("bye", 2)).unwrap();
    let mut next = || name(&lanes.next(NOW, None).unwrap());
    assert_eq!([next(), next(), next()], ["bye 2", "REGISTER 1", "input"]);
}
