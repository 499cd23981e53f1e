//! A gateway without daemon and without Envoy: configurations in, the HTTP interface out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::http::{Request as HttpRequest, StatusCode};
use http_body_util::BodyExt;
use igw_envoy::config::Config;
use igw_envoy::daemon::{Availability, Connection, Instance, Link, ResourceState, ResourceStatus};
use igw_envoy::daemon::{ServiceState, Update};
use igw_envoy::envoy::Variant;
use igw_envoy::http::{Hosts, router};
use igw_envoy::index::{Event, Index, Options, Request, SecretContent, View};
use igw_envoy::inspect::{Sources, State, Telemetry};
use igw_envoy::model::ObjectPath;
use igw_envoy::snapshot::Snapshot;
use igw_envoy::validate::Context;
use igw_envoy::xds::Stream;
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tower::ServiceExt;

/// The stream of an Envoy.
pub fn stream() -> Stream {
    Stream {
        id: 1,
        node: "edge1".into(),
        gateway: "envoy".into(),
        variant: Variant::Delta,
        scope: None,
        transport: "unix".into(),
    }
}

pub struct Gateway {
    index: Index,
    secrets: BTreeMap<ObjectPath, SecretContent>,
    snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    views: watch::Sender<View>,
    pub connection: watch::Sender<Connection>,
    pub telemetry: Arc<Telemetry>,
    pub state: State,
    router: Router,
}

impl Gateway {
    /// A gateway that does not know the daemon's state yet.
    pub fn starting() -> Self {
        let (snapshots, watched) = watch::channel(None);
        let views = watch::Sender::new(View::default());
        let connection = watch::Sender::new(Connection::default());
        let telemetry = Arc::new(Telemetry::default());
        let state = State::new(Sources {
            gateway: "envoy".into(),
            transports: vec!["unix".into(), "tcp".into()],
            snapshots: watched,
            views: views.subscribe(),
            connection: connection.subscribe(),
            telemetry: telemetry.clone(),
        });
        let index = Index::new(Options {
            gateway: "envoy".into(),
            ports: 1025..=65535,
            reserved: Vec::new(),
        });
        Self {
            index,
            secrets: BTreeMap::new(),
            snapshots,
            views,
            connection,
            telemetry,
            router: router(state.clone(), Hosts::Local),
            state,
        }
    }

    /// A gateway of a cluster in which nothing is exposed.
    pub fn new() -> Self {
        let mut gateway = Self::starting();
        gateway.connection.send_modify(|connection| {
            connection.link = Link::Following {
                since: SystemTime::now(),
            };
            connection.last_message = Some(SystemTime::now());
        });
        gateway.apply(Update::Reset {
            services: BTreeMap::new(),
            secrets: BTreeMap::new(),
        });
        gateway
    }

    /// Deploys a service that runs on one node; its ip sections have the given addresses, in order.
    pub fn deploy(&mut self, path: &str, config: &str, addresses: &[&str]) {
        let service = service(config, addresses);
        self.patch(vec![(path.parse().unwrap(), Some(Arc::new(service)))]);
    }

    pub fn delete(&mut self, path: &str) {
        self.patch(vec![(path.parse().unwrap(), None)]);
    }

    /// Deploys many services at once.
    pub fn patch(&mut self, services: Vec<(ObjectPath, Option<Arc<ServiceState>>)>) {
        let secrets = Vec::new();
        self.apply(Update::Patch { services, secrets });
    }

    pub fn secret(&mut self, path: &str, content: &[(&str, &str)]) {
        let path: ObjectPath = path.parse().unwrap();
        let content = content
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        self.secrets.insert(path.clone(), content.collect());
        let revision = format!("{:?}", Instant::now());
        let services = Vec::new();
        let secrets = vec![(path, Some(revision))];
        self.apply(Update::Patch { services, secrets });
    }

    fn apply(&mut self, update: Update) {
        let since = Instant::now();
        let context = Context {
            now: Some(SystemTime::now()),
        };
        let mut events = vec![Event::Daemon(update)];
        while let Some(event) = events.pop() {
            for request in self.index.apply(event, &context) {
                events.push(match request {
                    Request::Read(read) => {
                        let content = self.secrets.get(&read.secret.path).cloned();
                        Event::SecretRead(read, content.ok_or_else(|| "missing".to_owned()))
                    }
                    Request::Store(store) => Event::PortStored(store, Ok(())),
                });
            }
        }
        self.views.send_replace(self.index.view().clone());
        let snapshot = self.index.snapshot();
        self.telemetry.publishing(snapshot, since);
        self.snapshots
            .send_replace(Some(Arc::new(snapshot.clone())));
    }

    pub fn snapshot(&self) -> &Snapshot {
        self.index.snapshot()
    }

    pub async fn send(&self, request: HttpRequest<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let headers = response.headers().clone();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Reply {
            status,
            headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    pub async fn get(&self, path: &str) -> Reply {
        let request = HttpRequest::get(path).body(Body::empty()).unwrap();
        self.send(request).await
    }

    pub async fn post(&self, path: &str, body: impl Into<Body>) -> Reply {
        let request = HttpRequest::post(path).body(body.into()).unwrap();
        self.send(request).await
    }

    /// The JSON of something that must be there.
    pub async fn json(&self, path: &str) -> Value {
        let reply = self.get(path).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.body);
        reply.json()
    }
}

#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: axum::http::HeaderMap,
    pub body: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// What the reply says is wrong.
    pub fn problem(&self) -> String {
        assert_eq!(
            self.headers["content-type"], "application/problem+json",
            "{self:?}"
        );
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        problem["detail"].as_str().unwrap().to_owned()
    }
}

/// What the daemon would tell of a configuration that runs on one node.
pub fn service(config: &str, addresses: &[&str]) -> ServiceState {
    let config = Config::parse(config).unwrap();
    let mut addresses = addresses.iter();
    let resources = config
        .sections
        .iter()
        .filter(|(name, _)| name.contains('#'));
    let resources = resources.map(|(name, keywords)| {
        let group = name.split('#').next().unwrap();
        let mut info: Map<String, Value> = keywords
            .iter()
            .map(|(keyword, value)| (keyword.clone(), json!(value)))
            .collect();
        let driver = match info.remove("type") {
            Some(Value::String(driver)) => format!("{group}.{driver}"),
            _ => group.to_owned(),
        };
        let mut status = ResourceStatus::Up;
        if group == "ip" {
            let exposes = keywords.get("expose").map_or("", String::as_str);
            info.insert("expose".into(), exposes.split_whitespace().collect());
            match addresses.next() {
                Some(address) => info.insert("ipaddr".into(), json!(address)),
                None => {
                    status = ResourceStatus::NotUp;
                    None
                }
            };
        }
        let state = ResourceState {
            driver: driver.into(),
            status,
            disabled: false,
            info: info.into(),
        };
        (name.clone(), state)
    });
    let instance = Instance {
        avail: Availability::Serving,
        scaler_slave: false,
        resources: resources.collect(),
    };
    ServiceState {
        instances: [("node1", Arc::new(instance))].into(),
    }
}
