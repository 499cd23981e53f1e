//! Stories told to an index: what the daemon says, what Envoy gets, what people are told.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod conflicts;
mod endpoints;
mod memory;
mod moves;
mod ports;
mod scalers;
mod secrets;
mod shared;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::daemon::{
    Availability, Info, Instance, Named, ResourceState, ResourceStatus, ServiceState,
};
use crate::envoy::{ResourceType, json};

/// An index, the services that its daemon knows, and what it was asked to do.
struct Story {
    index: Index,
    services: BTreeMap<ObjectPath, Arc<ServiceState>>,
    secrets: BTreeMap<ObjectPath, String>,
    requests: Vec<Request>,
}

impl Story {
    /// A gateway named `envoy` that chooses ports from 2000 to 2003, before its daemon spoke.
    fn new() -> Self {
        let admin = Reserved {
            addr: "0.0.0.0".parse().unwrap(),
            port: 9901,
            what: "Envoy's admin interface".into(),
        };
        Self {
            index: Index::new(Options {
                gateway: "envoy".into(),
                ports: 2000..=2003,
                reserved: vec![admin],
            }),
            services: BTreeMap::new(),
            secrets: BTreeMap::new(),
            requests: Vec::new(),
        }
    }

    /// A daemon whose whole state is told, and is empty.
    fn begun() -> Self {
        let mut story = Self::new();
        story.reset();
        story
    }

    fn apply(&mut self, event: Event) {
        let context = Context::default();
        self.requests.extend(self.index.apply(event, &context));
    }

    /// Tells the whole state.
    fn reset(&mut self) {
        self.apply(Event::Daemon(Update::Reset {
            services: self.services.clone(),
            secrets: self.secrets.clone(),
        }));
    }

    /// Tells, in one patch, of services on one node.
    fn put(&mut self, services: &[(&str, Instance)]) {
        let services: Vec<_> = services
            .iter()
            .map(|(path, instance)| (path.parse().unwrap(), Some(on_node1(instance.clone()))))
            .collect();
        for (path, state) in &services {
            self.services.insert(
                ObjectPath::clone(path),
                state.clone().expect("a state was just given"),
            );
        }
        self.apply(Event::Daemon(Update::Patch {
            services,
            secrets: Vec::new(),
        }));
    }

    fn remove(&mut self, path: &str) {
        let path: ObjectPath = self::path(path);
        self.services.remove(&path);
        self.apply(Event::Daemon(Update::Patch {
            services: vec![(path, None)],
            secrets: Vec::new(),
        }));
    }

    /// Tells of a secret; `None` is that it is gone.
    fn secret(&mut self, path: &str, revision: Option<&str>) {
        self.apply(Event::Daemon(Update::Patch {
            services: Vec::new(),
            secrets: vec![(path.parse().unwrap(), revision.map(Into::into))],
        }));
    }

    fn names(&self, kind: ResourceType) -> Vec<&str> {
        let resources = self.index.snapshot().iter(kind);
        resources.map(|resource| &*resource.name).collect()
    }

    /// A resource as JSON.
    fn json(&self, kind: ResourceType, name: &str) -> Value {
        let resource = self.index.snapshot().get(kind, name);
        let resource = resource.unwrap_or_else(|| panic!("there is no {kind:?} {name}"));
        json::print(kind.type_url(), &resource.body, json::Sensitive::Hidden).unwrap()
    }

