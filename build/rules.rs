//! `validate.rules` of a field, as the expression of a `FieldRules`.

use std::fmt::Write;

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, ReflectMessage, Value};

/// What Envoy needs though its protos do not say so, oneofs and fields: without it, Envoy ends at the first
/// request.
pub(crate) const NEEDED: [&str; 2] = [
    "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz.services",
    "envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig.sds_config",
];

/// What Envoy's protos have and Envoy does not: it ends where it is used.
const UNIMPLEMENTED: [&str; 1] = ["envoy.config.tap.v3.OutputSink.streaming_grpc"];

/// What a field's `validate.rules` ask for, as the crate's `FieldRules` names it.
#[derive(Default)]
pub(crate) struct FieldRules {
    required: bool,
    unimplemented: bool,
    skip: bool,
    absent_is_default: bool,
    values: ValueRules,
    keys: ValueRules,
    min_items: u64,
    max_items: Option<u64>,
    unique: bool,
}

/// The rules of one value, each an expression.
#[derive(Default)]
struct ValueRules {
    rules: Vec<String>,
    ignore_empty: bool,
}

impl ValueRules {
    /// Whether the default value surely keeps them: of an enum, it is one of its values.
    fn accept_absence(&self) -> bool {
        let is_about_enums = |rule: &String| rule.starts_with("Rule::Defined(");
        self.ignore_empty || self.rules.iter().all(is_about_enums)
    }
}

impl FieldRules {
    /// Reads the rules of a field from its options.
    pub(crate) fn of(field: &FieldDescriptor, options: &DynamicMessage) -> Result<Self, String> {
        let mut read = Self {
            absent_is_default: !field.supports_presence() && !field.is_list() && !field.is_map(),
            ..Self::default()
        };
        let rules = options
            .extensions()
            .find(|(extension, _)| extension.full_name() == "validate.rules");
        if let Some(rules) = rules.and_then(|(_, rules)| rules.as_message()) {
            read.read(rules, &defined(field))?;
        }
        // A member of a oneof that is not set is not missing.
        read.required &= field.containing_oneof().is_none();
        read.required |= NEEDED.contains(&field.full_name());
        read.unimplemented = UNIMPLEMENTED.contains(&field.full_name());
        Ok(read)
    }

    fn read(&mut self, rules: &DynamicMessage, defined: &[i32]) -> Result<(), String> {
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
                        self.read(&items, defined)?;
                    }
                }
                "map" => {
                    self.min_items = number(value, "min_pairs").unwrap_or(0);
                    self.max_items = number(value, "max_pairs");
                    if let Some(keys) = nested(value, "keys") {
                        let mut rules = Self::default();
                        rules.read(&keys, &[])?;
                        self.keys = rules.values;
                    }
                    if let Some(values) = nested(value, "values") {
                        self.read(&values, defined)?;
                    }
                }
                _ => {
                    self.required |= flag(value, "required");
                    self.values = ValueRules {
                        rules: expressions(value, defined)?,
                        ignore_empty: flag(value, "ignore_empty"),
                    };
                }
            }
        }
        Ok(())
    }

    /// Whether there is anything to check.
    pub(crate) fn any(&self) -> bool {
        self.counts()
            || self.unimplemented
            || !self.values.rules.is_empty()
            || !self.keys.rules.is_empty()
    }

    /// Whether the number of values is judged, or one value against another.
    pub(crate) fn counts(&self) -> bool {
        let absence = self.absent_is_default && !self.values.accept_absence();
        self.required || self.unique || self.min_items > 0 || self.max_items.is_some() || absence
    }

    /// The `&FieldRules` that says this; `None` where there is nothing to say.
    pub(crate) fn expression(&self) -> Option<String> {
        if !self.any() && !self.skip {
            return None;
        }
        let mut text = String::from("&FieldRules { ");
        for (name, set) in [
            ("required", self.required),
            ("unimplemented", self.unimplemented),
            ("skip", self.skip),
            ("absent_is_default", self.absent_is_default),
            ("unique", self.unique),
        ] {
            if set {
                let _ = write!(text, "{name}: true, ");
            }
        }
        for (name, rules) in [("values", &self.values), ("keys", &self.keys)] {
            if !rules.rules.is_empty() {
                let _ = write!(
                    text,
                    "{name}: ValueRules {{ rules: &[{}], ignore_empty: {} }}, ",
                    rules.rules.join(", "),
                    rules.ignore_empty
                );
            }
        }
        if self.min_items > 0 {
            let _ = write!(text, "min_items: {}, ", self.min_items);
        }
        if let Some(max) = self.max_items {
            let _ = write!(text, "max_items: Some({max}), ");
        }
        text.push_str("..FieldRules::NONE }");
        Some(text)
    }
}

