//! A call of several people, each with a tone of their own: whatever is done, every ear is measured.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::{Config, Mark, Phone, SOON, Server, Turn, call_of, tone};

/// Who may be there and their tones: far enough apart to be told from each other in 10 ms, and so
/// low that a click shows. Alice serves the queue; boss and chief supervise it.
const PEOPLE: [(&str, f64); 5] =
    [("caller", 400.0), ("alice", 700.0), ("boss", 1_100.0), ("bob", 900.0), ("chief", 1_300.0)];
/// The music.
const MUSIC_HZ: f64 = 600.0;
/// From the answer to an order until the change is heard.
const LATE_MS: f64 = 40.0;
/// The same where somebody's leg has just begun: their first packet of 20 ms has to be spoken and to
/// come; where it is mixed it waits in a buffer that knows nothing of its network yet, and then for a
/// frame. Until then there is silence.
const FIRST_MS: f64 = 100.0;
/// No 5 ms are quieter than a tone by more than this.
const DIP_DB: f64 = -10.0;

/// Who hears what: a name, and the names of who or what is heard, `music` among them.
pub type Table<'a> = [(&'a str, &'a str)];

type Marks = BTreeMap<&'static str, Mark>;

/// One call, its server and everybody's phones.
#[derive(Debug)]
pub struct Room {
    /// Where it is.
    pub server: Server,
    /// Its id.
    pub call: String,
    phones: Vec<(&'static str, Phone)>,
    now: BTreeMap<String, Vec<f64>>,
    music: PathBuf,
}

impl Room {
    /// With these people, and their payload types: the caller hears music, and Alice's phone rings.
    #[must_use]
    #[track_caller]
    pub fn start(people: &[(&'static str, &[u8])]) -> Self {
        let mut room = Self::open(people, |_| ());
        room.calls();
        room
    }

    /// The server, with supervisors and whatever is changed of its configuration, and the phones;
    /// nobody calls yet.
    #[must_use]
    #[track_caller]
    pub fn open(people: &[(&'static str, &[u8])], change: impl FnOnce(&mut Config)) -> Self {
        let music = sound("music", MUSIC_HZ);
        let mut config = Config { media: format!("music = {music:?}\n"), ..Config::default() };
        for id in ["boss", "chief"] {
            config.operators += &format!(
                "[[operator]]\nid = \"{id}\"\npassword = \"{id}-secret\"\nrole = \"supervisor\"\n\
                 supervises = [\"support\"]\n"
            );
        }
        change(&mut config);
        let server = Server::start(&config);
        let phone = |(name, codecs): &(&'static str, &[u8])| {
            let mut phone = match *name {
                "caller" => Phone::caller(&server, hz(name)),
                operator => Phone::operator(&server, operator, hz(name)),
            };
            phone.codecs = codecs.to_vec();
            (*name, phone)
        };
        let phones = people.iter().map(phone).collect();
        Self { server, call: String::new(), phones, now: BTreeMap::new(), music }
    }

    /// The caller calls the queue, hears music, and Alice's phone rings.
    #[track_caller]
    pub fn calls(&mut self) {
        let caller = self.phone("caller");
        caller.invite("600");
        caller.expect_answer();
        let started = self.server.events.wait("call.started", &[]);
        call_of(&started).clone_into(&mut self.call);
        self.phone("alice").expect("INVITE");
        self.hears("ringing", &[("caller", "music")]);
    }

    /// Somebody's phone.
    ///
    /// # Panics
    /// Where they have none.
    #[track_caller]
    pub fn phone(&mut self, name: &str) -> &mut Phone {
        let found = self.phones.iter_mut().find(|(known, _)| *known == name);
        found.map_or_else(|| panic!("{name} has no phone"), |(_, phone)| phone)
    }

    /// Alice answers: the two of them talk.
    #[track_caller]
    pub fn talks(&mut self) {
        let both = [("caller", "alice"), ("alice", "caller")];
        self.joins("answer", |room| room.phone("alice").answer(), &both);
    }

    /// Does something, and measures everybody's ear; then, of those who are there before and after it
    /// and have G.711, that the change came in time, without a click and without a gap.
    #[track_caller]
    pub fn step(&mut self, what: &str, act: impl FnOnce(&mut Self), table: &Table<'_>) {
        let (asked, before) = (self.marks(), self.now.clone());
        act(self);
        let done = self.marks();
        self.hears(what, table);
        self.judge(what, &before, (&asked, &done), (LATE_MS, DIP_DB));
    }

    /// The same where somebody's leg begins.
    #[track_caller]
    pub fn joins(&mut self, what: &str, act: impl FnOnce(&mut Self), table: &Table<'_>) {
        let (asked, before) = (self.marks(), self.now.clone());
        act(self);
        let mut done = self.marks();
        self.hears(what, table);
        // A phone that is slow to speak is not heard earlier.
        let began = self.phones.iter().filter_map(|(name, phone)| phone.audio.began(asked[name]));
        if let Some(began) = began.max() {
            for (name, phone) in &self.phones {
                done.entry(*name).and_modify(|mark| *mark = phone.audio.later(*mark, began));
            }
        }
        self.judge(what, &before, (&asked, &done), (FIRST_MS, f64::MIN));
    }

    /// # Panics
    /// Where what became of what was heard `before` came late, with a click or with a gap.
    #[track_caller]
    fn judge(
        &self,
        what: &str,
        before: &BTreeMap<String, Vec<f64>>,
        (asked, done): (&Marks, &Marks),
        (late_ms_max, dip_db_min): (f64, f64),
    ) {
        for (name, phone) in &self.phones {
            let (Some(old), Some(new)) = (before.get(*name), self.now.get(*name)) else { continue };
            if !has_g711(phone) {
                continue;
            }
            let turn = phone.audio.turned(asked[name], done[name], (old, new));
            eprintln!("{what}: {name} {old:?} → {new:?}: {turn}");
            let Turn { late_ms, wait_ms, step: (step, most), dip_db } = turn;
            let late = late_ms.max(wait_ms);
            // Who asks for longer packets waits until they are full.
            let late_ms_max = late_ms_max + f64::from(phone.audio.ptime_ms().saturating_sub(20));
            assert!(late <= late_ms_max, "{what}: {name} hears it late: {turn}");
            assert!(step <= most, "{what}: {name} hears a click: {turn}");
            assert!(dip_db >= dip_db_min, "{what}: {name} hears a gap: {turn}");
        }
    }

    fn marks(&self) -> Marks {
        self.phones.iter().map(|(name, phone)| (*name, phone.audio.mark())).collect()
    }

    /// That everybody hears what they heard, as measured from now on.
    #[track_caller]
    pub fn goes_on(&mut self, what: &str, table: &Table<'_>) {
        self.hears(what, table);
        self.step(what, |_| (), table);
    }

    /// Measures every ear: what the table says, each tone as loud as it was sent and nothing else. Who
    /// is not in it is sent nothing.
    #[track_caller]
    fn hears(&mut self, what: &str, table: &Table<'_>) {
        let all: Vec<f64> = PEOPLE.iter().map(|(_, hz)| *hz).chain([MUSIC_HZ]).collect();
        eprintln!("{what}: {table:?}");
        let marks = self.marks();
        self.now.clear();
        for (listener, heard) in table {
            let tones: Vec<f64> = heard.split_whitespace().map(hz).collect();
            let mark = marks[listener];
            self.phone(listener).audio.hears_just(mark, &tones, &all);
            self.now.insert((*listener).to_owned(), tones);
        }
        for (name, phone) in &self.phones {
            if !self.now.contains_key(*name) {
                phone.audio.hears_nothing();
            }
        }
    }

    /// An order about the call or somebody in it, which must be answered with 2xx: the answer's body.
    ///
    /// # Panics
    /// Where it is refused.
    #[track_caller]
    pub fn order(&self, method: &str, path: &str, body: &Value) -> Value {
        let path = format!("/calls/{}{path}", self.call);
        let (status, body) = match method {
            "POST" => self.server.api.post(&path, body),
            "PATCH" => self.server.api.patch(&path, body),
            _ => self.server.api.delete(&path),
        };
        assert!((200..300).contains(&status), "{method} {path}: {status} {body}");
        body
    }

    /// Asks somebody in, who answers.
    #[track_caller]
    pub fn asks(&mut self, name: &str, more: Value) {
        let mut body = json!({"operator": name});
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        self.order("POST", "/participants", &body);
        self.phone(name).expect("INVITE");
        self.phone(name).answer();
    }

    /// A supervisor comes in a mode.
    #[track_caller]
    pub fn watches(&mut self, name: &str, mode: &str) {
        self.asks(name, json!({"role": "supervisor", "mode": mode}));
    }

    /// Somebody presses these keys.
    #[track_caller]
    pub fn types(&mut self, name: &str, keys: &str) {
        for digit in keys.chars() {
            self.phone(name).audio.press(digit);
        }
    }

    /// Changes something about somebody.
    #[track_caller]
    pub fn change(&self, name: &str, change: &Value) {
        let path = format!("/participants/{}", self.id(name));
        self.order("PATCH", &path, change);
    }

    /// Somebody's id in the call, once it shows.
    #[track_caller]
    #[must_use]
    pub fn id(&self, name: &str) -> String {
        let is_meant = |participant: &&Value| match name {
            "caller" => participant["role"] == "customer",
            operator => participant["operator"] == operator,
        };
        let path = format!("/calls/{}", self.call);
        self.server.api.until(&format!("{name} in the call"), |api| {
            let (_, call) = api.get(&path);
            let found = call["participants"].as_array()?.iter().find(is_meant)?;
            found["id"].as_str().map(str::to_owned)
        })
    }

    /// Waits for an event about this call since a mark; the participant is somebody's id.
    #[track_caller]
    pub fn told(&self, mark: usize, kind: &str, fields: &[(&str, &str)]) -> Value {
        let fields = [&[("call", self.call.as_str())], fields].concat();
        self.server.events.wait_within(SOON, mark, kind, &fields)
    }

    /// The caller hangs up, and everybody who is still there gets BYE at once; nothing is left.
    ///
    /// # Panics
    /// Where somebody gets it late.
    #[track_caller]
    pub fn finish(mut self) {
        let there: Vec<String> =
            self.now.keys().filter(|name| *name != "caller").cloned().collect();
        let began = std::time::Instant::now();
        self.phone("caller").hang_up();
        for name in there {
            self.phone(&name).expect_bye();
        }
        let took = began.elapsed();
        assert!(took.as_millis() < 200, "it took {took:?} until all legs were ended");
        self.over();
    }

    /// All have hung up: nothing is left.
    #[track_caller]
    pub fn over(self) {
        let Self { server, music, .. } = self;
        let _ = std::fs::remove_file(music);
        server.finish();
    }
}

/// Whether a phone has G.711, whose every sample can be judged.
fn has_g711(phone: &Phone) -> bool {
    phone.codecs.iter().any(|kind| [0, 8].contains(kind))
}

/// What somebody or something sounds like.
fn hz(name: &str) -> f64 {
    let people = PEOPLE.iter().chain(&[("music", MUSIC_HZ)]);
    let found = people.into_iter().find(|(known, _)| *known == name).map(|(_, hz)| *hz);
    found.unwrap_or_else(|| panic!("nobody is called {name}"))
}

/// A file of one second of a tone.
fn sound(name: &str, hz: f64) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("usher-wire-{}-{count}-{name}.wav", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, tone::wav(&tone::sine(hz, 0, 8_000))).expect("a sound is written");
    path
}
