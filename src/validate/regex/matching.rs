//! Whether some path can match an expression.
//!
//! Envoy compares the whole path as it was sent, without the query. It starts with `/` and holds ASCII
//! alone: whatever else was meant is percent-encoded, and a fragment is never sent.

use regex_syntax::hir::literal::Extractor;
use regex_syntax::hir::{Class, Hir, HirKind};

use super::super::problem::quote;
use super::Refusal;
use super::atoms::PERCENT_ENCODE;

/// Whether a path can hold a byte.
pub(super) const fn in_paths(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#')
}

/// Why no path can match the whole expression; when in doubt, one can.
pub(super) fn never(tree: &Hir) -> Option<Refusal> {
    if let Some(foreign) = foreign(tree) {
        return Some(foreign.refusal());
    }
    // Nearly all start with the slash itself.
    if starts_with_slash(tree) {
        return None;
    }
    let prefixes = Extractor::new().limit_class(100).extract(tree);
    let can_start = prefixes.literals().is_none_or(|literals| {
        let mut firsts = literals.iter().map(|literal| literal.as_bytes().first());
        firsts.any(|first| first.is_none_or(|b| *b == b'/'))
    });
    (!can_start).then(|| {
        Refusal::new(
            "the whole path is compared, and it starts with /",
            "start the expression with / or .*",
        )
    })
}

/// Whether the first that is matched is a slash.
fn starts_with_slash(tree: &Hir) -> bool {
    match tree.kind() {
        HirKind::Literal(literal) => literal.0.starts_with(b"/"),
        HirKind::Concat(parts) => {
            let mut parts = parts.iter();
            let first = parts.find(|part| !matches!(part.kind(), HirKind::Look(_)));
            first.is_some_and(starts_with_slash)
        }
        _ => false,
    }
}

/// What every match needs and no path has.
enum Foreign<'a> {
    /// The bytes of a literal, from the first that is foreign.
    Literal(&'a [u8]),
    /// A character of a class.
    Class,
}

/// What no path has in every match of a tree; the first such part.
fn foreign(tree: &Hir) -> Option<Foreign<'_>> {
    match tree.kind() {
        HirKind::Empty | HirKind::Look(_) => None,
        HirKind::Literal(literal) => {
            let at = literal.0.iter().position(|byte| !in_paths(*byte))?;
            literal.0.get(at..).map(Foreign::Literal)
        }
        HirKind::Class(Class::Bytes(class)) => {
            let mut bytes = class.ranges().iter().flat_map(|r| r.start()..=r.end());
            (!bytes.any(in_paths)).then_some(Foreign::Class)
        }
        // What alternatives of one letter each became, in UTF-8: `é|è`.
        HirKind::Class(Class::Unicode(class)) => {
            let mut ascii = class.ranges().iter().flat_map(|r| r.start()..=r.end());
            let some = ascii.any(|c| u8::try_from(c).is_ok_and(in_paths));
            (!some).then_some(Foreign::Class)
        }
        HirKind::Repetition(repetition) if repetition.min == 0 => None,
        HirKind::Repetition(repetition) => foreign(&repetition.sub),
        HirKind::Capture(capture) => foreign(&capture.sub),
        HirKind::Concat(parts) => parts.iter().find_map(foreign),
        // Each alternative must need something.
        HirKind::Alternation(parts) => {
            let mut all = parts.iter().map(foreign);
            let first = all.next()??;
            all.all(|other| other.is_some()).then_some(first)
        }
    }
}

impl Foreign<'_> {
    fn refusal(&self) -> Refusal {
        let Self::Literal(bytes) = self else {
            return Refusal::new(
                "every match holds a character of a class that no path has any of",
                PERCENT_ENCODE,
            );
        };
        match bytes {
            [b'?', ..] => Refusal::new(
                "every match holds a ?, and the path is compared without its query",
                "leave out the ? and what follows: a route takes any query",
            ),
            [b'#', ..] => Refusal::new(
                "every match holds a #, and no request has a fragment",
                "leave out the # and what follows",
            ),
            bytes => match first_character(bytes) {
                Some(c) => {
                    let encoded: String = c.bytes().map(|byte| format!("%{byte:02X}")).collect();
                    let c = quote(c);
                    Refusal::new(
                        format!("every match holds {c}, and no path does"),
                        format!("write {encoded} for {c}"),
                    )
                }
                None => Refusal::new(
                    "every match holds a byte beyond ASCII, and no path does",
                    PERCENT_ENCODE,
                ),
            },
        }
    }
}

/// The character that bytes start with, where they are UTF-8, as the expression was.
fn first_character(bytes: &[u8]) -> Option<&str> {
    (1..=4).find_map(|length| str::from_utf8(bytes.get(..length)?).ok())
}
