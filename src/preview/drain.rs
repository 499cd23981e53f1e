//! Which connections would end when Envoy gets another listener.
//!
//! What Envoy 1.40 does, as tried: a listener of which only filter chains differ is updated in place,
//! and the connections of every chain that is the same go on. Any other difference replaces the
//! listener, and all of its connections drain. Routes, clusters and endpoints end no connection of a
//! client. A draining connection may live for `--drain-time-s` (600 by default); HTTP/1 is asked to
//! close, HTTP/2 is told to go away.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::difference::shown;
use crate::envoy::ResourceType;
use crate::snapshot::{Change, Snapshot};

/// Connections that would drain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drain {
    /// The listener that accepted them.
    pub listener: String,
    /// Which of them.
    #[serde(flatten)]
    pub extent: Extent,
    /// Why.
    pub why: String,
}

/// Which of a listener's connections drain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "extent", rename_all = "snake_case")]
pub enum Extent {
    /// All, and the socket is closed.
    Closed,
    /// All; new connections are taken at once.
    All,
    /// Those that a filter chain took.
    Chain {
        /// The chain: an expose's name, or `http` where plain HTTP exposes share it.
        chain: String,
    },
}

/// Every drain between two snapshots, by listener.
pub fn drains(old: &Snapshot, new: &Snapshot) -> Vec<Drain> {
    let kind = ResourceType::Listener;
    let mut drains = Vec::new();
    for change in new.changes(old, kind) {
        match change {
            Change::Removed(name) => drains.push(Drain {
                listener: name.to_string(),
                extent: Extent::Closed,
                why: "the listener is removed".into(),
            }),
            Change::Put(resource) => {
                if let Some(before) = old.get(kind, &resource.name) {
                    let (before, after) = (shown(before), shown(resource));
                    drains.extend(of_listener(&resource.name, &before, &after));
                }
            }
        }
    }
    drains
}

fn of_listener(name: &str, before: &Value, after: &Value) -> Vec<Drain> {
    let drain = |extent, why: String| Drain {
        listener: name.to_owned(),
        extent,
        why,
    };
    if let Some(field) = outside_of_chains(before, after) {
        let why = format!("{field} of the listener differs");
        return vec![drain(Extent::All, why)];
    }
    let (before, after) = (chains(before), chains(after));
    let ended = before.iter().filter_map(|(chain, old)| {
        let why = match after.get(chain) {
            Some(new) if new == old => return None,
            Some(_) => "its filter chain differs",
            None => "its filter chain is removed",
        };
        let chain = (*chain).to_owned();
        Some(drain(Extent::Chain { chain }, why.into()))
    });
    ended.collect()
}

/// A field other than the filter chains that differs.
fn outside_of_chains<'a>(before: &'a Value, after: &'a Value) -> Option<&'a str> {
    let names = [before, after].into_iter().filter_map(Value::as_object);
    let mut names = names.flat_map(|fields| fields.keys());
    names
        .find(|name| *name != "filter_chains" && before.get(name) != after.get(name))
        .map(String::as_str)
}

fn chains(listener: &Value) -> BTreeMap<&str, &Value> {
    let chains = listener.get("filter_chains").and_then(Value::as_array);
    let chains = chains.into_iter().flatten();
    let named = chains.map(|chain| {
        let name = chain.get("name").and_then(Value::as_str);
        (name.unwrap_or_default(), chain)
    });
    named.collect()
}
