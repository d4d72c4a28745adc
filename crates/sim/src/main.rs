//! `sim KIND FROM TO`: that many short runs of a kind: `rough` is full of trouble, `moving` has calls handed
//! on, `handing` by order, `greeting` by a bot, `watching` supervisors and orders about the people in calls, `briefing`
//! operators who are told something before they are put through, `receiving` menus and ways out of the
//! queue, `helping` colleagues who are asked for help, `delivering` customers whom their trunk brings to operators. `sim smooth CALLS OPERATORS`: one long day. `sim ladder SEED KIND`: how a run goes. Exit code 1
//! and a ladder where something did not hold.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use sim::{Scenario, run};

/// What a run of a kind is made of, by its seed.
type Kind = fn(u64) -> Scenario;

/// Runs of one kind, by its name.
const KINDS: [(&str, Kind); 10] = [
    ("rough", Scenario::rough),
    ("moving", Scenario::moving),
    ("handing", Scenario::handing),
    ("greeting", Scenario::greeting),
    ("watching", Scenario::watching),
    ("briefing", Scenario::briefing),
    ("receiving", Scenario::receiving),
    ("helping", Scenario::helping),
    ("calling-back", Scenario::calling_back),
    ("delivering", Scenario::delivering),
];

fn usage() -> ExitCode {
    let kinds = KINDS.map(|(kind, _)| kind).join("|");
    eprintln!(
        "usage: sim {kinds} FROM TO (seeds, FROM below TO) | sim smooth CALLS OPERATORS (one or more \
         of each) | sim ladder SEED [{kinds}]"
    );
    ExitCode::from(2)
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| args.get(at).and_then(|text| text.parse::<u64>().ok());
    let kind = |at: usize| {
        let name = args.get(at).map_or("rough", String::as_str);
        KINDS.iter().find(|(kind, _)| *kind == name).map(|(_, scenario)| *scenario)
    };
    let scenarios: Box<dyn Iterator<Item = Scenario>> = match (args.first(), number(1), number(2)) {
        (Some(word), Some(seed), _) if word == "ladder" => {
            let Some(kind) = kind(2) else { return usage() };
            eprint!("{}", sim::ladder(&kind(seed)));
            return ExitCode::SUCCESS;
        }
        (Some(word), Some(calls), Some(operators @ 1..)) if word == "smooth" && calls > 0 => {
            Box::new(std::iter::once(Scenario::smooth(1, calls, operators)))
        }
        (Some(_), Some(from), Some(to)) if from < to => match kind(0) {
            Some(kind) => Box::new((from..to).map(kind)),
            None => return usage(),
        },
        _ => return usage(),
    };
    let (mut runs, mut calls, mut answered, mut abandoned, mut lost) = (0, 0, 0, 0, 0);
    let (mut transferred, mut left) = (0, 0);
    for scenario in scenarios {
        match run(&scenario) {
            Ok(summary) => {
                runs += 1;
                calls += summary.calls;
                answered += summary.answered;
                abandoned += summary.abandoned;
                lost += summary.lost;
                transferred += summary.transferred;
                left += summary.left;
            }
            Err(failure) => {
                eprintln!("{failure}");
                return ExitCode::FAILURE;
            }
        }
    }
    eprintln!(
        "{runs} runs, {calls} calls, {answered} answered, {abandoned} abandoned, {lost} operators \
         lost, {transferred} transferred, {left} of them left before: all held"
    );
    ExitCode::SUCCESS
}
