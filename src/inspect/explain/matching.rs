//! Envoy's ways of comparing: server names, hosts and paths.

use crate::inspect::catalog::{PathKind, Route};
use crate::validate::regex;

/// How well a chain's server name fits the one that a client asks for; higher is better, and the
/// best wins whatever else a chain demands. `None`: not at all.
///
/// An exact name comes first, then `*.suffix` by its length.
pub(super) fn server_name(pattern: &str, asked: &str) -> Option<usize> {
    match pattern.strip_prefix('*') {
        None => (pattern == asked).then_some(usize::MAX),
        Some(suffix) => {
            let fits = asked.len() > suffix.len() && asked.ends_with(suffix);
            fits.then_some(suffix.len())
        }
    }
}

/// How a virtual host's domain fits a `Host` header. Ordered as Envoy prefers: the greater wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum HostFit {
    /// `*`
    Any,
    /// `prefix.*`, by the length of the prefix.
    Prefix(usize),
    /// `*.suffix`, by the length of the suffix.
    Suffix(usize),
    /// The very name.
    Exact,
}

/// How a domain fits a `Host` header in lower case; `None`: not at all.
pub(super) fn host(domain: &str, asked: &str) -> Option<HostFit> {
    if domain == "*" {
        return Some(HostFit::Any);
    }
    if let Some(suffix) = domain.strip_prefix('*') {
        let fits = asked.len() > suffix.len() && asked.ends_with(suffix);
        return fits.then_some(HostFit::Suffix(suffix.len()));
    }
    if let Some(prefix) = domain.strip_suffix('*') {
        let fits = asked.len() > prefix.len() && asked.starts_with(prefix);
        return fits.then_some(HostFit::Prefix(prefix.len()));
    }
    (domain == asked).then_some(HostFit::Exact)
}

/// Whether a route takes a path, given without its query; `None` where its expression cannot be judged
/// here.
pub(super) fn path(route: &Route, asked: &str) -> Option<bool> {
    let (wanted, asked) = match route.case_sensitive || route.matching == PathKind::Regex {
        true => (route.path.clone(), asked.to_owned()),
        false => (route.path.to_ascii_lowercase(), asked.to_ascii_lowercase()),
    };
    Some(match route.matching {
        PathKind::Exact => wanted == asked,
        PathKind::Prefix => asked.starts_with(&wanted),
        PathKind::Regex => regex::matcher(&wanted)?.is_match(asked.as_bytes()),
    })
}
