//! The last known good, on disk: what was served last, so that a sidecar that starts can serve it
//! while the OpenSVC daemon does not tell its state.
//!
//! Versions are made of content, so an Envoy that connects again to a sidecar with the same state is sent
//! nothing. Private keys are not written unless the operator asks for it: of such a secret only the
//! version is kept, which is enough to know that an Envoy has it, and not enough to serve it to one that
//! has not.
//!
//! A change costs what it changes: it is written behind what is there. [`encode`], [`encode_changes`] and
//! [`decode`] are the format; [`Store`] is the file.

mod format;
mod read;
mod store;
#[cfg(test)]
mod tests;
mod write;

use crate::index::Memory;
use crate::snapshot::Snapshot;

pub use format::LARGEST;
pub use read::{Damage, Read, decode};
pub use store::{Journal, LoadError, Loaded, Store};
pub use write::{Written, encode, encode_changes};

/// What is kept.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// What Envoy was served.
    pub snapshot: Snapshot,
    /// What the configuration does not say.
    pub memory: Memory,
}

impl Kept {
    /// Whether it tells of every expose how it was served.
    pub fn is_complete(&self) -> bool {
        let incumbents = &self.memory.incumbents;
        incumbents
            .values()
            .all(|incumbent| incumbent.served.is_some())
    }
}
