//! The protobuf wire format, where a message is put together from encoded parts.

use bytes::BufMut;
use prost::encoding::{WireType, encode_key, encode_varint};

/// Appends a length-delimited field to an encoded message: for a repeated message field, one more
/// element.
pub fn append(message: &mut impl BufMut, field: u32, value: &[u8]) {
    encode_key(field, WireType::LengthDelimited, message);
    encode_varint(value.len() as u64, message);
    message.put_slice(value);
}
