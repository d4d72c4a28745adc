use std::cell::Cell;
use std::fs;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use b2bua::ParticipantId;
use b2bua::event::{Kind, Phase, Role};

use super::*;
use crate::run::recorder::wave::tests::read;

/// A folder of its own for each test, removed when it ends.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Relaxed);
        let name = format!("usher-recorder-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// What is in it, by name.
    pub(super) fn files(&self) -> Vec<String> {
        let (mut folders, mut files) = (vec![self.0.clone()], Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push(path.strip_prefix(&self.0).unwrap().display().to_string());
                }
            }
        }
        files.sort();
        files
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const CALL: CallKey = CallKey(1);
const KEY: RecordingKey = RecordingKey(77);
const FILE: &str = "2026/11/21/c0000000000001.wav";
const JSON: &str = "2026/11/21/c0000000000001.json";

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A recorder, its folder, and virtual time.
struct Bench {
    folder: Folder,
    recorder: Recorder,
    now: Duration,
    told: Arc<Mutex<Vec<Writing>>>,
    free: Arc<AtomicU64>,
    /// Writes that go well before the disk is full.
    writes: Arc<AtomicU64>,
}

/// A disk that fills up.
struct Filling(fs::File, Arc<AtomicU64>);

impl Filling {
    fn take(&self) -> io::Result<()> {
        let left = self.1.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1));
        left.map(drop).map_err(|_| io::ErrorKind::StorageFull.into())
    }
}

impl wave::Disk for Filling {
    fn put(&mut self, at: u64, octets: &[u8]) -> io::Result<()> {
        self.take()?;
        self.0.put(at, octets)
    }

    fn resize(&mut self, length: u64) -> io::Result<()> {
        self.0.resize(length)
    }
}

fn meters() -> Meters {
    let (orders, _) = tokio::sync::mpsc::channel(1);
    let settings = api::Settings::new("test", "0");
    api::Api::new(settings, &api::Directory::default(), orders, None).meters().clone()
}

impl Bench {
    fn new() -> Self {
        Self::at(Folder::new())
    }

    fn at(folder: Folder) -> Self {
        let told = Arc::new(Mutex::new(Vec::new()));
        let free = Arc::new(AtomicU64::new(u64::MAX));
        let writes = Arc::new(AtomicU64::new(u64::MAX));
        let (said, room, left) = (told.clone(), free.clone(), writes.clone());
        let outside = Outside {
            tell: Box::new(move |writing| said.lock().unwrap().push(writing)),
            free: Box::new(move |_| Ok(room.load(Relaxed))),
            open: Box::new(move |shelf, file| {
                let filling = Filling(shelf.begin(file)?, left.clone());
                Ok(Box::new(filling) as File)
            }),
            meters: meters(),
        };
        let shelf = Shelf::new(&folder.0);
        let recorder = Recorder::new(shelf, "node".into(), (1_000, 30), outside);
        Self { folder, recorder, now: Duration::ZERO, told, free, writes }
    }

    fn utc(&self) -> Utc {
        let epoch: Utc = "2026-11-21T10:00:00Z".parse().unwrap();
        let ms = i64::try_from(self.now.as_millis()).unwrap();
        Utc::from_millisecond(epoch.as_millisecond() + ms).unwrap()
    }

    fn event(&mut self, what: What) {
        let event = Event { seq: 1, at: self.utc(), call: Some(CALL), task: None, what };
        self.recorder.event(self.now, &event);
    }

    /// A caller and alice talk.
    fn call(&mut self) {
        self.event(What::CallStarted {
            predecessor: None,
            kind: Kind::Inbound,
            from: "+7495".into(),
            to: "600".into(),
            trunk: None,
            uuid: None,
            context: BTreeMap::new(),
        });
        self.joined(1, Role::Customer, None);
        self.joined(2, Role::Operator, Some("alice"));
        self.segment(Phase::Talk, &[(1, "p0000000000002"), (2, "p0000000000001")]);
    }

