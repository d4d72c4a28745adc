use proptest::prelude::*;

use super::*;

/// A disk in memory that remembers every octet in the order it was written, so that the power can be
/// cut between any two.
#[derive(Debug, Default, Clone)]
struct Memory {
    writes: Vec<Write>,
    /// From how many octets on it is full.
    room: Option<usize>,
}

#[derive(Debug, Clone)]
enum Write {
    Octet(u64, u8),
    Length(u64),
}

impl Disk for Memory {
    fn put(&mut self, at: u64, octets: &[u8]) -> io::Result<()> {
        for (octet, place) in octets.iter().zip(at..) {
            if self.room.is_some_and(|room| place >= room as u64) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.writes.push(Write::Octet(place, *octet));
        }
        Ok(())
    }

    fn resize(&mut self, length: u64) -> io::Result<()> {
        self.writes.push(Write::Length(length));
        Ok(())
    }
}

impl Memory {
    /// The file after so many of the writes.
    fn cut(&self, writes: usize) -> Vec<u8> {
        let mut file = Vec::new();
        for write in &self.writes[..writes] {
            match *write {
                Write::Length(length) => file.resize(usize::try_from(length).unwrap(), 0),
                Write::Octet(place, octet) => {
                    let place = usize::try_from(place).unwrap();
                    if file.len() <= place {
                        file.resize(place + 1, 0);
                    }
                    file[place] = octet;
                }
            }
        }
        file
    }

    fn file(&self) -> Vec<u8> {
        self.cut(self.writes.len())
    }
}

/// Rate and samples of both channels, by the book (RIFF): what any player reads.
pub(in crate::run::recorder) fn read(file: &[u8]) -> Option<(u32, Vec<(i16, i16)>)> {
    let long = |at: usize| Some(u32::from_le_bytes(file.get(at..at + 4)?.try_into().ok()?));
    let format = b"WAVEfmt \x10\0\0\0\x01\0\x02\0";
    if file.get(..4)? != b"RIFF" || file.get(8..24)? != format || file.get(36..40)? != b"data" {
        return None;
    }
    let (hz, size) = (long(24)?, usize::try_from(long(40)?).ok()?);
    if long(4)? != long(40)? + 36 || long(28)? != hz * 4 || file.get(32..36)? != b"\x04\0\x10\0" {
        return None;
    }
    Some((hz, samples(file.get(44..44 + size)?)))
}

/// The same as players that do not mind where a file ends before its header says so.
fn read_on(file: &[u8]) -> Option<(u32, Vec<(i16, i16)>)> {
    let data = file.get(44..)?;
    let size = usize::try_from(told(file[..44].try_into().ok()?)).ok()?;
    let mut header = file[..44].to_vec();
    header[4..8].copy_from_slice(&36_u32.to_le_bytes());
    header[40..].copy_from_slice(&[0; 4]);
    let (hz, _) = read(&header)?;
    Some((hz, samples(&data[..size.min(data.len())])))
}

fn samples(data: &[u8]) -> Vec<(i16, i16)> {
    let word = |octets: &[u8]| i16::from_le_bytes([octets[0], octets[1]]);
    data.chunks_exact(4).map(|both| (word(both), word(&both[2..]))).collect()
}

/// What frame `number` has on both channels.
fn frame(number: u64, hz: u32) -> (Vec<i16>, Vec<i16>) {
    let samples = 0..i16::try_from(hz / 50).unwrap();
    let base = i16::try_from(number % 100).unwrap() * 300;
    samples.map(|sample| (base + sample + 1, -base - sample - 1)).unzip()
}

fn push(wave: &mut Wave<Memory>, number: u64) -> u64 {
    let (left, right) = frame(number, wave.hz);
    wave.push(number, (&left, &right)).unwrap()
}

/// What a file must have that was begun with frame `first`, where these frames came.
fn expected(first: u64, numbers: &[u64], hz: u32) -> Vec<(i16, i16)> {
    let Some(last) = numbers.last() else { return Vec::new() };
    let silence = || vec![(0, 0); usize::try_from(hz / 50).unwrap()];
    let both = |number: u64| match numbers.contains(&number) {
        true => {
            let (left, right) = frame(number, hz);
            left.into_iter().zip(right).collect()
        }
        false => silence(),
    };
    (first..=*last).flat_map(both).collect()
}

#[test]
fn a_file_is_playable_from_its_first_octets_on() {
    let mut wave = Wave::begin(Memory::default(), 16_000).unwrap();
    assert_eq!(read(&wave.disk.file()), Some((16_000, Vec::new())));
    assert_eq!(push(&mut wave, 70), 0);
    assert_eq!(read(&wave.disk.file()), Some((16_000, Vec::new())), "not flushed yet");
    wave.flush().unwrap();
    assert_eq!(read(&wave.disk.file()), Some((16_000, expected(70, &[70], 16_000))));
    assert_eq!((wave.length_ms(), wave.first()), (20, Some(70)));
}

#[test]
fn what_is_missing_is_silence_and_what_comes_late_is_left_out() {
    let mut wave = Wave::begin(Memory::default(), 8_000).unwrap();
    let gaps = [5, 6, 9, 7, 9, 10].map(|number| push(&mut wave, number));
    assert_eq!(gaps, [0, 0, 2, 0, 0, 0]);
    wave.flush().unwrap();
    assert_eq!(read(&wave.disk.file()), Some((8_000, expected(5, &[5, 6, 9, 10], 8_000))));
    // Of another rate: it would shift all that follows.
    let (left, right) = frame(11, 16_000);
    assert_eq!(wave.push(11, (&left, &right)).unwrap(), 0);
    assert_eq!(wave.data(), 6 * 640);
    assert_eq!(push(&mut wave, u64::MAX), 0, "and of no time that can be");
    assert_eq!(wave.data(), 6 * 640);
}

