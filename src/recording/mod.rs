//! Recordings of an OpenSVC daemon: made without what is secret, and played again.
//!
//! A recording is text, a JSON document a line: first the state of the daemon, then each message of
//! its events with the seconds that had passed.
//!
//! ```text
//! {"igw_recording":1,"at":"2026-11-25T10:00:00.000Z","status":{"monitor":…}}
//! {"after":1.25,"message":{"kind":"patch","id":85,"data":[…]}}
//! ```
//!
//! Only what a gateway reads of the daemon is kept: services' instances with their ip, expose, vhost,
//! route, hashpolicy and certificate resources, and the checksums of secrets. Of those, private keys
//! and whatever may be a password are replaced. The content of secrets is not in a daemon's state in
//! the first place, so who plays a recording gets certificates that are made up.

mod dataset;
mod player;
mod prune;

use std::io::{self, BufRead};

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use dataset::apply;
pub use player::{Player, stand_in};
pub use prune::{message, status};

/// The version of the format.
pub const FORMAT: u32 = 1;

/// The largest recording that is read, in bytes: days of a large cluster. All of it is held in memory.
pub const LARGEST: u64 = 256 << 20;

/// The first line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The version of the format.
    pub igw_recording: u32,
    /// When the recording began, RFC 3339.
    pub at: String,
    /// The state of the daemon at that time.
    pub status: Value,
}

/// Every other line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// How many seconds after the beginning.
    pub after: f64,
    /// What the daemon said.
    pub message: Value,
}

/// A whole recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// How it begins.
    pub head: Head,
    /// What followed.
    pub entries: Vec<Entry>,
}

/// Why a recording cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BadRecording {
    /// It cannot be read at all.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// There is nothing in it.
    #[error("there is nothing in it; `xds record` makes a recording")]
    Empty,
    /// It is larger than [`LARGEST`], or has no end.
    #[error("it is larger than {} MiB; record a shorter time", LARGEST >> 20)]
    TooLarge,
    /// It does not begin as one.
    #[error("this is not a recording: want a JSON object a line, as `xds record` writes them")]
    Foreign,
    /// A line is not one of a recording.
    #[error("line {line}: {why}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// Another version of the format.
    #[error("it has format {0}; this version reads format {FORMAT}")]
    Format(u32),
}

impl Recording {
    /// Reads a recording. A last line that is not whole, as a recording that was interrupted has, is
    /// left out.
    ///
    /// # Errors
    /// When it is too large or something else; names the first line that is not one of a recording.
    pub fn read(mut from: impl BufRead) -> Result<Self, BadRecording> {
        // Of a file that is something else, and may never end, no more is read than this.
        match from.fill_buf()?.first() {
            None => return Err(BadRecording::Empty),
            Some(b'{') => {}
            Some(_) => return Err(BadRecording::Foreign),
        }
        let mut lines = Lines::new(from);
        let first = lines.next()?.ok_or(BadRecording::Empty)?;
        let wrong = |line: usize, error: serde_json::Error| BadRecording::Line {
            line,
            why: error.to_string(),
        };
        let head: Head = serde_json::from_slice(first).map_err(|error| wrong(1, error))?;
        if head.igw_recording != FORMAT {
            return Err(BadRecording::Format(head.igw_recording));
        }
        let mut entries = Vec::new();
        let mut broken = None;
        let mut number = 1;
        while let Some(line) = lines.next()? {
            number += 1;
            if let Some(error) = broken.take() {
                return Err(error);
            }
            match serde_json::from_slice(line) {
                Ok(entry) => entries.push(entry),
                Err(error) => broken = Some(wrong(number, error)),
            }
        }
        Ok(Self { head, entries })
    }
}

/// The lines of a recording, up to [`LARGEST`] bytes together.
struct Lines<R> {
    from: io::Take<R>,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    fn new(from: R) -> Self {
        Self {
            from: from.take(LARGEST + 1),
            line: Vec::new(),
        }
    }

    fn next(&mut self) -> Result<Option<&[u8]>, BadRecording> {
        self.line.clear();
        let read = self.from.read_until(b'\n', &mut self.line)?;
        match (read, self.from.limit()) {
            (_, 0) => Err(BadRecording::TooLarge),
            (0, _) => Ok(None),
            _ => Ok(Some(&self.line)),
        }
    }
}

#[cfg(test)]
mod tests;
