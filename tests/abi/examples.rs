//! `examples/c`: compiled strictly, run, and run again where memory errors are found.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{library_dir, root};

const STRICT: &[&str] = &["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror"];
const WRONG: &str =
    r#"{"path": "web", "sections": {"expose#0": {"type": "envoy", "port": "abc"}}}"#;

/// What runs a program: by itself, or under valgrind.
type Runner = &'static [&'static str];

const ALONE: Runner = &[];
const VALGRIND: Runner = &[
    "valgrind",
    "--quiet",
    "--leak-check=full",
    // What is kept until the end of the process (tables read once) is reached through pointers to the
    // middle of blocks, which is all that "possible" means.
    "--show-leak-kinds=definite,indirect",
    "--errors-for-leak-kinds=definite,indirect",
    "--error-exitcode=99",
];

fn compile(example: &str, more: &[&str], into: &Path) -> PathBuf {
    let program = into.join(example);
    let output = Command::new("cc")
        .args(STRICT)
        .args(more)
        .arg("-I")
        .arg(root().join("include"))
        .arg(root().join(format!("examples/c/{example}.c")))
        .arg("-L")
        .arg(library_dir())
        .arg("-ligw_envoy")
        .arg("-o")
        .arg(&program)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    program
}

fn run(runner: Runner, program: &Path, input: &str) -> Output {
    let mut words = runner.iter().map(Path::new).chain([program]);
    let mut child = Command::new(words.next().unwrap())
        .args(words)
        .env("LD_LIBRARY_PATH", soname_dir(program))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that reads no input may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// A directory where the library has its SONAME, as an installed one would.
fn soname_dir(program: &Path) -> PathBuf {
    let dir = program.parent().unwrap().to_owned();
    let link = dir.join(format!(
        "libigw_envoy.so.{}",
        igw_envoy::ffi::IGW_ABI_VERSION
    ));
    if !link.exists() {
        std::os::unix::fs::symlink(library_dir().join("libigw_envoy.so"), link).unwrap();
    }
    dir
}

fn said(output: &Output) -> String {
    let text = [&*output.stdout, &*output.stderr].concat();
    String::from_utf8_lossy(&text).into_owned()
}

/// Runs both examples and checks what they say.
fn examples_work(flags: &[&str], runner: Runner) {
    let dir = tempfile::tempdir().unwrap();
    let validate = compile("validate", flags, dir.path());
    let refused = run(runner, &validate, WRONG);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(
        said(&refused).contains("expose#0.port"),
        "{}",
        said(&refused)
    );
    let misused = run(runner, &validate, "{");
    assert_eq!(misused.status.code(), Some(2), "{}", said(&misused));

    let translate = compile("translate", flags, dir.path());
    let translated = run(runner, &translate, "");
    assert_eq!(translated.status.code(), Some(0), "{}", said(&translated));
    assert!(
        said(&translated).contains("web.expose#0"),
        "{}",
        said(&translated)
    );
}

/// The sidecar, from a C program: it answers, and ends as asked.
#[test]
fn the_sidecar_runs_in_a_c_program() {
    if !has("cc", Command::new("cc").arg("--version")) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let program = compile("sidecar", &[], dir.path());
    let command = |words: &[&str]| {
        let mut command = Command::new(&program);
        command
            .args(words)
            .env("LD_LIBRARY_PATH", soname_dir(&program))
            .env_remove("OPENSVC_LSNR_SOCK")
            .current_dir(dir.path());
        command
    };
    let version = command(&["--version"]).output().unwrap();
    assert!(version.status.success(), "{}", said(&version));
    assert!(said(&version).contains(env!("CARGO_PKG_VERSION")));
    let wrong = command(&["--zorglub"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2), "{}", said(&wrong));

    let words = "--port 0 --http off --socket no-daemon.sock --janitor-socket xds.sock";
    let words: Vec<&str> = words.split(' ').collect();
    let mut child = command(&words).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    // Each connection hangs up at once: where SIGPIPE is not ignored, that ends a C program.
    while UnixStream::connect(dir.path().join("xds.sock")).is_err() {
        assert!(Instant::now() < deadline, "the sidecar does not listen");
        assert!(child.try_wait().unwrap().is_none(), "the sidecar has ended");
        thread::sleep(Duration::from_millis(20));
    }
    let id = child.id().to_string();
    assert!(Command::new("kill").arg(id).status().unwrap().success());
    let end = child.wait().unwrap();
    assert!(end.success(), "{end}");
}

/// Whether a tool can be used; without it, the test says what it leaves out.
fn has(tool: &str, probe: &mut Command) -> bool {
    let works = probe
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !works {
        assert!(
            std::env::var_os("REQUIRE_ALL").is_none(),
            "{tool} is missing, and REQUIRE_ALL is set"
        );
        eprintln!("SKIPPED: {tool} is missing");
    }
    works
}

#[test]
fn the_examples_compile_strictly_and_run() {
    if has("cc", Command::new("cc").arg("--version")) {
        examples_work(&[], ALONE);
    }
}

#[test]
fn the_examples_run_under_address_sanitizer() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("probe.c");
    std::fs::write(&source, "int main(void) { return 0; }\n").unwrap();
    let flags = [
        "-g",
        "-fsanitize=address,undefined",
        "-fno-sanitize-recover",
    ];
    let mut probe = Command::new("cc");
    probe
        .args(flags)
        .arg(&source)
        .arg("-o")
        .arg(dir.path().join("probe"));
    if has("the address sanitizer", &mut probe) {
        examples_work(&flags, ALONE);
    }
}

#[test]
fn the_examples_run_under_valgrind() {
    if has("valgrind", Command::new("valgrind").arg("--version")) {
        examples_work(&["-g"], VALGRIND);
    }
}
