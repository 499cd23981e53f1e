//! Discovery messages for tonic.

use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

use super::wire::{Request, Response};
use crate::envoy::Variant;

/// Decodes requests of a variant; encodes responses, each into one buffer of its size.
#[derive(Debug, Clone, Copy)]
pub(super) struct DiscoveryCodec(pub(super) Variant);

impl Codec for DiscoveryCodec {
    type Encode = Response;
    type Decode = Request;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for DiscoveryCodec {
    type Item = Response;
    type Error = Status;

    fn encode(&mut self, response: Response, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.reserve(response.encoded_len());
        response.encode(buffer);
        Ok(())
    }
}

impl Decoder for DiscoveryCodec {
    type Item = Request;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Request>, Status> {
        Request::decode(self.0, buffer)
            .map(Some)
            .map_err(|error| Status::invalid_argument(error.to_string()))
    }
}
