//! From a raw value to what a keyword means by it.
//!
//! Each function takes the text of a configuration file as well as the JSON that the daemon makes of
//! it, and gives the same result for both.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU16;
use std::time::Duration;

use serde_json::{Map, Value};

use super::codes;
use super::problem::{Problem, quote};
use crate::config::parse_json;
use crate::envoy::shown;
use crate::model::ObjectPath;

/// The deepest nesting of a JSON keyword; Envoy's own messages need a third of it. What comes from
/// the daemon is cut not far below, so that this must be found before.
const MAX_JSON_DEPTH: usize = 48;

/// Envoy counts nanoseconds in 63 bits.
const MAX_SECONDS: u64 = 9_223_372_036;

/// Whether a value says nothing: absent, empty, or a list of nothing.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// One text.
pub(super) fn text(value: &Value) -> Result<Cow<'_, str>, Problem> {
    match value {
        Value::String(text) => Ok(text.trim().into()),
        Value::Number(number) => Ok(number.to_string().into()),
        Value::Bool(flag) => Ok(flag.to_string().into()),
        Value::Null => Ok("".into()),
        Value::Array(_) => Err(Problem::of_value(
            codes::WRONG_TYPE,
            "is a list",
            "write one value",
        )),
        Value::Object(_) => Err(Problem::of_value(
            codes::WRONG_TYPE,
            "is a JSON object",
            "write one value",
        )),
    }
}

/// One text without control characters, which have no place in HTTP.
pub(super) fn line(value: &Value) -> Result<String, Problem> {
    let text = text(value)?.into_owned();
    let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    match !is_plain && text.chars().any(char::is_control) {
        true => Err(Problem::new(
            codes::CONTROL_CHARACTER,
            format!(
                "{} holds a line break or another control character",
                quote(&text)
            ),
            "write it on one line",
        )),
        false => Ok(text),
    }
}

/// Texts separated by white space.
pub(super) fn list(value: &Value) -> Result<Vec<String>, Problem> {
    let problem = |what| {
        let hint = "write names separated by spaces";
        Problem::of_value(codes::WRONG_TYPE, what, hint)
    };
    match value {
        Value::String(text) => Ok(text.split_whitespace().map(str::to_owned).collect()),
        Value::Array(items) => {
            let names = items.iter().map(|item| match item {
                Value::Array(_) | Value::Object(_) | Value::Null => {
                    Err(problem("is a list of something else than names"))
                }
                item => text(item).map(Cow::into_owned),
            });
            let mut names = names.collect::<Result<Vec<String>, _>>()?;
            names.retain(|name| !name.is_empty());
            match names.is_empty() && !items.is_empty() {
                true => Err(problem("is a list of nothing")),
                false => Ok(names),
            }
        }
        Value::Object(_) => Err(problem("is a JSON object")),
        other => Ok(vec![text(other)?.into_owned()]),
    }
}

/// The number that is written for a port, which need not be one yet.
fn port_number(value: &Value, want: &str) -> Result<u64, Problem> {
    let text = text(value)?;
    let digits = text.strip_prefix('-').unwrap_or(&text);
    let is_integer = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<u64>() {
        Ok(number) if is_integer => Ok(number),
        _ if is_integer => Err(Problem::new(
            codes::PORT_OUT_OF_RANGE,
            format!("{} is not a port", shown(&text)),
            format!("write {want}"),
        )),
        _ => Err(Problem::new(
            codes::INVALID_INTEGER,
            format!("{} is not an integer", quote(&text)),
            format!("write {want}"),
        )),
    }
}

/// A port.
pub(super) fn port(value: &Value) -> Result<NonZeroU16, Problem> {
    let want = "a port from 1 to 65535";
    let number = port_number(value, want)?;
    u16::try_from(number)
        .ok()
        .and_then(NonZeroU16::new)
        .ok_or_else(|| {
            Problem::new(
                codes::PORT_OUT_OF_RANGE,
                format!("{number} is not a port"),
                format!("write {want}"),
            )
        })
}

/// A port, or 0.
pub(super) fn port_or_zero(value: &Value) -> Result<Option<NonZeroU16>, Problem> {
    let want = "a port from 1 to 65535, or 0 to have one chosen";
    let number = port_number(value, want)?;
    u16::try_from(number).map(NonZeroU16::new).map_err(|_| {
        Problem::new(
            codes::PORT_OUT_OF_RANGE,
            format!("{number} is not a port"),
            format!("write {want}"),
        )
    })
}

