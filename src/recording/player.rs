//! Playing a recording as a daemon would: on its socket, at its pace.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use super::{Recording, apply};

/// How large a request may be, and how long it may take.
const LARGEST_REQUEST: u64 = 1 << 20;
const REQUEST_TIME: Duration = Duration::from_secs(5);

/// A daemon that says what a recording says.
#[derive(Debug)]
pub struct Player {
    listener: UnixListener,
    said: Arc<Mutex<Said>>,
    recording: Recording,
}

/// What was said until now, and to whom it is said.
#[derive(Debug)]
struct Said {
    dataset: Value,
    streams: Vec<UnboundedSender<Arc<str>>>,
}

/// What a request gets.
enum Reply {
    /// One document.
    One(Value),
    /// Whatever is said from now on.
    Stream(UnboundedReceiver<Arc<str>>),
}

impl Player {
    /// Binds a unix socket, which must not exist. Needs a tokio runtime.
    ///
    /// # Errors
    /// When it cannot be bound.
    pub fn bind(socket: &Path, recording: Recording) -> io::Result<Self> {
        let listener = UnixListener::bind(socket)?;
        let said = Said {
            dataset: recording.head.status.clone(),
            streams: Vec::new(),
        };
        Ok(Self {
            listener,
            said: Arc::new(Mutex::new(said)),
            recording,
        })
    }

    /// Plays the recording `speed` times as fast as it was made, to all who listen, from the moment
    /// when the first of them does; then serves the last state until this is dropped. `told` hears of
    /// each message.
    pub async fn play(self, speed: f64, mut told: impl FnMut(usize, &Value)) {
        let Self {
            listener,
            said,
            recording,
        } = self;
        let (first, mut listened) = unbounded_channel();
        let serving = serve(listener, said.clone(), first);
        let playing = async {
            listened.recv().await;
            let mut now = 0.0;
            for (number, entry) in recording.entries.iter().enumerate() {
                let pause = (entry.after - now).max(0.0) / speed;
                // A pause that is no time, as of a broken recording, is none.
                let pause = Duration::try_from_secs_f64(pause).unwrap_or_default();
                tokio::time::sleep(pause).await;
                now = entry.after;
                lock(&said).say(&entry.message);
                told(number, &entry.message);
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = serving => {}
            () = playing => {}
        }
    }
}

impl Said {
    /// A message becomes true, and is told to all who listen.
    fn say(&mut self, message: &Value) {
        apply(&mut self.dataset, message);
        let text: Arc<str> = message.to_string().into();
        self.streams
            .retain(|stream| stream.send(text.clone()).is_ok());
    }
}

async fn serve(listener: UnixListener, said: Arc<Mutex<Said>>, first: UnboundedSender<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(connection(stream, said.clone(), first.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// A client that goes away is no concern of the daemon's.
async fn connection(mut stream: UnixStream, said: Arc<Mutex<Said>>, first: UnboundedSender<()>) {
    let request = tokio::time::timeout(REQUEST_TIME, request(&mut stream)).await;
    let Ok(Ok(request)) = request else { return };
    match answer(&request, &said) {
        Reply::One(reply) => {
            let _ = send(&mut stream, &reply.to_string()).await;
        }
        Reply::Stream(mut messages) => {
            // The state is asked for next; what happens from now on may be told.
            let _ = first.send(());
            while let Some(message) = messages.recv().await {
                if send(&mut stream, &message).await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn request(stream: &mut UnixStream) -> io::Result<Value> {
    let mut text = Vec::new();
    let mut limited = stream.take(LARGEST_REQUEST);
    while text.last() != Some(&0) {
        if limited.read_buf(&mut text).await? == 0 {
            break;
        }
    }
    let text = text.strip_suffix(&[0]).unwrap_or(&text);
    Ok(serde_json::from_slice(text)?)
}

async fn send(stream: &mut UnixStream, text: &str) -> io::Result<()> {
    stream.write_all(text.as_bytes()).await?;
    stream.write_all(&[0]).await
}

fn answer(request: &Value, said: &Mutex<Said>) -> Reply {
    let action = request
        .get("action")
        .and_then(Value::as_str)
        .unwrap_or_default();
    match action {
        "daemon_status" => Reply::One(lock(said).dataset.clone()),
        "events" => {
            let (sender, receiver) = unbounded_channel();
            lock(said).streams.push(sender);
            Reply::Stream(receiver)
        }
        "get_secret_key" => {
            let key = request.pointer("/options/key").and_then(Value::as_str);
            let content = key.and_then(stand_in);
            Reply::One(match content {
                Some(content) => json!({"status": 0, "data": content}),
                None => json!({"status": 1, "error": "the key does not exist or has no value"}),
            })
        }
        other => Reply::One(json!({
            "status": 501,
            "error": format!("handler {other} is not supported by a recording"),
        })),
    }
}

/// What stands for the content of a secret's key: a certificate that nobody trusts, and its key.
pub fn stand_in(key: &str) -> Option<&'static str> {
    static PAIR: std::sync::OnceLock<Option<(String, String)>> = std::sync::OnceLock::new();
    let make = || {
        let pair = rcgen::generate_simple_self_signed(["recording.invalid".to_owned()]).ok()?;
        Some((pair.cert.pem(), pair.signing_key.serialize_pem()))
    };
    let (chain, private_key) = PAIR.get_or_init(make).as_ref()?;
    match key {
        "certificate_chain" | "trusted_ca" => Some(chain),
        "private_key" => Some(private_key),
        _ => None,
    }
}

/// The lock, also after a panic elsewhere: what is behind it is valid at every moment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
