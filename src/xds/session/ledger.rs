//! What a client has of one type, kept as the difference from a snapshot.
//!
//! A stream remembers one snapshot, which its client has *but for* the names here: those not yet
//! sent, those sent and not yet acknowledged, and those refused. So a stream's memory and work are
//! those of what is under way, whatever the snapshot holds. What refusals do to it is in `search`.
//!
//! What a client that has nothing is told first is not kept name by name, but in the batches that other
//! clients are told as well. A name of which there is something else to say is pending, and its batch with it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use foldhash::HashSet;

use super::batch::{Batch, Untold, Wanted};
use super::flight::{Flight, Item};
use super::has::Has;
use super::search::{Group, Held, Search};
use crate::envoy::Resource;

/// Up to how many names are dealt with one by one.
const FEW: usize = 16;

/// How many batches of names that were asked for one list after the other may wait: each is searched for each
/// name of which there is something else to say.
const MANY_BATCHES: usize = 64;

/// What is known of each name in a batch, but whether it was asked for, which the batch says.
static UNTOLD: Pending = Pending {
    has: Has::Nothing,
    maybe: Has::Nothing,
    demanded: false,
    group: None,
};

/// A name under which the client may not have what it should.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    /// What it has.
    pub(super) has: Has,
    /// What it may have instead: an update that it refused, and maybe took in part.
    pub(super) maybe: Has,
    /// Whether it must be answered even if it has the right content: it asked.
    pub(super) demanded: bool,
    /// The suspects with which it is tried again.
    pub(super) group: Option<Group>,
}

impl Pending {
    /// Something that the client has not.
    fn anew(demanded: bool) -> Self {
        Self {
            demanded,
            ..Self::of(Has::Nothing, Has::Nothing)
        }
    }

    fn of(has: Has, maybe: Has) -> Self {
        Self {
            has,
            maybe,
            demanded: false,
            group: None,
        }
    }

    /// Whether the client has this content, without doubt.
    pub(super) fn surely_has(&self, resource: &Resource) -> bool {
        self.has.is(resource) && (self.maybe.is_nothing() || self.maybe.is(resource))
    }

    /// Whether the client has nothing, without doubt.
    pub(super) fn surely_has_nothing(&self) -> bool {
        self.has.is_nothing() && self.maybe.is_nothing()
    }
}

/// What a client has of one type, beside the snapshot.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// What it was not told yet of all that it is to have, as it has nothing; what there is to say of a name
    /// alone is pending instead.
    pub(super) untold: Untold,
    pub(super) pending: BTreeMap<Arc<str>, Pending>,
    pub(super) flights: VecDeque<Flight>,
    /// What the client refused and is not sent again.
    pub(super) held: BTreeMap<Arc<str>, Held>,
    /// The search for what was refused.
    pub(super) search: Search,
    /// The names that the client stopped to want while responses were under way.
    abandoned: HashSet<Arc<str>>,
}

impl Ledger {
    /// A name's target changed. `had` is the target until now, which the client is taken to have. What
    /// was refused of it no longer matters.
    pub(super) fn touch(&mut self, name: &Arc<str>, had: Has) -> &mut Pending {
        self.unfold(name);
        let held = self.held.remove(name);
        let (has, maybe) = held.map_or((had, Has::Nothing), |held| (held.has, held.maybe));
        let pending = self.pending.entry(name.clone());
        let pending = pending.or_insert_with(|| Pending::of(has, maybe));
        pending.group = None;
        pending
    }

    /// The client asked for a name: it is answered even if it has the right content, or refused the
    /// newest.
    pub(super) fn demand(&mut self, name: &Arc<str>, had: Has) -> &mut Pending {
        self.unfold(name);
        let held = self.held.get(name);
        let is = || match held {
            Some(held) => Pending::of(held.has.clone(), held.maybe.clone()),
            None => Pending::of(had, Has::Nothing),
        };
        let pending = self.pending.entry(name.clone()).or_insert_with(is);
        pending.demanded = true;
        pending
    }

    /// A client asked for what it did not want until now, and has nothing of: names, or everything.
    pub(super) fn want_batches(&mut self, wanted: &Wanted) {
        if self.untold.len() < MANY_BATCHES {
            self.untold.extend(&wanted.batches);
        } else {
            wanted.batches.iter().for_each(|batch| self.add(batch));
        }
        self.demand_all(&wanted.others);
    }

