//! What a client wants of one type.
//!
//! The rules are those of "How the client specifies what resources to return" in Envoy's xDS protocol
//! description, the same for every type:
//!
//! - the name `*` stands for everything (wildcard);
//! - a client that never named anything on a stream wants everything, too (legacy wildcard);
//! - once it named something, wanting nothing means nothing.

use std::sync::Arc;

use bytes::Bytes;
use foldhash::{HashMap, HashSet};

use super::listed::{List, Listed, sorted};
use crate::xds::wire::Names;

/// The name that stands for every resource.
const WILDCARD: &str = "*";

/// The names that a client wants of one type.
#[derive(Debug, Default)]
pub(super) struct Subscription {
    wildcard: bool,
    names: Listed,
    /// Whether the client ever named anything on this stream.
    named: bool,
    /// The list in the last state-of-the-world request. Acknowledgements repeat the list, which can be
    /// long, so an equal one is not compared name by name.
    last_list: Option<Names>,
    /// Names missing from a list that did not count, because a newer response was under way, each with whether
    /// such a list has it again since. The client may have thrown away what it had under them.
    missed: HashMap<Arc<str>, bool>,
}

/// What a request did to a subscription.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Shift {
    /// Whether everything was wanted before.
    pub(super) was_wildcard: bool,
    /// Whether everything is asked for by this request, whatever was wanted before.
    pub(super) asks_all: bool,
    /// Names asked for by this request: each must be answered, even if nothing changed.
    pub(super) asked: Vec<Arc<str>>,
    /// The same, where nothing of a long list was listed before.
    pub(super) asked_list: Option<Arc<List>>,
    /// Names asked for again though they were listed: these as well.
    pub(super) asked_again: Vec<Arc<str>>,
    /// Names no longer listed.
    pub(super) dropped: Vec<Arc<str>>,
}

/// What a list that does not count tells all the same.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Overlooked {
    /// Names that the client did not want when it wrote the list.
    pub(super) missing: Vec<Arc<str>>,
    /// Of the names that it did not want in between, those that it wanted again.
    pub(super) back: Vec<Arc<str>>,
}

/// Who keeps the names of resources, and of those who ask for them, so that each is kept once.
pub(super) trait Interner {
    /// A name.
    fn name(&self, name: &str) -> Arc<str>;

    /// Whether so many names are a list of their own, to be shared.
    fn is_long(&self, count: usize) -> bool;

    /// A list of sorted names.
    fn list(&self, names: &[&str]) -> Arc<List>;
}

/// A name that is not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadName;

impl Subscription {
    /// Whether everything is wanted.
    pub(super) fn is_wildcard(&self) -> bool {
        self.wildcard
    }

    /// Whether a resource of this name is wanted.
    pub(super) fn wants(&self, name: &str) -> bool {
        self.wildcard || self.names.contains(name)
    }

    /// Whether a name is listed, be everything wanted or not.
    pub(super) fn lists(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// The names listed.
    pub(super) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.names.iter()
    }

    /// State of the world: the list that is wanted from now on. Duplicates count once.
    pub(super) fn replace(
        &mut self,
        list: &Names,
        interner: &impl Interner,
    ) -> Result<Shift, BadName> {
        let was_wildcard = self.wildcard;
        let mut shift = Shift {
            was_wildcard,
            ..Shift::default()
        };
        if self.last_list.as_ref() == Some(list) && self.missed.is_empty() {
            return Ok(shift);
        }
        let mut missed = std::mem::take(&mut self.missed);
        let names: Result<Vec<&str>, _> = list.iter().map(text).collect();
        let names = sorted(names?.into_iter());
        let star = names.binary_search(&WILDCARD).is_ok();
        let names: Vec<&str> = names.into_iter().filter(|name| *name != WILDCARD).collect();
        let is_first = self.names.is_empty() && interner.is_long(names.len());
        let list_now = interner.list(&names);
        (shift.asked, shift.dropped) = match is_first {
            true => Default::default(),
            false => self.names.difference(&list_now),
        };
        shift.asked_list = is_first.then(|| list_now.clone());
        missed.retain(|name, _| names.binary_search(&&**name).is_ok() && self.names.contains(name));
        for (name, is_back) in missed {
            match is_back {
                true => shift.asked_again.push(name),
                false => shift.asked.push(name),
            }
        }
        self.names = Listed::of(list_now);
        self.last_list = Some(list.clone());
        self.named |= !list.is_empty();
        self.wildcard = star || !self.named;
        shift.asks_all = self.wildcard && !was_wildcard;
        Ok(shift)
    }

