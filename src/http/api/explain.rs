//! The request explainer.

use axum::Json;
use axum::extract;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::exposes::Finding;
use super::{Problem, Query};
use crate::inspect::State;
use crate::inspect::board::Summary;
use crate::inspect::explain::{
    BadQuestion, Caveat, Explanation, Question, caveats, explain as answer, related,
};

/// A request to explain.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// The URL, with scheme `http`, `https`, `tcp`, `tls` or `udp`.
    #[param(example = "https://www.example.com/path?query", min_length = 1)]
    url: String,
    /// The server name (SNI), where it is not the URL's host; empty for none.
    sni: Option<String>,
    /// The address that is connected to, where it matters which.
    address: Option<String>,
    /// Headers, one `Name: value` a line.
    #[serde(default)]
    headers: String,
}

/// What becomes of a request.
#[derive(Debug, Serialize, ToSchema)]
pub struct Explained {
    /// The way of the request.
    #[serde(flatten)]
    pub explanation: Explanation,
    /// The expose that it reaches, in a few words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<std::sync::Arc<Summary>>,
    /// What its way does not show, and decides whether it arrives; the worst first.
    pub caveats: Vec<Caveat>,
    /// Findings that may be why: they speak of the host, or of the expose that is reached.
    pub related: Vec<Finding>,
}

impl From<BadQuestion> for Problem {
    fn from(error: BadQuestion) -> Self {
        Self::bad_request(error.to_string())
    }
}

/// Explain what becomes of a request
///
/// Follows what Envoy was sent by Envoy's own rules. Nothing is sent anywhere.
#[utoipa::path(get, path = "/api/v1/explain", tag = "envoy", params(Asked),
    responses((status = 200, body = Explained), (status = 400, body = Problem)))]
pub(super) async fn explain(
    extract::State(state): extract::State<State>,
    Query(asked): Query<Asked>,
) -> Result<Json<Explained>, Problem> {
    let mut question = Question::new(&asked.url)?;
    for line in asked.headers.lines().filter(|line| !line.trim().is_empty()) {
        question = question.header(line)?;
    }
    if let Some(name) = &asked.sni {
        question = question.server_name(name);
    }
    if let Some(address) = asked.address.filter(|address| !address.trim().is_empty()) {
        question = question.address(&address)?;
    }
    let board = state.board();
    let explanation = answer(&board.catalog, &question);
    let owner = explanation
        .expose
        .as_deref()
        .and_then(|name| board.find(name));
    let findings = related(&board.view, &question, &explanation);
    let findings = findings.map(|(service, finding)| Finding::live(&board, service, finding));
    Ok(Json(Explained {
        owner: owner.map(|(_, summary)| summary.clone()),
        caveats: caveats(&state, &board, &question, &explanation),
        related: findings.collect(),
        explanation,
    }))
}
