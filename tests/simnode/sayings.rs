//! The same commands as on a real node, held against what it said.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::recorded::{first_status, recorded_changes, recording, said, told_about};
use crate::stand::{Fixture, SCALER, WEB0, request};

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