    /// State of the world: a list that answers an older response and so does not count. The names
    /// missing from it are asked for anew when a later list has them.
    pub(super) fn overlook(&mut self, list: &Names) -> Overlooked {
        let mut overlooked = Overlooked::default();
        if self.last_list.as_ref() == Some(list) && self.missed.is_empty() {
            return overlooked;
        }
        let listed: HashSet<&[u8]> = list.iter().collect();
        let is_listed = |name: &Arc<str>| listed.contains(name.as_bytes());
        for (name, is_back) in self.missed.iter_mut().filter(|(name, _)| is_listed(name)) {
            if !std::mem::replace(is_back, true) {
                overlooked.back.push(name.clone());
            }
        }
        let missing = self.names.iter().filter(|name| !is_listed(name));
        overlooked.missing.extend(missing.cloned());
        let missing = overlooked.missing.iter().cloned();
        self.missed.extend(missing.map(|name| (name, false)));
        overlooked
    }

    /// Delta: names to add and to take away. `first` is the first request of the type on the stream.
    ///
    /// A name both taken away and added is wanted; taking away what is not listed does nothing.
    pub(super) fn adjust(
        &mut self,
        first: bool,
        subscribe: &[Bytes],
        unsubscribe: &[Bytes],
        interner: &impl Interner,
    ) -> Result<Shift, BadName> {
        let was_wildcard = self.wildcard;
        let mut shift = Shift {
            was_wildcard,
            ..Shift::default()
        };
        for name in unsubscribe {
            match text(name)? {
                WILDCARD => self.wildcard = false,
                name => shift.dropped.extend(self.names.take(name)),
            }
        }
        let mut one_by_one = subscribe;
        if interner.is_long(subscribe.len()) {
            let names: Result<Vec<&str>, _> = subscribe.iter().map(|name| text(name)).collect();
            let names = sorted(names?.into_iter());
            // Of what is taken away by the same request, something may be known.
            let taken: HashSet<&str> = shift.dropped.iter().map(|name| &**name).collect();
            let is_known =
                |name: &&str| *name == WILDCARD || taken.contains(*name) || self.names.knows(name);
            if !names.iter().any(is_known) {
                let list = interner.list(&names);
                self.names.add(list.clone());
                shift.asked_list = Some(list);
                one_by_one = &[];
            }
        }
        for name in one_by_one {
            match text(name)? {
                WILDCARD => {
                    self.wildcard = true;
                    shift.asks_all = true;
                }
                name => match self.names.get(name) {
                    Some(listed) => shift.asked_again.push(listed.clone()),
                    None => {
                        let name = interner.name(name);
                        self.names.insert(name.clone());
                        shift.asked.push(name);
                    }
                },
            }
        }
        if first && subscribe.is_empty() && unsubscribe.is_empty() {
            self.wildcard = true;
            shift.asks_all = true;
        }
        shift.dropped.retain(|name| !self.names.contains(name));
        Ok(shift)
    }
}

