//! The peer's REFER and what it is told of it: RFC 3515, RFC 4488, RFC 6665 section 4.2.
//!
//! | stage  | is                                        | ends by                                 |
//! | ------ | ----------------------------------------- | --------------------------------------- |
//! | Asked  | the owner has not said yet what becomes of it | the owner's word                    |
//! | Told   | the peer hears how it goes, by NOTIFY     | the last NOTIFY, its refusal, its time  |
//!
//! One at a time in a dialog: a second one gets 491. The subscription lives in the dialog of the
//! call and ends with it, so that no leg has to stay for the sake of a NOTIFY: before our BYE goes a
//! last one with what is known by then; whoever sends BYE has heard enough. A NOTIFY waits for the
//! answer of the one before, unless it is the last before a BYE; of those that wait the newest is
//! sent.

use serde::{Deserialize, Serialize};

use super::parcel::Parcel;
use super::{Leg, Phase};
use crate::ground::{Core, Outcome, Sent, with_headers};
use crate::msg::{Message, Name, NameAddr, Replaces, Scheme, Uri, reason_phrase};
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
        if !uri.is_sip() && *uri.scheme() != Scheme::Tel {
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
        let Some(referred) = self.referred.as_mut().filter(|one| one.token == token) else {
            return;
        };
        if status >= 300 {
            self.referred = None;
        } else if let Some(told) = &mut referred.told {
            told.waits = false;
            if let Some(next) = told.next.take() {
                self.notify(core, now, token, next);
            }
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
        let Some(one) = self.referred.take_if(|one| one.told.is_some()) else { return };
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
            Phase::Leaving | Phase::Over => Err(603),
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
