//! Access control: who stands behind a request outside of dialogs (RFC 3261 section 22).
//!
//! In this order:
//! 1. REGISTER: digest of a configured user, always.
//! 2. On the flow of a registration: the user of that flow whom From names.
//! 3. From a trunk's address, over UDP, TCP or TLS: that trunk; the first configured wins. Behind a
//!    WebSocket are browsers, whatever the address, which may be that of a proxy.
//! 4. On the flow of exactly one user: that user, whatever From says (it may be anonymous).
//! 5. Digest of a user or a trunk, see below.
//! 6. Otherwise a stranger: 403 or silence, and one line for the security log.
//!
//! Whom to challenge must not tell users from non-users. So a stranger is challenged where From is
//! of our domain or address, whoever it names, or where some trunk with credentials has no address
//! to be known by. A request that brings credentials for our realm is heard in any case.
//!
//! - An unknown user gets the answers of a wrong password, after the same work.
//! - A nonce is good for one source address and five minutes; `nc` must rise, and clients without
//!   `qop` get one request out of each. What comes later is `stale`, so that honest clients just
//!   try again. A nonce that is not ours is `stale` too, without a look at the password: nobody can
//!   guess by it, nor have somebody else's address throttled.
//! - `uri` must be the Request-URI, or the same scheme, user, host and port spelled differently;
//!   parameters may differ, as clients and proxies drop and add them. Some clients (SIPp) hash the
//!   address they send to, whatever the Request-URI: our own domain or address without a user is
//!   taken as well. The nonce binds the answer to its source either way.
//! - Guessing is throttled by source address, but never for a user registered on the very flow: a
//!   phone that is already in does not fall to its neighbour behind the same NAT.

mod answer;
mod guesses;
mod nonces;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::guesses::Guesses;
use self::nonces::{Nonces, Spent};
use crate::msg::digest::Credentials;
use crate::msg::{Host, Message, Method, NameAddr, Scheme, Uri};
use crate::registrar::Registrar;
use crate::{Block, Config, Event, Flow, Headers, Peer, Strangers, Time};

/// Challenges in a row that a source may leave open before each further one is told to the security
/// log: more than a trunk has under way at once when its calls come in a burst.
const UNANSWERED_MAX: u32 = 30;

/// Decides who stands behind a request. It has no timers: the old goes when something new comes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Access {
    nonces: Nonces,
    guesses: Guesses,
    /// Challenges that were never answered: a scanner shows by them, an honest client by none.
    unanswered: Guesses,
}

/// What to do with a request.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Go on: it is theirs.
    Admit(Peer),
    /// Answer and ask for credentials.
    Challenge {
        /// 401 or 407.
        status: u16,
        /// The challenges.
        headers: Headers,
    },
    /// Answer, and tell the security log.
    Refuse {
        /// 401, 403 or 407.
        status: u16,
        /// Fresh challenges with 401 and 407.
        headers: Headers,
        /// For the log.
        event: Event,
    },
    /// Do not answer at all, and tell the security log.
    Silence {
        /// For the log.
        event: Event,
    },
}

/// The request that is judged.
struct Case<'a> {
    now: Time,
    config: &'a Config,
    flow: &'a Flow,
    request: &'a Message,
    register: bool,
    /// To of a REGISTER, else From.
    claimed: Option<NameAddr>,
}

impl Access {
    /// With a key for its nonces, from the seeded generator.
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self {
            nonces: Nonces::new(key),
            guesses: Guesses::default(),
            unanswered: Guesses::default(),
        }
    }

    /// Who stands behind a request outside of dialogs. Not to be asked about ACK and CANCEL, which
    /// cannot be challenged (RFC 3261 22.1).
    pub(crate) fn judge(
        &mut self,
        now: Time,
        config: &Config,
        registrar: &Registrar,
        flow: &Flow,
        request: &Message,
    ) -> Verdict {
        let register = request.method() == Some(&Method::Register);
        let claimed = if register { request.to() } else { request.from() }.ok();
        let case = Case { now, config, flow, request, register, claimed };
        if !register && let Some(peer) = case.by_way(registrar) {
            return Verdict::Admit(peer);
        }
        self.by_digest(&case, registrar)
    }

    fn by_digest(&mut self, case: &Case<'_>, registrar: &Registrar) -> Verdict {
        let answer = answer::find(case.request, case.config);
        if answer.is_none() && !case.is_challengeable() {
            return case.turn_away("unknown source", &case.user());
        }
        let name = match &answer {
            Some(answer) => answer::user(answer, case.config).to_owned(),
            None => case.user(),
        };
        let source = case.flow.remote.ip();
        if self.guesses.blocked(case.now, source) && !registrar.is_on(case.flow, &name) {
            return case.turn_away("throttled", &name);
        }
        let Some(answer) = answer else {
            let nonce = self.nonces.mint(case.now, source);
            if self.unanswered.failed(case.now, source) <= UNANSWERED_MAX {
                return case.challenge(&nonce, false);
            }
            let (status, headers) = case.challenges(&nonce, false);
            let event = case.refused("unanswered challenges", &name);
            return Verdict::Refuse { status, headers, event };
        };
        let Some(nonce) = self.nonces.read(case.now, source, &answer.nonce) else {
            return case.challenge(&self.nonces.mint(case.now, source), true);
        };
        let (reason, stale) = match case.prove(&answer, &name) {
            Ok(peer) => match self.nonces.spend(case.now, nonce, answer.count()) {
                Spent::Good => {
                    self.unanswered.forget(source);
                    return Verdict::Admit(peer);
                }
                Spent::Stale => {
                    return case.challenge(&self.nonces.mint(case.now, source), true);
                }
                Spent::Replayed => ("replayed nonce", true),
            },
            Err(reason) => {
                self.guesses.failed(case.now, source);
                (reason, false)
            }
        };
        let (status, headers) = case.challenges(&self.nonces.mint(case.now, source), stale);
        Verdict::Refuse { status, headers, event: case.refused(reason, &name) }
    }
}

