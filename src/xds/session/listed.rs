//! The names that clients list, which are thousands, and the same for all clients of a gateway.

use std::sync::Arc;

use foldhash::HashSet;

/// Names that a client listed at once: sorted, each once, and shared with the clients that listed the same.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct List(Box<[Arc<str>]>);

impl List {
    /// A list of sorted names.
    pub(super) fn new(names: impl IntoIterator<Item = Arc<str>>) -> Self {
        Self(names.into_iter().collect())
    }

    /// Its names.
    pub(super) fn names(&self) -> &[Arc<str>] {
        &self.0
    }

    /// Whether it holds the very names, which are sorted.
    pub(super) fn is(&self, names: &[&str]) -> bool {
        self.0.len() == names.len()
            && self
                .0
                .iter()
                .zip(names)
                .all(|(mine, name)| **mine == **name)
    }

    fn get(&self, name: &str) -> Option<&Arc<str>> {
        let (first, last) = (self.0.first()?, self.0.last()?);
        // One of many lists is searched.
        if **first > *name || **last < *name {
            return None;
        }
        let at = self.0.binary_search_by(|known| (**known).cmp(name)).ok()?;
        self.0.get(at)
    }
}

/// All names that a client lists.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// No two have a name in common.
    lists: Vec<Arc<List>>,
    /// What it lists no more of these.
    gone: HashSet<Arc<str>>,
    /// What it lists beside.
    own: HashSet<Arc<str>>,
}

impl Listed {
    /// The names of one list.
    pub(super) fn of(list: Arc<List>) -> Self {
        Self {
            lists: vec![list],
            ..Self::default()
        }
    }

    /// Some names.
    pub(super) fn of_own(own: HashSet<Arc<str>>) -> Self {
        Self {
            own,
            ..Self::default()
        }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// The names, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<str>> {
        let shared = self.lists.iter().flat_map(|list| list.names());
        let shared = shared.filter(|name| self.gone.is_empty() || !self.gone.contains(*name));
        self.own.iter().chain(shared)
    }

    /// A name as it is kept here, to be shared.
    pub(super) fn get(&self, name: &str) -> Option<&Arc<str>> {
        let shared = || self.lists.iter().find_map(|list| list.get(name));
        let own = self.own.get(name);
        own.or_else(|| shared().filter(|name| !self.gone.contains(*name)))
    }

    /// Whether a name is listed.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether a name is listed, or was.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.own.contains(name) || self.lists.iter().any(|list| list.get(name).is_some())
    }

    /// Adds a name.
    pub(super) fn insert(&mut self, name: Arc<str>) {
        if !self.gone.remove(&name) && !self.contains(&name) {
            self.own.insert(name);
        }
    }

    /// Adds a list of names that are not known.
    pub(super) fn add(&mut self, list: Arc<List>) {
        self.lists.push(list);
    }

    /// Takes a name away. Returns it, if it was listed.
    pub(super) fn take(&mut self, name: &str) -> Option<Arc<str>> {
        if let Some(own) = self.own.take(name) {
            return Some(own);
        }
        let name = self.get(name)?.clone();
        self.gone.insert(name.clone());
        let shared: usize = self.lists.iter().map(|list| list.names().len()).sum();
        if self.gone.len() * 2 > shared {
            // Of the lists, little is left to share.
            *self = Self::of_own(self.iter().cloned().collect());
        }
        Some(name)
    }

    /// What differs from a list: its names that are not here, and the names here that it does not have.
    pub(super) fn difference(&self, list: &List) -> (Vec<Arc<str>>, Vec<Arc<str>>) {
        let mut mine: Vec<_> = self.iter().collect();
        mine.sort();
        let mut mine = mine.into_iter().peekable();
        let (mut new, mut gone) = (Vec::new(), Vec::new());
        for name in list.names() {
            // It is the next one, as a rule, and its very name.
            if mine.next_if(|mine| Arc::ptr_eq(mine, name)).is_some() {
                continue;
            }
            while let Some(less) = mine.next_if(|mine| *mine < name) {
                gone.push(less.clone());
            }
            if mine.next_if_eq(&name).is_none() {
                new.push(name.clone());
            }
        }
        gone.extend(mine.cloned());
        (new, gone)
    }
}

/// Names as text, sorted, each once.
pub(super) fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<_> = names.collect();
    if !names.is_sorted_by(|a, b| a < b) {
        names.sort_unstable();
        names.dedup();
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str]) -> Arc<List> {
        Arc::new(List::new(names.iter().map(|name| Arc::from(*name))))
    }

    fn all(listed: &Listed) -> Vec<&str> {
        sorted(listed.iter().map(|name| &**name))
    }

    #[test]
    fn what_is_taken_from_a_list_is_gone_until_it_is_listed_again() {
        let mut listed = Listed::of(list(&["a", "b", "c", "d", "e"]));
        listed.add(list(&["x", "y"]));
        listed.insert("o".into());
        assert_eq!(listed.take("b").as_deref(), Some("b"));
        assert_eq!(listed.take("b"), None);
        assert_eq!(listed.take("o").as_deref(), Some("o"));
        assert!(!listed.contains("b") && listed.contains("y"));
        assert_eq!(all(&listed), ["a", "c", "d", "e", "x", "y"]);
        listed.insert("b".into());
        listed.insert("c".into());
        assert_eq!(listed.iter().count(), 7, "each once");
        for name in ["a", "b", "c", "d", "e"] {
            assert!(listed.take(name).is_some());
        }
        assert_eq!(all(&listed), ["x", "y"]);
        assert!(listed.lists.is_empty(), "nothing is kept of what is gone");
    }

    #[test]
    fn the_difference_from_a_list_is_what_is_new_and_what_is_gone() {
        let mut listed = Listed::of(list(&["b", "c", "d"]));
        listed.insert("a".into());
        listed.take("c");
        let (new, gone) = listed.difference(&list(&["c", "d", "e"]));
        assert_eq!(new, ["c".into(), "e".into()]);
        assert_eq!(gone, ["a".into(), "b".into()]);
    }
}
