//! Operators come and go: registrations, states, what they choose.

use acd::{Choice, OperatorId, Since};
use sip::msg::Uri;
use sip::{Binding, UnbindCause};

use crate::api::Time;
use crate::config::{Name, SignIn};
use crate::event::{Chosen, ChosenState, EffectiveState, What};
use crate::switch::B2bua;

impl B2bua {
    /// The first registration makes an operator reachable, and signs them in where the
    /// configuration says so; what they chose before stands.
    pub(crate) fn bound(&mut self, now: Time, user: &Name, binding: &Binding, new: bool) {
        let Some(operator) = self.directory.operator_id(user) else { return };
        if !new {
            return;
        }
        let contact = binding.contact.to_string().into();
        self.emit(now, None, None, What::RegistrationAdded { operator: user.clone(), contact });
        self.acd.handle(now, acd::Input::Reachable { operator, reachable: true });
        let signs_in = self.directory.operator(user).is_some_and(|o| o.sign_in == SignIn::Register);
        let there = self.endpoint.bindings(user).iter().filter(|binding| !binding.lost);
        let first = there.count() == 1;
        if signs_in && first {
            self.acd.handle(now, acd::Input::SignIn { operator });
        }
    }

    /// The last registration gone by the phone's own wish signs out; lost, it makes unreachable.
    pub(crate) fn unbound(
        &mut self,
        now: Time,
        user: &Name,
        contact: &Uri,
        cause: UnbindCause,
        left: usize,
    ) {
        let Some(operator) = self.directory.operator_id(user) else { return };
        let (contact, text) = (contact.to_string().into(), unbind_text(cause).into());
        let removed = What::RegistrationRemoved { operator: user.clone(), contact, cause: text };
        self.emit(now, None, None, removed);
        if left > 0 {
            return;
        }
        let by_register =
            self.directory.operator(user).is_some_and(|o| o.sign_in == SignIn::Register);
        if cause == UnbindCause::Removed && by_register {
            self.acd.handle(now, acd::Input::SignOut { operator });
        }
        if self.is_outside(operator) {
            return;
        }
        let gone = match cause {
            UnbindCause::NoAnswer => acd::Input::Silent { operator },
            _ => acd::Input::Reachable { operator, reachable: false },
        };
        self.acd.handle(now, gone);
    }

    pub(crate) fn operator_changed(
        &mut self,
        now: Time,
        operator: OperatorId,
        effective: &Since<acd::Effective>,
        chosen: &Since<Choice>,
    ) {
        let (state, reason) = match &chosen.state {
            Choice::Ready => (Chosen::Ready, None),
            Choice::NotReady { reason } => (Chosen::NotReady, reason.clone()),
            Choice::Offline => (Chosen::Offline, None),
        };
        let cause = chosen.cause.as_str().into();
        let chosen = ChosenState { state, reason, cause };
        let effective = EffectiveState {
            state: effective.state.into(),
            cause: effective.cause.as_str().into(),
            since: self.utc(effective.since),
        };
        let operator = self.directory.operator_name(operator);
        self.emit(now, None, None, What::OperatorState { operator, chosen, effective });
    }
}

fn unbind_text(cause: UnbindCause) -> &'static str {
    match cause {
        UnbindCause::Removed => "removed",
        UnbindCause::Expired => "expired",
        UnbindCause::FlowGone => "flow-gone",
        UnbindCause::Revoked => "revoked",
        UnbindCause::NoAnswer => "no-answer",
    }
}
