//! A leg whose ports become others.

use super::Negotiation;
use crate::Lease;

impl Negotiation {
    /// From now on the leg has these ports, with this SSRC: what is sent comes from there at once, and
    /// the peer is to be told by an offer where to send. An open offer of ours is void.
    pub fn relocate(&mut self, lease: Lease, ssrc: u32) {
        self.pending = None;
        self.settings.lease = lease;
        self.settings.ssrc = ssrc;
        if let Some(plan) = &mut self.plan {
            (plan.thread, plan.port, plan.ssrc) = (lease.thread, lease.port, ssrc);
            plan.generation += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Codec, Lease, LegId, LegSettings, Negotiation};

    #[test]
    fn the_offer_and_the_plan_name_the_new_port() {
        let settings = LegSettings {
            leg: LegId(1),
            lease: Lease { thread: 0, port: 20_000 },
            address: "192.0.2.1".parse().unwrap(),
            signalling: None,
            ssrc: 7,
            cname: [1; crate::rtcp::CNAME],
            sdp_id: 100,
            codecs: vec![Codec::Pcma],
            ptime_ms: 20,
        };
        let theirs = b"v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n\
                       m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n";
        let mut leg = Negotiation::new(settings);
        leg.relocate(Lease { thread: 0, port: 20_002 }, 8);
        let first = String::from_utf8(leg.on_offer(theirs).unwrap().to_vec()).unwrap();
        assert!(first.contains("o=- 100 100 ") && first.contains("m=audio 20002 "), "{first}");
        let before = leg.plan().unwrap();
        assert_eq!((before.thread, before.port, before.ssrc), (0, 20_002, 8));

        let _ = leg.offer();
        leg.relocate(Lease { thread: 3, port: 30_000 }, 9);
        assert!(!leg.is_offering());
        let after = leg.plan().unwrap();
        assert_eq!((after.thread, after.port, after.ssrc), (3, 30_000, 9));
        assert_eq!(after.generation, before.generation + 1);
        assert_eq!(after.remote_rtp, before.remote_rtp);
        let offer = String::from_utf8(leg.offer().to_vec()).unwrap();
        assert!(offer.contains("o=- 100 101 ") && offer.contains("m=audio 30000 "), "{offer}");
        leg.on_answer(theirs).unwrap();
        let agreed = crate::Plan { generation: after.generation + 1, ..after };
        assert_eq!(leg.plan(), Some(agreed), "nothing has changed but the ports");
    }
}
