//! The simulated node says what a real one said: the same commands, held against recordings.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;

use igw_envoy::simnode::{Fault, Settings, SimNode};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

const WEB0: &str = "\
[DEFAULT]
nodes = node1

[ip#1]
ipname = 10.22.0.20
ipdev = dum0
netmask = 24
expose = expose#0

[expose#0]
type = envoy
port = 8080
listener_port = 80
";

const SCALER: &str = "\
[DEFAULT]
nodes = node1
topology = flex
orchestrate = ha
scale = 2

[ip#1]
ipname = 10.22.0.30
ipdev = dum0
netmask = 24
expose = expose#0

[expose#0]
type = envoy
port = 8080
listener_port = 8888
";

struct Fixture {
    node: SimNode,
    _folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let node = SimNode::start(Settings::at(folder.path().join("lsnr.sock"))).unwrap();
        // A client that comes later than the first message never sees the daemon's start.
        node.flush();
        Self {
            node,
            _folder: folder,
        }
    }

    async fn events(&self) -> Events {
        Events::open(self.node.socket(), &self.node).await
    }
}

/// A stream of events, read frame by frame.
struct Events(BufReader<UnixStream>);

impl Events {
    async fn open(socket: &Path, node: &SimNode) -> Self {
        let before = node.streams();
        let mut stream = UnixStream::connect(socket).await.unwrap();
        stream
            .write_all(b"{\"action\":\"events\"}\0")
            .await
            .unwrap();
        while node.streams() == before {
            tokio::task::yield_now().await;
        }
        Self(BufReader::new(stream))
    }

    /// The next message; `None` at the end of the stream.
    async fn next(&mut self) -> Option<Vec<u8>> {
        let mut frame = Vec::new();
        self.0.read_until(0, &mut frame).await.unwrap();
        (!frame.is_empty()).then_some(frame)
    }

    async fn message(&mut self) -> Value {
        let frame = self.next().await.unwrap();
        serde_json::from_slice(frame.strip_suffix(&[0]).unwrap()).unwrap()
    }

    async fn patch(&mut self) -> Value {
        loop {
            let message = self.message().await;
            if message["kind"] == "patch" {
                return message;
            }
        }
    }

    /// The changes so far: a message of an unknown kind marks their end.
    async fn changes(&mut self, node: &SimNode) -> Vec<Value> {
        node.inject(&Fault::UnknownKind);
        let mut changes = Vec::new();
        loop {
            let message = self.message().await;
            match message["kind"].as_str().unwrap() {
                "patch" => changes.extend(message["data"].as_array().unwrap().clone()),
                "news" => return changes,
                _ => {}
            }
        }
    }
}

async fn request(node: &SimNode, request: &Value) -> Value {
    let mut stream = UnixStream::connect(node.socket()).await.unwrap();
    let mut bytes = request.to_string().into_bytes();
    bytes.push(0);
    stream.write_all(&bytes).await.unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await.unwrap();
    serde_json::from_slice(reply.strip_suffix(&[0]).unwrap()).unwrap()
}

fn recording(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/recordings")
        .join(name);
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn recorded_changes(name: &str) -> Vec<Value> {
    recording(name)
        .iter()
        .filter(|message| message["kind"] == "patch")
        .flat_map(|message| message["data"].as_array().unwrap().clone())
        .collect()
}

/// The changes that concern one object, as texts, without what only the real node's monitor does.
fn told_about(object: &str, changes: &[Value]) -> BTreeSet<String> {
    changes
        .iter()
        .filter(|change| {
            let path = change[0].as_array().unwrap();
            let monitor = path.iter().rposition(|key| key == "monitor") > Some(0);
            path.contains(&json!(object)) && !monitor
        })
        .map(|change| {
            let value = change
                .get(1)
                .map_or("deleted".to_owned(), |v| timeless(v).to_string());
            let last = change[0].as_array().unwrap().last().unwrap();
            match last.as_str() {
                Some("updated" | "csum") => change[0].to_string(),
                _ => format!("{} {value}", change[0]),
            }
        })
        .collect()
}

/// A value without times, checksums and the monitor's own state.
fn timeless(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let known = |key: &str| !matches!(key, "updated" | "csum" | "mtime" | "monitor");
            let mut kept: Map<String, Value> = object
                .iter()
                .filter(|(key, _)| known(key))
                .map(|(key, value)| (key.clone(), timeless(value)))
                .collect();
            if kept
                .get("frozen")
                .is_some_and(|frozen| frozen.as_f64() > Some(0.0))
            {
                kept.insert("frozen".to_owned(), json!("since"));
            }
            Value::Object(kept)
        }
        Value::Array(list) => list.iter().map(timeless).collect(),
        other => other.clone(),
    }
}

/// The whole value that the first change about an object's status sets.
fn first_status(object: &str, changes: &[Value]) -> Value {
    let path = json!(["monitor", "nodes", "node1", "services", "status", object]);
    let change = changes.iter().find(|change| change[0] == path).unwrap();
    timeless(&change[1])
}

/// What one operation makes the node say about an object.
async fn said(
    fixture: &Fixture,
    events: &mut Events,
    object: &str,
    operation: impl FnOnce(&SimNode),
) -> BTreeSet<String> {
    operation(&fixture.node);
    told_about(object, &events.changes(&fixture.node).await)
}

#[tokio::test]
async fn a_service_is_created_set_and_deleted_as_recorded() {
    let fixture = Fixture::new();
    let mut events = fixture.events().await;

    fixture.node.create("web0", WEB0).unwrap();
    let created = events.changes(&fixture.node).await;
    let recorded = recorded_changes("01_create_service.jsonl");
    assert_eq!(
        first_status("web0", &created),
        first_status("web0", &recorded)
    );

    let set = said(&fixture, &mut events, "web0", |node| {
        node.set("web0", &["expose#0.port=8081"]).unwrap();
    })
    .await;
    assert_eq!(
        set,
        told_about("web0", &recorded_changes("02_set_expose_port.jsonl"))
    );

    let sections = said(&fixture, &mut events, "web0", |node| {
        node.set(
            "web0",
            &[
                "vhost#0.type=envoy",
                "vhost#0.domains=www.acme.com acme.com",
                "vhost#0.routes=route#0",
                "route#0.type=envoy",
                "route#0.match_prefix=/",
                "route#0.hash_policies=hashpolicy#0",
                "hashpolicy#0.cookie_name=JSESSIONID",
                "hashpolicy#0.cookie_ttl=1h",
                "hashpolicy#0.terminal=true",
                "certificate#0.type=tls",
                "certificate#0.certificate_secret=web0cert",
                "expose#0.vhosts=vhost#0",
                "expose#0.listener_certificates=certificate#0",
                "expose#0.lb_policy=ring_hash",
            ],
        )
        .unwrap();
    })
    .await;
    assert_eq!(
        sections,
        told_about("web0", &recorded_changes("03_add_l7_sections.jsonl"))
    );

    fixture.node.thaw("web0");
    fixture.node.start_service("web0");
    events.changes(&fixture.node).await;
    let stopped = said(&fixture, &mut events, "web0", |node| {
        node.stop_service("web0")
    })
    .await;
    assert_eq!(
        stopped,
        told_about("web0", &recorded_changes("05_ip_stop.jsonl"))
    );

    let gone = said(&fixture, &mut events, "web0", |node| node.delete("web0")).await;
    let recorded = told_about("webtls", &recorded_changes("12_delete_service.jsonl"));
    let recorded: BTreeSet<String> = recorded
        .iter()
        .map(|t| t.replace("webtls", "web0"))
        .collect();
    assert_eq!(gone, recorded);
}

#[tokio::test]
async fn sections_are_evaluated_as_the_drivers_did() {
    let fixture = Fixture::new();
    let mut events = fixture.events().await;
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/l7_service_config.json");
    let json: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut text = String::new();
    for (section, keywords) in json["webl7"].as_object().unwrap() {
        text.push_str(&format!("[{section}]\n"));
        for (keyword, value) in keywords.as_object().unwrap() {
            text.push_str(&format!("{keyword} = {}\n", value.as_str().unwrap()));
        }
    }
    let warnings = fixture.node.create("webl7", &text).unwrap();
    assert!(warnings.contains("W ignored option route#2.route_use_websocket, driver envoy"));
    let created = events.changes(&fixture.node).await;
    assert_eq!(
        first_status("webl7", &created),
        first_status("webl7", &recorded_changes("11_l7_service.jsonl"))
    );

    let config = "[DEFAULT]\nnodes = node1\n[ip#1]\nipname = 10.22.0.21\nipdev = dum0\nnetmask = 24\n\
        expose = expose#0 expose#1 9000/tcp 9001/udp:19001\n\
        [expose#0]\ntype = envoy\nport = 8080\nlistener_port = 443\nsni = a.acme.com b.acme.com\n\
        [expose#1]\ntype = envoy\nport = 9090\nprotocol = udp\nlistener_port = 0\ngateway = gw2\n";
    fixture.node.create("test/svc/web1", config).unwrap();
    let created = events.changes(&fixture.node).await;
    assert_eq!(
        first_status("test/svc/web1", &created),
        first_status(
            "test/svc/web1",
            &recorded_changes("07_namespaced_service.jsonl")
        )
    );
}

#[tokio::test]
async fn a_scaler_grows_as_recorded() {
    let fixture = Fixture::new();
    let mut events = fixture.events().await;
    let recorded = recorded_changes("09_scaler.jsonl");

    fixture.node.create("scal", SCALER).unwrap();
    let created = events.changes(&fixture.node).await;
    assert_eq!(
        first_status("scal", &created),
        first_status("scal", &recorded)
    );

    fixture.node.thaw("scal");
    let slaves = events.changes(&fixture.node).await;
    assert_eq!(
        first_status("0.scal", &slaves),
        first_status("0.scal", &recorded)
    );

    fixture.node.scale("scal", 3);
    let grown = events.changes(&fixture.node).await;
    let position = |text: &str| {
        grown
            .iter()
            .position(|change| change.to_string().contains(text))
            .unwrap()
    };
    // The scaler names its slave before the slave exists.
    assert!(position("\"scaler_slaves\",2],\"2.scal\"") < position("\"status\",\"2.scal\"]"));
    let ours = told_about("scal", &grown);
    for change in [
        "\"scaler_slaves\",2] \"2.scal\"",
        "\"status\",\"scal\",\"scale\"] 3",
        "\"services\",\"scal\",\"scale\"] 3",
    ] {
        assert!(
            ours.iter().any(|told| told.ends_with(change)),
            "{change}: {ours:#?}"
        );
        assert!(
            told_about("scal", &recorded)
                .iter()
                .any(|told| told.ends_with(change))
        );
    }
    assert_eq!(
        fixture.node.dataset()["monitor"]["services"]["scal"]["avail"],
        "up"
    );

    fixture.node.scale("scal", 1);
    let shrunk = events.changes(&fixture.node).await;
    let deletions: Vec<String> = shrunk
        .iter()
        .filter(|change| change.get(1).is_none() && change.to_string().contains("scaler_slaves"))
        .map(|change| change[0][7].to_string())
        .collect();
    assert_eq!(deletions, ["2", "1"]);
    assert_eq!(
        fixture.node.dataset()["monitor"]["services"].get("2.scal"),
        None
    );
}

#[tokio::test]
async fn a_secret_changes_without_showing_itself() {
    let fixture = Fixture::new();
    let mut events = fixture.events().await;
    let made = said(&fixture, &mut events, "sec/web0cert", |node| {
        node.set_secret_key("sec/web0cert", "certificate_chain", "PEM 1");
    })
    .await;
    let changed = said(&fixture, &mut events, "sec/web0cert", |node| {
        node.set_secret_key("sec/web0cert", "certificate_chain", "PEM 2");
    })
    .await;
    let recorded = told_about(
        "sec/web0cert",
        &recorded_changes("06_secret_create_add_change.jsonl"),
    );
    assert!(changed.is_subset(&recorded), "{changed:#?}");
    let all: BTreeSet<String> = made.union(&changed).cloned().collect();
    assert_eq!(all, recorded);
    assert!(!fixture.node.dataset().to_string().contains("PEM"));
}

#[tokio::test]
async fn replies_have_the_recorded_shapes() {
    let fixture = Fixture::new();
    let node = &fixture.node;
    node.create("web0", WEB0).unwrap();
    node.set_secret_key("sec/web0cert", "certificate_chain", "chain");
    node.set_secret_key("sec/web0cert", "private_key", "key");

    let mut compared = 0;
    for exchange in recording("21_request_replies.jsonl") {
        let asked = &exchange["request"];
        let known = matches!(
            asked["action"].as_str().unwrap(),
            "get_secret_key"
                | "get_key"
                | "key"
                | "service_action"
                | "object_action"
                | "object_set"
        ) || asked["options"]["full"] == true;
        let relayed = asked.get("node").is_some();
        if !known || relayed {
            continue;
        }
        let reply = request(node, asked).await;
        let recorded = &exchange["reply"][0];
        assert_eq!(reply["status"], recorded["status"], "{asked}");
        assert_eq!(reply["data"]["ret"], recorded["data"]["ret"], "{asked}");
        assert_eq!(reply["data"]["err"], recorded["data"]["err"], "{asked}");
        if !asked.to_string().contains("sec/none") {
            assert_eq!(reply["error"], recorded["error"], "{asked}");
        }
        compared += 1;
    }
    assert!(compared >= 10, "only {compared} exchanges compared");

    let relayed = request(
        node,
        &json!({"action": "service_action", "node": "ANY", "options": {"path": "web0", "action": "set",
                "sync": true, "options": {"kw": ["expose#0.listener_port=1025"]}}}),
    )
    .await;
    assert_eq!(
        relayed,
        json!({"nodes": {"node1": {"status": 0, "data": {"out": "", "err": "", "ret": 0}}}, "status": 0})
    );
    let status = request(node, &json!({"action": "daemon_status"})).await;
    let info = &status["monitor"]["nodes"]["node1"]["services"]["status"]["web0"]["resources"]["expose#0"]
        ["info"];
    assert_eq!(info["listener_port"], 1025);
    assert_eq!(node.requests().last().unwrap()["node"], "ANY");
}

#[tokio::test]
async fn a_restarted_daemon_counts_from_one_and_tells_everything() {
    let fixture = Fixture::new();
    let mut events = fixture.events().await;
    fixture.node.deploy("web0", WEB0).unwrap();
    events.changes(&fixture.node).await;

    fixture.node.stop_daemon();
    assert_eq!(events.next().await, None);
    let refused = UnixStream::connect(fixture.node.socket())
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);

    fixture.node.start_daemon().unwrap();
    let mut events = fixture.events().await;
    fixture.node.set_ip("web0", "ip#1", false);
    let first = events.patch().await;
    assert_eq!(first["id"], 1);
    let whole = first["data"]
        .as_array()
        .unwrap()
        .iter()
        .find(|c| c[0] == json!(["monitor"]));
    assert_eq!(whole.unwrap()[1]["services"]["web0"]["avail"], "up");
    assert_eq!(
        fixture.node.dataset()["monitor"]["services"]["web0"]["avail"],
        "down"
    );
}

#[tokio::test]
async fn faults_reach_the_client() {
    let fixture = Fixture::new();
    let mut events = fixture.events().await;
    fixture.node.set_secret_key("sec/a", "k", "1");
    let before = events.patch().await["id"].as_u64().unwrap();
    // The creation of a secret is two messages: the object, then its key.
    let before = before.max(events.patch().await["id"].as_u64().unwrap());
    fixture.node.inject(&Fault::Gap);
    fixture.node.set_secret_key("sec/a", "k", "2");
    assert_eq!(events.patch().await["id"].as_u64().unwrap(), before + 2);

    fixture.node.inject(&Fault::Garbage);
    let frame = events.next().await.unwrap();
    assert!(serde_json::from_slice::<Value>(&frame).is_err());

    fixture.node.inject(&Fault::HalfMessage);
    let half = events.next().await.unwrap();
    assert_ne!(half.last(), Some(&0));
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn cni_addresses_come_and_go_with_the_instance() {
    let fixture = Fixture::new();
    let config = "[DEFAULT]\nnodes = node1\nscale = 2\ntopology = flex\n[ip#1]\ntype = cni\n\
        expose = expose#0\n[expose#0]\ntype = envoy\nport = 80\nlistener_port = 80\n";
    fixture.node.deploy("test/svc/web", config).unwrap();
    let address = |slave: &str| {
        let dataset = fixture.node.dataset();
        let resources =
            &dataset["monitor"]["nodes"]["node1"]["services"]["status"][slave]["resources"];
        resources["ip#1"]["info"]["ipaddr"].clone()
    };
    assert_eq!(address("test/svc/0.web"), "127.20.1.1");
    assert_eq!(address("test/svc/1.web"), "127.20.1.2");
    fixture.node.stop_service("test/svc/0.web");
    assert_eq!(address("test/svc/0.web"), Value::Null);
}

#[tokio::test]
async fn changes_right_after_a_message_wait_for_the_next_change() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::at(folder.path().join("lsnr.sock"));
    settings.coalesce = std::time::Duration::from_secs(3600);
    let node = SimNode::start(settings).unwrap();
    node.flush();
    let mut events = Events::open(node.socket(), &node).await;
    node.create("web0", WEB0).unwrap();
    node.set("web0", &["expose#0.port=8081"]).unwrap();
    node.flush();
    // Two operations, one message.
    let message = events.patch().await;
    let text = message.to_string();
    assert!(text.contains("\"services\",\"config\",\"web0\"]") && text.contains("8081"));
}

#[tokio::test]
async fn a_failover_service_starts_on_one_node_and_a_flex_one_on_all() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::at(folder.path().join("lsnr.sock"));
    settings.nodes = vec!["node1".to_owned(), "node2".to_owned()];
    let node = SimNode::start(settings).unwrap();
    let config = "[DEFAULT]\nnodes = *\n[ip#1]\nipname@node1 = 10.0.0.1\nipname@node2 = 10.0.0.2\nexpose = expose#0\n\
        [expose#0]\ntype = envoy\nport = 80\nlistener_port = 80\n";
    let status = |of: &str, path: &str| {
        let dataset = node.dataset();
        let ip = &dataset["monitor"]["nodes"][of]["services"]["status"][path]["resources"]["ip#1"];
        (ip["status"].clone(), ip["info"]["ipaddr"].clone())
    };
    node.deploy("one", config).unwrap();
    assert_eq!(status("node1", "one"), (json!("up"), json!("10.0.0.1")));
    assert_eq!(status("node2", "one"), (json!("down"), json!("10.0.0.2")));
    node.stop_on("one", "node1");
    node.start_on("one", "node2");
    assert_eq!(status("node1", "one").0, "down");
    assert_eq!(status("node2", "one").0, "up");

    let flex = config.replace("nodes = *", "nodes = *\ntopology = flex");
    node.deploy("both", &flex).unwrap();
    assert_eq!(status("node1", "both").0, "up");
    assert_eq!(status("node2", "both").0, "up");
}

#[tokio::test]
async fn the_agent_takes_the_examples_as_they_are() {
    let fixture = Fixture::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut found = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "conf")
        {
            let name = path.file_stem().unwrap().to_str().unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            let said = fixture.node.create(name, &text).unwrap();
            let ignored = said.lines().filter(|line| line.starts_with("W "));
            // The gateway knows this keyword, the agent's stock driver does not.
            assert!(
                ignored
                    .into_iter()
                    .all(|line| line.contains("route_use_websocket")),
                "{said}"
            );
            found += 1;
        }
    }
    assert!(found >= 2, "only {found} examples");
}
