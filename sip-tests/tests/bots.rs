//! A bot that answers first, hands its caller on by REFER or over HTTP, and gets them back or not.

use serde_json::{Value, json};
use sip_tests::{Config, Phone, SOON, Server, Sip};

const CALLER_HZ: f64 = 400.0;
const BOT_HZ: f64 = 900.0;
const ALICE_HZ: f64 = 700.0;
/// Where the bot is.
const BOT: &str = "127.0.0.6";

/// A caller who talks with the bot; Alice is there.
struct House {
    server: Server,
    caller: Phone,
    bot: Phone,
    alice: Phone,
    call: String,
}

impl House {
    #[track_caller]
    fn open() -> Self {
        let nowhere = ([127, 0, 0, 1], 9).into();
        let mut bot = Phone::towards(nowhere, BOT, "greeter", BOT_HZ);
        let mut config = Config::default();
        config.more +=
            &format!("[[bot]]\nname = \"greeter\"\nuri = \"sip:greeter@{}\"\n", bot.address());
        config.routes += "[[route]]\nto = \"^700$\"\ngo = { bot = \"greeter\" }\n";
        let server = Server::start(&config);
        bot.aim(&server);
        let alice = Phone::operator(&server, "alice", ALICE_HZ);
        let mut caller = Phone::caller(&server, CALLER_HZ);
        caller.invite("700");
        let invite = bot.expect("INVITE");
        let call = invite.must("X-Usher-Call").to_owned();
        bot.answer();
        caller.expect_answer();
        let mut house = Self { server, caller, bot, alice, call };
        house.talks_with_bot();
        house
    }

    #[track_caller]
    fn talks_with_bot(&mut self) {
        self.caller.audio.hears(BOT_HZ);
        self.bot.audio.hears(CALLER_HZ);
    }

    #[track_caller]
    fn hands_on(&self, body: &Value) {
        let path = format!("/calls/{}/transfer", self.call);
        let (status, body) = self.server.api.post(&path, body);
        assert_eq!((status, &body["status"]), (202, &json!("PENDING")), "{body}");
    }

    #[track_caller]
    fn refers(&mut self, to: &str, headers: &str) {
        self.bot.request("REFER", &format!("Refer-To: <{to}>\r\n{headers}"));
        assert_eq!(self.bot.expect_response("REFER").status(), Some(202));
    }

    #[track_caller]
    fn status(&self) -> Value {
        self.server.api.get(&format!("/calls/{}/transfer", self.call)).1
    }

    /// Alice answers, and has the caller.
    #[track_caller]
    fn alice_answers(&mut self) -> Sip {
        let invite = self.alice.expect("INVITE");
        self.alice.answer();
        self.caller.audio.hears(ALICE_HZ);
        self.alice.audio.hears(CALLER_HZ);
        invite
    }

    /// The bot is told by re-INVITE, and has the caller, whose dialog has not changed, with less than
    /// 200 ms of anything else.
    #[track_caller]
    fn back_with_bot(&mut self, asked: sip_tests::Mark, before: &[f64], told: &str) {
        let done = self.caller.audio.mark();
        let reinvite = self.bot.expect("INVITE");
        assert_eq!(reinvite.must("X-Usher-Transfer"), told);
        assert!(reinvite.tag("To").is_some(), "it is no re-INVITE:\n{}", reinvite.text());
        self.bot.answer();
        self.talks_with_bot();
        let turn = self.caller.audio.turned(asked, done, (before, &[BOT_HZ]));
        eprintln!("{told}: {turn}");
        assert!(turn.late_ms.max(turn.wait_ms) < 200.0, "{turn}");
        assert_eq!(self.caller.times("INVITE"), 0, "the caller's dialog does not change");
    }

    #[track_caller]
    fn finish(mut self) {
        self.caller.hang_up();
        self.bot.expect_bye();
        self.server.finish();
    }
}

/// Answers NOTIFYs up to the last one; what that says.
#[track_caller]
fn outcome(phone: &mut Phone) -> String {
    loop {
        let notify = phone.expect("NOTIFY");
        phone.reply(&notify, "200 OK", "", "");
        if notify.must("Subscription-State").starts_with("terminated") {
            return notify.body.trim_end().to_owned();
        }
    }
}

