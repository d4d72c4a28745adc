//! What messages of ours have in common, whoever builds them.

use crate::msg::{Builder, HeaderName, Host, Message, Method, Name, Uri};
use crate::{Body, Flow, Headers, Transport};

/// Methods taken within a dialog: a phone offers a transfer on the strength of REFER being here.
/// SUBSCRIBE is taken for nothing but what a REFER has begun.
pub(crate) const ALLOW: &str =
    "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY, SUBSCRIBE";

/// Bodies an INVITE or UPDATE may have.
pub(crate) const ACCEPT: &str =
    "application/sdp, multipart/mixed, multipart/alternative, multipart/related";

/// Option tags that a peer may require of us.
pub(crate) const REQUIRABLE: &[&str] = &[REL, TIMER, "replaces", "norefersub"];

/// Reliable provisional responses (RFC 3262).
pub(crate) const REL: &str = "100rel";

/// What we say that we support, in INVITEs and elsewhere. Without an offer of ours in it a reliable
/// provisional response could bring one, which nobody here would answer.
pub(crate) fn supported(has_offer: bool) -> String {
    let tags = REQUIRABLE.iter().copied().filter(|tag| has_offer || *tag != REL);
    tags.collect::<Vec<_>>().join(", ")
}

/// Session timers (RFC 4028).
pub(crate) const TIMER: &str = "timer";

/// Adds the owner's header fields, but none of those that are the endpoint's own business.
pub(crate) fn with_headers(mut builder: Builder, headers: &Headers) -> Builder {
    for (name, value) in headers {
        let name = HeaderName::from(&**name);
        if !is_ours(name) {
            builder.push(name, value);
        }
    }
    builder
}

/// Whether only the endpoint may write a header field: it is what the dialog, the transaction, the
/// agreed extensions, the credentials and the body are made of. What is left the owner may set of
/// itself (Require, Reason, Warning, Retry-After, P-Asserted-Identity, Privacy), or the leg by the same way
/// (Refer-To, Event, Subscription-State); whose text may set what is the owner's to judge.
fn is_ours(name: HeaderName<'_>) -> bool {
    matches!(
        name.known(),
        Some(
            Name::Via
                | Name::From
                | Name::To
                | Name::CallId
                | Name::CSeq
                | Name::Contact
                | Name::Route
                | Name::RecordRoute
                | Name::Path
                | Name::ServiceRoute
                | Name::MaxForwards
                | Name::Timestamp
                | Name::SessionId
                | Name::ProxyRequire
                | Name::Supported
                | Name::Unsupported
                | Name::Allow
                | Name::RSeq
                | Name::RAck
                | Name::SessionExpires
                | Name::MinSe
                | Name::ContentLength
                | Name::ContentType
                | Name::ContentEncoding
                | Name::ContentDisposition
                | Name::MimeVersion
                | Name::UserAgent
                | Name::Server
                | Name::Authorization
                | Name::ProxyAuthorization
                | Name::WwwAuthenticate
                | Name::ProxyAuthenticate
                | Name::AuthenticationInfo
        )
    )
}

/// The way back for responses (RFC 3261 section 18.2.2, RFC 3581 section 4): on a stream its own
/// connection, else to the source's address and, where the client asked for it, port.
pub(crate) fn reply_flow(flow: Flow, stamped: &Message) -> Flow {
    match (flow.transport, stamped.top_via()) {
        (Transport::Udp, Ok(via)) => {
            Flow { remote: via.reply_address().unwrap_or(flow.remote), ..flow }
        }
        _ => flow,
    }
}

/// Adds a body, if there is one.
pub(crate) fn with_body(builder: Builder, body: Option<&Body>) -> Builder {
    match body {
        Some(body) => builder.body(&body.content_type, body.bytes.clone()),
        None => builder,
    }
}

/// The transport that a URI's parameter names.
pub(crate) fn transport_named(name: &str) -> Option<Transport> {
    [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss]
        .into_iter()
        .find(|transport| transport.as_str().eq_ignore_ascii_case(name))
}

/// The ACK of a failure response: in the INVITE's branch, with the response's To
/// (RFC 3261 section 17.1.1.3).
pub(super) fn failure_ack(invite: &Message, response: &Message) -> Message {
    follow_up(invite, &Method::Ack).headers_from(response, Name::To).build()
}

/// The CANCEL of an INVITE (RFC 3261 section 9.1).
pub(crate) fn cancel(invite: &Message) -> Builder {
    follow_up(invite, &Method::Cancel).headers_from(invite, Name::To)
}

/// What ACK and CANCEL take from their INVITE; To is still to come.
fn follow_up(invite: &Message, method: &Method) -> Builder {
    let uri = invite.uri().unwrap_or_else(|_| Uri::sip("", Host::Name("invalid".into()), None));
    let number = invite.cseq().map_or(1, |cseq| cseq.number);
    Builder::request(method, &uri)
        .headers_from(invite, Name::Via)
        .headers_from(invite, Name::Route)
        .header(Name::MaxForwards, 70)
        .headers_from(invite, Name::From)
        .headers_from(invite, Name::CallId)
        .headers_from(invite, Name::SessionId)
        .header(Name::CSeq, format_args!("{number} {method}"))
}

#[cfg(test)]
mod tests;
