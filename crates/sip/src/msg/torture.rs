//! The messages of RFC 4475 and RFC 5118. Good servers differ about some of them: what is held here
//! is what we do with them.

mod corpus;

use super::frame::{Frame, Stream, datagram};
use super::{Builder, Host, Limits, Message, Method, Name, Uri};
use bytes::Bytes;
use corpus::cases;

fn wire(name: &str) -> Bytes {
    let case = cases().into_iter().find(|case| case.name == name).expect(name);
    case.wire.into()
}

fn read(name: &str) -> Message {
    Message::parse(wire(name)).unwrap_or_else(|malformed| panic!("{name}: {malformed}"))
}

/// What the message layer says, in the words of the corpus.
fn outcome(frame: &Frame) -> String {
    match frame {
        Frame::Message(_) => "reads".to_owned(),
        Frame::Malformed(malformed) => match malformed.response().and_then(|r| r.status()) {
            Some(status) => status.to_string(),
            None => "dropped".to_owned(),
        },
        Frame::Junk => "dropped".to_owned(),
        Frame::Ping => panic!("it is a message"),
    }
}

#[test]
fn none_is_missing() {
    let count = |rfc| cases().iter().filter(|case| case.section.starts_with(rfc)).count();
    assert_eq!((count("RFC 4475"), count("RFC 5118")), (49, 12));
}

#[test]
fn outcomes() {
    for case in cases() {
        let frame = datagram(case.wire.into(), &Limits::default());
        assert_eq!(outcome(&frame), case.parsed, "{} {}: {frame:?}", case.section, case.name);
        let said = if case.parsed == "dropped" { "none" } else { case.parsed };
        assert!(said == "reads" || case.answers.contains(&said), "{}", case.name);
        if let Frame::Message(message) = frame {
            assert!(message.from().is_ok() && message.to().is_ok(), "{}", case.name);
            assert_eq!(message.uri().is_ok(), message.is_request(), "{}", case.name);
        }
    }
}

/// On a stream a message ends where its Content-Length says, so those whose length is wrong, or not
/// there, end the stream, wait for more or leave a rest that is no message.
#[test]
fn outcomes_on_a_stream() {
    let lengths = ["clerr", "ncl", "mcl01", "dblreq", "inv2543", "ipv6-in-sdp", "mult-ip-in-sdp"];
    let lengths = [&lengths[..], &["ipv4-mapped-ipv6", "unreason"]].concat();
    for case in cases() {
        let mut stream = Stream::new(Limits::default());
        let mut outcomes = Vec::new();
        for byte in case.wire.chunks(1) {
            stream.push(byte);
            while let Some(frame) = stream.next() {
                outcomes.push(frame.map_or_else(|_| "closed".to_owned(), |f| outcome(&f)));
            }
        }
        if !lengths.contains(&case.name) {
            assert_eq!(outcomes, [case.parsed], "{} {}", case.section, case.name);
        }
    }
}

/// What a proxy would do with them (RFC 4475 section 3.1.1.1): whatever was understood goes on as it
/// was, but for what the builder says of itself.
#[test]
fn copies() {
    for case in cases().into_iter().filter(|case| case.parsed == "reads") {
        let message = Message::parse(case.wire.into()).unwrap();
        let copy = Builder::copy(&message).build();
        let words = |m: &Message| {
            let length = |name: &str| Name::lookup(name) == Some(Name::ContentLength);
            let rest = m.fields().filter(|(name, _)| !length(name));
            rest.map(|(name, value)| format!("{name}:{value}")).collect::<Vec<_>>()
        };
        assert_eq!(words(&copy), words(&message), "{}", case.name);
        assert_eq!((copy.body(), copy.method()), (message.body(), message.method()));
        assert_eq!((copy.request_uri(), copy.status()), (message.request_uri(), message.status()));
    }
}

#[test]
fn a_short_tortuous_invite() {
    let message = read("wsinv");
    assert_eq!(message.request_uri(), Some("sip:vivekg@chair-dnrc.example.com;unknownparam"));
    assert_eq!(message.to_tag().as_deref(), Some("1918181833n"));
    let from = message.from().unwrap();
    assert_eq!((from.display.as_deref(), from.tag()), (Some("J Rosenberg \\\""), Some("98asjd8")));
    assert_eq!((message.max_forwards(), message.cseq().unwrap().number), (Some(68), 9));
    assert_eq!(message.header(Name::Subject), Some(""));
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let header = |name| message.header_named(name).map(words);
    assert_eq!(header("newfangledheader").unwrap(), "newfangled value continued newfangled value");
    assert_eq!(header("UnknownHeaderWithUnusualValue").unwrap(), ";;,,;;,;");
    let vias: Vec<_> =
        message.list(Name::Via).map(|via| via.parse::<super::Via>().unwrap()).collect();
    let shown: Vec<_> = vias.iter().map(|via| (via.to_string(), via.branch())).collect();
    assert_eq!(shown[0].0, "SIP/2.0/UDP 192.0.2.2;branch=390skdjuw");
    assert_eq!(shown[1].0, "SIP/2.0/TCP spindle.example.com;branch=z9hG4bK9ikj8");
    assert_eq!(shown[2].1, "z9hG4bK30239");
    assert!(message.routes().unwrap()[0].uri.is_loose());
    let contact = &message.contacts().unwrap()[0];
    assert_eq!(contact.display.as_deref(), Some("Quoted string \"\""));
    assert_eq!(
        (contact.params.get("newparam"), contact.q_permille()),
        (Some("newvalue"), Some(330))
    );
    assert_eq!((contact.params.has("secondparam"), message.body().len()), (true, 150));
}

