//! A run as a person reads it: who sent what to whom, and what the switch said of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;

use b2bua::event::{Hears, Phase, Totals};
use b2bua::{ParticipantId, What};
use sip::Time;
use sip::msg::{Message, Method, Name};

/// Lines, in order of time; nothing where it is switched off.
#[derive(Debug, Default)]
pub(crate) struct Ladder {
    on: bool,
    names: BTreeMap<SocketAddr, String>,
    /// The names as they were given, which is how they stand from left to right.
    order: Vec<String>,
    lines: Vec<(Time, Line)>,
    offers: Offers,
    /// Who takes part in calls, by the name of their column or number.
    people: BTreeMap<ParticipantId, String>,
}

#[derive(Debug)]
enum Line {
    Message {
        from: String,
        to: String,
        what: String,
    },
    /// What the switch tells, or something else worth a line.
    Note(String),
}

/// Of more people than these it is said who hears whom.
const TWO: usize = 2;
/// Columns beyond which a ladder becomes a list.
const COLUMNS_MAX: usize = 5;
/// The least space between two columns.
const GAP_MIN: usize = 12;
/// Where the first column stands.
const MARGIN: usize = 14;

impl Ladder {
    /// A ladder that keeps what it is told, if `on`.
    #[must_use]
    pub(crate) fn new(on: bool) -> Self {
        Self { on, ..Self::default() }
    }

    /// Gives an address a name.
    pub(crate) fn name(&mut self, address: SocketAddr, name: &str) {
        self.names.insert(address, name.to_owned());
        self.order.push(name.to_owned());
    }

    /// A message on its way; `fate` says what the network did with it.
    pub(crate) fn message(
        &mut self,
        now: Time,
        from: SocketAddr,
        to: SocketAddr,
        wire: &[u8],
        fate: &str,
    ) {
        if !self.on {
            return;
        }
        let what = match Message::parse(bytes::Bytes::copy_from_slice(wire)) {
            Ok(message) => described(&message, &mut self.offers),
            Err(_) => "(no message)".to_owned(),
        };
        let name = |address| {
            let known = self.names.get(&address).cloned();
            known.unwrap_or_else(|| address.to_string())
        };
        let (from, to, what) = (name(from), name(to), format!("{what}{fate}"));
        self.lines.push((now, Line::Message { from, to, what }));
    }

    /// Something else worth a line.
    pub(crate) fn note(&mut self, now: Time, what: impl FnOnce() -> String) {
        if self.on {
            self.lines.push((now, Line::Note(what())));
        }
    }

    /// What the switch tells.
    pub(crate) fn event(&mut self, now: Time, event: &What) {
        // How a leg sounded is nothing that was said or decided.
        if !self.on || matches!(event, What::LegQuality(_)) {
            return;
        }
        if let What::ParticipantJoined { participant, operator, uri, .. } = event {
            let user = uri.rsplit_once(':').map_or(&**uri, |(_, rest)| rest);
            let user = user.split('@').next().unwrap_or_default();
            self.people.insert(*participant, operator.as_deref().unwrap_or(user).to_owned());
        }
        let what = match event {
            What::CallSegment { phase, hears, .. } if hears.len() > TWO => {
                segment(event.type_name(), *phase, hears, &self.people)
            }
            _ => told(event),
        };
        self.lines.push((now, Line::Note(format!("* {what}"))));
    }

    /// All of it: a column for each who says something, or a list where they are many.
    #[must_use]
    pub(crate) fn text(&self) -> String {
        let spoke = |name: &&String| {
            self.lines.iter().any(|(_, line)| match line {
                Line::Message { from, to, .. } => from == *name || to == *name,
                Line::Note(_) => false,
            })
        };
        let columns: Vec<&String> = self.order.iter().filter(spoke).collect();
        if columns.len() > COLUMNS_MAX { self.list() } else { self.drawn(&columns) }
    }

    fn list(&self) -> String {
        let mut text = String::new();
        for (at, line) in &self.lines {
            let at = at.as_secs_f64();
            let _ = match line {
                Line::Message { from, to, what } => {
                    writeln!(text, "{at:>9.3} {from:>8} -> {to:<8} {what}")
                }
                Line::Note(what) => writeln!(text, "{at:>9.3}          {what}"),
            };
        }
        text
    }

