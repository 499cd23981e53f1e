//! `vhost#…` sections, type `envoy`.

use super::{Group, Keyword, Kind};

/// The keywords.
pub const KEYWORDS: &[&Keyword] = &[&DOMAINS, &ROUTES];

/// `domains`
pub static DOMAINS: Keyword = Keyword {
    default: Some("{name}"),
    default_text: "the name of the service",
    ..Keyword::new(
        "domains",
        Kind::Names,
        "www.acme.com *.acme.org",
        "The hosts that the virtual host answers to: exact names, a name with one `*` at its start \
         or end, or `*` alone for every other host.",
    )
};

/// `routes`
pub static ROUTES: Keyword = Keyword::new(
    "routes",
    Kind::Sections(Group::Route),
    "route#0 route#1",
    "The routes, tried in this order; the first that matches takes the request.",
);
