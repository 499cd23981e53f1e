//! Following a daemon: subscribe first, read the whole state second, replay what came between.
//!
//! Messages are numbered, the state is not. So the stream is opened before the state is asked for,
//! and every message from then on is applied to it: values are absolute, and one that the state
//! has already changes nothing.

use std::convert::Infallible;
use std::future::pending;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep, sleep_until};

use super::DaemonV2;
use super::backoff::{Backoff, jittered};
use super::change::Change;
use super::message::{Message, message};
use super::replica::Replica;
use super::sieve::{News, Sieve, heard};
use super::socket::{self, Frame};
use crate::daemon::{Link, Publisher, RequestError, Resync};

/// How long the daemon must have been followed for a failure to be a new one.
const STEADY: Duration = Duration::from_secs(10);

/// How long it is not told again that a message is not understood.
const QUIET: Duration = Duration::from_secs(60);

/// How many bytes of messages are kept to replay them on a state that is being read.
const MAX_REPLAY: usize = 16 * 1024 * 1024;

type EventStream = socket::EventStream<News>;

/// Follows a daemon until nobody wants its updates any more.
pub(super) async fn follow(daemon: DaemonV2, publisher: Publisher) {
    let follower = Follower {
        refetch_at: Instant::now(),
        publisher: &publisher,
        replica: Replica::default(),
        started: false,
        pace: Backoff::new(daemon.tempo.resync, daemon.tempo.resync * 30),
        paced_until: Instant::now(),
        due: Instant::now(),
        warned: None,
        daemon,
    };
    tokio::select! {
        never = follower.run() => match never {},
        () = publisher.closed() => {}
    }
}

struct Follower<'p> {
    daemon: DaemonV2,
    publisher: &'p Publisher,
    replica: Replica,
    /// Whether the first full state was published.
    started: bool,
    /// Keeps resynchronisations apart.
    pace: Backoff,
    paced_until: Instant,
    /// When the last one that was asked for may begin.
    due: Instant,
    /// When it was last told that a message is not understood.
    warned: Option<Instant>,
    /// When the whole state is read again, for what no message told.
    refetch_at: Instant,
}

/// The whole state, on its way.
struct Refetch {
    newer: BoxFuture<'static, Result<Replica, RequestError>>,
    /// The messages that mattered since it was asked for; `None` when they were too many.
    since: Option<Vec<Vec<u8>>>,
    bytes: usize,
}

