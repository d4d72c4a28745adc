//! A caller: INVITE, ACK, BYE, with the retransmissions of RFC 3261, 17.1.

use std::time::{Duration, Instant};

use super::bank::{GIVEN_UP_AFTER, Line, Outcome, T1, T2};
use crate::Sip;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No answer yet.
    Calling,
    /// A provisional one.
    Proceeding,
    /// 200, and acknowledged.
    Talking,
    /// BYE is sent.
    Ending,
    Over,
}

/// One call of a run.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) number: u32,
    pub(super) began: Instant,
    /// When [`Self::on_due`] is wanted.
    pub(super) due: Option<Instant>,
    run: u32,
    hold: Duration,
    state: State,
    /// When the request that waits for an answer was sent first, and how long until the next time.
    sent: Instant,
    interval: Duration,
    /// The last request, for its retransmission.
    request: String,
    /// The final answer to the INVITE.
    outcome: Option<u16>,
    connected: bool,
    to: String,
    target: String,
}

impl Call {
    pub(super) fn new(run: u32, number: u32, now: Instant, hold: Duration) -> Self {
        Self {
            number,
            began: now,
            due: None,
            run,
            hold,
            state: State::Calling,
            sent: now,
            interval: T1,
            request: String::new(),
            outcome: None,
            connected: false,
            to: String::new(),
            target: String::new(),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Sends the INVITE.
    pub(super) fn begin(&mut self, line: &Line, now: Instant, audio: u16) {
        self.target = format!("sip:600@{}", line.server);
        self.to = format!("<{}>", self.target);
        let contact =
            format!("Contact: <sip:caller@{}>\r\nContent-Type: application/sdp\r\n", line.here);
        let invite = self.text(line, "INVITE", 1, &contact, &line.sdp(audio));
        self.request(line, now, invite);
    }

    fn text(&self, line: &Line, method: &str, cseq: u32, headers: &str, body: &str) -> String {
        let (run, number, here) = (self.run, self.number, line.here);
        // The ACK of a refusal belongs to the INVITE's transaction, RFC 3261, 17.1.1.3.
        let refused = self.outcome.is_some_and(|code| code >= 300);
        let branch = if method == "ACK" && refused { "INVITE" } else { method };
        format!(
            "{method} {} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{run}-{number}-{branch}\r\n\
             Max-Forwards: 70\r\nFrom: \"c{number}\" <sip:caller{number}@{here}>;tag=t{number}\r\n\
             To: {}\r\nCall-ID: b{run}-{number}-{}\r\nCSeq: {cseq} {method}\r\n{headers}\
             Content-Length: {}\r\n\r\n{body}",
            self.target,
            self.to,
            std::process::id(),
            body.len()
        )
    }

    fn request(&mut self, line: &Line, now: Instant, text: String) {
        line.send(&text);
        (self.request, self.sent, self.interval) = (text, now, T1);
        self.due = Some(now + T1);
    }

    /// An operator has answered.
    pub(super) fn on_connected(&mut self, now: Instant) {
        self.connected = true;
        if self.state == State::Talking {
            self.due = Some(now + self.hold);
        }
    }

    pub(super) fn on_due(&mut self, line: &Line, now: Instant, outcome: &mut Outcome) {
        self.due = None;
        match self.state {
            State::Calling | State::Ending => {
                if now >= self.sent + GIVEN_UP_AFTER {
                    return self.fail(outcome, &format!("no answer in state {:?}", self.state));
                }
                line.send(&self.request);
                outcome.resent += 1;
                self.interval *= 2;
                if self.state == State::Ending {
                    self.interval = self.interval.min(T2);
                }
                self.due = Some(now + self.interval);
            }
            State::Proceeding | State::Talking if !self.connected => {
                self.fail(outcome, &format!("no operator in state {:?}", self.state));
            }
            State::Talking => {
                self.state = State::Ending;
                let bye = self.text(line, "BYE", 2, "", "");
                self.request(line, now, bye);
            }
            State::Proceeding => self.fail(outcome, "no 200 though an operator answered"),
            State::Over => {}
        }
    }

    /// The server's port for audio, where this message is the answer.
    pub(super) fn on_message(
        &mut self,
        line: &Line,
        now: Instant,
        sip: &Sip,
        outcome: &mut Outcome,
    ) -> Option<u16> {
        let Some(code) = sip.status() else {
            self.on_request(line, sip, outcome);
            return None;
        };
        match sip.cseq() {
            (1, "INVITE") if code < 200 => self.on_provisional(now),
            (1, "INVITE") => return self.on_final(line, now, sip, code, outcome),
            (2, "BYE") if self.state == State::Ending => {
                (self.state, self.due) = (State::Over, None);
                match code {
                    200 => outcome.ended += 1,
                    _ => outcome.fail(format!("c{}: BYE got {code}", self.number)),
                }
            }
            _ => {}
        }
        None
    }

    fn on_provisional(&mut self, now: Instant) {
        if self.state == State::Calling {
            self.state = State::Proceeding;
            self.due = Some(now + GIVEN_UP_AFTER * 4);
        }
    }

    fn on_final(
        &mut self,
        line: &Line,
        now: Instant,
        sip: &Sip,
        code: u16,
        outcome: &mut Outcome,
    ) -> Option<u16> {
        if let Some(before) = self.outcome {
            outcome.repeated += 1;
            if before != code {
                outcome.fail(format!("c{}: {before} and then {code}", self.number));
            }
            line.send(&self.text(line, "ACK", 1, "", ""));
            return None;
        }
        self.outcome = Some(code);
        sip.must("To").clone_into(&mut self.to);
        if code < 300 {
            sip.contact().unwrap_or_default().clone_into(&mut self.target);
        }
        line.send(&self.text(line, "ACK", 1, "", ""));
        if code >= 300 {
            (self.state, self.due) = (State::Over, None);
            if code == 503 && sip.header("Retry-After").is_some() {
                outcome.refused += 1;
            } else {
                outcome.fail(format!("c{}: {}", self.number, sip.start));
            }
            return None;
        }
        outcome.answered += 1;
        outcome.setup.push(now.saturating_duration_since(self.began));
        self.state = State::Talking;
        let hold = if self.connected { self.hold } else { GIVEN_UP_AFTER * 4 };
        self.due = Some(now + hold);
        sip.audio().map(|(address, _)| address.port())
    }

    /// The server ends calls only when something went wrong.
    fn on_request(&mut self, line: &Line, sip: &Sip, outcome: &mut Outcome) {
        if sip.method() == Some("BYE") {
            line.send(&reply(sip, "200 OK", "", "", ""));
            // A BYE that crosses ours is no fault.
            if self.state == State::Talking {
                self.fail(outcome, "the server hung up");
            }
        }
    }

    fn fail(&mut self, outcome: &mut Outcome, what: &str) {
        (self.state, self.due) = (State::Over, None);
        outcome.fail(format!("c{}: {what}", self.number));
    }
}

/// A response; `tag` is put behind To where there is one.
pub(super) fn reply(request: &Sip, line: &str, tag: &str, headers: &str, body: &str) -> String {
    let mut text = format!("SIP/2.0 {line}\r\n");
    for via in request.all("Via") {
        text += &format!("Via: {via}\r\n");
    }
    let tag = if tag.is_empty() { String::new() } else { format!(";tag={tag}") };
    let of = |name| request.must(name);
    text += &format!(
        "From: {}\r\nTo: {}{tag}\r\nCall-ID: {}\r\nCSeq: {}\r\n{headers}Content-Length: {}\r\n\r\n\
         {body}",
        of("From"),
        of("To"),
        of("Call-ID"),
        of("CSeq"),
        body.len()
    );
    text
}
