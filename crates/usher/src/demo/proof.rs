//! `--audio-proof`: for a few calls, what each side sent and what the other heard.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::callers::Experience;
use super::cast::{self, OPERATORS};
use super::ear::{Heard, Sound};
use super::operators::Spoke;
use super::story::Match;

/// Calls that are enough.
pub(super) const ENOUGH: usize = 5;
/// A conversation that is over before cannot be measured.
const TALK_MIN: Duration = Duration::from_millis(1_500);
/// What was heard for so long was heard.
const AUDIBLE: Duration = Duration::from_millis(200);

/// What is known of calls so far, by the number of the caller.
#[derive(Debug, Default)]
pub(super) struct Proof {
    matches: BTreeMap<u64, (Match, Instant)>,
    callers: BTreeMap<u64, (Experience, Instant)>,
    operators: BTreeMap<u64, Spoke>,
    /// How many were measured.
    pub(super) measured: usize,
    /// In how many of them something was not heard.
    pub(super) failed: usize,
    /// In how many of them the caller was put on hold.
    held: usize,
}

impl Proof {
    /// The switch gave a caller to an operator.
    pub(super) fn matched(&mut self, matched: Match) -> Option<String> {
        let caller = matched.caller;
        self.matches.insert(caller, (matched, Instant::now()));
        self.judge(caller)
    }

    /// A caller is done.
    pub(super) fn caller(&mut self, experience: Experience) -> Option<String> {
        let caller = experience.caller;
        self.callers.insert(caller, (experience, Instant::now()));
        self.judge(caller)
    }

    /// An operator is done with a caller.
    pub(super) fn operator(&mut self, spoke: Spoke) -> Option<String> {
        let caller = spoke.caller;
        self.operators.insert(caller, spoke);
        self.judge(caller)
    }

    /// Whether it is enough: so many, and one of them with a hold.
    pub(super) fn is_enough(&self) -> bool {
        self.measured >= ENOUGH && self.held > 0
    }

    /// Some lines, once all three have spoken.
    fn judge(&mut self, caller: u64) -> Option<String> {
        let known = self.matches.contains_key(&caller)
            && self.callers.contains_key(&caller)
            && self.operators.contains_key(&caller);
        if !known || self.is_enough() {
            return None;
        }
        let (matched, from) = self.matches.remove(&caller)?;
        let (experience, to) = self.callers.remove(&caller)?;
        let spoke = self.operators.remove(&caller)?;
        if to.saturating_duration_since(from) < TALK_MIN {
            return None;
        }
        let faults = faults(&experience, &spoke, &matched);
        self.measured += 1;
        self.held += usize::from(spoke.held);
        self.failed += usize::from(faults != Faults::default());
        Some(lines(self.measured, &experience, &spoke, &faults))
    }
}

fn lines(number: usize, experience: &Experience, spoke: &Spoke, faults: &Faults) -> String {
    let (name, hz) = (OPERATORS[spoke.operator].id, cast::operator_hz(spoke.operator));
    let caller = cast::spaced(&cast::caller_number(experience.caller));
    let mut verdict = Vec::new();
    if !faults.missing.is_empty() {
        verdict.push(format!("NOT HEARD: {}", faults.missing.join("; ")));
    }
    if !faults.wrong.is_empty() {
        verdict.push(format!("WRONG: {}", faults.wrong.join("; ")));
    }
    if verdict.is_empty() {
        let music = if spoke.held { "waiting and on hold, else" } else { "waiting, then" };
        verdict.push(format!("ok: music while {music} each other"));
    }
    format!(
        "call {number}: {caller} and {name}\n\
         \x20   caller sends {} Hz, hears {}\n\
         \x20   {name} sends {hz} Hz, hears {}\n\
         \x20   {}",
        experience.hz,
        experience.heard.smooth(),
        spoke.heard.smooth(),
        verdict.join("\n    "),
    )
}

/// What one call lacked.
#[derive(Debug, Default, PartialEq, Eq)]
struct Faults {
    /// What should have been heard and was not: what, by whom, when.
    missing: Vec<String>,
    /// What should not have been.
    wrong: Vec<String>,
}

fn faults(experience: &Experience, spoke: &Spoke, matched: &Match) -> Faults {
    let Faults { mut missing, mut wrong } = Faults::default();
    let name = OPERATORS[spoke.operator].id;
    if matched.operator != name {
        wrong.push(format!("the switch says {}, but {name} spoke", matched.operator));
    }
    let caller = Sound::Tone(experience.hz);
    let operator = Sound::Tone(cast::operator_hz(spoke.operator));
    let (outside, inside) = (experience.heard.smooth(), spoke.heard.smooth());
    if !outside.has_before(Sound::Music, operator) {
        missing.push("music by the caller, while waiting".to_owned());
    }
    if !is_audible(&outside, operator) {
        missing.push(format!("{name}'s {operator} by the caller, in talk"));
    } else if spoke.held && !outside.has_then(operator, Sound::Music) {
        // Who never heard the operator may take this music for that of the wait.
        missing.push("music by the caller, on hold".to_owned());
    }
    if !is_audible(&inside, caller) {
        missing.push(format!("the caller's {caller} by {name}, in talk"));
    }
    for (who, heard, own) in [("the caller", &outside, operator), (name, &inside, caller)] {
        for sound in heard.sums().into_keys() {
            if matches!(sound, Sound::Tone(_)) && sound != own {
                wrong.push(format!("{who} heard {sound}, a stranger's tone"));
            }
        }
    }
    Faults { missing, wrong }
}

