//! Requests with small replies: reading a secret's key, setting keywords.

use serde_json::{Value, json};

use super::message::status_number;
use crate::daemon::{Assignment, RequestError};
use crate::model::ObjectPath;

/// How large the reply to one of these requests may be.
pub(super) const MAX_REPLY: usize = 16 * 1024 * 1024;

/// Asks for the value of a secret's key.
pub(super) fn secret_key(secret: &ObjectPath, key: &str) -> Value {
    json!({
        "action": "get_secret_key",
        "options": {"path": secret.to_string(), "key": key},
    })
}

/// Asks for the dataset.
pub(super) fn status() -> Value {
    json!({"action": "daemon_status"})
}

/// Asks to set keywords, on a node that has an instance of the service.
///
/// Of the forms that the daemon's documentation and source suggest, this is the one that works:
/// `cmd` is joined twice and refused, `object_set` does not exist.
pub(super) fn set(service: &ObjectPath, keywords: &[Assignment]) -> Value {
    let keywords: Vec<String> = keywords.iter().map(ToString::to_string).collect();
    json!({
        "action": "service_action",
        "node": "ANY",
        "options": {
            "path": service.to_string(),
            "action": "set",
            "sync": true,
            "options": {"kw": keywords},
        },
    })
}

/// Reads the reply to [`secret_key`]; `None` where there is no such secret or key.
pub(super) fn read_secret_key(
    secret: &ObjectPath,
    key: &str,
    reply: &[u8],
) -> Result<Option<String>, RequestError> {
    match successful(&parsed(reply)?) {
        Ok(reply) => match reply.get("data") {
            Some(Value::String(value)) => Ok(Some(value.clone())),
            _ => Err(malformed("no text in 'data'")),
        },
        Err(RequestError::Refused {
            status: 1 | 404,
            message,
        }) if is_absence(secret, key, &message) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the daemon says that there is no such secret or key. The words differ from one version to
/// the next. A key that merely cannot be read is another thing: without its hashes, a validation secret
/// would let in whoever the authority knows.
fn is_absence(secret: &ObjectPath, key: &str, message: &str) -> bool {
    const ABSENT: [&str; 4] = ["not exist", "not found", "no such", "no value"];
    // Python words a missing file, and a module that is not installed, alike.
    const BROKEN: [&str; 4] = ["[errno", "no such file", "module", "command"];
    let message = message.trim();
    // The KeyError of a secret or key, whose words are the name alone.
    let name = message.trim_matches(['\'', '"']);
    let without_names = message.replace(&secret.to_string(), "").replace(key, "");
    let words = without_names.to_lowercase();
    let holds = |word: &&str| words.contains(*word);
    name == key
        || name == secret.to_string()
        || (ABSENT.iter().any(holds) && !BROKEN.iter().any(holds))
}

/// Reads the reply to [`set`].
///
/// A status of 0 says that the action ran; whether it succeeded is the action's `ret`. A request
/// for "any" node has its reply under the name of the node that took it.
pub(super) fn read_set(service: &ObjectPath, reply: &[u8]) -> Result<(), RequestError> {
    let reply = parsed(reply)?;
    let reply = successful(&reply)?;
    let Some(nodes) = reply.get("nodes") else {
        return ran(service, reply);
    };
    let nodes = nodes.as_object().filter(|nodes| !nodes.is_empty());
    let nodes = nodes.ok_or_else(|| malformed("no node in 'nodes'"))?;
    nodes
        .values()
        .try_for_each(|reply| ran(service, successful(reply)?))
}

fn ran(service: &ObjectPath, reply: &Value) -> Result<(), RequestError> {
    let data = reply.get("data");
    let code = data.and_then(|data| data.get("ret")).map(Value::as_i64);
    match code {
        Some(Some(0)) => Ok(()),
        Some(Some(code)) => Err(RequestError::Failed {
            service: service.clone(),
            code,
            output: output(data.unwrap_or(&Value::Null)),
        }),
        _ => Err(malformed("no exit code in 'data.ret'")),
    }
}

/// What an action wrote, on one line: its errors, or else its output.
fn output(data: &Value) -> String {
    let text = |name| {
        let text = data.get(name).and_then(Value::as_str).unwrap_or_default();
        let lines = text.lines().map(str::trim);
        // `@ n:node1 o:web0 sc:n` says where the lines below come from.
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("@ "));
        lines.collect::<Vec<_>>().join("; ")
    };
    match text("err") {
        errors if errors.is_empty() => text("out"),
        errors => errors,
    }
}

fn parsed(reply: &[u8]) -> Result<Value, RequestError> {
    serde_json::from_slice(reply).map_err(|error| RequestError::Malformed(error.to_string()))
}

fn successful(reply: &Value) -> Result<&Value, RequestError> {
    let Some(status) = reply.get("status") else {
        return Err(malformed("no 'status'"));
    };
    match (status_number(status), reply.get("error")) {
        (0, None) => Ok(reply),
        (status, error) => Err(RequestError::Refused {
            status,
            message: match error {
                Some(Value::String(message)) => message.clone(),
                Some(error) => error.to_string(),
                None => "no reason given".into(),
            },
        }),
    }
}

fn malformed(what: &str) -> RequestError {
    RequestError::Malformed(what.into())
}
