//! `/metrics`, and the dashboards and alerts that are made of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use igw_envoy::envoy::{ResourceType, Version};
use igw_envoy::http::metrics::{ALL, Kind};
use igw_envoy::xds::{Event, Observer, Refusal};
use serde_json::Value;

use crate::gateway::stream;
use crate::stories::town;

/// The samples of a text: name, labels, value.
fn samples(text: &str) -> Vec<(String, String, f64)> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            (name.to_owned(), labels.to_owned(), value.parse().unwrap())
        })
        .collect()
}

#[tokio::test]
async fn every_metric_of_the_table_is_told_once_and_nothing_else() {
    let gateway = town();
    let reply = gateway.get("/metrics").await;
    assert!(
        reply.headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/plain")
    );
    let told: Vec<&str> = reply
        .body
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    let table: Vec<&str> = ALL.iter().map(|metric| metric.name).collect();
    let (told_set, table_set): (BTreeSet<_>, BTreeSet<_>) =
        (told.iter().collect(), table.iter().collect());
    assert_eq!(told_set, table_set);
    assert_eq!(told.len(), table.len());
}

#[tokio::test]
async fn the_values_are_those_of_the_gateway() {
    let text = town().get("/metrics").await.body;
    let samples = samples(&text);
    let value = |name: &str, label: &str| {
        let found = samples
            .iter()
            .find(|(n, l, _)| n == name && l.contains(label));
        found.unwrap_or_else(|| panic!("{name} {label}\n{text}")).2
    };
    assert_eq!(value("igw_exposes", "refused\""), 2.0);
    assert_eq!(value("igw_exposes", "\"served\""), 4.0);
    let info = "service=\"test/svc/db\",section=\"expose#0\",standing=\"served\"";
    assert_eq!(value("igw_expose_info", info), 1.0);
    assert_eq!(value("igw_daemon_connected", ""), 1.0);
    assert_eq!(value("igw_config_age_seconds", ""), 0.0);
    assert!(value("igw_snapshot_bytes", "listener") > 100.0);
    assert!(value("igw_certificate_expiry_timestamp_seconds", "shop") > 1.7e9);
    assert!(value("process_resident_memory_bytes", "") > 1e6);
    assert!(value("process_start_time_seconds", "") > 1.7e9);
}

#[tokio::test]
async fn what_did_not_happen_yet_is_told_as_zero_so_that_the_first_time_is_seen() {
    let gateway = town();
    let told = async |name: &str| -> BTreeMap<String, f64> {
        let samples = samples(&gateway.get("/metrics").await.body);
        let own = samples.into_iter().filter(|(own, ..)| own == name);
        own.map(|(_, labels, value)| (labels, value)).collect()
    };
    let streams = told("igw_xds_streams").await;
    assert_eq!(streams.len(), 4, "{streams:?}");
    assert!(streams.values().all(|count| *count == 0.0), "{streams:?}");

    let stream = stream();
    gateway.telemetry.observe(&stream, &Event::Opened);
    let nacks = told("igw_xds_nacks_total").await;
    assert_eq!(nacks.len(), ResourceType::ALL.len(), "{nacks:?}");
    assert!(nacks.values().all(|count| *count == 0.0), "{nacks:?}");
    let refusal = Refusal {
        kind: ResourceType::Listener,
        version: Version::from_number(1),
        nonce: "1".into(),
        text: "no".into(),
        names: Vec::new(),
        suspects: Vec::new(),
        certain: false,
        content: Version::from_number(1),
    };
    gateway
        .telemetry
        .observe(&stream, &Event::Refused(&refusal));
    let nacks = told("igw_xds_nacks_total").await;
    let listeners = nacks.get(r#"type="listener",node="edge1"}"#);
    assert_eq!((listeners, nacks.len()), (Some(&1.0), 5), "{nacks:?}");
    gateway.telemetry.observe(&stream, &Event::Closed);
    let streams = told("igw_xds_streams").await;
    assert_eq!(
        streams.get(r#"variant="delta",transport="unix"}"#),
        Some(&0.0)
    );
}

#[test]
fn names_follow_prometheus_conventions() {
    for metric in ALL {
        let name = metric.name;
        assert!(
            name.starts_with("igw_") || name.starts_with("process_"),
            "{name}"
        );
        assert_eq!(
            name.ends_with("_total"),
            metric.kind == Kind::Counter,
            "{name}"
        );
        assert!(metric.help.ends_with('.'), "{name}");
        if metric.kind == Kind::Histogram {
            assert!(name.ends_with("_seconds"), "{name}");
        }
        assert!(!metric.labels.contains(&"le"), "{name}");
    }
}

/// What an expression asks for: metrics with their labels.
fn asked(expression: &str) -> Vec<(String, Vec<String>)> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphabetic()) {
        let word_end = rest[start..]
            .find(|c| !is_word(c))
            .map_or(rest.len(), |end| start + end);
        let word = &rest[start..word_end];
        rest = &rest[word_end..];
        if !word.starts_with("igw_") && !word.starts_with("process_") {
            // A label's value may hold anything.
            continue;
        }
        let mut labels = Vec::new();
        if let Some(inner) = rest.strip_prefix('{') {
            let (inner, after) = inner.split_once('}').unwrap();
            labels = inner
                .split(',')
                .filter_map(|l| l.split(['=', '!']).next())
                .map(|l| l.trim().to_owned())
                .collect();
            rest = after;
        }
        found.push((word.to_owned(), labels));
    }
    found
}

