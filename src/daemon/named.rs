//! Small tables by name.

use std::fmt;
use std::mem;
use std::ops::Index;
use std::sync::Arc;

/// A few values by name, in one piece of memory and in the order of their names.
///
/// A cluster has tens of thousands of them, with hardly more entries than fingers on a hand, and many are
/// copies of each other but for one value: names are shared.
#[derive(Clone, PartialEq, Eq)]
pub struct Named<V>(Box<[(Arc<str>, V)]>);

impl<V> Named<V> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&V> {
        let (_, value) = self.0.get(self.place(name).ok()?)?;
        Some(value)
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut V> {
        let place = self.place(name).ok()?;
        let (_, value) = self.0.get_mut(place)?;
        Some(value)
    }

    /// Whether there is a value of a name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.place(name).is_ok()
    }

    /// Puts a value in the place of that of the same name, which is returned.
    pub fn insert(&mut self, name: impl AsRef<str> + Into<Arc<str>>, value: V) -> Option<V> {
        match self.place(name.as_ref()) {
            Ok(place) => {
                let (_, known) = self.0.get_mut(place)?;
                Some(mem::replace(known, value))
            }
            Err(place) => {
                self.change(|entries| entries.insert(place, (name.into(), value)));
                None
            }
        }
    }

    /// Removes the value of a name, and returns it.
    pub fn remove(&mut self, name: &str) -> Option<V> {
        let place = self.place(name).ok()?;
        let (_, value) = self.change(|entries| entries.remove(place));
        Some(value)
    }

    /// Names and values, by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, &V)> + Clone {
        self.into_iter()
    }

    /// The names, in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &Arc<str>> + Clone {
        self.0.iter().map(|(name, _)| name)
    }

    /// The values, by name.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &V> + Clone {
        self.0.iter().map(|(_, value)| value)
    }

    /// The same, to change them.
    pub fn values_mut(&mut self) -> impl ExactSizeIterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    /// What some rows say in their order: the last of a name counts, and `None` is that there is none.
    pub(super) fn told(mut rows: Vec<(Arc<str>, Option<V>)>) -> Self {
        // Stable: of a name, the last stays the last.
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        let mut entries: Vec<(Arc<str>, Option<V>)> = Vec::with_capacity(rows.len());
        for row in rows {
            match entries.last_mut() {
                Some(last) if last.0 == row.0 => *last = row,
                _ => entries.push(row),
            }
        }
        let there = entries.into_iter();
        Self(there.filter_map(|(name, v)| Some((name, v?))).collect())
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| (**known).cmp(name))
    }

    fn change<T>(&mut self, change: impl FnOnce(&mut Vec<(Arc<str>, V)>) -> T) -> T {
        let mut entries = mem::take(&mut self.0).into_vec();
        let result = change(&mut entries);
        self.0 = entries.into_boxed_slice();
        result
    }
}

/// Names and values by name, borrowed.
type Iter<'n, V> = std::iter::Map<
    std::slice::Iter<'n, (Arc<str>, V)>,
    fn(&'n (Arc<str>, V)) -> (&'n Arc<str>, &'n V),
>;

impl<'n, V> IntoIterator for &'n Named<V> {
    type Item = (&'n Arc<str>, &'n V);
    type IntoIter = Iter<'n, V>;

    fn into_iter(self) -> Iter<'n, V> {
        self.0.iter().map(|(name, value)| (name, value))
    }
}

impl<V> Default for Named<V> {
    fn default() -> Self {
        Self(Box::default())
    }
}

impl<V: fmt::Debug> fmt::Debug for Named<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Into<Arc<str>>, V> FromIterator<(K, V)> for Named<V> {
    /// Of several with one name, the last counts.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let rows = entries.into_iter();
        Self::told(rows.map(|(name, v)| (name.into(), Some(v))).collect())
    }
}

impl<K: Into<Arc<str>>, V, const N: usize> From<[(K, V); N]> for Named<V> {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<V> Index<&str> for Named<V> {
    type Output = V;

    /// # Panics
    /// Where there is no value of the name.
    fn index(&self, name: &str) -> &V {
        match self.get(name) {
            Some(value) => value,
            #[allow(clippy::panic)] // As for any other map.
            None => panic!("no {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(entries: &[(&str, u8)]) -> Named<u8> {
        entries.iter().copied().collect()
    }

    #[test]
    fn whatever_the_order_a_table_is_the_same_and_the_last_of_a_name_counts() {
        let table = named(&[("b", 1), ("a", 2), ("b", 3)]);
        assert_eq!(table, named(&[("a", 2), ("b", 3)]));
        let names: Vec<&str> = table.keys().map(|name| &**name).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!((table.get("b"), table.get("c")), (Some(&3), None));
        let rows = vec![("a".into(), Some(1)), ("a".into(), None)];
        assert_eq!(Named::<u8>::told(rows), Named::default());
    }

    #[test]
    fn what_is_put_in_is_there_until_it_is_removed() {
        let mut table = named(&[("b", 1)]);
        assert_eq!(table.insert("a", 2), None);
        assert_eq!(table.insert(String::from("b"), 3), Some(1));
        assert_eq!(table, named(&[("a", 2), ("b", 3)]));
        assert_eq!(table.remove("a"), Some(2));
        assert_eq!(table.remove("a"), None);
        assert_eq!((table.len(), table["b"]), (1, 3));
    }
}
