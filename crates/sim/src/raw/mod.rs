//! Peers that lie: messages made by hand, as no stack of ours would send them. A lie is told for
//! one call; whatever else the peer does, its own endpoint does.

mod caller;
mod message;
mod phone;

use std::collections::BTreeMap;

use bytes::Bytes;
use sip::msg::{Message, Method};

use crate::scenario::Ms;
use crate::setup::SWITCH;
use crate::world::{Act, World};

pub(crate) use caller::CallerLie;
pub(crate) use phone::PhoneLie;

/// A call that is played by hand, at one peer.
#[derive(Debug)]
pub(crate) struct RawCall {
    side: Side,
    /// The INVITE that began it, ours or theirs.
    invite: Message,
    /// Our tag.
    tag: String,
    /// Their tag, once known.
    remote_tag: String,
    /// Their Contact, once known.
    target: String,
    cseq: u32,
    answered: bool,
    acked: bool,
    /// Nothing more is to be said.
    over: bool,
    /// It is dead: nothing reaches it, nothing comes of it.
    dead: bool,
    /// What is repeated until the other side reacts.
    repeating: Option<Bytes>,
    port: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Phone(PhoneLie),
    Caller(usize, CallerLie),
}

/// What a lying peer does by itself.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RawAct {
    /// A phone is picked up.
    Answer,
    /// What awaits a reaction is sent again, so often already.
    Repeat(u32),
    /// Hangs up.
    HangUp,
    /// Is gone for good.
    Vanish,
    /// Sends something odd.
    Odd(u32),
}

/// The calls by peer and Call-ID.
pub(crate) type RawCalls = BTreeMap<(usize, String), RawCall>;

const T1_MS: Ms = 500;

impl World {
    /// A message to a peer: true if a lie takes it.
    pub(crate) fn raw_receives(&mut self, at: usize, message: &Message) -> bool {
        let id = message.call_id().to_owned();
        if self.raw.contains_key(&(at, id.clone())) {
            self.raw_message(at, &id, message);
            return true;
        }
        let new = message.method() == Some(&Method::Invite) && message.to_tag().is_none();
        new && at != crate::people::TRUNK && self.phone_lies(at, &id, message)
    }

    fn raw_message(&mut self, at: usize, id: &str, message: &Message) {
        let Some(call) = self.raw.get_mut(&(at, id.to_owned())).filter(|call| !call.dead) else {
            return;
        };
        match message.method() {
            None => match call.side {
                Side::Caller(..) => self.caller_response(at, id, message),
                Side::Phone(_) => self.raw_response(at, id, message),
            },
            Some(Method::Ack) => {
                call.acked = true;
                call.repeating = None;
            }
            Some(Method::Cancel) => self.phone_cancelled(at, id, message),
            Some(Method::Bye) => self.raw_bye(at, id, message),
            Some(Method::Invite) if message.to_tag().is_some() => {
                let sdp = self.peers[at].describe("sendrecv");
                self.raw_respond(at, id, message, 200, Some(&sdp.bytes));
            }
            Some(Method::Invite) => {
                if let Some(wire) = call.repeating.clone() {
                    self.raw_send(at, wire);
                }
            }
            Some(_) => self.raw_respond(at, id, message, 405, None),
        }
    }

    /// A response to something sent within the dialog.
    fn raw_response(&mut self, at: usize, id: &str, response: &Message) {
        let Some(call) = self.raw.get_mut(&(at, id.to_owned())) else { return };
        let (Some(status), Ok(cseq)) = (response.status(), response.cseq()) else { return };
        match cseq.method {
            Method::Cancel if !call.answered => call.repeating = None,
            Method::Bye if status >= 200 => call.repeating = None,
            Method::Invite if status >= 200 => {
                let own = if status < 300 { "ack2" } else { "odd" };
                let ack = call.request("ACK", cseq.number, own, None, self.peers[at].address);
                self.raw_send(at, ack);
            }
            _ => {}
        }
    }

