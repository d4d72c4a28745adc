//! Somebody is asked into a call by order: a colleague, somebody outside, a supervisor.
//!
//! | who was asked | then |
//! | --- | --- |
//! | answers | takes part at once, beside whoever does; a supervisor in their mode from the first packet on |
//! | has several phones | the first one answers, the others stop |
//! | refuses, is not there, does not answer in time | `leg.failed`; nothing else happens |
//! | leaves later | the others go on, as long as two of them talk |
//!
//! A supervisor may come at any time, and is rung at a phone of ours that is asked to answer by
//! itself. Others may come once somebody talks: whom a caller waits for is the distributor's matter.

use sip::msg::Uri;
use sip::{Headers, LegId};

use super::connect::ELSEWHERE;
use super::dial::Refused;
use super::ring::Errand;
use crate::act::{Add, Asker, Whom};
use crate::api::{Problem, Time};
use crate::call::{Call, Seat, Timer, Watch, Why};
use crate::config::{Go, Manner};
use crate::event::{Mode, Phase, Role};
use crate::headers;
use crate::id::ParticipantId;
use crate::route::Dialled;
use crate::switch::B2bua;

fn field(whom: &Whom) -> &'static str {
    match whom {
        Whom::Operator(_) => "operator",
        Whom::Number { .. } => "number",
        Whom::Uri(_) => "uri",
        Whom::Queue(_) => "queue",
    }
}

pub(super) fn wrong<T>(field: &'static str, what: impl Into<String>) -> Result<T, Problem> {
    Err(Problem::Field { field, what: what.into() })
}

impl B2bua {
    /// Rings them; the participants that there are by that, one for each phone.
    pub(super) fn ask_in(
        &mut self,
        now: Time,
        call: &mut Call,
        by: &Asker,
        add: &Add,
    ) -> Result<Vec<ParticipantId>, Problem> {
        let mut headers = self.given("headers", &add.headers)?;
        let watch = match add.role {
            Role::Supervisor => self.may_come_to_watch(call, by, add)?,
            Role::Operator | Role::Consultant => self.may_come_to_talk(call, add)?,
            Role::Customer | Role::Bot => {
                return wrong("role", "one of operator, consultant, supervisor");
            }
        };
        let go = match self.wish(now, call, by, &add.whom)? {
            Go::Queue { queue, .. } => {
                return wrong(field(&add.whom), format!("the queue {queue} is not one person"));
            }
            go => go,
        };
        if add.role == Role::Supervisor {
            headers.push(("X-Usher-Role".into(), add.role.as_str().into()));
            if self.directory.config.supervise.auto_answer {
                headers.extend(self.answer_by_itself());
            }
        }
        let why = Why::Asked(self.mint());
        let errand = Errand { role: Some(add.role), watch, headers, ..Errand::from(why) };
        self.dial(now, call, go, errand).map_err(|refused| problem(&refused))?;
        let rung = call.participants.iter().filter(|p| p.why == why);
        let rung: Vec<ParticipantId> = rung.map(|p| p.id).collect();
        for id in rung.iter().copied() {
            let due = now + Time::from_millis(add.timeout_ms);
            self.set_timer(call, Timer::Ring(id), Some(due));
        }
        Ok(rung)
    }

    /// Header fields that an order names in this field of its own, as far as they may be named.
    pub(super) fn given(
        &self,
        field: &'static str,
        given: &[(String, String)],
    ) -> Result<Headers, Problem> {
        let (prefix, max) =
            (&self.directory.config.header_prefix, self.directory.config.limits.context_value_max);
        let one = |(name, value): &(String, String)| {
            headers::given(name, value, prefix, max).map_err(|refused| {
                let name: String = name.chars().take(80).collect();
                let what = format!("{}: {refused}", name.escape_debug());
                Problem::Field { field, what }
            })
        };
        given.iter().map(one).collect()
    }

    /// What makes phones answer without being touched: the ways that those in use understand.
    fn answer_by_itself(&self) -> Headers {
        let host = self.own_host();
        vec![
            ("Alert-Info".into(), format!("<http://{host}>;info=alert-autoanswer;delay=0")),
            ("Call-Info".into(), format!("<sip:{host}>;answer-after=0")),
        ]
    }

    fn may_come_to_watch(&self, call: &Call, by: &Asker, add: &Add) -> Result<Watch, Problem> {
        let Whom::Operator(name) = &add.whom else {
            return wrong("operator", "a supervisor is one of our operators");
        };
        if matches!(by, Asker::Operator(_)) {
            return Err(Problem::Forbidden("operators send nobody to watch".into()));
        }
        let operator = self.known(name)?;
        if !self.may_watch(call, operator) {
            return Err(Problem::Forbidden(format!("{name} may not watch this call")));
        }
        let watch =
            self.watch(call, by, add.mode.unwrap_or(Mode::Monitor), add.whisper_to.as_ref())?;
        if watch.mode == Mode::Intercept {
            self.may_intercept(call)?;
        }
        Ok(watch)
    }

