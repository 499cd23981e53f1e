//! What happens on a node: restarts, faults, addresses that come and go.

use std::path::Path;

use igw_envoy::simnode::{Fault, Settings, SimNode};
use serde_json::{Value, json};
use tokio::net::UnixStream;

use crate::stand::{Events, Fixture, WEB0};

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
