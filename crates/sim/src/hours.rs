//! A queue's hours against orders, reloads and a clock that is set; without anybody who calls.

use b2bua::config::{Calendar, Config, Go, Hours, Route};
use b2bua::{B2bua, Command, Dial, Input, Output, Problem, Start, Time, What};

use crate::scenario::Scenario;
use crate::setup;

/// A Monday, 17:13:20 in Moscow.
const SINCE_UNIX: Time = Time::from_secs(1_790_000_000);

struct House {
    switch: B2bua,
    now: Time,
}

fn config(hours: &str) -> Config {
    let mut config = setup::config(&Scenario::quiet(1));
    let hours = Hours::parse(hours).unwrap();
    config.queues[0].calendar = Calendar { hours: Some(hours), holidays: Vec::new() };
    config
}

impl House {
    fn new(config: Config) -> Self {
        let (seed, leases) = ([7; 32], Vec::new());
        let start = Start { seed, first_seq: 1, since_unix: SINCE_UNIX, leases };
        Self { switch: B2bua::new(config, start), now: Time::ZERO }
    }

    fn input(&mut self, input: Input) -> Vec<bool> {
        self.switch.handle(self.now, input);
        self.told()
    }

    fn order(&mut self, open: bool) -> Vec<bool> {
        let (queue, auto_connect) = (Some("support".into()), None);
        let command = Command::Switch { queue, auto_connect, open: Some(open) };
        self.input(Input::Command { request: 1, command })
    }

    /// By its own timers, which must come to an end.
    fn wait_until(&mut self, s: u64) -> Vec<bool> {
        let end = Time::from_secs(s);
        let mut told = Vec::new();
        for _ in 0..1_000 {
            let Some(due) = self.switch.poll_timeout().filter(|due| *due <= end) else {
                self.now = end;
                return told;
            };
            self.now = self.now.max(due);
            self.switch.handle_timeout(self.now);
            told.extend(self.told());
        }
        panic!("its timers have no end");
    }

    /// What goes by itself, and whether it is open; of all queues together without that.
    fn switched(&mut self, input: Input) -> Vec<(bool, Option<bool>)> {
        self.switch.handle(self.now, input);
        let outputs = std::iter::from_fn(|| self.switch.poll_output());
        let switched = |output| match output {
            Output::Event(event) => match event.what {
                What::QueueSwitched { auto_connect, open, .. } => Some((auto_connect, Some(open))),
                What::SettingsSwitched { auto_connect } => Some((auto_connect, None)),
                _ => None,
            },
            _ => None,
        };
        outputs.filter_map(switched).collect()
    }

    fn told(&mut self) -> Vec<bool> {
        let outputs = std::iter::from_fn(|| self.switch.poll_output());
        let opens = |output| match output {
            Output::Event(event) => match event.what {
                What::QueueSwitched { open, .. } => Some(open),
                _ => None,
            },
            _ => None,
        };
        outputs.filter_map(opens).collect()
    }
}

#[test]
fn it_opens_and_closes_by_itself_and_begins_as_it_is() {
    let mut house = House::new(config("17:14-17:15,17:16-17:17 Europe/Moscow"));
    assert_eq!(house.told(), [false]);
    assert_eq!(house.wait_until(39), []);
    assert_eq!(house.wait_until(40), [true]);
    assert_eq!(house.wait_until(200), [false, true]);
    assert_eq!(house.wait_until(86_400), [false]);
    let mut house = House::new(config("09:00-18:00 Europe/Moscow"));
    assert_eq!(house.told(), []);
    assert_eq!(House::new(setup::config(&Scenario::quiet(1))).wait_until(86_400), []);
}

#[test]
fn an_order_holds_until_the_hours_change() {
    let mut house = House::new(config("09:00-17:14,17:15-18:00 Europe/Moscow"));
    assert_eq!(house.order(false), [false]);
    // Closed by order, and then by the hours: nothing changes, and they open it.
    assert_eq!(house.wait_until(99), []);
    assert_eq!(house.wait_until(100), [true]);
    assert_eq!(house.order(false), [false]);
    assert_eq!(house.order(true), [true]);
    // The hours of the evening end what has been ordered, and 18:00 is in 2,800 seconds.
    assert_eq!(house.wait_until(2_799), []);
    assert_eq!(house.wait_until(2_800), [false]);
    assert_eq!(house.order(true), [true]);
    assert_eq!(house.wait_until(16 * 3_600), [], "open at nine in the morning, too");
    assert_eq!(house.wait_until(24 * 3_600 + 40), [false], "and closed at 17:14");
}

