//! After a refusal: who is to blame, and what everybody else gets.
//!
//! Envoy refuses a response as a whole or in part, and does not always say because of which resource.
//! Where it names those at fault, they are *held*: not sent again before they change. Where it names
//! none, what the response changed is *suspect*: it is sent again in two groups, one after the other, and
//! a group that is refused is parted in two, until a refused group is a single resource. So one bad
//! resource among n costs about log n responses, no content is refused twice in the same company, and
//! the good ones arrive. A removal is suspect where there is nothing else, and held, the resource is put back.
//!
//! Until a client accepts it again, it may have a suspect as it was or as it was sent. Envoy also counts
//! what it took of a refused response as not received, so a client that reconnects would claim to have
//! what it has not: everything of a refused response is sent once more in one that can be accepted.
//!
//! What a client has by an earlier stream is not known where each response tells the state of the world,
//! so it cannot be repeated in place of what is refused. While the client takes everything else, it is
//! sent what it refuses, and keeps what it has. Where that keeps something else away, a suspect is left
//! out until its turn comes, and a culprit until it changes, although that removes what the client had.
//!
//! All this is about Envoy. Of another client's refusal only the protocol is known, which asks for no
//! answer: nothing is sent before something changes, for a while ([`PATIENCE`]).

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::FALLBACK;
use super::flight::{Flight, Item, Sequence};
use super::has::Has;
use super::ledger::Ledger;
use super::refusal::Reading;
use crate::envoy::Version;

/// Names in responses that were sent later.
type Names = HashSet<Arc<str>>;

/// Suspects that are sent together; earlier groups go first.
pub(super) type Group = u64;

/// How many groups are tried at once as fast as the client answers; those after that take
/// [`PACE`] each. Ten culprits among a thousand resources are found before.
const FAST: u32 = 256;

/// How long nothing is sent after the refusal of a client that is not known to be an Envoy. The protocol
/// says no more of a refusal than that the client keeps what it has, so it is not asked what it meant
/// before something changes, or a while has passed.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// The time between later groups.
const PACE: Duration = Duration::from_millis(100);

/// How long until what was refused for now is tried again, at first.
const RETRY: Duration = Duration::from_secs(1);

/// How long until it is tried again, at last.
const RETRY_LAST: Duration = Duration::from_secs(60);

/// A resource that the client refused, and is not sent again.
#[derive(Debug)]
pub(super) struct Held {
    /// What the client has instead.
    pub(super) has: Has,
    /// What it may have instead of that.
    pub(super) maybe: Has,
    /// The version that it refused; `None` where it refused its removal.
    pub(super) version: Option<Version>,
    /// Whether it may be accepted later as it is.
    pub(super) may_pass: bool,
}

/// The search for what was refused, and what was found.
#[derive(Debug, Default)]
pub(super) struct Search {
    /// The next group's number.
    next: Group,
    /// The response that carries a group, and when it is no longer waited for.
    under_way: Option<(Sequence, Instant)>,
    /// How many groups were tried since there was none to try.
    tried: u32,
    /// When the next may be.
    next_at: Option<Instant>,
    /// Until when nothing is sent because of a refusal alone.
    patient_until: Option<Instant>,
    /// When what may pass is tried again.
    retry_at: Option<Instant>,
    /// How long that was.
    retry_after: Duration,
    /// What an observer was told to be refused.
    told: BTreeSet<Arc<str>>,
}

impl Held {
    /// Whether this is what was refused.
    fn is_for(&self, sent: &Has) -> bool {
        self.version == sent.resource().map(|sent| sent.version)
    }
}

/// What came of a refusal.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Those at fault.
    pub(super) culprits: Vec<Item>,
    /// Those of which it is not known yet.
    pub(super) suspects: Vec<Item>,
    /// Those that the client took.
    pub(super) taken: Vec<Item>,
    /// Whether something is held that was not before.
    pub(super) is_news: bool,
    /// Whether the response put nothing that the client did not have: then it may be about a removal, which is
    /// not to blame otherwise.
    only_removes: bool,
}

impl Outcome {
    /// Whether the refusal may be about this.
    pub(super) fn blames(&self, item: &Item) -> bool {
        item.is_news() || (self.only_removes && item.is_removal())
    }
}

