//! `xds explain-code`: the long texts of diagnostics.

use clap::Args;

use super::failure::Failure;
use super::keywords::nearest;
use super::terminal::{self, Paint, Style, Table, plain, styled, wrap};
use super::{OK, reference};
use crate::validate::codes::{self, Entry};

/// Options of `xds explain-code`.
#[derive(Debug, Clone, Args)]
pub(super) struct CodesArgs {
    /// The codes to explain, such as name-taken. Without one, all are listed
    #[arg(value_name = "CODE")]
    codes: Vec<String>,
    /// Write JSON: a list of codes with title and explanation
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Write the reference as a Markdown page
    #[arg(long, conflicts_with = "codes")]
    markdown: bool,
}

/// Runs the command.
pub(super) fn run(args: &CodesArgs) -> Result<u8, Failure> {
    let paint = Paint::stdout();
    if args.markdown {
        terminal::print(&reference::diagnostics())?;
    } else if args.json {
        let entries = match args.codes.is_empty() {
            true => codes::TABLE.iter().collect(),
            false => wanted(&args.codes)?,
        };
        let json = |entry: &&Entry| {
            serde_json::json!({
                "code": entry.code,
                "title": entry.title,
                "explanation": entry.explanation,
            })
        };
        terminal::print_json(&entries.iter().map(json).collect::<Vec<_>>())?;
    } else if args.codes.is_empty() {
        let mut table = Table::default();
        for entry in codes::TABLE {
            table.row([styled(Style::Bold, entry.code), plain(entry.title)]);
        }
        terminal::print(&table.lines(0, paint))?;
    } else {
        let texts = wanted(&args.codes)?.into_iter().map(|entry| {
            let head = paint.apply(Style::Bold, entry.code);
            let explanation = wrap(entry.explanation, 96, 0);
            format!("{head}\n{}\n\n{explanation}\n", entry.title)
        });
        terminal::print(&texts.collect::<Vec<_>>().join("\n"))?;
    }
    Ok(OK)
}

fn wanted(codes: &[String]) -> Result<Vec<&'static Entry>, Failure> {
    let find = |code: &String| {
        // As findings are printed, in brackets.
        let bare = code.trim_matches(['[', ']']);
        codes::explain(bare).ok_or_else(|| {
            let known = codes::TABLE.iter().map(|entry| entry.code.to_owned());
            let near = nearest(bare, known);
            Failure::Failed(format!(
                "'{bare}' is not a code{near}; `xds explain-code` lists all"
            ))
        })
    };
    codes.iter().map(find).collect()
}
