//! Deterministic encoding.

use bytes::Bytes;
use envoy_types::pb::google::protobuf::Any;
use prost::{Message, Name};

/// Encodes a message; equal messages give equal bytes.
pub fn encode<M: Message + Name>(message: &M) -> Bytes {
    message.encode_to_vec().into()
}

/// A message in an `Any`.
pub fn pack<M: Message + Name>(message: &M) -> Any {
    Any {
        type_url: M::type_url(),
        value: encode(message).to_vec(),
    }
}
