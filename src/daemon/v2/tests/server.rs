//! A daemon that does what a test says.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::daemon::v2::{DaemonV2, Options, Tempo};
use crate::daemon::{Update, Updates};

/// Longer than anything here takes: a test that waits for it fails.
const LONG: Duration = Duration::from_secs(20);

pub(super) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, what).await.expect("in time")
}

/// The socket, and the requests that arrive there.
pub(super) struct Script {
    dir: TempDir,
    accepting: Option<AbortHandle>,
    requests: mpsc::UnboundedReceiver<Asked>,
    sender: mpsc::UnboundedSender<Asked>,
}

impl Script {
    /// A socket that nobody listens on.
    pub(super) fn down() -> Self {
        let (sender, requests) = mpsc::unbounded_channel();
        Self {
            dir: TempDir::new().unwrap(),
            accepting: None,
            requests,
            sender,
        }
    }

    pub(super) fn up() -> Self {
        let mut script = Self::down();
        script.start();
        script
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("lsnr.sock")
    }

    pub(super) fn start(&mut self) {
        let _ = std::fs::remove_file(self.socket());
        let listener = UnixListener::bind(self.socket()).unwrap();
        let sender = self.sender.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut stream = BufReader::new(stream);
                let mut text = Vec::new();
                stream.read_until(0, &mut text).await.unwrap();
                assert_eq!(text.pop(), Some(0), "a request ends with a NUL byte");
                let request = serde_json::from_slice(&text).unwrap();
                let _ = sender.send(Asked { request, stream });
            }
        });
        self.accepting = Some(accepting.abort_handle());
    }

    /// Stops listening; the file stays, as a stopped daemon's does.
    pub(super) fn stop(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
        }
    }

    pub(super) fn daemon(&self) -> DaemonV2 {
        self.daemon_with(Duration::from_secs(3600), Duration::from_secs(30))
    }

    pub(super) fn daemon_with(&self, refetch: Duration, timeout: Duration) -> DaemonV2 {
        let mut daemon = DaemonV2::new(self.socket(), Options { refetch, timeout });
        daemon.tempo = Tempo {
            reconnect: Duration::from_millis(5),
            resync: Duration::from_millis(5),
            patience: Duration::from_secs(3600),
            confirm: refetch,
        };
        daemon
    }

    /// A daemon whose state is read once more at once, and then never again.
    pub(super) fn daemon_confirmed(&self) -> DaemonV2 {
        let mut daemon = self.daemon();
        daemon.tempo.confirm = Duration::from_millis(5);
        daemon
    }

    /// The next request, which is for an action.
    pub(super) async fn asked(&mut self, action: &str) -> Asked {
        let asked = soon(self.requests.recv()).await.unwrap();
        assert_eq!(asked.request["action"], action);
        asked
    }

    /// Lets a client follow: its stream is opened and it is told a first state.
    pub(super) async fn followed(&mut self, updates: &mut Updates, dataset: &Value) -> Asked {
        let events = self.asked("events").await;
        self.asked("daemon_status").await.reply(dataset).await;
        assert!(matches!(next(updates).await, Update::Reset { .. }));
        events
    }

    /// Whether a request arrived that nobody took.
    pub(super) fn is_asked(&mut self) -> bool {
        !self.requests.is_empty()
    }
}

/// A request, and the connection to reply on.
pub(super) struct Asked {
    pub(super) request: Value,
    stream: BufReader<UnixStream>,
}

impl Asked {
    pub(super) async fn send(&mut self, text: &[u8]) {
        soon(self.stream.write_all(text)).await.unwrap();
    }

    pub(super) async fn message(&mut self, message: &Value) {
        let mut text = message.to_string().into_bytes();
        text.push(0);
        self.send(&text).await;
    }

    /// Sends a patch.
    pub(super) async fn patch(&mut self, id: u64, entries: Value) {
        let patch = json!({"kind": "patch", "id": id, "ts": 1.5, "data": entries});
        self.message(&patch).await;
    }

    pub(super) async fn reply(mut self, reply: &Value) {
        self.message(reply).await;
    }

    /// The same to a client that may have lost interest.
    pub(super) async fn offer(mut self, reply: &Value) {
        let mut text = reply.to_string().into_bytes();
        text.push(0);
        let _ = soon(self.stream.write_all(&text)).await;
    }

    /// Waits for the client to close.
    pub(super) async fn closed(mut self) {
        let mut rest = Vec::new();
        let _ = soon(self.stream.read_to_end(&mut rest)).await;
    }
}

pub(super) async fn next(updates: &mut Updates) -> Update {
    soon(updates.next()).await.unwrap()
}