/// How a refusal is taken.
pub(super) struct Rules<'a> {
    /// Whether what the response did not name is a removal, so that everything is sent each time.
    pub(super) full: bool,
    /// Whether the client takes the others where it says which it refuses.
    pub(super) partial: bool,
    /// Whether what is at fault may pass.
    pub(super) may_pass: bool,
    /// Whether the client is answered at once, and not only when something changes.
    pub(super) prompt: bool,
    /// Whether a name is still wanted.
    pub(super) wanted: &'a dyn Fn(&str) -> bool,
    /// The version that a name should have.
    pub(super) target: &'a dyn Fn(&str) -> Option<Version>,
}

impl Search {
    /// The moment from which the next group may be sent; `None` at once.
    pub(super) fn blocked_until(&self, now: Instant) -> Option<Instant> {
        let answered_by = self.under_way.map(|(_, until)| until);
        let until = answered_by.max(self.next_at).max(self.patient_until);
        until.filter(|until| now < *until)
    }

    /// Whether a refusal alone is no reason to send anything.
    pub(super) fn is_patient(&self, now: Instant) -> bool {
        self.patient_until.is_some_and(|until| now < until)
    }

    /// Until when a response must not be sent because the client's answer to a group would not be
    /// about the group alone.
    pub(super) fn undisturbed_until(&self, now: Instant) -> Option<Instant> {
        let until = self.under_way.map(|(_, until)| until);
        until.filter(|until| now < *until)
    }

    /// A group was sent.
    pub(super) fn sent(&mut self, sequence: Sequence, now: Instant) {
        self.tried += 1;
        self.under_way = Some((sequence, now + FALLBACK));
        self.next_at = (self.tried >= FAST).then(|| now + PACE);
    }

    /// A response was answered, be it a group or not.
    pub(super) fn answered(&mut self, sequence: Sequence) {
        if self.under_way.is_some_and(|(sent, _)| sent == sequence) {
            self.under_way = None;
        }
    }

    /// Notes that an observer is told that a name was refused.
    pub(super) fn tell(&mut self, name: &Arc<str>) {
        self.told.insert(name.clone());
    }
}

impl Ledger {
    /// The client accepted a response.
    pub(super) fn accepted(&mut self) {
        if self.search.tried > 0 && self.pending.values().all(|p| p.group.is_none()) {
            self.search.tried = 0;
            self.search.next_at = None;
        }
    }

    /// What was refused before and sent all the same, in the company of others, was taken after all.
    pub(super) fn takes_after_all(&mut self, flight: &Flight) {
        if self.held.is_empty() {
            return;
        }
        for item in &*flight.items {
            if self
                .held
                .get(&item.name)
                .is_some_and(|held| held.is_for(&item.sent))
            {
                self.held.remove(&item.name);
            }
        }
    }

    /// The client refused a response. A response sent later found something else than was thought when
    /// it was sent.
    pub(super) fn refused(
        &mut self,
        flight: Flight,
        reading: &Reading,
        rules: &Rules<'_>,
        now: Instant,
    ) -> Outcome {
        let sequence = flight.sequence;
        self.search.patient_until = (!rules.prompt).then(|| now + PATIENCE);
        let later = self.flights.iter().filter(|f| f.sequence > sequence);
        let later = later.flat_map(|flight| &*flight.items);
        let later: HashSet<_> = later.map(|item| item.name.clone()).collect();
        let mut items = flight.items.to_vec();
        let mut is_news = false;
        let is_alone = items.len() == 1;
        if rules.full && !reading.others_taken && !is_alone {
            is_news = self.give_up_earlier(&mut items);
        } else if rules.full && flight.resumes {
            // The client may have another version of it from an earlier stream.
            let unknown = items.iter_mut().filter(|item| item.had.is_nothing());
            unknown.for_each(|item| item.had = Has::Earlier(None));
        }
        let mut outcome = self.sort_out(items, reading, rules.partial);
        outcome.is_news = is_news;
        let told = &self.search.told;
        let is_first = outcome.culprits.iter().any(|i| !told.contains(&i.name));
        for item in &outcome.culprits {
            self.correct(item, &item.maybe, sequence, &later);
            let is_new = self.hold(item, rules, sequence);
            // What cannot be repeated is sent as it is, and refused, while the others are taken.
            let is_left_out = !rules.full || !item.had.is_earlier();
            outcome.is_news |= is_new && is_left_out;
        }
        if rules.may_pass && rules.prompt && !outcome.culprits.is_empty() {
            self.retry_later(is_first, now);
        }
        self.part(&outcome, sequence, &later, reading, rules);
        if !rules.full && rules.prompt {
            self.confirm(&outcome, &later, rules);
        }
        outcome
    }

