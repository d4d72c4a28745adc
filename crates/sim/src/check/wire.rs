//! What is seen on the wire: each 2xx that reaches the switch is acknowledged at once, each time;
//! one that nobody wants is ended; CANCEL waits for a provisional response; each INVITE becomes
//! one call or is refused; no customer is called by themselves.

use std::collections::BTreeMap;

use sip::Time;
use sip::msg::{Message, Method, Name, NameAddr};

use super::referred::Referred;
use super::reliable::Reliable;

/// 64·T1: how long a transaction may live without a sign of the peer.
pub(super) const LIFE: Time = Time::from_secs(32);

/// The fold.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    /// INVITEs of the switch's by branch.
    out: BTreeMap<String, Outgoing>,
    /// INVITEs to the switch by branch: when they came last.
    came: BTreeMap<String, Time>,
    /// The 2xx of this turn: Call-ID and To tag, which must be acknowledged.
    ack_due: Option<(String, String)>,
    bye_due: Option<(String, String)>,
    /// An INVITE of this turn: what became of it.
    arrived: Option<Arrived>,
    calls: u64,
    /// 2xx of the switch's to INVITEs, by Call-ID and tag of the peer's.
    given: BTreeMap<(String, String), Given>,
    reliable: Reliable,
    referred: Referred,
}

#[derive(Debug)]
struct Given {
    since: Time,
    acked: bool,
    over: bool,
}

#[derive(Debug)]
struct Outgoing {
    call_id: String,
    cseq: u32,
    /// It says that provisional responses may be reliable.
    reliable: bool,
    sent: Time,
    cancelled: Option<Time>,
    provisional: bool,
    failed: bool,
    answered: Option<(Time, String)>,
}

#[derive(Debug, Default)]
struct Arrived {
    branch: String,
    calls: u64,
    refused: bool,
    /// It takes somebody's place in a call, or their own again.
    replaces: bool,
}

fn branch(message: &Message) -> Option<String> {
    Some(message.top_via().ok()?.branch().to_owned()).filter(|branch| !branch.is_empty())
}

fn dialog(message: &Message) -> (String, String) {
    (message.call_id().to_owned(), message.to_tag().unwrap_or_default())
}

/// No customer's phone shows their own number as who calls.
fn called_by_another(invite: &Message) -> Result<(), String> {
    let user = |address: Result<NameAddr, _>| {
        address.ok().and_then(|address| Some(address.uri.user()?.into_owned()))
    };
    match (user(invite.from()), user(invite.to())) {
        (Some(from), Some(to)) if from == to && to.starts_with('+') => {
            Err(format!("{to} is called by themselves"))
        }
        _ => Ok(()),
    }
}

impl Wire {
    pub(crate) fn received(&mut self, now: Time, message: &Message) {
        let Some(branch) = branch(message) else { return };
        self.referred.received(message);
        match (message.method(), message.status()) {
            (Some(Method::Invite), _) if message.to_tag().is_none() => {
                let last = self.came.insert(branch.clone(), now);
                if last.is_none_or(|last| now.saturating_sub(last) > 3 * LIFE) {
                    let comes_back = message.uri().is_ok_and(|uri| crate::delivery::is_door(&uri));
                    let replaces = comes_back || message.header(Name::Replaces).is_some();
                    self.arrived = Some(Arrived { branch, replaces, ..Arrived::default() });
                }
            }
            (Some(Method::Prack), _) => self.reliable.pracked(message),
            (Some(Method::Ack | Method::Bye), _) => {
                let key = (message.call_id().to_owned(), message.from_tag());
                if let Some(given) = self.given.get_mut(&key) {
                    given.acked |= message.method() == Some(&Method::Ack);
                    given.over |= message.method() == Some(&Method::Bye);
                }
            }
            (None, Some(status))
                if message.cseq().is_ok_and(|cseq| cseq.method == Method::Invite) =>
            {
                self.response(now, &branch, status, message);
            }
            _ => {}
        }
    }

