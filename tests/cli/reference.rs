//! The pages of `docs/reference` are what the commands print. `make reference` rewrites them.

use std::path::Path;

use crate::run::xds;

/// Compares a page with what a command prints, or rewrites it where asked to.
fn is_current(page: &str, args: &[&str]) {
    let printed = xds(args).ends(0).out;
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs/reference")
        .join(page);
    if std::env::var_os("IGW_UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &printed).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == printed,
        "docs/reference/{page} is not up to date: run `make reference`, and commit it"
    );
}

#[test]
fn the_keyword_reference_is_current() {
    is_current("keywords.md", &["keywords", "--markdown"]);
}

#[test]
fn the_diagnostic_reference_is_current() {
    is_current("diagnostics.md", &["explain-code", "--markdown"]);
}

#[test]
fn the_command_reference_is_current() {
    is_current("commands.md", &["man", "--markdown"]);
}

#[test]
fn every_command_has_a_manual_page_with_the_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    xds(&["man", folder.path().to_str().unwrap()]).ends(0);
    let help = xds(&["-h"]).ends(0).out;
    let commands = help.split("Commands:").nth(1).unwrap();
    let commands = commands.split("\n\n").next().unwrap().lines();
    // A command's line is indented by two, what goes on from the line before by more.
    let names: Vec<&str> = commands
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !name.is_empty() && *name != "help")
        .collect();
    assert!(
        names.contains(&"validate") && names.contains(&"man"),
        "{help}"
    );
    for name in names {
        let page = std::fs::read_to_string(folder.path().join(format!("xds-{name}.1")));
        let page = page.unwrap_or_else(|error| panic!("xds-{name}.1: {error}"));
        assert!(page.contains(".TH"), "{page}");
        assert!(
            page.contains("Exit codes:"),
            "xds-{name}.1 lacks the exit codes"
        );
    }
    let whole = std::fs::read_to_string(folder.path().join("xds.1")).unwrap();
    assert!(whole.contains("tcp\\-serves\\-keys"), "{whole}");
}

#[test]
fn shells_complete_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = xds(&["completions", shell]).ends(0);
        script.says("explain-code").says("janitor-socket");
    }
    xds(&["completions", "tcsh"])
        .ends(2)
        .complains("possible values: bash");
}
