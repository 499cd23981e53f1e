#![allow(clippy::unwrap_used, clippy::panic)]

mod journal;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::envoy::{Reference, Resource, ResourceType};
use crate::index::{ChosenPort, Incumbent};
use crate::model::{Document, Expose, ExposeId, Protocol};
use crate::validate::{Context, validate};

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
    let incumbent = Incumbent {
        rank: 7,
        served: Some(served()),
        confidential: false,
    };
    kept.memory.incumbents.insert(expose.clone(), incumbent);
    let port = ChosenPort {
        addr: "::".parse().unwrap(),
        protocol: Protocol::Udp,
        port: 1025.try_into().unwrap(),
    };
    kept.memory.ports.insert(expose, port);
    kept
}

/// The only expose that is kept.
fn incumbent(kept: &mut Kept) -> &mut Incumbent {
    let all = &mut kept.memory.incumbents;
    let id = all.keys().next().unwrap().clone();
    all.get_mut(&id).unwrap()
}

/// An expose with one of everything that an expose may have, but for a key.
fn served() -> Arc<Expose> {
    let text = "[ip#1]\nexpose = expose#0\n\
        [expose#0]\nport = 80\nlistener_port = 1080\nvhosts = vhost#0\nlb_policy = ring hash\n\
        gateway = edge\ncluster_certificates = certificate#0\nlistener_certificates = certificate#1\n\
        cluster_data = {\"connect_timeout\": \"2.5s\", \"metadata\": {\"filter_metadata\": {\"x\": {\"y\": 0.1}}}}\n\
        [certificate#0]\ntype = tls\nvalidation_secret = ca\n\
        [certificate#1]\ntype = tls\ncertificate_secret = front\n\
        [vhost#0]\ndomains = a.org *.b.org\nroutes = route#0 route#1\n\
        [route#0]\nmatch_prefix = /\nroute_timeout = 2s\nroute_hash_policies = hashpolicy#0\n\
        [route#1]\nmatch_regex = /u/.*\nredirect_host_redirect = c.org\n\
        [hashpolicy#0]\nhash_policy_cookie_name = c\nhash_policy_cookie_ttl = 1h\n";
    let document = Document::from_config("test/svc/web".parse().unwrap(), text).unwrap();
    let mut exposes = validate(&document, &Context::default()).service.exposes;
    Arc::new(exposes.pop().unwrap())
}

fn encoded(with_keys: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(&kept(), "edge", with_keys, &mut bytes).unwrap();
    bytes
}

fn read(bytes: impl Into<Bytes>) -> Result<Kept, Damage> {
    decode(&bytes.into(), "edge").map(|read| {
        assert_eq!(read.torn, 0);
        read.kept
    })
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
fn an_expose_that_holds_a_key_is_written_where_keys_are() {
    let mut kept = kept();
    incumbent(&mut kept).confidential = true;
    let served = |with_keys| {
        let mut bytes = Vec::new();
        encode(&kept, "edge", with_keys, &mut bytes).unwrap();
        let mut read = read(bytes).unwrap();
        assert_eq!(read.is_complete(), with_keys);
        incumbent(&mut read).served.clone()
    };
    assert_eq!(served(false), None);
    assert_eq!(served(true), incumbent(&mut kept.clone()).served);
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
    for other in ["1", "27"] {
        let text = String::from_utf8_lossy(&good);
        let text = text.replace("good 2\n", &format!("good {other}\n"));
        let error = read(text.into_bytes()).err().unwrap();
        assert_eq!(error, Damage::Format(other.into()));
        let told = format!("its format is {other}, and this version of xds reads 2");
        assert_eq!(error.to_string(), told);
    }
    let other = decode(&good.into(), "other").map(drop).err();
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
    assert!(store.confirm(&kept(), None).unwrap().is_none());
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

/// Whatever marks it: a file without keys holds none.
#[test]
fn no_key_is_written_that_stands_in_an_expose() {
    let mut kept = kept();
    let mut served = Expose::clone(incumbent(&mut kept).served.as_ref().unwrap());
    served.cluster_data = serde_json::json!({
        "x": KEY
    })
    .as_object()
    .cloned();
    incumbent(&mut kept).served = Some(Arc::new(served));
    for with_keys in [false, true] {
        let mut bytes = Vec::new();
        encode(&kept, "edge", with_keys, &mut bytes).unwrap();
        let holds = bytes.windows(11).any(|bytes| bytes == b"PRIVATE KEY");
        assert_eq!(holds, with_keys);
    }
}
