//! Phones that lie.

use bytes::Bytes;
use sip::msg::Message;

use super::{RawAct, RawCall, Side, T1_MS, message};
use crate::world::World;

/// What a phone does with one INVITE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PhoneLie {
    NoSdp,
    BadSdp,
    OkAfterCancel,
    TwoTags,
    RingAfterOk,
    ByeBeforeAck,
    ReinviteAtOnce,
    Redirect,
    Challenge,
    ChallengeBye,
    WrongHeaders,
    Odd,
    Garbage,
    ManyEarly,
    ForksEarly,
}

const ALL: [PhoneLie; 15] = [
    PhoneLie::NoSdp,
    PhoneLie::BadSdp,
    PhoneLie::OkAfterCancel,
    PhoneLie::TwoTags,
    PhoneLie::RingAfterOk,
    PhoneLie::ByeBeforeAck,
    PhoneLie::ReinviteAtOnce,
    PhoneLie::Redirect,
    PhoneLie::Challenge,
    PhoneLie::ChallengeBye,
    PhoneLie::WrongHeaders,
    PhoneLie::Odd,
    PhoneLie::Garbage,
    PhoneLie::ManyEarly,
    PhoneLie::ForksEarly,
];

const BAD_SDP: &str = "v=0\r\no=- 1 1 IN IP4 10.9.9.9\r\ns=-\r\nt=0 0\r\nm=video 9 RTP/AVP 96\r\n";

impl World {
    /// An INVITE came: whether a lie takes it.
    pub(super) fn phone_lies(&mut self, at: usize, id: &str, invite: &Message) -> bool {
        let operator = self.operator_of(at).clone();
        // One that comes twice is taken by whoever took it first.
        if operator.lie_permille == 0 || !self.honest.insert((at, id.to_owned())) {
            return false;
        }
        if !self.phones_idle(at) || !self.lies.one_in_1000(operator.lie_permille) {
            return false;
        }
        let lie = ALL[usize::try_from(self.lies.below(ALL.len() as u64)).unwrap_or(0)];
        let (now, user) = (self.now, self.peers[at].registration.user.clone());
        self.ladder.note(now, || format!("({user} lies: {lie:?})"));
        let target = invite.contacts().ok().and_then(|all| Some(all.first()?.uri.to_string()));
        let call = RawCall {
            side: Side::Phone(lie),
            invite: invite.clone(),
            tag: format!("liar{}", self.lies.below(1_000_000)),
            remote_tag: invite.from_tag(),
            target: target.unwrap_or_default(),
            cseq: 100,
            answered: false,
            acked: false,
            over: false,
            dead: false,
            repeating: None,
            port: 0,
        };
        self.raw.insert((at, id.to_owned()), call);
        if lie == PhoneLie::ForksEarly {
            self.phone_forks(at, id, invite);
        } else if lie != PhoneLie::Redirect && self.lies.one_in_1000(800) {
            self.raw_respond(at, id, invite, 180, None);
        }
        if lie != PhoneLie::OkAfterCancel {
            let delay = self.lies.exponential(operator.answer_ms.max(1));
            self.raw_later(at, id, delay, RawAct::Answer);
        }
        true
    }

    pub(super) fn phone_answers(&mut self, at: usize, id: &str) {
        let key = (at, id.to_owned());
        let Some(call) = self.raw.get(&key).filter(|call| !call.over) else { return };
        let (early, address) = (call.port, self.peers[at].address);
        let sdp = self.peers[at].describe("sendrecv").bytes;
        let port = if early == 0 { self.peers[at].last_port() } else { early };
        let Some(call) = self.raw.get_mut(&key) else { return };
        let Side::Phone(lie) = call.side else { return };
        let (invite, tag) = (call.invite.clone(), call.tag.clone());
        let ok =
            |tag: &str, sdp: Option<&Bytes>| message::response(&invite, 200, tag, sdp, address);
        let main = match lie {
            // The second has said before what holds.
            PhoneLie::NoSdp | PhoneLie::ForksEarly => ok(&tag, None),
            PhoneLie::BadSdp => ok(&tag, Some(&Bytes::from_static(BAD_SDP.as_bytes()))),
            PhoneLie::Redirect => message::redirect(&invite, &tag),
            PhoneLie::Challenge => message::challenge(&invite, &tag),
            PhoneLie::WrongHeaders => message::response(&invite, 486, &tag, None, address),
            _ => ok(&tag, Some(&sdp)),
        };
        call.port = port;
        call.answered =
            !matches!(lie, PhoneLie::Redirect | PhoneLie::Challenge | PhoneLie::WrongHeaders);
        call.over = !call.answered;
        call.repeating = Some(main.clone());
        self.phone_before(at, lie, &invite, &main);
        self.raw_send(at, main);
        self.raw_later(at, id, T1_MS, RawAct::Repeat(0));
        self.phone_after(at, id, lie, &invite);
        let talks = self.lies.exponential(8_000);
        self.raw_later(at, id, talks, RawAct::HangUp);
    }

