//! What the kernel says of a process, and of the machine.

use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// A process, by its number.
#[derive(Debug, Clone, Copy)]
pub struct Process(pub u32);

/// What it has used until now, and holds.
#[derive(Debug, Clone)]
pub struct Usage {
    /// When this was read.
    pub at: Instant,
    /// User and system time of all its threads, in seconds; the kernel counts hundredths.
    pub cpu_s: f64,
    /// The same by name of thread, more exactly; threads of one name together.
    pub by_thread: Vec<(String, Duration)>,
    /// Resident memory in kB.
    pub rss_kb: u64,
    /// Resident memory in kB, what is shared counted in parts.
    pub pss_kb: u64,
    /// Open descriptors.
    pub descriptors: usize,
    /// Threads.
    pub threads: usize,
}

impl Process {
    /// Reads it all.
    ///
    /// # Panics
    /// Where there is no such process.
    #[must_use]
    pub fn usage(self) -> Usage {
        let folder = format!("/proc/{}", self.0);
        let status = read(&format!("{folder}/status"));
        let rollup = fs::read_to_string(format!("{folder}/smaps_rollup")).unwrap_or_default();
        let tasks = fs::read_dir(format!("{folder}/task")).expect("it has threads");
        let mut by_thread: Vec<(String, Duration)> = Vec::new();
        let mut threads = 0;
        for task in tasks.flatten() {
            threads += 1;
            // One that ends meanwhile is no more to be read.
            let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
            let times = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            let ran = times.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0);
            let (name, ran) = (name.trim().to_owned(), Duration::from_nanos(ran));
            match by_thread.iter_mut().find(|(known, _)| *known == name) {
                Some((_, sum)) => *sum += ran,
                None => by_thread.push((name, ran)),
            }
        }
        Usage {
            at: Instant::now(),
            cpu_s: self.cpu_s(),
            by_thread,
            rss_kb: kilobytes(&status, "VmRSS:"),
            pss_kb: kilobytes(&rollup, "Pss:"),
            descriptors: fs::read_dir(format!("{folder}/fd")).map_or(0, Iterator::count),
            threads,
        }
    }

    /// User and system time in seconds.
    fn cpu_s(self) -> f64 {
        let stat = read(&format!("/proc/{}/stat", self.0));
        // The name in brackets may hold anything.
        let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
        let ticks = |n: usize| fields.split_whitespace().nth(n)?.parse::<f64>().ok();
        let sum = ticks(11).expect("user time") + ticks(12).expect("system time");
        sum / f64::from(u32::try_from(rustix::param::clock_ticks_per_second()).unwrap_or(100))
    }
}

impl Usage {
    /// Names of threads and their share, from 0 to 1, of what all used since `before`; the busiest
    /// first.
    #[must_use]
    pub fn shares_since(&self, before: &Self) -> Vec<(String, f64)> {
        let earlier = |name: &str| {
            let known = before.by_thread.iter().find(|(known, _)| known == name);
            known.map_or(Duration::ZERO, |(_, ran)| *ran)
        };
        let used = self
            .by_thread
            .iter()
            .map(|(name, ran)| (name.clone(), ran.saturating_sub(earlier(name)).as_secs_f64()));
        let mut used: Vec<(String, f64)> = used.collect();
        let sum: f64 = used.iter().map(|(_, seconds)| seconds).sum();
        used.iter_mut().for_each(|(_, seconds)| *seconds /= sum.max(f64::MIN_POSITIVE));
        used.sort_by(|a, b| b.1.total_cmp(&a.1));
        used
    }
}

/// Nanoseconds of CPU time that a step of a fixed calculation takes here, the best of several
/// rounds: how fast the machine is, whatever else it does.
#[must_use]
pub fn calibrate() -> f64 {
    const STEPS: u32 = 5_000_000;
    let round = |seed: u64| {
        let start = thread_s();
        let mut x = seed;
        for _ in 0..STEPS {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            x = x.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        black_box(x);
        (thread_s() - start) * 1e9 / f64::from(STEPS)
    };
    (1..=6).map(round).fold(f64::INFINITY, f64::min)
}

/// CPU time of this thread.
fn thread_s() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default().as_secs_f64()
}

/// Runnable threads of the machine, averaged over the last minute.
#[must_use]
pub fn load_average() -> f64 {
    let text = read("/proc/loadavg");
    text.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(f64::NAN)
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn kilobytes(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse().ok()).unwrap_or(0)
}
