//! From a message to JSON, for people.

use prost::Message;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, ReflectMessage, SerializeOptions, Value,
};
use serde_json::Value as Json;

use crate::envoy::pool;

/// What is printed of private keys, passwords and the like: the fields that Envoy's descriptors
/// mark as sensitive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sensitive {
    /// `[redacted]`.
    Hidden,
    /// The value.
    Shown,
}

const REDACTED: &str = "[redacted]";

/// An encoded message of a type (its name or URL) as JSON in protobuf's mapping, with proto field
/// names as Envoy prints them, and with `Any`s resolved.
///
/// `None` where the type is not known to this crate or the message is malformed.
pub fn print(type_name: &str, message: &[u8], sensitive: Sensitive) -> Option<Json> {
    let mut message = DynamicMessage::decode(pool::message(type_name)?, message).ok()?;
    if sensitive == Sensitive::Hidden {
        redact(&mut message);
    }
    let options = SerializeOptions::new().use_proto_field_name(true);
    message
        .serialize_with_options(serde_json::value::Serializer, &options)
        .ok()
}

fn redact(message: &mut DynamicMessage) {
    if message.descriptor().full_name() == "google.protobuf.Any" {
        return redact_any(message);
    }
    for (field, value) in message.fields_mut() {
        let each = if is_sensitive(&field) { hide } else { enter };
        match value {
            Value::List(items) => items.iter_mut().for_each(each),
            Value::Map(entries) => entries.values_mut().for_each(each),
            value => each(value),
        }
    }
}

fn enter(value: &mut Value) {
    if let Value::Message(message) = value {
        redact(message);
    }
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

fn redact_any(any: &mut DynamicMessage) {
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
        redact(&mut message);
        any.set_field_by_name("value", Value::Bytes(message.encode_to_vec().into()));
    }
}

/// Whether Envoy's descriptors mark a field as sensitive (`udpa.annotations.sensitive`).
fn is_sensitive(field: &FieldDescriptor) -> bool {
    let scalar = !matches!(field.kind(), Kind::Bool | Kind::Enum(_));
    scalar
        && field.options().extensions().any(|(extension, value)| {
            extension.full_name() == "udpa.annotations.sensitive" && value.as_bool() == Some(true)
        })
}
