//! Sounds that are played to people in a call by order, and holds with chosen audio: who hears what,
//! and for how long.
#![expect(clippy::expect_used, reason = "all of it is a test")]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};
use sip_tests::{Config, Phone, Server, call_of, connect, connected, ring, tone};

const CALLER_HZ: f64 = 1_130.0;
const ALICE_HZ: f64 = 1_570.0;
/// Of what is uploaded.
const NOTICE_HZ: f64 = 700.0;
const OTHER_HZ: f64 = 2_600.0;
const JAZZ_HZ: f64 = 450.0;

/// With sounds: `notice` for two seconds, `long` for a minute, `other` for a minute, `jazz`.
fn server(config: &Config) -> Server {
    let server = Server::start(config);
    server.api.upload_tone("notice", NOTICE_HZ, 2_000);
    server.api.upload_tone("long", NOTICE_HZ, 60_000);
    server.api.upload_tone("other", OTHER_HZ, 60_000);
    server.api.upload_tone("jazz", JAZZ_HZ, 3_000);
    server
}

/// The call that lives.
fn the_call(server: &Server) -> String {
    call_of(&server.events.wait("call.started", &[])).to_owned()
}

/// Plays; the play, and who hears it.
#[track_caller]
fn play(server: &Server, call: &str, body: &Value) -> (String, Vec<String>) {
    let (status, told) = server.api.post(&format!("/calls/{call}/play"), body);
    assert_eq!(status, 202, "{body}: {told}");
    let who = told["participants"].as_array().expect("participants").iter();
    let who = who.map(|who| who.as_str().expect("an id").to_owned()).collect();
    (told["play"].as_str().expect("a play").to_owned(), who)
}

/// How it ended, for each who heard it, in order.
#[track_caller]
fn finished(server: &Server, play: &str, result: &str, cause: Option<&str>) {
    let fields: Vec<_> = [("play", play), ("result", result)]
        .into_iter()
        .chain(cause.map(|cause| ("cause", cause)))
        .collect();
    server.events.wait("play.finished", &fields);
}

/// Seconds of the day of an event.
fn at(event: &Value) -> f64 {
    let text = event["at"].as_str().expect("a time");
    let clock = text.split_once('T').map_or("", |(_, clock)| clock).trim_end_matches('Z');
    clock
        .split(':')
        .map(|part| part.parse::<f64>().expect("a number"))
        .fold(0.0, |a, b| a * 60.0 + b)
}

#[track_caller]
fn talk(one: &Phone, other: &Phone) {
    one.audio.hears(other.audio.hz());
    other.audio.hears(one.audio.hz());
}

fn change(server: &Server, call: &str, who: &str, body: &Value) -> (u16, Value) {
    server.api.patch(&format!("/calls/{call}/participants/{who}"), body)
}

