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
    /// Names the first line that is not one of a recording.
    pub fn read(from: impl BufRead) -> Result<Self, BadRecording> {
        let mut lines = from.lines().enumerate();
        let wrong = |line: usize, error: serde_json::Error| BadRecording::Line {
            line: line + 1,
            why: error.to_string(),
        };
        let (_, first) = lines.next().ok_or(BadRecording::Empty)?;
        let head: Head = serde_json::from_str(&first?).map_err(|error| wrong(0, error))?;
        if head.igw_recording != FORMAT {
            return Err(BadRecording::Format(head.igw_recording));
        }
        let mut entries = Vec::new();
        let mut broken = None;
        for (number, line) in lines {
            if let Some(error) = broken.take() {
                return Err(error);
            }
            match serde_json::from_str(&line?) {
                Ok(entry) => entries.push(entry),
                Err(error) => broken = Some(wrong(number, error)),
            }
        }
        Ok(Self { head, entries })
    }
}

#[cfg(test)]
mod tests;
