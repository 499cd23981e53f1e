//! One stream's conversation with its client, without any I/O.
//!
//! A [`Session`] is told what happens ([`request`](Session::request), [`update`](Session::update))
//! and asked what to send ([`poll`](Session::poll)). It never queues responses: it keeps what its
//! client has, as the difference from a snapshot, and makes the next response when the transport can
//! take one. So a slow client costs nothing but its own delay, and gets the newest state.
//!
//! The rules are those of Envoy's xDS protocol description ("xDS REST and gRPC protocol"):
//!
//! | section there | here |
//! |---|---|
//! | How the client specifies what resources to return | `subscription` |
//! | ACK/NACK and resource type instance version; Deletion | `answers` |
//! | Incremental xDS; Subscribing to resources | `inbound`, `outbound` |
//! | Eventual consistency considerations | `order`, `newcomers`, `successors` |
//! | Resource warming (endpoints after their cluster) | `newcomers`, `outbound` |
//! | ACK/NACK: what becomes of a refused update | `refusal`, `search` |
//!
//! Choices where the protocol leaves one:
//!
//! - State-of-the-world responses for endpoints, secrets and routes hold only what changed.
//! - A listener or route that names a cluster that the client does not have yet waits until the
//!   cluster is acknowledged and its endpoints were sent; a removal waits until everything that named
//!   the resource is acknowledged away. Neither waits longer than [`FALLBACK`] for a client that says
//!   nothing. What names a cluster that the client *refused* waits until that is mended.
//! - The listener of an expose that moves to another socket is removed after the other one was acknowledged, and
//!   stays while that is refused; but a client that connects anew is not told of what was removed.
//! - A client that asks for everything is answered when all of it can be sent, and not with what does not wait.
//!   An Envoy is ready with the first answer about its listeners, be it empty, so it would be ready too early.
//!   Nothing waits for what was refused.
//! - An Envoy that refuses a response is answered with what puts that right, never with what it refused.
//!   A client that is not known to be an Envoy, by its `user_agent_name` or its words, is sent nothing
//!   before something changes, or [`PATIENCE`](search::PATIENCE) has passed.
//! - The assignment of endpoints follows each cluster that was sent, as Envoy keeps a changed cluster
//!   warming until it comes.
//! - A state-of-the-world client that reconnects and refuses something keeps what it has instead, which
//!   is not known, as long as it takes everything else; where it does not, what it refuses is left out.
//! - A client should answer each response. A state-of-the-world client that answers a later one has also
//!   accepted the earlier ones; if it refuses, the error may concern any of them, since a busy Envoy reports
//!   only its last error.
//! - A client that reconnects with the current version of all clusters or all listeners is sent none
//!   of them again, unless it says in the same request that it refuses something. What it took since of a
//!   response that it refused, which it does not tell otherwise, it keeps until the next response.

mod answers;
mod batch;
mod cohort;
mod compose;
mod flight;
mod has;
mod inbound;
mod lane;
mod ledger;
mod listed;
mod newcomers;
mod order;
mod outbound;
mod refusal;
mod search;
mod shared;
mod status;
mod subscription;
mod successors;
mod view;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::alphabet::URL_SAFE;

pub use status::{ConfigStatus, ResourceStatus};

pub use batch::Batches;

use has::Has;
use lane::Lane;
use newcomers::Newcomers;
use view::View;

use super::wire::Response;
use super::{Event, Observer, Stream};
use crate::envoy::ResourceType;
use crate::envoy::Variant;
use crate::snapshot::Snapshot;

/// How long something waits for a client that does not acknowledge.
pub const FALLBACK: Duration = Duration::from_secs(5);

/// How long a client that just connected is given to ask for the other types it wants.
pub const SETTLE: Duration = Duration::from_millis(500);

/// How many responses of a type may be unacknowledged before changes are gathered instead; of those that
/// tell all of a type, one (`has_window`).
const WINDOW: usize = 64;

/// How long these may be together, in bytes, if they are more than one. A route configuration of
/// thousands of services is sent as often as the client takes it, and not for each that comes or goes.
const WINDOW_BYTES: usize = 16 << 20;

/// The size from which a response that may be split is: bytes of encoded resources.
const CHUNK: usize = 256 << 10;

/// How many answers about unknown types may wait.
const STRAYS: usize = 16;

/// What the streams of a transport have in common.
#[derive(Clone)]
pub struct Common {
    /// `control_plane.identifier` in every response.
    pub identifier: Arc<str>,
    /// The transport's name.
    pub transport: Arc<str>,
    /// Whether private keys are served.
    pub confidential: bool,
    /// Who is told what happens.
    pub observer: Arc<dyn Observer>,
    /// What clients are told first, made for one and of use for the next.
    pub batches: Batches,
}

