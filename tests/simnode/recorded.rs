//! What a real node said, and what is compared of it.

use std::collections::BTreeSet;
use std::path::Path;

use igw_envoy::simnode::SimNode;
use serde_json::{Map, Value, json};

use crate::stand::{Events, Fixture};

pub(crate) fn recording(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/recordings")
        .join(name);
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

pub(crate) fn recorded_changes(name: &str) -> Vec<Value> {
    recording(name)
        .iter()
        .filter(|message| message["kind"] == "patch")
        .flat_map(|message| message["data"].as_array().unwrap().clone())
        .collect()
}

/// The changes that concern one object, as texts, without what only the real node's monitor does.
pub(crate) fn told_about(object: &str, changes: &[Value]) -> BTreeSet<String> {
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
pub(crate) fn timeless(value: &Value) -> Value {
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
pub(crate) fn first_status(object: &str, changes: &[Value]) -> Value {
    let path = json!(["monitor", "nodes", "node1", "services", "status", object]);
    let change = changes.iter().find(|change| change[0] == path).unwrap();
    timeless(&change[1])
}

/// What one operation makes the node say about an object.
pub(crate) async fn said(
    fixture: &Fixture,
    events: &mut Events,
    object: &str,
    operation: impl FnOnce(&SimNode),
) -> BTreeSet<String> {
    operation(&fixture.node);
    told_about(object, &events.changes(&fixture.node).await)
}