    fn may_come_to_talk(&self, call: &Call, add: &Add) -> Result<Watch, Problem> {
        if add.mode.is_some() {
            return wrong("mode", "only a supervisor has a mode");
        }
        if add.whisper_to.is_some() {
            return wrong("whisper_to", "only a supervisor whispers");
        }
        if call.transfer.is_some() {
            return Err(Problem::Conflict("the call is being transferred".into()));
        }
        if !matches!(call.phase(), Phase::Talk | Phase::Hold) {
            return Err(Problem::Conflict("nobody talks in this call".into()));
        }
        Ok(Watch::MONITOR)
    }

    /// Where an order's wish leads, a person or a queue, if whoever gave it may go there.
    pub(super) fn wish(
        &self,
        now: Time,
        call: &Call,
        by: &Asker,
        whom: &Whom,
    ) -> Result<Go, Problem> {
        let (dialled, go) = match whom {
            Whom::Operator(name) => return Ok(Go::Operator(name.clone())),
            Whom::Queue(name) => {
                let id = self.directory.queue_id(name);
                let none = || Problem::NotFound { what: "queue", name: name.to_string() };
                return id
                    .map(|_| Go::Queue {
                        queue: name.clone(),
                        priority_s: None,
                        manner: Manner::default(),
                    })
                    .ok_or_else(none);
            }
            Whom::Uri(text) => (text, self.asked_uri(now, call, by, text)?),
            Whom::Number { number, trunk: None } => {
                (number, self.asked_number(now, call, by, ("number", number))?)
            }
            Whom::Number { number, trunk: Some(trunk) } => {
                if self.directory.trunk(trunk).is_none() {
                    return wrong("trunk", format!("no such trunk: {trunk}"));
                }
                (number, Go::Number { number: number.to_string(), trunk: trunk.clone() })
            }
        };
        let Asker::Operator(name) = by else { return Ok(go) };
        let is_inside = matches!(go, Go::Operator(_) | Go::Queue { .. });
        if is_inside || self.directory.router.may_dial(name, dialled) {
            return Ok(go);
        }
        Err(Problem::Forbidden(format!("{name} may not call {dialled}")))
    }

    fn asked_uri(&self, now: Time, call: &Call, by: &Asker, text: &str) -> Result<Go, Problem> {
        let Some(uri) = Uri::parse(text).ok().filter(Uri::is_sip) else {
            return wrong("uri", "is no SIP URI");
        };
        match uri.user() {
            Some(user) if uri.host() == Some(&self.own_host()) => {
                self.asked_number(now, call, by, ("uri", &user))
            }
            _ => Ok(Go::Uri(uri)),
        }
    }

    /// What dialling a number reaches.
    fn asked_number(
        &self,
        now: Time,
        call: &Call,
        by: &Asker,
        (field, number): (&'static str, &str),
    ) -> Result<Go, Problem> {
        let from = match by {
            Asker::Operator(name) => name,
            Asker::Admin | Asker::Supervisor { .. } => &call.from,
        };
        let (trunk, trusted, request, unix) = (None, false, None, self.unix(now));
        let dialled = Dialled { to: number, from, trunk, trusted, request, unix };
        match self.reached(&dialled) {
            Some(go @ (Go::Operator(_) | Go::Uri(_) | Go::Number { .. } | Go::Queue { .. })) => {
                Ok(go)
            }
            Some(
                Go::Bot(_)
                | Go::Announce(_)
                | Go::Menu(_)
                | Go::Park { .. }
                | Go::Hook(_)
                | Go::Reject(_)
                | Go::Drop,
            )
            | None => wrong(field, format!("{number} leads nowhere")),
        }
    }

    /// Somebody who was asked in has answered.
    pub(super) fn comes_in(&mut self, now: Time, call: &mut Call, leg: LegId) {
        let Some(at) = call.participants.iter().position(|p| p.leg == leg) else { return };
        let (id, why) = (call.participants[at].id, call.participants[at].why);
        for other in call.legs(|p| p.why == why && p.leg != leg) {
            self.drop_leg(now, call, other, ELSEWHERE);
        }
        self.set_timer(call, Timer::Ring(id), None);
        let Some(came) = call.participant_mut(leg) else { return };
        came.seat = Seat::Connected;
        if came.supervises() && came.watch.mode == Mode::Intercept {
            // Whoever was to be replaced may have left meanwhile.
            if !self.intercept(now, call, leg)
                && let Some(came) = call.participant_mut(leg)
            {
                came.watch = Watch::MONITOR;
            }
        }
        let at = call.participants.iter().position(|p| p.leg == leg).unwrap_or_default();
        self.joined(now, call, at);
    }

    /// They have rung for long enough.
    pub(crate) fn rang_out(&mut self, now: Time, call: &mut Call, id: ParticipantId) {
        for leg in call.legs(|p| p.id == id && p.rings()) {
            self.hang_up_leg(now, leg, 480, "");
            self.leg_failed(now, call, leg, 408, None);
        }
    }
}

pub(super) fn problem(refused: &Refused) -> Problem {
    let &Refused { cause, status } = refused;
    match status {
        404 => Problem::NotFound { what: "operator", name: cause.to_owned() },
        _ => Problem::Conflict(cause.to_owned()),
    }
}
