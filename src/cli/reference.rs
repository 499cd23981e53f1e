//! The pages of `docs/reference`, made of the tables that the code itself works with.

use super::command;
use super::keywords::facts;
use crate::validate::codes;
use crate::validate::keywords::Group;

/// What stands at the top of every page.
const GENERATED: &str = "<!-- Generated from the code; `make reference` writes it anew. -->\n\n";

/// The keywords, by section.
pub fn keywords() -> String {
    let mut page = format!("# Keywords\n\n{GENERATED}");
    page.push_str(
        "What a service may say to be exposed. `xds keywords` prints the same, \
         `xds validate` judges a configuration.\n",
    );
    for group in Group::ALL {
        let driver = group.driver();
        page.push_str(&format!(
            "\n## {group}\n\n`[{group}#…]` with `type = {driver}`\n"
        ));
        for keyword in group.keywords() {
            page.push_str(&format!("\n### `{group}.{}`\n\n", keyword.name));
            page.push_str(&format!("{}\n\n", escaped(keyword.help)));
            for fact in facts(keyword) {
                page.push_str(&format!("- {}\n", escaped(&fact)));
            }
            page.push_str(&format!(
                "\n```ini\n{} = {}\n```\n",
                keyword.name, keyword.example
            ));
        }
    }
    page
}

/// The diagnostics, in the order of the pipeline.
pub fn diagnostics() -> String {
    let mut page = format!("# Diagnostics\n\n{GENERATED}");
    page.push_str(
        "Every finding has a code, which stays the same from version to version. \
         `xds explain-code CODE` prints what is here.\n",
    );
    for entry in codes::TABLE {
        page.push_str(&format!(
            "\n## `{}`\n\n**{}** {}\n",
            entry.code,
            escaped(entry.title),
            escaped(entry.explanation)
        ));
    }
    page
}

/// The commands with all their options.
pub fn commands() -> String {
    let mut page = format!("# Commands\n\n{GENERATED}");
    page.push_str("## `xds`\n\n");
    // The variables of whoever generates the page are nobody else's business.
    let hide = |command: clap::Command| {
        command
            .term_width(96)
            .mut_args(|arg| arg.hide_env_values(true))
    };
    let mut whole = hide(command());
    whole.build();
    page.push_str(&help(&mut whole));
    let names: Vec<String> = whole
        .get_subcommands()
        .map(|c| c.get_name().to_owned())
        .collect();
    for name in names.iter().filter(|name| *name != "help") {
        if let Some(subcommand) = whole.find_subcommand(name) {
            page.push_str(&format!("\n## `xds {name}`\n\n"));
            page.push_str(&help(&mut hide(subcommand.clone())));
        }
    }
    page
}

fn help(command: &mut clap::Command) -> String {
    let help = command.render_long_help().to_string();
    let lines: Vec<&str> = help.trim().lines().map(str::trim_end).collect();
    format!("```text\n{}\n```\n", lines.join("\n"))
}

/// Text as it is, whatever Markdown would make of it, but for code between backticks.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut is_code = false;
    for letter in text.chars() {
        is_code ^= letter == '`';
        if !is_code && matches!(letter, '*' | '_' | '<' | '>' | '[' | ']' | '\\') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}
