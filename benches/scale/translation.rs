//! The full translation of 1,000 routes: from a service's configuration to encoded Envoy resources,
//! as the sidecar does it for one service.

use std::time::{Duration, Instant};

use igw_envoy::model::{Document, IpSection, Section};
use igw_envoy::verdict::{Facts, judge};
use serde_json::{Value, json};

use super::Outcome;

/// How long it took: the least of many runs, since others use the machine too.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Routes {
    /// 1,000 routes of one host name.
    pub(crate) one_service: Duration,
    /// 1,000 services of one host name with one route each.
    pub(crate) thousand_services: Duration,
}

/// Translates them.
pub(crate) fn thousand_routes() -> Outcome<Routes> {
    let large = [document(0, 1000)?];
    let small: Result<Vec<_>, _> = (0..1000).map(|service| document(service, 1)).collect();
    Ok(Routes {
        one_service: least(&large)?,
        thousand_services: least(&small?)?,
    })
}

fn least(documents: &[Document]) -> Outcome<Duration> {
    let facts = Facts::default();
    let mut least = Duration::MAX;
    for _ in 0..30 {
        let began = Instant::now();
        let resources: usize = documents
            .iter()
            .map(|document| judge(document, &facts).resources().len())
            .sum();
        least = least.min(began.elapsed());
        if resources != 3 * documents.len() {
            return Err(format!("{resources} resources of {} services", documents.len()).into());
        }
    }
    Ok(least)
}

fn document(service: usize, routes: usize) -> Outcome<Document> {
    let mut document = Document::new(format!("web{service:05}").parse()?);
    document.ips.insert(
        "ip#1".to_owned(),
        IpSection {
            exposes: vec!["expose#0".into()],
            ..IpSection::default()
        },
    );
    let names: Vec<String> = (0..routes).map(|route| format!("route#{route}")).collect();
    let mut put = |name: &str, driver: &str, keywords: Value| {
        let section = Section {
            driver: Some(driver.into()),
            keywords: keywords.as_object().cloned().unwrap_or_default().into(),
        };
        document.sections.insert(name.to_owned(), section);
    };
    put(
        "expose#0",
        "envoy",
        json!({"port": 8080, "listener_port": 8080, "protocol": "tcp", "vhosts": ["vhost#0"]}),
    );
    put(
        "vhost#0",
        "envoy",
        json!({"domains": [format!("web{service:05}.acme.org")], "routes": names}),
    );
    for (route, name) in names.iter().enumerate() {
        let keywords =
            json!({"match_prefix": format!("/application/{route:04}"), "route_timeout": "30s"});
        put(name, "envoy", keywords);
    }
    Ok(document)
}
