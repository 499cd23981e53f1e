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
        let routes = vhost.routes.iter();
        let judged: Vec<_> = routes.map(|r| (r, matching::path(r, path))).collect();
        let first = judged.iter().position(|(_, takes)| *takes == Some(true));
        let (before, others) = judged.split_at(first.unwrap_or(judged.len()));
        // Envoy alone knows whether one of these comes first.
        let unjudged = before.iter().filter(|(_, takes)| takes.is_none());
        let unjudged = unjudged.map(|(route, _)| Shadow {
            name: describe(route),
            why: "cannot be judged here; Envoy may find that it takes the path".into(),
        });
        let unjudged: Vec<Shadow> = unjudged.collect();
        let Some(((route, _), others)) = others.split_first() else {
            return self.no_route(vhost, unjudged);
        };
        let later = others.iter().filter(|(_, takes)| *takes == Some(true));
        let later = later.map(|(other, _)| Shadow {
            name: describe(other),
            why: "comes later in `routes`".into(),
        });
        let shadows = unjudged.into_iter().chain(later).collect();
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

    /// What becomes of a request that no route takes, as far as can be judged.
    fn no_route(&mut self, vhost: &VirtualHost, unjudged: Vec<Shadow>) -> Explanation {
        let path = self.question.path();
        let section = vhost
            .owner()
            .map_or(vhost.name.as_str(), |(_, section)| section);
        let why = match (unjudged.first(), vhost.routes.len()) {
            (Some(route), _) => format!(
                "{} of {section} cannot be judged here, and no route that can takes {path}",
                route.name
            ),
            (None, 0) => format!("{section} has no route"),
            (None, 1) => format!("the only route of {section} does not take {path}"),
            (None, n) => format!("none of the {n} routes of {section} takes {path}"),
        };
        let answer = match unjudged.is_empty() {
            true => format!("404: {why}; add one to the `routes` of {section}."),
            false => format!("404, unless Envoy finds otherwise: {why}."),
        };
        self.step(Stage::Route, None, why).shadows = unjudged;
        self.end(Outcome::NotFound, answer)
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
                    Some(name) => {
                        format!("the header {header} names {name}, which is not a cluster")
                    }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::inspect::catalog::{Catalog, PathKind, Route};
    use crate::inspect::explain::{Explanation, Outcome, Question, explain};
    use crate::model::Document;
    use crate::preview::Preview;
    use crate::verdict::{Facts, judge};

    const CONFIG: &str = "
[expose#0]
type = envoy
port = 8080
listener_port = 80
vhosts = vhost#0
[vhost#0]
type = envoy
domains = *
routes = route#0 route#1
[route#0]
type = envoy
match_regex = /[0-9]+
[route#1]
type = envoy
match_prefix = /rest
";

    /// What becomes of a path where the first route has an expression.
    fn asked(expression: &str, path: &str) -> Explanation {
        let document = Document::from_config("web".parse().unwrap(), CONFIG).unwrap();
        let verdict = judge(&document, &Facts::default());
        let mut preview = Preview::new("envoy");
        preview.serve(&document, &verdict, &[]);
        let mut catalog = Catalog::of(&preview.snapshot());
        for (name, mut table) in catalog.routes.clone() {
            let own = Arc::make_mut(&mut table);
            let routes = own.virtual_hosts.iter_mut().flat_map(|v| &mut v.routes);
            let expressions = routes.filter(|route| route.matching == PathKind::Regex);
            expressions.for_each(|route: &mut Route| route.path = expression.to_owned());
            catalog.routes.insert(name, table);
        }
        explain(
            &catalog,
            &Question::new(&format!("http://a.test{path}")).unwrap(),
        )
    }

    #[test]
    fn expressions_are_read_as_re2_reads_them() {
        for (expression, path) in [
            (r"/\Qa.b\E", "/a.b"),
            ("/[[]x", "/[x"),
            ("/a{,2}", "/a{,2}"),
        ] {
            let step = asked(expression, path).steps.remove(3);
            assert_eq!(step.name, Some(format!("regex {expression}")));
        }
    }

    #[test]
    fn an_expression_that_cannot_be_judged_is_told_of() {
        let huge = r"/(?:[^a]{1000}[^b]){1000}";
        let lost = asked(huge, "/x");
        assert_eq!(lost.outcome, Outcome::NotFound);
        let why = format!("regex {huge} of vhost#0 cannot be judged here");
        assert!(lost.answer.contains(&why), "{}", lost.answer);
        let step = asked(huge, "/rest").steps.remove(3);
        assert_eq!(step.name.as_deref(), Some("prefix /rest"));
        let shadow = &step.shadows[0];
        assert_eq!(shadow.name, format!("regex {huge}"));
        assert!(
            shadow.why.contains("cannot be judged here"),
            "{}",
            shadow.why
        );
    }
}
