//! A colleague is asked for help, by order or by keys; and what else keys do.

use b2bua::Act;

use super::*;

/// Two operators and a caller of the queue, whom the first one serves; the other is asked for help.
fn helped(mode: HelpMode, change: impl FnOnce(&mut Scenario)) -> Scenario {
    house(2, |house| {
        house.strategy = acd::Strategy::InOrder;
        house.callers.push(Caller { talk_ms: 14_000, ..Caller::calm(2_000) });
        let whom = Whom::Operator("op1".into());
        let wanted = HelpWanted { by: None, whom, mode, headers: Vec::new(), timeout_ms: 10_000 };
        house.script.push((5_000, Asker::Operator("op0".into()), Act::Help(wanted)));
        change(house);
    })
}

#[test]
fn help() {
    let (two, three) = (HelpMode::TwoParty, HelpMode::ThreeParty);
    let take_back = |at_ms| (at_ms, Asker::Operator("op0".into()), Act::TakeBack);
    let about = [
        "Two-party help: op0 asks op1, who hears op0 and not the caller, who is held. op0 takes the caller",
        "back.",
    ];
    let taken = helped(two, |house| house.script.push(take_back(9_000)));
    check("help-two-party.txt", &about, &taken);
    let about = ["Three-party help: all three hear each other. op1 is taken out again."];
    let taken = helped(three, |house| house.script.push(take_back(9_000)));
    check("help-three-party.txt", &about, &taken);
    let about = [
        "The caller hangs up while op0 and op1 talk with each other: the record of the caller's call closes,",
        "and those two go on in a call of their own, until op0 is taken out of it.",
    ];
    let left = helped(two, |house| {
        house.callers[0].talk_ms = 7_000;
        let act = Act::Remove { participant: "op1".into() };
        house.script.push((12_000, Asker::Admin, act));
    });
    check("help-customer-leaves.txt", &about, &left);
    let about = [
        "op0 hangs up while op1 rings: it has become a transfer. op1 answers, and the task is theirs.",
    ];
    let transferred = helped(two, |house| {
        house.operators[1].answer_ms = 3_000;
        let act = Act::Remove { participant: "op0".into() };
        house.script.push((5_500, Asker::Admin, act));
    });
    check("help-becomes-transfer.txt", &about, &transferred);
    let about = [
        "op0 and op1 hang up within a moment of each other, each in the belief that the other has the caller:",
        "who is back in the queue, ahead, and is served anew.",
    ];
    let deserted = helped(two, |house| {
        house.operators[0].leaves_ms = Some(8_000);
        house.operators[1].leaves_ms = Some(8_100);
    });
    check("help-both-leave.txt", &about, &deserted);
    let about = ["op1 does not answer: op0 and the caller have talked on."];
    let unanswered = helped(three, |house| house.operators[1].ignore_permille = 1_000);
    check("help-no-answer.txt", &about, &unanswered);
}

#[test]
fn feature_codes() {
    let about = [
        "The same by keys: op0 holds the caller and takes them back (*1), asks op1 for help (*2101#), and",
        "takes the caller back (*9). Keys that are no code are told once it is known.",
    ];
    let keys = house(2, |house| {
        house.strategy = acd::Strategy::InOrder;
        house.callers.push(Caller { talk_ms: 16_000, ..Caller::calm(2_000) });
        house.keys = vec![
            (4_000, 0, "*1"),
            (6_000, 0, "*1"),
            (8_000, 0, "*2101#"),
            (12_000, 0, "*9"),
            (14_000, 0, "5*0"),
        ];
    });
    check("codes.txt", &about, &keys);
    let about = [
        "A transfer by keys: op0 calls op1 while the caller hears music (*5101#), they talk, and the caller",
        "is op1's (*6).",
    ];
    let transfer = house(2, |house| {
        house.strategy = acd::Strategy::InOrder;
        house.callers.push(Caller { talk_ms: 12_000, ..Caller::calm(2_000) });
        house.keys = vec![(5_000, 0, "*5101#"), (10_000, 0, "*6")];
    });
    check("codes-transfer.txt", &about, &transfer);
}
