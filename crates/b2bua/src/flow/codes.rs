//! Keys of operators and supervisors in a call that are feature codes ([`crate::codes`]).
//!
//! From a `*` on, their keys are kept: the media thread lets nobody hear them, and no event tells them.
//!
//! | the keys | then |
//! | --- | --- |
//! | are a code | it is done, and they were never there; what cannot be done is told by a busy tone |
//! | can become one | the next is waited for, some seconds |
//! | are none, or the next does not come | they are told and heard after all, in order |

use media::Source;
use sip::LegId;

use crate::act::{Asker, Change, HandOn, HelpWanted, OnFailure, Whom};
use crate::api::{Problem, Time};
use crate::call::{Call, Cause, Message, Participant, Timer, Way};
use crate::codes::{Read, Wish};
use crate::event::{Role, What};
use crate::id::ParticipantId;
use crate::switch::B2bua;

/// How long somebody is rung who is asked for help, or is to have a customer, by keys.
const RINGS_MS: u64 = 30_000;
/// A key that has come by INFO may come with the audio for so long.
const TWICE_WITHIN: Time = Time::from_secs(1);
/// What tells that something cannot be done: a busy tone (ETSI TR 101 041-1), for so long.
const REFUSED: Source = Source::Tone { hz: 425, on_ms: 250, off_ms: 250 };
const REFUSED_FOR: Time = Time::from_millis(500);

impl Participant {
    /// Whose keys may be codes: never a customer's, though it were a colleague who calls.
    pub(crate) fn gives_codes(&self) -> bool {
        self.operator.is_some() && self.role != Role::Customer
    }
}

impl B2bua {
    /// Whether a key is, or may become, that of a code; else it is one like any other.
    pub(super) fn keeps_key(
        &mut self,
        now: Time,
        call: &mut Call,
        leg: LegId,
        digit: char,
        way: Way,
    ) -> bool {
        let codes = &self.directory.config.codes;
        let is_in = |p: &&mut Participant| p.gives_codes() && p.connected();
        let Some(p) = call.participant_mut(leg).filter(is_in) else { return false };
        if p.typed.is_empty() && !(digit == '*' && codes.are_pressed()) {
            return false;
        }
        p.typed.push(digit);
        let (id, read) = (p.id, codes.read(&p.typed));
        match read {
            Read::Unfinished => {
                let due = now + Time::from_millis(codes.wait_ms);
                self.set_timer(call, Timer::Code(id), Some(due));
            }
            Read::Nothing => self.is_no_code(now, call, id),
            Read::Is(wish) => {
                if let Some(p) = call.participant_mut(leg) {
                    p.typed.clear();
                    // The audio of one that came by INFO is not to be heard either.
                    p.guarded &= way == Way::Info;
                }
                let due = Some(now + TWICE_WITHIN).filter(|_| way == Way::Info);
                self.set_timer(call, Timer::Code(id), due);
                self.obey(now, call, leg, wish);
            }
        }
        true
    }

    /// What was kept is told and heard after all.
    pub(crate) fn is_no_code(&mut self, now: Time, call: &mut Call, id: ParticipantId) {
        self.set_timer(call, Timer::Code(id), None);
        let Some(p) = call.participants.iter_mut().find(|p| p.id == id) else { return };
        p.guarded = false;
        let (typed, leg) = (core::mem::take(&mut p.typed), p.leg);
        for digit in typed.chars() {
            self.tell(now, call, What::DtmfReceived { participant: id, digit });
        }
        self.relay_keys(call, leg, &typed, super::dtmf::LENGTH);
    }

    fn obey(&mut self, now: Time, call: &mut Call, leg: LegId, wish: Wish) {
        let Some(p) = call.participant(leg) else { return };
        let (id, supervises) = (p.id, p.supervises());
        let Some(name) = p.operator.map(|who| self.directory.operator_name(who)) else { return };
        let by = Asker::Operator(name);
        let done = match wish {
            Wish::Mode(mode) if supervises => {
                let change = Change { mode: Some(mode), ..Change::default() };
                self.change(now, call, &Asker::Admin, id, &change)
            }
            _ if supervises => Err(Problem::Forbidden("they only watch".into())),
            Wish::Mode(_) => Err(Problem::Conflict("only a supervisor has a mode".into())),
            Wish::Hold => self.hold_others(now, call, &by, id),
            Wish::Help(mode, number) => {
                let (whom, headers, timeout_ms) = (to_number(&number), Vec::new(), RINGS_MS);
                let wanted = HelpWanted { by: None, whom, mode, headers, timeout_ms };
                let may = self.may_rule(call, &by, None);
                may.and_then(|()| self.ask_for_help(now, call, &by, &wanted)).map(|_| ())
            }
            Wish::HandOn { is_warm, to } => {
                let order = HandOn {
                    to: to_number(&to),
                    is_warm,
                    timeout_ms: RINGS_MS,
                    headers: Vec::new(),
                    on_failure: OnFailure::Return,
                    continue_call: false,
                    continue_recording: false,
                };
                let may = self.may_rule(call, &by, None);
                may.and_then(|()| self.order_transfer(now, call, &by, &order))
            }
            Wish::Complete => {
                let may = self.may_rule(call, &by, None);
                may.and_then(|()| self.complete_transfer(now, call))
            }
            Wish::TakeBack if call.transfer.is_some() => {
                let may = self.may_rule(call, &by, None);
                may.and_then(|()| self.cancel_transfer(now, call))
            }
            Wish::TakeBack => {
                let may = self.may_rule(call, &by, call.helper().map(|p| p.id));
                may.and_then(|()| self.take_back(now, call))
            }
        };
        if done.is_err() {
            self.refuses(now, call, leg);
        }
    }

    /// Those whom they talk with are on hold, the customer before others; all of them who are already
    /// are taken off it.
    fn hold_others(
        &mut self,
        now: Time,
        call: &mut Call,
        by: &Asker,
        own: ParticipantId,
    ) -> Result<(), Problem> {
        self.may_rule(call, by, None)?;
        let others = || {
            let all = call.participants.iter();
            all.filter(|p| p.id != own && p.talks() && !p.apart)
        };
        let has_customer = others().any(|p| p.role == Role::Customer);
        let meant = |p: &&Participant| p.role == Role::Customer || !has_customer;
        let hold = others().filter(meant).any(|p| p.hold.is_none());
        let meant: Vec<ParticipantId> = others().filter(meant).map(|p| p.id).collect();
        if meant.is_empty() {
            return Err(Problem::Conflict("there is nobody to be held".into()));
        }
        let change = Change { hold: Some(hold), ..Change::default() };
        meant.into_iter().try_for_each(|who| self.change(now, call, by, who, &change))
    }

    /// It could not be done: whoever wanted it hears so.
    fn refuses(&mut self, now: Time, call: &mut Call, leg: LegId) {
        let Some(p) = call.participant_mut(leg) else { return };
        let told = p.message.replace(Message { source: REFUSED, cause: Cause::Refused });
        let id = p.id;
        self.cut_short(now, call, id, told);
        self.set_timer(call, Timer::Beep(id), Some(now + REFUSED_FOR));
    }
}

fn to_number(number: &str) -> Whom {
    Whom::Number { number: number.into(), trunk: None }
}
