//! Listener ports that the gateway chooses (`listener_port=0`).
//!
//! A choice is made once and remembered until the configuration carries it, which happens when the
//! daemon has stored it: so an expose is served at once, and is given a second port only where
//! somebody else took the first before it could sit there.

use std::collections::BTreeSet;
use std::num::NonZeroU16;
use std::ops::RangeInclusive;

use imbl::OrdMap;

use super::ChosenPort;
use crate::model::{Expose, ExposeId, Socket};
use crate::validate::conflict::Occupancy;

/// The ports chosen and not yet in the configuration.
#[derive(Debug)]
pub(super) struct Ports {
    range: RangeInclusive<u16>,
    chosen: OrdMap<ExposeId, ChosenPort>,
    /// Those that this run asked the daemon to store. An earlier one may not have come to that.
    asked: BTreeSet<ExposeId>,
}

impl ChosenPort {
    fn socket(&self) -> Socket {
        Socket {
            addr: self.addr,
            port: self.port.get(),
            protocol: self.protocol,
        }
    }
}

impl Ports {
    pub(super) fn new(range: RangeInclusive<u16>) -> Self {
        Self {
            range,
            chosen: OrdMap::new(),
            asked: BTreeSet::new(),
        }
    }

    /// The range that ports are chosen from.
    pub(super) fn range(&self) -> &RangeInclusive<u16> {
        &self.range
    }

    /// The port of an expose that asks for one, chosen now if it was not before: the lowest that
    /// nobody has or was promised. `None` when the range is used up. The flag tells one that is to
    /// be stored.
    pub(super) fn choose(
        &mut self,
        expose: &Expose,
        occupancy: &Occupancy,
    ) -> Option<(NonZeroU16, bool)> {
        let (addr, protocol) = (expose.listener_addr, expose.protocol);
        let old = self.chosen.get(&expose.id);
        if let Some(old) = old.filter(|old| (old.addr, old.protocol) == (addr, protocol))
            && (occupancy.seat_of(&expose.id) == Some(old.socket())
                || !occupancy.is_taken(&old.socket()))
        {
            return Some((old.port, self.asked.insert(expose.id.clone())));
        }
        let taken = occupancy.taken_ports(addr, protocol);
        let promised = |port: u16| {
            let socket = Socket {
                addr,
                port,
                protocol,
            };
            let mut others = self.chosen.iter().filter(|(id, _)| **id != expose.id);
            others.any(|(_, choice)| choice.socket().overlaps(&socket))
        };
        let mut range = self.range.clone();
        let port = range.find(|port| !taken.contains(port) && !promised(*port))?;
        let port = NonZeroU16::new(port)?;
        let choice = ChosenPort {
            addr,
            protocol,
            port,
        };
        self.chosen.insert(expose.id.clone(), choice);
        self.asked.insert(expose.id.clone());
        Some((port, true))
    }

    /// Every choice.
    pub(super) fn all(&self) -> &OrdMap<ExposeId, ChosenPort> {
        &self.chosen
    }

    /// Takes over a choice from an earlier run, where it is one that could be made now.
    pub(super) fn recall(&mut self, id: ExposeId, chosen: ChosenPort) {
        if self.range.contains(&chosen.port.get()) {
            self.chosen.insert(id, chosen);
        }
    }

    /// Forgets the choices for all but some exposes.
    pub(super) fn retain(&mut self, is_kept: impl Fn(&ExposeId) -> bool) {
        let gone = self.chosen.keys().filter(|id| !is_kept(id));
        let gone: Vec<ExposeId> = gone.cloned().collect();
        gone.iter().for_each(|id| self.forget(id));
    }

    /// The port chosen for an expose that the configuration does not carry yet.
    pub(super) fn chosen(&self, id: &ExposeId) -> Option<NonZeroU16> {
        self.chosen.get(id).map(|choice| choice.port)
    }

    /// Forgets a choice: the configuration carries a port now, or the expose is gone.
    pub(super) fn forget(&mut self, id: &ExposeId) {
        self.chosen.remove(id);
        self.asked.remove(id);
    }
}
