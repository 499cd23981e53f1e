//! What is deployed says what the programs understand: the service templates and the systemd units.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use igw_envoy::config::Config;
use support::envoy;
use support::{eventually, free_address};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The service templates, by name.
fn templates() -> BTreeMap<String, Config> {
    let files = fs::read_dir(root().join("deploy/opensvc")).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let configs = files.filter(|path| path.extension().is_some_and(|ext| ext == "conf"));
    let templates: BTreeMap<_, _> = configs
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, Config::parse(&text).unwrap())
        })
        .collect();
    assert_eq!(templates.len(), 4);
    templates
}

/// A keyword's words, with `{env.…}` resolved and what only an agent knows made up.
fn words(config: &Config, section: &str, keyword: &str) -> Vec<String> {
    let keyword = &config.sections[section][keyword];
    let mut text = keyword.clone();
    for (name, value) in &config.sections["env"] {
        text = text.replace(&format!("{{env.{name}}}"), value);
    }
    let text = text.replace("{nodename}", "node1");
    let text = text.replace("{svcname}", "igw");
    assert!(!text.contains('{'), "{text}");
    text.split_whitespace().map(str::to_owned).collect()
}

/// A sidecar that is started with arguments of a template or unit, on sockets of its own.
struct Sidecar(Child);

