//! The recordings of a real daemon, played to one gateway, one after the other.
//!
//! `tests/golden/recordings` holds, for each, what people are told at its end and what it changed
//! for Envoy.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use igw_envoy::envoy::ResourceType;
use igw_envoy::snapshot::{Change, Snapshot};
use serde_json::{Value, json};

use crate::fake_daemon::FakeDaemon;
use crate::watch::Watch;
use crate::{expected, integrity, marks, pki, pretty, show};

/// In the order in which they were made.
const RECORDINGS: [&str; 12] = [
    "25_idle_45s",
    "01_create_service",
    "02_set_expose_port",
    "03_add_l7_sections",
    "04_thaw_ip_start",
    "05_ip_stop",
    "06_secret_create_add_change",
    "07_namespaced_service",
    "09_scaler",
    "10_tls_service",
    "12_delete_service",
    "11_l7_service",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_recording_ends_as_it_is_written() {
    let daemon = FakeDaemon::start(read("00_daemon_status_before.json"));
    keep_secrets(&daemon);
    let mut watch = Watch::start(&daemon.socket()).await;
    let mut failures = Vec::new();
    for name in RECORDINGS {
        let text = fs::read_to_string(recording(&format!("{name}.jsonl"))).unwrap();
        let before = watch.index.snapshot().clone();
        for message in text.lines().filter(|line| !line.is_empty()) {
            daemon.say(serde_json::from_str(message).unwrap());
        }
        let end = format!("end-of.{name}");
        daemon.say(marker(&end));
        watch.until(&end.parse().unwrap()).await;
        let played = tell(&watch, &before);
        failures.extend(expected::compare(&golden(name), &played).err());
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What the same daemon said of itself in the end, more services included.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_recorded_status_becomes_what_is_written() {
    let name = "20_daemon_status_after";
    let daemon = FakeDaemon::start(read(&format!("{name}.json")));
    keep_secrets(&daemon);
    let watch = Watch::start(&daemon.socket()).await;
    let told = tell(&watch, &Snapshot::default());
    if let Err(failure) = expected::compare(&golden(name), &told) {
        panic!("{failure}");
    }
}

/// The values are never in the recordings.
fn keep_secrets(daemon: &FakeDaemon) {
    let identity = pki::identity("www.acme.com");
    daemon.set_secret_key("sec/web0cert", "certificate_chain", identity.chain);
    daemon.set_secret_key("sec/web0cert", "private_key", identity.key);
    daemon.set_secret_key("sec/web0val", "trusted_ca", pki::authority());
}

/// A message that tells of a service which no recording knows.
fn marker(service: &str) -> Value {
    let status = ["monitor", "nodes", "node1", "services", "status", service];
    json!({"kind": "patch", "data": [[status, {"kind": "svc", "resources": {}}]]})
}

/// What people are told, and what changed for Envoy.
fn tell(watch: &Watch, before: &Snapshot) -> String {
    let after = watch.index.snapshot();
    assert_eq!(integrity::problems(after), Vec::<String>::new());
    let mut text = "gateway\n".to_owned();
    show::view(&mut text, watch.index.view());
    text.push_str("changes\n");
    for kind in ResourceType::ALL {
        for change in after.changes(before, kind) {
            match change {
                Change::Removed(name) => writeln!(text, "  {kind:?} {name}: removed").unwrap(),
                Change::Put(resource) => {
                    let message = show::marked(integrity::json(resource).unwrap());
                    let message = pretty::pretty(&message).replace('\n', "\n  ");
                    writeln!(text, "  {kind:?} {message}").unwrap();
                }
            }
        }
    }
    marks::mark(&text)
}

fn recording(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/recordings")
        .join(file)
}

fn read(file: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(recording(file)).unwrap()).unwrap()
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/recordings/{name}.txt"))
}
