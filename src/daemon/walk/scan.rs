//! Where a JSON value ends, found eight bytes at a time.
//!
//! A whole state has tens of megabytes, and of most of its values only the end matters. Looking at one byte
//! after the other, or searching for each quotation mark, takes several times as long: they are ten bytes
//! apart.

use memchr::memchr2;

use super::{Lost, is_space};

/// One bit for each byte of a word, its lowest.
const ONES: u64 = 0x0101_0101_0101_0101;

/// All bits of each byte but its highest.
const LOW: u64 = 0x7f * ONES;

/// From how many bytes on a text is a long one, in which it takes less to search.
const LONG: usize = 256;

/// Looks for the end of a value, which may come in pieces.
#[derive(Debug)]
pub(in crate::daemon) enum Ending {
    /// Of a number or a word.
    Plain,
    /// Of a text, an object or a list.
    Marked(Marks),
}

/// What is open at some place of a value.
#[derive(Debug, Default)]
pub(in crate::daemon) struct Marks {
    /// How many objects and lists.
    depth: usize,
    in_text: bool,
    /// Whether the next byte is escaped.
    escaped: bool,
}

impl Ending {
    /// Of a value that begins with a byte.
    pub(in crate::daemon) fn of(first: u8) -> Result<Self, Lost> {
        match first {
            b'}' | b']' | b',' | b':' => Err(Lost),
            b'"' | b'{' | b'[' => Ok(Self::Marked(Marks::default())),
            _ => Ok(Self::Plain),
        }
    }

    /// Looks through the next bytes of the value, the first ones included. Returns how many of them are
    /// its last ones; `None` where it goes on.
    pub(in crate::daemon) fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Plain => bytes.iter().position(|b| BEHIND_PLAIN[usize::from(*b)]),
            Self::Marked(marks) => marks.find(bytes),
        }
    }

    /// Whether the value ends where the text does: nothing else says where a number ends.
    pub(in crate::daemon) fn is_plain(&self) -> bool {
        matches!(self, Self::Plain)
    }
}

/// The bytes that are behind a number or a word.
const BEHIND_PLAIN: [bool; 256] = {
    let mut behind = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        behind[byte] = matches!(byte as u8, b',' | b'}' | b']' | 0) || is_space(byte as u8);
        byte += 1;
    }
    behind
};

/// The length of the text in quotes that some bytes begin with, and whether anything in it is escaped;
/// `None` where its end is not among them.
pub(in crate::daemon) fn text_end(bytes: &[u8]) -> Option<(usize, bool)> {
    let (mut at, mut escapes) = (1, false);
    loop {
        let rest = bytes.get(at..)?;
        let found = match rest.first_chunk::<8>() {
            _ if at > LONG => memchr2(b'"', b'\\', rest)?,
            Some(word) => {
                let word = u64::from_le_bytes(*word);
                let marks = equal(word, b'"') | equal(word, b'\\');
                if marks == 0 {
                    at += 8;
                    continue;
                }
                // The lowest of them, of eight.
                (marks.trailing_zeros() / 8) as usize
            }
            None => rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?,
        };
        at += found + 1;
        if rest.get(found) == Some(&b'"') {
            return Some((at, escapes));
        }
        escapes = true;
        at += 1;
    }
}

impl Marks {
    fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        let (mut at, mut search_at) = (0, LONG);
        loop {
            let mut rest = bytes.get(at..)?;
            if at >= search_at && self.in_text && !self.escaped {
                at += memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                search_at = at + LONG;
                rest = bytes.get(at..)?;
            }
            let Some(word) = rest.first_chunk::<8>() else {
                return Some(at + self.find_among(rest)?);
            };
            if !self.pass(u64::from_le_bytes(*word))
                && let Some(end) = self.find_among(word)
            {
                return Some(at + end);
            }
            at += 8;
        }
    }

    /// The same, byte by byte.
    fn find_among(&mut self, bytes: &[u8]) -> Option<usize> {
        let end = bytes.iter().position(|byte| self.ends_with(*byte))?;
        Some(end + 1)
    }

    fn ends_with(&mut self, byte: u8) -> bool {
        if self.escaped {
            self.escaped = false;
            return false;
        }
        match byte {
            b'"' => self.in_text = !self.in_text,
            b'\\' => {
                self.escaped = self.in_text;
                return false;
            }
            _ if self.in_text => return false,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => return false,
        }
        self.depth == 0 && !self.in_text
    }

    /// Looks at eight bytes at once, the first the lowest. Returns false, and has changed nothing, where
    /// they must be looked at one by one: where the value may end there, or something is escaped.
    fn pass(&mut self, word: u64) -> bool {
        let quotes = equal(word, b'"');
        let ends = match self.depth {
            0 => quotes != 0 || !self.in_text,
            _ => false,
        };
        if ends || self.escaped || equal(word, b'\\') != 0 {
            return false;
        }
        // The number of quotes up to each byte: odd inside a text, if it does not begin in one.
        let before = if self.in_text { ONES } else { 0 };
        let in_text = (quotes.wrapping_mul(ONES) ^ before) & ONES;
        // The brackets of lists differ from those of objects in this bit.
        let brackets = word | (0x20 * ONES);
        let opening = count(equal(brackets, b'{') & !in_text);
        let closing = count(equal(brackets, b'}') & !in_text);
        if closing >= self.depth && self.depth > 0 {
            return false;
        }
        self.depth = self.depth + opening - closing;
        self.in_text = in_text >> 56 != 0;
        true
    }
}

