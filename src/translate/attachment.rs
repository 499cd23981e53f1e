//! An expose's part of its listener, and the listener put together from such parts.

use std::sync::LazyLock;

use bytes::Bytes;
use envoy_types::pb::envoy::config::listener::v3::{FilterChain, ListenerFilter};
use envoy_types::pb::envoy::extensions::filters::listener::original_dst::v3::OriginalDst;
use envoy_types::pb::envoy::extensions::filters::listener::tls_inspector::v3::TlsInspector;
use prost::Message;

use super::parts::{listener_filter, socket_address};
use super::routes;
use crate::envoy::{Reference, Resource, ResourceType, encode, holds_pem_key, holds_secret, wire};
use crate::model::{ExposeId, Protocol, Socket};

/// Field numbers of `Listener`, whose parts are appended encoded.
const NAME: u32 = 1;
const ADDRESS: u32 = 2;
const FILTER_CHAINS: u32 = 3;
const LISTENER_FILTERS: u32 = 9;

/// The listener filters, encoded once: they are the same in all listeners.
static TLS_INSPECTOR: LazyLock<Bytes> = LazyLock::new(|| {
    let name = "envoy.filters.listener.tls_inspector";
    encode(&listener_filter(name, &TlsInspector::default()))
});
static ORIGINAL_DST: LazyLock<Bytes> = LazyLock::new(|| {
    let name = "envoy.filters.listener.original_dst";
    encode(&listener_filter(name, &OriginalDst::default()))
});

/// What an expose adds to the listener of its socket.
#[derive(Debug, Clone, PartialEq)]
pub struct Attachment {
    /// Whose it is. Parts of a listener are put in the order of this.
    pub expose: ExposeId,
    /// The listener that it belongs to.
    pub socket: Socket,
    /// Whether the listener must recover the connection's original destination.
    pub original_dst: bool,
    /// What it adds.
    pub shape: Shape,
    /// What the listener names on its behalf.
    pub references: Vec<Reference>,
}

/// The ways to attach to a listener. Parts are encoded messages.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// The whole of a UDP listener.
    Udp {
        /// The `ListenerFilter` that proxies datagrams.
        filter: Bytes,
    },
    /// A filter chain of the expose's own.
    Chain {
        /// The `FilterChain`, named as the expose.
        chain: Bytes,
        /// Under HTTPS, the expose's own `RouteConfiguration`: were it shared, a `Host` header
        /// could reach another service through this one's certificate.
        routes: Option<Resource>,
    },
    /// Virtual hosts of the plain HTTP chain, which all plain HTTP exposes of the socket share.
    SharedHttp {
        /// The `FilterChain`, equal in all exposes that may share it.
        chain: Bytes,
        /// The `VirtualHost`s, in the order of the keyword.
        vhosts: Vec<Bytes>,
        /// What the route configuration names on the expose's behalf.
        routes_references: Vec<Reference>,
    },
}

impl Shape {
    /// Whether it holds a private key, a password or a token.
    pub(super) fn holds_secret(&self) -> bool {
        let (holds, part) = match self {
            Self::Udp { filter } => (holds_secret::<ListenerFilter>(filter), filter),
            Self::Chain { chain, .. } | Self::SharedHttp { chain, .. } => {
                (holds_secret::<FilterChain>(chain), chain)
            }
        };
        holds || holds_pem_key(part)
    }
}

impl Attachment {
    /// The expose's own route configuration, which HTTPS has.
    pub fn own_routes(&self) -> Option<&Resource> {
        match &self.shape {
            Shape::Chain { routes, .. } => routes.as_ref(),
            _ => None,
        }
    }
}

/// The listener of a socket.
///
/// The attachments may come in any order; they must belong to the socket and not be in conflict.
/// Of several plain HTTP attachments the chain of the first by expose is taken.
pub fn listener(socket: Socket, attachments: &[&Attachment]) -> Resource {
    let name = socket.to_string();
    let address = socket_address(socket.addr, socket.port, socket.protocol).encode_to_vec();
    let mut body = wire::message(&[(NAME, name.as_bytes()), (ADDRESS, &address)]);
    let sorted = sorted(attachments);
    if socket.protocol == Protocol::Tcp {
        // Always there: adding it later would drain every connection of the listener.
        wire::append(&mut body, LISTENER_FILTERS, &TLS_INSPECTOR);
    }
    if sorted.iter().any(|attachment| attachment.original_dst) {
        wire::append(&mut body, LISTENER_FILTERS, &ORIGINAL_DST);
    }
    let mut shared = false;
    for attachment in &sorted {
        match &attachment.shape {
            Shape::Udp { filter } => wire::append(&mut body, LISTENER_FILTERS, filter),
            Shape::Chain { chain, .. } => wire::append(&mut body, FILTER_CHAINS, chain),
            Shape::SharedHttp { .. } if shared => {}
            Shape::SharedHttp { chain, .. } => {
                shared = true;
                wire::append(&mut body, FILTER_CHAINS, chain);
            }
        }
    }
    let references = sorted.iter().flat_map(|a| a.references.iter().cloned());
    Resource::new(
        ResourceType::Listener,
        name,
        body.into_boxed_slice().into(),
        references.collect(),
    )
}

/// The route configuration that the plain HTTP attachments of a socket share; `None` when there
/// is none of them.
pub fn route_configuration(socket: Socket, attachments: &[&Attachment]) -> Option<Resource> {
    let name = socket.to_string();
    let mut parts = Vec::new();
    let mut references = Vec::new();
    let mut shared = false;
    for attachment in sorted(attachments) {
        if let Shape::SharedHttp {
            vhosts,
            routes_references,
            ..
        } = &attachment.shape
        {
            shared = true;
            references.extend_from_slice(routes_references);
            parts.extend(vhosts);
        }
    }
    shared.then(|| {
        let body = routes::configuration(&name, parts);
        Resource::new(ResourceType::Routes, name, body, references)
    })
}

fn sorted<'a>(attachments: &[&'a Attachment]) -> Vec<&'a Attachment> {
    let mut sorted = attachments.to_vec();
    sorted.sort_by(|a, b| a.expose.cmp(&b.expose));
    sorted
}