#[test]
fn over_http_and_back_when_the_operator_is_done() {
    let mut house = House::open();
    house.hands_on(&json!({ "operator": "alice", "continue_call": true,
        "headers": { "callReason": "support" } }));
    let invite = house.alice_answers();
    assert_eq!(invite.must("X-CRM-callReason"), "support");
    assert_eq!(house.status()["status"], "TALKING");
    let asked = house.caller.audio.mark();
    house.alice.hang_up();
    house.back_with_bot(asked, &[ALICE_HZ], "status=SUCCESS;hangup=false;number=alice");
    let done = json!({ "status": "SUCCESS", "hangup": false, "number": "alice" });
    assert_eq!(house.status(), done);
    house.finish();
}

#[test]
fn by_refer_and_back_since_the_operator_is_busy() {
    let mut house = House::open();
    let to = "sip:101@usher.test?callReason=support";
    house.refers(to, "X-Usher-Continue-Call: true\r\nX-Usher-Timeout: 20\r\n");
    let invite = house.alice.expect("INVITE");
    assert_eq!(invite.must("X-CRM-callReason"), "support");
    house.alice.reply_invite("486 Busy Here");
    assert_eq!(outcome(&mut house.bot), "SIP/2.0 486 Busy Here");
    let reinvite = house.bot.expect("INVITE");
    assert_eq!(reinvite.must("X-Usher-Transfer"), "status=FAIL;hangup=false;number=101");
    house.bot.answer();
    house.talks_with_bot();
    let failed = json!({ "status": "FAIL", "hangup": false, "number": "101", "reason": "busy" });
    assert_eq!(house.status(), failed);
    house.finish();
}

#[test]
fn by_refer_to_a_queue_and_back() {
    let mut house = House::open();
    house.refers("sip:600@usher.test?X-Usher-Continue-Call=true&X-Why=7", "");
    let invite = house.alice_answers();
    assert_eq!(invite.must("X-Why"), "7");
    assert_eq!(invite.must("X-Usher-Queue"), "support");
    let asked = house.caller.audio.mark();
    house.alice.hang_up();
    assert_eq!(outcome(&mut house.bot), "SIP/2.0 200 OK");
    house.back_with_bot(asked, &[ALICE_HZ], "status=SUCCESS;hangup=false;number=600");
    house.finish();
}

#[test]
fn a_bot_that_hung_up_is_called_anew() {
    let mut house = House::open();
    house.hands_on(&json!({ "number": "101", "continue_call": true }));
    house.alice_answers();
    house.bot.hang_up();
    house.alice.hang_up();
    let again = house.bot.expect("INVITE");
    let told = "status=SUCCESS;hangup=false;number=101";
    assert_eq!(again.must("X-Usher-Transfer"), told);
    assert_eq!(again.tag("To"), None);
    house.caller.audio.hears_music(&[ALICE_HZ, BOT_HZ]);
    house.bot.answer();
    house.talks_with_bot();
    assert_eq!(house.caller.times("INVITE"), 0);
    house.finish();
}

#[test]
fn the_caller_leaves_while_the_operator_has_them() {
    let mut house = House::open();
    house.hands_on(&json!({ "operator": "alice", "continue_call": true }));
    house.alice_answers();
    house.caller.hang_up();
    let bye = house.bot.expect_bye();
    assert_eq!(bye.must("X-Usher-Transfer"), "status=SUCCESS;hangup=true;number=alice");
    house.alice.expect_bye();
    house.server.events.wait("call.ended", &[]);
    let gone = json!({ "status": "SUCCESS", "hangup": true, "number": "alice" });
    assert_eq!(house.status(), gone);
    house.server.finish();
}

#[test]
fn without_continue_call_success_is_the_end() {
    let mut house = House::open();
    house.refers("sip:101@usher.test", "");
    house.alice_answers();
    assert_eq!(outcome(&mut house.bot), "SIP/2.0 200 OK");
    house.bot.expect_bye();
    house.alice.hang_up();
    house.caller.expect_bye();
    let done = json!({ "status": "SUCCESS", "hangup": false, "number": "101" });
    house.server.events.wait("call.ended", &[]);
    assert_eq!(house.status(), done);
    house.server.finish();
}