    fn joined(&mut self, id: u64, role: Role, operator: Option<&str>) {
        let (participant, uri) = (ParticipantId(id), "sip:somebody@example.com".into());
        let operator = operator.map(Into::into);
        let (mode, whisper_to) = (None, None);
        let what = What::ParticipantJoined { participant, role, operator, uri, mode, whisper_to };
        self.event(what);
    }

    fn segment(&mut self, phase: Phase, hears: &[(u64, &str)]) {
        let hear = |(id, what): &(u64, &str)| (ParticipantId(*id), vec![(*what).to_owned()]);
        let participants = hears.iter().map(|(id, _)| ParticipantId(*id)).collect();
        let hears = Arc::new(hears.iter().map(hear).collect());
        self.event(What::CallSegment { phase, participants, hears });
    }

    fn started(&mut self) {
        let (recording, file) = (KEY, FILE.into());
        self.event(What::RecordingStarted {
            recording,
            file,
            hz: 8_000,
            cause: "policy".into(),
            by: None,
        });
    }

    fn stopped(&mut self, cause: &str) {
        let cause = cause.into();
        self.event(What::RecordingStopped { recording: KEY, cause, by: None });
    }

    /// So many frames of 20 ms come, the number of the moment on the left, the negative on the right.
    fn frames(&mut self, count: u64) {
        let mut frame = Frame::empty();
        let (mut sender, mut receiver) = ring(0, Default::default());
        for _ in 0..count {
            let number = u64::try_from(self.now.as_millis() / 20).unwrap();
            let word = i16::try_from(number).unwrap() + 1;
            sender.send(KEY.0, number, &[word; 160], &[-word; 160]);
            assert!(receiver.next(&mut frame));
            self.recorder.frame(self.now, &frame);
            self.pass(20);
        }
    }

    fn pass(&mut self, time_ms: u64) {
        self.now += ms(time_ms);
        let utc = self.utc();
        self.recorder.tick(self.now, utc);
    }

    fn told(&self) -> Vec<Writing> {
        std::mem::take(&mut self.told.lock().unwrap())
    }

    /// The frames of the file: what is on the left of each.
    fn file(&self) -> Vec<i16> {
        let (hz, samples) = read(&fs::read(self.folder.0.join(FILE)).unwrap()).unwrap();
        assert_eq!(hz, 8_000);
        assert!(samples.iter().all(|(left, right)| *left == -right));
        samples.chunks_exact(160).map(|frame| frame[0].0).collect()
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&fs::read(self.folder.0.join(JSON)).unwrap()).unwrap()
    }
}

fn failed(cause: &str) -> Writing {
    Writing::Failed { call: CALL, recording: KEY, cause: cause.into() }
}

#[test]
fn a_recording_from_its_first_frame_to_its_end() {
    let mut bench = Bench::new();
    bench.call();
    bench.pass(1_000);
    // The frames' way is shorter than the events'.
    bench.frames(2);
    bench.started();
    assert_eq!(bench.folder.files(), [".open/c0000000000001", JSON, FILE]);
    assert_eq!(bench.json()["result"], "recording");
    bench.frames(98);
    bench.segment(Phase::Hold, &[(1, "music:default"), (2, "silence")]);
    bench.event(What::RecordingPaused { recording: KEY, by: Some("alice".into()) });
    bench.frames(50);
    assert_eq!(bench.json()["segments"][1]["hears"]["p0000000000001"][0], "music:default");
    bench.event(What::RecordingResumed { recording: KEY, by: None });
    bench.event(What::ParticipantLeft { participant: ParticipantId(2) });
    bench.stopped("ended");
    bench.event(What::CallEnded {
        result: b2bua::event::CallResult::Answered,
        cause: "hung up".into(),
        totals: b2bua::event::Totals::default(),
    });
    // The last ones may come after the event, too.
    bench.frames(1);
    bench.pass(1_000);
    assert_eq!(bench.folder.files(), [JSON, FILE]);
    assert_eq!(bench.file(), (51..=201).collect::<Vec<i16>>());
    let json = bench.json();
    let text = |pointer: &str| json.pointer(pointer).map(ToString::to_string).unwrap_or_default();
    for (pointer, expected) in [
        ("/call", "\"c0000000000001\""),
        ("/recording", "\"r000000000002d\""),
        ("/node", "\"node\""),
        ("/from", "\"+7495\""),
        ("/to", "\"600\""),
        ("/hz", "8000"),
        ("/result", "\"ended\""),
        ("/started", "\"2026-11-21T10:00:01.04Z\""),
        ("/stopped", "\"2026-11-21T10:00:04Z\""),
        ("/length_s", "3.02"),
        ("/participants/p0000000000002/operator", "\"alice\""),
        ("/participants/p0000000000002/left", "\"2026-11-21T10:00:04Z\""),
        ("/segments/0/at_s", "0.0"),
        ("/segments/0/hears/p0000000000001/0", "\"p0000000000002\""),
        ("/segments/1/at_s", "1.96"),
        ("/pauses/0/at_s", "1.96"),
        ("/pauses/0/by", "\"alice\""),
        ("/pauses/0/end", "\"2026-11-21T10:00:04Z\""),
        ("/gaps", "[]"),
    ] {
        assert_eq!(text(pointer), expected, "{pointer} of {json:#}");
    }
    assert_eq!(bench.told(), []);
    assert!(!bench.recorder.is_busy() && bench.recorder.calls.is_empty());
}

