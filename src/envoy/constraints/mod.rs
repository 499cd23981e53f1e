//! Envoy's proto constraints (`validate.rules`), checked before anything leaves.
//!
//! Envoy refuses a whole response for one message that breaks a rule, so no such message may reach
//! it. The check walks the encoded message with tables made from the descriptors: nothing is
//! decoded or allocated for a message that keeps the rules, apart from a few counters.

mod field;
mod rules;
#[cfg(test)]
mod tests;

use std::{fmt, mem};

use prost::{Message, Name};

pub(super) use field::{FieldRules, ValueRules};
use rules::Scalar;
pub(super) use rules::{Number, Rule, Shape};

use super::encode::encode;
use super::packed::Packed;
use super::schema::{self, FieldShape, FieldType, MessageType};
use super::wire::{Field, Fields, Value};

/// The most that Envoy's clocks count, in nanoseconds: 292 years.
const LONGEST: i128 = i64::MAX as i128;

/// How long a path to a field may be; Envoy reads no message that is nested deeper.
const MAX_PATH: usize = 256;

/// A rule that a message breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where, such as `health_checks[0].timeout`; fields of an `Any` follow its field's name.
    pub field_path: String,
    /// What is wrong, in words: `must be greater than 0s`.
    pub rule: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field_path, self.rule)
    }
}

/// Checks a message, and whatever it holds in `Any`s.
///
/// # Errors
/// Every rule that it breaks.
pub fn check<M: Message + Name>(message: &M) -> Result<(), Vec<Violation>> {
    check_as(schema::of::<M>(), &encode(message))
}

/// Checks an encoded message of a type, named or by its URL. An unknown type is not checked.
///
/// # Errors
/// Every rule that it breaks.
pub fn check_encoded(name: &str, message: &[u8]) -> Result<(), Vec<Violation>> {
    check_as(schema::find(name), message)
}

/// Checks an encoded message of a type.
///
/// # Errors
/// Every rule that it breaks.
pub(crate) fn check_part<M: Name>(message: &[u8]) -> Result<(), Vec<Violation>> {
    check_as(schema::of::<M>(), message)
}

fn check_as(kind: Option<&'static MessageType>, message: &[u8]) -> Result<(), Vec<Violation>> {
    let mut walk = Walk {
        path: Vec::new(),
        counts: Vec::new(),
        violations: Vec::new(),
    };
    if let Some(kind) = kind {
        walk.message(kind, message);
    }
    match walk.violations.is_empty() {
        true => Ok(()),
        false => Err(walk.violations),
    }
}

struct Walk {
    path: Vec<Step>,
    /// How many values the fields have of each message that is being walked, the innermost last.
    counts: Vec<usize>,
    violations: Vec<Violation>,
}

enum Step {
    Field(&'static str),
    Index(usize),
    Key(String),
}

impl Walk {
    fn message(&mut self, kind: &'static MessageType, message: &[u8]) {
        if !kind.ruled {
            return;
        }
        if self.path.len() > MAX_PATH {
            return self.refuse("is nested too deep".into());
        }
        let outer = self.counts.len();
        self.counts.resize(outer + kind.fields.len(), 0);
        for field in Fields::of(message) {
            let Some((index, field_type)) = kind.field(field.number) else {
                continue;
            };
            let count = self.counts.get(outer + index).copied().unwrap_or_default();
            let count = match field_type.ruled {
                true => {
                    self.path.push(Step::Field(field_type.name));
                    let count = self.field(field_type, field, count);
                    self.path.pop();
                    count
                }
                false => count + 1,
            };
            if let Some(kept) = self.counts.get_mut(outer + index) {
                *kept = count;
            }
        }
        let mut counts = mem::take(&mut self.counts);
        let own = counts.get(outer..).unwrap_or_default();
        self.presence(kind, message, own);
        self.extension(kind, message, own);
        counts.truncate(outer);
        self.counts = counts;
    }