    fn raw_bye(&mut self, at: usize, id: &str, request: &Message) {
        let Some(call) = self.raw.get_mut(&(at, id.to_owned())) else { return };
        call.over = true;
        call.repeating = None;
        if call.side == Side::Phone(PhoneLie::ChallengeBye) {
            let wire = message::challenge(request, &call.tag.clone());
            return self.raw_send(at, wire);
        }
        self.raw_respond(at, id, request, 200, None);
    }

    pub(crate) fn raw_acts(&mut self, at: usize, id: &str, act: RawAct) {
        let Some(call) = self.raw.get_mut(&(at, id.to_owned())) else { return };
        if call.dead || !self.peers[at].up {
            return;
        }
        match act {
            RawAct::Answer => self.phone_answers(at, id),
            RawAct::Repeat(sent) => {
                if let Some(wire) = call.repeating.clone().filter(|_| sent < 8) {
                    self.raw_send(at, wire);
                    self.raw_later(at, id, T1_MS << sent.min(3), RawAct::Repeat(sent + 1));
                }
            }
            RawAct::HangUp => self.raw_hangs_up(at, id),
            RawAct::Vanish => {
                call.dead = true;
                let port = call.port;
                self.silence(at, Some(port));
            }
            RawAct::Odd(number) => self.raw_odd(at, id, number),
        }
    }

    /// CANCEL or BYE, repeated until somebody reacts.
    pub(crate) fn raw_hangs_up(&mut self, at: usize, id: &str) {
        let address = self.peers[at].address;
        let Some(call) = self.raw.get_mut(&(at, id.to_owned())) else { return };
        if call.over || call.dead {
            return;
        }
        call.over = true;
        let wire = match call.side {
            Side::Caller(..) if !call.answered => message::cancel(&call.invite),
            _ => {
                call.cseq += 1;
                call.request("BYE", call.cseq, "bye", None, address)
            }
        };
        call.repeating = Some(wire.clone());
        self.raw_send(at, wire);
        self.raw_later(at, id, T1_MS, RawAct::Repeat(0));
    }

    /// Something a stack of ours would not send within a dialog.
    fn raw_odd(&mut self, at: usize, id: &str, number: u32) {
        let address = self.peers[at].address;
        let pick = self.lies.below(9);
        let is_offer = pick == 2 && number.is_multiple_of(2);
        let offer = is_offer.then(|| self.peers[at].describe("sendrecv").bytes);
        let offer = offer.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let Some(call) = self.raw.get_mut(&(at, id.to_owned())) else { return };
        if call.over || !call.answered {
            return;
        }
        call.cseq += 1;
        let (cseq, own) = (call.cseq, format!("odd{number}"));
        let wire = match pick {
            0 => call.request("INFO", cseq, &own, Some("Signal=5"), address),
            1 => call.request("REFER", cseq, &own, None, address),
            2 => call.request("UPDATE", cseq, &own, offer.as_deref(), address),
            3 => call.request("FROBNICATE", cseq, &own, None, address),
            4 => call.request("MESSAGE", cseq, &own, Some("hello"), address),
            5 => call.request("PRACK", cseq, &own, None, address),
            // A CSeq that was used already.
            6 => call.request("INFO", 1, &own, None, address),
            7 => call.request("ACK", 77, &own, None, address),
            _ => call.request("OPTIONS", cseq, &own, None, address),
        };
        self.raw_send(at, wire);
        if number < 4 {
            let delay = self.lies.below(400);
            self.raw_later(at, id, delay, RawAct::Odd(number + 1));
        }
    }

    fn raw_respond(&mut self, at: usize, id: &str, to: &Message, status: u16, sdp: Option<&Bytes>) {
        let Some(call) = self.raw.get(&(at, id.to_owned())) else { return };
        let wire = message::response(to, status, &call.tag, sdp, self.peers[at].address);
        self.raw_send(at, wire);
    }

    #[expect(clippy::needless_pass_by_value, reason = "made for it at every call")]
    fn raw_send(&mut self, at: usize, wire: Bytes) {
        let from = self.peers[at].address;
        self.send(from, SWITCH, &wire);
    }

    fn raw_later(&mut self, at: usize, id: &str, delay: Ms, act: RawAct) {
        self.later(delay, Act::Raw(at, id.to_owned(), act));
    }
}
