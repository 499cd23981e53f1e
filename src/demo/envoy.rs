//! A real Envoy as a child process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::{Child, Command};

use super::Failure;
use crate::envoy::Variant;
use crate::envoy::bootstrap::{Bootstrap, XdsAddress};

/// A running Envoy; killed when dropped, and when this process dies.
pub(super) struct Envoy {
    child: Child,
    /// Its binary.
    pub(super) binary: PathBuf,
    /// Its version, as it says it.
    pub(super) version: String,
    log: PathBuf,
}

impl Envoy {
    /// Starts Envoy against the sidecar's socket, its files in `folder`.
    pub(super) async fn start(
        binary: PathBuf,
        folder: &Path,
        xds: &Path,
        admin: SocketAddr,
    ) -> Result<Self, Failure> {
        let version = version(&binary).await?;
        let bootstrap = Bootstrap {
            node: "demo".to_owned(),
            gateway: "envoy".to_owned(),
            admin: Some(admin),
            xds: XdsAddress::Unix(xds.to_owned()),
            variant: Variant::Delta,
        };
        let file = folder.join("envoy.json");
        std::fs::write(&file, format!("{:#}\n", bootstrap.to_json()))?;
        let log = folder.join("envoy.log");
        let output = std::fs::File::create(&log)?;
        let mut command = Command::new(&binary);
        command
            .arg("--config-path")
            .arg(&file)
            // One worker takes endpoints strictly in turn, which shows better.
            .args(["--concurrency", "1", "--disable-hot-restart"])
            .args(["--log-level", "warning"])
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            // Ctrl-C is for the demo, which then ends Envoy.
            .process_group(0)
            .kill_on_drop(true);
        end_with_parent(&mut command);
        let child = command
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", binary.display()))?;
        Ok(Self {
            child,
            binary,
            version,
            log,
        })
    }

    /// The last lines of its log, when it ended by itself.
    pub(super) fn ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok().flatten()?;
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(5).collect();
        let last: Vec<&str> = lines.into_iter().rev().collect();
        Some(format!("Envoy ended, {status}:\n{}", last.join("\n")))
    }

    /// Ends Envoy and waits for it. There is nothing that it would have to finish.
    pub(super) async fn stop(mut self) {
        self.child.kill().await.ok();
    }
}

/// The Envoy to use: the one named, the one that `make envoy` installed, or the one in the PATH.
pub(super) fn find(named: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(named) = named.filter(|named| !named.as_os_str().is_empty()) {
        return if named.is_file() {
            Ok(named.to_owned())
        } else {
            Err(format!("there is no Envoy at {}", named.display()).into())
        };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    installed()
        .into_iter()
        .chain(std::env::split_paths(&path).map(|folder| folder.join("envoy")))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| {
            "no Envoy found: run `make envoy`, or name one with --envoy-bin or ENVOY_BIN".into()
        })
}

/// The binary of the Python package in the local venv.
fn installed() -> Option<PathBuf> {
    let pythons = std::fs::read_dir(".venv/lib").ok()?;
    pythons
        .filter_map(|entry| Some(entry.ok()?.path().join("site-packages/envoy/_bin/envoy")))
        .find(|binary| binary.is_file())
}

async fn version(binary: &Path) -> Result<String, Failure> {
    let output = Command::new(binary)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|error| format!("cannot run {}: {error}", binary.display()))?;
    // "… version: <commit>/1.40.0/Clean/RELEASE/BoringSSL"
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.split('/').find(|part| {
        part.split('.').count() == 3 && part.starts_with(|first: char| first.is_ascii_digit())
    });
    Ok(version.unwrap_or("of an unknown version").to_owned())
}

/// Has the kernel kill the child when this process ends, however it ends.
#[expect(unsafe_code, reason = "the only way to act between fork and exec")]
fn end_with_parent(command: &mut Command) {
    // SAFETY: the closure runs in the child between fork and exec. It only makes one system call,
    // which is async-signal-safe, and touches no memory of the parent.
    unsafe {
        command.pre_exec(
            || match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
                -1 => Err(std::io::Error::last_os_error()),
                _ => Ok(()),
            },
        );
    }
}
