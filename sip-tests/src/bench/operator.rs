//! Operators' phones, all on one socket: each rings and answers at once, and waits for its BYE.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::bank::{GIVEN_UP_AFTER, Line, Outcome, T1, T2};
use super::caller::reply;
use crate::{Sip, digest};

/// A gap counts where at least so many callers wait: one of them may be on the way to another
/// operator already.
const WAITING_MIN: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// 200 is sent, and again until there is an ACK.
    Answered,
    Talking,
    Over,
}

#[derive(Debug)]
struct Leg {
    operator: String,
    caller: Option<u32>,
    state: State,
    due: Option<Instant>,
    since: Instant,
    interval: Duration,
    answer: String,
    port: Option<u16>,
}

/// What a message meant for others.
#[derive(Debug, Default)]
pub(super) struct Happened {
    /// The leg it was for.
    pub(super) leg: Option<usize>,
    /// A phone rings for this call.
    pub(super) rings: Option<u32>,
    /// A phone's answer was acknowledged: for which call, and the server's port for audio.
    pub(super) connected: Option<(u32, Option<u16>)>,
}

/// The phones of a run.
#[derive(Debug, Default)]
pub(super) struct Phones {
    legs: Vec<Leg>,
    by_id: HashMap<String, usize>,
    busy: HashMap<String, usize>,
    freed: HashMap<String, Instant>,
}

impl Phones {
    pub(super) fn due(&self, leg: usize) -> Option<Instant> {
        self.legs[leg].due
    }

    /// Calls that a phone has rung for.
    pub(super) fn rung(&self) -> usize {
        self.legs.len()
    }

    pub(super) fn are_idle(&self) -> bool {
        self.busy.is_empty()
    }

    pub(super) fn on_due(&mut self, line: &Line, now: Instant, leg: usize, outcome: &mut Outcome) {
        let found = &mut self.legs[leg];
        found.due = None;
        if found.state != State::Answered {
            return;
        }
        if now >= found.since + GIVEN_UP_AFTER {
            outcome.fail(format!("{}: no ACK", found.operator));
            return self.end(leg);
        }
        line.send(&found.answer);
        outcome.resent += 1;
        found.interval = (found.interval * 2).min(T2);
        found.due = Some(now + found.interval);
    }

    /// `waiting` is how many callers have nobody yet.
    pub(super) fn on_message(
        &mut self,
        line: &Line,
        now: Instant,
        sip: &Sip,
        audio: u16,
        waiting: usize,
        outcome: &mut Outcome,
    ) -> Happened {
        let known = self.by_id.get(sip.must("Call-ID")).copied();
        match (sip.method(), known) {
            (Some("INVITE"), None) => self.ring(line, now, sip, audio, outcome),
            (Some("INVITE"), Some(leg)) => {
                outcome.repeated += 1;
                line.send(&self.legs[leg].answer);
                Happened::default()
            }
            (Some("ACK"), Some(leg)) if self.legs[leg].state == State::Answered => {
                let found = &mut self.legs[leg];
                (found.state, found.due) = (State::Talking, None);
                let connected = found.caller.map(|caller| (caller, found.port));
                Happened { leg: Some(leg), connected, ..Happened::default() }
            }
            (Some("BYE"), Some(leg)) => {
                line.send(&reply(sip, "200 OK", "", "", ""));
                if self.legs[leg].state == State::Over {
                    outcome.repeated += 1;
                } else {
                    if waiting >= WAITING_MIN {
                        self.freed.insert(self.legs[leg].operator.clone(), now);
                    }
                    self.end(leg);
                }
                Happened::default()
            }
            (Some("CANCEL" | "BYE"), _) => {
                line.send(&reply(sip, "481 Call/Transaction Does Not Exist", "x", "", ""));
                Happened::default()
            }
            _ => Happened::default(),
        }
    }

    fn ring(
        &mut self,
        line: &Line,
        now: Instant,
        sip: &Sip,
        audio: u16,
        outcome: &mut Outcome,
    ) -> Happened {
        let uri = sip.request_uri();
        let operator = uri.trim_start_matches("sip:").split('@').next().unwrap_or_default();
        let leg = self.legs.len();
        if let Some(other) = self.busy.insert(operator.to_owned(), leg) {
            outcome.fail(format!("{operator} has two calls, legs {other} and {leg}"));
        }
        if let Some(freed) = self.freed.remove(operator) {
            outcome.gap.push(now.saturating_duration_since(freed));
        }
        let tag = format!("o{leg}");
        let contact = format!("Contact: <sip:{operator}@{}>\r\n", line.here);
        line.send(&reply(sip, "180 Ringing", &tag, &contact, ""));
        let headers = format!("{contact}Content-Type: application/sdp\r\n");
        let answer = reply(sip, "200 OK", &tag, &headers, &line.sdp(audio));
        line.send(&answer);
        // The caller's number, as the callers give it.
        let caller = sip.must("From").split_once("<sip:caller").map(|(_, rest)| rest);
        let caller = caller.and_then(|rest| rest.split('@').next()?.parse().ok());
        if caller.is_none() {
            outcome.fail(format!("{operator} is not told who calls: {}", sip.must("From")));
        }
        self.by_id.insert(sip.must("Call-ID").to_owned(), leg);
        self.legs.push(Leg {
            operator: operator.to_owned(),
            caller,
            state: State::Answered,
            due: Some(now + T1),
            since: now,
            interval: T1,
            answer,
            port: sip.audio().map(|(address, _)| address.port()),
        });
        Happened { leg: Some(leg), rings: caller, connected: None }
    }

    fn end(&mut self, leg: usize) {
        let found = &mut self.legs[leg];
        (found.state, found.due) = (State::Over, None);
        if self.busy.get(&found.operator) == Some(&leg) {
            self.busy.remove(&found.operator);
        }
    }
}

/// Registers an operator, with the password of `configs/bench.toml`. `receive` waits for a while.
pub(super) fn register(line: &Line, operator: &str, mut receive: impl FnMut(&Line) -> Option<Sip>) {
    let (here, domain) = (line.here, "usher.example");
    let mut authorization = String::new();
    for cseq in 1..20 {
        line.send(&format!(
            "REGISTER sip:{domain} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{operator}-{cseq}\
             \r\nMax-Forwards: 70\r\nFrom: <sip:{operator}@{domain}>;tag=r{operator}\r\n\
             To: <sip:{operator}@{domain}>\r\nCall-ID: r-{operator}\r\nCSeq: {cseq} REGISTER\r\n\
             Contact: <sip:{operator}@{here}>\r\nExpires: 3600\r\n{authorization}\
             Content-Length: 0\r\n\r\n"
        ));
        let Some(answer) = receive(line).filter(|answer| answer.cseq() == (cseq, "REGISTER"))
        else {
            continue;
        };
        match answer.status() {
            Some(200) => return,
            Some(401) => {
                let value = answer.all("WWW-Authenticate").find(|value| !value.contains("SHA-256"));
                let value = value.expect("a challenge for MD5");
                let uri = format!("sip:{domain}");
                let answer = digest::answer(value, operator, "secret", "REGISTER", &uri);
                authorization = format!("Authorization: {answer}\r\n");
            }
            _ => panic!("{operator} is not let in: {}", answer.text()),
        }
    }
    panic!("{operator}'s REGISTER is not answered");
}
