//! What the switch is told about its world, as plain data; replaced whole on reload.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use crate::codes::Codes;
pub use crate::hours::{Calendar, Hours};
use crate::rewriting::Rewriting;
use crate::sound::Audio;

/// A name from the configuration.
pub type Name = Arc<str>;

/// Everything. Names are unique and references are checked by whoever builds it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Config {
    /// `[sip]`, the operators' credentials and the trunks' addresses.
    pub sip: sip::Config,
    /// Where we are reached; an address may be unspecified.
    pub listeners: Vec<SocketAddr>,
    /// The number of this node, 0 to 1023: the top ten bits of every id.
    pub node: u16,
    /// `[media]`.
    pub media: Media,
    /// `[[operator]]`.
    pub operators: Vec<Operator>,
    /// `[[queue]]`.
    pub queues: Vec<Queue>,
    /// `[[trunk]]`.
    pub trunks: Vec<Trunk>,
    /// `[[bot]]`.
    pub bots: Vec<Bot>,
    /// `[[route]]`, first match wins.
    pub routes: Vec<Route>,
    /// `[[menu]]`.
    pub menus: Vec<Menu>,
    /// `[[hook]]`.
    pub hooks: Vec<Hook>,
    /// `[acd] auto_connect`: without, tasks of every queue wait to be picked.
    pub auto_connect: bool,
    /// `[limits]`.
    pub limits: Limits,
    /// `[supervise]`.
    pub supervise: Supervise,
    /// `[codes]`.
    pub codes: Codes,
    /// Put before names of header fields that somebody gives, where they do not begin with `X-`.
    pub header_prefix: Name,
}

/// `[media]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Media {
    /// Where audio comes in. `::` takes both families.
    pub listen: IpAddr,
    /// The address put into SDP; the signalling flow's local address where absent.
    pub advertise: Option<IpAddr>,
    /// Codecs by preference.
    pub codecs: Vec<media::Codec>,
    /// The name of the music for queues that name none.
    pub music: Name,
    /// What is spoken where no queue says: `en`, `ru`.
    pub language: Name,
    /// Without a packet from a connected leg for this long, the leg counts as lost; never if none.
    pub dead_audio_ms: Option<u64>,
    /// Whether peers may send from another port than they receive on.
    pub asymmetric_rtp: bool,
    /// Whether calls are recorded, where their queue does not say.
    pub record: Record,
}

impl Media {
    /// What is put into the SDP of a leg whose signalling comes in at this address; `None` where no
    /// audio of its family could come in.
    #[must_use]
    pub fn address(&self, local: IpAddr) -> Option<IpAddr> {
        let is_like = |ip: &IpAddr| ip.is_ipv4() == local.is_ipv4();
        let takes = is_like(&self.listen) || self.listen == IpAddr::from([0_u16; 8]);
        takes.then(|| self.advertise.filter(is_like).unwrap_or(local))
    }
}

/// Whether calls are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Record {
    /// They are not, whoever asks for it.
    #[default]
    Never,
    /// From the first word on, unless somebody switches it off.
    Always,
    /// Once somebody switches it on.
    OnDemand,
}

/// `[[operator]]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Operator {
    /// Unique; also the user part of the address of record.
    pub id: Name,
    /// What others dial.
    pub number: Option<Name>,
    /// For people.
    pub name: Name,
    /// Where they are called who have no phone of ours: a number or a URI.
    pub contact: Option<Go>,
    /// Queues served.
    pub queues: Vec<Name>,
    /// What they can do, and how well.
    pub skills: Vec<Level>,
    /// Their share where a queue distributes by weight.
    pub weight: u32,
    /// Wins over the queue's.
    pub wrap_up_ms: Option<u64>,
    /// Whether the first registration signs in as ready.
    pub sign_in: SignIn,
    /// Whom their own calls may reach.
    pub outgoing: Outgoing,
    /// Calls at once, over all channels.
    pub total_max: u32,
    /// Voice calls at once.
    pub voice_max: u32,
    /// Context of their own INVITEs, and what of a call's their phones are told.
    pub headers: HeaderRules,
    /// As whom they call outside: a number, or a SIP or tel URI.
    pub caller_id: Option<Name>,
    /// Whose seat in a call their phones may take.
    pub pickup: Pickup,
    /// Codecs of their phones by preference; those of [`Media`] where absent.
    pub codecs: Option<Vec<media::Codec>>,
    /// What they are to the others.
    pub rank: Rank,
    /// The queues whose calls they may watch.
    pub supervises: Vec<Name>,
}

/// `role` of an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Rank {
    /// Serves.
    Operator,
    /// May watch the calls of the queues they supervise.
    Supervisor,
    /// May watch every call.
    Admin,
}

