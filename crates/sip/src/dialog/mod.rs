//! Dialogs (RFC 3261 section 12): where requests go, and which of the peer's are new.

use serde::{Deserialize, Serialize};

use crate::msg::{Builder, Invalid, Message, Method, Name, NameAddr, Uri};

/// The peer's half of a dialog. Ours (Call-ID, tag, CSeq) is the leg's: forks share it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Dialog {
    pub(crate) remote_tag: String,
    /// The peer's From or To with its tag, as it was written.
    pub(crate) remote: String,
    /// The peer's Contact.
    pub(crate) target: Uri,
    /// The proxies in between, nearest first.
    pub(crate) routes: Vec<NameAddr>,
    /// The highest CSeq of the peer's.
    pub(crate) remote_cseq: Option<u32>,
    /// The CSeq of the peer's request that brought the target.
    refreshed: u32,
}

impl Dialog {
    /// The dialog that a response to our INVITE makes (section 12.1.2). A 2xx without a sound
    /// Contact is taken to come from where the INVITE went.
    pub(crate) fn uac(invite: &Message, response: &Message) -> Result<Self, Invalid> {
        let mut routes = response.record_routes()?;
        routes.reverse();
        Ok(Self { routes, ..Self::unrouted(invite, response)? })
    }

    /// The same without its route set: good enough to acknowledge and end a call whose route set
    /// cannot be read.
    pub(crate) fn unrouted(invite: &Message, response: &Message) -> Result<Self, Invalid> {
        Ok(Self {
            remote_tag: response.to_tag().unwrap_or_default(),
            remote: response.header(Name::To).unwrap_or("").to_owned(),
            target: match contact(response) {
                Some(target) => target,
                None => invite.uri()?,
            },
            routes: Vec::new(),
            remote_cseq: None,
            refreshed: 0,
        })
    }

    /// The dialog that the peer's INVITE makes (section 12.1.1).
    pub(crate) fn uas(invite: &Message) -> Result<Self, Invalid> {
        Ok(Self {
            remote_tag: invite.from_tag(),
            remote: invite.header(Name::From).unwrap_or("").to_owned(),
            target: contact(invite).or_else(|| without_contact(invite)).ok_or(CONTACT)?,
            routes: invite.record_routes()?,
            remote_cseq: Some(invite.cseq()?.number),
            refreshed: 0,
        })
    }

    /// Takes the CSeq of a request of the peer's; `false` if it is not above all before
    /// (section 12.2.2). One that was refused may not be used again.
    pub(crate) fn accept(&mut self, number: u32) -> bool {
        let is_new = self.remote_cseq.is_none_or(|highest| number > highest);
        if is_new {
            self.remote_cseq = Some(number);
        }
        is_new
    }

    /// Takes the peer's new Contact from a target refresh request or its 2xx. A request that is
    /// older than another that did so comes too late: an UPDATE may overtake the answer to a
    /// re-INVITE (RFC 6141 section 4.4).
    pub(crate) fn refresh(&mut self, message: &Message) {
        if let Some(number) = message.cseq().ok().filter(|_| message.is_request()) {
            if number.number < self.refreshed {
                return;
            }
            self.refreshed = number.number;
        }
        if let Some(target) = contact(message) {
            self.target = target;
        }
    }

    /// Where the next request goes: the first proxy or the peer itself.
    pub(crate) fn next_hop(&self) -> &Uri {
        self.routes.first().map_or(&self.target, |route| &route.uri)
    }

    /// A first proxy that is a strict router (section 12.2.1.1).
    fn strict(&self) -> Option<&Uri> {
        self.routes.first().map(|first| &first.uri).filter(|uri| !uri.is_loose())
    }

    /// The Request-URI: the target, or a strict router in its place.
    pub(crate) fn request_uri(&self) -> &Uri {
        self.strict().unwrap_or(&self.target)
    }

    /// Request line, To and Route of a request to the peer (section 12.2.1.1). Behind a strict
    /// router the target goes to the end of the Route.
    pub(crate) fn request(&self, method: &Method) -> Builder {
        let strict = self.strict();
        let mut builder = Builder::request(method, self.request_uri());
        builder.push(Name::To, &self.remote);
        for route in self.routes.iter().skip(usize::from(strict.is_some())) {
            builder.push(Name::Route, route);
        }
        if strict.is_some() {
            builder.push(Name::Route, NameAddr::new(self.target.clone()));
        }
        builder
    }
}

const CONTACT: Invalid = Invalid { what: "Contact" };

/// Where a peer of RFC 2543 is reached, whose INVITE needed no Contact: the URI of From.
fn without_contact(invite: &Message) -> Option<Uri> {
    let missing = invite.header(Name::Contact).is_none();
    let from = missing.then(|| invite.from().ok()).flatten()?;
    Some(from.uri.without_headers()).filter(Uri::is_sip)
}

/// The first Contact, if it is a SIP URI.
fn contact(message: &Message) -> Option<Uri> {
    let contact = message.address(Name::Contact).ok()??;
    Some(contact.uri.without_headers()).filter(Uri::is_sip)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invite(lines: &str) -> Message {
        let text = format!(
            "INVITE sip:us@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\n\
             From: <sip:a@h>;tag=1\r\nTo: <sip:us@192.0.2.1>\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\n\
             {lines}Content-Length: 0\r\n\r\n"
        );
        Message::parse(text.into()).unwrap()
    }

    #[test]
    fn loose_and_strict_routes() {
        let check = |lines: &str, hop: &str, start: &str, routes: &[&str]| {
            let dialog = Dialog::uas(&invite(lines)).unwrap();
            assert_eq!(dialog.next_hop().to_string(), hop);
            let bye = dialog.request(&Method::Bye).build();
            assert_eq!(bye.request_uri(), Some(start));
            assert_eq!(bye.headers(Name::Route).collect::<Vec<_>>(), routes);
            assert_eq!(bye.to_tag().as_deref(), Some("1"));
        };
        check("Contact: <sip:a@h:5070>\r\n", "sip:a@h:5070", "sip:a@h:5070", &[]);
        check("", "sip:a@h", "sip:a@h", &[]);
        check(
            "Contact: <sip:a@h>\r\nRecord-Route: <sip:p1;lr>, <sip:p2;lr>\r\n",
            "sip:p1;lr",
            "sip:a@h",
            &["<sip:p1;lr>", "<sip:p2;lr>"],
        );
        check(
            "Contact: <sip:a@h>\r\nRecord-Route: <sip:p1>\r\nRecord-Route: <sip:p2;lr>\r\n",
            "sip:p1",
            "sip:p1",
            &["<sip:p2;lr>", "<sip:a@h>"],
        );
        assert!(Dialog::uas(&invite("Contact: <tel:1>\r\n")).is_err());
    }

    #[test]
    fn cseq_rises_and_targets_move() {
        let mut dialog = Dialog::uas(&invite("Contact: <sip:a@h>\r\n")).unwrap();
        let accepted: Vec<bool> =
            [7, 6, 8, 8, 10, 9, 11].iter().map(|&n| dialog.accept(n)).collect();
        assert_eq!(accepted, [false, false, true, false, true, false, true]);
        dialog.refresh(&invite("Contact: <sip:b@h2>\r\n"));
        assert_eq!(dialog.target.to_string(), "sip:b@h2");
        dialog.refresh(&invite(""));
        assert_eq!(dialog.target.to_string(), "sip:b@h2");
    }
}
