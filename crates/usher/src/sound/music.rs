//! Music from a folder. A folder within is one piece of music by its name: its files one after the
//! other, shuffled anew with each start and reload. So are the files of the folder itself, by the
//! name `default`, unless there is a `default.wav` or a folder `default`. Each listener joins where
//! the music is.
//!
//! A file of the folder itself can be named by a queue too. Unless `default` is of its own it is
//! read a second time for that, so only what queues name is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use b2bua::config::Name;
use media::{Pcm, Resampler};

use super::Shelf;
use super::folder::{self, Budget, File};
use super::made_in::MUSIC;

/// Silence between two files, in milliseconds.
const GAP_MS: u32 = 500;

/// Music by name: the files of each piece.
pub(super) fn pieces(path: &Path, named: &BTreeSet<Name>) -> BTreeMap<Name, Vec<PathBuf>> {
    if path.is_file() {
        return BTreeMap::from([(MUSIC.into(), vec![path.to_owned()])]);
    }
    let mut pieces: BTreeMap<Name, Vec<PathBuf>> = BTreeMap::new();
    let (within, own): (Vec<File>, Vec<File>) =
        folder::files(path).into_iter().partition(|(name, _)| name.contains('/'));
    for (name, path) in within {
        let piece = name.split('/').next().unwrap_or_default();
        pieces.entry(piece.into()).or_default().push(path);
    }
    let is_default_there = pieces.contains_key(MUSIC) || own.iter().any(|(name, _)| *name == MUSIC);
    if !is_default_there && !own.is_empty() {
        pieces.insert(MUSIC.into(), own.iter().map(|(_, path)| path.clone()).collect());
    }
    for (name, path) in own {
        let name = Name::from(name);
        if is_default_there || named.contains(&name) {
            pieces.entry(name).or_insert_with(|| vec![path]);
        }
    }
    pieces
}

/// Reads all pieces. The seed decides their order.
pub(super) fn load(path: &Path, named: &BTreeSet<Name>, seed: u64, budget: &mut Budget) -> Shelf {
    let mut chance = Chance(seed);
    let mut shelf = Shelf::new();
    for (name, mut files) in pieces(path, named) {
        chance.shuffle(&mut files);
        let mut parts = Vec::new();
        for path in files {
            parts.extend(budget.read(&path).filter(|pcm| budget.take(pcm, &path)));
        }
        shelf.extend(joined(parts).map(|pcm| (name, pcm)));
    }
    shelf
}

/// Several sounds as one, at the rate that most of it has.
fn joined(mut parts: Vec<Pcm>) -> Option<Pcm> {
    if parts.len() == 1 {
        return parts.pop();
    }
    let length = |hz| -> usize {
        let alike = parts.iter().filter(|pcm| pcm.hz == hz);
        alike.map(|pcm| pcm.samples.len() / (hz / 1_000) as usize).sum()
    };
    let hz = parts.iter().map(|pcm| pcm.hz).max_by_key(|hz| (length(*hz), *hz))?;
    let mut samples: Vec<i16> = Vec::new();
    for pcm in parts {
        samples.extend(at_rate(&pcm, hz));
        samples.extend(std::iter::repeat_n(0, (hz / 1_000 * GAP_MS) as usize));
    }
    Some(Pcm { hz, samples: samples.into() })
}

fn at_rate(pcm: &Pcm, hz: u32) -> Vec<i16> {
    if pcm.hz == hz {
        return pcm.samples.to_vec();
    }
    let length = pcm.samples.len() as u64 * u64::from(hz) / u64::from(pcm.hz);
    let mut out = vec![0; usize::try_from(length).unwrap_or(0)];
    Resampler::new(pcm.hz, hz).process(&pcm.samples.to_vec(), &mut out);
    out
}

/// SplitMix64: an order nobody need foresee, and nobody is harmed who does.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            let at = self.next() % (end as u64 + 1);
            items.swap(end, usize::try_from(at).unwrap_or(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sound::tests::{Scratch, heard_hz, tone};

    fn check(files: &[&str], named: &[&str], expected: &[(&str, usize)]) {
        let scratch = Scratch::new();
        for file in files {
            scratch.file(file, &tone(8_000, 440, 80));
        }
        let named = named.iter().map(|name| Name::from(*name)).collect();
        let pieces = pieces(&scratch.path(""), &named);
        let found: Vec<(&str, usize)> =
            pieces.iter().map(|(name, files)| (&**name, files.len())).collect();
        assert_eq!(found, expected, "{files:?}");
    }

    #[test]
    fn folders_are_pieces_and_so_is_the_folder_of_them() {
        check(&[], &[], &[]);
        check(&["a.wav"], &[], &[("default", 1)]);
        check(&["a.wav", "b.wav"], &[], &[("default", 2)]);
        check(&["a.wav", "b.wav"], &["b", "c"], &[("b", 1), ("default", 2)]);
        check(&["a.wav", "default.wav"], &[], &[("a", 1), ("default", 1)]);
        check(&["a.wav", "default/b.wav"], &[], &[("a", 1), ("default", 1)]);
        check(
            &["a.wav", "jazz/b.wav", "jazz/late/c.wav", "rock/d.sln"],
            &[],
            &[("default", 1), ("jazz", 2), ("rock", 1)],
        );
        check(&["jazz.wav", "jazz/b.wav", "jazz/c.wav"], &["jazz"], &[("default", 1), ("jazz", 2)]);
        let scratch = Scratch::new();
        scratch.file("x.wav", &tone(8_000, 440, 80));
        let one = pieces(&scratch.path("x.wav"), &BTreeSet::new());
        assert_eq!(one.keys().map(|name| &**name).collect::<Vec<_>>(), ["default"]);
    }

    #[test]
    fn the_order_is_that_of_the_seed_and_each_plays_once() {
        let scratch = Scratch::new();
        let tones = [500, 700, 900, 1_100, 1_300];
        for hz in tones {
            scratch.file(&format!("{hz}.wav"), &tone(8_000, hz, 4_000));
        }
        let order = |seed| -> Vec<u32> {
            let mut budget = Budget::new(16);
            let shelf = load(&scratch.path(""), &BTreeSet::new(), seed, &mut budget);
            let music = &shelf["default"];
            assert_eq!(music.samples.len(), 5 * (4_000 + 4_000));
            music
                .samples
                .to_vec()
                .chunks(8_000)
                .map(|part| heard_hz(&part[..4_000], 8_000))
                .collect()
        };
        let orders: BTreeSet<Vec<u32>> = (0..20).map(order).collect();
        assert!(orders.len() > 10, "{orders:?}");
        for mut order in orders {
            order.sort_unstable();
            assert_eq!(order, tones);
        }
        assert_eq!(order(7), order(7));
    }

    #[test]
    fn files_of_several_rates_become_one_piece() {
        let scratch = Scratch::new();
        scratch.file("a.wav", &tone(48_000, 500, 96_000));
        scratch.file("b.wav", &tone(48_000, 500, 96_000));
        scratch.file("c.wav", &tone(8_000, 500, 8_000));
        let mut budget = Budget::new(16);
        let shelf = load(&scratch.path(""), &BTreeSet::new(), 1, &mut budget);
        let music = &shelf["default"];
        assert_eq!((music.hz, music.samples.len()), (48_000, 2 * 96_000 + 48_000 + 3 * 24_000));
        for part in music.samples.to_vec().chunks(24_000) {
            let heard = heard_hz(part, 48_000);
            assert!([0, 500].contains(&heard), "{heard}");
        }
    }
}