    /// Checks one occurrence of a field; returns how many of its values there are now.
    fn field(&mut self, field_type: &'static FieldType, field: Field<'_>, count: usize) -> usize {
        let rules = &field_type.rules;
        if let (true, Value::Bytes(entry)) = (field_type.map, field.value) {
            self.entry(field_type, entry);
            return count + 1;
        }
        if !field_type.repeated {
            self.value(field_type, field.value);
            return 1;
        }
        match (field.value, field_type.shape) {
            (Value::Bytes(packed), FieldShape::Bool | FieldShape::Int | FieldShape::Uint) => {
                // Packed integers are fields without keys.
                let mut rest = packed;
                let mut count = count;
                while let Ok(number) = prost::encoding::decode_varint(&mut rest) {
                    self.item(field_type, Value::Varint(number), count);
                    count += 1;
                }
                count
            }
            (Value::Bytes(packed), FieldShape::Double) if !rules.values.is_empty() => {
                let mut count = count;
                for chunk in packed.as_chunks::<8>().0 {
                    self.item(
                        field_type,
                        Value::Fixed64(u64::from_le_bytes(*chunk)),
                        count,
                    );
                    count += 1;
                }
                count
            }
            (value, _) => {
                self.item(field_type, value, count);
                count + 1
            }
        }
    }

    fn item(&mut self, field_type: &'static FieldType, value: Value<'_>, index: usize) {
        self.path.push(Step::Index(index));
        self.value(field_type, value);
        self.path.pop();
    }

    fn entry(&mut self, field_type: &'static FieldType, entry: &[u8]) {
        let key = Fields::of(entry).find(|f| f.number == 1);
        let key = match key.map(|f| f.value) {
            Some(Value::Bytes(key)) => String::from_utf8_lossy(key).into_owned(),
            Some(Value::Varint(key)) => key.to_string(),
            _ => String::new(),
        };
        let broken = field_type.rules.keys.broken(Scalar::Text(&key));
        self.path.push(Step::Key(key.clone()));
        self.report(broken);
        if let FieldShape::Message(entry_type) = field_type.shape
            && let Some(entry_type) = schema::held(entry_type)
            && let Some((_, value_type)) = entry_type.field(2)
            && let Some(value) = Fields::of(entry).find(|f| f.number == 2)
        {
            self.value(value_type, value.value);
        }
        self.path.pop();
    }

    fn value(&mut self, field_type: &'static FieldType, value: Value<'_>) {
        let rules = &field_type.rules.values;
        match (field_type.shape, value) {
            (FieldShape::Message(held), Value::Bytes(message)) => {
                if let (false, Some(kind)) = (field_type.rules.skip, schema::held(held)) {
                    self.message(kind, message);
                }
            }
            (FieldShape::Any, Value::Bytes(any)) => {
                let any = Packed::of(any);
                if let Some(kind) = any.kind {
                    self.message(kind, any.message);
                }
            }
            (FieldShape::Duration, Value::Bytes(duration)) => {
                let time = nanoseconds(duration);
                self.report(rules.broken(Scalar::Int(time)));
                if !(0..=LONGEST).contains(&time) {
                    self.refuse("must be between 0s and 9223372036s".into());
                }
            }
            (FieldShape::Wrapper(held), Value::Bytes(wrapper)) => {
                if let Some(kind) = schema::held(held)
                    && let Some(inner) = kind.fields.first()
                {
                    let value = Fields::of(wrapper).next().map(|f| f.value);
                    let broken = scalar(inner.shape, value).map(|scalar| rules.broken(scalar));
                    self.report(broken.flatten());
                }
            }
            (shape, value) => {
                let broken = scalar(shape, Some(value)).map(|scalar| rules.broken(scalar));
                self.report(broken.flatten());
            }
        }
    }

    fn presence(&mut self, kind: &'static MessageType, message: &[u8], counts: &[usize]) {
        for &index in kind.counted {
            let (Some(field_type), Some(&count)) = (kind.fields.get(index), counts.get(index))
            else {
                continue;
            };
            if let Some(broken) = field_type.rules.broken_by_count(field_type, count) {
                self.path.push(Step::Field(field_type.name));
                self.refuse(broken);
                self.path.pop();
            }
            if field_type.rules.unique && repeats(message, field_type.number) {
                self.path.push(Step::Field(field_type.name));
                self.refuse("must not repeat a value".into());
                self.path.pop();
            }
        }
        for (name, members) in kind.required_oneofs {
            let set = |member: &usize| counts.get(*member).is_some_and(|count| *count > 0);
            if !members.iter().any(set) {
                let names: Vec<&str> = members
                    .iter()
                    .filter_map(|member| Some(kind.fields.get(*member)?.name))
                    .collect();
                self.path.push(Step::Field(name));
                self.refuse(format!("must be given: one of {}", names.join(", ")));
                self.path.pop();
            }
        }
    }

