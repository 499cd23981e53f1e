//! Envoy's proto constraints on what was translated, as diagnostics of the expose.
//!
//! The model cannot break them, so what they find is in the passthroughs.

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::listener::v3::{FilterChain, ListenerFilter};
use envoy_types::pb::envoy::config::route::v3::{RouteConfiguration, VirtualHost};
use envoy_types::pb::envoy::extensions::upstreams::http::v3::HttpProtocolOptions;
use prost::Name;

use super::attachment::{Attachment, Shape};
use crate::envoy::Resource;
use crate::envoy::constraints::{Violation, check_part};
use crate::model::{Diagnostic, Expose, Severity};
use crate::validate::codes;
use crate::validate::keywords::expose::{CLUSTER_DATA, FILTER_CONFIG_DATA};

/// Where the options of protocols are in a cluster, in both spellings of JSON.
const OPTIONS: [&str; 2] = [
    "typed_extension_protocol_options",
    "typedExtensionProtocolOptions",
];

/// Where the configuration of the one filter is in a filter chain.
const IN_CHAIN: &str = "filters[0].typed_config.";

pub(super) fn cluster(expose: &Expose, cluster: &Resource) -> Result<(), Vec<Diagnostic>> {
    let keyword = expose.cluster_data.as_ref().map(|_| CLUSTER_DATA.name);
    let data = expose.cluster_data.as_ref();
    let moved = !data.is_some_and(|data| OPTIONS.iter().any(|field| data.contains_key(*field)));
    check_part::<Cluster>(&cluster.body).map_err(|mut found| {
        if moved {
            found.iter_mut().for_each(as_it_was_written);
        }
        diagnostics(expose, keyword, found)
    })
}

/// Maps a path inside `HttpProtocolOptions` back to the v2 field of the cluster that the user wrote.
fn as_it_was_written(violation: &mut Violation) {
    let of_http = format!("{}[\"{}\"].", OPTIONS[0], HttpProtocolOptions::full_name());
    if let Some(path) = violation.field_path.strip_prefix(&of_http) {
        let choices = ["explicit_http_config.", "use_downstream_protocol_config."];
        let path = choices
            .iter()
            .find_map(|choice| path.strip_prefix(choice))
            .unwrap_or(path);
        violation.field_path = path.to_owned();
    }
}

/// Whether the filters are the gateway's own but for names; tests show that those keep the constraints for
/// any name that is not empty.
fn is_plain(expose: &Expose) -> bool {
    expose.filter_config_data.is_none() && expose.traffic.tls_match().is_none()
}

pub(super) fn attachment(expose: &Expose, attachment: &Attachment) -> Result<(), Vec<Diagnostic>> {
    let keyword = (expose.filter_config_data.as_ref()).map(|_| FILTER_CONFIG_DATA.name);
    let mut found = Vec::new();
    // What is around the filter's configuration is the gateway's, and nobody wrote its path.
    let mut note = |checked: Result<(), Vec<Violation>>, around: &str| {
        for mut violation in checked.err().unwrap_or_default() {
            if let Some(path) = violation.field_path.strip_prefix(around) {
                violation.field_path = path.to_owned();
            }
            found.push(violation);
        }
    };
    let is_plain = is_plain(expose);
    match &attachment.shape {
        _ if is_plain => {}
        Shape::Udp { filter } => note(check_part::<ListenerFilter>(filter), "typed_config."),
        Shape::Chain { chain, .. } | Shape::SharedHttp { chain, .. } => {
            note(check_part::<FilterChain>(chain), IN_CHAIN);
        }
    }
    match &attachment.shape {
        Shape::Udp { .. } => {}
        Shape::Chain { routes, .. } => {
            if let Some(routes) = routes {
                note(check_part::<RouteConfiguration>(&routes.body), "");
            }
        }
        Shape::SharedHttp { vhosts, .. } => {
            for vhost in vhosts {
                note(check_part::<VirtualHost>(vhost), "");
            }
        }
    }
    match found.is_empty() {
        true => Ok(()),
        false => Err(diagnostics(expose, keyword, found)),
    }
}

fn diagnostics(expose: &Expose, keyword: Option<&str>, found: Vec<Violation>) -> Vec<Diagnostic> {
    let section = &expose.id.section;
    let diagnostic = |violation: Violation| {
        let message = violation.to_string();
        let found = Diagnostic::new(Severity::Error, codes::ENVOY_CONSTRAINT, message);
        match keyword {
            Some(keyword) => found.at(section, keyword),
            None => found.in_section(section),
        }
    };
    found.into_iter().map(diagnostic).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::translate;
    use super::*;
    use crate::model::{Document, ObjectPath};
    use crate::validate::{Context, validate};

    fn attached(service: &str, keywords: &str) -> (Expose, Attachment) {
        let text = format!(
            "[ip#1]\nexpose = expose#0\n[expose#0]\nport = 80\n{keywords}\n\
             [vhost#0]\ndomains = a.org\nroutes = route#0\n[route#0]\nmatch_prefix = /\n"
        );
        let path: ObjectPath = service.parse().unwrap();
        let document = Document::from_config(path, &text).unwrap();
        let mut exposes = validate(&document, &Context::default()).service.exposes;
        let expose = exposes.remove(0);
        let attachment = translate(&expose).unwrap().attachment.unwrap();
        (expose, attachment)
    }

    #[test]
    fn the_filters_of_a_plain_expose_keep_the_constraints_whatever_the_names() {
        let long = "x".repeat(1000);
        let tcp = ["listener_addr = 0.0.0.0", "listener_addr = ::"];
        let others = [
            "protocol = udp",
            "vhosts = vhost#0",
            "vhosts = vhost#0\nlistener_addr = ::",
        ];
        for keywords in tcp.into_iter().chain(others) {
            for service in ["w", "test/svc/web", &*long] {
                let (expose, attachment) = attached(service, keywords);
                assert!(is_plain(&expose), "{keywords}");
                let checked = match &attachment.shape {
                    Shape::Udp { filter } => check_part::<ListenerFilter>(filter),
                    Shape::Chain { chain, .. } | Shape::SharedHttp { chain, .. } => {
                        check_part::<FilterChain>(chain)
                    }
                };
                assert_eq!(checked, Ok(()), "{service} {keywords}");
            }
        }
        for keywords in [
            "sni = a.org",
            "filter_config_data = {\"idle_timeout\": \"1s\"}",
        ] {
            assert!(!is_plain(&attached("web", keywords).0), "{keywords}");
        }
    }
}
