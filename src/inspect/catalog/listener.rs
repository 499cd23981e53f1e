//! Listeners and their filter chains.

use envoy_types::pb::envoy::config::core::v3::address;
use envoy_types::pb::envoy::config::core::v3::{TransportSocket, socket_address, transport_socket};
use envoy_types::pb::envoy::config::listener::v3 as envoy;
use envoy_types::pb::envoy::config::listener::v3::filter::ConfigType;
use envoy_types::pb::envoy::config::listener::v3::listener_filter::ConfigType as ListenerConfigType;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::{
    HttpConnectionManager, http_connection_manager::RouteSpecifier,
};
use envoy_types::pb::envoy::extensions::filters::network::tcp_proxy::v3::{
    TcpProxy, tcp_proxy::ClusterSpecifier,
};
use envoy_types::pb::envoy::extensions::filters::udp::udp_proxy::v3::{
    Route as UdpRoute, UdpProxyConfig, udp_proxy_config::RouteSpecifier as UdpRouteSpecifier,
};
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::{
    CommonTlsContext, DownstreamTlsContext, common_tls_context::ValidationContextType,
};
use envoy_types::pb::google::protobuf::Any;
use envoy_types::pb::xds::r#type::matcher::v3::matcher::on_match::OnMatch;
use prost::{Message, Name};
use serde::Serialize;
use utoipa::ToSchema;

use crate::envoy::Resource;

/// A socket on which Envoy listens.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Listener {
    /// Its name: address, port and protocol.
    #[schema(example = "0.0.0.0:443/tcp")]
    pub name: String,
    /// The address it binds.
    pub address: String,
    /// The port it binds.
    pub port: u16,
    /// Whether datagrams are received, rather than connections accepted.
    pub udp: bool,
    /// Its filter chains; one without conditions under UDP.
    pub chains: Vec<Chain>,
}

/// What happens to the connections that a listener's filter chain takes.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Chain {
    /// Its name: the expose's, or `http` for the chain that plain HTTP exposes share.
    pub name: String,
    /// Whether only TLS connections are taken.
    pub tls_only: bool,
    /// The server names (SNI) that clients must ask for; whatever name where there are none.
    pub server_names: Vec<String>,
    /// TLS as it is terminated here; absent where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub termination: Option<Termination>,
    /// Where connections go on.
    pub next: Next,
}

/// How TLS is terminated.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Termination {
    /// The certificates to present, by the name of their secret.
    pub certificates: Vec<String>,
    /// What judges the certificates of clients, by the name of its secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clients_judged_by: Option<String>,
    /// Whether clients must present a certificate.
    pub client_certificate_required: bool,
    /// The protocols offered by ALPN.
    pub alpn: Vec<String>,
}

/// Where a chain leads.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    /// HTTP is spoken, and routed by this route configuration.
    Routes(String),
    /// Bytes are forwarded to this cluster.
    Cluster(String),
    /// Nowhere that this gateway knows.
    Nowhere,
}

impl Listener {
    /// Decodes a listener.
    pub(super) fn read(resource: &Resource) -> Option<Self> {
        let listener = envoy::Listener::decode(&*resource.body).ok()?;
        let Some(address::Address::SocketAddress(socket)) = listener.address?.address else {
            return None;
        };
        let udp = socket.protocol() == socket_address::Protocol::Udp;
        let port = match socket.port_specifier? {
            socket_address::PortSpecifier::PortValue(port) => u16::try_from(port).ok()?,
            socket_address::PortSpecifier::NamedPort(_) => return None,
        };
        let chains = match udp {
            true => listener
                .listener_filters
                .iter()
                .filter_map(datagrams)
                .collect(),
            false => listener.filter_chains.iter().map(Chain::read).collect(),
        };
        Some(Self {
            name: listener.name,
            address: socket.address,
            port,
            udp,
            chains,
        })
    }
}

impl Chain {
    fn read(chain: &envoy::FilterChain) -> Self {
        let matching = chain.filter_chain_match.as_ref();
        let filters = chain.filters.iter();
        let mut configs = filters.filter_map(|filter| match &filter.config_type {
            Some(ConfigType::TypedConfig(any)) => Some(any),
            _ => None,
        });
        Self {
            name: chain.name.clone(),
            tls_only: matching.is_some_and(|m| m.transport_protocol == "tls"),
            server_names: matching.map_or_else(Vec::new, |m| m.server_names.clone()),
            termination: chain.transport_socket.as_ref().and_then(Termination::read),
            next: configs.find_map(next).unwrap_or(Next::Nowhere),
        }
    }
}

/// The pseudo-chain of a UDP listener's proxy.
fn datagrams(filter: &envoy::ListenerFilter) -> Option<Chain> {
    let Some(ListenerConfigType::TypedConfig(any)) = &filter.config_type else {
        return None;
    };
    let proxy: UdpProxyConfig = unpack(any)?;
    let next = match proxy.route_specifier? {
        UdpRouteSpecifier::Matcher(matcher) => match matcher.on_no_match?.on_match? {
            OnMatch::Action(action) => unpack::<UdpRoute>(&action.typed_config?)?.cluster,
            OnMatch::Matcher(_) => return None,
        },
        _ => return None,
    };
    Some(Chain {
        name: next.clone(),
        tls_only: false,
        server_names: Vec::new(),
        termination: None,
        next: Next::Cluster(next),
    })
}

fn next(any: &Any) -> Option<Next> {
    if let Some(manager) = unpack::<HttpConnectionManager>(any) {
        return match manager.route_specifier? {
            RouteSpecifier::Rds(rds) => Some(Next::Routes(rds.route_config_name)),
            _ => None,
        };
    }
    match unpack::<TcpProxy>(any)?.cluster_specifier? {
        ClusterSpecifier::Cluster(cluster) => Some(Next::Cluster(cluster)),
        ClusterSpecifier::WeightedClusters(_) => None,
    }
}

impl Termination {
    fn read(socket: &TransportSocket) -> Option<Self> {
        let context: DownstreamTlsContext = match &socket.config_type {
            Some(transport_socket::ConfigType::TypedConfig(any)) => unpack(any)?,
            None => return None,
        };
        let common = context.common_tls_context.unwrap_or_default();
        Some(Self {
            certificates: certificates(&common),
            clients_judged_by: judge(&common),
            client_certificate_required: context
                .require_client_certificate
                .is_some_and(|required| required.value),
            alpn: common.alpn_protocols,
        })
    }
}

/// The names of the certificates' secrets in a TLS context.
pub(super) fn certificates(context: &CommonTlsContext) -> Vec<String> {
    let secrets = context.tls_certificate_sds_secret_configs.iter();
    secrets.map(|secret| secret.name.clone()).collect()
}

/// The name of the secret that judges the peer's certificate.
pub(super) fn judge(context: &CommonTlsContext) -> Option<String> {
    match context.validation_context_type.as_ref()? {
        ValidationContextType::ValidationContextSdsSecretConfig(secret) => {
            Some(secret.name.clone())
        }
        ValidationContextType::CombinedValidationContext(combined) => {
            let secret = combined.validation_context_sds_secret_config.as_ref()?;
            Some(secret.name.clone())
        }
        _ => None,
    }
}

/// The message in an `Any`, where it is of this type.
pub(super) fn unpack<M: Message + Name + Default>(any: &Any) -> Option<M> {
    (any.type_url == M::type_url())
        .then(|| M::decode(&*any.value).ok())
        .flatten()
}
