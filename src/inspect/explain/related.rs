//! What was found in configurations that may be why a request goes where it goes.

use super::Question;
use crate::index::View;
use crate::model::{Diagnostic, ObjectPath};

/// The findings that speak of a request's host, or of the expose that it reaches.
pub fn related<'a>(
    view: &'a View,
    question: &'a Question,
    expose: Option<&'a str>,
) -> impl Iterator<Item = (&'a ObjectPath, &'a Diagnostic)> {
    let reports = view.reports.values();
    let all = reports.flat_map(|report| {
        let findings = report.diagnostics.iter();
        findings.map(move |finding| (&report.service, finding))
    });
    all.filter(move |(service, finding)| {
        let section = finding.section.as_deref().unwrap_or_default();
        let own = || format!("{service}.{section}");
        let incumbent = finding.incumbent.as_ref().map(ToString::to_string);
        finding.message.contains(&question.host)
            || expose.is_some()
                && (incumbent.as_deref() == expose || Some(own().as_str()) == expose)
    })
}
