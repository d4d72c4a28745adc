use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::*;

/// A folder that is gone afterwards.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("usher-sounds-{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        if name.is_empty() { self.0.clone() } else { self.0.join(name) }
    }

    pub(crate) fn file(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// `link` is another name of `to`.
    pub(crate) fn link(&self, to: &str, link: &str) {
        std::os::unix::fs::symlink(self.path(to), self.path(link)).unwrap();
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A file of a tone.
pub(crate) fn tone(rate: u32, hz: u32, samples: usize) -> Vec<u8> {
    wave::write(&Pcm { hz: rate, samples: sine(rate, hz, samples).into() })
}

fn sine(rate: u32, hz: u32, samples: usize) -> Vec<i16> {
    let sample = |n: usize| {
        let angle = std::f64::consts::TAU * f64::from(hz) * n as f64 / f64::from(rate);
        #[expect(clippy::cast_possible_truncation, reason = "within ±10,000")]
        let value = (angle.sin() * 10_000.0) as i16;
        value
    };
    (0..samples).map(sample).collect()
}

/// The pitch of a tone by its crossings of zero, to the next hundred; 0 of silence.
pub(crate) fn heard_hz(samples: &[i16], rate: u32) -> u32 {
    if samples.iter().all(|sample| sample.abs() < 100) {
        return 0;
    }
    let crossings = samples.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
    let hz = crossings as f64 * f64::from(rate) / samples.len() as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "audible")]
    let rounded = (hz / 100.0).round() as u32 * 100;
    rounded
}

fn setup(scratch: &Scratch) -> SoundSetup {
    SoundSetup {
        music: Some(scratch.path("moh")),
        prompts: Some(scratch.path("prompts")),
        uploads: scratch.path("var/sounds"),
        mb_max: 1,
        ..SoundSetup::default()
    }
}

fn names(change: &Change) -> (Vec<&str>, Vec<&str>) {
    let add = change.add.iter().map(|(name, _)| &**name).collect();
    (add, change.remove.iter().map(|name| &**name).collect())
}

fn pitch(library: &Library, name: &str) -> Option<(Origin, u32)> {
    library.find(name).map(|(origin, pcm)| (origin, heard_hz(&pcm.samples.to_vec(), pcm.hz)))
}

#[test]
fn an_uploaded_sound_hides_others_until_it_is_deleted() {
    let scratch = Scratch::new();
    scratch.file("prompts/closed.wav", &tone(8_000, 500, 8_000));
    let (mut library, complaints) = Library::open(setup(&scratch), 1);
    assert_eq!(complaints, [""; 0]);
    assert_eq!(pitch(&library, "closed"), Some((Origin::Prompts, 500)));
    assert!(pitch(&library, "en/closed").is_some_and(|(origin, _)| origin == Origin::MadeIn));

    let (change, is_new) = library.put("closed", &tone(44_100, 700, 44_100)).unwrap();
    assert_eq!((names(&change), is_new), ((vec!["closed"], vec![]), true));
    assert_eq!(change.add[0].1.hz, 48_000);
    let entry = change.sounds.sounds["closed"];
    assert_eq!(entry, Sound { origin: Origin::Uploaded, ms: 1_000 });
    assert_eq!(pitch(&library, "closed"), Some((Origin::Uploaded, 700)));
    let (change, is_new) = library.put("closed", &tone(48_000, 900, 48_000)).unwrap();
    assert_eq!((names(&change), is_new), ((vec!["closed"], vec![]), false));
    let (change, _) = library.put("closed", &tone(48_000, 900, 48_000)).unwrap();
    assert_eq!(names(&change), (vec![], vec![]), "the same again");

    // It is there after a restart.
    let (mut library, _) = Library::open(setup(&scratch), 1);
    assert_eq!(pitch(&library, "closed"), Some((Origin::Uploaded, 900)));
    let change = library.delete("closed").unwrap();
    assert_eq!(names(&change), (vec!["closed"], vec![]), "what was hidden is heard again");
    assert_eq!(pitch(&library, "closed"), Some((Origin::Prompts, 500)));
    assert_eq!(library.delete("closed").unwrap_err(), Refused::NotUploaded);
    assert_eq!(library.delete("nothing").unwrap_err(), Refused::NotFound);

    library.put("n", &tone(8_000, 500, 80)).unwrap();
    // Its file stands where the folder would be.
    let refused = library.put("n.wav/b", &tone(8_000, 500, 80));
    assert!(matches!(refused, Err(Refused::Invalid(_))), "{refused:?}");
    library.delete("n").unwrap();
    library.put("a/b/c", &tone(8_000, 500, 80)).unwrap();
    assert!(scratch.path("var/sounds/a/b/c.wav").is_file());
    assert_eq!(names(&library.delete("a/b/c").unwrap()), (vec![], vec!["a/b/c"]));
    assert!(!scratch.path("var/sounds/a").exists() && scratch.path("var/sounds").is_dir());
}

