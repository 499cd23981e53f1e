//! The descriptors as flat tables, for walking encoded messages without decoding them.

use std::collections::HashMap;

use once_cell::race::OnceBox;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor};

use super::constraints::FieldRules;
use super::pool::pool;
use super::sensitive::is_marked;

/// Every message type of the descriptors.
pub(super) struct Schema {
    pub(super) messages: Vec<MessageType>,
    by_name: HashMap<String, usize>,
}

/// A message type.
pub(super) struct MessageType {
    /// By number.
    pub(super) fields: Vec<FieldType>,
    /// The oneofs of which one member must be set: name, and indices in `fields`.
    pub(super) required_oneofs: Vec<(String, Vec<usize>)>,
    /// The members of its oneof `config_type`, where it configures an extension: indices in `fields`.
    pub(super) configurations: Vec<usize>,
    /// The fields of which the number of values is judged: indices in `fields`.
    pub(super) counted: Vec<usize>,
    /// Whether a rule, or an `Any` that may hold one, is in it or in what it holds.
    pub(super) ruled: bool,
    /// Whether a map, or an `Any` that may hold one, is in it or in what it holds.
    pub(super) mapped: bool,
    /// Whether a field for secrets, or an `Any` that may hold one, is in it or in what it holds.
    pub(super) secretive: bool,
    pub(super) role: Role,
}

/// The message types that are more than their fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// `envoy.config.core.v3.DataSource`: something, or where it is.
    DataSource,
    /// `envoy.config.core.v3.HeaderValue`.
    HeaderValue,
    /// Any other.
    Plain,
}

/// A field of a message type.
pub(super) struct FieldType {
    pub(super) number: u32,
    pub(super) name: String,
    pub(super) shape: FieldShape,
    pub(super) repeated: bool,
    pub(super) map: bool,
    /// Whether it is for a private key, a password or a token.
    pub(super) sensitive: bool,
    /// Whether its values have to be looked at for rules, its own or those of what it holds.
    pub(super) ruled: bool,
    /// Whether its values have to be looked at for maps.
    pub(super) mapped: bool,
    pub(super) rules: FieldRules,
}

/// How a field's value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldShape {
    Bool,
    /// A signed integer or an enum; zigzag ones are not used by Envoy.
    Int,
    Uint,
    Float,
    Double,
    Text,
    Bytes,
    /// A message, by its index in the schema.
    Message(usize),
    /// `google.protobuf.Any`.
    Any,
    /// `google.protobuf.Duration`.
    Duration,
    /// A wrapper such as `UInt32Value`, by its index in the schema: one field, number 1.
    Wrapper(usize),
}

/// The tables, built at the first use.
pub(super) fn schema() -> &'static Schema {
    // Without a lock, for the sake of processes that fork: see `pool`.
    static SCHEMA: OnceBox<Schema> = OnceBox::new();
    SCHEMA.get_or_init(|| Box::new(Schema::build()))
}

impl Schema {
    /// The message type of a name or a type URL.
    pub(super) fn find(&self, name: &str) -> Option<&MessageType> {
        let name = name.rsplit('/').next().unwrap_or(name);
        self.messages.get(*self.by_name.get(name)?)
    }

    fn build() -> Self {
        let descriptors: Vec<MessageDescriptor> = pool().all_messages().collect();
        let by_name: HashMap<String, usize> = (descriptors.iter().enumerate())
            .map(|(index, message)| (message.full_name().to_owned(), index))
            .collect();
        let messages = descriptors
            .iter()
            .map(|message| MessageType::build(message, &by_name))
            .collect();
        let mut schema = Self { messages, by_name };
        schema.spread(|message| message.ruled, |message| message.ruled = true);
        schema.spread(|message| message.mapped, |message| message.mapped = true);
        schema.spread(
            |message| message.secretive,
            |message| message.secretive = true,
        );
        schema.mark_fields();
        schema
    }

    /// Marks the fields whose values are looked at, so that a walk passes over the others.
    fn mark_fields(&mut self) {
        let marks: Vec<_> = (self.messages.iter())
            .map(|message| (message.ruled, message.mapped))
            .collect();
        for field in self.messages.iter_mut().flat_map(|m| &mut m.fields) {
            let (ruled, mapped) = match field.shape {
                FieldShape::Any => (true, true),
                FieldShape::Message(held) => marks.get(held).copied().unwrap_or_default(),
                _ => (false, false),
            };
            field.ruled |= ruled;
            field.mapped |= mapped;
        }
    }