    /// Where each column stands: as far from the one before as the words of the arrows need.
    fn places(&self, columns: &[&String]) -> Vec<usize> {
        let column = |name: &String| columns.iter().position(|column| *column == name);
        let mut places = vec![MARGIN];
        for at in 1..columns.len() {
            let arrows = self.lines.iter().filter_map(|(_, line)| {
                let Line::Message { from, to, what } = line else { return None };
                let (from, to) = (column(from)?, column(to)?);
                (from.max(to) == at).then(|| places[from.min(to)] + what.chars().count() + 8)
            });
            places.push(arrows.max().unwrap_or(0).max(places[at - 1] + GAP_MIN));
        }
        places
    }

    /// Lifelines, arrows between them, and notes beside that of the switch.
    fn drawn(&self, columns: &[&String]) -> String {
        let places = self.places(columns);
        let mut text = head(columns, &places);
        let rails = || {
            let mut rails = vec![' '; places.last().map_or(MARGIN, |last| last + 1)];
            places.iter().for_each(|place| rails[*place] = '|');
            rails
        };
        for (now, line) in &self.lines {
            let mut row = rails();
            match line {
                Line::Message { from, to, what } => {
                    let at = |name| place_of(columns, &places, name);
                    match (at(from), at(to)) {
                        (Some(from), Some(to)) if from != to => arrow(&mut row, from, to, what),
                        _ => row.extend(format!("  {from} -> {to}: {what}").chars()),
                    }
                }
                Line::Note(what) => {
                    let told = place_of(columns, &places, SWITCH_NAME);
                    row.truncate(told.filter(|_| what.starts_with('*')).unwrap_or(MARGIN));
                    row.extend(what.chars());
                }
            }
            let time = format!("{:>9.3}", now.as_secs_f64());
            row.splice(..time.len(), time.chars());
            let _ = writeln!(text, "{}", row.into_iter().collect::<String>().trim_end());
        }
        text
    }
}

fn place_of(columns: &[&String], places: &[usize], name: &str) -> Option<usize> {
    places.get(columns.iter().position(|column| *column == name)?).copied()
}

/// How the switch is called in a ladder.
pub(crate) const SWITCH_NAME: &str = "usher";

/// The names, each in the middle of its column.
fn head(columns: &[&String], places: &[usize]) -> String {
    let mut head = "  seconds".to_owned();
    for (place, name) in places.iter().zip(columns) {
        let from = place.saturating_sub(name.chars().count() / 2);
        let missing = from.saturating_sub(head.chars().count());
        head.extend(std::iter::repeat_n(' ', missing));
        head.push_str(name);
    }
    head.push('\n');
    head
}

/// Draws an arrow with its words, which stand next to the one who says them.
fn arrow(row: &mut [char], from: usize, to: usize, what: &str) {
    let (left, right) = (from.min(to), from.max(to));
    row[left + 1..right].fill('-');
    row[if from < to { right - 1 } else { left + 1 }] = if from < to { '>' } else { '<' };
    let words: Vec<char> = format!(" {what} ").chars().collect();
    let start = if from < to { left + 3 } else { right - 2 - words.len() };
    row[start..start + words.len()].copy_from_slice(&words);
}

/// How the time of a call was spent.
fn spent(totals: &Totals) -> String {
    let Totals { wait_ms, ring_ms, talk_ms, hold_ms } = totals;
    format!("ms: wait {wait_ms} ring {ring_ms} talk {talk_ms} hold {hold_ms}")
}

