//! Envoy's messages as JSON: what users write and what people read.

mod extensions;
mod found;
mod parse;
mod print;
#[cfg(test)]
mod tests;
mod types;

pub(crate) use extensions::each_extension;
pub(crate) use parse::proto_names;
pub use parse::{JsonError, parse};
pub use print::{Sensitive, print};
