//! Processes, and what of the system the build and the tests need.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Something failed, and has said so; the exit code.
pub(crate) struct Failed(pub(crate) u8);

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    crates.and_then(Path::parent).map_or_else(PathBuf::new, Path::to_owned)
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// The cargo that started us.
pub(crate) fn cargo(words: &str) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(words.split_whitespace()).current_dir(root());
    command
}

/// Runs a step under a heading; its output is the user's to read.
pub(crate) fn step(heading: &str, command: &mut Command) -> Result<(), Failed> {
    eprintln!("\n==> {heading}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => {
            // 101 is cargo's own; a signal has no code.
            Err(Failed(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
        }
        Err(error) => {
            eprintln!("cannot start {}: {error}", command.get_program().to_string_lossy());
            Err(Failed(1))
        }
    }
}

/// Whether a command ends well; it is not heard.
pub(crate) fn works(command: &mut Command) -> bool {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn program(words: &str) -> Command {
    let mut words = words.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words);
    command
}

/// A package of the system: what shows that it is there, and its name on Debian and Ubuntu.
struct Package {
    probe: &'static [&'static str],
    /// Whether it is enough that the probe starts: some programs fail without arguments.
    starts: bool,
    name: &'static str,
    why: &'static str,
    /// Whether nothing works without it; otherwise some tests are ignored, and say so.
    required: bool,
}

/// What the build needs besides Rust.
const COMPILER: Package = Package {
    probe: &["cc", "--version"],
    starts: false,
    name: "build-essential",
    why: "SQLite and libopus are compiled in",
    required: true,
};

/// The same.
const CMAKE: Package = Package {
    probe: &["cmake", "--version"],
    starts: false,
    name: "cmake",
    why: "libopus is built by it",
    required: true,
};

const PACKAGES: &[Package] = &[
    COMPILER,
    CMAKE,
    Package {
        probe: &["sipp", "-v"],
        starts: true,
        name: "sip-tester",
        why: "the wire tests call in",
        required: true,
    },
    Package {
        probe: &["python3", "-c", "import ensurepip, venv"],
        starts: false,
        name: "python3-venv",
        why: "the wire tests' phones",
        required: true,
    },
    Package {
        probe: &["linphonec", "-v"],
        starts: true,
        name: "linphone-cli",
        why: "another phone for the wire tests, 127 MB; without it they are ignored",
        required: false,
    },
];

impl Package {
    fn is_there(&self) -> bool {
        let mut command = Command::new(self.probe[0]);
        command.args(&self.probe[1..]);
        if self.starts {
            let command = command.stdin(Stdio::null()).stdout(Stdio::null());
            return command.stderr(Stdio::null()).status().is_ok();
        }
        works(&mut command)
    }
}

/// Sees to what the build and the tests need.
pub(crate) fn packages() -> Result<(), Failed> {
    provide(PACKAGES)
}

/// Sees to what the build needs.
pub(crate) fn compiler() -> Result<(), Failed> {
    provide(&[COMPILER, CMAKE])
}

/// Installs what is missing where that is possible without asking, otherwise names it.
fn provide(packages: &[Package]) -> Result<(), Failed> {
    let missing: Vec<&Package> = packages.iter().filter(|package| !package.is_there()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    for package in &missing {
        eprintln!("missing: {} ({})", package.name, package.why);
    }
    let named = |required: bool| {
        let some = missing.iter().filter(move |package| package.required == required);
        some.map(|package| package.name).collect::<Vec<_>>()
    };
    let has_apt = works(&mut program("apt-get --version"));
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    if has_apt && is_root {
        step("apt-get update", &mut program("apt-get -qq update"))?;
        install(&named(true))?;
        // Its tests are ignored then.
        let _ = install(&named(false));
        return Ok(());
    }
    let names = [named(true), named(false)].concat().join(" ");
    if has_apt {
        eprintln!("run this, then again: sudo apt-get install {names}");
    } else {
        eprintln!("install what Debian calls {names}, then run this again");
    }
    if named(true).is_empty() { Ok(()) } else { Err(Failed(1)) }
}

fn install(names: &[&str]) -> Result<(), Failed> {
    if names.is_empty() {
        return Ok(());
    }
    let mut install = program("apt-get -qq install --yes --no-install-recommends");
    step("apt-get install", install.args(names).env("DEBIAN_FRONTEND", "noninteractive"))
}

/// The scripted softphones of the wire tests, pinned.
const PHONES: &str = "baresip-python==0.5.2a3";

/// A Python with the softphones, made once.
pub(crate) fn phones() -> Result<PathBuf, Failed> {
    let folder = target().join("sip-tests-venv");
    let python = folder.join("bin").join("python3");
    let stamp = folder.join(PHONES);
    if stamp.exists() && works(Command::new(&python).args(["-c", "import baresip"])) {
        return Ok(python);
    }
    let make = &mut Command::new("python3");
    step(
        "a Python of its own for the wire tests",
        make.args(["-m", "venv", "--clear"]).arg(&folder),
    )?;
    let pip = &mut Command::new(&python);
    step(
        &format!("pip install {PHONES}"),
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PHONES]),
    )?;
    std::fs::write(&stamp, "").map_err(|error| {
        eprintln!("{}: {error}", stamp.display());
        Failed(1)
    })?;
    Ok(python)
}

/// rustfmt and clippy, which a minimal toolchain lacks.
pub(crate) fn components() -> Result<(), Failed> {
    for (probe, name) in [("fmt --version", "rustfmt"), ("clippy --version", "clippy")] {
        if !works(&mut cargo(probe)) {
            let mut add = program("rustup component add");
            step(&format!("rustup component add {name}"), add.arg(name))?;
        }
    }
    Ok(())
}
