//! A valid expose becomes Envoy v3 resources. Pure: no I/O, no clock, no randomness, and the same
//! expose gives the same bytes on every machine.
//!
//! An expose owns its [`cluster`](Translation::cluster). Secrets are named after where the certificate
//! comes from, so exposes may share one. An expose shares its listener, and in plain HTTP the
//! listener's route configuration, with others: so what it has of them is an [`Attachment`], encoded
//! once, from which [`listener`] and [`route_configuration`] put the shared resources together without
//! decoding anything.
//! Endpoints take their own path: [`load_assignment`].

mod attach;
mod attachment;
mod chains;
mod check;
mod cluster;
mod endpoints;
mod parts;
mod passthrough;
mod routes;
mod secrets;
mod tls;

pub use attachment::{Attachment, Shape, listener, route_configuration};
pub use endpoints::{Endpoint, endpoint_count, load_assignment};
pub use routes::expanded_domains;
pub use secrets::{RequiredSecret, SecretUse, tls_certificate, validation_context};

use self::passthrough::Base;
use crate::envoy::Resource;
use crate::model::{Diagnostic, Expose, LbPolicy, Severity, Socket, UpstreamTls};
use crate::validate::codes;
use crate::validate::keywords::expose as keyword;

/// What one expose becomes, endpoints aside.
#[derive(Debug, Clone, PartialEq)]
pub struct Translation {
    /// The cluster, named as the expose.
    pub cluster: Resource,
    /// The expose's part of its listener; `None` until a listener port is allocated.
    pub attachment: Option<Attachment>,
    /// Secrets made of certificates given inline or as files, sorted by name. Exposes of a service
    /// that name the same `certificate#…` section give the same secret.
    pub secrets: Vec<Resource>,
    /// The OpenSVC secrets that it needs, sorted.
    pub required_secrets: Vec<RequiredSecret>,
    /// What is served, but probably not as meant, or not wholly known yet.
    pub warnings: Vec<Diagnostic>,
}

/// Translates an expose.
///
/// # Errors
///
/// What makes it impossible to serve: a passthrough (`cluster_data`, `filter_config_data`) that is
/// not what Envoy accepts, or certificates that cannot be combined.
pub fn translate(expose: &Expose) -> Result<Translation, Vec<Diagnostic>> {
    let mut warnings = Vec::new();
    let mut secrets = Vec::new();
    let mut required_secrets = Vec::new();
    let (base, lb_policy) = match &expose.cluster_data {
        Some(data) => passthrough::cluster(expose, data, &mut warnings)?,
        None => (Base::default(), expose.lb_policy),
    };
    // The certificates of a socket that `cluster_data` replaces are not used, so they are not required.
    let upstream_tls = expose.upstream_tls.as_ref();
    let upstream_tls = upstream_tls.filter(|_| !base.gives("transport_socket"));
    let tls = match upstream_tls {
        Some(tls) => Some(tls::upstream(expose, &tls.certificates)?),
        None => None,
    };
    let is_plain = expose.cluster_data.is_none() && tls.is_none();
    let cluster = if is_plain {
        // Tests show that these keep Envoy's constraints.
        cluster::plain(expose)
    } else {
        let cluster = cluster::cluster(expose, lb_policy, base, tls.as_ref());
        check::cluster(expose, &cluster)?;
        cluster
    };
    if let Some(tls) = tls {
        secrets.extend(tls.secrets);
        required_secrets.extend(tls.required_secrets);
    }
    // Without a port the attachment has no use yet, but what is wrong with it is wrong now.
    let socket = expose.socket().unwrap_or(Socket {
        addr: expose.listener_addr,
        port: 0,
        protocol: expose.protocol,
    });
    let attached = attach::attach(expose, &cluster.name, socket, lb_policy, &mut warnings)?;
    check::attachment(expose, &attached.attachment)?;
    check_secrecy(expose, &attached.attachment)?;
    secrets.extend(attached.secrets);
    required_secrets.extend(attached.required_secrets);
    warnings.extend(doubts(expose, lb_policy, upstream_tls));
    warnings.extend(confided(expose, &cluster));
    warnings.extend(chosen_later(expose));
    let attachment = expose.listener_port.map(|_| attached.attachment);
    secrets.sort_by(|a, b| a.name.cmp(&b.name));
    secrets.dedup();
    required_secrets.sort();
    required_secrets.dedup();
    Ok(Translation {
        cluster,
        attachment,
        secrets,
        required_secrets,
        warnings,
    })
}

/// That there is no listener, where the gateway has not chosen its port.
fn chosen_later(expose: &Expose) -> Option<Diagnostic> {
    let message = "the gateway chooses one when it serves the expose; there is no listener before";
    expose.listener_port.is_none().then(|| {
        Diagnostic::new(Severity::Info, codes::PORT_CHOSEN_LATER, message)
            .at(&expose.id.section, keyword::LISTENER_PORT.name)
            .hint("write a port to see the listener now")
    })
}

/// What is served, but may not be what was meant.
fn doubts(
    expose: &Expose,
    lb_policy: LbPolicy,
    upstream_tls: Option<&UpstreamTls>,
) -> Vec<Diagnostic> {
    let doubt = |code, message: &str, keyword| {
        Diagnostic::new(Severity::Warning, code, message).at(&expose.id.section, keyword)
    };
    let mut doubts = Vec::new();
    if lb_policy == LbPolicy::OriginalDst {
        let message = "connections go to their original destination, not to the service's ip";
        doubts.push(
            doubt(codes::ORIGINAL_DST, message, keyword::LB_POLICY.name)
                .hint("redirect traffic to the gateway with iptables, or choose another lb_policy"),
        );
    }
    if let Some(tls) = upstream_tls
        && tls.certificates.iter().all(|c| c.validation.is_none())
    {
        let message = "the certificates of the endpoints are not verified";
        doubts.push(
            doubt(
                codes::UPSTREAM_UNVERIFIED,
                message,
                keyword::CLUSTER_CERTIFICATES.name,
            )
            .hint("name a certificate with a validation_secret"),
        );
    }
    doubts
}

/// A secret that `cluster_data` holds itself: the cluster is then not shown to everybody.
fn confided(expose: &Expose, cluster: &Resource) -> Option<Diagnostic> {
    let message = "holds a private key, password or token itself, so the expose is served to an \
                   Envoy on the unix socket only";
    cluster.confidential.then(|| {
        Diagnostic::new(Severity::Warning, codes::PASSTHROUGH_SECRET, message)
            .at(&expose.id.section, keyword::CLUSTER_DATA.name)
            .hint("put it into a secret, and name that in cluster_certificates")
    })
}

/// Refuses a secret in `filter_config_data`: a listener is shown to every Envoy that serves its
/// exposes, and were it hidden for one of them, the others would go with it.
fn check_secrecy(expose: &Expose, attachment: &Attachment) -> Result<(), Vec<Diagnostic>> {
    // What the keywords give names secrets; only Envoy's own words can hold one.
    if expose.filter_config_data.is_none() || !attachment.shape.holds_secret() {
        return Ok(());
    }
    let message =
        "holds a private key, password or token itself, and a listener is not kept secret";
    Err(vec![
        Diagnostic::new(Severity::Error, codes::PASSTHROUGH_SECRET, message)
            .at(&expose.id.section, keyword::FILTER_CONFIG_DATA.name)
            .hint("put it into a file that Envoy can read, and write its filename"),
    ])
}
