//! What is recorded: whose voice is on which side, one file whatever becomes of the call, and calls that
//! do not care how the disk fares.
#![expect(clippy::expect_used, clippy::panic, reason = "all of it is a test")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use sip_tests::{Config, Phone, Server, Sound, Wave, call_of, connect, connected, record};

const CALLER_HZ: f64 = 1_130.0;
const ALICE_HZ: f64 = 1_570.0;
const BOB_HZ: f64 = 2_210.0;
const TONES: [f64; 3] = [CALLER_HZ, ALICE_HZ, BOB_HZ];

/// Silence that follows a pause in the file.
const STALE_S: f64 = 0.4;

fn recording(policy: &str) -> Config {
    Config { media: format!("record = \"{policy}\""), ..Config::default() }
}

/// They talk for so long, each heard by the other all the while.
fn talk(one: &Phone, other: &Phone, for_ms: u64) {
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(for_ms) {
        one.audio.hears(other.audio.hz());
        other.audio.hears(one.audio.hz());
    }
}

/// Switches the recording, and waits until that is told.
fn switch(server: &Server, call: &str, state: &str, event: &str) -> Value {
    let mark = server.events.mark();
    let (status, body) =
        server.api.patch(&format!("/calls/{call}/recording"), &json!({ "state": state }));
    assert_eq!((status, body["state"].as_str()), (200, Some(state)), "{body}");
    server.events.wait_from(mark, event, &[("call", call), ("by", "test")])
}

/// The recording of a call that is over, by the API.
fn heard(server: &Server, call: &str) -> Wave {
    // What is closed a moment after the call is told by nothing else.
    let file = server.api.until("a recording that is whole", |api| {
        let record = api.get(&format!("/records/calls/{call}")).1;
        let stopped = record["recording"]["stopped"].is_string();
        let open = folder(server).join(".open").join(call).exists();
        (stopped && !open).then(|| api.octets(&format!("/records/calls/{call}/recording")))
    });
    assert_eq!(file.0, 200);
    Wave::read(&file.1)
}

fn folder(server: &Server) -> PathBuf {
    server.folder.join("data/recordings")
}

/// The only file of this kind.
fn the_file(server: &Server, kind: &str) -> PathBuf {
    let mut folders = vec![folder(server)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of recordings").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == kind) {
                found.push(path);
            }
        }
    }
    let [file] = found.as_slice() else { panic!("one {kind}: {found:?}") };
    file.clone()
}

/// Seconds from one event to another.
fn between(from: &Value, to: &Value) -> f64 {
    let ms = |event: &Value| -> f64 {
        let text = event["at"].as_str().expect("a time");
        let clock = text.split_once('T').map_or("", |(_, clock)| clock).trim_end_matches('Z');
        let parts = clock.split(':').map(|part| part.parse::<f64>().expect("a number"));
        parts.fold(0.0, |sum, part| sum * 60.0 + part)
    };
    // A test over midnight is a day late.
    (ms(to) - ms(from)).rem_euclid(86_400.0)
}

/// That sounds follow each other like this; each lasts about as long as is said, where it is.
fn follow(heard: &[(Sound, f64)], expected: &[(Sound, Option<f64>)]) {
    let sounds: Vec<Sound> = heard.iter().map(|(sound, _)| *sound).collect();
    let wanted: Vec<Sound> = expected.iter().map(|(sound, _)| *sound).collect();
    assert_eq!(sounds, wanted, "{heard:?}");
    for ((sound, is_s), (_, should_s)) in heard.iter().zip(expected) {
        let near = should_s.is_none_or(|should_s| (is_s - should_s).abs() < 0.25);
        assert!(near, "{sound:?}: {is_s} s instead of {should_s:?}; {heard:?}");
    }
}

