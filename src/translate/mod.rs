//! A valid expose becomes Envoy v3 resources. Pure: no I/O, no clock, no randomness, and the same
//! expose gives the same bytes on every machine.
//!
//! An expose owns its [`cluster`](Translation::cluster) and its certificates' secrets outright. It
//! shares its listener, and in plain HTTP the listener's route configuration, with others: so what
//! it has of them is an [`Attachment`], encoded once, from which [`listener`] and
//! [`route_configuration`] put the shared resources together without decoding anything.
//! Endpoints take their own path: [`load_assignment`].

mod attach;
mod attachment;
mod chains;
mod cluster;
mod endpoints;
mod parts;
mod passthrough;
mod routes;
mod secrets;
mod tls;

pub use attachment::{Attachment, Shape, listener, route_configuration};
pub use endpoints::{Endpoint, load_assignment};
use passthrough::Base;
pub use routes::expanded_domains;
pub use secrets::{SecretUse, WantedSecret, tls_certificate, validation_context};

use crate::envoy::Resource;
use crate::model::{Diagnostic, Expose};

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
    pub wanted: Vec<WantedSecret>,
    /// What is served, but probably not as meant.
    pub warnings: Vec<Diagnostic>,
}

/// Translates an expose.
///
/// # Errors
///
/// What makes it impossible to serve: a passthrough (`cluster_data`, `filter_config_data`) that is
/// not what Envoy accepts, or certificates that cannot be combined.
pub fn translate(expose: &Expose) -> Result<Translation, Vec<Diagnostic>> {
    let one = |diagnostic| vec![diagnostic];
    let upstream = (expose.upstream_tls.as_ref())
        .map(|tls| tls::upstream(expose, &tls.certificates))
        .transpose()
        .map_err(one)?;
    let cluster = cluster::cluster(
        expose,
        expose.lb_policy,
        Base::default(),
        upstream
            .as_ref()
            .map(|tls| (&tls.context, &*tls.references)),
    );
    let mut translation = Translation {
        cluster,
        attachment: None,
        secrets: Vec::new(),
        wanted: Vec::new(),
        warnings: Vec::new(),
    };
    if let Some(tls) = upstream {
        translation.secrets.extend(tls.secrets);
        translation.wanted.extend(tls.wanted);
    }
    if let Some(socket) = expose.socket() {
        let attached = attach::attach(expose, socket).map_err(one)?;
        translation.attachment = Some(attached.attachment);
        translation.secrets.extend(attached.secrets);
        translation.wanted.extend(attached.wanted);
    }
    translation.secrets.sort_by(|a, b| a.name.cmp(&b.name));
    translation.secrets.dedup();
    translation.wanted.sort();
    translation.wanted.dedup();
    Ok(translation)
}