fn text(name: &[u8]) -> Result<&str, BadName> {
    std::str::from_utf8(name).map_err(|_| BadName)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps nothing.
    struct Anew;

    impl Interner for Anew {
        fn name(&self, name: &str) -> Arc<str> {
            name.into()
        }

        fn is_long(&self, count: usize) -> bool {
            count >= 3
        }

        fn list(&self, names: &[&str]) -> Arc<List> {
            Arc::new(List::new(names.iter().map(|name| self.name(name))))
        }
    }

    fn list(names: &[&str]) -> Vec<Bytes> {
        names
            .iter()
            .map(|n| Bytes::copy_from_slice(n.as_bytes()))
            .collect()
    }

    fn replace(subscription: &mut Subscription, names: &[&str]) -> Shift {
        subscription
            .replace(&names.iter().collect(), &Anew)
            .unwrap()
    }

    fn adjust(subscription: &mut Subscription, first: bool, add: &[&str], less: &[&str]) -> Shift {
        subscription
            .adjust(first, &list(add), &list(less), &Anew)
            .unwrap()
    }

    #[test]
    fn naming_nothing_at_first_is_wanting_everything() {
        let mut subscription = Subscription::default();
        assert!(replace(&mut subscription, &[]).asks_all);
        assert!(subscription.wants("a"));
        assert!(
            !replace(&mut subscription, &[]).asks_all,
            "an acknowledgement asks nothing"
        );
    }

    #[test]
    fn naming_nothing_after_a_name_is_wanting_nothing() {
        for first in [["a"], ["*"]] {
            let mut subscription = Subscription::default();
            replace(&mut subscription, &first);
            replace(&mut subscription, &[]);
            assert!(!subscription.wants("a"), "after {first:?}");
        }
    }

    #[test]
    fn a_list_that_grows_asks_for_what_is_new_only() {
        let mut subscription = Subscription::default();
        replace(&mut subscription, &["a", "a"]);
        let shift = replace(&mut subscription, &["b", "a", "b"]);
        assert_eq!(shift.asked, ["b".into()]);
        assert!(shift.dropped.is_empty());
        let shift = replace(&mut subscription, &["b"]);
        assert_eq!(shift.dropped, ["a".into()]);
        let shift = replace(&mut subscription, &["a", "b"]);
        assert_eq!(shift.asked, ["a".into()], "asked for again after a drop");
    }

    #[test]
    fn a_name_missing_from_an_overlooked_list_is_asked_for_anew() {
        let mut subscription = Subscription::default();
        replace(&mut subscription, &["a", "b"]);
        let overlooked = subscription.overlook(&Names::from_iter(["a"]));
        assert_eq!(overlooked.missing, ["b".into()]);
        let shift = replace(&mut subscription, &["a", "b"]);
        assert_eq!(shift.asked, ["b".into()]);
        let shift = replace(&mut subscription, &["a", "b"]);
        assert!(shift.asked.is_empty());
    }

    #[test]
    fn a_name_that_comes_back_in_an_overlooked_list_is_asked_for_again() {
        let mut subscription = Subscription::default();
        replace(&mut subscription, &["a", "b"]);
        let less = Names::from_iter(["a"]);
        let all = Names::from_iter(["a", "b"]);
        for _ in 0..2 {
            assert_eq!(subscription.overlook(&less).missing, ["b".into()]);
            assert_eq!(subscription.overlook(&all).back, ["b".into()]);
            assert_eq!(subscription.overlook(&all), Overlooked::default());
        }
        let shift = replace(&mut subscription, &["a", "b"]);
        assert!(shift.asked.is_empty());
        assert_eq!(shift.asked_again, ["b".into()]);
        let shift = replace(&mut subscription, &["a", "b"]);
        assert!(shift.asked_again.is_empty());
    }

    #[test]
    fn a_wildcard_survives_names_beside_it_and_ends_without_it() {
        let mut subscription = Subscription::default();
        replace(&mut subscription, &[]);
        assert!(!replace(&mut subscription, &["*", "a"]).asks_all);
        assert!(subscription.wants("b"));
        replace(&mut subscription, &["a"]);
        assert!(subscription.wants("a") && !subscription.wants("b"));
    }

    #[test]
    fn a_delta_stream_that_starts_with_a_name_is_no_wildcard() {
        let mut subscription = Subscription::default();
        assert!(!adjust(&mut subscription, true, &["a"], &[]).asks_all);
        assert!(subscription.wants("a") && !subscription.wants("b"));
    }

    #[test]
    fn a_delta_wildcard_ends_by_its_name_and_is_not_revived_by_silence() {
        let mut subscription = Subscription::default();
        adjust(&mut subscription, true, &[], &[]);
        adjust(&mut subscription, false, &["a"], &[]);
        assert!(subscription.wants("b"));
        adjust(&mut subscription, false, &[], &["*"]);
        assert!(subscription.wants("a") && !subscription.wants("b"));
        adjust(&mut subscription, false, &[], &["a"]);
        adjust(&mut subscription, false, &[], &[]);
        assert!(!subscription.wants("a"));
    }

    #[test]
    fn a_delta_subscription_is_asked_for_even_if_listed() {
        let mut subscription = Subscription::default();
        adjust(&mut subscription, true, &["a"], &[]);
        let shift = adjust(&mut subscription, false, &["a"], &[]);
        assert_eq!(shift.asked_again, ["a".into()]);
        assert_eq!(
            adjust(&mut subscription, false, &[], &["nope"]),
            Shift::default()
        );
    }

    #[test]
    fn a_name_that_is_no_text_is_refused() {
        let bad = Names::from_iter([[0xff]]);
        let mut subscription = Subscription::default();
        assert_eq!(subscription.replace(&bad, &Anew), Err(BadName));
    }
}
