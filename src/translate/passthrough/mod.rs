//! `cluster_data` and `filter_config_data`: Envoy's own messages as JSON, under ours.
//!
//! The JSON is brought from v2 to v3 where users still write v2, freed of what the gateway decides
//! itself, read against Envoy's descriptors, and only then overlaid.

mod rules;
mod v2;

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::cluster::v3::cluster::LbPolicy as EnvoyLbPolicy;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
use envoy_types::pb::envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy;
use envoy_types::pb::envoy::extensions::filters::udp::udp_proxy::v3::UdpProxyConfig;
use prost::Name;
use serde_json::{Map, Value};

use crate::envoy::json::{self, JsonError};
use crate::envoy::shown;
use crate::model::{Diagnostic, Expose, LbPolicy, Severity};
use crate::validate::codes;
use crate::validate::keywords::expose::{CLUSTER_DATA, FILTER_CONFIG_DATA};

type Object = Map<String, Value>;

/// What a passthrough gives: the message, and which of its fields were written, since a field
/// written with its default value cannot be told from the message.
#[derive(Default)]
pub(super) struct Base<M> {
    pub(super) message: M,
    given: Vec<String>,
}

impl<M> Base<M> {
    /// Whether a field was written, by its proto name.
    pub(super) fn gives(&self, field: &str) -> bool {
        self.given.iter().any(|given| given == field)
    }
}

/// What there is to say about the value of `cluster_data` or `filter_config_data`, and where it stands.
struct DataFindings<'a> {
    section: &'a str,
    keyword: &'static str,
    list: Vec<Diagnostic>,
}

impl DataFindings<'_> {
    fn say(&mut self, severity: Severity, code: &'static str, message: String, hint: &str) {
        let diagnostic = Diagnostic::new(severity, code, message)
            .at(self.section, self.keyword)
            .hint(hint);
        self.list.push(diagnostic);
    }

    fn refuse(&mut self, code: &'static str, message: String, hint: &str) {
        self.say(Severity::Error, code, message, hint);
    }
}

/// A message type that may be passed through, and the fields of it that are not the user's.
trait Passthrough: Name + Default {
    /// Fields that the gateway sets. The Python janitor set them without a word, so configurations
    /// that write them exist and work: they are ignored with a warning.
    const DECIDED: &[&str];
    /// Fields that would contradict the section's keywords, and what to write instead.
    const CONTRADICTING: &[(&str, &str)];
}

impl Passthrough for Cluster {
    const DECIDED: &[&str] = &["@type", "name", "type", "eds_cluster_config", "hosts"];
    const CONTRADICTING: &[(&str, &str)] = &[
        (
            "cluster_type",
            "the service's ip resources give the endpoints",
        ),
        (
            "load_assignment",
            "the service's ip resources give the endpoints",
        ),
    ];
}

impl Passthrough for TcpProxy {
    const DECIDED: &[&str] = &["@type", "stat_prefix", "cluster"];
    const CONTRADICTING: &[(&str, &str)] =
        &[("weighted_clusters", "an expose leads to one service")];
}

impl Passthrough for HttpConnectionManager {
    const DECIDED: &[&str] = &["@type", "stat_prefix", "rds"];
    const CONTRADICTING: &[(&str, &str)] = &[
        ("route_config", "write vhost and route sections"),
        ("scoped_routes", "write vhost and route sections"),
    ];
}

impl Passthrough for UdpProxyConfig {
    const DECIDED: &[&str] = &["@type", "stat_prefix", "cluster"];
    const CONTRADICTING: &[(&str, &str)] = &[("matcher", "an expose leads to one service")];
}

/// Reads `cluster_data`, which is `data`; also says which load balancing the cluster has in the end.
pub(super) fn cluster(
    expose: &Expose,
    data: &Object,
    warnings: &mut Vec<Diagnostic>,
) -> Result<(Base<Cluster>, LbPolicy), Vec<Diagnostic>> {
    let mut findings = DataFindings {
        section: &expose.id.section,
        keyword: CLUSTER_DATA.name,
        list: Vec::new(),
    };
    let mut data = json::proto_names::<Cluster>(data);
    v2::cluster(&mut data, &mut findings);
    let original_dst = data
        .get("lb_policy")
        .and_then(Value::as_str)
        .is_some_and(|policy| policy.eq_ignore_ascii_case("ORIGINAL_DST_LB"));
    if original_dst {
        data.remove("lb_policy");
    }
    let mut base = read::<Cluster>(data, &mut findings);
    v2::http_protocol_options(&mut base.message);
    let lb_policy = match original_dst {
        true => LbPolicy::OriginalDst,
        false => expose.lb_policy,
    };
    if base.gives("lb_policy") {
        judge_lb_policy(base.message.lb_policy(), expose.lb_policy, &mut findings);
    }
    rules::cluster(
        &base.message,
        lb_policy == LbPolicy::OriginalDst,
        expose.upstream_tls.is_some(),
        &mut findings,
    );
    if base.gives("transport_socket") && expose.upstream_tls.is_some() {
        findings.say(
            Severity::Warning,
            codes::PASSTHROUGH_OVERRIDES,
            "its transport_socket wins over the section's cluster_certificates".into(),
            "keep one of the two",
        );
    }
    finish(findings, warnings)?;
    Ok((base, lb_policy))
}

