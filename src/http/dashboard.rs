//! The dashboard: files in the binary, and nothing from elsewhere.

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

use crate::inspect::State;

macro_rules! assets {
    ($($path:literal = $file:literal, $kind:literal;)*) => {
        /// Every file, with its path and its media type.
        const ASSETS: &[(&str, &str, &str)] = &[
            $(($path, $kind, include_str!(concat!("assets/", $file))),)*
        ];
    };
}

assets! {
    "/" = "index.html", "text/html; charset=utf-8";
    "/assets/dashboard.css" = "dashboard.css", "text/css; charset=utf-8";
    "/assets/dashboard.js" = "dashboard.js", "text/javascript; charset=utf-8";
    "/assets/dom.js" = "dom.js", "text/javascript; charset=utf-8";
    "/assets/exposes.js" = "exposes.js", "text/javascript; charset=utf-8";
    "/assets/findings.js" = "findings.js", "text/javascript; charset=utf-8";
    "/assets/path.js" = "path.js", "text/javascript; charset=utf-8";
    "/assets/explain.js" = "explain.js", "text/javascript; charset=utf-8";
    "/assets/panels.js" = "panels.js", "text/javascript; charset=utf-8";
    "/assets/icon.svg" = "icon.svg", "image/svg+xml";
}

/// The dashboard's files.
pub(super) fn router() -> Router<State> {
    ASSETS
        .iter()
        .fold(Router::new(), |router, (path, kind, content)| {
            let file = async || {
                (
                    [
                        (header::CONTENT_TYPE, *kind),
                        (header::CACHE_CONTROL, "no-cache"),
                    ],
                    *content,
                )
                    .into_response()
            };
            router.route(path, get(file))
        })
}
