//! Small Envoy messages that several resources contain.

use std::net::IpAddr;

use envoy_types::pb::envoy::config::core::v3::{
    Address, AggregatedConfigSource, ApiVersion, ConfigSource, SocketAddress, TransportSocket,
    address, config_source, socket_address as l4, transport_socket,
};
use envoy_types::pb::envoy::config::listener::v3::{
    Filter, ListenerFilter, filter, listener_filter as listener_filter_config,
};
use envoy_types::pb::google::protobuf::Duration as ProtoDuration;
use prost::Name;

use crate::envoy::pack;
use crate::model::Protocol;

/// The configuration source of everything: the aggregated stream.
pub(super) fn ads() -> ConfigSource {
    ConfigSource {
        resource_api_version: ApiVersion::V3.into(),
        config_source_specifier: Some(config_source::ConfigSourceSpecifier::Ads(
            AggregatedConfigSource::default(),
        )),
        ..ConfigSource::default()
    }
}

pub(super) fn socket_address(addr: IpAddr, port: u16, protocol: Protocol) -> Address {
    let protocol = match protocol {
        Protocol::Tcp => l4::Protocol::Tcp,
        Protocol::Udp => l4::Protocol::Udp,
    };
    Address {
        address: Some(address::Address::SocketAddress(SocketAddress {
            protocol: protocol.into(),
            address: addr.to_string(),
            port_specifier: Some(l4::PortSpecifier::PortValue(port.into())),
            ..SocketAddress::default()
        })),
    }
}

pub(super) fn network_filter(name: &str, config: &impl Name) -> Filter {
    Filter {
        name: name.into(),
        config_type: Some(filter::ConfigType::TypedConfig(pack(config))),
    }
}

pub(super) fn listener_filter(name: &str, config: &impl Name) -> ListenerFilter {
    ListenerFilter {
        name: name.into(),
        config_type: Some(listener_filter_config::ConfigType::TypedConfig(pack(
            config,
        ))),
        ..ListenerFilter::default()
    }
}

pub(super) fn tls_socket(context: &impl Name) -> TransportSocket {
    TransportSocket {
        name: "envoy.transport_sockets.tls".into(),
        config_type: Some(transport_socket::ConfigType::TypedConfig(pack(context))),
    }
}

/// A duration as Envoy writes it. Seconds beyond what protobuf can say stay at the most it can.
pub(super) fn duration(duration: std::time::Duration) -> ProtoDuration {
    ProtoDuration {
        seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(duration.subsec_nanos()).unwrap_or_default(),
    }
}
