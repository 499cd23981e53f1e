//! The descriptors as flat tables, for walking encoded messages without decoding them.
//!
//! The build script writes them, so that a process which validates one service and ends does not have to
//! make them first.

use prost::Name;

use super::constraints::{FieldRules, Number, Rule, Shape, ValueRules};
use super::fingerprint::fingerprint;

// MESSAGES: every message type of the descriptors; BY_FINGERPRINT: sorted, each with its index there;
// CATEGORIES: of extensions, the first is none; WITH_OPTIONS: sorted names of extensions.
include!(concat!(env!("OUT_DIR"), "/schema.rs"));

/// A message type.
pub(super) struct MessageType {
    /// Its full name.
    pub(super) name: &'static str,
    /// By number.
    pub(super) fields: &'static [FieldType],
    /// The oneofs of which one member must be set: name, and members.
    pub(super) required_oneofs: &'static [(&'static str, FieldSet)],
    /// The members of its oneof `config_type`, where it configures an extension.
    pub(super) configurations: FieldSet,
    /// The fields of which the number of values is judged: indices in `fields`.
    pub(super) counted: &'static [usize],
    /// Whether a rule, or an `Any` that may hold one, is in it or in what it holds.
    pub(super) ruled: bool,
    /// Whether a map is in it or in what it holds; what is in an `Any` is not counted.
    pub(super) mapped: bool,
    /// Whether a field for secrets, or an `Any` that may hold one, is in it or in what it holds.
    pub(super) secretive: bool,
    pub(super) role: Role,
    /// The categories of the extensions that it configures, in any Envoy that was asked.
    pub(super) categories: &'static [u8],
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
    pub(super) name: &'static str,
    pub(super) shape: FieldShape,
    pub(super) repeated: bool,
    pub(super) map: bool,
    /// Whether it is for a private key, a password or a token.
    pub(super) sensitive: bool,
    /// Whether its values have to be looked at for rules, its own or those of what it holds.
    pub(super) ruled: bool,
    /// Whether its values have to be looked at for maps.
    pub(super) mapped: bool,
    /// Itself in sets of fields of its message, where it matters whether it is given.
    pub(super) bit: FieldSet,
    /// The category of the extensions that it takes, itself or by the `typed_config` of what it holds; 0
    /// where any type may be there.
    pub(super) slot: u8,
    pub(super) rules: &'static FieldRules,
}

/// A set of fields of a message type, of those of which it matters whether they are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct FieldSet(u64);

impl FieldSet {
    pub(super) fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(super) fn meets(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }
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
    /// A message, by its index in the tables.
    Message(usize),
    /// `google.protobuf.Any`.
    Any,
    /// `google.protobuf.Duration`.
    Duration,
    /// A wrapper such as `UInt32Value`, by its index in the tables: one field, number 1.
    Wrapper(usize),
}

/// The message type of a name or a type URL.
pub(super) fn find(name: &str) -> Option<&'static MessageType> {
    let name = name.rsplit('/').next().unwrap_or(name);
    by_fingerprint(fingerprint(&[name])).filter(|found| found.name == name)
}

/// The message type of a Rust type.
pub(super) fn of<M: Name>() -> Option<&'static MessageType> {
    by_fingerprint(const { fingerprint(&[M::PACKAGE, ".", M::NAME]) })
}

/// The message type that a field holds, by the index in its shape.
pub(super) fn held(index: usize) -> Option<&'static MessageType> {
    MESSAGES.get(index)
}

/// The name of a category of extensions.
pub(super) fn category(index: u8) -> &'static str {
    CATEGORIES
        .get(usize::from(index))
        .copied()
        .unwrap_or_default()
}

/// The types that configure the extensions of a category.
pub(super) fn members(category: u8) -> impl Iterator<Item = &'static str> {
    let members = MESSAGES
        .iter()
        .filter(move |kind| kind.categories.contains(&category));
    members.map(|kind| kind.name)
}

/// Whether a type, by its name or URL, configures an extension of a category, in any Envoy that was asked.
pub(crate) fn is_extension(name: &str, of: &str) -> bool {
    find(name).is_some_and(|kind| kind.categories.iter().any(|index| category(*index) == of))
}

/// Whether an extension of a name may have options in a cluster.
pub(crate) fn has_protocol_options(extension: &str) -> bool {
    WITH_OPTIONS.binary_search(&extension).is_ok()
}

fn by_fingerprint(wanted: u64) -> Option<&'static MessageType> {
    let found = BY_FINGERPRINT.binary_search_by_key(&wanted, |(fingerprint, _)| *fingerprint);
    held(BY_FINGERPRINT.get(found.ok()?)?.1)
}

impl MessageType {
    #[inline]
    pub(super) fn field(&self, number: u32) -> Option<&'static FieldType> {
        // Most messages number their fields without gaps.
        let dense = usize::try_from(number).ok()?.checked_sub(1)?;
        if let Some(field) = self.fields.get(dense)
            && field.number == number
        {
            return Some(field);
        }
        let found = self
            .fields
            .binary_search_by_key(&number, |field| field.number);
        self.fields.get(found.ok()?)
    }
}

impl FieldType {
    /// A field of which there is nothing to say.
    const PLAIN: Self = Self {
        number: 0,
        name: "",
        shape: FieldShape::Bool,
        repeated: false,
        map: false,
        sensitive: false,
        ruled: false,
        mapped: false,
        bit: FieldSet(0),
        slot: 0,
        rules: &FieldRules::NONE,
    };
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use envoy_types::pb::envoy::config::cluster::v3::Cluster;
    use prost_reflect::Kind;

    use super::*;
    use crate::envoy::pool;

    #[test]
    fn the_tables_are_what_the_descriptors_say() {
        for message in pool::all() {
            let found = find(message.full_name()).unwrap();
            assert_eq!(found.fields.len(), message.fields().len());
            for field in message.fields() {
                let known = found.field(field.number()).unwrap();
                assert_eq!(known.name, field.name());
                assert_eq!(
                    (known.repeated, known.map),
                    (field.is_list(), field.is_map())
                );
                if let (FieldShape::Message(index), Kind::Message(kind)) =
                    (known.shape, field.kind())
                {
                    assert_eq!(held(index).unwrap().name, kind.full_name());
                }
            }
            assert!(found.fields.is_sorted_by_key(|field| field.number));
        }
    }

    #[test]
    fn a_type_is_found_by_name_by_url_and_as_itself() {
        let name = "envoy.config.cluster.v3.Cluster";
        assert_eq!(find(name).unwrap().name, name);
        let url = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
        assert_eq!(find(url).unwrap().name, name);
        assert_eq!(of::<Cluster>().unwrap().name, name);
        assert!(find("envoy.config.cluster.v4.Cluster").is_none());
        assert!(find("").is_none());
    }
}