/// An event in a few words; what a person can work out from the line before is left out.
fn told(event: &What) -> String {
    let name = event.type_name();
    match event {
        What::CallStarted { from, to, .. } => format!("{name}: {from} calls {to}"),
        What::CallEnded { result, cause, totals } => {
            format!("{name}: {result:?}, {cause}; {}", spent(totals))
        }
        What::CallSegment { phase, hears, .. } => {
            let heard = hears.values().map(|all| match all.as_slice() {
                [one] if one.contains(':') || one == "ringing" || one == "silence" => one.as_str(),
                _ => "the other",
            });
            let mut heard: Vec<_> = heard.collect();
            heard.sort_unstable();
            let heard = if heard.is_empty() { "nothing".to_owned() } else { heard.join(", ") };
            format!("{name}: {phase:?}, heard: {heard}")
        }
        What::OperatorState { operator, effective, .. } => {
            format!("{name}: {operator} {} ({})", effective.state.as_str(), effective.cause)
        }
        What::LegRinging { operator: Some(who), .. }
        | What::LegAnswered { operator: Some(who), .. }
        | What::TaskReserved { operator: who, .. }
        | What::TaskAssigned { operator: who, .. }
        | What::TaskCompleted { operator: who, .. }
        | What::TaskWrapping { operator: who, .. }
        | What::OperatorReached { operator: who }
        | What::ReservationTimeout { operator: who, .. }
        | What::ReservationAccepted { operator: who, .. }
        | What::CallAnswered { operator: Some(who) } => format!("{name}: {who}"),
        What::LegEnded { operator, cause, .. } => {
            format!("{name}: {}, {cause}", operator.as_deref().unwrap_or("customer"))
        }
        What::LegFailed { operator, status, .. } => {
            format!("{name}: {}, {status}", operator.as_deref().unwrap_or("outside"))
        }
        What::OperatorFailed { operator: who, cause }
        | What::ReservationRejected { operator: who, cause, .. }
        | What::ReservationRescinded { operator: who, cause, .. }
        | What::ReservationCancelled { operator: who, cause, .. } => {
            format!("{name}: {who}, {cause}")
        }
        What::RegistrationAdded { contact, .. } => format!("{name}: {contact}"),
        What::RegistrationRemoved { operator, cause, .. } => format!("{name}: {operator}, {cause}"),
        What::TaskQueued { position, .. } | What::TaskPosition { position, .. } => {
            format!("{name}: {position}")
        }
        What::ParticipantHeld { by, .. } | What::ParticipantResumed { by, .. } => {
            format!("{name}: by {}", format!("{by:?}").to_lowercase())
        }
        What::HelpAlerting { mode, to, .. } | What::HelpTalking { mode, to, .. } => {
            format!("{name}: {}, {to}", mode.as_str())
        }
        What::HelpFailed { to, reason, .. } => format!("{name}: {to}, {reason}"),
        What::HelpEnded { to, cause, .. } => format!("{name}: {to}, {cause:?}"),
        What::DtmfReceived { digit, .. } => format!("{name}: {digit}"),
        What::ParticipantMode { mode, .. } => format!("{name}: {mode:?}").to_lowercase(),
        What::PlayFinished { result, cause, .. } => {
            let cause = cause.as_ref().map(|cause| format!(", {cause}")).unwrap_or_default();
            format!("{name}: {}{cause}", format!("{result:?}").to_lowercase())
        }
        What::TransferFailed { reason, .. } | What::QueueLimit { reason, .. } => {
            format!("{name}: {reason}")
        }
        What::TransferEnded { hangup: true, .. } => format!("{name}: the caller is gone"),
        What::SecurityRefused { reason, user, .. } => format!("{name}: {user}, {reason}"),
        _ => name.to_owned(),
    }
}

/// Who hears whom, by their names.
fn segment(
    name: &str,
    phase: Phase,
    hears: &Hears,
    people: &BTreeMap<ParticipantId, String>,
) -> String {
    let called = |id: &ParticipantId| people.get(id).cloned();
    let heard = |what: &String| {
        let id: Option<ParticipantId> = what.parse().ok();
        id.and_then(|id| called(&id)).unwrap_or_else(|| what.clone())
    };
    let row = |(listener, all): (&ParticipantId, &Vec<_>)| {
        let all: Vec<String> = all.iter().map(heard).collect();
        let listener = called(listener).unwrap_or_else(|| "one who rings".into());
        format!("{listener} hears {}", all.join(" + "))
    };
    let mut rows: Vec<String> = hears.iter().map(row).collect();
    rows.sort_unstable();
    format!("{name}: {phase:?}, {}", rows.join("; "))
}

/// Whose turn it is in offer and answer (RFC 3264, and RFC 6337 section 2 for who may say what): by
/// Call-ID, whether the INVITE of this CSeq had an offer.
type Offers = BTreeMap<String, BTreeMap<u32, bool>>;

