//! How a leg fares: its RTCP both ways, and what is told of it.
//!
//! Reports are believed from where the SDP says that they come, or from where the leg's audio comes.
//! Only where that is elsewhere, so that a NAT has chosen the ports, from another port of the same host
//! too: the next one, or else the first whose reporter is who sends the audio, and then that one alone.

use core::net::SocketAddr;

use super::Engine;
use super::latch::canonical;
use super::leg::Leg;
use super::outbox::Outbox;
use super::types::{Channel, Counters, Event, Report};
use crate::rtcp::{self, Block};
use crate::{Time, quality};

/// Seconds until the first report: half of what lies between the others (RFC 3550 section 6.2).
const FIRST_S: u32 = 2;
/// Between two reports lie five seconds and up to two more or less, at random, so that reports of
/// many legs do not fall together (RFC 3550 section 6.3.1; we count in whole seconds).
const BETWEEN_S: u32 = 3;
const BETWEEN_SPREAD_S: u32 = 5;

/// What RTCP needs to know of a leg.
#[derive(Clone, Copy, Debug)]
pub(super) struct Control {
    rtt_us: Option<u32>,
    /// The peer's last block about us.
    remote: Option<Block>,
    /// Packets sent when the last two reports were.
    sent_then: [u64; 2],
    /// Packets expected and missed when the last report was.
    then: (u64, u64),
    wait_s: u32,
    chance: u32,
    /// Where reports through a NAT come from.
    source: Option<SocketAddr>,
    since_1900: Time,
}

impl Control {
    pub(super) fn new(ssrc: u32, since_1900: Time) -> Self {
        Self {
            rtt_us: None,
            remote: None,
            sent_then: [0; 2],
            then: (0, 0),
            wait_s: FIRST_S,
            chance: ssrc | 1,
            source: None,
            since_1900,
        }
    }

    /// The peer is elsewhere from now on.
    pub(super) fn moved(&mut self) {
        self.source = None;
    }

    /// The time that reports carry.
    fn ntp(&self, now: Time) -> Time {
        self.since_1900.saturating_add(now)
    }

    /// Counts a second. Returns whether a report is due.
    pub(super) fn second(&mut self) -> bool {
        self.wait_s = self.wait_s.saturating_sub(1);
        if self.wait_s > 0 {
            return false;
        }
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 17;
        self.chance ^= self.chance << 5;
        self.wait_s = BETWEEN_S + self.chance % BETWEEN_SPREAD_S;
        true
    }
}

impl Engine {
    /// A compound packet of RTCP came.
    pub(super) fn report_came(&mut self, now: Time, leg: &mut Leg, from: SocketAddr, data: &[u8]) {
        let Some(heard) = rtcp::parse(data, leg.plan.ssrc) else {
            self.counters.malformed += 1;
            return;
        };
        if !leg.believes(canonical(from), heard.from) {
            self.counters.strangers += 1;
            return;
        }
        let can_be = |block: &Block| block.can_be(leg.tx.numbers, leg.plan.codec.rtp_hz());
        if heard.block.is_some_and(|block| !can_be(&block)) {
            self.counters.malformed += 1;
            return;
        }
        self.counters.rtcp_in += 1;
        // Of another source than the one that is heard nothing can be said back.
        if let Some((ssrc, middle)) = heard.sent
            && leg.statistics.ssrc() == Some(ssrc)
        {
            leg.statistics.reported(middle, now);
        }
        if let Some(block) = heard.block {
            let now = leg.control.ntp(now);
            let rtt_us = rtcp::round_trip_us(now, block.last_report, block.delay);
            leg.control.rtt_us = rtt_us.or(leg.control.rtt_us);
            leg.control.remote = Some(block);
            leg.coder.peer_lost(block.fraction);
        }
    }
}

impl Leg {
    /// Whether a report that comes from here, of this reporter, is the peer's.
    fn believes(&mut self, from: SocketAddr, reporter: u32) -> bool {
        let audio = canonical(self.latch.locked().unwrap_or(self.plan.remote_rtp));
        let Some(elsewhere) = self.latch.elsewhere() else {
            return from == audio || from == canonical(self.plan.remote_rtcp);
        };
        let next = elsewhere.port().checked_add(1);
        if from == audio || from.ip() != elsewhere.ip() || self.plan.mux {
            return from == audio;
        }
        let is_known = self.control.source.is_some();
        if Some(from.port()) == next || !is_known && self.statistics.ssrc() == Some(reporter) {
            self.control.source = Some(from);
        }
        self.control.source == Some(from)
    }

