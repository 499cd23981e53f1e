//! Envoy's proto constraints (`validate.rules`), checked before anything leaves.
//!
//! Envoy refuses a whole response for one message that breaks a rule, so no such message may reach
//! it. The check walks the encoded message with tables made from the descriptors: nothing is
//! decoded or allocated for a message that keeps the rules, apart from one path.

mod extensions;
mod field;
mod rules;
#[cfg(test)]
mod tests;

use std::fmt;

use prost::{Message, Name};

pub(super) use field::{FieldRules, ValueRules};
use rules::Scalar;
pub(super) use rules::{Number, Rule, Shape};

use super::encode::encode;
use super::packed::Packed;
use super::schema::{self, FieldSet, FieldShape, FieldType, MessageType};
use super::wire::{Field, Fields, Value};

/// The most that Envoy's clocks count, in nanoseconds: 292 years.
const LONGEST: i128 = i64::MAX as i128;

/// How long a path to a field may be; Envoy reads no message that is nested deeper.
const MAX_PATH: usize = 256;

/// How long paths usually are at most.
const USUAL_PATH: usize = 16;

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
        path: Vec::with_capacity(USUAL_PATH),
        violations: Vec::new(),
    };
    if let Some(kind) = kind {
        walk.message(kind, message, 0);
    }
    match walk.violations.is_empty() {
        true => Ok(()),
        false => Err(walk.violations),
    }
}

struct Walk {
    path: Vec<Step>,
    violations: Vec<Violation>,
}

enum Step {
    Field(&'static str),
    Index(usize),
    Key(String),
}

impl Walk {
    /// `slot` is the category of the extensions that the field takes which holds the message.
    fn message(&mut self, kind: &'static MessageType, message: &[u8], slot: u8) {
        if !kind.ruled {
            return;
        }
        if self.path.len() > MAX_PATH {
            return self.refuse("is nested too deep".into());
        }
        let mut given = FieldSet::default();
        // Values of a field follow each other: its number, and how many there were of it.
        let mut before = (0, 0);
        for field in Fields::of(message) {
            let Some(field_type) = kind.field(field.number) else {
                continue;
            };
            given.add(field_type.bit);
            if !field_type.ruled {
                continue;
            }
            let count = match before {
                (number, count) if number == field.number => count,
                _ => 0,
            };
            self.path.push(Step::Field(field_type.name));
            if field_type.rules.unimplemented {
                self.refuse("is not implemented by Envoy: write another in its place".into());
            }
            if field_type.shape == FieldShape::Any {
                // What holds the extension knows better: HTTP filters are upstream filters in a cluster.
                let slot = if slot == 0 { field_type.slot } else { slot };
                let broken = extensions::misplaced(slot, field.value);
                self.report(broken.filter(|_| !extensions::is_optional(kind, message)));
            }
            before = (field.number, self.field(field_type, field, count));
            self.path.pop();
        }
        self.presence(kind, message, given);
        self.extension(kind, given);
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
            && let Some(value_type) = entry_type.field(2)
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
                    self.message(kind, message, field_type.slot);
                }
            }
            (FieldShape::Any, Value::Bytes(any)) => {
                let any = Packed::of(any);
                if let Some(kind) = any.kind {
                    self.message(kind, any.message, 0);
                }
            }
            (FieldShape::Duration, Value::Bytes(duration)) => {
                let time = nanoseconds(duration);
                let in_range = (0..=LONGEST).contains(&time);
                let beyond = || (!in_range).then(|| "must be between 0s and 9223372036s".into());
                self.report(rules.broken(Scalar::Int(time)).or_else(beyond));
            }
            (FieldShape::Wrapper(held), Value::Bytes(wrapper)) if !rules.is_empty() => {
                if let Some(kind) = schema::held(held)
                    && let Some(inner) = kind.fields.first()
                {
                    let value = Fields::of(wrapper).next().map(|f| f.value);
                    let broken = scalar(inner.shape, value).map(|scalar| rules.broken(scalar));
                    self.report(broken.flatten());
                }
            }
            (shape, value) if !rules.is_empty() => {
                let broken = scalar(shape, Some(value)).map(|scalar| rules.broken(scalar));
                self.report(broken.flatten());
            }
            _ => {}
        }
    }

    fn presence(&mut self, kind: &'static MessageType, message: &[u8], given: FieldSet) {
        for &index in kind.counted {
            let Some(field_type) = kind.fields.get(index) else {
                continue;
            };
            let is_given = given.meets(field_type.bit);
            let count = match is_given && field_type.rules.limits_items() {
                true => count(field_type, message),
                false => usize::from(is_given),
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
            if !given.meets(*members) {
                let fields = kind.fields.iter();
                let members = fields.filter(|field| members.meets(field.bit));
                let names: Vec<&str> = members.map(|member| member.name).collect();
                self.path.push(Step::Field(name));
                self.refuse(format!("must be given: one of {}", names.join(", ")));
                self.path.pop();
            }
        }
    }

    /// Envoy finds an extension by the type of its configuration, and no longer by its name.
    fn extension(&mut self, kind: &'static MessageType, given: FieldSet) {
        if kind.configurations == FieldSet::default() || given.meets(kind.configurations) {
            return;
        }
        self.path.push(Step::Field("typed_config"));
        self.refuse("must be given: an extension is found by its type".into());
        self.path.pop();
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

/// How many values a field has.
fn count(field_type: &FieldType, message: &[u8]) -> usize {
    let fields = Fields::of(message).filter(|field| field.number == field_type.number);
    let counts = fields.map(|field| match (field.value, field_type.shape) {
        // Packed integers end in a byte without the highest bit.
        (Value::Bytes(packed), FieldShape::Bool | FieldShape::Int | FieldShape::Uint) => {
            packed.iter().filter(|byte| **byte < 0x80).count()
        }
        (Value::Bytes(packed), FieldShape::Double) => packed.len() / size_of::<f64>(),
        _ => 1,
    });
    counts.sum()
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
