//! A hook is asked where a call goes (`go = { hook = "crm" }`).
//!
//! | | then |
//! | --- | --- |
//! | it answers with a `go`, and perhaps a `context` | that is the call's from then on, and it goes there |
//! | it answers with what cannot be: no such place, a name that is not for it to set | `on_error` |
//! | it fails, or does not answer within `deadline_ms` | `on_error` |
//! | the caller leaves | the call is over |
//!
//! An INVITE that is open stays so meanwhile; whoever has been answered hears music. A hook does not lead to
//! a hook.

use std::collections::BTreeMap;

use crate::api::{Output, Time};
use crate::call::{Attendant, Call, LegState, Timer};
use crate::config::{Go, Name};
use crate::event::What;
use crate::hook::{HookAnswer, HookQuestion};
use crate::switch::B2bua;

impl B2bua {
    pub(super) fn ask_hook(&mut self, now: Time, call: &mut Call, name: &Name) {
        self.moves_on(call);
        let known = self.directory.config.hooks.iter().find(|hook| hook.name == *name).cloned();
        let Some(hook) = known else {
            return self.hook_failed(now, call, name, "no such hook");
        };
        let token = self.mint();
        let music = self.music(call);
        if let Some(origin) = call.origin_mut().filter(|origin| origin.state == LegState::Up) {
            origin.waits(music);
        }
        call.attendant = Some(Attendant::Awaits { hook: name.clone(), token });
        self.set_timer(call, Timer::Attendant, Some(now + Time::from_millis(hook.deadline_ms)));
        self.state.questions.insert(token, call.key);
        let question = HookQuestion {
            hook: hook.name,
            url: hook.url,
            deadline_ms: hook.deadline_ms,
            call: call.key,
            kind: call.kind,
            from: call.from.clone(),
            name: call.display.clone(),
            to: call.to.clone(),
            trunk: call.trunk.clone(),
            context: call.context.clone(),
        };
        self.output(Output::Ask { token, question: Box::new(question) });
    }

    /// An answer, to a question that somebody still waits for or not.
    pub(crate) fn hook_answered(
        &mut self,
        now: Time,
        token: u64,
        result: Result<HookAnswer, String>,
    ) {
        let Some(key) = self.state.questions.remove(&token) else { return };
        self.with_call(key, |switch, call| {
            let name = match &call.attendant {
                Some(Attendant::Awaits { hook, token: of }) if *of == token => hook.clone(),
                _ => return,
            };
            match result.and_then(|answer| switch.follows(now, call, answer)) {
                Ok(go) => {
                    switch.tell(now, call, What::HookAnswered { hook: name });
                    switch.moves_on(call);
                    switch.route(now, call, Some(go));
                }
                Err(why) => switch.hook_failed(now, call, &name, &why),
            }
        });
    }

    /// Where an answer leads, if it can be followed; then its context is the call's.
    fn follows(&mut self, now: Time, call: &mut Call, answer: HookAnswer) -> Result<Go, String> {
        let HookAnswer { go, context } = answer;
        self.is_place(&go)?;
        let changes: BTreeMap<_, _> =
            context.into_iter().map(|(name, value)| (name, Some(value))).collect();
        self.describe(now, call, &changes).map_err(|problem| problem.to_string())?;
        Ok(go)
    }

    fn is_place(&self, go: &Go) -> Result<(), String> {
        let config = &self.directory.config;
        let (is_there, what, name) = match go {
            Go::Queue { queue, .. } => (self.directory.queue_id(queue).is_some(), "queue", queue),
            Go::Operator(name) => (self.directory.operator(name).is_some(), "operator", name),
            Go::Bot(name) => (config.bots.iter().any(|bot| bot.name == *name), "bot", name),
            Go::Menu(name) => (config.menus.iter().any(|menu| menu.name == *name), "menu", name),
            Go::Number { trunk, .. } => (self.directory.trunk(trunk).is_some(), "trunk", trunk),
            Go::Hook(name) => return Err(format!("it leads to a hook again: {name}")),
            Go::Uri(_) | Go::Announce(_) | Go::Park { .. } | Go::Reject(_) | Go::Drop => {
                return Ok(());
            }
        };
        if is_there { Ok(()) } else { Err(format!("no such {what}: {name}")) }
    }

    /// There is no answer that could be followed.
    pub(super) fn hook_failed(&mut self, now: Time, call: &mut Call, name: &Name, reason: &str) {
        let known = self.directory.config.hooks.iter().find(|hook| hook.name == *name);
        let otherwise = known.map(|hook| hook.otherwise.clone());
        let failed = What::HookFailed { hook: name.clone(), reason: reason.into() };
        self.tell(now, call, failed);
        self.moves_on(call);
        self.route(now, call, otherwise);
    }
}
