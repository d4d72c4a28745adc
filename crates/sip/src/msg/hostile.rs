//! Properties over arbitrary input: nothing here panics, and what is printed reads back the same.

use super::digest::{Challenge, Credentials};
use super::testing::{BROWSER, INVITE, wire};
use super::{
    Builder, CSeq, Message, Method, Name, NameAddr, RAck, Replaces, Transport, Uri, Via,
    reason_phrase,
};
use bytes::Bytes;
use proptest::prelude::*;

/// Looks at everything a message can be asked for.
fn look(message: &Message) {
    let _ = format!("{message:?}");
    for (name, value) in message.fields() {
        assert!(!value.contains(['\r', '\n', '\0']), "{value:?}");
        assert!(message.header_named(name).is_some());
    }
    let _ = (message.uri(), message.reason(), message.body(), message.top_via());
    let _ = (message.from(), message.to(), message.cseq(), message.contacts(), message.routes());
    let _ = (message.record_routes(), message.max_forwards(), message.expires());
    let _ = (message.content_type(), message.replaces(), message.rack(), message.rseq());
    let _ = (message.from_tag(), message.to_tag(), message.address(Name::ReferTo));
    let _ = (message.seconds(Name::RetryAfter), message.is_contact_star());
    look_again(&message.stamp_via("[2001:db8::1]:5060".parse().unwrap()));
    look_again(&message.respond(486, None, Some("tag")).build());
    look_again(&Builder::copy(message).build());
}

/// What we made ourselves reads back as we know it.
fn look_again(message: &Message) {
    let bytes = postcard::to_stdvec(message).unwrap();
    let again: Message = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(&again, message);
    assert!(again.fields().eq(message.fields()));
    assert_eq!(again.body(), message.body());
}

fn read(bytes: Vec<u8>) {
    match Message::parse(bytes.into()) {
        Ok(message) => {
            assert!(!message.call_id().is_empty());
            assert!(message.cseq().is_ok() && message.top_via().is_ok());
            look(&message);
        }
        Err(malformed) => {
            if let Some(response) = malformed.response() {
                look(&response);
            }
        }
    }
}

/// A piece of a hostile message.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::sample::select(vec![
            "\r\n",
            "\n",
            "\r",
            "\r\n ",
            " ",
            "\t",
            ":",
            ";",
            ",",
            "<",
            ">",
            "\"",
            "\\",
            "@",
            "%",
            "=",
            "/",
            "SIP/2.0",
            "Via: SIP/2.0/UDP h;rport",
            "v:",
            "f:",
            "t: <sip:a@b>",
            "i: x",
            "CSeq: 1 INVITE",
            "Content-Length: 5",
            "l: 0",
            "\u{e9}",
            "\0",
            "[::1]",
            "tag=",
            "Digest ",
            "tel:1",
            "\r\n\r\n",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 1..4),
    ]
}

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        read(bytes);
    }

    #[test]
    fn any_pieces(pieces in prop::collection::vec(piece(), 0..60)) {
        read(pieces.concat());
    }

    #[test]
    fn damaged_messages(
        browser in any::<bool>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0..8_usize, piece()), 1..6),
    ) {
        let mut bytes = wire(if browser { BROWSER } else { INVITE }, b"v=0\r\n");
        for (at, take, put) in damage {
            let at = at.index(bytes.len() + 1);
            let end = (at + take).min(bytes.len());
            bytes.splice(at..end, put);
        }
        read(bytes);
    }

    #[test]
    fn values_print_as_they_read(text in "[ -~]{0,40}|(sips?|tel|SIP/2.0/UDP ):?[ -~]{0,30}|[^\0]{0,20}") {
        if let Ok(uri) = Uri::parse(&text) {
            prop_assert_eq!(Uri::parse(&uri.to_string()), Ok(uri.clone()));
            prop_assert!(uri.matches(&uri));
        }
        if let Ok(name_addr) = NameAddr::parse(&text) {
            let printed = name_addr.to_string();
            prop_assert_eq!(NameAddr::parse(&printed).map(|n| n.to_string()), Ok(printed));
        }
        if let Ok(via) = Via::parse(&text) {
            prop_assert_eq!(Via::parse(&via.to_string()), Ok(via));
        }
        if let Ok(cseq) = CSeq::parse(&text) {
            prop_assert_eq!(CSeq::parse(&cseq.to_string()), Ok(cseq));
        }
        let _ = (RAck::parse(&text), Replaces::parse(&text), Method::parse(&text));
        let _ = (Transport::parse(&text), Challenge::parse(&text), Credentials::parse(&text));
        let _ = Credentials::parse(&format!("Digest {text}"));
    }

    #[test]
    fn display_names_and_parameters_survive(display in "\\PC{0,20}", value in "\\PC{1,20}", user in ".{1,20}") {
        let uri = Uri::parse("sip:h.example").unwrap().with_user(&user).with_header("X-A", &value);
        prop_assert_eq!(uri.user().map(String::from), Some(user));
        let made = NameAddr::new(uri).with_display(&display).with_param("x", &value);
        let read = NameAddr::parse(&made.to_string()).unwrap();
        prop_assert_eq!(read.display.unwrap_or_default(), display);
        prop_assert_eq!(read.uri.header("x-a"), Some(value.clone()));
        prop_assert_eq!(read.params.text("x"), Some(value));
    }

    #[test]
    fn no_value_becomes_a_field(name in ".{0,12}", value in any::<String>(), reason in any::<String>()) {
        let uri = Uri::parse("sip:a@b").unwrap();
        let count = |message: &Message| message.fields().count();
        let plain = Builder::request(Method::Invite, &uri).build();
        let made = Builder::request(Method::Invite, &uri)
            .header("X-Context", &value)
            .header(name.as_str(), &value)
            .body("text/plain\r\nX: y", Bytes::from_static(b"\r\n\r\n"))
            .build();
        let named = made.header_named(&name).is_some() && Name::lookup(&name) != Some(Name::ContentLength);
        prop_assert!(count(&made) <= count(&plain) + 2 + usize::from(named));
        look_again(&made);
        let mut checked = Builder::response(200, Some(&reason));
        let allowed = checked.checked_header("X-Context", &value).is_ok();
        prop_assert_eq!(allowed, !value.bytes().any(|b| b.is_ascii_control() && b != b'\t'));
        prop_assert_eq!(count(&checked.build()), 1 + usize::from(allowed));
    }

    #[test]
    fn every_status_has_a_phrase(status in any::<u16>()) {
        prop_assert!(!reason_phrase(status).is_empty());
    }
}
