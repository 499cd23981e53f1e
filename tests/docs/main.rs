//! The documentation: its commands are run, its links lead somewhere, and the rooms are as it says.
//!
//! A block that starts with ```` ```console run ```` holds commands, each after a `$`, and what they
//! print. They are run in the root of the repository, beside a simulated node on which the services of
//! `examples` are deployed and a sidecar that follows it; what they print must be what stands there.
//! `IGW_UPDATE=1` writes what they print into the pages instead.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod blocks;
mod examples;
mod links;
mod rooms;
mod stage;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::path::{Path, PathBuf};

/// The pages that people write: the README, and what is in `docs` but for what is generated there.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = vec![
        root.join("README.md"),
        root.join("CONTRIBUTING.md"),
        root.join("deploy/opensvc/README.md"),
        root.join("deploy/systemd/README.md"),
    ];
    let docs = fs::read_dir(root.join("docs")).unwrap();
    let docs = docs.map(|file| file.unwrap().path());
    pages.extend(docs.filter(|path| path.extension().is_some_and(|ext| ext == "md")));
    pages.sort();
    pages
}
