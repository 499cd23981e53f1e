//! The explainer held against a real Envoy: hundreds of requests, each explained and each sent.

pub(crate) mod client;
mod questions;
mod services;

use std::net::IpAddr;
use std::time::Duration;

use igw_envoy::envoy::{ResourceType, Variant};
use igw_envoy::inspect::catalog::Catalog;
use igw_envoy::inspect::explain::{Explanation, Outcome, Question, Stage, explain};

use crate::support::discovery::{Server, Way};
use crate::support::envoy::{self, Envoy};
use crate::support::{PATIENCE, eventually, free_address};
use client::{Seen, backend, send};
use questions::questions;
use services::configured;

/// How many requests are tried, unless `EXPLAINED` says otherwise, as in `EXPLAINED=5000`.
const REQUESTS: usize = 500;

/// How long nothing must be heard where nothing is to be: who speaks the wrong protocol may be left
/// waiting, rather than turned away.
const SILENCE: Duration = Duration::from_millis(300);
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn envoy_does_what_the_explainer_says() {
    let test = "envoy_does_what_the_explainer_says";
    let Some(binary) = envoy::binary(test) else {
        return;
    };
    let gateway = free_address().ip();
    let (shop, rest) = (free_address().ip(), free_address().ip());
    for address in [shop, rest] {
        backend(address).await;
    }
    let snapshot = configured(gateway, shop, rest);
    let all = ResourceType::ALL
        .into_iter()
        .flat_map(|kind| snapshot.iter(kind));
    let server = Server::with(all.map(|resource| (**resource).clone())).await;
    let mut envoy = Envoy::start(&binary, "one", server.address(Way::Unix), Variant::Delta);
    envoy.ready().await;
    // Until Envoy has seen that the endpoints are well, it may answer otherwise.
    for port in [9000, 8080] {
        eventually("everything is served", async || {
            let question = Question::new(&format!("http://rest.test:{port}/")).unwrap();
            (send(gateway, &question, PATIENCE).await == Seen::Forwarded(rest)).then_some(())
        })
        .await;
    }
    let catalog = Catalog::of(&snapshot);
    let mut outcomes = std::collections::BTreeMap::<String, usize>::new();
    let mut wrong = Vec::new();
    let requests = std::env::var("EXPLAINED").map_or(REQUESTS, |n| n.parse().unwrap());
    for question in questions(requests) {
        let question = question.address(&gateway.to_string()).unwrap();
        let explanation = explain(&catalog, &question);
        let patience = match explanation.outcome {
            Outcome::Closed => SILENCE,
            _ => PATIENCE,
        };
        let seen = send(gateway, &question, patience).await;
        *outcomes
            .entry(format!("{:?}", explanation.outcome))
            .or_default() += 1;
        if let Err(why) = agrees(&explanation, &seen, question.scheme.is_http(), (shop, rest)) {
            wrong.push(format!(
                "{why}\n  {question:?}\n  explained {explanation:?}\n  seen {seen:?}"
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {requests}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    // Each kind of answer was among them.
    for (outcome, at_least) in [
        ("Forwarded", 80),
        ("Redirected", 20),
        ("NotFound", 40),
        ("Closed", 40),
        ("NoEndpoints", 10),
        ("NotListening", 10),
    ] {
        let count = outcomes.get(outcome).copied().unwrap_or(0);
        assert!(count >= at_least, "{outcomes:?}");
    }
    assert_eq!(envoy.refused().await, 0);
}
/// Whether what was explained is what was seen.
fn agrees(
    explanation: &Explanation,
    seen: &Seen,
    http: bool,
    (shop, rest): (IpAddr, IpAddr),
) -> Result<(), String> {
    let same = match (explanation.outcome, seen) {
        (Outcome::Forwarded, Seen::Forwarded(address)) => {
            let cluster = explanation
                .steps
                .iter()
                .find(|step| step.stage == Stage::Cluster);
            let cluster = cluster
                .and_then(|step| step.name.as_deref())
                .unwrap_or_default();
            let at = if cluster.starts_with("shop.") {
                shop
            } else {
                rest
            };
            at == *address
        }
        (Outcome::Redirected, Seen::Redirected(status, location)) => {
            explanation.location.as_ref() == Some(location)
                && explanation.answer.contains(&status.to_string())
        }
        (Outcome::NotFound, Seen::Answered(404)) => true,
        (Outcome::NoEndpoints, Seen::Answered(503)) => explanation.answer.starts_with("503"),
        (Outcome::NoEndpoints, Seen::Closed) => explanation.answer.contains("is closed"),
        // What is no request is answered as one that is bad.
        (Outcome::Closed, Seen::Closed | Seen::Silent) => true,
        (Outcome::Closed, Seen::Answered(400)) => !http,
        (Outcome::NotListening, Seen::NotListening) => true,
        _ => false,
    };
    if same {
        Ok(())
    } else {
        Err("not the same".into())
    }
}
