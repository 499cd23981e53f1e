//! `route#…` sections, type `envoy`.

use super::{Group, Keyword, Kind, Origin};

/// The keywords.
pub const KEYWORDS: &[&Keyword] = &[
    &MATCH_PATH,
    &MATCH_PREFIX,
    &MATCH_REGEX,
    &MATCH_CASE_SENSITIVE,
    &ROUTE_PREFIX_REWRITE,
    &ROUTE_HOST_REWRITE,
    &ROUTE_CLUSTER_HEADER,
    &ROUTE_TIMEOUT,
    &ROUTE_USE_WEBSOCKET,
    &HASH_POLICIES,
    &REDIRECT_HOST_REDIRECT,
    &REDIRECT_PATH_REDIRECT,
    &REDIRECT_PREFIX_REWRITE,
    &REDIRECT_RESPONSE_CODE,
    &REDIRECT_HTTPS_REDIRECT,
    &REDIRECT_STRIP_QUERY,
];

/// The keywords that mean nothing in a redirect.
pub const FORWARD_ONLY: &[&Keyword] = &[
    &ROUTE_PREFIX_REWRITE,
    &ROUTE_HOST_REWRITE,
    &ROUTE_CLUSTER_HEADER,
    &ROUTE_TIMEOUT,
    &ROUTE_USE_WEBSOCKET,
    &HASH_POLICIES,
];

/// `match_path`
pub static MATCH_PATH: Keyword = Keyword::new(
    "match_path",
    Kind::Text,
    "/favicon.ico",
    "Takes requests for exactly this path, whatever their query.",
);

/// `match_prefix`
pub static MATCH_PREFIX: Keyword = Keyword::new(
    "match_prefix",
    Kind::Text,
    "/api/",
    "Takes requests whose path starts with this.",
);

/// `match_regex`
pub static MATCH_REGEX: Keyword = Keyword::new(
    "match_regex",
    Kind::Text,
    "/b[io]t",
    "Takes requests whose whole path, without the query, matches this RE2 regular expression.",
);

/// `match_case_sensitive`
pub static MATCH_CASE_SENSITIVE: Keyword = Keyword {
    default: Some("true"),
    convert: None,
    ..Keyword::new(
        "match_case_sensitive",
        Kind::Boolean,
        "false",
        "Whether the case of letters matters in match_path and match_prefix. A regular expression \
         says `(?i)` instead.",
    )
};

/// `route_prefix_rewrite`
pub static ROUTE_PREFIX_REWRITE: Keyword = Keyword::new(
    "route_prefix_rewrite",
    Kind::Text,
    "/v2/",
    "Replaces the matched path or prefix before the request is forwarded.",
);

/// `route_host_rewrite`
pub static ROUTE_HOST_REWRITE: Keyword = Keyword::new(
    "route_host_rewrite",
    Kind::Text,
    "internal.acme.com",
    "Replaces the `Host` header before the request is forwarded.",
);

/// `route_cluster_header`
pub static ROUTE_CLUSTER_HEADER: Keyword = Keyword::new(
    "route_cluster_header",
    Kind::Text,
    "x-cluster",
    "Forwards to the Envoy cluster that this request header names, such as \
     `test/svc/web1.expose#0`, instead of the expose's own service.",
);

/// `route_timeout`
pub static ROUTE_TIMEOUT: Keyword = Keyword {
    default_text: "15s",
    ..Keyword::new(
        "route_timeout",
        Kind::Timeout,
        "30s",
        "How long the service may take to answer, retries included. 0 waits for ever.",
    )
};

/// `route_use_websocket`
pub static ROUTE_USE_WEBSOCKET: Keyword = Keyword {
    convert: Some("tristate"),
    origin: Origin::Ours { since: "0.1.0" },
    default_text: "websockets are allowed, unless filter_config_data says otherwise",
    ..Keyword::new(
        "route_use_websocket",
        Kind::Boolean,
        "true",
        "Whether a client may upgrade to a websocket on this route.",
    )
};

/// `hash_policies`
pub static HASH_POLICIES: Keyword = Keyword::new(
    "hash_policies",
    Kind::Sections(Group::Hashpolicy),
    "hashpolicy#0",
    "What the `ring_hash` and `maglev` policies of the expose hash, in order.",
);

/// `redirect_host_redirect`
pub static REDIRECT_HOST_REDIRECT: Keyword = Keyword::new(
    "redirect_host_redirect",
    Kind::Text,
    "www.acme.com",
    "Redirects to this host, with or without port.",
);

/// `redirect_path_redirect`
pub static REDIRECT_PATH_REDIRECT: Keyword = Keyword::new(
    "redirect_path_redirect",
    Kind::Text,
    "/new",
    "Redirects to this path. Excludes redirect_prefix_rewrite.",
);

/// `redirect_prefix_rewrite`
pub static REDIRECT_PREFIX_REWRITE: Keyword = Keyword::new(
    "redirect_prefix_rewrite",
    Kind::Text,
    "/new/",
    "Redirects with the matched path or prefix replaced by this. Excludes redirect_path_redirect.",
);

/// `redirect_response_code`
pub static REDIRECT_RESPONSE_CODE: Keyword = Keyword {
    default_text: "MOVED_PERMANENTLY",
    candidates: &[
        "MOVED_PERMANENTLY",
        "FOUND",
        "SEE_OTHER",
        "TEMPORARY_REDIRECT",
        "PERMANENT_REDIRECT",
        "301",
        "302",
        "303",
        "307",
        "308",
    ],
    ..Keyword::new(
        "redirect_response_code",
        Kind::Choice,
        "302",
        "The status code of the redirect, by name or by number.",
    )
};

/// `redirect_https_redirect`
pub static REDIRECT_HTTPS_REDIRECT: Keyword = Keyword {
    default: Some("false"),
    ..Keyword::new(
        "redirect_https_redirect",
        Kind::Boolean,
        "true",
        "Redirects to the https scheme. A port in the `Host` header other than 80 is kept.",
    )
};

/// `redirect_strip_query`
pub static REDIRECT_STRIP_QUERY: Keyword = Keyword {
    default: Some("false"),
    ..Keyword::new(
        "redirect_strip_query",
        Kind::Boolean,
        "true",
        "Drops the query in the redirect.",
    )
};
