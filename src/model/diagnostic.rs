//! What the gateway has to say about a configuration.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

use super::{ExposeId, ObjectPath};
use crate::text::printable;

/// How bad a [`Diagnostic`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something that the gateway cannot judge yet, or did on the user's behalf.
    Info,
    /// The configuration is accepted; it may not do what was meant, or waits for something outside it.
    Warning,
    /// `set` refuses it; the sidecar leaves the expose out or keeps its last good version.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One finding, addressed to the person who can mend it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A stable identifier such as `port-out-of-range`; `xds explain-code` gives its long text.
    pub code: &'static str,
    /// The section at fault, such as `expose#0`; `None` for the service as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    /// The keyword at fault, such as `listener_port`; `None` for the section as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyword: Option<String>,
    /// What is wrong, with the offending value, on one line.
    pub message: String,
    /// What to write instead, on one line; empty when the message says it all.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hint: String,
    /// In a conflict: the expose that holds what this one asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incumbent: Option<ExposeId>,
}

impl Diagnostic {
    /// A diagnostic about the service as a whole; narrow it with the other methods.
    ///
    /// What comes from outside may be in the message and in the hint as it is: both are kept
    /// [`printable`].
    pub fn new(severity: Severity, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity,
            code,
            section: None,
            keyword: None,
            message: made_printable(message.into()),
            hint: String::new(),
            incumbent: None,
        }
    }

    /// Names the section and keyword at fault.
    #[must_use]
    pub fn at(mut self, section: &str, keyword: &str) -> Self {
        self.section = Some(section.into());
        self.keyword = Some(keyword.into());
        self
    }

    /// Names the section at fault, where no single keyword is.
    #[must_use]
    pub fn in_section(mut self, section: &str) -> Self {
        self.section = Some(section.into());
        self
    }

    /// Says what to write instead.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = made_printable(hint.into());
        self
    }

    /// Names the expose that already holds what this one asks for.
    #[must_use]
    pub fn incumbent(mut self, incumbent: ExposeId) -> Self {
        self.incumbent = Some(incumbent);
        self
    }
}

impl fmt::Display for Diagnostic {
    /// `expose#0.port: 'abc' is not …; write …`: one line, without the severity.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.section, &self.keyword) {
            (Some(section), Some(keyword)) => {
                write!(f, "{}.{}: ", printable(section), printable(keyword))?;
            }
            (Some(section), None) => write!(f, "{}: ", printable(section))?,
            _ => {}
        }
        f.write_str(&self.message)?;
        if !self.hint.is_empty() {
            write!(f, "; {}", self.hint)?;
        }
        Ok(())
    }
}

fn made_printable(text: String) -> String {
    match printable(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(escaped) => escaped,
    }
}

/// The diagnostics of one service, worst first, then by section, keyword and code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The service that was judged.
    pub service: ObjectPath,
    /// The findings.
    pub diagnostics: Vec<Diagnostic>,
}

impl Report {
    /// An empty report on a service.
    pub fn new(service: ObjectPath) -> Self {
        Self {
            service,
            diagnostics: Vec::new(),
        }
    }

    /// Sorts the findings into their documented order and drops repeated ones.
    pub fn finish(&mut self) {
        self.diagnostics.sort_by(|a, b| {
            (b.severity, &a.section, &a.keyword, a.code, &a.message)
                .cmp(&(a.severity, &b.section, &b.keyword, b.code, &b.message))
        });
        self.diagnostics.dedup();
    }

    /// The findings that make the configuration wrong.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics
            .iter()
            .filter(|d| d.severity == Severity::Error)
    }

    /// The worst severity found; `None` when there is nothing to say.
    pub fn worst(&self) -> Option<Severity> {
        self.diagnostics.iter().map(|d| d.severity).max()
    }
}
