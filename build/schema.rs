//! The descriptors as flat tables: the source of statics, which cost nothing until they are read.
//!
//! `src/envoy/schema.rs` says what the tables mean.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::error::Error;
use std::fmt::Write;

use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor,
};

use crate::descriptors::Cut;
use crate::extensions::Extensions;
use crate::rules::{FieldRules, NEEDED};

#[path = "../src/envoy/fingerprint.rs"]
mod fingerprint;

/// Credentials that Envoy's descriptors do not mark (`udpa.annotations.sensitive`).
const UNMARKED: [&str; 4] = [
    "envoy.config.core.v3.GrpcService.GoogleGrpc.CallCredentials.access_token",
    "envoy.config.core.v3.GrpcService.GoogleGrpc.CallCredentials.google_refresh_token",
    "envoy.config.core.v3.GrpcService.GoogleGrpc.CallCredentials.GoogleIAMCredentials.authorization_token",
    "envoy.config.core.v3.GrpcService.GoogleGrpc.CallCredentials.ServiceAccountJWTAccessCredentials.json_key",
];

struct MessageType {
    name: String,
    /// By number.
    fields: Vec<FieldType>,
    required_oneofs: Vec<(String, Vec<usize>)>,
    configurations: Vec<usize>,
    counted: Vec<usize>,
    role: &'static str,
    /// The categories of the extensions that it configures.
    categories: Vec<usize>,
    marks: Marks,
}

struct FieldType {
    number: u32,
    name: String,
    shape: Shape,
    repeated: bool,
    map: bool,
    sensitive: bool,
    ruled: bool,
    mapped: bool,
    /// Itself in sets of fields, where it matters whether it is given.
    bit: u64,
    /// The category of the extensions that it takes.
    slot: usize,
    rules: FieldRules,
}

#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Named(&'static str),
    Message(usize),
    Any,
    Wrapper(usize),
}

/// What is in a message or in what it holds: a rule, a map, a field for secrets.
#[derive(Clone, Copy, Default, PartialEq)]
struct Marks {
    ruled: bool,
    mapped: bool,
    secretive: bool,
}

impl Marks {
    fn and(self, other: Self) -> Self {
        Self {
            ruled: self.ruled || other.ruled,
            mapped: self.mapped || other.mapped,
            secretive: self.secretive || other.secretive,
        }
    }
}

/// The source of the tables of all message types.
pub(crate) fn tables(cut: &Cut) -> Result<String, Box<dyn Error>> {
    let mut pool = DescriptorPool::decode(&*cut.roots)?;
    pool.decode_file_descriptor_set(&*cut.extensions)?;
    let extensions = Extensions::read(&cut.slots)?;
    let descriptors: Vec<MessageDescriptor> = pool.all_messages().collect();
    let by_name: HashMap<String, usize> = (descriptors.iter().enumerate())
        .map(|(index, message)| (message.full_name().to_owned(), index))
        .collect();
    let mut messages = descriptors
        .iter()
        .map(|message| MessageType::read(message, &by_name, &extensions))
        .collect::<Result<Vec<_>, _>>()?;
    spread(&mut messages);
    mark_fields(&mut messages);
    messages.iter_mut().try_for_each(MessageType::give_bits)?;
    let by_fingerprint: BTreeMap<u64, usize> = (messages.iter().enumerate())
        .map(|(index, message)| (fingerprint::fingerprint(&[&message.name]), index))
        .collect();
    if by_fingerprint.len() < messages.len() {
        return Err("two message types have one fingerprint".into());
    }
    let mut source = format!("static MESSAGES: [MessageType; {}] = [\n", messages.len());
    for message in &messages {
        message.write(&mut source)?;
    }
    source.push_str("];\n");
    let by_fingerprint: Vec<(u64, usize)> = by_fingerprint.into_iter().collect();
    writeln!(
        source,
        "static BY_FINGERPRINT: [(u64, usize); {}] = {by_fingerprint:?};",
        by_fingerprint.len()
    )?;
    source.push_str(&extensions.tables());
    Ok(source)
}

