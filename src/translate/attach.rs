//! From an expose to its attachment.

use std::sync::Arc;

use bytes::Bytes;

use super::attachment::{Attachment, Shape};
use super::chains;
use super::passthrough;
use super::routes::{self, virtual_host};
use super::secrets::RequiredSecret;
use super::tls::{self, Tls};
use crate::envoy::{Reference, Resource, ResourceType};
use crate::model::{
    Action, Destination, Diagnostic, DownstreamTls, Expose, LbPolicy, Socket, Traffic, VirtualHost,
};

/// An attachment and the secrets that it needs.
pub(super) struct AttachmentWithSecrets {
    pub(super) attachment: Attachment,
    pub(super) secrets: Vec<Resource>,
    pub(super) required_secrets: Vec<RequiredSecret>,
}

/// What depends on the kind of traffic: what is added to the listener, and what that names.
struct Part {
    shape: Shape,
    references: Vec<Reference>,
    secrets: Vec<Resource>,
    required_secrets: Vec<RequiredSecret>,
}

/// The name of the expose's `cluster` is shared with all that names it.
pub(super) fn attach(
    expose: &Expose,
    cluster: &Arc<str>,
    socket: Socket,
    lb_policy: LbPolicy,
    warnings: &mut Vec<Diagnostic>,
) -> Result<AttachmentWithSecrets, Vec<Diagnostic>> {
    let mut part = match &expose.traffic {
        Traffic::Udp => udp(expose, cluster, warnings)?,
        Traffic::Tcp { tls, .. } => tcp(expose, tls.as_ref(), cluster, warnings)?,
        Traffic::Http { vhosts, tls: None } => http(expose, vhosts, cluster, socket, warnings)?,
        Traffic::Http {
            vhosts,
            tls: Some(tls),
        } => https(expose, vhosts, tls, cluster, socket, warnings)?,
    };
    part.references.sort();
    part.references.dedup();
    Ok(AttachmentWithSecrets {
        attachment: Attachment {
            expose: expose.id.clone(),
            socket,
            original_dst: lb_policy == LbPolicy::OriginalDst,
            shape: part.shape,
            references: part.references,
        },
        secrets: part.secrets,
        required_secrets: part.required_secrets,
    })
}

impl Part {
    fn new(shape: Shape, kind: ResourceType, name: Arc<str>) -> Self {
        Self {
            shape,
            references: vec![Reference { kind, name }],
            secrets: Vec::new(),
            required_secrets: Vec::new(),
        }
    }

    /// With what a TLS context needs.
    fn with<Context>(mut self, tls: Tls<Context>) -> Self {
        self.references.extend(tls.references);
        self.secrets = tls.secrets;
        self.required_secrets = tls.required_secrets;
        self
    }
}

fn udp(
    expose: &Expose,
    cluster: &Arc<str>,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Part, Vec<Diagnostic>> {
    let filter = chains::udp_proxy(cluster, passthrough::udp_proxy(expose, warnings)?);
    let shape = Shape::Udp { filter };
    Ok(Part::new(shape, ResourceType::Cluster, cluster.clone()))
}

fn tcp(
    expose: &Expose,
    tls: Option<&DownstreamTls>,
    cluster: &Arc<str>,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Part, Vec<Diagnostic>> {
    let with_chain = |chain| {
        let shape = Shape::Chain {
            chain,
            routes: None,
        };
        Part::new(shape, ResourceType::Cluster, cluster.clone())
    };
    let tls_match = expose.traffic.tls_match();
    if tls_match.is_none() && expose.filter_config_data.is_none() {
        return Ok(with_chain(chains::plain_tcp(cluster)));
    }
    let tls = tls
        .map(|tls| tls::downstream(expose, &tls.certificates, &[]))
        .transpose()?;
    let filter = chains::tcp_proxy(cluster, passthrough::tcp_proxy(expose, warnings)?);
    let context = tls.as_ref().map(|tls| &tls.context);
    let part = with_chain(chains::chain(cluster, filter, tls_match, context));
    Ok(match tls {
        Some(tls) => part.with(tls),
        None => part,
    })
}

/// Plain HTTP: virtual hosts in the route configuration that the listener's one chain for HTTP names.
fn http(
    expose: &Expose,
    vhosts: &[VirtualHost],
    cluster: &Arc<str>,
    socket: Socket,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Part, Vec<Diagnostic>> {
    let (listener, chain) = match expose.filter_config_data {
        None => chains::plain_http(socket),
        Some(_) => {
            let base = passthrough::http_manager(expose, warnings)?;
            let listener: Arc<str> = socket.to_string().into();
            let chain = chains::shared_http(&listener, base);
            (listener, chain)
        }
    };
    let shape = Shape::SharedHttp {
        chain,
        vhosts: encoded_vhosts(vhosts, socket, cluster),
        routes_references: routes_references(vhosts, cluster),
    };
    Ok(Part::new(shape, ResourceType::Routes, listener))
}

/// HTTPS: a chain and a route configuration of the expose's own.
fn https(
    expose: &Expose,
    vhosts: &[VirtualHost],
    tls: &DownstreamTls,
    cluster: &Arc<str>,
    socket: Socket,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Part, Vec<Diagnostic>> {
    let listener = socket.to_string();
    let name: Arc<str> = format!("{listener}/{cluster}").into();
    let base = passthrough::http_manager(expose, warnings)?;
    let tls = tls::downstream(expose, &tls.certificates, chains::alpn(&base.message))?;
    let filter = chains::http_manager(&listener, &name, base);
    let tls_match = expose.traffic.tls_match();
    let shape = Shape::Chain {
        chain: chains::chain(cluster, filter, tls_match, Some(&tls.context)),
        routes: Some(own_routes(name.clone(), vhosts, socket, cluster)),
    };
    Ok(Part::new(shape, ResourceType::Routes, name).with(tls))
}

fn encoded_vhosts(vhosts: &[VirtualHost], socket: Socket, cluster: &str) -> Vec<Bytes> {
    vhosts
        .iter()
        .map(|vhost| virtual_host(vhost, socket.port, cluster))
        .collect()
}

fn own_routes(
    name: Arc<str>,
    vhosts: &[VirtualHost],
    socket: Socket,
    cluster: &Arc<str>,
) -> Resource {
    let body = routes::configuration(&name, encoded_vhosts(vhosts, socket, cluster));
    let references = routes_references(vhosts, cluster);
    Resource::new(ResourceType::Routes, name, body, references)
}

/// The clusters that the routes name: the expose's own, unless every route redirects or reads the
/// cluster from a header.
fn routes_references(vhosts: &[VirtualHost], cluster: &Arc<str>) -> Vec<Reference> {
    let own = vhosts.iter().flat_map(|v| &v.routes).any(|route| {
        matches!(
            &route.action,
            Action::Forward {
                destination: Destination::Own,
                ..
            }
        )
    });
    let named = own.then(|| Reference {
        kind: ResourceType::Cluster,
        name: cluster.clone(),
    });
    named.into_iter().collect()
}
