//! Judging regular expressions as RE2, Envoy's engine, would.
//!
//! RE2's own syntax is read by [`syntax`], which rewrites it for the `regex-syntax` crate; the tree
//! that this one makes tells what [`size`] RE2's program has and which paths can match. Both were
//! held against RE2 itself, see the table in the tests; Envoy has the last word. Most expressions are
//! [`plain`], and need none of this.

mod atoms;
mod plain;
mod size;
mod syntax;
mod unicode;

use regex_syntax::ParserBuilder;
use regex_syntax::hir::literal::Extractor;
use regex_syntax::hir::{Hir, HirKind};

/// How deep groups may be nested. RE2 has no such limit; no expression for a path comes near it.
const MAX_DEPTH: u32 = 250;

/// How long an expression may be; RE2 has no such limit either.
const MAX_LENGTH: usize = 4096;

/// The program size above which Envoy refuses an expression unless its runtime says otherwise.
pub(super) const DEFAULT_PROGRAM_SIZE: u64 = 100;

/// The largest program that an expression may become in a [`matcher`], in bytes.
const MAX_MATCHER: usize = 1 << 20;

/// What is known of a valid expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Facts {
    /// About how many instructions RE2's program has; up to [`DEFAULT_PROGRAM_SIZE`], perhaps only a bound.
    pub(super) size: u64,
    /// Whether some path, which always starts with `/`, can match.
    pub(super) can_match: bool,
}

/// Why RE2 refuses an expression, on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) why: String,
    pub(super) hint: &'static str,
}

impl Refusal {
    fn new(why: impl Into<String>, hint: &'static str) -> Self {
        Self {
            why: why.into(),
            hint,
        }
    }
}

/// What matches the whole paths that RE2 would; `None` where RE2 refuses the expression, and where it
/// becomes too large here.
pub fn matcher(pattern: &str) -> Option<regex::Regex> {
    if pattern.len() > MAX_LENGTH {
        return None;
    }
    let rewritten = syntax::rewrite(pattern).ok()?;
    regex::RegexBuilder::new(&format!(r"\A(?:{rewritten})\z"))
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
pub(super) fn judge(pattern: &str) -> Result<Facts, Refusal> {
    match plain::size(pattern) {
        Some(size) if size <= DEFAULT_PROGRAM_SIZE => Ok(Facts {
            size,
            can_match: true,
        }),
        _ => by_tree(pattern),
    }
}

/// Judges an expression of any kind, which costs a hundred times as much.
fn by_tree(pattern: &str) -> Result<Facts, Refusal> {
    if pattern.len() > MAX_LENGTH {
        return Err(Refusal::new(
            format!("it has more than {MAX_LENGTH} characters"),
            "use several routes",
        ));
    }
    let rewritten = syntax::rewrite(pattern)?;
    let tree = ParserBuilder::new()
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
    Ok(Facts {
        size: size::program(&tree),
        can_match: can_match(&tree),
    })
}

/// Whether a text that starts with `/` can match the whole expression. When in doubt, yes.
fn can_match(tree: &Hir) -> bool {
    // Nearly all start with the slash itself. What matches nothing at all has no least length.
    if starts_with_slash(tree) && tree.properties().minimum_len().is_some() {
        return true;
    }
    let prefixes = Extractor::new().limit_class(100).extract(tree);
    prefixes.literals().is_none_or(|literals| {
        literals
            .iter()
            .any(|literal| literal.as_bytes().first().is_none_or(|b| *b == b'/'))
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

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
