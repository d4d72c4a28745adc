//! What a call's participants hear: worked out anew once per turn and call, sent whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use media::{Command, Hears, Row, Source};

use super::seats::{Others, seats};
use crate::api::{Output, Time};
use crate::call::{Call, LegState, Occupation, Participant, Timer, Way};
use crate::config::Name;
use crate::event::{Phase, What};
use crate::id::{CallKey, ParticipantId};
use crate::switch::B2bua;

impl B2bua {
    /// Plans that changed go to the media thread, then the matrix; a change begins a segment.
    pub(crate) fn refresh(&mut self, now: Time, key: CallKey) {
        let Some(mut call) = self.state.calls.remove(&key) else { return };
        self.unwatch(now, &mut call);
        self.review_help(now, &mut call);
        self.tell_occupied(now, &mut call);
        self.plan_legs(&mut call);
        self.tell_standings(now, &mut call);
        self.interrupt_plays(now, &mut call);
        self.make_aware(now, &mut call);
        let server = call.server().map(|server| server.leg);
        let music = self.music(&call);
        let others = Others { music: &music, server, asks: call.hears_ringing() };
        let rows = media::hears(&seats(&call.participants, &others));
        let phase = call.phase();
        let changed = rows != call.rows;
        if changed {
            call.rows.clone_from(&rows);
            self.send_matrix(&mut call);
        }
        if changed || phase != call.clock.phase() || !call.begun {
            call.begun = true;
            call.clock.turn(now, phase);
            for task in &call.tasks {
                if let Some(entry) = self.state.tasks.get_mut(&task.key) {
                    entry.holds(now, phase == Phase::Hold);
                }
            }
            let segment = segment(&call, phase);
            self.tell(now, &call, segment);
        }
        self.record(now, &mut call);
        self.state.calls.insert(key, call);
    }

    fn plan_legs(&mut self, call: &mut Call) {
        // Early media takes two: a caller who has agreed on none yet can hear nobody.
        let is_ready = call.origin().is_some_and(|origin| origin.negotiation.plan().is_some());
        let has_codes = self.directory.config.codes.are_pressed();
        for participant in &mut call.participants {
            let may = participant.state == LegState::Up || (participant.early && is_ready);
            let Some(plan) = participant.negotiation.plan().filter(|_| may) else { continue };
            if participant.planned != Some(plan.generation) {
                participant.planned = Some(plan.generation);
                let thread = participant.lease.thread;
                self.output(Output::Media { thread, command: Command::Leg(plan) });
            }
            let guarded = has_codes && participant.gives_codes();
            if participant.guarded != guarded {
                participant.guarded = guarded;
                let (thread, leg) = (participant.lease.thread, media::LegId(participant.leg.0));
                self.output(Output::Media { thread, command: Command::Keys { leg, guarded } });
            }
        }
    }

    /// Operators whom this call keeps from other work: told to the distributor as it changes, so
    /// that no flow can forget one.
    pub(crate) fn tell_occupied(&mut self, now: Time, call: &mut Call) {
        let wanted = if call.over { BTreeMap::default() } else { call.occupations() };
        if wanted == call.occupied {
            return;
        }
        let work = acd::WorkId(call.key.0);
        for operator in call.occupied.keys().copied().filter(|who| !wanted.contains_key(who)) {
            self.acd.handle(now, acd::Input::Vacate { operator, work });
        }
        for (operator, how) in wanted.iter().map(|(who, how)| (*who, *how)) {
            if call.occupied.get(&operator) != Some(&how) {
                self.acd.handle(
                    now,
                    match how {
                        Occupation::Alerted => acd::Input::Alert { operator, work },
                        Occupation::Busy => acd::Input::Occupy { operator, work },
                    },
                );
            }
        }
        call.occupied = wanted;
    }

    /// What a caller hears who waits, or is left alone.
    pub(crate) fn music(&self, call: &Call) -> Source {
        let queue = call.task().and_then(|task| self.directory.queue(task.queue));
        let wanted = queue.and_then(|queue| queue.music.clone());
        // Music that is gone goes on for those who hear it, and only for them.
        let heard = |name: &Name| Hears::Source(Source::Music(name.clone()));
        let there = |name: &Name| {
            self.state.desk.sounds.sounds.contains_key(name)
                || call.rows.iter().any(|row| row.hears == heard(name))
        };
        let music = wanted.filter(there);
        Source::Music(music.unwrap_or_else(|| self.directory.config.media.music.clone()))
    }

