//! How large a document may be.

use serde_json::Value;

use super::codes;
use super::keywords::Group;
use crate::model::{Diagnostic, Document, Severity, keyword_name};

/// What the daemon surely carries: beyond some 40 KB a node stops posting the service's status, and
/// the gateway would see nothing of what changes.
const SAFE_BYTES: usize = 32 * 1024;

/// What the daemon surely does not carry: the window of the HTTP/2 connection that the agent posts
/// its status through, which it never enlarges.
const CARRIED_BYTES: usize = 64 * 1024;

/// What is looked at, whatever it comes from.
const MAX_BYTES: usize = 1024 * 1024;
const MAX_SECTIONS: usize = 10_000;

/// Judges the size. An error in `Err` means that the document must not be read.
pub(super) fn check(document: &Document) -> Result<Option<Diagnostic>, Diagnostic> {
    let inheritable = Group::ALL.map(|group| (group, inheritable(document, group)));
    let mut sections = 0;
    let mut bytes: usize = 0;
    for (name, section) in &document.sections {
        let Some(group) = Group::of(name) else {
            continue;
        };
        sections += 1;
        let own = section.keywords.iter();
        let own: usize = own.map(|(label, value)| label.len() + size(value)).sum();
        // What a section inherits is read with it.
        let inherited = inheritable.iter().filter(|(of, _)| *of == group);
        let inherited: usize = inherited
            .flat_map(|(_, inherited)| inherited)
            .filter(|(label, _)| !section.keywords.contains_key(*label))
            .map(|(_, size)| size)
            .sum();
        bytes = bytes.saturating_add(name.len() + own + inherited);
        if sections > MAX_SECTIONS || bytes > MAX_BYTES {
            return Err(Diagnostic::new(
                Severity::Error,
                codes::DOCUMENT_UNREAD,
                format!(
                    "the service has more than {MAX_SECTIONS} sections or {} KiB of keywords",
                    MAX_BYTES / 1024
                ),
            )
            .hint("split the service"));
        }
    }
    let (severity, limit) = match bytes {
        0..=SAFE_BYTES => return Ok(None),
        bytes if bytes <= CARRIED_BYTES => (Severity::Warning, SAFE_BYTES),
        // The daemon did carry it, and it is served.
        _ if document.evaluated => (Severity::Warning, CARRIED_BYTES),
        _ => (Severity::Error, CARRIED_BYTES),
    };
    Ok(Some(
        Diagnostic::new(
            severity,
            codes::DOCUMENT_TOO_LARGE,
            format!(
                "the gateway's sections hold {} KiB, and the OpenSVC daemon carries {} KiB of a \
                 service's status",
                bytes.div_ceil(1024),
                limit / 1024
            ),
        )
        .hint("put certificates into secrets, write less JSON, or split the service"),
    ))
}

/// The keywords of the `DEFAULT` section that a group's sections may inherit, with their sizes.
fn inheritable(document: &Document, group: Group) -> Vec<(&str, usize)> {
    let defaults = document.defaults.iter();
    defaults
        .filter(|(label, _)| group.keyword(keyword_name(label)).is_some())
        .map(|(label, value)| (label.as_str(), label.len() + size(value)))
        .collect()
}

/// About the length of a value's JSON.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 4,
        Value::Number(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(|item| size(item) + 1).sum::<usize>() + 2,
        Value::Object(fields) => {
            fields
                .iter()
                .map(|(name, item)| name.len() + size(item) + 4)
                .sum::<usize>()
                + 2
        }
    }
}
