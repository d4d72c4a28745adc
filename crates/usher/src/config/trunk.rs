//! `[[trunk]]`: who may call in without registering, and where calls go out.

use std::net::IpAddr;

use b2bua::config::{HeaderRules, Identity, Name, Trunk};
use b2bua::{Rewriting, Rule};
use sip::{Block, Credentials, Redirects, TrunkPeer};

use super::codecs;
use super::fault::Report;
use super::headers;
use super::names::{Names, Thing};
use super::operator;
use super::section::{Section, Text};
use super::source::At;

/// A trunk as access control and the calling side see it.
pub(super) struct Read {
    pub(super) at: At,
    pub(super) peer: TrunkPeer,
    pub(super) core: Trunk,
}

const LATER: &[&str] = &["register", "max_cps", "srtp", "options_s", "failover"];

/// Bits that a block of `hosts` needs to be somebody's: what is wider is the internet.
const NARROW: u8 = 8;

pub(super) fn read(mut section: Section<'_>, names: &mut Names) -> Read {
    let name = section.required("name", "a name such as \"carrier\"").map_or("", |name| name.text);
    section.is_called(name);
    if !name.is_empty() {
        names.define(Thing::Trunk, name, section.at, section.report);
    }
    let hosts = section.texts("hosts", "a list of addresses such as [\"203.0.113.0/28\"]");
    let hosts: Vec<Block> =
        hosts.unwrap_or_default().into_iter().filter_map(|text| host(&section, text)).collect();
    let proxy = section.text("proxy", "a SIP URI such as \"sip:sbc.example\"");
    let proxy = proxy.and_then(|text| uri(&section, "proxy", text));
    let credentials = credentials(&section);
    if hosts.is_empty()
        && credentials.is_none()
        && !["hosts", "proxy", "username"].iter().any(|key| section.has(key))
    {
        section.report.fault(
            section.at,
            format!(
                "{} has neither `hosts` nor `username`, so nobody can call in, and no `proxy`, so \
                 nobody can be called",
                section.what()
            ),
        );
    }
    let outgoing = operator::outgoing(&section);
    let calls_max = section.whole("max_calls", 500, 1..=1_000_000);
    let own: fn(Vec<Block>) -> Redirects = Redirects::Own;
    let redirects = section.choice(
        "redirects",
        &[("own", own), ("none", |_| Redirects::Refused), ("any", |_| Redirects::Any)],
        &[],
    );
    let redirects = redirects(hosts.clone());
    let usual = !hosts.is_empty() && hosts.iter().all(|block| block.prefix >= NARROW);
    let trusted = section.switch("trust", usual);
    if trusted && !usual && !hosts.is_empty() {
        section.report.warn(
            section.at,
            format!(
                "{} is trusted to say who calls, and open to a good part of the internet",
                section.what()
            ),
        );
    }
    let headers = headers::rules(&section, HeaderRules::of_trunk(), trusted);
    let (identity, caller_id) = identity(&section, credentials.is_some());
    let codecs = codecs::read(&section);
    let number_in = rewriting(&section, "number_in");
    let number_out = rewriting(&section, "number_out");
    section.finish(LATER);
    Read {
        at: section.at.clone(),
        peer: TrunkPeer { name: name.into(), hosts, credentials: credentials.clone() },
        core: Trunk {
            name: name.into(),
            proxy,
            credentials,
            calls_max,
            outgoing,
            redirects,
            headers,
            trusted,
            number_in,
            number_out,
            identity,
            caller_id,
            codecs,
        },
    }
}

/// `number_in` and `number_out`: a table `{ strip, add, digits }`, or several, of which the first that
/// fits counts.
fn rewriting(section: &Section<'_>, key: &'static str) -> Rewriting {
    let shown = "{ strip = \"8\", add = \"+7\" }";
    let rules = section.table_or_several(key).into_iter().map(|table| {
        let part = |key| {
            let text = table.text(key, "digits, perhaps after +");
            let is_part = |text: &str| {
                text.strip_prefix('+').unwrap_or(text).bytes().all(|byte| byte.is_ascii_digit())
            };
            if let Some(text) = text.filter(|text| !is_part(text.text)) {
                let what = table.what();
                let told = format!(
                    "`{key}` of {what} is `{}`; expected digits, perhaps after +",
                    text.text
                );
                table.report.fault(text.at, told);
            }
            text.map_or("", |text| text.text).into()
        };
        let (strip, add) = (part("strip"), part("add"));
        let digits = table.has("digits").then(|| table.whole("digits", 11, 1..=32));
        if !table.has("strip") && !table.has("add") {
            let what = table.what();
            table
                .report
                .fault(table.at, format!("{what} changes nothing; expected such as {shown}"));
        }
        table.finish(&[]);
        Rule { strip, add, digits }
    });
    Rewriting(rules.collect())
}

