//! The JSON API, `/api/v1`. Its OpenAPI document is made of the handlers and their types.

// utoipa's macro repeats the handlers' types with a path.
#![allow(unused_qualifications)]

pub mod certificates;
pub mod changes;
pub mod envoys;
pub mod events;
pub mod explain;
pub mod exposes;
pub mod health;
pub mod judge;
mod problem;
pub mod resources;
pub mod status;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::routing::get;
use axum::{Json, Router};
use utoipa::OpenApi;
use utoipa::openapi::RefOr;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use problem::Problem;

use crate::inspect::State;

/// A request's parameters.
#[derive(Debug, Clone, Copy, FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub(super) struct Query<T>(pub(super) T);

/// A request's place in the hierarchy.
#[derive(Debug, Clone, Copy, FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub(super) struct Path<T>(pub(super) T);

/// A request's body.
#[derive(Debug, Clone)]
pub(super) struct Body(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Ok(Self(Bytes::from_request(request, state).await?))
    }
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "igw-envoy",
        description = "What OpenSVC's Envoy ingress gateway serves, refuses, and why. Read only: \
                       what is posted is judged and forgotten."
    ),
    tags(
        (name = "exposes", description = "What services expose"),
        (name = "envoy", description = "What Envoy has, and what becomes of a request"),
        (name = "judge", description = "What the gateway would do with a configuration"),
        (name = "gateway", description = "The gateway itself")
    )
)]
struct Document;

/// The API's routes; the document is one of them.
pub(super) fn router() -> Router<State> {
    let (router, document) = parts();
    let openapi = get(async move || Json(document));
    router.route("/api/v1/openapi.json", openapi)
}

/// The OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    parts().1
}

fn parts() -> (Router<State>, utoipa::openapi::OpenApi) {
    let (router, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(status::status))
        .routes(routes!(exposes::list))
        .routes(routes!(exposes::one))
        .routes(routes!(exposes::diagnostics))
        .routes(routes!(resources::listeners))
        .routes(routes!(resources::routes))
        .routes(routes!(resources::clusters))
        .routes(routes!(resources::resource))
        .routes(routes!(certificates::list))
        .routes(routes!(envoys::list))
        .routes(routes!(changes::list))
        .routes(routes!(events::stream))
        .routes(routes!(explain::explain))
        .routes(routes!(judge::validate))
        .routes(routes!(judge::translate))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .split_for_parts();
    name_problems(&mut document);
    (router, document)
}

/// Errors have a media type of their own, which the handlers' types do not know.
fn name_problems(document: &mut utoipa::openapi::OpenApi) {
    let paths = document.paths.paths.values_mut();
    let operations = paths.flat_map(|path| [&mut path.get, &mut path.post]);
    for operation in operations.flatten() {
        for (status, response) in &mut operation.responses.responses {
            if let RefOr::T(response) = response
                && status.starts_with(['4', '5'])
                && let Some(problem) = response.content.swap_remove("application/json")
            {
                response.content.insert(problem::MEDIA_TYPE.into(), problem);
            }
        }
    }
}
