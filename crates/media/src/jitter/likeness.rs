//! Where two stretches of audio are most alike: the one tool of concealment and of stretching.

/// Samples per second of the coarse search.
const COARSE_HZ: u32 = 4_000;
/// Longest stretch and field of the coarse search, in its samples.
const STRETCH_MAX: usize = 80;
const FIELD_MAX: usize = 240;

/// A place, and how alike it is: 1 is the same up to loudness.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Likeness {
    pub(super) at: usize,
    pub(super) score: f32,
}

/// The place among `places` in `field` at which it is most like `stretch`. A place needs as many
/// samples behind it as the stretch has; those that have not are not looked at.
pub(super) fn most_alike(
    stretch: &[i16],
    field: &[i16],
    places: core::ops::RangeInclusive<usize>,
    hz: u32,
) -> Likeness {
    let step = (hz / COARSE_HZ).max(1) as usize;
    let last = field.len().saturating_sub(stretch.len()).min(*places.end());
    let first = (*places.start()).min(last);
    let mut coarse_stretch = [0; STRETCH_MAX];
    let mut coarse_field = [0; FIELD_MAX];
    let length = thin(stretch, step, &mut coarse_stretch);
    let reach = thin(&field[first..], step, &mut coarse_field);
    let (stretch_thin, field_thin) = (&coarse_stretch[..length], &coarse_field[..reach]);
    let count = ((last - first) / step).min(reach.saturating_sub(length));
    let best = (0..=count)
        .map(|place| (place, score(stretch_thin, &field_thin[place..])))
        .fold((0, f32::MIN), |best, next| if next.1 > best.1 { next } else { best });
    let near = first + best.0 * step;
    let fine = near.saturating_sub(step).max(first)..=(near + step).min(last);
    fine.map(|at| Likeness { at, score: score(stretch, &field[at..]) }).fold(
        Likeness { at: near, score: f32::MIN },
        |best, next| {
            if next.score > best.score { next } else { best }
        },
    )
}

/// Sums of so many neighbours, as many as there is room for.
fn thin(pcm: &[i16], step: usize, out: &mut [i16]) -> usize {
    let mut count = 0;
    for (sum, group) in out.iter_mut().zip(pcm.chunks_exact(step)) {
        let total: i32 = group.iter().map(|sample| i32::from(*sample)).sum();
        *sum = i16::try_from(total / i32::try_from(step).unwrap_or(1)).unwrap_or(0);
        count += 1;
    }
    count
}

/// Normalised correlation over the length of `a`.
#[expect(clippy::cast_precision_loss, reason = "a score need not be exact")]
fn score(a: &[i16], b: &[i16]) -> f32 {
    let (mut cross, mut of_a, mut of_b) = (0_i64, 0_i64, 0_i64);
    for (x, y) in a.iter().zip(b) {
        let (x, y) = (i32::from(*x), i32::from(*y));
        cross += i64::from(x * y);
        of_a += i64::from(x * x);
        of_b += i64::from(y * y);
    }
    if of_a == 0 || of_b == 0 {
        // Silence is like silence, and like nothing else.
        return if of_a == of_b { 1.0 } else { 0.0 };
    }
    cross as f32 / ((of_a as f32) * (of_b as f32)).sqrt()
}

/// Fades from one into the other, sample by sample, into the first.
pub(super) fn cross_fade(from: &mut [i16], to: &[i16]) {
    let length = from.len().min(to.len());
    let whole = i32::try_from(length + 1).unwrap_or(1);
    for ((old, new), n) in from.iter_mut().zip(to).zip(1_i32..) {
        let sum = i32::from(*old) * (whole - n) + i32::from(*new) * n;
        *old = i16::try_from(sum / whole).unwrap_or(0);
    }
}
