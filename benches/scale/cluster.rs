//! A synthetic OpenSVC cluster: N services with an instance on each of two nodes, in the forms that a
//! real daemon uses.
//!
//! Even services expose a TCP port of their own; odd ones a host name on the one HTTP listener.

use std::fmt::Write;

/// The nodes; each service has an instance, and so an endpoint, on both.
const NODES: [&str; 2] = ["node1", "node2"];

/// The port of the listener that all host names share.
pub(crate) const HTTP_PORT: u16 = 8080;

/// What a service exposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A TCP port: a listener of its own.
    Port,
    /// A host name: a virtual host on the shared listener.
    Host,
}

/// The kind of a service.
pub(crate) fn kind(service: usize) -> Kind {
    match service % 2 {
        0 => Kind::Port,
        _ => Kind::Host,
    }
}

fn name(service: usize) -> String {
    format!("web{service:05}")
}

/// The state of the whole cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// How often the address on the first node changed, by service; `None` where there is no service.
    moves: Vec<Option<usize>>,
    patches: u64,
}

impl Cluster {
    /// A cluster of some services.
    pub(crate) fn new(services: usize) -> Self {
        Self {
            moves: vec![Some(0); services],
            patches: 0,
        }
    }

    /// How many services there are.
    pub(crate) fn len(&self) -> usize {
        self.moves.iter().flatten().count()
    }

    /// How many services there are of a kind.
    pub(crate) fn count(&self, wanted: Kind) -> usize {
        let known = self.moves.iter().enumerate();
        known
            .filter(|(service, moves)| moves.is_some() && kind(*service) == wanted)
            .count()
    }

