//! The walk from listener to endpoints; what HTTP decides on the way is in [`http`](super::http).

use std::net::IpAddr;
use std::sync::Arc;

use super::matching;
use super::question::{Question, Scheme};
use super::{Explanation, Outcome, Shadow, Stage, Step};
use crate::inspect::catalog::{Catalog, Chain, Listener, Next};

/// How many endpoints the answer names; all of them are beside it.
const NAMED: usize = 4;

pub(super) fn explain(catalog: &Catalog, question: &Question) -> Explanation {
    let listeners = candidates(catalog, question);
    let walks = listeners.iter().map(|listener| {
        let mut walk = Walk {
            catalog,
            question,
            steps: Vec::new(),
            is_routed: false,
        };
        walk.listener(listener, &listeners)
    });
    // Without an address, the listener that knows the name is the one that is meant.
    let best = walks.min_by_key(|explanation| match explanation.outcome {
        Outcome::Forwarded | Outcome::Redirected => 0,
        Outcome::NoEndpoints => 1,
        _ => 2,
    });
    best.unwrap_or_else(|| nobody_listens(catalog, question))
}

/// The listeners that a connection may reach, the likeliest first: where an address is known, that
/// is one at most.
fn candidates<'a>(catalog: &'a Catalog, question: &Question) -> Vec<&'a Arc<Listener>> {
    let udp = question.scheme == Scheme::Udp;
    let on_port = catalog.listeners.values();
    let mut found: Vec<(bool, &Arc<Listener>)> = on_port
        .filter(|listener| listener.port == question.port && listener.udp == udp)
        .filter_map(|listener| {
            let bound: IpAddr = listener.address.parse().ok()?;
            let wildcard = bound.is_unspecified();
            let reached = question
                .address
                .is_none_or(|to| bound == to || wildcard && bound.is_ipv4() == to.is_ipv4());
            reached.then_some((wildcard, listener))
        })
        .collect();
    match question.address {
        // The kernel prefers the socket that is bound to the very address.
        Some(_) => {
            found.sort_by_key(|(wildcard, _)| *wildcard);
            found.truncate(1);
        }
        None => found.sort_by_key(|(wildcard, _)| !*wildcard),
    }
    found.into_iter().map(|(_, listener)| listener).collect()
}

fn nobody_listens(catalog: &Catalog, question: &Question) -> Explanation {
    let protocol = if question.scheme == Scheme::Udp {
        "udp"
    } else {
        "tcp"
    };
    let at = match question.address {
        Some(address) => format!("on {address} port {}/{protocol}", question.port),
        None => format!("on port {}/{protocol}", question.port),
    };
    let mut ports: Vec<String> = catalog
        .listeners
        .keys()
        .map(|name| name.to_string())
        .collect();
    ports.truncate(8);
    let why = match ports.is_empty() {
        true => "the gateway has no listener at all".to_owned(),
        false => format!("the gateway listens on {}", ports.join(", ")),
    };
    let step = Step {
        stage: Stage::Listener,
        name: None,
        why,
        shadows: Vec::new(),
    };
    Explanation {
        outcome: Outcome::NotListening,
        answer: format!("Nothing listens {at}: the connection is refused."),
        steps: vec![step],
        expose: None,
        endpoints: Vec::new(),
        location: None,
    }
}

pub(super) struct Walk<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) question: &'a Question,
    steps: Vec<Step>,
    /// Whether HTTP is spoken on the way, and not only by the client.
    pub(super) is_routed: bool,
}

