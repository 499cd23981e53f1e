//! What a mistake tells of the value that was found.
//!
//! Messages end up in logs and on web pages, and a value in the wrong place may be a private key. So a
//! value is only told where a short word or a number was wanted, and is one.

use serde_json::Value as Json;

use crate::text::is_unprintable;

/// How long a value may be to be told, in characters.
const TOLD: usize = 60;

/// How much of a value may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// Whether it is a text, a list, …
    Kind,
    /// The value itself, where it is short.
    Value,
}

/// The beginning of a sentence about a value, up to `is `.
pub(super) fn found(json: &Json, shown: Shown) -> String {
    let is_word = match json {
        Json::String(text) => text.chars().count() <= TOLD && !text.contains(is_unprintable),
        Json::Number(_) | Json::Bool(_) | Json::Null => true,
        Json::Array(_) | Json::Object(_) => false,
    };
    if shown == Shown::Value && is_word {
        return format!("{json} is ");
    }
    let kind = match json {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    };
    format!("is {kind}, ")
}
