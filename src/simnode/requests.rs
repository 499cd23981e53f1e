//! The replies of the daemon, its errors included.

use std::sync::Mutex;

use serde_json::{Map, Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

use super::edit;
use super::lock;
use super::state::{State, Tell};
use crate::model::ObjectPath;

/// What a request gets.
pub(super) enum Reply {
    /// One message, then the end.
    Json(Value),
    /// Messages until one side ends.
    Stream(UnboundedReceiver<Tell>),
}

/// Answers one request.
pub(super) fn answer(state: &Mutex<State>, request: &Value) -> Reply {
    let mut state = lock(state);
    let action = request["action"].as_str().unwrap_or_default();
    let method = request["method"].as_str();
    let options = request["options"].as_object().cloned().unwrap_or_default();
    if !matches!(action, "daemon_status" | "events") {
        state.requests.push(request.clone());
    }
    let reply = match (method, action) {
        (None | Some("GET"), "daemon_status") => dataset(&state, &options),
        (None | Some("GET"), "events") if options.get("full") == Some(&json!(true)) => {
            error(500, "Object of type bytes is not JSON serializable")
        }
        (None | Some("GET"), "events") => return Reply::Stream(state.subscribe()),
        (None, "get_secret_key" | "get_key") | (Some("GET"), "key") => secret_key(&state, &options),
        (None, "get_service_config") => service_config(&state, &options),
        (None, "service_action") | (Some("POST"), "object_action") => {
            let reply = object_action(&mut state, &options);
            match request["node"].as_str() {
                // The reply of a relay names the nodes that were asked.
                Some(_) if reply["status"] == json!(0) => {
                    json!({"nodes": {state.local_node(): reply}, "status": 0})
                }
                _ => reply,
            }
        }
        (method, _) => error(
            501,
            &format!(
                "handler {} {action} is not supported",
                method.unwrap_or("None")
            ),
        ),
    };
    Reply::Json(reply)
}

fn error(status: u16, text: &str) -> Value {
    match status {
        500 => json!({"status": status, "error": text, "traceback": text}),
        _ => json!({"status": status, "error": text}),
    }
}

/// The three names of one option.
fn object_path(options: &Map<String, Value>) -> Option<&str> {
    ["path", "svcpath", "svcname"]
        .iter()
        .find_map(|name| options.get(*name)?.as_str())
}

fn dataset(state: &State, options: &Map<String, Value>) -> Value {
    let mut dataset = state.dataset().clone();
    let namespace = options.get("namespace").and_then(Value::as_str);
    let selector = options.get("selector").and_then(Value::as_str);
    let wanted = |path: &str| {
        let parsed: Option<ObjectPath> = path.parse().ok();
        let of = parsed.as_ref().and_then(ObjectPath::namespace);
        namespace.is_none_or(|namespace| namespace == of.unwrap_or("root"))
            && selector.is_none_or(|selector| selector == path || selector == "**")
    };
    let mut keep = |pointer: &str| {
        if let Some(Value::Object(table)) = dataset.pointer_mut(pointer) {
            table.retain(|path, _| wanted(path));
        }
    };
    keep("/monitor/services");
    let nodes = state.dataset()["monitor"]["nodes"].as_object();
    for node in nodes.into_iter().flat_map(Map::keys) {
        for table in ["status", "config"] {
            keep(&format!("/monitor/nodes/{node}/services/{table}"));
        }
    }
    dataset
}

fn secret_key(state: &State, options: &Map<String, Value>) -> Value {
    let Some(path) = object_path(options) else {
        return error(400, "required option path is not set");
    };
    let Some(key) = options.get("key").and_then(Value::as_str) else {
        return error(400, "required option key is not set");
    };
    match state.secret_key(path, key) {
        Ok(value) => json!({"status": 0, "data": value}),
        Err(error) => error,
    }
}

fn service_config(state: &State, options: &Map<String, Value>) -> Value {
    let Some(path) = object_path(options) else {
        return error(400, "required option path is not set");
    };
    // The status of this error is a text, as in the real daemon.
    state.raw_config(path).unwrap_or_else(
        || json!({"status": "1", "error": format!("'{path}'"), "traceback": "KeyError"}),
    )
}

fn object_action(state: &mut State, options: &Map<String, Value>) -> Value {
    let Some(path) = object_path(options) else {
        return error(400, "required option path is not set");
    };
    if options.contains_key("cmd") {
        return error(500, "sequence item 0: expected str instance, list found");
    }
    if !state.exists(path) {
        return error(404, &format!("{path} not found"));
    }
    let action = options.get("action").and_then(Value::as_str);
    if action != Some("set") {
        return error(501, &format!("action {action:?} is not simulated"));
    }
    let expressions: Vec<String> = options
        .get("options")
        .and_then(|options| options["kw"].as_array())
        .into_iter()
        .flatten()
        .filter_map(|kw| Some(kw.as_str()?.to_owned()))
        .collect();
    let verdict = state.edit(path, |config| {
        expressions
            .iter()
            .try_for_each(|expression| edit::apply(config, expression))
    });
    let ret = i32::from(verdict.is_err());
    let complaints = verdict.unwrap_or_else(|complaints| complaints);
    if options.get("sync") == Some(&json!(false)) {
        let info = format!(
            "started {path} action set --kw={} --local",
            expressions.join(" ")
        );
        return json!({"status": 0, "data": {"pid": 1, "session_id": "0"}, "info": info});
    }
    let err = complaints.text(path, state.local_node());
    json!({"status": 0, "data": {"out": "", "err": err, "ret": ret}})
}