/// Spreads marks from message types to those that hold them.
fn spread(messages: &mut [MessageType]) {
    loop {
        let marks: Vec<Marks> = messages.iter().map(|message| message.marks).collect();
        let mut spread = false;
        for message in &mut *messages {
            for field in &message.fields {
                if let Shape::Message(held) = field.shape {
                    let both = message.marks.and(marks[held]);
                    spread |= both != message.marks;
                    message.marks = both;
                }
            }
        }
        if !spread {
            return;
        }
    }
}

/// Marks the fields whose values are looked at, so that a walk passes over the others.
fn mark_fields(messages: &mut [MessageType]) {
    let marks: Vec<Marks> = messages.iter().map(|message| message.marks).collect();
    for field in messages.iter_mut().flat_map(|m| &mut m.fields) {
        let (ruled, mapped) = match field.shape {
            Shape::Any => (true, false),
            Shape::Message(held) => (marks[held].ruled, marks[held].mapped),
            _ => (false, false),
        };
        field.ruled |= ruled;
        field.mapped |= mapped;
    }
}

impl MessageType {
    fn read(
        message: &MessageDescriptor,
        by_name: &HashMap<String, usize>,
        extensions: &Extensions,
    ) -> Result<Self, Box<dyn Error>> {
        let mut fields = message
            .fields()
            .map(|field| FieldType::read(&field, by_name, extensions))
            .collect::<Result<Vec<_>, _>>()?;
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
                NEEDED.contains(&oneof.full_name())
                    || options.extensions().any(|(extension, value)| {
                        extension.full_name() == "validate.required"
                            && value.as_bool() == Some(true)
                    })
            })
            .map(|oneof| (oneof.name().to_owned(), members(&oneof, &fields)))
            .collect();
        let any = fields.iter().any(|field| field.shape == Shape::Any);
        let role = match message.full_name() {
            "envoy.config.core.v3.DataSource" => "DataSource",
            "envoy.config.core.v3.HeaderValue" => "HeaderValue",
            _ => "Plain",
        };
        let marks = Marks {
            secretive: any || role == "HeaderValue" || fields.iter().any(|field| field.sensitive),
            ruled: any
                || !required_oneofs.is_empty()
                || !configurations.is_empty()
                || fields.iter().any(|field| field.ruled),
            mapped: fields.iter().any(|field| field.map),
        };
        Ok(Self {
            name: message.full_name().to_owned(),
            counted: (fields.iter().enumerate())
                .filter(|(_, field)| field.rules.counts())
                .map(|(index, _)| index)
                .collect(),
            fields,
            required_oneofs,
            configurations,
            role,
            categories: extensions.of_type(message.full_name()),
            marks,
        })
    }

    /// Gives a bit to each field of which it matters whether it is given.
    fn give_bits(&mut self) -> Result<(), String> {
        let of_oneofs = self.required_oneofs.iter().flat_map(|(_, members)| members);
        let wanted = of_oneofs.chain(&self.configurations).chain(&self.counted);
        let wanted: BTreeSet<usize> = wanted.copied().collect();
        let bits = (0..u64::BITS).map(|bit| 1 << bit);
        if wanted.len() > bits.len() {
            return Err(format!("{} has more such fields than bits", self.name));
        }
        for (index, bit) in wanted.into_iter().zip(bits) {
            self.fields[index].bit = bit;
        }
        Ok(())
    }

    fn set_of(&self, members: &[usize]) -> u64 {
        let bits = members.iter().map(|member| self.fields[*member].bit);
        bits.fold(0, |all, bit| all | bit)
    }

    fn write(&self, source: &mut String) -> std::fmt::Result {
        let Marks {
            ruled,
            mapped,
            secretive,
        } = self.marks;
        writeln!(
            source,
            "MessageType {{ name: {:?}, ruled: {ruled}, mapped: {mapped}, secretive: {secretive}, \
             role: Role::{}, categories: &{:?}, configurations: FieldSet({}), counted: &{:?}, \
             required_oneofs: &[",
            self.name,
            self.role,
            self.categories,
            self.set_of(&self.configurations),
            self.counted
        )?;
        for (name, members) in &self.required_oneofs {
            write!(source, "({name:?}, FieldSet({})), ", self.set_of(members))?;
        }
        source.push_str("], fields: &[\n");
        for field in &self.fields {
            field.write(source)?;
        }
        source.push_str("] },\n");
        Ok(())
    }
}

