//! The messages of RFC 4475, in the notation of its section 2. Good servers differ about some of
//! them: what is held here is what we do with them.

use super::{Message, Method, Name, Uri};
use bytes::Bytes;

const MESSAGES: &str = include_str!("torture/messages.txt");

/// The bytes of the message `name`.
fn wire(name: &str) -> Bytes {
    let (_, rest) = MESSAGES.split_once(&format!("#### {name}\n")).unwrap();
    let text = rest.split("#### ").next().unwrap().replace('\n', "\r\n");
    let mut wire = Vec::new();
    let mut rest = text.as_str();
    while let Some((before, tag)) = rest.split_once('<') {
        wire.extend_from_slice(before.as_bytes());
        if let Some((digits, after)) = tag.strip_prefix("hex>").and_then(|t| t.split_once("</hex>"))
        {
            let pairs = digits.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap());
            wire.extend(pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()));
            rest = after;
        } else if let Some(tag) = tag.strip_prefix("repeat count=") {
            let (count, tag) = tag.split_once('>').unwrap();
            let (text, after) = tag.split_once("</repeat>").unwrap();
            wire.extend_from_slice(text.repeat(count.parse().unwrap()).as_bytes());
            rest = after;
        } else {
            wire.push(b'<');
            rest = tag;
        }
    }
    wire.extend_from_slice(rest.as_bytes());
    wire.into()
}

fn read(name: &str) -> Message {
    Message::parse(wire(name)).unwrap_or_else(|malformed| panic!("{name}: {malformed}"))
}

#[derive(PartialEq, Debug)]
enum Outcome {
    /// It can be used; what is wrong with it is not a matter of grammar.
    Reads,
    /// It is refused with this status.
    Refused(u16),
    /// A response, or too little is left to answer.
    Dropped,
}

#[test]
fn outcomes() {
    use Outcome::{Dropped, Reads, Refused};
    let check = |names: &[&str], expected: Outcome| {
        for name in names {
            let outcome = match Message::parse(wire(name)) {
                Ok(message) => {
                    assert!(message.from().is_ok() && message.to().is_ok(), "{name}");
                    Reads
                }
                Err(malformed) => match malformed.response().and_then(|r| r.status()) {
                    Some(status) => Refused(status),
                    None => Dropped,
                },
            };
            assert_eq!(outcome, expected, "{name}");
        }
    };
    check(
        &["wsinv", "intmeth", "esc01", "escnull", "esc02", "lwsdisp", "dblreq", "semiuri"],
        Reads,
    );
    check(
        &[
            "transports",
            "unreason",
            "noreason",
            "badbranch",
            "novelsc",
            "unkscm",
            "unksm2",
            "bext01",
        ],
        Reads,
    );
    check(&["regaut01", "bcast", "zeromf", "cparam01", "cparam02", "regescrt"], Reads);
    check(
        &["clerr", "ncl", "scalar02", "quotbal", "ltgtruri", "lwsruri", "lwsstart", "trws"],
        Refused(400),
    );
    check(&["baddn", "mismatch01", "multi01", "mcl01"], Refused(400));
    check(&["badvers"], Refused(505));
    check(&["scalarlg", "bigcode", "insuf"], Dropped);
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
