//! `xds completions` and `xds man`: what shells and `man` know of the commands.

use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;

use super::failure::Failure;
use super::terminal;
use super::{OK, command, reference};

/// Options of `xds completions`.
#[derive(Debug, Clone, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

/// Options of `xds man`.
#[derive(Debug, Clone, Args)]
pub(super) struct ManArgs {
    /// Write a page for each command into this folder. Without it, the page of xds itself is written
    /// to standard output
    #[arg(value_name = "FOLDER", conflicts_with = "markdown")]
    folder: Option<PathBuf>,
    /// Write the reference of all commands as a Markdown page
    #[arg(long)]
    markdown: bool,
}

/// Runs `xds completions`.
pub(super) fn completions(args: &CompletionsArgs) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command(), "xds", &mut script);
    terminal::print(&String::from_utf8_lossy(&script))?;
    Ok(OK)
}

/// Runs `xds man`.
pub(super) fn man(args: &ManArgs) -> Result<u8, Failure> {
    if args.markdown {
        terminal::print(&reference::commands())?;
        return Ok(OK);
    }
    let Some(folder) = &args.folder else {
        terminal::print(&String::from_utf8_lossy(&page(command())?))?;
        return Ok(OK);
    };
    let failed = |what: &PathBuf, error: std::io::Error| {
        Failure::Failed(format!("cannot write {}: {error}", what.display()))
    };
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    for (name, command) in pages() {
        let file = folder.join(format!("{name}.1"));
        std::fs::write(&file, page(command)?).map_err(|error| failed(&file, error))?;
    }
    Ok(OK)
}

/// Every page, by its name: `xds`, `xds-validate` and so on.
fn pages() -> Vec<(String, Command)> {
    let mut whole = command();
    whole.build();
    let subcommands = whole.get_subcommands().filter(|c| c.get_name() != "help");
    let subcommands = subcommands.map(|subcommand| {
        let name = format!("xds-{}", subcommand.get_name());
        let page = subcommand.clone().display_name(&name).bin_name(&name);
        (name, page)
    });
    let mut pages: Vec<(String, Command)> = subcommands.collect();
    pages.insert(0, ("xds".into(), command()));
    pages
}

fn page(command: Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    Ok(page)
}
