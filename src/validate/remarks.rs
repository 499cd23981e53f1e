//! What was odd about the source of a document.

use super::codes;
use super::findings::Findings;
use super::keywords::Group;
use crate::model::{Diagnostic, Document, Remark, Severity};

pub(super) fn tell(document: &Document, findings: &mut Findings) {
    for remark in &document.remarks {
        match remark {
            Remark::RepeatedSection { section, line } if concerns(section) => findings.push(
                Diagnostic::new(
                    Severity::Warning,
                    codes::WRITTEN_TWICE,
                    format!("the section begins again in line {line}; the keywords of both count"),
                )
                .in_section(section)
                .hint("write one section"),
            ),
            Remark::RepeatedKeyword {
                section,
                keyword,
                line,
            } if concerns(section) => findings.push(
                Diagnostic::new(
                    Severity::Warning,
                    codes::WRITTEN_TWICE,
                    format!("is written again in line {line}; the last value counts"),
                )
                .at(section, keyword)
                .hint("write it once"),
            ),
            Remark::EndlessReferences { section, keyword } if concerns(section) => findings.push(
                Diagnostic::new(
                    Severity::Error,
                    codes::ENDLESS_REFERENCES,
                    "its references lead to ever more references",
                )
                .at(section, keyword)
                .hint("write the value itself"),
            ),
            _ => {}
        }
    }
}

/// Whether the gateway reads a section.
fn concerns(section: &str) -> bool {
    section == "DEFAULT" || section.starts_with("ip#") || Group::of(section).is_some()
}
