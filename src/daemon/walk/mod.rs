//! Finding the values of a JSON text without reading them.
//!
//! Of the tens of megabytes of a whole state, most is nothing that is watched, and most of the rest was
//! read before. So the way down to the instances only looks for where each value ends; what is inside
//! is read, or recognised, as a whole. What cannot be found this way is left to the real parser, which
//! says what is wrong with it.

pub(super) mod scan;

use scan::{Ending, text_end};
use smallvec::SmallVec;

/// How long nearly all names are at most, in bytes: they are copied without a piece of memory of their own.
const USUAL_NAME: usize = 64;

/// The text is not JSON, or not enough of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lost;

/// A way through a JSON text.
pub(super) trait Walk: Sized {
    /// The next byte that is no space.
    fn peek(&mut self) -> Result<u8, Lost>;

    /// Moves past the byte that was peeked at.
    fn step(&mut self);

    /// Moves past the value that comes next, of which only the end is looked for. Returns its text.
    fn value(&mut self) -> Result<&[u8], Lost>;

    /// Moves past the value that comes next, which may be large: it is not held as a whole.
    fn pass(&mut self) -> Result<(), Lost>;

    /// Moves past the text that comes next. Returns what is between its quotes, and whether anything in it
    /// is escaped. It is lost where something else comes.
    fn text(&mut self) -> Result<(&[u8], bool), Lost>;

    /// Moves past the object that comes next, member by member, in order: `member` must move past the
    /// value. A value of another type is passed over. Returns whether it was an object.
    fn members(
        &mut self,
        mut member: impl FnMut(&mut Self, &[u8]) -> Result<(), Lost>,
    ) -> Result<bool, Lost> {
        if self.peek()? != b'{' {
            return self.pass().map(|()| false);
        }
        self.step();
        if self.peek()? == b'}' {
            self.step();
            return Ok(true);
        }
        let mut name = SmallVec::<[u8; USUAL_NAME]>::new();
        loop {
            let (text, escapes) = self.text()?;
            name.clear();
            match escapes {
                true => name.extend_from_slice(unescaped(text)?.as_bytes()),
                false => name.extend_from_slice(text),
            }
            if self.peek()? != b':' {
                return Err(Lost);
            }
            self.step();
            member(self, &name)?;
            let mark = self.peek()?;
            self.step();
            match mark {
                b',' => {}
                b'}' => return Ok(true),
                _ => return Err(Lost),
            }
        }
    }
}

/// A place in a text that is there as a whole.
pub(super) struct Cursor<'t> {
    rest: &'t [u8],
}

impl<'t> Cursor<'t> {
    /// At the beginning of a text.
    pub(super) fn new(text: &'t [u8]) -> Self {
        Self { rest: text }
    }
}

impl Walk for Cursor<'_> {
    #[inline]
    fn peek(&mut self) -> Result<u8, Lost> {
        loop {
            match self.rest {
                [b' ' | b'\n' | b'\t' | b'\r', rest @ ..] => self.rest = rest,
                [next, ..] => return Ok(*next),
                [] => return Err(Lost),
            }
        }
    }

    #[inline]
    fn step(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or_default();
    }

    #[inline]
    fn value(&mut self) -> Result<&[u8], Lost> {
        let first = self.peek()?;
        let end = match first {
            b'"' => text_end(self.rest).map(|(end, _)| end),
            _ => value_end(first, self.rest)?,
        };
        self.take(end.ok_or(Lost)?)
    }

    #[inline]
    fn pass(&mut self) -> Result<(), Lost> {
        self.value().map(drop)
    }

    #[inline]
    fn text(&mut self) -> Result<(&[u8], bool), Lost> {
        self.quoted()
    }

    /// As for any other, but that the names need not be copied.
    fn members(
        &mut self,
        mut member: impl FnMut(&mut Self, &[u8]) -> Result<(), Lost>,
    ) -> Result<bool, Lost> {
        self.each(b'{', |cursor| {
            let (name, escapes) = cursor.quoted()?;
            if cursor.peek()? != b':' {
                return Err(Lost);
            }
            cursor.step();
            match escapes {
                true => member(cursor, unescaped(name)?.as_bytes()),
                false => member(cursor, name),
            }
        })
    }
}

impl<'t> Cursor<'t> {
    /// Moves past the list that comes next, element by element: `element` must move past it. A value of
    /// another type is passed over. Returns whether it was a list.
    pub(super) fn elements(
        &mut self,
        element: impl FnMut(&mut Self) -> Result<(), Lost>,
    ) -> Result<bool, Lost> {
        self.each(b'[', element)
    }

