//! Bodies of several parts.

use bytes::Bytes;
use sip::msg::{Message, Part};

use crate::dice::Dice;
use crate::message::look_at;

const TYPES: &[&str] = &[
    "multipart/mixed;boundary=x",
    "multipart/mixed;boundary=\"x\"",
    "multipart/alternative;boundary=x",
    "multipart/related;boundary=x;start=\"<a>\"",
    "multipart/signed;boundary=x",
    "application/sdp",
];

/// A body is taken apart into pieces of itself in their order; what is its description and what is
/// unknown in it can be said, and the description is one of its pieces.
pub fn multipart(data: &[u8]) {
    let mut dice = Dice::new(data);
    let mut kind = dice.word(TYPES).to_owned();
    if dice.below(4) == 0 {
        let length = dice.below(64);
        kind = String::from_utf8_lossy(dice.take(length)).replace(['\r', '\n', '\0'], " ");
    }
    let body = dice.rest();
    let mut wire = format!(
        "INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@h>;tag=a\r\n\
         To: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContent-Type: {kind}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    wire.extend_from_slice(body);
    let Ok(message) = Message::parse(Bytes::from(wire)) else { return };
    let whole = message.body();
    let is_within = |part: &Bytes, whole: &Bytes| {
        let (part, whole) = (part.as_ptr_range(), whole.as_ptr_range());
        whole.start <= part.start && part.end <= whole.end
    };
    let sdp = message.sdp();
    assert!(sdp.is_empty() || is_within(&sdp, &whole), "nothing is copied");
    let _ = message.has_unknown_body();
    let mut behind = whole.as_ptr();
    for part in message.parts() {
        let body = part.body();
        assert!(is_within(&body, &whole));
        assert!(body.as_ptr() >= behind, "parts are in order");
        behind = body.as_ptr_range().end;
        look_at(&part);
        nested(&part, 0);
    }
}

fn nested(part: &Part, depth: usize) {
    for inner in part.parts().take(20) {
        assert!(inner.body().len() < part.body().len());
        look_at(&inner);
        if depth < 4 {
            nested(&inner, depth + 1);
        }
    }
}
