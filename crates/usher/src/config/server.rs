//! `[node]`, `[sip]`, `[media]`, `[http]`, `[acd]`, `[limits]`: one of each.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use b2bua::Language;
use b2bua::config::{Notify, Supervise};

use jiff::tz::TimeZone;

use super::codecs;
use super::names::{Names, Thing};
use super::section::{Section, Text};
use super::setup::{HttpSetup, Listen, MediaSetup, Role, TokenSetup};
use super::source::Table;

/// A section; where it is absent, it is read as one without keys.
pub(super) fn section<'a>(root: &Section<'a>, key: &'static str) -> Section<'a> {
    static NOTHING: Table = Table(Vec::new());
    let shown = format!("[{key}]");
    root.entry(key)
        .and_then(|entry| Section::new(&shown, &entry.value, root.report))
        .unwrap_or_else(|| Section::of(&shown, root.at, &NOTHING, root.report))
}

pub(super) struct NodeSection {
    pub(super) name: Arc<str>,
    pub(super) number: u16,
    pub(super) data_dir: PathBuf,
    pub(super) time_zone: TimeZone,
}

pub(super) fn node(root: &Section<'_>) -> NodeSection {
    let node = section(root, "node");
    let name = node.text("name", "a name such as \"usher-1\"").map_or("usher-1", |name| name.text);
    let number = node.whole("number", 0, 0..=1023);
    let data_dir = node.text("data_dir", "a folder").map_or("var", |folder| folder.text);
    let time_zone = time_zone(&node);
    node.finish(&[]);
    NodeSection { name: name.into(), number, data_dir: data_dir.into(), time_zone }
}

fn time_zone(node: &Section<'_>) -> TimeZone {
    let expected = "a time zone such as \"Europe/Moscow\"";
    let Some(text) = node.text("time_zone", expected) else { return TimeZone::UTC };
    TimeZone::get(text.text).unwrap_or_else(|_| {
        node.report.fault(
            text.at,
            format!("`time_zone` of [node] is `{}`; expected {expected}", text.text),
        );
        TimeZone::UTC
    })
}

pub(super) struct SipSection {
    pub(super) core: sip::Config,
    pub(super) listen: Vec<Listen>,
    pub(super) header_prefix: Arc<str>,
}

pub(super) fn sip(root: &Section<'_>) -> SipSection {
    let table = section(root, "sip");
    let domain =
        table.required("domain", "the part behind @ of operators' addresses, \"usher.example\"");
    if let Some(domain) = domain
        && sip::msg::Uri::parse(&format!("sip:a@{}", domain.text)).is_err()
    {
        table.report.fault(domain.at, format!("`domain` is `{}`; expected a host", domain.text));
    }
    let expires_s_min = table.whole("min_expires_s", 60, 1..=86_400);
    let expires_s_max = table.whole("max_expires_s", 3_600, 1..=604_800);
    if expires_s_min > expires_s_max {
        table.report.fault(table.at, "`min_expires_s` of [sip] is above `max_expires_s`");
    }
    let product = table.text("product", "the value of Server and User-Agent");
    let listen = listeners(&table);
    let streams = listen.iter().filter(|one| one.transport == sip::Transport::Tcp);
    let core = sip::Config {
        streams: streams.map(|one| one.address).collect(),
        domain: domain.map_or("", |domain| domain.text).into(),
        advertise: address(&table, "advertise"),
        product: product.map_or(concat!("usher/", env!("CARGO_PKG_VERSION")), |p| p.text).into(),
        users: Vec::new(),
        trunks: Vec::new(),
        strangers: table.choice(
            "strangers",
            &[("forbid", sip::Strangers::Forbid), ("silence", sip::Strangers::Silence)],
            &[],
        ),
        expires_s_min,
        expires_s_max,
        watch: watch(&table),
        contacts_max: 0,
        legs_max: 0,
        transactions_max: 0,
        sha256_first: table.choice("digest", &[("md5-first", false), ("sha256-first", true)], &[]),
    };
    let header_prefix = header_prefix(&table);
    table.finish(&["hep", "timers", "features"]);
    SipSection { core, listen, header_prefix }
}

