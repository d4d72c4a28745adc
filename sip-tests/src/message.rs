//! SIP as text, just enough of it to be a peer. Deliberately not the server's own parser.

use std::net::SocketAddr;

/// A message as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sip {
    /// Request line or status line.
    pub start: String,
    /// Names as they came, in order.
    pub headers: Vec<(String, String)>,
    /// What stands behind the empty line.
    pub body: String,
    /// From where.
    pub source: SocketAddr,
}

impl Sip {
    pub(crate) fn parse(octets: &[u8], source: SocketAddr) -> Option<Self> {
        let text = String::from_utf8_lossy(octets);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.split("\r\n");
        let start = lines.next()?.to_owned();
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.trim().to_owned(), value.trim().to_owned()))
        };
        let headers = lines.map(header).collect::<Option<Vec<_>>>()?;
        Some(Self { start, headers, body: body.to_owned(), source })
    }

    /// Its octets, provided there was one space behind each colon.
    #[must_use]
    pub fn length(&self) -> usize {
        let fields: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.start.len() + fields + 4 * self.headers.len() + 4 + self.body.len()
    }

    /// The method of a request.
    #[must_use]
    pub fn method(&self) -> Option<&str> {
        self.status().is_none().then(|| self.start.split(' ').next().unwrap_or_default())
    }

    /// The URI of a request.
    #[must_use]
    pub fn request_uri(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or_default()
    }

    /// The code of a response.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.start.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
    }

    /// The first header field of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.headers.iter();
        fields.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// All header fields of this name, top to bottom.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let fits = move |(key, _): &&(String, String)| key.eq_ignore_ascii_case(name);
        self.headers.iter().filter(fits).map(|(_, value)| value.as_str())
    }

    /// What must be there.
    ///
    /// # Panics
    /// Where it is not.
    #[must_use]
    pub fn must(&self, name: &str) -> &str {
        self.header(name).unwrap_or_else(|| panic!("no {name} in\n{}", self.text()))
    }

    /// The tag of From or To.
    #[must_use]
    pub fn tag(&self, name: &str) -> Option<&str> {
        parameter(self.header(name)?, "tag")
    }

    /// The branch of the topmost Via.
    #[must_use]
    pub fn branch(&self) -> &str {
        self.header("Via").and_then(|via| parameter(via, "branch")).unwrap_or_default()
    }

    /// Number and method of CSeq.
    #[must_use]
    pub fn cseq(&self) -> (u32, &str) {
        let (number, method) = self.must("CSeq").split_once(' ').unwrap_or_default();
        (number.parse().unwrap_or_default(), method.trim())
    }

    /// The URI in Contact.
    #[must_use]
    pub fn contact(&self) -> Option<&str> {
        let value = self.header("Contact")?;
        value.split_once('<').map_or(Some(value), |(_, rest)| rest.split('>').next())
    }

    /// Where the SDP wants its audio, and the payload types it lists.
    #[must_use]
    pub fn audio(&self) -> Option<(SocketAddr, Vec<u8>)> {
        let line = |start: &str| self.body.lines().find_map(|line| line.strip_prefix(start));
        let media = line("m=audio ")?;
        let mut words = media.split(' ');
        let port = words.next()?.parse().ok()?;
        let address = line("c=IN IP4 ").or_else(|| line("c=IN IP6 "))?.trim().parse().ok()?;
        Some((
            SocketAddr::new(address, port),
            words.skip(1).filter_map(|t| t.trim().parse().ok()).collect(),
        ))
    }

    /// `sendrecv` where the SDP says nothing else.
    #[must_use]
    pub fn direction(&self) -> &str {
        let known = ["sendrecv", "sendonly", "recvonly", "inactive"];
        let found = self.body.lines().filter_map(|line| line.strip_prefix("a="));
        found.map(str::trim).find(|word| known.contains(word)).unwrap_or("sendrecv")
    }

    /// The version in `o=`.
    ///
    /// # Panics
    /// Without SDP.
    #[must_use]
    pub fn sdp_version(&self) -> u64 {
        let origin = self.body.lines().find_map(|line| line.strip_prefix("o="));
        let version = origin.and_then(|origin| origin.split(' ').nth(2)?.parse().ok());
        version.unwrap_or_else(|| panic!("no o= in\n{}", self.text()))
    }

    /// What makes a retransmission the same message.
    pub(crate) fn identity(&self) -> String {
        let what = self.method().map_or_else(|| self.start.clone(), str::to_owned);
        let (number, method) = self.cseq();
        let (call, branch) = (self.must("Call-ID"), self.branch());
        format!("{what}|{call}|{number} {method}|{branch}|{}", self.tag("To").unwrap_or_default())
    }

    /// What every message must have, RFC 3261, 8.1.1, 8.2.6, 13.2.2.4, 20.
    ///
    /// # Panics
    /// Where it has not.
    #[track_caller]
    pub(crate) fn check(&self) {
        let text = self.text();
        for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
            assert!(self.header(name).is_some(), "no {name} in\n{text}");
        }
        for name in ["From", "To", "Call-ID", "CSeq", "Content-Length", "Max-Forwards"] {
            assert!(self.all(name).count() < 2, "more than one {name} in\n{text}");
        }
        assert!(self.branch().starts_with("z9hG4bK"), "no branch in\n{text}");
        assert!(self.tag("From").is_some(), "no tag in From in\n{text}");
        let length = self.header("Content-Length").and_then(|value| value.parse().ok());
        assert_eq!(length, Some(self.body.len()), "Content-Length is wrong in\n{text}");
        let (number, method) = self.cseq();
        assert!(number > 0, "no number in CSeq in\n{text}");
        let opens =
            method == "INVITE" && self.status().is_none_or(|code| (180..300).contains(&code));
        let contacts = self.all("Contact").count();
        assert!(!opens || contacts == 1, "{contacts} Contacts in\n{text}");
        if let Some(status) = self.status() {
            let tagged = status == 100 || self.tag("To").is_some();
            assert!(tagged, "no tag in To in\n{text}");
            let asked = status != 401 || self.header("WWW-Authenticate").is_some();
            assert!(asked, "no challenge in\n{text}");
        } else {
            assert_eq!(self.method(), Some(method), "CSeq is wrong in\n{text}");
            assert!(self.header("Max-Forwards").is_some(), "no Max-Forwards in\n{text}");
            let within = ["ACK", "BYE"].contains(&method);
            assert!(!within || self.tag("To").is_some(), "no tag in To in\n{text}");
        }
        let typed = self.header("Content-Type").is_some();
        assert!(self.body.is_empty() || typed, "a body without type in\n{text}");
        if typed && self.body.starts_with("v=0") {
            for line in ["o=", "s=", "t=", "m="] {
                let there = self.body.lines().any(|found| found.starts_with(line));
                assert!(there, "no {line} in\n{text}");
            }
        }
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{}\n", self.start);
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\n");
        }
        text + "\n" + &self.body
    }
}

/// A parameter behind a semicolon.
fn parameter<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    value.split(';').skip(1).find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then_some(value.trim())
    })
}
