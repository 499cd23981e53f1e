//! Sections whose name is nearly one that the gateway reads, and ip sections that expose what is not.

use super::codes;
use super::findings::Findings;
use super::keywords::Group;
use crate::model::{Diagnostic, Document, Severity};

/// The agent's other groups of sections.
const OTHERS: [&str; 10] = [
    "app",
    "container",
    "disk",
    "fs",
    "ip",
    "share",
    "subset",
    "sync",
    "task",
    "volume",
];

pub(super) fn find(document: &Document, findings: &mut Findings) {
    for name in document.sections.keys() {
        if Group::of(name).is_some() {
            continue;
        }
        let Some((group, index)) = name.split_once('#') else {
            continue;
        };
        if OTHERS.contains(&group) {
            continue;
        }
        let plain = group.to_ascii_lowercase().replace(['_', '-'], "");
        let groups = Group::ALL.iter().map(|group| group.name());
        let known = groups.clone().find(|known| {
            plain == *known
                || plain.strip_suffix('s') == Some(known)
                || plain.strip_suffix("ies") == known.strip_suffix('y') && known.ends_with('y')
        });
        if let Some(meant) = known.or_else(|| findings.nearest(&plain, groups)) {
            findings.push(
                Diagnostic::new(
                    Severity::Warning,
                    codes::UNKNOWN_SECTION,
                    format!("{group} is not a group of sections, so this one is ignored"),
                )
                .in_section(name)
                .hint(format!("did you mean {meant}#{index}?")),
            );
        }
    }
    for (ip, section) in &document.ips {
        if section.encap && !section.exposes.is_empty() {
            findings.push(
                Diagnostic::new(
                    Severity::Warning,
                    codes::EXPOSED_IN_CONTAINER,
                    "is inside a container, where the gateway does not look for addresses",
                )
                .at(ip, "expose")
                .hint("list the exposes in an ip section without encap"),
            );
        }
        for name in &section.exposes {
            let is_expose = Group::of(name) == Some(Group::Expose);
            if is_expose && document.sections.contains_key(name) {
                continue;
            }
            let known = document.sections.keys().map(String::as_str);
            let known = known.filter(|known| Group::of(known) == Some(Group::Expose));
            let hint = match findings.nearest_section(name, known) {
                _ if name.starts_with('#') => "a comment stands on a line of its own".to_owned(),
                _ if name.contains(',') => "separate the names with spaces".to_owned(),
                Some(meant) => format!("did you mean {meant}?"),
                None => format!("add a section [{name}], or remove the name"),
            };
            findings.push(
                Diagnostic::new(
                    Severity::Warning,
                    codes::UNDEFINED_SECTION,
                    format!("'{name}' is not defined"),
                )
                .at(ip, "expose")
                .hint(hint),
            );
        }
    }
}
