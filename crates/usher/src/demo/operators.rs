//! The operators and their phones: they register, ring, answer or not, talk, hold and hang up.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use media::Codec;
use media::sdp::Direction;
use sip::msg::Message;
use sip::{Command, Event, LegId};
use tokio::sync::{mpsc, watch};
use tokio::time::{Duration, Instant};

use super::agenda::Agenda;
use super::cast::{self, CALLER_HEADER, Dice, OPERATORS};
use super::ear::Heard;
use super::line::{Line, Lines};
use super::peer::{Happened, Peer, Registration, Step};

/// A REGISTER without an answer is sent again after this.
const REGISTER_AGAIN: Duration = Duration::from_secs(1);
/// A hold that is over before is too short to be heard.
const HOLD_MIN: Duration = Duration::from_secs(1);

/// What an operator's phone tells.
#[derive(Debug)]
pub(super) enum Told {
    /// It is registered.
    Registered(usize),
    /// A call that it had answered is over.
    Spoke(Spoke),
}

/// What was heard at the operator's end of a call.
#[derive(Debug)]
pub(super) struct Spoke {
    /// Who.
    pub(super) operator: usize,
    /// With which caller.
    pub(super) caller: u64,
    /// Whether the caller was put on hold for long enough to hear it.
    pub(super) held: bool,
    /// What the operator heard.
    pub(super) heard: Heard,
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Register,
    /// The last REGISTER may have been lost.
    RegisterAgain,
    Answer(LegId),
    Hold(LegId),
    Resume(LegId),
    HangUp(LegId),
}

/// A call at the phone.
struct Talk {
    leg: LegId,
    caller: u64,
    offer: Bytes,
    line: Arc<Line>,
    is_up: bool,
    wanted: Direction,
    /// Since when the caller is on hold.
    held_since: Option<Instant>,
    /// Whether they were for long enough.
    held: bool,
}

impl Talk {
    fn is_held_long(&self) -> bool {
        self.held_since.is_some_and(|since| since.elapsed() >= HOLD_MIN)
    }
}

/// One operator and their phone.
pub(super) struct Person {
    number: usize,
    peer: Peer,
    registration: Registration,
    lines: Lines,
    dice: Dice,
    agenda: Agenda<Act>,
    talk: Option<Talk>,
    is_registered: bool,
    told: mpsc::UnboundedSender<Told>,
}

impl Person {
    /// The operator of this number, not yet registered.
    ///
    /// # Errors
    /// No socket is to be had.
    pub(super) async fn new(
        number: usize,
        server: SocketAddr,
        lines: Lines,
        told: mpsc::UnboundedSender<Told>,
    ) -> io::Result<Self> {
        Ok(Self {
            number,
            peer: Peer::open(OPERATORS[number].phone, server).await?,
            registration: Registration::new(OPERATORS[number].id),
            lines,
            dice: Dice::new(u8::try_from(number + 1).unwrap_or(u8::MAX)),
            agenda: Agenda::default(),
            talk: None,
            is_registered: false,
            told,
        })
    }

    /// Works until told to stop and until no call is left.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        self.agenda.after(Duration::ZERO, Act::Register);
        loop {
            tokio::select! {
                happened = self.peer.next() => self.happened(happened),
                act = self.agenda.next() => self.act(act),
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        // The callers hang up by themselves.
        self.peer.settle().await;
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::RegisterAgain if self.is_registered => {}
            Act::Register | Act::RegisterAgain => self.register(),
            Act::Answer(leg) => self.answer(leg),
            Act::Hold(leg) => self.turn(leg, Direction::SendOnly),
            Act::Resume(leg) => self.turn(leg, Direction::SendRecv),
            Act::HangUp(leg) => {
                if let Some(talk) = self.talk.take_if(|talk| talk.leg == leg) {
                    self.peer.end(leg, 480);
                    self.over(&talk);
                }
            }
        }
    }

    fn register(&mut self) {
        self.is_registered = false;
        if let Some(request) = self.registration.request(&self.peer) {
            self.peer.send(&request);
        }
        self.agenda.after(REGISTER_AGAIN, Act::RegisterAgain);
    }

