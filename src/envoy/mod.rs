//! Envoy's v3 API as this crate uses it: resource types, deterministic encoding and content
//! versions, JSON against Envoy's own descriptors, and its proto constraints.
//!
//! Nothing here knows OpenSVC.

pub mod bootstrap;
pub mod constraints;
mod encode;
mod fingerprint;
pub mod json;
mod packed;
mod pool;
mod references;
pub(crate) mod refusal_text;
mod resource;
mod schema;
mod sensitive;
mod shown;
mod variant;
mod visit;
pub mod wire;

pub use encode::{encode, pack};
pub(crate) use pool::DESCRIPTORS;
pub use references::{Reference, References};
pub use resource::{Resource, ResourceType, Version};
pub(crate) use schema::{has_protocol_options, is_extension};
pub(crate) use sensitive::{holds_pem_key, holds_secret};
pub(crate) use shown::shown;
pub use variant::Variant;
pub(crate) use visit::each_message;
