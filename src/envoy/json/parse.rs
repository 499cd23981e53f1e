//! From JSON to a message, with every mistake named by its path.
//!
//! The format is protobuf's JSON mapping as Envoy reads it: field names in both spellings, enum
//! names in any case, durations as `"1.5s"`, `Any` as an object with `@type`. Unknown fields are
//! mistakes. The walk is ours, so that a mistake has a path; scalars and well-known types are read
//! by prost-reflect.

use std::collections::HashMap;

use prost::{Message, Name};
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage, Value,
};
use serde_json::{Map, Value as Json};

use super::found::{Shown, found};
use super::types::{depth, map_key, scalar, takes_null, wrapped};
use crate::envoy::encode::in_order;
use crate::envoy::sensitive::is_sensitive;
use crate::envoy::{pool, schema, shown};

/// How deep messages may be nested, those in `Any`s and the levels of a `Struct` counted too. What
/// reads them later, Envoy's own parser first of all, gives up at 100.
const MAX_DEPTH: usize = 64;

/// The messages that a level of a `Struct` is made of: the struct, an entry, its value.
const STRUCT_LEVEL: usize = 3;

/// One mistake in a JSON message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    /// Where, such as `health_checks[0].timeout`; empty for the message itself.
    pub path: String,
    /// What is wrong, such as `unknown field of envoy.config.cluster.v3.Cluster`.
    pub problem: String,
    /// What to write instead; may be empty.
    pub hint: String,
    /// Whether the field is one that Envoy does not have.
    pub unknown_field: bool,
}

/// Reads a message.
///
/// # Errors
/// Every mistake found.
pub fn parse<M: Message + Name + Default>(json: &Map<String, Json>) -> Result<M, Vec<JsonError>> {
    let mut reader = Reader::default();
    let read = match pool::message(&M::full_name()) {
        Some(descriptor) => reader.object(&descriptor, json),
        None => reader.fail("is not known to this gateway", ""),
    };
    let message = match read.map(|message| M::decode(&*message.encode_to_vec())) {
        Some(Ok(message)) => Some(message),
        // Bytes that were encoded from the descriptor of M decode as M, but it is for Envoy to rely
        // on that.
        Some(Err(error)) => reader.fail(format!("cannot be encoded: {error}"), ""),
        None => None,
    };
    match message {
        Some(message) if reader.errors.is_empty() => Ok(message),
        _ => Err(reader.errors),
    }
}

/// Reads the value of one field.
#[cfg(test)]
pub(super) fn field(field: &FieldDescriptor, json: &Json) -> Option<Value> {
    Reader::default().field(field, json)
}

/// A JSON message with its own fields (not those further down) in their proto spelling. A field
/// given in both keeps both, which is a mistake to report.
pub(crate) fn proto_names<M: Name>(json: &Map<String, Json>) -> Map<String, Json> {
    let descriptor = pool::message(&M::full_name());
    let proto_name = |name: &str| {
        let field = descriptor.as_ref()?.get_field_by_json_name(name)?;
        let proto_name = field.name().to_owned();
        (!json.contains_key(&proto_name)).then_some(proto_name)
    };
    json.iter()
        .map(|(name, value)| {
            let name = proto_name(name).unwrap_or_else(|| name.clone());
            (name, value.clone())
        })
        .collect()
}

/// How many fields are offered in place of an unknown one.
const OFFERED: usize = 6;

/// How like an unknown field those are that are worth to be offered.
const NEAR: f64 = 0.7;

