//! The process: its command line, its signals, its records.

use std::fs;

use rustix::process::Signal;
use sip_tests::{Config, Phone, Server, call_of, connected, record, run, workspace};

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

#[test]
fn the_configuration_that_is_shipped_is_fine() {
    let file = workspace().join("configs/usher.toml");
    let output = run(&["check-config", "-c", file.to_str().expect("UTF-8")]);
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn a_fault_is_named_with_file_line_and_what_was_expected() {
    let server = Server::plain();
    let file = server.folder.join("wrong.toml");
    fs::write(
        &file,
        "[sip]\ndomain = \"a.test\"\n[[operator]]\nid = \"eve\"\nqueues = [\"nope\"]\n",
    )
    .expect("a file is written");
    let name = file.to_str().expect("UTF-8");
    let output = run(&["check-config", "-c", name]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains(&format!("{name}:5:")) && said.contains("nope"), "{said}");
    assert_eq!(run(&["check-config", "--nonsense"]).status.code(), Some(2));
    let output = run(&["serve", "-c", name]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    server.finish();
}

#[test]
fn ctl_shows_the_call_and_ends_it() {
    let server = Server::plain();
    let (mut caller, mut alice) = connected(&server);
    let calls = server.api.items("/calls");
    let [call] = calls.as_slice() else { panic!("one call: {calls:?}") };
    let id = call["id"].as_str().expect("an id");
    assert_eq!((&call["state"], &call["queue"]), (&"talking".into(), &"support".into()), "{call}");
    for (what, word) in [("calls", id), ("queues", "support"), ("operators", "on-call")] {
        let output = server.ctl(&[what]);
        assert!(text(&output.stdout).contains(word), "ctl {what}: {output:?}");
    }
    let output = server.ctl(&["calls", "hangup", id]);
    assert!(output.status.success(), "{output:?}");
    caller.expect_bye();
    alice.expect_bye();
    assert_eq!(record(&server, id)["result"], "ended");
    server.finish();
}

#[test]
fn a_call_is_in_the_reports_and_in_what_asterisk_would_have_written() {
    let server = Server::plain();
    let (mut caller, mut alice) = connected(&server);
    let id = call_of(&server.events.wait("call.started", &[])).to_owned();
    caller.hang_up();
    alice.expect_bye();
    assert_eq!(record(&server, &id)["result"], "answered");
    server.events.wait("task.completed", &[]);
    let report = |by: &str| {
        server.api.until("a report of it", |api| {
            let rows = api.items(&format!("/reports?by={by}&every=1d"));
            rows.into_iter().find(|row| row["completed"] == 1)
        })
    };
    let row = report("queue");
    assert_eq!((&row["queue"], &row["offered"]), (&"support".into(), &1.into()), "{row}");
    assert_eq!((&row["answered"], &row["service_level"]), (&1.into(), &1.0.into()), "{row}");
    let row = report("operator");
    assert_eq!((&row["operator"], &row["answered"]), (&"alice".into(), &1.into()), "{row}");
    assert!(row["occupancy"].as_f64().is_some_and(|part| part > 0.0 && part <= 1.0), "{row}");

    let export = |format: &str| {
        let (status, octets) = server.api.octets(&format!("/records/calls?format={format}"));
        assert_eq!(status, 200, "{format}");
        String::from_utf8(octets).expect("text")
    };
    let cdr = export("asterisk-cdr");
    let told = "\"ANSWERED\",\"DOCUMENTATION\",";
    assert!(cdr.contains("\"Queue\",\"support\",") && cdr.contains(told), "{cdr}");
    let log = export("queue-log");
    let is_told = |event: &str| log.lines().any(|line| line.contains(event) && line.contains(&id));
    for event in ["|support|NONE|ENTERQUEUE||", "|support|alice|CONNECT|", "|COMPLETECALLER|"] {
        assert!(is_told(event), "{event}\n{log}");
    }
    assert!(log.contains("|NONE|support|alice|ADDMEMBER|"), "{log}");

    let table = server.ctl(&["reports", "--every", "1h"]);
    assert!(text(&table.stdout).contains("support"), "{table:?}");
    let table = server.ctl(&["reports", "--by", "operator", "--csv"]);
    assert!(text(&table.stdout).starts_with("from,to,operator,offered,"), "{table:?}");
    server.finish();
}

#[test]
fn the_interface_ends_a_call_and_knows_what_it_does_not_know() {
    let server = Server::plain();
    let (mut caller, mut alice) = connected(&server);
    let call = server.events.wait("call.started", &[]);
    let path = format!("/calls/{}", call_of(&call));
    assert_eq!(server.api.get("/calls/c-nonsense").0, 404);
    assert!((200..300).contains(&server.api.delete(&path).0));
    caller.expect_bye();
    alice.expect_bye();
    server.finish();
}

#[test]
fn a_kill_in_a_call_leaves_one_record_that_says_crash() {
    let mut server = Server::plain();
    let (mut caller, alice) = connected(&server);
    let call = server.events.wait("call.answered", &[]);
    let id = call_of(&call).to_owned();
    let last = server.events.all().last().and_then(|event| event["seq"].as_u64());
    // What kill -9 may lose is the last 100 ms: only then is this call known to be written.
    server
        .api
        .until("a record", |api| (api.get(&format!("/records/calls/{id}")).0 == 200).then_some(()));
    server.crash();
    drop(alice);
    let record = server.api.until("a closed record", |api| {
        let (status, record) = api.get(&format!("/records/calls/{id}"));
        (status == 200 && record["state"] == "ended").then_some(record)
    });
    assert_eq!(record["result"], "crash", "{record}");
    assert_eq!(server.api.items("/records/calls").len(), 1);
    assert_eq!(server.api.items("/calls").len(), 0);
    // A dialog of the life before: 481, and the next call is as any.
    caller.request("BYE", "");
    assert_eq!(caller.expect_response("BYE").status(), Some(481));
    let (mut caller, mut alice) = connected(&server);
    let first = server.events.all().first().and_then(|event| event["seq"].as_u64());
    assert!(first > last, "numbers go on over a restart: {last:?}, then {first:?}");
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn events_are_told_again_to_whoever_missed_them() {
    let server = Server::plain();
    let (mut caller, mut alice) = connected(&server);
    caller.hang_up();
    alice.expect_bye();
    server.events.wait("call.ended", &[]);
    let all = server.events.all();
    let third = all[2]["seq"].as_u64().expect("a number");
    let again = server.subscribe(&format!("?after={third}"));
    again.wait("call.ended", &[]);
    for (said, first) in again.all().iter().zip(&all[3..]) {
        assert_eq!(said, first);
    }
    let only = server.subscribe(&format!("?after={third}&topics=call.ended"));
    only.wait("call.ended", &[]);
    assert_eq!(only.all().len(), 1);
    server.finish();
}

#[test]
fn sigterm_lets_calls_end_and_takes_no_new_ones() {
    let mut server = Server::plain();
    let (mut caller, mut alice) = connected(&server);
    server.signal(Signal::TERM);
    server.api.until("not ready any more", |api| {
        (api.open("/readyz").is_none_or(|(status, _)| status == 503)).then_some(())
    });
    let mut late = Phone::caller(&server, 1_900.0);
    late.invite("600");
    late.expect_status(503);
    caller.audio.hears(1_570.0);
    alice.audio.hears(1_130.0);
    caller.hang_up();
    alice.expect_bye();
    let status = server.wait_exit();
    assert!(status.success(), "{status}:\n{}", server.log());
}

#[test]
fn a_second_sigterm_ends_what_is_left() {
    let mut server = Server::plain();
    let (mut caller, mut alice) = connected(&server);
    server.signal(Signal::TERM);
    server.api.until("not ready any more", |api| {
        (api.open("/readyz").is_none_or(|(status, _)| status == 503)).then_some(())
    });
    server.signal(Signal::TERM);
    caller.expect_bye();
    alice.expect_bye();
    assert!(server.wait_exit().success(), "{}", server.log());
}

#[test]
fn a_reload_that_is_broken_changes_nothing_and_one_that_is_not_does() {
    let server = Server::plain();
    let (mut caller, mut alice) = connected(&server);
    let file = server.config_file();
    let good = fs::read_to_string(&file).expect("it is there");
    fs::write(&file, format!("{good}\nnonsense = [")).expect("it is written");
    server.signal(Signal::HUP);
    server.wait_log(&["usher.toml:"]);
    let route = "[[route]]\nto = \"^700$\"\ngo = { reject = 486 }\n";
    fs::write(&file, good + route).expect("it is written");
    server.signal(Signal::HUP);
    let mut other = Phone::caller(&server, 1_900.0);
    server.api.until("the new route", |_| {
        other.invite("700");
        let refusal = other.expect_refusal();
        (refusal.status() == Some(486)).then_some(())
    });
    caller.audio.hears(1_570.0);
    alice.audio.hears(1_130.0);
    assert!(server.api.get("/operators/alice").1["registered"] == true);
    caller.hang_up();
    alice.expect_bye();
    caller.audio.is_continuous();
    server.finish();
}

#[test]
fn more_calls_than_the_limit_get_503_with_retry_after() {
    let config = Config { more: "[limits]\nmax_calls = 1".to_owned(), ..Config::default() };
    let server = Server::start(&config);
    let mut first = Phone::caller(&server, 1_130.0);
    first.invite("600");
    first.expect_answer();
    let mut second = Phone::caller(&server, 1_900.0);
    second.invite("600");
    let refused = second.expect_status(503);
    assert!(refused.header("Retry-After").is_some(), "{}", refused.text());
    first.hang_up();
    server.finish();
}
