//! Deterministic encoding.
//!
//! prost keeps map fields in hash maps and encodes them in the order of the day. Everything that
//! is sent goes through [`encode`], which puts the entries of every map in order. What is in an `Any` is
//! bytes already, so whoever makes one puts them in order: [`pack`], and the reader of JSON.

use bytes::Bytes;
use envoy_types::pb::google::protobuf::Any;
use prost::{Message, Name};

use super::schema::{self, FieldShape, FieldType, MessageType};
use super::wire::{self, Field, Fields, Value};

/// How deep messages are looked into. What is deeper keeps the order that it has.
const MAX_DEPTH: usize = 128;

/// Encodes a message; equal messages give equal bytes.
pub fn encode<M: Message + Name>(message: &M) -> Bytes {
    in_order(schema::of::<M>(), message.encode_to_vec())
}

/// A message in an `Any`.
pub fn pack<M: Message + Name>(message: &M) -> Any {
    Any {
        type_url: M::type_url(),
        value: encode(message).into(),
    }
}

/// An encoded message of a type with the entries of its maps in the order of their keys.
pub(super) fn in_order(kind: Option<&MessageType>, message: Vec<u8>) -> Bytes {
    match kind {
        Some(kind) if is_out_of_order(kind, &message, MAX_DEPTH) => {
            rewrite(kind, &message, MAX_DEPTH).into()
        }
        _ => message.into(),
    }
}

fn is_out_of_order(kind: &MessageType, message: &[u8], depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1).filter(|_| kind.mapped) else {
        return false;
    };
    let mut last = None;
    for field in Fields::of(message) {
        if !kind.field(field.number).is_some_and(|f| f.mapped) {
            last = None;
            continue;
        }
        let place = place(kind, field);
        if last.is_some_and(|(number, key)| number == field.number && key > place) {
            return true;
        }
        if let Some((held, message)) = held(kind, field)
            && is_out_of_order(held, message, depth)
        {
            return true;
        }
        last = Some((field.number, place));
    }
    false
}

fn rewrite(kind: &MessageType, message: &[u8], depth: usize) -> Vec<u8> {
    let Some(depth) = depth.checked_sub(1) else {
        return message.to_vec();
    };
    let mut rewritten = Vec::new();
    for field in Fields::of(message) {
        let mut raw = Vec::with_capacity(field.raw.len());
        match held(kind, field) {
            Some((held, message)) => {
                wire::append(&mut raw, field.number, &rewrite(held, message, depth));
            }
            None => raw.extend_from_slice(field.raw),
        }
        rewritten.push((field.number, place(kind, field), raw));
    }
    // The values of a field follow each other, as prost writes them; the sort is stable, so only
    // the entries of maps move.
    for run in rewritten.chunk_by_mut(|a, b| a.0 == b.0) {
        run.sort_by_key(|(_, place, _)| *place);
    }
    rewritten.into_iter().flat_map(|(_, _, raw)| raw).collect()
}

/// What orders a field's value among those of the same field: an entry's key in a map, and nothing
/// elsewhere.
fn place<'a>(kind: &MessageType, field: Field<'a>) -> Option<&'a [u8]> {
    match (kind.field(field.number)?, field.value) {
        (FieldType { map: true, .. }, Value::Bytes(entry)) => {
            let key = Fields::of(entry).find(|field| field.number == 1)?;
            match key.value {
                Value::Bytes(key) => Some(key),
                _ => Some(key.raw),
            }
        }
        _ => None,
    }
}

/// The message in a field of another, with its type.
fn held<'a>(kind: &MessageType, field: Field<'a>) -> Option<(&'static MessageType, &'a [u8])> {
    match (kind.field(field.number)?.shape, field.value) {
        (FieldShape::Message(held), Value::Bytes(message)) => Some((schema::held(held)?, message)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use envoy_types::pb::envoy::config::cluster::v3::Cluster;
    use envoy_types::pb::envoy::config::core::v3::{Metadata, TransportSocket, transport_socket};
    use envoy_types::pb::google::protobuf::value::Kind;
    use envoy_types::pb::google::protobuf::{Struct, Value as JsonValue};

    use super::*;

    fn names() -> impl Iterator<Item = String> {
        (0..20).map(|n| format!("{}key{n}", "x".repeat(n % 3)))
    }

    fn metadata() -> Metadata {
        let value = JsonValue {
            kind: Some(Kind::BoolValue(true)),
        };
        let fields = Struct {
            fields: names().map(|name| (name, value.clone())).collect(),
        };
        Metadata {
            filter_metadata: names().map(|name| (name, fields.clone())).collect(),
            ..Metadata::default()
        }
    }

    /// A message with maps in maps, and in an `Any`. Each has its own hash seeds.
    fn message() -> Cluster {
        let inner = Cluster {
            metadata: Some(metadata()),
            ..Cluster::default()
        };
        let inner = pack(&inner);
        Cluster {
            name: "a".into(),
            metadata: Some(metadata()),
            typed_extension_protocol_options: names().map(|n| (n, Any::default())).collect(),
            transport_socket: Some(TransportSocket {
                name: "tls".into(),
                config_type: Some(transport_socket::ConfigType::TypedConfig(inner)),
            }),
            ..Cluster::default()
        }
    }

    #[test]
    fn equal_messages_have_equal_bytes_whatever_the_hash_maps_do() {
        let bytes = encode(&message());
        for _ in 0..20 {
            assert_eq!(encode(&message()), bytes);
        }
    }

    #[test]
    fn ordering_changes_nothing_but_the_order() {
        let message = message();
        let decoded = Cluster::decode(encode(&message)).unwrap();
        let any = |cluster: &Cluster| match &cluster.transport_socket.as_ref().unwrap().config_type
        {
            Some(transport_socket::ConfigType::TypedConfig(any)) => any.clone(),
            None => Any::default(),
        };
        let inner = |cluster: &Cluster| Cluster::decode(&*any(cluster).value).unwrap();
        assert_eq!(inner(&decoded), inner(&message));
        assert_eq!(decoded.metadata, message.metadata);
        assert_eq!(
            decoded.typed_extension_protocol_options,
            message.typed_extension_protocol_options
        );
    }
}
