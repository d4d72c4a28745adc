//! How calls sound: told by RTCP, in events, in metrics.
#![allow(clippy::expect_used, reason = "a test")]

use std::time::Duration;

use sip_tests::{Phone, Server, connect};

/// The first report goes out within three seconds, the one after its answer within ten.
const REPORTS: Duration = Duration::from_secs(15);

#[test]
fn a_phone_that_hears_badly_and_one_that_loses_packets_are_told_of() {
    let server = Server::plain();
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.rewrite = |sdp| sdp + "a=rtcp-mux\r\n";
    // A third of what we send it is lost, it says.
    caller.audio.complain(85);
    let mark = server.events.mark();
    caller.invite("600");
    caller.expect_answer();
    alice.expect("INVITE");
    connect(&caller, &mut alice);
    let bad = [("cause", "bad")];
    let told = server.events.wait_within(REPORTS, mark, "leg.quality", &bad);
    let score = |name: &str| told[name].as_f64().expect("a score");
    assert!(score("mos") > 4.0 && score("remote_mos") < 2.6, "{told}");
    assert!(told["operator"].is_null() && told["round_trip_ms"].as_u64() < Some(100), "{told}");
    assert_eq!(told["remote_lost"], 10);
    assert_eq!(told["remote_jitter_ms"], 5);
    caller.audio.complain(0);
    server.events.wait_within(REPORTS, mark, "leg.quality", &[("cause", "recovered")]);
    caller.hang_up();
    alice.expect_bye();
    // The operator's phone sends no reports: one side only is known.
    let whose = [("cause", "ended"), ("operator", "alice")];
    let last = server.events.wait_from(mark, "leg.quality", &whose);
    assert!(last["mos"].as_f64() > Some(4.0) && last["remote_mos"].is_null(), "{last}");
    let legs = server.events.wait_from(mark, "leg.ended", &[("operator", "alice")]);
    // What it was to the last, for which the end has not waited.
    assert!(last["seq"].as_u64() > legs["seq"].as_u64(), "{last} {legs}");
    let metric = |name: &str| server.api.metric(name).expect("it is there");
    assert!(metric("usher_mos_count") >= 2.0);
    assert!(metric("usher_rtp_jitter_seconds_count") >= 2.0);
    assert!(metric("usher_rtp_lost_total") >= 0.0);
    server.finish();
}
