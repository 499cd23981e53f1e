//! The expressions that nearly everybody writes, judged without a tree.
//!
//! A path with wildcards, such as `/api/v[0-9]+/.*`, is made of a few kinds of parts, each of which adds a
//! known number of instructions at most. Whatever else an expression holds, right or wrong, is for the tree
//! to judge: here nothing is ever refused.

use std::iter::Peekable;
use std::str::Bytes;

use super::matching::in_paths;
use super::size::{ENDS, SEARCH};

/// What `.` is: two ranges, around the line feed.
const ANY: u64 = 2;

/// At most how large the program of a plain expression is, which starts with the slash that every path
/// starts with, so that some path matches; `None` where it is not plain, or not surely right.
pub(super) fn size(pattern: &str) -> Option<u64> {
    let body = pattern.strip_prefix('^').unwrap_or(pattern);
    if !body.starts_with('/') {
        return None;
    }
    let body = body.strip_suffix('$').unwrap_or(body);
    let anchors = (pattern.len() - body.len()) as u64;
    let mut rest = body.bytes().peekable();
    let mut size = ENDS + SEARCH;
    let mut open: u8 = 0;
    // Whether something that can be repeated stands before this byte, and whether it is a group.
    let (mut operand, mut group) = (false, false);
    // Whether there are alternatives, so that an anchor is a part of one of them.
    let mut alternatives = false;
    while let Some(byte) = rest.next() {
        let (part, is_operand) = match byte {
            b'?' if operand => (1, false),
            // RE2 makes loops in loops, or of nothing, larger than their parts.
            b'*' | b'+' if group => return None,
            b'*' if operand => (1, false),
            // One more where another loop is before it.
            b'+' if operand => (2, false),
            b'(' => {
                open = open.checked_add(1)?;
                (2, false)
            }
            b')' => {
                open = open.checked_sub(1)?;
                (0, true)
            }
            // The jump, and one more where the alternative before ends in a loop.
            b'|' => {
                alternatives |= open == 0;
                (2, false)
            }
            b'.' => (ANY, true),
            b'[' => (class(&mut rest)?, true),
            b'\\' => {
                let (ranges, set) = escape(rest.next()?)?;
                (some_in_paths(set).then_some(ranges)?, true)
            }
            byte if is_itself(byte, b"\\.+*?()|[]{}^$") && in_paths(byte) => (1, true),
            _ => return None,
        };
        size += part;
        operand = is_operand;
        group = byte == b')';
    }
    if alternatives {
        size += anchors;
    }
    (open == 0).then_some(size)
}

/// `[…]`, of characters, ranges and escapes.
fn class(rest: &mut Peekable<Bytes<'_>>) -> Option<u64> {
    let negated = rest.next_if_eq(&b'^').is_some();
    let mut ranges = 0;
    let mut set = 0;
    loop {
        match rest.next()? {
            b']' if ranges > 0 => break,
            b'\\' => {
                let (more, escaped) = escape(rest.next()?)?;
                ranges += more;
                set |= escaped;
            }
            // The last character, and no range.
            b'-' if rest.peek() == Some(&b']') => {
                ranges += 1;
                set |= range(b'-', b'-');
            }
            low if is_itself(low, b"\\[]^-") => {
                ranges += 1;
                if rest.next_if_eq(&b'-').is_none() {
                    set |= range(low, low);
                    continue;
                }
                match rest.next()? {
                    b']' => {
                        ranges += 1;
                        set |= range(low, low) | range(b'-', b'-');
                        break;
                    }
                    high if is_itself(high, b"\\[]^-") && low <= high => set |= range(low, high),
                    _ => return None,
                }
            }
            _ => return None,
        }
    }
    let (ranges, set) = match negated {
        true => (ranges + 1, !set),
        false => (ranges, set),
    };
    some_in_paths(set).then_some(ranges)
}

/// How many ranges an escape stands for, and which characters.
fn escape(escaped: u8) -> Option<(u64, u128)> {
    let digits = range(b'0', b'9');
    match escaped {
        b'd' => Some((1, digits)),
        b's' => Some((
            3,
            range(b'\t', b'\n') | range(b'\x0C', b'\r') | range(b' ', b' '),
        )),
        b'w' => {
            let letters = range(b'a', b'z') | range(b'A', b'Z');
            Some((4, digits | letters | range(b'_', b'_')))
        }
        escaped if escaped.is_ascii_punctuation() => Some((1, range(escaped, escaped))),
        _ => None,
    }
}

/// A set of ASCII characters, one bit each.
fn range(low: u8, high: u8) -> u128 {
    (u128::MAX >> (127 - (high - low))) << low
}

/// Whether a path can hold any of a set.
fn some_in_paths(set: u128) -> bool {
    const IN_PATHS: u128 = {
        let mut set = 0;
        let mut byte = 0;
        while byte < 128 {
            if in_paths(byte) {
                set |= 1 << byte;
            }
            byte += 1;
        }
        set
    };
    set & IN_PATHS != 0
}

fn is_itself(byte: u8, special: &[u8]) -> bool {
    (byte.is_ascii_graphic() || byte == b' ') && !special.contains(&byte)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::super::by_tree;
    use super::*;

    #[test]
    fn a_path_with_wildcards_is_plain() {
        for (pattern, bound) in [
            ("/", 5),
            ("/[^/?#]*", 5 + 4 + 1),
            ("/app12/[a-z]+(/.*)?", 5 + 6 + 3 + 2 + 1 + ANY + 1 + 1),
            (r"^/v[0-9]+\.[\w.-]+$", 4 + 2 + 3 + 1 + 8),
            ("/[^/]+/(en|fr)", 5 + 2 + 2 + 1 + 2 + 4 + 2),
            ("^/a*|b*", 4 + 3 + 2 + 2 + 1),
            ("/[a-]", 7),
        ] {
            assert_eq!(size(pattern), Some(bound), "{pattern}");
        }
        for other in [
            "",
            "app",
            "^^/",
            "/a{2}",
            "/é",
            "(?i)/a",
            "/(?:a)",
            "/a$b",
            r"/\pL",
            r"/a\?b",
            "/a#b",
            "/a b",
            "/[?]",
            "/[^!-~]",
            r"/\s",
            r"/\n",
            r"/a\$",
            "/[[:alpha:]]",
            "/[]a]",
            "/[-a]",
            "/[^^]",
            r"/[\d-z]",
            "/[b-a]",
            "/a*?",
            "/a**",
            "/(a*)*",
            "/()+",
            "/(a",
            "/a)",
            "/|*",
            "/[a",
            "/[",
            "/\\",
            "/[a-",
            "/]",
        ] {
            assert_eq!(size(other), None, "{other}");
        }
    }

    proptest! {
        /// What the tree says of the same expression is never worse.
        #[test]
        fn what_is_plain_can_match_and_is_within_its_bound(pattern in r#"\^?/([a-c/.*+?()|\[\]^\\$wds #-]|\[[a-f^.?# -]{1,4}\][*+?]?|\([a-c/.|*]{0,6}\)){0,12}\$?"#) {
            if let Some(bound) = size(&pattern) {
                let facts = by_tree(&pattern).unwrap();
                prop_assert!(facts.never.is_none(), "{}", pattern);
                prop_assert!(facts.size <= bound, "{}: {} > {}", pattern, facts.size, bound);
            }
        }
    }
}
