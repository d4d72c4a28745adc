//! Which transaction a message belongs to (RFC 3261 sections 17.1.3 and 17.2.3).

use super::ClientKey;
use crate::msg::{Message, Method, Name};
use crate::rng::{MAGIC, number, token};

/// The branch of a client transaction.
pub(crate) fn branch(number: u64) -> String {
    format!("{MAGIC}{}", token(number))
}

/// The client transaction that a response answers: by the number in the branch, which is ours, and
/// by CSeq, as CANCEL shares its INVITE's branch. `None` for what cannot be an answer to us.
pub(crate) fn client(response: &Message) -> Option<ClientKey> {
    if response.list(Name::Via).nth(1).is_some() {
        return None;
    }
    let via = response.top_via().ok()?;
    let branch = number(via.branch().strip_prefix(MAGIC)?)?;
    Some(ClientKey { branch, cancel: response.cseq().ok()?.method == Method::Cancel })
}

/// The key under which a request finds its server transaction, as if it were of `method`: an ACK
/// looks for INVITE, a CANCEL for its own and for INVITE.
///
/// Branches without the magic cookie are RFC 2543's: there the request is named by From tag,
/// Call-ID, CSeq, Request-URI and sent-by. The To tag is left out, because an ACK has the response's.
pub(crate) fn server(request: &Message, method: &Method) -> Option<String> {
    let via = request.top_via().ok()?;
    let port = via.port_or_default();
    let branch = via.branch();
    if branch.len() > MAGIC.len() && branch.starts_with(MAGIC) {
        return Some(format!("{branch} {}:{port} {method}", via.host));
    }
    Some(format!(
        "{} {} {} {} {}:{port} {method}",
        request.from_tag(),
        request.call_id(),
        request.cseq().ok()?.number,
        request.request_uri().unwrap_or(""),
        via.host,
    ))
}

/// The key of the test for a request that came twice over different ways (section 8.2.2.2).
pub(crate) fn merged(request: &Message) -> Option<String> {
    let cseq = request.cseq().ok()?;
    Some(format!("{} {} {cseq}", request.from_tag(), request.call_id()))
}
