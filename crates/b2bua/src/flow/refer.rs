//! A REFER: somebody in a call wants whoever they talk with to talk with somebody else (RFC 3515).
//! Here it is judged, as a call of theirs would be; what cannot be is refused and the call goes on.
//!
//! | Refer-To                        | means                                                     |
//! | ------------------------------- | --------------------------------------------------------- |
//! | our domain or address, `tel:`   | what dialling that number would: a route, an operator, a queue |
//! | another host                    | that URI, where the dial policy matches it with its scheme |
//! | with Replaces                   | another leg of the same operator's or trunk's: the two far ends are joined |

use std::net::IpAddr;

use sip::msg::{Message, Replaces, Scheme, Uri};
use sip::{Headers, LegId};

use super::transfer::Beginning;
use crate::api::{Problem, Time};
use crate::call::{Call, LegState, Participant, Terms, Why};
use crate::config::{Go, Name, Outgoing};
use crate::event::{TransferMode, What};
use crate::route::Dialled;
use crate::switch::B2bua;

/// Who wants a call to go elsewhere: an operator, or a trunk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mover<'a> {
    pub(super) operator: Option<acd::OperatorId>,
    pub(super) trunk: Option<&'a str>,
    pub(super) bot: Option<&'a str>,
}

impl<'a> Mover<'a> {
    fn of(participant: &'a Participant, call: &'a Call) -> Self {
        let bot = call.bot.as_deref().filter(|_| participant.is_bot());
        Self { operator: participant.operator, trunk: participant.trunk.as_deref(), bot }
    }
}

/// A REFER as the endpoint tells it.
pub(crate) struct Referred<'a> {
    pub(crate) leg: LegId,
    pub(crate) token: u64,
    pub(crate) target: Uri,
    /// What Refer-To wants to be said to the target besides.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) replaces: Option<Replaces>,
    pub(crate) request: &'a Message,
}

/// What a REFER is refused with, and why in words, where the status does not say it.
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) why: Option<String>,
}

impl From<u16> for Refusal {
    fn from(status: u16) -> Self {
        Self { status, why: None }
    }
}

impl B2bua {
    pub(crate) fn referred(&mut self, now: Time, refer: &Referred<'_>) {
        let (leg, token) = (refer.leg, refer.token);
        let done = self.with_leg(leg, |switch, call| match &refer.replaces {
            Some(replaces) => switch.refer_attended(now, call, refer, replaces),
            None => switch.refer_blind(now, call, refer),
        });
        if let Err(Refusal { status, why }) = done.unwrap_or(Err(481.into())) {
            let headers = match why {
                Some(why) => vec![("Warning".into(), format!("399 {} \"{why}\"", self.own_host()))],
                None => Headers::new(),
            };
            self.command_sip(now, sip::Command::AnswerRefer { leg, token, status, headers });
        }
    }

    pub(super) fn accept_refer(&mut self, now: Time, leg: LegId, token: u64) {
        let (status, headers) = (202, Headers::new());
        self.command_sip(now, sip::Command::AnswerRefer { leg, token, status, headers });
    }

    fn refer_blind(
        &mut self,
        now: Time,
        call: &mut Call,
        refer: &Referred<'_>,
    ) -> Result<(), Refusal> {
        let by = may_refer(call, refer.leg)?;
        let go = self.referred_to(now, by, call, refer)?;
        let (terms, headers) = match by.is_bot() {
            true => self.bot_terms(refer)?,
            false => (Terms::default(), self.named(&refer.headers)?),
        };
        self.accept_refer(now, refer.leg, refer.token);
        let beginning = Beginning {
            by: Some(refer.leg),
            refer: Some((refer.leg, refer.token)),
            to: target_text(&refer.target),
            mode: TransferMode::Blind,
            terms,
        };
        self.transfer(now, call, beginning, go, headers);
        Ok(())
    }

    /// Header fields that Refer-To names (RFC 3261 section 19.1.5), as far as they may be named.
    pub(super) fn named(&self, headers: &[(String, String)]) -> Result<Headers, Refusal> {
        self.given("headers", headers).map_err(|problem| {
            let why = match problem {
                Problem::Field { what, .. } => Some(what.replace(['"', '\\'], "'")),
                _ => None,
            };
            Refusal { status: 400, why }
        })
    }

