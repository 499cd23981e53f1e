//! The requests of a stream, out of the body of its HTTP request.
//!
//! It does what tonic's own reader does, but for putting each message together in a buffer of the stream: a
//! state-of-the-world client repeats every name in each acknowledgement.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Buf;
use futures_util::Stream;
use hyper::body::Body as _;
use tonic::body::Body;
use tonic::{Code, Status};

use super::wire::{Heard, Pieces, Request};
use crate::envoy::Variant;

/// The largest request accepted, in bytes: state-of-the-world requests repeat every name, and a
/// client may want very many.
const LARGEST: usize = 64 << 20;

/// How long the head of a message is: whether it is compressed, and its length.
pub(super) const HEAD: usize = 5;

/// The requests. After an error there are none.
pub(super) struct Requests {
    body: Body,
    variant: Variant,
    heard: Heard,
    received: Pieces,
    /// The length of the message that is being received, once its head is read.
    expected: Option<usize>,
    is_over: bool,
}

impl Requests {
    /// The requests of a variant in a body.
    pub(super) fn new(body: Body, variant: Variant) -> Self {
        Self {
            body,
            variant,
            heard: Heard::default(),
            received: Pieces::default(),
            expected: None,
            is_over: false,
        }
    }

    /// The next request, if all of it was received.
    fn read(&mut self) -> Result<Option<Request>, Status> {
        let len = match self.expected {
            Some(len) => len,
            None if self.received.remaining() < HEAD => return Ok(None),
            None => {
                let is_compressed = self.received.get_u8() != 0;
                let len = self.received.get_u32() as usize;
                if is_compressed {
                    return Err(Status::internal("a message says that it is compressed"));
                }
                if len > LARGEST {
                    return Err(Status::out_of_range(format!(
                        "a request of {len} bytes, and the largest may have {LARGEST}"
                    )));
                }
                self.expected = Some(len);
                len
            }
        };
        if self.received.remaining() < len {
            return Ok(None);
        }
        self.expected = None;
        let message = self.received.split_to(len);
        Request::decode_next(self.variant, message, &mut self.heard)
            .map(Some)
            .map_err(|error| Status::invalid_argument(error.to_string()))
    }

    /// The end of the body, in the middle of a message or not.
    fn end(&self) -> Result<Option<Request>, Status> {
        match self.expected.is_none() && !self.received.has_remaining() {
            true => Ok(None),
            false => Err(Status::internal("the stream ended within a message")),
        }
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Request>, Status>> {
        loop {
            if let Some(request) = self.read()? {
                return Poll::Ready(Ok(Some(request)));
            }
            match std::task::ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.received.push(data);
                    }
                }
                Some(Err(status)) if status.code() == Code::Cancelled => {
                    return Poll::Ready(Ok(None));
                }
                Some(Err(status)) => return Poll::Ready(Err(status)),
                None => return Poll::Ready(self.end()),
            }
        }
    }
}

impl Stream for Requests {
    type Item = Result<Request, Status>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.is_over {
            return Poll::Ready(None);
        }
        let read = std::task::ready!(this.poll_read(context)).transpose();
        this.is_over = !matches!(read, Some(Ok(_)));
        Poll::Ready(read)
    }
}
