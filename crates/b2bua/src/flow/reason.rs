//! Why a leg ended, in its peer's words (RFC 3326), and what of it the other legs are told.
//!
//! Events say all of it. To another leg only what speaks of the call goes, and none of the peer's
//! own text: the cause of Q.850, and that a call was answered elsewhere.

use sip::msg::{Message, Reason};

use super::connect::ELSEWHERE;

/// What a leg brought cannot be used: nobody can talk on it.
pub(super) const UNUSABLE: &str = "SIP;cause=488;text=\"No usable SDP\"";

/// Nothing has been heard of a leg for too long.
pub(super) const SILENT: &str = "SIP;cause=408;text=\"No audio\"";

/// We have nothing to carry audio with (Q.850: resource unavailable); in a response as well.
pub(super) const NO_MEDIA: &str = "Q.850;cause=47";

/// The header field, if there is a reason.
pub(super) fn field(reason: &str) -> sip::Headers {
    let given = Some(reason).filter(|reason| !reason.is_empty());
    given.map(|reason| ("Reason".into(), reason.to_owned())).into_iter().collect()
}

/// What the other phones are told of an answer that speaks for them too.
pub(super) fn of_status(status: u16) -> String {
    format!("SIP;cause={status}")
}

/// Everything the message gives as its reason.
pub(super) fn said(message: &Message) -> Option<String> {
    let all: Vec<String> = Reason::of(message).take(2).map(|reason| reason.to_string()).collect();
    if all.is_empty() { None } else { Some(all.join(", ")) }
}

/// What of it another leg may hear.
pub(super) fn passed_on(message: &Message) -> Option<String> {
    Reason::of(message).find_map(|reason| match reason.cause {
        Some(cause @ 1..=127) if reason.is("Q.850") => Some(format!("Q.850;cause={cause}")),
        Some(200) if reason.is("SIP") => Some(ELSEWHERE.to_owned()),
        _ => None,
    })
}

/// Whether a reason may stand in a response: only those of the telephone network may (RFC 6432).
pub(super) fn fits_response(reason: &str) -> bool {
    reason.starts_with("Q.850")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_crosses() {
        let check = |reason: &str, told: Option<&str>, crosses: Option<&str>| {
            let text = format!(
                "BYE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@h>;tag=1\r\n\
                 To: <sip:b@h>;tag=2\r\nCall-ID: c\r\nCSeq: 7 BYE\r\n{reason}Content-Length: 0\r\n\r\n"
            );
            let message = Message::parse(text.into());
            let Ok(message) = message else { panic!("{message:?}") };
            assert_eq!(said(&message).as_deref(), told, "{reason}");
            assert_eq!(passed_on(&message).as_deref(), crosses, "{reason}");
        };
        check("", None, None);
        check(
            "Reason: Q.850;cause=16;text=\"pbx 7\"\r\n",
            Some("Q.850;cause=16;text=\"pbx 7\""),
            Some("Q.850;cause=16"),
        );
        check(
            "Reason: SIP;cause=200;text=\"by bob\"\r\n",
            Some("SIP;cause=200;text=\"by bob\""),
            Some(ELSEWHERE),
        );
        check(
            "Reason: SIP;cause=486, q.850;cause=17\r\n",
            Some("SIP;cause=486, q.850;cause=17"),
            Some("Q.850;cause=17"),
        );
        check(
            "Reason: SIP;cause=486\r\nReason: Q.850;cause=0\r\n",
            Some("SIP;cause=486, Q.850;cause=0"),
            None,
        );
    }
}