/// The bytes of a word that are equal to one: the lowest bit of each.
fn equal(word: u64, byte: u8) -> u64 {
    let differing = word ^ (u64::from(byte) * ONES);
    // The highest bit of each byte that is not zero. Nothing carries over into the next byte.
    let set = ((differing & LOW) + LOW) | differing | LOW;
    !set >> 7
}

/// How many bytes are one; the others are zero.
fn count(bytes: u64) -> usize {
    // Not more than eight.
    (bytes.wrapping_mul(ONES) >> 56) as usize
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    /// Byte by byte.
    fn plainly(text: &[u8]) -> Option<usize> {
        Marks::default().find_among(text)
    }

    #[test]
    fn every_byte_is_told_from_every_other() {
        for byte in 0..=u8::MAX {
            for other in 0..=u8::MAX {
                let word = u64::from_le_bytes([other, byte, other, other, 0, 255, 128, byte]);
                let expected = word.to_le_bytes().map(|b| u8::from(b == byte));
                assert_eq!(equal(word, byte).to_le_bytes(), expected, "{byte} {other}");
            }
        }
    }

    #[test]
    fn a_value_ends_at_its_last_byte() {
        for (text, end) in [
            (r#""a \" } \\" "#, Some(11)),
            (r#"[1, [{"b": "]"}], "\\"], 5"#, Some(23)),
            (r#"{"c": {"d": [{}]}}}"#, Some(18)),
            (r#"{"abcdefghijklmnop": "qrstuvwxyz"}x"#, Some(34)),
            (r#"{"a": "}"#, None),
            ("\"", None),
        ] {
            assert_eq!(Marks::default().find(text.as_bytes()), end, "{text}");
        }
        assert_eq!(Ending::Plain.find(b"-1.5e3, "), Some(6));
        assert!(Ending::of(b',').is_err());
    }

    proptest! {
        /// A long text in any place.
        #[test]
        fn the_end_of_a_long_text(
            before in vec(select(br#"{}[],: a"#.to_vec()), 0..40),
            length in 0..1500usize,
            escaped in any::<bool>(),
        ) {
            let (before, inside) = (String::from_utf8(before).unwrap(), "x}".repeat(length / 2));
            let escape = if escaped { "\\\"" } else { "" };
            let text = format!("[{before}\"{inside}{escape}{inside}\"]").into_bytes();
            prop_assert_eq!(Marks::default().find(&text), plainly(&text));
            let quoted = &text[before.len() + 1..];
            let end = text_end(quoted).map(|(end, _)| end);
            prop_assert_eq!(end, plainly(quoted));
        }

        #[test]
        fn the_end_of_a_text(text in vec(select(br#""\abc"#.to_vec()), 1..40)) {
            let text = [b"\"", &text[..]].concat();
            let end = text_end(&text);
            prop_assert_eq!(end.map(|(end, _)| end), plainly(&text));
            if let Some((end, escapes)) = end {
                prop_assert_eq!(escapes, text[..end].contains(&b'\\'));
            }
        }

        /// Eight at once, in any pieces, or one by one.
        #[test]
        fn however_it_is_looked_at(
            text in vec(select(br#""""\\{}[]{}[],: ax"#.to_vec()), 1..120),
            pieces in vec(1..20usize, 1..8),
        ) {
            let expected = plainly(&text);
            prop_assert_eq!(Marks::default().find(&text), expected);
            let mut marks = Marks::default();
            let (mut at, mut found) = (0, None);
            for size in pieces.iter().cycle() {
                let end = (at + size).min(text.len());
                found = marks.find(&text[at..end]).map(|end| at + end);
                at = end;
                if found.is_some() || at == text.len() {
                    break;
                }
            }
            prop_assert_eq!(found, expected);
        }
    }
}