/// Reads the rules of one kind (`StringRules`, `UInt32Rules`, …) as expressions of the crate's `Rule`.
/// Those about presence are the caller's. What the crate does not know ends the build.
fn expressions(rules: &DynamicMessage, defined: &[i32]) -> Result<Vec<String>, String> {
    let strict = rules
        .get_field_by_name("strict")
        .and_then(|v| v.as_bool())
        .unwrap_or(true);
    let is_bytes = rules.descriptor().name() == "BytesRules";
    let mut read = Vec::new();
    for (field, value) in rules.fields() {
        let of =
            |name: &str, argument: Option<String>| Some(format!("Rule::{name}({})", argument?));
        let text = || value.as_str().map(|text| format!("{text:?}"));
        let count = || value.as_u64().map(|n| n.to_string());
        let rule = match field.name() {
            "ignore_empty" | "required" | "strict" => continue,
            "defined_only" => of("Defined", Some(format!("&{defined:?}"))),
            "min_len" if is_bytes => of("MinBytes", count()),
            "max_len" if is_bytes => of("MaxBytes", count()),
            "min_len" => of("MinChars", count()),
            "max_len" => of("MaxChars", count()),
            "min_bytes" => of("MinBytes", count()),
            "max_bytes" => of("MaxBytes", count()),
            "prefix" => of("Prefix", text()),
            "suffix" => of("Suffix", text()),
            "pattern" => match value.as_str().and_then(shape_of_pattern) {
                Some(shape) => of("Shape", Some(shape)),
                None => of("Pattern", text()),
            },
            "well_known_regex" => {
                let number = value.as_enum_number();
                of("Shape", number.and_then(|n| shape_of_well_known(n, strict)))
            }
            "const" => of("Is", value.as_bool().map(|wanted| wanted.to_string())),
            "gt" => of("Above", bound(value)),
            "gte" => of("AtLeast", bound(value)),
            "lt" => of("Below", bound(value)),
            "lte" => of("AtMost", bound(value)),
            "in" => of("TextIn", texts(value)),
            "not_in" => of("NotIn", integers(value)),
            _ => None,
        };
        let unknown = || {
            format!(
                "{} is a rule that is not known, or has a value that is not",
                field.full_name()
            )
        };
        read.push(rule.ok_or_else(unknown)?);
    }
    Ok(read)
}

/// The shape of a regular expression, for those on what is served to every gateway.
fn shape_of_pattern(pattern: &str) -> Option<String> {
    let shape = match pattern {
        "^[^?#]+[^?#/]$" => "PathSegments",
        r"^[0-9a-zA-Z_\-\.~:]+$" => "Identifier",
        r"^[0-9a-zA-Z_\-\./~:]+$" => "IdentifierPath",
        _ => return None,
    };
    Some(format!("Shape::{shape}"))
}

fn shape_of_well_known(number: i32, strict: bool) -> Option<String> {
    let shape = match (number, strict) {
        (1, true) => "HeaderName",
        (2, true) => "HeaderValue",
        (1 | 2, false) => "HeaderSafe",
        _ => return None,
    };
    Some(format!("Shape::{shape}"))
}

/// A bound, in the unit of its field; of a duration, nanoseconds.
fn bound(value: &Value) -> Option<String> {
    Some(match value {
        Value::F32(n) => format!("Number::Float({:?})", f64::from(*n)),
        Value::F64(n) => format!("Number::Float({n:?})"),
        Value::Message(duration) => format!("Number::Time({})", nanoseconds(duration)?),
        value => format!("Number::Int({})", integer(value)?),
    })
}

fn integer(value: &Value) -> Option<i128> {
    Some(match value {
        Value::I32(n) => (*n).into(),
        Value::I64(n) => (*n).into(),
        Value::U32(n) => (*n).into(),
        Value::U64(n) => (*n).into(),
        _ => return None,
    })
}

fn nanoseconds(duration: &DynamicMessage) -> Option<i128> {
    let part = |name| integer(&*duration.get_field_by_name(name)?);
    Some(part("seconds")? * 1_000_000_000 + part("nanos")?)
}

fn texts(value: &Value) -> Option<String> {
    let list: Option<Vec<&str>> = value.as_list()?.iter().map(Value::as_str).collect();
    Some(format!("&{:?}", list?))
}

fn integers(value: &Value) -> Option<String> {
    let list: Option<Vec<i128>> = value.as_list()?.iter().map(integer).collect();
    Some(format!("&{:?}", list?))
}

/// The numbers of an enum field's values, sorted.
fn defined(field: &FieldDescriptor) -> Vec<i32> {
    let Kind::Enum(kind) = field.kind() else {
        return Vec::new();
    };
    let mut numbers: Vec<i32> = kind.values().map(|value| value.number()).collect();
    numbers.sort_unstable();
    numbers
}

fn flag(rules: &DynamicMessage, name: &str) -> bool {
    rules
        .get_field_by_name(name)
        .is_some_and(|value| value.as_bool() == Some(true))
}

fn number(rules: &DynamicMessage, name: &str) -> Option<u64> {
    let field = rules.fields().find(|(field, _)| field.name() == name)?;
    field.1.as_u64()
}

fn nested(rules: &DynamicMessage, name: &str) -> Option<DynamicMessage> {
    let field = rules.fields().find(|(field, _)| field.name() == name)?;
    field.1.as_message().cloned()
}