impl Case<'_> {
    /// The user part they claim; empty where there is none.
    fn user(&self) -> String {
        let uri = self.claimed.as_ref().map(|claimed| &claimed.uri);
        uri.and_then(Uri::user).unwrap_or_default().into_owned()
    }

    /// Who it is by the way it came.
    fn by_way(&self, registrar: &Registrar) -> Option<Peer> {
        let from = self.user();
        if registrar.is_on(self.flow, &from) {
            return Some(Peer::User(from.into()));
        }
        let source = self.flow.remote.ip();
        let is_trunks = !self.flow.transport.is_websocket();
        let here = |block: &Block| is_trunks && block.contains(source);
        if let Some(trunk) = self.config.trunks.iter().find(|t| t.hosts.iter().any(here)) {
            return Some(Peer::Trunk(trunk.name.clone()));
        }
        let mut users = registrar.users_on(self.flow);
        match (users.next(), users.next()) {
            (Some(only), None) => Some(Peer::User(only.into())),
            _ => None,
        }
    }

    /// Whether a request without credentials is asked for some; the same for users and non-users.
    fn is_challengeable(&self) -> bool {
        let mut trunks = self.config.trunks.iter();
        let is_invite = self.request.method() == Some(&Method::Invite);
        self.register
            || is_invite && self.claims_our_domain()
            || is_invite
                && trunks.any(|trunk| trunk.hosts.is_empty() && trunk.credentials.is_some())
    }

    fn claims_our_domain(&self) -> bool {
        self.claimed.as_ref().is_some_and(|claimed| self.is_ours(&claimed.uri))
    }

    /// Whether a URI names us: our domain or address, and no port but ours.
    fn is_ours(&self, uri: &Uri) -> bool {
        let local = self.flow.local.ip().to_canonical();
        let is_ours = match uri.host().map(Host::ip) {
            Some(Some(ip)) if ip == local || self.config.advertise == Some(ip) => true,
            _ => uri.host().is_some_and(|host| self.config.is_domain(host)),
        };
        is_ours && uri.port().is_none_or(|port| port == self.flow.local.port())
    }

    /// Whose credentials they are.
    fn prove(&self, answer: &Credentials, name: &str) -> Result<Peer, &'static str> {
        let users = self.config.users.iter().filter(|user| *user.username == *name);
        let users = users.map(|user| (Peer::User(user.username.clone()), &user.password));
        let trunks = self.config.trunks.iter().filter(|_| !self.register);
        let trunks = trunks.filter_map(|trunk| {
            let credentials = trunk.credentials.as_ref()?;
            let known = *credentials.username == *answer.user || *credentials.username == *name;
            known.then(|| (Peer::Trunk(trunk.name.clone()), &credentials.password))
        });
        let mut candidates: Vec<(Option<Peer>, &str)> =
            users.chain(trunks).map(|(peer, password)| (Some(peer), &**password)).collect();
        let known = !candidates.is_empty();
        if !known {
            // The same work as for somebody we know.
            candidates.push((None, ""));
        }
        let holds =
            |(_, password): &&(Option<Peer>, &str)| answer::holds(answer, self.request, password);
        let proven = candidates.iter().find(holds).and_then(|(peer, _)| peer.clone());
        match proven {
            Some(peer) if self.is_for(answer) => Ok(peer),
            Some(_) => Err("other uri"),
            None if known => Err("wrong password"),
            None => Err("unknown user"),
        }
    }

    fn is_our_plain_address(&self, uri: &Uri) -> bool {
        *uri.scheme() == Scheme::Sip && uri.raw_user().is_none() && self.is_ours(uri)
    }

    fn is_for(&self, answer: &Credentials) -> bool {
        answer::is_for(answer, self.request)
            || Uri::parse(&answer.uri).is_ok_and(|hashed| self.is_our_plain_address(&hashed))
    }

    fn challenge(&self, nonce: &str, stale: bool) -> Verdict {
        let (status, headers) = self.challenges(nonce, stale);
        Verdict::Challenge { status, headers }
    }

    fn challenges(&self, nonce: &str, stale: bool) -> (u16, Headers) {
        let (status, name) =
            if self.register { (401, "WWW-Authenticate") } else { (407, "Proxy-Authenticate") };
        let name: Arc<str> = name.into();
        let values = answer::challenges(self.config, nonce, stale);
        (status, values.into_iter().map(|value| (name.clone(), value)).collect())
    }

    fn turn_away(&self, reason: &'static str, user: &str) -> Verdict {
        let event = self.refused(reason, user);
        match self.config.strangers {
            Strangers::Forbid => Verdict::Refuse { status: 403, headers: Headers::new(), event },
            Strangers::Silence => Verdict::Silence { event },
        }
    }

    fn refused(&self, reason: &'static str, user: &str) -> Event {
        Event::refused(*self.flow, reason, self.request, user)
    }
}