    /// The whole matrix; one without rows ends the conference.
    fn send_matrix(&mut self, call: &mut Call) {
        let planned = call.participants.iter().find(|p| p.planned.is_some());
        call.thread = call.thread.or(planned.map(|p| p.lease.thread));
        call.generation += 1;
        if let Some(thread) = call.thread {
            let (conference, generation) = (call.key.0, call.generation);
            let command = Command::Matrix { conference, generation, rows: call.rows.clone() };
            self.output(Output::Media { thread, command });
        }
    }

    pub(crate) fn end_conference(&mut self, call: &mut Call) {
        if !call.rows.is_empty() {
            call.rows.clear();
            self.send_matrix(call);
        }
    }

    pub(crate) fn on_media(&mut self, now: Time, event: &media::Event) {
        match *event {
            media::Event::Dtmf { leg, digit, .. } => {
                let leg = sip::LegId(leg.0);
                self.with_leg(leg, |switch, call| {
                    switch.pressed(now, call, leg, digit, Way::Audio);
                });
            }
            media::Event::Report(report) => self.reported(now, report),
            media::Event::Ended { leg } => self.media_ended(now, leg),
            media::Event::NoAudio { leg, since } => self.silent(now, leg, Some(since)),
            media::Event::AudioBack { leg } | media::Event::FirstPacket { leg } => {
                self.silent(now, leg, None);
            }
            media::Event::Played { leg, play, ref missing } => {
                self.heard_out(now, sip::LegId(leg.0), play, missing.as_ref());
            }
            media::Event::Refused { leg } => {
                let leg = sip::LegId(leg.0);
                self.hang_up_leg(now, leg, 503, super::reason::NO_MEDIA);
                let is_early = self.with_leg(leg, |switch, call| {
                    let is_early = call.participant(leg).is_some_and(Participant::rings);
                    if is_early {
                        switch.leg_failed(now, call, leg, 503, None);
                    }
                    is_early
                });
                if is_early == Some(false) {
                    self.leg_ended(now, leg, sip::EndCause::FlowGone, None);
                }
            }
            _ => {}
        }
    }

    fn silent(&mut self, now: Time, leg: media::LegId, since: Option<Time>) {
        let leg = sip::LegId(leg.0);
        self.with_leg(leg, |switch, call| {
            let Some(participant) = call.participant_mut(leg) else { return };
            participant.silent_since = since;
            let id = participant.id;
            switch.judge_silence(now, call, id);
        });
    }

    /// A leg that has been silent for too long counts as lost; one that holds is let be.
    pub(crate) fn judge_silence(&mut self, now: Time, call: &mut Call, id: ParticipantId) {
        let Some(participant) = call.participants.iter().find(|p| p.id == id) else { return };
        let limit = self.directory.config.media.dead_audio_ms.map(Time::from_millis);
        let due = limit.zip(participant.silent_since).map(|(limit, since)| since + limit);
        let due = due.filter(|_| !participant.may_be_silent() && participant.state == LegState::Up);
        match due {
            Some(due) if due <= now => self.dead.push_back(participant.leg),
            due => self.set_timer(call, Timer::Silence(id), due),
        }
    }

    /// Ends a leg that was found dead: outside of its call's turn.
    pub(crate) fn bury(&mut self, now: Time, leg: sip::LegId) {
        self.hang_up_leg(now, leg, 408, super::reason::SILENT);
        self.leg_ended(now, leg, sip::EndCause::FlowGone, None);
    }
}

fn segment(call: &Call, phase: Phase) -> What {
    let id = |leg: media::LegId| {
        let found = call.participants.iter().find(|p| p.leg.0 == leg.0);
        found.map_or(ParticipantId(0), |p| p.id)
    };
    let heard = |row: &Row| match &row.hears {
        Hears::Silence => vec!["silence".into()],
        Hears::Speakers(legs) => legs.iter().map(|leg| id(*leg).to_string()).collect(),
        Hears::Source(source) => vec![shown(source)],
    };
    What::CallSegment {
        phase,
        participants: call.rows.iter().map(|row| id(row.leg)).collect(),
        hears: Arc::new(call.rows.iter().map(|row| (id(row.leg), heard(row))).collect()),
    }
}

/// A source as events and the API show it.
pub(super) fn shown(source: &Source) -> String {
    match source {
        Source::Music(name) => format!("music:{name}"),
        Source::Ringing => "ringing".into(),
        Source::Tone { hz, .. } => format!("tone:{hz}"),
        Source::Prompt { sounds, .. } => format!("prompt:{}", sounds.join("+")),
    }
}
