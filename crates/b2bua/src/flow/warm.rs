//! A warm transfer: whoever has the customer talks with the target before the customer does.
//!
//! | when | then |
//! | --- | --- |
//! | it begins | the customer hears music, whoever asked that it rings |
//! | the target answers | the two talk, the customer hears music |
//! | it is completed, or whoever asked leaves | the customer and the target talk, whoever asked is free |
//! | the target leaves, is not to be had, or it is cancelled | the customer and whoever asked talk again |
//! | whoever asked leaves before the target has answered | it is a cold one from then on |
//! | the customer leaves | the call is over |

use sip::LegId;

use crate::api::{Problem, Time};
use crate::call::{Call, Seat};
use crate::switch::B2bua;

impl B2bua {
    /// The customer and the target talk.
    pub(super) fn meet(&mut self, now: Time, call: &mut Call, target: LegId) {
        let origin = call.origin().map(|origin| origin.leg);
        for participant in &mut call.participants {
            if participant.leg == target || Some(participant.leg) == origin {
                participant.seat = Seat::Connected;
            }
        }
        self.transfer_done(now, call, target);
    }

    /// By order.
    pub(super) fn complete_transfer(&mut self, now: Time, call: &mut Call) -> Result<(), Problem> {
        let consulted = call.transfer.as_mut().and_then(|transfer| transfer.consulted.take());
        let why = "there is no warm transfer whose target has answered";
        let target = consulted.ok_or_else(|| Problem::Conflict(why.into()))?;
        self.meet(now, call, target);
        Ok(())
    }

    /// By order: the target is out of it, whatever it does.
    pub(super) fn cancel_transfer(&mut self, now: Time, call: &mut Call) -> Result<(), Problem> {
        if call.transfer.is_none() {
            return Err(Problem::Conflict("no transfer is under way".into()));
        }
        self.transfer_failed(now, call, 487);
        Ok(())
    }

    /// Whether this is who has answered, and talks with whoever asked.
    pub(super) fn is_consulted(call: &Call, leg: LegId) -> bool {
        call.transfer.as_ref().is_some_and(|transfer| transfer.consulted == Some(leg))
    }
}
