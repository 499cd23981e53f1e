//! Judging regular expressions as RE2, Envoy's engine, would.
//!
//! Envoy compiles them in Latin-1, so that every byte is a character. RE2's own syntax is read by
//! [`syntax`], which rewrites it for the `regex-syntax` crate; the tree that this one makes tells what
//! [`size`] RE2's program has and which paths can match. Both were held against RE2 and a real Envoy,
//! see the table in the tests; Envoy has the last word. Most expressions are [`plain`], and need none
//! of this.

mod atoms;
mod matching;
mod plain;
mod size;
mod syntax;
mod unicode;

use std::borrow::Cow;

use regex_syntax::ParserBuilder;

/// How deep groups may be nested. RE2 has no such limit; no expression for a path comes near it.
const MAX_DEPTH: u32 = 250;

/// How long an expression may be; RE2 has no such limit either.
const MAX_LENGTH: usize = 4096;

/// The program size above which Envoy refuses an expression unless its runtime says otherwise.
pub(super) const DEFAULT_PROGRAM_SIZE: u64 = 100;

/// The largest program that an expression may compile to. Envoy is told to take more by the gateway's own
/// bootstrap: see [`RE2_MAX_PROGRAM_SIZE`](crate::envoy::bootstrap::RE2_MAX_PROGRAM_SIZE).
pub(super) const LARGEST_PROGRAM_SIZE: u64 = 2000;

/// The largest program that an expression may become in a [`matcher`], in bytes.
const MAX_MATCHER: usize = 1 << 20;

/// What is known of a valid expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PatternFacts {
    /// About how many instructions RE2's program has; up to [`DEFAULT_PROGRAM_SIZE`], perhaps only a bound.
    pub(super) size: u64,
    /// Why no path can match, where that is known.
    pub(super) never: Option<Refusal>,
}

/// What is wrong with an expression, on one line, and what to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) why: String,
    pub(super) hint: Cow<'static, str>,
}

impl Refusal {
    fn new(why: impl Into<String>, hint: impl Into<Cow<'static, str>>) -> Self {
        Self {
            why: why.into(),
            hint: hint.into(),
        }
    }
}

/// What matches the whole paths that RE2 would; `None` where RE2 refuses the expression, and where it
/// becomes too large here.
///
/// It takes a path by its bytes, as Envoy does.
pub fn matcher(pattern: &str) -> Option<regex::bytes::Regex> {
    if pattern.len() > MAX_LENGTH {
        return None;
    }
    let rewritten = syntax::rewrite(pattern).ok()?;
    regex::bytes::RegexBuilder::new(&format!(r"\A(?:{rewritten})\z"))
        .unicode(false)
        .nest_limit(MAX_DEPTH)
        .size_limit(MAX_MATCHER)
        .build()
        .ok()
}

/// Why RE2 refuses an expression, on one line, wherever Envoy takes one. A longer one than this judges is
/// for Envoy to judge.
pub(crate) fn refusal(pattern: &str) -> Option<String> {
    let judged = (pattern.len() <= MAX_LENGTH).then(|| judge(pattern))?;
    judged.err().map(|refusal| refusal.why)
}

/// Judges an expression.
pub(super) fn judge(pattern: &str) -> Result<PatternFacts, Refusal> {
    match plain::size(pattern) {
        Some(size) if size <= DEFAULT_PROGRAM_SIZE => Ok(PatternFacts { size, never: None }),
        _ => by_tree(pattern),
    }
}

/// Judges an expression of any kind, which costs a hundred times as much.
fn by_tree(pattern: &str) -> Result<PatternFacts, Refusal> {
    if pattern.len() > MAX_LENGTH {
        return Err(Refusal::new(
            format!("it has more than {MAX_LENGTH} bytes"),
            "use several routes",
        ));
    }
    let rewritten = syntax::rewrite(pattern)?;
    let tree = ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .nest_limit(MAX_DEPTH)
        .build()
        .parse(&rewritten)
        .map_err(|error| {
            let why = match &error {
                regex_syntax::Error::Parse(error) => error.kind().to_string(),
                regex_syntax::Error::Translate(error) => error.kind().to_string(),
                _ => "it cannot be parsed".to_owned(),
            };
            Refusal::new(why, "")
        })?;
    size::check_repetitions(&tree)?;
    Ok(PatternFacts {
        size: size::program(&tree),
        never: matching::never(&tree),
    })
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
