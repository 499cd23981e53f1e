//! A JSON text as it comes, of which no more is held than the value that is looked at.

use std::io::{ErrorKind, Read};

use crate::daemon::RequestError;
use crate::daemon::walk::scan::{Ending, text_end};
use crate::daemon::walk::{Lost, Walk, inner, spaces};

/// How much is read at a time, in bytes.
const ROOM: usize = 256 * 1024;

/// A place in a text that ends with a NUL byte.
pub(super) struct Stream<R> {
    source: R,
    /// Room for what is read: up to `at` it was passed, from `end` on there is nothing yet.
    buffer: Vec<u8>,
    at: usize,
    end: usize,
    /// How many bytes may be read.
    limit: usize,
    /// How many were.
    total: usize,
    /// Whether the beginning is not held any more.
    is_cut: bool,
    /// Why there is no more to read.
    failure: Option<RequestError>,
}

impl<R: Read> Stream<R> {
    /// At the beginning of what a source gives, which may not be longer than `limit`.
    pub(super) fn new(source: R, limit: usize) -> Self {
        Self {
            source,
            buffer: Vec::new(),
            at: 0,
            end: 0,
            limit,
            total: 0,
            is_cut: false,
            failure: None,
        }
    }

    /// Whether the text ends here.
    pub(super) fn is_at_end(&mut self) -> bool {
        self.peek() == Ok(0)
    }

    /// The whole text, after somebody got lost in it: `None` where its beginning was let go.
    pub(super) fn whole(mut self) -> Result<Option<Vec<u8>>, RequestError> {
        if self.is_cut {
            return self.failure.map_or(Ok(None), Err);
        }
        self.at = 0;
        let mut seen = 0;
        loop {
            let new = self.rest().get(seen..).unwrap_or_default();
            if let Some(end) = memchr::memchr(0, new) {
                self.buffer.truncate(seen + end);
                return Ok(Some(self.buffer));
            }
            seen = self.end;
            if self.more() == Err(Lost) {
                return self.failure.map_or(Ok(None), Err);
            }
        }
    }

    /// Reads on. What was passed is let go.
    fn more(&mut self) -> Result<(), Lost> {
        if self.failure.is_some() {
            return Err(Lost);
        }
        if self.total > self.limit {
            self.failure = Some(RequestError::TooLarge(self.limit));
            return Err(Lost);
        }
        if self.at > 0 {
            self.is_cut = true;
            self.buffer.copy_within(self.at..self.end, 0);
            self.end -= self.at;
            self.at = 0;
        }
        if self.buffer.len() < self.end + ROOM {
            // Doubled, so that a large value is not moved over and over again.
            self.buffer.resize(2 * self.end + ROOM, 0);
        }
        let read = loop {
            let room = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.source.read(room) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        match read {
            Ok(0) => self.failure = Some(RequestError::Closed),
            Ok(length) => {
                self.end += length;
                self.total = self.total.saturating_add(length);
                return Ok(());
            }
            Err(error) => self.failure = Some(error.into()),
        }
        Err(Lost)
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.at..self.end).unwrap_or_default()
    }
}

impl<R: Read> Walk for Stream<R> {
    fn peek(&mut self) -> Result<u8, Lost> {
        loop {
            self.at += spaces(self.rest());
            if let Some(byte) = self.rest().first() {
                return Ok(*byte);
            }
            self.more()?;
        }
    }

    fn step(&mut self) {
        self.at += 1;
    }

    fn text(&mut self) -> Result<(&[u8], bool), Lost> {
        if self.peek()? != b'"' {
            return Err(Lost);
        }
        let Some((end, escapes)) = text_end(self.rest()) else {
            let text = inner(self.value()?)?;
            return Ok((text, text.contains(&b'\\')));
        };
        let start = self.at;
        self.at += end;
        let text = self.buffer.get(start..self.at).ok_or(Lost)?;
        Ok((inner(text)?, escapes))
    }

    fn value(&mut self) -> Result<&[u8], Lost> {
        let mut ending = Ending::of(self.peek()?)?;
        let mut seen = 0;
        loop {
            let new = self.rest().get(seen..).unwrap_or_default();
            if let Some(length) = ending.find(new) {
                let start = self.at;
                self.at += seen + length;
                return self.buffer.get(start..self.at).ok_or(Lost);
            }
            seen += new.len();
            self.more()?;
        }
    }

