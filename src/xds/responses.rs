//! The responses of a stream as the body of an HTTP response: gRPC's messages, each after its length, and
//! gRPC's status at the end.
//!
//! It does what tonic's own body does, but for writing each message into a buffer of the stream: what many
//! streams are sent is handed to each as it is.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::stream::{BoxStream, StreamExt};
use hyper::body::{Body, Frame};
use tonic::Status;
use tonic::codegen::http::HeaderMap;

use super::requests::HEAD;
use super::wire::Response;

/// From how many bytes on they are handed over, though there is more to write.
const ENOUGH: usize = 32 << 10;

/// The body.
pub(super) struct Responses {
    stream: BoxStream<'static, Result<Response, Status>>,
    /// What is to be handed over, in order.
    ready: VecDeque<Bytes>,
    /// What comes after that.
    buffer: BytesMut,
    /// How the stream ended, where it did.
    end: Option<Status>,
    is_over: bool,
}

impl Responses {
    /// The body of some responses.
    pub(super) fn new(stream: BoxStream<'static, Result<Response, Status>>) -> Self {
        Self {
            stream,
            ready: VecDeque::new(),
            buffer: BytesMut::new(),
            end: None,
            is_over: false,
        }
    }

    fn write(&mut self, response: &Response) -> Result<(), Status> {
        let len = response.encoded_len();
        let head = u32::try_from(len)
            .map_err(|_| Status::resource_exhausted(format!("a response of {len} bytes")))?;
        let entries = response.entries();
        let shared = entries.map_or(0, Bytes::len);
        self.buffer.reserve(HEAD + len - shared);
        // Nothing is compressed.
        self.buffer.put_u8(0);
        self.buffer.put_u32(head);
        response.encode_head(&mut self.buffer);
        match entries {
            Some(entries) => {
                self.flush();
                self.ready.push_back(entries.clone());
            }
            None => response.encode_entries(&mut self.buffer),
        }
        response.encode_tail(&mut self.buffer);
        Ok(())
    }

    fn flush(&mut self) {
        if !self.buffer.is_empty() {
            self.ready.push_back(self.buffer.split().freeze());
        }
    }

    /// The last frame.
    fn trailers(&mut self, status: &Status) -> Result<Frame<Bytes>, Status> {
        self.is_over = true;
        let mut trailers = HeaderMap::new();
        status.add_header(&mut trailers)?;
        Ok(Frame::trailers(trailers))
    }
}

impl Body for Responses {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        if this.is_over {
            return Poll::Ready(None);
        }
        while this.ready.is_empty() && this.end.is_none() {
            match this.stream.poll_next_unpin(context) {
                Poll::Ready(Some(Ok(response))) => {
                    if let Err(status) = this.write(&response) {
                        this.end = Some(status);
                    }
                    if this.buffer.len() >= ENOUGH {
                        this.flush();
                    }
                }
                Poll::Ready(Some(Err(status))) => this.end = Some(status),
                Poll::Ready(None) => this.end = Some(Status::ok("")),
                Poll::Pending if this.buffer.is_empty() => return Poll::Pending,
                Poll::Pending => this.flush(),
            }
        }
        if this.end.is_some() {
            this.flush();
        }
        if let Some(data) = this.ready.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        let end = this.end.take().unwrap_or_else(|| Status::ok(""));
        Poll::Ready(Some(this.trailers(&end)))
    }

    fn is_end_stream(&self) -> bool {
        self.is_over
    }
}
