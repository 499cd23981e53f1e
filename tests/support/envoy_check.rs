//! A snapshot, judged by a real Envoy without serving it: `envoy --mode validate`.

use std::path::Path;
use std::process::Command;

use igw_envoy::envoy::ResourceType;
use igw_envoy::envoy::bootstrap::RE2_MAX_PROGRAM_SIZE;
use igw_envoy::snapshot::Snapshot;
use serde_json::{Value, json};

use crate::integrity;

/// Asks Envoy whether it takes everything in a snapshot.
pub(crate) fn validate(envoy: &Path, snapshot: &Snapshot) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("envoy.json");
    std::fs::write(&file, bootstrap(snapshot, folder.path()).to_string()).unwrap();
    let output = Command::new(envoy)
        .args(["--mode", "validate", "--log-level", "error", "-c"])
        .arg(&file)
        .output()
        .map_err(|error| format!("{}: {error}", envoy.display()))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}

/// A bootstrap that holds the whole snapshot: what Envoy would fetch is put where it is named.
fn bootstrap(snapshot: &Snapshot, folder: &Path) -> Value {
    let all = |kind| -> Vec<Value> {
        let resources = snapshot.iter(kind);
        resources
            .map(|resource| settled(integrity::json(resource).unwrap(), snapshot, folder))
            .collect()
    };
    let assignments = all(ResourceType::Endpoints).into_iter().map(|assignment| {
        let name = format!("{} (endpoints)", assignment["cluster_name"]);
        json!({"name": name, "type": "STATIC", "load_assignment": assignment})
    });
    let mut clusters = all(ResourceType::Cluster);
    clusters.extend(assignments);
    clusters.push(json!({
        "name": "xds_cluster", "type": "STATIC",
        "load_assignment": {"cluster_name": "xds_cluster", "endpoints": [{"lb_endpoints": [
            {"endpoint": {"address": {"pipe": {"path": "/nowhere"}}}}
        ]}]},
    }));
    json!({
        "node": {"id": "golden", "cluster": "golden"},
        // Clusters keep their EDS configuration, which must be one that this source can answer.
        "dynamic_resources": {"ads_config": {
            "api_type": "DELTA_GRPC", "transport_api_version": "V3",
            "grpc_services": [{"envoy_grpc": {"cluster_name": "xds_cluster"}}],
        }},
        "layered_runtime": {"layers": [{"name": "igw", "static_layer": {
            "re2.max_program_size.error_level": RE2_MAX_PROGRAM_SIZE,
        }}]},
        "static_resources": {
            "clusters": clusters,
            "listeners": all(ResourceType::Listener),
            "secrets": all(ResourceType::Secret),
        },
    })
}

/// Puts route configurations in the place of their names, makes secrets static, and certificate
/// files be there.
fn settled(value: Value, snapshot: &Snapshot, folder: &Path) -> Value {
    match value {
        Value::Array(items) => items
            .into_iter()
            .map(|item| settled(item, snapshot, folder))
            .collect(),
        Value::Object(mut fields) => {
            if let Some(rds) = fields.remove("rds") {
                let name = rds["route_config_name"].as_str().unwrap();
                let routes = snapshot.get(ResourceType::Routes, name).unwrap();
                fields.insert("route_config".into(), integrity::json(routes).unwrap());
            }
            fields.remove("sds_config");
            if let Some(Value::String(path)) = fields.get_mut("filename") {
                *path = certificate_file(path, folder);
            }
            let fields = fields.into_iter();
            Value::Object(
                fields
                    .map(|(name, field)| (name, settled(field, snapshot, folder)))
                    .collect(),
            )
        }
        scalar => scalar,
    }
}

/// A file with the certificate or the key of `files.org`.
fn certificate_file(path: &str, folder: &Path) -> String {
    let identity = crate::pki::identity("files.org");
    let (name, text) = match path.ends_with(".key") {
        true => ("files.key", identity.key),
        false => ("files.crt", identity.chain),
    };
    let file = folder.join(name);
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}
