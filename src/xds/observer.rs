//! What happens on streams, told to whoever wants to know: logs, metrics, the HTTP interface.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::told::Told;
use crate::envoy::refusal_text::on_one_line;
use crate::envoy::{ResourceType, Variant, Version};

/// A client's stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// A number that no other stream of this process has.
    pub id: u64,
    /// The client's `node.id`.
    pub node: Arc<str>,
    /// The client's `node.cluster`.
    pub gateway: Arc<str>,
    /// State of the world or delta.
    pub variant: Variant,
    /// The only type of a per-type stream; `None` for an aggregated one.
    pub scope: Option<ResourceType>,
    /// Which listener it came by, as named in [`Transport`](super::Transport).
    pub transport: Arc<str>,
}

/// Something that happened on a stream.
#[derive(Debug)]
pub enum Event<'a> {
    /// The first request told who the client is.
    Opened,
    /// The stream ended; nothing follows.
    Closed,
    /// A response was handed to the transport.
    Sent {
        /// The type of its resources.
        kind: ResourceType,
        /// The version of the type as a whole.
        version: Version,
        /// Its nonce.
        nonce: &'a str,
        /// How many resources it holds.
        resources: usize,
        /// How many names it removes.
        removed: usize,
        /// Its encoded length.
        bytes: usize,
    },
    /// A response was accepted (ACK).
    Accepted {
        /// The type of its resources.
        kind: ResourceType,
        /// The version of the type as a whole.
        version: Version,
        /// Its nonce.
        nonce: &'a str,
        /// The time from sending it.
        after: Duration,
    },
    /// A response was refused (NACK).
    Refused(&'a Refusal),
    /// What was a suspect in a refusal is not refused: it was accepted, changed and was accepted then, or
    /// is no more.
    Cleared {
        /// The resource's type.
        kind: ResourceType,
        /// The resource's name.
        name: &'a str,
    },
    /// A resource with a private key was wanted on a transport that serves none; told once per stream.
    Withheld {
        /// The resource's type.
        kind: ResourceType,
        /// The resource's name.
        name: &'a str,
    },
}

/// A response that a client refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The type of its resources.
    pub kind: ResourceType,
    /// The version of the type as a whole.
    pub version: Version,
    /// Its nonce.
    pub nonce: String,
    /// The client's words.
    pub text: String,
    /// The names that the response carried.
    pub names: Vec<Arc<str>>,
    /// Those of them that the refusal may be about; none where the client refused what it had.
    pub suspects: Vec<Arc<str>>,
    /// Whether it is about each of them, because the client said so or there is no other. Where it is
    /// not, refusals of fewer follow while the search goes on.
    pub certain: bool,
    /// What the suspects are made of: the same for the same resources.
    pub content: Version,
}

impl Refusal {
    fn subject(&self) -> String {
        match self.suspects.len() {
            _ if self.certain => "an update".into(),
            0 => "what it has".into(),
            suspects => format!("one of {suspects} resources, which is looked for"),
        }
    }
}

/// Is told of every event, in order, on the stream's own task: it must not block.
pub trait Observer: Send + Sync {
    /// Something happened on a stream.
    fn observe(&self, stream: &Stream, event: &Event<'_>);
}

/// Two observers are one: the first is told first.
impl<A: Observer, B: Observer> Observer for (A, B) {
    fn observe(&self, stream: &Stream, event: &Event<'_>) {
        self.0.observe(stream, event);
        self.1.observe(stream, event);
    }
}

impl<T: Observer> Observer for Arc<T> {
    fn observe(&self, stream: &Stream, event: &Event<'_>) {
        T::observe(self, stream, event);
    }
}

/// Writes events to the log: refusals and withheld keys as warnings, once each; the rest at debug
/// level.
#[derive(Debug, Default)]
pub struct Log {
    told: Mutex<Told>,
    withheld: AtomicBool,
}

impl Log {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Log {
    fn observe(&self, stream: &Stream, event: &Event<'_>) {
        let node = &*stream.node;
        match event {
            Event::Opened => tracing::info!(
                node,
                stream = stream.id,
                variant = ?stream.variant,
                scope = ?stream.scope,
                transport = &*stream.transport,
                "Envoy connected"
            ),
            Event::Closed => tracing::info!(node, stream = stream.id, "Envoy disconnected"),
            Event::Sent {
                kind,
                version,
                nonce,
                resources,
                removed,
                bytes,
            } => {
                tracing::debug!(node, ?kind, %version, nonce, resources, removed, bytes, "sent");
            }
            Event::Accepted {
                kind,
                version,
                nonce,
                after,
            } => {
                tracing::debug!(node, ?kind, %version, nonce, ?after, "accepted");
            }
            Event::Refused(refusal) if self.told().is_new(node, refusal) => tracing::warn!(
                node,
                kind = ?refusal.kind,
                version = %refusal.version,
                resources = ?refusal.suspects.iter().take(5).collect::<Vec<_>>(),
                "Envoy refused {}: {}",
                refusal.subject(),
                on_one_line(&refusal.text)
            ),
            Event::Refused(refusal) => {
                tracing::debug!(node, kind = ?refusal.kind, version = %refusal.version, "refused again");
            }
            Event::Cleared { kind, name } => {
                self.told().cleared(node, *kind, name);
                tracing::debug!(node, ?kind, name, "not refused any more");
            }
            Event::Withheld { kind, name } if !self.withheld.swap(true, Ordering::Relaxed) => {
                tracing::warn!(
                    node,
                    ?kind,
                    name,
                    transport = &*stream.transport,
                    "private keys are not served on this transport: connect Envoy by the unix socket"
                );
            }
            Event::Withheld { kind, name } => tracing::debug!(node, ?kind, name, "withheld"),
        }
    }
}
