//! A run as a person reads it: who sent what to whom, and what the switch said of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;

use b2bua::What;
use b2bua::event::Totals;
use sip::Time;
use sip::msg::{Message, Method, Name};

/// Lines, in order of time; nothing where it is switched off.
#[derive(Debug, Default)]
pub(crate) struct Ladder {
    on: bool,
    names: BTreeMap<SocketAddr, String>,
    text: String,
}

impl Ladder {
    /// A ladder that keeps what it is told, if `on`.
    #[must_use]
    pub(crate) fn new(on: bool) -> Self {
        Self { on, ..Self::default() }
    }

    /// Gives an address a name.
    pub(crate) fn name(&mut self, address: SocketAddr, name: &str) {
        self.names.insert(address, name.to_owned());
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
        let unnamed = |address: &SocketAddr| address.to_string();
        let from = self.names.get(&from).cloned().unwrap_or_else(|| unnamed(&from));
        let to = self.names.get(&to).cloned().unwrap_or_else(|| unnamed(&to));
        let what = match Message::parse(bytes::Bytes::copy_from_slice(wire)) {
            Ok(message) => line(&message),
            Err(_) => "(no message)".to_owned(),
        };
        let _ = writeln!(self.text, "{:>9.3} {from:>8} -> {to:<8} {what}{fate}", now.as_secs_f64());
    }

    /// Something else worth a line.
    pub(crate) fn note(&mut self, now: Time, what: impl FnOnce() -> String) {
        if self.on {
            let _ = writeln!(self.text, "{:>9.3}          {}", now.as_secs_f64(), what());
        }
    }

    /// All of it.
    #[must_use]
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// An event in a few words; what a person can work out from the line before is left out.
pub(crate) fn told(event: &What) -> String {
    let name = event.type_name();
    match event {
        What::CallStarted { from, to, .. } => format!("{name}: {from} calls {to}"),
        What::CallEnded { result, cause, totals } => {
            let Totals { wait_ms, ring_ms, talk_ms, hold_ms } = totals;
            format!(
                "{name}: {result:?}, {cause}; ms: wait {wait_ms} ring {ring_ms} talk {talk_ms} \
                 hold {hold_ms}"
            )
        }
        What::CallSegment { phase, hears, .. } => {
            let heard = hears.values().map(|all| match all.as_slice() {
                [one] if one.contains(':') || one == "ringing" || one == "silence" => one.as_str(),
                _ => "the other",
            });
            let mut heard: Vec<_> = heard.collect();
            heard.sort_unstable();
            format!("{name}: {phase:?}, heard: {}", heard.join(", "))
        }
        What::OperatorState { operator, effective, .. } => {
            format!("{name}: {operator} {} ({})", effective.state, effective.cause)
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
        What::QueueLimit { reason, .. } => format!("{name}: {reason}"),
        What::SecurityRefused { reason, user, .. } => format!("{name}: {user}, {reason}"),
        _ => name.to_owned(),
    }
}

/// `INVITE 600 (sdp)`, `200 INVITE (sdp)`, `REGISTER (contact, credentials)`.
fn line(message: &Message) -> String {
    let body = if message.body().is_empty() { "" } else { " (sdp)" };
    let cseq = message.cseq().map(|cseq| cseq.method.to_string()).unwrap_or_default();
    match (message.method(), message.status()) {
        (Some(method), _) => {
            let user =
                message.uri().ok().and_then(|uri| uri.user().map(std::borrow::Cow::into_owned));
            let told = [
                (Name::Contact, "contact", *method == Method::Register),
                (Name::Authorization, "credentials", true),
                (Name::Reason, "reason", true),
            ];
            let told: Vec<_> = told
                .iter()
                .filter(|(name, _, tell)| *tell && message.header(*name).is_some())
                .map(|(_, what, _)| *what)
                .chain((message.expires() == Some(0)).then_some("expires 0"))
                .collect();
            let told =
                if told.is_empty() { String::new() } else { format!(" ({})", told.join(", ")) };
            let user = user.map(|user| format!(" {user}")).unwrap_or_default();
            format!("{method}{user}{told}{body}")
        }
        (None, Some(status)) => {
            let contacts = match (cseq.as_str(), message.contacts()) {
                ("REGISTER", Ok(all)) if status == 200 => format!(" ({} bound)", all.len()),
                _ => String::new(),
            };
            format!("{status} {cseq}{contacts}{body}")
        }
        (None, None) => "?".to_owned(),
    }
}
