//! The book itself, kept without a clock: times are told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::change::{Acknowledgement, Change};
use super::envoys::{Envoy, Flight, Refusal};
use super::histogram::Histogram;
use crate::envoy::refusal_text::{own, shortened};
use crate::envoy::{ResourceType, Version};
use crate::snapshot::Snapshot;
use crate::xds::{self, Event, Stream};

/// How many changes are remembered.
const CHANGES: usize = 256;

/// How many Envoys one change remembers as having acknowledged it, for each type.
const ACKNOWLEDGEMENTS: usize = 64;

/// How many different `node.id`s are counted apart; the rest is counted together.
const NODES: usize = 256;

/// What was counted since the start, of one type.
#[derive(Debug, Clone, Default)]
pub struct Counters {
    /// Responses sent.
    pub responses: u64,
    /// Resources in them.
    pub resources: u64,
    /// Their encoded length.
    pub bytes: u64,
    /// Responses accepted.
    pub accepted: u64,
    /// Responses refused, by `node.id`.
    pub refused: BTreeMap<Arc<str>, u64>,
    /// From the event behind a change to its acknowledgement.
    pub event_to_ack: Histogram,
    /// From sending a response to its acknowledgement.
    pub send_to_ack: Histogram,
}

/// What is known at one moment.
#[derive(Debug, Clone)]
pub struct Report {
    /// The newest changes, the last one first.
    pub changes: Vec<Change>,
    /// The connected Envoys, by the number of their stream.
    pub envoys: Vec<Envoy>,
    /// What was counted, by type.
    pub counters: [Counters; ResourceType::ALL.len()],
    /// How often an Envoy connected.
    pub connections: u64,
    /// When what is served was last known to be current, where it was kept from before this process
    /// started and the daemon has not told its own yet.
    pub kept_from: Option<SystemTime>,
    /// When the report was made.
    pub now: Instant,
}

impl Report {
    /// What was counted of a type.
    pub fn of(&self, kind: ResourceType) -> &Counters {
        &self.counters[kind as usize]
    }

    /// How long an Envoy has owed an answer.
    pub fn lag(&self, envoy: &Envoy) -> Duration {
        let since = envoy.waiting_since();
        since.map_or(Duration::ZERO, |since| {
            self.now.saturating_duration_since(since)
        })
    }

    /// How many Envoys have a change and how many do not, of those that were sent any of it.
    pub fn spread(&self, change: &Change) -> (usize, usize) {
        let concerned = self
            .envoys
            .iter()
            .filter(|envoy| envoy.baseline < change.number);
        let mut spread = (0, 0);
        for envoy in concerned {
            let has = |kind| {
                let acknowledged =
                    |a: &Acknowledgement| a.stream == envoy.stream.id && a.kind == kind;
                change.acknowledged.iter().any(acknowledged)
            };
            let mut sent = change
                .parts
                .iter()
                .filter(|p| envoy.of(p.kind).sent.is_some());
            match sent.all(|part| has(part.kind) || envoy.of(part.kind).unacknowledged() == 0) {
                true => spread.0 += 1,
                false => spread.1 += 1,
            }
        }
        spread
    }
}

/// Everything that was told.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    snapshot: Snapshot,
    published: u64,
    changes: VecDeque<Change>,
    envoys: BTreeMap<u64, Envoy>,
    counters: [Counters; ResourceType::ALL.len()],
    connections: u64,
    kept_from: Option<SystemTime>,
}

impl Ledger {
    pub(super) fn serving_since(&mut self, known_at: Option<SystemTime>) {
        self.kept_from = known_at;
    }

    pub(super) fn publishing(&mut self, snapshot: &Snapshot, since: Instant, at: SystemTime) {
        let older = std::mem::replace(&mut self.snapshot, snapshot.clone());
        let number = self.published + 1;
        let Some(change) = Change::between(&older, snapshot, number, since, at) else {
            return;
        };
        self.published = number;
        if self.changes.len() == CHANGES {
            self.changes.pop_front();
        }
        self.changes.push_back(change);
    }