impl Follower<'_> {
    async fn run(mut self) -> Infallible {
        let first = self.daemon.tempo.reconnect;
        let mut backoff = Backoff::new(first, first * 20);
        loop {
            let began = Instant::now();
            let error = match self.session().await {
                Ok(never) => match never {},
                Err(error) => error,
            };
            if began.elapsed() >= STEADY {
                backoff.reset();
            }
            self.waiting(&error.to_string());
            sleep(backoff.next()).await;
        }
    }

    /// Follows one connection until it ends.
    async fn session(&mut self) -> Result<Infallible, RequestError> {
        let options = &self.daemon.options;
        let sieve = Sieve::new(self.publisher.connection().clone());
        let mut stream = EventStream::open(&self.daemon.socket, options.timeout, sieve).await?;
        let mut reason = Resync::Connected;
        loop {
            self.resync(&mut stream, reason).await?;
            reason = self.live(&mut stream).await?;
            tracing::info!(%reason, "reading the daemon's whole state again");
        }
    }

    /// Reads the whole state and publishes it.
    async fn resync(
        &mut self,
        stream: &mut EventStream,
        reason: Resync,
    ) -> Result<(), RequestError> {
        let began = Instant::now();
        if reason != Resync::Connected {
            self.rest(stream, reason).await?;
        }
        self.replica = loop {
            // What was received by now is in the state that is asked for next.
            while stream.try_next()?.is_some() {}
            let (replica, full) = self.daemon.refreshed(self.replica.clone()).await?;
            if self.started || full || began.elapsed() >= self.daemon.tempo.patience {
                break replica;
            }
            self.waiting("the daemon is still evaluating its services");
            sleep(self.daemon.tempo.resync).await;
        };
        self.started = true;
        self.refetch_at = match reason {
            Resync::Connected => Instant::now() + self.daemon.tempo.confirm,
            _ => self.next_refetch(),
        };
        self.publisher.connection().send_modify(|connection| {
            connection.count(reason);
            if !matches!(connection.link, Link::Following { .. }) {
                let since = SystemTime::now();
                connection.link = Link::Following { since };
            }
        });
        self.publisher.publish(self.replica.reset());
        Ok(())
    }

    /// Applies messages until only the whole state can tell more; returns why.
    async fn live(&mut self, stream: &mut EventStream) -> Result<Resync, RequestError> {
        let began = Instant::now();
        let mut refetch = None;
        let reason = loop {
            tokio::select! {
                biased;
                frame = stream.next() => match frame? {
                    Frame::Lost => break Resync::Overflow,
                    Frame::Message(News::Broken { reason, changes }) => {
                        self.patch_roughly(changes);
                        break reason;
                    }
                    Frame::Message(News::Unknown(what)) => self.unknown(&what),
                    Frame::Message(News::Patch { changes, text }) => {
                        if let Err(reason) = self.patch(changes, text, &mut refetch) {
                            break reason;
                        }
                    }
                },
                newer = fetched(&mut refetch) => {
                    if let Some(refetch) = refetch.take() {
                        self.refetched(newer, refetch);
                    }
                },
                () = sleep_until(self.refetch_at), if refetch.is_none() => {
                    self.refetch_at = self.next_refetch();
                    let (daemon, known) = (self.daemon.clone(), self.replica.clone());
                    refetch = Some(Refetch::new(daemon, known));
                }
            }
        };
        if began.elapsed() >= STEADY {
            self.pace.reset();
        }
        Ok(reason)
    }

    /// Takes note of a message that is not understood: the whole state may tell what it says.
    fn unknown(&mut self, what: &str) {
        let told = self.warned.is_some_and(|at| at.elapsed() < QUIET);
        if !told {
            self.warned = Some(Instant::now());
            tracing::warn!(%what, "the daemon sent a message that is not understood");
        }
        self.count(Resync::Unknown);
        self.refetch_at = self.refetch_at.min(self.pace());
        heard(self.publisher.connection(), false);
    }

    /// Applies one message. Fails where only the whole state can tell more.
    fn patch(
        &mut self,
        changes: Vec<Change>,
        text: Vec<u8>,
        refetch: &mut Option<Refetch>,
    ) -> Result<(), Resync> {
        if let Err(anomaly) = self.replica.apply(changes) {
            tracing::debug!(%anomaly, "a change does not fit");
            return Err(Resync::Anomaly);
        }
        if let Some(refetch) = refetch {
            refetch.keep(text);
        }
        self.publish_changes();
        Ok(())
    }

    /// Applies what it can of a message, though one before it was missed: values are absolute, and the whole
    /// state, which tells the rest, may be some time away.
    fn patch_roughly(&mut self, changes: Vec<Change>) {
        let _ = self.replica.apply(changes);
        self.publish_changes();
    }

    /// Publishes what a message changed, and counts it.
    fn publish_changes(&mut self) {
        let update = self.replica.take();
        heard(self.publisher.connection(), update.is_some());
        if let Some(update) = update {
            self.publisher.publish(update);
        }
    }

    /// Publishes what the whole state has and no message told.
    fn refetched(&mut self, newer: Result<Replica, RequestError>, refetch: Refetch) {
        let (mut newer, since) = match (newer, refetch.since) {
            (Ok(newer), Some(since)) => (newer, since),
            (Ok(_), None) => return,
            (Err(error), _) => {
                tracing::warn!(%error, "the daemon's whole state could not be read");
                return;
            }
        };
        for text in since {
            if let Message::Patch { changes, .. } = message(&text) {
                // The state may be newer than the message, which then need not fit.
                let _ = newer.apply(changes);
            }
        }
        newer.supersede(&self.replica);
        self.replica = newer;
        if let Some(update) = self.replica.take() {
            self.count(Resync::Drift);
            self.publisher.publish(update);
        }
    }

    fn next_refetch(&self) -> Instant {
        Instant::now() + jittered(self.daemon.options.refetch, 0.1)
    }

    /// When the whole state may be read because of what the stream said. Whatever is said before then is
    /// answered by that reading too.
    fn pace(&mut self) -> Instant {
        let now = Instant::now();
        if self.due <= now {
            self.due = self.paced_until.max(now);
            self.paced_until = self.due + self.pace.next();
        }
        self.due
    }

    /// Waits until the whole state may be read. What the stream tells meanwhile is in that state, and does not
    /// wait for it; but another daemon's messages mean nothing before it is known what they are about.
    async fn rest(
        &mut self,
        stream: &mut EventStream,
        mut reason: Resync,
    ) -> Result<(), RequestError> {
        let until = self.pace();
        loop {
            let frame = tokio::select! {
                frame = stream.next() => frame?,
                () = sleep_until(until) => return Ok(()),
            };
            match frame {
                Frame::Message(News::Broken {
                    reason: Resync::Restart,
                    ..
                }) => reason = Resync::Restart,
                Frame::Message(News::Patch { changes, .. } | News::Broken { changes, .. })
                    if reason != Resync::Restart =>
                {
                    self.patch_roughly(changes);
                }
                _ => {}
            }
        }
    }

    fn count(&self, reason: Resync) {
        let connection = self.publisher.connection();
        connection.send_modify(|connection| connection.count(reason));
    }

    /// Notes that the daemon is not being followed. What was published stays true.
    fn waiting(&self, error: &str) {
        self.publisher.connection().send_if_modified(|connection| {
            let since = match &connection.link {
                Link::Waiting { error: known, .. } if known == error => return false,
                Link::Waiting { since, .. } => *since,
                Link::Starting | Link::Following { .. } => SystemTime::now(),
            };
            tracing::warn!(%error, "waiting for the daemon");
            let error = error.to_string();
            connection.link = Link::Waiting { since, error };
            true
        });
    }
}

impl Refetch {
    fn new(daemon: DaemonV2, known: Replica) -> Self {
        let newer = async move {
            let (newer, _) = daemon.refreshed(known).await?;
            Ok(newer)
        };
        Self {
            newer: newer.boxed(),
            since: Some(Vec::new()),
            bytes: 0,
        }
    }

    fn keep(&mut self, text: Vec<u8>) {
        self.bytes += text.len();
        if self.bytes > MAX_REPLAY {
            self.since = None;
        } else if let Some(since) = &mut self.since {
            since.push(text);
        }
    }
}

/// The whole state that was asked for, if it was.
async fn fetched(refetch: &mut Option<Refetch>) -> Result<Replica, RequestError> {
    match refetch {
        Some(refetch) => (&mut refetch.newer).await,
        None => pending().await,
    }
}
