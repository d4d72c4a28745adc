//! Customers who are handed on by order: cold and warm, to operators and to the queue, completed and
//! called off at every moment.

use b2bua::{Act, Asker, HandOn, OnFailure, Whom};

use crate::setup::operator_id;
use crate::world::World;

/// A transfer to somebody, as it is where nothing else is said.
#[must_use]
pub fn hand_on(to: Whom, is_warm: bool) -> HandOn {
    HandOn {
        to,
        is_warm,
        timeout_ms: 30_000,
        headers: Vec::new(),
        on_failure: OnFailure::Return,
        continue_call: false,
        continue_recording: false,
    }
}

impl World {
    /// Somebody in some call is handed on, or what became of that is decided.
    pub(crate) fn orders_transfer(&mut self) {
        let any = usize::try_from(self.handing.below(1_000)).unwrap_or(0);
        let Some(call) = self.checker.open_call(any) else { return };
        let by = match self.handing.below(8) {
            0 => Asker::Operator(self.some_operator()),
            1 => Asker::Supervisor { queues: vec!["support".into()] },
            _ => Asker::Admin,
        };
        let act = match self.handing.below(10) {
            0..6 => Act::Transfer(self.handed_on()),
            6..9 => Act::CompleteTransfer,
            _ => Act::CancelTransfer,
        };
        self.order_people(call, by, act);
    }

    fn some_operator(&mut self) -> b2bua::config::Name {
        let who = self.handing.below(self.scenario.operators.len() as u64);
        operator_id(usize::try_from(who).unwrap_or(0)).as_str().into()
    }

    fn target(&mut self) -> Whom {
        match self.handing.below(20) {
            0..13 => Whom::Operator(self.some_operator()),
            13..18 => Whom::Queue("support".into()),
            18 => Whom::Number { number: "600".into(), trunk: None },
            _ => Whom::Uri("sip:nobody@elsewhere.example".into()),
        }
    }

    fn handed_on(&mut self) -> HandOn {
        let on_failure = match self.handing.below(10) {
            0 => OnFailure::HangUp,
            1..3 => OnFailure::To(self.target()),
            _ => OnFailure::Return,
        };
        let is_warm = self.handing.one_in_1000(500);
        HandOn {
            timeout_ms: self.handing.between(500, 30_000),
            headers: vec![("Reason-Code".into(), "7".into())],
            continue_call: self.scenario.bot.is_some()
                && on_failure == OnFailure::Return
                && self.handing.one_in_1000(500),
            on_failure,
            ..hand_on(self.target(), is_warm)
        }
    }
}