    fn happened(&mut self, happened: Happened) {
        let event = match happened {
            Happened::Event(event) => *event,
            Happened::Registered(response) => return self.registered(&response),
        };
        match event {
            Event::Invite { leg, request, .. } => self.ring(leg, &request),
            Event::OfferWanted { leg } => {
                let Some(talk) = self.talk_on(leg) else { return };
                let body = Some(talk.line.describe(talk.wanted));
                self.peer.order(Command::Offer { leg, body });
            }
            Event::ReinviteAnswered { leg, response } => {
                if let Some(talk) = self.talk_on(leg) {
                    talk.line.reach(&response.body());
                }
            }
            Event::Reinvite { leg, request } => {
                let Some(talk) = self.talk_on(leg) else { return };
                talk.line.reach(&request.body());
                let body = talk.line.describe(talk.wanted);
                self.peer.respond(leg, 200, Some(body));
            }
            Event::Failed { leg, .. } | Event::Ended { leg, .. } => {
                if let Some(talk) = self.talk.take_if(|talk| talk.leg == leg) {
                    self.over(&talk);
                }
            }
            Event::Request { leg, token, .. } => self.peer.refuse(leg, token),
            _ => {}
        }
    }

    fn talk_on(&self, leg: LegId) -> Option<&Talk> {
        self.talk.as_ref().filter(|talk| talk.leg == leg)
    }

    fn registered(&mut self, response: &Message) {
        match self.registration.take(response, &self.peer) {
            Step::Send(request) => self.peer.send(&request),
            Step::Done(again) => {
                if !self.is_registered {
                    self.is_registered = true;
                    self.agenda.after(again, Act::Register);
                    let _ = self.told.send(Told::Registered(self.number));
                }
            }
            Step::Nothing => {}
        }
    }

    /// The phone rings; what its owner will do is thrown now.
    fn ring(&mut self, leg: LegId, request: &Message) {
        let codec = if self.number.is_multiple_of(3) { Codec::Pcmu } else { Codec::Pcma };
        let line = self.lines.open(cast::operator_hz(self.number), codec);
        let (Ok(line), None) = (line, &self.talk) else { return self.peer.end(leg, 486) };
        let caller = request.header_named(CALLER_HEADER).and_then(|number| number.parse().ok());
        self.talk = Some(Talk {
            leg,
            caller: caller.unwrap_or_default(),
            offer: request.body(),
            line,
            is_up: false,
            wanted: Direction::SendRecv,
            held_since: None,
            held: false,
        });
        self.peer.respond(leg, 180, None);
        if !self.dice.percent(OPERATORS[self.number].misses) {
            let (low, high) = (Duration::from_millis(700), Duration::from_millis(3_000));
            let delay = self.dice.between(low, high);
            self.agenda.after(delay, Act::Answer(leg));
        }
    }

    fn answer(&mut self, leg: LegId) {
        let Some(talk) = self.talk.as_mut().filter(|talk| talk.leg == leg) else { return };
        talk.is_up = true;
        let body = talk.line.describe(Direction::SendRecv);
        talk.line.reach(&talk.offer);
        self.peer.respond(leg, 200, Some(body));
        if self.dice.percent(20) {
            let (low, high) = (Duration::from_millis(1_500), Duration::from_millis(3_000));
            let hold = self.dice.between(low, high);
            let resume = hold + self.dice.between(low, high);
            self.agenda.after(hold, Act::Hold(leg));
            self.agenda.after(resume, Act::Resume(leg));
        } else if self.dice.percent(30) {
            let talk = self.dice.between(Duration::from_secs(5), Duration::from_secs(12));
            self.agenda.after(talk, Act::HangUp(leg));
        }
    }

    /// Holds or resumes by re-INVITE.
    fn turn(&mut self, leg: LegId, direction: Direction) {
        let Some(talk) = self.talk.as_mut().filter(|talk| talk.leg == leg) else { return };
        talk.wanted = direction;
        talk.held |= talk.is_held_long();
        talk.held_since = (direction == Direction::SendOnly).then(Instant::now);
        self.peer.order(Command::Reinvite { leg, headers: Vec::new() });
    }

    fn over(&self, talk: &Talk) {
        if talk.is_up {
            let held = talk.held || talk.is_held_long();
            let (operator, caller) = (self.number, talk.caller);
            let spoke = Spoke { operator, caller, held, heard: talk.line.heard() };
            // Nobody listens any more only where the demonstration was broken off.
            let _ = self.told.send(Told::Spoke(spoke));
        }
    }
}
