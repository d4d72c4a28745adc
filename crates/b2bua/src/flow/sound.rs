//! Sounds: from what somebody asked for to what the media threads play.
//!
//! An order that names a sound which has to be made first (`say:`, a URL) waits here until it is
//! there, and is only then carried out, as if it had been given then. So nothing changes meanwhile,
//! and whoever gave it learns whether there is such a sound: 422 where it could not be made, 503
//! where it took too long. What was made is kept for whoever asks for the same next.

use std::collections::BTreeMap;

use media::Source;
use serde::{Deserialize, Serialize};

use crate::api::{Audible, Command, Output, Problem, Time};
use crate::call::Call;
use crate::config::Name;
use crate::id::CallKey;
use crate::phrase::{Language, Phrase};
use crate::sound::{Audio, MADE, MAKE_WITHIN, Making, Sounds};
use crate::switch::B2bua;

/// Sounds being made at once, and orders that wait for them.
const MAKING_MAX: usize = 16;
const WAITING_MAX: usize = 64;
/// Sounds that were made and are kept, and the bytes of their samples.
const KEPT_MAX: usize = 64;
const KEPT_BYTES_MAX: u64 = 32 << 20;
/// How long a fetched file counts as what is there.
const FETCHED_FOR: Time = Time::from_secs(60);

/// What is known of sounds.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SoundDesk {
    pub(crate) sounds: Sounds,
    kept: BTreeMap<Making, Kept>,
    /// By token.
    under_way: BTreeMap<u64, UnderWay>,
    /// The last number given to what is made, played or used.
    last: u64,
}

/// A sound that was made.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    name: Name,
    bytes: u64,
    /// Rises with each use.
    used: u64,
    until: Option<Time>,
}

/// A sound being made, and the orders that wait for it, each with its request's number.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct UnderWay {
    making: Making,
    due: Time,
    waiting: Vec<Waiter>,
}

/// What waits for a sound that is being made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Waiter {
    /// An order, with its request's number.
    Order(u64, Box<Command>),
    /// What an operator in a call is told before the bridge.
    Briefing(CallKey),
    /// What a caller is told who waits for nobody.
    Attendant(CallKey),
}

impl SoundDesk {
    pub(super) fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// The name of what was made, if it is still good.
    fn kept(&mut self, now: Time, making: &Making) -> Option<Name> {
        let used = self.next();
        let kept = self.kept.get_mut(making)?;
        if kept.until.is_some_and(|until| until <= now) {
            return None;
        }
        kept.used = used;
        Some(kept.name.clone())
    }

    /// Lets something wait; what is to be done for it, if that is not under way. It comes back where
    /// there is no room.
    fn wait(
        &mut self,
        now: Time,
        making: Making,
        waiter: Waiter,
    ) -> Result<Option<Output>, Waiter> {
        let waiting: usize = self.under_way.values().map(|one| one.waiting.len()).sum();
        let one = self.under_way.values_mut().find(|one| one.making == making);
        if one.as_ref().is_some_and(|one| one.waiting.contains(&waiter)) {
            return Ok(None);
        }
        if waiting >= WAITING_MAX {
            return Err(waiter);
        }
        if let Some(one) = one {
            one.waiting.push(waiter);
            return Ok(None);
        }
        if self.under_way.len() >= MAKING_MAX {
            return Err(waiter);
        }
        let (token, due) = (self.next(), now + MAKE_WITHIN);
        let one = UnderWay { making: making.clone(), due, waiting: vec![waiter] };
        self.under_way.insert(token, one);
        Ok(Some(Output::Make { token, name: name(token), making }))
    }

