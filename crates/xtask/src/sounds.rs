//! `cargo xtask sounds`: speaks `crates/usher/sounds/LANGUAGE.txt` with espeak-ng and writes what is
//! compiled into usher, `LANGUAGE.sounds`: a line `NAME SAMPLES` for each sound, an empty line, and the
//! samples one sound after the other, 8 kHz in µ-law, which is how most callers hear them and needs
//! no unpacking. espeak-ng is GPL; what it speaks is not a work derived of it.

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
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines {
        let Some((name, said)) = line.split_once(": ") else {
            eprintln!("{language}.txt: `{line}` is not NAME: TEXT");
            return Err(Failed(1));
        };
        let samples = speak(voice, said)?;
        index.push_str(&format!("{name} {}\n", samples.len()));
        data.extend(samples);
    }
    let seconds = data.len() / 8_000;
    let mut file = index.into_bytes();
    file.push(b'\n');
    file.extend(data);
    let path = folder.join(format!("{language}.sounds"));
    eprintln!("{}: {seconds} s, {} kB", path.display(), file.len() / 1_000);
    fs::write(&path, file).map_err(|error| failed(&path, &error))
}

fn read(path: &Path) -> Result<String, Failed> {
    fs::read_to_string(path).map_err(|error| failed(path, &error))
}

fn failed(path: &Path, error: &std::io::Error) -> Failed {
    eprintln!("{}: {error}", path.display());
    Failed(1)
}

/// The samples of a spoken text, 8 kHz in µ-law, without silence around them.
fn speak(voice: &str, text: &str) -> Result<Vec<u8>, Failed> {
    let mut espeak = Command::new("espeak-ng");
    let wave =
        pipe(espeak.args(["-v", voice, "-s", SPEED, "--stdin", "--stdout"]), text.as_bytes())?;
    let mut sox = Command::new("sox");
    // The header of a stream cannot tell its length.
    sox.args("--ignore-length -t wav - -t raw -r 8000 -e mu-law -b 8 -c 1 -".split(' '));
    let samples = pipe(sox.args(TRIM.split(' ')), &wave)?;
    if samples.len() < 800 {
        eprintln!("`{text}` is spoken in no time");
        return Err(Failed(1));
    }
    Ok(samples)
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
