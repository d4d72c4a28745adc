//! A hook is asked where calls go, and answers, wrongly, late or never.

use b2bua::config::{Go, Hook, Manner, Name};
use b2bua::{HookAnswer, Input};

use crate::dice::Dice;
use crate::scenario::{Ms, Scenario};
use crate::setup::operator_id;
use crate::world::{Act, World};

/// How long its answer is waited for.
const DEADLINE_MS: Ms = 1_500;

/// What it says next.
#[derive(Debug, Clone)]
pub(crate) struct Says {
    token: u64,
    result: Result<HookAnswer, String>,
}

fn support() -> Go {
    Go::Queue { queue: "support".into(), priority_s: None, manner: Manner::default() }
}

/// The one there is.
pub(crate) fn hooks(scenario: &Scenario) -> Vec<Hook> {
    let hook = Hook {
        name: "crm".into(),
        url: Name::default(),
        deadline_ms: DEADLINE_MS,
        otherwise: support(),
    };
    Vec::from_iter(scenario.hooked.then_some(hook))
}

impl World {
    /// It is asked.
    pub(crate) fn hook_is_asked(&mut self, token: u64) {
        let mut dice = Dice::new(self.scenario.seed ^ token);
        let who = dice.below(self.scenario.operators.len() as u64);
        let who = operator_id(usize::try_from(who).unwrap_or(0));
        let context = [("X-Hook".to_owned(), "asked".to_owned())].into();
        let to = |go| Ok(HookAnswer { go, context });
        let result = match dice.below(10) {
            0..4 => to(support()),
            4..6 => to(Go::Operator(who.into())),
            6 => to(Go::Park { timeout_ms: 10_000 }),
            7 => to(Go::Operator("nobody".into())),
            8 => to(Go::Reject(603)),
            _ => Err("no route to host".to_owned()),
        };
        let late = dice.one_in_1000(150);
        let ms = if late { DEADLINE_MS + 500 } else { dice.exponential(300) };
        self.later(ms, Act::Hook(Says { token, result }));
    }

    pub(crate) fn hook_says(&mut self, says: Says) {
        let Says { token, result } = says;
        let now = self.now;
        self.ladder.note(now, || format!("(hook: {result:?})"));
        self.tell_switch(Input::Answered { token, result });
    }
}
