//! Whether the peer is still there: session timers (RFC 4028), and OPTIONS in the dialog.
//!
//! Every INVITE and UPDATE with a 2xx is a refresh, whoever sends it: the timer begins anew, with
//! the interval and the refresher that its 2xx names.
//!
//! | agreed             | due at                        | what happens                           |
//! | ------------------ | ----------------------------- | -------------------------------------- |
//! | we refresh         | half the interval             | UPDATE, or re-INVITE                   |
//! | its UPDATE met glare | as after glare              | UPDATE                                 |
//! | its UPDATE was refused | at once                   | re-INVITE                              |
//! | we refresh         | the interval                  | BYE                                    |
//! | the peer refreshes | the interval − min(⅓ of it, 32 s) | BYE                                |
//! | only we know of it | half the interval             | UPDATE, or re-INVITE: any answer is life |
//! | nothing, or long   | `probe_s` of silence          | OPTIONS: any answer is life            |
//!
//! A request of ours that gets 481, 408 or no answer ends the leg at once, as any does.

use serde::{Deserialize, Serialize};

use super::bye::because;
use super::parcel::Parcel;
use super::{Leg, Phase};
use crate::deadlines::earlier;
use crate::ground::{Core, Outcome, Sent};
use crate::msg::{Builder, Message, Method, Name, Params};
use crate::{EndCause, Time, Watch};

/// How often a leg gives way to a 422.
const TRIES_MAX: u8 = 4;
/// The RFC's least interval in seconds, which a peer's 2xx is held to.
const INTERVAL_S_MIN: u32 = 90;
/// How often one refresh gives way to what the peer has under way.
const GLARES_MAX: u8 = 8;
/// A refresh that was refused is tried again, but not in less than this.
const AGAIN_MIN: Time = Time::from_secs(1);

/// What is known of the peer's life.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Expiry {
    agreed: Option<Agreed>,
    /// The largest Min-SE of the peer's.
    min_s: u32,
    /// 422s that were given way to.
    tries: u8,
    /// Whether the peer's Allow has UPDATE.
    takes_update: bool,
    /// The last sign of life.
    heard: Time,
    /// When its silence is judged.
    look: Option<Time>,
    /// An OPTIONS of ours is out.
    probing: bool,
}

/// A timer that runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Agreed {
    interval_s: u32,
    /// Whether the refreshes are ours to send.
    is_ours: bool,
    /// Whether the peer counts too.
    is_mutual: bool,
    /// Our next refresh.
    at: Time,
    /// The end.
    until: Time,
    /// A refresh of ours is under way.
    refreshing: bool,
    /// How often it met glare.
    glares: u8,
}

impl Agreed {
    fn new(now: Time, interval_s: u32, is_ours: bool, is_mutual: bool) -> Self {
        let interval = Time::from_secs(interval_s.into());
        let early = (interval / 3).min(Time::from_secs(32));
        let until = now + if is_ours { interval } else { interval - early };
        let at = now + interval / 2;
        Self { interval_s, is_ours, is_mutual, at, until, refreshing: false, glares: 0 }
    }
}

/// What is to be done about a peer's silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Refresh,
    Probe,
    Give,
}

impl Expiry {
    /// The earliest of its deadlines.
    pub(super) fn due(&self) -> Option<Time> {
        let agreed = self.agreed.as_ref().map(|agreed| {
            let waits = agreed.is_ours && !agreed.refreshing;
            if waits { agreed.at.min(agreed.until) } else { agreed.until }
        });
        earlier(agreed, self.look)
    }

    /// Something of the peer's came.
    pub(super) fn hear(&mut self, now: Time) {
        self.heard = now;
    }

