//! Random REGISTERs against a list that does the same the slow way.

use std::sync::Arc;

use proptest::prelude::*;

use super::Registrar;
use super::tests::{config, flow, register};
use crate::{Event, Flow, Time, Transport};

const USERS: [&str; 3] = ["alice", "bob", "carol"];

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    Register {
        user: usize,
        flow: usize,
        call: u8,
        cseq: u32,
        contacts: Vec<(u8, Option<u32>)>,
    },
    Star {
        user: usize,
        call: u8,
        cseq: u32,
    },
    FlowFailed(usize),
    Unregister(usize),
    /// A contact was asked, and answered or did not.
    Ask {
        user: usize,
        contact: u8,
        is_there: bool,
    },
    Wait(u64),
    Carry,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let expires = proptest::option::of(prop_oneof![Just(0), Just(30), 60..300_u32]);
    let contacts = proptest::collection::vec((0..5_u8, expires), 0..4);
    let step = prop_oneof![
        8 => (0..3_usize, 0..4_usize, 0..2_u8, 1..40_u32, contacts).prop_map(
            |(user, flow, call, cseq, contacts)| Step::Register { user, flow, call, cseq, contacts }
        ),
        1 => (0..3_usize, 0..2_u8, 1..40_u32)
            .prop_map(|(user, call, cseq)| Step::Star { user, call, cseq }),
        1 => (0..4_usize).prop_map(Step::FlowFailed),
        1 => (0..3_usize).prop_map(Step::Unregister),
        3 => (0..3_usize, 0..5_u8, any::<bool>())
            .prop_map(|(user, contact, is_there)| Step::Ask { user, contact, is_there }),
        4 => (0..200_u64).prop_map(Step::Wait),
        1 => Just(Step::Carry),
    ];
    proptest::collection::vec(step, 1..60)
}

/// Two datagram flows and two connections, shared by all users.
fn flows() -> [Flow; 4] {
    [
        flow(Transport::Udp, "198.51.100.7:1", 0),
        flow(Transport::Udp, "198.51.100.7:2", 0),
        flow(Transport::Tcp, "198.51.100.7:3", 3),
        flow(Transport::Ws, "198.51.100.7:3", 4),
    ]
}

/// What is bound, and nothing else: user, contact, flow, end, Call-ID, CSeq; whether it answers.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    user: usize,
    contact: u8,
    flow: usize,
    ends: Time,
    call: u8,
    cseq: u32,
    lost: bool,
}

/// The naive registrar: a list of rows.
#[derive(Debug, Default)]
struct Model(Vec<Row>);

impl Model {
    fn register(&mut self, now: Time, step: &Step) -> u16 {
        let Step::Register { user, flow, call, cseq, contacts } = step else { return 0 };
        let mut rows = self.0.clone();
        for (contact, expires) in contacts {
            let is_it = |row: &&Row| row.user == *user && row.contact == *contact;
            let old = self.0.iter().find(is_it);
            if old.is_some_and(|row| row.call == *call && row.cseq >= *cseq) {
                return 500;
            }
            if *expires == Some(30) {
                return 423;
            }
            let ends = now + Time::from_secs(expires.unwrap_or(3600).into());
            let (user, contact, flow, call, cseq) = (*user, *contact, *flow, *call, *cseq);
            let row = Row { user, contact, flow, ends, call, cseq, lost: false };
            let at = rows.iter().position(|row| is_it(&row));
            match (*expires, at) {
                (Some(0), Some(at)) => drop(rows.remove(at)),
                (Some(0), None) => {}
                (_, Some(at)) => rows[at] = row,
                (_, None) => rows.push(row),
            }
        }
        if rows.iter().filter(|row| row.user == *user).count() > config().contacts_max {
            return 403;
        }
        self.0 = rows;
        200
    }

    fn star(&mut self, user: usize, call: u8, cseq: u32) -> u16 {
        let late = |row: &Row| row.user == user && row.call == call && row.cseq >= cseq;
        if self.0.iter().any(late) {
            return 500;
        }
        self.0.retain(|row| row.user != user);
        200
    }
}

/// What the owner would believe from the events alone.
#[derive(Debug, Default)]
struct Owner(Vec<(Arc<str>, u64)>);

