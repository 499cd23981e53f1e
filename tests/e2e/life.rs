//! What may happen to a gateway: mistakes, conflicts, and daemons and sidecars that come and go.

use igw_envoy::index::Serving;
use igw_envoy::simnode::{Fault, Workload};
use serde_json::Value;

use crate::backends::HTTP;
use crate::clients;
use crate::eventually;
use crate::gateway::Gateway;
use crate::load::Load;

pub(crate) async fn stories(gateway: &mut Gateway) {
    for (last, service) in [(2, "good"), (3, "other")] {
        let address = gateway.service_address(last);
        gateway.backends.start(service, address);
    }
    a_mistake_costs_its_own_expose_only(gateway).await;
    a_refused_change_leaves_what_was_served(gateway).await;
    the_incumbent_stays_until_it_leaves(gateway).await;
    a_port_is_chosen_once_and_stored(gateway).await;
    the_daemon_may_fail_in_every_way(gateway).await;
    the_sidecar_may_come_and_go(gateway).await;
    a_sidecar_without_a_daemon_takes_nothing_away(gateway).await;
    gateway.was_never_refused().await;
}

fn config(gateway: &Gateway, last: u8, expose: &str) -> String {
    let address = gateway.service_address(last);
    format!(
        "[ip#1]\nipname = {address}\nexpose = expose#0 expose#1\n\
         [expose#0]\ntype = envoy\n{expose}\n\
         [vhost#0]\ntype = envoy\ndomains = www.org\nroutes = route#0\n\
         [route#0]\ntype = envoy\nmatch_prefix = /\n"
    )
}

async fn a_mistake_costs_its_own_expose_only(gateway: &Gateway) {
    let expose = format!("port = {HTTP}\nlistener_port = 8000");
    let bad = "[expose#1]\ntype = envoy\nport = 80810\nlistener_port = 8001\n";
    gateway.deploy("good", &(config(gateway, 2, &expose) + bad));
    let request = gateway.get(8000, "good", "/");
    eventually("the good expose is served", || clients::http(&request)).await;
    gateway.thinks("good.expose#1", Serving::Refused).await;
    let findings = gateway.findings("good");
    assert!(
        findings
            .iter()
            .any(|f| f.starts_with("expose#1.port: ") && f.contains("80810")),
        "{findings:?}"
    );
    // Mended, it is served like any other.
    gateway
        .node
        .set("good", &[&format!("expose#1.port={HTTP}")])
        .unwrap();
    gateway.thinks("good.expose#1", Serving::Served).await;
    let mended = gateway.get(8001, "good", "/");
    eventually("the mended expose is served", || clients::http(&mended)).await;
}

async fn a_refused_change_leaves_what_was_served(gateway: &Gateway) {
    let expose = format!("port = {HTTP}\nlistener_port = 8080\nvhosts = vhost#0");
    gateway.deploy("other", &config(gateway, 3, &expose));
    let request = gateway.get(8080, "www.org", "/");
    eventually("other is served", || async {
        match clients::http(&request).await?.status {
            200 => Ok(()),
            status => Err(status.to_string()),
        }
    })
    .await;
    let load = Load::start(&request);
    let node = &gateway.node;
    node.set("other", &["route#0.match_prefix=no-slash"])
        .unwrap();
    gateway.thinks("other.expose#0", Serving::Kept).await;
    load.goes_on(20).await;
    node.set("other", &["route#0.match_prefix=/"]).unwrap();
    gateway.thinks("other.expose#0", Serving::Served).await;
    load.goes_on(20).await;
    load.ends_without_failure().await;
}

async fn the_incumbent_stays_until_it_leaves(gateway: &Gateway) {
    let node = &gateway.node;
    let asks = [
        "ip#1.expose+=expose#2",
        "expose#2.type=envoy",
        "expose#2.listener_port=8000",
    ];
    let port = format!("expose#2.port={HTTP}");
    node.set("other", &[&asks[..], &[&port]].concat()).unwrap();
    gateway.thinks("other.expose#2", Serving::Refused).await;
    let findings = gateway.findings("other");
    assert!(
        findings.iter().any(|f| f.contains("good.expose#0")),
        "{findings:?}"
    );
    let request = gateway.get(8000, "any", "/");
    assert_eq!(clients::http(&request).await.unwrap().instance(), "good");

    node.set("good", &["expose#0.listener_port=8002"]).unwrap();
    gateway.thinks("other.expose#2", Serving::Served).await;
    eventually("the port has changed hands", || async {
        match clients::http(&request).await?.instance() {
            "other" => Ok(()),
            who => Err(format!("{who} answers")),
        }
    })
    .await;
    let moved = gateway.get(8002, "any", "/");
    let answer = eventually("good has moved", || clients::http(&moved)).await;
    assert_eq!(answer.instance(), "good");
}

