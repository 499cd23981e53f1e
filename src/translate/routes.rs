//! Virtual hosts, routes and hash policies.

use bytes::Bytes;
use envoy::redirect_action::{PathRewriteSpecifier, RedirectResponseCode, SchemeRewriteSpecifier};
use envoy::route_action::hash_policy::{ConnectionProperties, Cookie, Header, PolicySpecifier};
use envoy::route_action::{
    ClusterNotFoundResponseCode, ClusterSpecifier, HostRewriteSpecifier, UpgradeConfig,
};
use envoy::route_match::PathSpecifier;
use envoy_types::pb::envoy::config::route::v3 as envoy;
use envoy_types::pb::envoy::r#type::matcher::v3::RegexMatcher;
use envoy_types::pb::google::protobuf::BoolValue;

use super::parts::duration;
use crate::envoy::{encode, wire};
use crate::model::{
    Action, Destination, HashKey, HashPolicy, PathMatch, PathRewrite, Redirect, RedirectCode,
    Route, VirtualHost,
};

/// The hosts that Envoy has to compare with a `Host` header for a vhost on a listener's port: each
/// domain with and without the port, since clients send the port unless it is the scheme's own.
pub fn expanded_domains(vhost: &VirtualHost, port: u16) -> Vec<String> {
    let mut hosts = Vec::with_capacity(2 * vhost.domains.len());
    let with_port = format!(":{port}");
    for domain in &vhost.domains {
        hosts.push(domain.clone());
        // `*` and `prefix.*` already match whatever follows; `*` with a port would match nothing.
        if !domain.ends_with('*') {
            hosts.push([domain.as_str(), &with_port].concat());
        }
    }
    hosts
}

/// Field numbers of `RouteConfiguration`, `VirtualHost` and `Route`, whose parts are appended encoded: prost
/// would measure each once for every message around it.
const NAME: u32 = 1;
const VIRTUAL_HOSTS: u32 = 2;
const DOMAINS: u32 = 2;
const ROUTES: u32 = 3;
const MATCH: u32 = 1;
const FORWARD: u32 = 2;
const REDIRECT: u32 = 3;

/// Field numbers of `RouteMatch` and `RouteAction`, of which most routes have no other.
const PREFIX: u32 = 1;
const CLUSTER: u32 = 1;

/// The encoded route configuration of encoded virtual hosts.
pub(super) fn configuration<V: AsRef<[u8]>>(
    name: &str,
    vhosts: impl IntoIterator<Item = V>,
) -> Bytes {
    let mut body = wire::message(&[(NAME, name.as_bytes())]);
    for vhost in vhosts {
        wire::append(&mut body, VIRTUAL_HOSTS, vhost.as_ref());
    }
    body.into()
}

/// The encoded virtual host of a `vhost#…` section on a listener's port, in the expose of a cluster.
pub(super) fn virtual_host(vhost: &VirtualHost, port: u16, cluster: &str) -> Bytes {
    let name = format!("{cluster}.{}", vhost.section);
    let mut body = wire::message(&[(NAME, name.as_bytes())]);
    for domain in expanded_domains(vhost, port) {
        wire::append(&mut body, DOMAINS, domain.as_bytes());
    }
    for each in &vhost.routes {
        wire::append(&mut body, ROUTES, &route(each, cluster));
    }
    // It is kept for as long as it is served.
    body.shrink_to_fit();
    body.into()
}

/// The encoded route.
fn route(route: &Route, cluster: &str) -> Vec<u8> {
    let taken = match &route.path {
        PathMatch::Prefix(prefix) if route.case_sensitive => {
            wire::message(&[(PREFIX, prefix.as_bytes())]).into()
        }
        _ => encode(&route_match(route)),
    };
    let (field, action) = action(&route.action, cluster);
    let mut body = Vec::with_capacity(taken.len() + action.len() + 2 * wire::AROUND);
    wire::append(&mut body, MATCH, &taken);
    wire::append(&mut body, field, &action);
    body
}

