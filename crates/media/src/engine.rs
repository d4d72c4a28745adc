//! The mixer of one media thread.

mod types;

pub use types::{Channel, Command, Counters, EngineSettings, Event, Input, Output, Report};

use crate::Time;

/// How often the engine wants to be woken: at `epoch + n · TICK`.
pub const TICK: Time = Time::from_millis(5);

/// All legs and conferences of one media thread.
#[derive(Debug)]
pub struct Engine {
    settings: EngineSettings,
    counters: Counters,
}

impl Engine {
    /// An engine without legs.
    #[must_use]
    pub fn new(settings: EngineSettings) -> Self {
        Self { settings, counters: Counters::default() }
    }
    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }
    /// Takes a command.
    pub fn handle(&mut self, _now: Time, _input: Input) {}
    /// Takes a datagram that came to the pair of the RTP port `port`.
    pub fn packet(
        &mut self,
        _now: Time,
        _port: u16,
        _channel: Channel,
        _from: core::net::SocketAddr,
        _data: &[u8],
    ) {
    }
    /// Does all ticks up to now.
    pub fn handle_timeout(&mut self, _now: Time) {}
    /// The next output, `None` when there is none.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        None
    }
    /// When to call [`Engine::handle_timeout`], `None` while there is nothing to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        let _ = self.settings;
        None
    }
}