/// Labels that Prometheus itself adds to what it scrapes.
const SCRAPED: [&str; 2] = ["job", "instance"];

fn check(place: &str, expression: &str) -> usize {
    let by_name: BTreeMap<&str, _> = ALL.iter().map(|metric| (metric.name, metric)).collect();
    let all = asked(expression);
    assert!(!all.is_empty(), "{place} asks for nothing: {expression}");
    for (name, labels) in &all {
        let suffixes = ["_bucket", "_sum", "_count"];
        let base = suffixes.iter().find_map(|suffix| name.strip_suffix(suffix));
        let metric = by_name
            .get(name.as_str())
            .filter(|m| m.kind != Kind::Histogram)
            .or_else(|| by_name.get(base?).filter(|m| m.kind == Kind::Histogram));
        let metric = metric.unwrap_or_else(|| panic!("{place}: no metric {name}: {expression}"));
        for label in labels {
            let known = metric.labels.contains(&label.as_str())
                || SCRAPED.contains(&label.as_str())
                || label == "le";
            assert!(known, "{place}: {name} has no label {label}");
        }
        if metric.kind == Kind::Counter {
            let rated = ["rate(", "increase(", "resets("]
                .iter()
                .any(|f| expression.contains(f));
            assert!(
                rated,
                "{place}: the counter {name} says nothing without rate()"
            );
        }
    }
    all.len()
}

#[test]
fn the_grafana_dashboard_asks_for_what_there_is() {
    let text = fs::read_to_string("deploy/grafana/igw-envoy.json").unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let mut ids = BTreeSet::new();
    let mut asked = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        assert!(
            ids.insert(panel["id"].as_u64().unwrap()),
            "{title}: its id is taken"
        );
        for target in panel["targets"].as_array().into_iter().flatten() {
            asked += check(title, target["expr"].as_str().unwrap());
        }
    }
    assert!(asked > 15, "{asked}");
}

/// A rule is `- alert: NAME`, then `expr: …` on one line.
#[test]
fn the_alerts_ask_for_what_there_is() {
    let text = fs::read_to_string("deploy/prometheus/alerts.yml").unwrap();
    let mut alerts = BTreeMap::new();
    let mut name = "";
    for line in text.lines().map(str::trim) {
        if let Some(alert) = line.strip_prefix("- alert: ") {
            name = alert;
        } else if let Some(expression) = line.strip_prefix("expr: ") {
            check(name, expression);
            alerts.insert(name, expression);
        }
    }
    for needed in [
        "CertificateExpires",
        "EnvoyRefused",
        "ConfigStale",
        "DaemonLost",
    ] {
        let found = alerts.keys().any(|alert| alert.contains(needed));
        assert!(found, "no alert {needed} among {alerts:?}");
    }
}
