//! What a phone waits for, and what it keeps of it.

use std::time::{Duration, Instant};

use super::{Call, Phone};
use crate::audio::EVENTS;
use crate::{SOON, Sip, codec};

impl Phone {
    /// The next message that is no repetition, none when time is up.
    fn receive(&mut self, until: Instant) -> Option<Sip> {
        loop {
            let (octets, source) = self.line.receive(until)?;
            self.heard += &String::from_utf8_lossy(&octets);
            let Some(message) = Sip::parse(&octets, source) else { continue };
            let (count, answer) = self.seen.entry(message.identity()).or_default();
            *count += 1;
            if *count == 1 {
                self.note("←", &message.start);
                self.learn(&message);
                return Some(message);
            }
            let answer = answer.clone().filter(|_| self.repeats);
            self.note("←", &format!("{} (again)", message.start));
            if let Some(answer) = answer {
                self.send(&answer);
            }
        }
    }

    /// Keeps what a call is made of.
    fn learn(&mut self, message: &Sip) {
        message.check();
        if message.status().is_some() {
            // RFC 3581: answered where it came from, and told so.
            let via = message.must("Via");
            let rport = format!("rport={}", self.address().port());
            assert!(via.contains(&rport) && via.contains("received="), "{}", message.text());
            assert_eq!(message.all("Via").count(), 1, "{}", message.text());
        } else if let Some(invite) = &self.call.came
            && message.must("Call-ID") == self.call.id
            && ["ACK", "CANCEL"].contains(&message.cseq().1)
        {
            let (number, _) = message.cseq();
            assert_eq!(number, invite.cseq().0, "of no INVITE:\n{}", message.text());
            let own = message.method() == Some("CANCEL");
            assert!(!own || message.branch() == invite.branch(), "{}", message.text());
        }
        if let Some((to, kinds)) = message.audio() {
            let mut both = kinds.iter().filter(|kind| self.codecs.contains(kind));
            let events = both.clone().find(|kind| EVENTS.iter().any(|(known, _)| known == *kind));
            if let Some(&events) = events {
                self.audio.tell_keys_by(events);
            }
            let kind = both.find(|kind| codec::rates(**kind).is_some());
            let open = !to.ip().is_unspecified() && to.port() != 0;
            if let Some(&kind) = kind.filter(|_| open) {
                self.audio.send_to(to, kind);
            }
        }
        if message.method() == Some("INVITE") {
            if message.tag("To").is_none() {
                // Nobody speaks while it rings.
                self.audio.hush();
                self.call = Call {
                    id: message.must("Call-ID").to_owned(),
                    local: format!("{};tag={}", message.must("To"), self.mint("t")),
                    remote: message.must("From").to_owned(),
                    routes: message.all("Record-Route").map(str::to_owned).collect(),
                    cseq: 100,
                    ..Call::default()
                };
            }
            self.call.came = Some(message.clone());
        }
        let of_call = message.must("Call-ID") == self.call.id;
        let joins = message.status().is_some_and(|code| code < 300);
        if of_call && joins && message.tag("To").is_some() {
            self.call.remote = message.must("To").to_owned();
            if message.cseq().1 == "INVITE" {
                let routes = message.all("Record-Route").map(str::to_owned);
                self.call.routes = routes.collect();
                self.call.routes.reverse();
            }
        }
        if of_call
            && message.cseq().1 == "INVITE"
            && let Some(target) = message.contact()
        {
            self.call.target = target.to_owned();
        }
    }

    #[track_caller]
    fn await_that(&mut self, what: &str, fits: impl Fn(&Sip) -> bool) -> Sip {
        if let Some(at) = self.inbox.iter().position(&fits) {
            return self.inbox.remove(at);
        }
        let until = Instant::now() + SOON;
        while let Some(message) = self.receive(until) {
            if fits(&message) {
                return message;
            }
            self.inbox.push(message);
        }
        panic!("{} got no {what}:\n{}", self.user, self.ladder())
    }

