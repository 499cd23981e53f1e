//! The wire: one JSON document and a NUL byte, either way. A connection carries one request.

use std::future::Future;
use std::net::Shutdown;
use std::os::unix::net as unix;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinError};

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
        let mut reply = Vec::new();
        match receive(&mut connection, limit, &mut reply).await? {
            true => Ok(reply),
            false => Err(RequestError::Closed),
        }
    })
    .await
}

/// Sends a request, and has the reply read as it comes, on a thread on which that may take its time.
pub(super) async fn converse<T: Send + 'static>(
    socket: &Path,
    request: &Value,
    timeout: Duration,
    read: impl FnOnce(unix::UnixStream) -> Result<T, RequestError> + Send + 'static,
) -> Result<T, RequestError> {
    within(timeout, async {
        let stream = send(socket, request).await?.into_inner().into_std()?;
        stream.set_nonblocking(false)?;
        let _hang_up = HangUp(stream.try_clone()?);
        let read = tokio::task::spawn_blocking(move || read(stream));
        let broken = |error: JoinError| Err(RequestError::Malformed(error.to_string()));
        read.await.unwrap_or_else(broken)
    })
    .await
}

/// Ends a connection when nobody waits for it any more, and with it the thread that reads from it.
struct HangUp(unix::UnixStream);

impl Drop for HangUp {
    fn drop(&mut self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
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

/// Reads up to the next NUL byte, into an empty text; false where the connection ends before anything
/// came.
async fn receive(
    connection: &mut BufReader<UnixStream>,
    limit: usize,
    text: &mut Vec<u8>,
) -> Result<bool, RequestError> {
    let room = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    connection.take(room).read_until(0, text).await?;
    match text.pop() {
        Some(0) => Ok(true),
        Some(_) if text.len() >= limit => Err(RequestError::TooLarge(limit)),
        Some(_) => Err(RequestError::Closed),
        None => Ok(false),
    }
}

/// What comes out of an event stream.
#[derive(Debug)]
pub(super) enum Frame<T> {
    /// What was made of a message.
    Message(T),
    /// Messages were dropped, since too many were waiting.
    Lost,
}

/// The event stream.
///
/// The daemon drops a client as soon as the socket's buffer of some 200 KiB is full, so a task
/// reads it whatever else happens. It makes something of each message at once, or of most of them
/// nothing: then nobody is woken.
#[derive(Debug)]
pub(super) struct EventStream<T> {
    frames: mpsc::UnboundedReceiver<Result<(Frame<T>, usize), RequestError>>,
    /// What was read and not taken, in bytes.
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

/// How much room is kept for the next message, in bytes.
const ROOM: usize = 64 * 1024;

impl<T: Send + 'static> EventStream<T> {
    /// Subscribes to the daemon's events. `sift` is given each message, without its NUL byte, and
    /// says what is to come out of the stream for it, if anything.
    pub(super) async fn open(
        socket: &Path,
        timeout: Duration,
        sift: impl FnMut(&[u8]) -> Option<T> + Send + 'static,
    ) -> Result<Self, RequestError> {
        let request = serde_json::json!({"action": "events"});
        let connection = within(timeout, send(socket, &request)).await?;
        let waiting = Arc::new(AtomicUsize::new(0));
        let (sender, frames) = mpsc::unbounded_channel();
        let reading = read(connection, sift, sender, waiting.clone());
        Ok(Self {
            frames,
            waiting,
            reader: tokio::spawn(reading).abort_handle(),
        })
    }

    /// The next frame. Cancel safe.
    pub(super) async fn next(&mut self) -> Result<Frame<T>, RequestError> {
        match self.frames.recv().await {
            Some(frame) => self.taken(frame),
            None => Err(RequestError::Closed),
        }
    }

    /// The next frame, if one is there already.
    pub(super) fn try_next(&mut self) -> Result<Option<Frame<T>>, RequestError> {
        match self.frames.try_recv() {
            Ok(frame) => self.taken(frame).map(Some),
            Err(mpsc::error::TryRecvError::Empty) => Ok(None),
            Err(mpsc::error::TryRecvError::Disconnected) => Err(RequestError::Closed),
        }
    }

    fn taken(
        &self,
        frame: Result<(Frame<T>, usize), RequestError>,
    ) -> Result<Frame<T>, RequestError> {
        let (frame, size) = frame?;
        self.waiting.fetch_sub(size, Ordering::Relaxed);
        Ok(frame)
    }
}

impl<T> Drop for EventStream<T> {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn read<T>(
    mut connection: BufReader<UnixStream>,
    mut sift: impl FnMut(&[u8]) -> Option<T>,
    frames: mpsc::UnboundedSender<Result<(Frame<T>, usize), RequestError>>,
    waiting: Arc<AtomicUsize>,
) {
    let mut text = Vec::new();
    let mut losing = false;
    loop {
        text.clear();
        text.shrink_to(ROOM);
        let frame = match receive(&mut connection, MAX_MESSAGE, &mut text).await {
            Ok(true) if waiting.load(Ordering::Relaxed) + text.len() <= MAX_WAITING => {
                losing = false;
                let Some(made) = sift(&text) else { continue };
                let size = text.len() + OVERHEAD;
                waiting.fetch_add(size, Ordering::Relaxed);
                Ok((Frame::Message(made), size))
            }
            Ok(true) if losing => continue,
            Ok(true) => {
                losing = true;
                Ok((Frame::Lost, 0))
            }
            Ok(false) => Err(RequestError::Closed),
            Err(error) => Err(error),
        };
        let ended = frame.is_err();
        if frames.send(frame).is_err() || ended {
            return;
        }
    }
}
