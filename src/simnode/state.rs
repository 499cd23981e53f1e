//! The objects of the node, and what each operation makes of the dataset.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::Settings;
use super::config::{self, Config, Scope};
use super::journal::{Journal, now};
use super::status::{self, Instance, Role};
use crate::model::ObjectKind;

/// What a stream of events is told.
#[derive(Debug, Clone)]
pub(super) enum Tell {
    /// Bytes as they are, the final NUL included.
    Bytes(Arc<[u8]>),
    /// The end of the stream.
    Close,
}

/// A service or a secret.
pub(super) struct Object {
    pub(super) config: Config,
    /// When the configuration changed.
    pub(super) updated: f64,
    pub(super) slave: bool,
    /// By node.
    pub(super) instances: BTreeMap<String, Instance>,
    /// The keys of a secret, never in the dataset.
    pub(super) keys: BTreeMap<String, String>,
}

/// Everything that the simulated daemon knows.
pub(super) struct State {
    pub(super) settings: Settings,
    pub(super) journal: Journal,
    pub(super) objects: BTreeMap<String, Object>,
    streams: Vec<mpsc::UnboundedSender<Tell>>,
    pub(super) requests: Vec<Value>,
    accepted: u64,
}

impl State {
    pub(super) fn new(settings: Settings) -> Self {
        let mut state = Self {
            journal: Journal::new(settings.coalesce),
            settings,
            objects: BTreeMap::new(),
            streams: Vec::new(),
            requests: Vec::new(),
            accepted: 0,
        };
        state.boot();
        state
    }

    /// Forgets what a daemon forgets when it restarts: the numbers and the clients. The objects
    /// stay, and the first message tells them whole.
    pub(super) fn boot(&mut self) {
        self.tell(&Tell::Close);
        self.streams.clear();
        self.journal = Journal::new(self.settings.coalesce);
        self.journal.set(&["cluster"], self.cluster());
        self.journal.set(&["monitor"], self.monitor());
        self.journal.set(&["daemon"], json!({"state": "running"}));
        self.journal.set(
            &["scheduler"],
            json!({"state": "running", "running": 0, "delayed": []}),
        );
        self.journal.set(
            &["listener"],
            json!({"state": "running", "stats": {"sessions":
            {"accepted": 0, "auth_validated": 0, "alive": {}, "clients": {}}}}),
        );
    }

    fn cluster(&self) -> Value {
        json!({"name": "default", "id": "00000000-0000-0000-0000-000000000001", "nodes": self.settings.nodes})
    }

    fn monitor(&self) -> Value {
        let mut monitor = json!({
            "nodes": {}, "services": {}, "state": "running", "compat": true, "transitions": 0, "frozen": "thawed",
        });
        for node in &self.settings.nodes {
            let mut services = json!({"status": {}, "config": {}});
            for (path, object) in &self.objects {
                if let Some(instance) = object.instances.get(node) {
                    services["status"][path] = self.instance_status(path, object, node, instance);
                    services["config"][path] = config_entry(object);
                }
            }
            monitor["nodes"][node] = json!({
                "compat": 10, "api": 7, "agent": "simulated",
                "monitor": {"status": "idle", "status_updated": now()},
                "labels": {}, "targets": [], "services": services, "frozen": 0, "env": "TST",
                "stats": {"load_15m": 0.1, "mem_total": 8000, "mem_avail": 90, "score": 70},
            });
        }
        for path in self.objects.keys() {
            monitor["services"][path] = self.service_status(path, &monitor["nodes"]);
        }
        monitor
    }

    pub(super) fn dataset(&self) -> &Value {
        self.journal.data()
    }

    // ---- events

