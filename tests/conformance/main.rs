//! Every rule of the xDS transport protocol, seen from outside.
//!
//! An item is a rule with a number; it runs in each of its cases: {state of the world, delta} ×
//! {aggregated, one type} × {unix socket, TCP}. What is seen is compared with the committed page,
//! `docs/conformance.md`, which `make conformance` writes. `IGW_ITEM=12` runs one item alone.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod client;
mod delta;
mod gateway;
mod grpc;
mod item;
mod model;
mod order;
mod others;
mod page;
mod run;
mod safety;
mod sotw;
#[path = "../support/mod.rs"]
mod support;
mod things;
mod transport;

use std::fs;
use std::path::Path;

use item::{Case, Item};
use page::{Group, Seen};
use support::machine;

const GROUPS: [Group; 5] = [
    Group {
        title: "A. Transport",
        items: transport::ITEMS,
    },
    Group {
        title: "B. State of the world",
        items: sotw::ITEMS,
    },
    Group {
        title: "C. Delta",
        items: delta::ITEMS,
    },
    Group {
        title: "D. Order and consistency",
        items: order::ITEMS,
    },
    Group {
        title: "E. Safety",
        items: safety::ITEMS,
    },
];

/// How many cases run at once. Most of a case is waiting for silence.
const AT_ONCE: usize = 32;

fn all() -> impl Iterator<Item = &'static Item> {
    GROUPS.iter().flat_map(|group| group.items)
}

#[test]
fn every_item_is_there_once() {
    let numbers: Vec<_> = all().map(|item| item.number).collect();
    let expected: Vec<_> = (1..=70).collect();
    assert_eq!(numbers, expected);
}

/// What a job is about.
enum About {
    Item(u8, Case),
    Other(String, &'static str),
}

#[test]
fn every_rule_holds_as_the_page_says() {
    let alone = std::env::var("IGW_ITEM").ok();
    let alone: Option<u8> = alone.map(|number| number.parse().expect("IGW_ITEM is a number"));
    let wanted = |item: &&Item| alone.is_none_or(|number| number == item.number);
    let mut jobs = Vec::new();
    // Whoever takes longest begins first.
    if alone.is_none_or(|number| number == 0) {
        let others = others::all().into_iter();
        jobs.extend(others.map(|(client, how, job)| (About::Other(client, how), job)));
    }
    for item in all().filter(wanted) {
        let here = |case: &Case| (item.not_here)(case.variant, case.scope).is_none();
        for case in Case::all().filter(here) {
            let run = item.run;
            jobs.push((About::Item(item.number, case), run::job(move || run(case))));
        }
    }
    let mut seen = Seen::new();
    let mut rows = others::Rows::new();
    for (about, result) in run::all(jobs, AT_ONCE) {
        match about {
            About::Item(number, case) => {
                if let Err(why) = &result {
                    eprintln!("item {number}, {case:?}: {why}");
                }
                seen.entry(number).or_default().push((case, result));
            }
            About::Other(client, how) => {
                if let Err(why) = &result {
                    eprintln!("{client}, {how}: {why}");
                }
                rows.entry((client, how)).or_default().push(result);
            }
        }
    }
    let failed = seen
        .iter()
        .filter(|(_, cases)| cases.iter().any(|(_, result)| result.is_err()));
    let failed: Vec<_> = failed.map(|(number, _)| number).collect();
    assert!(failed.is_empty(), "these items fail: {failed:?}");
    let others: Vec<_> = rows
        .iter()
        .filter(|(_, all)| all.iter().any(Result::is_err))
        .collect();
    assert!(others.is_empty(), "these clients fail: {others:?}");
    if alone.is_none() {
        compare(&seen, &rows);
    }
}

/// Compares the committed page with what was seen, or writes it where asked to.
fn compare(seen: &Seen, rows: &others::Rows) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/conformance.md");
    let committed = fs::read_to_string(&file).unwrap_or_default();
    let (_, before) = committed.split_once(page::OTHERS).unwrap_or_default();
    let is_update = std::env::var_os("IGW_UPDATE").is_some();
    let when = match is_update {
        true => format!("{}{}.", page::WHEN, machine::today_and_machine()),
        false => {
            let mut lines = committed.lines();
            let when = lines.find(|line| line.starts_with(page::WHEN));
            when.unwrap_or_default().to_owned()
        }
    };
    let items = page::items(&GROUPS, seen, &when);
    let new = format!("{items}{}{}", page::OTHERS, others::page(before, rows));
    if is_update {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, &new).unwrap();
    } else if committed != new {
        let known: Vec<_> = committed.lines().collect();
        let news = new.lines().filter(|line| !known.contains(line));
        let news: Vec<_> = news.collect();
        panic!(
            "what was seen is not what docs/conformance.md says: run `make conformance`, and commit it:\n{}",
            news.join("\n")
        );
    }
}
