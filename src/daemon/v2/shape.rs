//! Reading JSON whose shape is expected but not trusted.
//!
//! Serde gives up on a whole document when one value has another type than asked for. The daemon's
//! dataset holds whatever thousands of services put there, and one of them must not blind the
//! gateway to the others: a [`Shape`] says what it makes of the types it knows, and every other
//! type is read past and counts as a missing value.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// What to make of a JSON value, by type; by default nothing, which is `Value::default()`.
pub(super) trait Shape<'de>: Sized {
    /// What the value becomes.
    type Value: Default;

    fn text(self, _text: Cow<'de, str>) -> Self::Value {
        Default::default()
    }

    fn boolean(self, _value: bool) -> Self::Value {
        Default::default()
    }

    fn number(self, _number: Number) -> Self::Value {
        Default::default()
    }

    fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        skip_list(&mut list)?;
        Ok(Default::default())
    }

    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Default::default())
    }
}

/// Reads the rest of a list. Returns how many elements there were.
pub(super) fn skip_list<'de, A: SeqAccess<'de>>(list: &mut A) -> Result<usize, A::Error> {
    let mut count = 0;
    while list.next_element::<IgnoredAny>()?.is_some() {
        count += 1;
    }
    Ok(count)
}

/// Reads a value by a [`Shape`].
pub(super) struct As<S>(pub(super) S);

