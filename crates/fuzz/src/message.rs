//! A message: parse, look at all of it, print, parse again.

use bytes::Bytes;
use sip::msg::{Builder, Message, Name, Part};

/// A datagram is a message or not; whatever it is asked, it and what is made of it answer, and what
/// we print reads back as the same.
pub fn message(data: &[u8]) {
    match Message::parse(Bytes::copy_from_slice(data)) {
        Ok(message) => {
            assert!(!message.call_id().is_empty());
            assert!(message.cseq().is_ok() && message.top_via().is_ok());
            look(&message);
            derive(&message);
        }
        Err(malformed) => {
            let _ = malformed.to_string();
            if let Some(response) = malformed.respond("tag") {
                // It has the fields of the request as they came, so that others may not read it.
                look(&response);
            }
        }
    }
}

/// Everything a message can be asked for.
pub(crate) fn look(message: &Message) {
    let _ = format!("{message:?}");
    for (name, value) in message.fields() {
        assert!(!value.contains(['\r', '\n', '\0']), "{value:?}");
        assert!(message.header_named(name).is_some());
    }
    let _ = (message.method(), message.status(), message.reason(), message.request_uri());
    let _ = (message.uri(), message.body(), message.top_via(), message.from(), message.to());
    let _ = (message.contacts(), message.is_contact_star(), message.routes());
    let _ = (message.record_routes(), message.max_forwards(), message.expires());
    let _ = (message.content_type(), message.replaces(), message.rack(), message.rseq());
    let _ = (message.from_tag(), message.to_tag(), message.address(Name::ReferTo));
    for name in [Name::RetryAfter, Name::MinSe, Name::SessionExpires, Name::MinExpires] {
        let _ = message.seconds(name);
    }
    let (sdp, body) = (message.sdp(), message.body());
    assert!(sdp.is_empty() || body.as_ptr_range().contains(&sdp.as_ptr()));
    assert!(!message.has_unknown_body() || !body.is_empty());
    let _ = message.parts().map(|part| look_at(&part)).count();
}

pub(crate) fn look_at(part: &Part) {
    let _ = (part.content_type(), part.content_id(), part.body());
    for name in ["Content-Disposition", "c", "X", ""] {
        let value = part.header(name);
        assert!(value.is_none_or(|value| !value.contains(['\r', '\n'])));
    }
}

/// What is made of a message says the same about what it took over.
fn derive(message: &Message) {
    let stamped = message.stamp_via("[2001:db8::1]:5060".parse().unwrap());
    assert_eq!(stamped.body(), message.body());
    assert_eq!(stamped.fields().count(), message.fields().count());
    reads_back(&stamped);

    let copy = Builder::copy(message).build();
    assert_eq!((copy.body(), copy.method()), (message.body(), message.method()));
    assert_eq!((copy.call_id(), copy.to_tag()), (message.call_id(), message.to_tag()));
    assert_eq!(Builder::copy(&copy).build(), copy, "what was printed stays");
    reads_back(&copy);

    if message.is_request() {
        let response = message.respond(486, None, Some("tag")).build();
        assert_eq!(response.list(Name::Via).count(), message.list(Name::Via).count());
        assert_eq!(response.from_tag(), message.from_tag());
        assert!(response.to_tag().is_some());
        reads_back(&response);
    }
}

/// What is printed is read as what it was.
fn reads_back(message: &Message) {
    let again = Message::parse(message.wire().clone());
    let again = again.unwrap_or_else(|fault| panic!("{fault}: {:?}", message.wire()));
    assert!(again.fields().eq(message.fields()));
    assert_eq!(again.body(), message.body());
    let stored = postcard::to_stdvec(message).unwrap();
    let stored: Message = postcard::from_bytes(&stored).unwrap();
    assert_eq!(&stored, message);
    assert!(stored.fields().eq(message.fields()));
}
