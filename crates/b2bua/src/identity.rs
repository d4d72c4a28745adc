//! Who calls: what is believed of what an INVITE says (RFC 3325), what stays hidden (RFC 3323), and
//! as whom somebody is shown to the next.

use serde::{Deserialize, Serialize};
use sip::Headers;
use sip::msg::{Host, Message, Name as Header, NameAddr, Scheme, Uri};

use crate::config::{Identity, Name, Operator, Trunk};
use crate::rewriting::Rewriting;

/// What stands in the place of a name and number that are hidden.
pub(crate) const ANONYMOUS: &str = "anonymous";

/// Who calls, as the house may know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// `anonymous` where it is hidden.
    pub(crate) number: Name,
    pub(crate) display: Option<String>,
    pub(crate) hidden: Option<Hidden>,
    /// Somebody who is believed said that it is they.
    pub(crate) asserted: bool,
}

/// Somebody wants to stay hidden. Their number is kept for those alone who must know whom they
/// carry, a trusted trunk; no event, record or phone has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hidden {
    pub(crate) number: Option<Name>,
}

/// The caller behind an INVITE from a trunk. A trusted one asserts who it is; what another asserts
/// is worth no more than its From.
pub(crate) fn of_trunk(request: &Message, trusted: bool, written: &Rewriting) -> Caller {
    let from = request.from().ok();
    let shown = from.as_ref().and_then(number).zip(Some(from.as_ref().and_then(display)));
    let believed = if trusted { asserted(request) } else { None };
    let asserted = believed.is_some();
    let is_hidden = wishes_privacy(request) || from.as_ref().is_none_or(is_anonymous);
    match believed.or(shown) {
        Some((number, display)) if !is_hidden && number != ANONYMOUS => {
            Caller { number: written.of(&number).into(), display, hidden: None, asserted }
        }
        who => {
            let number = who.map(|(number, _)| number).filter(|number| number != ANONYMOUS);
            let hidden = Some(Hidden { number: number.map(|number| written.of(&number).into()) });
            Caller { number: ANONYMOUS.into(), display: None, hidden, asserted }
        }
    }
}

/// The operator behind an INVITE of their phone, whatever its From says. In the house they have no
/// way to hide.
pub(crate) fn of_operator(request: &Message, id: &Name, operator: Option<&Operator>) -> Caller {
    let is_hidden = wishes_privacy(request) || request.from().is_ok_and(|from| is_anonymous(&from));
    Caller {
        number: id.clone(),
        display: operator.map(|operator| operator.name.to_string()),
        hidden: is_hidden.then_some(Hidden { number: None }),
        asserted: true,
    }
}

/// The first `tel:` and the first `sip:` of P-Asserted-Identity (RFC 3325 section 9.1 has one of
/// each at most): the number of the one, else the user of the other, and the first name there is.
fn asserted(request: &Message) -> Option<(String, Option<String>)> {
    let all: Vec<NameAddr> = request
        .list(Header::PAssertedIdentity)
        .filter_map(|one| NameAddr::parse(one).ok())
        .collect();
    let of = |tel: bool| {
        let fits = |one: &&NameAddr| (*one.uri.scheme() == Scheme::Tel) == tel;
        all.iter().filter(fits).find_map(number)
    };
    let number = of(true).or_else(|| of(false))?;
    Some((number, all.iter().find_map(display)))
}

/// The number of an address; of a `tel:` without its visual separators (RFC 3966 section 5.1.1).
fn number(address: &NameAddr) -> Option<String> {
    let user = address.uri.user()?;
    let number = match address.uri.scheme() {
        Scheme::Tel => user.chars().filter(|c| !matches!(c, '-' | '.' | '(' | ')')).collect(),
        // A telephone number in a user part may have parameters of its own (RFC 3261 section 19.1.6).
        Scheme::Sip | Scheme::Sips if user.starts_with('+') => {
            user.split(';').next().unwrap_or_default().to_owned()
        }
        Scheme::Sip | Scheme::Sips => user.into_owned(),
        Scheme::Other(_) => return None,
    };
    (!number.is_empty()).then_some(number)
}

fn display(address: &NameAddr) -> Option<String> {
    address.display.clone().filter(|display| !display.trim().is_empty())
}

