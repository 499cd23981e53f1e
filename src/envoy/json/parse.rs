//! From JSON to a message, with every mistake named by its path.
//!
//! The format is protobuf's JSON mapping as Envoy reads it: field names in both spellings, enum
//! names in any case, durations as `"1.5s"`, `Any` as an object with `@type`. Unknown fields are
//! mistakes. The walk is ours, so that a mistake has a path; scalars and well-known types are read
//! by prost-reflect.

use std::collections::HashMap;

use prost::{Message, Name};
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage, Value,
};
use serde_json::{Map, Value as Json};

use crate::envoy::encode::in_order;
use crate::envoy::pool;

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
    let mut reader = Reader {
        path: Vec::new(),
        errors: Vec::new(),
    };
    let read = match pool::message(&M::full_name()) {
        Some(descriptor) => reader.object(&descriptor, json),
        None => reader.fail("is not known to this gateway", ""),
    };
    // Bytes that were encoded from the descriptor of M decode as M.
    match read.map(|message| M::decode(&*message.encode_to_vec())) {
        Some(Ok(message)) if reader.errors.is_empty() => Ok(message),
        _ => Err(reader.errors),
    }
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

/// The known word that a misspelt one most likely stands for.
fn suggestion<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.85)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

struct Reader {
    path: Vec<String>,
    errors: Vec<JsonError>,
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

