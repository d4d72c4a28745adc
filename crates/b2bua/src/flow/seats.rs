//! Where everybody sits in the conference, from what the call knows of them: the rows of
//! [`media::matrix`] follow.

use media::{LegId, Source, Stage};

use crate::call::{Participant, Seat};
use crate::event::Mode;

/// What of the call decides where they sit.
pub(super) struct Others<'a> {
    /// For those who press hold on their own phone, who are kept out by a help, or who are left alone.
    pub(super) music: &'a Source,
    /// For whom a whisper is that names nobody.
    pub(super) server: Option<sip::LegId>,
    /// Who hears a ringing tone where they are left alone.
    pub(super) asks: Option<sip::LegId>,
}

/// Everybody whose media stands.
pub(super) fn seats(participants: &[Participant], others: &Others<'_>) -> Vec<media::Participant> {
    let &Others { music, server, asks } = others;
    let present = || participants.iter().filter(|p| p.planned.is_some());
    let seat = |p: &Participant| {
        let is_alone = || {
            let others = present().filter(|other| other.leg != p.leg);
            !others.into_iter().any(|other| keeps_company(participants, other, p, server))
        };
        let stage = match &p.seat {
            Seat::Waiting(source) | Seat::Briefed(source) => Stage::Waiting(source.clone()),
            Seat::Connected => Stage::Connected,
        };
        let held = match &p.hold {
            Some(source) => Some(source.clone()),
            None => ((p.held || p.apart) && p.seat == Seat::Connected).then(|| music.clone()),
        };
        // Whoever is left alone hears music, and is heard by those who listen all the same. A
        // supervisor who hears nobody is to know that there is nobody to hear.
        let is_left = stage == Stage::Connected && held.is_none() && !p.supervises() && is_alone();
        let alone = || if asks == Some(p.leg) { Source::Ringing } else { music.clone() };
        let told = p.message.as_ref().map(|message| message.source.clone());
        media::Participant {
            stage,
            held,
            muted: p.muted,
            mode: p.supervises().then(|| mode(participants, p, server)),
            message: told.or_else(|| is_left.then(alone)),
            ..media::Participant::connected(LegId(p.leg.0), p.role.into())
        }
    };
    present().map(seat).collect()
}

/// Whether somebody would speak to a listener if they said anything.
fn keeps_company(
    all: &[Participant],
    other: &Participant,
    listener: &Participant,
    server: Option<sip::LegId>,
) -> bool {
    let speaks = !other.supervises()
        || match mode(all, other, server) {
            media::Mode::Monitor => false,
            media::Mode::Whisper { to } => to.0 == listener.leg.0,
            media::Mode::Barge => true,
        };
    speaks && other.seat == Seat::Connected && !other.is_held()
}

/// How a supervisor takes part. One who is to take the operator's place listens until then; a
/// whisper to somebody who is gone reaches nobody.
fn mode(all: &[Participant], p: &Participant, server: Option<sip::LegId>) -> media::Mode {
    match p.watch.mode {
        Mode::Monitor | Mode::Intercept => media::Mode::Monitor,
        Mode::Barge => media::Mode::Barge,
        Mode::Whisper => {
            let named = |id| all.iter().find(|other| other.id == id).map(|other| other.leg);
            let to = match p.watch.to {
                Some(id) => named(id),
                None => server,
            };
            media::Mode::Whisper { to: LegId(to.unwrap_or(p.leg).0) }
        }
    }
}

#[cfg(test)]
mod tests;
