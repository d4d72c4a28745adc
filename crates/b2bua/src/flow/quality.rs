//! How a leg sounds: told when it turns bad, when it is well again, and at its end.
//!
//! What there is to tell at the end the media thread knows, and the end waits for no thread: a leg that
//! has left is kept here until its last report has come, which is some milliseconds later.

use media::Report;
use serde::{Deserialize, Serialize};

use crate::api::Time;
use crate::call::{Call, LegState, Participant};
use crate::config::Name;
use crate::event::{LegQuality, Role, What};
use crate::id::{CallKey, ParticipantId, TaskKey};
use crate::switch::B2bua;

/// A score below which people complain, in thousandths: many users are dissatisfied (R 60, ITU-T
/// G.109).
const BAD: u16 = 3_100;
/// From which on they do not.
const WELL: u16 = 3_600;
/// How long the last report of a leg is waited for.
const LAST_WITHIN: Time = Time::from_secs(2);

/// What is known of how a leg sounds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Quality {
    /// Its last report.
    report: Report,
    is_bad: bool,
}

/// Whose leg it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Who {
    participant: ParticipantId,
    role: Role,
    operator: Option<Name>,
}

/// A leg that has left, whose last report is to come.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Leaving {
    leg: media::LegId,
    call: CallKey,
    task: Option<TaskKey>,
    who: Who,
    /// What came last, if anything did.
    report: Option<Report>,
    /// When it is told by that, whatever comes.
    pub(crate) due: Time,
}

/// Whether a leg is bad by the scores of its last seconds. What turns either way must go past the
/// middle, so that it is not told at each report; what is not known changes nothing.
fn is_bad(was_bad: bool, scores: &[Option<u16>]) -> bool {
    let limit = if was_bad { WELL } else { BAD };
    scores.iter().flatten().min().map_or(was_bad, |worst| *worst < limit)
}

impl B2bua {
    /// A media thread tells how a leg fares: each few seconds for each leg, so that nothing more is
    /// done than needs be.
    pub(crate) fn reported(&mut self, now: Time, report: Report) {
        if let Some(leaving) = self.state.leaving.iter_mut().find(|l| l.leg == report.leg) {
            leaving.report = Some(report);
            return;
        }
        let leg = sip::LegId(report.leg.0);
        let call = self.state.legs.get(&leg).and_then(|key| self.state.calls.get_mut(key));
        let Some(participant) = call.and_then(|call| call.participant_mut(leg)) else { return };
        let was_bad = participant.quality.as_ref().is_some_and(|quality| quality.is_bad);
        let is_bad = is_bad(was_bad, &[report.mos_now, report.remote_mos_now]);
        participant.quality = Some(Quality { report, is_bad });
        if is_bad != was_bad && participant.state == LegState::Up {
            let cause = if is_bad { "bad" } else { "recovered" };
            self.with_leg(leg, |switch, call| switch.tell_quality(now, call, leg, cause));
        }
    }

    /// Tells how a leg sounds now, if that is known.
    fn tell_quality(&mut self, now: Time, call: &Call, leg: sip::LegId, cause: &str) {
        let Some(participant) = call.participant(leg) else { return };
        let Some(Quality { report, .. }) = &participant.quality else { return };
        let scores = (report.mos_now, report.remote_mos_now);
        let what = quality(self.who(participant), report, scores, cause);
        self.tell(now, call, what);
    }

    fn who(&self, participant: &Participant) -> Who {
        let operator = participant.operator.map(|id| self.directory.operator_name(id));
        Who { participant: participant.id, role: participant.role, operator }
    }

    /// A leg with media has left its call: how it was is told when its last report comes.
    pub(super) fn left(&mut self, now: Time, call: &Call, participant: &Participant) {
        self.state.leaving.push_back(Leaving {
            leg: media::LegId(participant.leg.0),
            call: call.key,
            task: call.task().map(|task| task.key),
            who: self.who(participant),
            report: participant.quality.as_ref().map(|quality| quality.report),
            due: now + LAST_WITHIN,
        });
    }

    /// The media thread has nothing more to say of a leg.
    pub(crate) fn media_ended(&mut self, now: Time, leg: media::LegId) {
        let at = self.state.leaving.iter().position(|leaving| leaving.leg == leg);
        if let Some(leaving) = at.and_then(|at| self.state.leaving.remove(at)) {
            self.tell_last(now, leaving);
        }
    }

    /// Those whose media threads do not say anything.
    pub(crate) fn leaving_overdue(&mut self, now: Time) {
        while let Some(leaving) = self.state.leaving.pop_front_if(|leaving| leaving.due <= now) {
            self.tell_last(now, leaving);
        }
    }

    fn tell_last(&mut self, now: Time, leaving: Leaving) {
        let Leaving { call, task, who, report, .. } = leaving;
        if let Some(report) = report {
            let scores = (report.mos, report.remote_mos);
            let what = quality(who, &report, scores, "ended");
            self.emit(now, Some(call), task, what);
        }
    }
}

/// How somebody's leg sounds, by its report and two scores of it.
fn quality(
    Who { participant, role, operator }: Who,
    report: &Report,
    (mos, remote_mos): (Option<u16>, Option<u16>),
    cause: &str,
) -> What {
    let score = |mos: Option<u16>| mos.map(|mos| f64::from((mos + 5) / 10) / 100.0);
    let ms = |us: u32| us.saturating_add(500) / 1_000;
    What::LegQuality(Box::new(LegQuality {
        participant,
        role,
        operator,
        cause: cause.into(),
        codec: report.codec.name().into(),
        mos: score(mos),
        packets: report.packets_in,
        lost: report.lost + report.late,
        jitter_ms: ms(report.jitter_us),
        round_trip_ms: report.rtt_us.map(ms),
        remote_mos: score(remote_mos),
        remote_packets: report.packets_out,
        remote_lost: report.remote_lost,
        remote_jitter_ms: report.remote_jitter_us.map(ms),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leg_turns_bad_and_is_well_again() {
        let mut is = false;
        let mut check = |mos: Option<u16>, remote: Option<u16>, expected| {
            is = is_bad(is, &[mos, remote]);
            assert_eq!(is, expected, "{mos:?} {remote:?}");
        };
        check(None, None, false);
        check(Some(4_400), None, false);
        check(Some(3_100), None, false);
        check(Some(3_099), Some(4_400), true);
        check(None, None, true);
        check(Some(3_599), Some(4_400), true);
        check(Some(3_600), Some(4_400), false);
        check(Some(4_400), Some(2_000), true);
        check(Some(4_400), None, false);
    }
}
