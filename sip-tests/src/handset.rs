//! What a phone that others wrote must be able to do, whichever it is: one interface over baresip
//! and linphone, so that a test is written once and run with each.

use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::{Linphone, Server, Softphone, tone};

/// Who wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// libre and baresip, by baresip-python.
    Baresip,
    /// liblinphone and belle-sip, by linphonec.
    Linphone,
}

/// What SIP goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Datagrams.
    Udp,
    /// One connection.
    Tcp,
}

impl Way {
    /// As it is written in a URI.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }
}

/// How keys are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// As RTP events (RFC 4733).
    Events,
    /// By INFO.
    Info,
}

/// An operator's phone, which has registered with its password. Calls have numbers, which
/// [`Handset::rings`] and [`Handset::dial`] tell.
pub trait Handset {
    /// Waits for the next call that comes.
    fn rings(&mut self) -> u64;
    /// Calls a number at the server.
    fn dial(&mut self, number: &str) -> u64;
    /// Waits until a call that it made rings at the other side.
    fn is_alerting(&mut self, call: u64);
    /// Picks up, waits until the call is up, and sends the phone's tone.
    fn answer(&mut self, call: u64);
    /// Waits until a call that it made is up, and sends the phone's tone.
    fn is_answered(&mut self, call: u64);
    /// Refuses a call that rings.
    fn decline(&mut self, call: u64);
    /// Ends a call, or gives up one that has not been answered.
    fn hang_up(&mut self, call: u64);
    /// Waits until a call is over.
    fn is_over(&mut self, call: u64);
    /// Puts the other side on hold.
    fn hold(&mut self, call: u64);
    /// Takes the other side back.
    fn resume(&mut self, call: u64);
    /// Presses a key.
    fn press(&mut self, call: u64, key: char);
    /// Transfers the other side to a number (REFER).
    fn transfer(&mut self, call: u64, number: &str);
    /// Joins the other sides of two calls (REFER with Replaces).
    fn join(&mut self, call: u64, other: u64);
    /// Waits until what it hears satisfies the test, which is given samples and their rate in Hz.
    fn hears_that(&mut self, call: u64, what: &str, test: &dyn Fn(&[i16], f64) -> bool);
    /// The phone's own tone.
    fn hz(&self) -> f64;
    /// Stops its process, as if the machine hung, or lets it go on.
    fn hang(&mut self, hangs: bool);

    /// Waits until this tone is most of what it hears now.
    fn hears(&mut self, call: u64, hz: f64) {
        self.hears_that(call, &format!("{hz} Hz"), &|samples, rate| {
            tone::share(samples, hz * tone::RATE_HZ / rate) > 0.7
        });
    }

    /// Waits until it hears something that is none of these tones.
    fn hears_music(&mut self, call: u64, but: &[f64]) {
        self.hears_that(call, "music", &|samples, rate| {
            let none = |hz: &f64| tone::share(samples, hz * tone::RATE_HZ / rate) < 0.3;
            tone::level(samples) > 100.0 && but.iter().all(none)
        });
    }
}

impl Kind {
    /// One that has registered as this operator. Several at one server have different slots, from 0
    /// to 2.
    #[must_use]
    #[track_caller]
    pub fn operator(
        self,
        server: &Server,
        slot: u16,
        operator: &str,
        hz: f64,
        (way, keys): (Way, Keys),
    ) -> Box<dyn Handset> {
        match self {
            Self::Baresip => {
                let port = server.ports.peer(slot);
                let keys = if keys == Keys::Info { "info" } else { "rtpevent" };
                let codecs = format!("pcmu,pcma;dtmfmode={keys}");
                let phone = Softphone::operator_by(server, operator, port, &codecs, way.as_str());
                Box::new(Baresip { phone, hz, come: 0 })
            }
            Self::Linphone => Box::new(Linphone::operator(server, slot, operator, hz, (way, keys))),
        }
    }
}

struct Baresip {
    phone: Softphone,
    hz: f64,
    /// How many calls came so far.
    come: usize,
}

impl Baresip {
    fn order(&mut self, call: u64, what: &str) {
        self.phone.order(json!({"do": what, "call": call}));
    }

    fn waits(&self, call: u64, kind: &str) {
        self.phone.events.wait(kind, &[("call", &call.to_string())]);
    }
}

impl Handset for Baresip {
    fn rings(&mut self) -> u64 {
        let (come, call) = self.phone.events.next_after(self.come, "incoming");
        self.come = come;
        call["call"].as_u64().expect("the number of a call")
    }

    fn dial(&mut self, number: &str) -> u64 {
        let uri = format!("sip:{number}@usher.test");
        let answer = self.phone.order(json!({"do": "dial", "uri": uri}));
        answer["call"].as_u64().expect("the number of a call")
    }

    fn is_alerting(&mut self, call: u64) {
        self.waits(call, "ringing");
    }

    fn answer(&mut self, call: u64) {
        self.phone.answer(call, self.hz);
    }

    fn is_answered(&mut self, call: u64) {
        self.waits(call, "established");
        self.phone.order(json!({"do": "tone", "call": call, "hz": self.hz}));
    }

    fn decline(&mut self, call: u64) {
        self.order(call, "reject");
    }

    fn hang_up(&mut self, call: u64) {
        self.order(call, "hangup");
    }

    fn is_over(&mut self, call: u64) {
        self.waits(call, "closed");
    }

    fn hold(&mut self, call: u64) {
        self.order(call, "hold");
    }

    fn resume(&mut self, call: u64) {
        self.order(call, "resume");
    }

    fn press(&mut self, call: u64, key: char) {
        self.phone.order(json!({"do": "dtmf", "call": call, "digits": key.to_string()}));
    }

    fn transfer(&mut self, call: u64, number: &str) {
        let uri = format!("sip:{number}@usher.test");
        self.phone.order(json!({"do": "transfer", "call": call, "uri": uri}));
    }

    fn join(&mut self, call: u64, other: u64) {
        self.phone.order(json!({"do": "join", "call": call, "other": other}));
    }

    fn hears_that(&mut self, call: u64, what: &str, test: &dyn Fn(&[i16], f64) -> bool) {
        self.phone.hears_that(call, what, test);
    }

    fn hz(&self) -> f64 {
        self.hz
    }

    fn hang(&mut self, hangs: bool) {
        self.phone.hang(hangs);
    }
}

/// Stops a process, or lets it go on.
pub(crate) fn signal(child: &Child, stops: bool) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let signal = if stops { Signal::STOP } else { Signal::CONT };
    kill_process(pid.expect("a process id"), signal).expect("a signal is sent");
}
