//! Certificates by expiry.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Json;
use axum::extract;
use serde::Serialize;
use utoipa::ToSchema;

use crate::inspect::catalog::Secret;
use crate::inspect::{Moment, State};

/// A certificate or trust anchor, and who uses it.
#[derive(Debug, Serialize, ToSchema)]
pub struct UsedSecret {
    /// What is known of it.
    #[serde(flatten)]
    pub secret: Arc<Secret>,
    /// For how long it is still valid, in seconds; negative once it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining_seconds: Option<f64>,
    /// The exposes that use it.
    pub exposes: Vec<String>,
}

/// List certificates and trust anchors, the first to expire first
#[utoipa::path(get, path = "/api/v1/certificates", tag = "envoy",
    responses((status = 200, body = Vec<UsedSecret>)))]
pub(super) async fn list(extract::State(state): extract::State<State>) -> Json<Vec<UsedSecret>> {
    let board = state.board();
    let now = Moment::from(SystemTime::now()).unix_seconds();
    let mut secrets: Vec<Arc<Secret>> = board.catalog.secrets.values().cloned().collect();
    secrets.sort_by_key(|secret| {
        (
            secret.certificate.not_after.is_none(),
            secret.certificate.not_after,
        )
    });
    let used = secrets.into_iter().map(|secret| UsedSecret {
        remaining_seconds: secret.certificate.not_after.map(|m| m.unix_seconds() - now),
        exposes: board
            .owners
            .of_secret(&secret.name)
            .map(str::to_owned)
            .collect(),
        secret,
    });
    Json(used.collect())
}
