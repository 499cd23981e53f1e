//! What JSON makes of protobuf's types.

use prost_reflect::{FieldDescriptor, Kind, MapKey};
use serde_json::Value as Json;

/// The wrapper that has the type of a scalar, and the type in words.
pub(super) fn scalar(kind: &Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Bool => ("BoolValue", "true or false"),
        Kind::String => ("StringValue", "a text"),
        Kind::Bytes => ("BytesValue", "bytes in base64"),
        Kind::Float => ("FloatValue", "a number"),
        Kind::Double => ("DoubleValue", "a number"),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => (
            "Int32Value",
            "a whole number from -2147483648 to 2147483647",
        ),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => ("Int64Value", "a whole number of 64 bits"),
        Kind::Uint32 | Kind::Fixed32 => ("UInt32Value", "a whole number from 0 to 4294967295"),
        _ => ("UInt64Value", "a whole number of 64 bits, 0 or more"),
    }
}

/// What a wrapper takes, in words.
pub(super) fn wrapped(wrapper: &str) -> Option<&'static str> {
    let scalars = [
        Kind::Bool,
        Kind::String,
        Kind::Bytes,
        Kind::Float,
        Kind::Double,
        Kind::Int32,
        Kind::Int64,
        Kind::Uint32,
        Kind::Uint64,
    ];
    let found = scalars
        .iter()
        .map(scalar)
        .find(|(name, _)| *name == wrapper);
    found.map(|(_, wanted)| wanted)
}

/// A map's key, which JSON always writes as text.
pub(super) fn map_key(kind: &Kind, key: &str) -> Option<MapKey> {
    Some(match kind {
        Kind::String => MapKey::String(key.to_owned()),
        Kind::Bool => MapKey::Bool(key.parse().ok()?),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => MapKey::I32(key.parse().ok()?),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => MapKey::I64(key.parse().ok()?),
        Kind::Uint32 | Kind::Fixed32 => MapKey::U32(key.parse().ok()?),
        Kind::Uint64 | Kind::Fixed64 => MapKey::U64(key.parse().ok()?),
        _ => return None,
    })
}

/// How deep JSON is nested; the caller's was bounded when it was read.
pub(super) fn depth(json: &Json) -> usize {
    let deepest = match json {
        Json::Array(items) => items.iter().map(depth).max(),
        Json::Object(fields) => fields.values().map(depth).max(),
        _ => return 0,
    };
    1 + deepest.unwrap_or_default()
}

/// Whether a null is a value of the field rather than its absence.
pub(super) fn takes_null(field: &FieldDescriptor) -> bool {
    matches!(field.kind(), Kind::Message(m) if m.full_name() == "google.protobuf.Value")
}
