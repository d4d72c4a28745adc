//! Header fields that cross from one leg to another: what of an INVITE becomes the call's context,
//! and to whom of the others it is told. Everything else a peer says stays on its own leg: names of
//! header fields from outside are matched against what is allowed, never against what is not.
//!
//! | field | becomes context where `headers_in` | is told where `headers_out` |
//! | --- | --- | --- |
//! | `X-…` | covers it | covers it |
//! | `User-to-User` (RFC 7433), `Subject` | covers it | covers it |
//! | others that SIP does not know to us | covers it by more than a bare `*` | covers it |
//! | `Diversion`, `History-Info` | of a trusted trunk names it | covers it: operators; names it: trusted trunks |
//! | `P-Asserted-Identity` | of a trusted trunk names it | covers it: operators; never: trunks, whose own is written by `identity` |
//! | `X-Usher-…`, `P-…`, `Proxy-…`, `Content-…`, `Security-…` and what else SIP knows | never | never |
//!
//! `headers_strip` of either side wins. What tells of a caller who wants to stay hidden is no context.

use std::collections::BTreeMap;
use std::sync::Arc;

use sip::Headers;
use sip::msg::{Message, Name as Header, is_token, split_list};

use crate::config::{HeaderRules, Limits, Name, Trunk};

/// How a header field may cross.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The customer's affair.
    Free,
    /// As [`Kind::Free`], and ours to extend: SIP does not know it, nor does it begin with `X-`.
    Strange,
    /// Believed of trusted trunks, told to none but them and our own people.
    Trusted,
    /// It speaks of the leg it came by, or we write it.
    Never,
}

/// Beginnings of names that never cross, whoever lists them: our own, and families of fields that
/// speak of a leg, a network or a body.
const RESERVED: [&str; 5] = ["X-Usher-", "P-", "Proxy-", "Content-", "Security-"];

fn kind(name: &str) -> Kind {
    match Header::lookup(name) {
        Some(Header::UserToUser | Header::Subject) => Kind::Free,
        Some(Header::Diversion | Header::HistoryInfo | Header::PAssertedIdentity) => Kind::Trusted,
        Some(_) => Kind::Never,
        None if !is_token(name) || RESERVED.iter().any(|start| begins(name, start)) => Kind::Never,
        None if begins(name, "X-") => Kind::Free,
        None => Kind::Strange,
    }
}

fn begins(name: &str, start: &str) -> bool {
    name.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

/// Whether a header field says who somebody is, so that only trusted peers are believed.
pub(crate) fn is_identity(name: &str) -> bool {
    let known = Header::lookup(name);
    known.is_some_and(|known| {
        matches!(
            known,
            Header::PAssertedIdentity
                | Header::PPreferredIdentity
                | Header::RemotePartyId
                | Header::Diversion
                | Header::HistoryInfo
                | Header::Identity
                | Header::IdentityInfo
        )
    }) || begins(name, "P-")
}

/// Whether a pattern, a name or a beginning and `*`, covers a name; compact forms are the long ones.
fn covers(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => begins(name, start),
        None => match Header::lookup(pattern) {
            Some(known) => Header::lookup(name) == Some(known),
            None => name.eq_ignore_ascii_case(pattern),
        },
    }
}

fn listed(list: &[Name], name: &str) -> bool {
    list.iter().any(|pattern| covers(pattern, name))
}

/// Whether a list has the name itself, not only a `*` that covers it.
fn named(list: &[Name], name: &str) -> bool {
    list.iter().any(|pattern| !pattern.ends_with('*') && covers(pattern, name))
}

/// What a list of header fields may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// It may cross.
    Free,
    /// It says who somebody is: it may cross where that is believed.
    Trusted,
    /// It never crosses.
    Never,
}

/// Whether a name, or a beginning and `*`, can have a meaning in `headers_in` or `headers_out`.
#[must_use]
pub fn listing(pattern: &str) -> Listing {
    let name = pattern.strip_suffix('*').unwrap_or(pattern);
    let is_reserved = RESERVED.iter().any(|start| begins(name, start));
    match kind(name) {
        _ if name.len() < pattern.len() && !is_reserved => Listing::Free,
        Kind::Free | Kind::Strange => Listing::Free,
        Kind::Trusted => Listing::Trusted,
        Kind::Never => Listing::Never,
    }
}

/// Who speaks or listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Party {
    /// A phone of our own people.
    Inside,
    /// A trunk that is believed and told who calls (RFC 3325's trust domain).
    Trusted,
    /// Any other.
    Stranger,
}

impl Party {
    /// A trunk as it is configured.
    pub(crate) fn of(trunk: &Trunk) -> Self {
        if trunk.trusted { Self::Trusted } else { Self::Stranger }
    }
}

