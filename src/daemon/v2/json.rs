//! Changes inside the JSON values of keywords, addressed as the daemon's patches do.

use serde_json::{Map, Value};

/// One element of a patch's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// The member of an object. Object paths such as `test/svc/web` are one step.
    Key(String),
    /// The element of a list.
    Index(usize),
    /// Something that addresses nothing: a negative number, null, …
    Odd,
}

/// A change that does not fit what is known: something was missed, or cannot be told by a patch
/// (the daemon's patches cannot turn an object into a list).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Anomaly {
    /// What contains the changed value is not there.
    #[error("its parent is missing")]
    MissingParent,
    /// An index into something else than a list, or a name in something else than an object.
    #[error("its parent has another type")]
    WrongType,
    /// An index beyond the place after the last.
    #[error("its index is out of range")]
    OutOfRange,
    /// A part of something of which only what followed from it was kept.
    #[error("what it is a part of is not kept")]
    NotKept,
}

/// The value at a path; `None` where there is none.
pub(super) fn get<'v>(members: &'v Map<String, Value>, path: &[Step]) -> Option<&'v Value> {
    let (Step::Key(key), rest) = path.split_first()? else {
        return None;
    };
    rest.iter()
        .try_fold(members.get(key)?, |value, step| match step {
            Step::Key(key) => value.as_object()?.get(key),
            Step::Index(index) => value.as_array()?.get(*index),
            Step::Odd => None,
        })
}

/// Puts a value at a path, which is not empty. Null removes the member of an object.
pub(super) fn set(
    members: &mut Map<String, Value>,
    path: &[Step],
    value: Value,
) -> Result<(), Anomaly> {
    let (last, parents) = path.split_last().ok_or(Anomaly::WrongType)?;
    match (parent(members, parents)?, last) {
        (Parent::Object(members), Step::Key(key)) if value.is_null() => {
            members.remove(key);
        }
        (Parent::Object(members), Step::Key(key)) => {
            members.insert(key.clone(), value);
        }
        (Parent::List(list), Step::Index(index)) => {
            let end = list.len();
            match list.get_mut(*index) {
                Some(element) => *element = value,
                None if *index == end => list.push(value),
                None => return Err(Anomaly::OutOfRange),
            }
        }
        _ => return Err(Anomaly::WrongType),
    }
    Ok(())
}

/// Removes what is at a path. What is not there is removed already.
pub(super) fn delete(members: &mut Map<String, Value>, path: &[Step]) {
    let Some((last, parents)) = path.split_last() else {
        return;
    };
    match (parent(members, parents), last) {
        (Ok(Parent::Object(members)), Step::Key(key)) => {
            members.remove(key);
        }
        (Ok(Parent::List(list)), Step::Index(index)) if *index < list.len() => {
            list.remove(*index);
        }
        _ => {}
    }
}

enum Parent<'v> {
    Object(&'v mut Map<String, Value>),
    List(&'v mut Vec<Value>),
}

fn parent<'v>(members: &'v mut Map<String, Value>, path: &[Step]) -> Result<Parent<'v>, Anomaly> {
    path.iter()
        .try_fold(Parent::Object(members), |parent, step| {
            let value = match (parent, step) {
                (Parent::Object(members), Step::Key(key)) => members.get_mut(key),
                (Parent::List(list), Step::Index(index)) => list.get_mut(*index),
                _ => return Err(Anomaly::WrongType),
            };
            match value {
                Some(Value::Object(members)) => Ok(Parent::Object(members)),
                Some(Value::Array(list)) => Ok(Parent::List(list)),
                Some(Value::Null) | None => Err(Anomaly::MissingParent),
                Some(_) => Err(Anomaly::WrongType),
            }
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn path(steps: &Value) -> Vec<Step> {
        let step = |value: &Value| match value {
            Value::String(key) => Step::Key(key.clone()),
            Value::Number(n) => n.as_u64().map_or(Step::Odd, |n| Step::Index(n as usize)),
            _ => Step::Odd,
        };
        steps.as_array().into_iter().flatten().map(step).collect()
    }

    fn info(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn a_list_is_reordered_and_shortened_by_index() {
        // Recorded: vhosts went from [vhost#0, vhost#1, vhost#2] to [vhost#2, vhost#0].
        let mut members = info(json!({"vhosts": ["vhost#0", "vhost#1", "vhost#2"]}));
        for (index, value) in [(0, "vhost#2"), (1, "vhost#0")] {
            let at = path(&json!(["vhosts", index]));
            assert_eq!(set(&mut members, &at, value.into()), Ok(()));
        }
        delete(&mut members, &path(&json!(["vhosts", 2])));
        assert_eq!(members, info(json!({"vhosts": ["vhost#2", "vhost#0"]})));
    }

    #[test]
    fn a_list_grows_by_one_at_its_end() {
        let mut members = info(json!({"sni": ["a"]}));
        let at = |index: u64| path(&json!(["sni", index]));
        assert_eq!(set(&mut members, &at(1), json!("b")), Ok(()));
        assert_eq!(
            set(&mut members, &at(3), json!("d")),
            Err(Anomaly::OutOfRange)
        );
        assert_eq!(get(&members, &at(1)), Some(&json!("b")));
    }

    #[test]
    fn an_object_that_becomes_a_list_is_noticed() {
        // Recorded: {"a": {"b": 1}} became {"a": [1, 2]}, told as a.0=1, a.1=2 and a delete of a.b.
        let mut members = info(json!({"cluster_data": {"a": {"b": 1}}}));
        let at = path(&json!(["cluster_data", "a", 0]));
        assert_eq!(set(&mut members, &at, json!(1)), Err(Anomaly::WrongType));
    }

    #[test]
    fn a_missing_parent_is_noticed_and_a_missing_value_is_deleted_already() {
        let mut members = info(json!({"a": {"b": 1}}));
        let before = members.clone();
        let set_at = |at: Value| set(&mut before.clone(), &path(&at), json!(1));
        assert_eq!(set_at(json!(["x", "y"])), Err(Anomaly::MissingParent));
        assert_eq!(set_at(json!(["a", "b", "c"])), Err(Anomaly::WrongType));
        assert_eq!(set_at(json!([0])), Err(Anomaly::WrongType));
        for at in [
            json!(["x"]),
            json!(["x", "y"]),
            json!(["a", 0]),
            json!([null]),
        ] {
            delete(&mut members, &path(&at));
        }
        assert_eq!(members, before);
    }

    #[test]
    fn null_is_missing() {
        let mut members = info(json!({"ipaddr": "10.0.0.1"}));
        let at = path(&json!(["ipaddr"]));
        assert_eq!(set(&mut members, &at, Value::Null), Ok(()));
        assert_eq!(get(&members, &at), None);
    }
}
