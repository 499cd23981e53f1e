//! The table of what was seen: `docs/faults.md`, where `FAULTS_PAGE` names it.

use std::fmt::Write;
use std::fs;
use std::sync::{Mutex, PoisonError};

use igw_envoy::envoy::Variant;

use crate::support::machine;
use crate::traffic::Count;

/// What a fault came to, over all rounds.
pub(crate) struct Row {
    fault: &'static str,
    variant: Variant,
    rounds: usize,
    answered: u64,
    failed: usize,
    memory: u64,
}

impl Row {
    pub(crate) fn new(fault: &'static str, variant: Variant) -> Self {
        Self {
            fault,
            variant,
            rounds: 0,
            answered: 0,
            failed: 0,
            memory: 0,
        }
    }

    pub(crate) fn add(&mut self, count: &Count, memory: u64) {
        self.rounds += 1;
        self.answered += count.answered;
        self.failed += count.failures.len();
        self.memory = self.memory.max(memory);
    }
}

pub(crate) struct Page;

impl Page {
    /// Adds the rows of one variant; with those of both, the page is written.
    pub(crate) fn add(variant: Variant, rows: Vec<Row>) {
        static ROWS: Mutex<Vec<(u8, Vec<Row>)>> = Mutex::new(Vec::new());
        let Some(path) = std::env::var_os("FAULTS_PAGE") else {
            return;
        };
        let mut all = ROWS.lock().unwrap_or_else(PoisonError::into_inner);
        all.push((u8::from(variant != Variant::Delta), rows));
        all.sort_by_key(|(order, _)| *order);
        if all.len() == 2 {
            let rows = all.iter().flat_map(|(_, rows)| rows);
            fs::write(path, page(rows)).unwrap();
        }
    }
}

fn page<'a>(rows: impl Iterator<Item = &'a Row>) -> String {
    let mut page = String::from(include_str!("page.md"));
    writeln!(page, "Seen on {}.\n", machine::today_and_machine()).unwrap();
    page += "| fault | xDS variant | times | requests | failed | sidecar's memory, MB |\n";
    page += "|---|---|---:|---:|---:|---:|\n";
    for row in rows {
        let variant = match row.variant {
            Variant::Delta => "delta",
            Variant::StateOfTheWorld => "state of the world",
        };
        writeln!(
            page,
            "| {} | {variant} | {} | {} | {} | {} |",
            row.fault,
            row.rounds,
            row.answered,
            row.failed,
            row.memory / 1000
        )
        .unwrap();
    }
    page
}
