//! The carrier and all who call through it: they arrive, wait, listen, give up or talk, and hang up.
//! That somebody has answered they hear, as people do.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use media::Codec;
use media::sdp::Direction;
use sip::msg::{NameAddr, Uri};
use sip::{Command, Event, Invite, LegId, Target, Transport};
use tokio::sync::{mpsc, watch};
use tokio::time::{Duration, Instant};

use super::agenda::Agenda;
use super::cast::{self, CALLER_HEADER, CALLER_TONES, Dice};
use super::ear::Heard;
use super::line::{Line, Lines};
use super::peer::{Happened, Peer};
use super::place::HOST;

/// Callers at once: more would share tones.
const LIVE_MAX: usize = CALLER_TONES as usize;
/// How often a caller notices what there is to hear.
const NOTICE: Duration = Duration::from_millis(100);

/// How it went for one caller.
#[derive(Debug)]
pub(super) struct Experience {
    /// Their number, from 1.
    pub(super) caller: u64,
    /// Their tone.
    pub(super) hz: u16,
    /// How it ended.
    pub(super) end: End,
    /// What they heard.
    pub(super) heard: Heard,
}

/// How a call ended for its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// They heard a voice, and later one of the two hung up.
    Talked,
    /// They hung up without having heard a voice.
    GaveUp,
    /// They hung up because it was over, without having heard a voice.
    CutOff,
    /// Somebody else ended it without a voice: nothing here does that.
    Dropped,
    /// It was refused with this status.
    Refused(u16),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Talked => "the caller heard a voice",
            Self::GaveUp => "the caller hung up without having heard a voice",
            Self::CutOff => "the caller had heard no voice when the demo was over",
            Self::Dropped => "the caller was hung up on without having heard a voice",
            Self::Refused(status) => return write!(f, "the caller was refused with {status}"),
        })
    }
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Dial,
    GiveUp(LegId),
    HangUp(LegId),
    Notice,
}

struct Call {
    caller: u64,
    tone: u16,
    line: Arc<Line>,
    talks: bool,
}

/// All callers.
pub(super) struct Callers {
    peer: Peer,
    server: SocketAddr,
    lines: Lines,
    dice: Dice,
    agenda: Agenda<Act>,
    calls: BTreeMap<LegId, Call>,
    count: u64,
    started: Instant,
    told: mpsc::UnboundedSender<Experience>,
}

impl Callers {
    /// Nobody calls yet.
    ///
    /// # Errors
    /// No socket is to be had.
    pub(super) async fn new(
        server: SocketAddr,
        lines: Lines,
        told: mpsc::UnboundedSender<Experience>,
    ) -> io::Result<Self> {
        Ok(Self {
            peer: Peer::open(Transport::Udp, server).await?,
            server,
            lines,
            dice: Dice::new(0),
            agenda: Agenda::default(),
            calls: BTreeMap::new(),
            count: 0,
            started: Instant::now(),
            told,
        })
    }

    /// Calls until told to stop; then all hang up, and nobody is left. Returns how many there were.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) -> u64 {
        self.started = Instant::now();
        self.agenda.after(Duration::ZERO, Act::Dial);
        self.agenda.after(NOTICE, Act::Notice);
        loop {
            tokio::select! {
                happened = self.peer.next() => self.happened(happened),
                act = self.agenda.next() => self.act(act),
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        while let Some((leg, call)) = self.calls.pop_first() {
            self.peer.end(leg, 487);
            let talked = call.line.hears_voice();
            self.finished(&call, (!talked).then_some(End::CutOff));
        }
        // What is still open then shows in the records.
        self.peer.settle().await;
        self.count
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Dial => {
                let mean = cast::between_calls(self.started.elapsed());
                let delay = self.dice.around(mean);
                self.agenda.after(delay, Act::Dial);
                if self.calls.len() < LIVE_MAX {
                    self.dial();
                }
            }
            Act::GiveUp(leg) if self.calls.get(&leg).is_some_and(|call| call.talks) => {}
            Act::GiveUp(leg) | Act::HangUp(leg) => {
                if let Some(call) = self.calls.remove(&leg) {
                    self.peer.end(leg, 487);
                    self.finished(&call, None);
                }
            }
            Act::Notice => {
                self.agenda.after(NOTICE, Act::Notice);
                self.notice();
            }
        }
    }

