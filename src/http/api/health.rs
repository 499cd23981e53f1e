//! Whether the process lives, and whether it can serve.

use std::time::SystemTime;

use axum::Json;
use axum::extract;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::Problem;
use super::status::{Daemon, seconds_since};
use crate::daemon::Link;
use crate::inspect::{Moment, State};

/// Whether the process lives.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// Always true: what is not alive answers 503.
    pub alive: bool,
}

/// What is served.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// `current`, or `last-known-good` while the daemon is away.
    #[schema(example = "current")]
    pub serving: &'static str,
    /// When what is served was last known to be current, where it was read from disk and the daemon has
    /// not been heard since the gateway started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept_from: Option<Moment>,
    /// How old what is served may be, in seconds: 0 where it is current.
    pub age_seconds: f64,
    /// How the following of the daemon goes, and how old what is served may be.
    pub daemon: Daemon,
}

/// Whether the process lives
///
/// 503 when the part that follows the daemon has ended: only a restart helps.
#[utoipa::path(get, path = "/healthz", tag = "gateway",
    responses((status = 200, body = Health), (status = 503, body = Problem)))]
pub(super) async fn healthz(extract::State(state): extract::State<State>) -> Response {
    match state.is_alive() {
        true => Json(Health { alive: true }).into_response(),
        false => Problem::busy("the daemon is not being followed any more; restart the gateway")
            .into_response(),
    }
}

/// Whether there is something to serve
///
/// 200 once the daemon's state is known, or was read from disk, and from then on even while the daemon is
/// away: Envoys that come are served what was last known, whose age is told. 503 before that.
#[utoipa::path(get, path = "/readyz", tag = "gateway",
    responses((status = 200, body = Readiness), (status = 503, body = Problem)))]
pub(super) async fn readyz(extract::State(state): extract::State<State>) -> Response {
    let connection = state.connection();
    let daemon = Daemon::of(&connection, SystemTime::now());
    let known = state.sources().snapshots.borrow().is_some();
    if !known {
        let why = match &daemon.error {
            Some(error) => format!("the daemon's state is not known yet: {error}"),
            None => "the daemon's state is not known yet".to_owned(),
        };
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, why).into_response();
    }
    let kept_from = state.sources().telemetry.report().kept_from;
    let serving = match (connection.link, kept_from) {
        (Link::Following { .. }, None) => "current",
        _ => "last-known-good",
    };
    let readiness = Readiness {
        serving,
        kept_from: kept_from.map(Moment::from),
        age_seconds: kept_from.map_or(daemon.age_seconds, seconds_since),
        daemon,
    };
    Json(readiness).into_response()
}
