//! The owner's order to end a leg, wherever it stands.

use super::{Leg, Phase};
use crate::ground::Core;
use crate::{Headers, Time};

impl Leg {
    /// Ends the leg; no event of it follows.
    pub(crate) fn end(&mut self, core: &mut Core, now: Time, status: u16, headers: Headers) {
        if self.silent {
            return;
        }
        self.silent = true;
        match self.phase {
            Phase::Calling => self.cancel(core, now, headers),
            Phase::Alerting if status == 0 => self.ignore(core, now),
            Phase::Alerting => self.refuse(core, now, status.clamp(300, 699), &headers),
            Phase::Confirmed => self.hang_up(core, now, headers),
            Phase::Telling | Phase::Leaving | Phase::Over => {}
        }
    }

    /// Sends BYE as soon as that is allowed: a callee must wait for the ACK of its 2xx (section 15).
    pub(super) fn hang_up(&mut self, core: &mut Core, now: Time, headers: Headers) {
        self.silent = true;
        if self.unacked.is_some() {
            self.bye = Some(headers);
        } else {
            self.pay_ack(core, now, None);
            self.leave(core, now, headers);
        }
    }

    /// Leaves an INVITE unanswered: 100 has stopped its retransmissions, a CANCEL gets 481.
    fn ignore(&mut self, core: &mut Core, now: Time) {
        if let Some(open) = self.open.take() {
            core.drop_server(open.server);
        }
        self.over(core, now);
    }
}
