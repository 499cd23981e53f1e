//! A service's configuration as it arrives, before anything is believed about it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::ObjectPath;

/// The sections of one service.
///
/// Values are what the source gives: text from a configuration file, or the daemon's evaluated
/// numbers, booleans and lists. Both spellings of a value are parsed alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The service; for a scaler, the scaler itself and never one of its slaves.
    pub path: ObjectPath,
    /// Whether the source has evaluated the values, as the daemon does. What still looks like a
    /// reference then is none that the agent knows, and stands for itself.
    pub evaluated: bool,
    /// The keywords that the source has evaluated where it has not evaluated all, by section.
    pub evaluated_keywords: BTreeMap<String, BTreeSet<String>>,
    /// The `DEFAULT` section: what every other section inherits where it says nothing. Empty when
    /// the source has already evaluated the keywords, as the daemon does.
    pub defaults: Map<String, Value>,
    /// By section name: `expose#0`, `vhost#front`, …; other groups are ignored.
    pub sections: BTreeMap<String, Section>,
    /// By section name: the `ip#…` sections, which say what is exposed from where.
    pub ips: BTreeMap<String, IpSection>,
    /// What was odd about the source, and cannot be seen from the sections any more.
    pub remarks: Vec<Remark>,
}

/// Something odd about the source of a [`Document`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// A section has two headers; the keywords of both count.
    RepeatedSection {
        /// The section.
        section: String,
        /// The line of the second header, from 1.
        line: usize,
    },
    /// A section has a keyword twice; the last one counts.
    RepeatedKeyword {
        /// The section.
        section: String,
        /// The keyword, with its scope where it has one.
        keyword: String,
        /// The line of the second one, from 1.
        line: usize,
    },
    /// The references of a value lead to ever more references, so it was not evaluated.
    EndlessReferences {
        /// The section.
        section: String,
        /// The keyword, with its scope where it has one.
        keyword: String,
    },
}

/// A keyword as it is written, `port` or `port@node1`, in its name and its scope.
pub fn split_scope(label: &str) -> (&str, Option<&str>) {
    match label.split_once('@') {
        Some((name, scope)) => (name, Some(scope)),
        None => (label, None),
    }
}

/// The name of a keyword as it is written, without its scope.
pub fn keyword_name(label: &str) -> &str {
    split_scope(label).0
}

impl Document {
    /// A service without any section.
    pub fn new(path: ObjectPath) -> Self {
        Self {
            path,
            evaluated: false,
            evaluated_keywords: BTreeMap::new(),
            defaults: Map::new(),
            sections: BTreeMap::new(),
            ips: BTreeMap::new(),
            remarks: Vec::new(),
        }
    }

    /// The sections that ips list, of those ips that are not inside a container. Nothing is behind an expose
    /// that none lists.
    pub fn published(&self) -> BTreeSet<&str> {
        let ips = self.ips.values().filter(|ip| !ip.encap);
        ips.flat_map(|ip| ip.exposes.iter().map(String::as_str))
            .collect()
    }

    /// Whether the source has evaluated a keyword of a section.
    pub fn has_evaluated(&self, section: &str, keyword: &str) -> bool {
        let keywords = self.evaluated_keywords.get(section);
        self.evaluated || keywords.is_some_and(|keywords| keywords.contains(keyword))
    }
}

/// One section of a [`Document`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Section {
    /// The `type` keyword (`envoy`, `tls`), where the source tells it.
    pub driver: Option<String>,
    /// Every other keyword, with its scope where it has one (`port@node1`); shared with the state that
    /// the daemon told of.
    pub keywords: Arc<Map<String, Value>>,
}

/// What matters of an `ip#…` section.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IpSection {
    /// The section names in its `expose` keyword; port mappings such as `80/tcp` are left out.
    pub exposes: Vec<String>,
    /// Whether it is inside a container of the service, where the gateway does not see it.
    pub encap: bool,
}