impl Walk<'_> {
    pub(super) fn step(
        &mut self,
        stage: Stage,
        name: Option<&str>,
        why: impl Into<String>,
    ) -> &mut Step {
        self.steps.push(Step {
            stage,
            name: name.map(str::to_owned),
            why: why.into(),
            shadows: Vec::new(),
        });
        let last = self.steps.len() - 1;
        &mut self.steps[last]
    }

    pub(super) fn end(&mut self, outcome: Outcome, answer: impl Into<String>) -> Explanation {
        Explanation {
            outcome,
            answer: answer.into(),
            steps: std::mem::take(&mut self.steps),
            expose: None,
            endpoints: Vec::new(),
            location: None,
        }
    }

    fn listener(&mut self, listener: &Listener, all: &[&Arc<Listener>]) -> Explanation {
        let why = match self.question.address {
            Some(address) => format!("it takes what arrives at {address}"),
            None => format!("it listens on port {}", listener.port),
        };
        let others = all.iter().filter(|other| other.name != listener.name);
        let shadows = others.map(|other| Shadow {
            name: other.name.clone(),
            why: format!(
                "takes the connection where {} leads to it",
                self.question.host
            ),
        });
        let shadows = shadows.collect();
        self.step(Stage::Listener, Some(&listener.name), why)
            .shadows = shadows;
        self.chain(listener)
    }

    fn chain(&mut self, listener: &Listener) -> Explanation {
        let tls = self.question.scheme.is_tls();
        let asked = self.question.server_name.as_deref();
        let fit = |chain: &Chain| {
            let names = chain.server_names.iter();
            names
                .filter_map(|name| matching::server_name(name, asked?))
                .max()
        };
        let best = listener.chains.iter().filter_map(fit).max();
        // Envoy decides by name first and does not come back when the rest does not fit.
        let named = |chain: &&Chain| match best {
            Some(_) => fit(chain) == best,
            None => chain.server_names.is_empty(),
        };
        let suited = listener
            .chains
            .iter()
            .filter(named)
            .filter(|chain| tls || !chain.tls_only);
        let Some(chain) = suited.clone().max_by_key(|chain| chain.tls_only) else {
            return self.no_chain(listener);
        };
        let why = match (asked, best) {
            (Some(asked), Some(usize::MAX)) => {
                format!("the client asks for {asked}, its server name")
            }
            (Some(asked), Some(_)) => format!("{asked} is under its server name"),
            _ if listener.udp => "a UDP listener has one way".to_owned(),
            _ if chain.tls_only => {
                "it takes TLS of any server name that has no chain of its own".to_owned()
            }
            _ => "it takes what no chain with conditions does".to_owned(),
        };
        let shadows = listener
            .chains
            .iter()
            .filter(|other| other.name != chain.name && (tls || !other.tls_only))
            .filter(|other| other.server_names.is_empty() || fit(other).is_some())
            .map(|other| Shadow {
                name: other.name.clone(),
                why: match other.server_names.is_empty() {
                    true => "a server name comes before none".into(),
                    false => "its server name is less specific".into(),
                },
            })
            .collect();
        self.step(Stage::Chain, Some(&chain.name), why).shadows = shadows;
        match &chain.next {
            Next::Routes(_) if tls && chain.termination.is_none() => self.end(
                Outcome::Closed,
                "The connection is closed: plain HTTP is spoken there, and TLS is not terminated. \
                 Use http://, or give the expose a certificate in listener_certificates.",
            ),
            Next::Routes(_) if !self.question.scheme.is_http() => self.end(
                Outcome::Closed,
                "HTTP is spoken there: bytes that are not a request are answered 400, and the \
                 connection is closed.",
            ),
            Next::Routes(name) => match self.catalog.routes.get(name.as_str()) {
                Some(table) => self.virtual_host(table),
                None => self.end(
                    Outcome::NotFound,
                    format!("The routes of the listener, {name}, are not known: 404."),
                ),
            },
            Next::Cluster(cluster) => self.cluster(cluster),
            Next::Nowhere => self.end(Outcome::Closed, "The chain leads nowhere."),
        }
    }

    fn no_chain(&mut self, listener: &Listener) -> Explanation {
        let tls = self.question.scheme.is_tls();
        let (why, advice) = match &self.question.server_name {
            Some(asked) => (
                format!("no chain has the server name {asked}, and none takes any name"),
                "add the name to `sni` or to the `domains` of a vhost",
            ),
            None if tls => (
                "the client asks for no server name, and no chain takes that".to_owned(),
                "ask for a name",
            ),
            None => (
                "every chain takes TLS only".to_owned(),
                "use https:// or tls://",
            ),
        };
        let names: Vec<&str> = listener
            .chains
            .iter()
            .flat_map(|chain| chain.server_names.iter().map(String::as_str))
            .take(8)
            .collect();
        let known = match names.is_empty() {
            true => String::new(),
            false => format!("; it knows {}", names.join(", ")),
        };
        self.step(Stage::Chain, None, format!("{why}{known}"));
        self.end(
            Outcome::Closed,
            format!("The connection is closed: {why}; {advice}."),
        )
    }

    pub(super) fn cluster(&mut self, name: &str) -> Explanation {
        let endpoints = self.catalog.endpoints_of(name).to_vec();
        let cluster = self.catalog.clusters.get(name);
        let original = cluster.is_some_and(|cluster| cluster.original_destination);
        let why = match (cluster, endpoints.len()) {
            (None, _) => "it is not known".to_owned(),
            (Some(_), _) if original => "connections go on to where they were made for".to_owned(),
            (Some(cluster), 0) => format!("{}, without any endpoint", cluster.lb_policy),
            (Some(cluster), 1) => format!("{}, of 1 endpoint", cluster.lb_policy),
            (Some(cluster), n) => format!("{}, of {n} endpoints", cluster.lb_policy),
        };
        self.step(Stage::Cluster, Some(name), why);
        let list: Vec<String> = endpoints
            .iter()
            .map(|endpoint| match endpoint.address.contains(':') {
                true => format!("[{}]:{}", endpoint.address, endpoint.port),
                false => format!("{}:{}", endpoint.address, endpoint.port),
            })
            .collect();
        let (outcome, answer) = match list.as_slice() {
            _ if original => (
                Outcome::Forwarded,
                format!("Forwarded by {name} to the connection's original destination."),
            ),
            [] if self.is_routed => (
                Outcome::NoEndpoints,
                format!(
                    "503: {name} has no endpoint; no instance of the service is up with an ip that lists the expose."
                ),
            ),
            [] => (
                Outcome::NoEndpoints,
                format!(
                    "The connection is closed: {name} has no endpoint; no instance of the service is up with an ip that lists the expose."
                ),
            ),
            [one] => (
                Outcome::Forwarded,
                format!("Forwarded to {name}, at {one}."),
            ),
            several => {
                let (named, others) = several.split_at(several.len().min(NAMED));
                let others = match others.len() {
                    0 => String::new(),
                    n => format!(" and {n} more"),
                };
                let at = named.join(", ");
                (
                    Outcome::Forwarded,
                    format!("Forwarded to {name}, at one of {at}{others}."),
                )
            }
        };
        let mut explanation = self.end(outcome, answer);
        explanation.expose = Some(name.to_owned());
        explanation.endpoints = endpoints;
        explanation
    }
}
