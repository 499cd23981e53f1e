//! Filter chains, and what stands for one under UDP.

use std::cell::RefCell;
use std::sync::Arc;

use bytes::Bytes;
use envoy_types::pb::envoy::config::core::v3::{Http1ProtocolOptions, Http2ProtocolOptions};
use envoy_types::pb::envoy::config::listener::v3::{Filter, FilterChain, FilterChainMatch};
use envoy_types::pb::envoy::extensions::filters::http::router::v3::Router;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::{
    HttpConnectionManager, HttpFilter, Rds,
    http_connection_manager::{CodecType, RouteSpecifier, UpgradeConfig},
    http_filter,
};
use envoy_types::pb::envoy::extensions::filters::network::tcp_proxy::v3::{
    TcpProxy, tcp_proxy::ClusterSpecifier,
};
use envoy_types::pb::envoy::extensions::filters::udp::udp_proxy::v3::{
    Route as UdpRoute, UdpProxyConfig, udp_proxy_config::RouteSpecifier as UdpRouteSpecifier,
};
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::DownstreamTlsContext;
use envoy_types::pb::xds::core::v3::TypedExtensionConfig;
use envoy_types::pb::xds::r#type::matcher::v3::{Matcher, matcher};

use prost::Name;

use super::parts::{ads, listener_filter, network_filter, tls_socket};
use super::passthrough::Base;
use crate::envoy::{encode, pack, wire};
use crate::model::{Socket, TlsMatch};

/// The name of the chain that the plain HTTP exposes of a listener share.
const SHARED_HTTP: &str = "http";

/// The name of the filter that forwards a connection to a cluster.
const TCP_PROXY: &str = "envoy.filters.network.tcp_proxy";

/// Field numbers of `FilterChain`, `Filter`, `Any` and `TcpProxy`.
const FILTERS: u32 = 3;
const CHAIN_NAME: u32 = 7;
const FILTER_NAME: u32 = 1;
const TYPED_CONFIG: u32 = 4;
const TYPE_URL: u32 = 1;
const VALUE: u32 = 2;
const STAT_PREFIX: u32 = 1;
const CLUSTER: u32 = 2;

/// A chain of one filter. Its name must not change with its content: Envoy would drain it.
pub(super) fn chain(
    name: &str,
    filter: Filter,
    tls_match: Option<TlsMatch>,
    tls: Option<&DownstreamTlsContext>,
) -> Bytes {
    encode(&FilterChain {
        name: name.into(),
        filter_chain_match: tls_match.map(|wanted| FilterChainMatch {
            server_names: match wanted {
                TlsMatch::Any => Vec::new(),
                TlsMatch::Names(names) => names,
            },
            transport_protocol: "tls".into(),
            ..FilterChainMatch::default()
        }),
        filters: vec![filter],
        transport_socket: tls.map(tls_socket),
        ..FilterChain::default()
    })
}

/// The chain that the plain HTTP exposes of a listener share.
pub(super) fn shared_http(listener: &str, base: Base<HttpConnectionManager>) -> Bytes {
    let filter = http_manager(listener, listener, base);
    chain(SHARED_HTTP, filter, None, None)
}

/// The name of a socket's listener, and its [shared chain](shared_http) where `filter_config_data` says
/// nothing of it: the same for thousands of exposes, so what was made last is kept for the next one.
pub(super) fn plain_http(socket: Socket) -> (Arc<str>, Bytes) {
    thread_local! {
        static LAST: RefCell<Option<(Socket, Arc<str>, Bytes)>> = const { RefCell::new(None) };
    }
    LAST.with_borrow_mut(|last| match last {
        Some((of, listener, chain)) if *of == socket => (listener.clone(), chain.clone()),
        _ => {
            let listener: Arc<str> = socket.to_string().into();
            let chain = shared_http(&listener, Base::default());
            *last = Some((socket, listener.clone(), chain.clone()));
            (listener, chain)
        }
    })
}

