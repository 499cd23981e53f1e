//! The functions, called as C would, and the library's own papers.
#![expect(unsafe_code, reason = "C has no other way to call")]

use std::ffi::CStr;
use std::process::Command;
use std::ptr;

use igw_envoy::ffi::*;

use super::{library_file, root};

pub(super) const SERVICE: &str = r#"{"path": "svcweb", "sections": {
    "expose#0": {"type": "envoy", "port": "abc", "listener_port": "8080"},
    "expose#1": {"type": "envoy", "port": "80", "listener_port": "8081"}}}"#;

/// A text of the library, copied.
pub(super) fn text(text: IgwText) -> String {
    assert!(!text.data.is_null());
    // SAFETY: the library's promise.
    let bytes = unsafe { std::slice::from_raw_parts(text.data.cast::<u8>(), text.len) };
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub(super) fn empty() -> IgwText {
    IgwText {
        data: ptr::null(),
        len: 0,
    }
}

pub(super) fn validate(service: &[u8]) -> Result<*mut IgwReport, IgwStatus> {
    let mut report = ptr::null_mut();
    // SAFETY: a slice and a local.
    let status = unsafe {
        igw_validate(
            service.as_ptr(),
            service.len(),
            ptr::null(),
            &raw mut report,
        )
    };
    (status == IgwStatus::Ok).then_some(report).ok_or(status)
}

pub(super) fn keywords() -> Vec<serde_json::Value> {
    let mut out = empty();
    // SAFETY: a local.
    assert_eq!(unsafe { igw_keywords(&raw mut out) }, IgwStatus::Ok);
    serde_json::from_str(&text(out)).unwrap()
}

#[test]
fn only_the_abi_is_exported() {
    let output = Command::new("nm")
        .args(["-D", "--defined-only", "--format=posix"])
        .arg(library_file())
        .output()
        .unwrap();
    let symbols = String::from_utf8(output.stdout).unwrap();
    let mut exported: Vec<&str> = symbols
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    exported.sort_unstable();
    let list = std::fs::read_to_string(root().join("tests/abi/symbols.txt")).unwrap();
    assert_eq!(exported, list.lines().collect::<Vec<_>>());
}

#[test]
fn the_soname_carries_the_number_of_the_abi() {
    let output = Command::new("readelf")
        .args(["--dynamic", "--wide"])
        .arg(library_file())
        .output()
        .unwrap();
    let dynamic = String::from_utf8(output.stdout).unwrap();
    let soname = format!("[libigw_envoy.so.{IGW_ABI_VERSION}]");
    assert!(dynamic.contains(&soname), "{dynamic}");
}

#[test]
fn misuse_has_a_status_of_its_own() {
    for (service, status) in [
        (&b"\xff"[..], IgwStatus::NotUtf8),
        (b"", IgwStatus::NotJson),
        (b"{", IgwStatus::NotJson),
        (b"[]", IgwStatus::NotAService),
        (
            b"{\"path\": \"a//b\", \"sections\": {}}",
            IgwStatus::NotAService,
        ),
        (
            b"{\"path\": \"web\", \"sections\": 1}",
            IgwStatus::NotAService,
        ),
    ] {
        assert_eq!(validate(service).unwrap_err(), status);
    }
    let mut facts = ptr::null_mut();
    // SAFETY: NULL and locals, which is what is tried.
    unsafe {
        let status = igw_validate(ptr::null(), 3, ptr::null(), &mut ptr::null_mut());
        assert_eq!(status, IgwStatus::NullPointer);
        let status = igw_validate(
            SERVICE.as_ptr(),
            SERVICE.len(),
            ptr::null(),
            ptr::null_mut(),
        );
        assert_eq!(status, IgwStatus::NullPointer);
        let status = igw_facts_new(b"3".as_ptr(), 1, 0, &raw mut facts);
        assert_eq!(status, IgwStatus::NotAStatus);
        let status = igw_explain(b"x".as_ptr(), 1, &mut empty());
        assert_eq!(status, IgwStatus::UnknownCode);
        assert_eq!(
            igw_report_get(ptr::null(), 0, ptr::null_mut()),
            IgwStatus::NullPointer
        );
        assert_eq!(igw_report_len(ptr::null()), 0);
        assert_eq!(igw_report_worst(ptr::null()), IgwSeverity::None);
        assert!(igw_translation_report(ptr::null()).is_null());
        igw_report_free(ptr::null_mut());
        igw_translation_free(ptr::null_mut());
        igw_facts_free(ptr::null_mut());
    }
}

#[test]
fn every_status_number_has_a_text() {
    for status in [0, 10, 11, 12, 20, 21, 22, 23, 30, 100, -1, 12345] {
        // SAFETY: a static text.
        let text = unsafe { CStr::from_ptr(igw_status_text(status)) };
        assert!(!text.to_bytes().is_empty());
    }
}

#[test]
fn the_sidecar_refuses_what_is_not_a_command_line() {
    // SAFETY: NULL, which is what is tried.
    assert_eq!(unsafe { igw_sidecar_run(1, ptr::null()) }, 2);
    // SAFETY: as above.
    assert_eq!(unsafe { igw_sidecar_run(-1, ptr::null()) }, 2);
}
