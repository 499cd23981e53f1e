//! What is fuzzed: every function of the C ABI that takes bytes, called as C would call it.
//!
//! A finding is a crash, a sanitizer's report, or [`IgwStatus::Panic`].
#![allow(dead_code, reason = "each fuzz target uses one of them")]

use std::ptr;

use igw_envoy::ffi::*;
use igw_envoy::validate::keywords::Group;

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