/// `[supervise]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supervise {
    /// Whether operators learn that somebody listens in.
    pub notify: Notify,
    /// A supervisor's phone is asked to answer by itself.
    pub auto_answer: bool,
}

/// Whether operators learn that somebody listens in. Each tells what those before it tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Notify {
    /// Not by us.
    Nothing,
    /// Their events and their view of the call have the supervisor.
    Event,
    /// They hear a short tone, once while somebody is there.
    Beep,
}

/// Header fields that cross to or from a peer: names, `*` at the end of one for any that begin so.
/// What may never cross stands in `headers.rs`, whatever is listed here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderRules {
    /// Of its INVITEs, those that become context.
    pub take: Vec<Name>,
    /// Of a call's context, what it is told.
    pub give: Vec<Name>,
    /// Neither; this wins.
    pub strip: Vec<Name>,
}

impl HeaderRules {
    /// A trunk's where nothing is configured.
    #[must_use]
    pub fn of_trunk() -> Self {
        let usual = || vec!["X-*".into(), "User-to-User".into()];
        Self { take: usual(), give: usual(), strip: Vec::new() }
    }

    /// An operator's where nothing is configured.
    #[must_use]
    pub fn of_operator() -> Self {
        Self { take: Vec::new(), give: vec!["*".into()], strip: Vec::new() }
    }
}

/// What signs an operator in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignIn {
    /// A registration.
    Register,
    /// The API or a feature code only.
    Explicit,
}

/// Whose seat in a call a phone may take by an INVITE with Replaces (RFC 3891).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pickup {
    /// That of another phone of the same operator.
    Own,
    /// Nobody's.
    Nobody,
    /// That of an operator who serves one of their queues as well.
    Queues,
    /// That of any operator.
    Any,
}

/// A dial policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outgoing {
    /// Operators, queues, feature codes.
    Internal,
    /// Nobody.
    Nobody,
    /// Numbers that match one of these expressions, and everything internal.
    Matching(Vec<String>),
}

/// `[[queue]]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Queue {
    /// Unique.
    pub name: Name,
    /// What others dial.
    pub number: Option<Name>,
    /// How an operator is chosen.
    pub strategy: acd::Strategy,
    /// Who may be.
    pub asks: Asks,
    /// How long one phone rings alone before another does, where that is the strategy.
    pub step_ms: u64,
    /// For so long after a call the caller is brought back to the same operator; 0 for never.
    pub sticky_ms: u64,
    /// And waits for them so long at most.
    pub sticky_wait_ms: u64,
    /// Head start of a task for which nobody says another.
    pub priority_s: u32,
    /// How long one operator is rung.
    pub ring_ms: u64,
    /// After-call work.
    pub wrap_up_ms: u64,
    /// Unanswered reservations in a row until the operator is made not ready; 0 for never.
    pub rona_after: u32,
    /// What they become then.
    pub rona_state: acd::RonaState,
    /// How long a task is not put before an operator again who did not take it.
    pub back_off_ms: u64,
    /// Tasks waiting at most.
    pub waiting_max: usize,
    /// How long a task may wait.
    pub wait_ms_max: u64,
    /// Whether one may wait where nobody is signed in.
    pub join_empty: bool,
    /// Whether tasks go to operators by themselves.
    pub auto_connect: bool,
    /// Whether a task that joins is kept back.
    pub hold: bool,
    /// And for how long.
    pub hold_for: acd::Hold,
    /// When new tasks are taken.
    pub calendar: Calendar,
    /// What a waiting caller hears.
    pub music: Option<Name>,
    /// What is spoken to its callers; that of [`Media`] where absent.
    pub language: Option<Name>,
    /// From when on a customer is held whose operator asks for two-party help.
    pub help_hold: HelpHold,
    /// Whether a caller is answered when queued, or rings until an operator answers.
    pub answer: Answer,
    /// What an operator hears who has answered, before they are put through.
    pub pre_bridge: Option<PreBridge>,
    /// Answered or abandoned within this time counts as served well.
    pub service_level_ms: u64,
    /// What becomes of callers whom a limit meets: the first that names it; [`OnLimit::usual`] where
    /// none does.
    pub on_limit: Vec<OnLimit>,
    /// Where keys lead that a waiting caller presses.
    pub exits: BTreeMap<char, Go>,
    /// How a customer gets to an operator.
    pub delivery: Delivery,
    /// Where a customer goes whose operator has hung up; the call ends if none.
    pub after: Option<Go>,
    /// What a waiting caller is told from time to time.
    pub announce: Option<Announce>,
    /// Whether its calls are recorded, where that differs from [`Media::record`].
    pub record: Option<Record>,
    /// As whom its callbacks call: a number, or a SIP or tel URI.
    pub caller_id: Option<Name>,
    /// How its callers are called back, if they are.
    pub callback: Option<CallbackPolicy>,
    /// Whether a caller who gives up is called back.
    pub abandoned: Abandoned,
}

