//! `[[queue]]` and `[[menu]]`.

use b2bua::Audio;
use b2bua::config::{Announce, Go, Manner, Then};

use super::{OPERATOR, QUEUE, ROUTE, check, check_warnings, sound};

#[test]
fn queues() {
    check(
        "[[queue]]\nname = \"q\"\nstrategy = \"longest\"\nring_s = \"20\"\nwrap_up_s = -1\n\
           music = \"../jazz\"\non_limit = [{ do = \"voicemail\" }]\n[[queue]]\nname = \"q\"\n\
           after = { drop = true }\nstrategy = \"ring-all\"\ndelivery = \"refer\"",
        &[
            "a:3: `strategy` of [[queue]] `q` is `longest`; expected longest-idle | in-order | \
         round-robin | ring-all | least-talk-time | fewest-calls | least-occupied | fewest-dialogs | \
         random | weighted-random | progressive | best-skill",
            "a:4: `ring_s` of [[queue]] `q` is a string; expected seconds from 1 to 600",
            "a:5: `wrap_up_s` of [[queue]] `q` is -1; expected seconds from 0 to 86400",
            "a:6: `music` of [[queue]] `q` is `../jazz`; expected a name such as \"default\"",
            "a:7: `do = \"voicemail\"` of on_limit = [{ do = \"hangup\", code = 480 }] is not supported \
         yet; so far: hangup | wait | queue | transfer | announce",
            "a:8: [[queue]] `q` has `delivery = \"refer\"`, which brings a caller to one operator, and \
         the strategy ring-all, which rings several",
            "a:8: queue `q` is there twice; the first is at a:1",
            "a:10: `after` of [[queue]] `q` leads nowhere; without it the call ends, expected such as { bot = \"survey\" }",
        ],
    );
    let setup = sound(&format!("{QUEUE}ring_s = 2.5\non_limit = [{{ code = 486 }}]\n{OPERATOR}"));
    let queue = &setup.core.queues[0];
    assert_eq!((queue.ring_ms, queue.wrap_up_ms), (2_500, 10_000));
    assert_eq!(queue.on_limit[0].then, Then::HangUp(486));
}

#[test]
fn limits_of_a_queue() {
    let read = |steps: &str| {
        let rest = "[[queue]]\nname = \"other\"\n[[trunk]]\nname = \"t\"\nhosts = [\"1.2.3.4\"]\n\
                    proxy = \"sip:1.2.3.4\"\n";
        sound(&format!("{QUEUE}join_empty = false\non_limit = [{steps}]\n{OPERATOR}{rest}"))
            .core
            .queues[0]
            .on_limit
            .clone()
    };
    let prompt = |name: &str| Some(Audio::Prompt(vec![name.into()]));
    let steps = read(
        "{ reasons = [\"closed\"], do = \"announce\", prompt = \"closed\", code = 486 }, \
         { reasons = [\"max_wait\"], do = \"announce\", prompt = \"say:Moment\", then = \"wait\" }, \
         { reasons = [\"queue_full\"], do = \"queue\", queue = \"other\", prompt = \"closed\" }, \
         { do = \"transfer\", number = \"112\", trunk = \"t\" }",
    );
    assert_eq!(steps[0].reasons, [acd::LimitReason::Closed]);
    assert_eq!((steps[0].say.clone(), &steps[0].then), (prompt("closed"), &Then::HangUp(486)));
    assert!(matches!(steps[1].say, Some(Audio::Made(_))));
    assert_eq!(steps[1].then, Then::Wait);
    let other = Go::Queue { queue: "other".into(), priority_s: None, manner: Manner::default() };
    assert_eq!((steps[2].say.clone(), &steps[2].then), (prompt("closed"), &Then::Go(other)));
    assert!(!steps[3].reasons.contains(&acd::LimitReason::NoFreeOperator));
    assert_eq!(steps[3].then, Then::Go(Go::Number { number: "112".into(), trunk: "t".into() }));
    let shown = "on_limit = [{ do = \"hangup\", code = 480 }]";
    check(
        "[[queue]]\nname = \"q\"\non_limit = [\n{ reasons = [\"full\"], do = \"wait\" },\n{ do = \"queue\" },\n\
         { do = \"queue\", queue = \"q\" },\n{ do = \"transfer\" },\n{ do = \"announce\" }]",
        &[
            &format!(
                "a:4: `reasons` of {shown} has `full`; expected no_free_operator | nobody_signed_in | \
                 queue_full | max_wait | closed"
            ),
            &format!("a:4: {shown}: the steps before it leave nothing to it"),
            &format!("a:5: {shown} has no `queue`; expected a queue's name"),
            &format!("a:6: `queue` of {shown} is the queue itself"),
            &format!("a:6: {shown}: the steps before it leave nothing to it"),
            &format!("a:7: {shown} needs exactly one of operator, uri, number to transfer to"),
            &format!("a:7: {shown}: the steps before it leave nothing to it"),
            &format!(
                "a:8: {shown} has no `prompt`; expected the name of a sound, `say:TEXT` or a URL"
            ),
            &format!("a:8: {shown}: the steps before it leave nothing to it"),
        ],
    );
}

