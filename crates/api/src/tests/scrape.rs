use super::*;
use crate::{Heard, Meters};

/// Something of everything that others count.
fn count(meters: &Meters) {
    meters.sip_request("INVITE");
    meters.sip_request("MADE-UP");
    meters.sip_response("INVITE", 486);
    meters.core_turn.observe(Duration::from_micros(60));
    meters.core_turn.observe(Duration::from_secs(2));
    meters.core_inbox.set(3);
    meters.rtp_in.inc_by(50);
    meters.rtp_lost.inc();
    meters.recordings.set(2);
    meters.recording_dropped.inc_by(5);
    meters.decision.observe(Duration::from_millis(3));
    let jitter = Duration::from_micros(1_500);
    let round_trip = Some(Duration::from_millis(30));
    meters.heard(&Heard { mos: Some(4_360), jitter, round_trip });
    meters.heard(&Heard { mos: None, jitter, round_trip: None });
    meters.media_tick.observe(Duration::from_micros(20));
}

#[tokio::test]
async fn all_names_have_values() {
    let mut node = Node::start().await;
    node.talk();
    node.observe(2, None, started());
    node.observe(2, None, ended(CallResult::Abandoned));
    let abandoned = What::TaskAbandoned { queue: "support".into(), wait_ms: 700_000 };
    node.observe(3, Some(11), abandoned);
    node.observe(0, None, state("bob", Effective::Ready));
    count(node.api.meters());
    let answer = node.get("/metrics").await;
    assert!(answer.head.contains("content-type: application/openmetrics-text"), "{answer:?}");
    for line in [
        r#"usher_build_info{version="1.2.3",node="usher-1"} 1"#,
        "usher_calls_active 1",
        r#"usher_calls_total{result="abandoned"} 1"#,
        r#"usher_sip_requests_total{method="INVITE"} 1"#,
        r#"usher_sip_requests_total{method="other"} 1"#,
        r#"usher_sip_responses_total{method="INVITE",code="486"} 1"#,
        r#"usher_queue_waiting{queue="support"} 0"#,
        r#"usher_queue_waiting{queue="sales"} 0"#,
        r#"usher_queue_wait_seconds_bucket{le="2.0",queue="support"} 0"#,
        r#"usher_queue_wait_seconds_bucket{le="5.0",queue="support"} 1"#,
        r#"usher_queue_wait_seconds_bucket{le="600.0",queue="support"} 1"#,
        r#"usher_queue_wait_seconds_bucket{le="+Inf",queue="support"} 2"#,
        r#"usher_queue_wait_seconds_count{queue="sales"} 0"#,
        r#"usher_queue_abandoned_total{queue="support"} 1"#,
        r#"usher_queue_abandoned_total{queue="sales"} 0"#,
        r#"usher_queue_service_level{queue="support"} 0.5"#,
        r#"usher_operators{queue="support",state="ready"} 1"#,
        r#"usher_operators{queue="support",state="wrap-up"} 0"#,
        r#"usher_trunk_up{trunk="carrier"} 1"#,
        r#"usher_core_turn_seconds_bucket{le="0.00005"} 0"#,
        r#"usher_core_turn_seconds_bucket{le="0.0001"} 1"#,
        r#"usher_core_turn_seconds_bucket{le="+Inf"} 2"#,
        "usher_core_turn_seconds_sum 2.00006",
        "usher_core_inbox 3",
        r#"usher_rtp_packets_total{direction="in"} 50"#,
        r#"usher_rtp_packets_total{direction="out"} 0"#,
        "usher_rtp_lost_total 1",
        "usher_recordings_active 2",
        "usher_recordings_failed_total 0",
        "usher_recording_dropped_total 5",
        r#"usher_decision_seconds_bucket{le="0.005"} 1"#,
        "usher_decision_seconds_sum 0.003",
        r#"usher_rtp_jitter_seconds_bucket{le="0.002"} 1"#,
        r#"usher_rtp_jitter_seconds_bucket{le="+Inf"} 1"#,
        "usher_rtp_round_trip_seconds_sum 0.03",
        r#"usher_mos_bucket{le="4.3"} 0"#,
        r#"usher_mos_bucket{le="5.0"} 1"#,
        r#"usher_mos_bucket{le="+Inf"} 1"#,
        r#"usher_media_tick_seconds_bucket{le="0.00002"} 1"#,
        "# EOF",
    ] {
        assert!(answer.text.lines().any(|found| found == line), "{line}\n{}", answer.text);
    }
}

#[tokio::test]
async fn a_trunk_is_up_until_it_is_down() {
    let mut node = Node::start().await;
    for (what, expected) in [
        (None, 1),
        (Some(What::TrunkDown { trunk: "carrier".into(), cause: "timeout".into() }), 0),
        (Some(What::TrunkUp { trunk: "carrier".into() }), 1),
    ] {
        if let Some(what) = what {
            node.observe(0, None, what);
        }
        let text = node.get("/metrics").await.text;
        let line = format!(r#"usher_trunk_up{{trunk="carrier"}} {expected}"#);
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}
