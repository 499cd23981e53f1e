//! What the kernel knows of this process, under the names that every Prometheus client uses.

use std::fs;

use super::names::{CPU, MAX_FDS, OPEN_FDS, RESIDENT, START_TIME, THREADS, VIRTUAL};
use super::text::Text;

/// The kernel's clock ticks a second, as user space sees them on every architecture of Linux.
const TICKS: f64 = 100.0;

/// Writes what can be read; a kernel that hides it is no error.
pub(super) fn write(text: &mut Text) {
    if let Some(stat) = Stat::read() {
        text.single(CPU, (stat.user + stat.system) / TICKS);
        text.single(VIRTUAL, stat.virtual_bytes);
        text.single(THREADS, stat.threads);
        if let Some(boot) = boot_time() {
            text.single(START_TIME, boot + stat.start / TICKS);
        }
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(kib) = number_after(&status, "VmRSS:") {
        text.single(RESIDENT, kib * 1024.0);
    }
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        text.single(OPEN_FDS, files.count());
    }
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    if let Some(limit) = number_after(&limits, "Max open files") {
        text.single(MAX_FDS, limit);
    }
}

/// Some of `/proc/self/stat`; times are in clock ticks.
struct Stat {
    user: f64,
    system: f64,
    threads: f64,
    start: f64,
    virtual_bytes: f64,
}

impl Stat {
    fn read() -> Option<Self> {
        let text = fs::read_to_string("/proc/self/stat").ok()?;
        // The command's name may hold anything, also blanks and parentheses; fields follow the last.
        let (_, fields) = text.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        Some(Self {
            user: field(14)?,
            system: field(15)?,
            threads: field(20)?,
            start: field(22)?,
            virtual_bytes: field(23)?,
        })
    }
}

/// When the machine started, in seconds since 1970.
fn boot_time() -> Option<f64> {
    number_after(&fs::read_to_string("/proc/stat").ok()?, "btime")
}

/// The number that follows a label at the beginning of a line.
fn number_after(text: &str, label: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(label))?;
    line.split_whitespace().next()?.parse().ok()
}
