//! What there is to send: the next response, planned when the transport can take it.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Instant;

use super::ledger::Pending;
use super::newcomers::Gate;
use super::order::Holders;
use super::{CHUNK, Session, WINDOW};
use crate::envoy::bootstrap::Variant;
use crate::envoy::{Resource, ResourceType};
use crate::xds::Event;
use crate::xds::wire::Response;

/// What becomes of one pending name.
enum Verdict {
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

/// What can be sent of a type.
#[derive(Default)]
pub(super) struct Plan {
    /// What to send, under its name.
    pub(super) puts: Vec<Arc<Resource>>,
    /// The names to remove.
    pub(super) removals: Vec<Arc<str>>,
    /// The names asked for that do not exist.
    pub(super) absent: Vec<Arc<str>>,
    /// What waits, with what should be there in the end.
    pub(super) waits: Vec<(Arc<str>, Option<Arc<Resource>>)>,
    /// When the first of those need not wait any longer.
    pub(super) wake: Option<Instant>,
    settled: Vec<Arc<str>>,
    /// A name that the client asked for and this transport does not show.
    hidden: Option<Arc<str>>,
}

impl Plan {
    /// Whether nothing can be told to the client.
    pub(super) fn is_empty(&self) -> bool {
        self.puts.is_empty() && self.removals.is_empty() && self.absent.is_empty()
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
        if self.lane(kind)?.is_quiet() || !self.has_window(kind, now) {
            return None;
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
        if plan.is_empty() && !lane.owes_answer {
            return None;
        }
        match self.stream.variant {
            Variant::Delta => Some(self.delta_response(kind, plan, now)),
            Variant::StateOfTheWorld if silent => Some(self.partial_response(kind, plan, now)),
            Variant::StateOfTheWorld => self.full_response(kind, plan, now),
        }
    }

    fn wake_at(&mut self, at: Instant) {
        self.deadline = Some(self.deadline.map_or(at, |earlier| earlier.min(at)));
    }

    /// Whether another response may be under way. A client that stopped acknowledging gets one now
    /// and then, with all that changed meanwhile.
    fn has_window(&mut self, kind: ResourceType, now: Instant) -> bool {
        let Some(lane) = self.lane_mut(kind) else {
            return false;
        };
        let flights = lane.ledger.flights();
        let Some(oldest) = flights.front().filter(|_| flights.len() >= WINDOW) else {
            return true;
        };
        let at = oldest.given_up_at();
        if now < at {
            self.wake_at(at);
            return false;
        }
        lane.ledger.give_up_oldest();
        true
    }

    /// Sorts out what is pending, up to the size of one response where it may be split.
    fn plan(&self, kind: ResourceType, now: Instant) -> Plan {
        let mut plan = Plan::default();
        let Some(lane) = self.lane(kind) else {
            return plan;
        };
        let whole = self.stream.variant == Variant::StateOfTheWorld && kind.is_full_state();
        let pending = lane.ledger.pending();
        let holders = OnceCell::new();
        let holders = || holders.get_or_init(|| self.holders(kind, pending.len(), now));
        let mut bytes = 0;
        for (name, pending) in pending {
            match self.verdict(kind, name, pending, holders, now) {
                Verdict::Put(resource) => {
                    bytes += resource.body.len();
                    plan.puts.push(resource);
                }
                Verdict::Remove => plan.removals.push(name.clone()),
                Verdict::Settled => plan.settled.push(name.clone()),
                Verdict::Absent => plan.absent.push(name.clone()),
                Verdict::Wait(gate) => {
                    if let Gate::Until(at) = gate {
                        plan.wake = Some(plan.wake.map_or(at, |earlier| earlier.min(at)));
                    }
                    let target = self.view.get(kind, name).cloned();
                    plan.waits.push((name.clone(), target));
                }
            }
            if plan.hidden.is_none() && self.view.hides(kind, name) {
                plan.hidden = Some(name.clone());
            }
            if bytes >= CHUNK && !whole {
                break;
            }
        }
        plan
    }

    fn verdict<'a>(
        &self,
        kind: ResourceType,
        name: &str,
        pending: &Pending,
        holders: impl Fn() -> &'a Holders<'a>,
        now: Instant,
    ) -> Verdict {
        match self.view.get(kind, name) {
            Some(target) if pending.has.is(target) && !pending.demanded => Verdict::Settled,
            Some(target) => match self.gate(target, pending.has.is_nothing(), now) {
                Gate::Open => Verdict::Put(target.clone()),
                gate => Verdict::Wait(gate),
            },
            None if pending.has.is_nothing() && pending.demanded => Verdict::Absent,
            None if pending.has.is_nothing() => Verdict::Settled,
            None => match self.removal_gate(name, holders(), now) {
                Gate::Open => Verdict::Remove,
                gate => Verdict::Wait(gate),
            },
        }
    }
}
