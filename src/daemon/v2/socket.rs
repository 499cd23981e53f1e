//! The wire: one JSON document and a NUL byte, either way. A connection carries one request.

use std::future::Future;
use std::net::Shutdown;
use std::os::unix::net as unix;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
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

/// Makes something of each message of an event stream.
pub(super) trait Sift: Send + 'static {
    /// What comes out.
    type Sifted: Send + 'static;

    /// Makes something of a message, given without its NUL byte; of most of them nothing, then nobody is
    /// woken. Returns also how much memory that takes, about, in bytes.
    fn sift(&mut self, text: &[u8]) -> Option<(Self::Sifted, usize)>;

    /// Takes note that messages before the next one were dropped.
    fn lost(&mut self);
}

/// What the reading task passes on: a frame and what it weighs, or what ended the stream.
type Passed<T> = Result<(Frame<T>, usize), RequestError>;

/// The event stream.
///
/// The daemon drops a client as soon as the socket's buffer of some 200 KiB is full, so a task
/// reads it whatever else happens, and sifts each message at once.
#[derive(Debug)]
pub(super) struct EventStream<T> {
    frames: mpsc::UnboundedReceiver<Passed<T>>,
    backlog: Arc<Backlog>,
    reader: AbortHandle,
}

/// What was read and not taken.
#[derive(Debug, Default)]
struct Backlog {
    /// Its size, in bytes.
    size: AtomicUsize,
    /// Whether messages are being dropped: from when there are too many until it was taken note of, so
    /// that whoever does knows of all that were dropped.
    loses: AtomicBool,
}

/// How many bytes of messages may wait. At the daemon's pace this is reached only when the gateway
/// has been stuck for hours.
const MAX_WAITING: usize = 64 * 1024 * 1024;

/// What a waiting message takes beside its content, in bytes: empty ones are not for nothing.
const OVERHEAD: usize = 64;

/// How large a message may be. The largest that the daemon sends is its whole dataset.
const MAX_MESSAGE: usize = 512 * 1024 * 1024;

/// How much room is kept for the next message, in bytes.
const ROOM: usize = 64 * 1024;

impl<T: Send + 'static> EventStream<T> {
    /// Subscribes to the daemon's events.
    pub(super) async fn open(
        socket: &Path,
        timeout: Duration,
        sift: impl Sift<Sifted = T>,
    ) -> Result<Self, RequestError> {
        let request = serde_json::json!({"action": "events"});
        Ok(Self::over(
            within(timeout, send(socket, &request)).await?,
            sift,
        ))
    }

    /// The events that come on a connection.
    pub(super) fn over(connection: BufReader<UnixStream>, sift: impl Sift<Sifted = T>) -> Self {
        let backlog = Arc::new(Backlog::default());
        let (sender, frames) = mpsc::unbounded_channel();
        let reading = read(connection, sift, sender, backlog.clone());
        Self {
            frames,
            backlog,
            reader: tokio::spawn(reading).abort_handle(),
        }
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

    fn taken(&self, frame: Passed<T>) -> Result<Frame<T>, RequestError> {
        let (frame, size) = frame?;
        self.backlog.size.fetch_sub(size, Ordering::Relaxed);
        if matches!(frame, Frame::Lost) {
            self.backlog.loses.store(false, Ordering::Release);
        }
        Ok(frame)
    }
}

impl<T> Drop for EventStream<T> {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn read<S: Sift>(
    mut connection: BufReader<UnixStream>,
    mut sieve: S,
    frames: mpsc::UnboundedSender<Passed<S::Sifted>>,
    backlog: Arc<Backlog>,
) {
    let mut text = Vec::new();
    let mut losing = false;
    loop {
        text.clear();
        text.shrink_to(ROOM);
        let frame = match receive(&mut connection, MAX_MESSAGE, &mut text).await {
            Ok(true) if losing && backlog.loses.load(Ordering::Acquire) => continue,
            Ok(true) => {
                if std::mem::take(&mut losing) {
                    sieve.lost();
                }
                let waiting = backlog.size.load(Ordering::Relaxed);
                // One that is larger than all that may wait is as good as any where nothing does.
                losing = waiting > 0 && waiting + text.len() > MAX_WAITING;
                if losing {
                    backlog.loses.store(true, Ordering::Release);
                    Ok((Frame::Lost, 0))
                } else {
                    let Some((made, weight)) = sieve.sift(&text) else {
                        continue;
                    };
                    let size = weight + OVERHEAD;
                    backlog.size.fetch_add(size, Ordering::Relaxed);
                    Ok((Frame::Message(made), size))
                }
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
