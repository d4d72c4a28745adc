use bytes::Bytes;
use sip::Transport;

use super::*;

fn inbox() -> Inbox {
    Inbox::new(Arc::new(Doorbell::new().unwrap()))
}

fn put(inbox: &Inbox, method: &str, id: usize) -> Result<(), Refused> {
    inbox.message(NOW, flow(), message(method, id), |_| false)
}

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
    let inbox = inbox();
    for &(method, id) in given {
        put(&inbox, method, id).unwrap();
    }
    let taken: Vec<_> = std::iter::from_fn(|| inbox.next(NOW)).map(|item| name(&item)).collect();
    assert_eq!(taken, expected, "{given:?}");
    assert_eq!(inbox.len(), 0);
    assert!(inbox.lanes().waiting.is_empty());
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
fn above_the_watermark_only_new_invites_are_refused() {
    let inbox = inbox();
    for id in 0..=WATERMARK {
        put(&inbox, "INVITE", id).unwrap();
    }
    assert!(matches!(put(&inbox, "INVITE", 9_999), Err(Refused::Busy(_))));
    assert!(put(&inbox, "INVITE", 0).is_ok(), "a retransmission of one that waits");
    let known = inbox.message(NOW, flow(), message("INVITE", 9_999), |_| true);
    assert!(known.is_ok(), "a retransmission of one that was taken");
    assert!(put(&inbox, "REGISTER", 9_998).is_ok());
    assert!(put(&inbox, "invite", 9_997).is_ok());
}

#[test]
fn a_long_wait_refuses_too_until_it_is_over() {
    let inbox = inbox();
    for id in 0..SHORT + 3 {
        put(&inbox, "INVITE", id).unwrap();
    }
    let taken_after = |ms| inbox.next(NOW + Duration::from_millis(ms)).unwrap();
    assert!(put(&inbox, "INVITE", 1_000).is_ok(), "long, but nobody has waited");
    taken_after(51);
    assert!(put(&inbox, "INVITE", 1_001).is_err());
    taken_after(49);
    assert!(put(&inbox, "INVITE", 1_002).is_ok());
    for _ in 0..4 {
        taken_after(51);
    }
    assert!(put(&inbox, "INVITE", 1_003).is_ok(), "short enough");
}

#[test]
fn a_strained_core_refuses_new_invites_only() {
    let inbox = inbox();
    put(&inbox, "INVITE", 1).unwrap();
    inbox.strain(true);
    assert!(matches!(put(&inbox, "INVITE", 2), Err(Refused::Busy(_))));
    assert!(put(&inbox, "INVITE", 1).is_ok(), "a retransmission");
    assert!(put(&inbox, "REGISTER", 3).is_ok());
    inbox.strain(false);
    assert!(put(&inbox, "INVITE", 2).is_ok());
}

#[test]
fn a_full_lane_gives_back_what_it_cannot_hold() {
    let inbox = inbox();
    for _ in 0..URGENT_MAX {
        put(&inbox, "200", 1).unwrap();
    }
    assert!(inbox.is_crowded());
    assert!(matches!(put(&inbox, "200", 2), Err(Refused::Full(_))));
    assert!(!inbox.input(b2bua::Input::Drain));
    inbox.next(NOW).unwrap();
    assert!(inbox.input(b2bua::Input::Drain));
}

#[tokio::test]
async fn a_flow_fails_after_all_that_came_by_it() {
    let inbox = inbox();
    put(&inbox, "REGISTER", 1).unwrap();
    inbox.flow_failed(flow()).await;
    put(&inbox, "bye", 2).unwrap();
    let next = || name(&inbox.next(NOW).unwrap());
    assert_eq!([next(), next(), next()], ["bye 2", "REGISTER 1", "input"]);
}