/// The filter that forwards a connection to a cluster.
pub(super) fn tcp_proxy(cluster: &str, base: Base<TcpProxy>) -> Filter {
    let mut proxy = base.message;
    proxy.stat_prefix = format!("ingress_{cluster}");
    proxy.cluster_specifier = Some(ClusterSpecifier::Cluster(cluster.into()));
    network_filter(TCP_PROXY, &proxy)
}

/// The chain of a TCP expose of which only its cluster is said: without certificates, server names and
/// `filter_config_data`.
pub(super) fn plain_tcp(cluster: &str) -> Bytes {
    let prefix = format!("ingress_{cluster}");
    let cluster = cluster.as_bytes();
    let proxy = wire::message(&[(STAT_PREFIX, prefix.as_bytes()), (CLUSTER, cluster)]);
    let url = TcpProxy::type_url();
    let any = wire::message(&[(TYPE_URL, url.as_bytes()), (VALUE, &proxy)]);
    let filter = wire::message(&[(FILTER_NAME, TCP_PROXY.as_bytes()), (TYPED_CONFIG, &any)]);
    wire::message(&[(FILTERS, &filter), (CHAIN_NAME, cluster)]).into()
}

/// The filter that speaks HTTP and routes by a route configuration.
pub(super) fn http_manager(
    listener: &str,
    routes: &str,
    base: Base<HttpConnectionManager>,
) -> Filter {
    let default_upgrades = !base.gives("upgrade_configs");
    let mut manager = base.message;
    manager.stat_prefix = format!("ingress_{listener}");
    manager.route_specifier = Some(RouteSpecifier::Rds(Rds {
        config_source: Some(ads()),
        route_config_name: routes.into(),
    }));
    if manager.http_filters.is_empty() {
        manager.http_filters.push(HttpFilter {
            name: "envoy.filters.http.router".into(),
            config_type: Some(http_filter::ConfigType::TypedConfig(pack(
                &Router::default(),
            ))),
            ..HttpFilter::default()
        });
    }
    if default_upgrades {
        manager.upgrade_configs.push(UpgradeConfig {
            upgrade_type: "websocket".into(),
            ..UpgradeConfig::default()
        });
    }
    manager
        .http_protocol_options
        .get_or_insert_with(|| Http1ProtocolOptions {
            accept_http_10: true,
            ..Http1ProtocolOptions::default()
        });
    manager
        .http2_protocol_options
        .get_or_insert_with(Http2ProtocolOptions::default);
    network_filter("envoy.filters.network.http_connection_manager", &manager)
}

/// The protocols that an HTTP listener offers under TLS.
pub(super) fn alpn(manager: &HttpConnectionManager) -> &'static [&'static str] {
    match manager.codec_type() {
        CodecType::Http1 => &["http/1.1"],
        CodecType::Http2 => &["h2"],
        _ => &["h2", "http/1.1"],
    }
}

/// The listener filter that forwards datagrams to a cluster.
pub(super) fn udp_proxy(cluster: &str, base: Base<UdpProxyConfig>) -> Bytes {
    let mut proxy = base.message;
    proxy.stat_prefix = format!("ingress_{cluster}");
    let route = UdpRoute {
        cluster: cluster.into(),
    };
    let action = TypedExtensionConfig {
        name: "route".into(),
        typed_config: Some(pack(&route)),
    };
    let on_no_match = matcher::OnMatch {
        on_match: Some(matcher::on_match::OnMatch::Action(action)),
        ..matcher::OnMatch::default()
    };
    proxy.route_specifier = Some(UdpRouteSpecifier::Matcher(Matcher {
        on_no_match: Some(Box::new(on_no_match)),
        ..Matcher::default()
    }));
    encode(&listener_filter(
        "envoy.filters.udp_listener.udp_proxy",
        &proxy,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_chain_is_what_it_is_when_all_of_it_is_encoded() {
        for cluster in ["web/expose#0", &"x".repeat(1000)] {
            let filter = tcp_proxy(cluster, Base::default());
            assert_eq!(
                plain_tcp(cluster),
                chain(cluster, filter, None, None),
                "{cluster}"
            );
        }
    }
}
