//! The responses of a stream as the body of an HTTP response: gRPC's messages, each after its length, and
//! gRPC's status at the end.
//!
//! It does what tonic's own body does, but for writing each message into a buffer of the stream: what many
//! streams are sent is handed to each as it is, and so is a long resource.

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

/// From how many bytes on they are handed over, though there is more to write; and a resource as it is.
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
        let shared = match entries {
            Some(entries) => entries.len(),
            None => {
                let bodies = response.resources.iter().map(|r| r.body.len());
                bodies.filter(|len| *len >= ENOUGH).sum()
            }
        };
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
            None => response.encode_entries(&mut self.buffer, |buffer, body| {
                if body.len() < ENOUGH {
                    return buffer.put_slice(body);
                }
                self.ready.push_back(buffer.split().freeze());
                self.ready.push_back(body.clone());
            }),
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use futures_util::stream;
    use http_body_util::BodyExt;

    use super::*;
    use crate::envoy::{Resource, ResourceType, Variant, Version};

    fn resource(name: &str, len: usize) -> Arc<Resource> {
        let body = vec![name.len() as u8; len].into();
        Arc::new(Resource::new(ResourceType::Routes, name, body, vec![]))
    }

    #[tokio::test]
    async fn a_long_resource_is_handed_over_as_it_is_in_its_place() {
        let long = resource("long", ENOUGH);
        let resources = vec![resource("a", 5), long.clone(), resource("last", ENOUGH - 1)];
        for variant in [Variant::StateOfTheWorld, Variant::Delta] {
            let response = Response {
                variant,
                type_url: ResourceType::Routes.type_url().into(),
                version: Version::from_number(7),
                nonce: "1".into(),
                resources: resources.clone().into(),
                removed: vec!["gone".into()],
                identifier: "igw".into(),
            };
            let two = [response.clone(), response.clone()].map(Ok);
            let mut body = Responses::new(stream::iter(two).boxed());
            let mut data: Vec<Bytes> = Vec::new();
            while let Some(Ok(frame)) = body.frame().await {
                data.extend(frame.into_data());
            }
            let as_it_is = data
                .iter()
                .filter(|data| data.as_ptr() == long.body.as_ptr());
            assert_eq!(as_it_is.count(), 2);
            let mut message = vec![0];
            message.put_u32(response.encoded_len().try_into().unwrap());
            response.encode(&mut message);
            assert_eq!(data.concat(), message.repeat(2));
        }
    }
}
