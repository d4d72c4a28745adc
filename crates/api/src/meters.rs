//! What the runtime counts: atomics that socket, core and media threads update without a lock.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::tally::{Heard, Scores, Timing};

/// Methods that get a label of their own; a peer cannot make up more of them.
const METHODS: [&str; 14] = [
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "REGISTER",
    "OPTIONS",
    "PRACK",
    "SUBSCRIBE",
    "NOTIFY",
    "PUBLISH",
    "INFO",
    "REFER",
    "MESSAGE",
    "UPDATE",
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Requests {
    method: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Responses {
    method: &'static str,
    code: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Direction {
    direction: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Deliveries {
    webhook: String,
    result: &'static str,
}

/// The runtime's counters. Cloning shares them.
#[derive(Debug, Clone)]
pub struct Meters {
    requests: Family<Requests, Counter>,
    responses: Family<Responses, Counter>,
    webhooks: Family<Deliveries, Counter>,
    /// One turn of the core: an input until its outputs are drained.
    pub core_turn: Timing,
    /// One turn of the core that rang an operator: the choice, and all that it set off.
    pub decision: Timing,
    /// Inputs waiting for the core.
    pub core_inbox: Gauge,
    /// RTP packets received.
    pub rtp_in: Counter,
    /// RTP packets sent.
    pub rtp_out: Counter,
    /// RTP packets that never arrived.
    pub rtp_lost: Counter,
    /// Interarrival jitter of a leg, at each of its reports.
    rtp_jitter: Timing,
    /// Round trip of a leg by RTCP, at each of its reports.
    rtp_round_trip: Timing,
    /// Estimated quality of what a leg sends us, at each of its reports.
    mos: Scores,
    /// Work of one media tick.
    pub media_tick: Timing,
    /// Events the store had to drop.
    pub events_dropped: Counter,
    /// Recordings being written.
    pub recordings: Gauge,
    /// Frames of recordings, 20 ms each, that the disk was too slow for.
    pub recording_dropped: Counter,
    /// Recordings that could not be written.
    pub recordings_failed: Counter,
}

impl Meters {
    /// Counts an event sent to a webhook.
    pub fn webhook(&self, name: &str, result: &'static str) {
        self.webhooks.get_or_create(&Deliveries { webhook: name.to_owned(), result }).inc();
    }

    pub(crate) fn register(registry: &mut Registry) -> Self {
        let (requests, responses) = (Family::default(), Family::default());
        let webhooks = Family::<Deliveries, Counter>::default();
        let packets = Family::<Direction, Counter>::default();
        let meters = Self {
            requests: Family::clone(&requests),
            responses: Family::clone(&responses),
            webhooks: Family::clone(&webhooks),
            core_turn: Timing::default(),
            decision: Timing::default(),
            core_inbox: Gauge::default(),
            rtp_in: packets.get_or_create_owned(&Direction { direction: "in" }),
            rtp_out: packets.get_or_create_owned(&Direction { direction: "out" }),
            rtp_lost: Counter::default(),
            rtp_jitter: Timing::default(),
            rtp_round_trip: Timing::default(),
            mos: Scores::default(),
            media_tick: Timing::default(),
            events_dropped: Counter::default(),
            recordings: Gauge::default(),
            recording_dropped: Counter::default(),
            recordings_failed: Counter::default(),
        };
        registry.register("usher_sip_requests", "SIP requests received, by method", requests);
        registry.register(
            "usher_sip_responses",
            "SIP responses sent, by method and code",
            responses,
        );
        registry.register(
            "usher_webhook_deliveries",
            "Events sent to webhooks, by what came of it: taken, refused, failed, given_up",
            webhooks,
        );
        meters.register_core(registry);
        meters.register_media(registry, packets);
        meters.register_recordings(registry);
        meters
    }

    fn register_core(&self, registry: &mut Registry) {
        let help = "One turn of the core";
        registry.register("usher_core_turn_seconds", help, self.core_turn.metric());
        let help = "One turn of the core that rang an operator";
        registry.register("usher_decision_seconds", help, self.decision.metric());
        let inbox = self.core_inbox.clone();
        registry.register("usher_core_inbox", "Inputs waiting for the core", inbox);
        let dropped = self.events_dropped.clone();
        registry.register("usher_events_dropped", "Events the store had to drop", dropped);
    }

    fn register_recordings(&self, registry: &mut Registry) {
        let active = self.recordings.clone();
        registry.register("usher_recordings_active", "Recordings being written", active);
        let help = "Frames of recordings, 20 ms each, that the disk was too slow for";
        registry.register("usher_recording_dropped", help, self.recording_dropped.clone());
        let help = "Recordings that could not be written";
        registry.register("usher_recordings_failed", help, self.recordings_failed.clone());
    }

    fn register_media(&self, registry: &mut Registry, packets: Family<Direction, Counter>) {
        registry.register("usher_rtp_packets", "RTP packets, by direction", packets);
        let lost = self.rtp_lost.clone();
        registry.register("usher_rtp_lost", "RTP packets that never arrived", lost);
        let help = "Interarrival jitter of each leg, about every five seconds and at its end";
        registry.register("usher_rtp_jitter_seconds", help, self.rtp_jitter.metric());
        let help = "Round trip to each leg that sends reports (RTCP), as often";
        registry.register("usher_rtp_round_trip_seconds", help, self.rtp_round_trip.metric());
        let help = "Listening quality of each leg since its first packet, estimated by the \
                    E-model, about every five seconds and at its end";
        registry.register("usher_mos", help, self.mos.metric());
        let help = "Work of one media tick";
        registry.register("usher_media_tick_seconds", help, self.media_tick.metric());
    }

    /// Counts how a leg fares; takes no lock and allocates nothing. One that was never heard has no
    /// quality.
    pub fn heard(&self, heard: &Heard) {
        if let Some(mos) = heard.mos {
            self.rtp_jitter.observe(heard.jitter);
            self.mos.observe(mos);
        }
        if let Some(round_trip) = heard.round_trip {
            self.rtp_round_trip.observe(round_trip);
        }
    }

    /// Counts a request received.
    pub fn sip_request(&self, method: &str) {
        self.requests.get_or_create(&Requests { method: known(method) }).inc();
    }

    /// Counts a response sent, with the method of its CSeq.
    pub fn sip_response(&self, method: &str, code: u16) {
        self.responses.get_or_create(&Responses { method: known(method), code }).inc();
    }
}

fn known(method: &str) -> &'static str {
    METHODS.into_iter().find(|known| *known == method).unwrap_or("other")
}
