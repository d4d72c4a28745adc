//! More time or less for what is said, at the pitch it has: a period is left out or played twice,
//! faded over where it is most like itself (waveform-similarity overlap-add).

use super::likeness::{Likeness, cross_fade, most_alike};
use super::stage::Stage;

/// The shortest that is left out or added.
const LAG_MIN_US: usize = 2_500;
/// The longest.
pub(super) const LAG_MAX_MS: usize = 15;
/// Over how much two places are compared, and the longest fade between them.
const WINDOW_MS: usize = 10;

/// Leaves out a period of what is to be played next, no longer than `most` samples. Returns how many
/// samples; 0 where nothing is alike enough.
pub(super) fn shorten(stage: &mut Stage, most: usize, alike: f32) -> usize {
    let (window, shortest) = (stage.of_ms(WINDOW_MS), stage.of_ms(LAG_MIN_US) / 1_000);
    let rest = stage.rest();
    let longest = most.min(stage.of_ms(LAG_MAX_MS)).min(rest.len().saturating_sub(window));
    if longest < shortest {
        return 0;
    }
    let found = most_alike(&rest[..window], rest, shortest..=longest, stage.hz());
    let Likeness { at: lag, score } = found;
    if score < alike {
        return 0;
    }
    let fade = lag.min(window);
    let head = stage.head();
    let (old, new) = stage.all_mut().split_at_mut(head + lag);
    cross_fade(&mut old[head..head + fade], new);
    stage.remove(head + fade, lag);
    lag
}

/// Plays a period that was just played once more. Returns how many samples were added; 0 where
/// nothing is alike enough.
pub(super) fn lengthen(stage: &mut Stage, alike: f32) -> usize {
    let (window, shortest) = (stage.of_ms(WINDOW_MS), stage.of_ms(LAG_MIN_US) / 1_000);
    let longest = stage.of_ms(LAG_MAX_MS).min(stage.head());
    if stage.pending() < window || longest < shortest {
        return 0;
    }
    let head = stage.head();
    let places = head - longest..=head - shortest;
    let next = &stage.rest()[..window];
    let Likeness { at, score } = most_alike(next, stage.all(), places, stage.hz());
    let lag = head - at;
    if score < alike || !stage.insert(lag) {
        return 0;
    }
    // Where the hole was made and what was played may have moved.
    let head = stage.head();
    let fade = lag.min(window);
    let all = stage.all_mut();
    // The hole holds the period before it, whose beginning is faded over from what was to come.
    let (played, hole) = all.split_at_mut(head);
    let (hole, next) = hole.split_at_mut(lag);
    hole.copy_from_slice(&played[head - lag..]);
    let mut begin = [0; WINDOW_MS * 48];
    let begin = &mut begin[..fade];
    begin.copy_from_slice(&next[..fade]);
    cross_fade(begin, &hole[..fade]);
    hole[..fade].copy_from_slice(begin);
    lag
}