impl Owner {
    fn hear(&mut self, events: &[Event]) {
        for event in events {
            match event {
                Event::Bound { user, binding, new } => {
                    let pair = (user.clone(), binding.id);
                    assert_eq!(self.0.contains(&pair), !new, "{event:?}");
                    if *new {
                        self.0.push(pair);
                    }
                }
                Event::Unbound { user, binding, left, .. } => {
                    let pair = (user.clone(), *binding);
                    let at = self.0.iter().position(|p| *p == pair).expect("unbound twice");
                    self.0.remove(at);
                    assert_eq!(self.0.iter().filter(|p| p.0 == *user).count(), *left, "{event:?}");
                }
                Event::Refused { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

fn agree(registrar: &Registrar, model: &Model, owner: &Owner) {
    let mut rows = model.0.iter().map(|row| (row.user, row.contact)).collect::<Vec<_>>();
    let mut ids = Vec::new();
    let mut bound = Vec::new();
    for (number, user) in USERS.iter().enumerate() {
        for binding in registrar.bindings(user) {
            let contact = binding.contact.user().unwrap().parse::<u8>().unwrap();
            let row = model.0.iter().find(|r| r.user == number && r.contact == contact).unwrap();
            assert_eq!((binding.flow, binding.expires), (flows()[row.flow], row.ends));
            assert_eq!(binding.lost, row.lost);
            assert!(registrar.is_on(&binding.flow, user));
            bound.push((number, contact));
            ids.push(binding.id);
        }
    }
    rows.sort_unstable();
    bound.sort_unstable();
    assert_eq!(bound, rows);
    for (number, flow) in flows().iter().enumerate() {
        let expected = USERS
            .iter()
            .enumerate()
            .filter(|(user, _)| model.0.iter().any(|row| row.user == *user && row.flow == number));
        assert!(registrar.users_on(flow).eq(expected.map(|(_, user)| *user)));
    }
    let used = flows().iter().filter(|flow| registrar.users_on(flow).next().is_some()).count();
    assert_eq!(registrar.by_flow.len(), used, "an index entry is left behind");
    assert_eq!(registrar.len(), model.0.len());
    assert_eq!(registrar.poll_timeout(), model.0.iter().map(|row| row.ends).min());
    assert_eq!(owner.0.len(), model.0.iter().filter(|row| !row.lost).count());
    assert_eq!(registrar.lost, model.0.iter().filter(|row| row.lost).count());
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "a number is used twice");
}

fn run(steps: &[Step]) {
    let (mut registrar, mut model, mut owner) =
        (Registrar::default(), Model::default(), Owner::default());
    let config = config();
    let mut now = Time::from_secs(1);
    for step in steps {
        let events = match step {
            Step::Register { user, flow, call, cseq, contacts } => {
                let line = |(contact, expires): &(u8, Option<u32>)| match expires {
                    Some(s) => format!("Contact: <sip:{contact}@h>;expires={s}"),
                    None => format!("Contact: <sip:{contact}@h>"),
                };
                let lines: Vec<String> = contacts.iter().map(line).collect();
                let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
                let message = register(USERS[*user], &format!("{call}"), *cseq, &lines);
                let flow = flows()[*flow];
                let got = registrar.register(now, USERS[*user], flow, &message, &config);
                assert_eq!(got.status, model.register(now, step), "{step:?}");
                got.events
            }
            Step::Star { user, call, cseq } => {
                let lines = ["Contact: *", "Expires: 0"];
                let message = register(USERS[*user], &format!("{call}"), *cseq, &lines);
                let got = registrar.register(now, USERS[*user], flows()[0], &message, &config);
                assert_eq!(got.status, model.star(*user, *call, *cseq), "{step:?}");
                got.events
            }
            Step::FlowFailed(flow) => {
                model.0.retain(|row| row.flow != *flow || *flow < 2);
                registrar.flow_failed(&flows()[*flow])
            }
            Step::Unregister(user) => {
                model.0.retain(|row| row.user != *user);
                registrar.unregister(USERS[*user])
            }
            Step::Ask { user, contact, is_there } => {
                let is_it = |row: &&mut Row| row.user == *user && row.contact == *contact;
                let row = model.0.iter_mut().find(is_it);
                let bound = registrar.bindings(USERS[*user]).iter();
                let contact = contact.to_string();
                let id = bound.clone().find(|b| b.contact.user().as_deref() == Some(&contact));
                let Some((row, id)) = row.zip(id.map(|binding| binding.id)) else { continue };
                row.lost = !is_there;
                registrar.asked(USERS[*user], id, 7);
                let watch = &config.watch;
                let who = (USERS[*user], id);
                assert!(
                    registrar.answered(now, watch, who, 8, !is_there).is_none(),
                    "an older one"
                );
                registrar.answered(now, watch, who, 7, *is_there).into_iter().collect()
            }
            Step::Wait(seconds) => {
                now += Time::from_secs(*seconds);
                model.0.retain(|row| row.ends > now);
                registrar.handle_timeout(now)
            }
            Step::Carry => {
                let bytes = postcard::to_stdvec(&registrar).unwrap();
                registrar = postcard::from_bytes(&bytes).unwrap();
                Vec::new()
            }
        };
        owner.hear(&events);
        agree(&registrar, &model, &owner);
    }
    owner.hear(&registrar.handle_timeout(now + Time::from_secs(7200)));
    agree(&registrar, &Model::default(), &owner);
}

proptest! {
    #[test]
    fn the_registrar_does_what_the_list_does(steps in steps()) {
        run(&steps);
    }

    #[test]
    fn hostile_fields_never_panic(
        lines in proptest::collection::vec(
            ("(Contact|Expires|Path|m|User-Agent)", "[ -~é]{0,60}|[*<>@;:=,\"sip0-9]{0,40}"), 0..6),
        to in "[ -~]{1,30}",
    ) {
        let lines: Vec<String> = lines.iter().map(|(n, v)| format!("{n}: {v}")).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let mut registrar = Registrar::default();
        let message = register("alice", "a", 1, &lines);
        let got = registrar.register(Time::ZERO, "alice", flows()[0], &message, &config());
        prop_assert!(got.status == 200 || registrar.len() == 0);
        let text = core::str::from_utf8(message.wire()).unwrap();
        let other = text.replace("To: <sip:alice@usher.example>", &format!("To: {to}"));
        if let Ok(message) = crate::msg::Message::parse(other.into()) {
            registrar.register(Time::ZERO, "alice", flows()[0], &message, &config());
        }
    }
}
