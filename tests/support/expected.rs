//! Texts held against committed files.
//!
//! `UPDATE_GOLDEN=1 cargo test` rewrites the files, for a person to review. Continuous integration
//! never does.

use std::fs;
use std::path::Path;

/// Compares a text with a file. Returns the difference, for people.
pub(crate) fn compare(file: &Path, actual: &str) -> Result<(), String> {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        assert!(
            std::env::var_os("CI").is_none(),
            "UPDATE_GOLDEN rewrites what is expected: not in continuous integration"
        );
        if fs::read_to_string(file).ok().as_deref() != Some(actual) {
            fs::write(file, actual).map_err(|error| format!("{}: {error}", file.display()))?;
        }
        return Ok(());
    }
    let expected = fs::read_to_string(file).unwrap_or_default();
    if expected == actual {
        return Ok(());
    }
    Err(format!(
        "{} differs (- expected, + actual; UPDATE_GOLDEN=1 rewrites it):\n{}",
        file.display(),
        difference(&expected, actual)
    ))
}

/// The lines that differ, with the three before and after each.
fn difference(expected: &str, actual: &str) -> String {
    const CONTEXT: usize = 3;
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), actual.lines().collect());
    let lines = edits(&old, &new);
    let near = |at: usize| {
        let from = at.saturating_sub(CONTEXT);
        let to = (at + CONTEXT + 1).min(lines.len());
        lines[from..to].iter().any(|(mark, _)| *mark != ' ')
    };
    let mut text = String::new();
    let mut skipped = false;
    for (at, (mark, line)) in lines.iter().enumerate() {
        if near(at) {
            text.push_str(&format!("{mark} {line}\n"));
            skipped = false;
        } else if !skipped {
            text.push_str("  ...\n");
            skipped = true;
        }
    }
    text
}

/// The shortest way from the old lines to the new ones.
fn edits<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(char, &'a str)> {
    // common[i][j]: how many lines old[i..] and new[j..] have in common, in order.
    let mut common = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = match old[i] == new[j] {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push((' ', old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || i < old.len() && common[i + 1][j] >= common[i][j + 1] {
            lines.push(('-', old[i]));
            i += 1;
        } else {
            lines.push(('+', new[j]));
            j += 1;
        }
    }
    lines
}
