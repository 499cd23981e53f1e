//! What the commands of the agent do to the node.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};

use super::config::{self, Config};
use super::edit::{self, Complaints};
use super::journal::now;
use super::state::{Object, State};
use super::status::{Instance, Role};
use crate::model::{ObjectKind, ObjectPath};

impl State {
    /// `om PATH create`: the instances are frozen and down.
    pub(super) fn create(&mut self, path: &str, text: &str) -> Result<Complaints, Complaints> {
        let config = Config::parse(text).map_err(|error| one_error(error.to_string()))?;
        let node = self.settings.nodes.first().cloned().unwrap_or_default();
        let complaints = edit::judge(&config, self.scope(path, &node));
        if !complaints.errors.is_empty() {
            return Err(complaints);
        }
        self.insert(path, config, false);
        Ok(complaints)
    }

    fn insert(&mut self, path: &str, config: Config, slave: bool) {
        let node = self.settings.nodes.first().cloned().unwrap_or_default();
        let nodes = config
            .evaluate("DEFAULT", "nodes", self.scope(path, &node))
            .filter(|nodes| nodes != "*")
            .unwrap_or_else(|| self.settings.nodes.join(" "));
        let instance = Instance {
            frozen: if slave { 0.0 } else { now() },
            provisioned: now(),
            ..Instance::default()
        };
        let object = Object {
            config,
            updated: now(),
            slave,
            instances: nodes
                .split_whitespace()
                .map(|node| (node.to_owned(), instance.clone()))
                .collect(),
            keys: BTreeMap::new(),
        };
        self.objects.insert(path.to_owned(), object);
        self.publish_config(path);
        self.journal.set(
            &["monitor", "services", path],
            match config::kind(path) {
                ObjectKind::Svc => {
                    json!({"avail": "unknown", "frozen": "n/a", "overall": "unknown",
                                "placement": "optimal", "provisioned": false})
                }
                _ => json!({}),
            },
        );
        self.publish_status(path);
        self.settle();
    }

    /// `om PATH set` and `unset`: nothing changes where the agent finds an error.
    pub(super) fn edit(
        &mut self,
        path: &str,
        change: impl FnOnce(&mut Config) -> Result<(), String>,
    ) -> Result<Complaints, Complaints> {
        let Some(object) = self.objects.get(path) else {
            return Err(one_error(format!("{path} not found")));
        };
        let mut config = object.config.clone();
        change(&mut config).map_err(one_error)?;
        let node = self.settings.nodes.first().cloned().unwrap_or_default();
        let complaints = edit::judge(&config, self.scope(path, &node));
        if !complaints.errors.is_empty() {
            return Err(complaints);
        }
        if let Some(object) = self.objects.get_mut(path)
            && object.config != config
        {
            object.config = config;
            object.updated = now();
            self.publish_status(path);
            self.publish_config(path);
            self.settle();
        }
        Ok(complaints)
    }

    /// `om PATH delete --unprovision`, the slaves of a scaler first.
    pub(super) fn delete(&mut self, path: &str) {
        for slave in self.slaves(path) {
            self.delete(&slave);
        }
        self.stop_workload(path);
        if let Some(object) = self.objects.remove(path) {
            self.unpublish(path, object.instances.into_keys());
            self.settle();
        }
    }

    /// `om PATH thaw`: a scaler makes its slaves now.
    pub(super) fn thaw(&mut self, path: &str) {
        self.announce("instance_thaw", path);
        self.each_instance(path, |_, instance| instance.frozen = 0.0);
        self.reconcile_scaler(path);
    }