#[test]
fn what_is_made_in_can_be_hidden_and_not_deleted() {
    let scratch = Scratch::new();
    let (mut library, _) = Library::open(setup(&scratch), 1);
    assert_eq!(library.delete("default").unwrap_err(), Refused::NotUploaded);
    library.put("default", &tone(8_000, 500, 8_000)).unwrap();
    assert_eq!(pitch(&library, "default"), Some((Origin::Uploaded, 500)));
    assert_eq!(names(&library.delete("default").unwrap()), (vec!["default"], vec![]));
    assert!(pitch(&library, "default").is_some_and(|(origin, _)| origin == Origin::MadeIn));
}

#[test]
fn names_and_files_that_are_none_are_refused_and_nothing_is_written() {
    let scratch = Scratch::new();
    let (mut library, _) = Library::open(setup(&scratch), 1);
    let fine = tone(8_000, 500, 80);
    for name in
        ["", "..", "../x", "a/../../x", "/x", "a//b", ".x", "a\\b", "a\0b", "made/1", "made"]
    {
        let refused = library.put(name, &fine);
        assert!(matches!(refused, Err(Refused::Invalid(_))), "{name}: {refused:?}");
    }
    assert!(
        matches!(library.put("x", b"no sound"), Err(Refused::Invalid(why)) if why.contains("sox"))
    );
    let large = tone(8_000, 500, (1 << 19) + 1);
    assert!(
        matches!(library.put("x", &large), Err(Refused::TooLarge(why)) if why.contains("max_sound_mb"))
    );
    assert!(!scratch.path("var").exists());

    library.put("x", &fine).unwrap();
    library.put("x.wav/y", &fine).unwrap_err();
    assert!(fs::read_dir(scratch.path("var/sounds")).unwrap().count() == 1);
    assert!(matches!(library.put("X", &fine), Ok((_, true))));
    let half = tone(8_000, 500, (1 << 18) - 100);
    library.put("half", &half).unwrap();
    library.put("half", &half).unwrap();
    assert!(
        library.put("other", &tone(8_000, 500, 1 << 18)).is_err(),
        "with the rest it is too much"
    );
}

#[test]
fn what_is_wrong_with_a_name_or_a_file_is_told() {
    let scratch = Scratch::new();
    let (mut library, _) = Library::open(setup(&scratch), 1);
    let fine = tone(8_000, 500, 80);
    let why = |put: Result<(Change, bool), Refused>| match put {
        Err(Refused::Invalid(why)) => why,
        Err(other) => panic!("refused for something else: {other:?}"),
        Ok(_) => panic!("taken"),
    };
    for (name, offending) in
        [("a b", "' '"), ("a/b+c", "'+'"), ("a\tb", "'\\t'"), ("привет", "'п'"), ("a:b", "':'")]
    {
        let why = why(library.put(name, &fine));
        assert!(why.starts_with(&format!("{offending} cannot be in")), "{name}: {why}");
    }
    let why = why(library.put("x", &fine[..fine.len() - 10]));
    assert_eq!(why, "cut short: its data chunk says 160 bytes, 150 are there");
    assert!(library.find("x").is_none() && !scratch.path("var").exists());
    library.put("en_GB/A-z.0_9", &fine).unwrap();
    // What was uploaded before is still there by its name.
    scratch.file("var/sounds/a b.wav", &fine);
    scratch.file("prompts/на месте.wav", &fine);
    let (mut library, complaints) = Library::open(setup(&scratch), 1);
    assert_eq!(complaints, [""; 0]);
    assert!(library.find("a b").is_some() && library.find("на месте").is_some());
    assert!(library.delete("a b").is_ok() && library.find("a b").is_none());
}

#[test]
fn files_of_other_kinds_are_told_of_once_a_folder() {
    let scratch = Scratch::new();
    for file in ["moh/a.gsm", "prompts/en/b.gsm", "prompts/en/c.gsm", "var/sounds/d.gsm"] {
        scratch.file(file, &[0xd2; 33]);
    }
    let (_, complaints) = Library::open(setup(&scratch), 1);
    let expected = ["a.gsm: not read, which .wav", "b.gsm and 1 more: not read", "d.gsm: not read"];
    assert_eq!(complaints.len(), expected.len(), "{complaints:?}");
    let told = complaints.iter().zip(expected).all(|(told, expected)| told.contains(expected));
    assert!(told, "{complaints:?}");
    let one = SoundSetup { music: Some(scratch.path("moh/a.gsm")), ..setup(&scratch) };
    let (_, complaints) = Library::open(one, 1);
    assert!(complaints[0].contains("a.gsm: .gsm is not read, which .wav"), "{complaints:?}");
}