    fn within<T>(&mut self, step: String, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step);
        let read = read(self);
        self.path.pop();
        read
    }

    fn message(&mut self, descriptor: &MessageDescriptor, json: &Json) -> Option<DynamicMessage> {
        let well_known = match descriptor.full_name() {
            "google.protobuf.Any" => return self.any(descriptor, json),
            "google.protobuf.Duration" => Some("a duration such as \"1.5s\""),
            "google.protobuf.Timestamp" => Some("a time such as \"2030-01-31T12:00:00Z\""),
            name => name
                .strip_prefix("google.protobuf.")
                .map(|name| match name {
                    "BoolValue" => "true or false",
                    "StringValue" => "a text",
                    "BytesValue" => "bytes in base64",
                    "Struct" | "Empty" => "an object",
                    "ListValue" => "a list",
                    _ => "a number",
                }),
        };
        match (well_known, json) {
            (Some(wanted), _) => match DynamicMessage::deserialize(descriptor.clone(), json) {
                Ok(message) => Some(message),
                Err(_) => self.fail(format!("{json} is not {wanted}"), ""),
            },
            (None, Json::Object(object)) => self.object(descriptor, object),
            (None, _) => {
                let name = descriptor.full_name();
                self.fail(format!("{json} is not an object ({name})"), "")
            }
        }
    }

    fn object(
        &mut self,
        descriptor: &MessageDescriptor,
        object: &Map<String, Json>,
    ) -> Option<DynamicMessage> {
        let mut message = DynamicMessage::new(descriptor.clone());
        let mut chosen: HashMap<String, String> = HashMap::new();
        for (name, json) in object {
            let field = descriptor
                .get_field_by_name(name)
                .or_else(|| descriptor.get_field_by_json_name(name));
            self.within(format!(".{name}"), |reader| {
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
                    && let Some(other) = chosen.insert(oneof, name.clone())
                {
                    reader.fail::<()>(format!("excludes '{other}'"), "keep one of the two");
                }
                if let Some(value) = reader.field(&field, json) {
                    message.set_field(&field, value);
                }
            });
        }
        Some(message)
    }

    fn unknown(&mut self, name: &str, descriptor: &MessageDescriptor) {
        let fields: Vec<FieldDescriptor> = descriptor.fields().collect();
        let hint = suggestion(name, fields.iter().map(FieldDescriptor::name))
            .map(|near| format!("did you mean '{near}'?"));
        let message = descriptor.full_name();
        let problem = format!("unknown field '{name}' (Envoy v3 {message})");
        self.fail::<()>(problem, hint.unwrap_or_default());
        if let Some(error) = self.errors.last_mut() {
            error.unknown_field = true;
        }
    }

    fn field(&mut self, field: &FieldDescriptor, json: &Json) -> Option<Value> {
        if let Kind::Message(entry) = field.kind()
            && field.is_map()
        {
            return self.map(&entry, json);
        }
        if !field.is_list() {
            return self.value(&field.kind(), json);
        }
        let Json::Array(items) = json else {
            return self.fail(format!("{json} is not a list"), format!("write [{json}]"));
        };
        let items = items.iter().enumerate().map(|(index, json)| {
            self.within(format!("[{index}]"), |reader| {
                reader.value(&field.kind(), json)
            })
        });
        // Every item is read, so that every mistake is reported.
        let items: Vec<Option<Value>> = items.collect();
        Some(Value::List(items.into_iter().collect::<Option<_>>()?))
    }

    fn map(&mut self, entry: &MessageDescriptor, json: &Json) -> Option<Value> {
        let Json::Object(entries) = json else {
            return self.fail(format!("{json} is not an object"), "");
        };
        let kind = entry.map_entry_value_field().kind();
        let mut map = HashMap::new();
        for (key, json) in entries {
            let value = self.within(format!("[\"{key}\"]"), |reader| reader.value(&kind, json));
            map.insert(MapKey::String(key.clone()), value?);
        }
        Some(Value::Map(map))
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
                    format!("{json} is not one of its values"),
                    format!("write one of {}", names.join(", ")),
                )
            }
        }
    }

    /// A scalar, read as prost-reflect reads the wrapper of its type.
    fn scalar(&mut self, kind: &Kind, json: &Json) -> Option<Value> {
        let (wrapper, wanted) = match kind {
            Kind::Bool => ("BoolValue", "true or false"),
            Kind::String => ("StringValue", "a text"),
            Kind::Bytes => ("BytesValue", "bytes in base64"),
            Kind::Float => ("FloatValue", "a number"),
            Kind::Double => ("DoubleValue", "a number"),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => ("Int32Value", "a 32-bit integer"),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => ("Int64Value", "a 64-bit integer"),
            Kind::Uint32 | Kind::Fixed32 => ("UInt32Value", "a positive 32-bit integer"),
            _ => ("UInt64Value", "a positive 64-bit integer"),
        };
        let read = pool::message(&format!("google.protobuf.{wrapper}"))
            .and_then(|wrapper| DynamicMessage::deserialize(wrapper, json).ok())
            .and_then(|wrapper| Some(wrapper.get_field_by_name("value")?.into_owned()));
        read.or_else(|| self.fail(format!("{json} is not {wanted}"), ""))
    }

    fn any(&mut self, descriptor: &MessageDescriptor, json: &Json) -> Option<DynamicMessage> {
        let Json::Object(object) = json else {
            return self.fail(format!("{json} is not an object with '@type'"), "");
        };
        let mut fields = object.clone();
        let Some(Json::String(url)) = fields.remove("@type") else {
            let hint = "write \"@type\": \"type.googleapis.com/envoy.…\"";
            return self.fail("has no '@type'", hint);
        };
        let Some(held) = pool::message(&url) else {
            let v2 = url.contains("/envoy.api.v2") || url.contains(".v2.");
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
            self.within(".value".into(), |reader| reader.message(&held, &value))?
        } else {
            self.object(&held, &fields)?
        };
        let encoded = in_order(held.full_name(), message.encode_to_vec());
        let url = format!("type.googleapis.com/{}", message.descriptor().full_name());
        let mut any = DynamicMessage::new(descriptor.clone());
        any.set_field_by_name("type_url", Value::String(url));
        any.set_field_by_name("value", Value::Bytes(encoded));
        Some(any)
    }
}

/// Whether a null is a value of the field rather than its absence.
fn takes_null(field: &FieldDescriptor) -> bool {
    matches!(field.kind(), Kind::Message(m) if m.full_name() == "google.protobuf.Value")
}
