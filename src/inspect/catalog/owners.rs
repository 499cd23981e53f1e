//! Whose a resource is: the exposes that a name in Envoy stands for.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use super::{Action, Catalog, Chain, Listener, Next};
use crate::envoy::ResourceType;
use crate::envoy::refusal_text::{mentions, own};

/// What each expose has of the shared resources, by the expose's name.
#[derive(Debug, Clone, Default)]
pub struct Owners {
    exposes: BTreeMap<String, Belongings>,
    secrets: BTreeMap<String, BTreeSet<String>>,
}

/// What belongs to one expose.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Belongings {
    /// Its listener.
    pub(crate) listener: Option<Arc<Listener>>,
    /// Its chain in the listener, or the one that it shares.
    pub(crate) chain: Option<Chain>,
    /// Its names: server names, or the domains of its virtual hosts without their twins with port.
    pub(crate) names: BTreeSet<String>,
    /// The route configuration that holds its virtual hosts.
    pub(crate) routes: Option<String>,
}

impl Owners {
    /// Goes through a catalog.
    pub fn of(catalog: &Catalog) -> Self {
        let mut owners = Self::default();
        for listener in catalog.listeners.values() {
            for chain in &listener.chains {
                owners.take(catalog, listener, chain);
            }
        }
        for cluster in catalog.clusters.values() {
            let judge = cluster.endpoints_judged_by.iter();
            for secret in cluster.certificates.iter().chain(judge) {
                owners.use_secret(secret, &cluster.name);
            }
        }
        owners
    }

    fn take(&mut self, catalog: &Catalog, listener: &Arc<Listener>, chain: &Chain) {
        match &chain.next {
            Next::Cluster(cluster) => {
                self.add(cluster, listener, chain)
                    .names
                    .extend(chain.server_names.iter().cloned());
                self.use_secrets(chain, cluster);
            }
            Next::Routes(name) => {
                let Some(table) = catalog.routes.get(name.as_str()) else {
                    return;
                };
                for host in &table.virtual_hosts {
                    let Some((expose, _)) = host.owner() else {
                        continue;
                    };
                    let belongings = self.add(expose, listener, chain);
                    belongings.routes = Some(name.clone());
                    belongings.names.extend(plain_domains(&host.domains));
                    self.use_secrets(chain, expose);
                }
            }
            Next::Nowhere => {}
        }
    }

    fn add(&mut self, expose: &str, listener: &Arc<Listener>, chain: &Chain) -> &mut Belongings {
        let belongings = self.exposes.entry(expose.to_owned()).or_default();
        belongings.listener = Some(listener.clone());
        belongings.chain = Some(chain.clone());
        belongings
    }

    fn use_secrets(&mut self, chain: &Chain, expose: &str) {
        let Some(termination) = &chain.termination else {
            return;
        };
        let judge = termination.clients_judged_by.iter();
        for secret in termination.certificates.iter().chain(judge) {
            self.use_secret(secret, expose);
        }
    }

    fn use_secret(&mut self, secret: &str, expose: &str) {
        let users = self.secrets.entry(secret.to_owned()).or_default();
        users.insert(expose.to_owned());
    }

    /// What belongs to an expose.
    pub(crate) fn belongings(&self, expose: &str) -> Option<&Belongings> {
        self.exposes.get(expose)
    }

    /// The exposes that use a secret.
    pub fn of_secret(&self, secret: &str) -> impl Iterator<Item = &str> {
        self.secrets
            .get(secret)
            .into_iter()
            .flatten()
            .map(String::as_str)
    }

    /// The exposes that a resource is made of.
    pub fn of_resource(&self, kind: ResourceType, name: &str) -> Vec<&str> {
        let on = |check: &dyn Fn(&Belongings) -> bool| {
            let found = self.exposes.iter().filter(|(_, b)| check(b));
            found.map(|(expose, _)| expose.as_str()).collect()
        };
        match kind {
            ResourceType::Cluster | ResourceType::Endpoints => {
                let known = self.exposes.get_key_value(name);
                known
                    .map(|(expose, _)| expose.as_str())
                    .into_iter()
                    .collect()
            }
            ResourceType::Secret => self.of_secret(name).collect(),
            ResourceType::Listener => on(&|b| {
                b.listener
                    .as_ref()
                    .is_some_and(|listener| listener.name == name)
            }),
            ResourceType::Routes => on(&|b| b.routes.as_deref() == Some(name)),
        }
    }
}

impl Owners {
    /// The exposes that a refused resource is made of; where Envoy's words name some of them, those.
    pub fn of_refusal(&self, kind: ResourceType, name: &str, text: &str) -> Vec<&str> {
        let all = self.of_resource(kind, name);
        let text = own(text, name);
        let named = all
            .iter()
            .copied()
            .filter(|expose| mentions(text, expose, |_| true));
        let named: Vec<&str> = named.collect();
        match named.is_empty() {
            true => all,
            false => named,
        }
    }
}

/// Domains without those that differ from another by a port only: a virtual host answers to both.
fn plain_domains(domains: &[String]) -> impl Iterator<Item = String> + '_ {
    let all: HashSet<&str> = domains.iter().map(String::as_str).collect();
    let is_twin = move |domain: &str| {
        domain
            .rsplit_once(':')
            .is_some_and(|(host, port)| port.parse::<u16>().is_ok() && all.contains(host))
    };
    domains.iter().filter(move |d| !is_twin(d)).cloned()
}

impl Action {
    /// The cluster that a route forwards to, where that is known beforehand.
    pub fn cluster(&self) -> Option<&str> {
        match self {
            Self::Forward { cluster, .. } => cluster.as_deref(),
            _ => None,
        }
    }
}