#[test]
fn other_hours_by_a_reload_and_a_clock_that_is_set() {
    let mut house = House::new(config("09:00-17:14 Europe/Moscow"));
    let reload = |hours| Input::Configure(Box::new(config(hours)));
    assert_eq!(house.input(reload("18:00-19:00 Europe/Moscow")), [false]);
    assert_eq!(house.input(reload("17:00-18:00 Europe/Moscow")), [true]);
    assert_eq!(house.order(false), [false]);
    assert_eq!(house.input(reload("16:00-19:00 Europe/Moscow")), [], "an order outlives it");
    assert_eq!(house.wait_until(2 * 3_600), [], "until the hours change");
    assert_eq!(house.order(true), [true]);
    let always = Input::Configure(Box::new(setup::config(&Scenario::quiet(1))));
    assert_eq!(house.input(always), []);
    assert_eq!(house.input(reload("16:00-19:00 Europe/Moscow")), [], "it holds on");
    let evening = |hours| Input::Wall { since_unix: SINCE_UNIX + Time::from_hours(hours) };
    assert_eq!(house.input(evening(0)), []);
    assert_eq!(house.input(evening(5)), [false]);
    assert_eq!(house.input(evening(1)), [true], "put back");
}

#[test]
fn a_reload_tells_what_holds_otherwise() {
    let mut house = House::new(config("17:14-18:00 Europe/Moscow"));
    assert_eq!(house.wait_until(40), [false, true], "it has been told");
    let reload = |all, queue| {
        let mut config = config("17:14-18:00 Europe/Moscow");
        (config.auto_connect, config.queues[0].auto_connect) = (all, queue);
        Input::Configure(Box::new(config))
    };
    assert_eq!(house.switched(reload(true, true)), []);
    assert_eq!(house.switched(reload(true, false)), [(false, Some(true))]);
    assert_eq!(house.switched(reload(false, false)), [(false, None)]);
    assert_eq!(house.switched(reload(true, true)), [(true, None), (true, Some(true))]);
    // What is ordered holds, and is told also where it changes nothing.
    let order = |queue: bool| {
        let queue = queue.then(|| "support".into());
        let command = Command::Switch { queue, auto_connect: Some(true), open: None };
        Input::Command { request: 1, command }
    };
    assert_eq!(house.switched(order(true)), [(true, Some(true))]);
    assert_eq!(house.switched(order(false)), [(true, None)]);
    assert_eq!(house.switched(reload(false, false)), []);
    // One that comes by a reload begins as it is configured, or is told.
    let mut more = config("17:14-18:00 Europe/Moscow");
    let mut second = more.queues[0].clone();
    (second.name, second.number) = ("night".into(), None);
    second.calendar.hours = Hours::parse("02:00-03:00 Europe/Moscow").ok();
    more.queues.push(second);
    assert_eq!(house.switched(Input::Configure(Box::new(more))), [(true, Some(false))]);
}

#[test]
fn it_is_carried() {
    let mut house = House::new(config("09:00-17:14 Europe/Moscow"));
    let carried = house.switch.carry();
    house.switch = B2bua::resume(carried).unwrap();
    assert_eq!(house.wait_until(39), []);
    assert_eq!(house.wait_until(41), [false]);
}

#[test]
fn a_route_matches_within_its_hours() {
    let mut config = config("00:00-24:00");
    config.routes = vec![Route {
        to: Some("^7$".into()),
        from: None,
        trunk: None,
        header: Vec::new(),
        hours: Hours::parse("09:00-17:14 Europe/Moscow").ok(),
        go: Go::Queue {
            queue: "support".into(),
            priority_s: None,
            manner: b2bua::config::Manner::default(),
        },
    }];
    let mut house = House::new(config);
    let mut leads_to = |s| {
        house.wait_until(s);
        let (operator, to) = ("op0".into(), "7".into());
        let (trunk, headers, context) = (None, Vec::new(), std::collections::BTreeMap::new());
        let dial = Box::new(Dial { operator, to, trunk, headers, context });
        let command = Command::Dial(dial);
        house.switch.handle(house.now, Input::Command { request: 1, command });
        let mut outputs = std::iter::from_fn(|| house.switch.poll_output());
        outputs.find_map(|output| match output {
            Output::Reply { result: Err(Problem::Field { what, .. }), .. } => Some(what),
            _ => None,
        })
    };
    // Who is called so is one person; what is asked here is only where the number leads.
    let queue = Some("7 is the queue support, not one person".into());
    assert_eq!(leads_to(39), queue);
    assert_eq!(leads_to(40), Some("7 leads nowhere".into()));
}
