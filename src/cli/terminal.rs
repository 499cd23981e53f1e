//! What commands print: columns, and colours on a terminal only.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;

use serde::Serialize;
use tokio::io::Interest;
use tokio::net::unix::pipe::Sender;

/// How a word is emphasised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// A heading.
    Bold,
    /// What is as it should be.
    Good,
    /// What deserves a look.
    Doubtful,
    /// What is wrong.
    Bad,
    /// What matters less.
    Dim,
}

/// Whether there are colours on standard output: on a terminal, unless `NO_COLOR` or a terminal that
/// knows none says otherwise.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint(bool);

impl Paint {
    /// The paint of standard output.
    pub(super) fn stdout() -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self(!plain && io::stdout().is_terminal())
    }

    /// No paint at all.
    pub(super) fn plain() -> Self {
        Self(false)
    }

    /// A text in a style.
    pub(super) fn apply(self, style: Style, text: impl Display) -> String {
        let code = match style {
            _ if !self.0 => return text.to_string(),
            Style::Bold => "1",
            Style::Good => "32",
            Style::Doubtful => "33",
            Style::Bad => "31",
            Style::Dim => "2",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// Rows whose cells stand under each other; the last cell of a row is as long as it likes.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<Vec<(String, Option<Style>)>>,
}

impl Table {
    /// Adds a row.
    pub(super) fn row<const N: usize>(&mut self, cells: [(String, Option<Style>); N]) {
        self.rows.push(cells.into());
    }

    /// The rows as lines, indented by some spaces.
    pub(super) fn lines(&self, indent: usize, paint: Paint) -> String {
        let widest = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter(|row| row.len() > column + 1);
            let cells = cells.filter_map(|row| row.get(column));
            cells
                .map(|(text, _)| text.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..widest).map(width).collect();
        let mut lines = String::new();
        for row in &self.rows {
            let mut line = " ".repeat(indent);
            for (column, (text, style)) in row.iter().enumerate() {
                let shown = match style {
                    Some(style) => paint.apply(*style, text),
                    None => text.clone(),
                };
                line.push_str(&shown);
                if column + 1 < row.len() {
                    let width = widths.get(column).copied().unwrap_or(0);
                    let gap = width.saturating_sub(text.chars().count()) + 2;
                    line.push_str(&" ".repeat(gap));
                }
            }
            lines.push_str(line.trim_end());
            lines.push('\n');
        }
        lines
    }
}

/// A cell without a style.
pub(super) fn plain(text: impl Into<String>) -> (String, Option<Style>) {
    (text.into(), None)
}

/// A cell in a style.
pub(super) fn styled(style: Style, text: impl Into<String>) -> (String, Option<Style>) {
    (text.into(), Some(style))
}

/// Writes a text to standard output.
///
/// # Errors
/// When it cannot be written; a reader that went away is an error too.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Completes once nobody reads standard output any more, as after `| head`: what waits for news would
/// otherwise not learn of it before there are some.
pub(super) async fn reader_is_gone() {
    let output = io::stdout().as_fd().try_clone_to_owned();
    // Nothing is written by this way, so it need not be one that never blocks. A file has no reader that
    // could go.
    match output.and_then(Sender::from_owned_fd_unchecked) {
        Ok(output) => drop(output.ready(Interest::ERROR).await),
        Err(_) => std::future::pending().await,
    }
}

/// Writes a value to standard output as JSON.
///
/// # Errors
/// As [`print`].
pub(super) fn print_json(value: &impl Serialize) -> io::Result<()> {
    print(&format!("{}\n", serde_json::to_string_pretty(value)?))
}

/// `1 error`, `2 errors`.
pub(super) fn count(number: usize, thing: &str) -> String {
    match number {
        1 => format!("1 {thing}"),
        _ => format!("{number} {thing}s"),
    }
}

/// A text broken into lines of at most `width` letters, each after the first behind `indent` spaces.
pub(super) fn wrap(text: &str, width: usize, indent: usize) -> String {
    let mut wrapped = String::new();
    let mut column = indent;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > indent && column + 1 + length > width {
            wrapped.push('\n');
            wrapped.push_str(&" ".repeat(indent));
            column = indent;
        } else if column > indent {
            wrapped.push(' ');
            column += 1;
        }
        wrapped.push_str(word);
        column += length;
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_under_each_other_and_the_last_one_counts_for_nothing() {
        let mut table = Table::default();
        table.row([plain("a"), plain("long"), plain("x")]);
        table.row([plain("abc"), plain("b"), plain("a long end")]);
        table.row([plain("a remark that is no column")]);
        assert_eq!(
            table.lines(1, Paint::plain()),
            " a    long  x\n abc  b     a long end\n a remark that is no column\n"
        );
    }

    #[test]
    fn colours_do_not_count_as_letters() {
        let mut table = Table::default();
        table.row([styled(Style::Bad, "no"), plain("x")]);
        table.row([plain("yes"), plain("y")]);
        let lines = table.lines(0, Paint(true));
        assert_eq!(lines, "\x1b[31mno\x1b[0m   x\nyes  y\n");
    }

    #[test]
    fn long_texts_are_wrapped_between_words() {
        assert_eq!(wrap("one two three", 7, 0), "one two\nthree");
        assert_eq!(wrap("one two three", 9, 2), "one two\n  three");
        assert_eq!(wrap("unbreakable", 3, 0), "unbreakable");
    }
}
