//! Between an operator's answer and the bridge: they are told something first, or wait until somebody
//! says that they are to be put through (`pre_bridge` of the queue). The caller keeps what they hear.
//!
//! | then | |
//! | --- | --- |
//! | it has been heard, or `connect` is ordered | they are put through |
//! | it takes too long | the same, or as below where the queue says so |
//! | the operator leaves | the caller is back at their place, ahead |
//! | the caller leaves | the operator hears that by a tone, and wraps up |
//! | there is no such sound, or it cannot be made | they are put through: a caller waits for no prompt |
//!
//! A text is made while the operator's phone rings. `task.assigned` is told with the bridge: until then
//! the caller waits.

use media::Source;
use sip::LegId;

use super::connect::ELSEWHERE;
use super::end::Gone;
use super::sound::Waiter;
use crate::api::{Problem, Time};
use crate::call::{Call, Participant, Seat, Timer, Why};
use crate::config::{Before, OnTimeout, PreBridge};
use crate::event::{CallResult, HelpEnd, Role};
use crate::sound::{Audio, Making, TEXT_MAX};
use crate::switch::B2bua;

/// What tells an operator that the caller has gone: a busy tone (ETSI TR 101 041-1), for so long.
const GONE: Source = Source::Tone { hz: 425, on_ms: 250, off_ms: 250 };
const GONE_FOR: Time = Time::from_millis(1_000);

impl B2bua {
    fn pre_bridge(&self, call: &Call) -> Option<&PreBridge> {
        self.directory.queue(call.task()?.queue)?.pre_bridge.as_ref()
    }

    /// What an operator is told of a call, if it is a sound.
    fn briefing(&self, call: &Call) -> Option<Audio> {
        match &self.pre_bridge(call)?.before {
            Before::Play(name) => Some(Audio::Prompt(vec![name.clone()])),
            Before::Say(text) => {
                let queue = || Some(self.directory.queue_name(call.task()?.queue).to_string());
                let text = filled(text, |name| match name {
                    "queue" => queue(),
                    "from" => Some(spelled(&call.from)),
                    name => context(call, name),
                });
                Some(Audio::Made(Making::Speak { text: text.into(), language: None }))
            }
            Before::Decide => None,
        }
    }

    /// Has made what an operator will be told, while their phone rings.
    pub(super) fn prepare_briefing(&mut self, now: Time, call: &Call) {
        let Some(Audio::Made(making)) = self.briefing(call).filter(|audio| !is_mute(audio)) else {
            return;
        };
        let language = self.language(Some(call));
        if let Ok(Some(making)) = self.lacking(now, &making, &language) {
            // Where there is no room now there may be when they answer.
            let _ = self.have_made(now, making, Waiter::Briefing(call.key));
        }
    }

    /// An operator has the task.
    pub(super) fn brief_or_connect(&mut self, now: Time, call: &mut Call, leg: LegId) {
        let timeout_ms = self.pre_bridge(call).map(|before| before.timeout_ms);
        let (Some(timeout_ms), Some(why)) = (timeout_ms, call.participant(leg).map(|p| p.why))
        else {
            return self.connect(now, call, leg);
        };
        for other in call.legs(|p| p.why == why && p.leg != leg) {
            self.drop_leg(now, call, other, ELSEWHERE);
        }
        // Until there is something to be told.
        let music = self.music(call);
        let Some(at) = call.participants.iter().position(|p| p.leg == leg) else { return };
        call.participants[at].seat = Seat::Briefed(music);
        self.set_timer(call, Timer::Brief, Some(now + Time::from_millis(timeout_ms)));
        self.joined(now, call, at);
        self.begin_briefing(now, call);
    }

    /// Says it, or has it made first; or puts them through without.
    fn begin_briefing(&mut self, now: Time, call: &mut Call) {
        let Some(audio) = self.briefing(call) else { return };
        let language = self.language(Some(call));
        let lacks = match &audio {
            audio if is_mute(audio) => Err(Problem::Invalid("nothing to be said".into())),
            Audio::Made(making) => self.lacking(now, making, &language),
            _ => Ok(None),
        };
        match lacks {
            Ok(Some(making)) => {
                if self.have_made(now, making, Waiter::Briefing(call.key)).is_err() {
                    self.briefing_failed(now, call);
                }
            }
            Ok(None) => self.say_briefing(now, call, &audio),
            Err(_) => self.briefing_failed(now, call),
        }
    }

    fn say_briefing(&mut self, now: Time, call: &mut Call, audio: &Audio) {
        match self.source(now, audio, Some(call)) {
            Ok(source) => {
                if let Some(p) = call.participants.iter_mut().find(|p| p.is_briefed()) {
                    p.seat = Seat::Briefed(source);
                }
            }
            Err(_) => self.briefing_failed(now, call),
        }
    }

    /// What an operator waits to be told has been made.
    pub(super) fn briefing_made(&mut self, now: Time, call: &mut Call) {
        let waits = |p: &Participant| matches!(p.seat, Seat::Briefed(Source::Music(_)));
        if let Some(audio) = self.briefing(call).filter(|_| call.participants.iter().any(waits)) {
            self.say_briefing(now, call, &audio);
        }
    }

    /// There is nothing to be told.
    pub(super) fn briefing_failed(&mut self, now: Time, call: &mut Call) {
        if let Some(leg) = call.legs(Participant::is_briefed).first() {
            self.connect(now, call, *leg);
        }
    }

