//! About how large RE2's program for an expression is.
//!
//! RE2 compiles an expression to a list of instructions, and Envoy refuses lists that are too long.
//! What costs what was fitted to sizes that Envoy itself told; the table is in the tests. Held against
//! 100,000 random expressions, it is right or a little too much for nearly all: what is told may be less
//! than RE2's size by a few in a hundred. By far less only where a group that matches nothing but the
//! empty text is repeated with a count, as in `(^){9}`: its copies are not seen here.

use regex_syntax::hir::{Class, ClassBytes, ClassBytesRange, Hir, HirKind, Look, Repetition};
use regex_syntax::utf8::Utf8Sequences;

use super::Refusal;

/// The instructions that every program has: failure and match.
pub(super) const ENDS: u64 = 2;

/// The loop of a program that looks for where to start.
pub(super) const SEARCH: u64 = 2;

/// By RE2's rule, the product of nested counts is at most this.
const MAX_REPEAT: u32 = 1000;

/// The size of the program.
///
/// An anchor at the start or at the end is no instruction. With one at the start, RE2 compares the literal
/// that follows before it runs the program, or at least needs no search.
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
        parts = rest;
        match parts {
            [literal, rest @ ..] if matches!(literal.kind(), HirKind::Literal(_)) => parts = rest,
            _ => size = ENDS,
        }
    }
    if let [rest @ .., last] = parts
        && is(last, Look::End)
    {
        parts = rest;
    }
    // A loop at the very end leaves to the match itself.
    let loops =
        |part: &Hir| matches!(part.kind(), HirKind::Repetition(r) if r.min == 0 && r.max.is_none());
    let last = parts.last().is_some_and(loops);
    sequence(parts)
        .saturating_add(size)
        .saturating_sub(last.into())
}

fn size(tree: &Hir) -> u64 {
    match tree.kind() {
        HirKind::Empty => 0,
        HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Class(Class::Bytes(bytes)) => class(bytes),
        // What alternatives of one letter each became, in UTF-8: `é|è`.
        HirKind::Class(Class::Unicode(class)) => {
            let ranges = class.ranges().iter();
            let sequences = ranges.flat_map(|r| Utf8Sequences::new(r.start(), r.end()));
            sequences.map(|bytes| bytes.len() as u64).sum()
        }
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
        .map(|part| size(part).saturating_add(jump(part)))
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

/// What an alternative needs to leave to what follows: a jump where it is empty or ends in a repetition,
/// and one more where that runs at least once.
fn jump(part: &Hir) -> u64 {
    match part.kind() {
        HirKind::Empty => 1,
        HirKind::Repetition(loops) if loops.min > 0 && loops.max.is_none() => 2,
        HirKind::Repetition(_) => 1,
        HirKind::Concat(parts) => parts.last().map_or(0, jump),
        _ => 0,
    }
}

fn repeated(sub: &Hir, min: u32, max: Option<u32>) -> u64 {
    // What matches nothing and need not be there is left out.
    if min == 0 && sub.properties().minimum_len().is_none() {
        return 0;
    }
    let once = size(sub);
    match max {
        // RE2 takes a loop of what may be empty for an optional one that is run at least once.
        None => {
            let empty = sub.properties().minimum_len() == Some(0);
            let leave = if empty { 4 } else { 1 };
            once.saturating_mul(min.max(1).into()).saturating_add(leave)
        }
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

/// A class: an instruction for each range, where one of letters in both cases counts once.
fn class(class: &ClassBytes) -> u64 {
    let upper = |range: &&ClassBytesRange| {
        range.start().is_ascii_uppercase() && range.end().is_ascii_uppercase()
    };
    let ranges = class.ranges().len() as u64;
    let mut folded = class.clone();
    folded.case_fold_simple();
    match folded == *class {
        true => ranges - class.ranges().iter().filter(upper).count() as u64,
        false => ranges,
    }
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
