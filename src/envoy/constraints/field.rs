//! The rules of one field.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind};

use super::rules::{self, Rule, Scalar};
use crate::envoy::schema::{FieldShape, FieldType};

/// What a field's `validate.rules` ask for.
#[derive(Debug, Default)]
pub(in crate::envoy) struct FieldRules {
    /// A message that must be there.
    required: bool,
    /// A message that is not looked into.
    pub(super) skip: bool,
    /// Whether an absent value is judged as the default value: a plain proto3 scalar.
    absent_is_default: bool,
    /// On each value.
    pub(super) values: ValueRules,
    /// On each key of a map.
    pub(super) keys: ValueRules,
    min_items: usize,
    max_items: Option<usize>,
    pub(super) unique: bool,
    /// Rules that this interpreter does not know; a test keeps it empty.
    unknown: Vec<String>,
}

/// The rules of one value.
#[derive(Debug, Default)]
pub(super) struct ValueRules {
    rules: Vec<Rule>,
    ignore_empty: bool,
}

impl ValueRules {
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
    /// Reads the rules of a field from its options.
    pub(in crate::envoy) fn of(field: &FieldDescriptor, options: &DynamicMessage) -> Self {
        let mut read = Self {
            absent_is_default: !field.supports_presence() && !field.is_list() && !field.is_map(),
            ..Self::default()
        };
        let rules = options
            .extensions()
            .find(|(extension, _)| extension.full_name() == "validate.rules");
        if let Some(rules) = rules.and_then(|(_, rules)| rules.as_message()) {
            read.read(rules, &defined(field));
        }
        // A member of a oneof that is not set is not missing.
        read.required &= field.containing_oneof().is_none();
        read
    }

    fn read(&mut self, rules: &DynamicMessage, defined: &[i128]) {
        for (kind, value) in rules.fields() {
            let Some(value) = value.as_message() else {
                continue;
            };
            match kind.name() {
                "message" => {
                    self.required |= flag(value, "required");
                    self.skip |= flag(value, "skip");
                }
                "repeated" => {
                    self.min_items = number(value, "min_items").unwrap_or(0);
                    self.max_items = number(value, "max_items");
                    self.unique = flag(value, "unique");
                    if let Some(items) = nested(value, "items") {
                        self.read(&items, defined);
                    }
                }
                "map" => {
                    self.min_items = number(value, "min_pairs").unwrap_or(0);
                    self.max_items = number(value, "max_pairs");
                    if let Some(keys) = nested(value, "keys") {
                        let mut rules = Self::default();
                        rules.read(&keys, &[]);
                        self.keys = rules.values;
                        self.unknown.extend(rules.unknown);
                    }
                    if let Some(values) = nested(value, "values") {
                        self.read(&values, defined);
                    }
                }
                _ => {
                    self.required |= flag(value, "required");
                    let (rules, unknown) = rules::read(value, defined.to_vec());
                    self.values = ValueRules {
                        rules,
                        ignore_empty: flag(value, "ignore_empty"),
                    };
                    self.unknown.extend(unknown);
                }
            }
        }
    }

    /// Whether there is anything to check.
    pub(in crate::envoy) fn any(&self) -> bool {
        self.required
            || self.unique
            || self.min_items > 0
            || self.max_items.is_some()
            || !self.values.is_empty()
            || !self.keys.is_empty()
    }

    /// Whether the number of values is judged, or one value against another.
    pub(in crate::envoy) fn counts(&self) -> bool {
        let absence = self.absent_is_default && !self.values.is_empty();
        self.required || self.unique || self.min_items > 0 || self.max_items.is_some() || absence
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

    /// The rules that are not understood.
    #[cfg(test)]
    pub(super) fn unknown(&self) -> &[String] {
        &self.unknown
    }
}

fn default(shape: FieldShape) -> Option<Scalar<'static>> {
    super::scalar(shape, None)
}

/// The numbers of an enum field's values, sorted.
fn defined(field: &FieldDescriptor) -> Vec<i128> {
    let Kind::Enum(kind) = field.kind() else {
        return Vec::new();
    };
    let mut numbers: Vec<i128> = kind.values().map(|value| value.number().into()).collect();
    numbers.sort_unstable();
    numbers
}

fn flag(rules: &DynamicMessage, name: &str) -> bool {
    rules
        .get_field_by_name(name)
        .is_some_and(|value| value.as_bool() == Some(true))
}

fn number(rules: &DynamicMessage, name: &str) -> Option<usize> {
    let field = rules.fields().find(|(field, _)| field.name() == name)?;
    usize::try_from(field.1.as_u64()?).ok()
}

fn nested(rules: &DynamicMessage, name: &str) -> Option<DynamicMessage> {
    let field = rules.fields().find(|(field, _)| field.name() == name)?;
    field.1.as_message().cloned()
}