/// `INVITE 600 (offer)`, `200 OK INVITE (answer)`, `REGISTER (contact, credentials)`.
fn described(message: &Message, offers: &mut Offers) -> String {
    let mut carried = |mut words: Vec<String>| {
        words.extend(body(message, offers));
        if words.is_empty() { String::new() } else { format!(" ({})", words.join(", ")) }
    };
    match (message.method(), message.status()) {
        (Some(method), _) => {
            let user = message.uri().ok().and_then(|uri| Some(format!(" {}", uri.user()?)));
            format!("{method}{}{}", user.unwrap_or_default(), carried(headers(message)))
        }
        (None, Some(status)) => {
            let method = message.cseq().map(|cseq| cseq.method);
            let mut words = headers(message);
            if method == Ok(Method::Register) && status == 200 {
                let bound = message.contacts().map_or(0, |all| all.len());
                words = vec![format!("{bound} bound")];
            }
            let method = method.map(|method| format!(" {method}")).unwrap_or_default();
            format!("{status} {}{method}{}", sip::msg::reason_phrase(status), carried(words))
        }
        (None, None) => "?".to_owned(),
    }
}

/// What a message carries besides a body, as far as it matters to a reader of a flow.
fn headers(message: &Message) -> Vec<String> {
    let is_register = message.method() == Some(&Method::Register);
    let named = [
        (Name::Contact, "contact", is_register),
        (Name::Authorization, "credentials", true),
        (Name::ProxyAuthorization, "credentials", true),
        (Name::WwwAuthenticate, "challenge", true),
        (Name::ProxyAuthenticate, "challenge", true),
        (Name::Replaces, "replaces", true),
        (Name::ReferTo, "refer-to", true),
    ];
    let valued = [
        (Name::Reason, "reason "),
        (Name::Require, "requires "),
        (Name::Unsupported, "unsupported "),
        (Name::RSeq, "rseq "),
        (Name::RAck, "rack "),
        (Name::SessionExpires, "timer "),
        (Name::SubscriptionState, "state "),
        (Name::RetryAfter, "retry after "),
    ];
    let named = named.iter().filter(|(name, _, tell)| *tell && message.header(*name).is_some());
    let mut words: Vec<String> = named.map(|(_, word, _)| (*word).to_owned()).collect();
    words.extend(valued.iter().filter_map(|(name, word)| {
        let value = message.header(*name)?;
        // Of a reason its text, or its first words.
        let text = value.split_once("text=").map_or(value, |(_, text)| text.trim_matches('"'));
        Some(format!("{word}{text}"))
    }));
    words.extend((message.expires() == Some(0)).then(|| "expires 0".to_owned()));
    words
}

/// What the body is: an offer or an answer and the direction of its audio, or its type.
fn body(message: &Message, offers: &mut Offers) -> Option<String> {
    let (bytes, cseq) = (message.body(), message.cseq().ok()?);
    let kind = message.content_type().unwrap_or_default();
    let has_sdp = !bytes.is_empty() && kind.contains("sdp");
    let of_call = offers.entry(message.call_id().to_owned()).or_default();
    if message.method() == Some(&Method::Invite) {
        of_call.insert(cseq.number, has_sdp);
    }
    if bytes.is_empty() {
        return None;
    }
    if !has_sdp {
        return Some(kind);
    }
    let invite = match cseq.method {
        Method::Prack => of_call.values().next_back(),
        _ => of_call.get(&cseq.number),
    };
    let invite_offers = invite.copied().unwrap_or(false);
    let is_offer = match (&cseq.method, message.is_request()) {
        (Method::Invite, true) | (Method::Update, true) => true,
        (Method::Invite, false) => !invite_offers,
        (Method::Prack, true) => invite_offers,
        _ => false,
    };
    let text = String::from_utf8_lossy(&bytes);
    let told = ["sendonly", "recvonly", "inactive"];
    let told = told.iter().find(|direction| text.contains(&format!("a={direction}\r\n")));
    let told = told.map(|direction| format!(" {direction}")).unwrap_or_default();
    Some(format!("{}{told}", if is_offer { "offer" } else { "answer" }))
}
