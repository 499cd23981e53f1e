//! The rules of one field.

use super::rules::{Rule, Scalar};
use crate::envoy::schema::{FieldShape, FieldType};

/// What a field's `validate.rules` ask for.
#[derive(Debug)]
pub(in crate::envoy) struct FieldRules {
    /// A message that must be there.
    pub(in crate::envoy) required: bool,
    /// What Envoy itself does not have: it ends where it is used.
    pub(in crate::envoy) unimplemented: bool,
    /// A message that is not looked into.
    pub(in crate::envoy) skip: bool,
    /// Whether an absent value is judged as the default value: a plain proto3 scalar.
    pub(in crate::envoy) absent_is_default: bool,
    /// On each value.
    pub(in crate::envoy) values: ValueRules,
    /// On each key of a map.
    pub(in crate::envoy) keys: ValueRules,
    pub(in crate::envoy) min_items: usize,
    pub(in crate::envoy) max_items: Option<usize>,
    pub(in crate::envoy) unique: bool,
}

/// The rules of one value.
#[derive(Debug)]
pub(in crate::envoy) struct ValueRules {
    pub(in crate::envoy) rules: &'static [Rule],
    pub(in crate::envoy) ignore_empty: bool,
}

impl ValueRules {
    const NONE: Self = Self {
        rules: &[],
        ignore_empty: false,
    };

    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The first rule that a value breaks, in words.
    pub(super) fn broken(&self, value: Scalar<'_>) -> Option<String> {
        if self.ignore_empty && value.is_default() {
            return None;
        }
        let broken = self.rules.iter().find(|rule| !rule.accepts(value))?;
        Some(broken.to_string())
    }
}

impl FieldRules {
    /// No rule.
    pub(in crate::envoy) const NONE: Self = Self {
        required: false,
        unimplemented: false,
        skip: false,
        absent_is_default: false,
        values: ValueRules::NONE,
        keys: ValueRules::NONE,
        min_items: 0,
        max_items: None,
        unique: false,
    };

    /// Whether it matters how many values there are, beyond none or some.
    pub(super) fn limits_items(&self) -> bool {
        self.min_items > 1 || self.max_items.is_some()
    }

    /// The rule that a number of values breaks, in words.
    pub(super) fn broken_by_count(&self, field: &FieldType, count: usize) -> Option<String> {
        if count == 0 && self.required {
            return Some("must be given".into());
        }
        if count == 0 && self.absent_is_default && !self.values.is_empty() {
            return self.values.broken(default(field.shape)?);
        }
        match self.max_items {
            _ if count < self.min_items && self.min_items == 1 => Some("must not be empty".into()),
            _ if count < self.min_items => Some(format!("must hold at least {}", self.min_items)),
            Some(max) if count > max => Some(format!("must hold at most {max}")),
            _ => None,
        }
    }
}

fn default(shape: FieldShape) -> Option<Scalar<'static>> {
    super::scalar(shape, None)
}
