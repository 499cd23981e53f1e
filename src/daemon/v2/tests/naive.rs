//! The plain way: the whole dataset as a JSON tree, patched literally, and what is watched picked
//! out of it afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::daemon::{Availability, Instance, ResourceState, ResourceStatus, ServiceState, Update};
use crate::model::{ObjectKind, ObjectPath};

/// A change that cannot be made.
#[derive(Debug)]
pub(super) struct Impossible;

/// Sets or deletes one value, as Python would.
pub(super) fn patch(dataset: &mut Value, entry: &Value) -> Result<(), Impossible> {
    let path = entry[0].as_array().ok_or(Impossible)?;
    let value = entry.get(1);
    let Some((last, parents)) = path.split_last() else {
        *dataset = value.cloned().unwrap_or(Value::Null);
        return Ok(());
    };
    let mut parent = Some(dataset);
    for step in parents {
        parent = parent.and_then(|parent| match (parent, step) {
            (Value::Object(members), Value::String(key)) => members.get_mut(key),
            (Value::Array(list), Value::Number(n)) => list.get_mut(n.as_u64()? as usize),
            _ => None,
        });
    }
    match (parent, last, value) {
        (Some(Value::Object(members)), Value::String(key), Some(value)) => {
            members.insert(key.clone(), value.clone());
        }
        (Some(Value::Object(members)), Value::String(key), None) => {
            members.remove(key);
        }
        (Some(Value::Array(list)), Value::Number(n), value) => {
            let index = n.as_u64().ok_or(Impossible)? as usize;
            match value {
                Some(value) if index < list.len() => list[index] = value.clone(),
                Some(value) if index == list.len() => list.push(value.clone()),
                Some(_) => return Err(Impossible),
                None if index < list.len() => drop(list.remove(index)),
                None => {}
            }
        }
        (_, _, Some(_)) => return Err(Impossible),
        (_, _, None) => {}
    }
    Ok(())
}

/// What is watched, as the update that a replica gives.
pub(super) fn project(dataset: &Value) -> Update {
    let mut services: BTreeMap<ObjectPath, ServiceState> = BTreeMap::new();
    let mut secrets: BTreeMap<ObjectPath, BTreeSet<String>> = BTreeMap::new();
    for (node, data) in members(&dataset["monitor"]["nodes"]) {
        for (path, status) in members(&data["services"]["status"]) {
            let Ok(path) = path.parse::<ObjectPath>() else {
                continue;
            };
            let is_service = path.kind() == ObjectKind::Svc && path.to_string() != "cluster";
            if is_service && status.is_object() {
                let state = services.entry(path).or_default();
                state
                    .instances
                    .insert(node.clone(), Arc::new(instance(status)));
            }
        }
        for (path, config) in members(&data["services"]["config"]) {
            let Ok(path) = path.parse::<ObjectPath>() else {
                continue;
            };
            if path.kind() == ObjectKind::Sec && config.is_object() {
                let checksum = config["csum"].as_str().unwrap_or_default();
                secrets.entry(path).or_default().insert(checksum.into());
            }
        }
    }
    let text = |set: BTreeSet<String>| set.into_iter().collect::<Vec<_>>().join(",");
    Update::Reset {
        services: services
            .into_iter()
            .map(|(path, state)| (path, Arc::new(state)))
            .collect(),
        secrets: secrets
            .into_iter()
            .map(|(path, set)| (path, text(set)))
            .collect(),
    }
}

fn instance(status: &Value) -> Instance {
    Instance {
        avail: match status["avail"].as_str() {
            Some("up" | "warn" | "n/a") => Availability::Serving,
            _ => Availability::NotServing,
        },
        scaler_slave: status["scaler_slave"] == Value::Bool(true),
        resources: members(&status["resources"])
            .filter(|(name, resource)| {
                let groups = [
                    "ip",
                    "expose",
                    "vhost",
                    "route",
                    "hashpolicy",
                    "certificate",
                ];
                resource.is_object() && groups.contains(&name.split('#').next().unwrap())
            })
            .map(|(name, data)| (name.clone(), resource(data)))
            .collect(),
    }
}

fn resource(data: &Value) -> ResourceState {
    let info = match without_nulls(&data["info"]) {
        Value::Object(info) => info,
        _ => Map::new(),
    };
    ResourceState {
        driver: data["type"].as_str().unwrap_or_default().into(),
        status: match data["status"].as_str() {
            Some("up") => ResourceStatus::Up,
            Some("stdby up") => ResourceStatus::StandbyUp,
            _ => ResourceStatus::NotUp,
        },
        disabled: data["disable"] == Value::Bool(true),
        info: info.into(),
    }
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key.clone(), without_nulls(value)))
            .collect(),
        Value::Array(list) => list.iter().map(without_nulls).collect(),
        plain => plain.clone(),
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// Compares two whole states.
pub(super) fn assert_same(known: &Update, expected: &Update, when: &str) {
    let (
        Update::Reset { services, secrets },
        Update::Reset {
            services: expected_services,
            secrets: expected_secrets,
        },
    ) = (known, expected)
    else {
        panic!("not whole states");
    };
    assert_eq!(services, expected_services, "{when}");
    assert_eq!(secrets, expected_secrets, "{when}");
}
