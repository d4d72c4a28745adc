//! Another real phone: liblinphone, as linphonec, spoken to by its standard input. It plays a file
//! and records one instead of using a sound card.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::handset::{Handset, Keys, Way};
use crate::{Feed, Server, tone};

/// Seconds of tone in the file that it plays: longer than any test.
const TONE_S: usize = 60;
/// A WAV file's header, as it writes it.
const HEADER: usize = 44;
/// Samples that are judged, and how many must have come since somebody asked.
const WINDOW: usize = 2_400;
const FRESH: usize = 3_200;

/// One process with one operator's account.
#[derive(Debug)]
pub struct Linphone {
    /// What it says: `line` with its text; `incoming`, `dialled`, `alerting`, `established`,
    /// `closed` with a call's number.
    pub events: Feed,
    folder: PathBuf,
    child: Child,
    commands: ChildStdin,
    hz: f64,
    /// How many calls came so far, and how many it made.
    come: usize,
    made: usize,
}

impl Linphone {
    /// Starts one at ports of the server's for peers, and waits until it has registered.
    ///
    /// # Panics
    /// Where that fails.
    #[track_caller]
    #[must_use]
    pub fn operator(
        server: &Server,
        slot: u16,
        operator: &str,
        hz: f64,
        (way, keys): (Way, Keys),
    ) -> Self {
        let folder = server.folder.join(format!("linphone-{slot}"));
        // It keeps a database there, and does not start without.
        fs::create_dir_all(folder.join(".local/share/linphone")).expect("a folder");
        let text = configuration(server, slot, operator, way, keys);
        fs::write(folder.join("linphonerc"), text).expect("a configuration is written");
        let samples = tone::sine(hz, 0, 8_000 * TONE_S);
        fs::write(folder.join("tone.wav"), tone::wav(&samples)).expect("a tone is written");
        let mark = server.events.mark();
        let mut phone = Self::start(folder, hz);
        let (heard, tone) = (phone.folder.join("heard.wav"), phone.folder.join("tone.wav"));
        phone.say("soundcard use files");
        phone.say(&format!("record {}", heard.display()));
        phone.say(&format!("play {}", tone.display()));
        let ready = [("operator", operator), ("/effective/state", "ready")];
        server.events.wait_within(Duration::from_secs(20), mark, "operator.state", &ready);
        phone
    }

    fn start(folder: PathBuf, hz: f64) -> Self {
        let mut child = Command::new("linphonec")
            .args(["-S", "-c"])
            .arg(folder.join("linphonerc"))
            .env("HOME", &folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("linphonec starts; it is in Debian's package linphone-cli");
        let commands = child.stdin.take().expect("its input is ours");
        let output = child.stdout.take().expect("its output is ours");
        let events = Feed::default();
        let of_thread = events.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // Its prompt may stand before a line, or behind half of one.
                let line = line.rsplit("linphonec> ").next().unwrap_or_default().trim();
                of_thread.push(json!({"type": "line", "text": line}));
                if let Some(event) = told(line) {
                    of_thread.push(event);
                }
            }
        });
        Self { events, folder, child, commands, hz, come: 0, made: 0 }
    }

    fn say(&mut self, command: &str) {
        writeln!(self.commands, "{command}").expect("linphonec listens");
    }

    #[track_caller]
    fn waits(&self, call: u64, kind: &str) {
        self.events.wait(kind, &[("call", &call.to_string())]);
    }
}

impl Handset for Linphone {
    fn rings(&mut self) -> u64 {
        let (come, call) = self.events.next_after(self.come, "incoming");
        self.come = come;
        call["call"].as_u64().expect("the number of a call")
    }

    fn dial(&mut self, number: &str) -> u64 {
        self.say(&format!("call sip:{number}@usher.test"));
        let (made, call) = self.events.next_after(self.made, "dialled");
        self.made = made;
        call["call"].as_u64().expect("the number of a call")
    }

    fn is_alerting(&mut self, call: u64) {
        self.waits(call, "alerting");
    }

    fn answer(&mut self, call: u64) {
        self.say(&format!("answer {call}"));
        self.waits(call, "established");
    }

    fn is_answered(&mut self, call: u64) {
        self.waits(call, "established");
    }

    fn decline(&mut self, call: u64) {
        self.say(&format!("terminate {call}"));
    }

    fn hang_up(&mut self, call: u64) {
        self.say(&format!("terminate {call}"));
    }

    fn is_over(&mut self, call: u64) {
        self.waits(call, "closed");
    }

    fn hold(&mut self, _: u64) {
        // The current one, and there is no other way.
        self.say("pause");
    }

    fn resume(&mut self, call: u64) {
        self.say(&format!("resume {call}"));
    }

    fn press(&mut self, _: u64, key: char) {
        self.say(&key.to_string());
    }

    fn transfer(&mut self, call: u64, number: &str) {
        self.say(&format!("transfer {call} sip:{number}@usher.test"));
    }

