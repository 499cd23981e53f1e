//! Collecting diagnostics, within bounds.

use crate::model::{Diagnostic, Severity};

use super::codes;

/// How many diagnostics a report has at most. Nobody reads more, and a hostile document must not
/// make a report that is larger than itself.
const MAX_FINDINGS: usize = 500;

/// How many times a near miss is looked for, which costs more than the finding itself.
const MAX_SUGGESTIONS: usize = 20;

/// Among how many names a near miss is looked for.
const MAX_CANDIDATES: usize = 1000;

/// The diagnostics found so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    list: Vec<Diagnostic>,
    left_out: usize,
    suggestions: usize,
}

impl Findings {
    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        match self.list.len() < MAX_FINDINGS {
            true => self.list.push(diagnostic),
            false => self.left_out += 1,
        }
    }

    /// The sections that hold an error.
    pub(super) fn faulty_sections(&self) -> impl Iterator<Item = &str> {
        self.list
            .iter()
            .filter(|d| d.severity == Severity::Error)
            .filter_map(|d| d.section.as_deref())
    }

    /// The word that was probably meant, if one is near.
    pub(super) fn nearest<'n>(
        &mut self,
        word: &str,
        known: impl Iterator<Item = &'n str>,
    ) -> Option<&'n str> {
        self.suggestions += 1;
        if self.suggestions > MAX_SUGGESTIONS || word.len() > 64 {
            return None;
        }
        let near = 1 + word.len() / 5;
        let known = known.take(MAX_CANDIDATES);
        let known =
            known.map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate));
        known
            .filter(|(distance, known)| *distance <= near || is_tail(word, known))
            .min()
            .map(|(_, candidate)| candidate)
    }

    /// The section that was probably meant. Numbers that differ are no near miss.
    pub(super) fn nearest_section<'n>(
        &mut self,
        name: &str,
        known: impl Iterator<Item = &'n str>,
    ) -> Option<&'n str> {
        let index = |name: &str| name.split_once('#').map(|(_, index)| index.to_owned());
        let own = index(name);
        let is_word = own
            .as_ref()
            .is_none_or(|index| index.bytes().any(|b| !b.is_ascii_digit()));
        self.nearest(name, known.filter(|known| is_word || index(known) == own))
    }

    pub(super) fn into_list(mut self) -> Vec<Diagnostic> {
        if self.left_out > 0 {
            self.list.push(Diagnostic::new(
                Severity::Warning,
                codes::TOO_MANY_FINDINGS,
                format!("{} more findings are left out", self.left_out),
            ));
        }
        self.list
    }
}

/// Whether one name is the other with words before it, as `hash_policy_cookie_ttl` is of `cookie_ttl`.
fn is_tail(one: &str, other: &str) -> bool {
    let tail = |long: &str, short| {
        long.strip_suffix(short)
            .is_some_and(|head| head.ends_with('_'))
    };
    !one.is_empty() && !other.is_empty() && (tail(one, other) || tail(other, one))
}