/// A request that ends the stream with `INVALID_ARGUMENT`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// The first request must say who asks.
    #[error("the first request of a stream must carry `node`, with the id of this Envoy")]
    NoNode,
    /// An aggregated stream carries several types.
    #[error("a request on an aggregated stream must carry `type_url`")]
    NoType,
    /// A per-type stream carries one.
    #[error("this stream serves {expected} only, not {got}")]
    ForeignType {
        /// The stream's type.
        expected: &'static str,
        /// The type asked for.
        got: String,
    },
    /// Names are text.
    #[error("a resource name is not UTF-8")]
    BadName,
    /// The other variant's request.
    #[error("a {got:?} request on a {expected:?} stream")]
    ForeignVariant {
        /// The stream's variant.
        expected: Variant,
        /// The request's variant.
        got: Variant,
    },
}

/// One stream.
pub struct Session {
    stream: Stream,
    common: Common,
    opened: bool,
    /// Whether the client says that it is an Envoy.
    is_envoy: bool,
    /// What the client has, but for what its lanes say.
    view: View,
    /// Whether the view is a state and not the absence of one.
    live: bool,
    lanes: [Option<Lane>; ResourceType::ALL.len()],
    newcomers: Newcomers,
    /// Answers about types that are not served.
    strays: VecDeque<Response>,
    /// The number that the last nonce says.
    nonces: u64,
    deadline: Option<Instant>,
    withheld_told: bool,
}

impl Session {
    /// A stream that was just opened. `id` is unlike that of any other stream of this process;
    /// `scope` is the only type of a per-type stream.
    pub fn new(id: u64, variant: Variant, scope: Option<ResourceType>, common: Common) -> Self {
        Self {
            stream: Stream {
                id,
                node: "".into(),
                gateway: "".into(),
                variant,
                scope,
                transport: common.transport.clone(),
            },
            opened: false,
            is_envoy: false,
            view: View::new(Arc::default(), common.confidential),
            common,
            live: false,
            lanes: Default::default(),
            newcomers: Newcomers::default(),
            strays: VecDeque::new(),
            nonces: first_nonce(),
            deadline: None,
            withheld_told: false,
        }
    }

    /// There is a newer state.
    pub fn update(&mut self, snapshot: Arc<Snapshot>) {
        let newer = self.view.of(snapshot);
        for kind in ResourceType::ALL {
            let Some(lane) = self.lanes[kind as usize].as_mut() else {
                continue;
            };
            for (name, old) in newer.changes(&self.view, kind) {
                lane.first.clear();
                if lane.subscription.wants(name) {
                    lane.ledger.touch(name, Has::sent(old));
                }
            }
            if !self.live {
                lane.recall(kind, &newer);
            }
        }
        self.view = newer;
        self.live = true;
    }

    /// When to poll again although nothing happened; told by the last [`poll`](Self::poll).
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Who the client is; `None` before it said so.
    pub fn stream(&self) -> Option<&Stream> {
        self.opened.then_some(&self.stream)
    }

    fn lane(&self, kind: ResourceType) -> Option<&Lane> {
        self.lanes[kind as usize].as_ref()
    }

    fn lane_mut(&mut self, kind: ResourceType) -> Option<&mut Lane> {
        self.lanes[kind as usize].as_mut()
    }

    fn is_aggregated(&self) -> bool {
        self.stream.scope.is_none()
    }

    /// Whether each response tells all of a type: what it leaves out, it removes.
    fn is_whole(&self, kind: ResourceType) -> bool {
        self.stream.variant == Variant::StateOfTheWorld && kind.is_full_state()
    }

    fn tell(&self, event: &Event<'_>) {
        self.common.observer.observe(&self.stream, event);
    }

    /// A nonce that no other response of the stream has: a number, as short as it can be, since each
    /// response and its answer carry it.
    fn next_nonce(&mut self) -> String {
        self.nonces += 1;
        let digits = URL_SAFE.as_str().as_bytes();
        let rest = |rest: &u64| Some(rest / 64).filter(|rest| *rest > 0);
        let places = std::iter::successors(Some(self.nonces), rest);
        places
            .map(|rest| digits[(rest % 64) as usize] as char)
            .collect()
    }
}

/// The number before a stream's first nonce. A client that comes back may answer with a nonce of its last
/// stream, be it to a process before this one, and must not be taken to answer a response of this one.
fn first_nonce() -> u64 {
    RandomState::new().hash_one(()) % 2048
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.opened {
            self.tell(&Event::Closed);
        }
    }
}
