#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use bytes::Bytes;

use super::*;
use crate::envoy::{Reference, Resource, ResourceType};
use crate::index::ChosenPort;
use crate::model::Protocol;

const KEY: &str = "-----BEGIN PRIVATE KEY-----";

fn kept() -> Kept {
    let mut kept = Kept::default();
    let reference = |kind, name: &str| Reference {
        kind,
        name: name.into(),
    };
    let named = vec![reference(ResourceType::Endpoints, "a")];
    let put = |kept: &mut Kept, resource| assert!(kept.snapshot.put(resource));
    let body = |text: &'static str| Bytes::from_static(text.as_bytes());
    put(
        &mut kept,
        Resource::new(ResourceType::Cluster, "a", body("of a"), named),
    );
    put(
        &mut kept,
        Resource::new(ResourceType::Endpoints, "a", body("ends"), vec![]),
    );
    let key = Resource::new(ResourceType::Secret, "s", body(KEY), vec![]);
    put(&mut kept, key.confidential());
    let names = vec![
        reference(ResourceType::Cluster, "a"),
        reference(ResourceType::Secret, "s"),
    ];
    put(
        &mut kept,
        Resource::new(ResourceType::Listener, "l", body("hears"), names),
    );
    let expose = ExposeId {
        service: "test/svc/web".parse().unwrap(),
        section: "expose#0".into(),
    };
    kept.memory.incumbents = vec![expose.clone()];
    kept.memory.ports = vec![ChosenPort {
        expose,
        addr: "::".parse().unwrap(),
        protocol: Protocol::Udp,
        port: 1025.try_into().unwrap(),
    }];
    kept
}

use crate::model::ExposeId;

fn encoded(with_keys: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(&kept(), "edge", with_keys, &mut bytes).unwrap();
    bytes
}

fn read(bytes: impl Into<Bytes>) -> Result<Kept, Damage> {
    decode(&bytes.into(), "edge")
}

fn same(a: &Kept, b: &Kept) -> bool {
    ResourceType::ALL
        .into_iter()
        .all(|kind| a.snapshot.version(kind) == b.snapshot.version(kind))
        && a.memory == b.memory
}

#[test]
fn everything_is_read_back_with_the_same_versions() {
    let read = read(encoded(true)).unwrap();
    assert!(same(&read, &kept()));
    let listener = read.snapshot.get(ResourceType::Listener, "l").unwrap();
    assert!(listener.references(ResourceType::Secret, "s"));
    let secret = read.snapshot.get(ResourceType::Secret, "s").unwrap();
    assert!(secret.is_known() && secret.confidential);
    assert_eq!(secret.body, KEY);
}

#[test]
fn no_key_is_written_unless_asked_for_but_its_version_is() {
    let bytes = encoded(false);
    let hidden = |bytes: &[u8]| !bytes.windows(KEY.len()).any(|w| w == KEY.as_bytes());
    assert!(hidden(&bytes) && !hidden(&encoded(true)));
    let read = read(bytes).unwrap();
    assert!(same(&read, &kept()));
    let secret = read.snapshot.get(ResourceType::Secret, "s").unwrap();
    assert!(!secret.is_known() && secret.confidential && secret.body.is_empty());
}

#[test]
fn what_is_damaged_is_refused() {
    let good = encoded(true);
    for at in 0..good.len() {
        assert!(read(good[..at].to_vec()).is_err(), "truncated at {at}");
        let mut changed = good.clone();
        changed[at] ^= 1;
        assert!(read(changed).is_err(), "changed at {at}");
    }
    assert_eq!(read(&b"{}"[..]).err(), Some(Damage::Foreign));
    let newer = String::from_utf8_lossy(&good).replace("good 1\n", "good 27\n");
    let error = read(newer.into_bytes()).err();
    assert_eq!(error, Some(Damage::Format("27".into())));
    let other = decode(&good.into(), "other").err();
    assert_eq!(other, Some(Damage::Gateway("edge".into())));
}

#[test]
fn the_file_is_private_and_replaced_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("made"), "../a b", true).unwrap();
    assert!(store.load().unwrap().is_none());
    store.save(&Kept::default()).unwrap();
    store.save(&kept()).unwrap();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(store.path()), 0o600);
    assert_eq!(mode(&folder.path().join("made")), 0o700);
    let files = fs::read_dir(folder.path().join("made")).unwrap();
    assert_eq!(files.count(), 1);
    let loaded = store.load().unwrap().unwrap();
    assert!(same(&loaded.kept, &kept()));
    store.confirm().unwrap();
    assert!(store.load().unwrap().unwrap().known_at >= loaded.known_at);
}

#[test]
fn what_others_may_have_written_is_not_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), "edge", true).unwrap();
    store.save(&kept()).unwrap();
    fs::set_permissions(store.path(), fs::Permissions::from_mode(0o620)).unwrap();
    assert!(matches!(store.load(), Err(LoadError::Exposed)));
    let moved = folder.path().join("moved");
    fs::rename(store.path(), &moved).unwrap();
    std::os::unix::fs::symlink(&moved, store.path()).unwrap();
    assert!(matches!(store.load(), Err(LoadError::System(_))));
}

#[test]
fn a_disk_that_is_full_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), "edge", true).unwrap();
    store.save(&kept()).unwrap();
    // A folder in the way stands for whatever fails.
    fs::create_dir(folder.path().join("edge.state.new")).unwrap();
    assert!(store.save(&Kept::default()).is_err());
    assert!(same(&store.load().unwrap().unwrap().kept, &kept()));
}

/// A file of holes, which takes no disk.
#[test]
fn what_is_too_large_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), "edge", true).unwrap();
    store.save(&kept()).unwrap();
    let file = fs::OpenOptions::new().write(true).open(store.path());
    file.unwrap().set_len(1 << 40).unwrap();
    assert!(matches!(store.load(), Err(LoadError::TooLarge)));
}
