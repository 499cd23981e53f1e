//! About how large RE2's program for an expression is.
//!
//! RE2 compiles an expression to a list of instructions, and Envoy refuses lists that are too long.
//! What costs what was fitted to sizes that RE2 itself told; the table is in the tests.

use std::collections::BTreeSet;

use regex_syntax::hir::{Class, ClassUnicode, Hir, HirKind, Look, Repetition};
use regex_syntax::utf8::{Utf8Range, Utf8Sequences};

use super::Refusal;

/// The instructions that every program has: failure and match.
pub(super) const ENDS: u64 = 2;

/// The loop of a program that looks for where to start.
pub(super) const SEARCH: u64 = 2;

/// The instructions for every character beyond ASCII.
pub(super) const BEYOND_ASCII: u64 = 6;

/// By RE2's rule, the product of nested counts is at most this.
const MAX_REPEAT: u32 = 1000;

/// The size of the program.
///
/// An anchor at the start or at the end is no instruction, and at the start it saves the search.
pub(super) fn program(tree: &Hir) -> u64 {
    let mut parts = match tree.kind() {
        HirKind::Concat(parts) => parts.as_slice(),
        _ => std::slice::from_ref(tree),
    };
    let is = |part: &Hir, look| matches!(part.kind(), HirKind::Look(l) if *l == look);
    let mut size = ENDS + SEARCH;
    if let [first, rest @ ..] = parts
        && is(first, Look::Start)
    {
        size = ENDS;
        parts = rest;
    }
    if let [rest @ .., last] = parts
        && is(last, Look::End)
    {
        parts = rest;
    }
    sequence(parts).saturating_add(size)
}

fn size(tree: &Hir) -> u64 {
    match tree.kind() {
        HirKind::Empty => 0,
        HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Class(Class::Unicode(class)) => unicode_class(class),
        HirKind::Class(Class::Bytes(class)) => class.ranges().len() as u64,
        HirKind::Capture(capture) => size(&capture.sub).saturating_add(2),
        HirKind::Concat(parts) => sequence(parts),
        HirKind::Alternation(parts) => alternation(parts),
        HirKind::Repetition(Repetition { min, max, sub, .. }) => repeated(sub, *min, *max),
    }
}

/// Alternatives; like RE2, neighbours share the text that they start with.
fn alternation(parts: &[Hir]) -> u64 {
    let alone = parts
        .iter()
        .map(|part| size(part).saturating_add(u64::from(ends_in_loop(part))))
        .fold(0, u64::saturating_add);
    let shared = parts.windows(2).map(|pair| match pair {
        [a, b] => first_text(a)
            .iter()
            .zip(first_text(b))
            .take_while(|(a, b)| a == b)
            .count() as u64,
        _ => 0,
    });
    alone.saturating_sub(shared.sum())
}

/// The literal that an alternative starts with.
fn first_text(part: &Hir) -> &[u8] {
    match part.kind() {
        HirKind::Literal(literal) => &literal.0,
        HirKind::Concat(parts) => parts.first().map_or(&[], first_text),
        _ => &[],
    }
}

/// Whether the last part of an alternative repeats, so that what follows must be jumped to.
fn ends_in_loop(part: &Hir) -> bool {
    match part.kind() {
        HirKind::Repetition(_) => true,
        HirKind::Concat(parts) => parts.last().is_some_and(ends_in_loop),
        _ => false,
    }
}

fn repeated(sub: &Hir, min: u32, max: Option<u32>) -> u64 {
    let once = size(sub);
    match max {
        None => once.saturating_mul(min.max(1).into()).saturating_add(1),
        Some(max) => once
            .saturating_mul(max.into())
            .saturating_add(max.saturating_sub(min).into()),
    }
}

