//! A daemon that starts reports its services one by one. Recorded on a restart of a node with two
//! objects: for 1.2 s the phase is `init`, all configurations are there and no status is; then the
//! statuses come one after the other, and then the phase is `idle`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{apply, changed, replica};
use crate::daemon::Update;
use crate::daemon::v2::message::status;
use crate::daemon::v2::path::Scope;
use crate::daemon::v2::replica::Replica;
use crate::model::ObjectPath;

fn node(phase: &str, services: &[&str]) -> Value {
    let services = services
        .iter()
        .map(|service| (service.to_string(), json!({"avail": "up"})));
    json!({
        "monitor": {"status": phase},
        "services": {
            "status": services.collect::<serde_json::Map<_, _>>(),
            "config": {"sec/c": {"csum": "1"}},
        },
    })
}

fn cluster(nodes: Value) -> Value {
    json!({"monitor": {"nodes": nodes}})
}

fn refresh(replica: &mut Replica, dataset: &Value) -> Vec<String> {
    let tables = status(dataset.to_string().as_bytes(), &replica.known()).unwrap();
    replica.replace(&Scope::Root, tables);
    changed(replica)
}

/// `service@node` of every instance, and the secrets.
fn known(replica: &mut Replica) -> Vec<String> {
    let Update::Reset { services, secrets } = replica.reset() else {
        panic!("no whole state");
    };
    let instances = services
        .iter()
        .flat_map(|(path, state)| state.instances.keys().map(move |n| format!("{path}@{n}")));
    instances
        .chain(secrets.keys().map(ToString::to_string))
        .collect()
}

const NOTHING: Vec<String> = Vec::new();

#[test]
fn a_restarted_daemon_takes_nothing_away_before_it_knows() {
    let mut replica = replica(&cluster(json!({"n1": node("idle", &["a", "b"])})));
    let all = known(&mut replica);
    assert_eq!(
        refresh(&mut replica, &cluster(json!({"n1": node("init", &[])}))),
        NOTHING
    );
    assert_eq!(
        refresh(&mut replica, &cluster(json!({"n1": node("init", &["a"])}))),
        NOTHING
    );
    assert_eq!(known(&mut replica), all);
    let ready = cluster(json!({"n1": node("idle", &["a"])}));
    assert_eq!(refresh(&mut replica, &ready), ["b"]);
    assert_eq!(known(&mut replica), ["a@n1", "sec/c"]);
}

#[test]
fn the_phase_may_change_by_a_patch() {
    let mut replica = replica(&cluster(json!({"n1": node("idle", &["a", "b"])})));
    refresh(&mut replica, &cluster(json!({"n1": node("init", &[])})));
    let status = |name: &str| json!(["monitor", "nodes", "n1", "services", "status", name]);
    assert!(apply(
        &mut replica,
        &json!([[status("a"), {"avail": "down"}]])
    ));
    assert_eq!(changed(&mut replica), ["a"]);
    let phase = json!(["monitor", "nodes", "n1", "monitor", "status"]);
    assert!(apply(&mut replica, &json!([[phase, "rejoin"]])));
    assert_eq!(changed(&mut replica), ["b"]);
    assert_eq!(known(&mut replica), ["a@n1", "sec/c"]);
}

#[test]
fn a_restarted_daemon_has_not_heard_of_its_peers() {
    let full = json!({"n1": node("idle", &["a"]), "n2": node("idle", &["a"])});
    let mut replica = replica(&cluster(full));
    for peer in [json!({}), Value::Null, json!({"monitor": null})] {
        let nodes = json!({"n1": node("rejoin", &["a"]), "n2": peer});
        assert_eq!(refresh(&mut replica, &cluster(nodes)), NOTHING);
    }
    // It waited long enough: the peer is down.
    let nodes = json!({"n1": node("idle", &["a"]), "n2": {}});
    assert_eq!(refresh(&mut replica, &cluster(nodes)), ["a"]);
    assert_eq!(known(&mut replica), ["a@n1", "sec/c"]);
}

#[test]
fn a_dataset_without_any_node_takes_nothing_away() {
    let mut replica = replica(&cluster(json!({"n1": node("idle", &["a"])})));
    for dataset in [
        cluster(json!({})),
        cluster(Value::Null),
        json!({"monitor": {}}),
    ] {
        assert_eq!(refresh(&mut replica, &dataset), NOTHING);
    }
    assert_eq!(known(&mut replica), ["a@n1", "sec/c"]);
}