impl Drop for Sidecar {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts `xds` with arguments, their HTTP address replaced, and waits until it serves.
async fn starts(mut arguments: Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("xds.sock");
    if let Some(http) = arguments.iter().position(|argument| argument == "--http") {
        arguments[http + 1] = free_address().to_string();
    }
    let child = Command::new(env!("CARGO_BIN_EXE_xds"))
        .args(&arguments)
        .arg("--janitor-socket")
        .arg(&socket)
        // Not the daemon of the machine that runs the tests.
        .env("OPENSVC_LSNR_SOCK", folder.path().join("lsnr.sock"))
        .stderr(Stdio::null())
        .spawn();
    let mut sidecar = Sidecar(child.unwrap());
    eventually("xds serves", async || {
        let ended = sidecar.0.try_wait().unwrap();
        assert!(ended.is_none(), "xds {arguments:?} ended: {ended:?}");
        let asked = Command::new(env!("CARGO_BIN_EXE_xds"))
            .args(["healthcheck", "--janitor-socket"])
            .arg(&socket)
            .stderr(Stdio::null())
            .status();
        asked.unwrap().success().then_some(())
    })
    .await;
    // There is no daemon, so there is nothing to serve yet; and that is said.
    let asked = Command::new(env!("CARGO_BIN_EXE_xds"))
        .args(["healthcheck", "--ready", "--janitor-socket"])
        .arg(&socket)
        .output()
        .unwrap();
    assert_eq!(asked.status.code(), Some(1));
    let said = String::from_utf8_lossy(&asked.stderr);
    assert!(
        said.contains("the daemon's state is not known yet"),
        "{said}"
    );
}

#[tokio::test]
async fn xds_takes_what_the_templates_start_it_with() {
    for (name, config) in templates() {
        eprintln!("{name}");
        starts(words(&config, "container#xds", "run_command")).await;
    }
}

#[test]
fn a_health_check_of_nobody_says_which_socket_it_tried() {
    let asked = Command::new(env!("CARGO_BIN_EXE_xds"))
        .args(["healthcheck", "--janitor-socket", "/nowhere/xds.sock"])
        .output()
        .unwrap();
    assert_eq!(asked.status.code(), Some(1));
    let said = String::from_utf8_lossy(&asked.stderr);
    assert!(said.contains("/nowhere/xds.sock"), "{said}");
    assert!(said.contains("--janitor-socket"), "{said}");
}

/// Envoy takes the arguments, and the bootstrap that the templates name.
#[test]
fn envoy_takes_what_the_templates_start_it_with() {
    let Some(binary) = envoy::binary("Envoy's arguments") else {
        return;
    };
    for (name, config) in templates() {
        let arguments = words(&config, "container#envoy", "run_command");
        is_valid(&name, &binary, arguments, "/etc/envoy/envoy.json");
    }
    let unit = Unit::read("igw-envoy.service");
    let start = unit.value("ExecStart").replace("%H", "node1");
    let start = start.replace(" $ENVOY_OPTIONS", "");
    let arguments = start.split_whitespace().skip(1).map(str::to_owned);
    let arguments = arguments.collect();
    is_valid(
        "igw-envoy.service",
        &binary,
        arguments,
        "/etc/igw-envoy/envoy.json",
    );
}

fn is_valid(name: &str, binary: &PathBuf, mut arguments: Vec<String>, bootstrap: &str) {
    let at = arguments
        .iter()
        .position(|argument| argument == bootstrap)
        .unwrap_or_else(|| panic!("{name} does not name {bootstrap}: {arguments:?}"));
    let example = root().join("examples/envoy.json");
    arguments[at] = example.display().to_string();
    let checked = Command::new(binary)
        .args(&arguments)
        .args(["--mode", "validate"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{name}: {said}");
}

/// Containers are run without privileges, and say where what they write goes.
#[test]
fn templates_give_no_more_rights_than_are_needed() {
    for (name, config) in templates() {
        for container in ["container#envoy", "container#xds"] {
            let keywords = &config.sections[container];
            assert!(!keywords.contains_key("privileged"), "{name} {container}");
            let arguments = &keywords["run_args"];
            for needed in ["--read-only", "--cap-drop ALL", "no-new-privileges"] {
                assert!(arguments.contains(needed), "{name} {container}: {needed}");
            }
        }
        assert!(!config.sections["container#xds"]["run_args"].contains("--cap-add"));
    }
}

/// A systemd unit.
struct Unit(String);

impl Unit {
    fn read(name: &str) -> Self {
        Self(fs::read_to_string(root().join("deploy/systemd").join(name)).unwrap())
    }

    fn value(&self, key: &str) -> &str {
        let mut lines = self.0.lines();
        let value = lines.find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        value.unwrap_or_else(|| panic!("no {key}"))
    }
}

#[tokio::test]
async fn xds_takes_what_its_unit_starts_it_with() {
    let unit = Unit::read("igw-xds.service");
    let start = unit
        .value("ExecStart")
        .replace("$IGW_OPTIONS", "--http ADDRESS");
    let arguments = start.split_whitespace().skip(1).map(str::to_owned);
    starts(arguments.collect()).await;
}

/// Seen when the units were started by a systemd: Envoy calls mincore as soon as it has clusters, which is
/// in none of systemd's sets, and was ended for it again and again.
#[test]
fn a_system_call_that_nobody_thought_of_does_not_end_a_program() {
    for name in ["igw-xds.service", "igw-envoy.service"] {
        let unit = Unit::read(name);
        assert_eq!(unit.value("SystemCallErrorNumber"), "EPERM", "{name}");
    }
    let allowed = Unit::read("igw-envoy.service");
    let allowed = allowed.value("SystemCallFilter");
    assert!(
        allowed.split(' ').any(|call| call == "mincore"),
        "{allowed}"
    );
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let Ok(version) = Command::new("systemd-analyze").arg("--version").output() else {
        let required = std::env::var("REQUIRE_ALL").is_ok_and(|value| value == "1");
        assert!(!required, "no systemd-analyze found; install systemd");
        let skipped = "*** SKIPPED units: no systemd-analyze ***";
        let _ = writeln!(std::io::stderr(), "\n{skipped}\n");
        return;
    };
    assert!(version.status.success());
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for name in ["igw-xds.service", "igw-envoy.service"] {
        // The programs are not installed here, which is not what is asked.
        let text = Unit::read(name)
            .0
            .replace("/usr/local/bin/xds", "/bin/true");
        let text = text.replace("/usr/local/bin/envoy", "/bin/true");
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        files.push(file);
    }
    let checked = Command::new("systemd-analyze")
        .arg("verify")
        .args(&files)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&checked.stderr);
    let own: Vec<&str> = said.lines().filter(|line| line.contains("igw-")).collect();
    assert!(checked.status.success() && own.is_empty(), "{said}");
}