    /// `address:port` of every endpoint of a cluster.
    fn endpoints(&self, cluster: &str) -> Vec<String> {
        let assignment = self.json(ResourceType::Endpoints, cluster);
        let groups = assignment["endpoints"].as_array().cloned();
        groups
            .unwrap_or_default()
            .iter()
            .flat_map(|group| {
                group["lb_endpoints"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default()
            })
            .map(|endpoint| {
                let address = &endpoint["endpoint"]["address"]["socket_address"];
                format!(
                    "{}:{}",
                    address["address"].as_str().unwrap(),
                    address["port_value"]
                )
            })
            .collect()
    }

    fn serving(&self, service: &str, section: &str) -> Option<Serving> {
        let id = id(service, section);
        self.index.view().exposes.get(&id).map(|view| view.serving)
    }

    /// The findings on a service, one line each.
    fn findings(&self, service: &str) -> Vec<String> {
        let report = self.index.view().reports.get(&path(service));
        let diagnostics = report.map(|report| report.diagnostics.clone());
        let diagnostics = diagnostics.unwrap_or_default();
        let lines = diagnostics.iter().map(|d| format!("{}: {d}", d.severity));
        lines.collect()
    }

    /// The codes of the findings on a service.
    fn codes(&self, service: &str) -> Vec<&'static str> {
        let report = self.index.view().reports.get(&path(service));
        let diagnostics = report.map(|report| report.diagnostics.clone());
        diagnostics
            .unwrap_or_default()
            .iter()
            .map(|d| d.code)
            .collect()
    }

    fn take_requests(&mut self) -> Vec<Request> {
        mem::take(&mut self.requests)
    }
}

fn path(text: &str) -> ObjectPath {
    text.parse().unwrap()
}

fn id(service: &str, section: &str) -> ExposeId {
    ExposeId {
        service: path(service),
        section: section.into(),
    }
}

fn on_node1(instance: Instance) -> Arc<ServiceState> {
    let instances = [("node1", Arc::new(instance))].into();
    Arc::new(ServiceState { instances })
}

/// An instance that serves, with an ip that is up and lists every expose, and the given sections.
fn instance(ip: &str, sections: Value) -> Instance {
    let sections = sections.as_object().unwrap();
    let exposes: Vec<&String> = sections
        .keys()
        .filter(|s| s.starts_with("expose#"))
        .collect();
    let mut instance = Instance {
        avail: Availability::Serving,
        ..Instance::default()
    };
    let ip = json!({"ipaddr": ip, "expose": exposes});
    let resource = |driver: &str, info: &Value| ResourceState {
        driver: driver.into(),
        status: ResourceStatus::Up,
        disabled: false,
        info: info.as_object().unwrap().into(),
    };
    instance.resources.insert("ip#1", resource("ip.host", &ip));
    for (name, info) in sections {
        let group = name.split('#').next().unwrap();
        let driver = match group {
            "certificate" => "certificate.tls".to_owned(),
            group => format!("{group}.envoy"),
        };
        instance
            .resources
            .insert(name.clone(), resource(&driver, info));
    }
    instance
}

/// The keywords of a resource.
fn info(keywords: Value) -> Info {
    keywords.as_object().unwrap().into()
}

/// An L4 expose as the daemon tells of one.
fn l4(port: u16, listener_port: u16) -> Value {
    json!({"expose#0": {
        "port": port, "listener_port": listener_port, "protocol": "tcp", "lb_policy": "round robin",
    }})
}

/// A plain HTTP expose of one domain on port 80.
fn http(domain: &str) -> Value {
    json!({
        "expose#0": {"port": 8080, "listener_port": 80, "vhosts": ["vhost#0"]},
        "vhost#0": {"domains": [domain], "routes": ["route#0"]},
        "route#0": {"match_prefix": "/"},
    })
}

#[test]
fn nothing_is_known_before_the_daemon_told_everything() {
    let mut story = Story::new();
    story.put(&[("web", instance("10.0.0.1", l4(80, 8080)))]);
    assert!(!story.index.is_known());
    story.reset();
    assert!(story.index.is_known());
    assert_eq!(story.names(ResourceType::Listener), ["0.0.0.0:8080/tcp"]);
}

#[test]
fn a_service_becomes_a_listener_a_cluster_and_its_endpoints() {
    let mut story = Story::begun();
    story.put(&[("test/svc/web1", instance("10.0.0.1", l4(80, 8080)))]);
    assert_eq!(story.names(ResourceType::Listener), ["0.0.0.0:8080/tcp"]);
    assert_eq!(
        story.names(ResourceType::Cluster),
        ["test/svc/web1.expose#0"]
    );
    assert_eq!(story.endpoints("test/svc/web1.expose#0"), ["10.0.0.1:80"]);
    assert_eq!(
        story.serving("test/svc/web1", "expose#0"),
        Some(Serving::Served)
    );
    story.remove("test/svc/web1");
    for kind in ResourceType::ALL {
        assert!(story.names(kind).is_empty(), "{kind:?}");
    }
    assert_eq!(story.serving("test/svc/web1", "expose#0"), None);
}

