//! A bot that hands its caller on, and gets them back if it said so (`continue_call`).
//!
//! | when | the caller | the bot |
//! | --- | --- | --- |
//! | it hands on | hears music | stays, and hears music |
//! | the target fails, or is done | is back with the bot, on the dialog they had | is told by NOTIFY, where it was by REFER, and by re-INVITE with `X-Usher-Transfer` |
//! | the same, and the bot has hung up | hears music | is called anew, with that field in the INVITE |
//! | the caller leaves | | BYE with that field |
//!
//! Without it a transfer that succeeds is the bot's end; after one that fails the caller is told that
//! there is nobody, and the call is over.

use sip::{Headers, LegId};

use super::DIAL_TIMEOUT;
use super::dial::Refused;
use super::refer::{Referred, Refusal};
use super::ring::Errand;
use crate::api::Time;
use crate::call::{Call, Lent, Seat, Terms, Timer, Transfer, Why};
use crate::config::{Go, Name};
use crate::event::{CallResult, Role};
use crate::switch::B2bua;

/// How long whoever is to have the caller may take to answer where the bot does not say.
const TIMEOUT: Time = Time::from_secs(30);
const TIMEOUT_S_MAX: u64 = 3_600;

/// What a bot's REFER may say besides, as its own header fields or among those in Refer-To.
const CONTINUE_CALL: &str = "X-Usher-Continue-Call";
const CONTINUE_RECORDING: &str = "X-Usher-Continue-Recording";
const TIMEOUT_S: &str = "X-Usher-Timeout";

/// What a bot is told of a transfer that is over.
const TRANSFER: &str = "X-Usher-Transfer";

fn told(status: &str, hangup: bool, to: &str) -> Headers {
    vec![(TRANSFER.into(), format!("status={status};hangup={hangup};number={to}"))]
}

impl B2bua {
    /// Gives the caller to a bot.
    pub(super) fn dial_bot(
        &mut self,
        now: Time,
        call: &mut Call,
        name: Name,
        mut errand: Errand,
    ) -> Result<(), Refused> {
        let Some(bot) = self.directory.bot(&name) else {
            return Err(Refused { cause: "no such bot", status: 404 });
        };
        let (uri, trunk) = (bot.uri.clone(), bot.trunk.clone());
        if trunk.as_deref().is_some_and(|trunk| self.trunk_is_full(trunk)) {
            return Err(Refused { cause: "trunk is full", status: 503 });
        }
        call.bot = Some(name);
        errand.role = Some(Role::Bot);
        errand.headers.push(("X-Usher-Call".into(), call.key.to_string()));
        errand.headers.extend(Self::served_before(call));
        self.dial_uri(now, call, uri, trunk, errand)
    }

    /// What a bot's REFER asks for, and what the target is to be told.
    pub(super) fn bot_terms(&self, refer: &Referred<'_>) -> Result<(Terms, Headers), Refusal> {
        let is_ours = |name: &str| {
            [CONTINUE_CALL, CONTINUE_RECORDING, TIMEOUT_S]
                .iter()
                .any(|ours| ours.eq_ignore_ascii_case(name))
        };
        let said = |wanted: &str| {
            let named = refer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            let own = || refer.request.header_named(wanted);
            named.map(|(_, value)| value.as_str()).or_else(own).map(str::trim)
        };
        let wrong = |name: &str, what: &str| {
            Err(Refusal { status: 400, why: Some(format!("{name}: {what}")) })
        };
        let flag = |name| match said(name) {
            None => Ok(false),
            Some(word) if ["true", "yes", "1"].contains(&word) => Ok(true),
            Some(word) if ["false", "no", "0"].contains(&word) => Ok(false),
            Some(_) => wrong(name, "true or false").map(|()| false),
        };
        let timeout = match said(TIMEOUT_S).map(str::parse::<u64>) {
            None => TIMEOUT,
            Some(Ok(seconds @ 1..=TIMEOUT_S_MAX)) => Time::from_secs(seconds),
            Some(_) => wrong(TIMEOUT_S, "seconds from 1 to 3600").map(|()| TIMEOUT)?,
        };
        let (continues, records) = (flag(CONTINUE_CALL)?, flag(CONTINUE_RECORDING)?);
        let others = refer.headers.iter().filter(|(name, _)| !is_ours(name)).cloned();
        let headers = self.named(&others.collect::<Vec<_>>())?;
        let terms = Terms { timeout: Some(timeout), continues, records, ..Terms::default() };
        Ok((terms, headers))
    }

