//! Who is connected, and who has to go when there are too many.
//!
//! A client that is let in and says nothing costs next to nothing, until it is one too many. Then the
//! connection that was silent longest gives way, so that whoever asks now, such as a health check, is
//! answered now.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// What a connection is doing; who does less is asked to go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Doing {
    /// Nothing: no request is under way, or its answer is only being sent.
    Idle,
    /// A request is being answered.
    Answering,
    /// Changes are being followed.
    Following,
}

/// The seats.
#[derive(Debug)]
pub(super) struct Seats {
    limit: usize,
    next: AtomicU64,
    taken: Mutex<HashMap<u64, Arc<Seat>>>,
}

/// A connection's seat.
#[derive(Debug, Default)]
pub(super) struct Seat {
    doing: AtomicU8,
    /// When it began, by a clock that counts what happens.
    since: AtomicU64,
    leave: Notify,
}

/// A seat that is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Taken {
    seats: Arc<Seats>,
    number: u64,
    seat: Arc<Seat>,
}

impl Seats {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            next: AtomicU64::new(0),
            taken: Mutex::default(),
        })
    }

    /// Takes a seat. Where none is free, whoever did nothing for longest has to leave.
    pub(super) fn take(self: &Arc<Self>) -> Taken {
        let number = self.tick();
        let seat = Arc::new(Seat::default());
        seat.since.store(number, Ordering::Relaxed);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.len() >= self.limit
            && let Some((&first, _)) = taken.iter().min_by_key(|(_, seat)| seat.rank())
            && let Some(seat) = taken.remove(&first)
        {
            seat.leave.notify_one();
        }
        taken.insert(number, seat.clone());
        drop(taken);
        Taken {
            seats: self.clone(),
            number,
            seat,
        }
    }

    fn tick(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }
}

impl Seat {
    fn rank(&self) -> (u8, u64) {
        let doing = self.doing.load(Ordering::Relaxed);
        (doing, self.since.load(Ordering::Relaxed))
    }
}

impl Taken {
    /// Tells what the connection is doing from now on.
    pub(super) fn is(&self, doing: Doing) {
        self.seat.doing.store(doing as u8, Ordering::Relaxed);
        self.seat.since.store(self.seats.tick(), Ordering::Relaxed);
    }

    /// Completes when somebody else has the seat.
    pub(super) async fn lost(&self) {
        self.seat.leave.notified().await;
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let taken = self.seats.taken.lock();
        taken
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn lost(taken: &Taken) -> bool {
        taken.lost().now_or_never().is_some()
    }

    #[test]
    fn whoever_does_least_for_longest_gives_way() {
        let seats = Seats::new(4);
        let follows = seats.take();
        follows.is(Doing::Following);
        let answers = seats.take();
        answers.is(Doing::Answering);
        let first = seats.take();
        let second = seats.take();
        first.is(Doing::Answering);
        first.is(Doing::Idle);
        let third = seats.take();
        assert!(lost(&second) && !lost(&first) && !lost(&third));
        let fourth = seats.take();
        assert!(lost(&first) && !lost(&third));
        third.is(Doing::Answering);
        fourth.is(Doing::Answering);
        let _fifth = seats.take();
        assert!(lost(&answers) && !lost(&follows));
    }

    #[test]
    fn a_seat_that_is_left_is_free() {
        let seats = Seats::new(2);
        let first = seats.take();
        drop(seats.take());
        let _second = seats.take();
        assert!(!lost(&first));
    }
}