fn host(section: &Section<'_>, text: Text<'_>) -> Option<Block> {
    let (address, prefix) =
        text.text.split_once('/').map_or((text.text, None), |(host, bits)| (host, Some(bits)));
    let fault = |expected: &str| {
        section.report.fault(
            text.at,
            format!("`hosts` of {} has `{}`; expected {expected}", section.what(), text.text),
        );
        None
    };
    let Ok(address) = address.parse::<IpAddr>() else {
        return fault("an address or a block of them, 203.0.113.0/28; names are not looked up");
    };
    let bits: u8 = if address.is_ipv4() { 32 } else { 128 };
    match prefix.map_or(Ok(bits), str::parse::<u8>) {
        Ok(prefix) if prefix <= bits => {
            if prefix == 0 {
                section.report.warn(
                    text.at,
                    format!(
                        "{} is open to every address there is: anybody may call",
                        section.what()
                    ),
                );
            }
            Some(Block { address, prefix })
        }
        _ => fault(&format!("a prefix of 0 to {bits} bits")),
    }
}

/// A URI that a call can be sent to.
pub(super) fn uri(section: &Section<'_>, key: &str, text: Text<'_>) -> Option<sip::msg::Uri> {
    let uri = sip::msg::Uri::parse(text.text).ok();
    let is = |scheme| uri.as_ref().is_some_and(|uri| *uri.scheme() == scheme);
    let what = section.what();
    if is(sip::msg::Scheme::Sip) {
        return uri;
    }
    section.report.fault(
        text.at,
        if is(sip::msg::Scheme::Sips) {
            format!("`{key}` of {what}: sips: is not supported yet; so far: sip:")
        } else {
            format!(
                "`{key}` of {what} is `{}`; expected a SIP URI such as \"sip:100@203.0.113.5:5060\"",
                text.text
            )
        },
    );
    None
}

fn credentials(section: &Section<'_>) -> Option<Credentials> {
    let username = section.text("username", "the digest user name");
    let password = section.text("password", "the digest password");
    let filled = |text: &Option<Text<'_>>| text.is_some_and(|text| !text.text.is_empty());
    match (filled(&username), filled(&password)) {
        (true, true) => {
            let (username, password) = (username?.text.into(), password?.text.into());
            return Some(Credentials { username, password });
        }
        (true, false) => section
            .report
            .fault(section.at, format!("{} has a `username`, but no `password`", section.what())),
        (false, true) => section
            .report
            .fault(section.at, format!("{} has a `password`, but no `username`", section.what())),
        (false, false) => {}
    }
    None
}

/// As whom calls go out.
fn identity(section: &Section<'_>, has_username: bool) -> (Identity, Option<Name>) {
    let words = [("customer", Identity::Customer), ("trunk", Identity::Trunk)];
    let identity = section.choice("identity", &words, &[]);
    let caller_id = section.text("caller_id", "a number, or a SIP or tel URI");
    if let Some(text) = caller_id {
        headers::is_caller_id(section, text.text, text.at);
    } else if identity == Identity::Trunk && !has_username {
        section.report.fault(
            section.at,
            format!(
                "{} shows itself as the caller, but has no number to show; add a `caller_id`",
                section.what()
            ),
        );
    }
    (identity, caller_id.map(|text| text.text.into()))
}

/// What can be seen only over all trunks.
pub(super) fn check(trunks: &[Read], operators: &[operator::Read], report: &Report) {
    for (index, trunk) in trunks.iter().enumerate() {
        let name = &trunk.peer.name;
        for earlier in &trunks[..index] {
            for block in &trunk.peer.hosts {
                if earlier.peer.hosts.iter().any(|other| covers(*other, *block)) {
                    report.warn(
                        &trunk.at,
                        format!(
                            "[[trunk]] `{name}`: {}/{} belongs to trunk `{}` before it, which takes \
                             its calls",
                            block.address, block.prefix, earlier.peer.name
                        ),
                    );
                }
            }
        }
        let Some(credentials) = &trunk.peer.credentials else { continue };
        let taken = operators
            .iter()
            .map(|operator| (&operator.core.id, "operator"))
            .chain(trunks[..index].iter().filter_map(|earlier| {
                Some((&earlier.peer.credentials.as_ref()?.username, "trunk"))
            }))
            .find(|(username, _)| **username == credentials.username);
        if let Some((username, whose)) = taken {
            report.fault(
                &trunk.at,
                format!("[[trunk]] `{name}`: `{username}` is the user name of another {whose}"),
            );
        }
    }
}

fn covers(wide: Block, narrow: Block) -> bool {
    let bits = |address| match address {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)) << 96, true),
        IpAddr::V6(v6) => (u128::from(v6), false),
    };
    let ((a, a_v4), (b, b_v4)) = (bits(wide.address), bits(narrow.address));
    let mask = u128::MAX.checked_shl(128 - u32::from(wide.prefix)).unwrap_or(0);
    a_v4 == b_v4 && wide.prefix <= narrow.prefix && a & mask == b & mask
}