    /// What is due by `now`. A deadline for silence is not moved by each message but judged when
    /// it comes.
    fn step(&mut self, now: Time, watch: &Watch) -> Option<Step> {
        if let Some(agreed) = &mut self.agreed {
            if agreed.until <= now {
                return Some(Step::Give);
            }
            if agreed.is_ours && !agreed.refreshing && agreed.at <= now {
                agreed.refreshing = true;
                return Some(Step::Refresh);
            }
        }
        self.look.filter(|at| *at <= now)?;
        let probe = Time::from_secs(watch.probe_s.into());
        if watch.probe_s == 0 || self.heard + probe > now {
            self.look = (watch.probe_s > 0).then_some(self.heard + probe);
            return None;
        }
        self.look = Some(now + probe);
        let is_watched = self.agreed.as_ref().is_some_and(|agreed| {
            agreed.refreshing || agreed.interval_s <= watch.probe_s.saturating_mul(2)
        });
        if self.probing || is_watched {
            return None;
        }
        self.probing = true;
        Some(Step::Probe)
    }

    /// The fields of an INVITE or UPDATE of ours (sections 7.1 and 7.4).
    pub(super) fn ask(&self, watch: &Watch, builder: &mut Builder) {
        if let Some((expires, min_s)) = self.fields(watch) {
            builder.push(Name::SessionExpires, expires);
            builder.push(Name::MinSe, min_s);
        }
    }

    /// The same request with what a 422 wanted.
    pub(super) fn ask_again(&self, watch: &Watch, builder: Builder) -> Builder {
        match self.fields(watch) {
            Some((expires, min_s)) => {
                builder.set(Name::SessionExpires, expires).set(Name::MinSe, min_s)
            }
            None => builder,
        }
    }

    fn fields(&self, watch: &Watch) -> Option<(String, u32)> {
        let (interval_s, refresher) = match &self.agreed {
            Some(agreed) if agreed.is_ours => (agreed.interval_s, ";refresher=uac"),
            Some(agreed) => (agreed.interval_s, ";refresher=uas"),
            None if watch.interval_s > 0 => (watch.interval_s, ""),
            None => return None,
        };
        let interval_s = interval_s.max(self.min_s);
        let min_s = watch.interval_s_min.max(self.min_s).min(interval_s);
        Some((format!("{interval_s}{refresher}"), min_s))
    }

    /// Whether a refusal is a 422 that a larger interval helps against (section 7.3).
    pub(super) fn gives_way(&mut self, request: &Message, response: &Message) -> bool {
        let wanted = response.seconds(Name::MinSe).filter(|_| response.status() == Some(422));
        let asked = request.seconds(Name::SessionExpires);
        let is_larger = wanted.zip(asked).is_some_and(|(wanted, asked)| wanted > asked);
        if !is_larger || self.tries >= TRIES_MAX {
            return false;
        }
        self.tries += 1;
        self.min_s = self.min_s.max(wanted.unwrap_or(0));
        true
    }

    /// A 2xx came to an INVITE or UPDATE of ours (section 7.2). Where the peer knows no timer we
    /// may still ask now and then.
    pub(super) fn settle(&mut self, now: Time, watch: &Watch, response: &Message) {
        self.begin(now, watch, response);
        let least_s = watch.interval_s_min.min(INTERVAL_S_MIN);
        self.agreed = match expires(response) {
            Some((interval_s, refresher)) => {
                let is_ours = refresher != Some(Refresher::Uas);
                Some(Agreed::new(now, interval_s.max(least_s), is_ours, true))
            }
            None if watch.interval_s > 0 => {
                Some(Agreed::new(now, watch.interval_s.max(self.min_s), true, false))
            }
            None => None,
        };
    }