/// `[[hook]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// Unique.
    pub name: Name,
    /// Where it is asked.
    pub url: Name,
    /// How long an answer is waited for.
    pub deadline_ms: u64,
    /// Where a call goes without one; not to a hook.
    pub otherwise: Go,
}

/// How a queue's customer gets to an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Delivery {
    /// Both are in a conference of ours.
    #[default]
    Bridge,
    /// The customer's trunk is asked to bring them there (RFC 3515).
    Refer {
        /// How long an operator at a number outside is occupied by it at most.
        busy_ms: u64,
    },
}

/// What becomes of a caller who hangs up before anybody has answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Abandoned {
    /// Nothing.
    #[default]
    Removed,
    /// They are called back.
    CalledBack,
}

/// `callback` of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallbackPolicy {
    /// What a waiting caller presses for it.
    pub key: Option<char>,
    /// Over which trunk they are called; that by which they came if none.
    pub trunk: Option<Name>,
    /// Who is called first.
    pub first: First,
    /// The operator is asked before the customer is called.
    pub confirm: bool,
    /// How often the customer is called at most.
    pub attempts_max: u32,
    /// How long after one attempt the next is made.
    pub gap_ms: u64,
    /// How long after it came to be it is given up.
    pub expires_ms: u64,
    /// See [`acd::QueueConfig::share`].
    pub share: u32,
    /// When operators are asked to call; always where absent.
    pub hours: Option<Hours>,
}

/// Who is called first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum First {
    /// The operator, and then the customer.
    #[default]
    Operator,
    /// The customer, while the operator is kept free for them.
    Customer,
}

/// What a caller who waits is told from time to time, over the music.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announce {
    /// Which number they are in the queue, this often.
    pub position_every_ms: u64,
}

/// What becomes of a caller whom a limit of their queue meets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnLimit {
    /// Which limits.
    pub reasons: Vec<acd::LimitReason>,
    /// What they are told.
    pub say: Option<Audio>,
    /// What then.
    pub then: Then,
}

/// What becomes of a caller who has been told something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Then {
    /// They wait on in the queue, or wait although there is no room.
    Wait,
    /// They go elsewhere.
    Go(Go),
    /// The call ends: with this status where it is not answered.
    HangUp(u16),
}

impl OnLimit {
    /// What becomes of a caller where the queue says nothing: those who may wait do, others are told
    /// why they may not.
    #[must_use]
    pub fn usual(reason: acd::LimitReason, may_wait: bool) -> Self {
        use acd::LimitReason as Reason;
        let words = match reason {
            Reason::NobodySignedIn if may_wait => None,
            Reason::NoFreeOperator => None,
            Reason::NobodySignedIn => Some("nobody-here"),
            Reason::QueueFull => Some("queue-full"),
            Reason::MaxWait => Some("waited-too-long"),
            Reason::Closed => Some("closed"),
        };
        let then = if words.is_some() { Then::HangUp(480) } else { Then::Wait };
        Self {
            reasons: vec![reason],
            say: words.map(|name| Audio::Prompt(vec![name.into()])),
            then,
        }
    }
}

/// `[[menu]]`: a caller is asked to press a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Menu {
    /// Unique.
    pub name: Name,
    /// What they are asked.
    pub prompt: Audio,
    /// Where each key leads.
    pub keys: BTreeMap<char, Go>,
    /// How long they may think about it.
    pub timeout_ms: u64,
    /// How often they are asked again.
    pub retries: u32,
    /// Where those go who press none, or others.
    pub otherwise: Go,
}

/// A skill and its level: what somebody has, or at least should have.
pub type Level = (Name, u32);

/// What a queue asks of operators.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asks {
    /// For a task that has just come.
    pub skills: Vec<Level>,
    /// Once it has waited so many milliseconds: instead of what was asked before.
    pub relax: Vec<(u64, Vec<Level>)>,
}

/// What comes between an operator's answer and the bridge. The caller waits on meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreBridge {
    /// What.
    pub before: Before,
    /// How long it may take.
    pub timeout_ms: u64,
    /// What then.
    pub on_timeout: OnTimeout,
}

/// What an operator waits for before the bridge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Before {
    /// The end of a sound by name.
    Play(Name),
    /// The end of a text that is spoken. `{queue}` and `{from}` in it, and any name of the call's
    /// context in braces, are what the call has there.
    Say(Name),
    /// [`crate::Act::Connect`].
    Decide,
}

/// What becomes of a call whose operator was told, or waited, for long enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnTimeout {
    /// They are put through.
    Connect,
    /// The operator is let go, and the caller is back at their place.
    Requeue,
}

/// From when on a customer is held whose operator asks for two-party help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum HelpHold {
    /// When whoever was asked answers.
    #[default]
    Answer,
    /// From the request on.
    Request,
}

