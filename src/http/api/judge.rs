//! What the gateway would do with a configuration. Nothing is kept of it.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::exposes::Finding;
use super::resources::Resource;
use super::{Body, Problem, Query};
use crate::config::{ConfigError, Written};
use crate::inspect::State;
use crate::model::{Document, ObjectPath, Severity};
use crate::validate::Context;
use crate::verdict::{Facts, Verdict, judge};

/// What is posted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Posted {
    /// The path of the service.
    #[param(example = "test/svc/web", min_length = 1)]
    service: String,
}

/// A configuration as JSON: an object of sections, each an object of keywords.
type Sections = BTreeMap<String, BTreeMap<String, String>>;

/// The verdict on a configuration.
#[derive(Debug, Serialize, ToSchema)]
pub struct Judgement {
    /// Whether nothing of it is refused.
    pub accepted: bool,
    /// The exposes that would be served, were the service alone and `secrets` as they should be.
    pub served: Vec<String>,
    /// The secrets that they need: whether they exist, and what they hold, is not looked at.
    pub secrets: Vec<String>,
    /// Everything there is to say.
    pub findings: Vec<Finding>,
}

/// A configuration in Envoy's words.
#[derive(Debug, Serialize, ToSchema)]
pub struct Translation {
    /// The verdict.
    #[serde(flatten)]
    pub judgement: Judgement,
    /// What Envoy would get, endpoints aside.
    pub resources: Vec<Resource>,
}

/// Judge a configuration
///
/// The body is the service's configuration: text as in a `.conf` file, or JSON, an object of sections.
#[utoipa::path(post, path = "/api/v1/validate", tag = "judge", params(Posted),
    request_body(content((String = "text/plain"), (Sections = "application/json"))),
    responses((status = 200, body = Judgement), (status = 400, body = Problem),
              (status = 413, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn validate(
    extract::State(state): extract::State<State>,
    Query(posted): Query<Posted>,
    Body(body): Body,
) -> Result<Json<Judgement>, Problem> {
    let judged = run(&state, posted, body, |verdict| judgement(&verdict)).await?;
    Ok(Json(judged))
}

/// Translate a configuration for Envoy
///
/// The body is the service's configuration: text as in a `.conf` file, or JSON, an object of sections.
#[utoipa::path(post, path = "/api/v1/translate", tag = "judge", params(Posted),
    request_body(content((String = "text/plain"), (Sections = "application/json"))),
    responses((status = 200, body = Translation), (status = 400, body = Problem),
              (status = 413, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn translate(
    extract::State(state): extract::State<State>,
    Query(posted): Query<Posted>,
    Body(body): Body,
) -> Result<Json<Translation>, Problem> {
    let translated = run(&state, posted, body, |verdict| Translation {
        judgement: judgement(&verdict),
        resources: verdict.resources().iter().map(Resource::of).collect(),
    });
    Ok(Json(translated.await?))
}

/// Reads and judges on a thread where that may take its time.
async fn run<T: Send + 'static>(
    state: &State,
    posted: Posted,
    body: axum::body::Bytes,
    then: impl FnOnce(Verdict) -> T + Send + 'static,
) -> Result<T, Problem> {
    let path: ObjectPath = posted
        .service
        .parse()
        .map_err(|error| Problem::bad_request(format!("service: {error}")))?;
    let permit = state.judges().clone().acquire_owned().await;
    let judged = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let document = document(path, &body)?;
        let facts = Facts {
            context: Context {
                now: Some(std::time::SystemTime::now()),
            },
            ..Facts::default()
        };
        Ok(then(judge(&document, &facts)))
    });
    judged.await.unwrap_or_else(|_| {
        Err(Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "judging failed; this is a bug",
        ))
    })
}

/// The configuration in a body.
fn document(path: ObjectPath, body: &[u8]) -> Result<Document, Problem> {
    let text = std::str::from_utf8(body).map_err(|_| unreadable("the body is not UTF-8"))?;
    if text.trim().is_empty() {
        return Err(unreadable(
            "the body is empty; post the service's configuration",
        ));
    }
    let written = Written::read(text).map_err(from_config)?;
    written.document(path).map_err(from_config)
}

fn unreadable(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
}

/// The error without the line itself, which may be one of a private key.
fn from_config(error: ConfigError) -> Problem {
    unreadable(match error {
        ConfigError::Line { line, .. } => {
            format!("line {line}: want '[section]' or 'keyword = value'")
        }
        ConfigError::NoSection { line, .. } => format!("line {line}: comes before any '[section]'"),
        other
        @ (ConfigError::Json(_) | ConfigError::Shape { .. } | ConfigError::Foreign { .. }) => {
            other.to_string()
        }
    })
}

fn judgement(verdict: &Verdict) -> Judgement {
    let report = &verdict.report;
    let findings = report.diagnostics.iter();
    Judgement {
        accepted: report.worst() != Some(Severity::Error),
        served: verdict.served().map(ToString::to_string).collect(),
        secrets: verdict.secrets().iter().map(ToString::to_string).collect(),
        findings: findings
            .map(|finding| Finding::of(&report.service, finding))
            .collect(),
    }
}
