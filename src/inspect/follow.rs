//! What is new, for those who follow along.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep_until};

use super::board::{Board, Summary};
use super::{Sources, State};
use crate::daemon::Connection;
use crate::index::View;
use crate::model::ExposeId;
use crate::snapshot::Snapshot;

/// Somebody who follows, and what he was told.
#[derive(Debug)]
pub struct Follower {
    state: State,
    told: Option<BTreeMap<ExposeId, Arc<Summary>>>,
    snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    views: watch::Receiver<View>,
    connection: watch::Receiver<Connection>,
    beats: watch::Receiver<()>,
    not_before: Instant,
    _permit: OwnedSemaphorePermit,
}

/// What happened since the last step; the first one tells everything.
#[derive(Debug, Clone)]
pub struct Step {
    /// Everything as it is now.
    pub board: Arc<Board>,
    /// Whether `exposes` holds all of them.
    pub whole: bool,
    /// Exposes that are new or differ.
    pub exposes: Vec<Arc<Summary>>,
    /// Exposes that are gone.
    pub gone: Vec<String>,
}

impl Follower {
    /// Starts to follow; `None` where too many do already.
    pub fn new(state: State) -> Option<Self> {
        let permit = state.followers().clone().try_acquire_owned().ok()?;
        let Sources {
            snapshots,
            views,
            connection,
            telemetry,
            ..
        } = state.sources().clone();
        Some(Self {
            beats: telemetry.beats(),
            snapshots,
            views,
            connection,
            state,
            told: None,
            not_before: Instant::now(),
            _permit: permit,
        })
    }

    /// What is followed.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The next step, some time after the last one; `None` when nothing will ever happen again.
    pub async fn next(&mut self) -> Option<Step> {
        if self.told.is_some() {
            let happened = tokio::select! {
                snapshot = self.snapshots.changed() => snapshot,
                view = self.views.changed() => view,
                connection = self.connection.changed() => connection,
                beat = self.beats.changed() => beat,
            };
            happened.ok()?;
            // What happens together is told together.
            sleep_until(self.not_before).await;
        }
        self.not_before = Instant::now() + self.state.pace();
        self.snapshots.mark_unchanged();
        self.views.mark_unchanged();
        self.connection.mark_unchanged();
        self.beats.mark_unchanged();
        let board = self.state.board();
        let old = self.told.replace(board.exposes.clone());
        let whole = old.is_none();
        let old = old.unwrap_or_default();
        let is_news = |(id, summary): &(&ExposeId, &Arc<Summary>)| {
            old.get(*id).is_none_or(|old| !Arc::ptr_eq(old, summary))
        };
        let exposes = board.exposes.iter().filter(is_news);
        let exposes = exposes.map(|(_, summary)| summary.clone()).collect();
        let gone = old.keys().filter(|id| !board.exposes.contains_key(*id));
        let gone = gone.map(ToString::to_string).collect();
        Some(Step {
            board,
            whole,
            exposes,
            gone,
        })
    }
}