#[test]
fn one_file_over_pause_hold_and_transfer_with_the_customer_on_the_left() {
    let server = Server::start(&recording("always"));
    let (mut caller, mut alice) = connected(&server);
    let started = server.events.wait("recording.started", &[("cause", "policy")]);
    let call = call_of(&started).to_owned();
    assert!(server.events.count("call.answered", &[]) == 1, "not before the answer");
    let shown = server.api.get(&format!("/calls/{call}")).1;
    assert_eq!(
        (&shown["recording"]["state"], &shown["recording"]["file"]),
        (&json!("on"), &started["file"])
    );
    talk(&caller, &alice, 1_000);

    let paused = switch(&server, &call, "paused", "recording.paused");
    talk(&caller, &alice, 1_000);
    let resumed = switch(&server, &call, "on", "recording.resumed");
    talk(&caller, &alice, 500);

    alice.direction = "sendonly";
    alice.reinvite();
    alice.expect_answer();
    let held = server.events.wait("participant.held", &[]);
    caller.audio.hears_music(&TONES);
    caller.audio.hears_music(&TONES);
    alice.direction = "sendrecv";
    alice.reinvite();
    alice.expect_answer();
    let back = server.events.wait("participant.resumed", &[]);
    talk(&caller, &alice, 500);

    let mut bob = Phone::operator(&server, "bob", BOB_HZ);
    alice.request("REFER", "Refer-To: <sip:102@usher.test>\r\nRefer-Sub: false\r\n");
    assert_eq!(alice.expect_response("REFER").status(), Some(200), "and no NOTIFY (RFC 4488)");
    bob.expect("INVITE");
    caller.audio.hears_music(&TONES);
    caller.audio.hears_music(&TONES);
    connect(&caller, &mut bob);
    alice.hang_up();
    talk(&caller, &bob, 1_000);
    caller.hang_up();
    bob.expect_bye();
    let stopped = server.events.wait("recording.stopped", &[("cause", "ended")]);

    let wave = heard(&server, &call);
    plays(&wave, [&started, &paused, &resumed, &held, &back, &stopped]);
    is_described(&server, &call, between(&started, &paused));
    let record = record(&server, &call);
    let recording = &record["recording"];
    assert_eq!((&recording["cause"], recording["lost_s"].as_f64()), (&json!("ended"), Some(0.0)));
    server.api.until("who listened is noted", |api| {
        let record = api.get(&format!("/records/calls/{call}")).1;
        (record["recording"]["played"][0]["by"] == "test").then_some(())
    });
    assert_eq!(server.api.metric("usher_recording_dropped_total"), Some(0.0));
    server.finish();
}

/// The customer and Alice talk, are not recorded for a while, talk, Alice holds, they talk, and then it
/// is Bob.
fn plays(wave: &Wave, moments: [&Value; 6]) {
    let [started, paused, resumed, held, back, stopped] = moments;
    assert_eq!(wave.hz, 8_000);
    let length_s = between(started, stopped);
    assert!((wave.length_s() - length_s).abs() < 0.2, "{} of {length_s}", wave.length_s());
    // Until what was said in the pause is out of the network and the jitter buffers.
    let pause_s = between(paused, resumed) + STALE_S;
    let silence_s = wave.silence_at(between(started, paused) + pause_s / 2.0);
    assert!((silence_s - pause_s).abs() < 0.06, "{silence_s} s of silence, paused for {pause_s}");
    let hold_s = between(held, back);
    let (tone, silence) = (Sound::Tone, Sound::Silence);
    // Paused, held, handed on. What nobody hears is not recorded either.
    let talks = |first: f64, then: f64| {
        [
            (tone(first), Some(between(started, paused))),
            (silence, Some(pause_s)),
            (tone(first), None),
            (silence, Some(hold_s)),
            (tone(first), None),
            (silence, None),
            (tone(then), None),
        ]
    };
    follow(&wave.on_the_left(&TONES), &talks(CALLER_HZ, CALLER_HZ));
    follow(&wave.on_the_right(&TONES), &talks(ALICE_HZ, BOB_HZ));
}

/// What stands beside the file says the same.
fn is_described(server: &Server, call: &str, paused_at_s: f64) {
    let text = fs::read_to_string(the_file(server, "json")).expect("a sidecar");
    let told: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&told["call"], &told["result"]), (&json!(call), &json!("ended")), "{told:#}");
    let pause = &told["pauses"][0];
    let at_s = pause["at_s"].as_f64().expect("a number");
    assert!((at_s - paused_at_s).abs() < 0.005 && pause["by"] == "test", "{pause}");
    let operators: Vec<&str> = told["participants"]
        .as_object()
        .expect("participants")
        .values()
        .filter_map(|party| party["operator"].as_str())
        .collect();
    assert!(operators.contains(&"alice") && operators.contains(&"bob"), "{operators:?}");
    assert!(told["segments"].as_array().is_some_and(|all| all.len() >= 5), "{told:#}");
}