    /// Where a REFER leads, if whoever sent it may go there.
    fn referred_to(
        &self,
        now: Time,
        by: &Participant,
        call: &Call,
        refer: &Referred<'_>,
    ) -> Result<Go, u16> {
        let from = match by.operator {
            Some(operator) => self.directory.operator_name(operator),
            None => call.from.clone(),
        };
        let known = self.endpoint.leg_flow(refer.leg).map(|flow| flow.local.ip());
        let known = known.into_iter().collect();
        let by = Mover::of(by, call);
        self.leads_to(now, by, &from, &refer.target, known, Some(refer.request))
    }

    /// Where a URI leads that somebody wants a call of theirs to go to, if it may; `known` are the
    /// addresses by which they know us.
    pub(super) fn leads_to(
        &self,
        now: Time,
        by: Mover<'_>,
        from: &str,
        target: &Uri,
        known: Vec<IpAddr>,
        request: Option<&Message>,
    ) -> Result<Go, u16> {
        if !self.is_ours(known, target) {
            let text = target.to_string();
            let may = self.may_move(by, Some(&text));
            return if may { Ok(Go::Uri(target.clone())) } else { Err(403) };
        }
        let (user, trunk) = (target.user().unwrap_or_default(), by.trunk);
        let to = self.directory.number_in(trunk).of(&user);
        let trusted = trunk.and_then(|name| self.directory.trunk(name)).is_some_and(|t| t.trusted);
        let unix = self.unix(now);
        let go = self.reached(&Dialled { to: &to, from, trunk, trusted, request, unix });
        let go = go.ok_or(404_u16)?;
        let outside = match go {
            Go::Announce(_)
            | Go::Menu(_)
            | Go::Park { .. }
            | Go::Hook(_)
            | Go::Reject(_)
            | Go::Drop => {
                return Err(603);
            }
            Go::Queue { .. } | Go::Operator(_) | Go::Bot(_) => None,
            Go::Uri(_) | Go::Number { .. } => Some(&*to),
        };
        if self.may_move(by, outside) { Ok(go) } else { Err(403) }
    }

    /// The addresses of ours that a call's legs have to do with.
    pub(super) fn addresses_of(&self, call: &Call) -> Vec<IpAddr> {
        let flows = call.participants.iter().filter_map(|p| self.endpoint.leg_flow(p.leg));
        flows.map(|flow| flow.local.ip()).collect()
    }

    /// Whether a URI names us: by our domain, as a number, or by the address of a listener. One that
    /// listens everywhere does so at those by which we are known, and on this host itself.
    fn is_ours(&self, mut known: Vec<IpAddr>, uri: &Uri) -> bool {
        let Some(host) = uri.host() else { return *uri.scheme() == Scheme::Tel };
        if *host == self.own_host() {
            return true;
        }
        let Some(ip) = host.ip() else { return false };
        known.extend(self.directory.config.sip.advertise);
        let is_known = known.contains(&ip);
        self.directory.config.listeners.iter().any(|at| {
            let is_here = at.ip() == ip
                || is_known
                || at.ip().is_unspecified() && ip.is_loopback() && at.is_ipv4() == ip.is_ipv4();
            is_here && uri.port().is_none_or(|port| port == at.port())
        })
    }

    /// Whether somebody may have a call moved to somebody in the house, or outside to that number: an
    /// operator as they may call, a trunk as its own policy says, whoever we called by a URI within
    /// the house only.
    fn may_move(&self, by: Mover<'_>, outside: Option<&str>) -> bool {
        let router = &self.directory.router;
        let name = by.operator.map(|operator| self.directory.operator_name(operator));
        let (policy, may_outside) = match (&name, by.trunk) {
            _ if let Some(bot) = by.bot => {
                let policy = self.directory.bot(bot).map(|bot| &bot.outgoing);
                (policy, outside.is_some_and(|number| router.may_hand_on(bot, number)))
            }
            (Some(name), _) => {
                let policy = self.directory.operator(name).map(|operator| &operator.outgoing);
                (policy, outside.is_some_and(|number| router.may_dial(name, number)))
            }
            (None, Some(trunk)) => {
                let policy = self.directory.trunk(trunk).map(|trunk| &trunk.outgoing);
                (policy, outside.is_some_and(|number| router.may_move(trunk, number)))
            }
            (None, None) => (None, false),
        };
        if outside.is_some() { may_outside } else { policy != Some(&Outgoing::Nobody) }
    }