/// When a queued caller's INVITE is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// At once, to hear music.
    AtOnce,
    /// When an operator answers; the caller's phone rings until then.
    OnConnect,
}

/// `[[trunk]]`, its calling side; who it is to access control stands in [`sip::Config`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Trunk {
    /// Unique.
    pub name: Name,
    /// Where calls to it are sent, a SIP URI.
    pub proxy: Option<sip::msg::Uri>,
    /// For its challenges.
    pub credentials: Option<sip::Credentials>,
    /// Calls at once, both ways.
    pub calls_max: usize,
    /// Whereto its side may move a call by REFER.
    pub outgoing: Outgoing,
    /// Whom a callee there may send us to.
    pub redirects: sip::Redirects,
    /// Context of its INVITEs, and what of a call's it is told.
    pub headers: HeaderRules,
    /// It belongs to our trust domain (RFC 3325 section 2.3): who calls is believed of it, and told it.
    pub trusted: bool,
    /// How numbers that it writes are written in the house, who calls and who is called.
    pub number_in: Rewriting,
    /// How numbers are written for it: who is called and who calls, its own aside.
    pub number_out: Rewriting,
    /// As whom calls go out over it.
    pub identity: Identity,
    /// Its own number, or SIP or tel URI; the digest user name where there is none.
    pub caller_id: Option<Name>,
    /// Codecs by preference; those of [`Media`] where absent.
    pub codecs: Option<Vec<media::Codec>>,
}

impl Trunk {
    /// Where a number is called over it; nowhere without a proxy.
    #[must_use]
    pub fn reaches(&self, number: &str) -> Option<sip::msg::Uri> {
        let proxy = self.proxy.as_ref()?;
        let at = proxy.bare().with_host(proxy.host()?.clone(), proxy.port());
        Some(at.with_user(&self.number_out.of(number)))
    }

    /// The number that is the trunk's own.
    #[must_use]
    pub fn number(&self) -> Option<&Name> {
        let user = self.credentials.as_ref().map(|credentials| &credentials.username);
        self.caller_id.as_ref().or(user)
    }
}

/// As whom a call goes out over a trunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Identity {
    /// As the customer on whose behalf it is; an operator's own call as the operator's number
    /// outside.
    Customer,
    /// As the trunk.
    Trunk,
}

/// `[[bot]]`: a SIP peer that talks with callers by itself, and hands them on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Bot {
    /// Unique.
    pub name: Name,
    /// Where it is called.
    pub uri: sip::msg::Uri,
    /// The trunk whose credentials, identity and limits that goes by.
    pub trunk: Option<Name>,
    /// Whereto it may hand callers on by REFER.
    pub outgoing: Outgoing,
}

/// `[[route]]`: all that is given must match.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Route {
    /// An expression for the number or user dialled.
    pub to: Option<String>,
    /// An expression for the caller's.
    pub from: Option<String>,
    /// A trunk's name.
    pub trunk: Option<Name>,
    /// Header fields by name, and an expression for the value.
    pub header: Vec<(Name, String)>,
    /// When the call comes.
    pub hours: Option<Hours>,
    /// Whereto.
    pub go: Go,
}

/// What goes by itself for one who joins a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manner {
    /// They are connected, unless the queue or all of them say otherwise.
    pub auto_connect: bool,
    /// They have their place, and are given to nobody for as long as the queue says; as it says
    /// itself if none.
    pub hold: Option<bool>,
}

impl Default for Manner {
    fn default() -> Self {
        Self { auto_connect: true, hold: None }
    }
}

/// A destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Go {
    /// Wait for an operator.
    Queue {
        /// Which.
        queue: Name,
        /// Head start; that of the queue if none.
        priority_s: Option<u32>,
        /// What goes by itself.
        manner: Manner,
    },
    /// One person.
    Operator(Name),
    /// A voice bot.
    Bot(Name),
    /// Anything that speaks SIP.
    Uri(sip::msg::Uri),
    /// A number, over a trunk.
    Number {
        /// As dialled.
        number: String,
        /// Over which.
        trunk: Name,
    },
    /// They are told something, and the call ends.
    Announce(Audio),
    /// They are asked which way.
    Menu(Name),
    /// They wait with music until [`crate::Act::Connect`] says where to.
    Park {
        /// For so long at most.
        timeout_ms: u64,
    },
    /// A hook is asked where to.
    Hook(Name),
    /// A final response, 400 to 699.
    Reject(u16),
    /// No response at all.
    Drop,
}

/// `[limits]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Limits {
    /// Calls alive at once, beyond which a new one gets 503 with Retry-After.
    pub calls_max: usize,
    /// Characters of one context value.
    pub context_value_max: usize,
    /// Context values per call.
    pub context_values_max: usize,
}
