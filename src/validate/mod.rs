//! From a document to a model that cannot be wrong, with a diagnostic for whatever was refused.
//!
//! No I/O and no clock: the time that certificates are judged by is part of the [`Context`].

pub mod certificate;
pub mod codes;
pub mod conflict;
mod findings;
mod given;
pub mod keywords;
mod limits;
mod names;
mod problem;
mod reader;
pub mod regex;
mod remarks;
mod sections;
mod spelling;
mod strays;
mod table;
mod text;
mod value;

use std::time::SystemTime;

use crate::model::{Document, Report, Service};
use findings::Findings;
use sections::Sections;

/// What a verdict depends on beside the document.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// The time by which certificates are expired; `None` leaves their dates unjudged.
    pub now: Option<SystemTime>,
}

/// A document, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Validated {
    /// The exposes that can be served.
    pub service: Service,
    /// Everything there is to say.
    pub report: Report,
}

/// Parses a service's document.
///
/// An expose is left out of the service if its section, or one that it reaches, has an error. An error
/// elsewhere leaves it in, and so does a size that the daemon will not carry, which is a warning where the
/// daemon did deliver it. A document too large to read has no exposes.
pub fn validate(document: &Document, context: &Context) -> Validated {
    let mut findings = Findings::default();
    let exposes = match limits::check(document) {
        Ok(finding) => {
            finding.into_iter().for_each(|f| findings.push(f));
            remarks::tell(document, &mut findings);
            strays::find(document, &mut findings);
            Sections::parse(document, context, &mut findings)
        }
        Err(refusal) => {
            findings.push(refusal);
            Vec::new()
        }
    };
    let mut report = Report::new(document.path.clone());
    report.diagnostics = findings.into_list();
    report.finish();
    Validated {
        service: Service {
            path: document.path.clone(),
            exposes,
        },
        report,
    }
}

#[cfg(test)]
mod tests;
