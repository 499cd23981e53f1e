//! Discovery requests for tonic.

use tonic::Status;
use tonic::codec::{DecodeBuf, Decoder};

use super::wire::{Heard, Request};
use crate::envoy::Variant;

/// Decodes the requests of one stream.
#[derive(Debug)]
pub(super) struct Requests {
    variant: Variant,
    heard: Heard,
}

impl Requests {
    /// Decodes requests of a variant.
    pub(super) fn of(variant: Variant) -> Self {
        Self {
            variant,
            heard: Heard::default(),
        }
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
