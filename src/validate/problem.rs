//! What is wrong with a value, and how the message shows it.

use std::mem;

use serde_json::Value;

use super::keywords::Keyword;
use crate::envoy::shown;

/// How comments begin behind a value, of which they are a part: the agent knows only lines of comment.
const COMMENTS: [&str; 2] = [" #", " ;"];

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) hint: String,
    /// Whether the message is said of the value, which has to be put before it.
    is_predicate: bool,
}

impl Problem {
    pub(super) fn new(
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            code,
            message: message.into(),
            hint: hint.into(),
            is_predicate: false,
        }
    }

    /// A problem whose message goes on after the value, as `is a list` does. Who knows whether the value
    /// may be shown completes it: see [`Problem::complete`].
    pub(super) fn of_value(
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            is_predicate: true,
            ..Self::new(code, message, hint)
        }
    }

    /// Puts the value before the message where it belongs there, unless it may be a secret.
    pub(super) fn complete(&mut self, keyword: &Keyword, value: &Value) {
        if mem::take(&mut self.is_predicate) && keyword.is_shown() {
            let value = match value {
                Value::String(text) => quote(text.trim()),
                other => quote(&other.to_string()),
            };
            self.message = format!("{value} {}", self.message);
        }
        let ends_in_comment = |text: &str| COMMENTS.iter().any(|mark| text.contains(mark));
        if value.as_str().is_some_and(ends_in_comment) {
            self.hint
                .push_str("; a comment stands on a line of its own");
        }
    }
}

/// A value as it stands in a message.
pub(super) fn quote(text: &str) -> String {
    format!("'{}'", shown(text))
}
