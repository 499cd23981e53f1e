//! JSON in which no name is given twice: of two values, nobody could tell which one was meant.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Value};

use crate::text::printable;

/// Reads JSON.
///
/// # Errors
/// Where it is not JSON, or an object has a name twice: says which one, with the line.
pub fn parse_json(text: &str) -> Result<Value, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = JsonPath::default().deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// Where a value is. Only made a text for an error, so that reading costs no more for long names.
#[derive(Clone, Copy, Default)]
struct JsonPath<'p> {
    outer: Option<&'p JsonPath<'p>>,
    name: &'p str,
}

impl fmt::Display for JsonPath<'_> {
    /// Names joined by dots, as `expose#0.port`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.outer {
            Some(outer) if !outer.name.is_empty() => write!(f, "{outer}.{}", printable(self.name)),
            _ => f.write_str(&printable(self.name)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for JsonPath<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for JsonPath<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = from.next_key::<String>()? {
            let path = |name| JsonPath {
                outer: Some(&self),
                name,
            };
            match object.entry(name) {
                Entry::Vacant(entry) => {
                    let value = from.next_value_seed(path(entry.key()))?;
                    entry.insert(value);
                }
                Entry::Occupied(entry) => {
                    let path = path(entry.key());
                    let twice = format_args!("{path} is given twice; keep one of the two");
                    return Err(A::Error::custom(twice));
                }
            }
        }
        Ok(Value::Object(object))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = from.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_without_a_repeated_name_is_read_as_serde_json_reads_it() {
        for text in [
            "{}",
            r#"{"expose#0": {"port": 80, "sni": ["a", "b"]}, "vhost#0": {"port": -1.5}}"#,
            r#"[null, true, "text", 18446744073709551615, -1, 1e300, [], {"a": {"a": 1}}]"#,
        ] {
            let usual: Value = serde_json::from_str(text).unwrap();
            assert_eq!(parse_json(text).unwrap(), usual);
        }
        for text in ["", "{", "{} {}", r#"{"a": }"#, "nul"] {
            let usual = serde_json::from_str::<Value>(text).unwrap_err();
            assert_eq!(parse_json(text).unwrap_err().to_string(), usual.to_string());
        }
    }

    /// It would copy 50 GB where each item had its place.
    #[test]
    fn a_long_name_of_a_long_list_is_read_at_once() {
        let text = format!(
            r#"{{"{}": [{}0]}}"#,
            "x".repeat(500_000),
            "0,".repeat(100_000)
        );
        let value = parse_json(&text).unwrap();
        let list = value.as_object().unwrap().values().next().unwrap();
        assert_eq!(list.as_array().unwrap().len(), 100_001);
    }

    #[test]
    fn what_is_given_twice_is_named_with_its_line() {
        for (text, wanted) in [
            (
                "{\"expose#0\": {\n\"port\": 80,\n\"port\": 81}}",
                "expose#0.port is given twice; keep one of the two at line 3 ",
            ),
            (
                "{\"expose#0\": {},\n\"expose#0\": {}}",
                "expose#0 is given twice; keep one of the two at line 2 ",
            ),
            (
                r#"{"a": [{"b\n": 1, "b\n": 2}]}"#,
                r"a.b\n is given twice; keep one of the two at line 1 ",
            ),
        ] {
            let said = parse_json(text).unwrap_err().to_string();
            assert!(said.starts_with(wanted), "{said}");
        }
    }
}
