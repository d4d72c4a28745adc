//! Requests outside of dialogs: RFC 3261 section 8.2.

use super::Endpoint;
use crate::access::Verdict;
use crate::ground::{ACCEPT, ALLOW, Core, REQUIRABLE, reply_flow};
use crate::leg::{Leg, is_too_short};
use crate::msg::{Message, Method, Name, Scheme, Uri};
use crate::rng::token;
use crate::{Flow, Headers, LegId, Peer, Time};

/// What a refused caller is told to wait in an overload.
const RETRY_AFTER_S: &str = "5";

/// What is taken outside of dialogs.
const ALLOW_OUTSIDE: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER";

impl Endpoint {
    pub(super) fn receive_new(
        &mut self,
        now: Time,
        flow: Flow,
        request: &Message,
        method: &Method,
        key: String,
    ) {
        let core = &mut self.core;
        let verdict = core.access.judge(now, &core.config, &core.registrar, &flow, request);
        let peer = match verdict {
            Verdict::Admit(peer) => peer,
            Verdict::Challenge { status, headers } => {
                return core.answer_once(flow, request, status, &headers);
            }
            Verdict::Refuse { status, headers, event } => {
                core.event(event);
                return core.answer_once(flow, request, status, &headers);
            }
            Verdict::Silence { event } => return core.event(event),
        };
        let is_full = core.clients.len() + core.servers.len() >= core.config.transactions_max
            || (*method == Method::Invite && self.legs.len() >= core.config.legs_max);
        if is_full {
            let wait = vec![("Retry-After".into(), RETRY_AFTER_S.to_owned())];
            return core.answer_once(flow, request, 503, &wait);
        }
        if let (Peer::User(user), false) = (&peer, *method == Method::Register) {
            let found = core.registrar.heard(&flow, user);
            core.events(found);
        }
        // A call of ours that was led back to us would breed another one each time round.
        let is_looped = *method == Method::Invite && core.own_calls.contains(request.call_id());
        let is_merged = is_looped || core.is_merged(request);
        let server = core.serve(now, key, flow, request, None);
        if is_merged {
            return core.reply(now, server, 482, &[]);
        }
        match (method, peer) {
            (Method::Register | Method::Options, _)
                if core.refused_by_form(now, server, request) => {}
            (Method::Register, Peer::User(user)) => {
                core.register(now, server, flow, &user, request);
            }
            (Method::Invite, peer) => self.receive_invite(now, server, flow, &peer, request),
            (Method::Options, _) => core.reply_options(now, server),
            (Method::Refer, _) => core.reply(now, server, 403, &[]),
            (Method::Bye | Method::Prack | Method::Update | Method::Notify, _) => {
                core.reply(now, server, 481, &[]);
            }
            (Method::Other(_), _) => core.reply(now, server, 501, &[(Name::Allow, ALLOW)]),
            _ => core.reply(now, server, 405, &[(Name::Allow, ALLOW_OUTSIDE)]),
        }
    }

    /// A call for us.
    fn receive_invite(
        &mut self,
        now: Time,
        server: u64,
        flow: Flow,
        peer: &Peer,
        request: &Message,
    ) {
        let core = &mut self.core;
        core.trying(now, server);
        // What makes another leg goes on, hop by hop; all the rest ends here, however many it has left
        // (RFC 3261 sections 8.2 and 16.3). Who takes another's place makes none.
        if request.max_forwards() == Some(0) && request.header(Name::Replaces).is_none() {
            return core.reply(now, server, 483, &[]);
        }
        if core.refused_by_form(now, server, request) {
            return;
        }
        let replaces = match self.replaced(&flow, peer, request) {
            Ok(replaces) => replaces,
            Err(status) => return self.core.reply(now, server, status, &[]),
        };
        let core = &mut self.core;
        let id = core.next_leg();
        let Ok(leg) = Leg::incoming(core, id, server, flow, peer, request) else {
            return core.reply(now, server, 400, &[]);
        };
        if let Some(server) = core.servers.get_mut(&server) {
            server.leg = Some(id);
        }
        let (peer, request) = (peer.clone(), request.clone());
        core.event(crate::Event::Invite { leg: id, peer, flow, request, replaces });
        self.admit(leg);
    }

    /// The leg that an INVITE wants to take the place of, or what it is refused with (RFC 3891
    /// section 3). What names nothing of ours is told: it may be a guess.
    fn replaced(
        &mut self,
        flow: &Flow,
        peer: &Peer,
        request: &Message,
    ) -> Result<Option<LegId>, u16> {
        if request.headers(Name::Replaces).count() > 1 {
            return Err(400);
        }
        let Some(replaces) = request.replaces().map_err(|_| 400_u16)? else { return Ok(None) };
        let named = self.named_by(&replaces);
        let Some((id, leg)) = named.and_then(|id| Some((id, self.legs.get(&id)?))) else {
            let (Peer::User(who) | Peer::Trunk(who)) = peer;
            self.core.event(crate::Event::refused(*flow, "replaces", request, who));
            return Err(481);
        };
        leg.replaceable(replaces.early_only).map(|()| Some(id))
    }
}

