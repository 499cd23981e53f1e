//! The shapes of Envoy's v2 API that configurations still have, brought to v3.

use envoy_types::pb::envoy::config::cluster::v3::{Cluster, cluster::ClusterProtocolSelection};
use envoy_types::pb::envoy::extensions::upstreams::http::v3::HttpProtocolOptions;
use envoy_types::pb::envoy::extensions::upstreams::http::v3::http_protocol_options::{
    ExplicitHttpConfig, UpstreamProtocolOptions, UseDownstreamHttpConfig,
    explicit_http_config::ProtocolConfig,
};
use prost::Name;
use serde_json::{Value, json};

use super::{DataFindings, Object};
use crate::envoy::{json as envoy_json, pack, shown};
use crate::model::Severity;
use crate::validate::codes;

const TYPE_URL: &str = "type.googleapis.com/";
const UPSTREAM_TLS: &str = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";

/// What v3 has in the place of v2's `config`, in both spellings of JSON.
const TYPED: [&str; 4] = [
    "typed_config",
    "typedConfig",
    "config_discovery",
    "configDiscovery",
];

/// What v2 knew by name, and the v3 type of its configuration.
const NAMED: &[(&str, &str)] = &[
    ("buffer", "envoy.extensions.filters.http.buffer.v3.Buffer"),
    ("cors", "envoy.extensions.filters.http.cors.v3.Cors"),
    ("csrf", "envoy.extensions.filters.http.csrf.v3.CsrfPolicy"),
    (
        "ext_authz",
        "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
    ),
    ("fault", "envoy.extensions.filters.http.fault.v3.HTTPFault"),
    (
        "file_access_log",
        "envoy.extensions.access_loggers.file.v3.FileAccessLog",
    ),
    (
        "grpc_http1_bridge",
        "envoy.extensions.filters.http.grpc_http1_bridge.v3.Config",
    ),
    (
        "grpc_json_transcoder",
        "envoy.extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder",
    ),
    (
        "grpc_web",
        "envoy.extensions.filters.http.grpc_web.v3.GrpcWeb",
    ),
    (
        "health_check",
        "envoy.extensions.filters.http.health_check.v3.HealthCheck",
    ),
    (
        "http_grpc_access_log",
        "envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig",
    ),
    (
        "ip_tagging",
        "envoy.extensions.filters.http.ip_tagging.v3.IPTagging",
    ),
    ("lua", "envoy.extensions.filters.http.lua.v3.Lua"),
    (
        "rate_limit",
        "envoy.extensions.filters.http.ratelimit.v3.RateLimit",
    ),
    ("rbac", "envoy.extensions.filters.http.rbac.v3.RBAC"),
    ("router", "envoy.extensions.filters.http.router.v3.Router"),
    (
        "tcp_grpc_access_log",
        "envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig",
    ),
    ("tls", UPSTREAM_TLS),
];

/// `cluster_data`.
pub(super) fn cluster(data: &mut Object, findings: &mut DataFindings<'_>) {
    rename(
        data,
        "drain_connections_on_host_removal",
        "ignore_health_on_host_removal",
        findings,
    );
    rename(
        data,
        "extension_protocol_options",
        "typed_extension_protocol_options",
        findings,
    );
    if let Some(mut context) = data.remove("tls_context") {
        if let Some(context) = context.as_object_mut() {
            context.insert("@type".into(), format!("{TYPE_URL}{UPSTREAM_TLS}").into());
        }
        note(findings, "tls_context", "transport_socket");
        let socket = json!({"name": "envoy.transport_sockets.tls", "typed_config": context});
        put(data, "transport_socket", socket, "tls_context", findings);
    }
    named_configs::<Cluster>(data, findings);
}

/// `filter_config_data` of an HTTP expose.
pub(super) fn http_manager(data: &mut Object, findings: &mut DataFindings<'_>) {
    if let Some(timeout) = data.remove("idle_timeout") {
        let options = data
            .entry("common_http_protocol_options")
            .or_insert_with(|| json!({}));
        note(
            findings,
            "idle_timeout",
            "common_http_protocol_options.idle_timeout",
        );
        if let Some(options) = options.as_object_mut() {
            put(options, "idle_timeout", timeout, "idle_timeout", findings);
        }
    }
    let tracing = data.get_mut("tracing").and_then(Value::as_object_mut);
    if let Some(tracing) = tracing
        && tracing.remove("operation_name").is_some()
    {
        findings.say(
            Severity::Warning,
            codes::PASSTHROUGH_IGNORED,
            "'tracing.operation_name' is gone from Envoy; it is ignored".into(),
            "remove it",
        );
    }
}

/// `{"name": …, "config": …}`, or the name alone, wherever an extension is configured: v3 wants the
/// configuration's type.
pub(super) fn named_configs<M: Name>(object: &mut Object, findings: &mut DataFindings<'_>) {
    envoy_json::each_extension::<M>(object, &mut |extension| named_config(extension, findings));
}