/// One exception of the Python janitor's over one service stopped the updates of all of them.
#[test]
fn a_typo_in_one_service_harms_no_other() {
    let mut story = Story::begun();
    let broken = json!({"expose#0": {"listener_port": 8081}});
    story.put(&[
        ("good", instance("10.0.0.1", l4(80, 8080))),
        ("bad", instance("10.0.0.2", broken)),
    ]);
    assert_eq!(story.names(ResourceType::Cluster), ["good.expose#0"]);
    assert_eq!(story.serving("bad", "expose#0"), Some(Serving::Refused));
    let findings = story.findings("bad");
    assert!(
        findings
            .iter()
            .any(|f| f.starts_with("error: expose#0.port: ")),
        "{findings:?}"
    );
}

#[test]
fn a_refused_change_keeps_what_was_served_and_follows_its_endpoints() {
    let mut story = Story::begun();
    story.put(&[("web", instance("10.0.0.1", http("a.org")))]);
    let before = story.json(ResourceType::Routes, "0.0.0.0:80/tcp");
    let mut broken = http("a.org");
    broken["route#0"] = json!({"match_prefix": "no-slash"});
    story.put(&[("web", instance("10.0.0.2", broken))]);
    assert_eq!(story.serving("web", "expose#0"), Some(Serving::Kept));
    assert_eq!(story.json(ResourceType::Routes, "0.0.0.0:80/tcp"), before);
    assert_eq!(story.endpoints("web.expose#0"), ["10.0.0.2:8080"]);
    let findings = story.findings("web");
    assert!(
        findings.iter().any(|f| f.contains("route#0.match_prefix")),
        "{findings:?}"
    );
    story.put(&[("web", instance("10.0.0.2", http("b.org")))]);
    assert_eq!(story.serving("web", "expose#0"), Some(Serving::Served));
    assert_eq!(story.findings("web"), Vec::<String>::new());
}

#[test]
fn an_expose_of_another_gateway_is_not_ours() {
    let mut story = Story::begun();
    let mut sections = l4(80, 8080);
    for other in [json!("other"), json!(7)] {
        sections["expose#0"]["gateway"] = other;
        story.put(&[("web", instance("10.0.0.1", sections.clone()))]);
        assert!(story.names(ResourceType::Cluster).is_empty());
        assert_eq!(story.serving("web", "expose#0"), None);
    }
    sections["expose#0"]["gateway"] = json!("envoy");
    story.put(&[("web", instance("10.0.0.1", sections))]);
    assert_eq!(story.names(ResourceType::Cluster), ["web.expose#0"]);
}

#[test]
fn an_expose_that_no_ip_lists_is_not_served() {
    let mut story = Story::begun();
    let mut lonely = instance("10.0.0.1", l4(80, 8080));
    let ip = lonely.resources.get_mut("ip#1").unwrap();
    ip.info = info(json!({"ipaddr": "10.0.0.1", "expose": ["80/tcp"]}));
    story.put(&[("web", lonely)]);
    assert!(story.names(ResourceType::Listener).is_empty());
    assert!(!story.findings("web").is_empty(), "the user is told why");
}

#[test]
fn after_a_resynchronisation_only_what_differs_has_moved() {
    let mut story = Story::begun();
    story.put(&[
        ("a", instance("10.0.0.1", l4(80, 8001))),
        ("b", instance("10.0.0.2", l4(80, 8002))),
    ]);
    let before = story.index.snapshot().clone();
    story.reset();
    for kind in ResourceType::ALL {
        assert_eq!(
            story.index.snapshot().changes(&before, kind).count(),
            0,
            "{kind:?}"
        );
    }
    story.services.remove(&path("a"));
    story.reset();
    assert_eq!(story.names(ResourceType::Cluster), ["b.expose#0"]);
}

