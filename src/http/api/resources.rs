//! What Envoy has.

use std::sync::Arc;

use axum::Json;
use axum::extract;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Path, Problem};
use crate::envoy::json::{self, Sensitive};
use crate::envoy::{Resource as Encoded, ResourceType};
use crate::inspect::State;
use crate::inspect::catalog::{Cluster, Endpoint, Listener, RouteTable};

/// A cluster with its endpoints.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClusterWithEndpoints {
    /// The cluster.
    #[serde(flatten)]
    pub cluster: Arc<Cluster>,
    /// Its endpoints.
    pub endpoints: Vec<Endpoint>,
}

/// A resource as Envoy has it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Resource {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Its version: a hash of its content.
    pub version: String,
    /// How long it is, in bytes.
    pub bytes: usize,
    /// Whether it holds a private key; its content is not shown then.
    pub confidential: bool,
    /// Its content in Envoy's own words, keys and passwords hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Value>,
}

impl Resource {
    pub(super) fn of(resource: &Encoded) -> Self {
        let shown = !resource.confidential;
        let print = || json::print(resource.kind.type_url(), &resource.body, Sensitive::Hidden);
        Self {
            kind: resource.kind.word(),
            name: resource.name.to_string(),
            version: resource.version.to_string(),
            bytes: resource.body.len(),
            confidential: resource.confidential,
            content: shown.then(print).flatten(),
        }
    }
}

/// List listeners with their filter chains
#[utoipa::path(get, path = "/api/v1/listeners", tag = "envoy",
    responses((status = 200, body = Vec<Listener>)))]
pub(super) async fn listeners(
    extract::State(state): extract::State<State>,
) -> Json<Vec<Arc<Listener>>> {
    Json(state.board().catalog.listeners.values().cloned().collect())
}

/// List route configurations
#[utoipa::path(get, path = "/api/v1/routes", tag = "envoy",
    responses((status = 200, body = Vec<RouteTable>)))]
pub(super) async fn routes(
    extract::State(state): extract::State<State>,
) -> Json<Vec<Arc<RouteTable>>> {
    Json(state.board().catalog.routes.values().cloned().collect())
}

/// List clusters with their endpoints
#[utoipa::path(get, path = "/api/v1/clusters", tag = "envoy",
    responses((status = 200, body = Vec<ClusterWithEndpoints>)))]
pub(super) async fn clusters(
    extract::State(state): extract::State<State>,
) -> Json<Vec<ClusterWithEndpoints>> {
    let board = state.board();
    let clusters = board.catalog.clusters.iter();
    let with_endpoints = clusters.map(|(name, cluster)| ClusterWithEndpoints {
        cluster: cluster.clone(),
        endpoints: board.catalog.endpoints_of(name).to_vec(),
    });
    Json(with_endpoints.collect())
}

/// One resource in Envoy's own words
#[utoipa::path(get, path = "/api/v1/resources/{kind}/{name}", tag = "envoy",
    params(
        ("kind" = String, Path, description = "cluster, endpoints, secret, listener or routes"),
        ("name" = String, Path, description = "Its name, percent-encoded")
    ),
    responses((status = 200, body = Resource), (status = 404, body = Problem)))]
pub(super) async fn resource(
    extract::State(state): extract::State<State>,
    Path((wanted, name)): Path<(String, String)>,
) -> Result<Json<Resource>, Problem> {
    let kind = ResourceType::ALL
        .into_iter()
        .find(|kind| kind.word() == wanted);
    let kind = kind.ok_or_else(|| {
        let types = ResourceType::ALL.map(ResourceType::word).join(", ");
        Problem::not_found(format!("'{wanted}' is not a type; the types are {types}"))
    })?;
    let board = state.board();
    let found = board.catalog.snapshot().get(kind, &name);
    let found = found.ok_or_else(|| Problem::not_found(format!("there is no {wanted} {name}")))?;
    Ok(Json(Resource::of(found)))
}
