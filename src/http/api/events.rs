//! Changes as they happen.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::Serialize;
use utoipa::ToSchema;

use super::Problem;
use super::status::{Status, current};
use super::{changes, envoys};
use crate::inspect::State;
use crate::inspect::board::Summary;
use crate::inspect::{Follower, Step};

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
    let follower = Follower::new(state);
    let follower =
        follower.ok_or_else(|| Problem::busy("too many clients follow changes already"))?;
    let news = unfold(follower, async |mut follower| {
        let step = follower.next().await?;
        let news = News::of(follower.state(), step);
        let event = Event::default().event("news").json_data(&news).ok()?;
        Some((Ok(event), follower))
    });
    let alive = KeepAlive::new().interval(Duration::from_secs(15));
    Ok(Sse::new(news).keep_alive(alive))
}

impl News {
    fn of(state: &State, step: Step) -> Self {
        Self {
            whole: step.whole,
            exposes: step.exposes,
            gone: step.gone,
            status: current(state),
            envoys: envoys::current(&step.board),
            changes: changes::current(&step.board, CHANGES),
        }
    }
}