    fn pass(&mut self) -> Result<(), Lost> {
        let mut ending = Ending::of(self.peek()?)?;
        loop {
            if let Some(length) = ending.find(self.rest()) {
                self.at += length;
                return Ok(());
            }
            self.at = self.end;
            self.more()?;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Gives a few bytes at a time.
    struct Drops<'t>(&'t [u8], usize);

    impl Read for Drops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let length = self.1.min(self.0.len());
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    const TEXT: &[u8] =
        b" {\"a\": [1, \"]\\\"\"], \"b\" : {\"c\": {}, \"d\": -1.5}, \"e\": null}\n\0";

    fn members<R: Read>(stream: &mut Stream<R>) -> Result<Vec<(String, String)>, Lost> {
        let mut found = Vec::new();
        stream.members(|stream, name| {
            let value = String::from_utf8_lossy(stream.value()?).into_owned();
            found.push((String::from_utf8_lossy(name).into_owned(), value));
            Ok(())
        })?;
        stream.is_at_end().then_some(found).ok_or(Lost)
    }

    #[test]
    fn a_text_is_the_same_in_any_pieces() {
        let whole = members(&mut Stream::new(TEXT, 1 << 20)).unwrap();
        let names: Vec<&str> = whole.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a", "b", "e"]);
        for size in 1..TEXT.len() {
            let mut stream = Stream::new(Drops(TEXT, size), 1 << 20);
            assert_eq!(members(&mut stream).as_ref(), Ok(&whole), "{size}");
        }
    }

    #[test]
    fn a_text_that_is_cut_is_told() {
        for end in 0..TEXT.len() - 1 {
            let mut stream = Stream::new(&TEXT[..end], 1 << 20);
            assert_eq!(members(&mut stream), Err(Lost));
            assert!(matches!(stream.whole(), Err(RequestError::Closed)), "{end}");
        }
    }

    #[test]
    fn a_text_in_which_one_gets_lost_is_there_as_long_as_it_is_held() {
        let odd = b"{\"a\" 1, \"b\": 2}\0more";
        let mut stream = Stream::new(&odd[..], 1 << 20);
        assert_eq!(members(&mut stream), Err(Lost));
        let whole = stream.whole().unwrap().unwrap();
        assert_eq!(whole, b"{\"a\" 1, \"b\": 2}");
        let mut stream = Stream::new(Drops(odd, 3), 1 << 20);
        assert_eq!(members(&mut stream), Err(Lost));
        assert_eq!(stream.whole().unwrap(), None);
    }

    #[test]
    fn a_value_without_end_is_given_up() {
        let endless = [b"{\"a\": \"".to_vec(), vec![b'x'; 3 * ROOM]].concat();
        let mut stream = Stream::new(&endless[..], ROOM);
        assert_eq!(members(&mut stream), Err(Lost));
        assert!(matches!(
            stream.whole(),
            Err(RequestError::TooLarge(_)) | Ok(None)
        ));
    }

    #[test]
    fn a_large_value_is_looked_through_once() {
        let value = "x".repeat(20 * ROOM);
        let text = format!("{{\"a\": \"{value}\"}}\0");
        let mut stream = Stream::new(Drops(text.as_bytes(), 1000), 1 << 30);
        // Some 5,000 pieces: looked at from its beginning each time, it would take minutes.
        let whole = members(&mut stream).unwrap();
        assert_eq!(whole[0].1.len(), value.len() + 2);
    }

    #[test]
    fn what_is_passed_is_not_held() {
        let list = format!("[{}0]", "[1, {\"a\": \"]\"}], ".repeat(ROOM));
        let text = format!("{{\"a\": {list}, \"b\": 1}}\0");
        let mut stream = Stream::new(text.as_bytes(), 1 << 30);
        let is_object = stream.members(|stream, _| stream.pass()).unwrap();
        assert!(is_object && stream.is_at_end());
        assert!(stream.buffer.len() <= 2 * ROOM, "{}", stream.buffer.len());
    }
}
