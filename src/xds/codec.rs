//! Discovery messages for tonic.

use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

use super::wire::{Heard, Request, Response};
use crate::envoy::Variant;

/// Decodes requests of a variant; encodes responses, each into one buffer of its size.
#[derive(Debug, Clone, Copy)]
pub(super) struct DiscoveryCodec(pub(super) Variant);

/// Decodes the requests of one stream.
#[derive(Debug)]
pub(super) struct Requests {
    variant: Variant,
    heard: Heard,
}

impl Codec for DiscoveryCodec {
    type Encode = Response;
    type Decode = Request;
    type Encoder = Self;
    type Decoder = Requests;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Requests {
        Requests {
            variant: self.0,
            heard: Heard::default(),
        }
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

impl Decoder for Requests {
    type Item = Request;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Request>, Status> {
        Request::decode_next(self.variant, buffer, &mut self.heard)
            .map(Some)
            .map_err(|error| Status::invalid_argument(error.to_string()))
    }
}