    fn join(&mut self, call: u64, other: u64) {
        self.say(&format!("transfer {call} --to-call {other}"));
    }

    fn hears_that(&mut self, _: u64, what: &str, test: &dyn Fn(&[i16], f64) -> bool) {
        let file = self.folder.join("heard.wav");
        let deadline = Instant::now() + Duration::from_secs(8);
        let mut mark = recorded(&file).0.len();
        let mut level = 0.0;
        while Instant::now() < deadline {
            std::thread::park_timeout(Duration::from_millis(100));
            let (samples, rate) = recorded(&file);
            if samples.len() < mark {
                // A new call, a new recording.
                mark = 0;
            }
            if samples.len() >= mark + FRESH {
                let last = &samples[samples.len() - WINDOW..];
                level = tone::level(last);
                if test(last, rate) {
                    return;
                }
            }
        }
        panic!("linphone does not hear {what}; level {level:.0}");
    }

    fn hz(&self) -> f64 {
        self.hz
    }

    fn hang(&mut self, hangs: bool) {
        crate::handset::signal(&self.child, hangs);
    }
}

impl Drop for Linphone {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- linphone");
            for event in self.events.all() {
                if let Some(text) = event["text"].as_str() {
                    eprintln!("{text}");
                }
            }
        }
    }
}

/// What was recorded so far, and its rate in Hz.
fn recorded(file: &Path) -> (Vec<i16>, f64) {
    let octets = fs::read(file).unwrap_or_default();
    let rate = octets.get(24..28).and_then(|four| four.try_into().ok());
    // It fills the header in when the recording ends; until then there are zeros.
    let rate = rate.map(|four| f64::from(u32::from_le_bytes(four))).filter(|rate| *rate > 0.0);
    let rate = rate.unwrap_or(tone::RATE_HZ);
    let samples = octets.get(HEADER..).unwrap_or_default().chunks_exact(2);
    (samples.map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect(), rate)
}

/// What a line of its output tells: `Call 1 with sip:102@usher.test ended (No error).`
fn told(line: &str) -> Option<Value> {
    let last = |before: &str| line.rsplit_once(before)?.1.parse::<u64>().ok();
    if line.starts_with("Receiving new incoming call") {
        return Some(json!({"type": "incoming", "call": last("assigned id ")?}));
    }
    if line.starts_with("Establishing call") {
        return Some(json!({"type": "dialled", "call": last("assigned id ")?}));
    }
    if line.starts_with("Media streams established") {
        let call = line.rsplit_once("for call ")?.1.split(' ').next()?.parse::<u64>().ok()?;
        return Some(json!({"type": "established", "call": call}));
    }
    let call = line.strip_prefix("Call ")?.split(' ').next()?.parse::<u64>().ok()?;
    let kind = match line {
        _ if line.ends_with(" ringing.") => "alerting",
        _ if line.contains(" ended (") || line.ends_with(" error.") => "closed",
        _ => return None,
    };
    Some(json!({"type": kind, "call": call}))
}

/// What it records has no rate in its header until the call is over: it is to be that of G.711.
const NARROW: &str = "[audio_codec_0]\nmime=opus\nrate=48000\nchannels=2\nenabled=0\n\
     [audio_codec_1]\nmime=G722\nrate=8000\nchannels=1\nenabled=0\n\
     [audio_codec_2]\nmime=PCMU\nrate=8000\nchannels=1\nenabled=1\n\
     [audio_codec_3]\nmime=PCMA\nrate=8000\nchannels=1\nenabled=1\n";

fn configuration(server: &Server, slot: u16, operator: &str, way: Way, keys: Keys) -> String {
    let (port, address) = (server.ports.peer(slot), server.address());
    let (udp, tcp) = if way == Way::Udp { (port, 0) } else { (0, port) };
    let (events, info) = if keys == Keys::Events { (1, 0) } else { (0, 1) };
    let (first, last) = (server.ports.peer(4 + 10 * slot), server.ports.peer(13 + 10 * slot));
    let proxy = format!("sip:{address};transport={}", way.as_str());
    format!(
        "[sip]\nsip_port={udp}\nsip_tcp_port={tcp}\nsip_tls_port=0\n\
         use_ipv6=0\nipv6_migration_done=1\ndefault_proxy=0\nmedia_encryption=none\n\
         use_rfc2833={events}\nuse_info={info}\n\
         [proxy_0]\nreg_proxy=<{proxy}>\nreg_route=<{proxy};lr>\n\
         reg_identity=<sip:{operator}@usher.test>\nreg_expires=3600\nreg_sendregister=1\npublish=0\n\
         [auth_info_0]\nusername={operator}\nuserid={operator}\npasswd={operator}-secret\n\
         [rtp]\naudio_rtp_port={first}-{last}\n\
         {NARROW}\
         [misc]\nuuid=9e1b5d52-6f0c-4a6e-8d8f-{port:012}\n\
         [video]\nenabled=0\ndisplay=0\ncapture=0\n"
    )
}
