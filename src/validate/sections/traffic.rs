//! What travels through an expose: server names, virtual hosts and certificates.

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use super::super::codes;
use super::super::keywords::expose as keyword;
use super::super::keywords::{route, vhost as vhost_keyword};
use super::super::names;
use super::super::problem::Problem;
use super::super::reader::Reader;
use super::super::value;
use super::Sections;
use super::vhost::{Vhost, own_domains, too_much};
use crate::model::{
    Action, Certificate, DownstreamTls, LbPolicy, Protocol, Traffic, UpstreamTls, VirtualHost,
};

/// What is known of an expose's listener port when its virtual hosts are read.
#[derive(Debug, Clone, Copy)]
pub(super) enum ListenerPort {
    /// Nothing: it is wrong, or only a node knows it.
    Unknown,
    /// The gateway is to choose it.
    ChosenLater,
    /// What is written.
    Known(NonZeroU16),
}

impl ListenerPort {
    /// What an expose does instead of listening on a port, as far as is known.
    pub(super) fn instead_of(self, port: u16) -> Option<String> {
        match self {
            Self::Known(own) if own.get() != port => Some(format!("listens on {own}")),
            Self::ChosenLater => Some("is given a port later".to_owned()),
            Self::Known(_) | Self::Unknown => None,
        }
    }
}

impl<'a> Sections<'a> {
    pub(super) fn traffic(
        &mut self,
        reader: &mut Reader<'a, '_>,
        protocol: Option<Protocol>,
        listener_port: ListenerPort,
    ) -> Option<Traffic> {
        let server_names = reader.read(&keyword::SNI, |value| {
            let names = value::list(value)?;
            let mut names = names
                .iter()
                .map(|name| names::server_name(name))
                .collect::<Result<Vec<String>, _>>()?;
            names.sort();
            names.dedup();
            Ok(names)
        });
        let tls = self.downstream_tls(reader);
        // Even while its certificate is refused, so that every mistake is told at once.
        let is_tls = reader.is_set(&keyword::LISTENER_CERTIFICATES);
        let vhosts = self.virtual_hosts(reader, listener_port, is_tls);
        if reader.is_set(&keyword::SNI) && reader.is_set(&keyword::VHOSTS) {
            reader.error(
                keyword::SNI.name,
                codes::SNI_WITH_VHOSTS,
                "excludes vhosts, whose domains select the connection already",
                "remove sni for HTTP, or vhosts to pass connections through",
            );
        }
        Some(match protocol? {
            Protocol::Udp => Traffic::Udp,
            Protocol::Tcp if reader.is_set(&keyword::VHOSTS) => Traffic::Http { vhosts, tls },
            Protocol::Tcp => Traffic::Tcp {
                server_names: server_names.unwrap_or_default(),
                tls,
            },
        })
    }

    fn virtual_hosts(
        &mut self,
        reader: &mut Reader<'a, '_>,
        listener_port: ListenerPort,
        is_tls: bool,
    ) -> Vec<VirtualHost> {
        let found = reader.sections(&keyword::VHOSTS, &self.vhosts);
        let weight = found.iter().map(|(_, vhost)| vhost.weight()).sum::<usize>();
        let reached = self.reached.saturating_add(weight);
        let mut seen = BTreeMap::new();
        let mut vhosts = Vec::new();
        for (section, vhost) in found {
            let domains = own_domains(reader, (section, vhost), listener_port, &mut seen);
            if is_tls {
                check_wildcards(reader, section, &domains);
                check_https(reader, section, vhost);
            }
            if reached <= super::MAX_REACHED {
                vhosts.push(VirtualHost {
                    section: section.to_owned(),
                    domains,
                    routes: vhost.routes.clone(),
                });
            }
        }
        if !self.reach(weight) {
            too_much(reader, keyword::VHOSTS.name);
        }
        vhosts
    }

