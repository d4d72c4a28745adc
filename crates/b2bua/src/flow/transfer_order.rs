//! A transfer by order: who is let go, to whom the customer goes, and what was agreed for it.

use sip::LegId;

use super::transfer::{Beginning, described};
use crate::act::{Asker, HandOn, OnFailure, Whom};
use crate::api::{Problem, Time};
use crate::call::{Call, Fallback, Participant, Terms, Why};
use crate::config::{Go, Manner, Name};
use crate::event::TransferMode;
use crate::switch::B2bua;

impl B2bua {
    pub(super) fn order_transfer(
        &mut self,
        now: Time,
        call: &mut Call,
        by: &Asker,
        order: &HandOn,
    ) -> Result<(), Problem> {
        let headers = self.given("headers", &order.headers)?;
        let leg = self.let_go(call, by)?;
        let go = self.wanted(now, call, by, &order.to)?;
        let fallback = match &order.on_failure {
            OnFailure::Return => Fallback::Return,
            OnFailure::HangUp => Fallback::HangUp,
            OnFailure::To(whom) => Fallback::Go(
                self.wanted(now, call, by, whom).map_err(|p| p.in_field("on_failure"))?,
            ),
        };
        let is_bot = call.participant(leg).is_some_and(Participant::is_bot);
        for (wanted, field) in [
            (order.continue_call, "continue_call"),
            (order.continue_recording, "continue_recording"),
        ] {
            if wanted && !is_bot {
                let what = "is for a bot that has the customer".to_owned();
                return Err(Problem::Field { field, what });
            }
        }
        if order.continue_call && order.on_failure != OnFailure::Return {
            let what = "with continue_call the caller is back with the bot".to_owned();
            return Err(Problem::Field { field: "on_failure", what });
        }
        let terms = Terms {
            timeout: Some(Time::from_millis(order.timeout_ms)),
            fallback,
            continues: order.continue_call,
            records: order.continue_recording,
        };
        let mode = if order.is_warm { TransferMode::Warm } else { TransferMode::Cold };
        let to = shown(&order.to, &go);
        let beginning = Beginning { by: Some(leg), refer: None, to, mode, terms };
        self.transfer(now, call, beginning, go, headers);
        let is_free = !order.is_warm && !order.continue_call && call.transfer.is_some();
        if is_free {
            self.drop_leg(now, call, leg, "");
            self.transferor_left(now, call);
        }
        Ok(())
    }

    /// Whose part somebody else is to have: that of the operator who asks, or of the bot, or of the
    /// operator who is there, or of whoever was called.
    fn let_go(&self, call: &Call, by: &Asker) -> Result<LegId, Problem> {
        let conflict = |why: &str| Err(Problem::Conflict(why.into()));
        if call.transfer.is_some() {
            return conflict("the call is being transferred");
        }
        if call.help.is_some() {
            return conflict("somebody has been asked for help");
        }
        if call.participants.iter().any(|p| p.rings() && p.is_asked_to_talk()) {
            return conflict("somebody is being asked in");
        }
        let talking: Vec<&Participant> = call.participants.iter().filter(|p| p.talks()).collect();
        if talking.len() != 2 {
            return conflict("a transfer is for a call in which two talk");
        }
        let own = match by {
            Asker::Operator(name) => self.directory.operator_id(name),
            Asker::Admin | Asker::Supervisor { .. } => None,
        };
        let rank = |p: &&&Participant| match () {
            () if own.is_some() && p.operator == own => 0,
            () if p.is_bot() => 1,
            () if p.operator.is_some() && p.why != Why::Arrived => 2,
            () if p.operator.is_some() => 3,
            () if p.why != Why::Arrived => 4,
            () => 5,
        };
        let leaves = talking.iter().min_by_key(rank).map(|p| p.leg);
        leaves.ok_or_else(|| Problem::Conflict("nobody talks in this call".into()))
    }

    /// Where an order leads, if there is such a place and whoever gave it may go there.
    fn wanted(&self, now: Time, call: &Call, by: &Asker, whom: &Whom) -> Result<Go, Problem> {
        let missing = |what, name: &Name| Problem::NotFound { what, name: name.to_string() };
        match whom {
            Whom::Queue(queue) => {
                let known = self.directory.queue_id(queue);
                known.ok_or_else(|| missing("queue", queue))?;
                Ok(Go::Queue { queue: queue.clone(), priority_s: None, manner: Manner::default() })
            }
            Whom::Operator(name) => {
                self.known(name)?;
                Ok(Go::Operator(name.clone()))
            }
            Whom::Number { .. } | Whom::Uri(_) => self.wish(now, call, by, whom),
        }
    }
}

/// The target as records show it: as it was named.
fn shown(whom: &Whom, go: &Go) -> Name {
    match whom {
        Whom::Operator(name) | Whom::Queue(name) | Whom::Number { number: name, .. } => {
            name.clone()
        }
        Whom::Uri(_) => described(go),
    }
}