    /// Starts or stops the instances of a service, on one node or on those its topology asks for.
    pub(super) fn run(&mut self, path: &str, node: Option<&str>, start: bool) {
        if matches!(
            self.objects.get(path).map(|o| self.role(path, o)),
            Some(Role::Scaler(_))
        ) {
            for slave in self.slaves(path) {
                self.run(&slave, node, start);
            }
            return;
        }
        let nodes = self.nodes_to_run(path, node, start);
        if start {
            self.allocate(path, &nodes);
            self.start_workload(path, &nodes);
        }
        self.each_instance(path, |name, instance| {
            if nodes.contains(name) {
                instance.started = start;
                instance.once_started |= start;
                if !start {
                    instance.failed.clear();
                    instance.addresses.clear();
                }
            }
        });
        if !start {
            self.stop_workload(path);
        }
    }

    /// The node named, or every node; a failover service starts on its first only.
    fn nodes_to_run(&self, path: &str, node: Option<&str>, start: bool) -> BTreeSet<String> {
        if let Some(node) = node {
            return [node.to_owned()].into();
        }
        let count = match start && self.is_failover(path) {
            true => 1,
            false => usize::MAX,
        };
        let object = self.objects.get(path);
        let nodes = object.into_iter().flat_map(|o| o.instances.keys());
        nodes.take(count).cloned().collect()
    }

    /// Lets one ip resource of a started service fail, or recover.
    pub(super) fn set_ip(&mut self, path: &str, rid: &str, up: bool) {
        self.each_instance(path, |_, instance| {
            if up {
                instance.failed.remove(rid);
            } else {
                instance.failed.insert(rid.to_owned());
            }
        });
    }

    /// `om PATH scale --to N`.
    pub(super) fn scale(&mut self, path: &str, scale: u32) {
        self.announce("scale_up", path);
        let target = format!("scale={scale}");
        if self
            .edit(path, |config| edit::apply(config, &target))
            .is_ok()
        {
            // The scaler names its new slaves before they exist.
            self.flush();
            self.reconcile_scaler(path);
        }
    }

    /// Makes the missing slaves of a scaler, starts them, and deletes the superfluous ones.
    fn reconcile_scaler(&mut self, path: &str) {
        let Some(object) = self.objects.get(path) else {
            return;
        };
        let Role::Scaler(scale) = self.role(path, object) else {
            return;
        };
        if object.instances.values().any(|i| i.frozen != 0.0) {
            return;
        }
        let mut config = object.config.clone();
        edit::unset(&mut config, "DEFAULT.scale");
        let Ok(scaler) = path.parse::<ObjectPath>() else {
            return;
        };
        let wanted: BTreeSet<String> = (0..scale)
            .map(|index| format!("{index}.{}", scaler.name()))
            .map(|name| ObjectPath::service(scaler.namespace(), &name).to_string())
            .collect();
        for slave in self.slaves(path) {
            if !wanted.contains(&slave) {
                self.delete(&slave);
            }
        }
        for slave in wanted {
            if !self.objects.contains_key(&slave) {
                self.insert(&slave, config.clone(), true);
                self.run(&slave, None, true);
            }
        }
    }

    /// Makes a secret, or changes one of its keys.
    pub(super) fn set_secret_key(&mut self, path: &str, key: &str, value: &str) {
        if !self.objects.contains_key(path) {
            self.insert(path, Config::default(), false);
        }
        if let Some(object) = self.objects.get_mut(path) {
            object.keys.insert(key.to_owned(), value.to_owned());
            object.updated = now();
        }
        self.publish_status(path);
        self.publish_config(path);
        self.settle();
    }

    /// The value of a secret's key, or the daemon's error reply.
    pub(super) fn secret_key(&self, path: &str, key: &str) -> Result<&str, Value> {
        let Some(object) = self.objects.get(path) else {
            return Err(json!({
                "status": 1, "error": format!("'{path}'"),
                "traceback": format!("Traceback (most recent call last):\nKeyError: '{path}'\n"),
            }));
        };
        if config::kind(path) != ObjectKind::Sec {
            let error = "'Svc' object has no attribute 'decode_key'";
            return Err(json!({"status": 1, "error": error, "traceback": error}));
        }
        object.keys.get(key).map(String::as_str).ok_or_else(|| {
            json!({"status": 1, "error":
                   format!("secret {path} key {key} does not exist or has no value")})
        })
    }

