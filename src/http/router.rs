//! The whole interface as one function from requests to responses.

use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::{Problem, api, dashboard, metrics};
use crate::inspect::State;

/// The largest body: a configuration of a megabyte is somebody's mistake.
pub const MAX_BODY: usize = 1 << 20;

/// How long an answer may take to begin.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Who may be addressed: what stands in a request's `Host`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hosts {
    /// Any name.
    Any,
    /// Addresses and `localhost` only. It guards a loopback address against DNS rebinding: a web page whose
    /// own name leads there could read what its visitor can.
    Local,
}

/// The interface over a state.
pub fn router(state: State, hosts: Hosts) -> Router {
    let router = Router::new()
        .merge(api::router())
        .route("/metrics", get(metrics::scrape))
        .merge(dashboard::router())
        .fallback(async || {
            Problem::not_found(
                "there is nothing here; / is the dashboard, /api/v1/openapi.json the API",
            )
        })
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "this is read only: GET, and POST to /api/v1/validate and /api/v1/translate",
            )
        })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn(in_time))
        .layer(from_fn(with_headers))
        .with_state(state);
    match hosts {
        Hosts::Any => router,
        Hosts::Local => router.layer(from_fn(for_a_local_host)),
    }
}

async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::busy("the answer took too long").into_response(),
    }
}

/// What browsers are told: to run nothing but the dashboard's own files, to talk to nobody else, and
/// to show it in nobody's frame.
async fn with_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
             connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn for_a_local_host(request: Request, next: Next) -> Response {
    let host = request
        .headers()
        .get(header::HOST)
        .map(HeaderValue::as_bytes);
    match host.is_none_or(is_local) {
        true => next.run(request).await,
        false => Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "this gateway answers to localhost and to addresses; use http://127.0.0.1 and the port",
        )
        .into_response(),
    }
}

/// Whether a `Host` is an address or `localhost`.
fn is_local(host: &[u8]) -> bool {
    let Ok(host) = std::str::from_utf8(host) else {
        return false;
    };
    if let Some(rest) = host.strip_prefix('[') {
        let address = rest.split(']').next().unwrap_or_default();
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let name = host.split(':').next().unwrap_or_default();
    name.parse::<std::net::Ipv4Addr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || name.to_ascii_lowercase().ends_with(".localhost")
}
