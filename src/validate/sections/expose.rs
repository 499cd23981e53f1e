//! `expose#…`

use super::super::codes;
use super::super::keywords::Keyword;
use super::super::keywords::expose as keyword;
use super::super::reader::Reader;
use super::super::value;
use super::Sections;
use super::traffic::ListenerPort;
use crate::model::{Expose, ExposeId, LbPolicy, Protocol};

impl<'a> Sections<'a> {
    pub(super) fn expose(&mut self, reader: &mut Reader<'a, '_>) -> Option<Expose> {
        let port = reader.read(&keyword::PORT, value::port);
        let protocol = reader.choice(&keyword::PROTOCOL).map(|name| match name {
            "udp" => Protocol::Udp,
            _ => Protocol::Tcp,
        });
        let listener_addr = reader.read(&keyword::LISTENER_ADDR, value::address);
        // The documented default, which the agent's own driver fails on.
        let listener_port = match reader.is_set(&keyword::LISTENER_PORT) {
            true => reader.read(&keyword::LISTENER_PORT, value::port_or_zero),
            false => port.map(Some),
        };
        let gateway = reader.read(&keyword::GATEWAY, value::line);
        let lb_policy = reader.choice(&keyword::LB_POLICY).map(lb_policy);
        let cluster_data = reader.read(&keyword::CLUSTER_DATA, value::object);
        let filter_config_data = reader.read(&keyword::FILTER_CONFIG_DATA, value::object);
        // What says nothing is no other filter than that of who says nothing.
        let filter_config_data = filter_config_data.filter(|data| !data.is_empty());
        if reader.is_set(&keyword::CLUSTER_PRIVATE_KEY_FILENAME) {
            reader.warn(
                keyword::CLUSTER_PRIVATE_KEY_FILENAME.name,
                codes::KEYWORD_IGNORED,
                "is read by no gateway",
                "write a certificate section and name it in cluster_certificates",
            );
        }
        if protocol == Some(Protocol::Udp) {
            check_udp(reader, lb_policy);
        }
        let upstream_tls = self.upstream_tls(reader);
        let known_port = match listener_port {
            None => ListenerPort::Unknown,
            Some(None) => ListenerPort::ChosenLater,
            Some(Some(port)) => ListenerPort::Known(port),
        };
        let traffic = self.traffic(reader, protocol, known_port);
        if let (Some(traffic), Some(lb_policy), true) = (&traffic, lb_policy, reader.is_whole()) {
            let hashes_itself = filter_config_data.as_ref().is_some_and(|data| {
                data.contains_key("hash_policy") || data.contains_key("hash_policies")
            });
            Self::check_hashing(reader, traffic, lb_policy, hashes_itself);
        }
        Some(Expose {
            id: ExposeId {
                service: self.document.path.clone(),
                section: reader.name.to_owned(),
            },
            port: port?,
            listener_addr: listener_addr?,
            listener_port: listener_port?,
            protocol: protocol?,
            gateway,
            lb_policy: lb_policy?,
            traffic: traffic?,
            upstream_tls,
            cluster_data,
            filter_config_data,
        })
    }
}

/// Refuses what only makes sense for connections.
fn check_udp(reader: &mut Reader<'_, '_>, lb_policy: Option<LbPolicy>) {
    const TCP_ONLY: [&Keyword; 4] = [
        &keyword::SNI,
        &keyword::VHOSTS,
        &keyword::LISTENER_CERTIFICATES,
        &keyword::CLUSTER_CERTIFICATES,
    ];
    let hint = "remove it, or write protocol=tcp";
    for only in TCP_ONLY {
        if reader.is_set(only) {
            reader.error(
                only.name,
                codes::NOT_FOR_UDP,
                "cannot be used with protocol=udp",
                hint,
            );
        }
    }
    if lb_policy == Some(LbPolicy::OriginalDst) {
        reader.error(
            keyword::LB_POLICY.name,
            codes::NOT_FOR_UDP,
            "original_dst_lb cannot be used with protocol=udp",
            "write another lb_policy, or protocol=tcp",
        );
    }
}

fn lb_policy(name: &'static str) -> LbPolicy {
    match name {
        "least_request" => LbPolicy::LeastRequest,
        "ring_hash" => LbPolicy::RingHash,
        "random" => LbPolicy::Random,
        "original_dst_lb" => LbPolicy::OriginalDst,
        "maglev" => LbPolicy::Maglev,
        _ => LbPolicy::RoundRobin,
    }
}
