//! The clients that are connected, for those who want to know what they have.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::session::Session;

type Open = BTreeMap<u64, Weak<Mutex<Session>>>;

/// The sessions of the open streams, on every transport. A session ends with its stream, whoever else
/// knows it.
#[derive(Clone, Default)]
pub(super) struct Clients(Arc<Mutex<Open>>);

impl Clients {
    /// A stream was opened.
    pub(super) fn enter(&self, id: u64, session: &Arc<Mutex<Session>>) {
        let mut open = self.open();
        open.retain(|_, session| session.strong_count() > 0);
        open.insert(id, Arc::downgrade(session));
    }

    /// Looks at each session, in the order in which the streams were opened. A client that takes
    /// nothing from its stream is seen like any other.
    pub(super) fn look<T>(&self, mut at: impl FnMut(&Session) -> T) -> Vec<T> {
        let sessions: Vec<_> = self.open().values().filter_map(Weak::upgrade).collect();
        let look = |session: Arc<Mutex<Session>>| {
            at(&session.lock().unwrap_or_else(PoisonError::into_inner))
        };
        sessions.into_iter().map(look).collect()
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
