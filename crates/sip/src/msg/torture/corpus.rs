//! The messages of RFC 4475 and RFC 5118, for every test that says them to somebody: those of this
//! folder, of the endpoint, and of a server on a wire. They include this file by its path.
//!
//! A message begins after a line of `####`, its name, its section, what the message layer says of it
//! (`reads`, the status it is refused with, or `dropped`) and what a user agent server may answer
//! finally: statuses, `app` for whatever the called application says, `none` for silence. Lines end
//! in CRLF; `<hex>` and `<repeat>` are RFC 4475's (section 2). Where an RFC's archive lacks the
//! empty line after the header section, as of four messages, it is here.

/// One message.
#[allow(dead_code, reason = "each test that includes this uses its part of it")]
pub(crate) struct Case {
    /// The RFC's name of it.
    pub(crate) name: &'static str,
    /// `RFC 4475 3.1.1.1`.
    pub(crate) section: String,
    /// What the message layer says.
    pub(crate) parsed: &'static str,
    /// The final answers that a server may give.
    pub(crate) answers: Vec<&'static str>,
    /// The octets.
    pub(crate) wire: Vec<u8>,
}

/// All of them in the order of the RFCs.
pub(crate) fn cases() -> Vec<Case> {
    let rfc4475 = read("RFC 4475", include_str!("rfc4475.txt"));
    rfc4475.chain(read("RFC 5118", include_str!("rfc5118.txt"))).collect()
}

fn read(rfc: &'static str, text: &'static str) -> impl Iterator<Item = Case> {
    text.split("#### ").skip(1).map(move |part| {
        let (head, message) = part.split_once('\n').expect("a head");
        let mut words = head.split(' ');
        let mut word = || words.next().expect("name, section and outcome");
        let (name, section, parsed) = (word(), format!("{rfc} {}", word()), word());
        Case { name, section, parsed, answers: words.collect(), wire: wire(message) }
    })
}

fn wire(message: &str) -> Vec<u8> {
    let text = message.replace('\n', "\r\n");
    let mut wire = Vec::new();
    let mut rest = text.as_str();
    while let Some((before, tag)) = rest.split_once('<') {
        wire.extend_from_slice(before.as_bytes());
        if let Some((digits, after)) = tag.strip_prefix("hex>").and_then(|t| t.split_once("</hex>"))
        {
            let pairs = digits.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).expect("hex"));
            wire.extend(pairs.map(|pair| u8::from_str_radix(pair, 16).expect("hex")));
            rest = after;
        } else if let Some(tag) = tag.strip_prefix("repeat count=") {
            let (count, tag) = tag.split_once('>').expect("a count");
            let (text, after) = tag.split_once("</repeat>").expect("an end");
            wire.extend_from_slice(text.repeat(count.parse().expect("a count")).as_bytes());
            rest = after;
        } else {
            wire.push(b'<');
            rest = tag;
        }
    }
    wire.extend_from_slice(rest.as_bytes());
    wire
}
