//! What of a daemon's words goes into a recording: what a gateway reads, without what is secret.

use serde_json::{Map, Value};

use crate::model::{ObjectKind, ObjectPath};
use crate::validate::keywords::certificate::PRIVATE_KEY_INLINE_STRING;

/// What is written in place of a secret.
const REDACTED: &str = "[redacted]";

/// Names of keywords and of Envoy's fields whose values may be secret.
const SECRET: [&str; 9] = [
    "private_key",
    PRIVATE_KEY_INLINE_STRING.name,
    "inline_string",
    "inline_bytes",
    "password",
    "token",
    "secret",
    "keys",
    "credential",
];

/// Whether a part of the dataset is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    /// Nothing of it.
    Nothing,
    /// Some of what it contains.
    Parts,
    /// All of it, but for what is secret.
    All,
}

/// The state of a daemon as it is recorded.
pub fn status(status: &Value) -> Value {
    pruned(&mut Vec::new(), status).unwrap_or_else(|| Value::Object(Map::new()))
}

/// A message as it is recorded. A patch keeps its number even where none of its changes is kept, as
/// numbers must not have gaps; everything else is left out.
pub fn message(message: &Value) -> Option<Value> {
    if message.get("kind")?.as_str()? != "patch" {
        return None;
    }
    let mut kept = message.as_object()?.clone();
    kept.retain(|name, _| matches!(name.as_str(), "kind" | "id" | "ts"));
    let changes = message.get("data").and_then(Value::as_array);
    let changes = changes.into_iter().flatten().filter_map(change);
    kept.insert("data".into(), changes.collect());
    Some(Value::Object(kept))
}

fn change(change: &Value) -> Option<Value> {
    let path = change.get(0)?.as_array()?;
    let words: Vec<&str> = path
        .iter()
        .map(|step| step.as_str().unwrap_or("0"))
        .collect();
    match change.get(1) {
        Some(value) => {
            let mut place = words;
            let value = pruned(&mut place, value)?;
            Some(Value::Array(vec![path.clone().into(), value]))
        }
        None if keep(&words) == Keep::Nothing => None,
        None => Some(change.clone()),
    }
}

/// What is kept of a value at a place.
fn pruned<'a>(place: &mut Vec<&'a str>, value: &'a Value) -> Option<Value> {
    match keep(place) {
        Keep::Nothing => None,
        Keep::All => Some(redacted(place.last().copied().unwrap_or_default(), value)),
        Keep::Parts => {
            // Something else than an object has no parts, and is kept to show that.
            let Some(members) = value.as_object() else {
                return Some(if value.is_array() {
                    Value::Array(Vec::new())
                } else {
                    Value::Null
                });
            };
            let mut kept = Map::new();
            for (name, member) in members {
                place.push(name);
                if let Some(member) = pruned(place, member) {
                    kept.insert(name.clone(), member);
                }
                place.pop();
            }
            Some(Value::Object(kept))
        }
    }
}

fn keep(place: &[&str]) -> Keep {
    let ["monitor", rest @ ..] = place else {
        return if place.is_empty() {
            Keep::Parts
        } else {
            Keep::Nothing
        };
    };
    match rest {
        [] | ["nodes"] | ["nodes", _] => Keep::Parts,
        ["nodes", _, "monitor"] => Keep::Parts,
        ["nodes", _, "monitor", "status", ..] => Keep::All,
        ["nodes", _, "services"] => Keep::Parts,
        ["nodes", _, "services", "status" | "config"] => Keep::Parts,
        ["nodes", _, "services", "config", object, ..] if is(object, ObjectKind::Sec) => Keep::All,
        ["nodes", _, "services", "status", object, inner @ ..] if is(object, ObjectKind::Svc) => {
            of_service(inner)
        }
        _ => Keep::Nothing,
    }
}

fn of_service(place: &[&str]) -> Keep {
    match place {
        [] | ["resources"] => Keep::Parts,
        ["avail" | "scaler_slave" | "scaler_slaves" | "kind", ..] => Keep::All,
        ["resources", rid, inner @ ..] if is_read(rid) => match inner {
            [] => Keep::Parts,
            ["status" | "type" | "disable" | "info", ..] => Keep::All,
            _ => Keep::Nothing,
        },
        _ => Keep::Nothing,
    }
}

/// Whether a resource is of a group that gateways read.
fn is_read(rid: &str) -> bool {
    let group = rid.split('#').next().unwrap_or_default();
    let groups = [
        "ip",
        "expose",
        "vhost",
        "route",
        "hashpolicy",
        "certificate",
    ];
    groups.contains(&group)
}

fn is(object: &str, kind: ObjectKind) -> bool {
    let path: Result<ObjectPath, _> = object.parse();
    path.is_ok_and(|path| path.kind() == kind)
}

/// A value without what is secret in it; `name` is what it is called.
fn redacted(name: &str, value: &Value) -> Value {
    let is_secret = SECRET.contains(&name);
    match value {
        Value::String(text) if is_secret || may_hold_a_secret(text) => REDACTED.into(),
        Value::Array(items) => items.iter().map(|item| redacted(name, item)).collect(),
        Value::Object(members) => {
            let members = members.iter();
            members
                .map(|(name, member)| (name.clone(), redacted(name, member)))
                .collect()
        }
        other => other.clone(),
    }
}

/// Whether a text holds a key, or is JSON with a member that may be secret.
fn may_hold_a_secret(text: &str) -> bool {
    let member = |name: &str| text.contains(&format!("\"{name}\""));
    text.contains("PRIVATE KEY")
        || text.trim_start().starts_with('{') && SECRET.iter().any(|name| member(name))
}