fn is_audible(heard: &Heard, sound: Sound) -> bool {
    heard.sums().get(&sound).is_some_and(|length| *length >= AUDIBLE)
}

#[cfg(test)]
mod tests {
    use super::super::callers::End;
    use super::super::ear::Ear;
    use super::*;

    /// What an ear makes of a tenth of a second of each: 0 is music.
    fn heard(tenths: &[(u16, usize)]) -> Heard {
        let mut ear = Ear::default();
        let music = media::sound::music();
        for (hz, count) in tenths {
            let mut pcm = vec![0; 800 * count];
            match hz {
                0 => pcm.copy_from_slice(&music[..800 * count]),
                hz => media::sound::tone(*hz, 1_000, 0, 1_000, &mut pcm),
            }
            ear.hear(&pcm);
        }
        ear.heard().clone()
    }

    fn check(outside: &[(u16, usize)], inside: &[(u16, usize)], held: bool) -> String {
        let caller = 1;
        let hz = cast::caller_hz(0);
        let experience = Experience { caller, hz, end: End::Talked, heard: heard(outside) };
        let spoke = Spoke { operator: 1, caller, held, heard: heard(inside) };
        let matched = Match { caller, operator: "bob".to_owned() };
        let said = lines(1, &experience, &spoke, &faults(&experience, &spoke, &matched));
        let verdict: Vec<&str> = said.lines().skip(3).map(str::trim_start).collect();
        verdict.join("\n")
    }

    #[test]
    fn what_is_not_heard_is_said() {
        let (bob, eve) = (cast::operator_hz(1), cast::caller_hz(9));
        let me = cast::caller_hz(0);
        let (no_bob, no_me) =
            ("bob's 1060 Hz by the caller, in talk", "the caller's 1600 Hz by bob, in talk");
        assert_eq!(
            check(&[(0, 5), (bob, 5)], &[(me, 5)], false),
            "ok: music while waiting, then each other"
        );
        assert_eq!(
            check(&[(0, 5), (bob, 5), (0, 5), (bob, 5)], &[(me, 5)], true),
            "ok: music while waiting and on hold, else each other"
        );
        let not = |what: &str| format!("NOT HEARD: {what}");
        let said = check(&[(0, 5), (bob, 5)], &[(me, 5)], true);
        assert_eq!(said, not("music by the caller, on hold"));
        let said = check(&[(bob, 5), (0, 5)], &[(me, 5)], true);
        assert_eq!(said, not("music by the caller, while waiting"));
        assert_eq!(check(&[(0, 5), (bob, 5)], &[], false), not(no_me));
        assert_eq!(check(&[(0, 5)], &[(me, 5)], false), not(no_bob), "the music was heard");
        let said = check(&[(0, 5)], &[], true);
        assert_eq!(said, not(&format!("{no_bob}; {no_me}")), "and may be that of the hold");
        let said = check(&[], &[(me, 5)], false);
        assert_eq!(said, not(&format!("music by the caller, while waiting; {no_bob}")));
        let stranger = "WRONG: bob heard 1960 Hz, a stranger's tone";
        assert_eq!(check(&[(0, 5), (bob, 5)], &[(me, 5), (eve, 3)], false), stranger);
        let both = format!("NOT HEARD: {no_me}\n{stranger}");
        assert_eq!(check(&[(0, 5), (bob, 5)], &[(eve, 3)], false), both);
    }

    #[test]
    fn a_call_is_judged_when_all_have_spoken() {
        let mut proof = Proof::default();
        let matched = Match { caller: 1, operator: "bob".to_owned() };
        assert_eq!(proof.matched(matched), None);
        let early = Instant::now().checked_sub(Duration::from_secs(5)).unwrap();
        proof.matches.get_mut(&1).unwrap().1 = early;
        let (hz, bob) = (cast::caller_hz(0), cast::operator_hz(1));
        let spoke = Spoke { operator: 1, caller: 1, held: false, heard: heard(&[(hz, 5)]) };
        assert_eq!(proof.operator(spoke), None);
        let heard = heard(&[(0, 5), (bob, 5)]);
        let said = proof.caller(Experience { caller: 1, hz, end: End::Talked, heard }).unwrap();
        assert_eq!(
            said,
            "call 1: +44 20 7946 0001 and bob\n    caller sends 1600 Hz, hears music 0.5 s, \
             1060 Hz 0.5 s\n    bob sends 1060 Hz, hears 1600 Hz 0.5 s\n    \
             ok: music while waiting, then each other"
        );
        assert_eq!((proof.measured, proof.failed), (1, 0));
    }
}
