//! `usher check-config`: every fault of a configuration, or what it comes to.

use std::path::Path;

use media::Codec;

use super::Failure;
use super::output::{complain, say};
use crate::config;
use crate::sound::Library;

/// Faults and warnings go to standard error, what was resolved to standard output.
pub(super) fn check_config(path: &Path) -> Result<(), Failure> {
    let warned = |warnings: &config::Faults| {
        for warning in &warnings.0 {
            complain(&format!("{warning} (warning)"));
        }
    };
    match config::load(path) {
        Ok(loaded) => {
            warned(&loaded.warnings);
            let (library, mut amiss) = Library::open(loaded.setup.media.sounds.clone(), 0);
            let is_wanted = !loaded.setup.media.sounds.speech.is_empty();
            let mute = library.sounds().mute.filter(|_| is_wanted);
            amiss.extend(mute.map(|why| why.to_string()));
            for complaint in &amiss {
                complain(&format!("{}: {complaint} (warning)", path.display()));
            }
            let core = &loaded.setup.core;
            for line in codecs(core).into_iter().chain(library.resolved()) {
                say(&format!("{}: {line}", path.display()))?;
            }
            say(&format!(
                "{}: fine: {}, {}, {}, {}, {}",
                path.display(),
                count(core.trunks.len(), "trunk"),
                count(core.operators.len(), "operator"),
                count(core.queues.len(), "queue"),
                count(core.routes.len(), "route"),
                count(loaded.warnings.0.len() + amiss.len(), "warning"),
            ))
        }
        Err(unusable) => {
            warned(&unusable.warnings);
            Err(Failure::failed(unusable.faults.to_string()))
        }
    }
}

/// In which codecs audio is offered and taken, in order: a line for all, and one for each trunk and
/// operator that has codecs of its own.
fn codecs(core: &b2bua::Config) -> Vec<String> {
    let line = |whose: &str, codecs: &[Codec]| {
        let names: Vec<String> = codecs.iter().map(|codec| codec.name().to_lowercase()).collect();
        format!("codecs of {whose}: {}", names.join(", "))
    };
    let trunks = core.trunks.iter().filter_map(|trunk| {
        Some(line(&format!("[[trunk]] `{}`", trunk.name), trunk.codecs.as_deref()?))
    });
    let operators = core.operators.iter().filter_map(|operator| {
        Some(line(&format!("[[operator]] `{}`", operator.id), operator.codecs.as_deref()?))
    });
    let all = [line("[media]", &core.media.codecs)];
    all.into_iter().chain(trunks).chain(operators).collect()
}

pub(super) fn count(number: usize, word: &str) -> String {
    match number {
        1 => format!("1 {word}"),
        _ => format!("{number} {word}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sound::tests::Scratch;

    #[test]
    fn codecs_are_told_as_they_hold() {
        let check = |snippet: &str, expected: &[&str]| {
            let scratch = Scratch::new();
            let first = "[sip]\ndomain = \"d.example\"\n[[http.token]]\nname = \"n\"\nsecret = \"s\"\n\
                         role = \"admin\"\n";
            scratch.file("usher.toml", format!("{first}{snippet}").as_bytes());
            let loaded = match config::load(&scratch.path("usher.toml")) {
                Ok(loaded) => loaded,
                Err(unusable) => panic!("{}", unusable.faults),
            };
            assert_eq!(codecs(&loaded.setup.core), expected);
        };
        check("", &["codecs of [media]: opus, g722, pcma, pcmu"]);
        check(
            "[media]\ncodecs = [\"PCMU\", \"opus\"]\n[[trunk]]\nname = \"carrier\"\n\
             hosts = [\"192.0.2.1\"]\ncodecs = [\"pcma\"]\n[[trunk]]\nname = \"other\"\n\
             hosts = [\"192.0.2.2\"]\n[[operator]]\nid = \"alice\"\npassword = \"p\"\n\
             codecs = [\"g722\", \"pcma\"]\n",
            &[
                "codecs of [media]: pcmu, opus",
                "codecs of [[trunk]] `carrier`: pcma",
                "codecs of [[operator]] `alice`: g722, pcma",
            ],
        );
    }
}