/// What to write in place of an unknown field: the one that was most likely meant, or those that come
/// near.
fn hint(word: &str, known: Vec<&str>) -> String {
    let likeness = |known| (strsim::jaro_winkler(word, known), known);
    let mut known: Vec<(f64, &str)> = known.into_iter().map(likeness).collect();
    known.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let names = |least: f64| {
        let near = known.iter().take_while(|(likeness, _)| *likeness >= least);
        let names: Vec<&str> = near.take(OFFERED).map(|(_, name)| *name).collect();
        names.join(", ")
    };
    match known.first() {
        None => "remove it: this message has no fields".to_owned(),
        Some((likeness, name)) if *likeness > 0.85 => format!("did you mean '{name}'?"),
        Some(_) if known.len() <= OFFERED => format!("its fields are {}", names(0.0)),
        Some((likeness, _)) if *likeness < NEAR => {
            format!("none of its {} fields is like that", known.len())
        }
        Some(_) => format!("the nearest of its fields are {}", names(NEAR)),
    }
}

#[derive(Default)]
struct Reader {
    path: Vec<String>,
    errors: Vec<JsonError>,
    /// How many messages are open.
    depth: usize,
    /// Whether what is read is in a field for secrets, of which no value is told.
    secret: bool,
}

impl Reader {
    fn fail<T>(&mut self, problem: impl Into<String>, hint: impl Into<String>) -> Option<T> {
        let path = self.path.concat();
        self.errors.push(JsonError {
            path: path.strip_prefix('.').unwrap_or(&path).to_owned(),
            problem: problem.into(),
            hint: hint.into(),
            unknown_field: false,
        });
        None
    }

    /// The value is not what the field takes.
    fn unfit<T>(&mut self, json: &Json, shown: Shown, wanted: &str) -> Option<T> {
        let shown = if self.secret { Shown::Kind } else { shown };
        self.fail(format!("{}not {wanted}", found(json, shown)), "")
    }