/// What makes a name that somebody gives one of an extension.
fn header_prefix(table: &Section<'_>) -> Arc<str> {
    const USUAL: &str = "X-CRM-";
    let expected = "a beginning such as \"X-CRM-\"";
    let Some(text) = table.text("header_prefix", expected) else { return USUAL.into() };
    let sound = text.text.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("X-"))
        && sip::msg::is_token(text.text)
        && b2bua::headers::listing(text.text) == b2bua::headers::Listing::Free;
    if !sound {
        let what = table.what();
        table.report.fault(
            text.at,
            format!("`header_prefix` of {what} is `{}`; expected {expected}", text.text),
        );
        return USUAL.into();
    }
    text.text.into()
}

/// RFC 4028 section 4: less than this forbids it.
const MIN_SE_S: u32 = 90;

/// Session timers and OPTIONS: how it is noticed that a peer is gone.
fn watch(table: &Section<'_>) -> sip::Watch {
    let interval_s = table.whole("session_expires_s", 1_800, 0..=86_400);
    let interval_s_min = table.whole("min_se_s", MIN_SE_S, 3..=86_400);
    let at = |key| table.entry(key).map_or(table.at, |entry| &entry.value.at);
    if interval_s > 0 && interval_s < interval_s_min {
        table.report.fault(
            at("session_expires_s"),
            format!(
                "`session_expires_s` of [sip] is {interval_s}, below `min_se_s`, which is \
                 {interval_s_min}; expected at least that, or 0 for none"
            ),
        );
    }
    if interval_s_min < MIN_SE_S {
        table.report.warn(
            at("min_se_s"),
            format!(
                "`min_se_s` of [sip] is {interval_s_min}; RFC 4028 forbids less than {MIN_SE_S}, \
                 and others may refuse it: good for tests only"
            ),
        );
    }
    let probe_s = table.whole("probe_s", 300, 0..=86_400);
    let qualify_s = table.whole("qualify_s", 60, 0..=86_400);
    sip::Watch { interval_s, interval_s_min, probe_s, qualify_s }
}

fn address(table: &Section<'_>, key: &'static str) -> Option<IpAddr> {
    let text = table.text(key, "an address such as \"203.0.113.5\"")?;
    match text.text.parse::<IpAddr>() {
        Ok(address) if !address.is_unspecified() => Some(address),
        _ => {
            let what = table.what();
            table.report.fault(
                text.at,
                format!(
                    "`{key}` of {what} is `{}`; expected an address others can reach, such as \
                     \"203.0.113.5\"",
                    text.text
                ),
            );
            None
        }
    }
}

/// What the sockets of this version speak.
const TRANSPORTS: &[(&str, sip::Transport)] =
    &[("udp", sip::Transport::Udp), ("tcp", sip::Transport::Tcp)];
const TRANSPORTS_LATER: &[&str] = &["tls", "ws", "wss"];

fn listeners(table: &Section<'_>) -> Vec<Listen> {
    let expected = "a list such as [\"udp://0.0.0.0:5060\"]";
    let default =
        Listen { transport: sip::Transport::Udp, address: SocketAddr::from(([0, 0, 0, 0], 5060)) };
    let Some(texts) = table.texts("listen", expected) else { return vec![default] };
    if texts.is_empty() {
        table.report.fault(table.at, format!("`listen` of [sip] is empty; expected {expected}"));
    }
    let mut listeners = Vec::new();
    for text in texts {
        match listener(text) {
            Ok(listen) if listeners.contains(&listen) => {
                table.report.fault(text.at, format!("`{}` is there twice", text.text));
            }
            Ok(listen) => listeners.push(listen),
            Err(fault) => table.report.fault(text.at, fault),
        }
    }
    listeners
}