    /// Moves past the object or list that comes next, as `open`, its first byte, says, item by item: `item`
    /// must move past it. A value of another type is passed over. Returns whether it was of this one.
    #[inline]
    fn each(
        &mut self,
        open: u8,
        mut item: impl FnMut(&mut Self) -> Result<(), Lost>,
    ) -> Result<bool, Lost> {
        if self.peek()? != open {
            return self.pass().map(|()| false);
        }
        // In ASCII, what closes is the second byte behind what opens.
        let close = open + 2;
        self.step();
        if self.peek()? == close {
            self.step();
            return Ok(true);
        }
        loop {
            item(self)?;
            let mark = self.peek()?;
            self.step();
            match mark {
                b',' => {}
                mark if mark == close => return Ok(true),
                _ => return Err(Lost),
            }
        }
    }

    /// The same as [`Walk::text`], for as long as the text is there.
    #[inline]
    fn quoted(&mut self) -> Result<(&'t [u8], bool), Lost> {
        if self.peek()? != b'"' {
            return Err(Lost);
        }
        let (end, escapes) = text_end(self.rest).ok_or(Lost)?;
        Ok((inner(self.take(end)?)?, escapes))
    }

    /// Moves past some bytes, and returns them.
    #[inline]
    fn take(&mut self, length: usize) -> Result<&'t [u8], Lost> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Lost)?;
        self.rest = rest;
        Ok(taken)
    }

    /// What comes next.
    pub(super) fn rest(&self) -> &'t [u8] {
        self.rest
    }
}

/// How many bytes a value has, other than a text, that some bytes begin with; `None` where it does not end
/// among them.
fn value_end(first: u8, bytes: &[u8]) -> Result<Option<usize>, Lost> {
    let mut ending = Ending::of(first)?;
    let end = ending.find(bytes);
    // Nothing but the end of the text need be behind a number.
    Ok(end.or_else(|| ending.is_plain().then_some(bytes.len())))
}

/// How many spaces a text begins with.
pub(super) fn spaces(text: &[u8]) -> usize {
    let is_space = |byte: &&u8| is_space(**byte);
    text.iter().take_while(is_space).count()
}

/// What is between the quotes of a text; it is lost where there are none.
#[inline]
pub(super) fn inner(text: &[u8]) -> Result<&[u8], Lost> {
    let inner = text.strip_prefix(b"\"").and_then(|t| t.strip_suffix(b"\""));
    inner.ok_or(Lost)
}

/// What an escaped text says, given without its quotes.
pub(super) fn unescaped(inner: &[u8]) -> Result<String, Lost> {
    let text = [b"\"", inner, b"\""].concat();
    serde_json::from_slice(&text).or(Err(Lost))
}

pub(super) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\t' | b'\r')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// The members of an object, as texts.
    fn members(text: &str) -> Result<Vec<(String, String)>, Lost> {
        let mut found = Vec::new();
        let mut cursor = Cursor::new(text.as_bytes());
        let is_object = cursor.members(|cursor, name| {
            let value = String::from_utf8_lossy(cursor.value()?).into_owned();
            found.push((String::from_utf8_lossy(name).into_owned(), value));
            Ok(())
        })?;
        assert_eq!(is_object, text.trim().starts_with('{'));
        match cursor.peek() {
            Err(Lost) => Ok(found),
            Ok(_) => Err(Lost),
        }
    }

    #[test]
    fn each_value_ends_where_the_next_begins() {
        let values = [
            "1",
            "-1.5e3",
            "null",
            "NaN",
            r#""""#,
            r#""a \" } \\""#,
            "[]",
            r#"[1, [{"b": "]"}], "\\"]"#,
            r#"{"c": {"d": [{}]}}"#,
        ];
        let text: Vec<String> = (values.iter().enumerate())
            .map(|(at, value)| format!("\"{at}\" :\n {value}\t"))
            .collect();
        let found = members(&format!(" {{ {} }} ", text.join(","))).unwrap();
        let found: Vec<&str> = found.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(found, values);
    }

    #[test]
    fn a_name_may_be_escaped() {
        let found = members(r#"{"a\u0062\"": 1}"#).unwrap();
        assert_eq!(found, [("ab\"".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn what_is_no_object_has_no_members() {
        for text in ["null", "[1]", "\"x\"", "7", "{}"] {
            assert_eq!(members(text).unwrap(), [], "{text}");
        }
    }

    #[test]
    fn what_is_cut_or_crooked_is_told() {
        let whole = r#"{"a": {"b": ["c\"", 1]}}"#;
        for end in 0..whole.len() {
            assert_eq!(members(&whole[..end]), Err(Lost), "{}", &whole[..end]);
        }
        for text in [
            "{,}",
            "{1: 2}",
            r#"{"a" 1}"#,
            r#"{"a": }"#,
            r#"{"a": 1 "b": 2}"#,
            r#"{"a": 1} 2"#,
            r#"{"\ud800": 1}"#,
        ] {
            assert_eq!(members(text), Err(Lost), "{text}");
        }
    }
}
