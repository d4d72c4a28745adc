//! The answer to a new call when there is no room: 503 with Retry-After, without any state (RFC 3261
//! sections 8.2.7 and 21.5.4), made by the task that read the request.

use bytes::Bytes;
use sip::Flow;
use sip::msg::{Message, Name};

/// Seconds after which the caller may try again; spread by the tag, so that they do not all come
/// back at once.
const RETRY_S: std::ops::RangeInclusive<u64> = 2..=9;

/// The response, and the flow it goes out by. `tag` must be the same for retransmissions.
pub(super) fn refuse(request: &Message, flow: Flow, tag: u64) -> (Flow, Bytes) {
    let retry_s = RETRY_S.start() + tag % (RETRY_S.end() - RETRY_S.start() + 1);
    let stamped = request.stamp_via(flow.remote);
    let response = stamped
        .respond(503, None, Some(&format!("{tag:016x}")))
        .header(Name::RetryAfter, retry_s)
        .build();
    let reply_address = stamped.top_via().ok().and_then(|via| via.reply_address());
    let remote = match flow.connection {
        0 => reply_address.unwrap_or(flow.remote),
        _ => flow.remote,
    };
    (Flow { remote, ..flow }, response.wire().clone())
}

#[cfg(test)]
mod tests {
    use sip::Transport;

    use super::*;

    fn check(via: &str, connection: u64, expected: &str) {
        let text = format!(
            "INVITE sip:a@b SIP/2.0\r\nVia: {via}\r\nFrom: <sip:c@d>;tag=f\r\nTo: <sip:a@b>\r\n\
             Call-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
        );
        let request = Message::parse(Bytes::from(text)).unwrap();
        let at = |text: &str| text.parse().unwrap();
        let (local, remote) = (at("192.0.2.1:5060"), at("192.0.2.9:7000"));
        let flow = Flow { transport: Transport::Udp, local, remote, connection };
        let (flow, bytes) = refuse(&request, flow, 0x2a);
        assert_eq!(flow, Flow { remote: at(expected), ..flow }, "{via}");
        assert_eq!((flow.local, flow.connection), (local, connection));
        let response = Message::parse(bytes).unwrap();
        assert_eq!(response.status(), Some(503));
        assert_eq!(response.to_tag().as_deref(), Some("000000000000002a"));
        assert_eq!(response.seconds(Name::RetryAfter), Some(2 + 0x2a % 8));
        assert_eq!(response.top_via().unwrap().branch(), "z9hG4bKx");
    }

    #[test]
    fn a_503_finds_its_way_back() {
        let branch = "branch=z9hG4bKx";
        check(&format!("SIP/2.0/UDP 10.0.0.1:5555;rport;{branch}"), 0, "192.0.2.9:7000");
        check(&format!("SIP/2.0/UDP 10.0.0.1:5555;{branch}"), 0, "192.0.2.9:5555");
        check(&format!("SIP/2.0/UDP phone.example;{branch}"), 0, "192.0.2.9:5060");
        check(&format!("SIP/2.0/TCP 10.0.0.1:5555;{branch}"), 3, "192.0.2.9:7000");
    }
}
