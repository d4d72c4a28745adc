//! Broken snippets and the lines they are answered with.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::load::{Loaded, Unusable, load_with};

mod codes;
mod hours;
mod outside;
mod queues;
mod skills;

/// A folder of its own for each test, removed when it ends.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("usher-config-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn load(&self, path: &Path) -> Result<Loaded, Unusable> {
        let _ = self;
        load_with(path, &|name| (name == "KNOWN").then(|| "known".to_owned()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The first file, sound by itself: the snippet is a second one, so that its lines count from 1.
const FIRST: &str = r#"
include = ["a"]
[sip]
domain = "d.example"
[[http.token]]
name = "n"
secret = "s"
role = "admin"
"#;
const QUEUE: &str = "[[queue]]\nname = \"q\"\nnumber = \"600\"\n";
const OPERATOR: &str = "[[operator]]\nid = \"o\"\npassword = \"p\"\nqueues = [\"q\"]\n";
const ROUTE: &str = "[[route]]\nto = \"^600$\"\ngo = { queue = \"q\" }\n";

fn lines(folder: &Folder, faults: &super::Faults) -> Vec<String> {
    let prefix = format!("{}/", folder.0.display());
    faults.to_string().lines().map(|line| line.replace(&prefix, "")).collect()
}

#[track_caller]
fn check_file(first: &str, second: &str, expected: &[&str]) {
    let folder = Folder::new();
    folder.file("a", second);
    let faults = match folder.load(&folder.file("first", first)) {
        Ok(_) => Vec::new(),
        Err(unusable) => lines(&folder, &unusable.faults),
    };
    assert_eq!(faults, expected, "{second}");
}

#[track_caller]
fn check(snippet: &str, expected: &[&str]) {
    check_file(FIRST, snippet, expected);
}

#[track_caller]
fn check_warnings(snippet: &str, expected: &[&str]) {
    let folder = Folder::new();
    folder.file("a", snippet);
    let warnings = match folder.load(&folder.file("first", FIRST)) {
        Ok(loaded) => lines(&folder, &loaded.warnings),
        Err(unusable) => panic!("{snippet}: {}", unusable.faults),
    };
    assert_eq!(warnings, expected, "{snippet}");
}

#[track_caller]
fn sound(snippet: &str) -> super::Setup {
    let folder = Folder::new();
    folder.file("a", snippet);
    match folder.load(&folder.file("first", FIRST)) {
        Ok(loaded) => loaded.setup,
        Err(unusable) => panic!("{snippet}: {}", unusable.faults),
    }
}

#[test]
fn files() {
    let folder = Folder::new();
    let Err(unusable) = folder.load(&folder.0.join("none")) else { panic!("it is not there") };
    assert_eq!(
        lines(&folder, &unusable.faults),
        [
            "none: cannot be read: No such file or directory (os error 2); name another file with -c FILE"
        ]
    );
    check_file(
        "include = [\"conf.d/*\", \"b\", 3]\n[sip]\ndomain = \"d\"",
        "",
        &[
            "b: cannot be read: No such file or directory (os error 2)",
            "first:1: `include` is a whole number; expected files, such as [\"conf.d/*.toml\"]",
        ],
    );
    check(
        "include = [\"b\"]\n[sip]\ndomain = \"e\"",
        &[
            "a:1: an included file includes others; name them all in the first file",
            "a:3: `domain` is given again; it stands already at first:4",
        ],
    );
}

#[test]
fn syntax_errors_hide_nothing() {
    check(
        "[node\nnmae = \"x\"\n[sip]\nstrangers = 1",
        &[
            "a:1: not TOML: unclosed table, expected `]`",
            "a:4: `strangers` of [sip] is a whole number; expected forbid | silence",
        ],
    );
    check(
        "[node]\nnmae = 1\nnumber = = 2\n",
        &[
            "a:2: unknown key `nmae` in [node]; did you mean `name`?",
            "a:3: not TOML: extra `=`, expected nothing",
        ],
    );
}

#[test]
fn keys_and_types() {
    check(
        "[nod]\n[tls]\n",
        &[
            "a:1: unknown key `nod` in the file; did you mean `node`?",
            "a:2: `tls` of the file is not supported yet; remove it",
        ],
    );
    check(
        "[node]\ncolour = 1\nnumber = 1024\ndata_dir = true\n",
        &[
            "a:2: unknown key `colour` in [node]; known: data_dir, name, number, time_zone",
            "a:3: `number` of [node] is 1024; expected a whole number from 0 to 1023",
            "a:4: `data_dir` of [node] is true or false; expected a folder",
        ],
    );
    check(
        "node = 3\n[queue]\nname = \"q\"",
        &[
            "a:1: [node] is a whole number; expected a table",
            "a:2: `queue` is a table; write [[queue]] above each",
        ],
    );
}

#[test]
fn variables() {
    check(
        "[node]\nname = \"${KNOWN}-${UNKNOWN:-x}\"\ndata_dir = \"${UNKNOWN}\"",
        &["a:3: the environment variable UNKNOWN is not set; set it, or write ${UNKNOWN:-default}"],
    );
    assert_eq!(&*sound("[node]\nname = \"${KNOWN}-${UNKNOWN:-x}\"").node_name, "known-x");
}

#[test]
fn server_sections() {
    check_file(
        "",
        "",
        &["first: [sip] has no `domain`; expected the part behind @ of operators' addresses, \
         \"usher.example\""],
    );
    check(
        "[sip]\nlisten = [\n\"tls://0.0.0.0:5060\",\n\"udp://a\",\n\"udp://[::1]\",\n\"udp://[::1]:5060\"]\n\
           advertise = \"0.0.0.0\"\nstrangers = \"silense\"\nheader_prefix = \"CRM-\"",
        &[
            "a:3: `tls` in `tls://0.0.0.0:5060` is not supported yet; so far: udp, tcp",
            "a:4: `listen` of [sip] is `udp://a`; expected TRANSPORT://ADDRESS:PORT, such as \
         \"udp://0.0.0.0:5060\"",
            "a:6: `udp://[::1]:5060` is there twice",
            "a:7: `advertise` of [sip] is `0.0.0.0`; expected an address others can reach, such as \
         \"203.0.113.5\"",
            "a:8: `strangers` of [sip] is `silense`; expected forbid | silence; did you mean `silence`?",
            "a:9: `header_prefix` of [sip] is `CRM-`; expected a beginning such as \"X-CRM-\"",
        ],
    );
    check(
        "[sip]\nmin_se_s = 1\nsession_expires_s = 60",
        &[
            "a:2: `min_se_s` of [sip] is 1; expected a whole number from 3 to 86400",
            "a:3: `session_expires_s` of [sip] is 60, below `min_se_s`, which is 90; expected at least \
             that, or 0 for none",
        ],
    );
    let watch = sound("[sip]\nsession_expires_s = 0\nprobe_s = 0").core.sip.watch;
    assert_eq!((watch.interval_s, watch.interval_s_min, watch.probe_s), (0, 90, 0));
    let watch = sound("").core.sip.watch;
    assert_eq!((watch.interval_s, watch.interval_s_min, watch.probe_s), (1_800, 90, 300));
    assert_eq!(watch.qualify_s, 60);
    assert_eq!(sound("[sip]\nqualify_s = 0").core.sip.watch.qualify_s, 0);
    check(
        "[media]\nports = \"5000-6000\"\ncodecs = [\"G729\", \"pcm\", \"PCMA\", \"pcma\"]\nmusic = \"/no/where\"",
        &[
            "a:2: `ports` of [media] contain 5060, where [sip] listens; move one of them",
            "a:3: `G729` of [media] is not supported; there are opus, g722, pcma, pcmu",
            "a:3: `pcm` of [media] is no codec; expected a list of opus, g722, pcma, pcmu",
            "a:3: codec `pcma` of [media] is there twice",
            "a:4: `music` of [media] is `/no/where`, which is not there; expected a folder of music, or \
         one file; without the key what is built in is heard",
        ],
    );
    check(
        "[media]\nports = \"30000-20000\"\n[http]\nlisten = \"8080\"\n[[http.token]]\nname = \"n\"\nsecret = \"s\"",
        &[
            "a:2: `ports` of [media] is `30000-20000`; expected two ports from 1024 on, such as \
         \"20000-29999\"",
            "a:4: `listen` of [http] is `8080`; expected ADDRESS:PORT, such as \"127.0.0.1:8080\"",
            "a:5: token `n` is there twice; the first is at first:5",
            "a:6: [[http.token]] `n` of role operator names operator `n`, which is not there; there is no \
             [[operator]] at all",
            "a:7: [[http.token]] `n` has another token's secret",
        ],
    );
}

#[test]
fn trunks() {
    check(
        "[[trunk]]\nname = \"t\"\n[[trunk]]\nname = \"t\"\nhosts = [\"sbc\", \"1.2.3.4/33\"]\n\
           proxy = \"sbc\"\nregister = true\nheaders_in = [\"X *\"]",
        &[
            "a:1: [[trunk]] `t` has neither `hosts` nor `username`, so nobody can call in, and no \
         `proxy`, so nobody can be called",
            "a:3: trunk `t` is there twice; the first is at a:1",
            "a:5: `hosts` of [[trunk]] `t` has `1.2.3.4/33`; expected a prefix of 0 to 32 bits",
            "a:5: `hosts` of [[trunk]] `t` has `sbc`; expected an address or a block of them, \
         203.0.113.0/28; names are not looked up",
            "a:6: `proxy` of [[trunk]] `t` is `sbc`; expected a SIP URI such as \
         \"sip:100@203.0.113.5:5060\"",
            "a:7: `register` of [[trunk]] `t` is not supported yet; remove it",
            "a:8: `headers_in` of [[trunk]] `t` has `X *`; expected a header name, * only at its end",
        ],
    );
    check(
        &format!(
            "{OPERATOR}{QUEUE}[[trunk]]\nname = \"t\"\nusername = \"o\"\npassword = \"p\"\n\
           [[trunk]]\nname = \"u\"\nusername = \"u\"\n"
        ),
        &[
            "a:8: [[trunk]] `t`: `o` is the user name of another operator",
            "a:12: [[trunk]] `u` has a `username`, but no `password`",
        ],
    );
}

#[test]
fn what_crosses_and_who_calls() {
    check(
        "[[trunk]]\nname = \"t\"\nhosts = [\"1.2.3.4\"]\nidentity = \"trunk\"\n\
         headers_in = [\"X-*\", \"Via\", \"Diversion\", \"k\"]\nheaders_out = [\"P-*\", \"X-A*b\"]\n\
         headers_strip = [\"Via\", \"\"]\n\
         [[trunk]]\nname = \"u\"\nproxy = \"sip:h\"\nheaders_in = [\"Diversion\"]\n\
         caller_id = \"+1 2\"\nidentity = \"own\"\ntrust = \"yes\"",
        &[
            "a:1: [[trunk]] `t` shows itself as the caller, but has no number to show; add a `caller_id`",
            "a:5: `headers_in` of [[trunk]] `t` has `Via`; that never crosses from one leg to another; \
             remove it",
            "a:5: `headers_in` of [[trunk]] `t` has `k`; that never crosses from one leg to another; \
             remove it",
            "a:6: `headers_out` of [[trunk]] `t` has `P-*`; that never crosses from one leg to another; \
             remove it",
            "a:6: `headers_out` of [[trunk]] `t` has `X-A*b`; expected a header name, * only at its end",
            "a:7: `headers_strip` of [[trunk]] `t` has ``; expected a header name, * only at its end",
            "a:11: `headers_in` of [[trunk]] `u` has `Diversion`; that is believed only of a [[trunk]] \
             with trust = true",
            "a:12: `caller_id` of [[trunk]] `u` is `+1 2`; expected letters, digits and - _ . + * # only",
            "a:13: `identity` of [[trunk]] `u` is `own`; expected customer | trunk",
            "a:14: `trust` of [[trunk]] `u` is a string; expected true or false",
        ],
    );
    check(
        "[[operator]]\nid = \"o{1..2}\"\npassword = \"p\"\nheaders_in = [\"Diversion\", \"X *\"]\n\
         caller_id = \"a b\"\n[[operator]]\nid = \"p{1..2}\"\npassword = \"p\"\n\
         caller_id = \"{1..3}\"\n[[route]]\ngo = { uri = \"sip:h?Via=a&X-A=%0d&Id=1\" }",
        &[
            "a:4: `headers_in` of [[operator]] `o{1..2}` has `Diversion`; that is believed only of a \
             [[trunk]] with trust = true",
            "a:4: `headers_in` of [[operator]] `o{1..2}` has `X *`; expected a header name, * only at its \
             end",
            "a:5: `caller_id` of [[operator]] `o{1..2}` is `a b`; expected letters, digits and - _ . + * # \
             only",
            "a:9: `{1..3}` makes 3, but `id` makes 2; ranges go together",
            "a:11: `uri` of `go` of [[route]] sets `Via`: not for others to set",
            "a:11: `uri` of `go` of [[route]] sets `X-A`: a value with control characters",
        ],
    );
}

#[test]
fn whom_we_trust() {
    let trusted = |keys: &str| {
        let setup = sound(&format!("[[trunk]]\nname = \"t\"\nproxy = \"sip:h\"\n{keys}"));
        setup.core.trunks[0].trusted
    };
    assert!(trusted("hosts = [\"203.0.113.0/28\", \"10.0.0.0/8\", \"2001:db8::/32\"]"));
    assert!(!trusted("hosts = [\"203.0.113.0/28\"]\ntrust = false"));
    assert!(!trusted("hosts = [\"203.0.113.0/28\", \"0.0.0.0/0\"]"));
    assert!(!trusted("hosts = [\"8.0.0.0/7\"]"));
    assert!(!trusted("username = \"u\"\npassword = \"p\""));
    assert!(!trusted(""));
    assert!(trusted("trust = true"));
    check_warnings(
        "[[trunk]]\nname = \"t\"\nhosts = [\"::/0\"]\ntrust = true\n[[route]]\ngo = { drop = true }",
        &[
            "a:1: [[trunk]] `t` is trusted to say who calls, and open to a good part of the internet",
            "a:3: [[trunk]] `t` is open to every address there is: anybody may call",
        ],
    );
}

#[test]
fn operators() {
    check(
        &format!(
            "{QUEUE}[[operator]]\nid = \"a b\"\nnumber = 101\nqueues = [\"p\", \"unlike\"]\n\
           outgoing = [\"(\"]"
        ),
        &[
            "a:4: [[operator]] `a b` has no `password`; expected what is typed into the phone",
            "a:5: `id` of [[operator]] `a b` is `a b`; expected letters, digits and - _ . + * # only",
            "a:6: `number` of [[operator]] `a b` is a whole number; expected a string such as \"101\"",
            "a:7: [[operator]] `a b` names queue `p`, which is not there; did you mean `q`?",
            "a:7: [[operator]] `a b` names queue `unlike`, which is not there; there are: q",
            "a:8: `outgoing` of [[operator]] `a b` is `(`, which is no regular expression: found open \
         group without closing ')'; in TOML, '…' spares doubling each \\",
        ],
    );
    check(
        &format!(
            "{QUEUE}[[operator]]\nid = \"o{{1..3}}\"\nnumber = \"{{600..602}}\"\n\
           password = \"{{1..2}}\""
        ),
        &[
            "a:3: `600` of queue `q` is dialled for operator `o1` already, at a:4",
            "a:7: `{1..2}` makes 2, but `id` makes 3; ranges go together",
        ],
    );
}

#[test]
fn whose_calls_an_operator_may_pick_up() {
    use b2bua::config::Pickup;
    let operator = "[[operator]]\nid = \"o\"\npassword = \"p\"\n";
    let read = |key: &str| sound(&format!("{operator}{key}")).core.operators[0].pickup;
    assert_eq!(read(""), Pickup::Own);
    assert_eq!(read("pickup = \"none\""), Pickup::Nobody);
    assert_eq!(read("pickup = \"own\""), Pickup::Own);
    assert_eq!(read("pickup = \"queues\""), Pickup::Queues);
    assert_eq!(read("pickup = \"any\""), Pickup::Any);
    check(
        &format!("{operator}pickup = \"queue\""),
        &[
            "a:4: `pickup` of [[operator]] `o` is `queue`; expected own | none | queues | any; did you \
           mean `queues`?",
        ],
    );
}

#[test]
fn ranges_make_operators() {
    let setup = sound("[[operator]]\nid = \"o{1..3}\"\nnumber = \"{08..10}\"\npassword = \"s\"");
    let made = |operator: &b2bua::config::Operator| {
        format!("{} {:?} {}", operator.id, operator.number, operator.name)
    };
    assert_eq!(
        setup.core.operators.iter().map(made).collect::<Vec<_>>(),
        ["o1 Some(\"08\") o1", "o2 Some(\"09\") o2", "o3 Some(\"10\") o3"]
    );
    assert_eq!(setup.core.sip.users.len(), 3);
    assert_eq!(&*setup.core.sip.users[2].username, "o3");
}

#[test]
fn what_callers_are_sent_to() {
    let head = format!("{QUEUE}{OPERATOR}");
    let check_route = |route: &str, line: u32, expected: &str| {
        let expected = format!("a:{}: {expected}", 7 + line);
        check(&format!("{head}[[route]]\n{route}\n"), &[&expected]);
    };
    check_route(
        "go = { voicemail = \"q\" }",
        2,
        "`voicemail` of `go` of [[route]] is not supported yet; remove it",
    );
    check_route(
        "go = { menu = \"m\" }",
        2,
        "`go` of [[route]] names menu `m`, which is not there; there is no [[menu]] at all",
    );
    check_route(
        "go = { announce = \"music:default\" }",
        2,
        "`announce` of `go` of [[route]] is `music:default`; expected the name of a sound, `say:TEXT` or \
         a URL",
    );
}

#[test]
fn routes() {
    let head = format!("{QUEUE}{OPERATOR}[[trunk]]\nname = \"t\"\nhosts = [\"1.2.3.4\"]\n");
    let check_route = |route: &str, line: u32, expected: &str| {
        let expected = format!("a:{}: {expected}", 10 + line);
        check(&format!("{head}[[route]]\n{route}\n"), &[&expected]);
    };
    check_route("", 1, "[[route]] has no `go`; expected such as go = { queue = \"support\" }");
    check_route(
        "go = { queue = \"qq\" }",
        2,
        "`go` of [[route]] names queue `qq`, which is not there; did you mean `q`?",
    );
    check_route(
        "go = { operator = \"x\" }",
        2,
        "`go` of [[route]] names operator `x`, which is not there; did you mean `o`?",
    );
    check_route(
        "trunk = \"x\"\ngo = { drop = true }",
        2,
        "[[route]] names trunk `x`, which is not there; did you mean `t`?",
    );
    check_route(
        "go = { queue = \"q\", drop = true }",
        2,
        "`go` of [[route]] needs exactly one of queue, operator, bot, uri, number, announce, menu, hook, \
         park, reject, drop, e.g. { queue = \"support\" }",
    );
    check_route(
        "go = { park = 0 }",
        2,
        "`park` of `go` of [[route]] is 0; expected a whole number from 1 to 86400",
    );
    check_route(
        "go = { reject = 200 }",
        2,
        "`reject` of `go` of [[route]] is 200; expected a whole number from 400 to 699",
    );
    check_route(
        "go = { operator = \"o\", priority_s = 3 }",
        2,
        "unknown key `priority_s` in `go` of [[route]]; known: operator",
    );
    check_route(
        "go = { uri = \"tel:1\" }",
        2,
        "`uri` of `go` of [[route]] is `tel:1`; expected a SIP URI such as \
         \"sip:100@203.0.113.5:5060\"",
    );
    check_route(
        "go = { number = \"1\", trunk = \"t\" }",
        1,
        "[[route]] calls over trunk `t`, which has no `proxy`; add one",
    );
    check_route(
        "to = \"[\"\ngo = { drop = true }",
        2,
        "`to` of [[route]] is `[`, which is no regular expression: found unclosed character class; in TOML, \
         '…' spares doubling each \\",
    );
    check_route(
        "header = { A = 1 }\ngo = { drop = true }",
        2,
        "`A` is a whole number; expected an expression",
    );
    check_route(
        "header = { \"X Line\" = \"^vip$\" }\ngo = { drop = true }",
        2,
        "`X Line` is no name of a header field; expected such as X-Line",
    );
}

#[test]
fn bots() {
    let head = "[[bot]]\nname = \"greeter\"\nuri = ";
    let setup = sound(&format!("{head}\"sip:b@h\"\n[[route]]\ngo = {{ bot = \"greeter\" }}\n"));
    assert_eq!(setup.core.bots[0].uri.to_string(), "sip:b@h");
    assert_eq!(setup.core.routes[0].go, b2bua::config::Go::Bot("greeter".into()));
    check(
        &format!("{head}\"sip:b@h\"\ntrunk = \"t\"\n[[route]]\ngo = {{ bot = \"b\" }}"),
        &[
            "a:4: [[bot]] `greeter` names trunk `t`, which is not there; there is no [[trunk]] at all",
            "a:6: `go` of [[route]] names bot `b`, which is not there; there are: greeter",
        ],
    );
}

#[test]
fn recordings() {
    use b2bua::config::Record;
    let plain = sound(QUEUE);
    assert_eq!(plain.recording.dir, plain.data_dir.join("recordings"));
    assert_eq!((plain.recording.keep_days, plain.recording.free_mb_min), (0, 512));
    let policy = |setup: &super::Setup| (setup.core.media.record, setup.core.queues[0].record);
    assert_eq!(policy(&plain), (Record::Never, None));
    let setup = sound(&format!(
        "{QUEUE}record = \"never\"\n[media]\nrecord = \"on-demand\"\n\
         [recording]\ndir = \"/srv/calls\"\nkeep_days = 30\nmin_free_mb = 0"
    ));
    assert_eq!(policy(&setup), (Record::OnDemand, Some(Record::Never)));
    assert_eq!(setup.recording.dir, Path::new("/srv/calls"));
    assert_eq!((setup.recording.keep_days, setup.recording.free_mb_min), (30, 0));
    check(
        &format!(
            "{QUEUE}record = \"sometimes\"\n[recording]\ndir = \"/dev/null\"\nkeep_days = -1\n\
             keep = 1"
        ),
        &[
            "a:4: `record` of [[queue]] `q` is `sometimes`; expected never | always | on-demand",
            "a:6: `dir` of [recording] is `/dev/null`, which is no folder",
            "a:7: `keep_days` of [recording] is -1; expected a whole number from 0 to 36500",
            "a:8: unknown key `keep` in [recording]; known: dir, keep_days, min_free_mb",
        ],
    );
    check_warnings(
        &format!("{QUEUE}{OPERATOR}{ROUTE}[recording]\nkeep_days = 3"),
        &["a:11: [recording] is there, and nothing is recorded; `record` of [media] or of a \
           [[queue]] says what is"],
    );
}

#[test]
fn supervisors() {
    use b2bua::config::{Notify, Rank};
    let setup = sound(&format!("{QUEUE}{OPERATOR}{ROUTE}"));
    let (operator, supervise) = (&setup.core.operators[0], setup.core.supervise);
    assert_eq!((operator.rank, operator.supervises.len()), (Rank::Operator, 0));
    assert_eq!((supervise.notify, supervise.auto_answer), (Notify::Nothing, true));
    let setup = sound(&format!(
        "{QUEUE}{OPERATOR}role = \"supervisor\"\nsupervises = [\"q\"]\n{ROUTE}\
         [supervise]\nnotify = \"beep\"\nauto_answer = false\n\
         [[http.token]]\nname = \"w\"\nsecret = \"x\"\nrole = \"supervisor\"\nsupervises = [\"q\"]"
    ));
    let (operator, supervise) = (&setup.core.operators[0], setup.core.supervise);
    assert_eq!((operator.rank, &*operator.supervises[0]), (Rank::Supervisor, "q"));
    assert_eq!((supervise.notify, supervise.auto_answer), (Notify::Beep, false));
    assert_eq!(&*setup.http.tokens[1].supervises[0], "q");
    check(
        "[supervise]\nnotify = \"loud\"\nwhisper = true\n[[operator]]\nid = \"o\"\npassword = \"p\"\n\
         role = \"boss\"\nsupervises = [\"none\"]\n\
         [[http.token]]\nname = \"w\"\nsecret = \"x\"\nrole = \"admin\"\nsupervises = [\"none\"]",
        &[
            "a:2: `notify` of [supervise] is `loud`; expected none | event | beep",
            "a:3: unknown key `whisper` in [supervise]; known: auto_answer, notify",
            "a:7: `role` of [[operator]] `o` is `boss`; expected operator | supervisor | admin",
            "a:8: [[operator]] `o` names queue `none`, which is not there; there is no [[queue]] at \
             all",
            "a:9: `supervises` of [[http.token]] `w` goes with the role supervisor only",
            "a:13: [[http.token]] `w` names queue `none`, which is not there; there is no [[queue]] \
             at all",
        ],
    );
    check_warnings(
        &format!(
            "{QUEUE}{OPERATOR}supervises = [\"q\"]\n{ROUTE}\
             [[operator]]\nid = \"s\"\npassword = \"p\"\nrole = \"supervisor\"\n\
             [[operator]]\nid = \"t\"\npassword = \"p\"\nrole = \"admin\"\nsupervises = [\"q\"]\n\
             [[http.token]]\nname = \"w\"\nsecret = \"x\"\nrole = \"supervisor\""
        ),
        &[
            "a:4: operator `o` `supervises` queues, but is no supervisor by its `role`",
            "a:12: operator `s` is a supervisor, and `supervises` no queue",
            "a:16: operator `t` is an admin and may watch every call: `supervises` says nothing",
            "first: [[http.token]] `w` is a supervisor's and may watch no call: neither it nor an \
             operator of its name `supervises` a queue",
        ],
    );
}

#[test]
fn what_is_hardly_meant() {
    check_warnings(&format!("{QUEUE}{OPERATOR}{ROUTE}"), &[]);
    check_warnings(
        &format!("[sip]\nmin_se_s = 30\n{QUEUE}{OPERATOR}{ROUTE}"),
        &[
            "a:2: `min_se_s` of [sip] is 30; RFC 4028 forbids less than 90, and others may refuse it: \
           good for tests only",
        ],
    );
    check_warnings("", &["first: there is no [[route]]: calls from trunks are refused with 404"]);
    check_warnings(
        "[[queue]]\nname = \"q\"\n[[route]]\ngo = { drop = true }",
        &[
            "a:1: nobody can serve queue `q`; add queues = [\"q\"] to an [[operator]]",
            "a:1: nothing leads to queue `q`; give it a `number`, or a [[route]]",
        ],
    );
    check_warnings(
        &format!(
            "{ROUTE}{QUEUE}auto_connect = true\n{OPERATOR}[acd]\nauto_connect = false\n\
           [[operator]]\nid = \"x{{1..9}}\"\npassword = \"p\"\nlimits = {{ voice = 2, total = 1 }}"
        ),
        &[
            "a:4: [[queue]] `q` switches `auto_connect` on, but [acd] switches it off for all queues; \
         nobody is connected by itself",
            "a:4: queue `q` connects nobody by itself: `auto_connect` is off",
            "a:14: operator `x1` is in no queue, and gets direct calls only",
            "a:17: [[operator]] `x{1..9}` may take 2 voice calls, but 1 in all",
        ],
    );
    check_warnings(
        "[[route]]\ntrunk = \"t\"\ngo = { drop = true }\n[[route]]\ntrunk = \"t\"\nto = \"1\"\n\
           go = { drop = true }\n[[trunk]]\nname = \"t\"\nhosts = [\"10.0.0.0/8\"]\n[[trunk]]\nname = \"u\"\n\
           hosts = [\"10.1.0.0/16\", \"::/0\"]",
        &[
            "a:4: this [[route]] is never reached: the one at a:1 takes all its calls; put it above that",
            "a:11: [[trunk]] `u`: 10.1.0.0/16 belongs to trunk `t` before it, which takes its calls",
            "a:13: [[trunk]] `u` is open to every address there is: anybody may call",
        ],
    );
    check_warnings(
        &format!(
            "{ROUTE}{QUEUE}{OPERATOR}[media]\nports = \"20000-20399\"\n\
           [http]\nlisten = \"0.0.0.0:80\"\n[[http.token]]\nname = \"x\"\nrole = \"admin\"\nsecret = \"change-me\""
        ),
        &[
            "first: [[http.token]] `x` has the secret of the example, and [http] listens beyond this \
         machine; choose another",
            "first: `ports` of [media] are enough for 100 calls of two legs, `max_calls` of [limits] is \
         2000",
        ],
    );
}

#[test]
fn the_shipped_files_are_sound() {
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs");
    let mut seen = 0;
    for entry in fs::read_dir(configs).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        match load_with(&path, &|_| None) {
            Ok(loaded) => assert_eq!(loaded.warnings.to_string(), "", "{}", path.display()),
            Err(unusable) => panic!("{}", unusable.faults),
        }
        seen += 1;
    }
    assert!(seen >= 2);
}

#[test]
fn sounds() {
    check(
        "[media]\nprompts = \"/no/where\"\nmax_sound_mb = 0\nlanguage = \"fr\"\nspeech = \"espeak\"\n\
           fetch = [\"https://files.example\", \"ftp://x/\", \"http:///\"]\n[[queue]]\nname = \"q\"\n\
           language = \"de\"",
        &[
            "a:2: `prompts` of [media] is `/no/where`, which is not there; expected a folder of NAME.wav; \
         without the key what is built in is heard",
            "a:3: `max_sound_mb` of [media] is 0; expected a whole number from 1 to 65536",
            "a:4: `language` of [media] is `fr`; expected en | ru",
            "a:5: `speech` of [media] is a string; expected a program and its arguments, such as \
         [\"espeak-ng\", \"-v\", \"{language}\", \"--stdin\", \"--stdout\"]; it reads a text and writes a \
         WAVE file",
            "a:6: `fetch` of [media] has `ftp://x/`; expected a beginning with the host and a `/`, such as \
         \"https://files.example/\"",
            "a:6: `fetch` of [media] has `http:///`; expected a beginning with the host and a `/`, such as \
         \"https://files.example/\"",
            "a:6: `fetch` of [media] has `https://files.example`; expected a beginning with the host and a \
         `/`, such as \"https://files.example/\"",
            "a:9: `language` of [[queue]] `q` is `de`; expected en | ru",
        ],
    );
    check(
        "[media]\nfetch = \"all\"",
        &["a:2: `fetch` of [media] is `all`; expected public | none"],
    );
    let sounds = sound("").media.sounds;
    assert_eq!((sounds.mb_max, sounds.upload_mb_max, sounds.speech.len()), (128, 20, 5));
    assert_eq!(sounds.fetch, crate::sound::Fetch::Public);
    assert!(sounds.uploads.ends_with("sounds"));
    let setup = sound(
        "[media]\nlanguage = \"ru\"\nspeech = []\nfetch = [\"http://a/\"]\n[[queue]]\nname = \"q\"\n\
           language = \"en\"\nmusic = \"jazz\"",
    );
    assert_eq!(setup.media.sounds.fetch, crate::sound::Fetch::From(vec!["http://a/".into()]));
    assert_eq!(setup.media.sounds.speech, [""; 0]);
    assert!(setup.media.sounds.named.contains("jazz"));
    assert_eq!(&*setup.core.media.language, "ru");
    let language = setup.core.queues.iter().find_map(|queue| queue.language.as_deref());
    assert_eq!(language, Some("en"));
}

#[test]
fn codecs_are_everybodys_or_ones_own() {
    use media::Codec::{G722, Opus, Pcma, Pcmu};
    assert_eq!(sound("").core.media.codecs, [Opus, G722, Pcma, Pcmu]);
    let own = "[media]\ncodecs = [\"pcmu\", \"Opus\"]\n[[trunk]]\nname = \"carrier\"\n\
               hosts = [\"192.0.2.1\"]\ncodecs = [\"pcma\"]\n[[trunk]]\nname = \"other\"\n\
               hosts = [\"192.0.2.2\"]\n[[operator]]\nid = \"alice\"\npassword = \"x\"\n\
               codecs = [\"g722\", \"pcma\"]\n";
    let core = sound(own).core;
    assert_eq!(core.media.codecs, [Pcmu, Opus]);
    assert_eq!(core.trunks[0].codecs.as_deref(), Some(&[Pcma][..]));
    assert_eq!(core.trunks[1].codecs, None);
    assert_eq!(core.operators[0].codecs.as_deref(), Some(&[G722, Pcma][..]));
    check(
        "[[trunk]]\nname = \"carrier\"\nhosts = [\"192.0.2.1\"]\ncodecs = []",
        &[
            "a:1: `codecs` of [[trunk]] `carrier` is empty; expected a list of opus, g722, pcma, pcmu",
        ],
    );
}

#[test]
fn where_audio_comes_in() {
    let load = |listens: &str, media: &str| {
        let folder = Folder::new();
        folder.file("a", media);
        let first = FIRST.replace("[sip]\n", &format!("[sip]\nlisten = [{listens}]\n"));
        let loaded = folder.load(&folder.file("first", &first));
        let Ok(loaded) = loaded else { panic!("{listens} {media}") };
        let warnings = lines(&folder, &loaded.warnings);
        let warnings: Vec<_> = warnings.into_iter().filter(|w| w.starts_with("a:")).collect();
        (loaded.setup.core.media.listen.to_string(), warnings)
    };
    let (four, six) = ("\"udp://0.0.0.0:5060\"", "\"udp://[::1]:5060\"");
    let both = format!("{four}, {six}");
    let here = |listen: &str| format!("[media]\nlisten = \"{listen}\"");
    let sound = |listen: &str| (listen.to_owned(), Vec::new());
    assert_eq!(load(four, ""), sound("0.0.0.0"));
    assert_eq!(load(&both, ""), sound("::"));
    assert_eq!(load(&both, &here("::")), sound("::"));
    assert_eq!(load(six, &here("::1")), sound("::1"));
    let warning = "a:2: [sip] listens on IPv6 too, but audio comes in over IPv4 only: calls over \
                   IPv6 are refused; \"::\" takes both";
    assert_eq!(load(&both, &here("1.2.3.4")), ("1.2.3.4".to_owned(), vec![warning.to_owned()]));
    check(
        &here("::1:5060x"),
        &["a:2: `listen` of [media] is `::1:5060x`; expected an address without port, such as \
           \"0.0.0.0\", or \"::\" for IPv6 and IPv4"],
    );
}
