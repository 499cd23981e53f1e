//! An expose: one port of a service, published by the gateway.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

use super::{
    Certificate, DownstreamTls, ObjectPath, PathError, Protocol, Socket, UpstreamTls, VirtualHost,
};
use crate::text::printable;

/// The name of an expose in the whole OpenSVC cluster, and of the Envoy cluster that serves it:
/// `test/svc/web1.expose#0`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExposeId {
    /// The service; for a scaler, the scaler itself.
    pub service: ObjectPath,
    /// The section, such as `expose#0`.
    pub section: String,
}

impl fmt::Display for ExposeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.service, self.section)
    }
}

/// Why a text is not the name of an expose.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExposeIdError {
    /// No section is in it.
    #[error("an expose is named as in test/svc/web.expose#0: '{shown}'", shown = printable(.0))]
    NoSection(String),
    /// What is before the section is not an object's path.
    #[error(transparent)]
    Path(#[from] PathError),
}

impl FromStr for ExposeId {
    type Err = ExposeIdError;

    fn from_str(text: &str) -> Result<Self, ExposeIdError> {
        let parts = owner_and_section(text);
        let (service, section) = parts.ok_or_else(|| ExposeIdError::NoSection(text.into()))?;
        Ok(Self {
            service: service.parse()?,
            section: section.to_owned(),
        })
    }
}

/// The two parts of a section's name in the whole OpenSVC cluster, or of one that is made of it:
/// `test/svc/web` and `expose#0`. Either may hold dots, as in `web.2.expose#a.b`, but a section has one `#`,
/// a path none, and a section's group no dot.
pub(crate) fn owner_and_section(name: &str) -> Option<(&str, &str)> {
    let hash = name.rfind('#')?;
    let dot = name.get(..hash)?.rfind('.')?;
    Some((name.get(..dot)?, name.get(dot + 1..)?))
}

impl Serialize for ExposeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ExposeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// How Envoy picks an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum LbPolicy {
    /// In turn.
    #[default]
    RoundRobin,
    /// The one with the fewest active requests.
    LeastRequest,
    /// By consistent hash, ketama ring.
    RingHash,
    /// At random.
    Random,
    /// By consistent hash, maglev table.
    Maglev,
    /// The connection's original destination: the service's own endpoints are not used.
    OriginalDst,
}

impl LbPolicy {
    /// Every policy, in order.
    pub const ALL: [Self; 6] = [
        Self::RoundRobin,
        Self::LeastRequest,
        Self::RingHash,
        Self::Random,
        Self::Maglev,
        Self::OriginalDst,
    ];
}

/// What travels through an expose, which decides the shape of Envoy's filter chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Traffic {
    /// Datagrams.
    Udp,
    /// Bytes. Without `server_names` the expose takes every connection of its socket that no other
    /// chain wants.
    Tcp {
        /// The `sni` keyword: lower case, sorted, without duplicates; each exact or `*.suffix`.
        server_names: Vec<String>,
        /// Terminate TLS here; `None` passes TLS through.
        tls: Option<DownstreamTls>,
    },
    /// HTTP/1 and HTTP/2, routed by virtual hosts.
    Http {
        /// The virtual hosts, in the order of the `vhosts` keyword; never empty.
        vhosts: Vec<VirtualHost>,
        /// Terminate TLS here; `None` is plain HTTP.
        tls: Option<DownstreamTls>,
    },
}

/// Which TLS connections of its socket an expose takes, by the server name that the client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsMatch {
    /// Whatever the name, or none, unless a chain with names wants it.
    Any,
    /// These names: sorted, without duplicates, never empty; each exact or `*.suffix`.
    Names(Vec<String>),
}

