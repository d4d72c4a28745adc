//! A short run of every target: its seeds as they are, and mutations of them that are the same each
//! time.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test panics when it fails")]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use fuzz::{TARGETS, Target};
use sip::Rng;

/// Mutations of each target's seeds.
const MUTATIONS: usize = 4000;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn seeds(target: &Target) -> Vec<(String, Vec<u8>)> {
    let mut seeds: Vec<(String, Vec<u8>)> = fs::read_dir(folder("seeds").join(target.name))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.display().to_string(), fs::read(path).unwrap())
        })
        .collect();
    seeds.sort();
    assert!(!seeds.is_empty(), "{} has no seeds", target.name);
    seeds
}

/// The words of a dictionary, escapes undone.
fn words(name: &str) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(folder("dictionaries").join(name)).unwrap();
    let quoted = text.lines().filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'));
    let word = |quoted: &str| {
        let text = quoted.replace("\\x0d", "\r").replace("\\x0a", "\n").replace("\\\"", "\"");
        text.replace("\\\\", "\\").into_bytes()
    };
    quoted.map(word).collect()
}

fn below(rng: &mut Rng, bound: usize) -> usize {
    usize::try_from(rng.below(bound as u64)).unwrap()
}

/// One to six changes: bytes turned, cut, doubled, replaced by a word or by a piece of another seed.
fn mutated(rng: &mut Rng, seeds: &[(String, Vec<u8>)], words: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds[below(rng, seeds.len())].1.clone();
    for _ in 0..=below(rng, 6) {
        let at = below(rng, bytes.len() + 1);
        let end = (at + below(rng, 12)).min(bytes.len());
        let put = match below(rng, 6) {
            0 => Vec::new(),
            1 => bytes[at..end].iter().map(|byte| byte ^ (1 << (at % 8))).collect(),
            2 => bytes[at..end].repeat(2),
            3 => words[below(rng, words.len())].clone(),
            4 => {
                let other = &seeds[below(rng, seeds.len())].1;
                let from = below(rng, other.len() + 1);
                other[from..(from + below(rng, 40)).min(other.len())].to_vec()
            }
            _ => vec![u8::try_from(below(rng, 256)).unwrap()],
        };
        bytes.splice(at..end, put);
    }
    bytes
}

/// Runs it, and says which input it was that broke it.
fn run(target: &Target, what: &str, input: &[u8]) {
    if catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_err() {
        let text = input.escape_ascii();
        panic!("{} does not hold for {what}: b\"{text}\"", target.name);
    }
}

fn short_run(name: &str, dictionary: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let (seeds, words) = (seeds(target), words(dictionary));
    for (path, seed) in &seeds {
        assert!(seed.len() <= target.length_max, "{path} is too long");
        run(target, path, seed);
    }
    let mut rng = Rng::new([42; 32]);
    for number in 0..MUTATIONS {
        let mut input = mutated(&mut rng, &seeds, &words);
        input.truncate(target.length_max);
        run(target, &format!("mutation {number}"), &input);
    }
}

#[test]
fn message() {
    short_run("message", "sip.dict");
}

#[test]
fn stream() {
    short_run("stream", "sip.dict");
}

#[test]
fn uri() {
    short_run("uri", "sip.dict");
}

#[test]
fn headers() {
    short_run("headers", "sip.dict");
}

#[test]
fn auth() {
    short_run("auth", "sip.dict");
}

#[test]
fn multipart() {
    short_run("multipart", "sip.dict");
}

#[test]
fn sdp() {
    short_run("sdp", "sdp.dict");
}

#[test]
fn endpoint() {
    short_run("endpoint", "sip.dict");
}

#[test]
fn switch() {
    short_run("switch", "sip.dict");
}

/// Sequences that come of no seed.
#[test]
fn endpoint_at_random() {
    at_random("endpoint");
}

#[test]
fn switch_at_random() {
    at_random("switch");
}

fn at_random(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    for seed in 0..1500_u16 {
        let mut key = [77; 32];
        key[..2].copy_from_slice(&seed.to_le_bytes());
        let mut input = vec![0; target.length_max];
        Rng::new(key).fill(&mut input);
        run(target, &format!("seed {seed}"), &input);
    }
}

/// What nobody compiles here is one line for each target; this is the line. `cargo xtask fuzz`, which
/// depends on nothing, knows them by name.
#[test]
fn libfuzzer_has_every_target() {
    let xtask = fs::read_to_string(folder("../xtask/src/fuzz.rs")).unwrap();
    let folder = folder("../../sip-tests/fuzz");
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    for Target { name, length_max, .. } in TARGETS {
        let of_target = |line: &&str| {
            line.contains(&format!("Target(\"{name}\"")) && line.contains(&length_max.to_string())
        };
        assert_eq!(xtask.lines().filter(of_target).count(), 1, "{name}");
        let program = fs::read_to_string(folder.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        let line = format!("libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::{name}(data));");
        assert!(program.contains(&line), "{program}");
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
    }
    assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
}
