//! How well a path carries speech, as people would say on a scale of 1 to 5: the E-model with its
//! default values (ITU-T G.107 for the codecs of the telephone's band, G.107.1 for wider ones, each
//! on the scale of its own band), reduced to what is known of a leg: codec, loss, delay.

use crate::{Codec, Time};

/// What a codec does to speech.
#[derive(Clone, Copy, Debug)]
struct Impairment {
    /// The rating without loss and delay, before what the codec costs.
    best: f64,
    /// What the codec costs.
    equipment: f64,
    /// How much loss it stands: the higher the more.
    robustness: f64,
}

/// Of G.711 with concealment and random loss by G.113 appendix I. What stands for G.722 and Opus is
/// an estimate of ours: G.113 has no Opus, and no measurement of these encoders' settings stands
/// behind the figures yet.
fn impairment(codec: Codec) -> Impairment {
    match codec {
        Codec::Pcmu | Codec::Pcma => Impairment { best: 93.2, equipment: 0.0, robustness: 25.1 },
        Codec::G722 => Impairment { best: 129.0, equipment: 13.0, robustness: 20.0 },
        Codec::Opus => Impairment { best: 129.0, equipment: 7.0, robustness: 24.0 },
    }
}

/// The mean opinion score in thousandths, 1000 to 4500: of speech that a codec carries, of which so
/// many packets of so many were missed, and that is heard so much later than it was said. Losses are
/// taken for random.
///
/// What a delay costs is the usual approximation of G.107's curve by two straight lines.
#[must_use]
pub fn mos(codec: Codec, missed: u64, of: u64, delay: Time) -> u16 {
    let Impairment { best, equipment, robustness } = impairment(codec);
    let parts = u32::try_from(u128::from(missed.min(of)) * 1_000_000 / u128::from(of.max(1)));
    let percent = f64::from(parts.unwrap_or(0)) / 10_000.0;
    let delay_ms = f64::from(u32::try_from(delay.as_millis()).unwrap_or(u32::MAX));
    // The scale of wide bands ends at 129, the one of scores at 100.
    let scale = if best > 100.0 { 1.29 } else { 1.0 };
    let by_delay = scale * (0.024 * delay_ms + 0.11 * (delay_ms - 177.3).max(0.0));
    let by_loss = (95.0 - equipment) * percent / (percent + robustness);
    let rating = ((best - equipment - by_delay - by_loss) / scale).clamp(0.0, 100.0);
    let score = 1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 4.5")]
    let thousandths = (score.clamp(1.0, 4.5) * 1_000.0 + 0.5) as u16;
    thousandths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores() {
        let check = |codec, missed, of, delay_ms, expected: u16| {
            let is = mos(codec, missed, of, Time::from_millis(delay_ms));
            assert!(is.abs_diff(expected) <= 5, "{codec:?} {missed}/{of} {delay_ms} ms: {is}");
        };
        // R 93.2 is 4.41, 80 is 4.03, 70 is 3.60, 50 is 2.58 (G.107 annex B).
        check(Codec::Pcmu, 0, 1_000, 0, 4_409);
        check(Codec::Pcma, 0, 0, 0, 4_409);
        check(Codec::Pcmu, 10, 1_000, 45, 4_300);
        check(Codec::Pcmu, 5, 100, 110, 3_814);
        check(Codec::Pcmu, 0, 1_000, 420, 2_908);
        check(Codec::Pcmu, 1, 1, 5_000, 1_000);
        check(Codec::Pcmu, u64::MAX / 2, u64::MAX, 0, 1_607);
        check(Codec::Pcmu, 9, 3, 0, 1_177);
        check(Codec::Opus, 0, 1_000, 0, 4_437);
        check(Codec::Opus, 5, 100, 110, 4_030);
    }

    #[test]
    fn more_loss_and_more_delay_are_never_better() {
        for codec in Codec::ALL {
            let mut last = u16::MAX;
            for missed in 0..=100 {
                let is = mos(codec, missed, 100, Time::ZERO);
                assert!(is <= last && (1_000..=4_500).contains(&is), "{codec:?} {missed}: {is}");
                last = is;
            }
            let by_delay = |ms| mos(codec, 0, 1, Time::from_millis(ms));
            assert!((0..1_000).all(|ms| by_delay(ms + 1) <= by_delay(ms)), "{codec:?}");
        }
    }
}