async fn a_port_is_chosen_once_and_stored(gateway: &mut Gateway) {
    let asks = [
        "ip#1.expose+=expose#3",
        "expose#3.type=envoy",
        "expose#3.listener_port=0",
    ];
    let port = format!("expose#3.port={HTTP}");
    gateway
        .node
        .set("good", &[&asks[..], &[&port]].concat())
        .unwrap();
    let served = gateway.thinks("good.expose#3", Serving::Served).await;
    let chosen = served.socket.unwrap().port;
    assert!((30000..=30099).contains(&chosen));
    let request = gateway.get(chosen, "any", "/");
    eventually("the chosen port answers", || clients::http(&request)).await;
    let pointer = "/monitor/nodes/node1/services/status/good/resources/expose#3/info/listener_port";
    eventually("the port is stored", || async {
        match gateway
            .node
            .dataset()
            .pointer(pointer)
            .and_then(Value::as_u64)
        {
            Some(stored) if stored == u64::from(chosen) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    let stored = |gateway: &Gateway| {
        let requests = gateway.node.requests();
        let sets = requests.iter().filter(|r| r["options"]["action"] == "set");
        sets.count()
    };
    let before = stored(gateway);
    assert_eq!(before, 1, "{:?}", gateway.node.requests());

    // Whoever comes after finds it in the configuration.
    gateway.stop_sidecar().await;
    gateway.start_sidecar().await;
    let served = gateway.thinks("good.expose#3", Serving::Served).await;
    assert_eq!(served.socket.unwrap().port, chosen);
    assert_eq!(stored(gateway), before);
}

async fn the_daemon_may_fail_in_every_way(gateway: &Gateway) {
    let node = &gateway.node;
    let load = Load::start(&gateway.get(8080, "www.org", "/"));
    let half = Fault::Raw("{\"kind\": \"patch\", \"id\": 1, \"data\": [[[\"monitor\"".into());
    let listener = |port: u16| format!("expose#0.listener_port={port}");
    for (n, fault) in [
        Fault::Gap,
        Fault::Garbage,
        Fault::UnknownKind,
        Fault::HalfMessage,
        Fault::EndOfStream,
        half,
    ]
    .iter()
    .enumerate()
    {
        node.inject(fault);
        let port = 8010 + n as u16;
        node.set("good", &[&listener(port)]).unwrap();
        let request = gateway.get(port, "any", "/");
        eventually(format!("{fault:?} is survived"), || clients::http(&request)).await;
        load.goes_on(4).await;
    }
    // What changes while the daemon is away is found when it is back.
    node.stop_daemon();
    node.set("good", &[&listener(8020)]).unwrap();
    load.goes_on(10).await;
    node.start_daemon().unwrap();
    let request = gateway.get(8020, "any", "/");
    eventually("the daemon is followed again", || clients::http(&request)).await;
    load.goes_on(10).await;
    load.ends_without_failure().await;
}

/// An upgrade of the sidecar: Envoy goes on, and connects again.
async fn the_sidecar_may_come_and_go(gateway: &mut Gateway) {
    let load = Load::start(&gateway.get(8080, "www.org", "/"));
    let before = listeners(gateway).await;
    gateway.stop_sidecar().await;
    eventually("Envoy notices", || async {
        match gateway.envoy.stat("control_plane.connected_state").await {
            0 => Ok(()),
            _ => Err("connected"),
        }
    })
    .await;
    load.goes_on(20).await;
    gateway.start_sidecar().await;
    gateway.is_connected().await;
    gateway
        .node
        .set("good", &["expose#0.listener_port=8030"])
        .unwrap();
    let request = gateway.get(8030, "any", "/");
    eventually("the new sidecar is heard", || clients::http(&request)).await;
    load.goes_on(20).await;
    load.ends_without_failure().await;
    let after = listeners(gateway).await;
    // The one that moved, and no other.
    assert_eq!(after, (before.0 + 1, before.1 + 1, before.2));
}

/// How many listeners Envoy added, removed and changed.
async fn listeners(gateway: &Gateway) -> (u64, u64, u64) {
    let stat = async |name: &str| {
        gateway
            .envoy
            .stat(&format!("listener_manager.{name}"))
            .await
    };
    (
        stat("listener_added").await,
        stat("listener_removed").await,
        stat("listener_modified").await,
    )
}

/// Until it knows everything, a sidecar says nothing: an Envoy would drop all that it serves.
async fn a_sidecar_without_a_daemon_takes_nothing_away(gateway: &mut Gateway) {
    let load = Load::start(&gateway.get(8080, "www.org", "/"));
    let before = listeners(gateway).await;
    gateway.node.stop_daemon();
    gateway.stop_sidecar().await;
    gateway.start_sidecar().await;
    gateway.is_connected().await;
    load.goes_on(20).await;
    gateway.node.start_daemon().unwrap();
    gateway.thinks("good.expose#0", Serving::Served).await;
    gateway
        .node
        .set("good", &["expose#0.listener_port=8040"])
        .unwrap();
    let request = gateway.get(8040, "any", "/");
    eventually("the daemon is heard", || clients::http(&request)).await;
    load.ends_without_failure().await;
    let after = listeners(gateway).await;
    assert_eq!(after, (before.0 + 1, before.1 + 1, before.2));
}
