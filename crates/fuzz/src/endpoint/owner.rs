//! What the endpoint's owner orders.

use sip::msg::{Method, NameAddr, Replaces, Uri};
use sip::{Body, Command, Credentials, Headers, Input, Invite, Refer, Target};

use super::{Chaos, described};

const STATUSES: &[u16] = &[100, 180, 183, 183, 200, 200, 202, 302, 486, 603, 700];

const REQUESTS: &[&str] =
    &["INFO", "OPTIONS", "UPDATE", "NOTIFY", "REFER", "MESSAGE", "INVITE", "BYE", "FOO"];

impl Chaos<'_> {
    /// None, a small one, or one that no datagram holds.
    fn owners_body(&mut self) -> Option<Body> {
        let length = self.dice.pick(&[0, 0, 1, 1400])?;
        (length > 0).then(|| described(length))
    }

    fn owners_headers(&mut self) -> Headers {
        let line = self.dice.pick(&[
            None,
            None,
            Some(("Reason", "SIP;cause=200")),
            Some(("Require", "100rel")),
            Some(("Via", "SIP/2.0/UDP evil")),
            Some(("X-CRM-Id", "7\r\nVia: evil")),
            Some(("Refer-To", "<sip:carol@192.0.2.2>")),
            Some(("Event", "refer")),
        ]);
        line.flatten().map(|(name, value)| (name.into(), value.to_owned())).into_iter().collect()
    }

    /// A call to a name, an address, a phone, or by way of a proxy.
    pub(super) fn owner_calls(&mut self) {
        let leg = self.endpoint.next_leg();
        self.legs.push(leg);
        let uri = |text: &str| Uri::parse(text).expect("a URI");
        let target = match self.dice.below(5) {
            0 => match self.endpoint.bindings("alice").first() {
                Some(bound) => Target::Binding { user: "alice".into(), binding: bound.id },
                None => Target::Binding { user: "alice".into(), binding: 1 },
            },
            1 => {
                let proxy = Some(uri("sip:192.0.2.2;transport=tcp"));
                Target::Uri { uri: uri("sip:b@pbx.example?Subject=x"), proxy }
            }
            2 => Target::Uri { uri: uri("tel:+7495"), proxy: None },
            3 => Target::Uri { uri: uri("sip:b@192.0.2.2"), proxy: None },
            _ => Target::Uri { uri: uri("sip:b@pbx.example"), proxy: None },
        };
        let party = NameAddr::new(uri("sip:b@pbx.example"));
        let mut invite = Invite::new(leg, target, party.clone(), party);
        invite.headers = self.owners_headers();
        invite.body = self.owners_body();
        if self.dice.below(3) == 0 {
            let (username, password) = ("usher".into(), "secret".into());
            invite.credentials = Some(Credentials { username, password });
        }
        self.input(Input::Command(Command::Invite(Box::new(invite))));
        if self.dice.below(4) > 0 {
            self.resolver_answers();
        }
    }

    pub(super) fn owner_orders(&mut self) {
        let legs = self.legs.clone();
        let Some(leg) = self.dice.pick(&legs) else { return };
        let command = match self.dice.below(15) {
            0..4 => Command::Respond {
                leg,
                status: self.dice.pick(STATUSES).unwrap_or(200),
                headers: self.owners_headers(),
                body: self.owners_body(),
            },
            4 => Command::Ack { leg, body: self.owners_body() },
            5 => Command::Reinvite { leg, headers: self.owners_headers() },
            6 => {
                let method = Method::parse(self.dice.word(REQUESTS)).expect("a method");
                let (headers, body) = (self.owners_headers(), self.owners_body());
                Command::Request { leg, token: 7, method, headers, body }
            }
            7 => {
                let tokens = self.tokens.clone();
                let Some((leg, token)) = self.dice.pick(&tokens) else { return };
                let status = self.dice.pick(&[200, 202, 481, 603]).unwrap_or(200);
                let (headers, body) = (self.owners_headers(), self.owners_body());
                Command::RespondRequest { leg, token, status, headers, body }
            }
            8..11 => {
                let leg = self.wanted.pop().unwrap_or(leg);
                Command::Offer { leg, body: self.owners_body() }
            }
            11 => {
                let headers = self.owners_headers();
                return self.end(leg, headers);
            }
            12 => {
                let asked = self.referred.clone();
                let Some((leg, token)) = self.dice.pick(&asked) else { return };
                let status = self.dice.pick(&[202, 200, 603, 100]).unwrap_or(202);
                Command::AnswerRefer { leg, token, status, headers: self.owners_headers() }
            }
            13 => {
                let asked = self.referred.clone();
                let Some((leg, token)) = self.dice.pick(&asked) else { return };
                let status = self.dice.pick(&[180, 180, 200, 486, 100, 700]).unwrap_or(200);
                Command::Notify { leg, token, status }
            }
            _ => {
                let target = Uri::parse("sip:carol@192.0.2.2").expect("a URI");
                let replaces = Replaces::parse("c1;to-tag=b;from-tag=a").ok();
                let replaces = replaces.filter(|_| self.dice.below(2) == 0);
                let (told, headers) = (self.dice.below(2) == 0, self.owners_headers());
                Command::Refer(Box::new(Refer { leg, token: 9, target, replaces, told, headers }))
            }
        };
        self.input(Input::Command(command));
    }
}
