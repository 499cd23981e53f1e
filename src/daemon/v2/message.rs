//! What the daemon sends: replies with its dataset, and the messages of its event stream.

use std::borrow::Cow;
use std::io::Read;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess};
use serde_json::{Number, Value};

use super::change::{Change, Changes};
use super::dataset::Monitor;
use super::repair::repaired;
use super::shape::{As, Json, Shape, Text, Word, members};
use super::skim::{Said, skim};
use super::stream::Stream;
use super::tables::Tables;
use super::whole::{self, Known};
use crate::daemon::RequestError;
use crate::daemon::walk::{Cursor, Lost, Walk};

/// A message of the event stream.
#[derive(Debug)]
pub(super) enum Message {
    /// Changes of the dataset; only those that are watched.
    Patch {
        /// One more than that of the message before.
        id: u64,
        /// In order.
        changes: Vec<Change>,
    },
    /// News for people, which changes nothing.
    Event,
    /// Anything else.
    Unknown(String),
}

/// Reads a message of the event stream.
pub(super) fn message(text: &[u8]) -> Message {
    let said = skim(text).or_else(|Lost| read(text, || Envelope));
    match said {
        Ok((Kind::Patch, Some(id), Some(changes))) => Message::Patch { id, changes },
        Ok((Kind::Event, ..)) => Message::Event,
        Ok((Kind::Other(kind), ..)) => Message::Unknown(format!("of kind {kind:?}")),
        Ok(_) => Message::Unknown("without a kind".into()),
        Err(error) => Message::Unknown(format!("not JSON ({error})")),
    }
}

/// Reads the reply to `daemon_status`. Instances that are `known` already, and still the same, are
/// shared.
pub(super) fn status(text: &[u8], known: &Known) -> Result<Tables, RequestError> {
    let mut cursor = Cursor::new(text);
    if let Ok(tables) = whole::tables(&mut cursor, known)
        && cursor.peek().is_err()
    {
        return Ok(tables);
    }
    by_shape(text)
}

/// The same, more slowly, and with a word on what is wrong with a text that is none.
pub(super) fn by_shape(text: &[u8]) -> Result<Tables, RequestError> {
    match read(text, || StatusReply) {
        Ok(StatusReplied::Dataset(tables)) => Ok(tables),
        Ok(StatusReplied::Error(status, Some(message))) => {
            Err(RequestError::Refused { status, message })
        }
        Ok(StatusReplied::Error(_, None)) => Err(RequestError::Malformed(
            "a daemon status without 'monitor'".into(),
        )),
        Err(error) => Err(RequestError::Malformed(error.to_string())),
    }
}

/// The same, as the reply comes, without holding it; `None` where that does not tell what it is, and its
/// beginning was let go.
pub(super) fn status_as_it_comes(
    reply: impl Read,
    limit: usize,
    known: &Known,
) -> Result<Option<Tables>, RequestError> {
    let mut stream = Stream::new(reply, limit);
    match whole::tables(&mut stream, known) {
        Ok(tables) if stream.is_at_end() => Ok(Some(tables)),
        _ => match stream.whole()? {
            Some(text) => status(&text, known).map(Some),
            None => Ok(None),
        },
    }
}

/// Reads a document by a shape; once more, repaired, where it is not JSON.
pub(super) fn read<V, S, F>(text: &[u8], shape: F) -> Result<V, serde_json::Error>
where
    S: for<'de> Shape<'de, Value = V>,
    F: Fn() -> S,
{
    let once = |text: &[u8]| {
        let mut json = serde_json::Deserializer::from_slice(text);
        let value = As(shape()).deserialize(&mut json)?;
        json.end()?;
        Ok(value)
    };
    once(text).or_else(|error| match repaired(text) {
        Some(text) => once(&text),
        None => Err(error),
    })
}

/// How much of an unknown kind is read, in characters.
const LONGEST_KIND: usize = 64;

/// What a message says it is.
#[derive(Debug, Default)]
pub(super) enum Kind {
    Patch,
    Event,
    Other(String),
    #[default]
    Missing,
}

impl<'de> Shape<'de> for Kind {
    type Value = Self;

    fn text(self, text: Cow<'de, str>) -> Self {
        match &*text {
            "patch" => Self::Patch,
            "event" => Self::Event,
            // Enough to be known by: it is kept, and logged.
            text => Self::Other(text.chars().take(LONGEST_KIND).collect()),
        }
    }
}

