//! What may fail around a gateway, while real clients make requests through a real Envoy: the sidecar is a
//! process of its own, and every request that fails is counted. None may.
//!
//! `make faults` runs the same for longer and writes `docs/faults.md`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../e2e/backends.rs"]
#[allow(dead_code)]
mod backends;
#[path = "../e2e/clients.rs"]
#[allow(dead_code)]
mod clients;
mod faults;
mod page;
#[path = "../support/pki.rs"]
#[allow(dead_code)]
mod pki;
mod refusals;
mod stand;
#[path = "../support/mod.rs"]
mod support;
mod traffic;

use igw_envoy::envoy::Variant;

use page::{Page, Row};
use stand::Stand;

/// How often everything happens: once, unless `FAULTS_ROUNDS` says otherwise.
fn rounds() -> usize {
    let named = std::env::var("FAULTS_ROUNDS").ok();
    named.map_or(1, |rounds| rounds.parse().unwrap())
}

async fn run(variant: Variant) {
    let Some(mut stand) = Stand::start(variant).await else {
        return;
    };
    let mut rows = Vec::new();
    for round in 0..rounds() {
        for (number, fault) in faults::ALL.iter().enumerate() {
            let mark = stand.traffic.mark();
            let began = std::time::Instant::now();
            (fault.run)(&mut stand).await;
            stand.traffic.goes_on(10).await;
            let count = stand.traffic.since(mark);
            assert!(count.answered > 0, "{}", fault.name);
            assert!(
                count.failures.is_empty(),
                "{}: {} of {} requests failed: {:?}",
                fault.name,
                count.failures.len(),
                count.answered,
                count.failures.iter().take(5).collect::<Vec<_>>()
            );
            eprintln!("{variant:?} {}: {:?}", fault.name, began.elapsed());
            if round == 0 {
                rows.push(Row::new(fault.name, variant));
            }
            rows[number].add(&count, stand.memory());
        }
    }
    Page::add(variant, rows);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_by_delta() {
    run(Variant::Delta).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_by_state_of_the_world() {
    run(Variant::StateOfTheWorld).await;
}