impl<'de, S: Shape<'de>> DeserializeSeed<'de> for As<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: Shape<'de>> Visitor<'de> for As<S> {
    type Value = S::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<S::Value, E> {
        Ok(self.0.boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<S::Value, E> {
        Ok(self.0.number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<S::Value, E> {
        Ok(self.0.number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<S::Value, E> {
        Ok(Number::from_f64(value).map_or_else(S::Value::default, |n| self.0.number(n)))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<S::Value, E> {
        Ok(self.0.text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<S::Value, E> {
        Ok(self.0.text(Cow::Owned(text.into())))
    }

    fn visit_unit<E>(self) -> Result<S::Value, E> {
        Ok(Default::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<S::Value, A::Error> {
        self.0.list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<S::Value, A::Error> {
        self.0.object(object)
    }
}

/// Reads the members of an object that have an arm, and past all the others.
macro_rules! members {
    ($object:ident, { $($name:literal => $read:expr,)* }) => {
        while let Some(key) = $object.next_key_seed(As(Word))? {
            match &*key {
                $($name => $read,)*
                _ => { $object.next_value::<IgnoredAny>()?; }
            }
        }
    };
}
pub(super) use members;

/// Reads a key or a text without copying it where it has no escapes.
pub(super) struct Word;

impl<'de> Shape<'de> for Word {
    type Value = Cow<'de, str>;

    fn text(self, text: Cow<'de, str>) -> Self::Value {
        text
    }
}

/// A text; `None` for any other type.
#[derive(Default)]
pub(super) struct Text<'de>(PhantomData<&'de ()>);

impl<'de> Shape<'de> for Text<'de> {
    type Value = Option<Cow<'de, str>>;

    fn text(self, text: Cow<'de, str>) -> Self::Value {
        Some(text)
    }
}

/// A boolean; false for any other type.
pub(super) struct Flag;

impl<'de> Shape<'de> for Flag {
    type Value = bool;

    fn boolean(self, value: bool) -> bool {
        value
    }
}

/// Any JSON value, without the members of objects that are null (the daemon's patches delete what
/// its dataset holds as null, so the two must look alike) and without what lies deeper than any
/// configuration does.
#[derive(Default)]
pub(super) struct Json {
    depth: u8,
}

/// How deep the JSON values of keywords may nest. Serde's own limit, which fails the whole
/// document, is 128 from the root of the dataset.
const MAX_DEPTH: u8 = 64;

impl Json {
    fn deeper(&self) -> Option<As<Self>> {
        (self.depth < MAX_DEPTH).then(|| {
            As(Self {
                depth: self.depth + 1,
            })
        })
    }
}

impl<'de> Shape<'de> for Json {
    type Value = Value;

    fn text(self, text: Cow<'de, str>) -> Value {
        Value::String(text.into_owned())
    }

    fn boolean(self, value: bool) -> Value {
        Value::Bool(value)
    }

    fn number(self, number: Number) -> Value {
        Value::Number(number)
    }

    fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(deeper) = self.deeper() {
            match list.next_element_seed(deeper)? {
                Some(value) => values.push(value),
                None => return Ok(Value::Array(values)),
            }
        }
        skip_list(&mut list)?;
        Ok(Value::Array(values))
    }

    fn object<A: MapAccess<'de>>(self, object: A) -> Result<Value, A::Error> {
        read_members(object, self.depth).map(Value::Object)
    }
}

/// Whether a text is a value that [`Json`] leaves as it is, with room to spare: without null members, and
/// not deep.
pub(super) fn is_plain(text: &str) -> bool {
    let mut json = serde_json::Deserializer::from_str(text);
    let is_plain = As(Plain { depth: 0 }).deserialize(&mut json);
    is_plain.unwrap_or(false) && json.end().is_ok()
}

struct Plain {
    depth: u8,
}

impl Plain {
    fn deeper(&self) -> Option<As<Self>> {
        let depth = self.depth + 1;
        (depth < MAX_DEPTH / 2).then_some(As(Self { depth }))
    }
}

impl<'de> Shape<'de> for Plain {
    type Value = bool;

    fn text(self, _text: Cow<'de, str>) -> bool {
        true
    }

    fn boolean(self, _value: bool) -> bool {
        true
    }

    fn number(self, _number: Number) -> bool {
        true
    }

    fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        let mut plain = true;
        while let Some(deeper) = self.deeper() {
            match list.next_element_seed(deeper)? {
                Some(element) => plain &= element,
                None => return Ok(plain),
            }
        }
        skip_list(&mut list)?;
        Ok(false)
    }

    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<bool, A::Error> {
        let mut plain = true;
        while let Some(deeper) = self.deeper() {
            if object.next_key_seed(As(Word))?.is_none() {
                return Ok(plain);
            }
            plain &= object.next_value_seed(deeper)?;
        }
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(false)
    }
}

/// A JSON object; empty for any other type.
pub(super) struct Object;

impl<'de> Shape<'de> for Object {
    type Value = Map<String, Value>;

    fn object<A: MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
        read_members(object, 0)
    }
}

fn read_members<'de, A: MapAccess<'de>>(
    mut object: A,
    depth: u8,
) -> Result<Map<String, Value>, A::Error> {
    let mut members = Map::new();
    while let Some(key) = object.next_key::<String>()? {
        let Some(deeper) = (Json { depth }).deeper() else {
            object.next_value::<IgnoredAny>()?;
            continue;
        };
        match object.next_value_seed(deeper)? {
            Value::Null => members.remove(&key),
            value => members.insert(key, value),
        };
    }
    Ok(members)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read<'de, S: Shape<'de>>(shape: S, text: &'de str) -> S::Value {
        let mut json = serde_json::Deserializer::from_str(text);
        let value = As(shape).deserialize(&mut json).unwrap();
        json.end().unwrap();
        value
    }

    #[test]
    fn a_value_of_another_type_counts_as_missing() {
        for odd in ["null", "1", "-1.5", "\"x\"", "[1, [2]]", "{\"a\": {}}"] {
            assert!(!read(Flag, odd), "{odd}");
        }
        for odd in ["null", "1", "true", "[\"x\"]", "{\"a\": \"x\"}"] {
            assert_eq!(read(Text::default(), odd), None, "{odd}");
            assert!(!read(Object, odd).contains_key("b"), "{odd}");
        }
    }

    #[test]
    fn null_members_are_missing_and_null_elements_keep_their_place() {
        assert_eq!(
            read(Json::default(), r#"{"a": null, "b": [null, {"c": null}]}"#),
            serde_json::json!({"b": [null, {}]})
        );
    }

    #[test]
    fn what_is_plain_is_left_as_it_is() {
        for plain in [r#"{"a": [1.5, "x", true, {}], "b": {"c": []}}"#, "[]", "-1"] {
            assert!(is_plain(plain), "{plain}");
            let value: Value = serde_json::from_str(plain).unwrap();
            assert_eq!(read(Json::default(), plain), value);
        }
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        let odd = ["null", r#"{"a": {"b": null}}"#, "[null]", r#""\ud800""#];
        for other in odd.into_iter().chain(["1e999", "[NaN]", "1 2", "", &deep]) {
            assert!(!is_plain(other), "{other}");
        }
    }

    #[test]
    fn nesting_beyond_reason_is_cut_not_refused() {
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        assert!(read(Json::default(), &deep).is_array());
        let deep = format!("{}1{}", r#"{"a":"#.repeat(100), "}".repeat(100));
        assert!(read(Json::default(), &deep).is_object());
    }
}