/// A message: its kind, number and changes.
struct Envelope;

impl<'de> Shape<'de> for Envelope {
    type Value = Said;

    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let (mut kind, mut id, mut changes) = (Kind::Missing, None, None);
        members!(object, {
            "kind" => kind = object.next_value_seed(As(Kind::Missing))?,
            "id" => id = object.next_value_seed(As(Natural))?,
            "data" => changes = object.next_value_seed(As(Changes))?,
        });
        Ok((kind, id, changes))
    }
}

/// A natural number; `None` for anything else.
struct Natural;

impl<'de> Shape<'de> for Natural {
    type Value = Option<u64>;

    fn number(self, number: Number) -> Option<u64> {
        number.as_u64()
    }
}

/// The reply to `daemon_status`, which is the dataset itself, or an error.
struct StatusReply;

enum StatusReplied {
    Dataset(Tables),
    Error(i64, Option<String>),
}

impl Default for StatusReplied {
    fn default() -> Self {
        Self::Error(0, None)
    }
}

impl<'de> Shape<'de> for StatusReply {
    type Value = StatusReplied;

    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut tables = None;
        let (mut status, mut error) = (Value::Null, None);
        members!(object, {
            "monitor" => {
                let tables = tables.insert(Tables::default());
                object.next_value_seed(As(Monitor(tables)))?;
            },
            "status" => status = object.next_value_seed(As(Json::default()))?,
            "error" => error = object.next_value_seed(As(Text::default()))?.map(Into::into),
        });
        Ok(match tables {
            Some(tables) => StatusReplied::Dataset(tables),
            None => StatusReplied::Error(status_number(&status), error),
        })
    }
}