    /// The reply to `daemon_status`.
    pub(crate) fn status(&self) -> String {
        let mut text = String::from(r#"{"monitor": {"compat": 12, "transitions": [], "nodes": {"#);
        for (at, node) in NODES.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            let _ = write!(
                text,
                r#"{comma}"{node}": {{"compat": 12, "api": 8, "agent": "2.1-1742", "monitor": {{"status": "idle", "status_updated": 1795409266.1463375}}, "labels": {{}}, "targets": {{}}, "services": {{"status": {{"#
            );
            self.list(&mut text, |service, moves| instance(service, moves, at));
            text.push_str(r#"}, "config": {"#);
            self.list(&mut text, |service, _| {
                format!(
                    r#"{{"updated": 1795409266.1463375, "csum": "{service:032x}", "scope": ["node1", "node2"]}}"#
                )
            });
            text.push_str(
                r#"}}, "gen": {"node1": 81, "node2": 65}, "stats": {"load_15m": 0.2, "score": 71, "mem_avail": 68, "mem_total": 15995}, "frozen": 0, "env": "PRD", "speaker": true, "updated": 1795409266.1}"#,
            );
        }
        text.push_str(r#"}, "services": {"#);
        self.list(&mut text, |_, _| {
            r#"{"avail": "up", "frozen": "thawed", "overall": "up", "placement": "optimal", "provisioned": true}"#.to_owned()
        });
        text.push_str(
            r#"}}, "cluster": {"name": "scale", "id": "b0e1ca9e"}, "listener": {"state": "running", "stats": {"sessions": {"accepted": 7}}}, "scheduler": {"state": "running", "delayed": []}}"#,
        );
        text
    }

    fn list(&self, text: &mut String, entry: impl Fn(usize, usize) -> String) {
        let known = self.moves.iter().enumerate();
        let known = known.filter_map(|(service, moves)| Some((service, (*moves)?)));
        for (at, (service, moves)) in known.enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            let _ = write!(
                text,
                r#"{comma}"{}": {}"#,
                name(service),
                entry(service, moves)
            );
        }
    }

    /// A service's address on the first node becomes another: the message that says so.
    pub(crate) fn move_endpoint(&mut self, service: usize) -> String {
        let moves = match self.moves.get_mut(service) {
            Some(Some(moves)) => {
                *moves += 1;
                *moves
            }
            _ => 0,
        };
        let at = format!(
            r#""monitor","nodes","node1","services","status","{}""#,
            name(service)
        );
        let address = address(service, moves, 0);
        let noise = noise(self.patches);
        self.patch(&format!(
            r#"[[{at},"updated"],1795409121.3540418],[[{at},"resources","ip#1","label"],"{address}/16 eth0"],[[{at},"resources","ip#1","info","ipaddr"],"{address}"],[[{at},"csum"],"{moves:032x}"],{noise}"#
        ))
    }

    /// A message about nothing that a gateway watches.
    pub(crate) fn noise(&mut self) -> String {
        let path = r#""monitor","nodes","node1","services","status","web00000""#;
        let count = self.patches;
        let noise = noise(count);
        self.patch(&format!(
            r#"[[{path},"updated"],1795409121.{count}],[["monitor","nodes","node1","stats","score"],{}],{noise}"#,
            count % 100
        ))
    }

    /// A service that comes to be, as one message.
    pub(crate) fn add(&mut self, service: usize) -> String {
        if self.moves.len() <= service {
            self.moves.resize(service + 1, None);
        }
        if let Some(moves) = self.moves.get_mut(service) {
            *moves = Some(0);
        }
        let name = name(service);
        let mut changes = Vec::new();
        for (at, node) in NODES.iter().enumerate() {
            changes.push(format!(
                r#"[["monitor","nodes","{node}","services","status","{name}"],{}]"#,
                instance(service, 0, at)
            ));
            changes.push(format!(
                r#"[["monitor","nodes","{node}","services","config","{name}"],{{"updated": 1795409266.1, "csum": "{service:032x}", "scope": ["node1", "node2"]}}]"#
            ));
        }
        changes.push(format!(
            r#"[["monitor","services","{name}"],{{"avail": "up"}}]"#
        ));
        self.patch(&changes.join(","))
    }

    /// A service that is no more, as one message.
    pub(crate) fn remove(&mut self, service: usize) -> String {
        if let Some(moves) = self.moves.get_mut(service) {
            *moves = None;
        }
        let name = name(service);
        let deletes = NODES.map(|node| {
            format!(
                r#"[["monitor","nodes","{node}","services","status","{name}"]],[["monitor","nodes","{node}","services","config","{name}"]]"#
            )
        });
        let deletes = deletes.join(",");
        self.patch(&format!(r#"{deletes},[["monitor","services","{name}"]]"#))
    }

    fn patch(&mut self, changes: &str) -> String {
        self.patches += 1;
        let id = self.patches;
        format!(r#"{{"kind": "patch", "id": {id}, "ts": 1795409122.3636873, "data": [{changes}]}}"#)
    }
}

/// What every message of a real daemon carries along.
fn noise(count: u64) -> String {
    format!(
        r#"[["listener","stats","sessions","accepted"],{count}],[["listener","stats","sessions","alive"],2],[["scheduler","delayed"],{}]"#,
        count % 7
    )
}

fn address(service: usize, moves: usize, node: usize) -> String {
    // The second node never moves.
    let net = if node == 0 { 10 + moves % 90 } else { 9 };
    let [_, _, high, middle, low] = [0, 0, service >> 16, (service >> 8) & 255, service & 255];
    format!("{net}.{high}.{middle}.{low}")
}

/// An instance as `om` posts it; some 1,600 bytes, most of which no gateway watches.
fn instance(service: usize, moves: usize, node: usize) -> String {
    let name = name(service);
    let address = address(service, moves, node);
    let exposed = match kind(service) {
        Kind::Port => {
            let port = 10_000 + service / 2;
            format!(
                r#""expose#0": {{"status": "n/a", "type": "expose.envoy", "label": "envoy expose 8080/tcp via 0.0.0.0:{port}", "info": {{"lb_policy": "round robin", "listener_port": {port}, "port": 8080, "protocol": "tcp"}}}}"#
            )
        }
        Kind::Host => format!(
            r#""expose#0": {{"status": "n/a", "type": "expose.envoy", "label": "envoy expose 8080/tcp via 0.0.0.0:{HTTP_PORT}", "info": {{"lb_policy": "round robin", "listener_port": {HTTP_PORT}, "port": 8080, "protocol": "tcp", "vhosts": ["vhost#0"]}}}}, "vhost#0": {{"status": "n/a", "type": "vhost.envoy", "label": "envoy vhost {name}.acme.org", "info": {{"domains": ["{name}.acme.org"], "routes": ["route#0"]}}}}, "route#0": {{"status": "n/a", "type": "route.envoy", "label": "envoy route", "info": {{"match_prefix": "/", "redirect_https_redirect": false, "redirect_strip_query": false}}}}"#
        ),
    };
    format!(
        r#"{{"updated": 1795409275.4, "kind": "svc", "app": "default", "env": "PRD", "placement": "nodes order", "topology": "flex", "frozen": 0, "subsets": {{}}, "resources": {{"ip#1": {{"status": "up", "type": "ip", "label": "{address}/16 eth0", "provisioned": {{"state": true, "mtime": 1795409267.08}}, "info": {{"ipaddr": "{address}", "ipdev": "eth0", "netmask": "16", "expose": ["expose#0"]}}}}, {exposed}, "fs#1": {{"status": "up", "type": "fs.flag", "label": "fs.flag", "provisioned": {{"state": true, "mtime": 1795409267.1}}, "info": {{}}}}, "container#1": {{"status": "up", "type": "container.docker", "label": "docker registry.acme.org/{name}:1.4.2", "provisioned": {{"state": true, "mtime": 1795409270.3}}, "monitor": true, "restart": 2, "info": {{"image": "registry.acme.org/{name}:1.4.2", "rm": true, "netns": "container#0"}}}}}}, "flex_target": 2, "flex_min": 1, "flex_max": 2, "orchestrate": "ha", "status_group": {{"DEFAULT": "n/a", "expose": "n/a", "app": "n/a", "ip": "up", "disk": "n/a", "share": "n/a", "route": "n/a", "fs": "up", "task": "n/a", "container": "up", "sync": "n/a", "vhost": "n/a"}}, "overall": "up", "avail": "up", "optional": "n/a", "provisioned": true, "csum": "{service:032x}", "monitor": {{"status": "idle", "placement": "leader", "status_updated": 1795409267.4, "global_expect": null, "local_expect": "started"}}}}"#
    )
}
