//! The keywords of a resource, as small as they come.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::walk::{Cursor, Walk};

/// The evaluated keywords of a resource: a JSON object.
///
/// It is held as the text that the daemon wrote, in one piece of memory: of tens of thousands, each is looked
/// at when its service changes and hardly ever again. No member is null, and nothing nests too deeply to be
/// read.
#[derive(Clone, Default)]
pub struct Info(Option<Arc<str>>);

impl Info {
    /// Takes over the text of an object that is known to be of this form.
    pub(super) fn known(text: Arc<str>) -> Self {
        Self(Some(text))
    }

    /// The text, to be shared.
    pub(super) fn shared(&self) -> Arc<str> {
        self.0.clone().unwrap_or_else(|| "{}".into())
    }

    /// All keywords.
    pub fn read(&self) -> Map<String, Value> {
        serde_json::from_str(self.text()).unwrap_or_default()
    }

    /// The value of a keyword.
    pub fn get(&self, keyword: &str) -> Option<Value> {
        let [value] = self.pick([keyword]);
        value
    }

    /// The values of some keywords, which differ. Of the others none is looked at.
    pub fn pick<const N: usize>(&self, keywords: [&str; N]) -> [Option<Value>; N] {
        let mut picked = [const { None }; N];
        let mut members = Cursor::new(self.text().as_bytes());
        // The form is known: nobody gets lost.
        let _ = members.members(|member, name| {
            let place = keywords.iter().position(|known| known.as_bytes() == name);
            match place.and_then(|place| picked.get_mut(place)) {
                Some(value) => *value = serde_json::from_slice(member.value()?).ok(),
                None => member.pass()?,
            }
            Ok(())
        });
        picked
    }

    /// Whether this is a copy of another: the same, without a look at what it is.
    pub fn is_copy(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        }
    }

    /// The JSON text.
    pub fn text(&self) -> &str {
        self.0.as_deref().unwrap_or("{}")
    }
}

impl From<&Map<String, Value>> for Info {
    fn from(members: &Map<String, Value>) -> Self {
        if members.is_empty() {
            return Self::default();
        }
        // Whatever is a map is a text.
        let text = serde_json::to_string(members).unwrap_or_else(|_| "{}".into());
        Self(Some(text.into()))
    }
}

impl From<Map<String, Value>> for Info {
    fn from(members: Map<String, Value>) -> Self {
        Self::from(&members)
    }
}

impl PartialEq for Info {
    /// The same keywords with the same values, whatever their order.
    fn eq(&self, other: &Self) -> bool {
        self.is_copy(other) || self.text() == other.text() || self.read() == other.read()
    }
}

impl Eq for Info {}

impl fmt::Debug for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_picked_is_what_is_read() {
        let info = Info::known(r#"{"b" : [1, {"a": 2}], "a": "x\u00e9", "a": 7.5}"#.into());
        assert_eq!(
            Value::Object(info.read()),
            json!({"a": 7.5, "b": [1, {"a": 2}]})
        );
        let [a, b, c] = info.pick(["a", "b", "c"]);
        assert_eq!((a, b, c), (info.get("a"), info.get("b"), None));
        assert_eq!(info.get("b"), Some(json!([1, {"a": 2}])));
        assert_eq!(Info::default().get("a"), None);
    }

    #[test]
    fn the_same_keywords_are_the_same_whatever_their_text() {
        let one = Info::known(r#"{"a": 1, "b": "x"}"#.into());
        let other = Info::from(&one.read());
        assert_eq!(one, other);
        assert!(!one.is_copy(&other) && one.is_copy(&one.clone()));
        assert_ne!(one, Info::known(r#"{"a": 1}"#.into()));
        assert_eq!(Info::known("{ }".into()), Info::default());
    }
}
