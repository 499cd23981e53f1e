//! `vhost#…`

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::codes;
use super::super::keywords::vhost as keyword;
use super::super::names::{self, Domain};
use super::super::problem::Problem;
use super::super::reader::Reader;
use super::super::value;
use super::Sections;
use super::order::{Misplaced, misplaced};
use super::traffic::ListenerPort;
use crate::envoy::shown;
use crate::model::{Action, Route};

/// A virtual host, before it is known on which port it is asked for.
#[derive(Debug)]
pub(super) struct Vhost {
    pub(super) domains: Vec<Domain>,
    pub(super) routes: Vec<Arc<Route>>,
    /// The routes that redirect what comes by TLS to where it came from.
    pub(super) endless_by_tls: Vec<String>,
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
        let mut endless_by_tls = Vec::new();
        for (route, misplaced) in misplaced(&named) {
            let (code, message, hint) = match misplaced {
                Misplaced::EndlessByTls => {
                    endless_by_tls.push(route.to_owned());
                    continue;
                }
                Misplaced::Hidden { by } => (
                    codes::ROUTE_HIDDEN,
                    format!("{route} is never tried: {by} takes all of its requests"),
                    format!("name {route} before {by}"),
                ),
                Misplaced::Endless { target } => (
                    codes::REDIRECT_LOOP,
                    format!(
                        "{route} redirects to {}, which it takes itself, for ever",
                        shown(target)
                    ),
                    format!(
                        "name a route for that before {route}, or write redirect_host_redirect"
                    ),
                ),
            };
            reader.warn(keyword::ROUTES.name, code, message, hint);
        }
        let routes = named.into_iter().map(|(_, route)| route.clone()).collect();
        if !self.reach(reached) {
            too_much(reader, keyword::ROUTES.name);
        }
        Some(Vhost {
            domains: domains?,
            routes,
            endless_by_tls,
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

/// The domains of an expose's virtual hosts as the `Host` header is matched: without the port,
/// which must be the listener's, each once.
pub(super) fn own_domains<'a>(
    reader: &mut Reader<'a, '_>,
    vhost: (&'a str, &Vhost),
    listener_port: ListenerPort,
    seen: &mut BTreeMap<String, &'a str>,
) -> Vec<String> {
    let (section, vhost) = vhost;
    let mut domains = Vec::new();
    for Domain { host, port } in &vhost.domains {
        if let Some(port) = port
            && let Some(listens) = listener_port.instead_of(*port)
        {
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