    fn downstream_tls(&self, reader: &mut Reader<'a, '_>) -> Option<DownstreamTls> {
        let (certificates, is_whole) =
            reader.watch(|reader| self.certificates(reader, &keyword::LISTENER_CERTIFICATES));
        let certificates = certificates?;
        // One that is refused or unknown may be the one to present.
        if is_whole && certificates.iter().all(|c| c.key_pair.is_none()) {
            reader.error(
                keyword::LISTENER_CERTIFICATES.name,
                codes::NO_KEY_PAIR,
                "names no certificate to present to clients",
                "name a certificate section with certificate_secret",
            );
        }
        Some(DownstreamTls { certificates })
    }

    pub(super) fn upstream_tls(&self, reader: &mut Reader<'a, '_>) -> Option<UpstreamTls> {
        let certificates = self.certificates(reader, &keyword::CLUSTER_CERTIFICATES)?;
        Some(UpstreamTls { certificates })
    }

    /// The certificates that a keyword names; `None` where it names none that are valid.
    fn certificates(
        &self,
        reader: &mut Reader<'a, '_>,
        keyword: &'static super::super::keywords::Keyword,
    ) -> Option<Vec<Certificate>> {
        let found = reader.sections(keyword, &self.certificates);
        let certificates: Vec<Certificate> = found.into_iter().map(|(_, c)| c.clone()).collect();
        (!certificates.is_empty()).then_some(certificates)
    }

    /// Says where hashing and what is hashed do not go together.
    pub(super) fn check_hashing(
        reader: &mut Reader<'_, '_>,
        traffic: &Traffic,
        lb_policy: LbPolicy,
        hashes_itself: bool,
    ) {
        let hashes = matches!(lb_policy, LbPolicy::RingHash | LbPolicy::Maglev);
        let mut routes_that_hash = Vec::new();
        if let Traffic::Http { vhosts, .. } = traffic {
            for route in vhosts.iter().flat_map(|vhost| &vhost.routes) {
                if let Action::Forward { hash_policies, .. } = &route.action
                    && !hash_policies.is_empty()
                {
                    routes_that_hash.push(route.section.as_str());
                }
            }
        }
        match routes_that_hash.first() {
            Some(section) if !hashes => reader.warn(
                keyword::LB_POLICY.name,
                codes::HASH_POLICY_UNUSED,
                format!(
                    "does not hash, so {section}.{} has no effect",
                    route::HASH_POLICIES.name
                ),
                "write lb_policy=ring_hash or maglev",
            ),
            None if hashes && !hashes_itself => reader.warn(
                keyword::LB_POLICY.name,
                codes::NOTHING_HASHED,
                "has nothing to hash, so it picks at random",
                "name hash policies in a route's hash_policies, or write another lb_policy",
            ),
            _ => {}
        }
    }
}

/// Warns of routes that redirect to https what came by it.
fn check_https(reader: &mut Reader<'_, '_>, section: &str, vhost: &Vhost) {
    for route in &vhost.endless_by_tls {
        reader.warn(
            keyword::VHOSTS.name,
            codes::REDIRECT_LOOP,
            format!("{route} of {section} redirects to https what came by https, for ever"),
            "name a vhost of its own in the expose without listener_certificates",
        );
    }
}

/// Refuses, under TLS, the wildcards that Envoy cannot look for in a server name.
fn check_wildcards(reader: &mut Reader<'_, '_>, section: &str, domains: &[String]) {
    for domain in domains {
        if domain.len() > 1 && domain.starts_with('*') && !domain.starts_with("*.") {
            let problem = Problem::new(
                codes::INVALID_DOMAIN,
                format!(
                    "'{domain}' cannot be told by the server name of a TLS connection, as {} needs",
                    reader.name
                ),
                "write * only as the whole first label, as in *.acme.com",
            );
            reader.refuse_for(section, vhost_keyword::DOMAINS.name, problem);
        }
    }
}
