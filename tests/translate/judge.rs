//! A real Envoy as the judge of translations.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::Command;

use igw_envoy::envoy::Resource;
use igw_envoy::model::{Expose, Socket};
use igw_envoy::translate::{Attachment, Endpoint, listener, load_assignment, route_configuration};
use serde_json::{Map, Value, json};

use crate::shown::{shown, translated};

/// What Envoy would have of some exposes, all in one bootstrap: listeners as they are, but for
/// what they would ask the control plane for, which is put in place.
pub(crate) fn bootstrap(exposes: &[Expose], secrets: Vec<Resource>) -> Value {
    let mut secrets = secrets;
    let mut clusters = Vec::new();
    let mut sockets: BTreeMap<Socket, Vec<Attachment>> = BTreeMap::new();
    for expose in exposes {
        let translation = translated(expose);
        clusters.push(static_cluster(shown(&translation.cluster)));
        secrets.extend(translation.secrets);
        let attachment = translation.attachment.expect("a listener port");
        sockets
            .entry(attachment.socket)
            .or_default()
            .push(attachment);
    }
    let mut routes = Map::new();
    let mut listeners = Vec::new();
    for (socket, attachments) in &sockets {
        let attachments: Vec<&Attachment> = attachments.iter().collect();
        let shared = route_configuration(*socket, &attachments);
        let own = attachments.iter().filter_map(|a| a.own_routes());
        for resource in own.chain(shared.as_ref()) {
            routes.insert(resource.name.to_string(), shown(resource));
        }
        listeners.push(shown(&listener(*socket, &attachments)));
    }
    secrets.sort_by(|a, b| a.name.cmp(&b.name));
    secrets.dedup();
    let mut resources = json!({
        "listeners": listeners,
        "clusters": clusters,
        "secrets": secrets.iter().map(shown).collect::<Vec<_>>(),
    });
    put_in_place(&mut resources, &routes);
    json!({"node": {"id": "test", "cluster": "test"}, "static_resources": resources})
}

/// A cluster with its endpoints in it.
fn static_cluster(mut cluster: Value) -> Value {
    let endpoints = ["127.0.0.1", "::1"].map(|addr| Endpoint {
        locality: None,
        addr: addr.parse().unwrap(),
        port: 80,
    });
    let name = cluster["name"].as_str().unwrap().to_owned();
    let fields = cluster.as_object_mut().unwrap();
    if fields.remove("eds_cluster_config").is_some() {
        fields.insert("type".into(), "STATIC".into());
        let assignment = shown(&load_assignment(&*name, &endpoints));
        fields.insert("load_assignment".into(), assignment);
    }
    cluster
}

/// Replaces RDS by the route configuration, and SDS by the name of a secret of the bootstrap.
fn put_in_place(value: &mut Value, routes: &Map<String, Value>) {
    match value {
        Value::Object(fields) => {
            fields.remove("sds_config");
            if let Some(rds) = fields.remove("rds") {
                let name = rds["route_config_name"].as_str().unwrap();
                fields.insert("route_config".into(), routes[name].clone());
            }
            fields
                .values_mut()
                .for_each(|value| put_in_place(value, routes));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| put_in_place(item, routes)),
        _ => {}
    }
}

/// The Envoy to ask; none skips a test, loudly.
pub(crate) fn envoy() -> Option<OsString> {
    let envoy = std::env::var_os("ENVOY_BIN");
    if envoy.is_none() {
        let required = std::env::var_os("REQUIRE_ALL").is_some_and(|value| value == "1");
        assert!(!required, "REQUIRE_ALL=1 needs ENVOY_BIN");
        eprintln!("SKIPPED: ENVOY_BIN names no Envoy to validate with");
    }
    envoy
}

/// Lets Envoy judge a bootstrap; `Err` is what it says.
pub(crate) fn judge(bootstrap: &Value) -> Option<Result<(), String>> {
    let envoy = envoy()?;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bootstrap.json");
    std::fs::write(&file, serde_json::to_vec_pretty(bootstrap).unwrap()).unwrap();
    let output = Command::new(envoy)
        .args(["--mode", "validate", "--log-level", "error", "-c"])
        .arg(&file)
        .output()
        .expect("ENVOY_BIN runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Some(output.status.success().then_some(()).ok_or(said))
}

pub(crate) fn accepted(exposes: &[Expose], secrets: Vec<Resource>) {
    let bootstrap = bootstrap(exposes, secrets);
    if let Some(Err(why)) = judge(&bootstrap) {
        panic!("{why}\n{bootstrap:#}");
    }
}
