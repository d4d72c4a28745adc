//! Texts are spoken by a program of the system: espeak-ng, or another that is configured. It is given
//! the text on its standard input and answers with a WAVE file on its standard output. No shell is
//! between, and no text is an argument: nothing of a text can be taken for anything else.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::wave::{self, Wave};

/// The program on Debian, and the name of its package.
const USUAL: &str = "espeak-ng";
/// Stands for the language in an argument.
const LANGUAGE: &str = "{language}";
/// Octets of a spoken text at most: five minutes of 48 kHz.
const WAVE_MAX: u64 = 30 << 20;
/// Octets of what a program complains of that are repeated.
const COMPLAINT_MAX: u64 = 1_024;

/// Where a program is, as a shell would find it.
pub(super) fn program(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|path| path.is_file());
    }
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Why no text can be spoken, and what helps.
pub(super) fn why_mute(program: &str) -> String {
    match program {
        USUAL => format!(
            "`{program}` is not installed; apt install {program}, or name another program by \
             `speech` of [media]"
        ),
        _ => format!("`{program}`, which `speech` of [media] names, is not there"),
    }
}

/// Speaks a text.
///
/// # Errors
/// Why it cannot.
pub(crate) async fn speak(
    words: &[String],
    text: &str,
    language: &str,
    within: Duration,
) -> Result<Wave, String> {
    let Some((name, arguments)) = words.split_first() else {
        return Err("`speech` of [media] names no program".to_owned());
    };
    let path = program(name).ok_or_else(|| why_mute(name))?;
    let mut command = Command::new(&path);
    command
        .args(arguments.iter().map(|word| word.replace(LANGUAGE, language)))
        // What is secret in our environment is none of its business.
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_default())
        .env("HOME", env::temp_dir())
        .env("LANG", "C.UTF-8")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let failed = |error: std::io::Error| format!("{}: {error}", Path::new(name).display());
    let child = command.spawn().map_err(failed)?;
    let (file, complaint, is_well) = timeout(within, run(child, text))
        .await
        .map_err(|_| format!("{name} has not spoken within {} s", within.as_secs()))?
        .map_err(failed)?;
    if !is_well || file.is_empty() {
        let complaint = String::from_utf8_lossy(&complaint);
        let complaint = complaint.lines().next().unwrap_or("no reason given");
        return Err(format!("{name} cannot speak this: {complaint}"));
    }
    wave::read("wav", &file).map_err(|error| format!("{name}: {error}"))
}

/// What it wrote, what it complained of, and whether it ended well.
async fn run(mut child: Child, text: &str) -> std::io::Result<(Vec<u8>, Vec<u8>, bool)> {
    let (mut file, mut complaint) = (Vec::new(), Vec::new());
    let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let Some(mut input) = input {
            // It may have heard enough before the end.
            let _ = input.write_all(text.as_bytes()).await;
            let _ = input.write_all(b"\n").await;
        }
    };
    let read = async {
        match output {
            Some(output) => output.take(WAVE_MAX).read_to_end(&mut file).await,
            None => Ok(0),
        }
    };
    let hear = async {
        match errors {
            Some(errors) => errors.take(COMPLAINT_MAX).read_to_end(&mut complaint).await,
            None => Ok(0),
        }
    };
    let ((), read, _) = tokio::join!(write, read, hear);
    read?;
    let status = child.wait().await?;
    Ok((file, complaint, status.success()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::sound::tests::{Scratch, tone};

    /// A program of a few lines, and the words that start it.
    fn script(scratch: &Scratch, lines: &str) -> Vec<String> {
        scratch.file("tone.wav", &tone(8_000, 500, 800));
        let body = format!("#!/bin/sh\nfolder={}\n{lines}\n", scratch.path("").display());
        scratch.file("voice", body.as_bytes());
        let path = scratch.path("voice");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        vec![path.display().to_string(), "-v".into(), "<{language}>".into()]
    }

    const PATIENCE: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_program_is_given_the_text_and_nothing_else() {
        let scratch = Scratch::new();
        let lines = "cat > $folder/text; echo \"$@\" > $folder/words; env > $folder/env; cat $folder/tone.wav";
        let words = script(&scratch, lines);
        let text = "--help; $(touch /tmp/x) `id` \"quoted\" Здравствуйте";
        let wave = speak(&words, text, "ru", PATIENCE).await.unwrap();
        assert_eq!((wave.hz, wave.samples.len()), (8_000, 800));
        let wrote = |name| std::fs::read_to_string(scratch.path(name)).unwrap();
        assert_eq!(wrote("text"), format!("{text}\n"));
        assert_eq!(wrote("words"), "-v <ru>\n");
        let environment = wrote("env");
        let names: Vec<&str> =
            environment.lines().filter_map(|line| line.split_once('=')).map(|(n, _)| n).collect();
        assert!(
            names
                .iter()
                .all(|name| ["PATH", "HOME", "LANG", "PWD", "_", "OLDPWD", "SHLVL"].contains(name)),
            "{names:?}"
        );
    }

    #[tokio::test]
    async fn what_goes_wrong_is_told() {
        let scratch = Scratch::new();
        let words = script(&scratch, "echo 'no such voice' >&2; exit 1");
        let why = speak(&words, "x", "en", PATIENCE).await.unwrap_err();
        assert!(why.ends_with("voice cannot speak this: no such voice"), "{why}");
        let words = script(&scratch, "echo nonsense");
        let why = speak(&words, "x", "en", PATIENCE).await.unwrap_err();
        assert!(why.contains("not a WAVE file"), "{why}");
        let why = speak(&["no-such-program".into()], "x", "en", PATIENCE).await.unwrap_err();
        assert!(why.contains("no-such-program"), "{why}");
        assert!(speak(&[], "x", "en", PATIENCE).await.is_err());
    }

    #[tokio::test]
    async fn who_does_not_speak_in_time_is_ended() {
        let scratch = Scratch::new();
        let words = script(&scratch, "echo $$ > $folder/pid; exec sleep 1000");
        let why = speak(&words, "x", "en", Duration::from_millis(1_500)).await.unwrap_err();
        assert!(why.contains("has not spoken"), "{why}");
        let pid = std::fs::read_to_string(scratch.path("pid")).unwrap();
        let process = PathBuf::from(format!("/proc/{}", pid.trim()));
        for _ in 0..500 {
            let state = std::fs::read_to_string(process.join("stat")).unwrap_or_default();
            if state.is_empty() || state.contains(") Z ") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{} still runs", process.display());
    }

    #[tokio::test]
    async fn espeak_speaks_where_it_is_installed() {
        if program("espeak-ng").is_none() {
            eprintln!("not installed: not tested");
            return;
        }
        let words: Vec<String> =
            ["espeak-ng", "-v", LANGUAGE, "--stdin", "--stdout"].map(str::to_owned).to_vec();
        for (text, language) in [("Hello, you are number three.", "en"), ("Здравствуйте", "ru")]
        {
            let wave = speak(&words, text, language, PATIENCE).await.unwrap();
            assert!(wave.samples.len() > wave.hz as usize / 2, "{text}");
            let pcm = wave.fitted();
            assert_eq!(pcm.hz, 16_000);
            assert!(pcm.samples.to_vec().iter().any(|sample| *sample > 3_000));
        }
        let option = speak(&words, "--version", "en", PATIENCE).await.unwrap();
        assert!(option.samples.len() > 8_000, "a text that looks like an option is spoken");
    }
}