    /// Our 2xx to an INVITE or UPDATE of the peer's (section 9).
    pub(super) fn grant(
        &mut self,
        now: Time,
        watch: &Watch,
        request: &Message,
        response: &mut Builder,
    ) {
        self.begin(now, watch, request);
        self.min_s = self.min_s.max(request.seconds(Name::MinSe).unwrap_or(0));
        let asked = expires(request);
        let wanted_s = watch.interval_s.max(self.min_s);
        let interval_s = match asked {
            Some((theirs_s, _)) if watch.interval_s > 0 => theirs_s.min(wanted_s),
            Some((theirs_s, _)) => theirs_s,
            None if watch.interval_s > 0 => wanted_s,
            None => {
                self.agreed = None;
                return;
            }
        };
        let interval_s = interval_s.max(watch.interval_s_min.min(INTERVAL_S_MIN));
        let knows = knows_timers(request);
        let was_ours = || self.agreed.as_ref().is_some_and(|a| a.is_ours && a.is_mutual);
        let is_ours = match asked.and_then(|(_, refresher)| refresher) {
            _ if !knows => true,
            Some(refresher) => refresher == Refresher::Uas,
            None => was_ours(),
        };
        let refresher = if is_ours { "uas" } else { "uac" };
        response.push(Name::SessionExpires, format_args!("{interval_s};refresher={refresher}"));
        if knows {
            response.push(Name::Require, "timer");
        }
        self.agreed = Some(Agreed::new(now, interval_s, is_ours, knows));
    }

    /// A dialog begins, or was refreshed.
    fn begin(&mut self, now: Time, watch: &Watch, message: &Message) {
        self.heard = now;
        if message.header(Name::Allow).is_some() {
            self.takes_update = message.lists(Name::Allow, "UPDATE");
        }
        if watch.probe_s > 0 && self.look.is_none() {
            self.look = Some(now + Time::from_secs(watch.probe_s.into()));
        }
    }

    /// A refresh of ours met something of the peer's; it goes again after this time. `false` if it has
    /// met that too often.
    fn refresh_again(&mut self, now: Time, wait: Time) -> bool {
        let Some(agreed) = self.agreed.as_mut().filter(|agreed| agreed.glares < GLARES_MAX) else {
            return false;
        };
        agreed.glares += 1;
        (agreed.refreshing, agreed.at) = (false, now + wait);
        true
    }

    /// Whether the peer counts as well, so that being alive is not enough.
    fn is_mutual(&self) -> bool {
        self.agreed.as_ref().is_some_and(|agreed| agreed.is_mutual)
    }

    /// A refresh of ours came to nothing. It is tried again at half of the time that is left; a
    /// peer that knows no timer has shown that it lives, if the refusal was its own.
    pub(super) fn refresh_failed(&mut self, now: Time) {
        let Some(agreed) = self.agreed.as_mut().filter(|agreed| agreed.refreshing) else { return };
        if !agreed.is_mutual && self.heard == now {
            *agreed = Agreed::new(now, agreed.interval_s, true, false);
            return;
        }
        let wait = (agreed.until.saturating_sub(now) / 2).max(AGAIN_MIN);
        agreed.refreshing = false;
        agreed.at = now + wait;
    }
}

impl Leg {
    /// Its deadline while the dialog stands.
    pub(super) fn expires_at(&self) -> Option<Time> {
        self.expiry.due().filter(|_| self.is_watched())
    }

    /// Whether the peer's life is looked at: not before it has acknowledged our 2xx, which it must
    /// do in time anyway. It may not know of the dialog yet.
    fn is_watched(&self) -> bool {
        self.phase == Phase::Confirmed && !self.silent && self.unacked.is_none()
    }

    pub(super) fn expiry_due(&mut self, core: &mut Core, now: Time) {
        while self.is_watched() {
            match self.expiry.step(now, &core.config.watch) {
                Some(Step::Refresh) => self.refresh(core, now),
                Some(Step::Probe) => self.pulse(core, now, Method::Options),
                Some(Step::Give) => {
                    self.ended(core, EndCause::Expired);
                    self.hang_up(core, now, because(408, "No refresh"));
                }
                None => return,
            }
        }
    }