#[test]
fn a_long_silence_is_a_hole() {
    let mut wave = Wave::begin(Memory::default(), 8_000).unwrap();
    push(&mut wave, 0);
    let before = wave.disk.writes.len();
    assert_eq!(push(&mut wave, 3_000), 2_999);
    wave.flush().unwrap();
    let written = wave.disk.writes.len() - before;
    assert!(written < 1_500, "a minute took {written} octets");
    assert_eq!(read(&wave.disk.file()), Some((8_000, expected(0, &[0, 3_000], 8_000))));
}

#[test]
fn one_that_was_finished_goes_on_where_it_must() {
    let mut wave = Wave::begin(Memory::default(), 8_000).unwrap();
    push(&mut wave, 100);
    wave.flush().unwrap();
    let (stored, first) = (wave.data(), wave.first());
    let mut wave = Wave::resume(wave.disk, 8_000, stored, first);
    assert_eq!(push(&mut wave, 103), 2);
    wave.flush().unwrap();
    assert_eq!(read(&wave.disk.file()), Some((8_000, expected(100, &[100, 103], 8_000))));
}

#[test]
fn a_full_disk_leaves_what_was_there() {
    let room = Some(44 + 10 * 640 + 100);
    let mut wave = Wave::begin(Memory { room, ..Memory::default() }, 8_000).unwrap();
    let mut numbers = Vec::new();
    for number in 0.. {
        push(&mut wave, number);
        if wave.flush().is_err() {
            break;
        }
        numbers.push(number);
    }
    assert_eq!(numbers.len(), 10);
    assert_eq!(read(&wave.disk.file()), Some((8_000, expected(0, &numbers, 8_000))));
}

#[test]
fn a_file_that_is_too_long_for_its_header_says_to_the_end() {
    let told_of = |data: u64| told(&header(8_000, data));
    assert_eq!(told_of(u64::from(u32::MAX) - 39), u64::from(u32::MAX) - 39);
    assert_eq!(told_of(5_000_000_000), u64::from(u32::MAX) - 39);
    let header = header(8_000, 5_000_000_000);
    assert_eq!(header[4..8], (u32::MAX - 3).to_le_bytes());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever comes and is lost, the writer may be killed at any octet it writes: the file is read by
    /// the book before and after its repair, holds the very samples, and no more than a second of them
    /// is missing.
    #[test]
    fn killed_at_any_octet(
        hz in prop::sample::select(vec![8_000_u32, 16_000]),
        steps in prop::collection::vec((prop::sample::select(vec![1_u64, 1, 1, 1, 3, 260]), any::<bool>()), 1..40),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 12),
    ) {
        let mut wave = Wave::begin(Memory::default(), hz).unwrap();
        let (mut number, mut numbers) = (1_000, Vec::new());
        // The writes done, and the frames that had come, at each moment a frame comes.
        let mut moments = vec![(0, 0)];
        let mut unflushed = 0;
        for (step, flush) in steps {
            number += step;
            push(&mut wave, number);
            numbers.push(number);
            unflushed += step;
            moments.push((wave.disk.writes.len(), numbers.len()));
            // As the recorder does: once a second at least.
            if flush || unflushed >= 50 {
                wave.flush().unwrap();
                unflushed = 0;
                moments.push((wave.disk.writes.len(), numbers.len()));
            }
        }
        let all = expected(numbers[0], &numbers, hz);
        for cut in cuts {
            // Its length, and its header.
            let begun = 1 + 44;
            let cut = begun + cut.index(wave.disk.writes.len() + 1 - begun);
            let mut file = wave.disk.cut(cut);
            // As it lies there, before anybody repairs it.
            let (rate, samples) = read_on(&file).expect("playable");
            prop_assert!(rate == hz && all.starts_with(&samples));
            let mut disk = Memory::default();
            disk.put(0, &file).unwrap();
            let data = repair(&mut disk, file.len() as u64, hz).unwrap();
            file = disk.file();
            let (rate, samples) = read(&file).expect("playable");
            prop_assert!(rate == hz && samples.len() as u64 * 4 == data);
            prop_assert!(all.starts_with(&samples));
            // What had come by then.
            let came = moments.iter().rev().find(|(writes, _)| *writes <= cut).map_or(0, |m| m.1);
            let came = came.checked_sub(1).map_or(0, |last| numbers[last] - numbers[0] + 1);
            let came = usize::try_from(came * u64::from(hz) / 50).unwrap();
            prop_assert!(samples.len() + usize::try_from(hz).unwrap() >= came, "{} of {came}", samples.len());
        }
    }

    /// A file that was hardly begun is made one, too.
    #[test]
    fn killed_in_its_header(cut in 0_usize..=44) {
        let wave = Wave::begin(Memory::default(), 8_000).unwrap();
        let file = wave.disk.cut(cut + 1);
        let mut disk = Memory::default();
        disk.put(0, &file).unwrap();
        prop_assert_eq!(repair(&mut disk, file.len() as u64, 8_000).unwrap(), 0);
        prop_assert_eq!(read(&disk.file()), Some((8_000, Vec::new())));
    }
}
