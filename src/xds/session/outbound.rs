//! What there is to send: the next response, planned when the transport can take it.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Instant;

use foldhash::HashSet;

use super::has::Has;
use super::ledger::Pending;
use super::newcomers::Gate;
use super::order::Holders;
use super::search::Group;
use super::{CHUNK, Session, WINDOW, WINDOW_BYTES};
use crate::envoy::Variant;
use crate::envoy::{Resource, ResourceType};
use crate::xds::Event;
use crate::xds::wire::Response;

/// What becomes of one pending name.
enum Due {
    /// The client has what it should.
    Settled,
    /// It is to be sent.
    Put(Arc<Resource>),
    /// It is to be removed.
    Remove,
    /// The client asked for it; it does not exist.
    Absent,
    /// It must wait.
    Wait(Gate),
}

/// A name that waits, with what should be there in the end.
type Waiting = (Arc<str>, Option<Arc<Resource>>);

/// What can be sent of a type.
#[derive(Default)]
pub(super) struct Plan {
    /// What to send, under its name.
    pub(super) puts: Vec<Arc<Resource>>,
    /// The names to remove.
    pub(super) removals: Vec<Arc<str>>,
    /// The names asked for that do not exist.
    pub(super) absent: Vec<Arc<str>>,
    /// What waits.
    pub(super) waits: Vec<Waiting>,
    /// When the first of those need not wait any longer.
    pub(super) wake: Option<Instant>,
    /// Whether this is a group of suspects, and nothing else.
    pub(super) tries: bool,
    settled: Vec<Arc<str>>,
    /// A name that the client asked for and this transport does not show.
    hidden: Option<Arc<str>>,
}

impl Plan {
    /// Whether nothing can be told to the client.
    pub(super) fn is_empty(&self) -> bool {
        self.puts.is_empty() && self.removals.is_empty() && self.absent.is_empty()
    }

    fn wake_at(&mut self, at: Instant) {
        self.wake = Some(self.wake.map_or(at, |earlier| earlier.min(at)));
    }

    /// Sends the first group of suspects that can be sent, up to the size of one response where it may
    /// be split.
    fn try_first_of(&mut self, suspects: Vec<(Group, Waiting)>, whole: bool) {
        let first = suspects.iter().map(|(group, _)| *group).min();
        let mut bytes = 0;
        let mut group = suspects;
        group.retain(|(group, (_, target))| {
            let fits = Some(*group) == first && (bytes < CHUNK || whole);
            let target = target.as_ref().filter(|_| fits);
            bytes += target.map_or(0, |resource| resource.body.len());
            fits
        });
        self.put_all(group);
        self.tries = true;
    }

    /// Sends what waited only because it is suspect.
    fn put_all(&mut self, suspects: Vec<(Group, Waiting)>) {
        let sent: HashSet<&str> = suspects.iter().map(|(_, (name, _))| &**name).collect();
        self.waits.retain(|(name, _)| !sent.contains(&**name));
        for (_, (name, target)) in suspects {
            match target {
                Some(resource) => self.puts.push(resource),
                None => self.removals.push(name),
            }
        }
    }
}

impl Session {
    /// The next response, if there is one to send now. To be called until there is none, after
    /// anything happened.
    pub fn poll(&mut self, now: Instant) -> Option<Response> {
        if !self.live {
            return None;
        }
        if let Some(response) = self.strays.pop_front() {
            return Some(response);
        }
        loop {
            self.deadline = None;
            let mut progress = false;
            for kind in ResourceType::ALL {
                if let Some(response) = self.next_of(kind, now, &mut progress) {
                    return Some(response);
                }
            }
            // What was settled without a word may be what an earlier type waits for.
            if !progress {
                return None;
            }
        }
    }

    fn next_of(
        &mut self,
        kind: ResourceType,
        now: Instant,
        progress: &mut bool,
    ) -> Option<Response> {
        self.follow_up(kind, now);
        if self.lane(kind)?.is_quiet() || !self.has_window(kind, now) {
            return None;
        }
        if self
            .lane(kind)
            .is_some_and(|lane| !lane.ledger.untold.is_empty())
        {
            match self.batch_gate(kind, now) {
                Some(Gate::Open) => {
                    let batch = self.lane_mut(kind)?.ledger.untold.next()?;
                    return Some(self.batch_response(kind, &batch, now));
                }
                Some(Gate::Until(at)) => {
                    self.wake_at(at);
                    return None;
                }
                Some(Gate::Shut) => return None,
                None => self.lane_mut(kind)?.ledger.unfold_all(),
            }
        }
        let mut plan = self.plan(kind, now);
        if let Some(at) = plan.wake {
            self.wake_at(at);
        }
        if let Some(name) = plan.hidden.take().filter(|_| !self.withheld_told) {
            self.withheld_told = true;
            self.tell(&Event::Withheld { kind, name: &name });
        }
        let silent = self.stream.variant == Variant::StateOfTheWorld && !kind.is_full_state();
        if silent {
            // What is absent from these responses is not removed by that, so there is nothing to say.
            let unsaid = plan.removals.drain(..).chain(plan.absent.drain(..));
            plan.settled.extend(unsaid);
        }
        let lane = self.lane_mut(kind)?;
        *progress |= !plan.settled.is_empty();
        for name in &plan.settled {
            lane.ledger.settle(name);
        }
        if plan.is_empty() && !lane.owes_answer || self.is_too_early(kind, &plan) {
            return None;
        }
        match self.stream.variant {
            Variant::Delta => Some(self.delta_response(kind, plan, now)),
            Variant::StateOfTheWorld if silent => Some(self.partial_response(kind, plan, now)),
            Variant::StateOfTheWorld => self.full_response(kind, plan, now),
        }
    }