fn route_match(route: &Route) -> envoy::RouteMatch {
    let path = match &route.path {
        PathMatch::Exact(path) => PathSpecifier::Path(path.clone()),
        PathMatch::Prefix(prefix) => PathSpecifier::Prefix(prefix.clone()),
        PathMatch::Regex(regex) => PathSpecifier::SafeRegex(RegexMatcher {
            regex: regex.clone(),
            ..RegexMatcher::default()
        }),
    };
    envoy::RouteMatch {
        path_specifier: Some(path),
        case_sensitive: (!route.case_sensitive).then_some(BoolValue { value: false }),
        ..envoy::RouteMatch::default()
    }
}

/// What a route does, encoded, and the field for it.
fn action(action: &Action, cluster: &str) -> (u32, Bytes) {
    match action {
        Action::Redirect(to) => (REDIRECT, encode(&redirect(to))),
        Action::Forward {
            destination: Destination::Own,
            prefix_rewrite: None,
            host_rewrite: None,
            timeout: None,
            websocket: None,
            hash_policies,
        } if hash_policies.is_empty() => {
            let action = wire::message(&[(CLUSTER, cluster.as_bytes())]);
            (FORWARD, action.into())
        }
        Action::Forward {
            destination,
            prefix_rewrite,
            host_rewrite,
            timeout,
            websocket,
            hash_policies,
        } => {
            let mut action = envoy::RouteAction {
                prefix_rewrite: prefix_rewrite.clone().unwrap_or_default(),
                host_rewrite_specifier: host_rewrite
                    .clone()
                    .map(HostRewriteSpecifier::HostRewriteLiteral),
                timeout: timeout.map(duration),
                upgrade_configs: websocket.map(upgrade).into_iter().collect(),
                hash_policy: hash_policies.iter().map(hash_policy).collect(),
                ..envoy::RouteAction::default()
            };
            match destination {
                Destination::Own => {
                    action.cluster_specifier = Some(ClusterSpecifier::Cluster(cluster.into()));
                }
                Destination::ClusterHeader(header) => {
                    action.cluster_specifier =
                        Some(ClusterSpecifier::ClusterHeader(header.clone()));
                    // The documentation promises 404 for an unknown cluster; Envoy says 503.
                    let not_found = ClusterNotFoundResponseCode::NotFound;
                    action.cluster_not_found_response_code = not_found.into();
                }
            }
            (FORWARD, encode(&action))
        }
    }
}

fn upgrade(enabled: bool) -> UpgradeConfig {
    UpgradeConfig {
        upgrade_type: "websocket".into(),
        enabled: Some(BoolValue { value: enabled }),
        ..UpgradeConfig::default()
    }
}

fn redirect(to: &Redirect) -> envoy::RedirectAction {
    let code = match to.code {
        RedirectCode::MovedPermanently => RedirectResponseCode::MovedPermanently,
        RedirectCode::Found => RedirectResponseCode::Found,
        RedirectCode::SeeOther => RedirectResponseCode::SeeOther,
        RedirectCode::TemporaryRedirect => RedirectResponseCode::TemporaryRedirect,
        RedirectCode::PermanentRedirect => RedirectResponseCode::PermanentRedirect,
    };
    envoy::RedirectAction {
        host_redirect: to.host.clone().unwrap_or_default(),
        response_code: code.into(),
        strip_query: to.strip_query,
        scheme_rewrite_specifier: to
            .https
            .then_some(SchemeRewriteSpecifier::HttpsRedirect(true)),
        path_rewrite_specifier: to.path.clone().map(|path| match path {
            PathRewrite::Path(path) => PathRewriteSpecifier::PathRedirect(path),
            PathRewrite::Prefix(prefix) => PathRewriteSpecifier::PrefixRewrite(prefix),
        }),
        ..envoy::RedirectAction::default()
    }
}

fn hash_policy(policy: &HashPolicy) -> envoy::route_action::HashPolicy {
    let specifier = match &policy.key {
        HashKey::Cookie { name, path, ttl } => PolicySpecifier::Cookie(Cookie {
            name: name.clone(),
            path: path.clone().unwrap_or_default(),
            ttl: ttl.map(duration),
            ..Cookie::default()
        }),
        HashKey::Header { name } => PolicySpecifier::Header(Header {
            header_name: name.clone(),
            ..Header::default()
        }),
        HashKey::SourceIp => {
            PolicySpecifier::ConnectionProperties(ConnectionProperties { source_ip: true })
        }
    };
    envoy::route_action::HashPolicy {
        terminal: policy.terminal,
        policy_specifier: Some(specifier),
    }
}
