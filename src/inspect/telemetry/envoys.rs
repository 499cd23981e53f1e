//! What one Envoy has, as far as its stream tells.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::envoy::{ResourceType, Version};
use crate::xds::Stream;

/// How many unacknowledged responses of a type are remembered; the server sends fewer.
const FLIGHTS: usize = 128;

/// A connected Envoy: one stream.
#[derive(Debug, Clone)]
pub struct Envoy {
    /// Who it is.
    pub stream: Stream,
    /// When it connected.
    pub connected: SystemTime,
    /// The change that was the newest when it connected: what came before was no news to it.
    pub(super) baseline: u64,
    types: [TypeState; ResourceType::ALL.len()],
}

/// What an Envoy has of one type.
#[derive(Debug, Clone, Default)]
pub struct TypeState {
    /// The version that was last sent.
    pub sent: Option<Version>,
    /// The version that it last acknowledged.
    pub acknowledged: Option<Version>,
    /// How many resources it was sent.
    pub resources: u64,
    /// How many bytes it was sent.
    pub bytes: u64,
    /// Resources were kept from it, as they hold private keys and its transport keeps none.
    pub withheld: bool,
    /// What it refused, and not yet accepted in that version or another.
    pub refusals: BTreeMap<Arc<str>, Refusal>,
    /// The newest change that it acknowledged.
    pub(super) reached: u64,
    flights: VecDeque<Flight>,
}

/// A resource that an Envoy refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The resource.
    pub name: Arc<str>,
    /// Envoy's words; their beginning where they are long.
    pub text: Arc<str>,
    /// Whether it is known to be at fault, and not only one of those that may be.
    pub certain: bool,
    /// When.
    pub at: SystemTime,
}

/// A response that is not acknowledged yet.
#[derive(Debug, Clone)]
pub(super) struct Flight {
    pub(super) nonce: String,
    pub(super) version: Version,
    /// The newest change that it carries, where the version is one that was published.
    pub(super) change: Option<u64>,
    /// When it was sent.
    pub(super) sent: Instant,
}

impl Envoy {
    pub(super) fn new(stream: Stream, connected: SystemTime, baseline: u64) -> Self {
        Self {
            stream,
            connected,
            baseline,
            types: Default::default(),
        }
    }

    /// What it has of a type.
    pub fn of(&self, kind: ResourceType) -> &TypeState {
        &self.types[kind as usize]
    }

    pub(super) fn of_mut(&mut self, kind: ResourceType) -> &mut TypeState {
        &mut self.types[kind as usize]
    }

    /// Every refusal, with the type of what was refused.
    pub fn refusals(&self) -> impl Iterator<Item = (ResourceType, &Refusal)> {
        let kinds = ResourceType::ALL.into_iter();
        kinds.flat_map(|kind| self.of(kind).refusals.values().map(move |r| (kind, r)))
    }

    /// When the oldest response was sent that it owes an answer to.
    pub fn waiting_since(&self) -> Option<Instant> {
        let flights = self.types.iter().filter_map(|t| t.flights.front());
        flights.map(|flight| flight.sent).min()
    }
}

impl TypeState {
    /// How many responses are not acknowledged yet.
    pub fn unacknowledged(&self) -> usize {
        self.flights.len()
    }

    pub(super) fn depart(&mut self, flight: Flight) {
        if self.flights.len() == FLIGHTS {
            self.flights.pop_front();
        }
        self.sent = Some(flight.version);
        self.flights.push_back(flight);
    }

    /// Takes the answer to a response; those before it will not be answered any more.
    pub(super) fn arrive(&mut self, nonce: &str) -> Option<Flight> {
        let at = self.flights.iter().position(|f| f.nonce == nonce)?;
        self.flights.drain(..=at).next_back()
    }
}
