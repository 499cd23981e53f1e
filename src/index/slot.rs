//! One expose in the index: what its configuration asks for, and what Envoy has of it.

use std::sync::Arc;

use super::view::Serving;
use crate::daemon::Info;
use crate::model::{Diagnostic, Socket};
use crate::verdict::Candidate;

/// An expose that the configuration names, for this gateway.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// What the configuration asks for; `None` while it is refused.
    pub(super) wanted: Option<Arc<Candidate>>,
    /// What Envoy has.
    pub(super) served: Option<Arc<Candidate>>,
    /// When it was first served, as a sequence number: the incumbents' rank.
    pub(super) since: Option<u64>,
    /// Why it was refused after its keywords were found to be right.
    pub(super) refusals: Vec<Diagnostic>,
    /// Why `wanted` has no seat, where another expose holds it.
    pub(super) conflict: Option<Box<Diagnostic>>,
    /// The socket that it queues for.
    pub(super) queue: Option<Socket>,
    /// Its keywords as the configuration has them, maybe wrong.
    pub(super) documented: Info,
    /// How many endpoints it has now.
    pub(super) endpoints: usize,
}

impl Slot {
    /// The configuration asks for something that can be served.
    pub(super) fn want(&mut self, candidate: Candidate) {
        self.wanted = Some(Arc::new(candidate));
        self.refusals.clear();
    }

    /// The configuration asks for something that cannot be served.
    pub(super) fn refuse(&mut self, why: Vec<Diagnostic>) {
        self.wanted = None;
        self.conflict = None;
        self.refusals = why;
    }

    /// Whether Envoy has what the configuration asks for.
    pub(super) fn is_settled(&self) -> bool {
        match (&self.wanted, &self.served) {
            (Some(wanted), Some(served)) => Arc::ptr_eq(wanted, served),
            _ => false,
        }
    }

    /// The slot in a word.
    pub(super) fn serving(&self) -> Serving {
        match (&self.wanted, &self.served) {
            _ if self.is_settled() => Serving::Served,
            (_, Some(_)) => Serving::Kept,
            (Some(_), None) if self.conflict.is_none() => Serving::Waiting,
            (_, None) => Serving::Refused,
        }
    }
}
