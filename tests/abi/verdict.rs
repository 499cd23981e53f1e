//! Judging through the ABI, as C would.
#![expect(unsafe_code, reason = "C has no other way to call")]

use std::ptr;
use std::thread;

use igw_envoy::ffi::*;

use super::library::{SERVICE, empty, text, validate};

#[test]
fn a_wrong_configuration_is_a_report_not_a_failed_call() {
    let report = validate(SERVICE.as_bytes()).unwrap();
    let mut first = std::mem::MaybeUninit::uninit();
    let mut json = empty();
    // SAFETY: the report is alive until it is freed below.
    unsafe {
        assert!(igw_report_len(report) > 0);
        assert_eq!(igw_report_worst(report), IgwSeverity::Error);
        assert_eq!(igw_report_get(report, 0, first.as_mut_ptr()), IgwStatus::Ok);
        let first = first.assume_init();
        assert_eq!(text(first.section), "expose#0");
        assert_eq!(text(first.keyword), "port");
        assert!(text(first.message).contains("abc"));
        assert!(first.incumbent.data.is_null());
        let mut explanation = empty();
        let code = text(first.code);
        let status = igw_explain(code.as_ptr(), code.len(), &raw mut explanation);
        assert_eq!(status, IgwStatus::Ok);
        assert!(text(explanation).len() > 40);
        assert_eq!(igw_report_json(report, &raw mut json), IgwStatus::Ok);
        let json: serde_json::Value = serde_json::from_str(&text(json)).unwrap();
        assert_eq!(json["diagnostics"][0]["section"], "expose#0");
        igw_report_free(report);
    }
}

#[test]
fn a_translation_holds_the_resources_of_the_healthy_exposes() {
    let mut translation = ptr::null_mut();
    let mut json = empty();
    // SAFETY: locals, and a handle that is alive until it is freed below.
    unsafe {
        let status = igw_translate(
            SERVICE.as_ptr(),
            SERVICE.len(),
            ptr::null(),
            &raw mut translation,
        );
        assert_eq!(status, IgwStatus::Ok);
        assert_eq!(
            igw_translation_json(translation, &raw mut json),
            IgwStatus::Ok
        );
        let json: serde_json::Value = serde_json::from_str(&text(json)).unwrap();
        assert_eq!(json["clusters"].as_array().unwrap().len(), 1);
        assert_eq!(json["clusters"][0]["name"], "svcweb.expose#1");
        let report = igw_translation_report(translation);
        assert_eq!(igw_report_worst(report), IgwSeverity::Error);
        igw_translation_free(translation);
    }
}

#[test]
fn threads_judge_side_by_side() {
    let mut facts = ptr::null_mut();
    // SAFETY: a local.
    let status = unsafe { igw_facts_new(ptr::null(), 0, 1_700_000_000, &raw mut facts) };
    assert_eq!(status, IgwStatus::Ok);
    let shared = facts as usize;
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(move || {
                for _ in 0..20 {
                    let mut report = ptr::null_mut();
                    // SAFETY: the facts outlive the scope; the report is this thread's.
                    unsafe {
                        let status = igw_validate(
                            SERVICE.as_ptr(),
                            SERVICE.len(),
                            shared as *const IgwFacts,
                            &raw mut report,
                        );
                        assert_eq!(status, IgwStatus::Ok);
                        assert_eq!(igw_report_worst(report), IgwSeverity::Error);
                        igw_report_free(report);
                    }
                }
            });
        }
    });
    // SAFETY: every thread is done.
    unsafe { igw_facts_free(facts) };
}
