//! However the daemon writes, and in whatever pieces it arrives: what is read is what plain JSON says.

use std::io::Read;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::watch;

use super::naive::{self, assert_same};
use super::properties::{dataset, difference};
use super::replica;
use crate::daemon::v2::message::{Message, message, status, status_as_it_comes};
use crate::daemon::v2::path::Scope;
use crate::daemon::v2::replica::Replica;
use crate::daemon::v2::sieve::{News, Sieve};
use crate::daemon::v2::socket::{EventStream, Frame};
use crate::daemon::v2::whole::Known;
use crate::daemon::{Connection, RequestError};

/// Writes JSON as hardly anybody would.
struct Writer {
    random: u64,
    text: String,
}

impl Writer {
    fn written(value: &Value, seed: u64) -> String {
        let mut writer = Self {
            random: seed | 1,
            text: String::new(),
        };
        writer.value(value);
        writer.space();
        writer.text
    }

    /// One of so many, each as likely as the others.
    fn one_of(&mut self, many: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 33) % many
    }

    fn space(&mut self) {
        for _ in 0..self.one_of(3) {
            let space = [" ", "\n", "\t", "\r", "  "][self.one_of(5) as usize];
            self.text.push_str(space);
        }
    }

    fn value(&mut self, value: &Value) {
        self.space();
        match value {
            Value::Number(_) if self.one_of(4) == 0 => self.number(),
            Value::String(text) => self.string(text),
            Value::Array(list) => self.list(list),
            Value::Object(members) => self.object(members),
            plain => self.text.push_str(&plain.to_string()),
        }
        self.space();
    }

    fn number(&mut self) {
        let number = [
            "-0",
            "1E+2",
            "1e300",
            "-1.5e-300",
            "18446744073709551616",
            "123456789012345678901234567890.5",
        ][self.one_of(6) as usize];
        self.text.push_str(number);
    }

    fn string(&mut self, text: &str) {
        self.text.push('"');
        for letter in text.chars() {
            match (letter, self.one_of(6)) {
                (_, 0) => {
                    for unit in letter.encode_utf16(&mut [0; 2]) {
                        self.text.push_str(&format!("\\u{unit:04X}"));
                    }
                }
                ('/', 1) => self.text.push_str("\\/"),
                ('"' | '\\', _) => self.text.extend(['\\', letter]),
                _ => self.text.push(letter),
            }
        }
        self.text.push('"');
    }

    fn list(&mut self, list: &[Value]) {
        self.text.push('[');
        for (place, value) in list.iter().enumerate() {
            self.text.push_str(if place > 0 { "," } else { "" });
            self.value(value);
        }
        self.space();
        self.text.push(']');
    }

    fn object(&mut self, members: &serde_json::Map<String, Value>) {
        let mut all: Vec<(String, Value)> = members.clone().into_iter().collect();
        // Unknown ones, that look like brackets or like what is known.
        if self.one_of(10) == 0 {
            let odd = json!({"]}\"": [{"monitor": {}}, "{[\\"], "": {"nodes": [[]]}});
            all.push((["x]", "\\\"", "}{"][self.one_of(3) as usize].into(), odd));
        }
        // The order is the writer's.
        for place in (1..all.len()).rev() {
            let other = self.one_of(place as u64 + 1) as usize;
            all.swap(place, other);
        }
        self.text.push('{');
        for (place, (key, value)) in all.iter().enumerate() {
            self.text.push_str(if place > 0 { "," } else { "" });
            // What is told twice is what is told last.
            if self.one_of(6) == 0 {
                let other = self.one_of(all.len() as u64) as usize;
                let value = [&Value::Null, value, &all[other].1][self.one_of(3) as usize].clone();
                self.member(key, &value);
                self.text.push(',');
            }
            self.member(key, value);
        }
        self.space();
        self.text.push('}');
    }

    fn member(&mut self, key: &str, value: &Value) {
        self.space();
        self.string(key);
        self.space();
        self.text.push(':');
        self.value(value);
    }
}

/// Gives a text in pieces of some sizes, over and over.
struct Pieces<'t> {
    rest: &'t [u8],
    sizes: std::iter::Cycle<std::slice::Iter<'t, usize>>,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let size = self.sizes.next().map_or(1, |size| *size);
        let (piece, rest) = self
            .rest
            .split_at(size.min(self.rest.len()).min(buffer.len()));
        buffer[..piece.len()].copy_from_slice(piece);
        self.rest = rest;
        Ok(piece.len())
    }
}