/// The agent's own words for true and false.
pub(super) fn boolean(value: &Value) -> Result<bool, Problem> {
    let text = match value {
        Value::Bool(flag) => return Ok(*flag),
        value => text(value)?,
    };
    let is_one_of = |words: [&str; 5]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    match &*text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ if is_one_of(["true", "t", "yes", "y", "1"]) => Ok(true),
        _ if is_one_of(["false", "f", "no", "n", "0"]) => Ok(false),
        _ => Err(Problem::new(
            codes::INVALID_BOOLEAN,
            format!("{} is neither true nor false", quote(&text)),
            "write true or false",
        )),
    }
}

/// One of some words, whatever the case and the separator.
pub(super) fn choice(
    value: &Value,
    candidates: &'static [&'static str],
) -> Result<&'static str, Problem> {
    let text = text(value)?;
    if let Some(candidate) = candidates.iter().find(|candidate| **candidate == text) {
        return Ok(candidate);
    }
    let plain = |byte: u8| match byte {
        b'-' | b'_' => b' ',
        byte => byte.to_ascii_lowercase(),
    };
    candidates
        .iter()
        .copied()
        .find(|candidate| text.bytes().map(plain).eq(candidate.bytes().map(plain)))
        .ok_or_else(|| {
            Problem::new(
                codes::INVALID_CHOICE,
                format!("{} is not one of the choices", quote(&text)),
                format!("write one of: {}", candidates.join(", ")),
            )
        })
}

/// Whole seconds, as the agent converts them: `90`, `90s`, `1h30m`, `2d`, `1w`.
pub(super) fn duration(value: &Value) -> Result<Duration, Problem> {
    let hint = "write whole seconds, or units as in 1h30m (w, d, h, m, s)";
    parse_duration(value, false, hint)
}

/// The same, and fractions and milliseconds: `1.5s`, `500ms`.
pub(super) fn timeout(value: &Value) -> Result<Duration, Problem> {
    let hint = "write seconds, or units as in 1h30m or 500ms (w, d, h, m, s, ms); 0 is for ever";
    parse_duration(value, true, hint)
}

fn parse_duration(value: &Value, fractions: bool, hint: &str) -> Result<Duration, Problem> {
    let text = text(value)?;
    let nanos = match text.parse::<u64>() {
        Ok(seconds) => Some(u128::from(seconds) * 1_000_000_000),
        Err(_) => units(&text, fractions),
    };
    let nanos = nanos.ok_or_else(|| {
        Problem::new(
            codes::INVALID_DURATION,
            format!("{} is not a duration", quote(&text)),
            hint,
        )
    })?;
    let duration = u64::try_from(nanos).map(Duration::from_nanos);
    match duration {
        Ok(duration) if duration.as_secs() < MAX_SECONDS => Ok(duration),
        _ => Err(Problem::new(
            codes::INVALID_DURATION,
            format!("{} is more than Envoy can count", quote(&text)),
            format!("write less than {MAX_SECONDS} seconds"),
        )),
    }
}

/// The nanoseconds of numbers with units; every number needs one, or it is the only number.
fn units(text: &str, fractions: bool) -> Option<u128> {
    const NANOS: u128 = 1_000_000_000;
    let mut total: u128 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| !(c.is_ascii_digit() || c == '.'))
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let length = after
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(length);
        let is = |name| unit.eq_ignore_ascii_case(name);
        let unit = match unit {
            _ if is("w") => 604_800 * NANOS,
            _ if is("d") => 86_400 * NANOS,
            _ if is("h") => 3_600 * NANOS,
            _ if is("m") => 60 * NANOS,
            _ if is("s") => NANOS,
            _ if is("ms") && fractions => NANOS / 1_000,
            "" if fractions && number.len() == text.len() => NANOS,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if number.contains('.') && (!fractions || fraction.is_empty()) {
            return None;
        }
        total = total.checked_add(whole.parse::<u128>().ok()?.checked_mul(unit)?)?;
        if !fraction.is_empty() {
            let digits = u32::try_from(fraction.len()).ok().filter(|n| *n <= 9)?;
            let part = fraction.parse::<u128>().ok()?.checked_mul(unit)?;
            total = total.checked_add(part / 10_u128.pow(digits))?;
        }
        rest = after.trim_start();
    }
    (!text.is_empty()).then_some(total)
}