#[test]
fn what_the_disk_is_too_slow_for_is_silence_in_its_place() {
    let mut bench = Bench::new();
    bench.call();
    bench.started();
    bench.frames(10);
    // A second in which the ring was full.
    bench.now += ms(1_000);
    bench.frames(100);
    let lost_ms = 1_000;
    let told = bench.told();
    let [Writing::Gap { at_ms, lost_ms: told_ms, .. }] = told[..] else { panic!("{told:?}") };
    assert!(told_ms == lost_ms && at_ms >= 1_200, "{told:?}");
    // One that stays slow is not told of all the time.
    for _ in 0..3 {
        bench.now += ms(100);
        bench.frames(45);
    }
    assert_eq!(bench.told(), []);
    bench.stopped("ended");
    bench.pass(1_000);
    let told = bench.told();
    assert!(matches!(told[..], [Writing::Gap { lost_ms: 300, .. }]), "{told:?}");
    let again = [161, 211, 261].map(|from| [0; 5].into_iter().chain(from + 5..from + 50));
    let again = again.into_iter().flatten();
    let expected: Vec<i16> = (1..=10).chain([0; 50]).chain(61..=160).chain(again).collect();
    assert_eq!(bench.file(), expected);
    let gaps = &bench.json()["gaps"];
    assert_eq!((&gaps[0]["lost_s"], &gaps[1]["lost_s"]), (&1.0.into(), &0.3.into()));
}

#[test]
fn on_a_full_disk_what_is_there_stays_and_it_is_told_once() {
    for writes in 1..12 {
        let mut bench = Bench::new();
        bench.writes.store(writes, Relaxed);
        bench.call();
        bench.started();
        bench.frames(300);
        assert_eq!(bench.told(), [failed("no space")], "after {writes} writes");
        bench.stopped("failed");
        bench.pass(2_000);
        let file = bench.file();
        assert_eq!(file, (1..=i16::try_from(file.len()).unwrap()).collect::<Vec<_>>());
        // The header of the last flush may not have fitted any more.
        assert!(file.len() as u64 >= 40 * ((writes - 1) / 2), "{} after {writes}", file.len());
        assert_eq!(bench.json()["result"], "failed: no space");
        assert_eq!(bench.told(), []);
        // There is room again, and somebody wants it.
        bench.writes.store(u64::MAX, Relaxed);
        let before = bench.now;
        bench.started();
        bench.frames(10);
        bench.stopped("ended");
        bench.pass(1_000);
        let again = i16::try_from(before.as_millis() / 20).unwrap() + 1;
        let whole = bench.file();
        // What had come to the disk, whatever the header said of it.
        let stored = whole.iter().take_while(|frame| **frame > 0).count();
        assert!(stored >= file.len() && stored.is_multiple_of(40), "{stored} of {}", file.len());
        let silence = usize::try_from(again).unwrap() - 1 - stored;
        let first = 1..=i16::try_from(stored).unwrap();
        let expected: Vec<i16> = first.chain(vec![0; silence]).chain(again..again + 10).collect();
        assert_eq!(whole, expected);
        assert_eq!(bench.told(), [], "silence that was to be");
        assert!(!bench.recorder.is_busy());
    }
}

