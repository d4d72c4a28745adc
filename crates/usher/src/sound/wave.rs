//! Files of sound: RIFF/WAVE, and samples without a header, known by the ending of their names.
//!
//! | file | samples |
//! | --- | --- |
//! | `.wav` | 16 bits, A-law or µ-law; one channel or two, which become one |
//! | `.sln`, `.sln16`, `.sln48` | 16 bits, little endian, of 8, 16, 48 kHz |
//! | `.g722` | G.722, 16 kHz |
//! | `.ulaw`, `.ul`, `.alaw`, `.al` | G.711, 8 kHz |

use media::{Codec, Decoder, Pcm, g711};

/// Endings of the names of files that are read; of two files of one name the earlier is taken.
pub(crate) const ENDINGS: [&str; 9] =
    ["wav", "sln48", "sln16", "g722", "sln", "ulaw", "ul", "alaw", "al"];
/// Endings of other sounds, as telephone systems and people have them: none of them is read.
pub(crate) const ENDINGS_OF_OTHERS: [&str; 9] =
    ["gsm", "g729", "siren7", "siren14", "mp3", "ogg", "opus", "flac", "m4a"];
/// What makes a file that is played as it is.
pub(crate) const HELPS: &str = "`sox IN -b 16 -r 16000 -c 1 OUT.wav` makes one that is";
/// Samples per second that are played as they are.
const RATES_HZ: [u32; 3] = [8_000, 16_000, 48_000];

/// Sound of any rate, one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wave {
    /// Samples per second, 8,000 to 192,000.
    pub(crate) hz: u32,
    /// At least one.
    pub(crate) samples: Vec<i16>,
}

impl Wave {
    /// The same for the media threads.
    ///
    /// # Errors
    /// It has a rate that they do not play; what makes one that has.
    pub(crate) fn into_pcm(self) -> Result<Pcm, String> {
        let hz = self.hz;
        match RATES_HZ.contains(&hz) {
            true => Ok(Pcm { hz, samples: self.samples.into() }),
            false => Err(format!("{hz} Hz is not played, but 8000, 16000 and 48000; {HELPS}")),
        }
    }

    /// The same for the media threads; another rate than theirs becomes the nearest that is.
    pub(crate) fn fitted(self) -> Pcm {
        let hz = match self.hz {
            hz if RATES_HZ.contains(&hz) => hz,
            ..24_001 => 16_000,
            _ => 48_000,
        };
        let samples = super::rate::convert(&self.samples, self.hz, hz);
        Pcm { hz, samples: samples.into() }
    }
}

/// Reads a file by the ending of its name, in lower case.
///
/// # Errors
/// What is wrong with it, and what helps.
pub(crate) fn read(ending: &str, file: &[u8]) -> Result<Wave, String> {
    let linear = |hz| {
        let pairs = file.chunks_exact(2);
        some(hz, pairs.map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect())
    };
    let law = |table: &[i16; 256]| {
        some(8_000, file.iter().map(|byte| table[usize::from(*byte)]).collect())
    };
    match ending {
        "sln" => linear(8_000),
        "sln16" => linear(16_000),
        "sln48" => linear(48_000),
        "g722" => {
            // A byte is two samples.
            let mut samples = vec![0; file.len() * 2];
            let count = Decoder::new(Codec::G722).decode(file, &mut samples);
            samples.truncate(count);
            some(16_000, samples)
        }
        "ulaw" | "ul" => law(&g711::ULAW_TO_PCM),
        "alaw" | "al" => law(&g711::ALAW_TO_PCM),
        other if ENDINGS_OF_OTHERS.contains(&other) && !file.starts_with(b"RIFF") => {
            Err(format!(".{other} is {}", unread()))
        }
        _ => riff(file),
    }
}

/// What to say of a file that is of another kind.
pub(super) fn unread() -> String {
    format!("not read, which .{} are; {HELPS}", ENDINGS.join(", ."))
}

