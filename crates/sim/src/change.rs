//! Orders about a task that are judged whole; without anybody who calls.

use b2bua::config::{CallbackPolicy, Config, First};
use b2bua::{
    B2bua, Command, Input, NewTask, Output, Problem, Reply, Start, TaskChange, TaskKey, TaskStep,
    Time, What,
};

use crate::scenario::Scenario;
use crate::setup;

const SINCE_UNIX: Time = Time::from_secs(1_790_000_000);

struct House(B2bua);

fn config() -> Config {
    let mut config = setup::config(&Scenario::quiet(1));
    config.queues[0].callback = Some(CallbackPolicy {
        key: None,
        trunk: Some("carrier".into()),
        first: First::Operator,
        confirm: true,
        attempts_max: 3,
        gap_ms: 600_000,
        expires_ms: 86_400_000,
        share: 0,
        hours: None,
    });
    config
}

impl House {
    fn new() -> Self {
        let (seed, leases) = ([7; 32], Vec::new());
        let start = Start { seed, first_seq: 1, since_unix: SINCE_UNIX, leases };
        Self(B2bua::new(config(), start))
    }

    /// The answer, and what has been told of tasks.
    fn order(&mut self, command: Command) -> (Option<Result<Reply, Problem>>, Vec<What>) {
        self.input(Input::Command { request: 1, command })
    }

    fn input(&mut self, input: Input) -> (Option<Result<Reply, Problem>>, Vec<What>) {
        self.0.handle(Time::ZERO, input);
        let (mut answer, mut told) = (None, Vec::new());
        while let Some(output) = self.0.poll_output() {
            match output {
                Output::Reply { result, .. } => answer = Some(result),
                Output::Event(event) if event.task.is_some() => told.push(event.what.clone()),
                _ => {}
            }
        }
        (answer, told)
    }

    /// Somebody is to be called back, not before a time.
    fn callback(&mut self, number: &str, not_before: Option<Time>) -> TaskKey {
        let new = NewTask {
            queue: "support".into(),
            number: number.into(),
            name: None,
            trunk: None,
            context: std::collections::BTreeMap::new(),
            priority_s: None,
            virtual_start: None,
            not_before,
            expires: None,
            predecessor: None,
        };
        self.0.handle(
            Time::ZERO,
            Input::Command { request: 1, command: Command::AddTask(Box::new(new)) },
        );
        let outputs: Vec<Output> = std::iter::from_fn(|| self.0.poll_output()).collect();
        let token = outputs.iter().find_map(|output| match output {
            Output::Confirm { token } => Some(*token),
            _ => None,
        });
        let token = token.expect("it is to be on the disk first");
        self.input(Input::Stored { token });
        TaskKey(token)
    }
}

#[test]
fn of_a_change_all_is_done_or_nothing() {
    let mut house = House::new();
    let later = SINCE_UNIX + Time::from_secs(3_600);
    let (waits, put_off) = (house.callback("100", None), house.callback("200", Some(later)));
    let change = |task, priority_s, step| {
        let change = TaskChange { priority_s, step };
        Command::ChangeTask { task, change }
    };
    let prioritised = |priority_s| What::TaskPrioritised { queue: "support".into(), priority_s };
    for (step, why) in [
        (TaskStep::Release, "the task is not kept back"),
        (TaskStep::Complete, "no operator has it"),
    ] {
        let (answer, told) = house.order(change(waits, Some(60), Some(step)));
        assert_eq!(answer, Some(Err(Problem::Conflict(why.into()))));
        assert_eq!(told, [], "{step:?}");
    }
    let (answer, told) = house.order(change(waits, Some(60), None));
    assert_eq!((answer, told), (Some(Ok(Reply::Done)), vec![prioritised(60)]));
    let (answer, told) = house.order(change(put_off, Some(90), Some(TaskStep::Release)));
    assert_eq!((answer, &told[0]), (Some(Ok(Reply::Done)), &prioritised(90)));
    let place = told.iter().find_map(|what| match what {
        What::TaskQueued { position, .. } => Some(*position),
        _ => None,
    });
    assert_eq!(place, Some(1), "before the other, by its head start: {told:?}");
    let (answer, _) = house.order(change(put_off, None, Some(TaskStep::Withdraw)));
    assert_eq!(answer, Some(Ok(Reply::Done)));
    let (answer, told) = house.order(change(put_off, Some(1), Some(TaskStep::Withdraw)));
    assert!(matches!(answer, Some(Err(Problem::NotFound { .. }))), "{answer:?}");
    assert_eq!(told, []);
}