    /// What came by an earlier stream cannot be repeated, and what is sent in its place would make the
    /// client refuse everything that is sent with it. So it is left out from now on, which removes it.
    /// Returns whether something was sent in such a place until now.
    fn give_up_earlier(&mut self, items: &mut [Item]) -> bool {
        let mut was_sent = false;
        let held = self.held.values_mut().map(|held| &mut held.has);
        for has in held.filter(|has| has.is_earlier()) {
            *has = Has::Nothing;
            was_sent = true;
        }
        let had = items.iter_mut().map(|item| &mut item.had);
        for has in had.filter(|has| has.is_earlier()) {
            *has = Has::Nothing;
        }
        was_sent
    }

    fn sort_out(&self, items: Vec<Item>, reading: &Reading, partial: bool) -> Outcome {
        let mut outcome = Outcome::default();
        let is_known = |item: &Item| matches!(&item.sent, Has::Resource(sent) if self.in_place_of(sent).is_some());
        outcome.only_removes = !items.iter().any(Item::is_news);
        let mut blamed = items.iter().filter(|item| outcome.blames(item));
        let is_only_one = blamed.nth(1).is_none() && !items.iter().any(is_known);
        let is_clear = reading.others_taken || reading.named.len() == 1;
        for item in items {
            let is_blamed = outcome.blames(&item);
            let is_at_fault = match reading.named.is_empty() {
                true => is_only_one || is_known(&item),
                false => is_clear && reading.named.contains(&item.name),
            };
            if is_blamed && is_at_fault {
                outcome.culprits.push(item);
            } else if partial && reading.others_taken {
                outcome.taken.push(item);
            } else if is_blamed || item.sent.is_nothing() {
                outcome.suspects.push(item);
            }
        }
        outcome
    }

    /// What comes after a refused response goes on from what the client had before it, and maybe from
    /// what it held. Returns whether nothing comes after it.
    fn correct(&mut self, item: &Item, maybe: &Has, sequence: Sequence, later: &Names) -> bool {
        if later.contains(&item.name) {
            let has_it = |flight: &&mut Flight| {
                flight.sequence > sequence && flight.items.iter().any(|i| i.name == item.name)
            };
            let next = self.flights.iter_mut().find(has_it);
            let mut items = next.into_iter().flat_map(|flight| flight.items_mut());
            if let Some(again) = items.find(|again| again.name == item.name) {
                again.had = item.had.clone();
                again.maybe = maybe.clone();
                return false;
            }
        }
        if let Some(pending) = self.pending.get_mut(&item.name) {
            pending.has = item.had.clone();
            pending.maybe = maybe.clone();
            return false;
        }
        if let Some(held) = self.held.get_mut(&item.name) {
            held.has = item.had.clone();
            held.maybe = maybe.clone();
            return false;
        }
        true
    }

    /// Sends a culprit no more, unless it changed since. Returns whether that is new.
    fn hold(&mut self, item: &Item, rules: &Rules<'_>, sequence: Sequence) -> bool {
        let version = item.sent.resource().map(|sent| sent.version);
        if !(rules.wanted)(&item.name) || (rules.target)(&item.name) != version {
            return false;
        }
        self.pending.remove(&item.name);
        // A response sent since may have removed it, or put something else there.
        let since = self.flights.iter().filter(|f| f.sequence > sequence);
        let mut since = since.flat_map(|flight| &*flight.items).rev();
        let since = since.find(|again| again.name == item.name && !again.sent.is_same(&item.sent));
        let (has, maybe) = match since {
            Some(since) => (&since.sent, &Has::Nothing),
            None => (&item.had, &item.maybe),
        };
        let held = Held {
            has: has.clone(),
            maybe: maybe.clone(),
            version,
            may_pass: rules.may_pass,
        };
        let old = self.held.insert(item.name.clone(), held);
        old.is_none_or(|old| old.version != version)
    }

