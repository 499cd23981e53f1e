//! Callers that mean harm, or have gone mad: whatever they pass, the process lives, and so does the
//! next call. The library is loaded by the agent's daemon, which must not go down with a service.
#![expect(unsafe_code, reason = "C has no other way to call")]

use std::ptr;
use std::thread;

use igw_envoy::ffi::*;

use super::library::{SERVICE, empty, keywords, text, validate};

const PATH_LIMIT: usize = 1024;

/// Judges and translates; the status, and whether anything was found.
fn judge(service: &[u8]) -> (IgwStatus, bool) {
    let judged = match validate(service) {
        Err(status) => (status, false),
        // SAFETY: a live report, freed once.
        Ok(report) => unsafe {
            let found = igw_report_len(report) > 0;
            igw_report_free(report);
            (IgwStatus::Ok, found)
        },
    };
    let mut translation = ptr::null_mut();
    // SAFETY: a slice and a local; the handle is freed once.
    unsafe {
        let (data, len) = (service.as_ptr(), service.len());
        let status = igw_translate(data, len, ptr::null(), &raw mut translation);
        assert_eq!(status, judged.0, "both read a service alike");
        igw_translation_free(translation);
    }
    judged
}

/// A service with one expose that has one more keyword.
fn with(keyword: &str, value: impl Into<serde_json::Value>) -> Vec<u8> {
    let mut expose = serde_json::json!({"type": "envoy", "port": "80", "listener_port": "8080"});
    expose[keyword] = value.into();
    let service = serde_json::json!({"path": "web", "sections": {"expose#0": expose}});
    service.to_string().into_bytes()
}

#[test]
fn impossible_lengths_and_pointers_are_refused() {
    let mut report = ptr::null_mut();
    let mut facts = ptr::null_mut();
    let mut text = empty();
    let byte = b"{".as_ptr();
    // SAFETY: none of these lengths may be believed, which is what is tried.
    unsafe {
        for (data, len, status) in [
            (ptr::null(), 0, IgwStatus::NotJson),
            (ptr::null(), 1, IgwStatus::NullPointer),
            (ptr::null(), usize::MAX, IgwStatus::NullPointer),
            (byte, usize::MAX, IgwStatus::ImpossibleLength),
            (byte, usize::MAX / 2 + 1, IgwStatus::ImpossibleLength),
        ] {
            assert_eq!(
                igw_validate(data, len, ptr::null(), &raw mut report),
                status
            );
            if len > 1 {
                assert_eq!(igw_facts_new(data, len, 0, &raw mut facts), status);
                assert_eq!(igw_explain(data, len, &raw mut text), status);
            }
        }
        assert!(report.is_null() && facts.is_null() && text.data.is_null());
    }
}

#[test]
fn endless_nesting_is_refused_or_found() {
    for open in ["[", "{\"a\":"] {
        let deep = open.repeat(100_000);
        assert_eq!(judge(deep.as_bytes()).0, IgwStatus::NotJson);
        let status = with("cluster_data", deep.clone());
        assert_eq!(judge(&status), (IgwStatus::Ok, true));
        let mut facts = ptr::null_mut();
        // SAFETY: a slice and a local.
        let status = unsafe { igw_facts_new(deep.as_ptr(), deep.len(), 0, &raw mut facts) };
        assert_eq!(status, IgwStatus::NotAStatus);
    }
    for (keyword, value) in [
        ("vhosts", "{".repeat(100_000)),
        (
            "filter_config_data",
            "{\"a\":".repeat(90) + "1" + &"}".repeat(90),
        ),
        ("zorglub", "(".repeat(100_000)),
    ] {
        assert_eq!(judge(&with(keyword, value)), (IgwStatus::Ok, true));
    }
}

#[test]
fn fifty_megabytes_are_answered_as_any_other_bytes() {
    const LEN: usize = 50 << 20;
    assert_eq!(judge(&vec![b' '; LEN]).0, IgwStatus::NotJson);
    assert_eq!(judge(&vec![0xff; LEN]).0, IgwStatus::NotUtf8);
    let long = "x".repeat(LEN);
    assert_eq!(judge(&with(&long, "1")), (IgwStatus::Ok, true));
    let path = serde_json::json!({"path": long, "sections": {}}).to_string();
    assert_eq!(judge(path.as_bytes()).0, IgwStatus::NotAService);
}

#[test]
fn the_path_of_a_service_has_a_limit() {
    let service = |len| {
        let path = "w".repeat(len);
        serde_json::json!({"path": path, "sections": {}}).to_string()
    };
    assert_eq!(judge(service(PATH_LIMIT).as_bytes()).0, IgwStatus::Ok);
    let (status, _) = judge(service(PATH_LIMIT + 1).as_bytes());
    assert_eq!(status, IgwStatus::NotAService);
}

