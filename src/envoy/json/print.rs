//! From a message to JSON, for people.

use prost::Message;
use prost_reflect::{DynamicMessage, MessageDescriptor, ReflectMessage, SerializeOptions, Value};
use serde_json::Value as Json;

use crate::envoy::pool;
use crate::envoy::sensitive::{holds_pem_key, is_credential, is_sensitive};

/// What is printed of private keys, passwords and tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sensitive {
    /// `[redacted]`.
    Hidden,
    /// The value.
    Shown,
}

const REDACTED: &str = "[redacted]";

/// How deep messages are looked into. What is deeper is left out.
const MAX_DEPTH: usize = 128;

/// An encoded message of a type (its name or URL) as JSON in protobuf's mapping, with proto field
/// names as Envoy prints them, and with `Any`s resolved.
///
/// `None` where the type is not known to this crate or the message is malformed.
pub fn print(type_name: &str, message: &[u8], sensitive: Sensitive) -> Option<Json> {
    let print = |descriptor| print_as(descriptor, message, sensitive);
    // An extension in an `Any` is found in the pool of the message around it only.
    let wider = || pool::message_among_extensions(type_name).and_then(print);
    pool::message(type_name).and_then(print).or_else(wider)
}

fn print_as(descriptor: MessageDescriptor, message: &[u8], sensitive: Sensitive) -> Option<Json> {
    let mut message = DynamicMessage::decode(descriptor, message).ok()?;
    if sensitive == Sensitive::Hidden {
        redact(&mut message, MAX_DEPTH);
    }
    let options = SerializeOptions::new().use_proto_field_name(true);
    message
        .serialize_with_options(serde_json::value::Serializer, &options)
        .ok()
}

fn redact(message: &mut DynamicMessage, depth: usize) {
    let Some(depth) = depth.checked_sub(1) else {
        message.clear();
        return;
    };
    match message.descriptor().full_name() {
        "google.protobuf.Any" => return redact_any(message, depth),
        "envoy.config.core.v3.HeaderValue" => return redact_header(message),
        _ => {}
    }
    for (field, value) in message.fields_mut() {
        let sensitive = is_sensitive(&field);
        let each = |value: &mut Value| match value {
            value if sensitive => hide(value),
            Value::String(text) if holds_pem_key(text.as_bytes()) => *text = REDACTED.into(),
            Value::Message(message) => redact(message, depth),
            _ => {}
        };
        match value {
            Value::List(items) => items.iter_mut().for_each(each),
            Value::Map(entries) => entries.values_mut().for_each(each),
            value => each(value),
        }
    }
}

fn redact_header(header: &mut DynamicMessage) {
    let name = header.get_field_by_name("key");
    if !name.is_some_and(|name| name.as_str().is_some_and(is_credential)) {
        return;
    }
    let values = header
        .fields_mut()
        .filter(|(field, _)| field.name() != "key");
    values.for_each(|(_, value)| hide(value));
}

fn hide(value: &mut Value) {
    match value {
        Value::String(text) => *text = REDACTED.into(),
        Value::Bytes(bytes) => *bytes = REDACTED.into(),
        Value::Message(message) => message.fields_mut().for_each(|(_, value)| hide(value)),
        Value::List(items) => items.iter_mut().for_each(hide),
        Value::Map(entries) => entries.values_mut().for_each(hide),
        _ => {}
    }
}

fn redact_any(any: &mut DynamicMessage, depth: usize) {
    let url = any
        .get_field_by_name("type_url")
        .and_then(|url| url.as_str().map(str::to_owned));
    let held = url.and_then(|url| pool::message(&url));
    let bytes = any
        .get_field_by_name("value")
        .and_then(|value| value.as_bytes().cloned());
    if let (Some(held), Some(bytes)) = (held, bytes)
        && let Ok(mut message) = DynamicMessage::decode(held, bytes)
    {
        redact(&mut message, depth);
        any.set_field_by_name("value", Value::Bytes(message.encode_to_vec().into()));
    }
}
