//! Operators who are called outside, and have no phone registered: they sign in by order, and press 1.

use std::collections::BTreeSet;

use b2bua::{Choice, Command, Event, What};

use crate::callbacks::CallbackAct;
use crate::scenario::{Ms, Scenario};
use crate::setup::operator_id;
use crate::world::{Act, World};

/// How long they listen to the question.
const LISTENS_MS: Ms = 500;

/// Who they are.
pub(crate) fn outside(scenario: &Scenario) -> BTreeSet<String> {
    scenario.outside.iter().copied().map(operator_id).collect()
}

impl World {
    /// Whether a phone is one of theirs; they are ready then.
    pub(crate) fn signs_in_outside(&mut self, at: usize) -> bool {
        let user = &self.peers[at].registration.user;
        let Some(who) = self.scenario.outside.iter().find(|who| operator_id(**who) == *user) else {
            return false;
        };
        let command = Command::Choose { operator: operator_id(*who).into(), state: Choice::Ready };
        self.gives(command);
        true
    }

    /// Whoever has answered is asked whether they want it.
    pub(crate) fn outside_noticed(&mut self, event: &Event) {
        let What::LegAnswered { participant, operator: Some(operator), .. } = &event.what else {
            return;
        };
        if outside(&self.scenario).contains(&**operator) {
            self.later(LISTENS_MS, Act::Callback(CallbackAct::Key(*participant, '1')));
        }
    }
}
