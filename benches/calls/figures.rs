//! Figures: distributions with a bound on their memory, and what /proc knows of a process.
//! What they are taken of, and printed as, is `main.rs`.

use std::path::PathBuf;
use std::time::Instant;

use ringback::time::now;

/// Kernel ticks per second in /proc/<pid>/stat.
const CLOCK_TICKS: f64 = 100.0;
/// Width of a class, microseconds, and how many there are: up to a second, 10 µs fine.
const CLASS_US: u64 = 10;
const CLASSES: usize = 100_000;

/// A distribution of times; what is above a second counts as one.
#[derive(Debug)]
pub struct Distribution {
    classes: Vec<u32>,
    count: u64,
}

impl Default for Distribution {
    fn default() -> Self {
        Self { classes: vec![0; CLASSES], count: 0 }
    }
}

impl Distribution {
    pub fn add(&mut self, micros: u64) {
        let class = (micros / CLASS_US).min(CLASSES as u64 - 1);
        self.classes[class as usize] += 1;
        self.count += 1;
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    /// Milliseconds that `share` of all stay below.
    pub fn quantile_ms(&self, share: f64) -> f64 {
        let wanted = (self.count as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (class, count) in self.classes.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= wanted {
                return (class as u64 + 1) as f64 * CLASS_US as f64 / 1000.0;
            }
        }
        0.0
    }
}

/// What /proc knows of a process.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    pub at: Instant,
    pub cpu_secs: f64,
    pub resident_kib: u64,
    /// Of it, what is its own and not a file's.
    pub anonymous_kib: u64,
    pub threads: usize,
    pub descriptors: usize,
}

impl Usage {
    pub fn of(pid: u32) -> Self {
        let proc = PathBuf::from(format!("/proc/{pid}"));
        let stat = std::fs::read_to_string(proc.join("stat")).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: f64 = fields[11..13].iter().map(|field| field.parse::<f64>().unwrap()).sum();
        let status = std::fs::read_to_string(proc.join("status")).unwrap();
        let field = |name| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
        let kib = |name| field(name).trim_end_matches(" kB").parse().unwrap();
        Self {
            at: now().mono,
            cpu_secs: ticks / CLOCK_TICKS,
            resident_kib: kib("VmRSS:"),
            anonymous_kib: kib("RssAnon:"),
            threads: field("Threads:").parse().unwrap(),
            descriptors: std::fs::read_dir(proc.join("fd")).unwrap().count(),
        }
    }

    /// Milliseconds of processor time per second since `before`.
    pub fn cpu_ms_per_sec(&self, before: &Self) -> f64 {
        let wall = self.at.saturating_duration_since(before.at).as_secs_f64();
        (self.cpu_secs - before.cpu_secs) * 1000.0 / wall
    }
}