    /// The leg named must be another one of whoever asks, the same operator's or of the same trunk:
    /// nobody takes over the calls of others by a REFER, nor learns that there are any. Both calls'
    /// media come to live on one thread, which an operator's do already (`arrive.rs`) as long as there
    /// are ports.
    fn refer_attended(
        &mut self,
        now: Time,
        call: &mut Call,
        refer: &Referred<'_>,
        replaces: &Replaces,
    ) -> Result<(), Refusal> {
        let by = may_refer(call, refer.leg)?;
        if by.operator.is_none() && !self.may_move(Mover::of(by, call), None) {
            return Err(403.into());
        }
        let named = self.endpoint.named_by(replaces);
        let second = named.and_then(|leg| Some((leg, *self.state.legs.get(&leg)?)));
        // A second leg of this very call is out of the map like the call itself.
        let found = second.and_then(|(leg, key)| self.state.calls.get(&key)?.participant(leg));
        // What somebody supervises is not theirs to hand on.
        let is_theirs = found.is_some_and(|p| is_of_same(by, p) && !p.supervises());
        let (Some((leg, key)), true) = (second, is_theirs) else {
            self.suspect(now, refer.leg, call, "REFER");
            return Err(603.into());
        };
        let Some(other) = self.state.calls.get(&key) else { return Err(603.into()) };
        if by.operator.is_none() && !self.may_have(Mover::of(by, call), other, leg) {
            return Err(403.into());
        }
        let people = other.participants.iter().filter(|p| !p.supervises()).count();
        let is_alone = people < 2 && other.tasks.is_empty();
        let is_busy = other.transfer.is_some() || other.help.is_some() || is_alone;
        let answered = other.participant(leg).is_some_and(|p| p.state == LegState::Up);
        if is_busy || replaces.early_only && answered {
            return Err(603.into());
        }
        let comes = |p: &&Participant| p.leg != leg && p.why != Why::Left;
        let come: Vec<_> =
            other.participants.iter().filter(comes).map(|p| (p.state, p.lease)).collect();
        let room = self.room_for(&come, call.thread_wanted()).ok_or(503_u16)?;
        self.accept_refer(now, refer.leg, refer.token);
        self.join(now, call, (refer.leg, refer.token), (key, leg), room);
        Ok(())
    }

    /// Whether a trunk's side may have whoever is at the far end of a second call of theirs. An
    /// operator called them, or took their call, as they may.
    fn may_have(&self, by: Mover<'_>, second: &Call, theirs: LegId) -> bool {
        let is_outside = |p: &&Participant| p.leg != theirs && p.operator.is_none();
        second.participants.iter().filter(is_outside).all(|far| {
            let number = if far.why == Why::Arrived { &second.from } else { &second.to };
            self.may_move(by, Some(number)) || self.may_move(by, Some(&far.uri))
        })
    }

    /// Somebody named a dialog that is not theirs to name.
    fn suspect(&mut self, now: Time, leg: LegId, call: &Call, method: &str) {
        let source = self.endpoint.leg_flow(leg).map(|flow| flow.remote.to_string());
        let user = call.participant(leg).map(|p| p.uri.to_string()).unwrap_or_default();
        let source = source.unwrap_or_default().into();
        let (reason, method) = ("replaces".into(), method.into());
        self.emit(now, None, None, What::SecurityRefused { reason, source, method, user });
    }
}

/// Who sent it, if they may send one at all: who talks with exactly one other, one at a time.
fn may_refer(call: &Call, leg: LegId) -> Result<&Participant, u16> {
    let asks = |p: &Participant| p.rings() && p.is_asked_to_talk();
    if call.transfer.is_some() || call.help.is_some() || call.participants.iter().any(asks) {
        return Err(491);
    }
    let by = call.participant(leg).filter(|by| by.talks()).ok_or(403_u16)?;
    let others = call.participants.iter().filter(|p| p.leg != leg && p.talks()).count();
    if others == 1 { Ok(by) } else { Err(403) }
}

/// Whether two legs have the same party at their far ends: an operator, or somebody behind a trunk.
fn is_of_same(one: &Participant, other: &Participant) -> bool {
    match one.operator {
        Some(_) => other.operator == one.operator,
        None => one.trunk.is_some() && other.trunk == one.trunk && other.operator.is_none(),
    }
}

/// The target as records show it: a number, or the URI.
fn target_text(uri: &Uri) -> Name {
    match uri.user() {
        Some(user) if !user.is_empty() => user.into_owned().into(),
        _ => uri.bare().to_string().into(),
    }
}