    fn dial(&mut self) {
        let tone = (0..CALLER_TONES)
            .find(|tone| self.calls.values().all(|call| call.tone != *tone))
            .unwrap_or_default();
        let codec = if self.count.is_multiple_of(2) { Codec::Pcma } else { Codec::Pcmu };
        let number = cast::caller_number(self.count + 1);
        let uri = |user: &str, host: &str| Uri::parse(&format!("sip:{user}@{host}"));
        let queue = self.dice.queue();
        let (Ok(from), Ok(to)) =
            (uri(&number, &HOST.to_string()), uri(queue.number, &self.server.to_string()))
        else {
            return;
        };
        // Without a socket nobody can call; the next one may.
        let Ok(line) = self.lines.open(cast::caller_hz(tone), codec) else { return };
        self.count += 1;
        let (leg, caller) = (self.peer.next_leg(), self.count);
        let invite = Invite {
            headers: vec![(CALLER_HEADER.into(), caller.to_string())],
            body: Some(line.describe(Direction::SendRecv)),
            ..Invite::new(
                leg,
                Target::Uri { uri: to.clone(), proxy: None },
                NameAddr::new(from),
                NameAddr::new(to),
            )
        };
        self.calls.insert(leg, Call { caller, tone, line, talks: false });
        let (low, high) = if self.dice.percent(35) { (2, 6) } else { (10, 40) };
        let patience = self.dice.between(Duration::from_secs(low), Duration::from_secs(high));
        self.agenda.after(patience, Act::GiveUp(leg));
        self.peer.order(Command::Invite(Box::new(invite)));
    }

    /// Who hears a voice for the first time talks, for as long as they have something to say.
    fn notice(&mut self) {
        for (leg, call) in &mut self.calls {
            if !call.talks && call.line.hears_voice() {
                call.talks = true;
                let (low, high) = if self.dice.percent(12) { (1, 2) } else { (5, 16) };
                let talk = self.dice.between(Duration::from_secs(low), Duration::from_secs(high));
                self.agenda.after(talk, Act::HangUp(*leg));
            }
        }
    }

    fn happened(&mut self, happened: Happened) {
        let Happened::Event(event) = happened else { return };
        match *event {
            Event::Answered { leg, answer, .. } => {
                if let Some(call) = self.calls.get(&leg) {
                    call.line.reach(&answer);
                }
            }
            Event::Reinvite { leg, request } => {
                let Some(call) = self.calls.get(&leg) else { return };
                call.line.reach(&request.body());
                let body = call.line.describe(Direction::SendRecv);
                self.peer.respond(leg, 200, Some(body));
            }
            Event::Failed { leg, failure } => {
                if let Some(call) = self.calls.remove(&leg) {
                    self.finished(&call, Some(End::Refused(failure.status)));
                }
            }
            Event::Ended { leg, .. } => {
                if let Some(call) = self.calls.remove(&leg) {
                    let talked = call.line.hears_voice();
                    self.finished(&call, (!talked).then_some(End::Dropped));
                }
            }
            Event::Request { leg, token, .. } => self.peer.refuse(leg, token),
            _ => {}
        }
    }

    fn finished(&self, call: &Call, end: Option<End>) {
        let voice = if call.line.hears_voice() { End::Talked } else { End::GaveUp };
        let experience = Experience {
            caller: call.caller,
            hz: call.line.hz(),
            end: end.unwrap_or(voice),
            heard: call.line.heard(),
        };
        // Nobody listens any more only where the demonstration was broken off.
        let _ = self.told.send(experience);
    }
}