#[test]
fn without_continue_call_failure_is_told_to_the_caller() {
    let mut house = House::open();
    house.refers("sip:101@usher.test", "");
    house.alice.expect("INVITE");
    house.alice.reply_invite("603 Decline");
    assert_eq!(outcome(&mut house.bot), "SIP/2.0 603 Decline");
    house.bot.expect_bye();
    house.server.events.wait("transfer.failed", &[("reason", "declined")]);
    let prompt = |hears: &Value| {
        let rows = hears.as_object().map(|rows| rows.values().cloned().collect::<Vec<_>>());
        rows.is_some_and(|rows| rows.contains(&json!(["prompt:en/nobody-here"])))
    };
    let told = |event: &Value| prompt(&event["hears"]).then_some(());
    assert!(house.server.events.poll(SOON, 0, told).is_some(), "the caller is told nothing");
    // They hear it out, four seconds of it.
    house.server.events.wait_within(3 * SOON, 0, "call.ended", &[]);
    house.caller.expect_bye();
    house.server.finish();
}

#[test]
fn a_bots_refer_is_judged() {
    let mut house = House::open();
    for (refer, status) in [
        ("Refer-To: <sip:101@usher.test?Via=x>\r\n", 400),
        ("Refer-To: <sip:101@usher.test>\r\nX-Usher-Continue-Call: perhaps\r\n", 400),
        ("Refer-To: <sip:101@usher.test>\r\nX-Usher-Timeout: 0\r\n", 400),
        ("Refer-To: <sip:a@127.0.0.9>\r\n", 403),
        ("Refer-To: <sip:999@usher.test>\r\n", 404),
    ] {
        house.bot.request("REFER", refer);
        assert_eq!(house.bot.expect_response("REFER").status(), Some(status), "{refer}");
    }
    house.talks_with_bot();
    house.finish();
}

#[test]
fn a_customer_whose_operator_hangs_up_is_with_the_bot() {
    let nowhere = ([127, 0, 0, 1], 9).into();
    let mut bot = Phone::towards(nowhere, BOT, "survey", BOT_HZ);
    let mut config = Config::queue("after = { bot = \"survey\" }");
    let uri = bot.address();
    config.more += &format!("[[bot]]\nname = \"survey\"\nuri = \"sip:survey@{uri}\"\n");
    let server = Server::start(&config);
    bot.aim(&server);
    let mut alice = Phone::operator(&server, "alice", ALICE_HZ);
    let mut caller = Phone::caller(&server, CALLER_HZ);
    caller.invite("600");
    alice.expect("INVITE");
    alice.answer();
    caller.expect_answer();
    caller.audio.hears(ALICE_HZ);
    let asked = caller.audio.mark();
    alice.hang_up();
    let invite = bot.expect("INVITE");
    let told = ["X-Usher-Queue", "X-Usher-Operator"].map(|name| invite.must(name));
    assert_eq!(told, ["support", "alice"]);
    let done = server.events.wait("task.completed", &[("operator", "alice")]);
    assert_eq!(done["task"], invite.must("X-Usher-Task"));
    let answered = caller.audio.mark();
    bot.answer();
    caller.audio.hears(BOT_HZ);
    bot.audio.hears(CALLER_HZ);
    let turn = caller.audio.turned(asked, answered, (&[ALICE_HZ], &[BOT_HZ]));
    assert!(turn.wait_ms < 200.0, "{turn}");
    assert_eq!(caller.times("INVITE"), 0, "the caller's dialog does not change");
    bot.hang_up();
    caller.expect_bye();
    server.events.wait("call.ended", &[("result", "answered")]);
    // Without the bot the call ends, as it would have.
    caller.invite("600");
    alice.expect("INVITE");
    alice.answer();
    caller.expect_answer();
    caller.audio.hears(ALICE_HZ);
    alice.hang_up();
    bot.expect("INVITE");
    bot.reply_invite("486 Busy Here");
    caller.expect_bye();
    server.finish();
}