    /// Refreshes by UPDATE, which disturbs nothing, or else by re-INVITE, along with what the owner
    /// has to say.
    fn refresh(&mut self, core: &mut Core, now: Time) {
        if self.expiry.takes_update {
            self.pulse(core, now, Method::Update);
        } else {
            self.wish.get_or_insert_default();
            self.next_reinvite(core, now);
        }
    }

    fn pulse(&mut self, core: &mut Core, now: Time, method: Method) {
        self.auth.begin();
        self.post(core, now, Parcel::Pulse(method));
    }

    /// What became of our UPDATE or OPTIONS.
    pub(crate) fn pulse_outcome(&mut self, core: &mut Core, now: Time, sent: &Sent) {
        let response = match &sent.outcome {
            Outcome::Response(response) => Some(response),
            Outcome::TimedOut | Outcome::TransportFailed => None,
        };
        let status = sent.outcome.status();
        if let Some(response) = response {
            self.hear(now, response);
            if status < Some(200) || self.try_again(core, now, sent, response, true).is_some() {
                return;
            }
        }
        let is_update = sent.request.method() == Some(&Method::Update);
        self.expiry.probing &= is_update;
        if self.phase != Phase::Confirmed
            || self.silent
            || status.is_some_and(|status| self.dialog_doubted(core, now, status))
            || !is_update
        {
            return;
        }
        match response {
            Some(response) if status < Some(300) => {
                self.update_answered(core, now, &Method::Update, response);
            }
            Some(response) => self.update_refused(core, now, response),
            None => self.expiry.refresh_failed(now),
        }
    }

    /// The peer will not have our UPDATE. Glare passes (RFC 3311 section 5.3, by the timers of RFC 3261
    /// section 14.1). Whatever else it is may be about UPDATE alone, its Allow having promised too much:
    /// a re-INVITE goes in its place, and only when that is refused too the refresh has failed.
    fn update_refused(&mut self, core: &mut Core, now: Time, response: &Message) {
        let is_unknown = matches!(response.status(), Some(405 | 501));
        if !is_unknown && !self.expiry.is_mutual() {
            // It has shown that it lives, and that was all.
            return self.expiry.refresh_failed(now);
        }
        if let Some(wait) = self.wait(core, response)
            && self.expiry.refresh_again(now, wait)
        {
            return;
        }
        self.expiry.takes_update = false;
        self.refresh(core, now);
    }

    /// It could not be sent.
    pub(super) fn pulse_unsent(&mut self, now: Time, method: &Method) {
        match method {
            Method::Update => self.expiry.refresh_failed(now),
            _ => self.expiry.probing = false,
        }
    }
}

/// Who refreshes: a role in the transaction that says so, not in the dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refresher {
    Uac,
    Uas,
}

/// Session-Expires in seconds, and the refresher it names (section 4).
fn expires(message: &Message) -> Option<(u32, Option<Refresher>)> {
    let seconds = message.seconds(Name::SessionExpires)?;
    let (_, params) = message.header(Name::SessionExpires)?.split_once(';').unwrap_or_default();
    let refresher = Params::find(params, "refresher").and_then(|role| {
        let is = |name: &str| role.eq_ignore_ascii_case(name);
        is("uac").then_some(Refresher::Uac).or_else(|| is("uas").then_some(Refresher::Uas))
    });
    Some((seconds, refresher))
}

fn knows_timers(request: &Message) -> bool {
    request.lists(Name::Supported, "timer") || request.lists(Name::Require, "timer")
}

/// Whether an INVITE or UPDATE asks for an interval that is too small, and would understand to be
/// told so by 422 (section 9).
pub(crate) fn is_too_short(watch: &Watch, request: &Message) -> bool {
    let asked = request.seconds(Name::SessionExpires);
    matches!(request.method(), Some(Method::Invite | Method::Update))
        && asked.is_some_and(|asked| asked < watch.interval_s_min)
        && knows_timers(request)
}