    /// An extension without configuration is found by its name, and only Envoy's own have one that is
    /// known: whatever else it is called, Envoy refuses the message.
    fn extension(&mut self, kind: &'static MessageType, message: &[u8], counts: &[usize]) {
        let given = |member: &usize| counts.get(*member).is_some_and(|count| *count > 0);
        if kind.configurations.is_empty() || kind.configurations.iter().any(given) {
            return;
        }
        let name = kind.fields.iter().find(|field| field.name == "name");
        let name = name.and_then(|name| Fields::of(message).find(|f| f.number == name.number));
        if !matches!(name.map(|f| f.value), Some(Value::Bytes(name)) if name.starts_with(b"envoy."))
        {
            self.path.push(Step::Field("typed_config"));
            self.refuse("must be given: no extension of Envoy has that name".into());
            self.path.pop();
        }
    }

    fn report(&mut self, broken: Option<String>) {
        if let Some(rule) = broken {
            self.refuse(rule);
        }
    }

    fn refuse(&mut self, rule: String) {
        let mut field_path = String::new();
        for step in &self.path {
            match step {
                Step::Field(name) if field_path.is_empty() => field_path.push_str(name),
                Step::Field(name) => {
                    field_path.push('.');
                    field_path.push_str(name);
                }
                Step::Index(index) => field_path.push_str(&format!("[{index}]")),
                Step::Key(key) => field_path.push_str(&format!("[\"{key}\"]")),
            }
        }
        self.violations.push(Violation { field_path, rule });
    }
}

/// A value as its field's type means it; an absent one is the default.
fn scalar(shape: FieldShape, value: Option<Value<'_>>) -> Option<Scalar<'_>> {
    Some(match (shape, value) {
        (FieldShape::Bool, None) => Scalar::Bool(false),
        (FieldShape::Bool, Some(Value::Varint(n))) => Scalar::Bool(n != 0),
        (FieldShape::Int | FieldShape::Uint, None) => Scalar::Int(0),
        (FieldShape::Int, Some(Value::Varint(n))) => Scalar::Int(n.cast_signed().into()),
        (FieldShape::Uint, Some(Value::Varint(n))) => Scalar::Int(n.into()),
        (FieldShape::Uint, Some(Value::Fixed32(n))) => Scalar::Int(n.into()),
        (FieldShape::Uint, Some(Value::Fixed64(n))) => Scalar::Int(n.into()),
        (FieldShape::Float | FieldShape::Double, None) => Scalar::Float(0.0),
        (FieldShape::Float, Some(Value::Fixed32(n))) => Scalar::Float(f32::from_bits(n).into()),
        (FieldShape::Double, Some(Value::Fixed64(n))) => Scalar::Float(f64::from_bits(n)),
        (FieldShape::Text, None) => Scalar::Text(""),
        (FieldShape::Text, Some(Value::Bytes(text))) => {
            Scalar::Text(std::str::from_utf8(text).ok()?)
        }
        (FieldShape::Bytes, None) => Scalar::Bytes(&[]),
        (FieldShape::Bytes, Some(Value::Bytes(bytes))) => Scalar::Bytes(bytes),
        _ => return None,
    })
}

fn nanoseconds(duration: &[u8]) -> i128 {
    let mut time = 0;
    for field in Fields::of(duration) {
        if let Value::Varint(n) = field.value {
            let n = i128::from(n.cast_signed());
            time += if field.number == 1 {
                n * 1_000_000_000
            } else {
                n
            };
        }
    }
    time
}

fn repeats(message: &[u8], number: u32) -> bool {
    let mut seen: Vec<&[u8]> = Fields::of(message)
        .filter(|field| field.number == number)
        .map(|field| field.raw)
        .collect();
    seen.sort_unstable();
    seen.windows(2).any(|pair| pair.first() == pair.last())
}
