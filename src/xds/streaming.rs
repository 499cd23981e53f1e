//! A stream: one `select!` around a [`Session`].

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures_util::stream::{self, BoxStream};
use tokio::sync::watch;
use tonic::Status;
use tonic::codec::Streaming;

use super::clients::Clients;
use super::server::Snapshots;
use super::session::{Common, Session};
use super::wire::{Request, Response};
use crate::envoy::ResourceType;
use crate::envoy::Variant;

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
    pub(super) fn open(
        &self,
        requests: Streaming<Request>,
    ) -> BoxStream<'static, Result<Response, Status>> {
        let streams = self.streams.clone();
        let id = streams.next_id.fetch_add(1, Ordering::Relaxed);
        let session = Session::new(id, self.variant, self.scope, streams.common);
        let session = Arc::new(Mutex::new(session));
        streams.clients.enter(id, &session);
        let mut snapshots = streams.snapshots;
        // What is there already counts as news.
        snapshots.mark_changed();
        let state = Conversation {
            requests,
            session,
            snapshots,
            stop: streams.stop,
            phase: Phase::Ready,
            publishing: true,
        };
        Box::pin(stream::unfold(state, |mut state| async move {
            let item = state.next().await?;
            Some((item, state))
        }))
    }
}

/// Whether the session may have something to send.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It may.
    Ready,
    /// Not before something happens.
    Idle,
    /// Nothing is sent any more.
    Ended,
}

/// An open stream.
struct Conversation {
    requests: Streaming<Request>,
    /// Locked for moments, and by others only to look at it.
    session: Arc<Mutex<Session>>,
    snapshots: Snapshots,
    stop: watch::Receiver<bool>,
    phase: Phase,
    /// Whether there may be newer snapshots.
    publishing: bool,
}

impl Conversation {
    /// The next response, made when the transport asks for it; `None` where the client is done.
    ///
    /// Whatever was received is looked at first, so that of many requests and snapshots, the newest
    /// is answered.
    async fn next(&mut self) -> Option<Result<Response, Status>> {
        loop {
            if self.phase == Phase::Ended {
                return None;
            }
            let deadline = self.session().deadline();
            tokio::select! {
                biased;
                () = stopped(&mut self.stop) => {
                    return self.end(Status::unavailable("the server is shutting down"));
                }
                request = self.requests.message() => match request {
                    Ok(Some(request)) => {
                        let read = self.session().request(request, Instant::now());
                        if let Err(bad) = read {
                            return self.end(Status::invalid_argument(bad.to_string()));
                        }
                        self.phase = Phase::Ready;
                    }
                    Ok(None) => return None,
                    Err(status) => return self.end(status),
                },
                changed = self.snapshots.changed(), if self.publishing => {
                    self.publishing = changed.is_ok();
                    let newest = self.snapshots.borrow_and_update().clone();
                    if let Some(snapshot) = newest {
                        self.session().update(snapshot);
                        self.phase = Phase::Ready;
                    }
                }
                () = std::future::ready(()), if self.phase == Phase::Ready => {
                    let response = self.session().poll(Instant::now());
                    if let Some(response) = response {
                        return Some(Ok(response));
                    }
                    self.phase = Phase::Idle;
                }
                () = sleep_until(deadline), if deadline.is_some() => self.phase = Phase::Ready,
            }
        }
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&mut self, status: Status) -> Option<Result<Response, Status>> {
        self.phase = Phase::Ended;
        Some(Err(status))
    }
}

/// Completes when streams and connections must end.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that nobody will ever say stop, because serving ended.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
