//! Legs that come into a call whose media live on another thread: they get ports there, and their
//! peers a re-INVITE that says so. Until it is answered they hear the call, and are not heard.
//!
//! Nothing else moves a leg. One that is not answered cannot be moved: its offer is out.

use media::Lease;
use sip::{EndCause, LegId};

use crate::api::{Output, Time};
use crate::call::{Call, LegState, Participant};
use crate::switch::B2bua;

impl B2bua {
    /// Ports on a thread for those who come into a call, whoever leaves aside; none if they cannot
    /// come.
    pub(super) fn room_for(
        &mut self,
        second: &[(LegState, Lease)],
        thread: Option<u16>,
    ) -> Option<Vec<Lease>> {
        let thread = thread?;
        let is_elsewhere = |(_, lease): &&(LegState, Lease)| lease.thread != thread;
        let count = second.iter().filter(is_elsewhere).count();
        if second.iter().filter(is_elsewhere).any(|(state, _)| *state != LegState::Up) {
            return None;
        }
        let mut room = Vec::new();
        for _ in 0..count {
            match self.lease(Some(thread)) {
                Some(lease) => room.push(lease),
                None => break,
            }
        }
        if room.len() == count {
            return Some(room);
        }
        room.into_iter().for_each(|lease| self.release(lease));
        None
    }

    /// Gives a leg that comes into a call other ports, and offers them.
    pub(super) fn relocate(
        &mut self,
        now: Time,
        call: &mut Call,
        participant: &mut Participant,
        lease: Lease,
    ) {
        let (leg, old) = (participant.leg, participant.lease);
        if participant.planned.take().is_some() {
            let command = media::Command::EndLeg(media::LegId(leg.0));
            self.output(Output::Media { thread: old.thread, command });
        }
        self.release(old);
        let ssrc = self.endpoint.rng().next_u32();
        participant.lease = lease;
        participant.negotiation.relocate(lease, ssrc);
        call.moving.insert(leg);
        self.command_sip(now, sip::Command::Reinvite { leg, headers: Vec::new() });
    }

    /// What became of a re-INVITE of ours. A peer that was to send elsewhere and does not is lost.
    pub(super) fn relocated(&mut self, now: Time, leg: LegId, is_agreed: bool) {
        let was_moving = self.with_leg(leg, |_, call| call.moving.remove(&leg));
        if was_moving == Some(true) && !is_agreed {
            self.hang_up_leg(now, leg, 488, super::reason::UNUSABLE);
            self.leg_ended(now, leg, EndCause::NoAnswer, None);
        }
    }
}
