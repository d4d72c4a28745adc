//! Digest: challenges, credentials, and who is let in.

use bytes::Bytes;
use sip::msg::digest::{Algorithm, Challenge, Credentials};
use sip::msg::{Message, Method};
use sip::{Endpoint, Input, Output};

use crate::endpoint::{config, ms};
use crate::peers::flow;

/// A challenge that is understood is answered so that the answer can be read and proves the
/// password, and no other; credentials that somebody made up let nobody in.
pub fn auth(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for value in [text.to_string(), format!("Digest {text}")] {
        if let Ok(challenge) = Challenge::parse(&value) {
            answer(&challenge);
        }
        if let Ok(credentials) = Credentials::parse(&value) {
            let _ = (credentials.count(), credentials.to_string());
            let ha1 = credentials.algorithm.ha1(&credentials.user, &credentials.realm, "secret");
            assert!(!credentials.matches(&ha1, &Method::Register), "guessed");
        }
    }
    let _ = Algorithm::parse(&text);
    register(&text);
}

fn answer(challenge: &Challenge) {
    let ha1 = challenge.algorithm.ha1("alice", &challenge.realm, "secret");
    let made = challenge.answer("alice", &ha1, &Method::Invite, "sip:b@h", "c", 1);
    assert!(made.matches(&ha1, &Method::Invite) && !made.matches(&ha1, &Method::Bye));
    let printed = made.to_string();
    let read = Credentials::parse(&printed).expect("our own credentials are read");
    assert_eq!(read.to_string(), printed);
    assert_eq!(read.count(), challenge.has_qop.then_some(1));
    let printed = challenge.to_string();
    let read = Challenge::parse(&printed).expect("what is printed is read");
    assert_eq!(read.to_string(), printed);
}

/// A REGISTER with made-up credentials, in which the nonce is one of ours if it says so.
fn register(value: &str) {
    if value.contains(['\r', '\n', '\0']) {
        return;
    }
    let mut endpoint = Endpoint::new(config(0), [7; 32]);
    let challenged = say(&mut endpoint, "X: y");
    let challenge = challenged.header_named("WWW-Authenticate").expect("a challenge");
    let challenge = Challenge::parse(challenge).expect("our own challenge is read");
    let value = value.replace("NONCE", &challenge.nonce);
    let answer = say(&mut endpoint, &format!("Authorization: Digest {value}"));
    let refused = [400, 401, 403, 404, 423, 429, 503];
    assert!(answer.status().is_some_and(|status| refused.contains(&status)), "{answer:?}");
    assert_eq!(endpoint.counts().bindings, 0);
}

/// What the endpoint answers to a REGISTER of Alice's, with this line.
fn say(endpoint: &mut Endpoint, line: &str) -> Message {
    let text = format!(
        "REGISTER sip:usher.example SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.9;branch=z9hG4bK{}\r\n\
         From: <sip:alice@usher.example>;tag=a\r\nTo: <sip:alice@usher.example>\r\nCall-ID: c\r\n\
         CSeq: 1 REGISTER\r\nContact: <sip:alice@203.0.113.9>\r\n{line}\r\nContent-Length: 0\r\n\r\n",
        line.len()
    );
    let message = Message::parse(Bytes::from(text)).expect("a line does not break a message");
    endpoint.handle(ms(1000), Input::Message { flow: flow(0), message });
    while let Some(output) = endpoint.poll_output() {
        if let Output::Transmit { bytes, .. } = output {
            return Message::parse(bytes).expect("what we send is read");
        }
    }
    panic!("no answer");
}
