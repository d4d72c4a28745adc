//! A run as a person reads it: who sent what to whom, and what the switch said of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;

use sip::Time;
use sip::msg::Message;

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

/// `INVITE 600 (sdp)`, `200 INVITE (sdp)`.
fn line(message: &Message) -> String {
    let body = if message.body().is_empty() { "" } else { " (sdp)" };
    let cseq = message.cseq().map(|cseq| cseq.method.to_string()).unwrap_or_default();
    match (message.method(), message.status()) {
        (Some(method), _) => {
            let user = message.uri().ok().and_then(|uri| uri.user().map(|user| user.into_owned()));
            format!("{method} {}{body}", user.unwrap_or_default())
        }
        (None, Some(status)) => format!("{status} {cseq}{body}"),
        (None, None) => "?".to_owned(),
    }
}
