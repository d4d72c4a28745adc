//! G.711, both laws, by table: the reference algorithms of ITU-T G.191, run by the compiler.

/// µ-law byte to linear PCM.
pub static ULAW_TO_PCM: [i16; 256] = ulaw_to_pcm();
/// A-law byte to linear PCM.
pub static ALAW_TO_PCM: [i16; 256] = alaw_to_pcm();
/// µ-law byte to A-law byte.
pub static ULAW_TO_ALAW: [u8; 256] = ulaw_to_alaw();
/// A-law byte to µ-law byte.
pub static ALAW_TO_ULAW: [u8; 256] = alaw_to_ulaw();
/// µ-law looks at the upper 14 bits of a sample, A-law at the upper 12, so that is the index.
static PCM_TO_ULAW: [u8; 1 << 14] = pcm_to_ulaw();
static PCM_TO_ALAW: [u8; 1 << 12] = pcm_to_alaw();

/// The µ-law byte of a sample.
#[must_use]
pub fn ulaw(sample: i16) -> u8 {
    PCM_TO_ULAW[usize::from(sample.cast_unsigned() >> 2)]
}

/// The A-law byte of a sample.
#[must_use]
pub fn alaw(sample: i16) -> u8 {
    PCM_TO_ALAW[usize::from(sample.cast_unsigned() >> 4)]
}

/// Encodes as much as both slices hold.
pub fn encode_ulaw(pcm: &[i16], payload: &mut [u8]) {
    for (byte, sample) in payload.iter_mut().zip(pcm) {
        *byte = ulaw(*sample);
    }
}

/// Encodes as much as both slices hold.
pub fn encode_alaw(pcm: &[i16], payload: &mut [u8]) {
    for (byte, sample) in payload.iter_mut().zip(pcm) {
        *byte = alaw(*sample);
    }
}

const fn compress_ulaw(sample: i32) -> u8 {
    let magnitude = (if sample < 0 { !sample } else { sample } >> 2) + 33;
    let magnitude = if magnitude > 0x1fff { 0x1fff } else { magnitude };
    let mut segment = 1;
    let mut rest = magnitude >> 6;
    while rest != 0 {
        segment += 1;
        rest >>= 1;
    }
    let byte = ((8 - segment) << 4) | (0xf - ((magnitude >> segment) & 0xf));
    let byte = if sample >= 0 { byte | 0x80 } else { byte };
    low(byte)
}

const fn compress_alaw(sample: i32) -> u8 {
    let mut value = if sample < 0 { !sample } else { sample } >> 4;
    if value > 15 {
        let mut exponent = 1;
        while value > 31 {
            value >>= 1;
            exponent += 1;
        }
        value = value - 16 + (exponent << 4);
    }
    let value = if sample >= 0 { value | 0x80 } else { value };
    low(value ^ 0x55)
}

const fn ulaw_to_pcm() -> [i16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let inverted = !signed(byte, 9);
        let exponent = (inverted >> 4) & 7;
        let step = 8 << exponent;
        let value = (0x80 << exponent) + step * (inverted & 0xf) + step / 2 - 4 * 33;
        table[byte] = narrow(if byte < 0x80 { -value } else { value });
        byte += 1;
    }
    table
}

const fn alaw_to_pcm() -> [i16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let value = (signed(byte, 9) ^ 0x55) & 0x7f;
        let exponent = value >> 4;
        let mantissa = (((value & 0xf) + if exponent > 0 { 16 } else { 0 }) << 4) + 8;
        let value = if exponent > 1 { mantissa << (exponent - 1) } else { mantissa };
        table[byte] = narrow(if byte > 0x7f { value } else { -value });
        byte += 1;
    }
    table
}

#[expect(clippy::cast_possible_truncation, reason = "masked to 8 bits")]
const fn low(value: i32) -> u8 {
    (value & 0xff).cast_unsigned() as u8
}

/// Both expansions stay within 16 bits; the const evaluator checks the index arithmetic.
#[expect(clippy::cast_possible_truncation, reason = "both laws expand to at most 15 bits and sign")]
const fn narrow(value: i32) -> i16 {
    value as i16
}

const fn pcm_to_ulaw() -> [u8; 1 << 14] {
    let mut table = [0; 1 << 14];
    let mut index = 0;
    while index < 1 << 14 {
        table[index] = compress_ulaw(signed(index, 14) << 2);
        index += 1;
    }
    table
}

const fn pcm_to_alaw() -> [u8; 1 << 12] {
    let mut table = [0; 1 << 12];
    let mut index = 0;
    while index < 1 << 12 {
        table[index] = compress_alaw(signed(index, 12) << 4);
        index += 1;
    }
    table
}

#[expect(clippy::cast_possible_truncation, reason = "an index of at most 14 bits")]
#[expect(clippy::cast_possible_wrap, reason = "an index of at most 14 bits")]
const fn signed(index: usize, bits: u32) -> i32 {
    let value = index as i32;
    if value < 1 << (bits - 1) { value } else { value - (1 << bits) }
}

const fn ulaw_to_alaw() -> [u8; 256] {
    let pcm = ulaw_to_pcm();
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = compress_alaw(pcm[byte] as i32);
        byte += 1;
    }
    table
}

const fn alaw_to_ulaw() -> [u8; 256] {
    let pcm = alaw_to_pcm();
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = compress_ulaw(pcm[byte] as i32);
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        let check = |sample, u, a| {
            assert_eq!((ulaw(sample), alaw(sample)), (u, a), "{sample}");
        };
        check(0, 0xff, 0xd5);
        check(-1, 0x7f, 0x55);
        check(32_767, 0x80, 0xaa);
        check(-32_768, 0x00, 0x2a);
        check(1_000, 0xce, 0xfa);
        assert_eq!(ULAW_TO_PCM[0x00], -32_124);
        assert_eq!(ULAW_TO_PCM[0xff], 0);
        assert_eq!(ALAW_TO_PCM[0xd5], 8);
        assert_eq!(ALAW_TO_PCM[0x2a], -32_256);
    }

    #[test]
    fn every_code_survives_a_round_trip() {
        for byte in 0..=255u8 {
            // µ-law has two zeros; the negative one comes back as the positive one.
            if byte != 0x7f {
                assert_eq!(ulaw(ULAW_TO_PCM[usize::from(byte)]), byte);
            }
            assert_eq!(alaw(ALAW_TO_PCM[usize::from(byte)]), byte);
        }
    }

    #[test]
    fn the_error_stays_within_half_a_step() {
        for sample in i16::MIN..=i16::MAX {
            let wide = i32::from(sample);
            let u = i32::from(ULAW_TO_PCM[usize::from(ulaw(sample))]);
            let a = i32::from(ALAW_TO_PCM[usize::from(alaw(sample))]);
            let allowed = 16 + wide.abs() / 30;
            assert!((u - wide).abs() <= allowed.max(4), "µ {sample} {u}");
            assert!((a - wide).abs() <= allowed, "A {sample} {a}");
        }
    }
}