impl Traffic {
    /// Which TLS connections the expose takes; `None` where it does not look at TLS.
    ///
    /// Under TLS the domains of the vhosts are the server names. Those that no client can ask for
    /// (`*`, `prefix.*`, an address) can only be reached by taking connections of any name.
    pub fn tls_match(&self) -> Option<TlsMatch> {
        let names: Vec<String> = match self {
            Self::Udp | Self::Http { tls: None, .. } => return None,
            Self::Tcp {
                server_names,
                tls: None,
            } if server_names.is_empty() => return None,
            Self::Tcp { server_names, .. } => server_names.clone(),
            Self::Http { .. } if self.domains().any(|d| !is_server_name(d)) => Vec::new(),
            Self::Http { .. } => {
                let mut names: Vec<String> = self.domains().map(Into::into).collect();
                names.sort();
                names.dedup();
                names
            }
        };
        Some(match names.is_empty() {
            true => TlsMatch::Any,
            false => TlsMatch::Names(names),
        })
    }

    /// The domains of all vhosts; none where the expose is not HTTP.
    pub fn domains(&self) -> impl Iterator<Item = &str> {
        let vhosts = match self {
            Self::Http { vhosts, .. } => vhosts.as_slice(),
            _ => &[],
        };
        vhosts
            .iter()
            .flat_map(|vhost| vhost.domains.iter().map(String::as_str))
    }
}

/// Whether a TLS client can ask for a domain by server name: not `*`, `prefix.*` or an address.
fn is_server_name(domain: &str) -> bool {
    !domain.ends_with('*') && !domain.starts_with('[') && domain.parse::<IpAddr>().is_err()
}

/// A valid expose, complete in itself. Serialized, it is whole: private keys that stand in the
/// configuration are not left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expose {
    /// Its name.
    pub id: ExposeId,
    /// The port of the service's endpoints (the `port` keyword).
    pub port: NonZeroU16,
    /// The address Envoy listens on.
    pub listener_addr: IpAddr,
    /// The port Envoy listens on; `None` asks the gateway to allocate one (`listener_port=0`).
    pub listener_port: Option<NonZeroU16>,
    /// The transport protocol.
    pub protocol: Protocol,
    /// The gateway that serves it; `None` is every gateway.
    pub gateway: Option<String>,
    /// How Envoy picks an endpoint.
    pub lb_policy: LbPolicy,
    /// What travels through it.
    pub traffic: Traffic,
    /// TLS towards the endpoints.
    pub upstream_tls: Option<UpstreamTls>,
    /// The `cluster_data` keyword, raw: Envoy's Cluster as JSON.
    pub cluster_data: Option<Map<String, Value>>,
    /// The `filter_config_data` keyword, raw: Envoy's network filter as JSON.
    pub filter_config_data: Option<Map<String, Value>>,
}

impl Expose {
    /// The certificate sections that it uses: towards clients, then towards endpoints.
    pub fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        let downstream = match &self.traffic {
            Traffic::Tcp { tls, .. } | Traffic::Http { tls, .. } => tls.as_ref(),
            Traffic::Udp => None,
        };
        let downstream = downstream.into_iter().flat_map(|tls| &tls.certificates);
        let upstream = self.upstream_tls.iter().flat_map(|tls| &tls.certificates);
        downstream.chain(upstream)
    }

    /// Whether a gateway of that name serves it.
    pub fn is_for(&self, gateway: &str) -> bool {
        self.gateway.as_ref().is_none_or(|own| own == gateway)
    }

    /// The socket Envoy listens on; `None` until a port is allocated.
    pub fn socket(&self) -> Option<Socket> {
        self.listener_port.map(|port| Socket {
            addr: self.listener_addr,
            port: port.get(),
            protocol: self.protocol,
        })
    }
}

/// The valid exposes of one service, in section order.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// The service; for a scaler, the scaler itself.
    pub path: ObjectPath,
    /// Its valid exposes.
    pub exposes: Vec<Expose>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_name_of_an_expose_is_read_as_it_is_written() {
        for (service, section) in [
            ("web", "expose#0"),
            ("test/svc/web.2", "expose#a.b"),
            ("2.web", "expose#1-2"),
        ] {
            let id = ExposeId {
                service: service.parse().unwrap(),
                section: section.to_owned(),
            };
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        for odd in ["", "web", "web.expose", "expose#0", "#", ".#"] {
            assert!(odd.parse::<ExposeId>().is_err(), "{odd}");
        }
        let error = "test/svc/.expose#0".parse::<ExposeId>().unwrap_err();
        assert!(matches!(error, ExposeIdError::Path(_)), "{error}");
    }
}