/// The members of a oneof, as indices in fields by number.
fn members(oneof: &OneofDescriptor, fields: &[FieldType]) -> Vec<usize> {
    let index = |number| fields.iter().position(|field| field.number == number);
    oneof
        .fields()
        .filter_map(|member| index(member.number()))
        .collect()
}

impl FieldType {
    fn read(
        field: &FieldDescriptor,
        by_name: &HashMap<String, usize>,
        extensions: &Extensions,
    ) -> Result<Self, String> {
        let options = field.options();
        let shape = Shape::of(field, by_name)?;
        let rules = FieldRules::of(field, &options)?;
        Ok(Self {
            number: field.number(),
            name: field.name().to_owned(),
            shape,
            repeated: field.is_list(),
            map: field.is_map(),
            sensitive: is_sensitive(field, &options),
            ruled: shape == Shape::Named("Duration") || rules.any(),
            mapped: field.is_map(),
            bit: 0,
            slot: extensions.slot(field.full_name()),
            rules,
        })
    }

    fn write(&self, source: &mut String) -> std::fmt::Result {
        let shape = match self.shape {
            Shape::Named(name) => name.to_owned(),
            Shape::Any => "Any".to_owned(),
            Shape::Message(index) => format!("Message({index})"),
            Shape::Wrapper(index) => format!("Wrapper({index})"),
        };
        write!(
            source,
            "FieldType {{ number: {}, name: {:?}, shape: FieldShape::{shape}, ",
            self.number, self.name
        )?;
        for (name, set) in [
            ("repeated", self.repeated),
            ("map", self.map),
            ("sensitive", self.sensitive),
            ("ruled", self.ruled),
            ("mapped", self.mapped),
        ] {
            if set {
                write!(source, "{name}: true, ")?;
            }
        }
        if self.bit != 0 {
            write!(source, "bit: FieldSet({}), ", self.bit)?;
        }
        if self.slot != 0 {
            write!(source, "slot: {}, ", self.slot)?;
        }
        if let Some(rules) = self.rules.expression() {
            write!(source, "rules: {rules}, ")?;
        }
        source.push_str("..FieldType::PLAIN },\n");
        Ok(())
    }
}

/// Whether a field is for a private key, a password or a token.
fn is_sensitive(field: &FieldDescriptor, options: &DynamicMessage) -> bool {
    if matches!(field.kind(), Kind::Bool | Kind::Enum(_)) {
        return false;
    }
    let marked = options.extensions().any(|(extension, value)| {
        extension.full_name() == "udpa.annotations.sensitive" && value.as_bool() == Some(true)
    });
    marked || UNMARKED.contains(&field.full_name())
}

impl Shape {
    fn of(field: &FieldDescriptor, by_name: &HashMap<String, usize>) -> Result<Self, String> {
        Ok(Self::Named(match field.kind() {
            Kind::Bool => "Bool",
            Kind::Float => "Float",
            Kind::Double => "Double",
            Kind::String => "Text",
            Kind::Bytes => "Bytes",
            Kind::Uint32 | Kind::Uint64 | Kind::Fixed32 | Kind::Fixed64 => "Uint",
            Kind::Message(message) => {
                let name = message.full_name();
                let index = by_name.get(name).copied();
                let index = index.ok_or_else(|| format!("{name} is not among the messages"))?;
                return Ok(match name {
                    "google.protobuf.Any" => Self::Any,
                    "google.protobuf.Duration" => Self::Named("Duration"),
                    name if is_wrapper(name) => Self::Wrapper(index),
                    _ => Self::Message(index),
                });
            }
            _ => "Int",
        }))
    }
}

fn is_wrapper(name: &str) -> bool {
    name.strip_prefix("google.protobuf.")
        .and_then(|name| name.strip_suffix("Value"))
        .is_some_and(|kind| !matches!(kind, "" | "List" | "Null"))
}
