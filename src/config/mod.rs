//! OpenSVC's configuration as it is written: its text, its JSON, and the references in its values.
//!
//! What leaves this room is a [`crate::model::Document`], of which nothing is believed yet.

mod document;
mod json;
mod reference;
mod text;
mod written;

pub use json::parse_json;
pub use reference::unresolved;
pub(crate) use reference::{Effort, own, resolve};
pub use text::{Config, ConfigError};
pub use written::Written;
