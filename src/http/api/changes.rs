//! Recent changes, and how long they took.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Query;
use crate::inspect::board::Board;
use crate::inspect::{Moment, State};

/// Which changes to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    /// How many at most, the newest first.
    #[serde(default = "usual")]
    limit: usize,
}

fn usual() -> usize {
    50
}

/// A change of what Envoy is served.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Change {
    /// Its number, from 1.
    pub number: u64,
    /// When it was published.
    pub at: Moment,
    /// What changed, by type.
    pub parts: BTreeMap<&'static str, Part>,
    /// How many of the Envoys that were sent any of it have it.
    pub acknowledged: usize,
    /// How many have not.
    pub outstanding: usize,
    /// The time from the event in the daemon to the last acknowledgement so far, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_to_ack_seconds: Option<f64>,
}

/// What changed of a type.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Part {
    /// The version of the type, after the change.
    pub version: String,
    /// How many resources are new or differ.
    pub put: usize,
    /// How many are gone.
    pub removed: usize,
    /// The names of the first few of them.
    pub names: Vec<String>,
}

/// List recent changes, the newest first
#[utoipa::path(get, path = "/api/v1/changes", tag = "envoy", params(Filter),
    responses((status = 200, body = Vec<Change>), (status = 400, body = super::Problem)))]
pub(super) async fn list(
    extract::State(state): extract::State<State>,
    Query(filter): Query<Filter>,
) -> Json<Vec<Change>> {
    Json(current(&state.board(), filter.limit))
}

pub(in crate::http) fn current(board: &Board, limit: usize) -> Vec<Change> {
    let Some(report) = &board.telemetry else {
        return Vec::new();
    };
    let changes = report.changes.iter().take(limit).map(|change| {
        let (acknowledged, outstanding) = report.spread(change);
        let parts = change.parts.iter().map(|part| {
            let names = part.names.iter().map(ToString::to_string);
            let part_of = Part {
                version: part.version.to_string(),
                put: part.put,
                removed: part.removed,
                names: names.collect(),
            };
            (part.kind.word(), part_of)
        });
        let last = change.acknowledged.iter().map(|ack| ack.after).max();
        Change {
            number: change.number,
            at: change.at.into(),
            parts: parts.collect(),
            acknowledged,
            outstanding,
            event_to_ack_seconds: last.map(|after| after.as_secs_f64()),
        }
    });
    changes.collect()
}
