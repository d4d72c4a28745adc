//! The peer's REFER and what it is told of it: RFC 3515, RFC 4488, RFC 6665 section 4.2.
//!
//! | stage  | is                                        | ends by                                 |
//! | ------ | ----------------------------------------- | --------------------------------------- |
//! | Asked  | the owner has not said yet what becomes of it | the owner's word                    |
//! | Told   | the peer hears how it goes, by NOTIFY     | the last NOTIFY, its refusal, its time  |
//!
//! One at a time in a dialog: a second one gets 491. The subscription is a usage of the dialog of its
//! own (RFC 5057 section 4.1). The peer's BYE ends the call and leaves it as it is: many phones hang up
//! as soon as they have their 202, and some of them wait for the outcome; so the leg stays, telling,
//! until that is known. Before our own BYE a last NOTIFY goes with what is known by then, since we send
//! none before the matter is decided, but to end everything. By SUBSCRIBE the peer prolongs it, shortens
//! it or ends it (RFC 6665 section 4.2.1). A NOTIFY waits for the answer of the one before, unless it
//! is the last before a BYE; of those that wait the newest is sent.

use serde::{Deserialize, Serialize};

use super::parcel::Parcel;
use super::{Leg, Phase};
use crate::ground::{Core, Outcome, Sent, with_headers};
use crate::msg::{Message, Name, NameAddr, Params, Replaces, Scheme, Uri, reason_phrase};
use crate::{Body, Event, Flow, Headers, Time};

/// How long the peer is told at most: longer than somebody waits in a queue and is rung.
const TOLD_FOR: Time = Time::from_secs(900);

/// What a sipfrag is called (RFC 3420 section 2, RFC 3515 section 2.4.5).
const SIPFRAG: &str = "message/sipfrag;version=2.0";

/// How the subscription ends with what it was for (RFC 3515 section 2.4.7).
const ENDED: &str = "terminated;reason=noresource";

/// A REFER of the peer's that is open.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Referred {
    /// Its transaction, by which the owner knows it.
    token: u64,
    /// Its CSeq, by which the peer does.
    number: u32,
    /// The peer does not want to be told (RFC 4488 section 4).
    quiet: bool,
    /// From when the owner has accepted it.
    told: Option<Told>,
}

/// The peer's implicit subscription.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Told {
    until: Time,
    /// What was said last.
    last: u16,
    /// A NOTIFY waits for its answer.
    waits: bool,
    /// What is to be said next.
    next: Option<u16>,
}

/// What a REFER asks for.
struct Wanted {
    target: Uri,
    headers: Vec<(String, String)>,
    replaces: Option<Replaces>,
}

impl Wanted {
    /// Reads it, or says what it is refused with.
    fn read(request: &Message) -> Result<Self, u16> {
        let mut values = request.list(Name::ReferTo);
        let (Some(value), None) = (values.next(), values.next()) else { return Err(400) };
        let uri = NameAddr::parse(value).map_err(|_| 400_u16)?.uri;
        // `sips:` would have to be called by TLS all the way (RFC 5630), which we cannot promise.
        if !matches!(uri.scheme(), Scheme::Sip | Scheme::Tel) {
            return Err(416);
        }
        if uri.param("method").is_some_and(|method| !method.eq_ignore_ascii_case("INVITE")) {
            return Err(501);
        }
        let (replaces, headers): (Vec<_>, Vec<_>) =
            uri.headers().partition(|(name, _)| name.eq_ignore_ascii_case("Replaces"));
        let replaces = match replaces.as_slice() {
            [] => None,
            [(_, value)] => Some(Replaces::parse(value).map_err(|_| 400_u16)?),
            _ => return Err(400),
        };
        Ok(Self { target: uri.without_headers().without_param("method"), headers, replaces })
    }
}

/// Which REFER's subscription a SUBSCRIBE or a NOTIFY means (RFC 3515 section 2.4.6).
pub(super) struct Meant(Option<String>);

impl Meant {
    /// By the Event of a request; `None` where that is of another package.
    pub(super) fn by(request: &Message) -> Option<Self> {
        let event = request.header(Name::Event).unwrap_or("");
        let (package, params) = event.split_once(';').unwrap_or((event, ""));
        let is_refer = package.trim().eq_ignore_ascii_case("refer");
        is_refer.then(|| Self(Params::parse(params).get("id").map(str::to_owned)))
    }

    /// Whether it is that of a REFER with this CSeq; without an id it is any.
    pub(super) fn fits(&self, number: u32) -> bool {
        self.0.as_ref().is_none_or(|id| *id == number.to_string())
    }
}

