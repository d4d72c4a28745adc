//! Sounds that are uploaded, and those of folders: what is taken, what is refused, and where each is
//! heard at its frequency.
#![expect(clippy::expect_used, reason = "all of it is a test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::json;
use sip_tests::{Config, Phone, Server, call_of, tone};

const CALLER_HZ: f64 = 1_130.0;
const WAVE: &str = "audio/wav";

/// Samples of a tone of another rate than that of a telephone.
fn sine(hz: f64, rate: u32, ms: u32) -> Vec<i16> {
    let rate = f64::from(rate);
    let at = |n: u32| {
        #[expect(clippy::cast_possible_truncation, reason = "8000 at most")]
        let sample = ((std::f64::consts::TAU * hz * f64::from(n) / rate).sin() * 8_000.0) as i16;
        sample
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few seconds")]
    let count = (rate * f64::from(ms) / 1_000.0) as u32;
    (0..count).map(at).collect()
}

fn linear(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// A WAVE file of any format.
fn wave(tag: u16, channels: u16, hz: u32, bits: u16, samples: &[u8]) -> Vec<u8> {
    let size = u32::try_from(samples.len()).expect("a small file");
    let frame = channels * (bits / 8);
    let mut file = b"RIFF".to_vec();
    file.extend((36 + size).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0");
    file.extend([tag, channels].iter().flat_map(|field| field.to_le_bytes()));
    file.extend([hz, hz * u32::from(frame)].iter().flat_map(|field| field.to_le_bytes()));
    file.extend([frame, bits].iter().flat_map(|field| field.to_le_bytes()));
    file.extend(b"data");
    file.extend(size.to_le_bytes());
    file.extend(samples);
    file
}

/// A caller waits in the queue; the call.
fn waiting(server: &Server) -> (Phone, String) {
    let mark = server.events.mark();
    let mut caller = Phone::caller(server, CALLER_HZ);
    caller.invite("600");
    caller.expect_answer();
    (caller, call_of(&server.events.wait_from(mark, "call.started", &[])).to_owned())
}

/// It is heard by the caller at its frequency, to its end.
#[track_caller]
fn is_heard(server: &Server, caller: &Phone, call: &str, name: &str, hz: f64) {
    let (status, told) =
        server.api.post(&format!("/calls/{call}/play"), &json!({ "prompt": name }));
    assert_eq!(status, 202, "{name}: {told}");
    caller.audio.hears(hz);
    let play = told["play"].as_str().expect("a play");
    server.events.wait("play.finished", &[("play", play), ("result", "played")]);
}

#[test]
fn files_of_every_format_are_heard_at_their_frequency() {
    let server = Server::plain();
    let (mut caller, call) = waiting(&server);
    let law = |code: fn(i16) -> u8, hz| -> Vec<u8> {
        sine(hz, 8_000, 900).into_iter().map(code).collect()
    };
    let stereo = |hz, rate| -> Vec<u8> {
        let samples = sine(hz, rate, 900);
        linear(&samples.iter().flat_map(|sample| [*sample, *sample]).collect::<Vec<_>>())
    };
    let mono = |hz, rate| linear(&sine(hz, rate, 900));
    for (name, hz, told_hz, file) in [
        ("mono-8", 500.0, 8_000, wave(1, 1, 8_000, 16, &mono(500.0, 8_000))),
        ("mono-16", 700.0, 16_000, wave(1, 1, 16_000, 16, &mono(700.0, 16_000))),
        ("mono-48", 900.0, 48_000, wave(1, 1, 48_000, 16, &mono(900.0, 48_000))),
        ("mono-22", 1_300.0, 16_000, wave(1, 1, 22_050, 16, &mono(1_300.0, 22_050))),
        ("stereo-44", 1_500.0, 48_000, wave(1, 2, 44_100, 16, &stereo(1_500.0, 44_100))),
        ("stereo-96", 1_700.0, 48_000, wave(1, 2, 96_000, 16, &stereo(1_700.0, 96_000))),
        ("alaw", 1_900.0, 8_000, wave(6, 1, 8_000, 8, &law(tone::to_alaw, 1_900.0))),
        ("folder/ulaw", 2_100.0, 8_000, wave(7, 1, 8_000, 8, &law(tone::to_ulaw, 2_100.0))),
    ] {
        let (status, entry) = server.api.put(&format!("/sounds/{name}"), WAVE, &file);
        assert_eq!(status, 201, "{name}: {entry}");
        assert_eq!((&entry["rate_hz"], &entry["origin"]), (&json!(told_hz), &json!("uploaded")));
        let length_s = entry["duration_s"].as_f64().unwrap_or_default();
        assert!((length_s - 0.9).abs() < 0.01, "{name}: {entry}");
        is_heard(&server, &caller, &call, name, hz);
    }
    caller.audio.is_continuous();
    caller.hang_up();
    server.finish();
}

#[test]
fn rubbish_is_refused_by_what_is_wrong_with_it() {
    let server = Server::start(&Config { media: "max_upload_mb = 1".into(), ..Config::default() });
    let before = server.api.items("/sounds?limit=1000").len();
    let silence = [0; 480];
    for (name, kind, file, expected, part) in [
        ("x", WAVE, b"This is a text.".to_vec(), 422, "not a WAVE file"),
        ("x", WAVE, Vec::new(), 422, "not a WAVE file"),
        ("x", WAVE, wave(1, 1, 8_000, 24, &silence), 422, "24 bits"),
        ("x", WAVE, wave(3, 1, 8_000, 32, &silence), 422, "format 3"),
        ("x", WAVE, wave(1, 6, 48_000, 16, &silence), 422, "6 channels"),
        ("x", WAVE, wave(1, 1, 4_000, 16, &silence), 422, "4000 Hz"),
        ("x", WAVE, wave(1, 1, 8_000, 16, &[]), 422, "no sound in it"),
        ("x", WAVE, wave(1, 1, 8_000, 16, &silence)[..40].to_vec(), 422, "without samples"),
        ("x", "audio/mpeg", vec![0xff; 99], 415, "Content-Type: audio/wav"),
        ("x", WAVE, vec![0; (1 << 20) + 1], 413, "max_upload_mb"),
        (".x", WAVE, wave(1, 1, 8_000, 16, &silence), 422, "name"),
        ("made/x", WAVE, wave(1, 1, 8_000, 16, &silence), 422, "name"),
        ("%2e%2e/x", WAVE, wave(1, 1, 8_000, 16, &silence), 422, "name"),
        ("a%20b", WAVE, wave(1, 1, 8_000, 16, &silence), 422, "' ' cannot be in a sound's name"),
        (
            "x",
            WAVE,
            wave(1, 1, 8_000, 16, &silence)[..500].to_vec(),
            422,
            "480 bytes, 456 are there",
        ),
    ] {
        let (status, told) = server.api.put(&format!("/sounds/{name}"), kind, &file);
        assert_eq!(status, expected, "{part}: {told}");
        let detail = told["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(part), "{part}: {told}");
        let is_plain =
            ["name", "no sound in it", "are there"].iter().any(|end| part.ends_with(end));
        if expected == 422 && !is_plain {
            assert!(detail.contains("sox"), "what helps: {told}");
        }
    }
    assert_eq!(server.api.items("/sounds?limit=1000").len(), before);
    server.finish();
}

/// Which of two tones was heard in each 100 ms since a moment, by when it came.
fn course(phone: &Phone, since: Instant, tones: [f64; 2]) -> Vec<Option<usize>> {
    let heard = phone.audio.heard();
    let ms = |at: Instant| at.saturating_duration_since(since).as_millis() / 100;
    let last = heard.last().map_or(0, |packet| ms(packet.at));
    let slot = |n| {
        let inside = heard.iter().filter(|p| p.at >= since && ms(p.at) == n);
        let samples: Vec<i16> = inside.flat_map(|packet| packet.pcm.clone()).collect();
        tones.iter().position(|hz| samples.len() >= 480 && tone::share(&samples, *hz) > 0.7)
    };
    (0..last).map(slot).collect()
}

#[test]
fn music_that_a_queue_names_is_joined_where_it_is() {
    const TONES: [f64; 2] = [700.0, 1_900.0];
    let server = Server::start(&Config::queue("music = \"jazz\""));
    let both = [tone::sine(TONES[0], 0, 8_000), tone::sine(TONES[1], 0, 8_000)].concat();
    assert_eq!(server.api.put("/sounds/jazz", WAVE, &tone::wav(&both)).0, 201);
    let (mut first, call) = waiting(&server);
    server.api.until("what the caller hears", |api| {
        let call = api.get(&format!("/calls/{call}")).1;
        (call["participants"][0]["hears"] == json!(["music:jazz"])).then_some(())
    });
    first.audio.hears(TONES[0]);
    first.audio.hears(TONES[1]);
    let (mut second, _) = waiting(&server);
    let since = Instant::now();
    for _ in 0..2 {
        second.audio.hears(TONES[0]);
        second.audio.hears(TONES[1]);
    }
    let (one, other) = (course(&first, since, TONES), course(&second, since, TONES));
    let known: Vec<_> = one.iter().zip(&other).filter_map(|(a, b)| a.zip(*b)).collect();
    let alike = known.iter().filter(|(a, b)| a == b).count();
    // The two are of different phases of 5 ms, so a slot at a change may differ.
    assert!(known.len() > 15 && alike + 3 >= known.len(), "{one:?}\n{other:?}");
    first.audio.is_continuous();
    first.hang_up();
    second.hang_up();
    server.finish();
}

#[test]
fn what_is_deleted_plays_on_for_those_who_hear_it_and_a_restart_keeps_the_rest() {
    let mut server = Server::start(&Config::queue("music = \"jazz\""));
    let upload = |server: &Server, name: &str, hz| server.api.upload_tone(name, hz, 3_000);
    upload(&server, "jazz", 700.0);
    upload(&server, "notice/short", 1_900.0);
    let (mut caller, call) = waiting(&server);
    caller.audio.hears(700.0);
    // Another one of the name is for those who come from now on.
    upload(&server, "jazz", 2_600.0);
    caller.audio.hears(700.0);
    let (mut next, _) = waiting(&server);
    next.audio.hears(2_600.0);
    assert_eq!(server.api.delete("/sounds/jazz").0, 204);
    next.audio.hears(2_600.0);
    caller.audio.hears(700.0);
    let (mut last, _) = waiting(&server);
    last.audio.hears_music(&[700.0, 2_600.0]);
    // A prompt that is deleted while it plays is heard to its end.
    let (status, told) =
        server.api.post(&format!("/calls/{call}/play"), &json!({ "prompt": "notice/short" }));
    assert_eq!(status, 202, "{told}");
    caller.audio.hears(1_900.0);
    assert_eq!(server.api.delete("/sounds/notice/short").0, 204);
    caller.audio.hears(1_900.0);
    let play = told["play"].as_str().expect("a play");
    server.events.wait("play.finished", &[("play", play), ("result", "played")]);
    caller.audio.hears_music(&[1_900.0, 2_600.0]);
    for (path, expected) in
        [("/sounds/jazz", 404), ("/sounds/default", 409), ("/sounds/en/closed", 409)]
    {
        assert_eq!(server.api.delete(path).0, expected, "{path}");
    }
    for phone in [&caller, &next, &last] {
        phone.audio.is_continuous();
    }
    for phone in [&mut caller, &mut next, &mut last] {
        phone.hang_up();
    }
    upload(&server, "jazz", 2_300.0);
    server.crash();
    let entry = server.api.items("/sounds?limit=1000").into_iter().find(|e| e["name"] == "jazz");
    assert_eq!(entry.expect("it is there")["origin"], "uploaded");
    let (status, file) = server.api.octets("/sounds/jazz");
    assert_eq!((status, &file[..4]), (200, &b"RIFF"[..]));
    let (mut caller, _) = waiting(&server);
    caller.audio.hears(2_300.0);
    caller.hang_up();
    server.finish();
}

/// A folder of its own for a test, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("usher-wire-sounds-{}", std::process::id()));
        // Left over from a run that was killed.
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn file(&self, name: &str, octets: &[u8]) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("a folder");
        fs::write(path, octets).expect("a file");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn folders_as_asterisks_packages_lay_them_out_are_heard() {
    let folder = Folder::new();
    let law = |code: fn(i16) -> u8, hz| -> Vec<u8> {
        sine(hz, 8_000, 900).into_iter().map(code).collect()
    };
    folder.file("moh/one.wav", &wave(1, 1, 8_000, 16, &linear(&sine(500.0, 8_000, 4_000))));
    folder.file("moh/jazz/two.sln16", &linear(&sine(700.0, 16_000, 4_000)));
    let prompts = [("wav", 900.0), ("sln16", 1_300.0), ("sln", 1_500.0), ("ulaw", 1_700.0)];
    let prompts = prompts.into_iter().chain([("alaw", 1_900.0), ("g722", 2_100.0)]);
    for (ending, hz) in prompts.clone() {
        let octets = match ending {
            "wav" => wave(1, 1, 8_000, 16, &linear(&sine(hz, 8_000, 900))),
            "sln16" => linear(&sine(hz, 16_000, 900)),
            "sln" => linear(&sine(hz, 8_000, 900)),
            "ulaw" => law(tone::to_ulaw, hz),
            "alaw" => law(tone::to_alaw, hz),
            _ => sip_tests::to_g722(&sine(hz, 16_000, 900)),
        };
        folder.file(&format!("sounds/en/of-{ending}.{ending}"), &octets);
    }
    folder.file("sounds/en/of-gsm.gsm", &[0xd0; 330]);
    folder.file(
        "sounds/en/digits/1.wav",
        &wave(1, 1, 8_000, 16, &linear(&sine(2_300.0, 8_000, 900))),
    );
    let at = |name: &str| folder.0.join(name).display().to_string();
    let media = format!("music = \"{}\"\nprompts = \"{}\"", at("moh"), at("sounds/en"));
    let queues = "[[queue]]\nname = \"jazz\"\nnumber = \"601\"\nmusic = \"jazz\"";
    let routes = "[[route]]\nto = \"^601$\"\ngo = { queue = \"jazz\" }\n\
                  [[route]]\ngo = { queue = \"support\" }\n";
    let config = Config { media, more: queues.into(), routes: routes.into(), ..Config::default() };
    let server = Server::start(&config);
    server.wait_log(&["of-gsm.gsm: not read", "sox"]);
    let (mut caller, call) = waiting(&server);
    caller.audio.hears(500.0);
    for (ending, hz) in prompts {
        is_heard(&server, &caller, &call, &format!("of-{ending}"), hz);
    }
    // It wins over the one that is built in, and several are heard one after the other.
    is_heard(&server, &caller, &call, "digits/1", 2_300.0);
    is_heard(&server, &caller, &call, "of-wav+digits/1", 2_300.0);
    let (status, told) =
        server.api.post(&format!("/calls/{call}/play"), &json!({ "prompt": "of-gsm" }));
    assert_eq!(status, 422, "{told}");
    let mut other = Phone::caller(&server, CALLER_HZ);
    other.invite("601");
    other.expect_answer();
    other.audio.hears(700.0);
    caller.hang_up();
    other.hang_up();
    server.finish();
}

/// A sound takes room only as long as it is there.
#[test]
fn there_is_room_for_so_much_and_a_reload_reads_the_folders_again() {
    let folder =
        Folder(std::env::temp_dir().join(format!("usher-wire-more-{}", std::process::id())));
    folder.file("notice.wav", &tone::wav(&tone::sine(700.0, 0, 8_000)));
    let media = format!("max_sound_mb = 1\nprompts = \"{}\"", folder.0.display());
    let server = Server::start(&Config { media, ..Config::default() });
    let minute = tone::wav(&tone::sine(900.0, 0, 480_000));
    assert_eq!(server.api.put("/sounds/one", WAVE, &minute).0, 201);
    let (status, told) = server.api.put("/sounds/two", WAVE, &minute);
    assert_eq!(status, 413, "{told}");
    assert!(told["detail"].as_str().is_some_and(|why| why.contains("max_sound_mb")), "{told}");
    assert_eq!(server.api.put("/sounds/one", WAVE, &minute).0, 200, "in place of itself");
    assert_eq!(server.api.delete("/sounds/one").0, 204);
    assert_eq!(server.api.put("/sounds/two", WAVE, &minute).0, 201);
    let (mut caller, call) = waiting(&server);
    is_heard(&server, &caller, &call, "notice", 700.0);
    folder.file("notice.wav", &tone::wav(&tone::sine(2_100.0, 0, 8_000)));
    let (status, told) = server.api.post("/reload", &json!({}));
    assert!((200..300).contains(&status), "{told}");
    is_heard(&server, &caller, &call, "notice", 2_100.0);
    caller.hang_up();
    server.finish();
}
