//! Envoy's proto constraints on what was translated, as diagnostics of the expose.
//!
//! The model cannot break them, so what they find is in the passthroughs.

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::listener::v3::{FilterChain, ListenerFilter};
use envoy_types::pb::envoy::config::route::v3::{RouteConfiguration, VirtualHost};

use super::attachment::{Attachment, Shape};
use crate::envoy::Resource;
use crate::envoy::constraints::{Violation, check_part};
use crate::model::{Diagnostic, Expose, Severity};
use crate::validate::codes;
use crate::validate::keywords::expose::{CLUSTER_DATA, FILTER_CONFIG_DATA};

pub(super) fn cluster(expose: &Expose, cluster: &Resource) -> Result<(), Vec<Diagnostic>> {
    let keyword = expose.cluster_data.as_ref().map(|_| CLUSTER_DATA.name);
    check_part::<Cluster>(&cluster.body).map_err(|found| diagnostics(expose, keyword, found))
}

pub(super) fn attachment(expose: &Expose, attachment: &Attachment) -> Result<(), Vec<Diagnostic>> {
    let keyword = (expose.filter_config_data.as_ref()).map(|_| FILTER_CONFIG_DATA.name);
    let mut found = Vec::new();
    let mut note = |checked: Result<(), Vec<Violation>>| {
        found.extend(checked.err().unwrap_or_default());
    };
    match &attachment.shape {
        Shape::Udp { filter } => note(check_part::<ListenerFilter>(filter)),
        Shape::Chain { chain, routes } => {
            note(check_part::<FilterChain>(chain));
            if let Some(routes) = routes {
                note(check_part::<RouteConfiguration>(&routes.body));
            }
        }
        Shape::SharedHttp { chain, vhosts, .. } => {
            note(check_part::<FilterChain>(chain));
            for vhost in vhosts {
                note(check_part::<VirtualHost>(vhost));
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
