//! `vhost#…`

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foldhash::HashMap;

use super::super::codes;
use super::super::keywords::vhost as keyword;
use super::super::names::{self, Domain};
use super::super::problem::Problem;
use super::super::reader::Reader;
use super::super::value;
use super::Sections;
use crate::model::{Action, PathMatch, Route};

/// A virtual host, before it is known on which port it is asked for.
#[derive(Debug)]
pub(super) struct Vhost {
    pub(super) domains: Vec<Domain>,
    pub(super) routes: Vec<Arc<Route>>,
}

impl Vhost {
    /// How many sections a copy of it holds.
    pub(super) fn weight(&self) -> usize {
        1 + self.routes.iter().map(|route| weight(route)).sum::<usize>()
    }
}

fn weight(route: &Route) -> usize {
    match &route.action {
        Action::Forward { hash_policies, .. } => 1 + hash_policies.len(),
        Action::Redirect(_) => 1,
    }
}

impl<'a> Sections<'a> {
    pub(super) fn vhost(&mut self, reader: &mut Reader<'a, '_>) -> Option<Vhost> {
        let name = self.document.path.name();
        let domains = reader.read(&keyword::DOMAINS, |value| {
            value::list(value)?
                .iter()
                .map(|text| match text.as_str() {
                    "{name}" => names::domain(name),
                    text => names::domain(text),
                })
                .collect::<Result<Vec<Domain>, _>>()
        });
        let named = reader.sections(&keyword::ROUTES, &self.routes);
        let reached: usize = named.iter().map(|(_, route)| weight(route)).sum();
        if named.is_empty() && !reader.is_set(&keyword::ROUTES) {
            reader.warn(
                keyword::ROUTES.name,
                codes::NO_ROUTES,
                "is empty, so every request is answered with 404",
                "write for example routes=route#0, and match_prefix=/ in route#0",
            );
        }
        for (route, hidden_by) in hidden(&named) {
            reader.warn(
                keyword::ROUTES.name,
                codes::ROUTE_HIDDEN,
                format!("{route} is never tried: {hidden_by} takes all of its requests"),
                format!("name {route} before {hidden_by}"),
            );
        }
        let routes = named.into_iter().map(|(_, route)| route.clone()).collect();
        if !self.reach(reached) {
            too_much(reader, keyword::ROUTES.name);
        }
        Some(Vhost {
            domains: domains?,
            routes,
        })
    }
}

/// Refuses a section that reaches too much.
pub(super) fn too_much(reader: &mut Reader<'_, '_>, keyword: &'static str) {
    reader.error(
        keyword,
        codes::TOO_MANY_ROUTES,
        format!(
            "brings the service to more than {} routes and hash policies",
            super::MAX_REACHED
        ),
        "name fewer sections, or split the service",
    );
}

/// The routes that never get a request, with the earlier one that takes them all.
fn hidden<'a>(routes: &[(&'a str, &Arc<Route>)]) -> Vec<(&'a str, &'a str)> {
    let mut exact = Prefixes::default();
    let mut folded = Prefixes::default();
    let mut regexes: HashMap<&str, &str> = HashMap::default();
    let mut found = Vec::new();
    for (name, route) in routes {
        let (text, is_prefix) = match &route.path {
            PathMatch::Exact(path) => (path, false),
            PathMatch::Prefix(path) => (path, true),
            PathMatch::Regex(pattern) => {
                let all = exact.covering("/").or_else(|| folded.covering("/"));
                match all.or_else(|| regexes.get(pattern.as_str()).copied()) {
                    Some(by) => found.push((*name, by)),
                    None => {
                        regexes.insert(pattern, name);
                    }
                }
                continue;
            }
        };
        let lower = match text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            true => Cow::Owned(text.to_ascii_lowercase()),
            false => Cow::Borrowed(text.as_str()),
        };
        let by = folded
            .covering(&lower)
            .or_else(|| match route.case_sensitive {
                true => exact.covering(text),
                // A prefix that minds the case covers all cases only where it has no letters.
                false => exact.covering(letterless(text)),
            });
        match by {
            Some(by) => found.push((*name, by)),
            None if is_prefix && route.case_sensitive => exact.insert(text.into(), name),
            None if is_prefix => folded.insert(lower, name),
            None => {}
        }
    }
    found
}

