//! Which header fields cross to and from a peer: `headers_in`, `headers_out`, `headers_strip`, and as
//! whom it calls: `caller_id`.

use b2bua::config::{HeaderRules, Name};
use b2bua::headers::{Listing, listing};
use sip::msg::{Scheme, Uri, is_token};

use super::operator::plain;
use super::section::{Section, Text};

/// The three lists; where one is absent, that of `usual`. `believed`: who says who somebody is.
pub(super) fn rules(section: &Section<'_>, usual: HeaderRules, believed: bool) -> HeaderRules {
    HeaderRules {
        take: list(section, "headers_in", usual.take, believed),
        give: list(section, "headers_out", usual.give, true),
        strip: list(section, "headers_strip", usual.strip, true),
    }
}

fn list(section: &Section<'_>, key: &'static str, usual: Vec<Name>, believed: bool) -> Vec<Name> {
    let texts = section.texts(key, "a list of header names, * at the end for any that start so");
    let Some(texts) = texts else { return usual };
    let fits = |text: &Text<'_>| is_sound(section, key, *text, believed);
    texts.into_iter().filter(fits).map(|text| text.text.into()).collect()
}

fn is_sound(section: &Section<'_>, key: &str, text: Text<'_>, believed: bool) -> bool {
    let name = text.text.strip_suffix('*').unwrap_or(text.text);
    let is_name = is_token(name) && !name.contains('*') || text.text == "*";
    let fault = if !is_name {
        "expected a header name, * only at its end"
    } else if key == "headers_strip" {
        // To strip what never crosses is no harm.
        return true;
    } else {
        match listing(text.text) {
            Listing::Free => return true,
            Listing::Trusted if believed => return true,
            Listing::Trusted => "that is believed only of a [[trunk]] with trust = true",
            Listing::Never => "that never crosses from one leg to another; remove it",
        }
    };
    let what = section.what();
    section.report.fault(text.at, format!("`{key}` of {what} has `{}`; {fault}", text.text));
    false
}

/// `caller_id`: a number of ours, or a SIP or tel URI.
pub(super) fn is_caller_id(section: &Section<'_>, text: &str, at: &super::source::At) {
    let uri = Uri::parse(text);
    let is_uri = uri.is_ok_and(|uri| uri.is_sip() || *uri.scheme() == Scheme::Tel);
    if !is_uri {
        plain(section, "caller_id", text, at);
    }
}