    /// Takes in what was made; what waited for it, and what nobody needs any more.
    fn take(&mut self, now: Time, token: u64, bytes: u64) -> (Vec<Waiter>, Vec<Name>) {
        let Some(one) = self.under_way.remove(&token) else {
            // Nobody waited so long.
            return (Vec::new(), vec![name(token)]);
        };
        let until = matches!(one.making, Making::Fetch { .. }).then_some(now + FETCHED_FOR);
        let kept = Kept { name: name(token), bytes, used: self.next(), until };
        let mut gone: Vec<Name> =
            self.kept.insert(one.making, kept).map(|old| old.name).into_iter().collect();
        while self.kept.len() > KEPT_MAX || self.kept_bytes() > KEPT_BYTES_MAX {
            let oldest = self.kept.iter().min_by_key(|(_, kept)| kept.used);
            let Some(oldest) = oldest.map(|(making, _)| making.clone()) else { break };
            if self.kept.len() == 1 {
                // What is waited for is heard, however large it is.
                break;
            }
            gone.extend(self.kept.remove(&oldest).map(|kept| kept.name));
        }
        (one.waiting, gone)
    }

    fn kept_bytes(&self) -> u64 {
        self.kept.values().map(|kept| kept.bytes).sum()
    }

    /// When the first that is being made has taken too long.
    pub(crate) fn due(&self) -> Option<Time> {
        self.under_way.values().map(|one| one.due).min()
    }
}

fn name(token: u64) -> Name {
    format!("{MADE}/{token}").into()
}

impl B2bua {
    /// Takes an order: carries it out, or lets it wait for the sound it names.
    pub(crate) fn order(&mut self, now: Time, request: u64, command: Command) {
        if let Command::AddTask(new) = command {
            return self.order_task(now, request, *new);
        }
        let wanted = match command.audio() {
            Some(Audible { audio: Audio::Made(making), call, field }) => {
                let may = self.may_be_given(&command);
                may.and_then(|()| self.unmade(now, making, Some(call)).map_err(|p| p.of(field)))
            }
            _ => Ok(None),
        };
        match wanted {
            Ok(Some(making)) => self.make(now, making, Waiter::Order(request, Box::new(command))),
            Ok(None) => {
                let result = self.command(now, command);
                self.reply(request, result);
            }
            Err(problem) => self.reply(request, Err(problem)),
        }
    }

    fn make(&mut self, now: Time, making: Making, waiter: Waiter) {
        if let Err(waiter) = self.have_made(now, making, waiter) {
            let problem = Problem::Busy("too many sounds are being made".into());
            self.has_no_sound(now, waiter, &problem);
        }
    }

    /// Has a sound made for what waits for it, which comes back where there is no room.
    pub(super) fn have_made(
        &mut self,
        now: Time,
        making: Making,
        waiter: Waiter,
    ) -> Result<(), Waiter> {
        let output = self.state.desk.wait(now, making, waiter)?;
        output.into_iter().for_each(|output| self.output(output));
        Ok(())
    }

    /// It goes on without.
    fn has_no_sound(&mut self, now: Time, waiter: Waiter, problem: &Problem) {
        match waiter {
            Waiter::Order(request, command) => {
                let problem = problem.clone();
                let field = command.audio().map(|audible| audible.field);
                let problem = field.map_or(problem.clone(), |field| problem.of(field));
                self.reply(request, Err(problem));
            }
            Waiter::Briefing(call) => {
                self.with_call(call, |switch, call| switch.briefing_failed(now, call));
            }
            Waiter::Attendant(call) => {
                self.with_call(call, |switch, call| switch.attended(now, call));
            }
        }
    }

    /// What is not there yet of a sound that somebody in a call is to hear.
    fn unmade(
        &mut self,
        now: Time,
        making: &Making,
        call: Option<CallKey>,
    ) -> Result<Option<Making>, Problem> {
        let call = call.and_then(|call| self.state.calls.get(&call));
        let language = self.language(call.map(|call| &**call));
        self.lacking(now, making, &language)
    }

    /// What is to be made of a sound that somebody is to hear, where it is not there.
    pub(crate) fn lacking(
        &mut self,
        now: Time,
        making: &Making,
        language: &Name,
    ) -> Result<Option<Making>, Problem> {
        let making = spoken(making, language);
        if self.state.desk.kept(now, &making).is_some() {
            return Ok(None);
        }
        match (&making, &self.state.desk.sounds.mute) {
            (Making::Speak { .. }, Some(why)) => Err(Problem::Invalid(why.to_string())),
            _ => Ok(Some(making)),
        }
    }

