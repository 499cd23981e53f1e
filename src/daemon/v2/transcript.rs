//! A daemon's own texts, without its socket.

use super::message::{self, Message};
use super::path::Scope;
use super::replica::Replica;
use crate::daemon::{RequestError, Update};

/// What a daemon's texts add up to: a whole state, and the messages that follow it. For tools,
/// benchmarks and fuzzing; [`DaemonV2`](super::DaemonV2) does the same with a live daemon's.
#[derive(Debug, Clone, Default)]
pub struct Transcript {
    replica: Replica,
}

impl Transcript {
    /// Reads a reply to `daemon_status`, which replaces whatever was known. Returns the whole state.
    ///
    /// # Errors
    /// Where the text is not that.
    pub fn status(&mut self, text: &[u8]) -> Result<Update, RequestError> {
        let tables = message::status(text, &self.replica.known())?;
        self.replica.replace(&Scope::Root, tables);
        Ok(self.replica.reset())
    }

    /// Reads a message of the event stream. Returns what it changed of what is watched, if anything.
    ///
    /// # Errors
    /// Where the text is no such message, or does not fit what is known: then only the whole state
    /// can tell more.
    pub fn message(&mut self, text: &[u8]) -> Result<Option<Update>, RequestError> {
        match message::message(text) {
            Message::Event => Ok(None),
            Message::Unknown(what) => Err(RequestError::Malformed(what)),
            Message::Patch { changes, .. } => match self.replica.apply(changes) {
                Ok(()) => Ok(self.replica.take()),
                Err(anomaly) => Err(RequestError::Malformed(anomaly.to_string())),
            },
        }
    }
}