#[test]
fn two_operators_the_caller_is_on_the_left_and_a_queue_may_say_otherwise() {
    let config =
        Config { media: "record = \"always\"".into(), ..Config::queue("record = \"never\"") };
    let server = Server::start(&config);
    let mut alice = Phone::operator(&server, "alice", ALICE_HZ);
    let mut bob = Phone::operator(&server, "bob", BOB_HZ);
    bob.invite("101");
    alice.expect("INVITE");
    alice.answer();
    bob.expect_answer();
    let started = server.events.wait("recording.started", &[]);
    talk(&bob, &alice, 500);
    bob.hang_up();
    alice.expect_bye();
    let wave = heard(&server, call_of(&started));
    follow(&wave.on_the_left(&TONES), &[(Sound::Tone(BOB_HZ), None)]);
    follow(&wave.on_the_right(&TONES), &[(Sound::Tone(ALICE_HZ), None)]);

    let mut caller = Phone::caller(&server, CALLER_HZ);
    caller.invite("600");
    caller.expect_answer();
    alice.expect("INVITE");
    connect(&caller, &mut alice);
    let answered =
        server.events.wait("call.answered", &[("operator", "alice"), ("call", &call(&server))]);
    let path = format!("/calls/{}/recording", call_of(&answered));
    assert_eq!(server.api.patch(&path, &json!({ "state": "on" })).0, 409);
    caller.hang_up();
    alice.expect_bye();
    server.events.wait("call.ended", &[("call", call_of(&answered))]);
    assert_eq!(server.events.count("recording.started", &[]), 1);
    server.finish();
}

/// The call that lives.
fn call(server: &Server) -> String {
    let calls = server.api.items("/calls");
    calls[0]["id"].as_str().expect("an id").to_owned()
}

#[test]
fn on_demand_it_is_switched_on_off_and_on_again_and_erased_by_number() {
    let server = Server::start(&recording("on-demand"));
    let (mut caller, mut alice) = connected(&server);
    let call = call(&server);
    let path = format!("/calls/{call}/recording");
    assert_eq!(server.api.patch(&path, &json!({ "state": "paused" })).0, 409);
    let first = switch(&server, &call, "on", "recording.started");
    assert_eq!(server.api.patch(&path, &json!({ "state": "on" })).0, 200, "twice is once");
    talk(&caller, &alice, 700);
    let off = switch(&server, &call, "off", "recording.stopped");
    talk(&caller, &alice, 700);
    let on = switch(&server, &call, "on", "recording.started");
    assert_eq!((&on["recording"], &on["file"]), (&first["recording"], &first["file"]));
    talk(&caller, &alice, 700);
    caller.hang_up();
    alice.expect_bye();
    let wave = heard(&server, &call);
    let tone = (Sound::Tone(CALLER_HZ), None);
    follow(&wave.on_the_left(&TONES), &[tone, (Sound::Silence, Some(between(&off, &on))), tone]);

    let file = format!("/records/calls/{call}/recording");
    let (status, erased) = server.api.delete("/records/recordings?number=%2B74951234567");
    assert_eq!((status, &erased), (200, &json!({ "erased": [call], "live": 0 })));
    server.events.wait("recording.erased", &[("call", &call), ("by", "test")]);
    server.api.until("no recording", |api| (api.get(&file).0 == 404).then_some(()));
    server.api.until("a record that says so", |api| {
        let record = api.get(&format!("/records/calls/{call}")).1;
        record["recording"]["erased"].is_string().then_some(())
    });
    let left = fs::read_dir(folder(&server)).into_iter().flatten().flatten();
    let years = left.filter(|entry| entry.file_name() != ".open").map(|entry| entry.path());
    let files = years.flat_map(|year| Command::new("find").arg(year).args(["-type", "f"]).output());
    assert!(files.into_iter().all(|found| found.stdout.is_empty()), "no file is left");
    server.finish();
}