#[test]
fn a_node_that_leaves_takes_its_instances_along() {
    let full = json!({"n1": node("idle", &["a"]), "n2": node("idle", &["a", "b"])});
    let mut replica = replica(&cluster(full));
    assert!(apply(&mut replica, &json!([[["monitor", "nodes", "n2"]]])));
    assert_eq!(changed(&mut replica), ["a", "b"]);
    assert_eq!(known(&mut replica), ["a@n1", "sec/c"]);
}

#[test]
fn a_peer_joins_with_nothing_and_then_all_at_once() {
    let mut replica = replica(&cluster(json!({"n1": node("idle", &["a"])})));
    let n2 = json!(["monitor", "nodes", "n2"]);
    for nothing in [
        json!({}),
        Value::Null,
        json!({"monitor": {"status": "init"}}),
    ] {
        assert!(apply(&mut replica, &json!([[n2, nothing]])));
        assert_eq!(changed(&mut replica), NOTHING);
    }
    assert!(apply(&mut replica, &json!([[n2, node("idle", &["a"])]])));
    assert_eq!(known(&mut replica), ["a@n1", "a@n2", "sec/c"]);
}

#[test]
fn a_state_that_is_read_again_is_not_held_twice() {
    let dataset = cluster(json!({"n1": node("idle", &["a", "b"])}));
    let mut replica = replica(&dataset);
    let dataset = cluster(json!({"n1": node("idle", &["a", "c"])}));
    let text = dataset.to_string();
    let tables = |replica: &Replica| status(text.as_bytes(), &replica.known()).unwrap();
    let instances: BTreeMap<_, _> = tables(&replica).take_instances().into_iter().collect();
    let read = |service: &str| instances[&service.parse::<ObjectPath>().unwrap()]["n1"].clone();
    let kept = replica
        .known()
        .services
        .get(&"a".parse::<ObjectPath>().unwrap())
        .unwrap()
        .instances["n1"]
        .clone();
    assert!(std::sync::Arc::ptr_eq(&read("a"), &kept));
    assert!(!std::sync::Arc::ptr_eq(&read("c"), &kept));
    let tables = tables(&replica);
    replica.replace(&Scope::Root, tables);
    assert_eq!(changed(&mut replica), ["b", "c"]);
}

#[test]
fn the_texts_of_services_that_are_gone_are_let_go() {
    let all = ["a", "b", "c", "d", "e"];
    let mut replica = replica(&cluster(json!({"n1": node("idle", &all)})));
    let is_known = |replica: &Replica| !replica.known().texts.is_empty();
    let status = |name: &str| json!(["monitor", "nodes", "n1", "services", "status", name]);
    for (name, stays) in [("a", true), ("b", true), ("c", true), ("d", false)] {
        assert!(apply(&mut replica, &json!([[status(name)]])));
        assert_eq!(changed(&mut replica), [name]);
        assert_eq!(is_known(&replica), stays, "without {name}");
    }
    // They are known again by the next whole state.
    assert_eq!(
        refresh(&mut replica, &cluster(json!({"n1": node("idle", &["e"])}))),
        NOTHING
    );
    assert!(is_known(&replica));
}

/// A node that lists services, of which some have a status. The daemon calls itself started once every
/// status is written to disk; on a busy node it was told the last of them two seconds later.
fn listing(phase: &str, listed: Value, services: &[&str]) -> Value {
    let mut node = node(phase, services);
    let secret = node["services"]["config"]["sec/c"].take();
    node["services"]["config"] = listed;
    node["services"]["config"]["sec/c"] = secret;
    node
}

