//! Discovery requests and responses on the wire.
//!
//! Requests are decoded by messages of our own that hold only the fields this server reads: names
//! stay slices of the buffer they came in, and the hundreds of extensions that an Envoy lists in its
//! node are skipped. Responses are written straight from the encoded resources.
//!
//! Field numbers are those of `envoy/service/discovery/v3/discovery.proto`.

mod names;
mod pieces;
mod request;
mod response;

use bytes::BufMut;
use prost::encoding::{WireType, encode_varint, encoded_len_varint};

pub use names::{Heard, Names};
pub use pieces::Pieces;
pub use request::{DeltaRequest, ErrorDetail, NameVersion, Node, Request, SotwRequest};
pub use response::{Resources, Response};

/// The encoded length of a length-delimited field of `len` bytes.
fn field_len(len: usize) -> usize {
    1 + encoded_len_varint(len as u64) + len
}

/// The head of a length-delimited field, of which `len` bytes follow. Every number here is below 16, so that
/// a key is one byte.
fn head(out: &mut impl BufMut, number: u8, len: usize) {
    out.put_u8(number << 3 | WireType::LengthDelimited as u8);
    encode_varint(len as u64, out);
}

/// A string or bytes field.
fn field(out: &mut impl BufMut, number: u8, bytes: &[u8]) {
    head(out, number, bytes.len());
    out.put_slice(bytes);
}