#[test]
fn numbers_and_times_are_composed() {
    let server = server(&Config::default());
    let (caller, mut alice) = connected(&server);
    let call = the_call(&server);
    for prompt in ["number:342", "time:15:30", "digits:42", "queue-thereare+number:3"] {
        let (id, _) = play(&server, &call, &json!({ "to": "customer", "prompt": prompt }));
        caller.audio.hears_that("a voice", |samples| {
            tone::level(samples) > 300.0 && tone::share(samples, ALICE_HZ) < 0.3
        });
        finished(&server, &id, "played", None);
    }
    for prompt in ["number:x", "time:25:00", "number:"] {
        let body = json!({ "to": "customer", "prompt": prompt });
        let (status, told) = server.api.post(&format!("/calls/{call}/play"), &body);
        assert_eq!(status, 422, "{prompt}: {told}");
    }
    let mut caller = caller;
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn what_is_played_to_one_is_heard_by_that_one_and_for_its_length() {
    let server = server(&Config::default());
    let (caller, mut alice) = connected(&server);
    let call = the_call(&server);
    let began = Instant::now();
    let mark = server.events.mark();
    let (id, who) = play(&server, &call, &json!({ "to": "customer", "prompt": "notice" }));
    assert_eq!(who.len(), 1);
    caller.audio.hears(NOTICE_HZ);
    let shown = server.api.get(&format!("/calls/{call}")).1;
    let hears = |role: &str| {
        let people = shown["participants"].as_array().expect("participants").iter();
        people.filter(|p| p["role"] == role).map(|p| p["hears"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(hears("customer"), [json!(["prompt:notice"])]);
    assert_eq!(hears("operator"), [json!([who[0]])], "the customer is heard meanwhile");
    alice.audio.hears(CALLER_HZ);
    let (_, begins) = server.events.next_after(mark, "call.segment");
    let ends = server.events.wait("play.finished", &[("play", &id), ("result", "played")]);
    assert_eq!((&ends["participant"], &ends["cause"]), (&json!(who[0]), &Value::Null));
    let lasted = (at(&ends) - at(&begins)).rem_euclid(86_400.0);
    assert!((1.9..2.3).contains(&lasted), "{lasted} s");
    talk(&caller, &alice);
    alice.audio.never_heard(began, NOTICE_HZ);

    // By the number of the operator, to them alone.
    let began = Instant::now();
    let (id, _) = play(&server, &call, &json!({ "to": "101", "prompt": "notice" }));
    alice.audio.hears(NOTICE_HZ);
    caller.audio.hears(ALICE_HZ);
    finished(&server, &id, "played", None);
    talk(&caller, &alice);
    caller.audio.never_heard(began, NOTICE_HZ);
    caller.audio.is_continuous();
    alice.audio.is_continuous();
    let mut caller = caller;
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn what_is_played_to_everybody_is_told_of_each() {
    let server = server(&Config::default());
    let (mut caller, mut alice) = connected(&server);
    let call = the_call(&server);
    let (id, who) = play(&server, &call, &json!({ "prompt": "notice+notice" }));
    assert_eq!(who.len(), 2);
    caller.audio.hears(NOTICE_HZ);
    alice.audio.hears(NOTICE_HZ);
    for who in &who {
        let fields = [("play", id.as_str()), ("participant", who.as_str()), ("result", "played")];
        server.events.wait("play.finished", &fields);
    }
    assert_eq!(server.events.count("play.finished", &[]), 2);
    talk(&caller, &alice);
    caller.audio.is_continuous();
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn it_ends_before_its_end_when_something_comes_between() {
    let server = server(&Config::default());
    let (mut caller, mut alice) = ring(&server);
    let call = the_call(&server);
    // The caller waits for an operator.
    let to_all = |prompt: &str| json!({ "prompt": prompt });
    let (id, who) = play(&server, &call, &to_all("long"));
    assert_eq!(who.len(), 1, "one who rings hears nothing");
    caller.audio.hears(NOTICE_HZ);
    connect(&caller, &mut alice);
    finished(&server, &id, "interrupted", Some("connected"));

    let to_customer = |prompt: &str| json!({ "to": "customer", "prompt": prompt });
    let (id, _) = play(&server, &call, &to_customer("long"));
    caller.audio.hears(NOTICE_HZ);
    let (next, _) = play(&server, &call, &to_customer("other"));
    finished(&server, &id, "interrupted", Some("replaced"));
    caller.audio.hears(OTHER_HZ);
    assert_eq!(change(&server, &call, "%2B74951234567", &json!({ "hold": true })).0, 200);
    finished(&server, &next, "interrupted", Some("held"));
    caller.audio.hears_music(&[NOTICE_HZ, OTHER_HZ, ALICE_HZ]);
    // On hold it is heard in place of the music, and then the music again.
    let (id, _) = play(&server, &call, &to_customer("notice"));
    caller.audio.hears(NOTICE_HZ);
    finished(&server, &id, "played", None);
    caller.audio.hears_music(&[NOTICE_HZ, OTHER_HZ, ALICE_HZ]);
    let (id, _) = play(&server, &call, &to_customer("long"));
    caller.audio.hears(NOTICE_HZ);
    assert_eq!(change(&server, &call, "%2B74951234567", &json!({ "hold": false })).0, 200);
    finished(&server, &id, "interrupted", Some("resumed"));
    talk(&caller, &alice);
    let (id, _) = play(&server, &call, &to_customer("long"));
    caller.audio.hears(NOTICE_HZ);
    caller.audio.is_continuous();
    caller.hang_up();
    alice.expect_bye();
    finished(&server, &id, "interrupted", Some("left"));
    assert_eq!(server.events.count("play.finished", &[]), 6);
    server.finish();
}

#[test]
fn a_text_is_spoken_where_somebody_can() {
    let config = Config { media: "language = \"en\"".to_owned(), ..Config::default() };
    let server = server(&config);
    let (mut caller, mut alice) = connected(&server);
    let call = the_call(&server);
    let body = json!({ "to": "customer", "say": "Thank you for waiting. This is a longer text." });
    let is_there = Command::new("espeak-ng").arg("--version").output().is_ok();
    if is_there {
        let (id, _) = play(&server, &call, &body);
        caller.audio.hears_that("a voice", |samples| {
            tone::level(samples) > 300.0 && tone::share(samples, ALICE_HZ) < 0.3
        });
        finished(&server, &id, "played", None);
    } else {
        let (status, told) = server.api.post(&format!("/calls/{call}/play"), &body);
        assert_eq!((status, &told["errors"][0]["field"]), (422, &json!("say")), "{told}");
        assert!(told["detail"].as_str().is_some_and(|why| why.contains("apt install")), "{told}");
    }
    talk(&caller, &alice);
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

/// A server of files that has one, and its URL. It ends with the test.
fn files(file: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4_096];
            let length = stream.read(&mut request).unwrap_or(0);
            let is_there = request[..length].starts_with(b"GET /there.wav ");
            let (status, body) = if is_there { ("200 OK", &file[..]) } else { ("404 No", &[][..]) };
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: audio/wav\r\nContent-Length: {}\r\n\
                 Connection: close\r\n\r\n",
                body.len()
            );
            // Whoever asked may have gone.
            let _ = stream.write_all(head.as_bytes());
            let _ = stream.write_all(body);
        }
    });
    url
}

#[test]
fn a_file_is_fetched_from_where_that_is_allowed() {
    let url = files(tone::wav(&tone::sine(NOTICE_HZ, 0, 16_000)));
    let media = format!("fetch = [\"{url}\"]");
    let server = Server::start(&Config { media, ..Config::default() });
    let (mut caller, mut alice) = connected(&server);
    let call = the_call(&server);
    let body = json!({ "to": "customer", "url": format!("{url}there.wav") });
    let (id, _) = play(&server, &call, &body);
    caller.audio.hears(NOTICE_HZ);
    finished(&server, &id, "played", None);
    for wrong in [format!("{url}missing.wav"), "http://127.0.0.1:9/x.wav".to_owned()] {
        let body = json!({ "url": wrong });
        let (status, told) = server.api.post(&format!("/calls/{call}/play"), &body);
        assert_eq!((status, &told["errors"][0]["field"]), (422, &json!("url")), "{wrong}: {told}");
    }
    talk(&caller, &alice);
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn what_cannot_be_heard_is_named_and_nothing_changes() {
    let server = server(&Config { media: "speech = []".to_owned(), ..Config::default() });
    let (mut caller, mut alice) = connected(&server);
    let call = the_call(&server);
    let mark = server.events.mark();
    for (body, field, part) in [
        (json!({ "prompt": "notices" }), "prompt", "no such prompt: notices; there are: notice, "),
        (json!({ "prompt": "notice+nothing" }), "prompt", "no such prompt: nothing"),
        (json!({ "say": "Hello" }), "say", "`speech` of [media] is empty"),
        (json!({ "url": "http://127.0.0.1:9/x" }), "url", "127.0.0.1"),
        (json!({ "url": "ftp://127.0.0.1/x" }), "url", "nothing to hear"),
        (json!({ "prompt": "notice", "say": "x" }), "say", "one of say, prompt, url"),
        (json!({ "prompt": "notice", "loud": true }), "loud", "no such field"),
    ] {
        let (status, told) = server.api.post(&format!("/calls/{call}/play"), &body);
        assert_eq!((status, &told["errors"][0]["field"]), (422, &json!(field)), "{body}: {told}");
        let why = told["errors"][0]["detail"].as_str().unwrap_or_default();
        assert!(why.contains(part), "{body}: {told}");
    }
    for (path, body, expected) in [
        (format!("/calls/{call}/play"), json!({ "to": "bob", "prompt": "notice" }), 404),
        (format!("/calls/{call}/play"), json!({ "to": "consultant", "prompt": "notice" }), 409),
        ("/calls/c0000000000000/play".to_owned(), json!({ "prompt": "notice" }), 404),
    ] {
        let (status, told) = server.api.post(&path, &body);
        assert_eq!(status, expected, "{body}: {told}");
    }
    for (body, field) in [
        (json!({ "hold": true, "hold_audio": "music:nothing" }), "hold_audio"),
        (json!({ "hold": true, "hold_audio": "prompt:nothing", "muted": true }), "hold_audio"),
        (json!({ "hold": true, "hold_audio": "say:x" }), "hold_audio"),
        (json!({ "hold": true, "hold_audio": "jazz" }), "hold_audio"),
        (json!({ "hold_audio": "music:jazz" }), "hold_audio"),
        (json!({ "hold": false, "hold_audio": "music:jazz" }), "hold_audio"),
    ] {
        let (status, told) = change(&server, &call, "%2B74951234567", &body);
        assert_eq!((status, &told["errors"][0]["field"]), (422, &json!(field)), "{body}: {told}");
    }
    talk(&caller, &alice);
    let all = server.events.all();
    let changed = all[mark..].iter().filter(|event| event["type"] == "call.segment").count();
    assert_eq!(changed, 0, "{:?}", &all[mark..]);
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn hold_is_heard_as_it_was_chosen() {
    let server = server(&Config::default());
    let (mut caller, mut alice) = connected(&server);
    let call = the_call(&server);
    let who = "%2B74951234567";
    let held = |audio: &str| {
        server.events.wait("participant.held", &[("by", "order"), ("audio", audio)]);
    };
    let (status, told) =
        change(&server, &call, who, &json!({ "hold": true, "hold_audio": "music:jazz" }));
    assert_eq!(status, 200, "{told}");
    held("music:jazz");
    caller.audio.hears(JAZZ_HZ);
    caller.audio.hears(JAZZ_HZ);
    // What is said on hold is said once, and then it is the music of the queue.
    let (status, told) = change(&server, &call, who, &json!({ "hold_audio": "prompt:notice" }));
    assert_eq!(status, 200, "{told}");
    held("prompt:notice");
    caller.audio.hears(NOTICE_HZ);
    held("music:default");
    caller.audio.hears_music(&[NOTICE_HZ, JAZZ_HZ, ALICE_HZ]);
    assert_eq!(change(&server, &call, who, &json!({ "hold": true })).0, 200);
    // The operator, who hears it from the caller's side, may be held with another one.
    let (status, told) =
        change(&server, &call, "alice", &json!({ "hold": true, "hold_audio": "music:jazz" }));
    assert_eq!(status, 200, "{told}");
    alice.audio.hears(JAZZ_HZ);
    for who in [who, "alice"] {
        assert_eq!(change(&server, &call, who, &json!({ "hold": false })).0, 200);
    }
    talk(&caller, &alice);
    caller.audio.is_continuous();
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}
