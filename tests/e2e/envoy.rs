//! A real Envoy as a child process.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use igw_envoy::envoy::bootstrap::{Bootstrap, Variant, XdsAddress};

use crate::clients::{self, Request};
use crate::eventually;

/// A running Envoy, killed when dropped.
pub(crate) struct Envoy {
    process: Child,
    admin: SocketAddr,
    log: PathBuf,
}

/// Envoy's binary; `None`, said aloud, where there is none and none is required.
pub(crate) fn binary() -> Option<PathBuf> {
    let named = std::env::var_os("ENVOY_BIN").map(PathBuf::from);
    let found = named.filter(|path| path.is_file());
    if found.is_none() {
        let required = std::env::var("REQUIRE_ALL").is_ok_and(|value| value == "1");
        assert!(!required, "REQUIRE_ALL=1, and ENVOY_BIN names no Envoy");
        eprintln!("SKIPPED: ENVOY_BIN names no Envoy");
    }
    found
}

impl Envoy {
    /// Starts Envoy against a sidecar's socket.
    pub(crate) fn start(
        binary: &Path,
        folder: &Path,
        xds: &Path,
        admin: SocketAddr,
        variant: Variant,
    ) -> Self {
        let bootstrap = Bootstrap {
            node: "test".into(),
            gateway: "envoy".into(),
            admin: Some(admin),
            xds: XdsAddress::Unix(xds.into()),
            variant,
        };
        let config = folder.join("envoy.json");
        std::fs::write(&config, bootstrap.to_json().to_string()).unwrap();
        let log = folder.join("envoy.log");
        let output = File::create(&log).unwrap();
        let process = Command::new(binary)
            .arg("--config-path")
            .arg(&config)
            .args(["--concurrency", "1", "--disable-hot-restart"])
            .args(["--log-level", "warning", "--base-id", "0"])
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        Self {
            process,
            admin,
            log,
        }
    }

    /// A counter or gauge; 0 where Envoy has none of that name.
    pub(crate) async fn stat(&self, name: &str) -> u64 {
        let path = format!("/stats?filter=^{}$", name.replace('.', "\\."));
        let answer = eventually("Envoy's admin interface answers", || {
            let request = Request::get(self.admin, "admin", &path);
            async move { clients::http(&request).await }
        })
        .await;
        let line = answer.body.lines().find_map(|line| line.strip_prefix(name));
        let value = line.and_then(|line| line.strip_prefix(": "));
        value.map_or(0, |value| value.trim().parse().unwrap())
    }

    /// How many updates Envoy refused, of every kind.
    pub(crate) async fn refusals(&self) -> u64 {
        let path = "/stats?filter=update_rejected$";
        let request = Request::get(self.admin, "admin", path);
        let answer = clients::http(&request).await.unwrap();
        let values = answer
            .body
            .lines()
            .filter_map(|line| line.rsplit(' ').next());
        values.filter_map(|value| value.parse::<u64>().ok()).sum()
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            let from = log.len().saturating_sub(4000);
            eprintln!("--- Envoy's log\n{}", log.get(from..).unwrap_or(&log));
        }
    }
}
