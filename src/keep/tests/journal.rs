//! What changed is written behind what is there.

use std::io::Write;
use std::os::unix::fs::MetadataExt;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// A store in a folder of its own.
fn store(with_keys: bool) -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), "edge", with_keys).unwrap();
    (folder, store)
}

fn endpoints(kept: &mut Kept, name: &str, body: &str) {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let resource = Resource::new(ResourceType::Endpoints, name, body, vec![]);
    kept.snapshot.put(resource);
}

fn size(store: &Store) -> u64 {
    fs::metadata(store.path()).unwrap().len()
}

fn loaded(store: &Store) -> Loaded {
    store.load().unwrap().unwrap()
}

#[test]
fn a_change_costs_what_it_changes() {
    let (_folder, store) = store(false);
    let mut kept = kept();
    for name in 0..1000 {
        endpoints(&mut kept, &format!("of {name}"), "here");
    }
    let journal = store.save(&kept).unwrap();
    let whole = size(&store);
    endpoints(&mut kept, "of 7", "there");
    kept.snapshot.remove(ResourceType::Endpoints, "of 8");
    kept.memory = Memory::default();
    let journal = store.add(&kept, journal).unwrap();
    assert!(size(&store) - whole < 300, "{whole} and {}", size(&store));
    let read = loaded(&store);
    assert!(same(&read.kept, &kept) && read.torn == 0);
    // And on.
    kept.memory = super::kept().memory;
    drop(store.add(&kept, journal).unwrap());
    assert!(same(&loaded(&store).kept, &kept));
}

#[test]
fn a_file_that_grew_to_twice_its_size_is_replaced() {
    let (_folder, store) = store(false);
    let mut kept = kept();
    let mut journal = store.save(&kept).unwrap();
    let mut largest = 0;
    for round in 0..3000 {
        endpoints(&mut kept, "a", &format!("{round:0100}"));
        journal = store.add(&kept, journal).unwrap();
        largest = size(&store).max(largest);
    }
    assert!(largest < 100_000, "{largest}");
    assert!(same(&loaded(&store).kept, &kept));
}

/// What somebody else may do to the file, later than what was written to it by the file system's clock.
fn tampered(how: &str, store: &Store) {
    let changed = || {
        let about = fs::symlink_metadata(store.path()).ok()?;
        Some((about.ctime(), about.ctime_nsec()))
    };
    let before = changed();
    while changed() == before {
        tamper(how, store);
    }
}

fn tamper(how: &str, store: &Store) {
    let file = || fs::OpenOptions::new().write(true).open(store.path());
    match how {
        "replaced by a second process" => drop(store.save(&Kept::default()).unwrap()),
        "deleted" => fs::remove_file(store.path()).unwrap(),
        "cut" => file().unwrap().set_len(100).unwrap(),
        "written to" => file().unwrap().write_all(b"x").unwrap(),
        _ => fs::set_permissions(store.path(), fs::Permissions::from_mode(0o666)).unwrap(),
    }
}

