//! What is fuzzed: every function of the C ABI that takes bytes, called as C would call it; what the
//! OpenSVC daemon and Envoys send; and the file of the last known good.
//!
//! A finding is a crash, a sanitizer's report, or [`IgwStatus::Panic`].
#![allow(dead_code, reason = "each fuzz target uses one of them")]

use std::ptr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use igw_envoy::envoy::Variant;
use igw_envoy::envoy::{Reference, Resource, ResourceType};
use igw_envoy::ffi::*;
use igw_envoy::snapshot::Snapshot;
use igw_envoy::validate::keywords::Group;
use igw_envoy::xds::session::{Batches, Common};
use igw_envoy::xds::wire::Request;
use igw_envoy::xds::{Log, Session};
use igw_envoy::{daemon, keep};

/// A service, whatever the bytes are.
pub(crate) fn service(bytes: &[u8]) {
    judge(bytes, ptr::null());
}

/// A service whose keywords hold whatever the bytes are. The first byte says which keyword holds the
/// first line, the next lines follow in the keywords after it.
pub(crate) fn keyword(bytes: &[u8]) {
    let Some((first, text)) = bytes.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(text);
    let mut values = text.split('\n').map(|line| line.replace('\u{1}', "\n"));
    let mut sections = serde_json::json!({
        "expose#0": { "type": "envoy", "port": "80", "listener_port": "8080", "vhosts": "vhost#0" },
        "vhost#0": { "type": "envoy", "domains": "www.acme.com", "routes": "route#0" },
        "route#0": { "type": "envoy", "hash_policies": "hashpolicy#0" },
        "hashpolicy#0": { "type": "envoy", "cookie_name": "id" },
        "certificate#0": { "type": "tls" },
    });
    let keywords = Group::ALL
        .into_iter()
        .flat_map(|group| group.keywords().iter().map(move |k| (group, k)));
    for (group, keyword) in keywords.cycle().skip(usize::from(*first)).take(8) {
        let Some(value) = values.next() else { break };
        sections[format!("{group}#0")][keyword.name] = value.into();
    }
    let service = serde_json::json!({ "path": "test/svc/web", "sections": sections }).to_string();
    judge(service.as_bytes(), ptr::null());
}

/// The daemon's status, whatever the bytes are.
pub(crate) fn facts(bytes: &[u8]) {
    const SERVICE: &[u8] = br#"{"path": "web", "sections": {
        "expose#0": {"type": "envoy", "port": "80", "listener_port": "8080"}}}"#;
    let mut facts = ptr::null_mut();
    // SAFETY: a slice and a local; the handle is freed once.
    unsafe {
        let status = igw_facts_new(bytes.as_ptr(), bytes.len(), 1_700_000_000, &raw mut facts);
        assert_ne!(status, IgwStatus::Panic);
        if status == IgwStatus::Ok {
            judge(SERVICE, facts);
            igw_facts_free(facts);
        }
    }
}

/// A diagnostic's code, whatever the bytes are.
pub(crate) fn code(bytes: &[u8]) {
    let mut text = IgwText {
        data: ptr::null(),
        len: 0,
    };
    // SAFETY: a slice and a local.
    let status = unsafe { igw_explain(bytes.as_ptr(), bytes.len(), &raw mut text) };
    assert_ne!(status, IgwStatus::Panic);
}

/// Validates and translates, and reads everything that comes out.
fn judge(service: &[u8], facts: *const IgwFacts) {
    let mut report = ptr::null_mut();
    let mut translation = ptr::null_mut();
    let mut text = IgwText {
        data: ptr::null(),
        len: 0,
    };
    // SAFETY: a slice and locals; each handle is freed once, after its last use.
    unsafe {
        let status = igw_validate(service.as_ptr(), service.len(), facts, &raw mut report);
        assert_ne!(status, IgwStatus::Panic);
        if status == IgwStatus::Ok {
            assert_eq!(igw_report_json(report, &raw mut text), IgwStatus::Ok);
            let worst = igw_report_worst(report);
            assert_eq!(worst == IgwSeverity::None, igw_report_len(report) == 0);
            igw_report_free(report);
        }
        let status = igw_translate(service.as_ptr(), service.len(), facts, &raw mut translation);
        assert_ne!(status, IgwStatus::Panic);
        if status == IgwStatus::Ok {
            assert_eq!(
                igw_translation_json(translation, &raw mut text),
                IgwStatus::Ok
            );
            igw_translation_free(translation);
        }
    }
}

