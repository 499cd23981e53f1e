//! The daemon's own way of telling changes: a path and a value, or a path alone for what is gone.

use serde_json::{Map, Value};

/// Applies the changes of a message to a dataset. What is no change, or leads nowhere, is left out.
pub fn apply(dataset: &mut Value, message: &Value) {
    let changes = message.get("data").and_then(Value::as_array);
    for change in changes.into_iter().flatten() {
        let path = change.get(0).and_then(Value::as_array);
        let Some((last, parents)) = path.and_then(|path| path.split_last()) else {
            continue;
        };
        let parent = parents.iter().try_fold(&mut *dataset, child);
        let Some(parent) = parent else { continue };
        match change.get(1) {
            Some(value) => {
                if let Some(place) = child(parent, last) {
                    *place = value.clone();
                }
            }
            None => remove(parent, last),
        }
    }
}

/// The longest list that a path can make: no list of the daemon is near it.
const LONGEST: usize = 1 << 16;

/// What a step leads to, made where it is missing.
fn child<'a>(at: &'a mut Value, step: &Value) -> Option<&'a mut Value> {
    if let Some(name) = step.as_str() {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        return Some(at.as_object_mut()?.entry(name).or_insert(Value::Null));
    }
    let index = usize::try_from(step.as_u64()?)
        .ok()
        .filter(|index| *index < LONGEST)?;
    if !at.is_array() {
        *at = Value::Array(Vec::new());
    }
    let items = at.as_array_mut()?;
    items.resize(items.len().max(index + 1), Value::Null);
    items.get_mut(index)
}

fn remove(parent: &mut Value, last: &Value) {
    match (parent, last.as_str(), last.as_u64()) {
        (Value::Object(members), Some(name), _) => {
            members.remove(name);
        }
        (Value::Array(items), _, Some(index)) => {
            if let Ok(index) = usize::try_from(index)
                && index < items.len()
            {
                items.remove(index);
            }
        }
        _ => {}
    }
}
