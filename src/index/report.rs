//! What there is to tell of a service, gathered from all that judged it.

use std::sync::Arc;

use serde_json::Value;

use super::view::{ExposeView, Values};
use super::{Index, slot::Slot};
use crate::envoy::{holds_pem_key, shown};
use crate::model::{Diagnostic, ExposeId, ObjectPath, Report, Severity, keyword_name};
use crate::validate::codes;
use crate::validate::keywords::{Group, Keyword, expose::LISTENER_PORT};

/// What a value that is or holds a private key is shown as, whatever the keyword.
const HIDDEN: &str = "[private key]";

/// How much of a value is shown, in characters.
const SHOWN: usize = 400;

/// A value as a configuration file has it.
fn written(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(written).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    };
    if holds_pem_key(text.as_bytes()) {
        return HIDDEN.into();
    }
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

impl Index {
    /// Brings the endpoints of a service's exposes up to date, in the snapshot and in the view.
    pub(super) fn refresh_endpoints(&mut self, owner: &ObjectPath) {
        let slots = self.slots.of_mut(owner);
        // Most services expose nothing, and what their ips say need not be read.
        if slots.is_empty() {
            return;
        }
        let placement = self.services.placement(owner);
        for (id, slot) in slots {
            slot.endpoints = 0;
            let mut idle = None;
            if let Some(served) = &slot.served {
                let port = served.expose.port.get();
                let endpoints = placement.endpoints(&id.section, &slot.documented, port);
                slot.endpoints = endpoints.len();
                if endpoints.is_empty() {
                    idle = Some(placement.idle(&id.section, &slot.documented).into());
                }
                self.publication.put_endpoints(served, &endpoints);
            }
            let view = ExposeView {
                serving: slot.serving(),
                socket: slot.served.as_ref().and_then(|s| s.expose.socket()),
                endpoints: slot.endpoints,
                idle,
            };
            if self.view.exposes.get(id) != Some(&view) {
                self.view.exposes.insert(id.clone(), view);
            }
        }
    }

    /// Gathers the findings on a service: of its keywords, its translation, its neighbours, its
    /// secrets and its port.
    pub(super) fn refresh_report(&mut self, owner: &ObjectPath) {
        let mut report = self.reports.get(owner).cloned();
        if let Some(report) = &mut report {
            for (id, slot) in self.slots.of(owner) {
                report.diagnostics.extend(self.findings(id, slot));
            }
            report.finish();
        }
        match report.filter(|report| !report.diagnostics.is_empty()) {
            None => {
                self.view.reports.remove(owner);
                self.view.values.remove(owner);
            }
            Some(report) if self.view.reports.get(owner).is_some_and(|r| **r == report) => {}
            Some(report) => {
                let values = Arc::new(self.values(owner, &report));
                self.view.values.insert(owner.clone(), values);
                self.view.reports.insert(owner.clone(), Arc::new(report));
            }
        }
    }

    /// What the configuration says where a report finds something, for whoever has to change it.
    fn values(&self, owner: &ObjectPath, report: &Report) -> Values {
        let document = self.services.document(owner);
        let lines = report
            .diagnostics
            .iter()
            .filter_map(|finding| Some((finding.section.as_ref()?, finding.keyword.as_ref()?)));
        let known = lines.filter_map(|(section, keyword)| {
            let value = document
                .as_ref()?
                .sections
                .get(section)?
                .keywords
                .get(keyword)?;
            let group = Group::of(section);
            let known = group.and_then(|group| group.keyword(keyword_name(keyword)));
            let shown = known.is_none_or(Keyword::is_shown);
            shown.then(|| ((section.clone(), keyword.clone()), written(value)))
        });
        known.collect()
    }

    /// Instances that get no traffic, as their own `port` is not one.
    fn odd_ports(&self, id: &ExposeId, slot: &Slot) -> impl Iterator<Item = Diagnostic> {
        let services = &self.services;
        let odd = services.unusable_ports(&id.service, &id.section, &slot.documented);
        odd.into_iter().map(|(service, node, value)| {
            let whose = match service == id.service {
                true => String::new(),
                false => format!(" of {service}"),
            };
            let message = format!(
                "{} is not a port; the instance{whose} on {node} is left out",
                shown(&value)
            );
            Diagnostic::new(Severity::Warning, codes::PORT_OF_A_NODE, message)
                .at(&id.section, &format!("port@{node}"))
                .hint("write a port from 1 to 65535")
        })
    }

    fn findings(&self, id: &ExposeId, slot: &Slot) -> Vec<Diagnostic> {
        let mut findings = slot.refusals.clone();
        findings.extend(slot.conflict.as_deref().cloned());
        if let Some(wanted) = &slot.wanted {
            let translation = &wanted.translation;
            findings.extend_from_slice(&translation.warnings);
            let is_kept = slot.served.is_some() && !slot.is_settled();
            let problems = self.secrets.problems(wanted, is_kept);
            findings.extend(problems);
            findings.extend(self.odd_ports(id, slot));
        }
        if let Some(why) = self.unstored.get(id) {
            findings.push(
                Diagnostic::new(
                    Severity::Warning,
                    codes::PORT_NOT_STORED,
                    format!("the chosen port is served but could not be written back: {why}"),
                )
                .at(&id.section, LISTENER_PORT.name)
                .hint("the gateway tries again; or write the port yourself"),
            );
        }
        findings
    }
}
