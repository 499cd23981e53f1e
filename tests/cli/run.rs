//! Running `xds`.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

/// What a command did.
#[derive(Debug)]
pub struct Done {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Runs a command in the project's folder, with nothing on standard input.
pub fn xds(args: &[&str]) -> Done {
    xds_with(args, "")
}

/// Runs a command with a text on standard input.
pub fn xds_with(args: &[&str], input: &str) -> Done {
    let mut child = command(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read it may have ended already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Done {
        code: output.status.code().expect("ended by a signal"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The command, with none of the variables that it heeds.
pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xds"));
    command
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("OPENSVC_LSNR_SOCK")
        .env_remove("IGW_XDS_SOCKET")
        .env_remove("RUST_LOG");
    command
}

/// A file with a text, in a folder that goes away with it.
pub fn file(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

impl Done {
    /// It exits with a code; shows everything otherwise.
    pub fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }

    /// Standard output has a text.
    pub fn says(self, text: &str) -> Self {
        assert!(
            self.out.contains(text),
            "no '{text}' in:\n{}\n{}",
            self.out,
            self.err
        );
        self
    }

    /// Standard error has a text.
    pub fn complains(self, text: &str) -> Self {
        assert!(self.err.contains(text), "no '{text}' in:\n{}", self.err);
        self
    }

    /// Standard output is JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}