fn some(hz: u32, samples: Vec<i16>) -> Result<Wave, String> {
    if samples.is_empty() {
        return Err("no sound in it".to_owned());
    }
    Ok(Wave { hz, samples })
}

/// How the samples of a WAVE file stand.
#[derive(Debug, Clone, Copy)]
struct Format {
    kind: Kind,
    channels: usize,
    hz: u32,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Linear,
    Law(&'static [i16; 256]),
}

/// `WAVE_FORMAT_EXTENSIBLE`: the format stands in the GUID behind.
const EXTENSIBLE: u16 = 0xfffe;

/// Lengths from which on a header means that it knows none: sox and espeak-ng write 0x7ffff000 to a
/// pipe, or a little less, ffmpeg 0xffffffff.
const OPEN_LENGTHS: usize = 0x7fff_0000;

fn riff(file: &[u8]) -> Result<Wave, String> {
    if file.get(..4) != Some(b"RIFF") || file.get(8..12) != Some(b"WAVE") {
        return Err(format!("not a WAVE file; {HELPS}"));
    }
    let (mut at, mut format) = (12, None);
    while let (Some(kind), Some(length)) = (file.get(at..at + 4), long(file, at + 4)) {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let end = (at + 8).saturating_add(length).min(file.len());
        let body = &file[at + 8..end];
        match (kind, format) {
            (b"fmt ", _) => format = Some(read_format(body)?),
            (b"data", Some(format)) => {
                let body = data(file, at + 8, length)?;
                return some(format.hz, samples(body, format));
            }
            _ => {}
        }
        at = end + length % 2;
    }
    Err(format!("a WAVE file without samples; {HELPS}"))
}

/// The samples' bytes, from where they begin. Whoever writes to a pipe cannot know how many will come,
/// and says that by a length.
fn data(file: &[u8], at: usize, length: usize) -> Result<&[u8], String> {
    let there = &file[at..];
    let is_closed = long(file, 4).is_some_and(|riff| riff as usize == file.len() - 8);
    let is_open = length >= OPEN_LENGTHS || length == 0 && !is_closed;
    match there.get(..length) {
        _ if is_open => Ok(there),
        Some(body) => Ok(body),
        None => {
            Err(format!("cut short: its data chunk says {length} bytes, {} are there", there.len()))
        }
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn read_format(body: &[u8]) -> Result<Format, String> {
    let wrong = |what: String| format!("{what} is not read; {HELPS}");
    let (Some(mut tag), Some(channels), Some(hz), Some(bits)) =
        (word(body, 0), word(body, 2), long(body, 4), word(body, 14))
    else {
        return Err(wrong("a WAVE file of unknown format".to_owned()));
    };
    if tag == EXTENSIBLE {
        tag = word(body, 24).unwrap_or(tag);
    }
    let kind = match (tag, bits) {
        (1, 16) => Kind::Linear,
        (6, 8) => Kind::Law(&g711::ALAW_TO_PCM),
        (7, 8) => Kind::Law(&g711::ULAW_TO_PCM),
        (1, _) => return Err(wrong(format!("a WAVE file of {bits} bits"))),
        _ => return Err(wrong(format!("a WAVE file of format {tag}"))),
    };
    if !(1..=2).contains(&channels) {
        return Err(wrong(format!("a WAVE file of {channels} channels")));
    }
    if !(8_000..=192_000).contains(&hz) {
        return Err(wrong(format!("a WAVE file of {hz} Hz")));
    }
    Ok(Format { kind, channels: channels.into(), hz })
}

/// Two channels become their mean.
#[expect(clippy::cast_possible_truncation, reason = "a mean of i16 is one")]
fn samples(body: &[u8], format: Format) -> Vec<i16> {
    let channels = format.channels;
    let mean = |sum: i32| (sum / if channels == 2 { 2 } else { 1 }) as i16;
    match format.kind {
        Kind::Linear => body
            .chunks_exact(2 * channels)
            .map(|frame| {
                let pairs = frame.chunks_exact(2);
                mean(pairs.map(|pair| i32::from(i16::from_le_bytes([pair[0], pair[1]]))).sum())
            })
            .collect(),
        Kind::Law(table) => body
            .chunks_exact(channels)
            .map(|frame| mean(frame.iter().map(|byte| i32::from(table[usize::from(*byte)])).sum()))
            .collect(),
    }
}

/// A WAVE file of 16 bits.
pub(crate) fn write(pcm: &Pcm) -> Vec<u8> {
    let bytes = u32::try_from(pcm.samples.len() * 2).unwrap_or(u32::MAX - 36);
    let mut file = Vec::with_capacity(44 + pcm.samples.len() * 2);
    file.extend(b"RIFF");
    file.extend((36 + bytes).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(pcm.hz.to_le_bytes());
    file.extend((pcm.hz * 2).to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend(bytes.to_le_bytes());
    file.extend(pcm.samples.to_vec().into_iter().flat_map(i16::to_le_bytes));
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file as others write it: with a chunk of an odd length between.
    fn wave(tag: u16, channels: u16, hz: u32, bits: u16, samples: &[u8]) -> Vec<u8> {
        let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0".to_vec();
        file.extend(tag.to_le_bytes());
        file.extend(channels.to_le_bytes());
        file.extend(hz.to_le_bytes());
        file.extend([0; 6]);
        file.extend(bits.to_le_bytes());
        file.extend(b"LIST\x03\0\0\0abc\0data");
        file.extend(u32::try_from(samples.len()).unwrap().to_le_bytes());
        file.extend(samples);
        file
    }

    fn linear(samples: &[i16]) -> Vec<u8> {
        samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
    }

    fn check(file: &[u8], expected: Result<(u32, &[i16]), &str>) {
        let read = read("wav", file).map(|wave| (wave.hz, wave.samples));
        match expected {
            Ok((hz, samples)) => assert_eq!(read, Ok((hz, samples.to_vec()))),
            Err(part) => assert!(read.as_ref().is_err_and(|why| why.contains(part)), "{read:?}"),
        }
    }

    #[test]
    fn what_can_be_played_is_read_and_the_rest_is_told_how() {
        check(&wave(1, 1, 8_000, 16, &linear(&[1, -2, 3])), Ok((8_000, &[1, -2, 3])));
        check(&wave(1, 1, 44_100, 16, &linear(&[1])), Ok((44_100, &[1])));
        let stereo = wave(1, 2, 48_000, 16, &linear(&[1, 3, -30_000, -30_002]));
        check(&stereo, Ok((48_000, &[2, -30_001])));
        check(&wave(7, 1, 8_000, 8, &[0xff, 0x00]), Ok((8_000, &[0, -32_124])));
        check(&wave(6, 2, 8_000, 8, &[0xd5, 0xd5, 0x2a, 0xaa]), Ok((8_000, &[8, 0])));
        check(&wave(1, 1, 16_000, 24, &[0; 6]), Err("24 bits is not read; `sox"));
        check(&wave(3, 1, 16_000, 32, &[0; 8]), Err("format 3"));
        check(&wave(1, 3, 8_000, 16, &linear(&[1, 2, 3])), Err("3 channels"));
        check(&wave(1, 1, 6_000, 16, &linear(&[1])), Err("6000 Hz"));
        check(&wave(1, 1, 0, 16, &linear(&[1])), Err("0 Hz"));
        check(&wave(1, 1, 8_000, 16, &[]), Err("no sound in it"));
        check(b"RIFF", Err("not a WAVE file; `sox"));
        check(b"", Err("not a WAVE file"));
    }

    #[test]
    fn a_file_that_is_cut_short_is_refused() {
        let whole = wave(1, 1, 8_000, 16, &linear(&[5, 6]));
        let cut = "cut short: its data chunk says 4 bytes, 3 are there";
        check(&whole[..whole.len() - 1], Err(cut));
        check(&whole[..whole.len() - 4], Err("its data chunk says 4 bytes, 0 are there"));
        for end in 0..whole.len() {
            assert!(read("wav", &whole[..end]).is_err(), "{end}");
        }
        check(&[&whole[..], b"LIST\x03\0\0\0abc\0"].concat(), Ok((8_000, &[5, 6])));
    }

    /// A pipe cannot know its length.
    #[test]
    fn a_file_without_a_length_is_read_as_far_as_it_goes() {
        let mut file = wave(1, 1, 8_000, 16, &linear(&[5, 6]));
        let at = file.len() - 8;
        for length in [0, u32::MAX, 0x7fff_f000, 0x7fff_efff] {
            file[at..at + 4].copy_from_slice(&length.to_le_bytes());
            check(&file, Ok((8_000, &[5, 6])));
        }
        // One whose length is known has nothing in it.
        file[at..at + 4].fill(0);
        let length = u32::try_from(file.len() - 8).unwrap();
        file[4..8].copy_from_slice(&length.to_le_bytes());
        check(&file, Err("no sound in it"));
    }

    #[test]
    fn an_extensible_format_says_behind_what_it_is() {
        let mut file = wave(EXTENSIBLE, 1, 16_000, 16, &[]);
        file.truncate(36);
        file[16] = 40;
        file.extend([22, 0, 16, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0x10, 0]);
        file.extend([0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71]);
        file.extend(b"data\x02\0\0\0\x07\0");
        check(&file, Ok((16_000, &[7])));
    }

    #[test]
    fn samples_without_a_header_are_known_by_the_name() {
        let check = |ending, file: &[u8], hz, samples: &[i16]| {
            assert_eq!(read(ending, file), Ok(Wave { hz, samples: samples.to_vec() }), "{ending}");
        };
        check("sln", &linear(&[1, -1]), 8_000, &[1, -1]);
        check("sln16", &linear(&[1]), 16_000, &[1]);
        check("sln48", &linear(&[1]), 48_000, &[1]);
        check("ulaw", &[0xff, 0x80], 8_000, &[0, 32_124]);
        check("ul", &[0xff], 8_000, &[0]);
        check("alaw", &[0xd5], 8_000, &[8]);
        check("al", &[0x55], 8_000, &[-8]);
        assert!(read("sln", &[1]).is_err());
        let gsm = read("gsm", &[0xd2; 33]).unwrap_err();
        assert!(
            gsm.starts_with(".gsm is not read, which .wav, .sln48") && gsm.contains("sox"),
            "{gsm}"
        );
        let said: Vec<i16> =
            (0..1_600).map(|n| if n / 8 % 2 == 0 { 4_000 } else { -4_000 }).collect();
        let mut file = vec![0; 800];
        media::Encoder::new(Codec::G722).encode(&said, &mut file);
        let heard = read("g722", &file).unwrap();
        assert_eq!((heard.hz, heard.samples.len()), (16_000, 1_600));
        let loud = heard.samples[400..].iter().filter(|sample| sample.abs() > 2_000).count();
        assert!(loud > 800, "{loud}");
        assert!(read("g722", &[]).is_err());
    }

    #[test]
    fn what_is_written_is_read_again() {
        let pcm = Pcm { hz: 16_000, samples: vec![3, -4, i16::MIN].into() };
        let read = read("wav", &write(&pcm)).unwrap();
        assert_eq!(read.into_pcm(), Ok(pcm));
    }

    #[test]
    fn other_rates_are_refused_or_fitted() {
        let wave = |hz| Wave { hz, samples: vec![100; 4_410] };
        let refused = wave(44_100).into_pcm().unwrap_err();
        assert!(refused.contains("44100 Hz is not played") && refused.contains("sox"), "{refused}");
        let check = |hz, to, length| {
            let fitted = wave(hz).fitted();
            assert_eq!((fitted.hz, fitted.samples.len()), (to, length), "{hz}");
        };
        check(8_000, 8_000, 4_410);
        check(16_000, 16_000, 4_410);
        check(48_000, 48_000, 4_410);
        check(44_100, 48_000, 4_800);
        check(22_050, 16_000, 3_200);
        check(96_000, 48_000, 2_205);
    }
}
