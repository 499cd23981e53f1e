//! Whether a configuration is of a type that its place takes: Envoy finds an extension by the type, among
//! those of the place's category.

use super::super::packed::Packed;
use super::super::schema::{self, MessageType};
use super::super::wire::{Fields, Value};

/// How many types are offered in place of one that is none of a category.
const OFFERED: usize = 3;

/// What is wrong with the type in an `Any`, in words, in a slot of a category. A type that nothing is known
/// of is for Envoy to judge, and so is a `Struct` that names its type itself.
pub(super) fn misplaced(slot: u8, any: Value<'_>) -> Option<String> {
    let Value::Bytes(any) = any else {
        return None;
    };
    let kind = Packed::of(any).kind.filter(|_| slot != 0)?;
    let names_its_type =
        kind.name.starts_with("google.protobuf.") || kind.name.ends_with(".TypedStruct");
    if names_its_type || kind.categories.contains(&slot) {
        return None;
    }
    let likeness = |name| (strsim::jaro_winkler(kind.name, name), name);
    let mut members: Vec<(f64, &str)> = schema::members(slot).map(likeness).collect();
    members.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let nearest = members.iter().take(OFFERED).map(|(_, name)| *name);
    Some(format!(
        "is a {}, which is none of Envoy's {}: write one such as {}",
        kind.name,
        schema::category(slot),
        nearest.collect::<Vec<_>>().join(", ")
    ))
}

/// Whether a message says that Envoy may do without the extension that it configures.
pub(super) fn is_optional(kind: &MessageType, message: &[u8]) -> bool {
    let optional = kind.fields.iter().find(|field| field.name == "is_optional");
    optional.is_some_and(|optional| {
        let mut fields = Fields::of(message).filter(|field| field.number == optional.number);
        fields.any(|field| matches!(field.value, Value::Varint(set) if set != 0))
    })
}
