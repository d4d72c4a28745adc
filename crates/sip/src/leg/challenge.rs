//! Digest as a client: RFC 3261 section 22, RFC 7616, RFC 8760.
//!
//! Credentials are answered with only for a leg that was given some. The realms they are good for
//! are those that challenged its first INVITE, at most two of them (a proxy and what is behind it):
//! a callee who challenges our BYE with a realm of its own gets nothing.

use serde::{Deserialize, Serialize};

use super::Leg;
use crate::Credentials;
use crate::Time;
use crate::ground::{Core, Sent};
use crate::msg::digest::Challenge;
use crate::msg::{Builder, Message, Method, Name, Uri};
use crate::rng::token;
use crate::transaction::ClientKey;

/// Challenges answered for one request, stale nonces included.
const TRIES_MAX: u8 = 3;
/// Realms that may challenge one INVITE.
const REALMS_MAX: usize = 2;

/// What the leg can prove, and to whom.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Auth {
    credentials: Option<Credentials>,
    proofs: Vec<Proof>,
    /// Challenges to the request under way that were answered.
    tries: u8,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Proof {
    proxy: bool,
    challenge: Challenge,
    ha1: String,
    /// How often the nonce was used.
    count: u32,
}

impl Auth {
    pub(super) fn new(credentials: Option<Credentials>) -> Self {
        Self { credentials, ..Self::default() }
    }

    /// A new request begins.
    pub(super) fn begin(&mut self) {
        self.tries = 0;
    }

    /// Adds credentials for every realm that is known.
    pub(super) fn prove(
        &mut self,
        mut builder: Builder,
        core: &mut Core,
        method: &Method,
        uri: &Uri,
    ) -> Builder {
        let Some(credentials) = &self.credentials else { return builder };
        for proof in &mut self.proofs {
            proof.count += 1;
            let name = if proof.proxy { Name::ProxyAuthorization } else { Name::Authorization };
            let (user, cnonce) = (&*credentials.username, token(core.rng.next_u64()));
            let (ha1, uri) = (&*proof.ha1, uri.to_string());
            builder
                .push(name, proof.challenge.answer(user, ha1, method, &uri, &cnonce, proof.count));
        }
        builder
    }

    /// Takes the challenges of a 401 or 407; whether it is worth trying again.
    fn challenged(&mut self, response: &Message, in_dialog: bool) -> bool {
        let proxy = response.status() == Some(407);
        let name = if proxy { Name::ProxyAuthenticate } else { Name::WwwAuthenticate };
        let Some(credentials) = &self.credentials else { return false };
        if !matches!(response.status(), Some(401 | 407)) || self.tries >= TRIES_MAX {
            return false;
        }
        // Of several algorithms for a realm the first that we know (RFC 8760 section 2.4).
        let Some(challenge) = response.headers(name).find_map(|v| Challenge::parse(v).ok()) else {
            return false;
        };
        let (user, password) = (&*credentials.username, &*credentials.password);
        let ha1 = challenge.algorithm.ha1(user, &challenge.realm, password);
        let realms = self.proofs.len();
        let is_same = |p: &&mut Proof| p.proxy == proxy && p.challenge.realm == challenge.realm;
        match self.proofs.iter_mut().find(is_same) {
            Some(proof) => {
                let is_fresh = proof.challenge.nonce != challenge.nonce;
                if !is_fresh || (self.tries > 0 && !challenge.is_stale) {
                    return false;
                }
                *proof = Proof { proxy, challenge, ha1, count: 0 };
            }
            None if in_dialog || realms >= REALMS_MAX => return false,
            None => self.proofs.push(Proof { proxy, challenge, ha1, count: 0 }),
        }
        self.tries += 1;
        true
    }
}

impl Leg {
    /// Sends a request again with the next CSeq: one that was challenged with credentials, one whose
    /// interval was too small (422) with a larger one. `None` if that would not help.
    pub(super) fn try_again(
        &mut self,
        core: &mut Core,
        now: Time,
        sent: &Sent,
        response: &Message,
        in_dialog: bool,
    ) -> Option<ClientKey> {
        let gives_way = self.expiry.gives_way(&sent.request, response);
        if !gives_way && !self.auth.challenged(response, in_dialog) {
            return None;
        }
        let (method, uri) = (sent.request.method()?, sent.request.uri().ok()?);
        let number = match sent.request.to_tag() {
            Some(tag) => self.next_number(core, &tag),
            None => self.next_cseq(),
        };
        let key = ClientKey { branch: core.rng.next_u64(), cancel: false };
        let mut builder = Builder::copy(&sent.request)
            .set(Name::Via, core.via(&sent.flow, key.branch))
            .set(Name::CSeq, format_args!("{number} {method}"))
            .without(Name::Authorization)
            .without(Name::ProxyAuthorization);
        if gives_way {
            builder = self.expiry.ask_again(&core.config.watch, builder);
        }
        let request = self.auth.prove(builder, core, method, &uri).build();
        self.launch(core, now, key, sent.flow, request, sent.purpose);
        Some(key)
    }
}