/// Holds the `lb_policy` of `cluster_data` against that of the section.
fn judge_lb_policy(given: EnvoyLbPolicy, of_section: LbPolicy, findings: &mut DataFindings<'_>) {
    let is_provided = given == EnvoyLbPolicy::ClusterProvided;
    match of_section {
        LbPolicy::OriginalDst if is_provided => {}
        LbPolicy::OriginalDst => findings.say(
            Severity::Warning,
            codes::PASSTHROUGH_IGNORED,
            "its lb_policy does not go with the section's original_dst_lb; it is ignored".into(),
            "remove it, or write another lb_policy in the section",
        ),
        _ if is_provided => findings.refuse(
            codes::PASSTHROUGH_CONTRADICTS,
            "lb_policy CLUSTER_PROVIDED does not go with the service's endpoints".into(),
            "write lb_policy = original_dst_lb in the section",
        ),
        of_section if of_section != LbPolicy::default() => findings.say(
            Severity::Warning,
            codes::PASSTHROUGH_OVERRIDES,
            "its lb_policy wins over the section's lb_policy keyword".into(),
            "keep one of the two",
        ),
        _ => {}
    }
}

/// Reads `filter_config_data` of a TCP expose.
pub(super) fn tcp_proxy(
    expose: &Expose,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Base<TcpProxy>, Vec<Diagnostic>> {
    let check = |base: &Base<TcpProxy>, findings: &mut DataFindings<'_>| {
        rules::proxy(&base.message, findings)
    };
    filter(expose, warnings, |_, _| {}, check)
}

/// Reads `filter_config_data` of a UDP expose.
pub(super) fn udp_proxy(
    expose: &Expose,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Base<UdpProxyConfig>, Vec<Diagnostic>> {
    let check =
        |base: &Base<_>, findings: &mut DataFindings<'_>| rules::datagrams(&base.message, findings);
    filter(expose, warnings, |_, _| {}, check)
}

/// Reads `filter_config_data` of an HTTP expose.
pub(super) fn http_manager(
    expose: &Expose,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Base<HttpConnectionManager>, Vec<Diagnostic>> {
    filter(expose, warnings, v2::http_manager, |base, findings| {
        rules::manager(&base.message, findings);
        if base.gives("http_filters") {
            http_filters(&base.message, findings);
        }
    })
}

/// Envoy refuses filters without a typed configuration, and serves nothing without a router.
fn http_filters(manager: &HttpConnectionManager, findings: &mut DataFindings<'_>) {
    for (index, filter) in manager.http_filters.iter().enumerate() {
        if filter.config_type.is_none() {
            findings.refuse(
                codes::PASSTHROUGH_INVALID,
                format!(
                    "http_filters[{index}] '{}' has no typed_config",
                    shown(&filter.name)
                ),
                "write its typed_config with '@type'",
            );
        }
    }
    let last = manager.http_filters.last();
    if !last.is_some_and(rules::is_router) {
        findings.refuse(
            codes::PASSTHROUGH_CONTRADICTS,
            "http_filters does not end with the router, so no request would be served".into(),
            "end it with {\"name\": \"envoy.filters.http.router\", \"typed_config\": {\"@type\": \
             \"type.googleapis.com/envoy.extensions.filters.http.router.v3.Router\"}}",
        );
    }
}

fn filter<M: Passthrough>(
    expose: &Expose,
    warnings: &mut Vec<Diagnostic>,
    from_v2: impl FnOnce(&mut Object, &mut DataFindings<'_>),
    check: impl FnOnce(&Base<M>, &mut DataFindings<'_>),
) -> Result<Base<M>, Vec<Diagnostic>> {
    let Some(data) = &expose.filter_config_data else {
        return Ok(Base::default());
    };
    let mut findings = DataFindings {
        section: &expose.id.section,
        keyword: FILTER_CONFIG_DATA.name,
        list: Vec::new(),
    };
    let mut data = json::proto_names::<M>(data);
    from_v2(&mut data, &mut findings);
    v2::named_configs::<M>(&mut data, &mut findings);
    let base = read(data, &mut findings);
    check(&base, &mut findings);
    finish(findings, warnings)?;
    Ok(base)
}

/// Reads a message without the fields that are not the user's. After a mistake it is empty, and
/// the mistake is among the findings.
fn read<M: Passthrough>(mut data: Object, findings: &mut DataFindings<'_>) -> Base<M> {
    data.retain(|_, value| !value.is_null());
    for field in M::DECIDED {
        if data.remove(*field).is_some() {
            findings.say(
                Severity::Warning,
                codes::PASSTHROUGH_IGNORED,
                format!("'{field}' is the gateway's to set; it is ignored"),
                "remove it",
            );
        }
    }
    for (field, hint) in M::CONTRADICTING {
        if data.remove(*field).is_some() {
            let message = format!("'{field}' contradicts the section's keywords");
            findings.refuse(codes::PASSTHROUGH_CONTRADICTS, message, hint);
        }
    }
    match json::parse::<M>(&data) {
        Ok(message) => Base {
            message,
            given: data.into_iter().map(|(field, _)| field).collect(),
        },
        Err(errors) => {
            for error in errors {
                findings.invalid(error);
            }
            Base::default()
        }
    }
}

impl DataFindings<'_> {
    fn invalid(&mut self, error: JsonError) {
        let code = match error.unknown_field {
            true => codes::PASSTHROUGH_UNKNOWN_FIELD,
            false => codes::PASSTHROUGH_INVALID,
        };
        let message = match error.path.as_str() {
            "" => error.problem,
            path => format!("{path}: {}", error.problem),
        };
        self.refuse(code, message, &error.hint);
    }
}

/// Errors, if there is any, with everything else found; or the rest to the warnings.
fn finish(
    findings: DataFindings<'_>,
    warnings: &mut Vec<Diagnostic>,
) -> Result<(), Vec<Diagnostic>> {
    let mut findings = findings.list;
    if findings.iter().any(|f| f.severity == Severity::Error) {
        return Err(findings);
    }
    warnings.append(&mut findings);
    Ok(())
}