#[test]
fn wide_range_of_characters() {
    let message = read("intmeth");
    let method = "!interesting-Method0123456789_*+`.%indeed'~";
    assert_eq!(message.method(), Some(&Method::Other(method.into())));
    let uri = message.uri().unwrap();
    assert_eq!(uri.user().as_deref(), Some("1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"));
    assert_eq!(uri.password().as_deref(), Some("&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"));
    assert_eq!(message.from().unwrap().display.as_deref(), Some("token1~` token2'+_ token3*%!.-"));
    assert_eq!(message.from_tag(), "_token~1'+`*%!-.");
    assert_eq!(message.call_id(), "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{");
    assert_eq!(message.header_named("extensionHeader-!.%*+_`'~"), Some("\u{feff}大停電"));
    let answer = message.respond(501, None, Some("x")).build();
    assert!(!answer.wire().contains(&0), "NUL is not passed on");
    assert_eq!(answer.from_tag(), message.from_tag());
}

#[test]
fn escapes() {
    let message = read("esc01");
    assert_eq!(message.uri().unwrap().user().as_deref(), Some("sips:user@example.com"));
    assert!(message.to().unwrap().uri.matches(&Uri::parse("sip:user@example.com").unwrap()));
    assert_eq!(message.from().unwrap().uri.user().as_deref(), Some("I have spaces"));
    let null = read("escnull").contacts().unwrap();
    assert!(!null[0].uri.matches(&null[1].uri), "one and two NULs differ");
    let message = read("esc02");
    assert_eq!(message.method().map(Method::as_str), Some("RE%47IST%45R"));
    assert_eq!(message.contacts().unwrap().len(), 2, "C%6Fntact is another header");
    let user = read("semiuri").uri().unwrap().user().map(String::from);
    assert_eq!(user.as_deref(), Some("user;par=u@example.net"));
    let contact = read("regescrt").contacts().unwrap().remove(0);
    assert_eq!(contact.uri.header("route").as_deref(), Some("<sip:sip.example.com>"));
}

#[test]
fn the_rest_of_the_reading() {
    assert_eq!(read("dblreq").body().len(), 0);
    assert_eq!(read("lwsdisp").from().unwrap().display.as_deref(), Some("caller"));
    assert_eq!(read("transports").list(Name::Via).count(), 5);
    assert_eq!(read("noreason").reason(), Some(""));
    assert!(read("unreason").reason().unwrap().ends_with(" простое"));
    assert_eq!(read("zeromf").max_forwards(), Some(0));
    assert_eq!(read("bext01").list(Name::Require).count(), 2);
    assert!(!read("unkscm").uri().unwrap().is_sip());
    let bare = read("cparam01").contacts().unwrap().remove(0);
    assert!(bare.params.has("unknownparam") && bare.uri.params().is_empty());
    let angled = read("cparam02").contacts().unwrap().remove(0);
    assert!(angled.params.is_empty() && angled.uri.params().has("unknownparam"));
}

#[test]
fn long_values() {
    let message = read("longreq");
    assert_eq!(message.list(Name::Via).count(), 34);
    assert_eq!(message.top_via().unwrap().host, Host::Name("sip33.example.com".into()));
    let to = message.to().unwrap();
    assert_eq!((to.display.map(|d| d.len()), to.uri.port()), (Some(103), Some(6000)));
    assert_eq!(message.from_tag().len(), 155);
    assert_eq!(message.call_id().len(), 141);
    assert_eq!(message.contacts().unwrap()[0].uri.user().unwrap().len(), 115);
}

#[test]
fn bodies_of_bytes() {
    let message = read("mpart01");
    assert_eq!(message.content_type().as_deref(), Some("multipart/mixed"));
    assert_eq!(message.body().len(), 553);
    assert!(message.body().contains(&0) && message.body().ends_with(b"--7a9cbec02ceef655--\r\n"));
    assert_eq!(read("invut").body(), "<audio>\r\n <pcmu port=\"443\"/>\r\n</audio>\r\n");
    assert_eq!(read("inv2543").from_tag(), "");
    assert_eq!(read("escruri").uri().unwrap().header("route").unwrap(), "<sip:example.com>");
}

#[test]
fn ipv6() {
    let ip = |text: &str| Some(Host::V6(text.parse().unwrap()));
    let uri = |name: &str| read(name).uri().unwrap();
    let at = |name: &str| (uri(name).host().cloned(), uri(name).port());
    assert_eq!(at("ipv6-good"), (ip("2001:db8::10"), None));
    assert_eq!(at("port-ambiguous"), (ip("2001:db8::10:5070"), None));
    assert_eq!(at("port-unambiguous"), (ip("2001:db8::10"), Some(5070)));
    assert_eq!(at("ipv6-bug-abnf-3-colons"), at("ipv6-correct-abnf-2-colons"));
    for name in ["via-received-param-with-delim", "via-received-param-no-delim"] {
        let received = read(name).top_via().unwrap().received();
        assert_eq!(received, "2001:db8::9:255".parse().ok(), "{name}");
    }
    let vias: Vec<_> = read("mult-ip-in-header")
        .list(Name::Via)
        .map(|via| via.parse::<super::Via>().unwrap().reply_address().unwrap().to_string())
        .collect();
    assert_eq!(vias, ["[2001:db8::9:1]:6050", "192.0.2.1:5060", "192.0.2.200:5060"]);
    let mapped = read("ipv4-mapped-ipv6").contacts().unwrap().remove(0);
    assert_eq!(mapped.uri.host().cloned(), ip("::ffff:192.0.2.2"));
    // Its length is of a longer body than is printed; with the right one it is sound.
    let text = String::from_utf8(wire("ipv6-in-sdp").to_vec()).unwrap();
    let whole = Message::parse(text.replace("268", "251").into()).unwrap();
    assert!(whole.body().ends_with(b"H263-1998/90000\r\n"));
}
