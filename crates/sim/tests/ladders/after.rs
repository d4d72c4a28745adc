//! What follows an operator's hang-up, where the queue says so.

use b2bua::Audio;
use b2bua::config::Go;
use sim::Scenario;

use super::check;

/// Two operators, the second of them a bot, and a caller whose operator hangs up.
fn house(after: Go, change: impl FnOnce(&mut Scenario)) -> Scenario {
    let mut scenario = Scenario::quiet(2);
    scenario.callers = vec![sim::Caller { talk_ms: 6_000, ..sim::Caller::calm(1_000) }];
    scenario.bot = Some(1);
    scenario.operators[0].leaves_ms = Some(4_000);
    scenario.wrap_up_s = 1;
    scenario.reception.after = Some(after);
    change(&mut scenario);
    scenario
}

#[test]
fn a_customer_goes_on_when_their_operator_hangs_up() {
    let about = |line| {
        let first =
            "after: where customers go whose operators hang up. Their task is over meanwhile.";
        [first, line]
    };
    let bot = || Go::Bot("greeter".into());
    let asked = house(bot(), |_| ());
    check("after-bot.txt", &about("A bot has them, who is told of whom."), &asked);
    let nobody = house(bot(), |house| house.operators[1].busy_permille = 1_000);
    check("after-busy.txt", &about("It is busy: the call ends as it would have."), &nobody);
    let thanked = Go::Announce(Audio::Prompt(vec!["closed".into()]));
    let thanked = house(thanked, |house| house.bot = None);
    check("after-word.txt", &about("They are told something, and the call ends."), &thanked);
}
