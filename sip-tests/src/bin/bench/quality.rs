//! How speech sounds after loss and jitter: our receiver and baresip's, under the same packets.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use sip_tests::{Ports, python, workspace};

use super::Options;
use super::report::{Report, Row};

/// Per cent, and milliseconds around the mean.
const LOSS: u32 = 5;
const JITTER: u32 = 40;
/// Traces of each voice.
const ROUNDS: u32 = 3;
/// As others call them, and the rate of their audio.
const CODECS: [(&str, &str); 4] =
    [("PCMU", "8000"), ("PCMA", "8000"), ("G722", "16000"), ("opus", "48000")];
/// Voices of espeak-ng with a few seconds for each: the first English is of the sentences that
/// telephones have been judged by since 1969 (IEEE 297).
const VOICES: [(&str, &str); 4] = [
    (
        "en-us",
        "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background. \
         It is easy to tell the depth of a well. These days a chicken leg is a rare dish.",
    ),
    (
        "en-gb+f3",
        "Rice is often served in round bowls. The juice of lemons makes fine punch. The box was \
         thrown beside the parked truck. The hogs were fed chopped corn and garbage.",
    ),
    (
        "en-us+f4",
        "Four hours of steady work faced us. A large size in stockings is hard to sell. The boy \
         was there when the sun rose. A rod is used to catch pink salmon.",
    ),
    (
        "ru",
        "Добрый день. Ваш звонок очень важен для нас. Пожалуйста, оставайтесь на линии, первый \
         освободившийся оператор ответит вам через две минуты.",
    ),
];

/// By PESQ, and a delay in milliseconds.
type Mark = (f64, f64);

/// Those of one receiver.
#[derive(Debug, Default)]
struct Marks(Vec<Mark>);

impl Marks {
    fn mean(&self) -> f64 {
        self.0.iter().map(|(mark, _)| mark).sum::<f64>() / self.0.len() as f64
    }

    fn worst(&self) -> f64 {
        self.0.iter().map(|(mark, _)| *mark).fold(f64::INFINITY, f64::min)
    }

    fn delay_ms(&self) -> f64 {
        self.0.iter().map(|(_, delay)| delay).sum::<f64>() / self.0.len() as f64
    }
}

/// Folder and Python.
struct Place {
    folder: PathBuf,
    python: PathBuf,
}

impl Place {
    /// `None` where there is no espeak-ng or no PESQ to be had.
    fn prepare() -> Option<Self> {
        let folder = workspace().join("target/quality");
        fs::create_dir_all(&folder).expect("a folder for recordings");
        for (n, (voice, text)) in VOICES.iter().enumerate() {
            let out = folder.join(format!("{n}.wav"));
            let mut speak = Command::new("espeak-ng");
            let speak = speak.args(["-v", voice, "-s", "150", "-w"]).arg(out).arg(text);
            speak.status().ok().filter(std::process::ExitStatus::success)?;
        }
        let python = python();
        let knows = |word: &str| run(Command::new(&python).args(["-c", word])).is_some();
        if !knows("import pesq") {
            let pip = python.with_file_name("pip");
            run(Command::new(pip).args(["install", "--quiet", "numpy", "pesq"]))?;
        }
        Some(Self { folder, python })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn script(&self, name: &str) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(workspace().join("sip-tests/phones").join(name));
        command
    }

    /// The mark of what was heard.
    fn score(&self, reference: &Path, heard: &Path) -> Option<Mark> {
        let output = run(self.script("quality.py").arg("score").arg(reference).arg(heard))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut numbers = text.split_whitespace().map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    }
}

/// Runs it to its end; `None` where that is not a good one, which is told.
fn run(command: &mut Command) -> Option<Output> {
    let output = command.output().ok()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        eprintln!("    {command:?}: {}", said.trim_end().lines().last().unwrap_or_default());
    }
    output.status.success().then_some(output)
}

/// Makes a trace of the voice and what our receiver plays of it.
fn receive(codec: &str, seed: u32, speech: &Path, trace: &Path, out: &Path) -> Option<Output> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args("bench --quiet -p media --bench quality --".split(' ')).current_dir(workspace());
    let numbers = [seed, LOSS, JITTER].map(|number| number.to_string());
    run(command.arg(codec).args(numbers).args([speech, trace, out]))
}

/// What we and baresip make of each voice.
fn round(place: &Place, (codec, hz): (&str, &str), seed: u32) -> Option<Vec<(Mark, Mark)>> {
    let ports = Ports::take();
    let mut playing: Vec<(u16, Child)> = Vec::new();
    let name = |voice: usize, what: &str| place.file(&format!("{codec}-{voice}-{what}"));
    for voice in 0..VOICES.len() {
        let (speech, trace) = (name(voice, "said.wav"), name(voice, "trace.txt"));
        let raw = place.file(&format!("{voice}.wav"));
        run(place.script("quality.py").arg("speech").arg(raw).arg(hz).arg(&speech))?;
        let seed = seed * 10 + u32::try_from(voice).unwrap_or(0);
        receive(codec, seed, &speech, &trace, &name(voice, "ours.wav"))?;
        let port = ports.peer(u16::try_from(voice).unwrap_or(0));
        let mut phone = place.script("baresip_receiver.py");
        let phone = phone.arg(port.to_string()).arg(codec).args([trace, name(voice, "theirs.wav")]);
        playing.push((port, phone.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?));
    }
    for (port, mut child) in playing {
        if !child.wait().is_ok_and(|status| status.success()) {
            eprintln!("    baresip at {port} failed");
            return None;
        }
    }
    (0..VOICES.len())
        .map(|voice| {
            let said = name(voice, "said.wav");
            let ours = place.score(&said, &name(voice, "ours.wav"))?;
            Some((ours, place.score(&said, &name(voice, "theirs.wav"))?))
        })
        .collect()
}

/// PESQ of our receiver beside baresip's.
pub(crate) fn quality(report: &mut Report, _: &Options) {
    let place = Place::prepare();
    for (codec, hz) in CODECS {
        let (mut ours, mut theirs) = (Marks::default(), Marks::default());
        for seed in 1..=ROUNDS {
            let marks = place.as_ref().and_then(|place| round(place, (codec, hz), seed));
            for (our, their) in marks.unwrap_or_default() {
                ours.0.push(our);
                theirs.0.push(their);
            }
        }
        report.row(
            Row::new(
                &format!("PESQ, {codec}, {LOSS} % loss and {JITTER} ms jitter, against baresip"),
                "",
                &[ours.mean()],
            )
            .limits(&[theirs.mean()], &[])
            .at_least()
            .note(format!(
                "worst {:.2} against {:.2}; delay {:.0} ms against {:.0}; {} samples",
                ours.worst(),
                theirs.worst(),
                ours.delay_ms(),
                theirs.delay_ms(),
                ours.0.len()
            )),
        );
    }
}
