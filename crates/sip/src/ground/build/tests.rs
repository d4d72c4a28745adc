use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::msg::{NameAddr, is_token};

/// Any text, with much of what has a meaning on the wire.
fn text() -> impl Strategy<Value = String> {
    let odd = proptest::sample::select(
        "\r\n\0\t \"\\\\<>;:,@%?=\u{7f}\u{85}\u{2028}é".chars().collect::<Vec<_>>(),
    );
    let letter = prop_oneof![3 => proptest::char::range('a', 'z'), 2 => odd, 1 => any::<char>()];
    vec(letter, 0..24).prop_map(String::from_iter)
}

fn name() -> impl Strategy<Value = String> {
    let known = [
        "Via",
        "v",
        "Contact",
        "Reason",
        "Privacy",
        "Diversion",
        "P-Asserted-Identity",
        "k",
        "l",
        "Content-Length",
        "content-type",
        "Session-ID",
        "Require",
        "User-to-User",
        "User-Agent",
    ];
    prop_oneof![
        text(),
        "[A-Za-z][A-Za-z0-9-]{0,12}",
        proptest::sample::select(known.to_vec()).prop_map(str::to_owned),
        Just("X-A\r\nVia".to_owned()),
    ]
}

/// A value as it is printed: control characters become spaces, those at its ends go.
fn printed(value: &str) -> String {
    let blank = |c: char| if c.is_ascii_control() && c != '\t' { ' ' } else { c };
    value.chars().map(blank).collect::<String>().trim_ascii().to_owned()
}

/// What is sent for an owner who says all this.
fn sent(user: &str, display: &str, param: &str, headers: &Headers) -> Message {
    let host = Host::Name("h.example".into());
    let from = NameAddr::new(Uri::sip(user, host, None).with_param("p", Some(param)))
        .with_display(display)
        .with_tag(param);
    let builder = Builder::request(&Method::Invite, &from.uri)
        .header(Name::Via, "SIP/2.0/UDP h;branch=z9hG4bKx")
        .header(Name::From, &from)
        .header(Name::To, "<sip:b@h>")
        .header(Name::CallId, "c")
        .header(Name::CSeq, "1 INVITE");
    with_headers(builder, headers).build()
}

proptest! {
    /// Whatever stands in names, values, users, display names and parameters: what is printed has the
    /// header fields it was to have, in order, and not one line more.
    #[test]
    fn no_text_makes_a_header_field(
        (user, display, param) in (text(), text(), text()),
        headers in vec((name(), text()), 0..6),
    ) {
        let headers: Headers = headers.into_iter().map(|(name, value)| (name.into(), value)).collect();
        let message = sent(&user, &display, &param, &headers);
        let is_kept = |name: &str| is_token(name) && !is_ours(name.into());
        let kept: Vec<_> = headers.iter().filter(|(name, _)| is_kept(name)).collect();

        let wire = message.wire();
        prop_assert!(wire.ends_with(b"\r\n\r\n"));
        let text = core::str::from_utf8(wire).unwrap();
        let lines: Vec<&str> = text.trim_end_matches("\r\n").split("\r\n").collect();
        prop_assert_eq!(lines.len(), 1 + 5 + kept.len() + 1, "{}", text);
        prop_assert!(lines.iter().all(|line| !line.contains(['\r', '\n', '\0'])), "{}", text);

        let again = Message::parse(wire.clone());
        prop_assert!(again.is_ok(), "{:?}\n{}", again, text);
        let again = again.unwrap();
        prop_assert_eq!(&again, &message);
        for ((name, value), (read, as_read)) in kept.iter().zip(again.fields().skip(5)) {
            let long = Name::lookup(name).filter(|_| name.len() == 1).map_or(&**name, |known| known.as_str());
            prop_assert_eq!(read, long);
            prop_assert_eq!(as_read, printed(value));
        }
        let from = again.from().unwrap();
        prop_assert_eq!(from.uri.user().unwrap_or_default(), user);
        let shown = display.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
        let display = from.display.unwrap_or_default();
        prop_assert_eq!(display.trim_ascii(), shown.trim_ascii());
    }
}

#[test]
fn what_only_the_endpoint_writes() {
    for name in ["Via", "v", "m", "k", "Supported", "PROXY-REQUIRE", "x", "l", "Allow", "Server"] {
        assert!(is_ours(name.into()), "{name}");
    }
    for name in ["X-A", "Reason", "Privacy", "P-Asserted-Identity", "Warning", "Refer-To", "Event"]
    {
        assert!(!is_ours(name.into()), "{name}");
    }
}