    /// A bot has handed its caller on and gets them back later.
    pub(super) fn lend(&self, call: &mut Call, transfer: &Transfer) {
        let music = self.music(call);
        let Transfer { by, refer, ref to, .. } = *transfer;
        call.lent = Some(Lent { leg: by, refer, to: to.clone() });
        if let Some(bot) = by.and_then(|leg| call.participant_mut(leg)) {
            bot.why = Why::Lent;
            bot.waits(music);
        }
    }

    /// Nobody is left with the caller: whether a bot has them back by that.
    pub(super) fn give_back(&mut self, now: Time, call: &mut Call) -> bool {
        let Some(lent) = call.lent.take() else { return false };
        for task in call.tasks.drain(..).collect::<Vec<_>>() {
            self.end_task(now, task, CallResult::Ended);
        }
        for leg in call.legs(|p| p.rings() || p.why == Why::Left) {
            self.drop_leg(now, call, leg, "");
        }
        if let Some((leg, token)) = lent.refer {
            self.command_sip(now, sip::Command::Notify { leg, token, status: 200 });
        }
        self.back_with_bot(now, call, lent.leg, told("SUCCESS", false, &lent.to));
        true
    }

    /// The caller is back with their bot, whose transfer has failed.
    pub(super) fn bot_failed(&mut self, now: Time, call: &mut Call, failed: &Transfer) {
        self.back_with_bot(now, call, failed.by, told("FAIL", false, &failed.to));
    }

    fn back_with_bot(&mut self, now: Time, call: &mut Call, leg: Option<LegId>, headers: Headers) {
        call.given.clear();
        let origin = call.origin().map(|origin| origin.leg);
        if let Some(leg) = leg.filter(|leg| call.participant(*leg).is_some()) {
            for participant in &mut call.participants {
                if participant.leg == leg {
                    participant.why = Why::Dialled;
                }
                if participant.leg == leg || Some(participant.leg) == origin {
                    participant.seat = Seat::Connected;
                    (participant.hold, participant.muted) = (None, false);
                }
            }
            return self.command_sip(now, sip::Command::Reinvite { leg, headers });
        }
        let music = self.music(call);
        if let Some(origin) = call.origin_mut() {
            origin.waits(music);
        }
        let Some(bot) = call.bot.clone() else { return self.regret(now, call, 480) };
        let errand = Errand { headers, ..Errand::from(Why::Dialled) };
        match self.dial(now, call, Go::Bot(bot), errand) {
            Ok(()) => self.set_timer(call, Timer::Dial, Some(now + DIAL_TIMEOUT)),
            Err(Refused { status, .. }) => self.regret(now, call, status),
        }
    }

    /// What a bot that would have had the caller back is told where the call is over.
    pub(super) fn told_bot(call: &Call, result: CallResult) -> Option<(LegId, Headers)> {
        let hangup = result == CallResult::Abandoned;
        let lent = call.lent.as_ref().and_then(|lent| Some((lent.leg?, "SUCCESS", &lent.to)));
        let pending = call.transfer.as_ref().filter(|transfer| transfer.terms.continues);
        let pending = pending.and_then(|transfer| Some((transfer.by?, "FAIL", &transfer.to)));
        lent.or(pending).map(|(leg, status, to)| (leg, told(status, hangup, to)))
    }
}
