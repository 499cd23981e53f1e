//! The HTTP connection manager.

use std::collections::BTreeSet;

use envoy_types::pb::envoy::extensions::filters::http::router::v3::Router;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::{
    HttpConnectionManager, HttpFilter,
    http_connection_manager::{CodecType, StripPortMode},
    http_filter::ConfigType,
};
use envoy_types::pb::google::protobuf::Any;

use super::{DataFindings, is_of};

/// Judges `filter_config_data` of an HTTP expose, its filters aside where it gives none.
pub(in crate::translate::passthrough) fn manager(
    manager: &HttpConnectionManager,
    findings: &mut DataFindings<'_>,
) {
    if manager.codec_type() == CodecType::Http3 {
        let hint = "leave it out to take HTTP/1 and HTTP/2";
        findings.break_rule("codec_type", "HTTP3 needs a listener of UDP", hint);
    }
    let strips = matches!(
        manager.strip_port_mode,
        Some(StripPortMode::StripAnyHostPort(true))
    );
    if strips && manager.strip_matching_host_port {
        let hint = "keep one of the two";
        findings.break_rule(
            "strip_any_host_port",
            "excludes strip_matching_host_port",
            hint,
        );
    }
    let remote = manager.use_remote_address.is_some_and(|set| set.value);
    if remote && !manager.original_ip_detection_extensions.is_empty() {
        let hint = "keep one of the two";
        findings.break_rule(
            "original_ip_detection_extensions",
            "excludes use_remote_address",
            hint,
        );
    }
    let last = manager.http_filters.last();
    if last.is_some_and(|last| is_router(last) && last.disabled) {
        let hint = "remove its disabled";
        findings.break_rule("http_filters", "end with a router that is disabled", hint);
    }
    for (index, upgrade) in manager.upgrade_configs.iter().enumerate() {
        // Some that end a chain are no routers, and their types say so.
        let ends = |filter| config(filter).is_none_or(|config| config.type_url.ends_with("Router"));
        if upgrade.filters.last().is_some_and(|last| !ends(last)) {
            let path = format!("upgrade_configs[{index}].filters");
            findings.break_rule(
                &path,
                "does not end with the router",
                "end it with the router",
            );
        }
    }
    super::anywhere::check(manager, findings);
    let mut upgrades = BTreeSet::new();
    for upgrade in &manager.upgrade_configs {
        let name = upgrade.upgrade_type.to_ascii_lowercase();
        if !upgrades.insert(name) {
            let hint = "write each upgrade_type once, whatever its case";
            findings.break_rule("upgrade_configs", "names an upgrade_type twice", hint);
        }
    }
    // Where the last one is no router, that is the mistake, and it is told of elsewhere.
    if let [early @ .., last] = manager.http_filters.as_slice()
        && is_router(last)
        && early.iter().any(is_router)
    {
        let hint = "write it once, as the last one";
        findings.break_rule("http_filters", "go on after the router", hint);
    }
}

/// Whether a filter is the router, which ends every chain.
pub(in crate::translate::passthrough) fn is_router(filter: &HttpFilter) -> bool {
    config(filter).is_some_and(is_of::<Router>)
}

/// The configuration of a filter, where it is written.
pub(super) fn config(filter: &HttpFilter) -> Option<&Any> {
    match &filter.config_type {
        Some(ConfigType::TypedConfig(config)) => Some(config),
        _ => None,
    }
}
