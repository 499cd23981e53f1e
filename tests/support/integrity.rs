//! What Envoy would refuse in a snapshot, or wait for in vain.
//!
//! Read from the encoded resources alone, as Envoy does, so that it judges whoever made them.

use std::collections::{BTreeMap, BTreeSet};

use igw_envoy::envoy::{Resource, ResourceType, constraints, json};
use igw_envoy::snapshot::Snapshot;
use serde_json::Value;

type Name = (ResourceType, String);

/// Everything that is wrong with a snapshot, one line each.
pub(crate) fn problems(snapshot: &Snapshot) -> Vec<String> {
    let mut problems = Vec::new();
    let mut named = BTreeSet::new();
    for resource in ResourceType::ALL
        .into_iter()
        .flat_map(|kind| snapshot.iter(kind))
    {
        let place = format!("{:?} {}", resource.kind, resource.name);
        let mut say = |what: String| problems.push(format!("{place}: {what}"));
        let url = resource.kind.type_url();
        for violation in constraints::check_encoded(url, &resource.body)
            .err()
            .unwrap_or_default()
        {
            say(violation.to_string());
        }
        let Some(message) = json(resource) else {
            say("cannot be read".into());
            continue;
        };
        if name_of(resource.kind, &message) != Some(&*resource.name) {
            say("carries another name".into());
        }
        let found = references(resource.kind, &message);
        let declared: BTreeSet<Name> = resource
            .references
            .iter()
            .map(|reference| (reference.kind, reference.name.to_string()))
            .collect();
        if found != declared {
            say(format!("names {found:?} and declares {declared:?}"));
        }
        for (kind, name) in &found {
            if snapshot.get(*kind, name).is_none() {
                say(format!("names {kind:?} {name}, which is not there"));
            }
        }
        named.extend(found);
        match resource.kind {
            ResourceType::Listener => listener(&message, &mut say),
            ResourceType::Routes => routes(&message, &mut say),
            _ => {}
        }
    }
    // Secrets may be there before the listener that names them.
    for kind in [ResourceType::Endpoints, ResourceType::Routes] {
        for resource in snapshot.iter(kind) {
            if !named.contains(&(kind, resource.name.to_string())) {
                problems.push(format!("{kind:?} {}: nobody names it", resource.name));
            }
        }
    }
    problems.extend(addresses(snapshot));
    problems
}

/// A resource as JSON, private keys included.
pub(crate) fn json(resource: &Resource) -> Option<Value> {
    let url = resource.kind.type_url();
    json::print(url, &resource.body, json::Sensitive::Shown)
}

fn name_of(kind: ResourceType, message: &Value) -> Option<&str> {
    match kind {
        ResourceType::Endpoints => message["cluster_name"].as_str(),
        _ => message["name"].as_str(),
    }
}

/// The resources that a resource names.
fn references(kind: ResourceType, message: &Value) -> BTreeSet<Name> {
    let mut found = BTreeSet::new();
    if kind == ResourceType::Cluster && message["type"] == "EDS" {
        let name = message["name"].as_str().unwrap_or_default();
        found.insert((ResourceType::Endpoints, name.to_owned()));
    }
    walk(message, &mut |object| {
        let mut name = |kind, value: &Value| {
            found.extend(value.as_str().map(|name| (kind, name.to_owned())));
        };
        name(ResourceType::Cluster, &object["cluster"]);
        name(ResourceType::Routes, &object["route_config_name"]);
        if object["sds_config"].is_object() {
            name(ResourceType::Secret, &object["name"]);
        }
    });
    found
}

fn walk(value: &Value, visit: &mut impl FnMut(&Value)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        Value::Object(fields) => {
            visit(value);
            fields.values().for_each(|field| walk(field, visit));
        }
        _ => {}
    }
}

/// Chains of one listener must differ in their match and their name.
fn listener(message: &Value, say: &mut impl FnMut(String)) {
    let is_udp = message["address"]["socket_address"]["protocol"] == "UDP";
    let chains = message["filter_chains"].as_array().cloned();
    let chains = chains.unwrap_or_default();
    if is_udp != chains.is_empty() {
        say("filter chains are for TCP, and TCP needs one".into());
    }
    let mut seen = BTreeSet::new();
    for chain in &chains {
        let wanted = &chain["filter_chain_match"];
        let transport = wanted["transport_protocol"].as_str().unwrap_or("any");
        let names = match wanted["server_names"].as_array() {
            Some(names) => names.iter().filter_map(Value::as_str).collect(),
            None => vec!["*"],
        };
        let matches = names.iter().map(|name| format!("{transport} {name}"));
        for what in matches.chain([format!("chain {}", chain["name"])]) {
            if !seen.insert(what.to_lowercase()) {
                say(format!("two chains for '{what}'"));
            }
        }
    }
}

/// A domain may appear once in a route configuration, whatever its case.
fn routes(message: &Value, say: &mut impl FnMut(String)) {
    let mut seen = BTreeSet::new();
    let vhosts = message["virtual_hosts"].as_array().into_iter().flatten();
    let domains = vhosts.filter_map(|vhost| vhost["domains"].as_array());
    for domain in domains.flatten().filter_map(Value::as_str) {
        if !seen.insert(domain.to_lowercase()) {
            say(format!("two virtual hosts for '{domain}'"));
        }
    }
}

/// Two listeners must not bind one address.
fn addresses(snapshot: &Snapshot) -> Vec<String> {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    let mut problems = Vec::new();
    for resource in snapshot.iter(ResourceType::Listener) {
        let address = json(resource).map(|message| message["address"].to_string());
        let address = address.unwrap_or_default();
        if let Some(other) = seen.insert(address, resource.name.to_string()) {
            problems.push(format!("{} binds the address of {other}", resource.name));
        }
    }
    problems
}