#[test]
fn a_value_of_any_type_is_judged_at_every_keyword() {
    let wrong = [
        "null",
        "true",
        "-1",
        "1e308",
        "[]",
        "{}",
        "[1,[2,{\"a\":null}]]",
        "{\"a\":{\"b\":1}}",
        "\"\"",
        "\"\\u0000\\ud7ff\\uffff\"",
    ];
    for value in wrong {
        let value: serde_json::Value = serde_json::from_str(value).unwrap();
        let mut sections = serde_json::json!({});
        for entry in keywords() {
            let section = format!("{}#0", entry["section"].as_str().unwrap());
            sections[section.as_str()][entry["name"].as_str().unwrap()] = value.clone();
            sections[section.as_str()]["type"] = entry["driver"].clone();
        }
        let service = serde_json::json!({"path": "web", "sections": sections}).to_string();
        assert_eq!(judge(service.as_bytes()), (IgwStatus::Ok, true), "{value}");
        for group in ["expose#0", "ip#0", "DEFAULT", "", "#", "expose"] {
            let service = serde_json::json!({"path": "web", "sections": {group: value}});
            let (status, _) = judge(service.to_string().as_bytes());
            assert_ne!(status, IgwStatus::Panic, "{service}");
        }
    }
}

#[test]
fn json_that_readers_disagree_on_is_refused() {
    for (service, status) in [
        (
            &br#"{"path":"web","path":"b","sections":{"expose#0":{"port":"1","port":"2"}}}"#[..],
            IgwStatus::NotJson,
        ),
        (
            br#"{"path":"web","sections":{"expose#0":{"port":1e400}}}"#,
            IgwStatus::NotJson,
        ),
        (
            br#"{"path":"web","sections":{"expose#0":{"port":99999999999999999999999}}}"#,
            IgwStatus::Ok,
        ),
        (
            br#"{"path":"web","sections":{"expose#0":{"port":"\ud800"}}}"#,
            IgwStatus::NotJson,
        ),
        (
            b"\xef\xbb\xbf{\"path\":\"web\",\"sections\":{}}",
            IgwStatus::NotJson,
        ),
        (b"{\"path\":\"web\",\"sections\":{}}\0", IgwStatus::NotJson),
        (b"{\"path\":\"web\",\"sections\":{}} {}", IgwStatus::NotJson),
        (b"{\"path\":\"web\",\"sections\":{},}", IgwStatus::NotJson),
        (b"{\"path\":\"web\",\"sections\":NaN}", IgwStatus::NotJson),
    ] {
        let text = String::from_utf8_lossy(service);
        assert_eq!(judge(service).0, status, "{text}");
    }
}

/// Good and bad calls side by side, through shared facts and one shared report.
#[test]
fn misuse_on_one_thread_harms_no_other() {
    let mut facts = ptr::null_mut();
    // SAFETY: a local.
    let status = unsafe { igw_facts_new(ptr::null(), 0, 1_700_000_000, &raw mut facts) };
    assert_eq!(status, IgwStatus::Ok);
    let report = validate(SERVICE.as_bytes()).unwrap();
    let shared = (facts as usize, report as usize);
    let deep = "[".repeat(10_000);
    thread::scope(|scope| {
        for number in 0..8_usize {
            let deep = &deep;
            scope.spawn(move || {
                let (facts, report) = (shared.0 as *const IgwFacts, shared.1 as *const IgwReport);
                for round in 0..20_usize {
                    let mut mine = ptr::null_mut();
                    let mut json = empty();
                    let service: &[u8] = match (number + round) % 3 {
                        0 => SERVICE.as_bytes(),
                        1 => deep.as_bytes(),
                        _ => b"\xff",
                    };
                    // SAFETY: what is shared outlives the scope; `mine` is this thread's.
                    unsafe {
                        let (data, len) = (service.as_ptr(), service.len());
                        let status = igw_validate(data, len, facts, &raw mut mine);
                        assert_eq!(status == IgwStatus::Ok, !mine.is_null());
                        igw_report_free(mine);
                        assert_eq!(igw_report_json(report, &raw mut json), IgwStatus::Ok);
                        assert!(text(json).contains("expose#0"));
                        assert_eq!(igw_report_worst(report), IgwSeverity::Error);
                        assert_eq!(
                            igw_report_get(report, usize::MAX, ptr::null_mut()),
                            IgwStatus::OutOfRange
                        );
                    }
                }
            });
        }
    });
    // SAFETY: every thread is done.
    unsafe {
        igw_report_free(report);
        igw_facts_free(facts);
    }
}