    /// A new stream; it is told what happens from now on.
    pub(super) fn subscribe(&mut self) -> mpsc::UnboundedReceiver<Tell> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.streams.push(sender);
        receiver
    }

    pub(super) fn streams(&self) -> usize {
        self.streams.iter().filter(|s| !s.is_closed()).count()
    }

    pub(super) fn tell(&mut self, tell: &Tell) {
        self.streams
            .retain(|stream| stream.send(tell.clone()).is_ok());
    }

    /// Sends the changes that are due.
    pub(super) fn settle(&mut self) {
        if let Some(message) = self.journal.message() {
            self.send(&message);
        }
    }

    /// Sends every change, due or not.
    pub(super) fn flush(&mut self) {
        if let Some(message) = self.journal.flush() {
            self.send(&message);
        }
    }

    pub(super) fn skip_id(&mut self) {
        self.journal.skip();
    }

    pub(super) fn send(&mut self, message: &Value) {
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.tell(&Tell::Bytes(bytes.into()));
    }

    /// An event that changes nothing: it has no id.
    pub(super) fn announce(&mut self, id: &str, path: &str) {
        self.flush();
        let nodename = self.settings.nodes.first().cloned().unwrap_or_default();
        let data = json!({"id": id, "path": path, "reason": "target"});
        self.send(&json!({"kind": "event", "nodename": nodename, "ts": now(), "data": data}));
    }

    /// What a client's connection does to the listener's statistics.
    pub(super) fn count_connection(&mut self) {
        self.accepted += 1;
        if self.settings.noise {
            let sessions = ["listener", "stats", "sessions"];
            for counter in ["accepted", "auth_validated"] {
                let path = [&sessions[..], &[counter]].concat();
                self.journal.set(&path, json!(self.accepted));
            }
            self.settle();
        }
    }

    /// What an idle node has to say now and then.
    pub(super) fn tick(&mut self) {
        let Some(node) = self.settings.nodes.first().cloned() else {
            return;
        };
        let load = (now() * 10.0).trunc() % 100.0 / 100.0;
        let path = ["monitor", "nodes", &node, "stats", "load_15m"];
        self.journal.set(&path, json!(load));
        self.settle();
    }

    // ---- what is published about an object

    pub(super) fn scope<'a>(&'a self, path: &'a str, node: &'a str) -> Scope<'a> {
        Scope {
            path,
            node,
            cluster_nodes: &self.settings.nodes,
        }
    }

    pub(super) fn role(&self, path: &str, object: &Object) -> Role {
        if object.slave {
            return Role::Slave;
        }
        let node = self.settings.nodes.first().map_or("", String::as_str);
        let scale = object
            .config
            .evaluate("DEFAULT", "scale", self.scope(path, node));
        match scale.and_then(|text| text.trim().parse().ok()) {
            Some(scale) => Role::Scaler(scale),
            None => Role::Plain,
        }
    }

    fn instance_status(&self, path: &str, object: &Object, node: &str, at: &Instance) -> Value {
        if config::kind(path) == ObjectKind::Sec {
            return status::secret();
        }
        let role = self.role(path, object);
        status::instance(&object.config, role, at, self.scope(path, node))
    }

    fn service_status(&self, path: &str, nodes: &Value) -> Value {
        let Some(object) = self
            .objects
            .get(path)
            .filter(|_| config::kind(path) == ObjectKind::Svc)
        else {
            return json!({});
        };
        let role = self.role(path, object);
        let of = |path: &str| -> Vec<&Value> {
            self.settings
                .nodes
                .iter()
                .filter_map(|node| nodes[node]["services"]["status"].get(path))
                .collect()
        };
        let slaves: Vec<&Value> = match role {
            Role::Scaler(_) => self
                .slaves(path)
                .iter()
                .flat_map(|slave| of(slave))
                .collect(),
            _ => Vec::new(),
        };
        status::service(role, &of(path), &slaves)
    }

    pub(super) fn publish_status(&mut self, path: &str) {
        let Some(object) = self.objects.get(path) else {
            return;
        };
        let statuses: Vec<(String, Value)> = object
            .instances
            .iter()
            .map(|(node, at)| (node.clone(), self.instance_status(path, object, node, at)))
            .collect();
        for (node, status) in statuses {
            let at = ["monitor", "nodes", &node, "services", "status", path];
            self.journal.set(&at, status);
        }
        self.publish_service(path);
    }

    fn publish_service(&mut self, path: &str) {
        let nodes = self.journal.get(&["monitor", "nodes"]).cloned();
        let aggregate = self.service_status(path, &nodes.unwrap_or_default());
        self.journal.set(&["monitor", "services", path], aggregate);
        if let Some(scaler) = self.scaler_of(path) {
            self.publish_service(&scaler);
        }
    }

    pub(super) fn publish_config(&mut self, path: &str) {
        let Some(object) = self.objects.get(path) else {
            return;
        };
        let entry = config_entry(object);
        let nodes: Vec<String> = object.instances.keys().cloned().collect();
        for node in nodes {
            let at = ["monitor", "nodes", &node, "services", "config", path];
            self.journal.set(&at, entry.clone());
        }
    }

    pub(super) fn unpublish(&mut self, path: &str, nodes: impl Iterator<Item = String>) {
        for node in nodes {
            for table in ["status", "config"] {
                self.journal
                    .unset(&["monitor", "nodes", &node, "services", table, path]);
            }
        }
        self.journal.unset(&["monitor", "services", path]);
    }
}

fn config_entry(object: &Object) -> Value {
    let content = json!([object.config.sections, object.keys]).to_string();
    json!({
        "updated": object.updated,
        "csum": status::checksum(&content),
        "scope": object.instances.keys().collect::<Vec<_>>(),
    })
}
