//! `xds demo --once` with a real Envoy: the first thing that a newcomer runs.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use igw_envoy::envoy::Variant;
use igw_envoy::envoy::bootstrap::{Bootstrap, XdsAddress};
use serde_json::Value;

/// The Envoy of `make test`; without one the test is skipped, unless everything is required.
fn envoy() -> Option<PathBuf> {
    let named = std::env::var_os("ENVOY_BIN").map(PathBuf::from);
    assert!(
        named.is_some() || std::env::var_os("REQUIRE_ALL").is_none(),
        "ENVOY_BIN is not set, and REQUIRE_ALL is"
    );
    named
}

fn demo(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xds"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .arg("demo")
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn the_demo_shows_everything_and_succeeds() {
    if envoy().is_none() {
        eprintln!("skipped: ENVOY_BIN is not set");
        return;
    }
    let output = demo(&["--once"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    for expected in [
        "0.svcweb",
        "3.svcweb",
        "GET https://svcweb.acme.org:",
        "GET https://alt-svcweb.acme.org:",
        "received 'hello, says ",
        "requests, 0 failed, answered by 0.svcweb 1.svcweb 2.svcweb 3.svcweb 4.svcweb 5.svcweb",
        "refused: svcshop expose#1.port: ",
        "GET http://shop.acme.org:",
        "kept as it was: svcshop expose#1.port: ",
        "dashboard   http://127.0.0.1:",
    ] {
        assert!(said.contains(expected), "no '{expected}' in:\n{said}");
    }
    // Not a terminal: no colours.
    assert!(!said.contains('\x1b'));
}

#[test]
fn a_missing_envoy_is_explained() {
    let output = demo(&["--once", "--envoy-bin", "/nowhere/envoy"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains("there is no Envoy at /nowhere/envoy"),
        "{said}"
    );
}

#[test]
fn the_example_bootstrap_is_the_one_that_the_sidecar_expects() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/envoy.json");
    let example: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let expected = Bootstrap {
        node: "gateway".into(),
        gateway: "envoy".into(),
        admin: Some(([127, 0, 0, 1], 9901).into()),
        xds: XdsAddress::Unix("/var/run/xds/xds.sock".into()),
        variant: Variant::Delta,
    }
    .to_json();
    assert_eq!(
        example, expected,
        "examples/envoy.json should be:\n{expected:#}"
    );
}
