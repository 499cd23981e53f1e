//! Who gets a seat: the exposes that ask for something else, against those that sit.
//!
//! Exposes that move in one event move together, so two of them may swap their sockets. Whoever
//! cannot get what it asks for stays where it sits, if it sits, and queues for the socket. It is tried
//! again when somebody leaves the socket, and moves together with whoever is about to leave it: so two
//! may swap their sockets in two events as well.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Incumbent, Index, Request, Work};
use crate::model::{Diagnostic, ExposeId, Socket};
use crate::verdict::Candidate;

/// An expose that may move.
struct Mover {
    id: ExposeId,
    wanted: Arc<Candidate>,
    served: Option<Arc<Candidate>>,
    refused: Option<Diagnostic>,
}

impl Index {
    /// Seats whoever can be seated, of those that may have to move and of those that queue for
    /// what they leave.
    pub(super) fn admit(&mut self, work: &mut Work) {
        let mut batch = work.admit.take();
        while !batch.is_empty() {
            batch = self.with_those_behind(batch);
            work.report
                .extend(batch.iter().map(|id| id.service.clone()));
            let left = self.seat(&batch, work);
            batch = self.queued_for(&left).into_iter().collect();
        }
    }

    /// Withdraws an expose that the configuration no longer has.
    pub(super) fn leave(&mut self, id: &ExposeId, work: &mut Work) {
        let awaited = self.unqueue(id);
        self.recalled.remove(id);
        self.incumbents.remove(id);
        let Some(slot) = self.slots.remove(id) else {
            return;
        };
        if let Some(served) = &slot.served {
            self.publication.withdraw(served);
        }
        let snapshot = self.publication.snapshot_mut();
        self.secrets.want(id, BTreeSet::new(), snapshot);
        self.ports.forget(id);
        self.portless.remove(id);
        work.is_freed = true;
        self.unstored.remove(id);
        self.view.exposes.remove(id);
        let left = self.occupancy.release(id);
        let concerned = left.into_iter().chain(awaited).collect();
        work.admit.extend(self.queued_for(&concerned));
    }

    /// A batch, with those that sit and queue behind one of it: for a socket that it may leave now, or for
    /// one that it asked for until now. Each would otherwise stay in the way of the other.
    fn with_those_behind(&self, batch: Vec<ExposeId>) -> Vec<ExposeId> {
        if self.queues.is_empty() {
            return batch;
        }
        let mut all: BTreeSet<ExposeId> = batch.iter().cloned().collect();
        let mut looked_at = BTreeSet::new();
        let mut ahead = batch;
        while let Some(id) = ahead.pop() {
            let Some(slot) = self.slots.get(&id) else {
                continue;
            };
            let served = slot.served.as_ref().filter(|_| !slot.is_settled());
            let sits = served.and_then(|served| served.expose.socket());
            let sockets = sits.into_iter().chain(slot.queue);
            for socket in sockets.filter(|socket| looked_at.insert(*socket)) {
                let behind = self.queues.get(&socket).into_iter().flatten();
                for id in behind.filter(|id| self.occupancy.seat_of(id).is_some()) {
                    if all.insert(id.clone()) {
                        ahead.push(id.clone());
                    }
                }
            }
        }
        all.into_iter().collect()
    }

    /// Seats a batch. Returns the sockets on which somebody freed something.
    fn seat(&mut self, batch: &[ExposeId], work: &mut Work) -> BTreeSet<Socket> {
        let mut movers = self.movers(batch, work);
        self.claim_seats(&mut movers);
        let mut left = BTreeSet::new();
        for mover in movers {
            let Some(slot) = self.slots.get_mut(&mover.id) else {
                continue;
            };
            if let Some(refused) = mover.refused {
                slot.conflict = Some(Box::new(refused));
                slot.queue = mover.wanted.expose.socket();
                if let Some(socket) = slot.queue {
                    self.queues.entry(socket).or_default().insert(mover.id);
                }
                continue;
            }
            slot.conflict = None;
            let rank = self.recalled.get(&mover.id).copied();
            let rank = *slot.since.get_or_insert(rank.unwrap_or(self.admitted));
            self.admitted += 1;
            self.sit(&mover.id, rank, mover.wanted.clone());
            if let Some(served) = &mover.served {
                self.publication.withdraw_but(served, &mover.wanted);
                left.extend(served.expose.socket());
                work.is_freed = true;
            }
            self.publication.serve(&mover.wanted);
            self.want_secrets(&mover.id, work);
        }
        left
    }

    /// Notes what Envoy has of an expose, and what the next run should know of it.
    pub(super) fn sit(&mut self, id: &ExposeId, rank: u64, candidate: Arc<Candidate>) {
        if let Some(slot) = self.slots.get_mut(id) {
            let incumbent = Incumbent {
                rank,
                served: Some(candidate.expose.clone()),
                confidential: candidate.is_confidential(),
            };
            self.incumbents.insert(id.clone(), incumbent);
            slot.served = Some(candidate);
        }
    }