/// `Privacy` that asks for more than nothing (RFC 3323 section 4.2, RFC 3325 section 9.3). It is
/// heard from anybody: to hide takes no trust.
fn wishes_privacy(request: &Message) -> bool {
    request.headers(Header::Privacy).flat_map(|value| value.split([';', ','])).any(|wish| {
        ["id", "user", "header"].iter().any(|known| wish.trim().eq_ignore_ascii_case(known))
    })
}

/// RFC 3323 section 4.1.1.3.
fn is_anonymous(from: &NameAddr) -> bool {
    let user = from.uri.user();
    let user = user.as_deref().unwrap_or_default();
    let host = from.uri.host().map(ToString::to_string).unwrap_or_default();
    user.eq_ignore_ascii_case(ANONYMOUS)
        || user.is_empty()
        || host.eq_ignore_ascii_case("anonymous.invalid")
}

/// What is shown of somebody who is hidden (RFC 3323 section 4.1.1.3).
pub(crate) fn nobody() -> NameAddr {
    let host = Host::Name("anonymous.invalid".to_owned());
    NameAddr::new(Uri::sip(ANONYMOUS, host, None)).with_display("Anonymous")
}

/// A call that goes out, by whom it is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outgoing<'a> {
    /// As whom, whatever else would be said.
    pub(crate) own: Option<&'a str>,
    pub(crate) number: &'a str,
    pub(crate) display: Option<&'a str>,
    pub(crate) hidden: Option<&'a Hidden>,
    /// See [`Caller::asserted`].
    pub(crate) asserted: bool,
    /// Where it is an operator's own, and not on behalf of a customer.
    pub(crate) operator: Option<&'a Operator>,
    /// By which way; none where a route names a URI.
    pub(crate) trunk: Option<&'a Trunk>,
}

/// As whom a call goes out: From, and P-Asserted-Identity and Privacy where they belong. Numbers get
/// `domain`, the house's.
///
/// What we assert we answer for (RFC 3325 section 5): an operator, the trunk's own number, a customer
/// for whom somebody in the trust domain has answered before. Of another customer From says what they
/// said; for the call the trunk's number answers, by which its carrier knows us.
pub(crate) fn outward(call: Outgoing<'_>, domain: &Host) -> (NameAddr, Headers) {
    let own = call.trunk.and_then(Trunk::number);
    // The trunk's own is as its carrier writes it.
    let written = |number: &str| match call.trunk {
        Some(trunk) => address(&trunk.number_out.of(number), domain),
        None => address(number, domain),
    };
    let by_trunk = call.trunk.is_some_and(|trunk| trunk.identity == Identity::Trunk);
    let shown = if let Some(own) = call.own {
        Some(written(own))
    } else if by_trunk {
        own.map(|number| address(number, domain))
    } else if let Some(operator) = call.operator {
        match operator.caller_id.as_ref().or(own).or(operator.number.as_ref()) {
            Some(number) if Some(number) == own => Some(address(number, domain)),
            number => Some(written(number.unwrap_or(&operator.id))),
        }
    } else if let Some(hidden) = call.hidden {
        hidden.number.as_ref().map(|number| written(number))
    } else {
        Some(written(call.number).with_display(call.display.unwrap_or_default()))
    };
    let vouched = call.own.is_some() || by_trunk || call.asserted || call.operator.is_some();
    let asserted = if vouched { shown.clone() } else { own.map(|number| address(number, domain)) };
    // The trunk's own number hides a customer well enough; an operator asked for more.
    let is_hidden = call.hidden.is_some() && !(by_trunk && call.operator.is_none());
    let mut headers = Headers::new();
    if let Some(asserted) = asserted
        && call.trunk.is_some_and(|trunk| trunk.trusted)
    {
        headers.push((Header::PAssertedIdentity.as_str().into(), asserted.to_string()));
    }
    match shown {
        Some(shown) if !is_hidden => (shown, headers),
        _ => {
            headers.push((Header::Privacy.as_str().into(), "id".to_owned()));
            (nobody(), headers)
        }
    }
}

/// A configured URI, or a number of ours.
fn address(number: &str, domain: &Host) -> NameAddr {
    let is_uri = |uri: &Uri| uri.is_sip() || *uri.scheme() == Scheme::Tel;
    let uri = Uri::parse(number).ok().filter(is_uri);
    NameAddr::new(uri.unwrap_or_else(|| Uri::sip(number, domain.clone(), None)))
}

#[cfg(test)]
mod tests;
