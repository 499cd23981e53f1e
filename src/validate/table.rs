//! The sections of a group.

use super::reader::Parsed;

/// The sections of a group, parsed, by name.
///
/// Nearly every service has one or two in a group, so they are held in a row.
#[derive(Debug)]
pub(super) struct Table<'a, T>(Vec<(&'a str, Parsed<T>)>);

impl<'a, T> Table<'a, T> {
    /// Of sections that are in the order of their names.
    pub(super) fn sorted(sections: Vec<(&'a str, Parsed<T>)>) -> Self {
        debug_assert!(sections.is_sorted_by_key(|(name, _)| *name));
        Self(sections)
    }

    /// A section, with its name as the document has it.
    pub(super) fn get(&self, name: &str) -> Option<(&'a str, &Parsed<T>)> {
        let place = self.0.binary_search_by(|(known, _)| (*known).cmp(name));
        let (name, parsed) = self.0.get(place.ok()?)?;
        Some((name, parsed))
    }

    /// All, by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a str, &Parsed<T>)> {
        self.0.iter().map(|(name, parsed)| (*name, parsed))
    }

    /// The names, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> + Clone {
        self.0.iter().map(|(name, _)| *name)
    }

    /// What became of each, by name.
    pub(super) fn into_values(self) -> impl Iterator<Item = Parsed<T>> {
        self.0.into_iter().map(|(_, parsed)| parsed)
    }
}

impl<T> Default for Table<'_, T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_found_by_its_name() {
        let table = Table::sorted(vec![("a#0", Parsed::Good(1)), ("a#1", Parsed::Refused)]);
        assert!(matches!(table.get("a#0"), Some(("a#0", Parsed::Good(1)))));
        assert!(matches!(table.get("a#1"), Some(("a#1", Parsed::Refused))));
        assert!(table.get("a#2").is_none() && Table::<u8>::default().get("").is_none());
        assert_eq!(table.names().collect::<Vec<_>>(), ["a#0", "a#1"]);
        assert_eq!(table.iter().count(), table.into_values().count());
    }
}
