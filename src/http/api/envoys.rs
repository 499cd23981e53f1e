//! The Envoys that are connected.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract;
use serde::Serialize;
use utoipa::ToSchema;

use crate::envoy::ResourceType;
use crate::inspect::board::Board;
use crate::inspect::{Moment, State};

/// A connected Envoy.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Envoy {
    /// Its `node.id`.
    pub node: String,
    /// Its `node.cluster`.
    pub gateway: String,
    /// The number of its stream.
    pub stream: u64,
    /// `delta` or `state_of_the_world`.
    pub variant: &'static str,
    /// The listener by which it came.
    pub transport: String,
    /// The only type that it asks for on this stream; absent on an aggregated one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<&'static str>,
    /// When it connected.
    pub connected: Moment,
    /// For how long it has owed an answer, in seconds: 0 when it is up to date.
    pub lag_seconds: f64,
    /// What it has, by type; absent are those that it does not ask for.
    pub types: BTreeMap<&'static str, TypeState>,
    /// What it refused.
    pub refusals: Vec<Refusal>,
}

/// What an Envoy has of a type.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TypeState {
    /// The version that it last acknowledged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<String>,
    /// The version that it was last sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<String>,
    /// How many responses it has not answered yet.
    pub unacknowledged: usize,
    /// How many bytes it was sent since it connected.
    pub sent_bytes: u64,
    /// Private keys were kept from it, as its transport keeps nobody out.
    pub withheld: bool,
}

/// What an Envoy refused.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Refusal {
    /// The type of the resource.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The resource.
    pub resource: String,
    /// Envoy's words.
    pub text: String,
    /// Whether the resource is known to be at fault. Where it is not, Envoy refused it together with
    /// others, and which of them it meant is being found out.
    pub certain: bool,
    /// When.
    pub at: Moment,
    /// The exposes that the resource is made of, as far as it is known which of them it is about.
    pub exposes: Vec<String>,
}

/// List connected Envoys, what they have and what they refused
#[utoipa::path(get, path = "/api/v1/envoys", tag = "envoy",
    responses((status = 200, body = Vec<Envoy>)))]
pub(super) async fn list(extract::State(state): extract::State<State>) -> Json<Vec<Envoy>> {
    Json(current(&state.board()))
}

pub(in crate::http) fn current(board: &Board) -> Vec<Envoy> {
    let Some(report) = &board.telemetry else {
        return Vec::new();
    };
    let envoys = report.envoys.iter().map(|envoy| {
        let stream = &envoy.stream;
        let types = ResourceType::ALL.into_iter().filter_map(|kind| {
            let of = envoy.of(kind);
            let asked = of.sent.is_some() || of.withheld;
            asked.then(|| {
                let state = TypeState {
                    acknowledged: of.acknowledged.map(|version| version.to_string()),
                    sent: of.sent.map(|version| version.to_string()),
                    unacknowledged: of.unacknowledged(),
                    sent_bytes: of.bytes,
                    withheld: of.withheld,
                };
                (kind.word(), state)
            })
        });
        let refusals = envoy.refusals().map(|(kind, refusal)| {
            let owners = board.owners.of_refusal(kind, &refusal.name, &refusal.text);
            Refusal {
                kind: kind.word(),
                resource: refusal.name.to_string(),
                text: refusal.text.to_string(),
                certain: refusal.certain,
                at: refusal.at.into(),
                exposes: owners.into_iter().map(str::to_owned).collect(),
            }
        });
        Envoy {
            node: stream.node.to_string(),
            gateway: stream.gateway.to_string(),
            stream: stream.id,
            variant: stream.variant.word(),
            transport: stream.transport.to_string(),
            scope: stream.scope.map(ResourceType::word),
            connected: envoy.connected.into(),
            lag_seconds: report.lag(envoy).as_secs_f64(),
            types: types.collect(),
            refusals: refusals.collect(),
        }
    });
    envoys.collect()
}
