//! A list that somebody replaces arrives item by item: the daemon tells each that differs by its index.

use serde_json::{Value, json};

use super::{apply, changed, replica};
use crate::daemon::Update;
use crate::daemon::v2::message::{Message, message};

const ITEMS: usize = 20_000;

fn cluster(list: &[usize]) -> Value {
    let info = json!({"expose": ["expose#0"], "cluster_data": {"list": list}});
    let resources = json!({"expose#0": {"status": "n/a", "type": "expose.envoy", "info": info}});
    json!({"monitor": {"nodes": {"n1": {
        "monitor": {"status": "idle"},
        "services": {"status": {"a": {"avail": "up", "resources": resources}}},
    }}}})
}

fn at(index: usize) -> Value {
    let path = json!([
        "monitor",
        "nodes",
        "n1",
        "services",
        "status",
        "a",
        "resources",
        "expose#0"
    ]);
    let mut path = path.as_array().unwrap().clone();
    path.extend(["info", "cluster_data", "list"].map(Value::from));
    path.push(index.into());
    Value::Array(path)
}

#[test]
fn what_it_comes_to_is_the_new_list() {
    let old: Vec<usize> = (0..ITEMS).collect();
    let mut new: Vec<usize> = (1..=ITEMS).collect();
    new.truncate(ITEMS - 1);
    let mut replica = replica(&cluster(&old));
    let set = new.iter().enumerate().map(|(i, item)| json!([at(i), item]));
    let removed = [json!([at(ITEMS - 1)])];
    let entries: Vec<Value> = set.chain(removed).collect();
    assert!(apply(&mut replica, &Value::Array(entries)));
    assert_eq!(changed(&mut replica), ["a"]);
    let Update::Reset { services, .. } = replica.reset() else {
        panic!("no whole state");
    };
    let state = services.values().next().unwrap();
    let info = &state.instances["n1"].resources["expose#0"].info;
    assert_eq!(info.get("cluster_data"), Some(json!({"list": new})));
}

/// Each edit alone would read and write the whole list: as many times its size as it has items.
#[test]
fn all_of_it_is_one_change() {
    let entries: Vec<Value> = (0..3).map(|i| json!([at(i), i + 7])).collect();
    let patch = json!({"kind": "patch", "id": 1, "data": entries});
    let Message::Patch { mut changes, .. } = message(patch.to_string().as_bytes()) else {
        panic!("no patch");
    };
    changes.dedup_by(|next, last| last.takes_in(next));
    assert_eq!(changes.len(), 1);
}
