//! REFER of ours and what the peer tells of it: RFC 3515, RFC 4488, RFC 6665 section 4.1.
//!
//! One at a time. The peer's NOTIFY may overtake its 202, so the subscription stands from the
//! moment the REFER is out. To a caller whose INVITE we have answered it goes when their ACK has come: a
//! REFER that came before it would be for no dialog that they have.

use serde::{Deserialize, Serialize};

use super::parcel::Parcel;
use super::refer::Meant;
use super::{Leg, Phase};
use crate::ground::{Core, Outcome, Sent};
use crate::msg::{Message, Method, Name, NameAddr, Params};
use crate::transaction::Purpose;
use crate::transaction::timer::T1_64;
use crate::{Event, Flow, Headers, Refer, Referral, Time};

/// Longest time that nothing is told before nobody is waited for any more.
const TOLD_FOR_MAX: Time = Time::from_secs(3_600);

/// A REFER of ours that is open.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Asking {
    token: u64,
    /// The header fields of one that waits for the ACK of our 2xx.
    kept: Option<Headers>,
    /// The CSeq of the REFER, once it is out.
    number: Option<u32>,
    /// Until when the peer has to say something, once it has agreed.
    until: Option<Time>,
    /// The outcome is told; what still comes is acknowledged and no more.
    done: bool,
}

/// How long our BYE waits for what a peer has to tell of our REFER.
const LINGERS_FOR: Time = Time::from_secs(4);

impl Leg {
    /// Asks the peer to call somebody else.
    pub(crate) fn refer(&mut self, core: &mut Core, now: Time, refer: Refer) {
        let Refer { token, target, replaces, told, headers: more, .. } = refer;
        let is_free = self.asking.as_ref().is_none_or(|asking| asking.done);
        if self.phase != Phase::Confirmed || self.silent || !is_free {
            let referral = Referral::Refused(491);
            return self.tell(core, |leg| Event::Referral { leg, token, referral });
        }
        let target = match replaces {
            Some(replaces) => target.with_header("Replaces", &replaces.to_string()),
            None => target,
        };
        let refer_to = NameAddr::new(target).to_string();
        let mut headers: Headers = vec![(Name::ReferTo.as_str().into(), refer_to)];
        if !told {
            headers.push((Name::ReferSub.as_str().into(), "false".to_owned()));
        }
        headers.extend(more);
        self.asking =
            Some(Asking { token, kept: Some(headers), number: None, until: None, done: false });
        if self.unacked.is_none() {
            self.send_refer(core, now);
        }
    }

    /// Sends a REFER that was kept, if there is one.
    pub(super) fn send_refer(&mut self, core: &mut Core, now: Time) {
        let Some(asking) = &mut self.asking else { return };
        if let (token, Some(headers)) = (asking.token, asking.kept.take()) {
            self.auth.begin();
            self.post(core, now, Parcel::Refer { token, headers });
        }
    }

    pub(super) fn ship_refer(
        &mut self,
        core: &mut Core,
        now: Time,
        flow: Flow,
        token: u64,
        headers: &Headers,
    ) {
        let purpose = Purpose::Refer(self.id, token);
        self.ship_request(core, now, flow, &Method::Refer, headers, None, purpose);
        self.asked_by(token);
    }

    /// The REFER went out with our last CSeq.
    fn asked_by(&mut self, token: u64) {
        let number = self.cseq;
        if let Some(asking) = self.asking.as_mut().filter(|asking| asking.token == token) {
            asking.number = Some(number);
        }
    }

    /// What became of the REFER itself.
    pub(crate) fn refer_outcome(&mut self, core: &mut Core, now: Time, sent: &Sent, token: u64) {
        let response = match &sent.outcome {
            Outcome::Response(response) => response,
            Outcome::TimedOut => return self.refer_refused(core, now, token, 408),
            Outcome::TransportFailed => return self.refer_refused(core, now, token, 503),
        };
        let status = response.status().unwrap_or(500);
        if status < 200 {
            return;
        }
        if self.try_again(core, now, sent, response, true).is_some() {
            return self.asked_by(token);
        }
        if status >= 300 {
            return self.refer_refused(core, now, token, status);
        }
        let Some(asking) = self.asking.as_mut().filter(|asking| asking.token == token) else {
            return;
        };
        let is_quiet = response
            .header(Name::ReferSub)
            .is_some_and(|value| value.trim().eq_ignore_ascii_case("false"));
        if is_quiet && !asking.done {
            return self.told_last(core, token, Referral::Untold);
        }
        // A NOTIFY that was first has said all that is to be waited for.
        if asking.until.is_none() && !asking.done {
            asking.until = Some(now + T1_64);
            self.tell(core, |leg| Event::Referral { leg, token, referral: Referral::Accepted });
        }
    }

