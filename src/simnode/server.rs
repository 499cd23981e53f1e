//! The raw socket: one request per connection, JSON ended by a NUL, the reply likewise.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::{JoinHandle, JoinSet};

use super::lock;
use super::requests::{self, Reply};
use super::state::{State, Tell};

/// How long the daemon waits for a request.
const REQUEST_TIME: Duration = Duration::from_secs(5);
/// How often an idle node has something to say.
const TICK: Duration = Duration::from_secs(3);

/// A listening daemon; dropping it closes its connections.
pub(super) struct Server {
    task: JoinHandle<()>,
}

impl Server {
    pub(super) fn start(socket: &Path, state: Arc<Mutex<State>>, noise: bool) -> io::Result<Self> {
        // The real daemon replaces its own stale socket too.
        match std::fs::remove_file(socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(socket)?;
        let task = tokio::spawn(serve(listener, state, noise));
        Ok(Self { task })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: UnixListener, state: Arc<Mutex<State>>, noise: bool) {
    // Aborted with this task.
    let mut connections = JoinSet::new();
    let mut tick = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(connection(stream, Arc::clone(&state)));
                }
            }
            _ = tick.tick() => if noise {
                lock(&state).tick();
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// A client that goes away is no concern of the daemon's: errors end the connection.
async fn connection(mut stream: UnixStream, state: Arc<Mutex<State>>) {
    let request = tokio::time::timeout(REQUEST_TIME, read_request(&mut stream)).await;
    let Ok(Ok(request)) = request else {
        return;
    };
    let reply = requests::answer(&state, &request);
    lock(&state).count_connection();
    match reply {
        Reply::Json(reply) => {
            let mut bytes = reply.to_string().into_bytes();
            bytes.push(0);
            stream.write_all(&bytes).await.ok();
        }
        Reply::Stream(events) => {
            push(stream, events).await.ok();
        }
    }
}

async fn read_request(stream: &mut UnixStream) -> io::Result<Value> {
    let mut bytes = Vec::new();
    while bytes.last() != Some(&0) {
        if stream.read_buf(&mut bytes).await? == 0 {
            break;
        }
    }
    let text = bytes.strip_suffix(&[0]).unwrap_or(&bytes);
    Ok(serde_json::from_slice(text)?)
}

async fn push(mut stream: UnixStream, mut events: UnboundedReceiver<Tell>) -> io::Result<()> {
    let mut unexpected = [0; 64];
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Some(Tell::Bytes(bytes)) => stream.write_all(&bytes).await?,
                Some(Tell::Close) | None => return Ok(()),
            },
            // The client has nothing more to say: this is how its end is seen.
            read = stream.read(&mut unexpected) => if read? == 0 {
                return Ok(());
            },
        }
    }
}
