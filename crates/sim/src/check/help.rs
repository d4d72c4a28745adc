//! Help: each is told from its beginning to one end, and in two-party help the customer and whoever was
//! asked do not hear each other, whatever else happens.

use std::collections::{BTreeMap, BTreeSet};

use b2bua::event::{Hears, HelpMode, Role};
use b2bua::{CallKey, Event, ParticipantId, What};

/// The fold.
#[derive(Debug, Default)]
pub(crate) struct Helps {
    /// Calls of which callbacks come.
    called_back: BTreeSet<CallKey>,
    open: BTreeMap<CallKey, Open>,
    over: BTreeSet<CallKey>,
    customers: BTreeMap<ParticipantId, CallKey>,
    /// Those in which they talked.
    pub(crate) talked: u64,
    /// Calls that went on without their customer.
    pub(crate) parted: u64,
}

/// One that is under way.
#[derive(Debug)]
struct Open {
    call: CallKey,
    mode: HelpMode,
    by: ParticipantId,
    helper: Option<ParticipantId>,
}

impl Helps {
    pub(crate) fn event(&mut self, event: &Event) -> Result<(), String> {
        if let What::CallbackCreated { predecessor: Some(before), .. } = &event.what {
            self.called_back.insert(*before);
        }
        let Some(call) = event.call else { return Ok(()) };
        match &event.what {
            What::ParticipantJoined { participant, role: Role::Customer, .. } => {
                self.customers.insert(*participant, call);
            }
            What::ParticipantLeft { participant } => {
                self.customers.remove(participant);
            }
            What::CallStarted { predecessor: Some(before), .. }
                if self.called_back.contains(before) => {}
            What::CallStarted { predecessor: Some(before), .. } => {
                self.parted += 1;
                if !self.over.contains(&call) {
                    return Err(format!("{call} comes of {before}, and of no help"));
                }
            }
            What::HelpAlerting { help, mode, by, .. } => {
                let open = Open { call, mode: *mode, by: *by, helper: None };
                let other = self.open.values().any(|other| other.call == call);
                if other || self.over.contains(help) || self.open.insert(*help, open).is_some() {
                    return Err(format!("{call}: a second help, or the same again"));
                }
            }
            What::HelpTalking { help, participant, .. } => {
                let open = self.open.get_mut(help).filter(|open| open.helper.is_none());
                let open = open.ok_or_else(|| format!("{help}: talks, and did not ring"))?;
                open.helper = Some(*participant);
                self.talked += 1;
            }
            What::HelpFailed { help, .. } => {
                let open = self.open.remove(help);
                if open.is_some_and(|open| open.helper.is_some()) || !self.over.insert(*help) {
                    return Err(format!("{help}: failed, and they have talked"));
                }
            }
            What::HelpEnded { help, .. } => {
                self.open.remove(help);
                if !self.over.insert(*help) {
                    return Err(format!("{help}: ended twice"));
                }
            }
            What::CallSegment { hears, .. } => return self.segment(call, hears),
            What::CallEnded { .. } if self.open.values().any(|open| open.call == call) => {
                return Err(format!("{call} is over, and the help in it is not"));
            }
            _ => {}
        }
        Ok(())
    }

    /// The help that is told of in a call.
    pub(crate) fn of(&self, call: CallKey) -> Option<CallKey> {
        self.open.iter().find(|(_, open)| open.call == call).map(|(help, _)| *help)
    }

    fn segment(&self, call: CallKey, hears: &Hears) -> Result<(), String> {
        let two = |open: &&Open| open.call == call && open.mode == HelpMode::TwoParty;
        let Some(open) = self.open.values().find(two) else { return Ok(()) };
        let Some(helper) = open.helper else { return Ok(()) };
        let heard = |listener: &ParticipantId, speaker: &ParticipantId| {
            hears.get(listener).is_some_and(|all| all.contains(&speaker.to_string()))
        };
        let customers = self.customers.iter().filter(|(who, of)| **of == call && **who != open.by);
        for (customer, _) in customers {
            let all = [helper, open.by];
            if all.iter().any(|who| heard(customer, who) || heard(who, customer)) {
                return Err(format!("{call}: {customer} and {helper} hear each other: {hears:?}"));
            }
        }
        Ok(())
    }
}
