//! The exposes of all services, by service.

use foldhash::HashMap;

use super::slot::Slot;
use super::spare::give_back;
use crate::model::{ExposeId, ObjectPath};

/// The slot of every expose.
///
/// Nearly every service has one, and each is looked for many times whenever something is said of it: by the
/// service, and there among a few.
#[derive(Debug, Default)]
pub(super) struct Slots {
    services: HashMap<ObjectPath, Vec<(ExposeId, Slot)>>,
}

impl Slots {
    /// The slot of an expose.
    pub(super) fn get(&self, id: &ExposeId) -> Option<&Slot> {
        let of_service = self.services.get(&id.service)?;
        let (_, slot) = of_service.get(place(of_service, id).ok()?)?;
        Some(slot)
    }

    /// The same, to change it.
    pub(super) fn get_mut(&mut self, id: &ExposeId) -> Option<&mut Slot> {
        let of_service = self.services.get_mut(&id.service)?;
        let place = place(of_service, id).ok()?;
        let (_, slot) = of_service.get_mut(place)?;
        Some(slot)
    }

    /// The slot of an expose, an empty one where there was none.
    pub(super) fn entry(&mut self, id: &ExposeId) -> &mut Slot {
        let of_service = self.services.entry(id.service.clone());
        let of_service = of_service.or_insert_with(|| Vec::with_capacity(1));
        let place = place(of_service, id).unwrap_or_else(|place| {
            of_service.insert(place, (id.clone(), Slot::default()));
            place
        });
        let (_, slot) = &mut of_service[place];
        slot
    }

    /// Takes out the slot of an expose.
    pub(super) fn remove(&mut self, id: &ExposeId) -> Option<Slot> {
        let of_service = self.services.get_mut(&id.service)?;
        let place = place(of_service, id).ok()?;
        let (_, slot) = of_service.remove(place);
        if of_service.is_empty() {
            self.services.remove(&id.service);
            give_back(&mut self.services);
        }
        Some(slot)
    }

    /// The slots of a logical service, by section.
    pub(super) fn of(&self, owner: &ObjectPath) -> &[(ExposeId, Slot)] {
        self.services
            .get(owner)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// The same, to change them.
    pub(super) fn of_mut(&mut self, owner: &ObjectPath) -> &mut [(ExposeId, Slot)] {
        let of_service = self.services.get_mut(owner);
        of_service.map(Vec::as_mut_slice).unwrap_or_default()
    }

    /// All slots, in no order.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (&ExposeId, &Slot)> {
        let all = self.services.values().flatten();
        all.map(|(id, slot)| (id, slot))
    }
}

fn place(of_service: &[(ExposeId, Slot)], id: &ExposeId) -> Result<usize, usize> {
    of_service.binary_search_by(|(known, _)| known.section.cmp(&id.section))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_service_has_its_slots_by_section_until_the_last_is_gone() {
        let id = |service: &str, section: &str| ExposeId {
            service: service.parse().unwrap(),
            section: section.to_owned(),
        };
        let (first, second, other) = (
            id("web", "expose#0"),
            id("web", "expose#1"),
            id("sql", "expose#0"),
        );
        let mut slots = Slots::default();
        for id in [&second, &other, &first] {
            slots.entry(id).endpoints = id.section.len();
        }
        slots.get_mut(&second).unwrap().endpoints = 7;
        let of = |slots: &Slots| -> Vec<(ExposeId, usize)> {
            let of = slots.of(&first.service).iter();
            of.map(|(id, slot)| (id.clone(), slot.endpoints)).collect()
        };
        assert_eq!(of(&slots), [(first.clone(), 8), (second.clone(), 7)]);
        assert!(slots.remove(&first).is_some() && slots.remove(&first).is_none());
        assert_eq!(of(&slots), [(second.clone(), 7)]);
        assert!(slots.get(&first).is_none() && slots.remove(&second).is_some());
        assert!(slots.of(&first.service).is_empty() && slots.get(&other).is_some());
    }
}
