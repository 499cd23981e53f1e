//! What was found in configurations that may be why a request goes where it goes.

use super::{Explanation, Outcome, Question};
use crate::index::View;
use crate::model::{Diagnostic, ObjectPath};
use crate::validate::codes;

/// How many are told of: one mistake in a template of many services is theirs all.
const TOLD: usize = 20;

/// The findings that speak of a request's host, or of the expose that it reaches; where it reaches none,
/// those too that keep an expose away for a reason that names neither.
pub fn related<'a>(
    view: &'a View,
    question: &'a Question,
    explanation: &'a Explanation,
) -> impl Iterator<Item = (&'a ObjectPath, &'a Diagnostic)> {
    let expose = explanation.expose.as_deref();
    let is_lost = matches!(
        explanation.outcome,
        Outcome::NotListening | Outcome::NotFound | Outcome::Closed
    );
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
            || is_lost && finding.code == codes::EXPOSE_NOT_PUBLISHED
            || expose.is_some()
                && (incumbent.as_deref() == expose || Some(own().as_str()) == expose)
    })
    .take(TOLD)
}
