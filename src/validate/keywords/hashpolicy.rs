//! `hashpolicy#…` sections, type `envoy`. The agent allows no scope on their keywords.

use super::{Keyword, Kind, Origin};

/// The keywords.
pub const KEYWORDS: &[&Keyword] = &[
    &COOKIE_NAME,
    &COOKIE_PATH,
    &COOKIE_TTL,
    &HEADER_HEADER_NAME,
    &HEADER_NAME,
    &CONNECTION_SOURCE_IP,
    &TERMINAL,
];

const fn keyword(
    name: &'static str,
    kind: Kind,
    example: &'static str,
    help: &'static str,
) -> Keyword {
    Keyword {
        scopable: false,
        ..Keyword::new(name, kind, example, help)
    }
}

/// `cookie_name`
pub static COOKIE_NAME: Keyword = keyword(
    "cookie_name",
    Kind::Text,
    "JSESSIONID",
    "Hashes the value of this cookie.",
);

/// `cookie_path`
pub static COOKIE_PATH: Keyword = keyword(
    "cookie_path",
    Kind::Text,
    "/",
    "The path of the cookie that the gateway makes.",
);

/// `cookie_ttl`
pub static COOKIE_TTL: Keyword = Keyword {
    default_text: "the gateway makes no cookie",
    ..keyword(
        "cookie_ttl",
        Kind::Duration,
        "1h",
        "How long the cookie lives that the gateway makes for a client without one. 0 is the \
         browser's session.",
    )
};

/// `header_header_name`
pub static HEADER_HEADER_NAME: Keyword = keyword(
    "header_header_name",
    Kind::Text,
    "x-user",
    "Hashes the value of this request header.",
);

/// `header_name`
pub static HEADER_NAME: Keyword = Keyword {
    alias_of: Some("header_header_name"),
    origin: Origin::Ours { since: "0.1.0" },
    ..keyword(
        "header_name",
        Kind::Text,
        "x-user",
        "Another name of header_header_name, which older gateways looked for.",
    )
};

/// `connection_source_ip`
pub static CONNECTION_SOURCE_IP: Keyword = Keyword {
    default: Some("false"),
    convert: None,
    ..keyword(
        "connection_source_ip",
        Kind::Boolean,
        "true",
        "Hashes the client's address.",
    )
};

/// `terminal`
pub static TERMINAL: Keyword = Keyword {
    default: Some("false"),
    ..keyword(
        "terminal",
        Kind::Boolean,
        "true",
        "Ignores the hash policies after this one when this one found something to hash.",
    )
};
