//! `/metrics`, in Prometheus' text format.

mod gather;
mod names;
mod process;
mod text;

use axum::extract;
use axum::http::header;
use axum::response::IntoResponse;

pub use names::{ALL, Kind, Metric};

use crate::inspect::State;

/// The media type of the text format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Answers a scrape.
pub(super) async fn scrape(extract::State(state): extract::State<State>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, TEXT)], gather::gather(&state))
}