    /// Sends a report, the last one with a BYE, and tells how the leg fares.
    pub(super) fn report(
        &mut self,
        now: Time,
        bye: bool,
        outbox: &mut Outbox,
        counters: &mut Counters,
    ) {
        if let Some(to) = self.reports_to() {
            let mut packet = [0; rtcp::PACKET_MAX];
            // Who has sent since the report before the last is a sender (RFC 3550 section 6.4).
            let sent = (self.tx.packets > self.control.sent_then[0]).then(|| rtcp::Sent {
                timestamp: self.tx.clock(now),
                packets: u32::try_from(self.tx.packets & 0xffff_ffff).unwrap_or(0),
                octets: u32::try_from(self.tx.octets & 0xffff_ffff).unwrap_or(0),
            });
            let block = self.statistics.block(now);
            let who = (self.plan.ssrc, &self.plan.cname);
            let length = rtcp::write(&mut packet, self.control.ntp(now), who, sent, block, bye);
            let channel = if self.plan.mux { Channel::Rtp } else { Channel::Rtcp };
            if outbox.packet((self.plan.port, channel, to), &packet[..length], &[], None) {
                counters.rtcp_out += 1;
            }
        }
        self.control.sent_then = [self.control.sent_then[1], self.tx.packets];
        let report = self.fares();
        self.control.then = (report.packets_in + report.lost, report.lost + report.late);
        outbox.event(Event::Report(report));
    }

    fn reports_to(&self) -> Option<SocketAddr> {
        let remote = self.plan.remote_rtcp;
        let to = match self.latch.answered() {
            // Behind a NAT the peer's own idea of its address is of no use.
            Some(locked) if self.plan.mux => locked,
            Some(_) if self.control.source.is_some() => self.control.source.unwrap_or(remote),
            Some(locked) if remote.ip().is_unspecified() => {
                SocketAddr::new(locked.ip(), locked.port().saturating_add(1))
            }
            Some(_) | None => remote,
        };
        (!to.ip().is_unspecified() && to.port() != 0).then_some(to)
    }

    fn fares(&self) -> Report {
        let codec = self.plan.codec;
        let micros = |ticks: u32| {
            let micros = u64::from(ticks) * 1_000_000 / u64::from(codec.rtp_hz());
            u32::try_from(micros).unwrap_or(u32::MAX)
        };
        let Control { rtt_us, remote, then, .. } = self.control;
        let (lost, late) = (self.statistics.lost(), self.late);
        let (of, missed) = (self.packets_in + lost, lost + late);
        let way = Time::from_micros(u64::from(rtt_us.unwrap_or(0)) / 2 + 20_000);
        let delay = way + Time::from_millis(self.buffer.target_ms().into());
        // A receiver is taken to wait for twice the jitter it reports.
        let remote_delay =
            |block: &Block| way + Time::from_micros(2 * u64::from(micros(block.jitter)));
        let mos = |missed, of| (of > 0).then(|| quality::mos(codec, missed, of, delay));
        let sent = self.tx.packets;
        Report {
            leg: self.plan.leg,
            codec,
            packets_in: self.packets_in,
            packets_out: sent,
            lost,
            late,
            jitter_us: micros(self.statistics.jitter()),
            rtt_us,
            mos: mos(missed, of),
            mos_now: mos(missed.saturating_sub(then.1), of.saturating_sub(then.0)),
            remote_lost: remote.map(|block| block.lost.max(0).unsigned_abs()),
            remote_jitter_us: remote.map(|block| micros(block.jitter)),
            remote_mos: remote.map(|block| {
                let lost = block.lost.max(0).unsigned_abs().into();
                quality::mos(codec, lost, sent, remote_delay(&block))
            }),
            remote_mos_now: remote
                .map(|block| quality::mos(codec, block.fraction.into(), 256, remote_delay(&block))),
        }
    }
}
