//! A SIP user agent of the simulated world: the trunk, or a phone.

use std::net::SocketAddr;

use bytes::Bytes;
use sip::msg::digest::{Algorithm, Challenge};
use sip::msg::{Builder, Message, Method, Name, Uri};
use sip::{Block, Body, Config, Endpoint, TrunkPeer};

use crate::dice::Dice;

/// What everybody's password is.
pub(crate) const PASSWORD: &str = "secret";
/// The domain of the simulated contact centre.
pub(crate) const DOMAIN: &str = "usher.example";
/// Seconds a registration is asked for.
pub(crate) const EXPIRES_S: u64 = 3_600;

/// A user agent and where it lives.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Its stack.
    pub(crate) endpoint: Endpoint,
    /// Its address.
    pub(crate) address: SocketAddr,
    /// Whether datagrams reach it.
    pub(crate) up: bool,
    /// Its registration, if it is a phone.
    pub(crate) registration: Registration,
    ports: u16,
}

/// A phone's REGISTER dialogue, by hand: it is the peer's side that is not under test.
#[derive(Debug, Default)]
pub(crate) struct Registration {
    /// The user part.
    pub(crate) user: String,
    /// Its password is none.
    pub(crate) is_wrong: bool,
    /// Rises with each REGISTER.
    pub(crate) cseq: u32,
    /// The request that awaits its answer.
    pub(crate) pending: Option<(Message, u64)>,
    challenge: Option<(String, u32)>,
    call_id: String,
}

impl Peer {
    /// A user agent that takes calls from the switch and from nobody else.
    #[must_use]
    pub(crate) fn new(
        address: SocketAddr,
        switch: SocketAddr,
        user: &str,
        dice: &mut Dice,
    ) -> Self {
        let config = Config {
            trunks: vec![TrunkPeer {
                name: "switch".into(),
                hosts: vec![Block { address: switch.ip(), prefix: 32 }],
                credentials: None,
            }],
            // What is the peer's own, for the check that nobody else is told it.
            product: format!("product-of-{user}/{address}").into(),
            ..base_config()
        };
        let registration = Registration {
            user: user.to_owned(),
            call_id: format!("r{}", dice.bits()),
            ..Registration::default()
        };
        let endpoint = Endpoint::new(config, dice.seed());
        Self { endpoint, address, up: true, registration, ports: 10_000 }
    }

    /// The port of the last description.
    pub(crate) fn last_port(&self) -> u16 {
        self.ports
    }

    /// What else a peer says of itself in requests and responses, and nobody else must hear.
    pub(crate) fn remarks(&self) -> sip::Headers {
        let ip = self.address.ip();
        let remark = |name: &str, value: String| (name.into(), value);
        vec![
            remark("Organization", format!("house-of-{ip}")),
            remark("Warning", format!("399 {ip} \"warned-by-{ip}\"")),
            remark("P-Charging-Vector", format!("icid-value=icid-of-{ip}")),
            remark("Diversion", format!("<sip:diverted-by-{ip}@{ip}>;reason=unknown")),
            remark("Call-Info", format!("<http://{ip}/picture-of-{ip}>")),
        ]
    }

    /// A new description of ours, `sendrecv` or held.
    pub(crate) fn describe(&mut self, direction: &str) -> Body {
        self.ports = if self.ports > 60_000 { 10_000 } else { self.ports + 2 };
        let (ip, port) = (self.address.ip(), self.ports);
        let sdp = format!(
            "v=0\r\no=owner-{ip} 1 {port} IN IP4 {ip}\r\ns=talk-of-{ip}\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na={direction}\r\n"
        );
        Body::sdp(Bytes::from(sdp))
    }

    /// A REGISTER that changes nothing (RFC 3261 section 10.2.3).
    pub(crate) fn fetch(&mut self) -> Message {
        let request = self.register(EXPIRES_S);
        self.registration.pending = None;
        Builder::copy(&request).without(Name::Contact).without(Name::Expires).build()
    }

    /// A REGISTER for so many seconds, with credentials where a challenge is known.
    pub(crate) fn register(&mut self, expires_s: u64) -> Message {
        let (ip, port) = (self.address.ip(), self.address.port());
        let registration = &mut self.registration;
        registration.cseq += 1;
        let user = &registration.user;
        let uri = format!("sip:{DOMAIN}");
        let mut request = Builder::request(&Method::Register, &parsed(&uri))
            .header(
                Name::Via,
                format!(
                    "SIP/2.0/UDP {ip}:{port};rport;branch=z9hG4bK{}{}",
                    registration.call_id, registration.cseq
                ),
            )
            .header(Name::From, format!("<sip:{user}@{DOMAIN}>;tag=r{}", registration.cseq))
            .header(Name::To, format!("<sip:{user}@{DOMAIN}>"))
            .header(Name::CallId, &registration.call_id)
            .header(Name::CSeq, format!("{} REGISTER", registration.cseq))
            .header(Name::Contact, format!("<sip:{user}@{ip}:{port}>"))
            .header(Name::Expires, expires_s)
            .header(Name::Allow, "INVITE, ACK, CANCEL, BYE, OPTIONS")
            .header(Name::MaxForwards, 70);
        if let Some((value, count)) = &mut registration.challenge
            && let Ok(challenge) = Challenge::parse(value)
        {
            *count += 1;
            let password = if registration.is_wrong { "wrong" } else { PASSWORD };
            let ha1 = Algorithm::Md5.ha1(user, &challenge.realm, password);
            let answer = challenge.answer(user, &ha1, &Method::Register, &uri, "0a4f113b", *count);
            request = request.header(Name::Authorization, answer);
        }
        let request = request.build();
        registration.pending = Some((request.clone(), expires_s));
        request
    }

    /// A response to REGISTER: the next request, where one is needed.
    pub(crate) fn registered(&mut self, response: &Message) -> Option<Message> {
        let registration = &mut self.registration;
        let (request, expires_s) = registration.pending.as_ref()?;
        let (expires_s, told) = (*expires_s, request.header(Name::Authorization).is_some());
        let cseq = response.cseq().ok()?;
        if cseq.number != registration.cseq {
            return None;
        }
        registration.pending = None;
        // What was wrong once is wrong again.
        if response.status() != Some(401) || registration.is_wrong && told {
            return None;
        }
        let md5 = response
            .headers(Name::WwwAuthenticate)
            .find(|value| value.contains("algorithm=MD5"))?
            .to_owned();
        registration.challenge = Some((md5, 0));
        Some(self.register(expires_s))
    }
}

/// A URI of the simulation's own, known to be good.
#[must_use]
pub(crate) fn parsed(text: &str) -> Uri {
    #[expect(clippy::expect_used, reason = "written above, and every run would show it")]
    Uri::parse(text).expect("a good URI")
}

/// What all endpoints of the world share.
#[must_use]
pub(crate) fn base_config() -> Config {
    Config {
        domain: DOMAIN.into(),
        advertise: None,
        streams: Vec::new(),
        product: "sim".into(),
        users: Vec::new(),
        trunks: Vec::new(),
        strangers: sip::Strangers::Forbid,
        expires_s_min: 60,
        expires_s_max: 7_200,
        watch: sip::Watch { interval_s_min: 4, ..sip::Watch::default() },
        contacts_max: 10,
        legs_max: 100_000,
        transactions_max: 1_000_000,
        sha256_first: false,
    }
}
