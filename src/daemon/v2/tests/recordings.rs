//! What a real daemon sent, replayed.

use std::path::Path;

use serde_json::Value;

use super::naive::{self, assert_same};
use super::{apply, changed, replica};
use crate::daemon::Update;

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/recordings")
        .join(name);
    std::fs::read_to_string(path).unwrap()
}

fn dataset(name: &str) -> Value {
    serde_json::from_str(&read(name)).unwrap()
}

/// The entries of each patch of a recording.
fn patches(name: &str) -> Vec<Value> {
    read(name)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|message| message["kind"] == "patch")
        .map(|mut message| message["data"].take())
        .collect()
}

/// In the order of their numbers. Between some of them a few messages are missing, and with them
/// the creation of a secret.
const RECORDINGS: [&str; 11] = [
    "01_create_service.jsonl",
    "02_set_expose_port.jsonl",
    "03_add_l7_sections.jsonl",
    "04_thaw_ip_start.jsonl",
    "05_ip_stop.jsonl",
    "06_secret_create_add_change.jsonl",
    "07_namespaced_service.jsonl",
    "09_scaler.jsonl",
    "10_tls_service.jsonl",
    "12_delete_service.jsonl",
    "11_l7_service.jsonl",
];

/// The message about the secret whose creation is missing.
const MISFIT: &str = "10_tls_service.jsonl, message 1";

#[test]
fn every_recorded_patch_does_what_it_does_to_the_whole_dataset() {
    let mut whole = dataset("00_daemon_status_before.json");
    let mut typed = replica(&whole);
    assert_same(&typed.reset(), &naive::project(&whole), "at the start");
    for name in RECORDINGS {
        for (number, entries) in patches(name).into_iter().enumerate() {
            let when = format!("{name}, message {number}");
            let mut fits = true;
            for entry in entries.as_array().unwrap() {
                let made = naive::patch(&mut whole, entry).is_ok();
                fits &= made || entry[0][1] != "nodes";
            }
            assert_eq!(apply(&mut typed, &entries), fits, "{when}");
            assert_eq!(fits, when != MISFIT, "{when}");
            assert_same(&typed.reset(), &naive::project(&whole), &when);
        }
    }
}

#[test]
fn the_patches_lead_to_the_state_that_the_daemon_had_in_the_end() {
    let mut typed = replica(&dataset("00_daemon_status_before.json"));
    for name in RECORDINGS {
        for entries in patches(name) {
            apply(&mut typed, &entries);
        }
    }
    let Update::Reset { services, .. } = typed.reset() else {
        panic!("no whole state");
    };
    let Update::Reset { services: end, .. } =
        naive::project(&dataset("20_daemon_status_after.json"))
    else {
        panic!("no whole state");
    };
    // The others were changed again, by requests that were recorded without their messages.
    for name in ["test/svc/web1", "scal", "0.scal", "2.scal", "webtls"] {
        let path = name.parse().unwrap();
        assert_eq!(services.get(&path), end.get(&path), "{name}");
    }
}

#[test]
fn only_what_is_watched_makes_a_difference() {
    let mut typed = replica(&dataset("00_daemon_status_before.json"));
    let mut changes = Vec::new();
    for name in RECORDINGS {
        for entries in patches(name) {
            apply(&mut typed, &entries);
            changes.extend(changed(&mut typed));
        }
        let mut objects = std::mem::take(&mut changes);
        objects.dedup();
        let expected: &[&str] = match &name[..2] {
            "06" => &["sec/web0cert"],
            "07" => &["test/svc/web1"],
            "09" => &["scal"],
            "10" | "12" => &["webtls"],
            "11" => &["webl7"],
            _ => &["web0"],
        };
        for object in expected {
            assert!(objects.iter().any(|o| o == object), "{name}: {objects:?}");
        }
        assert!(objects.len() <= 16, "{name}: {objects:?}");
    }
    for entries in patches("25_idle_45s.jsonl") {
        assert!(apply(&mut typed, &entries));
        assert_eq!(changed(&mut typed), Vec::<String>::new());
    }
}