impl Core {
    /// 100 at once, so that the INVITE is not sent again (section 17.2.1).
    pub(super) fn trying(&mut self, now: Time, server: u64) {
        let request = self.servers.get(&server).and_then(|server| server.request.as_ref());
        if let Some(builder) = request.map(|request| request.respond(100, None, None)) {
            self.respond(now, server, builder);
        }
    }

    /// Refuses what its form rules out, whoever sent it; whether it did.
    pub(super) fn refused_by_form(&mut self, now: Time, server: u64, request: &Message) -> bool {
        let is_invite = request.method() == Some(&Method::Invite);
        let brings = matches!(request.method(), Some(Method::Update | Method::Prack));
        let may_offer = is_invite || brings && !request.body().is_empty();
        let flow = self.servers.get(&server).map(|server| server.flow);
        if !request.uri().is_ok_and(|uri| is_taken(&uri, flow)) {
            self.reply(now, server, 416, &[]);
        } else if let Some(unknown) = unknown_extensions(request) {
            self.reply(now, server, 420, &[(Name::Unsupported, &unknown)]);
        } else if is_too_short(&self.config.watch, request) {
            let least = self.config.watch.interval_s_min.to_string();
            self.reply(now, server, 422, &[(Name::MinSe, &least)]);
        } else if may_offer && request.has_unknown_body() {
            let headers = [(Name::Accept, ACCEPT), (Name::AcceptEncoding, "identity")];
            self.reply(now, server, 415, &headers);
        } else if may_offer && !takes_sdp(request) {
            self.reply(now, server, 406, &[]);
        } else {
            return false;
        }
        true
    }

    fn register(&mut self, now: Time, server: u64, flow: Flow, user: &str, request: &Message) {
        let done = self.registrar.register(now, user, flow, request, &self.config);
        self.events(done.events);
        if let Some(mut builder) = self.response(server, done.status) {
            for (name, value) in &done.headers {
                builder.push(&**name, value);
            }
            self.respond(now, server, builder);
        }
    }

    /// Answers without keeping anything: what strangers send must cost nothing (section 26.3.2.4).
    /// The To tag follows from the request, so that a repetition gets the same.
    pub(super) fn answer_once(
        &mut self,
        flow: Flow,
        request: &Message,
        status: u16,
        headers: &Headers,
    ) {
        let stamped = request.stamp_via(flow.remote);
        let tag = token(digest_of(&stamped));
        let mut builder = stamped.respond(status, None, Some(&tag));
        builder.push(Name::Server, &self.config.product);
        for (name, value) in headers {
            builder.push(&**name, value);
        }
        self.transmit(reply_flow(flow, &stamped), builder.build().wire().clone());
    }
}

/// Whether a Request-URI may come this way. `sips:` by a transport without TLS has been lowered to
/// that by somebody, and is no scheme that we have there (RFC 3261 section 26.2.2, RFC 5630).
fn is_taken(uri: &Uri, flow: Option<Flow>) -> bool {
    match uri.scheme() {
        Scheme::Sip | Scheme::Tel => true,
        Scheme::Sips => flow.is_some_and(|flow| flow.transport.is_secure()),
        Scheme::Other(_) => false,
    }
}

/// Option tags that are required of us and that we do not know (section 8.2.2.3).
fn unknown_extensions(request: &Message) -> Option<String> {
    let unknown: Vec<&str> = request
        .list(Name::Require)
        .filter(|tag| !REQUIRABLE.iter().any(|known| known.eq_ignore_ascii_case(tag)))
        .collect();
    if unknown.is_empty() { None } else { Some(unknown.join(", ")) }
}

/// Whether an answer may be SDP (section 20.1: without Accept it may).
fn takes_sdp(request: &Message) -> bool {
    let mut ranges = request.list(Name::Accept).peekable();
    ranges.peek().is_none()
        || ranges.any(|range| {
            let kind = range.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
            ["application/sdp", "application/*", "*/*"].contains(&kind.as_str())
        })
}

/// FNV-1a over what a repetition has in common with its original.
fn digest_of(request: &Message) -> u64 {
    let parts = [request.call_id(), request.header(Name::CSeq).unwrap_or("")];
    let via = request.list(Name::Via).next().unwrap_or("");
    let bytes = parts.into_iter().chain([via]).flat_map(str::bytes);
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
