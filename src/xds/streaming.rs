//! A stream: what is received goes into a [`Session`], and what it has to say goes out.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{BoxStream, Stream, StreamExt};
use tokio::sync::watch;
use tokio::time::{Sleep, sleep_until};
use tokio_stream::wrappers::WatchStream;
use tonic::Status;

use super::clients::Clients;
use super::requests::Requests;
use super::server::Snapshots;
use super::session::{Common, Session};
use super::wire::Response;
use crate::envoy::ResourceType;
use crate::envoy::Variant;
use crate::snapshot::Snapshot;

/// What the streams of a transport are opened with.
#[derive(Clone)]
pub(super) struct Streams {
    pub(super) common: Common,
    pub(super) snapshots: Snapshots,
    /// Becomes true when streams must end.
    pub(super) stop: watch::Receiver<bool>,
    /// The number of the next stream, over all transports.
    pub(super) next_id: Arc<AtomicU64>,
    /// Where those who want to know find the sessions of open streams.
    pub(super) clients: Clients,
}

/// A stream about to be opened.
pub(super) struct Opening {
    pub(super) streams: Streams,
    pub(super) variant: Variant,
    pub(super) scope: Option<ResourceType>,
}

impl Opening {
    /// Opens the stream.
    pub(super) fn open(&self, requests: Requests) -> BoxStream<'static, Result<Response, Status>> {
        let streams = self.streams.clone();
        let id = streams.next_id.fetch_add(1, Ordering::Relaxed);
        let session = Session::new(id, self.variant, self.scope, streams.common);
        let session = Arc::new(Mutex::new(session));
        streams.clients.enter(id, &session);
        let mut stop = streams.stop;
        Box::pin(Conversation {
            requests,
            session,
            // What is there already counts as news.
            snapshots: Some(WatchStream::new(streams.snapshots)),
            stopping: async move { stopped(&mut stop).await }.boxed(),
            timer: None,
            is_over: false,
        })
    }
}

/// An open stream. What it waits for is kept from one poll to the next, as setting it up anew costs more than
/// to answer.
struct Conversation {
    requests: Requests,
    /// Locked for moments, and by others only to look at it.
    session: Arc<Mutex<Session>>,
    /// The newest state; `None` once nobody publishes any more.
    snapshots: Option<WatchStream<Option<Arc<Snapshot>>>>,
    /// Completes when the stream must end.
    stopping: BoxFuture<'static, ()>,
    /// Completes when the session is to be asked again.
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether nothing is sent any more.
    is_over: bool,
}

impl Stream for Conversation {
    type Item = Result<Response, Status>;

    /// The next response, made when the transport asks for it; `None` where the client is done.
    ///
    /// Whatever was received is looked at first, so that of many requests and snapshots, the newest
    /// is answered.
    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.is_over {
            return Poll::Ready(None);
        }
        if this.stopping.poll_unpin(context).is_ready() {
            return this.end(Status::unavailable("the server is shutting down"));
        }
        // The first state goes before the first request, which is then answered from it at once.
        while let Some(snapshots) = &mut this.snapshots
            && let Poll::Ready(newest) = snapshots.poll_next_unpin(context)
        {
            match newest {
                Some(Some(snapshot)) => this.session().update(snapshot),
                Some(None) => {}
                None => this.snapshots = None,
            }
        }
        while let Poll::Ready(request) = this.requests.poll_next_unpin(context) {
            let Some(request) = request else {
                return Poll::Ready(None);
            };
            let read = request.and_then(|request| {
                let read = this.session().request(request, Instant::now());
                read.map_err(|bad| Status::invalid_argument(bad.to_string()))
            });
            if let Err(status) = read {
                return this.end(status);
            }
        }
        loop {
            let response = this.session().poll(Instant::now());
            if let Some(response) = response {
                return Poll::Ready(Some(Ok(response)));
            }
            if this.poll_timer(context).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl Conversation {
    /// Completes at the session's deadline.
    fn poll_timer(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let deadline = self.session().deadline().map(tokio::time::Instant::from);
        if self.timer.as_ref().map(|timer| timer.deadline()) != deadline {
            self.timer = deadline.map(|at| Box::pin(sleep_until(at)));
        }
        match &mut self.timer {
            Some(timer) => timer.poll_unpin(context),
            None => Poll::Pending,
        }
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&mut self, status: Status) -> Poll<Option<Result<Response, Status>>> {
        self.is_over = true;
        Poll::Ready(Some(Err(status)))
    }
}

/// Completes when streams and connections must end.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that nobody will ever say stop, because serving ended.
    let _ = stop.wait_for(|stop| *stop).await;
}