/// What a reply says that comes in pieces.
fn read(text: &str, sizes: &[usize], known: &Replica) -> Replica {
    let mut reply = text.as_bytes().to_vec();
    reply.push(0);
    let pieces = Pieces {
        rest: &reply,
        sizes: sizes.iter().cycle(),
    };
    let read = status_as_it_comes(pieces, 1 << 30, &known.known());
    let tables = read.unwrap().expect("JSON is not odd");
    let mut replica = known.clone();
    replica.replace(&Scope::Root, tables);
    replica
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(700))]

    /// The state, for the first time and again.
    #[test]
    fn a_state_in_any_pieces(
        states in vec(dataset(), 1..3),
        seed in any::<u64>(),
        sizes in vec(1..300usize, 1..6),
    ) {
        let mut known = replica(&json!({"monitor": {"nodes": {"n0": {"monitor": {}}}}}));
        for (again, state) in states.iter().chain(&states).enumerate() {
            let text = Writer::written(state, seed.wrapping_add(again as u64));
            // The ready node counts even where it is told of twice.
            let plain: Value = serde_json::from_str(&text).unwrap();
            prop_assume!(plain["monitor"]["nodes"]["n0"]["monitor"].is_object());
            known = read(&text, &sizes, &known);
            assert_same(&known.reset(), &naive::project(&plain), &text);
        }
    }

    /// The thorough way to read it, too.
    #[test]
    fn a_state_read_by_its_shape(state in dataset(), seed in any::<u64>()) {
        let text = Writer::written(&state, seed);
        let plain: Value = serde_json::from_str(&text).unwrap();
        // A word that only Python writes, where nobody looks.
        let odd = text.replacen('{', "{\"python\": [NaN, 1e999, 2 3],", 1);
        let odd = [odd.replace("2 3", "2"), text];
        let quick = status(odd[0].as_bytes(), &Known::default()).unwrap();
        let thorough = crate::daemon::v2::message::by_shape(odd[0].as_bytes()).unwrap();
        for tables in [quick, thorough] {
            let mut replica = Replica::default();
            replica.replace(&Scope::Root, tables);
            assert_same(&replica.reset(), &naive::project(&plain), &odd[1]);
        }
    }
}

/// Applies the messages of a stream, until it ends.
async fn followed(text: Vec<u8>, sizes: Vec<usize>, mut replica: Replica) -> (Replica, bool) {
    let (client, mut server) = UnixStream::pair().unwrap();
    let sieve = Sieve::new(watch::Sender::new(Connection::default()));
    let mut stream = EventStream::over(BufReader::with_capacity(64, client), sieve);
    let writing = async {
        let mut rest = &text[..];
        for size in sizes.iter().cycle() {
            let (piece, more) = rest.split_at((*size).min(rest.len()));
            server.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
            rest = more;
            if rest.is_empty() {
                break;
            }
        }
        drop(server);
    };
    let reading = async {
        let mut fits = true;
        loop {
            match stream.next().await {
                Ok(Frame::Message(News::Patch { changes, .. })) => {
                    fits &= replica.apply(changes).is_ok();
                }
                Err(RequestError::Closed) => return (replica, fits),
                other => panic!("{other:?}"),
            }
        }
    };
    tokio::join!(writing, reading).1
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Messages, cut anywhere, several at a time.
    #[test]
    fn messages_in_any_pieces(
        old in dataset(),
        new in dataset(),
        seed in any::<u64>(),
        sizes in vec(1..2000usize, 1..6),
        group in 1..5usize,
    ) {
        let mut whole = old.clone();
        let mut plainly = replica(&old);
        let (mut text, mut fits) = (Vec::new(), true);
        for (number, entries) in difference(&old, &new).chunks(group).enumerate() {
            let data = Writer::written(&json!(entries), seed.wrapping_add(number as u64));
            let patch = format!(r#"{{ "kind":"patch","id" :{number},"ts": 1.5,"data":{data}}}"#);
            text.extend_from_slice(patch.as_bytes());
            text.push(0);
            let patch: Value = serde_json::from_str(&patch).unwrap();
            let Message::Patch { changes, .. } = message(patch.to_string().as_bytes()) else {
                panic!("{patch}");
            };
            fits &= plainly.apply(changes).is_ok();
            for entry in patch["data"].as_array().unwrap() {
                fits &= naive::patch(&mut whole, entry).is_ok();
            }
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (mut known, fitted) = runtime.block_on(followed(text, sizes, replica(&old)));
        assert_same(&known.reset(), &plainly.reset(), "as if each came alone");
        if fits {
            prop_assert!(fitted);
            assert_same(&known.reset(), &naive::project(&whole), "as JSON says");
        }
    }
}