    pub(super) fn observe(
        &mut self,
        stream: &Stream,
        event: &Event<'_>,
        (now, at): (Instant, SystemTime),
    ) {
        match event {
            Event::Opened => {
                self.connections += 1;
                let envoy = Envoy::new(stream.clone(), at, self.published);
                self.envoys.insert(stream.id, envoy);
            }
            Event::Closed => {
                self.envoys.remove(&stream.id);
            }
            Event::Sent {
                kind,
                version,
                nonce,
                resources,
                bytes,
                ..
            } => {
                let change = self.change_of(*kind, *version);
                let counters = &mut self.counters[*kind as usize];
                counters.responses += 1;
                counters.resources += *resources as u64;
                counters.bytes += *bytes as u64;
                if let Some(envoy) = self.envoys.get_mut(&stream.id) {
                    let state = envoy.of_mut(*kind);
                    state.resources += *resources as u64;
                    state.bytes += *bytes as u64;
                    state.depart(Flight {
                        nonce: (*nonce).to_owned(),
                        version: *version,
                        change,
                        sent: now,
                    });
                }
            }
            Event::Accepted {
                kind, nonce, after, ..
            } => {
                let counters = &mut self.counters[*kind as usize];
                counters.accepted += 1;
                counters.send_to_ack.observe(*after);
                self.accepted(stream, *kind, nonce, now);
            }
            Event::Refused(refusal) => self.refused(stream, refusal, at),
            Event::Cleared { kind, name } => {
                if let Some(envoy) = self.envoys.get_mut(&stream.id) {
                    envoy.of_mut(*kind).refusals.remove(*name);
                }
            }
            Event::Withheld { kind, .. } => {
                if let Some(envoy) = self.envoys.get_mut(&stream.id) {
                    envoy.of_mut(*kind).withheld = true;
                }
            }
        }
    }

    /// The newest change that made a type what a version says.
    fn change_of(&self, kind: ResourceType, version: Version) -> Option<u64> {
        let newest_first = self.changes.iter().rev();
        let mut parts = newest_first.filter_map(|c| Some((c.number, c.part(kind)?.version)));
        parts.find(|(_, v)| *v == version).map(|(number, _)| number)
    }

    fn accepted(&mut self, stream: &Stream, kind: ResourceType, nonce: &str, now: Instant) {
        let Some(envoy) = self.envoys.get_mut(&stream.id) else {
            return;
        };
        let baseline = envoy.baseline;
        let state = envoy.of_mut(kind);
        let Some(flight) = state.arrive(nonce) else {
            return;
        };
        state.acknowledged = Some(flight.version);
        let Some(reached) = flight.change else {
            return;
        };
        let known = state.reached.max(baseline);
        state.reached = state.reached.max(reached);
        let counters = &mut self.counters[kind as usize];
        let news = self
            .changes
            .iter_mut()
            .rev()
            .take_while(|c| c.number > known);
        for change in news.filter(|change| change.number <= reached) {
            if change.part(kind).is_none() {
                continue;
            }
            let after = now.saturating_duration_since(change.since);
            counters.event_to_ack.observe(after);
            let same_kind = change.acknowledged.iter().filter(|a| a.kind == kind);
            if same_kind.count() < ACKNOWLEDGEMENTS {
                change.acknowledged.push(Acknowledgement {
                    stream: stream.id,
                    node: stream.node.clone(),
                    kind,
                    after,
                });
            }
        }
    }

    fn refused(&mut self, stream: &Stream, refusal: &xds::Refusal, at: SystemTime) {
        let kind = refusal.kind;
        let refused = &mut self.counters[kind as usize].refused;
        let node = match refused.len() < NODES || refused.contains_key(&stream.node) {
            true => stream.node.clone(),
            false => "(other)".into(),
        };
        *refused.entry(node).or_default() += 1;
        let Some(envoy) = self.envoys.get_mut(&stream.id) else {
            return;
        };
        let state = envoy.of_mut(kind);
        state.arrive(&refusal.nonce);
        let whole = &*refusal.text;
        let told = shortened(whole);
        let is_cut = told.len() != whole.len();
        let told: Arc<str> = told.into();
        for name in &refusal.suspects {
            // What is said of this one may be what was cut off.
            let text = match is_cut && refusal.certain {
                true => shortened(own(whole, name)).into(),
                false => told.clone(),
            };
            let new = Refusal {
                name: name.clone(),
                text,
                certain: refusal.certain,
                at,
            };
            let old = state.refusals.get(name);
            // Tried again, it was refused again: that is since the first time.
            if old.is_none_or(|old| (&old.text, old.certain) != (&new.text, new.certain)) {
                state.refusals.insert(name.clone(), new);
            }
        }
    }

    pub(super) fn report(&self, now: Instant) -> Report {
        Report {
            changes: self.changes.iter().rev().cloned().collect(),
            envoys: self.envoys.values().cloned().collect(),
            counters: self.counters.clone(),
            connections: self.connections,
            kept_from: self.kept_from,
            now,
        }
    }
}

#[cfg(test)]
mod tests;