#[test]
fn a_file_that_was_not_finished_is_none() {
    let scratch = Scratch::new();
    scratch.file("var/sounds/x.part", &tone(8_000, 500, 80));
    let (mut library, complaints) = Library::open(setup(&scratch), 1);
    assert_eq!((library.find("x"), complaints.len()), (None, 0));
    // A folder stands where its file must go.
    fs::create_dir_all(scratch.path("var/sounds/y.wav")).unwrap();
    assert!(library.put("y", &tone(8_000, 500, 80)).is_err());
    let left = fs::read_dir(scratch.path("var/sounds")).unwrap().count();
    assert_eq!(left, 2, "nothing was left behind");
}

#[test]
fn a_reload_tells_what_is_new_and_keeps_what_is_heard() {
    let scratch = Scratch::new();
    scratch.file("moh/a.wav", &tone(8_000, 500, 8_000));
    scratch.file("prompts/one.wav", &tone(8_000, 500, 800));
    scratch.file("prompts/two.wav", &tone(8_000, 500, 800));
    let (mut library, _) = Library::open(setup(&scratch), 1);
    let all = library.everything();
    assert_eq!(all.add.len(), all.sounds.sounds.len());
    let heard = all.add.into_iter().find(|(name, _)| &**name == "default").unwrap().1;
    assert_eq!(heard_hz(&heard.samples.to_vec(), heard.hz), 500);

    scratch.file("moh/a.wav", &tone(8_000, 700, 8_000));
    scratch.file("prompts/three.wav", &tone(8_000, 500, 800));
    fs::remove_file(scratch.path("prompts/one.wav")).unwrap();
    let (change, complaints) = library.reload(setup(&scratch), 2);
    assert_eq!(names(&change), (vec!["default", "three"], vec!["one"]));
    assert_eq!(complaints, [""; 0]);
    // Whoever still hears the old music is not the last to let go of it.
    assert!(heard.samples.is_shared());
    drop(change);
    drop(heard);
    let (change, _) = library.reload(setup(&scratch), 3);
    assert_eq!(names(&change), (vec![], vec![]));
    assert!(library.retired.is_empty());

    let without = SoundSetup { music: None, ..setup(&scratch) };
    let (change, _) = library.reload(without, 4);
    assert_eq!(names(&change), (vec!["default"], vec![]), "the music that is made in");
}

#[test]
fn music_is_known_by_name_without_being_read() {
    let scratch = Scratch::new();
    for file in ["moh/a.wav", "moh/jazz/b.wav", "var/sounds/tone.wav", "prompts/x.wav"] {
        scratch.file(file, b"not read");
    }
    let known = music_names(&setup(&scratch));
    let known: Vec<&str> = known.iter().map(|name| &**name).collect();
    assert_eq!(known, ["a", "default", "jazz", "tone"]);
    let nothing = SoundSetup { music: None, uploads: scratch.path("none"), ..setup(&scratch) };
    assert_eq!(music_names(&nothing).len(), 1);
}

/// Debian's recordings, where they are installed (asterisk-core-sounds-en-wav,
/// asterisk-moh-opsound-wav): all are read, and serve what we say.
#[test]
fn asterisks_sounds_are_used_when_pointed_at() {
    let prompts = Path::new("/usr/share/asterisk/sounds/en_US_f_Allison");
    let music = Path::new("/usr/share/asterisk/moh");
    if !prompts.is_dir() || !music.is_dir() {
        eprintln!("not installed: not tested");
        return;
    }
    let scratch = Scratch::new();
    let setup = SoundSetup {
        music: Some(music.into()),
        prompts: Some(prompts.into()),
        mb_max: 128,
        ..setup(&scratch)
    };
    let (library, complaints) = Library::open(setup.clone(), 1);
    assert_eq!(complaints, [""; 0]);
    let sounds = library.sounds();
    let said = sounds.phrase(b2bua::Language::English, &b2bua::Phrase::Position(342));
    assert!(said.iter().all(|name| sounds.sounds[name].origin == Origin::Prompts), "{said:?}");
    assert_eq!(said.len(), 6);
    let default = sounds.sounds["default"];
    assert_eq!(default.origin, Origin::Music);
    assert!((1_100_000..1_120_000).contains(&default.ms), "{}", default.ms);
    // From the folder above it is the same.
    let above = SoundSetup { prompts: prompts.parent().map(Into::into), ..setup };
    let (above, _) = Library::open(above, 1);
    assert_eq!(
        above.find("en/digits/3").map(|(_, pcm)| pcm),
        library.find("en/digits/3").map(|(_, pcm)| pcm)
    );
}
