//! Orders about who takes part in a call, and how.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::Name;
use crate::event::{HelpMode, Mode, Role};
use crate::sound::Audio;

/// Who gives an order: what they may touch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Asker {
    /// Every call.
    Admin,
    /// The calls of these queues, and those that their operators make themselves.
    Supervisor {
        /// By name.
        queues: Vec<Name>,
    },
    /// The calls they are in; of supervisors they see nothing.
    Operator(Name),
}

/// What is to be done. Somebody in the call is named by the participant's id, an operator's id or
/// number, or the number they were reached by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Act {
    /// Somebody is asked in: [`crate::Reply::Participants`], one for each phone that is rung.
    Add(Add),
    /// Something about one of them changes; nothing does where one wish cannot be met.
    Change {
        /// Whom.
        participant: Name,
        /// How.
        change: Change,
    },
    /// One of them leaves. A customer who is left without company goes back to where they came
    /// from, as if the other had been lost; with the call's own leg the call ends.
    Remove {
        /// Whom.
        participant: Name,
    },
    /// A colleague is asked for help: [`crate::Reply::Help`].
    Help(HelpWanted),
    /// The help is over, or nobody is rung for it any more: whoever was asked is out.
    TakeBack,
    /// Keys are pressed for somebody to hear.
    Press {
        /// Whom; the customer if none.
        to: Option<Name>,
        /// `0` to `9`, `*`, `#`, `A` to `D`, up to 64.
        digits: String,
        /// How long each sounds, 40 to 6000.
        duration_ms: u16,
    },
    /// The call's context changes: a value takes the place of what was there of that name, none
    /// removes it. Whoever is rung from then on is told so.
    Describe {
        /// By name, as of header fields.
        context: BTreeMap<String, Option<String>>,
    },
    /// An operator who is told something before the bridge, or waits for a word, is put through; or a
    /// parked call goes on.
    Connect {
        /// To whom a parked call goes.
        to: Option<Whom>,
    },
    /// Somebody else is to have the customer: [`crate::Reply::Done`] once it has begun, then one
    /// `transfer.completed` or `transfer.failed`.
    Transfer(HandOn),
    /// A warm transfer whose target has answered: whoever asked leaves, and the others talk.
    CompleteTransfer,
    /// A transfer under way is called off: the customer is back where its failure would bring them.
    CancelTransfer,
    /// Something is played to some of them, each of whom hears it alone and nothing else meanwhile:
    /// [`crate::Reply::Playing`], then one `play.finished` for each who hears it.
    Play {
        /// To whom.
        to: Listeners,
        /// What; no music, which does not end.
        audio: Audio,
    },
}

/// To whom something is played. Supervisors hear it only where they are named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Listeners {
    /// All who take part in their own right, those on hold and the caller who waits among them.
    Everybody,
    /// All who have this role.
    Having(Role),
    /// One of them.
    Named(Name),
}

/// Somebody to be asked in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Add {
    /// Who.
    pub whom: Whom,
    /// Operator, consultant or supervisor; a supervisor is an operator of ours who may watch.
    pub role: Role,
    /// How a supervisor begins; a monitor if none.
    pub mode: Option<Mode>,
    /// For whom a whisper is.
    pub whisper_to: Option<Name>,
    /// Header fields of the INVITE, as somebody wrote them.
    pub headers: Vec<(String, String)>,
    /// How long they are rung.
    pub timeout_ms: u64,
}

/// How somebody is to have a customer whom somebody else has now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandOn {
    /// Who.
    pub to: Whom,
    /// Whoever has the customer talks with them first: a warm transfer. Else they are free at once.
    pub is_warm: bool,
    /// How long they may be rung; of a queue, how long the customer may wait and somebody be rung.
    pub timeout_ms: u64,
    /// Header fields of the INVITE, as somebody wrote them.
    pub headers: Vec<(String, String)>,
    /// Where the customer goes if they are not to be had.
    pub on_failure: OnFailure,
    /// The bot that has the customer now gets them back when they are done, or were not to be had.
    pub continue_call: bool,
    /// What is recorded with the bot goes on with them.
    pub continue_recording: bool,
}

/// Where a customer goes whose transfer has failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnFailure {
    /// Back to whoever asked, if they are there and it was warm; else to their place in the queue,
    /// or to the operator they had dialled. Where there is nothing of that, they are told so.
    #[default]
    Return,
    /// Nowhere: they are told so, and the call ends.
    HangUp,
    /// There; if that fails too, it is as if nothing had been said.
    To(Whom),
}

/// Help that somebody in a call with a customer wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelpWanted {
    /// Who wants it; if none, the operator who gives the order, or the only one there is.
    pub by: Option<Name>,
    /// Who is asked.
    pub whom: Whom,
    /// With the customer or without.
    pub mode: HelpMode,
    /// Header fields of the INVITE, as somebody wrote them.
    pub headers: Vec<(String, String)>,
    /// How long they are rung.
    pub timeout_ms: u64,
}

/// Who is asked in, or is to have a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Whom {
    /// One of ours, by id.
    Operator(Name),
    /// Whoever serves a queue; only a customer can be handed to them.
    Queue(Name),
    /// A number as it would be dialled; or over a trunk, if one is named.
    Number {
        /// The number.
        number: Name,
        /// The trunk.
        trunk: Option<Name>,
    },
    /// A SIP URI.
    Uri(Name),
}

/// What changes about a participant; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// On hold or not, whatever their own phone does.
    pub hold: Option<bool>,
    /// What they hear on hold: music, or once something else and music from then on; the queue's music
    /// if nothing is said. Goes with being on hold by order.
    pub hold_audio: Option<Audio>,
    /// Heard by nobody.
    pub muted: Option<bool>,
    /// Of a supervisor.
    pub mode: Option<Mode>,
    /// For whom a whisper is; whoever serves the customer if nothing is said.
    pub whisper_to: Option<Name>,
}

impl Act {
    /// What it lets somebody hear, and by which field of the API.
    pub(crate) fn audio(&self) -> Option<(&Audio, &'static str)> {
        match self {
            Self::Play { audio, .. } => Some((audio, audio.field())),
            Self::Change { change, .. } => Some((change.hold_audio.as_ref()?, "hold_audio")),
            Self::Add(_)
            | Self::Remove { .. }
            | Self::Help(_)
            | Self::TakeBack
            | Self::Press { .. }
            | Self::Describe { .. }
            | Self::Connect { .. }
            | Self::Transfer(_)
            | Self::CompleteTransfer
            | Self::CancelTransfer => None,
        }
    }
}
