#![allow(clippy::unwrap_used)]

mod defects;
mod exposing;
mod keywords;
mod mistakes;
mod properties;
mod reading;
mod services;
mod shown;

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::Value;

use super::*;
use crate::model::{Diagnostic, Expose, Route, Severity, Traffic};

/// The verdict on a configuration file of `test/svc/web`.
fn judge(text: &str) -> Validated {
    let path = "test/svc/web".parse().unwrap();
    let document = Document::from_config(path, text).unwrap();
    validate(&document, &Context::default())
}

/// The findings of a severity, in one line each.
fn lines(validated: &Validated, severity: Severity) -> Vec<String> {
    let of = |d: &&Diagnostic| d.severity == severity;
    let all = validated.report.diagnostics.iter();
    all.filter(of).map(ToString::to_string).collect()
}

fn errors(validated: &Validated) -> Vec<String> {
    lines(validated, Severity::Error)
}

fn warnings(validated: &Validated) -> Vec<String> {
    lines(validated, Severity::Warning)
}

/// The only expose of a configuration that has nothing wrong.
fn only(text: &str) -> Expose {
    let mut validated = judge(text);
    assert_eq!(errors(&validated), Vec::<String>::new(), "{text}");
    assert_eq!(validated.service.exposes.len(), 1, "{text}");
    validated.service.exposes.remove(0)
}

/// The route of a section, in an expose for HTTP.
fn route(expose: &Expose, section: &str) -> Route {
    let Traffic::Http { vhosts, .. } = &expose.traffic else {
        unreachable!("{:?}", expose.traffic)
    };
    let mut routes = vhosts.iter().flat_map(|vhost| &vhost.routes);
    routes
        .find(|route| route.section == section)
        .unwrap()
        .as_ref()
        .clone()
}

/// A document with one section more, or with other keywords in one.
fn with(base: &str, section: &str, keywords: &[(&str, Value)]) -> Document {
    let path = "test/svc/web".parse().unwrap();
    let mut document = Document::from_config(path, base).unwrap();
    let section = document.sections.entry(section.to_owned()).or_default();
    for (name, value) in keywords {
        Arc::make_mut(&mut section.keywords).insert((*name).to_owned(), value.clone());
    }
    document
}

#[test]
fn every_code_is_used_and_no_other() {
    fn sources(folder: &std::path::Path, into: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, into);
            } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("codes.rs") {
                into.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut text = String::new();
    sources(
        &std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut text,
    );
    for entry in codes::TABLE {
        let name = entry.code.to_uppercase().replace('-', "_");
        let used = text.contains(&format!("codes::{name}"));
        assert!(used, "{} is used by nothing", entry.code);
        assert!(entry.title.ends_with('.') && entry.explanation.ends_with('.'));
        assert_eq!(codes::explain(entry.code), Some(entry));
    }
    for (i, entry) in codes::TABLE.iter().enumerate() {
        let before = codes::TABLE.iter().take(i);
        assert!(
            before.into_iter().all(|e| e.code != entry.code),
            "{}",
            entry.code
        );
    }
}

#[test]
fn the_clock_only_warns() {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["a.org".to_owned()]).unwrap();
    let keywords = [
        ("certificate_chain_inline_string", Value::from(cert.pem())),
        (
            "private_key_inline_string",
            Value::from(signing_key.serialize_pem()),
        ),
    ];
    let base = "[ip#1]\nexpose=expose#0\n[expose#0]\nport=443\nsni=a.org\n\
                listener_certificates=certificate#0\n";
    let document = with(base, "certificate#0", &keywords);
    let facts = certificate::check_pair(&cert.pem(), &signing_key.serialize_pem(), None).unwrap();
    let day = std::time::Duration::from_secs(86_400);
    for (now, code) in [
        (None, None),
        (Some(facts.not_after - 31 * day), None),
        (
            Some(facts.not_after - 29 * day),
            Some(codes::CERTIFICATE_EXPIRES_SOON),
        ),
        (
            Some(facts.not_after + day),
            Some(codes::CERTIFICATE_EXPIRED),
        ),
        (
            Some(SystemTime::UNIX_EPOCH),
            Some(codes::CERTIFICATE_NOT_YET_VALID),
        ),
    ] {
        let validated = validate(&document, &Context { now });
        let found: Vec<&str> = validated
            .report
            .diagnostics
            .iter()
            .map(|d| d.code)
            .collect();
        assert_eq!(found, code.into_iter().collect::<Vec<_>>());
        assert_eq!(validated.service.exposes.len(), 1);
    }
}
