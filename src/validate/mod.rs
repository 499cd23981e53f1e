//! From a document to a model that cannot be wrong, with a diagnostic for whatever was refused.
//!
//! No I/O and no clock: the time that certificates are judged by is part of the [`Context`].

pub mod certificate;
pub mod codes;
pub mod conflict;
pub mod keywords;
mod names;
mod regex;
mod value;

use std::time::SystemTime;

use crate::model::{Document, Report, Service};

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
/// An expose whose own keywords, or those of any section that it reaches, hold an error is left
/// out of the service; errors elsewhere are reported and harm nothing.
pub fn validate(document: &Document, context: &Context) -> Validated {
    let _ = context;
    Validated {
        service: Service {
            path: document.path.clone(),
            exposes: Vec::new(),
        },
        report: Report::new(document.path.clone()),
    }
}