    fn response(&mut self, now: Time, branch: &str, status: u16, message: &Message) {
        let cseq = message.cseq().map_or(0, |cseq| cseq.number);
        let Some(invite) = self
            .out
            .get_mut(branch)
            .filter(|out| out.cseq == cseq && out.call_id == message.call_id())
        else {
            return;
        };
        let young = |since: Time| now.saturating_sub(since) < LIFE;
        match status {
            // One that comes after all hope was given up changes nothing.
            0..200 => {
                let open = invite.answered.is_none() && !invite.failed;
                invite.provisional |= open && young(invite.sent);
                if open && invite.reliable {
                    let is_due = invite.provisional && invite.cancelled.is_none();
                    self.reliable.heard(message, is_due);
                }
            }
            200..300 if !invite.failed => {
                let tag = message.to_tag().unwrap_or_default();
                let lives = match (&invite.answered, invite.cancelled) {
                    (Some((at, _)), _) => young(*at),
                    (None, Some(at)) => young(at),
                    (None, None) => invite.provisional || young(invite.sent),
                };
                if lives && !tag.is_empty() {
                    self.ack_due = Some(dialog(message));
                    let first = invite.answered.get_or_insert((now, tag.clone()));
                    let unwanted = invite.cancelled.is_some() || first.1 != tag;
                    if unwanted && !first.1.contains(&tag) {
                        self.bye_due = Some(dialog(message));
                        // Once is enough.
                        first.1.push_str(&tag);
                    }
                }
            }
            _ => invite.failed |= invite.answered.is_none(),
        }
    }

    pub(crate) fn sent(&mut self, now: Time, message: &Message) -> Result<(), String> {
        let Some(branch) = branch(message) else { return Err("no branch".into()) };
        self.reliable.sent(message)?;
        self.referred.sent(now, message)?;
        match (message.method(), message.status()) {
            (Some(Method::Invite), _) if message.to_tag().is_none() => {
                called_by_another(message)?;
                self.out.entry(branch).or_insert(Outgoing {
                    call_id: message.call_id().to_owned(),
                    cseq: message.cseq().map_or(0, |cseq| cseq.number),
                    reliable: message.lists(Name::Supported, "100rel"),
                    sent: now,
                    cancelled: None,
                    provisional: false,
                    failed: false,
                    answered: None,
                });
            }
            (Some(Method::Cancel), _) => {
                let Some(invite) = self.out.get_mut(&branch) else {
                    return Err(format!("CANCEL of nothing: {branch}"));
                };
                if !invite.provisional {
                    return Err(format!("CANCEL before any response: {branch}"));
                }
                invite.cancelled.get_or_insert(now);
            }
            (Some(Method::Ack), _) => {
                self.ack_due.take_if(|due| *due == dialog(message));
            }
            (Some(Method::Bye), _) => {
                if let Some(given) = self.given.get_mut(&dialog(message)) {
                    let early = !given.acked && !given.over;
                    if early && now.saturating_sub(given.since) < LIFE {
                        return Err(format!("BYE before the ACK: {:?}", dialog(message)));
                    }
                    given.over = true;
                }
                self.bye_due.take_if(|due| *due == dialog(message));
            }
            (None, Some(200..300)) if message.cseq().is_ok_and(|c| c.method == Method::Invite) => {
                if let Some(arrived) = self.arrived.as_mut().filter(|a| a.branch == branch) {
                    arrived.refused |= arrived.replaces;
                }
                let key = (message.call_id().to_owned(), message.from_tag());
                self.given.entry(key).or_insert(Given { since: now, acked: false, over: false });
            }
            (None, Some(300..)) => {
                if let Some(arrived) = self.arrived.as_mut().filter(|a| a.branch == branch) {
                    arrived.refused = true;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A call has begun, and perhaps by the INVITE that has just come.
    pub(crate) fn call_started(&mut self, may_be_arrived: bool) {
        self.calls += 1;
        if let Some(arrived) = self.arrived.as_mut().filter(|_| may_be_arrived) {
            arrived.calls += 1;
        }
    }

    pub(crate) fn turn_over(&mut self) -> Result<(), String> {
        self.reliable.turn_over()?;
        if let Some(due) = self.ack_due.take() {
            return Err(format!("a 2xx was not acknowledged: {due:?}"));
        }
        if let Some(due) = self.bye_due.take() {
            return Err(format!("a 2xx that nobody wants was not ended: {due:?}"));
        }
        match self.arrived.take() {
            Some(arrived) if arrived.calls > 1 || (arrived.calls == 0 && !arrived.refused) => {
                Err(format!("an INVITE became neither a call nor an answer: {arrived:?}"))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn finish(&self, ended: u64) -> Result<(), String> {
        if let Some((which, _)) = self.given.iter().find(|(_, given)| !given.acked && !given.over) {
            return Err(format!("a 2xx of ours: neither acknowledged nor ended: {which:?}"));
        }
        if self.calls == ended {
            return Ok(());
        }
        Err(format!("{ended} records of {} calls", self.calls))
    }
}