/// The prefixes of routes, by their text.
#[derive(Default)]
struct Prefixes<'t, 'a> {
    names: HashMap<Cow<'t, str>, &'a str>,
    lengths: BTreeSet<usize>,
}

impl<'t, 'a> Prefixes<'t, 'a> {
    fn insert(&mut self, prefix: Cow<'t, str>, name: &'a str) {
        self.lengths.insert(prefix.len());
        self.names.insert(prefix, name);
    }

    /// The name of the longest prefix that starts a text, if it is found soon: one of as many lengths as
    /// nobody uses.
    fn covering(&self, text: &str) -> Option<&'a str> {
        const TRIES: usize = 32;
        let lengths = self.lengths.range(..=text.len()).rev().take(TRIES);
        lengths
            .filter_map(|length| self.names.get(text.get(..*length)?))
            .next()
            .copied()
    }
}

/// The part of a path before its first letter.
fn letterless(path: &str) -> &str {
    path.split(|c: char| c.is_ascii_alphabetic())
        .next()
        .unwrap_or_default()
}

/// The domains of an expose's virtual hosts as the `Host` header is matched: without the port,
/// which must be the listener's, each once. Of a listener port that is not known (`None`) nothing is
/// said; one that the gateway is to choose (`Some(None)`) is nobody's to write yet.
pub(super) fn own_domains<'a>(
    reader: &mut Reader<'a, '_>,
    vhost: (&'a str, &Vhost),
    listener_port: Option<Option<u16>>,
    seen: &mut BTreeMap<String, &'a str>,
) -> Vec<String> {
    let (section, vhost) = vhost;
    let mut domains = Vec::new();
    for Domain { host, port } in &vhost.domains {
        if let (Some(port), Some(listener_port)) = (port, listener_port)
            && Some(*port) != listener_port
        {
            let listens = match listener_port {
                Some(port) => format!("listens on {port}"),
                None => "is given a port later".to_owned(),
            };
            let problem = Problem::new(
                codes::DOMAIN_PORT,
                format!("'{host}:{port}' has a port, and {} {listens}", reader.name),
                format!("write {host}, which is matched with and without the port"),
            );
            reader.refuse_for(section, keyword::DOMAINS.name, problem);
        }
        match seen.get(host) {
            Some(known) if *known == section => {}
            Some(known) => {
                let problem = Problem::new(
                    codes::DOMAIN_REPEATED,
                    format!(
                        "'{host}' is a domain of {known} too, both in {}",
                        reader.name
                    ),
                    "leave it in one of the two",
                );
                reader.refuse_for(section, keyword::DOMAINS.name, problem);
            }
            None => {
                seen.insert(host.clone(), section);
                domains.push(host.clone());
            }
        }
    }
    domains.sort();
    domains
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(path: PathMatch, case_sensitive: bool) -> Arc<Route> {
        Arc::new(Route {
            section: String::new(),
            path,
            case_sensitive,
            action: Action::Redirect(crate::model::Redirect::default()),
        })
    }

    #[test]
    fn a_route_behind_one_that_takes_all_of_its_requests_is_hidden() {
        let prefix = |text: &str| route(PathMatch::Prefix(text.into()), true);
        let folded = |text: &str| route(PathMatch::Prefix(text.into()), false);
        let exact = |text: &str| route(PathMatch::Exact(text.into()), true);
        let regex = |text: &str| route(PathMatch::Regex(text.into()), true);
        let routes = [
            ("api", prefix("/api")),
            ("apis", prefix("/api/v1")),
            ("folded", folded("/Img")),
            ("img", exact("/IMG/a")),
            ("any-case", folded("/api")),
            ("regex", regex("/a.*")),
            ("regex again", regex("/a.*")),
            ("all", prefix("/")),
            ("late", exact("/x")),
            ("late folded", folded("/x")),
            ("late regex", regex("/x.*")),
        ];
        let routes: Vec<(&str, &Arc<Route>)> = routes.iter().map(|(n, r)| (*n, r)).collect();
        assert_eq!(
            hidden(&routes),
            [
                ("apis", "api"),
                ("img", "folded"),
                ("regex again", "regex"),
                ("late", "all"),
                ("late folded", "all"),
                ("late regex", "all"),
            ]
        );
    }
}