impl Leg {
    /// The peer's REFER in a dialog that stands.
    pub(super) fn refer_received(
        &mut self,
        core: &mut Core,
        now: Time,
        server: u64,
        request: &Message,
    ) {
        let number = request.cseq().map_or(0, |cseq| cseq.number);
        if self.silent {
            return core.reply(now, server, 481, &[]);
        }
        if self.referred.is_some() {
            return core.reply(now, server, 491, &[]);
        }
        let Wanted { target, headers, replaces } = match Wanted::read(request) {
            Ok(wanted) => wanted,
            Err(status) => return core.reply(now, server, status, &[]),
        };
        let quiet = request
            .header(Name::ReferSub)
            .and_then(|value| value.split(';').next())
            .is_some_and(|value| value.trim().eq_ignore_ascii_case("false"));
        self.referred = Some(Referred { token: server, number, quiet, told: None });
        let request = request.clone();
        self.tell(core, |leg| Event::Referred {
            leg,
            token: server,
            target,
            headers,
            replaces,
            request,
        });
    }

    /// The peer's SUBSCRIBE in the dialog: it may only be for the REFER that is being told of.
    pub(super) fn subscribe_received(
        &mut self,
        core: &mut Core,
        now: Time,
        server: u64,
        request: &Message,
    ) {
        let Some(meant) = Meant::by(request) else {
            return core.reply(now, server, 489, &[(Name::AllowEvents, "refer")]);
        };
        let flow = core.servers.get(&server).map(|server| server.flow);
        let its = |one: &&mut Referred| meant.fits(one.number);
        let one = self.referred.as_mut().filter(its);
        let Some((one, flow)) = one.filter(|one| one.told.is_some()).zip(flow) else {
            return core.reply(now, server, 481, &[]);
        };
        let (token, number) = (one.token, one.number);
        let Some(told) = &mut one.told else { return };
        let asked = request.expires().map_or(TOLD_FOR, |s| Time::from_secs(s.into()));
        let expires = asked.min(TOLD_FOR);
        told.until = now + expires;
        let status = told.next.unwrap_or(told.last);
        if let Some(response) = core.response(server, 200) {
            let response = response
                .header(Name::Contact, core.contact(&flow, &self.user))
                .header(Name::Expires, expires.as_secs());
            core.respond(now, server, response);
        }
        if expires.is_zero() {
            self.referred = None;
            let state = "terminated;reason=timeout".to_owned();
            self.send_notify(core, now, token, number, status, state);
        } else {
            // At once, whatever has been told before.
            self.notify(core, now, token, status);
        }
    }

    /// The owner's word on a REFER.
    pub(crate) fn answer_refer(
        &mut self,
        core: &mut Core,
        now: Time,
        token: u64,
        status: u16,
        headers: &Headers,
    ) {
        let Some(referred) = &mut self.referred else { return };
        if referred.token != token || referred.told.is_some() {
            return;
        }
        let accepts = status < 300;
        let (status, quiet) = match (accepts, referred.quiet) {
            (true, true) => (200, true),
            (true, false) => (202, false),
            (false, _) => (status, true),
        };
        let flow = core.servers.get(&token).map(|server| server.flow);
        if let (Some(mut builder), Some(flow)) = (core.response(token, status), flow) {
            if accepts {
                builder.push(Name::Contact, core.contact(&flow, &self.user));
            }
            if accepts && quiet {
                builder.push(Name::ReferSub, "false");
            }
            core.respond(now, token, with_headers(builder, headers));
        }
        if quiet {
            self.referred = None;
        } else {
            let until = now + TOLD_FOR;
            referred.told = Some(Told { until, last: 100, waits: false, next: None });
            self.notify(core, now, token, 100);
        }
    }

    /// How far what the peer asked for has come: a final status is the last.
    pub(crate) fn notify(&mut self, core: &mut Core, now: Time, token: u64, status: u16) {
        let Some(referred) = self.referred.as_mut().filter(|one| one.token == token) else {
            return;
        };
        let Some(told) = &mut referred.told else { return };
        if told.waits {
            if told.next.is_none_or(|next| next < 200) {
                told.next = Some(status);
            }
            return;
        }
        (told.last, told.waits) = (status, true);
        let left = told.until.saturating_sub(now).as_secs();
        let number = referred.number;
        let state = if status < 200 {
            format!("active;expires={left}")
        } else {
            self.referred = None;
            ENDED.to_owned()
        };
        self.send_notify(core, now, token, number, status, state);
    }