/// Parts one after the other; like RE2, `a{2}a*` is taken for `a{2,}`.
fn sequence(parts: &[Hir]) -> u64 {
    let mut total: u64 = 0;
    let mut run: Option<(&Hir, u32, Option<u32>)> = None;
    for part in parts {
        let (sub, min, max) = match part.kind() {
            HirKind::Repetition(Repetition { min, max, sub, .. }) => (&**sub, *min, *max),
            _ => (part, 1, Some(1)),
        };
        run = Some(match run {
            Some((last, low, high)) if last == sub && matches!(sub.kind(), HirKind::Class(_)) => {
                let high = high.zip(max).map(|(a, b)| a.saturating_add(b));
                (last, low.saturating_add(min), high)
            }
            Some((last, low, high)) => {
                total = total.saturating_add(repeated(last, low, high));
                (sub, min, max)
            }
            None => (sub, min, max),
        });
    }
    let last = run.map_or(0, |(last, low, high)| repeated(last, low, high));
    total.saturating_add(last)
}

/// A class in UTF-8: a tree of bytes, where continuation bytes of any value are shared.
fn unicode_class(class: &ClassUnicode) -> u64 {
    let mut ascii = 0;
    let mut prefixes: BTreeSet<Vec<Utf8Range>> = BTreeSet::new();
    let mut shared = 0;
    let mut everything = 0;
    for range in class.ranges() {
        let mut start = range.start();
        if start <= '\u{80}' && range.end() == char::MAX {
            // What lies beyond ASCII has a program of its own.
            everything = BEYOND_ASCII;
            if start == '\u{80}' {
                continue;
            }
            ascii += 1;
            continue;
        }
        if start.is_ascii() {
            ascii += 1;
            if range.end().is_ascii() {
                continue;
            }
            start = '\u{80}';
        }
        for sequence in Utf8Sequences::new(start, range.end()) {
            let bytes = sequence.as_slice();
            let tail = bytes.iter().rev().take_while(|byte| is_any(byte)).count();
            shared = shared.max(tail as u64);
            for end in 1..=bytes.len() - tail {
                prefixes.insert(bytes[..end].to_vec());
            }
        }
    }
    ascii - folded(class) + prefixes.len() as u64 + shared + everything
}

fn is_any(byte: &Utf8Range) -> bool {
    (byte.start, byte.end) == (0x80, 0xBF)
}

/// RE2 matches a range of letters in both cases with one instruction.
fn folded(class: &ClassUnicode) -> u64 {
    let has = |start: char, end: char| {
        class
            .ranges()
            .iter()
            .any(|range| range.start() == start && range.end() == end)
    };
    class
        .ranges()
        .iter()
        .filter(|range| range.start().is_ascii_uppercase() && range.end().is_ascii_uppercase())
        .filter(|range| {
            has(
                range.start().to_ascii_lowercase(),
                range.end().to_ascii_lowercase(),
            )
        })
        .count() as u64
}

/// Refuses counts within counts that multiply to too many.
pub(super) fn check_repetitions(tree: &Hir) -> Result<(), Refusal> {
    match remaining(tree, MAX_REPEAT) {
        0 => Err(Refusal::new(
            format!("its repetitions multiply to more than RE2's {MAX_REPEAT}"),
            "write * or + instead of a count",
        )),
        _ => Ok(()),
    }
}

/// What is left of an allowance within a tree, where every count divides it.
fn remaining(tree: &Hir, allowance: u32) -> u32 {
    match tree.kind() {
        HirKind::Repetition(repetition) => {
            let counted = !matches!(
                (repetition.min, repetition.max),
                (0 | 1, None) | (0, Some(1))
            );
            let count = repetition.max.unwrap_or(repetition.min);
            let allowance = match counted && count > 0 {
                true => allowance / count,
                false => allowance,
            };
            match allowance {
                0 => 0,
                allowance => remaining(&repetition.sub, allowance),
            }
        }
        HirKind::Capture(capture) => remaining(&capture.sub, allowance),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts
            .iter()
            .map(|part| remaining(part, allowance))
            .min()
            .unwrap_or(allowance),
        _ => allowance,
    }
}
