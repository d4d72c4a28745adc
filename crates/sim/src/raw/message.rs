//! Messages as text.

use std::net::SocketAddr;

use bytes::Bytes;
use sip::msg::{Message, Name};

use super::RawCall;

/// A response with a Contact; the tag is put to To where there is none.
pub(super) fn response(
    request: &Message,
    status: u16,
    tag: &str,
    sdp: Option<&Bytes>,
    contact: SocketAddr,
) -> Bytes {
    let builder = request.respond(status, None, Some(tag));
    let builder = builder.header(Name::Contact, format!("<sip:liar@{contact}>"));
    let builder = match sdp {
        Some(sdp) => builder.body("application/sdp", sdp.clone()),
        None => builder,
    };
    builder.build().wire().clone()
}

/// 183 in the early dialog of that tag; reliable where it has a number (RFC 3262).
pub(super) fn early(
    invite: &Message,
    tag: &str,
    rseq: Option<u32>,
    sdp: Option<&Bytes>,
    contact: SocketAddr,
) -> Bytes {
    let mut builder = invite.respond(183, None, Some(tag));
    builder.push(Name::Contact, format_args!("<sip:liar@{contact}>"));
    if let Some(rseq) = rseq {
        builder.push(Name::Require, "100rel");
        builder.push(Name::RSeq, rseq);
    }
    let builder = match sdp {
        Some(sdp) => builder.body("application/sdp", sdp.clone()),
        None => builder,
    };
    builder.build().wire().clone()
}

/// 401 from one who may not ask for anything.
pub(super) fn challenge(request: &Message, tag: &str) -> Bytes {
    let ask = "Digest realm=\"evil\", nonce=\"1\", algorithm=MD5, qop=\"auth\"";
    let builder = request.respond(401, None, Some(tag)).header(Name::WwwAuthenticate, ask);
    builder.build().wire().clone()
}

/// 302 to somewhere else.
pub(super) fn redirect(request: &Message, tag: &str) -> Bytes {
    let builder = request.respond(302, None, Some(tag));
    builder.header(Name::Contact, "<sip:premium@203.0.113.9>").build().wire().clone()
}

/// The CANCEL of an INVITE (RFC 3261 section 9.1).
pub(super) fn cancel(invite: &Message) -> Bytes {
    let text = String::from_utf8_lossy(invite.wire()).into_owned();
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    let lines = head.lines().enumerate().filter_map(|(at, line)| {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        match name.as_str() {
            _ if at == 0 => Some(line.replacen("INVITE", "CANCEL", 1)),
            "cseq" => Some(line.replacen("INVITE", "CANCEL", 1)),
            "via" | "from" | "to" | "call-id" | "max-forwards" => Some(line.to_owned()),
            _ => None,
        }
    });
    let lines: Vec<_> = lines.collect();
    Bytes::from(format!("{}\r\nContent-Length: 0\r\n\r\n", lines.join("\r\n")))
}

impl RawCall {
    /// A request within the dialog.
    pub(super) fn request(
        &self,
        method: &str,
        cseq: u32,
        branch: &str,
        body: Option<&str>,
        from: SocketAddr,
    ) -> Bytes {
        let (local, remote) = match self.side {
            super::Side::Phone(_) => (Name::To, Name::From),
            super::Side::Caller(..) => (Name::From, Name::To),
        };
        let mine = self.invite.header(local).unwrap_or_default();
        let theirs = self.invite.header(remote).unwrap_or_default();
        let tagged = |value: &str, tag: &str| match value.contains(";tag=") || tag.is_empty() {
            true => value.to_owned(),
            false => format!("{value};tag={tag}"),
        };
        let kind = match (method, body) {
            (_, None) => "",
            ("INFO", _) => "Content-Type: application/dtmf-relay\r\n",
            ("MESSAGE", _) => "Content-Type: text/plain\r\n",
            _ => "Content-Type: application/sdp\r\n",
        };
        let body = body.unwrap_or_default();
        let id = self.invite.call_id();
        let refer =
            if method == "REFER" { "Refer-To: <sip:900123456@203.0.113.9>\r\n" } else { "" };
        Bytes::from(format!(
            "{method} {} SIP/2.0\r\nVia: SIP/2.0/UDP {from};rport;branch=z9hG4bK{id}{branch}{cseq}\r\n\
             Max-Forwards: 70\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {id}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:liar@{from}>\r\n{refer}{kind}Content-Length: {}\r\n\r\n{body}",
            self.target,
            tagged(mine, &self.tag),
            tagged(theirs, &self.remote_tag),
            body.len(),
        ))
    }
}