    /// The raw configuration of a service; every keyword must be known to be evaluated.
    pub(super) fn raw_config(&self, path: &str) -> Option<Value> {
        let object = self.objects.get(path)?;
        Some(json!(object.config.sections))
    }

    pub(super) fn exists(&self, path: &str) -> bool {
        self.objects.contains_key(path)
    }

    pub(super) fn local_node(&self) -> &str {
        self.settings.nodes.first().map_or("", String::as_str)
    }

    /// The addresses of the started instances of a service.
    pub(super) fn addresses(&self, path: &str) -> Vec<IpAddr> {
        let Some(object) = self.objects.get(path) else {
            return Vec::new();
        };
        let started = object.instances.values().filter(|i| i.started);
        started
            .flat_map(|i| i.addresses.values().copied())
            .collect()
    }

    // ---- helpers

    fn each_instance(&mut self, path: &str, mut change: impl FnMut(&str, &mut Instance)) {
        if let Some(object) = self.objects.get_mut(path) {
            for (name, instance) in &mut object.instances {
                change(name, instance);
            }
        }
        self.publish_status(path);
        self.settle();
    }

    fn is_failover(&self, path: &str) -> bool {
        let scope = self.scope(path, self.local_node());
        let object = self.objects.get(path);
        let topology = object.and_then(|o| o.config.evaluate("DEFAULT", "topology", scope));
        topology.is_none_or(|topology| topology == "failover")
    }

    pub(super) fn slaves(&self, path: &str) -> Vec<String> {
        self.objects
            .keys()
            .filter(|other| self.scaler_of(other).as_deref() == Some(path))
            .cloned()
            .collect()
    }

    pub(super) fn scaler_of(&self, path: &str) -> Option<String> {
        self.objects.get(path).filter(|object| object.slave)?;
        let (_, scaler) = path.parse::<ObjectPath>().ok()?.scaler()?;
        Some(scaler.to_string())
    }

    /// Gives the cni ip resources of a service an address of the backend network.
    fn allocate(&mut self, path: &str, nodes: &BTreeSet<String>) {
        let used: BTreeSet<IpAddr> = self
            .objects
            .values()
            .flat_map(|object| object.instances.values())
            .flat_map(|instance| instance.addresses.values().copied())
            .collect();
        let first = self.settings.backend_network.to_bits();
        let mut free = (first..first.saturating_add(65_534))
            .map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits)))
            .filter(|address| !used.contains(address));
        let Some(object) = self.objects.get_mut(path) else {
            return;
        };
        let sections = &object.config.sections;
        for (name, instance) in &mut object.instances {
            if !nodes.contains(name) {
                continue;
            }
            for (rid, keywords) in sections {
                if keywords.get("type").is_some_and(|t| t == "cni")
                    && !instance.addresses.contains_key(rid)
                    && let Some(address) = free.next()
                {
                    instance.addresses.insert(rid.clone(), address);
                }
            }
        }
    }

    /// Runs the containers of the instances that are about to start.
    fn start_workload(&self, path: &str, nodes: &BTreeSet<String>) {
        let (Some(workload), Some(object)) = (&self.settings.workload, self.objects.get(path))
        else {
            return;
        };
        for (name, instance) in &object.instances {
            if !instance.started && nodes.contains(name) {
                for address in instance.addresses.values() {
                    workload.start(path, *address);
                }
            }
        }
    }

    fn stop_workload(&self, path: &str) {
        if let Some(workload) = &self.settings.workload {
            workload.stop(path);
        }
    }
}

fn one_error(error: String) -> Complaints {
    Complaints {
        errors: vec![error],
        warnings: Vec::new(),
    }
}
