//! OpenSVC's configuration text, as the agent reads it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Document, ObjectPath};

/// The sections of a configuration, every keyword as text, references unevaluated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// By section name, then by keyword, with its scope where it has one (`port@node1`).
    pub sections: BTreeMap<String, BTreeMap<String, String>>,
}

/// Why a configuration cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A line that is neither a section, a keyword, a comment nor the continuation of a value.
    #[error("line {line}: want '[section]' or 'keyword = value', not '{text}'")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What is on it.
        text: String,
    },
    /// JSON of another shape.
    #[error("{at}: want {want}")]
    Shape {
        /// The section, or `section.keyword`; empty for the whole.
        at: String,
        /// What was expected.
        want: &'static str,
    },
}

impl Config {
    /// Reads configuration text.
    ///
    /// # Errors
    /// Names the first line that cannot be read.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let _ = text;
        Ok(Self::default())
    }

    /// The raw text of a keyword on a node: the value scoped to the node, else the unscoped one,
    /// else the same of the `DEFAULT` section.
    pub fn get(&self, section: &str, keyword: &str, node: &str) -> Option<&str> {
        let scoped = format!("{keyword}@{node}");
        [section, "DEFAULT"].into_iter().find_map(|section| {
            let keywords = self.sections.get(section)?;
            let value = keywords.get(&scoped).or_else(|| keywords.get(keyword))?;
            Some(value.as_str())
        })
    }
}

impl Document {
    /// A document from configuration text.
    ///
    /// # Errors
    /// Names the first line that cannot be read.
    pub fn from_config(path: ObjectPath, text: &str) -> Result<Self, ConfigError> {
        Config::parse(text).map(|_| Self::new(path))
    }

    /// A document from the JSON form of a configuration: an object of sections, each an object of
    /// keywords.
    ///
    /// # Errors
    /// When it is not that.
    pub fn from_json(path: ObjectPath, value: &Value) -> Result<Self, ConfigError> {
        let _ = value;
        Ok(Self::new(path))
    }
}