/// An address to listen on. An IPv4 address in IPv6's clothes is the IPv4 address.
pub(super) fn address(value: &Value) -> Result<IpAddr, Problem> {
    let text = text(value)?;
    let problem = |what: &str, hint| {
        let message = format!("{} is {what}", quote(&text));
        Problem::new(codes::INVALID_ADDRESS, message, hint)
    };
    let address: Result<IpAddr, _> = text.parse();
    match address.map(|address| address.to_canonical()) {
        Ok(IpAddr::V6(v6)) if v6.is_unicast_link_local() => Err(problem(
            "a link-local address, which is nothing without an interface",
            "write another address of the node; Envoy has no way to name an interface",
        )),
        Ok(address) if address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST) => {
            Err(problem(
                "not an address that a node can have",
                "write an address of the gateway's node, or 0.0.0.0",
            ))
        }
        Ok(address) => Ok(address),
        Err(_) => {
            let hint = if text.starts_with('[') {
                "write the address without brackets"
            } else if text.contains('/') {
                "write one address, without netmask"
            } else if text.contains('%') {
                "write the address without zone; Envoy has no way to name an interface"
            } else {
                "write an IPv4 or IPv6 address; a host name is not looked up"
            };
            Err(problem("not an ip address", hint))
        }
    }
}

/// A JSON object, given as such or as its text.
pub(super) fn object(value: &Value) -> Result<Map<String, Value>, Problem> {
    let want = r#"write a JSON object, such as {"connect_timeout": "1s"}"#;
    let parsed = match value {
        Value::String(text) => parse_json(text).map_err(|error| {
            // It is JSON, as far as its form goes.
            let (what, hint) = match error.is_data() {
                true => ("is ambiguous", "write each field once"),
                false if text.contains('\'') && !text.contains('"') => (
                    "is not JSON",
                    "JSON wants double quotes around keys and texts",
                ),
                false => ("is not JSON", want),
            };
            Problem::of_value(codes::INVALID_JSON, format!("{what}: {error}"), hint)
        })?,
        value => value.clone(),
    };
    let what = match &parsed {
        Value::Object(_) if depth_exceeds(&parsed, MAX_JSON_DEPTH) => {
            return Err(Problem::of_value(
                codes::INVALID_JSON,
                format!("is nested more than {MAX_JSON_DEPTH} deep"),
                "no message of Envoy is",
            ));
        }
        Value::Object(_) => None,
        Value::Array(_) => Some("a list"),
        Value::String(_) => Some("a text"),
        Value::Number(_) => Some("a number"),
        Value::Bool(_) => Some("a boolean"),
        Value::Null => Some("null"),
    };
    match (parsed, what) {
        (Value::Object(object), None) => Ok(object),
        (_, what) => Err(Problem::of_value(
            codes::INVALID_JSON,
            format!("is {}, not an object", what.unwrap_or("something")),
            want,
        )),
    }
}

fn depth_exceeds(value: &Value, limit: usize) -> bool {
    match value {
        Value::Array(items) => {
            limit == 0 || items.iter().any(|item| depth_exceeds(item, limit - 1))
        }
        Value::Object(fields) => {
            limit == 0 || fields.values().any(|item| depth_exceeds(item, limit - 1))
        }
        _ => false,
    }
}

/// A secret of the service's own namespace, by bare name or by path.
pub(super) fn secret(value: &Value, service: &ObjectPath) -> Result<ObjectPath, Problem> {
    let text = text(value)?;
    let namespace = service.namespace();
    let problem =
        |message: String, hint: String| Problem::new(codes::INVALID_SECRET, message, hint);
    let name = match text.split('/').collect::<Vec<_>>()[..] {
        [name] | ["sec", name] => name,
        [other, "sec", name] if other != namespace.unwrap_or("root") => {
            return Err(problem(
                format!("{} is in another namespace than the service", quote(&text)),
                format!(
                    "copy it to {} and write {name}",
                    ObjectPath::secret(namespace, name)
                ),
            ));
        }
        [_, "sec", name] => name,
        _ => {
            return Err(problem(
                format!("{} is not the path of a secret", quote(&text)),
                "write the name of a secret of the service's namespace".to_owned(),
            ));
        }
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    match !name.is_empty() && name.chars().all(is_name) {
        true => Ok(ObjectPath::secret(namespace, name)),
        false => Err(problem(
            format!("{} is not the name of a secret", quote(&text)),
            "write letters, digits, '.', '-' and '_'".to_owned(),
        )),
    }
}

#[cfg(test)]
#[path = "value_tests.rs"]
mod tests;