    fn within<T>(&mut self, step: String, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step);
        let read = read(self);
        self.path.pop();
        read
    }

    /// Reads what is some messages further down, unless that is too far.
    fn deeper<T>(&mut self, levels: usize, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.depth + levels > MAX_DEPTH {
            return self.fail(
                format!("is nested more than {MAX_DEPTH} messages deep"),
                "write it flatter: nothing that Envoy does needs that",
            );
        }
        self.depth += levels;
        let read = read(self);
        self.depth -= levels;
        read
    }

    fn message(&mut self, descriptor: &MessageDescriptor, json: &Json) -> Option<DynamicMessage> {
        match descriptor.full_name() {
            "google.protobuf.Any" => self.any(descriptor, json),
            name if name.starts_with("google.protobuf.") => self.well_known(descriptor, json),
            name => match json {
                Json::Object(object) => self.object(descriptor, object),
                _ => self.unfit(json, Shown::Kind, &format!("an object ({name})")),
            },
        }
    }

    /// A well-known type, which has a JSON of its own.
    fn well_known(&mut self, kind: &MessageDescriptor, json: &Json) -> Option<DynamicMessage> {
        let (wanted, shown) = match kind.name() {
            "Duration" => ("a duration such as \"1.5s\"", Shown::Value),
            "Timestamp" => ("a time such as \"2030-01-31T12:00:00Z\"", Shown::Value),
            "Struct" | "Empty" => ("an object", Shown::Kind),
            "ListValue" => ("a list", Shown::Kind),
            "FieldMask" => ("names of fields, separated by commas", Shown::Kind),
            "Value" => ("a value", Shown::Kind),
            name @ ("StringValue" | "BytesValue") => {
                (wrapped(name).unwrap_or("a text"), Shown::Kind)
            }
            name => (wrapped(name).unwrap_or("a number"), Shown::Value),
        };
        let levels = match kind.name() {
            "Struct" | "ListValue" | "Value" => STRUCT_LEVEL * (1 + depth(json)),
            _ => 1,
        };
        self.deeper(levels, |reader| {
            if matches!(kind.name(), "FloatValue" | "DoubleValue") && is_not_finite(json) {
                return reader.unfit(json, shown, wanted);
            }
            match DynamicMessage::deserialize(kind.clone(), json) {
                Ok(message) => Some(message),
                Err(_) => reader.unfit(json, shown, wanted),
            }
        })
    }

    fn object(
        &mut self,
        descriptor: &MessageDescriptor,
        object: &Map<String, Json>,
    ) -> Option<DynamicMessage> {
        self.deeper(1, |reader| Some(reader.fields(descriptor, object)))
    }

    fn fields(
        &mut self,
        descriptor: &MessageDescriptor,
        object: &Map<String, Json>,
    ) -> DynamicMessage {
        let mut message = DynamicMessage::new(descriptor.clone());
        let mut chosen: HashMap<String, &str> = HashMap::new();
        for (name, json) in object {
            let field = descriptor
                .get_field_by_name(name)
                .or_else(|| descriptor.get_field_by_json_name(name));
            self.within(format!(".{}", shown(name)), |reader| {
                let Some(field) = field else {
                    return reader.unknown(name, descriptor);
                };
                if json.is_null() && !takes_null(&field) {
                    return;
                }
                if message.has_field(&field) {
                    let other = field.json_name();
                    reader.fail::<()>(format!("is given twice, also as '{other}'"), "");
                }
                let oneof = field.containing_oneof().map(|o| o.full_name().to_owned());
                if let Some(oneof) = oneof
                    && let Some(other) = chosen.insert(oneof, name)
                {
                    reader.fail::<()>(format!("excludes '{other}'"), "keep one of the two");
                }
                if let Some(value) = reader.field(&field, json)
                    && message.try_set_field(&field, value).is_err()
                {
                    reader.fail::<()>("cannot be read by this gateway", "");
                }
            });
        }
        message
    }

    fn unknown(&mut self, name: &str, descriptor: &MessageDescriptor) {
        let fields: Vec<FieldDescriptor> = descriptor.fields().collect();
        let names: Vec<&str> = fields.iter().map(FieldDescriptor::name).collect();
        let message = descriptor.full_name();
        let problem = format!("unknown field '{}' (Envoy v3 {message})", shown(name));
        self.fail::<()>(problem, hint(name, names));
        if let Some(error) = self.errors.last_mut() {
            error.unknown_field = true;
        }
    }

    fn field(&mut self, field: &FieldDescriptor, json: &Json) -> Option<Value> {
        let outer = self.secret;
        self.secret |= is_sensitive(field);
        let value = match field.kind() {
            Kind::Message(entry) if field.is_map() => self.map(&entry, json),
            kind if field.is_list() => self.list(&kind, json),
            kind => self.value(&kind, json),
        };
        self.secret = outer;
        value
    }

    fn list(&mut self, kind: &Kind, json: &Json) -> Option<Value> {
        let Json::Array(items) = json else {
            let problem = format!("{}not a list", found(json, Shown::Kind));
            return self.fail(problem, "put it in brackets, as in [1, 2]");
        };
        let items = items.iter().enumerate().map(|(index, json)| {
            self.within(format!("[{index}]"), |reader| reader.value(kind, json))
        });
        // Every item is read, so that every mistake is reported.
        let items: Vec<Option<Value>> = items.collect();
        Some(Value::List(items.into_iter().collect::<Option<_>>()?))
    }

    fn map(&mut self, entry: &MessageDescriptor, json: &Json) -> Option<Value> {
        let Json::Object(entries) = json else {
            return self.unfit(json, Shown::Kind, "an object");
        };
        let keys = entry.map_entry_key_field().kind();
        let values = entry.map_entry_value_field().kind();
        let mut map = HashMap::new();
        let mut complete = true;
        for (key, json) in entries {
            let read = self.within(format!("[\"{}\"]", shown(key)), |reader| {
                // An entry is a message too.
                let value = reader.deeper(1, |reader| reader.value(&values, json))?;
                let Some(key) = map_key(&keys, key) else {
                    let hint = format!("write {} in quotes", scalar(&keys).1);
                    return reader.fail("is not a key of this map", hint);
                };
                match map.insert(key, value) {
                    None => Some(()),
                    Some(_) => reader.fail("is given twice", "keep one of the two"),
                }
            });
            complete &= read.is_some();
        }
        complete.then_some(Value::Map(map))
    }

    fn value(&mut self, kind: &Kind, json: &Json) -> Option<Value> {
        match kind {
            Kind::Message(message) => self.message(message, json).map(Value::Message),
            Kind::Enum(_) => self.enumeration(kind, json),
            _ => self.scalar(kind, json),
        }
    }

    fn enumeration(&mut self, kind: &Kind, json: &Json) -> Option<Value> {
        let Kind::Enum(known) = kind else {
            return None;
        };
        let value = match json {
            Json::String(name) => known.get_value_by_name(name).or_else(|| {
                let name = name.to_uppercase().replace(['-', ' '], "_");
                known.values().find(|v| v.name().to_uppercase() == name)
            }),
            Json::Number(number) => number
                .as_i64()
                .and_then(|number| i32::try_from(number).ok())
                .and_then(|number| known.get_value(number)),
            _ => None,
        };
        match value {
            Some(value) => Some(Value::EnumNumber(value.number())),
            None => {
                let names: Vec<String> = known.values().map(|v| v.name().to_owned()).collect();
                self.fail(
                    format!("{}not one of its values", found(json, Shown::Value)),
                    format!("write one of {}", names.join(", ")),
                )
            }
        }
    }

    /// A scalar, read as prost-reflect reads the wrapper of its type.
    fn scalar(&mut self, kind: &Kind, json: &Json) -> Option<Value> {
        let (wrapper, wanted) = scalar(kind);
        let is_float = matches!(kind, Kind::Float | Kind::Double);
        let read = pool::message(&format!("google.protobuf.{wrapper}"))
            .filter(|_| !(is_float && is_not_finite(json)))
            .and_then(|wrapper| DynamicMessage::deserialize(wrapper, json).ok())
            .and_then(|wrapper| Some(wrapper.get_field_by_name("value")?.into_owned()));
        let shown = match kind {
            Kind::String | Kind::Bytes => Shown::Kind,
            _ => Shown::Value,
        };
        read.or_else(|| self.unfit(json, shown, wanted))
    }

    fn any(&mut self, descriptor: &MessageDescriptor, json: &Json) -> Option<DynamicMessage> {
        let Json::Object(object) = json else {
            return self.unfit(json, Shown::Kind, "an object with '@type'");
        };
        let mut fields = object.clone();
        let Some(Json::String(url)) = fields.remove("@type") else {
            let hint = "write \"@type\": \"type.googleapis.com/envoy.…\"";
            return self.fail("has no '@type'", hint);
        };
        let Some(held) = pool::message(&url) else {
            let v2 = url.contains("/envoy.api.v2") || url.contains(".v2.");
            let url = shown(&url);
            return match v2 {
                true => self.fail(
                    format!("'{url}' is a type of Envoy's v2 API, which is gone"),
                    "write the v3 type and its fields",
                ),
                false => self.fail(format!("type '{url}' is not known to this gateway"), ""),
            };
        };
        let message = if held.full_name().starts_with("google.protobuf.") {
            let value = fields.remove("value").unwrap_or_default();
            self.within(".value".into(), |reader| {
                reader.deeper(1, |reader| reader.message(&held, &value))
            })?
        } else {
            self.object(&held, &fields)?
        };
        let encoded = in_order(schema::find(held.full_name()), message.encode_to_vec());
        let url = format!("type.googleapis.com/{}", message.descriptor().full_name());
        let mut any = DynamicMessage::new(descriptor.clone());
        any.set_field_by_name("type_url", Value::String(url));
        any.set_field_by_name("value", Value::Bytes(encoded));
        Some(any)
    }
}

/// Whether a text is `NaN` or `Infinity`, which protobuf's JSON takes for numbers: nothing that Envoy counts
/// or compares is. The daemon's own are such texts by now.
fn is_not_finite(json: &Json) -> bool {
    let number = json.as_str().and_then(|text| text.parse::<f64>().ok());
    number.is_some_and(|number| !number.is_finite())
}
