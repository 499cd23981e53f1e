//! Envoy's bootstrap: the one file an Envoy of this gateway needs.
//!
//! Everything else comes over an aggregated stream (ADS) from the sidecar, by unix socket or TCP.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::Variant;

/// The name of the cluster that leads to the sidecar. It is the only static one.
pub const XDS_CLUSTER: &str = "xds_cluster";

/// The largest RE2 program that Envoy is told to take.
///
/// Envoy refuses route configurations with a regular expression above 100 unless told otherwise,
/// which sixty alternatives of a path already are. This is four times what validation lets pass: its size
/// is an estimate, and older Envoys compile for UTF-8 instead of bytes, where `[^/]` is four times as large.
pub const RE2_MAX_PROGRAM_SIZE: u32 = 8000;

/// Where the sidecar listens for Envoy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum XdsAddress {
    /// A unix socket: the only way for private keys, as other users are kept out.
    Unix(PathBuf),
    /// An address and port.
    Tcp(SocketAddr),
}

/// What an Envoy's bootstrap is made of.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    /// The name of this Envoy: `node.id`.
    pub node: String,
    /// The name of the gateway it belongs to: `node.cluster`.
    pub gateway: String,
    /// Where Envoy's admin interface listens; without one, there is none.
    pub admin: Option<SocketAddr>,
    /// Where the sidecar is.
    pub xds: XdsAddress,
    /// How the two talk.
    pub variant: Variant,
}

/// What need not be as it is: every value has one that works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tuning {
    /// The largest RE2 program that a `match_regex` may compile to.
    pub re2_max_program_size: u32,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            re2_max_program_size: RE2_MAX_PROGRAM_SIZE,
        }
    }
}

impl Bootstrap {
    /// The bootstrap as Envoy v3 JSON.
    pub fn to_json(&self) -> Value {
        self.to_json_with(&Tuning::default())
    }

    /// The same, tuned.
    pub fn to_json_with(&self, tuning: &Tuning) -> Value {
        let mut bootstrap = json!({
            "node": { "id": self.node, "cluster": self.gateway },
            "dynamic_resources": {
                "ads_config": {
                    "api_type": match self.variant {
                        Variant::StateOfTheWorld => "GRPC",
                        Variant::Delta => "DELTA_GRPC",
                    },
                    "transport_api_version": "V3",
                    "set_node_on_first_message_only": true,
                    "grpc_services": [{
                        "envoy_grpc": {
                            "cluster_name": XDS_CLUSTER,
                            // Envoy's own back-off grows to 30 s; a sidecar that restarts is back sooner.
                            "retry_policy": {
                                "retry_back_off": { "base_interval": "0.25s", "max_interval": "2s" },
                            },
                        },
                    }],
                },
                "cds_config": { "ads": {}, "resource_api_version": "V3" },
                "lds_config": { "ads": {}, "resource_api_version": "V3" },
            },
            "static_resources": { "clusters": [self.cluster()] },
            // Stating layers replaces Envoy's default ones, so the admin layer is named again: it lets an
            // operator change runtime values by the admin interface.
            "layered_runtime": {
                "layers": [
                    {
                        "name": "igw",
                        "static_layer": {
                            "re2.max_program_size.error_level": tuning.re2_max_program_size,
                        },
                    },
                    { "name": "admin", "admin_layer": {} },
                ],
            },
        });
        if let Some(admin) = self.admin {
            bootstrap["admin"] = json!({ "address": socket_address(admin) });
        }
        bootstrap
    }

    fn cluster(&self) -> Value {
        let address = match &self.xds {
            XdsAddress::Unix(path) => json!({ "pipe": { "path": path } }),
            XdsAddress::Tcp(address) => socket_address(*address),
        };
        json!({
            "name": XDS_CLUSTER,
            "type": "STATIC",
            "connect_timeout": "1s",
            "typed_extension_protocol_options": {
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                    "explicit_http_config": {
                        "http2_protocol_options": {
                            // A peer that vanished without a word is noticed, and the stream opened again.
                            "connection_keepalive": { "interval": "30s", "timeout": "5s" },
                        },
                    },
                },
            },
            "load_assignment": {
                "cluster_name": XDS_CLUSTER,
                "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": address } }] }],
            },
        })
    }
}

fn socket_address(address: SocketAddr) -> Value {
    json!({
        "socket_address": { "address": address.ip().to_string(), "port_value": address.port() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bootstrap() -> Bootstrap {
        Bootstrap {
            node: "node1".into(),
            gateway: "envoy".into(),
            admin: Some(([127, 0, 0, 1], 9901).into()),
            xds: XdsAddress::Unix("/var/run/xds/xds.sock".into()),
            variant: Variant::Delta,
        }
    }

    #[test]
    fn the_only_static_cluster_leads_to_the_sidecars_socket() {
        let json = bootstrap().to_json();
        let cluster = &json["static_resources"]["clusters"][0];
        let address = cluster
            .pointer("/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/pipe/path");
        assert_eq!(cluster["name"], XDS_CLUSTER);
        assert_eq!(address, Some(&json!("/var/run/xds/xds.sock")));
        assert_eq!(json["static_resources"]["clusters"][1], Value::Null);
    }

    #[test]
    fn an_ipv6_sidecar_is_named_without_brackets() {
        let mut bootstrap = bootstrap();
        bootstrap.xds = XdsAddress::Tcp("[::1]:50051".parse().unwrap());
        let json = bootstrap.to_json();
        let address = json.pointer(
            "/static_resources/clusters/0/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address",
        );
        assert_eq!(
            address,
            Some(&json!({ "socket_address": { "address": "::1", "port_value": 50051 } }))
        );
    }

    #[test]
    fn the_variant_chooses_the_api_type() {
        let mut bootstrap = bootstrap();
        let api_type = |b: &Bootstrap| {
            b.to_json()["dynamic_resources"]["ads_config"]["api_type"]
                .as_str()
                .map(str::to_owned)
        };
        assert_eq!(api_type(&bootstrap).as_deref(), Some("DELTA_GRPC"));
        bootstrap.variant = Variant::StateOfTheWorld;
        assert_eq!(api_type(&bootstrap).as_deref(), Some("GRPC"));
    }

    #[test]
    fn without_an_admin_address_there_is_no_admin_interface() {
        let mut bootstrap = bootstrap();
        bootstrap.admin = None;
        assert!(bootstrap.to_json().get("admin").is_none());
    }
}