/// The daemon's status in the first line, then messages of its event stream.
pub(crate) fn daemon_messages(bytes: &[u8]) {
    let mut lines = bytes.split(|byte| *byte == 0xff);
    let status = lines.next().unwrap_or_default();
    // What is not a status is refused, which is as good an answer.
    let _ = daemon::replay(status, lines);
}

/// What an Envoy sends on an aggregated stream: the first byte says in which variant, then requests
/// follow, each after its length in one byte. After each, it is told what there is to say, and the state
/// changes.
pub(crate) fn requests(bytes: &[u8]) {
    let Some((first, mut rest)) = bytes.split_first() else {
        return;
    };
    let variant = match first % 2 {
        0 => Variant::Delta,
        _ => Variant::StateOfTheWorld,
    };
    let common = Common {
        identifier: "igw".into(),
        transport: "fuzz".into(),
        confidential: first % 4 < 2,
        observer: Arc::new(Log::default()),
        batches: Batches::default(),
    };
    let mut session = Session::new(1, variant, None, common);
    let mut state = Snapshot::default();
    let mut now = Instant::now();
    while let Some((len, tail)) = rest.split_first() {
        let (request, tail) = tail.split_at(usize::from(*len).min(tail.len()));
        rest = tail;
        put(&mut state, tail.len());
        session.update(Arc::new(state.clone()));
        if let Ok(request) = Request::decode(variant, request)
            && session.request(request, now).is_err()
        {
            return;
        }
        for response in (0..100).map_while(|_| session.poll(now)) {
            let mut encoded = Vec::new();
            response.encode(&mut encoded);
            assert_eq!(encoded.len(), response.encoded_len());
        }
        assert!(
            session.poll(now).is_none(),
            "it says the same again and again"
        );
        now += Duration::from_millis(700);
    }
}

/// One cluster `a`, its endpoints, a listener and a secret, in a version of this number.
fn put(state: &mut Snapshot, version: usize) {
    let names = [(ResourceType::Endpoints, "a"), (ResourceType::Cluster, "a")];
    let names = names.map(|(kind, name)| Reference {
        kind,
        name: name.into(),
    });
    let [endpoints, cluster] = names;
    for (kind, references) in [
        (ResourceType::Cluster, vec![endpoints]),
        (ResourceType::Endpoints, vec![]),
        (ResourceType::Listener, vec![cluster]),
        (ResourceType::Secret, vec![]),
    ] {
        let body = version.to_string().into_bytes();
        state.put(Resource::new(kind, "a", body.into(), references));
    }
}

/// The file of the last known good: as it is, and with whatever the bytes are between a right head and a
/// right checksum.
pub(crate) fn state_file(bytes: &[u8]) {
    let read = |bytes: Vec<u8>| keep::decode(&bytes.into(), "edge");
    let _ = read(bytes.to_vec());
    let mut file = Vec::new();
    keep::encode(&keep::Kept::default(), "edge", true, &mut file).expect("it is small");
    let head = file.iter().position(|byte| *byte == b'\n').expect("a line");
    file.truncate(head + 1);
    for part in bytes.split(|byte| *byte == 0xff) {
        file.extend(part);
        let sum = blake3::hash(&file);
        // The field that ends a part, and its length.
        file.extend([15 << 3 | 2, 32]);
        file.extend(sum.as_bytes());
    }
    if let Ok(keep::Read { kept, .. }) = read(file) {
        let mut again = Vec::new();
        keep::encode(&kept, "edge", true, &mut again).expect("it fits");
        let second = read(again).expect("it was just written").kept;
        for kind in ResourceType::ALL {
            let versions = [&kept, &second].map(|kept| kept.snapshot.version(kind));
            assert_eq!(versions[0], versions[1]);
        }
        assert_eq!(kept.memory, second.memory);
    }
}
