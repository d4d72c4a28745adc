//! A caller chooses by a key: from a menu, or to leave a queue.
//!
//! | a caller with a menu | then |
//! | --- | --- |
//! | presses a key of it, while it is said or after | goes there |
//! | presses another | is told so, and asked again |
//! | presses none in time | is asked again |
//! | has been asked as often as the menu says | goes where those go who do not choose |

use crate::api::Time;
use crate::call::{Attendant, Call, Participant, Seat, Timer};
use crate::config::{Go, Menu, Name};
use crate::sound::Audio;
use crate::switch::B2bua;

/// What is said before the question to whoever has pressed another key.
const INVALID: &str = "invalid";

impl B2bua {
    fn menu(&self, name: &str) -> Option<&Menu> {
        self.directory.config.menus.iter().find(|menu| &*menu.name == name)
    }

    /// Asks them, for the first time or once more.
    pub(super) fn ask_menu(&mut self, now: Time, call: &mut Call, menu: &Name, failed: u32) {
        if self.menu(menu).is_none() {
            return self.route(now, call, None);
        }
        self.has_attendant(now, call, Attendant::Asks { menu: menu.clone(), failed });
    }

    /// What a menu asks.
    pub(super) fn question(&self, menu: &str, failed: u32) -> Option<Audio> {
        let prompt = self.menu(menu)?.prompt.clone();
        Some(match prompt {
            Audio::Prompt(names) if failed > 0 => {
                Audio::Prompt([vec![INVALID.into()], names].concat())
            }
            other => other,
        })
    }

    /// They have been asked.
    pub(super) fn thinks(&mut self, now: Time, call: &mut Call) {
        let Some(Attendant::Asks { menu, .. }) = &call.attendant else { return };
        let timeout_ms = self.menu(menu).map_or(0, |menu| menu.timeout_ms);
        self.set_timer(call, Timer::Attendant, Some(now + Time::from_millis(timeout_ms)));
    }

    /// They have thought about it for long enough.
    pub(super) fn chose_nothing(&mut self, now: Time, call: &mut Call) {
        let Some(Attendant::Asks { menu, failed }) = call.attendant.clone() else { return };
        match self.menu(&menu).map(|menu| (menu.retries, menu.otherwise.clone())) {
            Some((retries, otherwise)) if failed >= retries => {
                self.moves_on(call);
                self.route(now, call, Some(otherwise));
            }
            Some(_) => self.ask_menu(now, call, &menu, failed + 1),
            // A reload has taken it away.
            None => self.route(now, call, None),
        }
    }

    /// Somebody pressed a key. It means something where a caller is asked for one, or waits in a queue
    /// that keys lead out of.
    pub(super) fn chose(&mut self, now: Time, call: &mut Call, leg: sip::LegId, digit: char) {
        if self.answers_callback(now, call, leg, digit)
            || self.answers_outside(now, call, leg, digit)
        {
            return;
        }
        let waits = |origin: &Participant| matches!(origin.seat, Seat::Waiting(_));
        if !call.origin().is_some_and(|origin| origin.leg == leg && waits(origin)) {
            return;
        }
        match &call.attendant {
            Some(Attendant::Asks { menu, .. }) => {
                let go = self.menu(menu).and_then(|menu| menu.keys.get(&digit).cloned());
                if go.is_none() {
                    return self.chose_nothing(now, call);
                }
                self.moves_on(call);
                self.route(now, call, go);
            }
            Some(Attendant::Tells { .. } | Attendant::Parks { .. } | Attendant::Awaits { .. }) => {}
            None => {
                if !self.wants_callback(now, call, digit) {
                    self.leave_by_key(now, call, digit);
                }
            }
        }
    }

    /// A key that leads out of the queue; none does any more once an operator has answered.
    fn leave_by_key(&mut self, now: Time, call: &mut Call, digit: char) {
        let is_answered = call.participants.iter().any(Participant::is_briefed);
        let Some(task) = call.task().filter(|task| !task.served && !is_answered) else { return };
        let queue = self.directory.queue(task.queue);
        let go: Option<Go> = queue.and_then(|queue| queue.exits.get(&digit).cloned());
        if go.is_some() {
            self.moves_on(call);
            self.leave_queue(now, call, task.key, acd::Withdrawal::Moved);
            self.route(now, call, go);
        }
    }
}