    /// Tries again what may be accepted now, and tells of what no longer is refused.
    fn follow_up(&mut self, kind: ResourceType, now: Instant) {
        let Some(lane) = self.lane_mut(kind) else {
            return;
        };
        let retry_at = lane.ledger.retry(now);
        for name in lane.ledger.cleared() {
            self.tell(&Event::Cleared { kind, name: &name });
        }
        if let Some(at) = retry_at {
            self.wake_at(at);
        }
    }

    fn wake_at(&mut self, at: Instant) {
        self.deadline = Some(self.deadline.map_or(at, |earlier| earlier.min(at)));
    }

    /// Whether another response may be under way. A client that stopped acknowledging gets one now
    /// and then, with all that changed meanwhile.
    ///
    /// State of the world for clusters and listeners has one: what a response leaves out it removes, so
    /// what a client has after it refused one of several depends on all of them.
    fn has_window(&mut self, kind: ResourceType, now: Instant) -> bool {
        let whole = self.is_whole(kind);
        let Some(lane) = self.lane_mut(kind) else {
            return false;
        };
        let flights = lane.ledger.flights();
        let bytes: usize = flights.iter().map(|flight| flight.bytes).sum();
        let is_full = flights.len() >= WINDOW || bytes >= WINDOW_BYTES;
        let waited_for = match whole {
            true => flights.back(),
            false => flights.front().filter(|_| is_full),
        };
        let Some(flight) = waited_for else {
            return true;
        };
        let at = flight.given_up_at();
        if now < at {
            self.wake_at(at);
            return false;
        }
        // It is forgotten only where there are too many: the client may still say what it made of it.
        if is_full {
            lane.ledger.give_up_oldest();
        }
        true
    }

    /// Sorts out what is pending, up to the size of one response where it may be split.
    fn plan(&self, kind: ResourceType, now: Instant) -> Plan {
        let mut plan = Plan::default();
        let Some(lane) = self.lane(kind) else {
            return plan;
        };
        let whole = self.is_whole(kind);
        let pending = lane.ledger.pending();
        let holders = OnceCell::new();
        let holders = || holders.get_or_init(|| self.holders(kind, pending, now));
        // What the client says of a group of suspects must be about them alone.
        let undisturbed = lane.ledger.search.undisturbed_until(now);
        let calm = undisturbed.filter(|_| whole).map(Gate::Until);
        let mut suspects: Vec<(Group, Waiting)> = Vec::new();
        let mut bytes = 0;
        let mut find = self.view.finder(kind, pending.len());
        for (name, pending) in pending {
            let target = find(name);
            let due = self.due(kind, name, target, pending, holders, now);
            let due = match (due, calm) {
                (Due::Put(_) | Due::Remove, Some(calm)) => Due::Wait(calm),
                (due, _) => due,
            };
            let mut suspect = |group, target: Option<Arc<Resource>>| {
                plan.waits.push((name.clone(), target.clone()));
                suspects.push((group, (name.clone(), target)));
            };
            match (due, pending.group) {
                (Due::Put(resource), Some(group)) => suspect(group, Some(resource)),
                (Due::Remove, Some(group)) => suspect(group, None),
                (Due::Put(resource), None) => {
                    bytes += resource.body.len();
                    plan.puts.push(resource);
                }
                (Due::Remove, None) => plan.removals.push(name.clone()),
                (Due::Settled, _) => plan.settled.push(name.clone()),
                (Due::Absent, _) => plan.absent.push(name.clone()),
                (Due::Wait(gate), _) => {
                    if let Gate::Until(at) = gate {
                        plan.wake_at(at);
                    }
                    plan.waits.push((name.clone(), target.cloned()));
                }
            }
            if plan.hidden.is_none() && self.view.hides(kind, name) {
                plan.hidden = Some(name.clone());
            }
            if bytes >= CHUNK && !whole {
                break;
            }
        }
        if whole && !plan.is_empty() && lane.ledger.search.is_patient(now) {
            // What is absent would be removed; and the client was not asked yet what it meant.
            plan.put_all(suspects);
        } else if plan.is_empty() && !suspects.is_empty() {
            match lane.ledger.search.blocked_until(now) {
                Some(at) => plan.wake_at(at),
                None => plan.try_first_of(suspects, whole),
            }
        }
        plan
    }

    fn due<'a>(
        &self,
        kind: ResourceType,
        name: &str,
        target: Option<&Arc<Resource>>,
        pending: &Pending,
        holders: impl Fn() -> &'a Holders<'a>,
        now: Instant,
    ) -> Due {
        let held = target
            .zip(self.lane(kind))
            .and_then(|(target, lane)| lane.ledger.in_place_of(target));
        if let Some(held) = held {
            // The client asked, and is told what it has.
            return match &held.has {
                Has::Resource(has) => Due::Put(has.clone()),
                Has::Nothing => Due::Absent,
                Has::Earlier(_) => Due::Settled,
            };
        }
        match target {
            Some(target) if pending.surely_has(target) && !pending.demanded => Due::Settled,
            // It cannot be sent before the daemon tells it again.
            Some(target) if !target.is_known() => Due::Wait(Gate::Shut),
            Some(target) => match self.gate(target, pending.surely_has_nothing(), now) {
                Gate::Open => Due::Put(target.clone()),
                gate => Due::Wait(gate),
            },
            None if pending.surely_has_nothing() && pending.demanded => Due::Absent,
            None if pending.surely_has_nothing() => Due::Settled,
            None => match self.removal_gate(name, holders(), now) {
                Gate::Open => Due::Remove,
                gate => Due::Wait(gate),
            },
        }
    }
}
