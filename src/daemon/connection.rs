//! How the following of a daemon goes, for logs, metrics and dashboards.

use std::fmt;
use std::time::{Duration, SystemTime};

/// Whether the daemon is being followed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Link {
    /// No connection was tried yet.
    #[default]
    Starting,
    /// Connected, and what is known is current.
    Following {
        /// Since when.
        since: SystemTime,
    },
    /// Not connected, or connected to a daemon that is not ready; what was known before stays.
    Waiting {
        /// Since when.
        since: SystemTime,
        /// What the last attempt met.
        error: String,
    },
}

/// Why the whole state had to be read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resync {
    /// The connection was made, for the first time or anew.
    Connected,
    /// A message number is missing.
    Gap,
    /// The message numbers went back: another daemon process.
    Restart,
    /// A message of a kind that this client does not know, or not a message at all.
    Unknown,
    /// A change that does not fit what is known.
    Anomaly,
    /// Messages came faster than they could be read.
    Overflow,
    /// The slow periodic reading found a difference.
    Drift,
}

impl Resync {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::Connected,
        Self::Gap,
        Self::Restart,
        Self::Unknown,
        Self::Anomaly,
        Self::Overflow,
        Self::Drift,
    ];
}

impl fmt::Display for Resync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connected => "connected",
            Self::Gap => "gap",
            Self::Restart => "restart",
            Self::Unknown => "unknown",
            Self::Anomaly => "anomaly",
            Self::Overflow => "overflow",
            Self::Drift => "drift",
        })
    }
}

/// The state of the connection and what was counted since the start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Connection {
    /// Whether the daemon is being followed.
    pub link: Link,
    /// When the last message came.
    pub last_message: Option<SystemTime>,
    /// How many messages changed something that is watched.
    pub patches: u64,
    /// How many messages changed nothing that is watched.
    pub irrelevant: u64,
    resyncs: [u64; Resync::ALL.len()],
}

impl Connection {
    /// How often the whole state was read again for a reason.
    pub fn resyncs(&self, reason: Resync) -> u64 {
        self.resyncs[reason as usize]
    }

    /// For how long what is known may have been overtaken: no time while the daemon is followed.
    pub fn age(&self, now: SystemTime) -> Duration {
        let lost = match &self.link {
            Link::Starting | Link::Following { .. } => return Duration::ZERO,
            Link::Waiting { since, .. } => self.last_message.unwrap_or(*since),
        };
        now.duration_since(lost).unwrap_or_default()
    }

    /// Counts a resynchronisation.
    pub fn count(&mut self, reason: Resync) {
        self.resyncs[reason as usize] += 1;
    }
}
