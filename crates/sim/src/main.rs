//! `sim rough FROM TO`: that many short runs full of trouble; `sim moving` with calls handed on, `sim watching` with
//! supervisors and orders about the people in calls, `sim briefing` with operators who are told something before
//! they are put through. `sim smooth CALLS OPERATORS`: one
//! long day. `sim ladder SEED`: how a rough run goes. Exit code 1 and a ladder where something did not hold.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use sim::{Scenario, run};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| args.get(at).and_then(|text| text.parse::<u64>().ok());
    if let (Some("ladder"), Some(seed)) = (args.first().map(String::as_str), number(1)) {
        let scenario = match args.get(2).map(String::as_str) {
            Some("moving") => Scenario::moving(seed),
            Some("watching") => Scenario::watching(seed),
            Some("briefing") => Scenario::briefing(seed),
            _ => Scenario::rough(seed),
        };
        eprint!("{}", sim::ladder(&scenario));
        return ExitCode::SUCCESS;
    }
    let scenarios: Box<dyn Iterator<Item = Scenario>> = match (args.first(), number(1), number(2)) {
        (Some(kind), Some(from), Some(to)) if kind == "rough" && from < to => {
            Box::new((from..to).map(Scenario::rough))
        }
        (Some(kind), Some(from), Some(to)) if kind == "moving" && from < to => {
            Box::new((from..to).map(Scenario::moving))
        }
        (Some(kind), Some(from), Some(to)) if kind == "watching" && from < to => {
            Box::new((from..to).map(Scenario::watching))
        }
        (Some(kind), Some(from), Some(to)) if kind == "briefing" && from < to => {
            Box::new((from..to).map(Scenario::briefing))
        }
        (Some(kind), Some(calls), Some(operators @ 1..)) if kind == "smooth" && calls > 0 => {
            Box::new(std::iter::once(Scenario::smooth(1, calls, operators)))
        }
        _ => {
            eprintln!(
                "usage: sim rough|moving|watching|briefing FROM TO (seeds, FROM below TO) | sim smooth \
                 CALLS OPERATORS (one or more of each) | sim ladder SEED [moving|watching|briefing]"
            );
            return ExitCode::from(2);
        }
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