fn named_config(extension: &mut Object, findings: &mut DataFindings<'_>) {
    let name = extension.get("name").and_then(Value::as_str);
    let Some(name) = name.map(str::to_owned) else {
        return;
    };
    let is_given = |field: &str| extension.get(field).is_some_and(|value| !value.is_null());
    if TYPED.into_iter().any(is_given) {
        return;
    }
    let config = match extension.remove("config") {
        Some(Value::Object(config)) => Some(config),
        None | Some(Value::Null) => None,
        Some(other) => {
            extension.insert("config".into(), other);
            return;
        }
    };
    let typed = match (type_of(&name), config) {
        // A name of the user's own is not one that Envoy knew.
        (Some(_), None) if !name.starts_with("envoy.") => return,
        (Some(type_name), config) => {
            let old = match config {
                Some(_) => format!("config of '{}'", shown(&name)),
                None => format!("'{}' without a config", shown(&name)),
            };
            note(findings, &old, "typed_config with '@type'");
            let mut config = config.unwrap_or_default();
            config.insert("@type".into(), format!("{TYPE_URL}{type_name}").into());
            config
        }
        (None, Some(config)) => {
            findings.refuse(
                codes::PASSTHROUGH_V2,
                format!(
                    "'{}' with an untyped config has no v3 translation",
                    shown(&name)
                ),
                "write its typed_config with '@type', as Envoy's v3 documentation has it",
            );
            config
        }
        (None, None) => return,
    };
    extension.insert("typed_config".into(), Value::Object(typed));
}

/// The v3 configuration type of a name such as `envoy.cors` or `envoy.filters.http.cors`.
fn type_of(name: &str) -> Option<&'static str> {
    let last = name.rsplit('.').next()?;
    let (_, type_name) = NAMED.iter().find(|(known, _)| *known == last)?;
    Some(type_name)
}

/// Moves the cluster's deprecated HTTP options to where v3 has them; left in place they work, with
/// a warning in Envoy's log for every push.
#[expect(deprecated, reason = "they are read to be moved")]
pub(super) fn http_protocol_options(cluster: &mut Cluster) {
    let key = HttpProtocolOptions::full_name();
    let deprecated = cluster.http2_protocol_options.is_some()
        || cluster.http_protocol_options.is_some()
        || cluster.common_http_protocol_options.is_some()
        || cluster.upstream_http_protocol_options.is_some()
        || cluster.max_requests_per_connection.is_some()
        || cluster.protocol_selection() != ClusterProtocolSelection::UseConfiguredProtocol;
    if !deprecated || cluster.typed_extension_protocol_options.contains_key(&key) {
        return;
    }
    let http1 = cluster.http_protocol_options.take();
    let http2 = cluster.http2_protocol_options.take();
    let protocol = match cluster.protocol_selection() {
        ClusterProtocolSelection::UseDownstreamProtocol => {
            UpstreamProtocolOptions::UseDownstreamProtocolConfig(UseDownstreamHttpConfig {
                http_protocol_options: http1,
                http2_protocol_options: Some(http2.unwrap_or_default()),
                ..UseDownstreamHttpConfig::default()
            })
        }
        ClusterProtocolSelection::UseConfiguredProtocol => {
            UpstreamProtocolOptions::ExplicitHttpConfig(ExplicitHttpConfig {
                protocol_config: Some(match http2 {
                    Some(http2) => ProtocolConfig::Http2ProtocolOptions(http2),
                    None => ProtocolConfig::HttpProtocolOptions(http1.unwrap_or_default()),
                }),
            })
        }
    };
    cluster.protocol_selection = 0;
    let mut common = cluster.common_http_protocol_options.take();
    if let Some(requests) = cluster.max_requests_per_connection.take() {
        common
            .get_or_insert_default()
            .max_requests_per_connection
            .get_or_insert(requests);
    }
    let options = HttpProtocolOptions {
        common_http_protocol_options: common,
        upstream_http_protocol_options: cluster.upstream_http_protocol_options.take(),
        upstream_protocol_options: Some(protocol),
        ..HttpProtocolOptions::default()
    };
    cluster
        .typed_extension_protocol_options
        .insert(key, pack(&options));
}

fn rename(data: &mut Object, old: &str, new: &str, findings: &mut DataFindings<'_>) {
    if let Some(value) = data.remove(old) {
        note(findings, old, new);
        put(data, new, value, old, findings);
    }
}

/// Puts a v3 field in the place of a v2 one, unless the user wrote both.
fn put(data: &mut Object, field: &str, value: Value, old: &str, findings: &mut DataFindings<'_>) {
    if data.insert(field.into(), value).is_some() {
        findings.refuse(
            codes::PASSTHROUGH_CONTRADICTS,
            format!("'{field}' and its v2 form '{old}' are both given"),
            "remove the v2 form",
        );
    }
}

fn note(findings: &mut DataFindings<'_>, old: &str, new: &str) {
    findings.say(
        Severity::Info,
        codes::PASSTHROUGH_V2,
        format!("{old} is Envoy v2; it is served as {new}"),
        "",
    );
}
