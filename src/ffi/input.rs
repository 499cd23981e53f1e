//! Bytes to values: everything that reads what a caller wrote, without a pointer in sight.

use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::Value;

use super::IgwStatus;
use crate::model::{Document, ObjectPath};
use crate::validate::Context;
use crate::validate::keywords::{Group, Keyword};
use crate::verdict::Facts;

/// Reads a service: `{"path": …, "sections": {…}}`.
///
/// # Errors
/// Where the bytes are not that.
pub fn read_document(bytes: &[u8]) -> Result<Document, IgwStatus> {
    let service = json(bytes)?;
    let path = service.get("path").and_then(Value::as_str);
    let path: ObjectPath = path
        .and_then(|path| path.parse().ok())
        .ok_or(IgwStatus::NotAService)?;
    let sections = service.get("sections").ok_or(IgwStatus::NotAService)?;
    Document::from_json(path, sections).map_err(|_| IgwStatus::NotAService)
}

/// Reads facts: `{"status": …, "now": …}`, or nothing at all.
///
/// # Errors
/// Where the bytes are not that.
pub fn read_facts(bytes: &[u8]) -> Result<Facts, IgwStatus> {
    let facts = match bytes {
        [] => Value::Object(serde_json::Map::new()),
        bytes => json(bytes)?,
    };
    let facts = facts.as_object().ok_or(IgwStatus::NotFacts)?;
    let now = match facts.get("now") {
        None | Some(Value::Null) => Some(SystemTime::now()),
        Some(now) => now
            .as_f64()
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .and_then(|age| SystemTime::UNIX_EPOCH.checked_add(age)),
    };
    Ok(Facts {
        context: Context {
            now: Some(now.ok_or(IgwStatus::NotFacts)?),
        },
        ..Facts::default()
    })
}

fn json(bytes: &[u8]) -> Result<Value, IgwStatus> {
    let text = str::from_utf8(bytes).map_err(|_| IgwStatus::NotUtf8)?;
    serde_json::from_str(text).map_err(|_| IgwStatus::NotJson)
}

/// The keyword table: an array, each keyword with the section and driver that it belongs to.
pub(super) fn keywords_json() -> String {
    #[derive(Serialize)]
    struct Entry {
        section: Group,
        driver: &'static str,
        #[serde(flatten)]
        keyword: &'static Keyword,
    }
    let of = |section: Group| {
        section.keywords().iter().map(move |keyword| Entry {
            section,
            driver: section.driver(),
            keyword,
        })
    };
    let entries: Vec<Entry> = Group::ALL.into_iter().flat_map(of).collect();
    // A table of plain values always serialises.
    serde_json::to_string(&entries).unwrap_or_default()
}
