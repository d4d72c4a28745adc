//! What follows an operator's hang-up, where the queue says so (`after`): a bot that asks how it was, a menu,
//! a word of thanks.
//!
//! | then | |
//! | --- | --- |
//! | an operator who served the customer hangs up | their task is over, and they wrap up; the customer hears music, and goes there |
//! | a bot has them by it, and they had been lent out | back to that bot instead: it has the customer longer |
//! | nobody is there | the call is over, as it would have been without |
//! | the operator is lost, or taken out by order | not this: the customer has not been served to the end |
//!
//! A bot is told whom it is about: `X-Usher-Task`, `X-Usher-Queue`, `X-Usher-Operator`.

use sip::Headers;

use super::end::Gone;
use crate::api::Time;
use crate::call::{After, Call, LegState, Participant, Why};
use crate::event::Role;
use crate::switch::B2bua;

impl B2bua {
    /// Whether somebody else has the customer now whose operator has hung up.
    pub(super) fn leads_on(&mut self, now: Time, call: &mut Call, gone: &Gone) -> bool {
        let (Why::Serve(_), Some(operator)) = (gone.why, gone.operator) else { return false };
        let Some(at) = call.tasks.iter().position(|task| task.served) else { return false };
        let (task, queue) = (call.tasks[at].key, call.tasks[at].queue);
        let Some(go) = self.directory.queue(queue).and_then(|queue| queue.after.clone()) else {
            return false;
        };
        let is_there = |p: &Participant| p.role == Role::Customer && p.state == LegState::Up;
        if !call.origin().is_some_and(is_there) {
            return false;
        }
        let music = self.music(call);
        self.task_is_done(now, call, at);
        for leg in call.legs(|p| p.rings() && p.is_asked_to_talk()) {
            self.drop_leg(now, call, leg, "");
        }
        let queue = self.directory.queue_name(queue);
        call.after = Some(After { task, queue, operator: self.directory.operator_name(operator) });
        // They have been served: whoever they wait for next, it is from now on.
        (call.virtual_start, call.wanted) = (None, None);
        call.given.clear();
        if let Some(customer) = call.origin_mut() {
            customer.waits(music);
        }
        self.route(now, call, Some(go));
        true
    }

    /// Whom a bot is asked to hear about.
    pub(super) fn served_before(call: &Call) -> Headers {
        let Some(After { task, queue, operator }) = &call.after else { return Headers::new() };
        vec![
            ("X-Usher-Task".into(), task.to_string()),
            ("X-Usher-Queue".into(), queue.to_string()),
            ("X-Usher-Operator".into(), operator.to_string()),
        ]
    }
}