    /// The next request of this method; others stay where they are.
    #[track_caller]
    pub fn expect(&mut self, method: &str) -> Sip {
        self.await_that(method, |message| message.method() == Some(method))
    }

    /// Waits for this status to the last INVITE, an ACK is up to the test where it is a 2xx.
    ///
    /// # Panics
    /// Where another final one comes.
    #[track_caller]
    pub fn expect_status(&mut self, status: u16) -> Sip {
        let cseq = self.call.invited;
        let response = self.await_that(&status.to_string(), |message| {
            let code = message.status();
            message.cseq() == (cseq, "INVITE") && (code == Some(status) || code >= Some(200))
        });
        if response.status() >= Some(300) {
            self.ack_refusal(&response);
        }
        let ladder = self.ladder();
        assert_eq!(response.status(), Some(status), "{}\n{ladder}", response.text());
        response
    }

    /// Waits for whatever refusal, and confirms it.
    #[track_caller]
    pub fn expect_refusal(&mut self) -> Sip {
        let cseq = self.call.invited;
        let response = self.await_that("refusal", |message| {
            message.cseq() == (cseq, "INVITE") && message.status() >= Some(300)
        });
        self.ack_refusal(&response);
        response
    }

    /// Waits for the call to be answered and confirms it.
    #[track_caller]
    pub fn expect_answer(&mut self) -> Sip {
        let response = self.expect_status(200);
        self.ack();
        response
    }

    /// The final response to the last request of this method.
    #[track_caller]
    pub fn expect_response(&mut self, method: &str) -> Sip {
        self.await_that(&format!("response to {method}"), |message| {
            message.status() >= Some(200) && message.cseq().1 == method
        })
    }

    #[track_caller]
    pub(super) fn response(&mut self, branch: &str) -> Sip {
        self.await_that("response", |message| {
            message.status() >= Some(200) && message.branch() == branch
        })
    }

    /// Waits for a BYE and confirms it.
    #[track_caller]
    pub fn expect_bye(&mut self) -> Sip {
        let bye = self.expect("BYE");
        self.reply(&bye, "200 OK", "", "");
        self.audio.mute();
        bye
    }

    /// Waits for a CANCEL and does as it says.
    #[track_caller]
    pub fn expect_cancel(&mut self) -> Sip {
        let cancel = self.expect("CANCEL");
        self.reply(&cancel, "200 OK", "", "");
        self.reply_invite("487 Request Terminated");
        self.expect("ACK");
        cancel
    }

    /// That nothing new comes for so long: the one thing that has no event.
    ///
    /// # Panics
    /// Where something does.
    #[track_caller]
    pub fn expect_nothing(&mut self, within: Duration) {
        if let Some(message) = self.receive(Instant::now() + within) {
            panic!("{} got\n{}\n{}", self.user, message.text(), self.ladder());
        }
    }

    /// How often a message of this kind came, repetitions included: `INVITE`, `SIP/2.0 200`.
    #[must_use]
    pub fn times(&self, start: &str) -> u32 {
        let fits = |key: &&String| key.starts_with(start);
        self.seen.keys().filter(fits).filter_map(|key| self.seen.get(key)).map(|(n, _)| n).sum()
    }

    /// Waits until a message of this kind came so often, repetitions included.
    ///
    /// # Panics
    /// When it has not in time.
    #[track_caller]
    pub fn expect_times(&mut self, start: &str, count: u32) {
        let until = Instant::now() + SOON;
        while self.times(start) < count {
            let slice = (Instant::now() + Duration::from_millis(20)).min(until);
            if let Some(message) = self.receive(slice) {
                self.inbox.push(message);
            }
            assert!(Instant::now() < until, "not {count} times {start}:\n{}", self.ladder());
        }
    }

    /// Every octet that was sent, as text.
    #[must_use]
    pub fn said(&self) -> &str {
        &self.said
    }

    /// Every octet that came, as text.
    #[must_use]
    pub fn heard(&self) -> &str {
        &self.heard
    }

    /// All that was sent and received.
    #[must_use]
    pub fn ladder(&self) -> String {
        self.ladder.join("\n")
    }
}
