//! What a call's participants hear: worked out anew once per turn and call, sent whole.

use media::{Command, Hears, Row, Source, Stage as Seat};

use crate::api::{Output, Time};
use crate::call::{Call, LegState, Participant, Stage};
use crate::config::Name;
use crate::event::{Phase, Role, What};
use crate::id::{CallKey, ParticipantId};
use crate::switch::B2bua;

impl B2bua {
    /// Plans that changed go to the media thread, then the matrix; a change begins a segment.
    pub(crate) fn refresh(&mut self, now: Time, key: CallKey) {
        let Some(mut call) = self.state.calls.remove(&key) else { return };
        self.plan_legs(&mut call);
        self.tell_holds(now, &mut call);
        let rows = media::hears(&self.seats(&call));
        let phase = call.phase();
        let changed = rows != call.rows;
        if changed {
            call.rows.clone_from(&rows);
            self.send_matrix(&mut call);
        }
        if changed || phase != call.clock.phase() {
            call.clock.turn(now, phase);
            let segment = segment(&call, phase);
            self.tell(now, &call, segment);
        }
        self.state.calls.insert(key, call);
    }

    fn plan_legs(&mut self, call: &mut Call) {
        for participant in &mut call.participants {
            let Some(plan) = participant.negotiation.plan() else { continue };
            if participant.planned != Some(plan.generation) && participant.state == LegState::Up {
                participant.planned = Some(plan.generation);
                let thread = participant.lease.thread;
                self.output(Output::Media { thread, command: Command::Leg(plan) });
            }
        }
    }

    fn tell_holds(&mut self, now: Time, call: &mut Call) {
        let mut told = Vec::new();
        for p in call.participants.iter_mut().filter(|p| p.planned.is_some()) {
            let held = p.negotiation.held_by_peer();
            if held != p.held {
                p.held = held;
                let participant = p.id;
                told.push(if held {
                    What::ParticipantHeld { participant }
                } else {
                    What::ParticipantResumed { participant }
                });
            }
        }
        for what in told {
            self.tell(now, call, what);
        }
    }

    /// Everybody whose media stands, and what decides what they hear. Somebody who pressed hold on
    /// their phone is out of it; one who is left alone hears music meanwhile, not nothing.
    fn seats(&self, call: &Call) -> Vec<media::Participant> {
        let music = Source::Music(self.music(call));
        let present = |p: &&Participant| p.planned.is_some() && !p.held;
        let alone = call.participants.iter().filter(present).count() < 2;
        let seat = |p: &Participant| {
            let leg = media::LegId(p.leg.0);
            let role = match p.role {
                Role::Customer => media::Role::Customer,
                Role::Operator => media::Role::Operator,
            };
            let stage = match call.stage {
                Stage::Talking(_) => Seat::Connected,
                Stage::Queued(_) => Seat::Waiting(music.clone()),
                Stage::Dialling => Seat::Waiting(Source::Ringing),
            };
            let bridged = stage == Seat::Connected;
            let held = (bridged && (alone || p.held)).then(|| music.clone());
            media::Participant { stage, held, ..media::Participant::connected(leg, role) }
        };
        call.participants.iter().filter(|p| p.planned.is_some()).map(seat).collect()
    }

    fn music(&self, call: &Call) -> Name {
        let queue = call.stage.task().and_then(|task| self.directory.queue(task.queue));
        let music = queue.and_then(|queue| queue.music.clone());
        music.unwrap_or_else(|| self.directory.config.media.music.clone())
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
                self.with_leg(leg, |switch, call| switch.pressed(now, call, leg, digit));
            }
            media::Event::NoAudio { leg, since } => {
                let dead_ms = self.directory.config.media.dead_audio_ms;
                let silent = now.saturating_sub(since).as_millis();
                if dead_ms.is_some_and(|dead_ms| silent >= u128::from(dead_ms)) {
                    self.dead_audio(now, sip::LegId(leg.0));
                }
            }
            _ => {}
        }
    }

    fn dead_audio(&mut self, now: Time, leg: sip::LegId) {
        let held = self.with_leg(leg, |_, call| call.participants.iter().any(|p| p.held));
        if held == Some(false) {
            self.hang_up_leg(now, leg, 408);
            self.leg_ended(now, leg, sip::EndCause::FlowGone);
        }
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
        Hears::Source(source) => vec![match source {
            Source::Music(name) => format!("music:{name}"),
            Source::Ringing => "ringing".into(),
            Source::Tone { hz, .. } => format!("tone:{hz}"),
            Source::Prompt(name) => format!("prompt:{name}"),
        }],
    };
    What::CallSegment {
        phase,
        participants: call.rows.iter().map(|row| id(row.leg)).collect(),
        hears: call.rows.iter().map(|row| (id(row.leg), heard(row))).collect(),
    }
}
