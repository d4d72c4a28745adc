//! `cargo xtask sounds`: speaks `crates/usher/sounds/LANGUAGE.txt` with espeak-ng and writes what is
//! compiled into usher, `LANGUAGE.sounds`: a line `NAME SAMPLES` for each sound, an empty line, and the
//! samples one sound after the other, 8 kHz, six bits each, four of them in three bytes. espeak-ng is
//! GPL; what it speaks is not a work derived of it.
//!
//! The code is IMA ADPCM's with two bits more: a sign, and a change in 32 parts of nearly twice the
//! present step, which grows and shrinks with it: three quarters of G.711's size, and noise 27 dB
//! below the voice; `crates/usher/src/sound/made_in.rs` is the other end.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::system::{Failed, root, works};

/// File and voice.
const LANGUAGES: [(&str, &str); 2] = [("en", "en-us"), ("ru", "ru")];
/// Words a minute.
const SPEED: &str = "165";
/// Silence goes at both ends, and within beyond a fifth of a second; nothing begins or ends with a
/// click.
const TRIM: &str = "silence -l 1 0.02 0.5% -1 0.2 0.5% reverse silence 1 0.005 0.5% \
    fade q 0.015 reverse fade q 0.002";

pub(crate) fn run() -> Result<(), Failed> {
    for program in ["espeak-ng", "sox"] {
        if !works(Command::new(program).arg("--version")) {
            eprintln!("`{program}` is missing: apt install {program}");
            return Err(Failed(1));
        }
    }
    LANGUAGES.iter().try_for_each(|(language, voice)| make(language, voice))
}

fn make(language: &str, voice: &str) -> Result<(), Failed> {
    let folder = root().join("crates/usher/sounds");
    let text = read(&folder.join(format!("{language}.txt")))?;
    let (mut index, mut data) = (String::new(), Vec::new());
    let (mut samples, mut signal, mut noise) = (0, 0.0, 0.0);
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines {
        let Some((name, said)) = line.split_once(": ") else {
            eprintln!("{language}.txt: `{line}` is not NAME: TEXT");
            return Err(Failed(1));
        };
        let pcm = speak(voice, said)?;
        let coded = encode(&pcm);
        index.push_str(&format!("{name} {}\n", pcm.len()));
        data.extend(coded.bytes);
        samples += pcm.len();
        signal += pcm.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>();
        noise += coded.error;
    }
    let mut file = index.into_bytes();
    file.push(b'\n');
    file.extend(data);
    let path = folder.join(format!("{language}.sounds"));
    eprintln!(
        "{}: {} s, {} kB, noise {:.1} dB below the voice",
        path.display(),
        samples / 8_000,
        file.len() / 1_000,
        10.0 * (signal / noise).log10()
    );
    fs::write(&path, file).map_err(|error| failed(&path, &error))
}

fn read(path: &Path) -> Result<String, Failed> {
    fs::read_to_string(path).map_err(|error| failed(path, &error))
}

fn failed(path: &Path, error: &std::io::Error) -> Failed {
    eprintln!("{}: {error}", path.display());
    Failed(1)
}

/// The samples of a spoken text, 8 kHz, without silence around them.
fn speak(voice: &str, text: &str) -> Result<Vec<i16>, Failed> {
    let mut espeak = Command::new("espeak-ng");
    let wave =
        pipe(espeak.args(["-v", voice, "-s", SPEED, "--stdin", "--stdout"]), text.as_bytes())?;
    let mut sox = Command::new("sox");
    // The header of a stream cannot tell its length.
    sox.args("--ignore-length -t wav - -t raw -r 8000 -e signed -b 16 -c 1 -L -".split(' '));
    let raw = pipe(sox.args(TRIM.split(' ')), &wave)?;
    let pcm: Vec<i16> =
        raw.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    if pcm.len() < 800 {
        eprintln!("`{text}` is spoken in no time");
        return Err(Failed(1));
    }
    Ok(pcm)
}

/// What a program makes of its input.
fn pipe(command: &mut Command, input: &[u8]) -> Result<Vec<u8>, Failed> {
    let program = command.get_program().to_string_lossy().into_owned();
    let failed = |error: std::io::Error| {
        eprintln!("{program}: {error}");
        Failed(1)
    };
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(failed)?;
    let mut stdin = child.stdin.take();
    let done = std::thread::scope(|scope| {
        // It may speak before it has read all.
        scope.spawn(move || stdin.as_mut().map(|stdin| stdin.write_all(input)));
        child.wait_with_output()
    });
    let done = done.map_err(failed)?;
    if !done.status.success() {
        eprintln!("{program}: {}", done.status);
        return Err(Failed(1));
    }
    Ok(done.stdout)
}

const STEPS: [i32; 89] = [
    7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66,
    73, 80, 88, 97, 107, 118, 130, 143, 157, 173, 190, 209, 230, 253, 279, 307, 337, 371, 408, 449,
    494, 544, 598, 658, 724, 796, 876, 963, 1060, 1166, 1282, 1411, 1552, 1707, 1878, 2066, 2272,
    2499, 2749, 3024, 3327, 3660, 4026, 4428, 4871, 5358, 5894, 6484, 7132, 7845, 8630, 9493,
    10442, 11487, 12635, 13899, 15289, 16818, 18500, 20350, 22385, 24623, 27086, 29794, 32767,
];
/// How the step moves, by the upper three bits of a change. It rests lower than IMA's: between two
/// pulses of a voice it must not forget how high the next will be.
const MOVES: [i32; 8] = [-1, 0, 1, 2, 3, 4, 6, 8];

struct Coded {
    bytes: Vec<u8>,
    /// The sum of the squares of what is not as it was.
    error: f64,
}

/// Six bits a sample: each time those that come nearest.
fn encode(pcm: &[i16]) -> Coded {
    let (mut value, mut step, mut error) = (0, 0, 0.0);
    let mut codes = Vec::with_capacity(pcm.len());
    for sample in pcm.iter().map(|sample| i32::from(*sample)) {
        let off = |code: &u8| (decode(value, step, *code).0 - sample).abs();
        let code = (0..64).min_by_key(off).unwrap_or(0);
        (value, step) = decode(value, step, code);
        error += f64::from(value - sample).powi(2);
        codes.push(code);
    }
    let pack = |four: &[u8]| {
        let bits = |n: usize| u32::from(four.get(n).copied().unwrap_or(0));
        let [_, bytes @ ..] =
            (bits(0) << 18 | bits(1) << 12 | bits(2) << 6 | bits(3)).to_be_bytes();
        bytes
    };
    Coded { bytes: codes.chunks(4).flat_map(pack).collect(), error }
}

fn decode(value: i32, step: usize, code: u8) -> (i32, usize) {
    let part = i32::from(code & 31);
    let change = STEPS[step] * (2 * part + 1) / 32;
    let value = if code & 32 == 0 { value + change } else { value - change };
    let moved = i32::try_from(step).unwrap_or(0) + MOVES[usize::from(code & 31) / 4];
    (value.clamp(-32_768, 32_767), usize::try_from(moved.clamp(0, 88)).unwrap_or(0))
}
