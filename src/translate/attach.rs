//! From an expose to its attachment.

use std::sync::Arc;

use bytes::Bytes;

use super::attachment::{Attachment, Shape};
use super::chains;
use super::passthrough;
use super::routes::{self, virtual_host};
use super::secrets::RequiredSecret;
use super::tls;
use crate::envoy::{Reference, Resource, ResourceType};
use crate::model::{
    Action, Destination, Diagnostic, Expose, LbPolicy, Socket, Traffic, VirtualHost,
};

/// An attachment and the secrets that it needs.
pub(super) struct AttachmentWithSecrets {
    pub(super) attachment: Attachment,
    pub(super) secrets: Vec<Resource>,
    pub(super) required_secrets: Vec<RequiredSecret>,
}

/// The name of the expose's `cluster` is shared with all that names it.
pub(super) fn attach(
    expose: &Expose,
    cluster: &Arc<str>,
    socket: Socket,
    lb_policy: LbPolicy,
    warnings: &mut Vec<Diagnostic>,
) -> Result<AttachmentWithSecrets, Vec<Diagnostic>> {
    let tls_match = expose.traffic.tls_match();
    let mut references = Vec::new();
    let mut secrets = Vec::new();
    let mut required_secrets = Vec::new();
    let shape = match &expose.traffic {
        Traffic::Udp => {
            references.push(reference(ResourceType::Cluster, cluster.clone()));
            Shape::Udp {
                filter: chains::udp_proxy(cluster, passthrough::udp_proxy(expose, warnings)?),
            }
        }
        Traffic::Tcp { .. } if tls_match.is_none() && expose.filter_config_data.is_none() => {
            references.push(reference(ResourceType::Cluster, cluster.clone()));
            Shape::Chain {
                chain: chains::plain_tcp(cluster),
                routes: None,
            }
        }
        Traffic::Tcp { tls, .. } => {
            references.push(reference(ResourceType::Cluster, cluster.clone()));
            let tls = (tls.as_ref())
                .map(|tls| tls::downstream(expose, &tls.certificates, &[]))
                .transpose()?;
            let filter = chains::tcp_proxy(cluster, passthrough::tcp_proxy(expose, warnings)?);
            let context = tls.as_ref().map(|tls| &tls.context);
            let chain = chains::chain(cluster, filter, tls_match, context);
            if let Some(tls) = tls {
                references.extend(tls.references);
                secrets = tls.secrets;
                required_secrets = tls.required_secrets;
            }
            Shape::Chain {
                chain,
                routes: None,
            }
        }
        Traffic::Http { vhosts, tls: None } => {
            let (listener, chain) = match expose.filter_config_data {
                None => chains::plain_http(socket),
                Some(_) => {
                    let base = passthrough::http_manager(expose, warnings)?;
                    let listener: Arc<str> = socket.to_string().into();
                    let chain = chains::shared_http(&listener, base);
                    (listener, chain)
                }
            };
            references.push(reference(ResourceType::Routes, listener));
            Shape::SharedHttp {
                chain,
                vhosts: encoded_vhosts(vhosts, socket, cluster),
                routes_references: routes_references(vhosts, cluster),
            }
        }
        Traffic::Http {
            vhosts,
            tls: Some(tls),
        } => {
            let listener = socket.to_string();
            let name: Arc<str> = format!("{listener}/{cluster}").into();
            references.push(reference(ResourceType::Routes, name.clone()));
            let base = passthrough::http_manager(expose, warnings)?;
            let tls = tls::downstream(expose, &tls.certificates, chains::alpn(&base.message))?;
            let filter = chains::http_manager(&listener, &name, base);
            references.extend(tls.references);
            secrets = tls.secrets;
            required_secrets = tls.required_secrets;
            Shape::Chain {
                chain: chains::chain(cluster, filter, tls_match, Some(&tls.context)),
                routes: Some(own_routes(name, vhosts, socket, cluster)),
            }
        }
    };
    references.sort();
    references.dedup();
    Ok(AttachmentWithSecrets {
        attachment: Attachment {
            expose: expose.id.clone(),
            socket,
            original_dst: lb_policy == LbPolicy::OriginalDst,
            shape,
            references,
        },
        secrets,
        required_secrets,
    })
}

fn reference(kind: ResourceType, name: Arc<str>) -> Reference {
    Reference { kind, name }
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
    own.then(|| reference(ResourceType::Cluster, cluster.clone()))
        .into_iter()
        .collect()
}