#[test]
fn one_that_cannot_be_begun_leaves_nothing() {
    let mut bench = Bench::new();
    bench.writes.store(0, Relaxed);
    bench.call();
    bench.started();
    assert_eq!(bench.told(), [failed("no space")]);
    assert_eq!(bench.folder.files(), [""; 0]);
    // A file where the folder should be.
    bench.writes.store(u64::MAX, Relaxed);
    fs::write(bench.folder.0.join("2026"), "").ok();
    fs::remove_dir_all(bench.folder.0.join("2026")).ok();
    fs::write(bench.folder.0.join("2026"), "").unwrap();
    bench.started();
    let told = bench.told();
    assert!(matches!(&told[..], [Writing::Failed { .. }]), "{told:?}");
    assert!(!bench.recorder.is_busy());
}

#[test]
fn nothing_is_recorded_below_the_floor() {
    let mut bench = Bench::new();
    bench.free.store(999, Relaxed);
    bench.call();
    bench.started();
    assert_eq!((bench.told(), bench.folder.files()), (vec![failed("no space")], Vec::new()));
    bench.free.store(1_000, Relaxed);
    bench.started();
    bench.frames(60);
    assert_eq!(bench.told(), []);
    bench.free.store(999, Relaxed);
    bench.frames(60);
    assert_eq!(bench.told(), [failed("no space")]);
    assert_eq!(bench.recorder.outside.meters.recordings.get(), 0, "though its words wait");
    bench.stopped("failed");
    bench.pass(1_000);
    assert!((60..=112).contains(&bench.file().len()), "what came before is there");
    assert_eq!(bench.folder.files(), [JSON, FILE]);
    assert_eq!(bench.recorder.outside.meters.recordings_failed.get(), 2);
}

#[test]
fn switched_off_and_on_it_is_one_file() {
    for away_ms in [100, 3_000] {
        let mut bench = Bench::new();
        bench.call();
        bench.started();
        bench.frames(5);
        bench.stopped("order");
        bench.pass(away_ms);
        let again = i16::try_from(bench.now.as_millis() / 20).unwrap() + 1;
        bench.started();
        bench.frames(5);
        bench.stopped("ended");
        bench.pass(1_000);
        let silence = usize::try_from(again).unwrap() - 6;
        let expected: Vec<i16> = (1..=5).chain(vec![0; silence]).chain(again..again + 5).collect();
        assert_eq!(bench.file(), expected, "after {away_ms} ms");
        let json = bench.json();
        assert_eq!((&json["offs"][0]["at_s"], &json["result"]), (&0.1.into(), &"ended".into()));
        assert_eq!(bench.told(), []);
    }
}

#[test]
fn one_that_has_just_ended_is_whole_when_the_node_stops() {
    for (is_over, result) in [(true, "ended"), (false, "node stopped")] {
        let mut bench = Bench::new();
        bench.call();
        bench.started();
        bench.frames(33);
        if is_over {
            bench.stopped("ended");
        }
        let utc = bench.utc();
        bench.recorder.finish(bench.now, utc);
        assert_eq!(bench.file().len(), 33);
        assert_eq!(bench.json()["result"], result);
        assert_eq!(bench.folder.files(), [JSON, FILE], "nothing is open");
    }
}

