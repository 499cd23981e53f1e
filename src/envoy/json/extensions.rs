//! Where a JSON message configures extensions of Envoy.

use prost::Name;
use prost_reflect::{Kind, MessageDescriptor};
use serde_json::{Map, Value as Json};

use crate::envoy::pool;

/// Calls for every object in which an extension is named and configured, the outer ones first, for it to
/// be changed. What only looks like one, such as the user's own data in a `Struct`, is left alone.
pub(crate) fn each_extension<M: Name>(
    message: &mut Map<String, Json>,
    change: &mut dyn FnMut(&mut Map<String, Json>),
) {
    if let Some(kind) = pool::message(&M::full_name()) {
        in_object(&kind, message, change);
    }
}

fn in_object(
    kind: &MessageDescriptor,
    object: &mut Map<String, Json>,
    change: &mut dyn FnMut(&mut Map<String, Json>),
) {
    if kind.get_field_by_name("typed_config").is_some() && kind.get_field_by_name("name").is_some()
    {
        change(object);
    }
    for (name, value) in object {
        let field = kind.get_field_by_name(name);
        let field = field.or_else(|| kind.get_field_by_json_name(name));
        let Some(field) = field else {
            continue;
        };
        match (field.kind(), value) {
            (Kind::Message(entry), Json::Object(entries)) if field.is_map() => {
                if let Kind::Message(held) = entry.map_entry_value_field().kind() {
                    entries
                        .values_mut()
                        .for_each(|value| in_value(&held, value, change));
                }
            }
            (Kind::Message(held), Json::Array(items)) => {
                items
                    .iter_mut()
                    .for_each(|item| in_value(&held, item, change));
            }
            (Kind::Message(held), value) => in_value(&held, value, change),
            _ => {}
        }
    }
}

fn in_value(
    kind: &MessageDescriptor,
    value: &mut Json,
    change: &mut dyn FnMut(&mut Map<String, Json>),
) {
    let Json::Object(object) = value else {
        return;
    };
    let packed = match kind.full_name() {
        "google.protobuf.Any" => object
            .get("@type")
            .and_then(Json::as_str)
            .and_then(pool::message),
        _ => Some(kind.clone()),
    };
    // Well-known types have a JSON of their own.
    let packed = packed.filter(|kind| !kind.full_name().starts_with("google.protobuf."));
    if let Some(kind) = packed {
        in_object(&kind, object, change);
    }
}