/// A status, which some handlers write as a text.
pub(super) fn status_number(status: &Value) -> i64 {
    let text = status.as_str().and_then(|text| text.parse().ok());
    status.as_i64().or(text).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn an_event_a_patch_and_anything_else_are_told_apart() {
        let patch =
            br#"{"data": [[["listener", "x"], 1], [["monitor"]]], "id": 7, "kind": "patch"}"#;
        assert!(matches!(
            message(patch),
            Message::Patch { id: 7, changes } if changes.len() == 1
        ));
        let event = br#"{"nodename": "n1", "kind": "event", "data": {"id": "instance_stop"}}"#;
        assert!(matches!(message(event), Message::Event));
        for odd in [
            "",
            "{",
            "[]",
            "7",
            "{}",
            r#"{"kind": "full", "data": {}}"#,
            r#"{"kind": "patch", "data": []}"#,
            r#"{"kind": "patch", "id": -1, "data": []}"#,
            r#"{"kind": "patch", "id": 1, "data": {}}"#,
            r#"{"kind": "patch", "id": 1, "data": []} more"#,
        ] {
            assert!(
                matches!(message(odd.as_bytes()), Message::Unknown(_)),
                "{odd}"
            );
        }
    }

    #[test]
    fn a_short_text_may_weigh_much() {
        let text = format!(
            r#"{{"kind": "patch", "id": 1, "data": [[["monitor", "nodes", "n1", "services", "status", "web",
            "resources", "expose#0", "info", "cluster_data"], [{}0]]]}}"#,
            r#"{"":0},"#.repeat(1000)
        );
        let Message::Patch { changes, .. } = message(text.as_bytes()) else {
            unreachable!()
        };
        let weight: usize = changes.iter().map(Change::weight).sum();
        assert!(weight > 50 * text.len(), "{weight} for {}", text.len());
    }

    /// What the quick way says of a message, the thorough one says too.
    #[test]
    fn a_message_is_skimmed_as_it_is_read() {
        let told = |(kind, id, changes): Said| {
            let changes = changes.into_iter().flatten().map(|change| match change {
                Change::Part(scope, _) => format!("{scope:?}"),
                change => format!("{change:?}"),
            });
            format!("{kind:?} {id:?} {:?}", changes.collect::<Vec<_>>())
        };
        for data in [
            r#"[]"#,
            r#"{}"#,
            r#"[[["listener", "x"], {"]": "\\"}], [["monitor"]]]"#,
            r#"[[["monitor", "nodes", "n1", "services", "status", "web", "avail"], "up"]]"#,
            r#"[[["monitor", "nodes", "n1", "services", "status", "web", "updated", 1]]]"#,
            r#"[[["monitor", "nodes", "n1", "services", "config", "sec/c", "scope", 0], 1]]"#,
            r#"[[["monitor", "nodes", "n1", "services", "config", "web"], {}]]"#,
            r#"[[["monitor", "nodes", "n1", "services", "config", "web", "scope"], ["n1"]]]"#,
            r#"[[["monitor", "nodes", "n1", "services", "config", "web", "scope", 0]]]"#,
            r#"[[["monitor", "n\u006fdes"]], [["monitor", 0], 1], 7, [[]], [], [["monitor", "nodes"], NaN]]"#,
        ] {
            let text = format!(r#"{{"kind":"patch" ,"id":7, "data": {data}, "ts": -1e5}}"#);
            let skimmed = skim(text.as_bytes()).expect(data);
            let read = read(text.as_bytes(), || Envelope).unwrap();
            assert_eq!(told(skimmed), told(read), "{data}");
        }
        for odd in [r#"{"kind": "patch""#, r#"{"data": [1,]}"#, "{} {}"] {
            assert_eq!(skim(odd.as_bytes()).err(), Some(Lost), "{odd}");
        }
    }

    #[test]
    fn entries_of_another_form_are_anomalies_not_panics() {
        let text = br#"{"kind": "patch", "id": 1, "data": [7, null, {}, [], [null], ["monitor", 1],
            [["monitor", 0], 1], [["monitor", 0]], [["monitor"], 1, 2]]}"#;
        let Message::Patch { changes, .. } = message(text) else {
            unreachable!()
        };
        let odd = changes.iter().filter(|c| matches!(c, Change::Odd)).count();
        assert_eq!((changes.len(), odd), (3, 2));
    }

    #[test]
    fn a_status_error_is_said_in_the_daemons_words() {
        let reply = br#"{"status": 500, "error": "no", "traceback": "..."}"#;
        assert!(matches!(
            status(reply, &Known::default()),
            Err(RequestError::Refused { status: 500, message }) if message == "no"
        ));
        for odd in ["", "[]", "{}", r#"{"cluster": {}}"#, "\0"] {
            assert!(matches!(
                status(odd.as_bytes(), &Known::default()),
                Err(RequestError::Malformed(_))
            ));
        }
    }

    #[test]
    fn one_value_that_is_no_json_does_not_hide_the_others() {
        let text = br#"{"monitor": {"nodes": {"n1": {"services": {"status": {"web": {"resources":
            {"expose#0": {"info": {"cluster_data": {"a": NaN, "b": -Infinity, "c": "NaN \ud800"}}}}
            }}}}}}}"#;
        let mut tables = status(text, &Known::default()).unwrap_or_default();
        let told = format!("{:?}", tables.take_instances());
        let kept = "{\"a\":\"NaN\",\"b\":\"-Infinity\",\"c\":\"NaN \u{fffd}\"}";
        assert!(told.contains(kept), "{told}");
    }

    #[test]
    fn one_byte_that_is_not_utf8_does_not_hide_the_rest() {
        let text = br#"{"monitor": {"nodes": {"n1": {"services": {"status": {"web": {"avail": "up", "resources":
            {"expose#0": {"info": {"vhost": "M?ller"}}}}, "sql": {"avail": "up"}}}}}}}"#;
        let odd = text.map(|byte| if byte == b'?' { 0xfc } else { byte });
        let told = |mut tables: Tables| format!("{:?}", tables.take_instances());
        let mended = told(status(&odd, &Known::default()).unwrap());
        assert!(mended.contains("M\u{fffd}ller"), "{mended}");
        let plain = told(status(text, &Known::default()).unwrap());
        assert_eq!(
            mended.replace('\u{fffd}', "?"),
            plain.replace(": \"M", ":\"M")
        );
        let patch = br#"{"kind": "patch", "id": 1, "data": [[["monitor", "nodes", "n1", "services", "status", "web",
            "resources", "expose#0", "info", "vhost"], "M?ller"]]}"#;
        let odd = patch.map(|byte| if byte == b'?' { 0xfc } else { byte });
        let Message::Patch { changes, .. } = message(&odd) else {
            unreachable!()
        };
        assert!(
            format!("{changes:?}").contains("M\u{fffd}ller"),
            "{changes:?}"
        );
    }
}
