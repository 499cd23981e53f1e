//! Exposes, short to write: what a test does not say is the plainest there is.

#![allow(dead_code, clippy::unwrap_used)]

use std::num::NonZeroU16;

use igw_envoy::model::{
    Action, Certificate, Destination, DownstreamTls, Expose, ExposeId, HashPolicy, KeyPairSource,
    LbPolicy, ObjectPath, PathMatch, Protocol, Redirect, Route, Traffic, UpstreamTls, VirtualHost,
};
use serde_json::{Map, Value};

/// An expose of `web` on 0.0.0.0:8080 that leads to port 80.
pub(crate) fn expose(traffic: Traffic) -> Expose {
    Expose {
        id: id("web.expose#0"),
        port: NonZeroU16::new(80).unwrap(),
        listener_addr: "0.0.0.0".parse().unwrap(),
        listener_port: NonZeroU16::new(8080),
        protocol: match traffic {
            Traffic::Udp => Protocol::Udp,
            _ => Protocol::Tcp,
        },
        gateway: None,
        lb_policy: LbPolicy::default(),
        traffic,
        upstream_tls: None,
        cluster_data: None,
        filter_config_data: None,
    }
}

/// `<service>.<section>`.
pub(crate) fn id(text: &str) -> ExposeId {
    let (service, section) = text.rsplit_once('.').unwrap();
    ExposeId {
        service: service.parse().unwrap(),
        section: section.into(),
    }
}

pub(crate) fn tcp() -> Expose {
    expose(Traffic::Tcp {
        server_names: Vec::new(),
        tls: None,
    })
}

pub(crate) fn udp() -> Expose {
    expose(Traffic::Udp)
}

pub(crate) fn sni(names: &[&str]) -> Expose {
    expose(Traffic::Tcp {
        server_names: names.iter().map(ToString::to_string).collect(),
        tls: None,
    })
}

pub(crate) fn http(vhosts: Vec<VirtualHost>) -> Expose {
    expose(Traffic::Http { vhosts, tls: None })
}

/// Changes of an expose, to be chained.
pub(crate) trait But: Sized {
    fn but(self, change: impl FnOnce(&mut Expose)) -> Expose;

    fn named(self, text: &str) -> Expose {
        self.but(|expose| expose.id = id(text))
    }

    fn on(self, addr: &str, port: u16) -> Expose {
        self.but(|expose| {
            expose.listener_addr = addr.parse().unwrap();
            expose.listener_port = NonZeroU16::new(port);
        })
    }

    fn balanced(self, policy: LbPolicy) -> Expose {
        self.but(|expose| expose.lb_policy = policy)
    }

    fn with_tls(self, certificates: Vec<Certificate>) -> Expose {
        self.but(|expose| match &mut expose.traffic {
            Traffic::Tcp { tls, .. } | Traffic::Http { tls, .. } => {
                *tls = Some(DownstreamTls { certificates });
            }
            Traffic::Udp => {}
        })
    }

    fn with_upstream_tls(self, certificates: Vec<Certificate>) -> Expose {
        self.but(|expose| expose.upstream_tls = Some(UpstreamTls { certificates }))
    }

    fn with_cluster_data(self, data: Value) -> Expose {
        self.but(|expose| expose.cluster_data = Some(object(data)))
    }

    fn with_filter_data(self, data: Value) -> Expose {
        self.but(|expose| expose.filter_config_data = Some(object(data)))
    }
}

impl But for Expose {
    fn but(mut self, change: impl FnOnce(&mut Expose)) -> Expose {
        change(&mut self);
        self
    }
}

fn object(data: Value) -> Map<String, Value> {
    match data {
        Value::Object(object) => object,
        other => panic!("{other} is not an object"),
    }
}

pub(crate) fn vhost(section: &str, domains: &[&str], routes: Vec<Route>) -> VirtualHost {
    VirtualHost {
        section: section.into(),
        domains: domains.iter().map(ToString::to_string).collect(),
        routes: routes.into_iter().map(Into::into).collect(),
    }
}

/// A host whose every request goes to the expose's own endpoints.
pub(crate) fn plain_vhost(domain: &str) -> VirtualHost {
    vhost("vhost#0", &[domain], vec![route(prefix("/"), forward())])
}

pub(crate) fn route(path: PathMatch, action: Action) -> Route {
    Route {
        section: "route#0".into(),
        path,
        case_sensitive: true,
        action,
    }
}

pub(crate) fn prefix(text: &str) -> PathMatch {
    PathMatch::Prefix(text.into())
}

pub(crate) fn exact(text: &str) -> PathMatch {
    PathMatch::Exact(text.into())
}

pub(crate) fn regex(text: &str) -> PathMatch {
    PathMatch::Regex(text.into())
}

pub(crate) fn forward() -> Action {
    forward_to(Destination::Own, |_| {})
}

/// What a forwarding route may do beside forwarding.
#[derive(Default)]
pub(crate) struct Extras {
    pub(crate) prefix_rewrite: Option<String>,
    pub(crate) host_rewrite: Option<String>,
    pub(crate) timeout: Option<std::time::Duration>,
    pub(crate) websocket: Option<bool>,
    pub(crate) hash_policies: Vec<HashPolicy>,
}

pub(crate) fn forward_to(destination: Destination, change: impl FnOnce(&mut Extras)) -> Action {
    let mut extras = Extras::default();
    change(&mut extras);
    Action::Forward {
        destination,
        prefix_rewrite: extras.prefix_rewrite,
        host_rewrite: extras.host_rewrite,
        timeout: extras.timeout,
        websocket: extras.websocket,
        hash_policies: extras.hash_policies,
    }
}

pub(crate) fn redirect(change: impl FnOnce(&mut Redirect)) -> Action {
    let mut redirect = Redirect::default();
    change(&mut redirect);
    Action::Redirect(redirect)
}

pub(crate) fn secret(path: &str) -> ObjectPath {
    path.parse().unwrap()
}

/// A certificate from an OpenSVC secret.
pub(crate) fn certificate(section: &str, path: &str) -> Certificate {
    Certificate {
        section: section.into(),
        key_pair: Some(KeyPairSource::Secret(secret(path))),
        validation: None,
    }
}

pub(crate) fn inline_certificate(section: &str, chain: &str, key: &str) -> Certificate {
    Certificate {
        section: section.into(),
        key_pair: Some(KeyPairSource::Inline {
            certificate_chain: chain.into(),
            private_key: key.into(),
        }),
        validation: None,
    }
}

pub(crate) fn validation(section: &str, path: &str) -> Certificate {
    Certificate {
        section: section.into(),
        key_pair: None,
        validation: Some(secret(path)),
    }
}
