//! A process under measurement.
#![allow(unsafe_code)] // The clock of another process has no safe interface.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::Outcome;

/// A child process; killed when dropped.
pub(crate) struct Process {
    child: Child,
    clock: libc::clockid_t,
}

/// The memory of a process, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Memory {
    /// What is resident now.
    pub(crate) resident: u64,
    /// The most that ever was.
    pub(crate) peak: u64,
}

impl Process {
    /// Starts a command, with its output in a file.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Outcome<Self> {
        let log = File::create(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let mut clock = 0;
        let pid = libc::pid_t::try_from(child.id())?;
        // SAFETY: writes the clock's id to the given place, and nothing else.
        let status = unsafe { libc::clock_getcpuclockid(pid, &raw mut clock) };
        if status != 0 {
            return Err(format!("no processor clock of process {pid}: error {status}").into());
        }
        Ok(Self { child, clock })
    }

    /// The processor time that it used so far, all threads together, dead ones included.
    pub(crate) fn cpu(&self) -> Outcome<Duration> {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: writes the time to the given place, and nothing else.
        if unsafe { libc::clock_gettime(self.clock, &raw mut time) } != 0 {
            return Err(std::io::Error::last_os_error().into());
        }
        Ok(Duration::new(
            time.tv_sec.try_into()?,
            time.tv_nsec.try_into()?,
        ))
    }

    /// Its memory.
    pub(crate) fn memory(&self) -> Outcome<Memory> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let of = |name: &str| -> Option<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
            Some(kib * 1024)
        };
        Ok(Memory {
            resident: of("VmRSS:").ok_or("no VmRSS")?,
            peak: of("VmHWM:").ok_or("no VmHWM")?,
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