    /// Those of a batch that ask for something else than they have, and whose secrets can be served,
    /// in the order in which they choose: incumbents first, by seniority, then by name.
    fn movers(&mut self, batch: &[ExposeId], work: &mut Work) -> Vec<Mover> {
        for id in batch {
            self.want_secrets(id, work);
            self.unqueue(id);
        }
        let mut movers = Vec::new();
        for id in batch {
            let Some(slot) = self.slots.get_mut(id) else {
                continue;
            };
            slot.conflict = None;
            let Some(wanted) = slot.wanted.clone() else {
                continue;
            };
            let ready = self.secrets.ready(&wanted.translation.required_secrets);
            if slot.is_settled() || !ready {
                continue;
            }
            let recalled = || self.recalled.get(id).copied();
            let seniority = slot.since.or_else(recalled).unwrap_or(u64::MAX);
            let mover = Mover {
                id: id.clone(),
                served: slot.served.clone(),
                refused: None,
                wanted,
            };
            movers.push((seniority, mover));
        }
        movers.sort_by(|a, b| (a.0, &a.1.id).cmp(&(b.0, &b.1.id)));
        movers.into_iter().map(|(_, mover)| mover).collect()
    }

    /// Lifts all movers from their seats and lets them choose. When one that sat cannot have what it
    /// asks for, it is seated where it was and all others choose again: what was served before never
    /// loses its seat to a newcomer. Old seats fit each other, so every round ends.
    fn claim_seats(&mut self, movers: &mut [Mover]) {
        loop {
            for mover in movers.iter() {
                self.occupancy.release(&mover.id);
            }
            let stay = movers.iter().filter(|mover| mover.refused.is_some());
            for served in stay.filter_map(|mover| mover.served.as_ref()) {
                let kept = self.occupancy.claim(&served.expose);
                debug_assert!(kept.is_ok(), "old seats fit each other");
            }
            let mut settled = true;
            for mover in movers.iter_mut() {
                if mover.served.is_some() && mover.refused.is_some() {
                    continue;
                }
                mover.refused = self.occupancy.claim(&mover.wanted.expose).err();
                if mover.refused.is_some() && mover.served.is_some() {
                    settled = false;
                    break;
                }
            }
            if settled {
                break;
            }
        }
        let stays = |mover: &Mover| mover.served.is_some() && mover.refused.is_some();
        if movers.iter().any(stays) {
            self.claim_again(movers);
        }
    }

    /// Lets those choose again that stayed where they were: whoever was in their way may have had to stay as
    /// well, after that. Newcomers give up their seats for that, and choose again in the order of all: behind
    /// those that sit, unless an earlier run gave them a rank.
    fn claim_again(&mut self, movers: &mut [Mover]) {
        for newcomer in movers.iter().filter(|mover| mover.served.is_none()) {
            self.occupancy.release(&newcomer.id);
        }
        for mover in movers {
            if mover.served.is_some() && mover.refused.is_none() {
                continue;
            }
            self.occupancy.release(&mover.id);
            mover.refused = self.occupancy.claim(&mover.wanted.expose).err();
            if let (Some(served), Some(_)) = (&mover.served, &mover.refused) {
                let kept = self.occupancy.claim(&served.expose);
                debug_assert!(kept.is_ok(), "nobody took it meanwhile");
            }
        }
    }

    /// Keeps the secrets of what an expose asks for, and of what it has.
    fn want_secrets(&mut self, id: &ExposeId, work: &mut Work) {
        let Some(slot) = self.slots.get(id) else {
            return;
        };
        let candidates = slot.wanted.iter().chain(&slot.served);
        let wanted = candidates.flat_map(|c| c.translation.required_secrets.iter().cloned());
        let snapshot = self.publication.snapshot_mut();
        let reads = self.secrets.want(id, wanted.collect(), snapshot);
        work.requests.extend(reads.into_iter().map(Request::Read));
    }

    fn queued_for(&self, sockets: &BTreeSet<Socket>) -> BTreeSet<ExposeId> {
        let queues = sockets.iter().filter_map(|socket| self.queues.get(socket));
        queues.flatten().cloned().collect()
    }

    /// Returns the socket that an expose queued for.
    fn unqueue(&mut self, id: &ExposeId) -> Option<Socket> {
        let socket = self.slots.get_mut(id)?.queue.take()?;
        if let Some(queue) = self.queues.get_mut(&socket) {
            queue.remove(id);
            if queue.is_empty() {
                self.queues.remove(&socket);
            }
        }
        Some(socket)
    }
}