#[test]
fn menus_and_ways_out_by_key() {
    let text = "exit = { \"1\" = { operator = \"o\" }, \"*\" = { menu = \"main\" } }\n\
                announce = { position_every_s = 45 }\n";
    let menu = "[[menu]]\nname = \"main\"\nprompt = \"say:Press one\"\n\
                keys = { \"1\" = { queue = \"q\", priority_s = 5 }, \"#\" = { announce = \"closed\" } }\n\
                timeout_s = 3\notherwise = { queue = \"q\" }\n";
    let core = sound(&format!("{QUEUE}{text}{OPERATOR}{menu}")).core;
    let exits = &core.queues[0].exits;
    assert_eq!(exits[&'1'], Go::Operator("o".into()));
    assert_eq!(exits[&'*'], Go::Menu("main".into()));
    assert_eq!(core.queues[0].announce, Some(Announce { position_every_ms: 45_000 }));
    let menu = &core.menus[0];
    assert_eq!((menu.timeout_ms, menu.retries, menu.keys.len()), (3_000, 2, 2));
    assert_eq!(
        menu.keys[&'1'],
        Go::Queue { queue: "q".into(), priority_s: Some(5), manner: Manner::default() }
    );
    check(
        "[[menu]]\nname = \"m\"\n[[menu]]\nname = \"m\"\nprompt = \"closed\"\n\
         keys = { \"12\" = { drop = true }, \"1\" = 5, \"2\" = { queue = \"none\" } }\notherwise = {}",
        &[
            "a:1: [[menu]] `m` has no `keys`; expected such as { \"1\" = { queue = \"support\" } }",
            "a:1: [[menu]] `m` has no `otherwise`; expected such as { queue = \"support\" }",
            "a:1: [[menu]] `m` has no `prompt`; expected the name of a sound, `say:TEXT` or a URL",
            "a:3: menu `m` is there twice; the first is at a:1",
            "a:6: key `12` in `keys` of [[menu]] `m`: expected one of 0 to 9, * and #",
            "a:6: key `1` in `keys` of [[menu]] `m` is a whole number; expected such as { queue = \
             \"support\" }",
            "a:6: key `2` in `keys` of [[menu]] `m` names queue `none`, which is not there; there is no \
             [[queue]] at all",
            "a:7: `otherwise` of [[menu]] `m` needs exactly one of queue, operator, bot, uri, number, \
             announce, menu, hook, park, reject, drop, e.g. { queue = \"support\" }",
        ],
    );
}

#[test]
fn before_the_bridge() {
    use b2bua::config::{Before, OnTimeout, PreBridge};
    let read = |keys: &str| {
        let core = sound(&format!("{QUEUE}pre_bridge = {{ {keys} }}\n{OPERATOR}")).core;
        core.queues[0].pre_bridge.clone().unwrap()
    };
    let expected = |before, timeout_ms, on_timeout| PreBridge { before, timeout_ms, on_timeout };
    let says = Before::Say("A call from {from}".into());
    assert_eq!(read("say = \"A call from {from}\""), expected(says, 10_000, OnTimeout::Connect));
    assert_eq!(
        read("play = \"beep\", timeout_s = 2.5, on_timeout = \"requeue\""),
        expected(Before::Play("beep".into()), 2_500, OnTimeout::Requeue)
    );
    assert_eq!(read("decide = \"api\"").before, Before::Decide);
    check(
        "[[queue]]\nname = \"q\"\npre_bridge = { play = \"../x\", say = \"y\", colour = 1 }\n[[queue]]\n\
           name = \"r\"\npre_bridge = {}\n[[queue]]\nname = \"s\"\npre_bridge = { decide = \"phone\" }",
        &[
            "a:3: `play` of `pre_bridge` of [[queue]] `q` is `../x`; expected the name of a sound",
            "a:3: `pre_bridge` of [[queue]] `q` needs one of say, play, decide",
            "a:3: unknown key `colour` in `pre_bridge` of [[queue]] `q`; known: decide, on_timeout, play, \
         say, timeout_s",
            "a:6: `pre_bridge` of [[queue]] `r` needs one of say, play, decide",
            "a:9: `decide` of `pre_bridge` of [[queue]] `s` is `phone`; expected api",
        ],
    );
    let with = |keys: &str| {
        format!("{ROUTE}{QUEUE}{keys}\n{OPERATOR}[media]\nspeech = []\nports = \"20000-29999\"\n")
    };
    check_warnings(
        &with("pre_bridge = { play = \"nothing\" }"),
        &[
            "a:4: `pre_bridge` of queue `q` plays `nothing`, which is not there, so operators are told \
         nothing; upload it, or see `prompts` of [media]",
        ],
    );
    check_warnings(
        &with("pre_bridge = { say = \"x\" }"),
        &[
            "a:4: `pre_bridge` of queue `q` says a text, and `speech` of [media] is empty, so operators \
         are told nothing",
        ],
    );
    check_warnings(&with("pre_bridge = { play = \"closed\" }"), &[]);
}

