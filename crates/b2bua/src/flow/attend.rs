//! A caller is told something while nobody is sought for them; then they go on, or the call ends.
//!
//! | then | |
//! | --- | --- |
//! | it has been heard | what comes next |
//! | there is no such sound, or it cannot be made | the same: nobody is left in silence |
//! | the caller leaves | the call is over |
//!
//! One who is parked is told nothing, and goes on when somebody says where to.
//!
//! The call is answered for it, so that it is heard.

use super::sound::Waiter;
use crate::act::{Asker, Whom};
use crate::api::{Problem, Time};
use crate::call::{Attendant, Call, Cause, Next, Timer};
use crate::event::{CallResult, What};
use crate::sound::Audio;
use crate::switch::B2bua;

impl B2bua {
    /// They are told something, and that was that.
    pub(super) fn announce(&mut self, now: Time, call: &mut Call, audio: Audio) {
        let result = if call.answered { CallResult::Answered } else { CallResult::Ended };
        let end = Next::End(result, "announced".into(), 480);
        self.tell_caller(now, call, audio, end);
    }

    /// They are told something, and go on.
    pub(super) fn tell_caller(&mut self, now: Time, call: &mut Call, audio: Audio, next: Next) {
        self.has_attendant(now, call, Attendant::Tells { audio, next });
    }

    pub(super) fn has_attendant(&mut self, now: Time, call: &mut Call, attendant: Attendant) {
        self.moves_on(call);
        call.attendant = Some(attendant);
        self.answer_customer(now, call);
        self.attend(now, call);
    }

    /// Says what there is to be said, or has it made first; meanwhile there is music.
    pub(super) fn attend(&mut self, now: Time, call: &mut Call) {
        let audio = match &call.attendant {
            Some(Attendant::Tells { audio, .. }) => Some(audio.clone()),
            Some(Attendant::Asks { menu, failed }) => self.question(menu, *failed),
            Some(Attendant::Parks { .. }) => return self.parks(now, call),
            Some(Attendant::Awaits { .. }) | None => return,
        };
        let waits = self.music(call);
        match audio.map(|audio| self.sayable(now, call, &audio)) {
            Some(Ok(source)) => {
                if let Some(origin) = call.origin_mut() {
                    origin.waits(source.unwrap_or(waits));
                }
            }
            Some(Err(_)) | None => self.attended(now, call),
        }
    }

    /// The source of it; none yet, where it is being made.
    fn sayable(
        &mut self,
        now: Time,
        call: &Call,
        audio: &Audio,
    ) -> Result<Option<media::Source>, Problem> {
        let language = self.language(Some(call));
        let lacks = match audio {
            Audio::Made(making) => self.lacking(now, making, &language)?,
            _ => None,
        };
        match lacks {
            Some(making) => {
                let waits = self.have_made(now, making, Waiter::Attendant(call.key));
                waits.map(|()| None).map_err(|_| Problem::Busy("too much is being made".into()))
            }
            None => self.source(now, audio, Some(call)).map(Some),
        }
    }

    /// They have heard it to its end, or cannot.
    pub(super) fn attended(&mut self, now: Time, call: &mut Call) {
        match call.attendant.take() {
            Some(Attendant::Tells { next: Next::Go(go), .. }) => self.route(now, call, Some(go)),
            Some(Attendant::Tells { next: Next::End(result, cause, status), .. }) => {
                self.end_call(now, call, result, &cause, status);
            }
            Some(asks @ Attendant::Asks { .. }) => {
                call.attendant = Some(asks);
                self.thinks(now, call);
            }
            Some(Attendant::Parks { .. } | Attendant::Awaits { .. }) | None => {}
        }
    }

    /// They hear music until somebody says where to.
    fn parks(&mut self, now: Time, call: &mut Call) {
        let music = self.music(call);
        if let Some(origin) = call.origin_mut() {
            origin.waits(music);
        }
        let Some(Attendant::Parks { timeout_ms }) = call.attendant else { return };
        self.set_timer(call, Timer::Attendant, Some(now + Time::from_millis(timeout_ms)));
        self.tell(now, call, What::CallParked { timeout_ms });
    }

    /// They have thought about it, or waited for somebody's word, for long enough.
    pub(crate) fn attended_for_long(&mut self, now: Time, call: &mut Call) {
        match call.attendant.clone() {
            Some(Attendant::Parks { .. }) => {
                self.end_call(now, call, CallResult::Failed, "parked for too long", 480);
            }
            Some(Attendant::Asks { .. }) => self.chose_nothing(now, call),
            Some(Attendant::Awaits { hook, .. }) => {
                self.hook_failed(now, call, &hook, "no answer in time");
            }
            Some(Attendant::Tells { .. }) | None => {}
        }
    }

    /// Where a parked call goes, by order.
    pub(super) fn connect_parked(
        &mut self,
        now: Time,
        call: &mut Call,
        by: &Asker,
        to: &Whom,
    ) -> Result<(), Problem> {
        if !matches!(call.attendant, Some(Attendant::Parks { .. })) {
            return Err(Problem::Conflict("the call is not parked".into()));
        }
        let go = self.wish(now, call, by, to)?;
        self.moves_on(call);
        self.route(now, call, Some(go));
        Ok(())
    }

    /// Whatever they were told where they were is over.
    pub(super) fn moves_on(&mut self, call: &mut Call) {
        call.attendant = None;
        self.set_timer(call, Timer::Attendant, None);
        self.set_timer(call, Timer::Announce, None);
        if let Some(origin) = call.origin_mut() {
            origin.message.take_if(|message| message.cause == Cause::Waits);
        }
    }
}
