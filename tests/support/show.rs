//! How a gateway's state is written down for people.

use std::fmt::Write;

use igw_envoy::envoy::ResourceType;
use igw_envoy::index::View;
use igw_envoy::model::Diagnostic;
use igw_envoy::snapshot::Snapshot;
use serde_json::{Map, Value};

use crate::{integrity, marks};

/// A finding on one line.
pub(crate) fn diagnostic(diagnostic: &Diagnostic) -> String {
    let severity = diagnostic.severity;
    format!("{severity} [{}] {diagnostic}", diagnostic.code)
}

/// Every expose, and what there is to say of its service.
pub(crate) fn view(text: &mut String, view: &View) {
    for (id, expose) in &view.exposes {
        let serving = format!("{:?}", expose.serving).to_lowercase();
        write!(text, "  {id}: {serving}").unwrap();
        if let Some(socket) = expose.socket {
            write!(text, " on {socket}, endpoints: {}", expose.endpoints).unwrap();
        }
        text.push('\n');
    }
    for (service, report) in &view.reports {
        for finding in &report.diagnostics {
            writeln!(text, "  {service}: {}", diagnostic(finding)).unwrap();
        }
    }
}

/// Every resource as JSON, by type and name, with marks for what was made for this run.
pub(crate) fn resources(snapshot: &Snapshot) -> Value {
    let all = ResourceType::ALL.map(|kind| {
        let resources = snapshot.iter(kind).map(|resource| {
            let message = integrity::json(resource).unwrap();
            (resource.name.to_string(), marked(message))
        });
        (format!("{kind:?}"), resources.collect::<Map<_, _>>().into())
    });
    let all: Map<String, Value> = all.into_iter().collect();
    all.into_iter()
        .filter(|(_, resources)| *resources != Value::Object(Map::new()))
        .collect::<Map<_, _>>()
        .into()
}

/// A message with marks in the place of what was made for this run.
pub(crate) fn marked(value: Value) -> Value {
    match value {
        Value::String(text) => marks::mark(&text).trim_end().into(),
        Value::Array(items) => items.into_iter().map(marked).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter();
            Value::Object(fields.map(|(name, field)| (name, marked(field))).collect())
        }
        scalar => scalar,
    }
}
