//! What an index knows that no configuration says: who was there first, and which ports it chose.

use std::net::IpAddr;
use std::num::NonZeroU16;

use super::Index;
use crate::model::{ExposeId, Protocol};

/// What a gateway that starts again should know from before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// The exposes that are served, the first served first: who wins a conflict.
    pub incumbents: Vec<ExposeId>,
    /// The listener ports that were chosen and are not in the configuration yet.
    pub ports: Vec<ChosenPort>,
}

/// A listener port that the gateway chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenPort {
    /// The expose that asked for one.
    pub expose: ExposeId,
    /// The address that it listens on.
    pub addr: IpAddr,
    /// The transport protocol.
    pub protocol: Protocol,
    /// The port.
    pub port: NonZeroU16,
}

impl Index {
    /// What the next run should know.
    pub fn memory(&self) -> Memory {
        let served = self.slots.iter().filter(|(_, slot)| slot.served.is_some());
        let mut served: Vec<_> = served.map(|(id, slot)| (slot.since, id)).collect();
        served.sort();
        Memory {
            incumbents: served.into_iter().map(|(_, id)| id.clone()).collect(),
            ports: self.ports.all().collect(),
        }
    }

    /// Takes over what an earlier run knew. To be called before any event.
    pub fn recall(&mut self, memory: Memory) {
        let ranks = memory.incumbents.into_iter().zip(0..);
        self.recalled = ranks.collect();
        for chosen in memory.ports {
            self.ports.recall(chosen);
        }
    }
}