/// Whether a header field of somebody's INVITE becomes context.
fn enters(rules: &HeaderRules, from: Party, is_hidden: bool, name: &str) -> bool {
    // Most fields of an INVITE are at no pattern's mercy: seen before any list is.
    let may = match kind(name) {
        Kind::Never => false,
        Kind::Free => listed(&rules.take, name),
        Kind::Strange => {
            rules.take.iter().any(|pattern| &**pattern != "*" && covers(pattern, name))
        }
        Kind::Trusted => from == Party::Trusted && !is_hidden && named(&rules.take, name),
    };
    may && !listed(&rules.strip, name)
}

/// Whether a value of the context is told to somebody.
fn leaves(rules: &HeaderRules, to: Party, name: &str) -> bool {
    let may = match (kind(name), to) {
        (Kind::Never, _) | (Kind::Trusted, Party::Stranger) => false,
        (Kind::Trusted, Party::Trusted) => {
            Header::lookup(name) != Some(Header::PAssertedIdentity) && named(&rules.give, name)
        }
        (Kind::Free | Kind::Strange, _) | (Kind::Trusted, Party::Inside) => {
            listed(&rules.give, name)
        }
    };
    may && !listed(&rules.strip, name)
}

/// What an INVITE brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// By name: as first written, of known fields the canonical one.
    pub(crate) context: BTreeMap<String, String>,
    /// Header fields that the limits kept out.
    pub(crate) dropped: Vec<Name>,
}

/// Names told of those that were dropped, and octets of each.
const DROPPED_MAX: usize = 16;
const NAME_MAX: usize = 64;

/// The context that an INVITE brings. Several fields of one name are one list (RFC 3261 section
/// 7.3.1); otherwise a value is kept octet for octet.
pub(crate) fn taken(
    request: &Message,
    rules: &HeaderRules,
    from: Party,
    is_hidden: bool,
    limits: &Limits,
) -> Taken {
    let mut taken = Taken::default();
    for (name, value) in request.fields() {
        if enters(rules, from, is_hidden, name) && !value.is_empty() {
            taken.add(name, value, limits);
        }
    }
    taken
}

impl Taken {
    fn add(&mut self, name: &str, value: &str, limits: &Limits) {
        let name = Header::lookup(name).map_or(name, |known| known.as_str());
        let count = self.context.len();
        let known = self.context.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let fits = |length: usize| length <= limits.context_value_max;
        let length = value.chars().count();
        match known {
            Some((_, old)) if fits(old.chars().count() + 2 + length) => {
                old.push_str(", ");
                old.push_str(value);
            }
            None if fits(length) && name.len() <= NAME_MAX && count < limits.context_values_max => {
                self.context.insert(name.to_owned(), value.to_owned());
            }
            _ => self.drop(name),
        }
    }

    fn drop(&mut self, name: &str) {
        let shown = name.get(..NAME_MAX).unwrap_or(name);
        if self.dropped.len() < DROPPED_MAX && !self.dropped.iter().any(|known| &**known == shown) {
            self.dropped.push(shown.into());
        }
    }
}

/// The context as somebody is told it. Each element of a User-to-User has a field of its own, as
/// readers of one value expect.
pub(crate) fn told(context: &BTreeMap<String, String>, rules: &HeaderRules, to: Party) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in context.iter().filter(|(name, _)| leaves(rules, to, name)) {
        let shared: Arc<str> = name.as_str().into();
        if Header::lookup(name) == Some(Header::UserToUser) {
            headers.extend(split_list(value).map(|one| (shared.clone(), one.to_owned())));
        } else {
            headers.push((shared, value.clone()));
        }
    }
    headers
}

/// Why a header field from somebody's text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The name is no token (RFC 3261 section 25.1).
    #[error("no name of a header field")]
    NoName,
    /// We write it ourselves, or it speaks of one leg only.
    #[error("not for others to set")]
    Ours,
    /// A control character: CR and LF would begin another header field.
    #[error("a value with control characters")]
    Control,
    /// Longer than `max_context_value_chars`.
    #[error("a value that is too long")]
    TooLong,
}

/// A header field that an order, a URI or a Refer-To names (RFC 3261 section 19.1.5): under the name
/// it is sent with. A name that is neither known nor begins with `X-` gets `prefix`.
///
/// # Errors
/// [`Refused`], where it would be more than a word about the call.
pub fn given(
    name: &str,
    value: &str,
    prefix: &str,
    value_max: usize,
) -> Result<(Arc<str>, String), Refused> {
    if !is_token(name) {
        return Err(Refused::NoName);
    }
    let name: Arc<str> = match (kind(name), Header::lookup(name)) {
        (Kind::Never | Kind::Trusted, _) => return Err(Refused::Ours),
        (_, Some(known)) => known.as_str().into(),
        (Kind::Strange, None) => format!("{prefix}{name}").into(),
        (Kind::Free, None) => name.into(),
    };
    if value.chars().any(|c| c.is_control() && c != '\t') {
        return Err(Refused::Control);
    }
    if name.len() > NAME_MAX || value.chars().count() > value_max {
        return Err(Refused::TooLong);
    }
    Ok((name, value.trim().to_owned()))
}

#[cfg(test)]
mod tests;