#[test]
fn what_a_dead_process_wrote_is_playable_at_once_and_repaired_at_the_next_start() {
    let mut bench = Bench::new();
    bench.call();
    bench.started();
    bench.frames(333);
    let before = bench.file().len();
    assert!(before > 333 - 50, "{before}");
    // A flush that did not come to its end.
    let half = fs::File::options().append(true).open(bench.folder.0.join(FILE)).unwrap();
    io::Write::write_all(&mut &half, &[0; 641]).unwrap();
    assert_eq!(bench.file().len(), before);
    let bench = Bench::at(std::mem::replace(&mut bench.folder, Folder::new()));
    bench.recorder.repair();
    assert_eq!(bench.file().len(), before + 1);
    let json = bench.json();
    assert_eq!(json["result"], "crash");
    assert_eq!(json["length_s"], sidecar::seconds((before as u64 + 1) * 20));
    assert_eq!(bench.folder.files(), [JSON, FILE]);
    // Nothing to do the next time, whatever is there.
    bench.recorder.repair();
    assert_eq!(bench.file().len(), before + 1);
}

#[test]
fn a_half_begun_one_is_no_obstacle() {
    let bench = Bench::new();
    fs::create_dir_all(bench.folder.0.join(".open")).unwrap();
    for (call, file) in [("c1", "2026/01/01/c1.wav"), ("c2", "../c2.wav"), ("c3", "/c3.wav")] {
        fs::write(bench.folder.0.join(".open").join(call), file).unwrap();
    }
    bench.recorder.repair();
    assert_eq!(bench.folder.files(), [".open/c2", ".open/c3"], "names of ours only");
}

#[test]
fn old_days_are_deleted_when_a_day_begins() {
    let mut bench = Bench::new();
    let put = |name: &str| {
        let path = bench.folder.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    };
    (0..50).for_each(|call| put(&format!("2026/10/21/c{call}.wav")));
    put("2026/10/22/c.wav");
    bench.pass(1_000);
    assert!(bench.recorder.is_busy() && bench.told().is_empty(), "a few at a time");
    (0..10).for_each(|_| bench.pass(20));
    let expired =
        |before: &str, recordings| Writing::Expired { before: before.parse().unwrap(), recordings };
    assert_eq!(bench.told(), [expired("2026-10-22T00:00:00Z", 50)]);
    assert_eq!(bench.folder.files(), ["2026/10/22/c.wav"]);
    bench.pass(13 * 3_600_000);
    assert_eq!(bench.told(), []);
    bench.pass(2 * 3_600_000);
    assert_eq!(bench.told(), [expired("2026-10-23T00:00:00Z", 1)]);
    assert_eq!(bench.folder.files(), [""; 0]);
}

#[test]
fn the_thread_ends_with_everything_on_the_disk() {
    let folder = Folder::new();
    let setup = crate::config::RecordingSetup {
        dir: folder.0.join("deep/down"),
        keep_days: 1,
        free_mb_min: 0,
    };
    let (mut sender, receiver) = ring(0, Default::default());
    let outside = Outside::new(|_| {}, meters());
    let clock = crate::run::clock::Clock::start();
    let (feed, thread) = prepare(&setup, "node", clock, vec![receiver], outside);
    let mut bench = Bench::new();
    bench.call();
    let said = Rc::new(Cell::new(0));
    let tell = |what| {
        said.set(said.get() + 1);
        let event = Event { seq: said.get(), at: bench.utc(), call: Some(CALL), task: None, what };
        feed.observe(&Arc::new(event));
    };
    tell(What::CallStarted {
        predecessor: None,
        kind: Kind::Internal,
        from: "101".into(),
        to: "102".into(),
        trunk: None,
        uuid: None,
        context: BTreeMap::new(),
    });
    tell(What::RecordingStarted {
        recording: KEY,
        file: FILE.into(),
        hz: 8_000,
        cause: "policy".into(),
        by: None,
    });
    (0..10).for_each(|number| sender.send(KEY.0, number, &[1; 160], &[2; 160]));
    drop(feed);
    thread.run();
    let file = fs::read(setup.dir.join(FILE)).unwrap();
    assert_eq!(read(&file), Some((8_000, vec![(1, 2); 1_600])));
    let json = fs::read_to_string(setup.dir.join(JSON)).unwrap();
    assert!(json.contains("\"result\": \"node stopped\""), "{json}");
    assert!(setup.dir.join(".open").read_dir().unwrap().next().is_none());
}
