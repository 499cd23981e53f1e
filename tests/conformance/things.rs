//! Resources as small as they can be, and what they name.

use std::collections::BTreeSet;

use envoy_types::pb::envoy::config::cluster::v3::Cluster as ClusterMessage;
use envoy_types::pb::envoy::config::core::v3::{Metadata, TrafficDirection};
use envoy_types::pb::envoy::config::endpoint::v3::ClusterLoadAssignment;
use envoy_types::pb::envoy::config::endpoint::v3::cluster_load_assignment::Policy;
use envoy_types::pb::envoy::config::listener::v3::Listener as ListenerMessage;
use envoy_types::pb::envoy::config::route::v3::RouteConfiguration;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::Secret as SecretMessage;
use igw_envoy::envoy::ResourceType::{self, Cluster, Endpoints, Listener, Routes, Secret};
use igw_envoy::envoy::json::{Sensitive, parse, print};
use igw_envoy::envoy::{Reference, Resource, encode};
use prost::{Message, Name};
use serde_json::{Value, json};

/// The types that are asked for by wildcard, and those that are asked for by name.
pub(crate) const WILD: [ResourceType; 2] = [Cluster, Listener];
pub(crate) const NAMED: [ResourceType; 3] = [Endpoints, Routes, Secret];

/// A resource of any type that names no other; its content differs with `content`.
pub(crate) fn thing(kind: ResourceType, name: &str, content: u32) -> Resource {
    let name = name.to_owned();
    let body = match kind {
        Cluster => encode(&ClusterMessage {
            name: name.clone(),
            alt_stat_name: content.to_string(),
            metadata: None::<Metadata>,
            ..ClusterMessage::default()
        }),
        Listener => encode(&ListenerMessage {
            name: name.clone(),
            stat_prefix: content.to_string(),
            traffic_direction: TrafficDirection::Inbound.into(),
            ..ListenerMessage::default()
        }),
        Endpoints => encode(&ClusterLoadAssignment {
            cluster_name: name.clone(),
            policy: Some(Policy {
                overprovisioning_factor: Some(envoy_types::pb::google::protobuf::UInt32Value { value: content }),
                ..Policy::default()
            }),
            ..ClusterLoadAssignment::default()
        }),
        Routes => encode(&RouteConfiguration {
            name: name.clone(),
            internal_only_headers: vec![content.to_string()],
            ..RouteConfiguration::default()
        }),
        Secret => encode(&SecretMessage {
            name: name.clone(),
            r#type: Some(
                envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::secret::Type::ValidationContext(
                    envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::CertificateValidationContext {
                        verify_certificate_hash: vec![content.to_string()],
                        ..Default::default()
                    },
                ),
            ),
        }),
    };
    Resource::new(kind, name, body, Vec::new())
}

/// Several of them.
pub(crate) fn things(kind: ResourceType, names: &[&str]) -> Vec<Resource> {
    names.iter().map(|name| thing(kind, name, 1)).collect()
}

/// A resource from Envoy's JSON, with all that it names.
pub(crate) fn from_json<M: Message + Name + Default>(
    kind: ResourceType,
    message: &Value,
) -> Resource {
    let message: M = parse(message.as_object().unwrap()).unwrap();
    let body = encode(&message);
    let name = name_of(kind, &body);
    let references = names_in(kind, &body)
        .into_iter()
        .map(|(kind, name)| Reference {
            kind,
            name: name.into(),
        });
    let references = references.collect();
    Resource::new(kind, name, body, references)
}

/// A listener for HTTP that asks for its routes by a name.
pub(crate) fn http_listener(name: &str, routes: &str, content: u32) -> Resource {
    from_json::<ListenerMessage>(
        Listener,
        &json!({
            "name": name, "stat_prefix": content.to_string(),
            "filter_chains": [{"filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                    "stat_prefix": name,
                    "rds": {"route_config_name": routes, "config_source": {"ads": {}, "resource_api_version": "V3"}},
                },
            }]}],
        }),
    )
}

/// Routes, one virtual host for each cluster.
pub(crate) fn routes_to(name: &str, clusters: &[&str]) -> Resource {
    let hosts = clusters.iter().map(|cluster| {
        json!({
            "name": cluster, "domains": [format!("{cluster}.org")],
            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": cluster}}],
        })
    });
    let hosts: Vec<_> = hosts.collect();
    from_json::<RouteConfiguration>(Routes, &json!({"name": name, "virtual_hosts": hosts}))
}

/// An encoded resource as JSON.
pub(crate) fn shown(kind: ResourceType, body: &[u8]) -> Value {
    print(kind.type_url(), body, Sensitive::Shown).expect("a message of its type")
}

fn name_of(kind: ResourceType, body: &[u8]) -> String {
    let message = shown(kind, body);
    let field = if kind == Endpoints {
        "cluster_name"
    } else {
        "name"
    };
    message[field].as_str().unwrap_or_default().to_owned()
}

/// What an encoded resource names, read from nothing but the message.
pub(crate) fn names_in(kind: ResourceType, body: &[u8]) -> BTreeSet<(ResourceType, String)> {
    let message = shown(kind, body);
    let mut found = BTreeSet::new();
    if kind == Cluster && message["type"] == "EDS" {
        let eds = &message["eds_cluster_config"]["service_name"];
        let name = eds.as_str().or(message["name"].as_str());
        found.extend(name.map(|name| (Endpoints, name.to_owned())));
    }
    let mut visit = vec![&message];
    while let Some(value) = visit.pop() {
        match value {
            Value::Array(items) => visit.extend(items),
            Value::Object(fields) => {
                let mut add = |kind, value: &Value| {
                    found.extend(value.as_str().map(|name| (kind, name.to_owned())));
                };
                add(Cluster, &value["cluster"]);
                add(Routes, &value["route_config_name"]);
                if value["sds_config"].is_object() {
                    add(Secret, &value["name"]);
                }
                visit.extend(fields.values());
            }
            _ => {}
        }
    }
    found
}