    /// Three forks speak before one of them answers: reliably, with a repetition and a gap, and not.
    fn phone_forks(&mut self, at: usize, id: &str, invite: &Message) {
        let sdp = self.peers[at].describe("sendrecv").bytes;
        let (port, address) = (self.peers[at].last_port(), self.peers[at].address);
        let Some(call) = self.raw.get_mut(&(at, id.to_owned())) else { return };
        call.port = port;
        let main = call.tag.clone();
        let first = u32::try_from(self.lies.below(1 << 31)).unwrap_or(0).max(1);
        let says = |tag: &str, rseq: Option<u32>, sdp: Option<&Bytes>| {
            message::early(invite, tag, rseq, sdp, address)
        };
        let mut said = vec![
            says("early1", None, Some(&sdp)),
            says(&main, Some(first), None),
            says("early2", Some(7), Some(&sdp)),
            says(&main, Some(first), None),
            says(&main, Some(first + 1), Some(&sdp)),
            says("early2", Some(9), None),
        ];
        if self.lies.one_in_1000(500) {
            said.push(says("early1", None, None));
        }
        for wire in said {
            self.raw_send(at, wire);
        }
    }

    /// What is sent before the answer.
    fn phone_before(&mut self, at: usize, lie: PhoneLie, invite: &Message, main: &Bytes) {
        let address = self.peers[at].address;
        let text = String::from_utf8_lossy(main).into_owned();
        match lie {
            PhoneLie::WrongHeaders => {
                let id = invite.call_id();
                let ok = message::response(invite, 200, "wrong", None, address);
                let ok = String::from_utf8_lossy(&ok).into_owned();
                for wrong in [
                    ok.replacen("branch=z9hG4bK", "branch=z9hG4bKx", 1),
                    ok.replacen("CSeq: ", "CSeq: 7", 1),
                    ok.replacen(id, "another@call", 1),
                    ok.replacen("INVITE", "BYE", 1),
                    ok.replacen("SIP/2.0 200", "SIP/2.0 099", 1),
                ] {
                    self.raw_send(at, Bytes::from(wrong));
                }
            }
            PhoneLie::Garbage => {
                let cut = text.len() / 2;
                for garbage in [&text[..cut], "\r\n\r\n", "INVITE", "SIP/2.0 200 OK\r\n\r\n", "\0"]
                {
                    self.raw_send(at, Bytes::from(garbage.to_owned()));
                }
            }
            PhoneLie::ManyEarly => {
                for tag in ["early1", "early2", "early3"] {
                    let wire = message::response(invite, 183, tag, None, address);
                    self.raw_send(at, wire);
                }
            }
            _ => {}
        }
    }

    /// What is sent right after the answer.
    fn phone_after(&mut self, at: usize, id: &str, lie: PhoneLie, invite: &Message) {
        let sdp = self.peers[at].describe("sendrecv").bytes;
        let address = self.peers[at].address;
        match lie {
            PhoneLie::TwoTags => {
                let second = message::response(invite, 200, "second", Some(&sdp), address);
                self.raw_send(at, second);
            }
            PhoneLie::RingAfterOk => self.raw_respond(at, id, invite, 180, None),
            PhoneLie::ByeBeforeAck => self.raw_hangs_up(at, id),
            PhoneLie::ReinviteAtOnce => {
                let Some(call) = self.raw.get_mut(&(at, id.to_owned())) else { return };
                call.cseq += 1;
                let sdp = String::from_utf8_lossy(&sdp).into_owned();
                let wire = call.request("INVITE", call.cseq, "odd", Some(&sdp), address);
                self.raw_send(at, wire);
            }
            PhoneLie::Odd => self.raw_later(at, id, 0, RawAct::Odd(0)),
            _ => {}
        }
    }

    pub(super) fn phone_cancelled(&mut self, at: usize, id: &str, cancel: &Message) {
        self.raw_respond(at, id, cancel, 200, None);
        let Some(call) = self.raw.get(&(at, id.to_owned())) else { return };
        let (answered, over, invite) = (call.answered, call.over, call.invite.clone());
        if answered || over {
            return;
        }
        if call.side == Side::Phone(PhoneLie::OkAfterCancel) {
            return self.phone_answers(at, id);
        }
        let (tag, address) = (call.tag.clone(), self.peers[at].address);
        let wire = message::response(&invite, 487, &tag, None, address);
        if let Some(call) = self.raw.get_mut(&(at, id.to_owned())) {
            (call.over, call.repeating) = (true, Some(wire.clone()));
        }
        self.raw_send(at, wire);
        self.raw_later(at, id, T1_MS, RawAct::Repeat(0));
    }
}