#[test]
fn the_order_of_news_does_not_show_in_what_envoy_gets() {
    let services = [
        ("a", instance("10.0.0.1", http("a.org"))),
        ("b", instance("10.0.0.2", http("b.org"))),
        ("test/svc/c", instance("10.0.0.3", l4(80, 8003))),
        ("d", instance("10.0.0.4", l4(81, 8004))),
    ];
    let mut forth = Story::begun();
    let mut back = Story::begun();
    let mut at_once = Story::begun();
    services
        .iter()
        .for_each(|service| forth.put(std::slice::from_ref(service)));
    services
        .iter()
        .rev()
        .for_each(|service| back.put(std::slice::from_ref(service)));
    at_once.put(&services);
    for kind in ResourceType::ALL {
        let version = forth.index.snapshot().version(kind);
        assert_eq!(back.index.snapshot().version(kind), version, "{kind:?}");
        assert_eq!(at_once.index.snapshot().version(kind), version, "{kind:?}");
    }
}

/// The agent has evaluated what the daemon tells: a brace that is left is meant as it is, or is a
/// mistake, and in neither case a reason to say nothing.
#[test]
fn what_still_looks_like_a_reference_is_judged_as_it_is() {
    let route = |matches: Value| {
        json!({
            "expose#0": {"port": 8080, "listener_port": 80, "vhosts": ["vhost#0"]},
            "vhost#0": {"domains": ["a.org"], "routes": ["route#0"]},
            "route#0": matches,
        })
    };
    let mut story = Story::begun();
    for (keyword, value) in [("match_regex", "/user/{id}"), ("match_path", "/user/{id}")] {
        story.put(&[("web", instance("10.0.0.1", route(json!({keyword: value}))))]);
        assert_eq!(story.serving("web", "expose#0"), Some(Serving::Served));
        assert_eq!(
            story.findings("web"),
            [format!(
                "warning: route#0.{keyword}: '{{id}}' is not a reference that the agent knows; it \
                 stands for itself, braces and all; check the name if that is not meant"
            )]
        );
    }
    let mut story = Story::begun();
    let mut sections = http("{host}.org");
    story.put(&[("web", instance("10.0.0.1", sections.clone()))]);
    assert_eq!(story.serving("web", "expose#0"), Some(Serving::Refused));
    assert_eq!(story.codes("web")[0], "invalid-domain");
    sections["vhost#0"]["domains"] = json!(["a.org"]);
    sections["vhost#0"]["routes"] = json!(["{route}"]);
    story.put(&[("web", instance("10.0.0.1", sections))]);
    assert_eq!(story.codes("web")[0], "undefined-section");
}

#[test]
fn an_expose_that_no_ip_lists_is_nobodys_incumbent() {
    let mut unlisted = instance("10.0.0.1", l4(80, 8080));
    unlisted.resources.remove("ip#1");
    let services = BTreeMap::from([
        (path("listed"), on_node1(instance("10.0.0.2", l4(80, 8081)))),
        (path("unlisted"), on_node1(unlisted)),
    ]);
    let exposed = exposed(services, &Context::default());
    let names: Vec<_> = exposed.iter().map(|expose| expose.id.to_string()).collect();
    assert_eq!(names, ["listed.expose#0"]);
}

#[test]
fn the_value_of_a_finding_is_never_a_private_key() {
    let mut story = Story::begun();
    let mut sections = http("a.org");
    let key = "-----BEGIN PRIVATE KEY-----\nMIIEsecret\n-----END PRIVATE KEY-----";
    sections["route#0"] = json!({"match_path": key});
    story.put(&[("web", instance("10.0.0.1", sections))]);
    let told = format!(
        "{:?} {:?}",
        story.findings("web"),
        story.index.view().values
    );
    assert!(!told.contains("MIIEsecret"), "{told}");
    assert!(told.contains("[private key]"), "{told}");
}
