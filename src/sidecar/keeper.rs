//! Keeps what is served on disk, at a pace that costs next to nothing.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep_until};

use super::options::State;
use crate::envoy::{ResourceType, Version};
use crate::index::{Index, Memory};
use crate::keep::{Journal, Kept, Loaded, Store};

/// How long changes are gathered before they are written.
const HOLD_OFF: Duration = Duration::from_secs(1);

/// Writing takes at most one part in this many of the time, however large the state is.
const SHARE: u32 = 20;

/// What tells two states apart: the versions by type, and of how many resources only that is known.
type Versions = ([Version; ResourceType::ALL.len()], usize);

/// Brings the file to a state.
type Write = fn(&Store, &Kept, Option<Journal>) -> io::Result<Option<Journal>>;

/// A write, and when it began.
type Writing = (Versions, Instant, JoinHandle<io::Result<Option<Journal>>>);

/// Writes the state down, one write at a time.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    store: Option<Arc<Store>>,
    /// What the file holds.
    saved: Option<Versions>,
    /// The file, if this process wrote it.
    journal: Option<Journal>,
    /// What the next run should know, as it was last told.
    memory: Option<Memory>,
    /// Whether the file lacks a part of that.
    is_forgetful: bool,
    /// What is being written, behind what was before it. Both are let go here, by the thread that made them: the
    /// allocator does not give back what another one frees.
    held: Vec<Kept>,
    /// When the next write is due.
    due: Option<Instant>,
    not_before: Option<Instant>,
    writing: Option<Writing>,
    /// Whether the last write failed, which was said.
    fails: bool,
}

impl Keeper {
    /// Opens the file and reads what is in it. What cannot be read is warned of and ignored: the daemon
    /// tells everything again.
    pub(super) async fn open(state: Option<State>, gateway: &str) -> (Self, Option<Loaded>) {
        let Some(State { folder, with_keys }) = state else {
            return (Self::default(), None);
        };
        let gateway = gateway.to_owned();
        let opened = spawn_blocking(move || {
            let store = Store::open(&folder, &gateway, with_keys);
            let store = store.map_err(|error| format!("{}: {error}", folder.display()))?;
            let loaded = store.load();
            Ok::<_, String>((store, loaded))
        });
        let (store, loaded) = match opened.await {
            Ok(Ok(opened)) => opened,
            Ok(Err(why)) => {
                tracing::warn!("what is served is not kept: {why}; name a folder with --state-dir");
                return (Self::default(), None);
            }
            Err(_) => return (Self::default(), None),
        };
        let loaded = loaded.unwrap_or_else(|error| {
            let path = store.path().display();
            tracing::warn!(
                "{path} is ignored, and replaced once the daemon's state is known: {error}"
            );
            None
        });
        if let Some(Loaded {
            torn: torn @ 1.., ..
        }) = loaded
        {
            let path = store.path().display();
            tracing::warn!(
                "{path}: its last {torn} bytes were not as they were written, and are left out"
            );
        }
        let keeper = Self {
            // A file that lacks something, or holds what it should not, is written anew, though Envoy is
            // served the same.
            saved: loaded
                .as_ref()
                .filter(|loaded| loaded.torn == 0)
                .filter(|loaded| loaded.kept.is_complete() && store.may_hold(&loaded.kept))
                .map(|loaded| versions(&loaded.kept)),
            store: Some(Arc::new(store)),
            ..Self::default()
        };
        (keeper, loaded)
    }

    /// Follows what is served, which has `changed` or not, and what the next run should know.
    pub(super) fn follow(&mut self, index: &Index, changed: bool) {
        let memory = index.memory();
        // The first is what was read, or is written with what is served.
        let is_known = |known: &Memory| known.is_same(&memory);
        let is_new = !self.memory.as_ref().is_none_or(is_known);
        self.memory = Some(memory);
        self.is_forgetful |= is_new;
        if changed || is_new {
            self.changed();
        }
    }

