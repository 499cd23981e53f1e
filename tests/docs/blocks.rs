//! Blocks of commands: read, run, compared or rewritten.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::pages;
use crate::stage::Stage;

/// What a block that is run starts with.
const START: &str = "```console run";
const END: &str = "```";

#[tokio::test(flavor = "multi_thread")]
async fn commands_print_what_the_pages_say() {
    if missing("curl") || missing("python3") {
        return;
    }
    let stage = Stage::set_up().await;
    let update = std::env::var("IGW_UPDATE").is_ok_and(|value| value == "1");
    let mut wrong = Vec::new();
    let mut count = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let produced = tokio::task::block_in_place(|| rewrite(&text, &stage, &mut count));
        if produced != text && update {
            fs::write(&page, produced).unwrap();
        } else if produced != text {
            let old = text.lines().collect::<Vec<_>>();
            let new = produced.lines().find(|line| !old.contains(line));
            let name = page.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap();
            wrong.push(format!(
                "{}: {}",
                name.display(),
                new.unwrap_or("lines are gone")
            ));
        }
    }
    assert!(count > 5, "{count} commands: are the blocks marked?");
    assert!(
        wrong.is_empty(),
        "commands print something else; IGW_UPDATE=1 writes it:\n{}",
        wrong.join("\n")
    );
}

/// Whether a program is not there; said, and a failure where everything is required.
fn missing(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    let required = std::env::var("REQUIRE_ALL").is_ok_and(|value| value == "1");
    assert!(found || !required, "no {program} found");
    if !found {
        let skipped = format!("*** SKIPPED the commands of the documentation: no {program} ***");
        let _ = writeln!(std::io::stderr(), "\n{skipped}\n");
    }
    !found
}

/// A page with the output of its commands as it is now.
fn rewrite(page: &str, stage: &Stage, count: &mut usize) -> String {
    let mut produced = String::new();
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        produced.push_str(line);
        produced.push('\n');
        if line != START {
            continue;
        }
        while let Some(line) = lines.next_if(|line| *line != END) {
            // What is no command is what the one before printed.
            let Some(command) = line.strip_prefix("$ ") else {
                continue;
            };
            produced.push_str(line);
            produced.push('\n');
            let mut whole = command.to_owned();
            while whole.ends_with('\\') {
                let next = lines.next().unwrap_or_default();
                produced.push_str(next);
                produced.push('\n');
                whole.pop();
                whole.push_str(next);
            }
            produced.push_str(&run(&whole, stage));
            *count += 1;
        }
    }
    produced
}

/// What a command prints, on either stream.
fn run(command: &str, stage: &Stage) -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_xds"));
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1\n{}", stage.real(command))])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env(
            "PATH",
            format!("{}:{path}", binary.parent().unwrap().display()),
        )
        .env("OPENSVC_LSNR_SOCK", stage.daemon_socket())
        .env("IGW_XDS_SOCKET", stage.socket())
        .env("PYTHONPATH", "python")
        .env("IGW_ENVOY_LIBRARY", library())
        .env("NO_COLOR", "1")
        .env("COLUMNS", "100")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(!said.starts_with("sh: "), "{command}\n{said}");
    let said = stage.as_documented(&said);
    match said.is_empty() || said.ends_with('\n') {
        true => said,
        false => said + "\n",
    }
}

/// The library that was built with this test.
fn library() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.with_file_name("libigw_envoy.so")
}
