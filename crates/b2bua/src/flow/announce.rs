//! A caller who waits is told where they stand, in between the music.

use acd::{TaskId, TaskPlace};
use media::Source;

use crate::api::Time;
use crate::call::{Call, Cause, LegState, Message, Participant, Seat, Timer};
use crate::config::Announce;
use crate::phrase::{Language, Phrase};
use crate::sound::Audio;
use crate::switch::B2bua;

impl B2bua {
    /// They wait from now on, and are told for the first time once the time between two has passed.
    pub(super) fn announces(&mut self, now: Time, call: &mut Call) {
        let every = self.announced(call).map(|every| Time::from_millis(every.position_every_ms));
        self.set_timer(call, Timer::Announce, every.map(|every| now + every));
    }

    fn announced(&self, call: &Call) -> Option<Announce> {
        let task = call.task().filter(|task| !task.served)?;
        self.directory.queue(task.queue)?.announce
    }

    /// Which number they are.
    pub(crate) fn announce_position(&mut self, now: Time, call: &mut Call) {
        self.announces(now, call);
        let place = call.task().and_then(|task| Some(self.acd.task(TaskId(task.key.0))?.place));
        let Some(TaskPlace::Waiting { position, .. }) = place else { return };
        let language = self.language(Some(call)).parse().unwrap_or(Language::English);
        let mut sounds = self.state.desk.sounds.phrase(language, &Phrase::Position(position));
        if self.may_ask_for_callback(call) {
            let offer = self.state.desk.sounds.find("callback-offer", &language.to_string());
            sounds.extend(offer.map(|(name, _)| name.clone()));
        }
        if !sounds.is_empty() {
            self.tell_waiting(now, call, &Audio::Prompt(sounds));
        }
    }

    /// They hear it over the music, unless they hear something else already, or nothing.
    pub(super) fn tell_waiting(&mut self, now: Time, call: &mut Call, audio: &Audio) {
        let Ok(source @ Source::Prompt { .. }) = self.source(now, audio, Some(call)) else {
            return;
        };
        let listens = |p: &&mut Participant| {
            p.state == LegState::Up
                && matches!(p.seat, Seat::Waiting(_))
                && !p.is_held()
                && p.message.is_none()
        };
        if let Some(origin) = call.origin_mut().filter(listens) {
            origin.message = Some(Message { source, cause: Cause::Waits });
        }
    }
}