    fn changed(&mut self) {
        if self.store.is_some() && self.due.is_none() {
            let soon = Instant::now() + HOLD_OFF;
            self.due = Some(self.not_before.map_or(soon, |at| at.max(soon)));
        }
    }

    /// Completes when there is something to do, which [`proceed`](Self::proceed) does.
    pub(super) async fn wait(&mut self) {
        match (&mut self.writing, self.due) {
            (Some((.., writing)), _) => {
                let written = writing
                    .await
                    .unwrap_or_else(|error| Err(io::Error::other(error)));
                self.written(written);
            }
            (None, Some(due)) => sleep_until(due).await,
            (None, None) => std::future::pending().await,
        }
    }

    /// Starts to write the newest state, if it is time.
    pub(super) fn proceed(&mut self, index: &Index) {
        let is_due = self.due.is_some_and(|due| due <= Instant::now());
        if !is_due || self.writing.is_some() {
            return;
        }
        self.due = None;
        let kept = kept(index);
        if std::mem::take(&mut self.is_forgetful) || self.saved != Some(versions(&kept)) {
            self.start(kept, |store, kept, journal| {
                let written = match journal {
                    Some(journal) => store.add(kept, journal),
                    None => store.save(kept),
                };
                written.map(Some)
            });
        }
    }

    fn start(&mut self, kept: Kept, write: Write) {
        let Some(store) = self.store.clone() else {
            return;
        };
        let (versions, journal) = (versions(&kept), self.journal.take());
        self.held.push(kept.clone());
        let writing = spawn_blocking(move || write(&store, &kept, journal));
        self.writing = Some((versions, Instant::now(), writing));
    }

    fn written(&mut self, written: io::Result<Option<Journal>>) {
        let Some((versions, since, _)) = self.writing.take() else {
            return;
        };
        self.held.drain(..self.held.len().saturating_sub(1));
        let not_before = Instant::now() + since.elapsed() * SHARE;
        self.not_before = Some(not_before);
        // What changed meanwhile did not know how long this would take.
        self.due = self.due.map(|due| due.max(not_before));
        match written {
            Ok(journal) => {
                self.journal = journal;
                if std::mem::take(&mut self.fails) {
                    tracing::info!("what is served is kept on disk again");
                }
                self.saved = Some(versions);
            }
            Err(error) => {
                self.fail(&error);
                // Tried again with the next change, and by and by without one.
                self.saved = None;
            }
        }
    }

    fn fail(&mut self, error: &io::Error) {
        if let (false, Some(store)) = (std::mem::replace(&mut self.fails, true), &self.store) {
            let path = store.path().display();
            tracing::warn!("{path}: {error}; what is served cannot be kept, and is served on");
        }
    }

    /// Notes that the daemon still says what the file holds, if it does; tries again what failed.
    pub(super) fn confirm(&mut self, index: &Index) {
        if self.writing.is_some() || self.due.is_some() {
            return;
        }
        let kept = kept(index);
        match self.saved == Some(versions(&kept)) {
            true => self.start(kept, Store::confirm),
            false => self.changed(),
        }
    }

    /// Writes the last state.
    pub(super) async fn finish(&mut self, index: &Index) {
        if self.writing.is_some() {
            self.wait().await;
        }
        if self.store.is_some() {
            self.due = Some(Instant::now());
            self.proceed(index);
        }
        if self.writing.is_none() {
            self.confirm(index);
        }
        if self.writing.is_some() {
            self.wait().await;
        }
    }
}

fn kept(index: &Index) -> Kept {
    Kept {
        snapshot: index.snapshot().clone(),
        memory: index.memory(),
    }
}

fn versions(kept: &Kept) -> Versions {
    let of_type = |kind| kept.snapshot.version(kind);
    (ResourceType::ALL.map(of_type), kept.snapshot.unknown())
}

/// How old something is, in words.
pub(super) fn age(known_at: SystemTime) -> String {
    let age = SystemTime::now()
        .duration_since(known_at)
        .unwrap_or_default();
    format!("{} s", age.as_secs())
}
