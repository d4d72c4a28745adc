//! The API against what it says of itself, by somebody else's fuzzer (schemathesis): no request that
//! it makes up is answered by 500, and every answer has a status and a form that the document has.
#![expect(clippy::expect_used, reason = "a test panics when it fails")]

use std::fs;
use std::process::Command;

use serde_json::json;
use sip_tests::{Config, Server, connected, environment};

const PACKAGE: &str = "schemathesis==4.32.5";

/// A test of theirs for each promise. That valid requests are taken (`positive_data_acceptance`) is
/// none of them: a queue that there is not is valid for the document.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance,negative_data_rejection,\
    unsupported_method,ignored_auth";

/// Runs it; `left_out` are operations by their ids.
#[track_caller]
fn fuzz(server: &Server, name: &str, parameters: &str, left_out: &[&str]) {
    let program = environment("USHER_API_VENV", "api-tests-venv", PACKAGE).join("bin/schemathesis");
    let settings = server.folder.join(format!("{name}.toml"));
    fs::write(&settings, parameters).expect("settings are written");
    let mut command = Command::new(program);
    command.current_dir(&server.folder).arg("--config-file").arg(&settings);
    command.args(["run", &format!("{}/openapi.json", server.api.base())]);
    command.args(["--header", "Authorization: Bearer wire-test-token", "--checks", CHECKS]);
    command.args(["--phases", "examples,coverage,fuzzing", "--max-examples", "15"]);
    command.args(["--seed", "1", "--continue-on-failure", "--no-color"]);
    command.args(["--suppress-health-check", "all", "--request-timeout", "10"]);
    for id in left_out {
        command.args(["--exclude-operation-id", id]);
    }
    let output = command.output().expect("schemathesis starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("passed"), "{said}");
}

#[test]
fn the_document_holds_whatever_is_asked() {
    let server = Server::start(&Config::default());
    // It cannot make WAVE files; names of sounds have slashes, which it takes for two parts.
    let files = ["put_sounds_name", "delete_sounds_name"];
    fuzz(&server, "nothing-there", "", &files);

    // The same where there is something at each path; what ends the call comes last.
    for (path, switches) in [
        ("/queues/support", json!({ "open": true, "auto_connect": true })),
        ("/settings", json!({ "auto_connect": true })),
    ] {
        assert_eq!(server.api.patch(path, &switches).0, 200, "{path}");
    }
    let (mut caller, mut alice) = connected(&server);
    let call = server.api.items("/calls")[0].clone();
    let (id, participants) = (&call["id"], call["participants"].as_array().expect("two"));
    let (task, participant) = (&call["tasks"][0], &participants[0]["id"]);
    let parameters = format!(
        "[parameters]\n\"path.call\" = {id}\n\"path.participant\" = {participant}\n\
         \"path.task\" = {task}\n\"path.operator\" = \"alice\"\n\"path.queue\" = \"support\"\n"
    );
    let ends = [
        "delete_calls_call",
        "delete_calls_call_participants_participant",
        "delete_tasks_task",
        "patch_operators_operator",
    ];
    fuzz(&server, "a-call", &parameters, &[&files[..], &ends[..]].concat());
    assert!(server.api.items("/calls").iter().any(|other| other["id"] == *id), "it still lives");
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}
