use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;

const KIND: ResourceType = ResourceType::Cluster;

fn resource(name: &str, content: u8) -> Resource {
    Resource::new(KIND, name, Bytes::from(vec![content]), vec![])
}

fn content(snapshot: &Snapshot) -> BTreeMap<String, Version> {
    snapshot
        .iter(KIND)
        .map(|r| (r.name.to_string(), r.version))
        .collect()
}

/// A put (`Some`) or a removal of one of a few names.
fn operations() -> impl Strategy<Value = Vec<(u8, Option<u8>)>> {
    prop::collection::vec((0..40u8, prop::option::weighted(0.7, 0..4u8)), 0..120)
}

fn apply(snapshot: &mut Snapshot, operations: &[(u8, Option<u8>)]) {
    for (name, put) in operations {
        let name = format!("service{name}");
        match put {
            Some(content) => snapshot.put(resource(&name, *content)),
            None => snapshot.remove(KIND, &name),
        };
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_changes_applied_to_the_older_snapshot_give_the_newer(
        first in operations(),
        second in operations(),
    ) {
        let mut older = Snapshot::default();
        apply(&mut older, &first);
        let mut newer = older.clone();
        apply(&mut newer, &second);

        let mut rebuilt = older.clone();
        for change in newer.changes(&older, KIND) {
            let changed = match change {
                Change::Put(resource) => rebuilt.put(Resource::clone(resource)),
                Change::Removed(name) => rebuilt.remove(KIND, name),
            };
            prop_assert!(changed, "a change that changes nothing");
        }
        prop_assert_eq!(content(&rebuilt), content(&newer));
        prop_assert_eq!(rebuilt.version(KIND), newer.version(KIND));
    }

    #[test]
    fn the_version_depends_on_content_alone(history in operations()) {
        let mut wandered = Snapshot::default();
        apply(&mut wandered, &history);
        let mut backwards = Snapshot::default();
        let resources: Vec<_> = wandered.iter(KIND).cloned().collect();
        for resource in resources.iter().rev() {
            backwards.put(Resource::clone(resource));
        }
        prop_assert_eq!(backwards.version(KIND), wandered.version(KIND));
    }
}

#[test]
fn a_snapshot_that_takes_anothers_place_tells_the_same_changes_to_whoever_has_which() {
    let mut first = Snapshot::default();
    for name in ["a", "b", "c"] {
        first.put(resource(name, 1));
    }
    let mut second = first.clone();
    second.put(resource("a", 2));
    second.remove(KIND, "b");
    let second = second.in_place_of(&first);
    let mut third = second.clone();
    third.put(resource("d", 1));
    let third = third.in_place_of(&second);
    let mut fourth = third.clone();
    fourth.put(resource("e", 1));

    let names = |older: &Snapshot, newer: &Snapshot| -> Vec<String> {
        let changes = newer.changes(older, KIND).map(|change| match change {
            Change::Put(resource) => resource.name.to_string(),
            Change::Removed(name) => format!("-{name}"),
        });
        changes.collect()
    };
    assert_eq!(names(&first, &second), ["a", "-b"]);
    assert_eq!(names(&second, &third), ["d"]);
    assert_eq!(names(&first, &third), ["a", "-b", "d"], "two steps");
    assert_eq!(names(&third, &first), ["a", "b", "-d"], "and back");
    assert_eq!(names(&third, &fourth), ["e"], "changed since");
    assert_eq!(names(&second, &second), [""; 0]);
}

#[test]
fn putting_the_same_content_again_changes_nothing() {
    let mut snapshot = Snapshot::default();
    assert!(snapshot.put(resource("a", 1)));
    let before = snapshot.clone();
    assert!(!snapshot.put(resource("a", 1)));
    assert!(!snapshot.remove(KIND, "b"));
    assert_eq!(snapshot.changes(&before, KIND).count(), 0);
    assert_eq!(snapshot.version(KIND), before.version(KIND));
}

#[test]
fn a_version_with_others_is_that_of_a_snapshot_that_has_them() {
    let (a1, a2, b) = (resource("a", 1), resource("a", 2), resource("b", 1));
    let mut here = Snapshot::default();
    here.put(a1.clone());
    let mut there = Snapshot::default();
    there.put(a2.clone());
    there.put(b.clone());
    let others = [(Some(&a1), Some(&a2)), (None, Some(&b))];
    assert_eq!(here.version_with(KIND, others), there.version(KIND));
}

#[test]
fn the_types_do_not_mix() {
    let mut snapshot = Snapshot::default();
    snapshot.put(resource("a", 1));
    assert!(snapshot.is_empty(ResourceType::Endpoints));
    assert_eq!(snapshot.len(KIND), 1);
    assert!(snapshot.get(ResourceType::Endpoints, "a").is_none());
    assert_ne!(
        snapshot.version(KIND),
        snapshot.version(ResourceType::Endpoints)
    );
}

thread_local! { static COMPARED: Cell<usize> = const { Cell::new(0) }; }

/// A key that counts how often keys are compared.
#[derive(Clone, PartialEq, Eq)]
struct Key(u32);

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        COMPARED.set(COMPARED.get() + 1);
        self.0.cmp(&other.0)
    }
}

/// How many keys a comparison of two tables of `size` looks at after one change in the middle.
fn comparisons(size: u32, change: impl FnOnce(&mut OrdMap<Key, u32>) -> Option<u32>) -> usize {
    let older: OrdMap<Key, u32> = (0..size).map(|n| (Key(2 * n), 0u32)).collect();
    let mut newer = older.clone();
    change(&mut newer);
    COMPARED.set(0);
    assert_eq!(older.diff(&newer).count(), 1);
    COMPARED.get()
}

#[test]
fn comparing_snapshots_costs_what_changed_not_what_they_hold() {
    for size in [1_000, 100_000] {
        let middle = size & !1;
        let update = comparisons(size, |table| table.insert(Key(middle), 1));
        let insert = comparisons(size, |table| table.insert(Key(middle + 1), 1));
        let remove = comparisons(size, |table| table.remove(&Key(middle)));
        let all = [update, insert, remove];
        assert!(
            all.iter().all(|&n| n < 200),
            "{size} keys: {all:?} compared"
        );
    }
}

/// After a restart, of what is not kept on disk.
#[test]
fn a_resource_of_which_the_content_becomes_known_has_changed() {
    let known = resource("a", 1);
    let unknown = Resource::unknown(KIND, known.name.clone(), known.version, vec![]);
    let mut snapshot = Snapshot::default();
    snapshot.put(unknown.clone());
    let before = snapshot.clone();
    assert!(snapshot.put(known.clone()));
    assert!(snapshot.get(KIND, "a").unwrap().is_known());
    assert!(!snapshot.is_same(&before));
    assert_eq!(
        snapshot.version(KIND),
        before.version(KIND),
        "for clients that have it"
    );
    assert_eq!(snapshot.changes(&before, KIND).count(), 1);
    // What is known is not forgotten for its bare version.
    assert!(!snapshot.put(unknown.clone()));
    snapshot.remove(KIND, "a");
    assert!(snapshot.is_same(&Snapshot::default()));
    snapshot.put(known);
    snapshot.put(Resource::unknown(KIND, "b", unknown.version, vec![]));
    snapshot.remove(KIND, "b");
    assert!(!snapshot.is_same(&before), "nothing of it is unknown");
}
