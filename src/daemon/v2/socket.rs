//! The wire: one JSON document and a NUL byte, either way. A connection carries one request.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::daemon::RequestError;

/// Sends a request and returns the reply, of at most `limit` bytes, without its NUL byte.
pub(super) async fn exchange(
    socket: &Path,
    request: &Value,
    limit: usize,
    timeout: Duration,
) -> Result<Vec<u8>, RequestError> {
    within(timeout, async {
        let mut connection = send(socket, request).await?;
        let reply = receive(&mut connection, limit).await?;
        reply.ok_or(RequestError::Closed)
    })
    .await
}

async fn within<T>(
    timeout: Duration,
    work: impl Future<Output = Result<T, RequestError>>,
) -> Result<T, RequestError> {
    tokio::time::timeout(timeout, work)
        .await
        .unwrap_or(Err(RequestError::Timeout(timeout)))
}

async fn send(socket: &Path, request: &Value) -> Result<BufReader<UnixStream>, RequestError> {
    let connect = UnixStream::connect(socket).await;
    let mut stream = connect.map_err(|source| RequestError::Connect {
        socket: socket.into(),
        source,
    })?;
    let mut text = request.to_string().into_bytes();
    text.push(0);
    stream.write_all(&text).await?;
    Ok(BufReader::with_capacity(64 * 1024, stream))
}

/// Reads up to the next NUL byte; `None` where the connection ends before anything came.
async fn receive(
    connection: &mut BufReader<UnixStream>,
    limit: usize,
) -> Result<Option<Vec<u8>>, RequestError> {
    let mut text = Vec::new();
    let room = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    connection.take(room).read_until(0, &mut text).await?;
    match text.pop() {
        Some(0) => Ok(Some(text)),
        Some(_) if text.len() >= limit => Err(RequestError::TooLarge(limit)),
        Some(_) => Err(RequestError::Closed),
        None => Ok(None),
    }
}

/// What comes out of an event stream.
#[derive(Debug)]
pub(super) enum Frame {
    /// A message, without its NUL byte.
    Message(Vec<u8>),
    /// Messages were dropped, since too many were waiting.
    Lost,
}

/// The event stream.
///
/// The daemon drops a client as soon as the socket's buffer of some 200 KiB is full, so a task
/// reads it whatever else happens.
#[derive(Debug)]
pub(super) struct EventStream {
    frames: mpsc::UnboundedReceiver<Result<Frame, RequestError>>,
    /// The bytes that were read and not taken.
    waiting: Arc<AtomicUsize>,
    reader: AbortHandle,
}

/// How many bytes of messages may wait. At the daemon's pace this is reached only when the gateway
/// has been stuck for hours.
const MAX_WAITING: usize = 64 * 1024 * 1024;

/// What a waiting message takes beside its text, in bytes: empty ones are not for nothing.
const OVERHEAD: usize = 64;

/// How large a message may be. The largest that the daemon sends is its whole dataset.
const MAX_MESSAGE: usize = 512 * 1024 * 1024;

impl EventStream {
    /// Subscribes to the daemon's events.
    pub(super) async fn open(socket: &Path, timeout: Duration) -> Result<Self, RequestError> {
        let request = serde_json::json!({"action": "events"});
        let connection = within(timeout, send(socket, &request)).await?;
        let waiting = Arc::new(AtomicUsize::new(0));
        let (sender, frames) = mpsc::unbounded_channel();
        let reader = tokio::spawn(read(connection, sender, waiting.clone())).abort_handle();
        Ok(Self {
            frames,
            waiting,
            reader,
        })
    }

    /// The next frame. Cancel safe.
    pub(super) async fn next(&mut self) -> Result<Frame, RequestError> {
        match self.frames.recv().await {
            Some(frame) => self.taken(frame),
            None => Err(RequestError::Closed),
        }
    }

    /// The next frame, if one is there already.
    pub(super) fn try_next(&mut self) -> Result<Option<Frame>, RequestError> {
        match self.frames.try_recv() {
            Ok(frame) => self.taken(frame).map(Some),
            Err(mpsc::error::TryRecvError::Empty) => Ok(None),
            Err(mpsc::error::TryRecvError::Disconnected) => Err(RequestError::Closed),
        }
    }

    fn taken(&self, frame: Result<Frame, RequestError>) -> Result<Frame, RequestError> {
        if let Ok(Frame::Message(text)) = &frame {
            self.waiting
                .fetch_sub(text.len() + OVERHEAD, Ordering::Relaxed);
        }
        frame
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn read(
    mut connection: BufReader<UnixStream>,
    frames: mpsc::UnboundedSender<Result<Frame, RequestError>>,
    waiting: Arc<AtomicUsize>,
) {
    let mut losing = false;
    loop {
        let frame = match receive(&mut connection, MAX_MESSAGE).await {
            Ok(Some(text)) if waiting.load(Ordering::Relaxed) + text.len() <= MAX_WAITING => {
                waiting.fetch_add(text.len() + OVERHEAD, Ordering::Relaxed);
                losing = false;
                Ok(Frame::Message(text))
            }
            Ok(Some(_)) if losing => continue,
            Ok(Some(_)) => {
                losing = true;
                Ok(Frame::Lost)
            }
            Ok(None) => Err(RequestError::Closed),
            Err(error) => Err(error),
        };
        let ended = frame.is_err();
        if frames.send(frame).is_err() || ended {
            return;
        }
    }
}
