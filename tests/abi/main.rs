//! The C ABI, from the outside: the header, the exported symbols, and programs in C.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod examples;
mod header;
mod hostile;
mod library;
mod verdict;

use std::path::{Path, PathBuf};

/// The repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The directory of the shared library that this very `cargo test` has built.
fn library_dir() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().to_owned()
}

/// The library's file.
fn library_file() -> PathBuf {
    library_dir().join("libigw_envoy.so")
}