#[test]
fn tasks_that_are_kept_back() {
    let read = |keys: &str| {
        let core = sound(&format!("{QUEUE}{keys}\n{OPERATOR}")).core;
        (core.queues[0].hold, core.queues[0].hold_for)
    };
    use acd::Hold;
    assert_eq!(read(""), (false, Hold::For(0)));
    assert_eq!(read("hold = true\nhold_s = 2.5"), (true, Hold::For(2_500)));
    assert_eq!(read("hold_s = \"release\""), (false, Hold::Released));
    let go = "[[route]]\nto = \"1\"\ngo = { queue = \"q\", hold = true, auto_connect = false }\n";
    let core = sound(&format!("{QUEUE}{OPERATOR}{go}")).core;
    let manner = Manner { auto_connect: false, hold: Some(true) };
    let expected = Go::Queue { queue: "q".into(), priority_s: None, manner };
    assert_eq!(core.routes[0].go, expected);
    check(
        &format!("{QUEUE}hold_s = \"never\"\n{OPERATOR}"),
        &["a:4: `hold_s` of [[queue]] `q` is `never`; expected release"],
    );
    check_warnings(
        &format!("{QUEUE}hold = true\n{OPERATOR}{ROUTE}"),
        &[
            "a:1: [[queue]] `q`: `hold` keeps nobody back for `hold_s = 0`; say how long, or \"release\"",
        ],
    );
}

#[test]
fn callbacks() {
    use b2bua::config::{Abandoned, CallbackPolicy, First};
    let trunk = "[[trunk]]\nname = \"t\"\nhosts = [\"1.2.3.4\"]\nproxy = \"sip:1.2.3.4\"\n";
    let read = |keys: &str| {
        let queue = sound(&format!("{QUEUE}{keys}\n{OPERATOR}{trunk}")).core.queues[0].clone();
        (queue.callback, queue.abandoned, queue.caller_id)
    };
    let usual = CallbackPolicy {
        key: Some('*'),
        trunk: None,
        first: First::Operator,
        confirm: true,
        attempts_max: 3,
        gap_ms: 600_000,
        expires_ms: 86_400_000,
        share: 0,
        hours: None,
    };
    assert_eq!(read(""), (None, Abandoned::Removed, None));
    assert_eq!(read("callback = {}"), (Some(usual.clone()), Abandoned::Removed, None));
    assert_eq!(read("callback = { enabled = false }").0, None);
    let all = "callback = { key = \"\", trunk = \"t\", first = \"customer\", confirm = false, attempts = 5, \
               gap_s = 1, expires_s = 60, share = 0.25 }\non_abandon = \"callback\"\ncaller_id = \"+7495\"";
    let policy = CallbackPolicy {
        key: None,
        trunk: Some("t".into()),
        first: First::Customer,
        confirm: false,
        attempts_max: 5,
        gap_ms: 1_000,
        expires_ms: 60_000,
        share: 250,
        ..usual
    };
    assert_eq!(read(all), (Some(policy), Abandoned::CalledBack, Some("+7495".into())));
    check(
        "[[queue]]\nname = \"q\"\non_abandon = \"callback\"\n[[queue]]\nname = \"r\"\n\
         on_abandon = \"ring\"\ncallback = {\ntrunk = \"none\",\nshare = 2,\nkey = \"x\",\nfirst = \"bot\",\n\
         attempts = 0,\ngap_s = 0,\ncolour = 1 }",
        &[
            "a:1: [[queue]] `q` calls back who gives up, and it has no `callback`; expected such as \
             callback = { trunk = \"carrier\" }",
            "a:6: `on_abandon` of [[queue]] `r` is `ring`; expected remove | callback",
            "a:8: `callback` of [[queue]] `r` names trunk `none`, which is not there; there is no \
             [[trunk]] at all",
            "a:9: `share` of `callback` of [[queue]] `r` is 2; expected a number from 0 to 1",
            "a:10: `key` of `callback` of [[queue]] `r` is `x`; expected one of 0 to 9, * and #, or \
             \"\" for none",
            "a:11: `first` of `callback` of [[queue]] `r` is `bot`; expected operator | customer",
            "a:12: `attempts` of `callback` of [[queue]] `r` is 0; expected a whole number from 1 \
             to 100",
            "a:13: `gap_s` of `callback` of [[queue]] `r` is 0; expected seconds from 1 to 604800",
            "a:14: unknown key `colour` in `callback` of [[queue]] `r`; known: attempts, confirm, enabled, \
             expires_s, first, gap_s, hours, key, share, trunk",
        ],
    );
    let deaf = "[[trunk]]\nname = \"t\"\nhosts = [\"1.2.3.4\"]\n";
    let over =
        |more: &str| format!("{QUEUE}callback = {{ trunk = \"t\"{more} }}\n{OPERATOR}{deaf}");
    check(
        &over(""),
        &["a:1: `callback` of [[queue]] `q` calls over trunk `t`, which has no `proxy`; add one"],
    );
    check(&over(", enabled = false"), &[]);
}