    /// By order.
    pub(super) fn connect_briefed(&mut self, now: Time, call: &mut Call) -> Result<(), Problem> {
        let why = "no operator waits to be put through";
        let leg = call.legs(Participant::is_briefed).first().copied();
        let leg = leg.ok_or_else(|| Problem::Conflict(why.into()))?;
        if self.is_calling_back(call) {
            self.call_customer(now, call, leg);
            return Ok(());
        }
        self.connect(now, call, leg);
        Ok(())
    }

    pub(crate) fn briefed_for_long(&mut self, now: Time, call: &mut Call) {
        let Some(leg) = call.legs(Participant::is_briefed).first().copied() else { return };
        if self.is_calling_back(call) {
            return self.decline_callback(now, call, "silence");
        }
        let then = self.pre_bridge(call).map_or(OnTimeout::Connect, |before| before.on_timeout);
        match then {
            OnTimeout::Connect => self.connect(now, call, leg),
            OnTimeout::Requeue => {
                self.drop_leg(now, call, leg, "");
                self.back_to_queue(now, call);
            }
        }
    }

    /// The operator is gone before the bridge, and the caller has not been heard of.
    pub(super) fn back_to_queue(&mut self, now: Time, call: &mut Call) {
        self.set_timer(call, Timer::Brief, None);
        let Some(task) = call.task() else { return };
        if let Some(entry) = self.state.tasks.get_mut(&task.key) {
            entry.taken = None;
        }
        self.acd.handle(now, acd::Input::Lost { task: acd::TaskId(task.key.0), ahead: true });
    }

    /// The customer has gone, and whoever is there for them could not hear it: before the bridge, or with
    /// the customer on hold. They are told so, and the call goes on with them for as long as that
    /// takes; everybody else is out of it.
    pub(super) fn tells_gone(&mut self, now: Time, call: &mut Call, gone: &Gone) -> bool {
        let held = gone.role == Role::Customer && gone.held;
        let has_held = |p: &Participant| held && p.talks() && p.operator.is_some() && !p.is_held();
        let is_briefed = |p: &Participant| gone.why == Why::Arrived && p.is_briefed();
        let told = call.legs(|p| is_briefed(p) || has_held(p));
        let customers = call.participants.iter().filter(|p| p.role == Role::Customer && p.talks());
        if told.is_empty() || customers.count() > 0 {
            return false;
        }
        self.set_timer(call, Timer::Brief, None);
        for other in call.legs(|p| !told.contains(&p.leg)) {
            self.drop_leg(now, call, other, "");
        }
        // Before anybody is free who could be rung for it.
        self.end_help(now, call, HelpEnd::CustomerLeft);
        if let Some(task) = call.task() {
            call.tasks.retain(|other| !(held && other.key == task.key));
            self.end_task(now, task, CallResult::Abandoned);
        }
        for leg in told {
            let Some(told) = call.participant_mut(leg) else { continue };
            told.waits(GONE);
            told.why = Why::Left;
            let (id, message) = (told.id, told.message.take());
            self.cut_short(now, call, id, message);
            self.set_timer(call, Timer::Leave(id), Some(now + GONE_FOR));
        }
        true
    }

    /// Nobody is left whose call it could be.
    pub(super) fn end_deserted(&mut self, now: Time, call: &mut Call) {
        if call.participants.iter().all(Participant::supervises) {
            let cause = if call.answered { "hung up" } else { "hung up before the bridge" };
            self.end_call(now, call, CallResult::Abandoned, cause, 487);
        }
    }
}

/// Whether nothing is said by it: the context has nothing of what it names.
fn is_mute(audio: &Audio) -> bool {
    matches!(audio, Audio::Made(Making::Speak { text, .. }) if text.trim().is_empty())
}

/// What the context has by a name, in whatever case.
fn context(call: &Call, name: &str) -> Option<String> {
    let mut all = call.context.iter();
    all.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
}

/// A number digit by digit: as one it would be billions.
fn spelled(number: &str) -> String {
    if !number.chars().all(|c| c.is_ascii_digit() || c == '+') {
        return number.to_owned();
    }
    number.chars().map(String::from).collect::<Vec<_>>().join(" ")
}

/// A text with what stands for its names in braces; nothing for those there is nothing for.
fn filled(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut parts = text.split('{');
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once('}') {
            Some((name, rest)) => {
                filled.push_str(&value(name).unwrap_or_default());
                filled.push_str(rest);
            }
            None => {
                filled.push('{');
                filled.push_str(part);
            }
        }
    }
    let said = filled.chars().map(|c| if c.is_control() { ' ' } else { c });
    said.take(TEXT_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_braces_are_filled_in() {
        let value = |name: &str| match name {
            "queue" => Some("support".to_owned()),
            "X-Why" => Some("a {queue}\r\nb".to_owned()),
            _ => None,
        };
        let check = |text, expected| assert_eq!(filled(text, value), expected, "{text}");
        check("a call", "a call");
        check("{queue}: {X-Why}, {nobody}.", "support: a {queue}  b, .");
        check("{queue", "{queue");
        check("a } b {", "a } b {");
        assert_eq!(spelled("+74"), "+ 7 4");
        assert_eq!(spelled("anonymous"), "anonymous");
        assert_eq!(filled(&"x".repeat(TEXT_MAX + 5), value).len(), TEXT_MAX);
    }
}
