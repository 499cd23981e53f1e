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
        speaks_of(&finding.message, &question.host)
            || is_lost && finding.code == codes::EXPOSE_NOT_PUBLISHED
            || expose.is_some()
                && (incumbent.as_deref() == expose || Some(own().as_str()) == expose)
    })
    .take(TOLD)
}

/// Whether a message has a host as a whole word: not as part of a longer name, but with a port perhaps,
/// or before a full stop.
fn speaks_of(message: &str, host: &str) -> bool {
    let is_between = |c: char| !(c.is_alphanumeric() || matches!(c, '.' | '*' | ':' | '-' | '_'));
    let mut words = message.split(is_between);
    words.any(|word| {
        let plain = word.trim_end_matches(['.', ':']);
        let name = match plain.rsplit_once(':') {
            Some((name, port)) if port.parse::<u16>().is_ok() => name,
            _ => plain,
        };
        [word, plain, name]
            .iter()
            .any(|word| word.eq_ignore_ascii_case(host))
    })
}

#[cfg(test)]
mod tests {
    use super::speaks_of;

    #[test]
    fn a_message_speaks_of_a_host_that_it_names_whole() {
        for message in [
            "the domain shop.test is served by another",
            "'shop.test:8080' is taken",
            "it answers to Shop.Test.",
            "shop.test: no",
        ] {
            assert!(speaks_of(message, "shop.test"), "{message}");
        }
        for message in [
            "the domain workshop.test is served by another",
            "shop.test.example is taken",
            "*.shop.test is taken",
            "my-shop.test is taken",
        ] {
            assert!(!speaks_of(message, "shop.test"), "{message}");
        }
        // One letter is part of most words.
        assert!(!speaks_of("the port is taken", "a"));
        assert!(speaks_of("the address [::1]:80 is taken", "::1"));
        assert!(speaks_of("nobody listens on 10.0.0.1:80/tcp", "10.0.0.1"));
    }
}
