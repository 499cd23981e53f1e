//! Changes as they happen.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep_until};
use utoipa::ToSchema;

use super::Problem;
use super::status::{Status, current};
use super::{changes, envoys};
use crate::daemon::Connection;
use crate::http::State;
use crate::http::board::Summary;
use crate::http::state::Sources;
use crate::index::View;
use crate::model::ExposeId;
use crate::snapshot::Snapshot;

/// How many changes a message tells of.
const CHANGES: usize = 20;

/// What happened since the last message; the first one tells everything.
#[derive(Debug, Serialize, ToSchema)]
pub struct News {
    /// Whether `exposes` holds all of them, so that what is not in it does not exist.
    pub whole: bool,
    /// Exposes that are new or differ.
    pub exposes: Vec<Arc<Summary>>,
    /// Exposes that are gone.
    pub gone: Vec<String>,
    /// The gateway at a glance.
    pub status: Status,
    /// The connected Envoys.
    pub envoys: Vec<envoys::Envoy>,
    /// The newest changes.
    pub changes: Vec<changes::Change>,
}

/// Follow changes
///
/// Server-sent events named `news`, whose data is a `News` object. The first tells everything; those
/// after it tell what changed, a few times a second at most.
#[utoipa::path(get, path = "/api/v1/events", tag = "gateway",
    responses((status = 200, body = News, content_type = "text/event-stream"),
              (status = 503, body = Problem)))]
pub(super) async fn stream(
    extract::State(state): extract::State<State>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let permit = state.followers().clone().try_acquire_owned();
    let permit = permit.map_err(|_| Problem::busy("too many clients follow changes already"))?;
    let follower = Follower::new(state, permit);
    let news = unfold(follower, async |mut follower| {
        let news = follower.next().await?;
        let event = Event::default().event("news").json_data(&news).ok()?;
        Some((Ok(event), follower))
    });
    let alive = KeepAlive::new().interval(Duration::from_secs(15));
    Ok(Sse::new(news).keep_alive(alive))
}

/// One client, and what it was told.
struct Follower {
    state: State,
    told: Option<BTreeMap<ExposeId, Arc<Summary>>>,
    snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    views: watch::Receiver<View>,
    connection: watch::Receiver<Connection>,
    beats: watch::Receiver<u64>,
    not_before: Instant,
    _permit: OwnedSemaphorePermit,
}

impl Follower {
    fn new(state: State, permit: OwnedSemaphorePermit) -> Self {
        let Sources {
            snapshots,
            views,
            connection,
            telemetry,
            ..
        } = state.sources().clone();
        Self {
            beats: telemetry.beats(),
            snapshots,
            views,
            connection,
            state,
            told: None,
            not_before: Instant::now(),
            _permit: permit,
        }
    }

    /// The next message; `None` when nothing will ever happen again.
    async fn next(&mut self) -> Option<News> {
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
        let gone = old.keys().filter(|id| !board.exposes.contains_key(*id));
        Some(News {
            whole,
            exposes: exposes.map(|(_, summary)| summary.clone()).collect(),
            gone: gone.map(ToString::to_string).collect(),
            status: current(&self.state),
            envoys: envoys::current(&board),
            changes: changes::current(&board, CHANGES),
        })
    }
}
