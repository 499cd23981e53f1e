//! Where a redirect leads.

use super::question::Question;
use crate::inspect::catalog::{Action, PathKind, Route};

/// The status and `Location` of a route's redirect; `None` where the route does not redirect.
pub(super) fn location(route: &Route, question: &Question) -> Option<(u16, String)> {
    let Action::Redirect {
        status,
        https,
        host,
        path,
        prefix,
        strip_query,
    } = &route.action
    else {
        return None;
    };
    let tls = question.scheme.is_tls();
    let scheme = if *https || tls { "https" } else { "http" };
    let sent = question.headers.get("host").map_or("", String::as_str);
    // The usual port of the old scheme would be wrong in the new one; any other port stays.
    let kept = match *https && !tls {
        true => sent.strip_suffix(":80").unwrap_or(sent),
        false => sent,
    };
    let host = host.as_deref().unwrap_or(kept);
    let (old_path, query) = match question.target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (question.target.as_str(), None),
    };
    let new_path = match (path, prefix) {
        (Some(path), _) => path.clone(),
        (None, Some(prefix)) if route.matching == PathKind::Prefix => {
            let rest = old_path.get(route.path.len()..).unwrap_or_default();
            format!("{prefix}{rest}")
        }
        (None, Some(prefix)) => prefix.clone(),
        (None, None) => old_path.to_owned(),
    };
    let query = query.filter(|_| !strip_query && !new_path.contains('?'));
    let query = query.map_or_else(String::new, |query| format!("?{query}"));
    Some((*status, format!("{scheme}://{host}{new_path}{query}")))
}