#[test]
fn a_listed_service_is_not_gone_while_its_status_is_on_its_way() {
    let mut replica = replica(&cluster(json!({"n1": node("idle", &["a", "b"])})));
    let all = known(&mut replica);
    let both = json!({"a": {"scope": ["n1"]}, "b": {"scope": ["n2", "n1"]}});
    // Whether the daemon is first seen before it has started, or after.
    for phase in ["init", "rejoin", "idle"] {
        let started = cluster(json!({"n1": listing(phase, both.clone(), &["a"])}));
        assert_eq!(refresh(&mut replica, &started), NOTHING, "{phase}");
    }
    let told = cluster(json!({"n1": listing("idle", both, &["a", "b"])}));
    assert_eq!(refresh(&mut replica, &told), NOTHING);
    assert_eq!(known(&mut replica), all);
    let elsewhere = json!({"a": {"scope": ["n1"]}, "b": {"scope": ["n2"]}});
    let moved = cluster(json!({"n1": listing("idle", elsewhere, &["a"])}));
    assert_eq!(refresh(&mut replica, &moved), ["b"]);
}

#[test]
fn a_status_on_its_way_is_waited_for_by_patches_too() {
    let mut replica = replica(&cluster(json!({"n1": node("idle", &["a", "b", "c"])})));
    let at = |part: &str, name: &str| json!(["monitor", "nodes", "n1", "services", part, name]);
    let phase = json!(["monitor", "nodes", "n1", "monitor", "status"]);
    for patch in [
        json!([[["monitor", "nodes", "n1"], listing("init", json!({}), &[])]]),
        json!([
            [at("config", "a"), {"scope": ["n1"], "csum": "1"}],
            [at("config", "b"), {"scope": ["n1"], "csum": "1"}],
        ]),
    ] {
        assert!(apply(&mut replica, &patch));
        assert_eq!(changed(&mut replica), NOTHING, "{patch}");
    }
    assert!(apply(&mut replica, &json!([[phase, "rejoin"]])));
    assert_eq!(changed(&mut replica), ["c"], "nothing lists it");
    let status = json!([[at("status", "a"), {"avail": "down"}]]);
    assert!(apply(&mut replica, &status));
    assert_eq!(changed(&mut replica), ["a"]);
    assert!(apply(&mut replica, &json!([[at("config", "b")]])));
    assert_eq!(changed(&mut replica), ["b"], "it was deleted meanwhile");
    // As ever: what had its status is gone with it.
    assert!(apply(&mut replica, &json!([[at("status", "a")]])));
    assert_eq!(changed(&mut replica), ["a"]);
    assert_eq!(known(&mut replica), ["sec/c"]);
}

/// What a service may run on is not kept, so that the whole state is read for what became of the wait.
#[test]
fn a_status_is_not_waited_for_where_the_service_cannot_run_any_more() {
    let scope = |nodes: Value| json!({"a": {"scope": nodes}, "b": {"scope": ["n1"]}});
    let of = |service: &str| {
        json!([
            "monitor", "nodes", "n1", "services", "config", service, "scope"
        ])
    };
    let mut first = of("a");
    first.as_array_mut().unwrap().push(json!(0));
    for patch in [json!([[of("a"), ["n2"]]]), json!([[first, "n2"]])] {
        let mut replica = replica(&cluster(json!({"n1": node("idle", &["a", "b"])})));
        let waits = cluster(json!({"n1": listing("idle", scope(json!(["n1"])), &["b"])}));
        assert_eq!(refresh(&mut replica, &waits), NOTHING);
        assert!(!apply(&mut replica, &patch), "{patch}");
        let gone = cluster(json!({"n1": listing("idle", scope(json!(["n2"])), &["b"])}));
        assert_eq!(refresh(&mut replica, &gone), ["a"]);
        // Nobody waits for it now, nor for the other.
        assert!(apply(&mut replica, &patch));
        assert!(apply(&mut replica, &json!([[of("b"), []]])));
    }
}

#[test]
fn a_node_that_leaves_takes_along_what_it_listed() {
    let listed = json!({"a": {"scope": ["n1", "n2"]}});
    let full = json!({"n1": node("idle", &["a"]), "n2": listing("idle", listed.clone(), &["a"])});
    let mut replica = replica(&cluster(full));
    let on_its_way = json!([[["monitor", "nodes", "n2"], listing("rejoin", listed, &[])]]);
    assert!(apply(&mut replica, &on_its_way));
    assert_eq!(changed(&mut replica), NOTHING);
    assert!(apply(&mut replica, &json!([[["monitor", "nodes", "n2"]]])));
    assert_eq!(changed(&mut replica), ["a"]);
    assert_eq!(known(&mut replica), ["a@n1", "sec/c"]);
}