    fn send_notify(
        &mut self,
        core: &mut Core,
        now: Time,
        token: u64,
        number: u32,
        status: u16,
        state: String,
    ) {
        let headers: Headers = vec![
            (Name::Event.as_str().into(), format!("refer;id={number}")),
            (Name::SubscriptionState.as_str().into(), state),
        ];
        let bytes = format!("SIP/2.0 {status} {}\r\n", reason_phrase(status)).into();
        let body = Body { content_type: SIPFRAG.into(), bytes };
        self.auth.begin();
        self.post(core, now, Parcel::Notify { token, headers, body });
        self.told_all();
    }

    /// What became of a NOTIFY. One that is refused ends the subscription, and nothing else
    /// (RFC 6665 section 4.2.2).
    pub(crate) fn notify_outcome(&mut self, core: &mut Core, now: Time, sent: &Sent, token: u64) {
        let status = match &sent.outcome {
            Outcome::Response(response) => {
                let status = response.status().unwrap_or(500);
                if status < 200 || self.try_again(core, now, sent, response, true).is_some() {
                    return;
                }
                status
            }
            Outcome::TimedOut => 408,
            Outcome::TransportFailed => 503,
        };
        self.notified(core, now, token, status);
    }

    /// A NOTIFY is answered, or will never be.
    pub(super) fn notified(&mut self, core: &mut Core, now: Time, token: u64, status: u16) {
        let one = self.referred.as_mut().filter(|one| one.token == token);
        if status >= 300 {
            self.referred.take_if(|one| one.token == token);
        } else if let Some(told) = one.and_then(|one| one.told.as_mut()) {
            told.waits = false;
            if let Some(next) = told.next.take() {
                self.notify(core, now, token, next);
            }
        }
        self.told_all();
    }

    /// The peer's BYE has ended the call: what it hears of its REFER goes on.
    pub(super) fn goes_on_telling(&mut self, referred: Option<Referred>) {
        if referred.is_some() {
            (self.referred, self.phase) = (referred, Phase::Telling);
            self.outbox.retain(|parcel| matches!(parcel, Parcel::Notify { .. }));
        }
    }

    /// The peer's subscription, if it has one.
    pub(super) fn take_told(&mut self) -> Option<Referred> {
        self.referred.take_if(|one| one.told.is_some())
    }

    /// A leg that was there for nothing else is over once the last NOTIFY is out.
    pub(super) fn told_all(&mut self) {
        if self.phase == Phase::Telling && self.referred.is_none() && self.outbox.is_empty() {
            self.phase = Phase::Over;
        }
    }

    /// When the peer's subscription runs out.
    pub(super) fn referred_until(&self) -> Option<Time> {
        self.referred.as_ref()?.told.as_ref().map(|told| told.until)
    }

    pub(super) fn referred_due(&mut self, core: &mut Core, now: Time) {
        if self.referred_until().is_none_or(|until| until > now) {
            return;
        }
        let Some(Referred { token, number, told: Some(told), .. }) = self.referred.take() else {
            return;
        };
        let state = "terminated;reason=timeout".to_owned();
        self.send_notify(core, now, token, number, told.last, state);
    }

    /// Our BYE is about to go: what there is to be said is said before it.
    pub(super) fn say_last(&mut self, core: &mut Core, now: Time) {
        let Some(one) = self.take_told() else { return };
        if let Some(told) = one.told {
            let status = told.next.unwrap_or(told.last);
            self.send_notify(core, now, one.token, one.number, status, ENDED.to_owned());
        }
    }

    /// The leg ends: the subscription with it.
    pub(super) fn end_referred(&mut self, core: &mut Core, now: Time) {
        if let Some(referred) = self.referred.take()
            && referred.told.is_none()
        {
            core.reply(now, referred.token, 487, &[]);
        }
    }

    /// Whether an INVITE may replace this leg (RFC 3891 section 3), or what it is refused with.
    pub(crate) fn replaceable(&self, early_only: bool) -> Result<(), u16> {
        match self.phase {
            Phase::Telling | Phase::Leaving | Phase::Over => Err(603),
            Phase::Calling | Phase::Confirmed if self.silent => Err(603),
            Phase::Confirmed if early_only => Err(486),
            Phase::Calling | Phase::Confirmed => Ok(()),
            // An early dialog that the other side began.
            Phase::Alerting => Err(481),
        }
    }

    pub(super) fn ship_notify(
        &mut self,
        core: &mut Core,
        now: Time,
        flow: Flow,
        token: u64,
        headers: &Headers,
        body: &Body,
    ) {
        let purpose = crate::transaction::Purpose::Notify(self.id, token);
        let method = crate::msg::Method::Notify;
        self.ship_request(core, now, flow, &method, headers, Some(body), purpose);
    }
}