fn listener(text: Text<'_>) -> Result<Listen, String> {
    let expected = "expected TRANSPORT://ADDRESS:PORT, such as \"udp://0.0.0.0:5060\"";
    let wrong = || format!("`listen` of [sip] is `{}`; {expected}", text.text);
    let (word, address) = text.text.split_once("://").ok_or_else(wrong)?;
    let Some((_, transport)) = TRANSPORTS.iter().find(|(known, _)| *known == word) else {
        return Err(if TRANSPORTS_LATER.contains(&word) {
            format!("`{word}` in `{}` is not supported yet; so far: udp, tcp", text.text)
        } else {
            wrong()
        });
    };
    let address = address
        .parse::<SocketAddr>()
        .or_else(|_| address.trim_matches(['[', ']']).parse().map(|ip| SocketAddr::new(ip, 5060)))
        .map_err(|_| wrong())?;
    if address.port() == 0 {
        return Err(wrong());
    }
    Ok(Listen { transport: *transport, address })
}

pub(super) fn limits(root: &Section<'_>, sip: &mut sip::Config) -> b2bua::config::Limits {
    let table = section(root, "limits");
    let calls_max: usize = table.whole("max_calls", 2_000, 1..=1_000_000);
    // An inbound call is two legs, and a few more while several phones of an operator ring.
    sip.legs_max = table.whole("max_legs", calls_max.saturating_mul(4), 2..=4_000_000);
    sip.transactions_max =
        table.whole("max_transactions", calls_max.saturating_mul(16), 8..=16_000_000);
    sip.contacts_max = table.whole("max_contacts", 10, 1..=100);
    let limits = b2bua::config::Limits {
        calls_max,
        context_values_max: table.whole("max_context_values", 64, 0..=1_000),
        context_value_max: table.whole("max_context_value_chars", 1_024, 1..=65_536),
    };
    table.finish(&["max_queued", "max_header_bytes", "max_headers", "max_message_bytes"]);
    limits
}

/// What can be spoken, the default first.
pub(super) const LANGUAGES: [(&str, Language); 2] =
    [("en", Language::English), ("ru", Language::Russian)];

/// `[acd] auto_connect`.
pub(super) fn acd(root: &Section<'_>) -> bool {
    let table = section(root, "acd");
    let auto_connect = table.switch("auto_connect", true);
    table.finish(&["alone_s", "redistribute_s"]);
    auto_connect
}

/// `[supervise]`.
pub(super) fn supervise(root: &Section<'_>) -> Supervise {
    let table = section(root, "supervise");
    let notify = table.choice(
        "notify",
        &[("none", Notify::Nothing), ("event", Notify::Event), ("beep", Notify::Beep)],
        &[],
    );
    let auto_answer = table.switch("auto_answer", true);
    table.finish(&[]);
    Supervise { notify, auto_answer }
}

/// `[media]`; what it keeps is in `data_dir`.
pub(super) fn media(
    root: &Section<'_>,
    sip: &SipSection,
    data_dir: &Path,
) -> (MediaSetup, b2bua::config::Media) {
    let table = section(root, "media");
    let listen = media_listen(&table, sip);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let advertise = address(&table, "advertise").or(sip.core.advertise);
    let dead_audio_ms = table.seconds("dead_audio_s", None, 0..=86_400).filter(|&ms| ms > 0);
    let setup = MediaSetup {
        listen,
        ports: ports(&table, sip),
        threads: table.whole("threads", cores, 1..=1_024),
        sounds: super::sound::read(&table, data_dir),
    };
    let core = b2bua::config::Media {
        listen,
        advertise,
        codecs: codecs::read(&table).unwrap_or_else(|| media::Codec::ALL.to_vec()),
        music: "default".into(),
        language: table.choice("language", &LANGUAGES, &[]).as_str().into(),
        dead_audio_ms,
        asymmetric_rtp: table.switch("asymmetric_rtp", false),
        record: super::recording::policy(&table).unwrap_or_default(),
    };
    table.finish(&["srtp"]);
    (setup, core)
}

