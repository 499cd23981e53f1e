//! Bytes to values: everything that reads what a caller wrote, without a pointer in sight.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::Value;

use super::IgwStatus;
use crate::config::parse_json;
use crate::daemon;
use crate::index;
use crate::model::{Document, ObjectPath};
use crate::validate::Context;
use crate::validate::keywords::{Group, Keyword};
use crate::verdict::Facts;

/// The longest path of a service that is read, in bytes: far above any file name's limit, which the
/// agent's objects have. Everything that is made for a service carries its path.
const LONGEST_PATH: usize = 1024;

/// Reads a service: `{"path": …, "sections": {…}, "evaluated": {SECTION: [KEYWORD, …]}}`, the last where there
/// is something to say.
///
/// # Errors
/// Where the bytes are not that.
pub fn read_document(bytes: &[u8]) -> Result<Document, IgwStatus> {
    let Value::Object(mut service) = json(bytes)? else {
        return Err(IgwStatus::NotAService);
    };
    let path = service.get("path").and_then(Value::as_str);
    let path: ObjectPath = path
        .filter(|path| path.len() <= LONGEST_PATH)
        .and_then(|path| path.parse().ok())
        .ok_or(IgwStatus::NotAService)?;
    let sections = service.remove("sections");
    let sections = sections.ok_or(IgwStatus::NotAService)?;
    let evaluated = service.remove("evaluated").map(serde_json::from_value);
    let mut document = Document::from_json(path, sections).map_err(|_| IgwStatus::NotAService)?;
    if let Some(evaluated) = evaluated {
        document.evaluated_keywords = evaluated.map_err(|_| IgwStatus::NotAService)?;
    }
    Ok(document)
}

/// Reads facts: the daemon's status, empty where there is none, and the time in seconds since 1970,
/// 0 for the system's.
///
/// # Errors
/// Where the status is not a status.
pub fn read_facts(status: &[u8], now: u64) -> Result<Facts, IgwStatus> {
    let context = Context {
        now: match now {
            0 => Some(SystemTime::now()),
            now => SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(now)),
        },
    };
    let services = match status {
        [] => BTreeMap::new(),
        status => daemon::read_status(status).map_err(|_| IgwStatus::NotAStatus)?,
    };
    Ok(Facts {
        others: index::exposed(services, &context),
        context,
        ..Facts::default()
    })
}

fn json(bytes: &[u8]) -> Result<Value, IgwStatus> {
    let text = str::from_utf8(bytes).map_err(|_| IgwStatus::NotUtf8)?;
    parse_json(text).map_err(|_| IgwStatus::NotJson)
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
