//! What differs between two snapshots, field by field, in Envoy's own words.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::envoy::json::{self, Sensitive};
use crate::envoy::{Resource, ResourceType};
use crate::snapshot::{Change, Snapshot};

/// What becomes of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It is new.
    Added,
    /// It differs.
    Changed,
    /// It is gone.
    Removed,
}

/// A resource that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// What becomes of it.
    pub change: Kind,
    /// Its type: `cluster`, `endpoints`, `secret`, `listener` or `routes`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// The fields that differ; empty for one that is new or gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
}

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Field {
    /// Where it is: names of fields joined by dots, items of lists in brackets, by name where they
    /// have one.
    pub path: String,
    /// What was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    /// What is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<Value>,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
        })
    }
}

/// Everything that differs, in the order in which Envoy is told of additions.
pub fn differences(old: &Snapshot, new: &Snapshot) -> Vec<Difference> {
    let of_kind = |kind| new.changes(old, kind).map(move |change| (kind, change));
    let all = ResourceType::ALL.into_iter().flat_map(of_kind);
    all.map(|(kind, change)| {
        let (name, change, fields) = match change {
            Change::Removed(name) => (name, Kind::Removed, Vec::new()),
            Change::Put(resource) => match old.get(kind, &resource.name) {
                None => (&resource.name, Kind::Added, Vec::new()),
                Some(before) => (&resource.name, Kind::Changed, fields(before, resource)),
            },
        };
        Difference {
            change,
            kind: kind.word(),
            name: name.to_string(),
            fields,
        }
    })
    .collect()
}

/// A resource as JSON, without what is secret in it.
pub(super) fn shown(resource: &Resource) -> Value {
    json::print(resource.kind.type_url(), &resource.body, Sensitive::Hidden).unwrap_or_default()
}

fn fields(old: &Resource, new: &Resource) -> Vec<Field> {
    let mut fields = Vec::new();
    compare("", Some(&shown(old)), Some(&shown(new)), &mut fields);
    fields
}

fn compare(path: &str, old: Option<&Value>, new: Option<&Value>, fields: &mut Vec<Field>) {
    match (old, new) {
        (old, new) if old == new => {}
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for name in names {
                let path = match path.is_empty() {
                    true => name.clone(),
                    false => format!("{path}.{name}"),
                };
                compare(&path, old.get(name), new.get(name), fields);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => items(path, old, new, fields),
        (old, new) => fields.push(Field {
            path: path.to_owned(),
            old: old.cloned(),
            new: new.cloned(),
        }),
    }
}

/// Compares lists: item with item of the same name where all have one; as a whole where the items
/// are plain values; by position otherwise, but for what both begin and end with.
pub(super) fn items(path: &str, old: &[Value], new: &[Value], fields: &mut Vec<Field>) {
    if let (Some(old), Some(new)) = (named(old), named(new)) {
        return named_items(path, &old, &new, fields);
    }
    if old.iter().chain(new).all(|item| !item.is_object()) {
        return fields.push(Field {
            path: path.to_owned(),
            old: Some(old.into()),
            new: Some(new.into()),
        });
    }
    let same = |pair: &(&Value, &Value)| pair.0 == pair.1;
    let first = old.iter().zip(new).take_while(same).count();
    let rest = old.len().min(new.len()) - first;
    let ends = old.iter().rev().zip(new.iter().rev());
    let last = ends.take(rest).take_while(same).count();
    let (old_end, new_end) = (old.len() - last, new.len() - last);
    for index in first..old_end.max(new_end) {
        let old = old.get(index).filter(|_| index < old_end);
        let new = new.get(index).filter(|_| index < new_end);
        compare(&format!("{path}[{index}]"), old, new, fields);
    }
}

fn named_items(
    path: &str,
    old: &[(&str, &Value)],
    new: &[(&str, &Value)],
    fields: &mut Vec<Field>,
) {
    let find = |items: &[(&str, &Value)], wanted: &str| {
        let found = items.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, item)| Value::clone(item))
    };
    let names: BTreeSet<&str> = old.iter().chain(new).map(|(name, _)| *name).collect();
    for name in names {
        let (old, new) = (find(old, name), find(new, name));
        compare(
            &format!("{path}[{name}]"),
            old.as_ref(),
            new.as_ref(),
            fields,
        );
    }
    let order = |items: &[(&str, &Value)], others: &[(&str, &Value)]| -> Vec<Value> {
        let names = items.iter().map(|(name, _)| *name);
        let in_both = names.filter(|name| others.iter().any(|(other, _)| other == name));
        in_both.map(Value::from).collect()
    };
    let (before, after) = (order(old, new), order(new, old));
    if before != after {
        fields.push(Field {
            path: format!("{path} (order)"),
            old: Some(before.into()),
            new: Some(after.into()),
        });
    }
}

/// Items with their names, where all have one and no two the same.
fn named(items: &[Value]) -> Option<Vec<(&str, &Value)>> {
    let mut seen = BTreeSet::new();
    let with_name = |item| -> Option<(&str, &Value)> {
        let item: &Value = item;
        let name = item.get("name")?.as_str()?;
        seen.insert(name).then_some((name, item))
    };
    items.iter().map(with_name).collect()
}
