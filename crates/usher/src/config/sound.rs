//! What of `[media]` says where sounds are from.

use std::path::{Path, PathBuf};

use super::section::Section;
use crate::sound::{Fetch, SoundSetup};

/// The program that speaks, with its arguments, where nothing is said.
const SPEECH: [&str; 5] = ["espeak-ng", "-v", "{language}", "--stdin", "--stdout"];

/// Uploaded sounds are kept in `data_dir`.
pub(super) fn read(table: &Section<'_>, data_dir: &Path) -> SoundSetup {
    SoundSetup {
        music: there(table, "music", "a folder of music, or one file"),
        prompts: there(table, "prompts", "a folder of NAME.wav")
            .filter(|path| is_folder(table, path)),
        uploads: data_dir.join("sounds"),
        mb_max: table.whole("max_sound_mb", 128, 1..=65_536),
        upload_mb_max: table.whole("max_upload_mb", 20, 1..=1_024),
        named: std::collections::BTreeSet::new(),
        speech: speech(table),
        fetch: fetch(table),
    }
}

fn there(table: &Section<'_>, key: &'static str, expected: &str) -> Option<PathBuf> {
    let text = table.text(key, expected)?;
    let path = PathBuf::from(text.text);
    if !path.exists() {
        table.report.fault(
            text.at,
            format!(
                "`{key}` of [media] is `{}`, which is not there; expected {expected}; without the \
                 key what is built in is heard",
                text.text
            ),
        );
    }
    Some(path)
}

fn is_folder(table: &Section<'_>, path: &Path) -> bool {
    let wrong = path.exists() && !path.is_dir();
    if wrong {
        table.report.fault(
            table.at,
            format!("`prompts` of [media] is {}, which is no folder", path.display()),
        );
    }
    !wrong
}

fn speech(table: &Section<'_>) -> Vec<String> {
    let expected = "a program and its arguments, such as [\"espeak-ng\", \"-v\", \"{language}\", \
                    \"--stdin\", \"--stdout\"]; it reads a text and writes a WAVE file";
    let given = table.texts("speech", expected);
    let words = given.map(|words| words.iter().map(|word| word.text.to_owned()).collect());
    words.unwrap_or_else(|| SPEECH.map(str::to_owned).to_vec())
}

/// `"public" | "none" | ["https://files.example/"]`.
fn fetch(table: &Section<'_>) -> Fetch {
    let expected = "\"public\", \"none\", or a list of what URLs begin with";
    let is_list = table.is_list("fetch");
    if !is_list {
        let words = [("public", false), ("none", true)];
        return if table.choice("fetch", &words, &[]) {
            Fetch::From(Vec::new())
        } else {
            Fetch::Public
        };
    }
    let prefixes = table.texts("fetch", expected).unwrap_or_default();
    for prefix in &prefixes {
        // `http://files.example` would fit `http://files.example.org/` too.
        let host = prefix.text.strip_prefix("http://").or(prefix.text.strip_prefix("https://"));
        if host.and_then(|host| host.find('/')).is_none_or(|at| at == 0) {
            table.report.fault(
                prefix.at,
                format!(
                    "`fetch` of [media] has `{}`; expected a beginning with the host and a `/`, such as \
                     \"https://files.example/\"",
                    prefix.text
                ),
            );
        }
    }
    Fetch::From(prefixes.into_iter().map(|prefix| prefix.text.to_owned()).collect())
}