    /// Spreads a mark from message types to those that hold them.
    fn spread(&mut self, has: impl Fn(&MessageType) -> bool, mark: impl Fn(&mut MessageType)) {
        loop {
            let reached: Vec<usize> = (self.messages.iter().enumerate())
                .filter(|(_, message)| !has(message))
                .filter(|(_, message)| {
                    message.fields.iter().any(|field| match field.shape {
                        FieldShape::Message(held) => self.messages.get(held).is_some_and(&has),
                        _ => false,
                    })
                })
                .map(|(index, _)| index)
                .collect();
            if reached.is_empty() {
                return;
            }
            for index in reached {
                if let Some(message) = self.messages.get_mut(index) {
                    mark(message);
                }
            }
        }
    }
}

impl MessageType {
    pub(super) fn field(&self, number: u32) -> Option<(usize, &FieldType)> {
        // Most messages number their fields without gaps.
        let dense = usize::try_from(number).ok()?.checked_sub(1)?;
        if let Some(field) = self.fields.get(dense)
            && field.number == number
        {
            return Some((dense, field));
        }
        let index = self
            .fields
            .binary_search_by_key(&number, |field| field.number)
            .ok()?;
        Some((index, self.fields.get(index)?))
    }

    fn build(message: &MessageDescriptor, by_name: &HashMap<String, usize>) -> Self {
        let mut fields: Vec<FieldType> = message
            .fields()
            .map(|field| FieldType::build(&field, by_name))
            .collect();
        fields.sort_by_key(|field| field.number);
        let configurations: Vec<usize> = message
            .oneofs()
            .filter(|oneof| oneof.name() == "config_type")
            .flat_map(|oneof| members(&oneof, &fields))
            .collect();
        let required_oneofs: Vec<_> = message
            .oneofs()
            .filter(|oneof| {
                let options = oneof.options();
                options.extensions().any(|(extension, value)| {
                    extension.full_name() == "validate.required" && value.as_bool() == Some(true)
                })
            })
            .map(|oneof| (oneof.name().to_owned(), members(&oneof, &fields)))
            .collect();
        let any = fields.iter().any(|field| field.shape == FieldShape::Any);
        let role = match message.full_name() {
            "envoy.config.core.v3.DataSource" => Role::DataSource,
            "envoy.config.core.v3.HeaderValue" => Role::HeaderValue,
            _ => Role::Plain,
        };
        Self {
            role,
            secretive: any
                || role == Role::HeaderValue
                || fields.iter().any(|field| field.sensitive),
            ruled: any
                || !required_oneofs.is_empty()
                || !configurations.is_empty()
                || fields.iter().any(|field| field.ruled),
            mapped: any || fields.iter().any(|field| field.map),
            counted: (fields.iter().enumerate())
                .filter(|(_, field)| field.rules.counts())
                .map(|(index, _)| index)
                .collect(),
            fields,
            required_oneofs,
            configurations,
        }
    }
}

/// The members of a oneof, as indices in fields by number.
fn members(oneof: &OneofDescriptor, fields: &[FieldType]) -> Vec<usize> {
    let index = |number| {
        fields
            .binary_search_by_key(&number, |field| field.number)
            .ok()
    };
    oneof
        .fields()
        .filter_map(|member| index(member.number()))
        .collect()
}

impl FieldType {
    fn build(field: &FieldDescriptor, by_name: &HashMap<String, usize>) -> Self {
        let options = field.options();
        let shape = shape(field, by_name);
        let rules = FieldRules::of(field, &options);
        Self {
            number: field.number(),
            name: field.name().to_owned(),
            shape,
            repeated: field.is_list(),
            map: field.is_map(),
            sensitive: is_marked(field, &options),
            ruled: shape == FieldShape::Duration || rules.any(),
            mapped: field.is_map(),
            rules,
        }
    }
}

fn shape(field: &FieldDescriptor, by_name: &HashMap<String, usize>) -> FieldShape {
    match field.kind() {
        Kind::Bool => FieldShape::Bool,
        Kind::Float => FieldShape::Float,
        Kind::Double => FieldShape::Double,
        Kind::String => FieldShape::Text,
        Kind::Bytes => FieldShape::Bytes,
        Kind::Uint32 | Kind::Uint64 | Kind::Fixed32 | Kind::Fixed64 => FieldShape::Uint,
        Kind::Message(message) => {
            let index = by_name.get(message.full_name()).copied();
            let index = index.unwrap_or(usize::MAX);
            match message.full_name() {
                "google.protobuf.Any" => FieldShape::Any,
                "google.protobuf.Duration" => FieldShape::Duration,
                name if is_wrapper(name) => FieldShape::Wrapper(index),
                _ => FieldShape::Message(index),
            }
        }
        _ => FieldShape::Int,
    }
}

fn is_wrapper(name: &str) -> bool {
    name.strip_prefix("google.protobuf.")
        .and_then(|name| name.strip_suffix("Value"))
        .is_some_and(|kind| !matches!(kind, "" | "List" | "Null"))
}
