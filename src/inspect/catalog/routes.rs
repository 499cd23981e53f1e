//! Route configurations.

use envoy_types::pb::envoy::config::route::v3 as envoy;
use envoy_types::pb::envoy::config::route::v3::redirect_action::{
    PathRewriteSpecifier, SchemeRewriteSpecifier,
};
use envoy_types::pb::envoy::config::route::v3::route_action::{
    ClusterSpecifier, HostRewriteSpecifier,
};
use envoy_types::pb::envoy::config::route::v3::route_match::PathSpecifier;
use prost::Message;
use serde::Serialize;
use utoipa::ToSchema;

use crate::envoy::Resource;
use crate::model::owner_and_section;

/// The virtual hosts among which a listener chooses by `Host` header.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RouteTable {
    /// Its name: the listener's, or `listener/expose` under HTTPS.
    pub name: String,
    /// Its virtual hosts.
    pub virtual_hosts: Vec<VirtualHost>,
}

/// A virtual host.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct VirtualHost {
    /// Its name: `expose.section`.
    #[schema(example = "test/svc/web.expose#0.vhost#0")]
    pub name: String,
    /// The hosts that it answers to, with and without port.
    pub domains: Vec<String>,
    /// Tried in order; the first match wins.
    pub routes: Vec<Route>,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Route {
    /// How `path` is compared with that of the request, which is taken without its query.
    pub matching: PathKind,
    /// The path, prefix or regular expression.
    pub path: String,
    /// Whether case matters.
    pub case_sensitive: bool,
    /// What is done with the request.
    pub action: Action,
}

/// How a path is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PathKind {
    /// It is the whole.
    Exact,
    /// It is the beginning.
    Prefix,
    /// It is a regular expression (RE2) for the whole.
    Regex,
}

/// What a route does.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Forwards.
    Forward {
        /// The cluster; absent where a header of the request names it.
        #[serde(skip_serializing_if = "Option::is_none")]
        cluster: Option<String>,
        /// The header that names the cluster.
        #[serde(skip_serializing_if = "Option::is_none")]
        cluster_header: Option<String>,
        /// What replaces the matched prefix or path.
        #[serde(skip_serializing_if = "Option::is_none")]
        prefix_rewrite: Option<String>,
        /// What replaces the `Host` header.
        #[serde(skip_serializing_if = "Option::is_none")]
        host_rewrite: Option<String>,
        /// How long the endpoint may take, in seconds; 0 is forever, absent is Envoy's 15.
        #[serde(skip_serializing_if = "Option::is_none")]
        timeout_seconds: Option<f64>,
    },
    /// Answers with a redirect.
    Redirect {
        /// The status code.
        status: u16,
        /// Whether the scheme becomes `https`.
        https: bool,
        /// The new host.
        #[serde(skip_serializing_if = "Option::is_none")]
        host: Option<String>,
        /// The new path.
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<String>,
        /// What replaces the matched prefix.
        #[serde(skip_serializing_if = "Option::is_none")]
        prefix: Option<String>,
        /// Whether the query is dropped.
        strip_query: bool,
    },
    /// Something that this gateway does not make.
    Other,
}

impl RouteTable {
    /// Decodes a route configuration.
    pub(super) fn read(resource: &Resource) -> Option<Self> {
        let table = envoy::RouteConfiguration::decode(&*resource.body).ok()?;
        let hosts = table.virtual_hosts.into_iter().map(|host| VirtualHost {
            name: host.name,
            domains: host.domains,
            routes: host.routes.into_iter().filter_map(Route::read).collect(),
        });
        Some(Self {
            name: table.name,
            virtual_hosts: hosts.collect(),
        })
    }
}

impl VirtualHost {
    /// The expose and the section that a virtual host's name stands for.
    pub fn owner(&self) -> Option<(&str, &str)> {
        owner_and_section(&self.name).filter(|(_, section)| section.starts_with("vhost#"))
    }
}

impl Route {
    fn read(route: envoy::Route) -> Option<Self> {
        let matching = route.r#match?;
        let (kind, path) = match matching.path_specifier? {
            PathSpecifier::Path(path) => (PathKind::Exact, path),
            PathSpecifier::Prefix(prefix) => (PathKind::Prefix, prefix),
            PathSpecifier::SafeRegex(regex) => (PathKind::Regex, regex.regex),
            _ => return None,
        };
        Some(Self {
            matching: kind,
            path,
            case_sensitive: matching.case_sensitive.is_none_or(|flag| flag.value),
            action: Action::read(route.action?),
        })
    }
}

impl Action {
    fn read(action: envoy::route::Action) -> Self {
        match action {
            envoy::route::Action::Route(to) => Self::forward(to),
            envoy::route::Action::Redirect(to) => Self::redirect(to),
            _ => Self::Other,
        }
    }

    fn forward(to: envoy::RouteAction) -> Self {
        let (cluster, cluster_header) = match to.cluster_specifier {
            Some(ClusterSpecifier::Cluster(cluster)) => (Some(cluster), None),
            Some(ClusterSpecifier::ClusterHeader(header)) => (None, Some(header)),
            _ => return Self::Other,
        };
        Self::Forward {
            cluster,
            cluster_header,
            prefix_rewrite: some(to.prefix_rewrite),
            host_rewrite: match to.host_rewrite_specifier {
                Some(HostRewriteSpecifier::HostRewriteLiteral(host)) => Some(host),
                _ => None,
            },
            timeout_seconds: to
                .timeout
                .map(|t| t.seconds as f64 + f64::from(t.nanos) / 1e9),
        }
    }

    fn redirect(to: envoy::RedirectAction) -> Self {
        let status = match to.response_code() {
            envoy::redirect_action::RedirectResponseCode::MovedPermanently => 301,
            envoy::redirect_action::RedirectResponseCode::Found => 302,
            envoy::redirect_action::RedirectResponseCode::SeeOther => 303,
            envoy::redirect_action::RedirectResponseCode::TemporaryRedirect => 307,
            envoy::redirect_action::RedirectResponseCode::PermanentRedirect => 308,
        };
        let (path, prefix) = match to.path_rewrite_specifier {
            Some(PathRewriteSpecifier::PathRedirect(path)) => (Some(path), None),
            Some(PathRewriteSpecifier::PrefixRewrite(prefix)) => (None, Some(prefix)),
            _ => (None, None),
        };
        Self::Redirect {
            status,
            https: matches!(
                to.scheme_rewrite_specifier,
                Some(SchemeRewriteSpecifier::HttpsRedirect(true))
            ),
            host: some(to.host_redirect),
            path,
            prefix,
            strip_query: to.strip_query,
        }
    }
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
