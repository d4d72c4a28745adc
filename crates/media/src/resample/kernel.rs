//! The low-pass filters, worked out by the compiler: the platform's `sin` differs from one to the
//! next.

/// Weights are in units of 2^-14.
pub(super) const UNIT_BITS: u32 = 14;
/// The longest filter.
pub(super) const LENGTH_MAX: usize = 6 * 40;

/// A filter for a ratio of rates. The edges and windows are those that reach, with the fewest taps,
/// what [`super`] promises.
#[derive(Debug)]
pub(super) struct Kernel {
    /// How many samples of the higher rate there are to one of the lower.
    pub(super) ratio: usize,
    /// Taps of one phase: samples of the lower rate that one of the higher is made of.
    pub(super) taps: usize,
    /// Phase after phase, each in the order of time; their gain is one each.
    up: [i16; LENGTH_MAX],
    /// The whole filter; its gain is one.
    down: [i16; LENGTH_MAX],
}

/// 8 and 16 kHz.
pub(super) static BY_2: Kernel = Kernel::new(2, 40, 3_664.0 / 16_000.0, 5.0);
/// 16 and 48 kHz.
pub(super) static BY_3: Kernel = Kernel::new(3, 48, 7_460.0 / 48_000.0, 5.0);
/// 8 and 48 kHz.
pub(super) static BY_6: Kernel = Kernel::new(6, 40, 3_652.0 / 48_000.0, 5.5);

impl Kernel {
    /// `edge` is the middle of the slope over the higher rate, `beta` Kaiser's parameter.
    const fn new(ratio: usize, taps: usize, edge: f64, beta: f64) -> Self {
        let length = ratio * taps;
        let mut shape = [0.0; LENGTH_MAX];
        let mut index = 0;
        while index < length {
            let middle = (length - 1) as f64 / 2.0;
            let x = index as f64 - middle;
            let r = x / middle;
            shape[index] = sinc(2.0 * edge * x) * bessel(beta * beta * (1.0 - r * r) / 4.0);
            index += 1;
        }
        let mut kernel = Self { ratio, taps, up: [0; LENGTH_MAX], down: [0; LENGTH_MAX] };
        put(&shape, length - 1, 1, length, &mut kernel.down, 0);
        let mut phase = 0;
        while phase < ratio {
            // The newest sample goes with the first weight of the phase.
            let newest = (taps - 1) * ratio + phase;
            put(&shape, newest, ratio, taps, &mut kernel.up, phase * taps);
            phase += 1;
        }
        kernel
    }

    pub(super) fn length(&self) -> usize {
        self.ratio * self.taps
    }

    pub(super) fn down(&self) -> &[i16] {
        &self.down[..self.length()]
    }

    pub(super) fn phases(&self) -> impl Iterator<Item = &[i16]> {
        self.up[..self.length()].chunks_exact(self.taps)
    }
}

/// Rounds every `step`th weight, from the last one down, so that their sum is one exactly: else
/// each phase would have its own gain.
const fn put(
    shape: &[f64; LENGTH_MAX],
    last: usize,
    step: usize,
    count: usize,
    out: &mut [i16; LENGTH_MAX],
    at: usize,
) {
    let mut sum = 0.0;
    let mut index = 0;
    while index < count {
        sum += shape[last - index * step];
        index += 1;
    }
    let unit = (1 << UNIT_BITS) as f64;
    let (mut rest, mut total, mut largest) = (1 << UNIT_BITS, 0, at);
    index = 0;
    while index < count {
        let weight = round(shape[last - index * step] / sum * unit);
        out[at + index] = weight;
        rest -= weight as i32;
        total += weight.unsigned_abs() as i32;
        if weight > out[largest] {
            largest = at + index;
        }
        index += 1;
    }
    out[largest] += round(rest as f64);
    // Samples of 16 bits times this must fit into 31, with what is added for rounding.
    assert!(total + rest.abs() < 0xff00);
}

#[expect(clippy::cast_possible_truncation, reason = "weights are below 2^15")]
const fn round(x: f64) -> i16 {
    (if x < 0.0 { x - 0.5 } else { x + 0.5 }) as i16
}

/// `sin(πx) / πx` by Taylor's series, the angle brought within a circle.
const fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let angle = x % 2.0 * core::f64::consts::PI;
    let (mut term, mut sum, mut n) = (angle, angle, 1.0);
    while n < 60.0 {
        term = -term * angle * angle / ((n + 1.0) * (n + 2.0));
        sum += term;
        n += 2.0;
    }
    sum / (x * core::f64::consts::PI)
}

/// The modified Bessel function of order 0, of twice the square root of `x`: Kaiser's window but
/// for a factor, which the sum takes out.
const fn bessel(x: f64) -> f64 {
    let (mut term, mut sum, mut n) = (1.0, 1.0, 1.0);
    while n < 40.0 {
        term *= x / (n * n);
        sum += term;
        n += 1.0;
    }
    sum
}