    /// A sound has been made, or cannot be.
    pub(crate) fn sound_made(&mut self, now: Time, token: u64, result: Result<u64, String>) {
        match result {
            Ok(bytes) => {
                let (waiting, gone) = self.state.desk.take(now, token, bytes);
                for waiter in waiting {
                    match waiter {
                        Waiter::Order(request, command) => self.order(now, request, *command),
                        Waiter::Briefing(call) => {
                            self.with_call(call, |switch, call| switch.briefing_made(now, call));
                        }
                        Waiter::Attendant(call) => {
                            self.with_call(call, |switch, call| switch.attend(now, call));
                        }
                    }
                }
                for name in gone {
                    self.output(Output::Forget { name });
                }
            }
            Err(why) => self.not_made(now, token, &Problem::Invalid(why)),
        }
    }

    fn not_made(&mut self, now: Time, token: u64, problem: &Problem) {
        let one = self.state.desk.under_way.remove(&token);
        for waiter in one.into_iter().flat_map(|one| one.waiting) {
            self.has_no_sound(now, waiter, problem);
        }
    }

    /// Whoever has waited for long enough is told so.
    pub(crate) fn sounds_overdue(&mut self, now: Time) {
        let late = |one: &UnderWay| one.due <= now;
        let under_way = &self.state.desk.under_way;
        let late: Vec<u64> =
            under_way.iter().filter(|(_, one)| late(one)).map(|(token, _)| *token).collect();
        for token in late {
            self.not_made(now, token, &Problem::Busy("the sound was not made in time".into()));
        }
    }

    /// The language spoken in a call: that of its queue, else that of the node.
    pub(crate) fn language(&self, call: Option<&Call>) -> Name {
        let queue = call.and_then(Call::task).and_then(|task| self.directory.queue(task.queue));
        let language = queue.and_then(|queue| queue.language.clone());
        language.unwrap_or_else(|| self.directory.config.media.language.clone())
    }

    /// What is played for `audio` to somebody in a call. Each prompt is a playing of its own
    /// ([`media::Event::Played`] names it).
    ///
    /// # Errors
    /// [`Problem::Invalid`] where there is no such sound, naming what there is.
    pub(crate) fn source(
        &mut self,
        now: Time,
        audio: &Audio,
        call: Option<&Call>,
    ) -> Result<Source, Problem> {
        let language = self.language(call);
        let desk = &mut self.state.desk;
        let sounds = match audio {
            Audio::Music(name) => {
                return match desk.sounds.sounds.get_key_value(name) {
                    Some((name, _)) => Ok(Source::Music(name.clone())),
                    None => Err(desk.sounds.unknown("music", name, &language)),
                };
            }
            Audio::Prompt(names) => {
                let spoken = language.parse().unwrap_or(Language::English);
                let find = |name: &Name| {
                    let found = match Phrase::named(name) {
                        Some(phrase) => desk.sounds.phrase(spoken, &phrase),
                        None => {
                            let found = desk.sounds.find(name, &language);
                            found.map(|(name, _)| name.clone()).into_iter().collect()
                        }
                    };
                    match found.is_empty() {
                        false => Ok(found),
                        true => Err(desk.sounds.unknown("prompt", name, &language)),
                    }
                };
                names.iter().map(find).collect::<Result<Vec<_>, _>>()?.concat()
            }
            Audio::Made(making) => match desk.kept(now, &spoken(making, &language)) {
                Some(name) => vec![name],
                None => return Err(Problem::Invalid(format!("{audio} has not been made"))),
            },
        };
        Ok(Source::Prompt { play: desk.next(), sounds: sounds.into() })
    }
}

/// The same with a language.
fn spoken(making: &Making, language: &Name) -> Making {
    match making {
        Making::Speak { text, language: None } => {
            Making::Speak { text: text.clone(), language: Some(language.clone()) }
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests;