    /// Whether no response is under way with a name that the client stopped to want.
    pub(super) fn nothing_is_abandoned(&self) -> bool {
        self.abandoned.is_empty()
    }

    /// The client asked for names that it did not want until now.
    pub(super) fn demand_all(&mut self, names: &[Arc<str>]) {
        if self.is_blank() {
            let demanded = |name: &Arc<str>| (name.clone(), Pending::anew(true));
            self.pending = names.iter().map(demanded).collect();
            return;
        }
        for name in names {
            let coming = self.coming(name);
            self.demand(name, coming);
        }
    }

    /// A client that has nothing wants everything; of some names, it is to hear again.
    pub(super) fn want_all<'a>(
        &mut self,
        names: impl Iterator<Item = &'a Arc<str>>,
        is_demanded: impl Fn(&str) -> bool,
    ) {
        let wanted = names.map(|name| (name.clone(), Pending::anew(is_demanded(name))));
        self.pending = wanted.collect();
    }

    /// Whether all that is to be said is in batches, which say all of the type.
    pub(super) fn is_untold_only(&self) -> bool {
        self.pending.is_empty() && self.held.is_empty() && self.flights.is_empty()
    }

    /// From now on, there is something else to say of a name than of the others in its batch.
    fn unfold(&mut self, name: &str) {
        if let Some(batch) = self.untold.take_with(name) {
            self.add(&batch);
        }
    }

    /// Deals with the names in the batches one by one.
    pub(super) fn unfold_all(&mut self) {
        while let Some(batch) = self.untold.next() {
            self.add(&batch);
        }
    }

    fn add(&mut self, batch: &Batch) {
        for item in &*batch.items {
            let pending = self.pending.entry(item.name.clone());
            // What is known of a name already counts.
            let pending = pending.or_insert_with(|| Pending::anew(false));
            pending.demanded |= batch.is_asked;
        }
    }

    /// Whether nothing was ever sent, nor is to be.
    pub(super) fn is_blank(&self) -> bool {
        self.is_settled()
            && self.held.is_empty()
            && self.flights.is_empty()
            && self.abandoned.is_empty()
    }

    /// Whether there is nothing to say.
    pub(super) fn is_settled(&self) -> bool {
        self.pending.is_empty() && self.untold.is_empty()
    }

    /// The client no longer wants a name.
    pub(super) fn forget(&mut self, name: &Arc<str>) {
        self.unfold(name);
        self.pending.remove(name);
        self.held.remove(name);
        if !self.flights.is_empty() {
            self.abandoned.insert(name.clone());
        }
    }

    /// The client no longer wants any but some names.
    pub(super) fn retain(&mut self, mut wanted: impl FnMut(&str) -> bool) {
        self.unfold_all();
        self.pending.retain(|name, _| wanted(name));
        self.held.retain(|name, _| wanted(name));
    }

    /// The client has the whole snapshot after all.
    pub(super) fn clear_pending(&mut self) {
        self.pending.clear();
        self.untold = Untold::default();
    }

    /// What is known of a name under which the client may not have what it should.
    pub(super) fn pending_at(&self, name: &str) -> Option<&Pending> {
        let untold = || self.untold.contains(name).then_some(&UNTOLD);
        self.pending.get(name).or_else(untold)
    }

    /// The names under which the client may not have what it should, but for those in batches.
    pub(super) fn pending(&self) -> &BTreeMap<Arc<str>, Pending> {
        &self.pending
    }

    /// A name is dealt with: the client has what it should, or it is under way.
    pub(super) fn settle(&mut self, name: &str) -> Option<Pending> {
        self.pending.remove(name)
    }

    /// Names are dealt with. Where they are the first of those that are pending, as when a client has just
    /// connected, not each is looked for.
    pub(super) fn settle_all(&mut self, resources: &[Arc<Resource>]) -> Vec<Option<Pending>> {
        let mut pending = self.pending.keys();
        let is_first = |resource: &Arc<Resource>| {
            let name = pending.next();
            name.is_some_and(|name| Arc::ptr_eq(name, &resource.name) || *name == resource.name)
        };
        if resources.len() < FEW || !resources.iter().all(is_first) {
            return resources.iter().map(|r| self.settle(&r.name)).collect();
        }
        let rest = match pending.next().cloned() {
            Some(next) => self.pending.split_off(&next),
            None => BTreeMap::new(),
        };
        let settled = std::mem::replace(&mut self.pending, rest);
        settled.into_values().map(Some).collect()
    }

    /// What the client has in place of a resource that it refused.
    pub(super) fn in_place_of(&self, resource: &Resource) -> Option<&Held> {
        let held = self.held.get(&resource.name);
        held.filter(|held| held.version == Some(resource.version))
    }

    /// A resource is sent as it was before, because others of its type changed. If it was refused then,
    /// the client has not got it, and may refuse this response because of it.
    pub(super) fn repeat(&self, resource: &Arc<Resource>) -> Item {
        let same = Has::Resource(resource.clone());
        let (had, maybe) = match self.in_place_of(resource) {
            Some(held) => (held.has.clone(), held.maybe.clone()),
            None => (same.clone(), Has::Nothing),
        };
        Item {
            name: resource.name.clone(),
            had,
            maybe,
            sent: same,
        }
    }

    /// The names that the last response under way removes.
    pub(super) fn going(&self) -> impl Iterator<Item = &Arc<str>> {
        let items = self.flights.back().into_iter().flat_map(|f| &*f.items);
        let going = items.filter(|item| item.sent.is_nothing());
        going.map(|item| &item.name)
    }

    /// A resource that the response before removed is not there either: should that be refused, it is
    /// this response that removes it.
    pub(super) fn stays_away(name: &Arc<str>) -> Item {
        Item {
            name: name.clone(),
            had: Has::Nothing,
            maybe: Has::Nothing,
            sent: Has::Nothing,
        }
    }

    /// The responses not acknowledged, oldest first.
    pub(super) fn flights(&self) -> &VecDeque<Flight> {
        &self.flights
    }

    /// What a client will have under a name that it did not want until now: nothing, as it threw away
    /// what it had, unless a response is still under way from when it did want it.
    pub(super) fn coming(&mut self, name: &str) -> Has {
        let mut coming = Has::Nothing;
        if self.abandoned.remove(name) {
            let has_it = |flight: &&mut Flight| flight.items.iter().any(|item| &*item.name == name);
            for flight in self.flights.iter_mut().filter(has_it) {
                let items = flight.items_mut().iter_mut();
                for item in items.filter(|item| &*item.name == name) {
                    item.had = std::mem::replace(&mut coming, item.sent.clone());
                }
            }
        }
        coming
    }

    /// A response was sent.
    pub(super) fn depart(&mut self, flight: Flight) {
        self.flights.push_back(flight);
    }

    /// Forgets the oldest response.
    pub(super) fn give_up_oldest(&mut self) {
        self.flights.pop_front();
    }

    /// The response that a nonce names, which is then no longer under way; with it those sent
    /// before, if the client answers in order.
    pub(super) fn land(&mut self, nonce: &str, with_earlier: bool) -> Vec<Flight> {
        let Some(at) = self.flights.iter().position(|f| f.nonce == nonce) else {
            return Vec::new();
        };
        let landed: Vec<_> = if with_earlier {
            self.flights.drain(..=at).collect()
        } else {
            self.flights.remove(at).into_iter().collect()
        };
        if self.flights.is_empty() {
            self.abandoned.clear();
        }
        let answered = landed.iter().map(|flight| flight.sequence);
        answered.for_each(|sequence| self.search.answered(sequence));
        landed
    }

    /// Everything that the client may have beside what the snapshot says: what is to be replaced,
    /// what was replaced without an acknowledgement yet (given up after a while), and what stayed
    /// because its replacement was refused.
    pub(super) fn leftovers(&self, now: Instant) -> impl Iterator<Item = Leftover<'_>> {
        let pending = self.pending.values().flat_map(|p| [&p.has, &p.maybe]);
        let held = self.held.values().flat_map(|held| [&held.has, &held.maybe]);
        let staying = pending.chain(held).map(|has| Leftover { has, until: None });
        let flights = self.flights.iter().filter(move |f| now < f.given_up_at());
        // What was sent counts as well: a client that no longer wants it may want it again before it
        // arrives.
        let flying = flights.flat_map(|flight| {
            let items = flight.items.iter();
            items
                .flat_map(|item| [&item.had, &item.maybe, &item.sent])
                .map(|has| Leftover {
                    has,
                    until: Some(flight.given_up_at()),
                })
        });
        staying.chain(flying)
    }
}

/// Something that a client may still have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leftover<'a> {
    /// What.
    pub(super) has: &'a Has,
    /// When it is no longer waited for, acknowledged or not.
    pub(super) until: Option<Instant>,
}
