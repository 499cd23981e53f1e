//! The daemon's dataset and the patches that describe how it changes.
//!
//! The difference between two values is taken as the agent takes it, with what that cannot say:
//! lists are compared by position, a value that becomes null is set to null and then deleted, and
//! a container that changes its type leaves a patch that no replica can apply faithfully.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// One change: a path of keys and list indexes, and the new value, or `None` for a deletion.
type Change = (Vec<Value>, Option<Value>);

/// The dataset, the changes not yet told, and the number of the last message.
pub(super) struct Journal {
    data: Value,
    pending: Vec<Change>,
    last_id: u64,
    last_message: Option<Instant>,
    coalesce: Duration,
}

impl Journal {
    /// An empty dataset, as in a daemon that just started.
    pub(super) fn new(coalesce: Duration) -> Self {
        Self {
            data: json!({}),
            pending: Vec::new(),
            last_id: 0,
            last_message: None,
            coalesce,
        }
    }

    /// The whole dataset.
    pub(super) fn data(&self) -> &Value {
        &self.data
    }

    /// The value at a path of keys.
    pub(super) fn get(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(&self.data, |at, key| at.get(*key))
    }

    /// Replaces the value at a path of keys, making the objects on the way.
    pub(super) fn set(&mut self, path: &[&str], value: Value) {
        let prefix: Vec<Value> = path.iter().map(|key| json!(key)).collect();
        match self.get(path) {
            Some(old) => self.pending.extend(difference(old, &value, prefix)),
            None => self.pending.push((prefix, Some(value.clone()))),
        }
        let mut at = &mut self.data;
        for key in path {
            if !at.is_object() {
                *at = json!({});
            }
            at = &mut at[*key];
        }
        *at = value;
    }

    /// Deletes the value at a path of keys; nothing happens where there is none.
    pub(super) fn unset(&mut self, path: &[&str]) {
        let Some((last, parents)) = path.split_last() else {
            return;
        };
        let parent = parents
            .iter()
            .try_fold(&mut self.data, |at, key| at.get_mut(*key));
        let removed = parent
            .and_then(Value::as_object_mut)
            .and_then(|parent| parent.remove(*last));
        if removed.is_some() {
            let path = path.iter().map(|key| json!(key)).collect();
            self.pending.push((path, None));
        }
    }

    /// The message that the changes so far make, unless one was sent so recently that the daemon
    /// groups them with the next change.
    pub(super) fn message(&mut self) -> Option<Value> {
        let recent = self
            .last_message
            .is_some_and(|at| at.elapsed() < self.coalesce);
        if recent { None } else { self.flush() }
    }

    /// The message that the changes so far make, however recent the last one.
    pub(super) fn flush(&mut self) -> Option<Value> {
        if self.pending.is_empty() {
            return None;
        }
        self.last_id += 1;
        self.last_message = Some(Instant::now());
        let changes: Vec<Value> = self
            .pending
            .drain(..)
            .map(|(path, value)| match value {
                Some(value) => json!([path, value]),
                None => json!([path]),
            })
            .collect();
        Some(json!({"kind": "patch", "id": self.last_id, "ts": now(), "data": changes}))
    }

    /// Uses up a number, as a message that is lost does.
    pub(super) fn skip(&mut self) {
        self.last_id += 1;
    }
}

/// Seconds since the epoch, as the agent writes every time.
pub(super) fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |d| d.as_secs_f64())
}

fn difference(old: &Value, new: &Value, prefix: Vec<Value>) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut path = prefix;
    added(Some(old), new, &mut path, &mut changes);
    removed(old, Some(new), &mut path, &mut changes);
    changes
}

fn added(old: Option<&Value>, new: &Value, path: &mut Vec<Value>, out: &mut Vec<Change>) {
    match (old, new) {
        (None, new) => out.push((path.clone(), Some(new.clone()))),
        (Some(Value::Null), new) if !new.is_null() => out.push((path.clone(), Some(new.clone()))),
        (Some(old), Value::Object(new)) => {
            for (key, value) in new {
                path.push(json!(key));
                added(old.get(key), value, path, out);
                path.pop();
            }
        }
        (Some(old), Value::Array(new)) => {
            for (index, value) in new.iter().enumerate() {
                path.push(json!(index));
                added(old.get(index), value, path, out);
                path.pop();
            }
        }
        (Some(old), new) if old != new => out.push((path.clone(), Some(new.clone()))),
        _ => {}
    }
}

fn removed(old: &Value, new: Option<&Value>, path: &mut Vec<Value>, out: &mut Vec<Change>) {
    match (old, new) {
        (_, None) => out.push((path.clone(), None)),
        (old, Some(Value::Null)) if !old.is_null() => out.push((path.clone(), None)),
        (Value::Object(old), Some(new)) => {
            for (key, value) in old {
                path.push(json!(key));
                removed(value, new.get(key), path, out);
                path.pop();
            }
        }
        (Value::Array(old), Some(new)) if new.is_array() || new.is_object() => {
            for (index, value) in old.iter().enumerate().rev() {
                path.push(json!(index));
                removed(value, new.get(index), path, out);
                path.pop();
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(old: Value, new: Value) -> Value {
        let mut journal = Journal::new(Duration::ZERO);
        journal.set(&["x"], old);
        journal.flush();
        journal.set(&["x"], new);
        journal.flush().map_or(json!([]), |m| m["data"].clone())
    }

    #[test]
    fn lists_are_compared_by_position() {
        assert_eq!(
            told(json!(["a", "b", "c"]), json!(["c", "a"])),
            json!([[["x", 0], "c"], [["x", 1], "a"], [["x", 2]]])
        );
        assert_eq!(
            told(json!(["0.scal"]), json!(["0.scal", "1.scal"])),
            json!([[["x", 1], "1.scal"]])
        );
    }

    #[test]
    fn null_is_set_and_then_deleted() {
        assert_eq!(
            told(json!({"e": "started"}), json!({"e": null})),
            json!([[["x", "e"], null], [["x", "e"]]])
        );
    }

    #[test]
    fn a_container_that_changes_its_type_cannot_be_told() {
        assert_eq!(
            told(json!({"a": {"b": 1}}), json!({"a": [1, 2]})),
            json!([[["x", "a", 0], 1], [["x", "a", 1], 2], [["x", "a", "b"]]])
        );
        assert_eq!(told(json!({"a": 1}), json!({"a": {}})), json!([]));
    }

    #[test]
    fn numbers_follow_each_other_and_recent_changes_wait() {
        let mut journal = Journal::new(Duration::from_secs(3600));
        journal.set(&["a"], json!(1));
        assert_eq!(journal.message().unwrap()["id"], 1);
        journal.set(&["b", "c"], json!(2));
        assert_eq!(journal.message(), None);
        journal.unset(&["a"]);
        let message = journal.flush().unwrap();
        assert_eq!(message["id"], 2);
        assert_eq!(message["data"], json!([[["b", "c"], 2], [["a"]]]));
        assert_eq!(journal.data(), &json!({"b": {"c": 2}}));
    }
}
