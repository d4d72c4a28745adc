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

/// A value of one line: text, UTF-8 and other bytes, whatever they would mean.
fn field_value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[ -~]{0,60}".prop_map(String::into_bytes),
        "\\PC{0,20}".prop_map(String::into_bytes),
        prop::collection::vec(prop_oneof![0x01..=0x09_u8, 0x0b..=0x0c_u8, 0x0e..=0xff_u8], 0..20),
    ]
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
    fn a_message_survives_parse_and_print(
        fields in prop::collection::vec(
            ("[A-Za-z][A-Za-z0-9.!%*_+`'~-]{0,30}", field_value(), "[ \t]{0,2}", "[ \t]{0,2}", any::<bool>()),
            0..40,
        ),
        at in 0..40_usize,
        body in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let taken = |name: &str| Name::lookup(name).is_some_and(|known| known == Name::ContentLength
            || known.is_single() || matches!(known, Name::Via));
        let fields: Vec<_> = fields.into_iter().filter(|(name, ..)| !taken(name)).collect();
        let (start, rest) = INVITE.split_once("\r\n").unwrap();
        let (mut wire, mut printed) = (format!("{start}\r\n").into_bytes(), format!("{start}\r\n").into_bytes());
        let mut put = |as_it_came: &[&[u8]], as_printed: &[&[u8]]| {
            wire.extend(as_it_came.concat());
            printed.extend(as_printed.concat());
        };
        for (i, (name, value, before, after, is_folded)) in fields.iter().enumerate() {
            if i == at % fields.len() {
                put(&[rest.as_bytes()], &[rest.as_bytes()]);
            }
            let (name, fold) = (name.as_bytes(), if *is_folded { &b"\r\n "[..] } else { b"" });
            let shown = if *is_folded { [b"   ".as_slice(), value].concat() } else { value.clone() };
            put(
                &[name, before.as_bytes(), b":", after.as_bytes(), fold, value, b"\r\n"],
                &[name, b": ", shown.trim_ascii(), b"\r\n"],
            );
        }
        if fields.is_empty() {
            put(&[rest.as_bytes()], &[rest.as_bytes()]);
        }
        let length = format!("Content-Length: {}\r\n\r\n", body.len());
        put(&[length.as_bytes(), &body], &[length.as_bytes(), &body]);
        let message = Message::parse(wire.into()).unwrap();
        prop_assert_eq!(message.fields().count(), fields.len() + 8);
        let copy = Builder::copy(&message).build();
        prop_assert_eq!(copy.wire(), &printed);
        prop_assert_eq!(Builder::copy(&copy).build(), copy, "what was printed stays");
    }

    #[test]
    fn stamping_changes_the_via_and_nothing_else(
        via in "SIP/2\\.0/(UDP|TCP) (h|192\\.0\\.2\\.7|\\[2001:db8::1\\])(:5070)?((;rport|;y=<|;received=6\\.6\\.6\\.6|;branch=z9\"?|;x=\"a;b\"|;) ?){0,5}",
        fold in any::<bool>(),
        body in prop::collection::vec(any::<u8>(), 0..30),
    ) {
        let fold = if fold { "\r\n " } else { "" };
        let head = INVITE.replace("Via: SIP/2.0/UDP pc33", &format!("Via: {fold}{via} , SIP/2.0/UDP pc33"));
        let message = Message::parse(wire(&head, &body).into());
        prop_assume!(message.is_ok());
        let message = message.unwrap();
        let stamped = message.stamp_via("203.0.113.9:40000".parse().unwrap());
        prop_assert_eq!(stamped.body(), message.body());
        let others = |m: &Message| {
            let fields = m.fields().map(|(name, value)| format!("{name}:{value}"));
            fields.filter(|field| !field.starts_with("Via")).collect::<Vec<_>>()
        };
        prop_assert_eq!(others(&stamped), others(&message));
        let vias = |m: &Message| m.list(Name::Via).skip(1).map(str::to_owned).collect::<Vec<_>>();
        prop_assert_eq!(vias(&stamped), vias(&message));
        let (top, before) = (stamped.top_via().unwrap(), message.top_via().unwrap());
        prop_assert_eq!(top.received(), Some("203.0.113.9".parse().unwrap()));
        prop_assert_eq!(top.rport(), top.wants_rport().then_some(40000));
        prop_assert_eq!(top.branch(), before.branch());
        look_again(&stamped);
    }

    #[test]
    fn every_status_has_a_phrase(status in any::<u16>()) {
        prop_assert!(!reason_phrase(status).is_empty());
    }
}