/// Where audio comes in: where nothing is said, over IPv4, and over both where SIP comes over IPv6.
fn media_listen(table: &Section<'_>, sip: &SipSection) -> IpAddr {
    let families = || sip.listen.iter().map(|listen| listen.address.is_ipv6());
    let both = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    let four = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let default = if families().any(|is_v6| is_v6) { both } else { four };
    let Some(text) = table.text("listen", "an address such as \"0.0.0.0\"") else {
        return default;
    };
    let Ok(listen) = text.text.parse::<IpAddr>() else {
        table.report.fault(
            text.at,
            format!(
                "`listen` of [media] is `{}`; expected an address without port, such as \
                 \"0.0.0.0\", or \"::\" for IPv6 and IPv4",
                text.text
            ),
        );
        return default;
    };
    if listen != both && families().any(|is_v6| is_v6 != listen.is_ipv6()) {
        let (other, own) = if listen.is_ipv6() { ("IPv4", "IPv6") } else { ("IPv6", "IPv4") };
        table.report.warn(
            text.at,
            format!(
                "[sip] listens on {other} too, but audio comes in over {own} only: calls over \
                 {other} are refused; \"::\" takes both"
            ),
        );
    }
    listen
}

fn ports(table: &Section<'_>, sip: &SipSection) -> RangeInclusive<u16> {
    let default = 20_000..=29_999;
    let expected = "two ports from 1024 on, such as \"20000-29999\"";
    let Some(text) = table.text("ports", expected) else { return default };
    let parsed = text.text.split_once('-').and_then(|(first, last)| {
        Some((first.trim().parse::<u16>().ok()?, last.trim().parse::<u16>().ok()?))
    });
    let Some((first, last)) = parsed.filter(|(first, last)| *first >= 1_024 && first < last) else {
        table
            .report
            .fault(text.at, format!("`ports` of [media] is `{}`; expected {expected}", text.text));
        return default;
    };
    let taken = sip.listen.iter().find(|listen| (first..=last).contains(&listen.address.port()));
    if let Some(taken) = taken {
        table.report.fault(
            text.at,
            format!(
                "`ports` of [media] contain {}, where [sip] listens; move one of them",
                taken.address.port()
            ),
        );
    }
    first..=last
}

pub(super) fn http(root: &Section<'_>, names: &mut Names) -> HttpSetup {
    let table = section(root, "http");
    let default = SocketAddr::from(([127, 0, 0, 1], 8080));
    let expected = "ADDRESS:PORT, such as \"127.0.0.1:8080\"";
    let listen = table.text("listen", expected).map_or(default, |text| {
        text.text.parse().unwrap_or_else(|_| {
            let text_is = text.text;
            table
                .report
                .fault(text.at, format!("`listen` of [http] is `{text_is}`; expected {expected}"));
            default
        })
    });
    let mut tokens: Vec<TokenSetup> = Vec::new();
    for mut token in table.tables("token", "[[http.token]]") {
        let named = token.required("name", "a name for logs");
        let name = named.map_or("", |name| name.text);
        token.is_called(name);
        names.define(Thing::Token, name, token.at, token.report);
        let secret = token.required("secret", "what stands behind `Authorization: Bearer`");
        let role = token.choice(
            "role",
            &[
                ("operator", Role::Operator),
                ("supervisor", Role::Supervisor),
                ("admin", Role::Admin),
            ],
            &[],
        );
        if let Some(named) = named
            && role == Role::Operator
        {
            // What the token may do is what the operator of its name may.
            names.refer(Thing::Operator, named, &format!("{} of role operator", token.what()));
        }
        let supervises = super::operator::supervises(&token, names);
        if role != Role::Supervisor && !supervises.is_empty() {
            token.report.fault(
                token.at,
                format!("`supervises` of {} goes with the role supervisor only", token.what()),
            );
        }
        token.finish(&["operator"]);
        let Some(secret) = secret else { continue };
        if tokens.iter().any(|other| &*other.secret == secret.text) {
            token.report.fault(secret.at, format!("{} has another token's secret", token.what()));
        }
        tokens.push(TokenSetup { name: name.into(), secret: secret.text.into(), role, supervises });
    }
    table.finish(&["origins", "cert", "key", "desk"]);
    HttpSetup { listen, tokens }
}
