//! What HTTP decides of a request's way: virtual host, route, and where that leads.

use std::collections::BTreeSet;

use super::matching::{self, HostFit};
use super::walk::Walk;
use super::{Explanation, Outcome, Shadow, Stage, redirect};
use crate::inspect::catalog::{Action, PathKind, Route, RouteTable, VirtualHost};

/// How many of the domains are named that a request could have asked for.
const DOMAINS: usize = 8;

impl Walk<'_> {
    pub(super) fn virtual_host(&mut self, table: &RouteTable) -> Explanation {
        self.is_routed = true;
        let host = self.question.host_header();
        let fit = |vhost: &VirtualHost| {
            let fits = vhost
                .domains
                .iter()
                .filter_map(|domain| matching::host(domain, &host));
            fits.max()
        };
        let fits = table
            .virtual_hosts
            .iter()
            .filter_map(|v| Some((fit(v)?, v)));
        let mut fits: Vec<(HostFit, &VirtualHost)> = fits.collect();
        fits.sort_by_key(|(fit, _)| std::cmp::Reverse(*fit));
        let Some((best, vhost)) = fits.first().copied() else {
            // A domain takes its own name with the listener's port, too.
            let own_port = format!(":{}", self.question.port);
            let name = host.strip_suffix(&own_port).unwrap_or(&host);
            let why = format!("no virtual host answers to {name}");
            let known = known_domains(table);
            self.step(Stage::VirtualHost, None, format!("{why}{known}"));
            return self.end(
                Outcome::NotFound,
                format!("404: {why}; add it to the `domains` of a vhost."),
            );
        };
        let why = match best {
            HostFit::Exact => format!("{host} is one of its domains"),
            HostFit::Suffix(_) => format!("{host} is under one of its domains"),
            HostFit::Prefix(_) => format!("{host} begins as one of its domains"),
            HostFit::Any => "it answers to whatever host no other does".to_owned(),
        };
        let shadows = fits.iter().skip(1).map(|(_, other)| Shadow {
            name: other.name.clone(),
            why: "its domain is less specific".into(),
        });
        let shadows = shadows.collect();
        self.step(Stage::VirtualHost, Some(&vhost.name), why)
            .shadows = shadows;
        self.route(vhost)
    }

    fn route(&mut self, vhost: &VirtualHost) -> Explanation {
        let path = self.question.path();
        let mut fits = vhost
            .routes
            .iter()
            .filter(|route| matching::path(route, path));
        let Some(route) = fits.next() else {
            let section = vhost
                .owner()
                .map_or(vhost.name.as_str(), |(_, section)| section);
            let why = match vhost.routes.len() {
                0 => format!("{section} has no route"),
                1 => format!("the only route of {section} does not take {path}"),
                n => format!("none of the {n} routes of {section} takes {path}"),
            };
            self.step(Stage::Route, None, &why);
            return self.end(
                Outcome::NotFound,
                format!("404: {why}; add one to the `routes` of {section}."),
            );
        };
        let shadows = fits.map(|other| Shadow {
            name: describe(other),
            why: "comes later in `routes`".into(),
        });
        let shadows = shadows.collect();
        let why = format!("the first route that takes {path}");
        self.step(Stage::Route, Some(&describe(route)), why).shadows = shadows;
        let owner = vhost.owner().map(|(expose, _)| expose.to_owned());
        let mut explanation = match &route.action {
            Action::Redirect { .. } => self.redirect(route),
            Action::Forward {
                cluster: Some(cluster),
                ..
            } => self.cluster(cluster),
            Action::Forward {
                cluster_header: Some(header),
                ..
            } => self.cluster_by_header(header),
            _ => self.end(
                Outcome::NotFound,
                "The route is not one that this gateway makes.",
            ),
        };
        explanation.expose = explanation.expose.or(owner);
        explanation
    }

    fn redirect(&mut self, route: &Route) -> Explanation {
        let (status, location) = redirect::location(route, self.question).unwrap_or_default();
        let mut explanation = self.end(
            Outcome::Redirected,
            format!("Answered {status}, with Location: {location}."),
        );
        explanation.location = Some(location);
        explanation
    }

    fn cluster_by_header(&mut self, header: &str) -> Explanation {
        let name = self.question.headers.get(&header.to_lowercase());
        match name.filter(|name| self.catalog.clusters.contains_key(name.as_str())) {
            Some(name) => self.cluster(name),
            None => {
                let why = match name {
                    Some(name) => format!("the header {header} names {name}, which is no cluster"),
                    None => format!("the header {header}, which names the cluster, is not there"),
                };
                self.step(Stage::Cluster, None, &why);
                self.end(Outcome::NotFound, format!("404: {why}."))
            }
        }
    }
}

/// The domains that a route configuration knows, as the end of a sentence.
fn known_domains(table: &RouteTable) -> String {
    let hosts = table.virtual_hosts.iter();
    let all: BTreeSet<&str> = hosts
        .flat_map(|host| &host.domains)
        .map(String::as_str)
        .collect();
    let own = all.iter().filter(|domain| {
        let twin = domain.rsplit_once(':').map(|(name, _)| name);
        twin.is_none_or(|name| !all.contains(name))
    });
    let mut own: Vec<&str> = own.copied().collect();
    let more = match own.len().saturating_sub(DOMAINS) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    own.truncate(DOMAINS);
    match own.is_empty() {
        true => String::new(),
        false => format!("; known are {}{more}", own.join(", ")),
    }
}

/// A route in a few words: routes have no name in Envoy.
fn describe(route: &Route) -> String {
    let how = match route.matching {
        PathKind::Exact => "path",
        PathKind::Prefix => "prefix",
        PathKind::Regex => "regex",
    };
    format!("{how} {}", route.path)
}
