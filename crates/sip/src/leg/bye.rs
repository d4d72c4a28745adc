//! BYE both ways: RFC 3261 section 15.

use super::parcel::Parcel;
use super::{Leg, Phase};
use crate::ground::{Core, Outcome, Sent};
use crate::msg::{Message, Name};
use crate::transaction::ClientIn;
use crate::{EndCause, Headers, Time};

/// Why a leg sends BYE of itself (RFC 3326): as if the request in question had got that status.
pub(super) fn because(status: u16, text: &str) -> Headers {
    let reason = format!("SIP;cause={status};text=\"{text}\"");
    vec![(Name::Reason.as_str().into(), reason)]
}

impl Leg {
    /// Sends BYE. Whoever calls this has told the owner, or was told by it.
    pub(super) fn leave(&mut self, core: &mut Core, now: Time, headers: Headers) {
        self.silent = true;
        self.say_last(core, now);
        self.settle(core, now);
        self.phase = Phase::Leaving;
        self.auth.begin();
        self.post(core, now, Parcel::Bye(headers));
    }

    /// The leg is over without BYE.
    pub(super) fn over(&mut self, core: &mut Core, now: Time) {
        self.settle(core, now);
        self.phase = Phase::Over;
    }

    /// Ends what is under way in the dialog, each in its own way.
    fn settle(&mut self, core: &mut Core, now: Time) {
        self.unacked = None;
        self.owed = None;
        (self.lost, self.away, self.lingers) = (None, None, None);
        self.bye = None;
        self.wish = None;
        self.asking = None;
        self.end_referred(core, now);
        self.reliable = None;
        for open in [self.open.take(), self.offered.take()].into_iter().flatten() {
            core.reply(now, open.server, 487, &[]);
        }
        if let Some(key) = self.reinvite.take().and_then(|reinvite| reinvite.key()) {
            // Nobody waits for its final response any more, so it must not wait for ever either.
            core.client_step(now, key, ClientIn::Cancelled, None);
        }
    }

    /// The peer's BYE. Crossing ours, it ends nothing that ours does not.
    pub(super) fn bye_received(&mut self, core: &mut Core, now: Time, server: u64, bye: &Message) {
        core.reply(now, server, 200, &[]);
        if self.phase != Phase::Leaving {
            self.ended_by(core, EndCause::Bye, Some(bye));
            let told = self.take_told();
            self.over(core, now);
            self.goes_on_telling(told);
        }
    }

    /// What became of our BYE: any final answer, or none, ends the leg.
    pub(crate) fn bye_outcome(&mut self, core: &mut Core, now: Time, sent: &Sent) {
        if let Outcome::Response(response) = &sent.outcome {
            let is_provisional = response.status().is_some_and(|status| status < 200);
            if is_provisional || self.try_again(core, now, sent, response, true).is_some() {
                return;
            }
        }
        self.over(core, now);
    }
}
