//! Music files: RIFF/WAVE, 16 bits, 8 kHz, mono or stereo, read whole before the first call.

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The name of a single file, and of what queues play that name no music.
const DEFAULT: &str = "default";
/// The largest file read: an hour and a half of mono.
const FILE_MAX: u64 = 100 << 20;

/// A sound and its name.
pub(super) type Sound = (Arc<str>, Arc<[i16]>);

/// All music of a folder, by the names of its files, or of a single file; what cannot be used is
/// warned of and left out.
pub(super) fn load(path: &Path) -> Vec<Sound> {
    let files: Vec<(Arc<str>, PathBuf)> = match std::fs::read_dir(path) {
        Err(_) => vec![(DEFAULT.into(), path.to_owned())],
        Ok(entries) => {
            let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
            let mut paths: Vec<_> = paths
                .filter(|path| path.extension().is_some_and(|end| end.eq_ignore_ascii_case("wav")))
                .collect();
            paths.sort();
            let name = |path: &PathBuf| Some(path.file_stem()?.to_string_lossy().into());
            paths.into_iter().filter_map(|path| Some((name(&path)?, path))).collect()
        }
    };
    let read = |(name, path): (Arc<str>, PathBuf)| match read(&path) {
        Ok(pcm) => Some((name, pcm.into())),
        Err(error) => {
            tracing::warn!("{}: {error}; this music is left out", path.display());
            None
        }
    };
    files.into_iter().filter_map(read).collect()
}

fn read(path: &Path) -> Result<Vec<i16>, String> {
    let size = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > FILE_MAX {
        return Err("larger than 100 MB".to_owned());
    }
    parse(&std::fs::read(path).map_err(|error| error.to_string())?)
}

/// The samples of a WAVE file; two channels become one.
fn parse(file: &[u8]) -> Result<Vec<i16>, String> {
    let wanted =
        "not a WAVE file of 16 bits, 8000 Hz; `sox IN -b 16 -r 8000 -c 1 OUT.wav` makes one";
    let wrong = || wanted.to_owned();
    let word = |bytes: &[u8], at: usize| -> Option<u16> {
        Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
    };
    let long = |bytes: &[u8], at: usize| -> Option<u32> {
        Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
    };
    if file.get(..4) != Some(b"RIFF") || file.get(8..12) != Some(b"WAVE") {
        return Err(wrong());
    }
    let (mut at, mut channels) = (12, 0);
    while let (Some(kind), Some(length)) = (file.get(at..at + 4), long(file, at + 4)) {
        let length = length as usize;
        // A recorder that was killed leaves a length beyond the end.
        let end = (at + 8).saturating_add(length).min(file.len());
        let body = &file[at + 8..end];
        if kind == b"fmt " {
            let format = (word(body, 0), long(body, 4), word(body, 14));
            channels = word(body, 2).map_or(0, usize::from);
            if format != (Some(1), Some(8_000), Some(16)) || !(1..=2).contains(&channels) {
                return Err(wrong());
            }
        } else if kind == b"data" && channels > 0 {
            let frames = body.chunks_exact(2 * channels);
            let samples: Vec<i16> = frames.map(|frame| mono(frame, channels)).collect();
            return if samples.is_empty() { Err("no sound in it".to_owned()) } else { Ok(samples) };
        }
        at = end + length % 2;
    }
    Err(wrong())
}

#[expect(clippy::cast_possible_truncation, reason = "a mean of i16 is one")]
fn mono(frame: &[u8], channels: usize) -> i16 {
    let samples =
        frame.chunks_exact(2).map(|pair| i32::from(i16::from_le_bytes([pair[0], pair[1]])));
    (samples.sum::<i32>() / if channels == 2 { 2 } else { 1 }) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(channels: u16, rate: u32, bits: u16, samples: &[i16]) -> Vec<u8> {
        let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0".to_vec();
        file.extend(channels.to_le_bytes());
        file.extend(rate.to_le_bytes());
        file.extend([0; 6]);
        file.extend(bits.to_le_bytes());
        file.extend(b"LIST\x03\0\0\0abc\0data");
        file.extend(u32::try_from(samples.len() * 2).unwrap().to_le_bytes());
        file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        file
    }

    fn check(file: &[u8], expected: Option<&[i16]>) {
        assert_eq!(parse(file).ok().as_deref(), expected);
    }

    #[test]
    fn only_what_can_be_played_is_read() {
        check(&wave(1, 8_000, 16, &[1, -2, 3]), Some(&[1, -2, 3]));
        check(&wave(2, 8_000, 16, &[1, 3, -30_000, -30_002]), Some(&[2, -30_001]));
        check(&wave(1, 16_000, 16, &[1]), None);
        check(&wave(1, 8_000, 8, &[1]), None);
        check(&wave(3, 8_000, 16, &[1, 2, 3]), None);
        check(&wave(1, 8_000, 16, &[]), None);
        check(b"RIFF", None);
        let whole = wave(1, 8_000, 16, &[5, 6]);
        check(&whole[..whole.len() - 2], Some(&[5]));
        for end in 0..whole.len() - 4 {
            check(&whole[..end], None);
        }
    }
}