    /// Makes groups of suspects: those that the client did not name, then those that it did; where it
    /// named none, two halves, unless something else in the response is to blame already.
    fn part(
        &mut self,
        outcome: &Outcome,
        sequence: Sequence,
        later: &Names,
        reading: &Reading,
        rules: &Rules<'_>,
    ) {
        let mut named = Vec::new();
        let mut others = Vec::new();
        for item in &outcome.suspects {
            let is_last = self.correct(item, item.doubt(), sequence, later);
            if !is_last || !(rules.wanted)(&item.name) {
                continue;
            }
            match reading.named.contains(&item.name) {
                true => named.push(item),
                false => others.push(item),
            }
        }
        let is_explained = !outcome.culprits.is_empty() || !reading.named.is_empty();
        // A removal that is not to blame is sent again at once, to a client that is answered at once.
        let is_suspect = |item: &Item| outcome.blames(item) || !rules.prompt;
        self.group(&others, is_explained, is_suspect);
        self.group(&named, false, is_suspect);
    }

    /// Makes one group of some suspects, or two.
    fn group(&mut self, items: &[&Item], together: bool, is_suspect: impl Fn(&Item) -> bool) {
        let first = match together {
            true => items.len(),
            false => items.len().div_ceil(2),
        };
        let (first, second) = items.split_at(first);
        for half in [first, second].into_iter().filter(|half| !half.is_empty()) {
            self.search.next += 1;
            for item in half {
                let group = self.search.next;
                let pending = self.touch(&item.name, item.had.clone());
                pending.maybe = item.doubt().clone();
                pending.group = is_suspect(item).then_some(group);
            }
        }
    }

    /// Sends what the client took of a refused response once more, so that it counts as received.
    fn confirm(&mut self, outcome: &Outcome, later: &Names, rules: &Rules<'_>) {
        let taken = outcome.taken.iter().filter(|item| !item.sent.is_nothing());
        let taken = taken.filter(|item| (rules.wanted)(&item.name));
        for item in taken.filter(|item| !later.contains(&item.name)) {
            self.demand(&item.name, item.sent.clone());
        }
    }

    /// Whether a name is not on its way to the client.
    pub(super) fn keeps_back(&self, name: &str) -> bool {
        self.pending_at(name).is_some() || self.held.contains_key(name)
    }

    /// Plans to try again what may pass: soon after it was refused for the first time, later and later
    /// while it goes on.
    fn retry_later(&mut self, is_first: bool, now: Instant) {
        let search = &mut self.search;
        search.retry_after = match is_first {
            true => RETRY,
            false => (search.retry_after * 2).min(RETRY_LAST),
        };
        search.retry_at = Some(now + search.retry_after);
    }

    /// Tries again what may pass, if it is time. Returns when it will be.
    pub(super) fn retry(&mut self, now: Instant) -> Option<Instant> {
        let at = self.search.retry_at?;
        if now < at {
            return Some(at);
        }
        self.search.retry_at = None;
        let passing = self.held.iter().filter(|(_, held)| held.may_pass);
        let passing: Vec<_> = passing.map(|(name, _)| name.clone()).collect();
        for name in passing {
            self.touch(&name, Has::Nothing);
        }
        None
    }

    /// The names that an observer was told to be refused and that no longer are.
    pub(super) fn cleared(&mut self) -> Vec<Arc<str>> {
        let (held, pending, flights) = (&self.held, &self.pending, &self.flights);
        let is_open = |name: &Arc<str>| {
            let mut items = flights.iter().flat_map(|flight| &*flight.items);
            held.contains_key(name)
                || pending.contains_key(name)
                || items.any(|item| item.name == *name)
        };
        let names = self.search.told.iter();
        let cleared: Vec<_> = names.filter(|name| !is_open(name)).cloned().collect();
        for name in &cleared {
            self.search.told.remove(name);
        }
        cleared
    }
}
