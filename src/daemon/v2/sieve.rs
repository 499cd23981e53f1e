//! What of the daemon's messages is worth waking somebody for: next to none of them.

use std::time::SystemTime;

use tokio::sync::watch;

use super::change::Change;
use super::message::{Message, message};
use super::socket::Sift;
use crate::daemon::{Connection, Link, Resync};

/// A message that matters.
#[derive(Debug)]
pub(super) enum News {
    /// It changes what is watched, and follows the message before it.
    Patch {
        /// In order.
        changes: Vec<Change>,
        /// The message itself.
        text: Vec<u8>,
    },
    /// It does not follow the message before it: something was missed.
    Broken {
        /// What happened.
        reason: Resync,
        /// What it changes all the same; nothing where it may be of another daemon.
        changes: Vec<Change>,
    },
    /// It is not understood; why.
    Unknown(String),
}

/// Goes through the messages of one stream, and keeps count of what does not matter.
#[derive(Debug)]
pub(super) struct Sieve {
    connection: watch::Sender<Connection>,
    /// The number of the last message.
    last_id: Option<u64>,
}

impl Sieve {
    /// For the messages of a stream that was just opened; they are counted in `connection`.
    pub(super) fn new(connection: watch::Sender<Connection>) -> Self {
        Self {
            connection,
            last_id: None,
        }
    }

    fn pass<T>(&self) -> Option<T> {
        heard(&self.connection, false);
        None
    }
}

impl Sift for Sieve {
    type Sifted = News;

    /// What a message has to tell; `None` for one that changes nothing.
    fn sift(&mut self, text: &[u8]) -> Option<(News, usize)> {
        let (id, changes) = match message(text) {
            Message::Patch { id, changes } => (id, changes),
            Message::Event => return self.pass(),
            Message::Unknown(what) => return Some((News::Unknown(what), 0)),
        };
        let weigh = |changes: &[Change]| changes.iter().map(Change::weight).sum::<usize>();
        match self.last_id.replace(id) {
            Some(last) if id <= last => {
                let (reason, changes) = (Resync::Restart, Vec::new());
                Some((News::Broken { reason, changes }, 0))
            }
            Some(last) if id - last > 1 => {
                let (reason, weight) = (Resync::Gap, weigh(&changes));
                Some((News::Broken { reason, changes }, weight))
            }
            _ if changes.is_empty() => self.pass(),
            _ => {
                let weight = text.len() + weigh(&changes);
                let text = text.into();
                Some((News::Patch { changes, text }, weight))
            }
        }
    }

    /// The whole state is read because of it: no number need follow the last one.
    fn lost(&mut self) {
        self.last_id = None;
    }
}

/// Counts a message, which changed something that is watched or did not. Wakes nobody.
pub(super) fn heard(connection: &watch::Sender<Connection>, mattered: bool) {
    connection.send_if_modified(|connection| {
        // While the state is being read, or cannot be, what is known is as old as it was.
        if matches!(connection.link, Link::Following { .. }) {
            connection.last_message = Some(SystemTime::now());
        }
        match mattered {
            true => connection.patches += 1,
            false => connection.irrelevant += 1,
        }
        false
    });
}