#[test]
fn a_kill_leaves_a_file_that_plays_and_lacks_a_second_at_most() {
    let mut server = Server::start(&recording("always"));
    let (mut caller, alice) = connected(&server);
    let started = server.events.wait("recording.started", &[]);
    let began = Instant::now();
    talk(&caller, &alice, 3_000);
    server.kill();
    let length_s = began.elapsed().as_secs_f64();
    // As it lies there, by a reader that is not ours.
    let file = the_file(&server, "wav");
    let script = "import sys, wave\n\
                  w = wave.open(sys.argv[1])\n\
                  f = w.readframes(w.getnframes())\n\
                  print(w.getnchannels(), w.getsampwidth(), w.getframerate(), len(f) // 4)";
    let output = Command::new("python3").args(["-c", script]).arg(&file).output();
    let output = output.expect("python3");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers: Vec<f64> = said.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [channels, octets, hz, samples] = numbers[..] else { panic!("{output:?}") };
    assert_eq!([channels, octets, hz], [2.0, 2.0, 8_000.0]);
    let played_s = samples / hz;
    assert!(played_s > length_s - 1.0, "{played_s} s of {length_s} s");

    server.again();
    let repaired = Wave::read(&fs::read(&file).expect("the file"));
    assert!(repaired.length_s() >= played_s, "{} after {played_s}", repaired.length_s());
    follow(&repaired.on_the_left(&TONES), &[(Sound::Tone(CALLER_HZ), None)]);
    follow(&repaired.on_the_right(&TONES), &[(Sound::Tone(ALICE_HZ), None)]);
    let told = fs::read_to_string(the_file(&server, "json")).expect("a sidecar");
    assert!(told.contains("\"result\": \"crash\""), "{told}");
    let wave = heard(&server, call_of(&started));
    assert_eq!(wave.left.len(), repaired.left.len());
    let record = record(&server, call_of(&started));
    assert_eq!(
        (&record["result"], &record["recording"]["cause"]),
        (&json!("crash"), &json!("crash"))
    );
    // And everything goes on.
    caller.request("BYE", "");
    assert_eq!(caller.expect_response("BYE").status(), Some(481));
    let (mut caller, mut alice) = connected(&server);
    server.events.wait("recording.started", &[]);
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn the_last_call_before_a_stop_is_recorded_to_its_end() {
    for is_told_twice in [false, true] {
        let mut server = Server::start(&recording("always"));
        let (mut caller, mut alice) = connected(&server);
        server.events.wait("recording.started", &[]);
        let began = Instant::now();
        talk(&caller, &alice, 1_500);
        server.signal(Signal::TERM);
        server.wait_log(&["draining"]);
        let length_s = began.elapsed().as_secs_f64();
        if is_told_twice {
            server.signal(Signal::TERM);
            caller.expect_bye();
        } else {
            caller.hang_up();
        }
        alice.expect_bye();
        assert!(server.wait_exit().success(), "{}", server.log());
        let told = fs::read_to_string(the_file(&server, "json")).expect("a sidecar");
        assert!(told.contains("\"result\": \"ended\""), "{told}");
        assert!(
            !folder(&server).join(".open").read_dir().is_ok_and(|mut any| any.next().is_some())
        );
        let file = Wave::read(&fs::read(the_file(&server, "wav")).expect("the file"));
        assert!(file.length_s() > length_s - 0.1, "{} s of {length_s} s", file.length_s());
    }
}

/// A call beside a disk that does not do its work is as any call.
fn clean(server: Server, mut caller: Phone, mut alice: Phone) {
    talk(&caller, &alice, 1_000);
    caller.audio.is_continuous();
    alice.audio.is_continuous();
    caller.hang_up();
    alice.expect_bye();
    server.events.wait("recording.stopped", &[("cause", "failed")]);
    assert_eq!(server.events.count("recording.failed", &[]), 1);
    assert_eq!(server.api.metric("usher_recordings_failed_total"), Some(1.0));
    let ended = server.events.wait("call.ended", &[("result", "answered")]);
    let record = record(&server, call_of(&ended));
    let cause = record["recording"]["cause"].as_str().unwrap_or_default().to_owned();
    assert!(cause.starts_with("failed: "), "{record}");
    server.finish();
}

#[test]
fn where_no_file_can_be_made_the_call_goes_on() {
    let mut config = recording("always");
    // Below a file, where nothing can be, whoever asks.
    config.more = "[recording]\ndir = \"/dev/null/recordings\"\n".into();
    let server = Server::start(&config);
    let (caller, alice) = connected(&server);
    server.events.wait("recording.failed", &[]);
    clean(server, caller, alice);
}

#[test]
fn on_a_disk_that_fills_up_what_came_before_is_kept_and_the_call_goes_on() {
    let mount = "mkdir -p DATA/recordings && mount -t tmpfs -o size=128k tmpfs DATA/recordings \
                 && exec \"$0\" \"$@\"";
    let within = ["unshare", "--map-root-user", "--mount", "sh", "-c"];
    let may = Command::new(within[0]).args(&within[1..]).arg("mount -t tmpfs tmpfs /mnt").status();
    if !may.is_ok_and(|status| status.success()) {
        eprintln!("skipped: nothing may be mounted here, not even by `unshare --map-root-user`");
        return;
    }
    let mut config = recording("always");
    config.more = "[recording]\nmin_free_mb = 0\n".into();
    let mut program = within.to_vec();
    program.push(mount);
    let server = Server::start_within(&config, &program);
    let (caller, alice) = connected(&server);
    let started = server.events.wait("recording.started", &[]);
    let since = Instant::now();
    while server.events.count("recording.failed", &[]) == 0 {
        assert!(since.elapsed() < Duration::from_secs(15), "128 kB are four seconds");
        talk(&caller, &alice, 200);
    }
    server.events.wait("recording.failed", &[("cause", "no space")]);
    talk(&caller, &alice, 500);
    let (status, file) =
        server.api.octets(&format!("/records/calls/{}/recording", call_of(&started)));
    assert_eq!(status, 200);
    let wave = Wave::read(&file);
    assert!(wave.length_s() > 1.5, "{} s", wave.length_s());
    follow(&wave.on_the_left(&TONES), &[(Sound::Tone(CALLER_HZ), None)]);
    clean(server, caller, alice);
}

/// A caller whom a bot hands on to Alice, recorded by order; what is told while they have the caller, and
/// the file.
fn handed_on_by_a_bot(keeps: bool) -> (Wave, Vec<Value>) {
    let nowhere = ([127, 0, 0, 1], 9).into();
    let mut bot = Phone::towards(nowhere, "127.0.0.6", "greeter", BOB_HZ);
    let mut config = recording("on-demand");
    let uri = bot.address();
    config.more += &format!("[[bot]]\nname = \"greeter\"\nuri = \"sip:greeter@{uri}\"\n");
    config.routes += "[[route]]\nto = \"^700$\"\ngo = { bot = \"greeter\" }\n";
    let server = Server::start(&config);
    bot.aim(&server);
    let mut alice = Phone::operator(&server, "alice", ALICE_HZ);
    let mut caller = Phone::caller(&server, CALLER_HZ);
    caller.invite("700");
    let call = bot.expect("INVITE").must("X-Usher-Call").to_owned();
    bot.answer();
    caller.expect_answer();
    talk(&caller, &bot, 300);
    switch(&server, &call, "on", "recording.started");
    talk(&caller, &bot, 1_000);
    let body = json!({ "operator": "alice", "continue_call": true, "continue_recording": keeps });
    assert_eq!(server.api.post(&format!("/calls/{call}/transfer"), &body).0, 202);
    alice.expect("INVITE");
    assert_eq!(server.events.count("recording.stopped", &[]), 0, "not before the answer");
    alice.answer();
    talk(&caller, &alice, 1_000);
    let state = server.api.get(&format!("/calls/{call}")).1["recording"]["state"].clone();
    assert_eq!(state, if keeps { "on" } else { "off" });
    alice.hang_up();
    let reinvite = bot.expect("INVITE");
    assert!(reinvite.must("X-Usher-Transfer").starts_with("status=SUCCESS"));
    bot.answer();
    talk(&caller, &bot, 1_000);
    caller.hang_up();
    bot.expect_bye();
    server.events.wait("call.ended", &[]);
    let wave = heard(&server, &call);
    let stopped = server.events.wait("recording.stopped", &[]);
    let record = record(&server, &call);
    let segments = record["segments"].as_array().expect("segments").clone();
    assert_eq!(stopped["cause"], if keeps { "ended" } else { "transfer" }, "{stopped}");
    server.finish();
    (wave, segments)
}

#[test]
fn one_recording_over_bot_operator_and_bot_again_or_one_that_ends_with_the_first() {
    let (wave, segments) = handed_on_by_a_bot(true);
    let right: Vec<Sound> = wave.on_the_right(&TONES).into_iter().map(|(sound, _)| sound).collect();
    let tones: Vec<Sound> = right.into_iter().filter(|sound| *sound != Sound::Silence).collect();
    let (bot, alice) = (Sound::Tone(BOB_HZ), Sound::Tone(ALICE_HZ));
    assert_eq!(tones, [bot, alice, bot], "bot, Alice, bot");
    assert!(segments.len() >= 3, "the record marks them: {segments:?}");
    let (wave, _) = handed_on_by_a_bot(false);
    let right: Vec<Sound> = wave.on_the_right(&TONES).into_iter().map(|(sound, _)| sound).collect();
    let tones: Vec<Sound> = right.into_iter().filter(|sound| *sound != Sound::Silence).collect();
    assert_eq!(tones, [bot], "the bot alone");
}
