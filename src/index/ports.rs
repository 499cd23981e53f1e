//! Listener ports that the gateway chooses (`listener_port=0`).
//!
//! A choice is made once and remembered until the configuration carries it, which happens when the
//! daemon has stored it: so an expose is served at once, and is never given a second port.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::ops::RangeInclusive;

use super::ChosenPort;
use crate::model::{Expose, ExposeId, Protocol};
use crate::validate::conflict::Occupancy;

/// The ports chosen and not yet in the configuration.
#[derive(Debug)]
pub(super) struct Ports {
    range: RangeInclusive<u16>,
    chosen: BTreeMap<ExposeId, (IpAddr, Protocol, NonZeroU16)>,
}

impl Ports {
    pub(super) fn new(range: RangeInclusive<u16>) -> Self {
        Self {
            range,
            chosen: BTreeMap::new(),
        }
    }

    /// The range that ports are chosen from.
    pub(super) fn range(&self) -> &RangeInclusive<u16> {
        &self.range
    }

    /// The port of an expose that asks for one, chosen now if it was not before: the lowest that
    /// nobody has or was promised. `None` when the range is used up. The flag tells a new choice.
    pub(super) fn choose(
        &mut self,
        expose: &Expose,
        occupancy: &Occupancy,
    ) -> Option<(NonZeroU16, bool)> {
        let (addr, protocol) = (expose.listener_addr, expose.protocol);
        if let Some((old_addr, old_protocol, port)) = self.chosen.get(&expose.id)
            && (*old_addr, *old_protocol) == (addr, protocol)
        {
            return Some((*port, false));
        }
        let taken = occupancy.taken_ports(addr, protocol);
        let promised = |port: u16| {
            self.chosen.iter().any(|(id, (other, proto, promised))| {
                *id != expose.id
                    && promised.get() == port
                    && *proto == protocol
                    && (*other == addr || other.is_unspecified() || addr.is_unspecified())
            })
        };
        let mut range = self.range.clone();
        let port = range.find(|port| !taken.contains(port) && !promised(*port))?;
        let port = NonZeroU16::new(port)?;
        self.chosen
            .insert(expose.id.clone(), (addr, protocol, port));
        Some((port, true))
    }

    /// Every choice.
    pub(super) fn all(&self) -> impl Iterator<Item = ChosenPort> {
        self.chosen
            .iter()
            .map(|(expose, &(addr, protocol, port))| ChosenPort {
                expose: expose.clone(),
                addr,
                protocol,
                port,
            })
    }

    /// Takes over a choice from an earlier run, where it is one that could be made now.
    pub(super) fn recall(&mut self, chosen: ChosenPort) {
        if self.range.contains(&chosen.port.get()) {
            let port = (chosen.addr, chosen.protocol, chosen.port);
            self.chosen.insert(chosen.expose, port);
        }
    }

    /// The port chosen for an expose that the configuration does not carry yet.
    pub(super) fn chosen(&self, id: &ExposeId) -> Option<NonZeroU16> {
        self.chosen.get(id).map(|(_, _, port)| *port)
    }

    /// Forgets a choice: the configuration carries a port now, or the expose is gone.
    pub(super) fn forget(&mut self, id: &ExposeId) {
        self.chosen.remove(id);
    }
}