#[test]
fn what_somebody_else_touched_is_replaced() {
    let (folder, store) = store(false);
    let mut kept = kept();
    for how in [
        "replaced by a second process",
        "deleted",
        "cut",
        "written to",
        "opened to others",
    ] {
        for changes in [false, true] {
            let journal = store.save(&kept).unwrap();
            tampered(how, &store);
            if changes {
                endpoints(&mut kept, "new", how);
                drop(store.add(&kept, journal).unwrap());
            } else {
                assert!(store.confirm(&kept, Some(journal)).unwrap().is_some());
            }
            let read = loaded(&store);
            assert!(same(&read.kept, &kept) && read.torn == 0, "{how}");
        }
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn to_confirm_what_is_kept_is_to_date_it() {
    let (_folder, store) = store(false);
    let mut journal = store.save(&kept()).unwrap();
    for _ in 0..2 {
        let before = loaded(&store).known_at;
        let whole = size(&store);
        journal = store.confirm(&kept(), Some(journal)).unwrap().unwrap();
        assert!(loaded(&store).known_at >= before);
        assert_eq!(size(&store), whole);
    }
    // And is added to as before.
    let mut changed = kept();
    endpoints(&mut changed, "a", "elsewhere");
    let written = fs::metadata(store.path()).unwrap();
    drop(store.add(&changed, journal).unwrap());
    assert_eq!(fs::metadata(store.path()).unwrap().ino(), written.ino());
}

/// A certificate that is renewed, and a key in an expose that is gone.
#[test]
fn a_key_that_is_not_used_any_more_does_not_stay() {
    let holds_the_key = |store: &Store| {
        let bytes = fs::read(store.path()).unwrap();
        bytes.windows(KEY.len()).any(|part| part == KEY.as_bytes())
    };
    let secret = |kept: &mut Kept, body: &'static str| {
        let body = Bytes::from_static(body.as_bytes());
        let secret = Resource::new(ResourceType::Secret, "s", body, vec![]);
        kept.snapshot.put(secret.confidential());
    };
    let (_folder, store) = store(true);
    let mut kept = kept();
    let journal = store.save(&kept).unwrap();
    assert!(holds_the_key(&store));
    secret(&mut kept, "another key");
    let journal = store.add(&kept, journal).unwrap();
    assert!(!holds_the_key(&store));

    let plain = kept.memory.clone();
    let with_key = incumbent(&mut kept);
    let mut served = Expose::clone(with_key.served.as_ref().unwrap());
    served.cluster_data = serde_json::json!({ "x": KEY }).as_object().cloned();
    (with_key.served, with_key.confidential) = (Some(Arc::new(served)), true);
    let journal = store.add(&kept, journal).unwrap();
    assert!(holds_the_key(&store));
    kept.memory = plain;
    drop(store.add(&kept, journal).unwrap());
    assert!(!holds_the_key(&store));
    assert!(same(&loaded(&store).kept, &kept));
}

#[test]
fn what_was_not_written_to_its_end_is_left_out() {
    let (_folder, store) = store(false);
    let (first, mut second) = (kept(), kept());
    let journal = store.save(&first).unwrap();
    let whole = usize::try_from(size(&store)).unwrap();
    endpoints(&mut second, "a", "elsewhere");
    drop(store.add(&second, journal).unwrap());
    let bytes = fs::read(store.path()).unwrap();
    let read = |bytes: &[u8]| decode(&Bytes::copy_from_slice(bytes), "edge").unwrap();
    for end in whole..bytes.len() {
        let cut = read(&bytes[..end]);
        assert!(same(&cut.kept, &first), "cut at {end}");
        assert_eq!(cut.torn, end - whole);
        let mut changed = bytes.clone();
        changed[end] ^= 1;
        assert!(same(&read(&changed).kept, &first), "changed at {end}");
    }
    assert!(same(&read(&bytes).kept, &second));
}

#[test]
fn what_cannot_be_added_is_written_as_a_whole() {
    let (folder, store) = store(true);
    let mut kept = kept();
    let mut journal = store.save(&kept).unwrap();
    let whole = size(&store);
    endpoints(&mut kept, "a", "elsewhere");
    journal.only_reads(store.path());
    // A folder in the way stands for a disk that is full: then the old file is left, to its last byte.
    let in_the_way = folder.path().join("edge.state.new");
    fs::create_dir(&in_the_way).unwrap();
    assert!(store.add(&kept, journal).is_err());
    assert_eq!((size(&store), loaded(&store).torn), (whole, 0));

    fs::remove_dir(&in_the_way).unwrap();
    let mut journal = store.save(&super::kept()).unwrap();
    journal.only_reads(store.path());
    drop(store.add(&kept, journal).unwrap());
    assert!(same(&loaded(&store).kept, &kept));
}

#[test]
fn half_a_file_of_a_crash_is_removed() {
    let (folder, store) = store(true);
    let left = folder.path().join("edge.state.new");
    fs::write(&left, KEY).unwrap();
    Store::open(folder.path(), "edge", false).unwrap();
    assert!(!left.exists());
    assert!(store.load().unwrap().is_none());
}

/// What one step does to the state.
fn step(kept: &mut Kept, number: u8) {
    let name = format!("n{}", number % 7);
    let body = format!("body {}", number / 7);
    let confidential = number.is_multiple_of(5);
    let kind = ResourceType::ALL[usize::from(number) % ResourceType::ALL.len()];
    let expose = ExposeId {
        service: "web".parse().unwrap(),
        section: name.clone(),
    };
    match number % 3 {
        0 => {
            kept.snapshot.remove(kind, &name);
            kept.memory.incumbents.remove(&expose);
            kept.memory.ports.remove(&expose);
        }
        1 => {
            let resource = Resource::new(kind, name, body.into_bytes().into(), vec![]);
            kept.snapshot.put(match confidential {
                true => resource.confidential(),
                false => resource,
            });
        }
        _ => {
            let incumbent = Incumbent {
                rank: number.into(),
                served: (!confidential).then(served),
                confidential: false,
            };
            kept.memory.incumbents.insert(expose.clone(), incumbent);
            let port = ChosenPort {
                addr: "127.0.0.1".parse().unwrap(),
                protocol: Protocol::Tcp,
                port: (u16::from(number) + 1).try_into().unwrap(),
            };
            kept.memory.ports.insert(expose, port);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However a state came to be, the file says the same.
    #[test]
    fn whatever_changed_is_read_back(steps in vec(vec(any::<u8>(), 0..6), 1..12), with_keys: bool) {
        let (_folder, store) = store(with_keys);
        let mut now = kept();
        let mut journal = store.save(&now).unwrap();
        for changes in steps {
            for change in changes {
                step(&mut now, change);
            }
            journal = store.add(&now, journal).unwrap();
            let read = loaded(&store);
            prop_assert!(same(&read.kept, &now));
            prop_assert_eq!(read.torn, 0);
        }
    }
}