    /// The peer refuses, or does not answer at all: of one that knows no REFER and drops it that says
    /// nothing about the dialog, in which somebody may talk.
    pub(super) fn refer_refused(&mut self, core: &mut Core, now: Time, token: u64, status: u16) {
        self.told_last(core, token, Referral::Refused(status));
        if status != 408 {
            self.dialog_doubted(core, now, status);
        }
    }

    fn told_last(&mut self, core: &mut Core, token: u64, referral: Referral) {
        if self.asking.take_if(|asking| asking.token == token).is_some_and(|asking| !asking.done) {
            self.tell(core, |leg| Event::Referral { leg, token, referral });
        }
    }

    /// The peer's NOTIFY.
    pub(super) fn notify_received(
        &mut self,
        core: &mut Core,
        now: Time,
        server: u64,
        request: &Message,
    ) {
        let Some(meant) = Meant::by(request) else {
            return core.reply(now, server, 489, &[(Name::AllowEvents, "refer")]);
        };
        let is_ours = |asking: &&mut Asking| asking.number.is_some_and(|number| meant.fits(number));
        let Some(asking) = self.asking.as_mut().filter(is_ours) else {
            return core.reply(now, server, 481, &[]);
        };
        let Some(state) = request.header(Name::SubscriptionState) else {
            return core.reply(now, server, 400, &[]);
        };
        core.reply(now, server, 200, &[]);
        let (word, params) = state.split_once(';').unwrap_or((state, ""));
        let is_last = word.trim().eq_ignore_ascii_case("terminated");
        let expires = Params::parse(params).get("expires").and_then(|text| text.parse().ok());
        let expires = expires.map_or(TOLD_FOR_MAX, Time::from_secs).min(TOLD_FOR_MAX);
        asking.until = Some(now + expires);
        let (token, was_done) = (asking.token, asking.done);
        let status = fragment_status(request);
        let referral = match (status, is_last) {
            (Some(status), _) if status >= 200 => Some(Referral::Done(status)),
            (_, true) => Some(Referral::Untold),
            (Some(status), false) => Some(Referral::Progress(status)),
            (None, false) => None,
        };
        asking.done |= matches!(referral, Some(Referral::Done(_) | Referral::Untold));
        let is_done = asking.done;
        if is_last {
            self.asking = None;
        }
        if let Some(referral) = referral.filter(|_| !was_done) {
            self.tell(core, |leg| Event::Referral { leg, token, referral });
        }
        if is_done && self.lingers.is_some() {
            self.leave(core, now, Headers::new());
        }
    }

    /// Ends the leg when the peer has told the last of our REFER.
    pub(crate) fn end_referring(&mut self, core: &mut Core, now: Time) {
        let is_open = self.asking.as_ref().is_some_and(|asking| !asking.done);
        if is_open && self.phase == Phase::Confirmed && self.unacked.is_none() && !self.silent {
            (self.silent, self.lingers) = (true, Some(now + LINGERS_FOR));
        } else {
            self.end(core, now, 480, Headers::new());
        }
    }

    /// It has not.
    pub(super) fn lingering_due(&mut self, core: &mut Core, now: Time) {
        if self.lingers.is_some_and(|until| until <= now) {
            self.leave(core, now, Headers::new());
        }
    }

    /// When the peer has been silent for too long.
    pub(super) fn asking_until(&self) -> Option<Time> {
        self.asking.as_ref()?.until
    }

    pub(super) fn asking_due(&mut self, core: &mut Core, now: Time) {
        if self.asking_until().is_some_and(|until| until <= now)
            && let Some(token) = self.asking.as_ref().map(|asking| asking.token)
        {
            self.told_last(core, token, Referral::Untold);
        }
    }
}

/// The status that a `message/sipfrag` begins with (RFC 3420).
fn fragment_status(notify: &Message) -> Option<u16> {
    if notify.content_type()? != "message/sipfrag" {
        return None;
    }
    let body = notify.body();
    let line = core::str::from_utf8(&body).ok()?.lines().next()?;
    let mut words = line.split_ascii_whitespace();
    let version = words.next()?;
    let status = words.next().filter(|digits| digits.len() == 3)?.parse().ok()?;
    (version.eq_ignore_ascii_case("SIP/2.0") && (100..700).contains(&status)).then_some(status)
}
