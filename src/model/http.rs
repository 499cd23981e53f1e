//! Virtual hosts, routes and hash policies.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A `vhost#…` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualHost {
    /// The section's name, such as `vhost#0`.
    pub section: String,
    /// The hosts it answers to, as the `Host` header is matched: lower case, sorted, without
    /// duplicates and without port. Each is exact, `*.suffix`, `prefix.*`, `*`, or a bracketed IPv6
    /// literal.
    pub domains: Vec<String>,
    /// Tried in order; the first match wins. May be empty: the host then answers 404. Vhosts and exposes
    /// that name the same section share it.
    pub routes: Vec<Arc<Route>>,
}

/// A `route#…` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The section's name, such as `route#0`.
    pub section: String,
    /// Which requests it takes.
    pub path: PathMatch,
    /// Whether case matters in `path`; ignored for a regex.
    pub case_sensitive: bool,
    /// What it does with them.
    pub action: Action,
}

/// How a request's path is matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PathMatch {
    /// The whole path, without query.
    Exact(String),
    /// The beginning of the path.
    Prefix(String),
    /// The whole path, without query, by an RE2 regular expression.
    Regex(String),
}

/// What a route does with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Forwards it.
    Forward {
        /// Where to.
        destination: Destination,
        /// Replaces the matched prefix or path.
        prefix_rewrite: Option<String>,
        /// Replaces the `Host` header.
        host_rewrite: Option<String>,
        /// How long the endpoint may take to answer; zero is forever, `None` is Envoy's 15 s.
        timeout: Option<Duration>,
        /// Whether a websocket upgrade is allowed; `None` leaves it to the listener, which allows it.
        websocket: Option<bool>,
        /// What a consistent-hash cluster hashes, in order.
        hash_policies: Vec<HashPolicy>,
    },
    /// Answers with a redirect.
    Redirect(Redirect),
}

/// Where a route forwards to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Destination {
    /// The expose's own endpoints.
    Own,
    /// The Envoy cluster that this request header names.
    ClusterHeader(String),
}

/// A redirect answer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Redirect {
    /// The new host, with or without port.
    pub host: Option<String>,
    /// How the path changes.
    pub path: Option<PathRewrite>,
    /// The status code.
    pub code: RedirectCode,
    /// Whether the scheme becomes `https`.
    pub https: bool,
    /// Whether the query is dropped.
    pub strip_query: bool,
}

/// How a redirect changes the path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PathRewrite {
    /// The whole path is replaced.
    Path(String),
    /// The matched prefix is replaced.
    Prefix(String),
}

/// The status code of a redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum RedirectCode {
    /// 301
    #[default]
    MovedPermanently,
    /// 302
    Found,
    /// 303
    SeeOther,
    /// 307
    TemporaryRedirect,
    /// 308
    PermanentRedirect,
}

/// One ingredient of the hash that picks an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashPolicy {
    /// The section's name, such as `hashpolicy#0`.
    pub section: String,
    /// What is hashed.
    pub key: HashKey,
    /// Whether the ingredients after this one are ignored when this one is present.
    pub terminal: bool,
}

/// What a hash policy reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HashKey {
    /// A cookie.
    Cookie {
        /// The cookie's name.
        name: String,
        /// The `Path` of a cookie that Envoy makes.
        path: Option<String>,
        /// The life of a cookie that Envoy makes: zero is the session's, `None` makes none.
        ttl: Option<Duration>,
    },
    /// A request header.
    Header {
        /// The header's name.
        name: String,
    },
    /// The client's address.
    SourceIp,
}
