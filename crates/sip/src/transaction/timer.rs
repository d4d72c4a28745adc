//! Timer values (RFC 3261 table 4, as updated by RFC 6026 section 6).

use crate::Time;

/// Round-trip time estimate.
pub(crate) const T1: Time = Time::from_millis(500);
/// Longest retransmission interval of non-INVITE requests and INVITE responses.
pub(crate) const T2: Time = Time::from_secs(4);
/// Longest time a message stays in the network.
pub(crate) const T4: Time = Time::from_secs(5);
/// Timers B, F, H, J, L and M: when a transaction is given up.
pub(crate) const T1_64: Time = Time::from_secs(32);
/// Timer D: how long a failed INVITE's repeated final responses are awaited.
pub(crate) const D: Time = Time::from_secs(32);
/// When timer E has grown to T2 (RFC 4320 section 4.1): 0.5 + 1 + 2 s.
pub(crate) const E_REACHES_T2: Time = Time::from_millis(3500);

/// The interval after this one for timers E and G: doubled up to T2.
pub(crate) fn doubled(interval: Time) -> Time {
    (interval * 2).min(T2)
}
