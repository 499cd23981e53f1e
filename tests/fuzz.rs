//! The fuzz targets on a stable toolchain: the whole corpus, and mutants of it that are the same on
//! every run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unsafe_code)]

#[path = "../fuzz/targets.rs"]
#[allow(unreachable_pub)] // The fuzzer's own crate uses the same file.
mod targets;

use std::fs;
use std::path::Path;

/// Mutants made of each file of the corpus.
const MUTANTS: u64 = 60;

fn run(name: &str, target: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(name);
    let mut files: Vec<_> = fs::read_dir(corpus)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no corpus for {name}");
    target(b"");
    for file in files {
        let seed = fs::read(file).unwrap();
        target(&seed);
        for number in 0..MUTANTS {
            target(&mutant(&seed, number));
        }
    }
}

/// A few bytes changed, removed, repeated or inserted; which ones depends on the number alone.
fn mutant(seed: &[u8], number: u64) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % below.max(1)
    };
    const INTERESTING: &[&[u8]] = &[
        b"\0",
        b"\"",
        b"\\",
        b"{",
        b"}",
        b"[",
        b"-1",
        b"1e999",
        b"null",
        b"\xff",
        b"{env.x}",
        b"$(",
        b"#",
        b"/",
        b"*",
        b"99999999999999999999",
        "\u{202e}".as_bytes(),
        b"\n",
    ];
    let mut bytes = seed.to_vec();
    for _ in 0..=random(3) {
        let at = random(bytes.len() + 1);
        let until = (at + random(8)).min(bytes.len());
        match random(4) {
            0 => drop(bytes.drain(at..until)),
            1 => {
                let copy = bytes[at..until].to_vec();
                bytes.splice(at..at, copy);
            }
            2 if at < bytes.len() => bytes[at] = u8::try_from(random(256)).unwrap(),
            _ => drop(bytes.splice(
                at..until,
                INTERESTING[random(INTERESTING.len())].iter().copied(),
            )),
        }
    }
    bytes
}

/// A function that takes bytes has a length among its parameters.
#[test]
fn every_function_that_takes_bytes_is_fuzzed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let header = fs::read_to_string(root.join("include/igw_envoy.h")).unwrap();
    let targets = fs::read_to_string(root.join("fuzz/targets.rs")).unwrap();
    let declarations = header.split(';').filter(|text| text.contains("_len"));
    let functions: Vec<&str> = declarations
        .filter_map(|text| text.rsplit_once('(')?.0.rsplit([' ', '*']).next())
        .filter(|name| name.starts_with("igw_"))
        .collect();
    assert!(functions.contains(&"igw_validate"), "{functions:?}");
    for function in functions {
        let call = format!("{function}(");
        assert!(targets.contains(&call), "{function} is not fuzzed");
    }
}

#[test]
fn services() {
    run("service", targets::service);
}

#[test]
fn keywords() {
    run("keyword", targets::keyword);
}

#[test]
fn facts() {
    run("facts", targets::facts);
}

#[test]
fn codes() {
    run("code", targets::code);
}

#[test]
fn daemon_messages() {
    run("daemon_messages", targets::daemon_messages);
}

#[test]
fn requests() {
    run("requests", targets::requests);
}

#[test]
fn state_files() {
    run("state_file", targets::state_file);
}
