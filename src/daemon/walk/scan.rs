//! Where a JSON value ends, found thirty-two bytes at a time.
//!
//! A whole state has tens of megabytes, and of most of its values only the end matters. Looking at one byte
//! after the other, or searching for each quotation mark, takes many times as long: they are ten bytes
//! apart. So the marks of a block become bits of a word, and what is inside of texts is told by arithmetic.

use memchr::memchr2;
use wide::u8x16;

use super::{Lost, is_space};

/// How many bytes are looked at together.
const BLOCK: usize = 32;

/// Beyond so many bytes a text is searched with `memchr2`: it is faster over a long run, and slower to begin.
const LONG: usize = 256;

/// The bytes of a block, in two halves.
#[derive(Clone, Copy)]
struct Block {
    low: u8x16,
    high: u8x16,
}

impl Block {
    /// The first of some bytes, and zeros where they are too few, which mark nothing.
    #[inline]
    fn of(bytes: &[u8]) -> Self {
        let mut padded;
        let bytes = match bytes.first_chunk() {
            Some(bytes) => bytes,
            None => {
                padded = [0; BLOCK];
                if let Some(beginning) = padded.get_mut(..bytes.len()) {
                    beginning.copy_from_slice(bytes);
                }
                &padded
            }
        };
        let (low, high) = bytes.split_at(BLOCK / 2);
        let half = |half: &[u8]| {
            half.first_chunk()
                .map_or(u8x16::ZERO, |half| u8x16::new(*half))
        };
        Self {
            low: half(low),
            high: half(high),
        }
    }

    /// Those that are equal to one, a bit for each, the first the lowest.
    #[inline]
    fn equal(self, byte: u8) -> u32 {
        let byte = u8x16::splat(byte);
        let [low, high] = [self.low.cmp_eq(byte), self.high.cmp_eq(byte)];
        low.move_mask() as u32 | (high.move_mask() as u32) << (BLOCK / 2)
    }

    /// The same with a bit set that the brackets of lists lack and those of objects have.
    #[inline]
    fn with_one_kind_of_brackets(self) -> Self {
        let bit = u8x16::splat(0x20);
        Self {
            low: self.low | bit,
            high: self.high | bit,
        }
    }
}

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
#[inline]
pub(in crate::daemon) fn text_end(bytes: &[u8]) -> Option<(usize, bool)> {
    // Nearly every text ends within a block, with nothing escaped.
    if let Some(block) = bytes.get(1..).and_then(|inside| inside.get(..BLOCK)) {
        let block = Block::of(block);
        let marks = block.equal(b'"') | block.equal(b'\\');
        let found = marks.trailing_zeros() as usize + 1;
        if bytes.get(found) == Some(&b'"') {
            return Some((found + 1, false));
        }
    }
    far_text_end(bytes)
}

/// The same for a text that is long, escaped, or the last of its bytes.
fn far_text_end(bytes: &[u8]) -> Option<(usize, bool)> {
    let (mut at, mut escapes) = (1, false);
    loop {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let found = if at > LONG {
            memchr2(b'"', b'\\', rest)?
        } else {
            let block = Block::of(rest);
            let marks = block.equal(b'"') | block.equal(b'\\');
            if marks == 0 {
                at += BLOCK;
                continue;
            }
            marks.trailing_zeros() as usize
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
        for (count, bytes) in bytes.chunks(BLOCK).enumerate() {
            let block = Block::of(bytes);
            let end = match self.escaped || block.equal(b'\\') != 0 {
                true => self.find_among(bytes),
                false => self.find_in(block, bytes.first() == Some(&b'"')),
            };
            if let Some(end) = end {
                return Some(count * BLOCK + end);
            }
        }
        None
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

    /// The same for a block in which nothing is escaped.
    ///
    /// Where nothing is open the value has only begun: with a quote (`begins_quoted`), or with a bracket in
    /// this block. A value that has ended is not looked at again.
    fn find_in(&mut self, block: Block, begins_quoted: bool) -> Option<usize> {
        let quotes = block.equal(b'"');
        // Inside of a text from its first quote on, up to before its last.
        let before = if self.in_text { u32::MAX } else { 0 };
        let in_text = parity(quotes) ^ before;
        if self.depth == 0 && (self.in_text || begins_quoted) {
            let ends = quotes & !in_text;
            self.in_text = ends == 0;
            return (ends != 0).then(|| ends.trailing_zeros() as usize + 1);
        }
        self.in_text = in_text >> (BLOCK - 1) != 0;
        let brackets = block.with_one_kind_of_brackets();
        let opening = brackets.equal(b'{') & !in_text;
        let closing = brackets.equal(b'}') & !in_text;
        let mut brackets = opening | closing;
        while brackets != 0 {
            let first = brackets & brackets.wrapping_neg();
            brackets ^= first;
            if opening & first != 0 {
                self.depth += 1;
                continue;
            }
            self.depth = self.depth.saturating_sub(1);
            if self.depth == 0 {
                return Some(first.trailing_zeros() as usize + 1);
            }
        }
        None
    }
}

/// For each bit, whether the number of those up to it, itself included, is odd.
fn parity(bits: u32) -> u32 {
    let bits = bits ^ bits << 1;
    let bits = bits ^ bits << 2;
    let bits = bits ^ bits << 4;
    let bits = bits ^ bits << 8;
    bits ^ bits << 16
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
                let bytes: [u8; BLOCK] = std::array::from_fn(|place| match place % 5 {
                    0 | 3 => byte,
                    _ => other,
                });
                let expected = bytes
                    .iter()
                    .rev()
                    .fold(0, |bits, b| bits << 1 | u32::from(*b == byte));
                assert_eq!(Block::of(&bytes).equal(byte), expected, "{byte} {other}");
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
        fn a_long_text_ends_where_every_byte_looked_at_says(
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
        fn a_text_ends_where_every_byte_looked_at_says(text in vec(select(br#""\abc"#.to_vec()), 1..40)) {
            let text = [b"\"", &text[..]].concat();
            let end = text_end(&text);
            prop_assert_eq!(end.map(|(end, _)| end), plainly(&text));
            if let Some((end, escapes)) = end {
                prop_assert_eq!(escapes, text[..end].contains(&b'\\'));
            }
        }

        /// Block by block, in pieces of any size, or byte by byte.
        #[test]
        fn pieces_of_any_size_end_where_every_byte_looked_at_says(
            first in select(br#""{["#.to_vec()),
            rest in vec(select(br#""""\\{}[]{}[],: ax"#.to_vec()), 0..120),
            pieces in vec(1..20usize, 1..8),
        ) {
            let text = [&[first], &rest[..]].concat();
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
