//! Envoy's proto constraints on what was translated, as diagnostics of the expose.
//!
//! The model cannot break them, so what they find is in the passthroughs.

use envoy_types::pb::envoy::config::listener::v3::{FilterChain, ListenerFilter};
use envoy_types::pb::envoy::config::route::v3::VirtualHost;
use prost::Name;

use super::attachment::{Attachment, Shape};
use crate::envoy::constraints::{Violation, check_encoded};
use crate::envoy::{Resource, ResourceType};
use crate::model::{Diagnostic, Expose, Severity};
use crate::validate::codes;

pub(super) fn cluster(expose: &Expose, cluster: &Resource) -> Result<(), Vec<Diagnostic>> {
    let keyword = expose.cluster_data.as_ref().map(|_| "cluster_data");
    let url = ResourceType::Cluster.type_url();
    check_encoded(url, &cluster.body).map_err(|found| diagnostics(expose, keyword, found))
}

pub(super) fn attachment(expose: &Expose, attachment: &Attachment) -> Result<(), Vec<Diagnostic>> {
    let keyword = expose
        .filter_config_data
        .as_ref()
        .map(|_| "filter_config_data");
    let mut found = Vec::new();
    let mut check = |name: &str, part: &[u8]| {
        found.extend(check_encoded(name, part).err().unwrap_or_default());
    };
    match &attachment.shape {
        Shape::Udp { filter } => check(&ListenerFilter::full_name(), filter),
        Shape::Chain { chain, routes } => {
            check(&FilterChain::full_name(), chain);
            if let Some(routes) = routes {
                check(ResourceType::Routes.type_url(), &routes.body);
            }
        }
        Shape::SharedHttp { chain, vhosts, .. } => {
            check(&FilterChain::full_name(), chain);
            for vhost in vhosts {
                check(&VirtualHost::full_name(), vhost);
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
