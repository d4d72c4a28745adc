//! Who plays: queues, operators, callers, and how they are. All of it hangs on one seed.

use std::time::Duration;

use sip::{Rng, Transport};

/// A queue and how often it is called.
pub(super) struct Queue {
    pub(super) name: &'static str,
    pub(super) number: &'static str,
    pub(super) strategy: &'static str,
    /// Of a hundred callers.
    pub(super) share: u64,
}

/// An operator.
pub(super) struct Operator {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) queues: &'static [&'static str],
    /// What their phone speaks over.
    pub(super) phone: Transport,
    /// Of a hundred calls, how many they let ring.
    pub(super) misses: u64,
}

pub(super) const QUEUES: &[Queue] = &[
    Queue { name: "support", number: "600", strategy: "longest-idle", share: 50 },
    Queue { name: "sales", number: "601", strategy: "round-robin", share: 30 },
    Queue { name: "billing", number: "602", strategy: "in-order", share: 20 },
];

pub(super) const OPERATORS: &[Operator] = &[
    operator("alice", "Alice", &["support"], Transport::Udp, 2),
    operator("bob", "Bob", &["support"], Transport::Udp, 2),
    operator("carol", "Carol", &["support", "sales"], Transport::Tcp, 2),
    operator("dave", "Dave", &["support"], Transport::Udp, 60),
    operator("erin", "Erin", &["sales"], Transport::Udp, 2),
    operator("frank", "Frank", &["sales", "billing"], Transport::Udp, 10),
    operator("grace", "Grace", &["billing"], Transport::Tcp, 2),
    operator("heidi", "Heidi", &["billing", "support"], Transport::Udp, 5),
];

const fn operator(
    id: &'static str,
    name: &'static str,
    queues: &'static [&'static str],
    phone: Transport,
    misses: u64,
) -> Operator {
    Operator { id, name, queues, phone, misses }
}

/// The header field by which a caller is known again at the other end and in the records.
pub(super) const CALLER_HEADER: &str = "X-Demo-Caller";
/// Within how many seconds callers of a queue should be served: short, as all is quick here.
pub(super) const IN_TIME_S: u32 = 5;
/// How long one who was taken out stays away.
pub(super) const AWAY: Duration = Duration::from_secs(8);

/// An operator's password.
pub(super) fn password(id: &str) -> String {
    format!("{id}-secret")
}

/// The tone of an operator's voice, by number: above all of the built-in music.
pub(super) fn operator_hz(operator: usize) -> u16 {
    u16::try_from(1_000 + 60 * operator).unwrap_or(u16::MAX)
}

/// Callers' tones; more who call at once share them.
pub(super) const CALLER_TONES: u16 = 40;

/// The tone of a caller's voice.
pub(super) fn caller_hz(tone: u16) -> u16 {
    1_600 + 40 * (tone % CALLER_TONES)
}

/// Everybody's tones: what an ear listens for.
pub(super) fn tones() -> impl Iterator<Item = u16> {
    (0..OPERATORS.len()).map(operator_hz).chain((0..CALLER_TONES).map(caller_hz))
}

/// A number that belongs to nobody: Ofcom keeps these for plays.
pub(super) fn caller_number(caller: u64) -> String {
    format!("+442079460{:03}", caller % 1_000)
}

/// A number as it is read.
pub(super) fn spaced(number: &str) -> String {
    match number.strip_prefix("+4420").and_then(|rest| rest.split_at_checked(4)) {
        Some((area, line)) => format!("+44 20 {area} {line}"),
        None => number.to_owned(),
    }
}

/// Chance.
#[derive(Debug)]
pub(super) struct Dice(Rng);

impl Dice {
    /// Two with one number roll alike.
    pub(super) fn new(number: u8) -> Self {
        Self(Rng::new([number; 32]))
    }

    /// Whether something with so many chances in a hundred happens.
    pub(super) fn percent(&mut self, chances: u64) -> bool {
        self.0.below(100) < chances
    }

    /// From `low` to `high`.
    pub(super) fn between(&mut self, low: Duration, high: Duration) -> Duration {
        let span = u64::try_from(high.saturating_sub(low).as_millis()).unwrap_or(0);
        low + Duration::from_millis(self.0.below(span + 1))
    }

    /// Exponentially distributed, at most five times the mean.
    pub(super) fn around(&mut self, mean: Duration) -> Duration {
        #[expect(clippy::cast_precision_loss, reason = "32 bits are exact")]
        let unit = (self.0.below(1 << 32) as f64) / f64::from(2.0_f32.powi(32));
        mean.mul_f64((-(1.0 - unit).ln()).min(5.0))
    }

    /// A queue, by how often each is called.
    pub(super) fn queue(&mut self) -> &'static Queue {
        let mut left = self.0.below(QUEUES.iter().map(|queue| queue.share).sum());
        for queue in QUEUES {
            match left.checked_sub(queue.share) {
                Some(rest) => left = rest,
                None => return queue,
            }
        }
        &QUEUES[0]
    }
}

/// The mean time between two calls: it is busy at first, and again every fifty seconds.
pub(super) fn between_calls(since_start: Duration) -> Duration {
    let phase = since_start.as_secs() % 50;
    Duration::from_millis(if phase < 22 { 1_000 } else { 2_600 })
}
