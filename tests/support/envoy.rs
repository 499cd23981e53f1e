//! A real Envoy, for as long as a test needs it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use igw_envoy::envoy::Variant;
use igw_envoy::envoy::bootstrap::{Bootstrap, XdsAddress};
use tempfile::TempDir;

use super::{eventually, free_address};

/// The Envoy to test with: `ENVOY_BIN`, else what `make envoy` installed.
///
/// Without one the test is skipped, loudly; it fails instead where `REQUIRE_ALL=1`.
pub fn binary(test: &str) -> Option<PathBuf> {
    let named = std::env::var_os("ENVOY_BIN").filter(|named| !named.is_empty());
    let named = named.map(PathBuf::from);
    let found = named.or_else(installed).filter(|path| path.exists());
    if found.is_none() {
        let required = std::env::var("REQUIRE_ALL").is_ok_and(|value| value == "1");
        assert!(!required, "{test}: no Envoy found; set ENVOY_BIN");
        // Written past the capture of a test's output: a skipped test counts as passed.
        let skipped =
            format!("*** SKIPPED {test}: no Envoy; set ENVOY_BIN or run `make envoy` ***");
        let _ = writeln!(std::io::stderr(), "\n{skipped}\n");
    }
    found
}

/// `make envoy` writes the path into a file named after the version.
fn installed() -> Option<PathBuf> {
    let venv = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".venv");
    let files = fs::read_dir(venv).ok()?.flatten();
    let stamp = files.map(|file| file.path()).find(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("envoy-") && name.ends_with(".path")
    })?;
    let path = fs::read_to_string(stamp).ok()?;
    Some(PathBuf::from(path.trim()))
}

/// A running Envoy, killed when dropped.
pub struct Envoy {
    process: Child,
    admin: SocketAddr,
    dir: TempDir,
}

impl Envoy {
    /// Starts an Envoy that follows a sidecar.
    pub fn start(binary: &PathBuf, node: &str, xds: XdsAddress, variant: Variant) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let admin = free_address();
        let bootstrap = Bootstrap {
            node: node.to_owned(),
            gateway: "envoy".to_owned(),
            admin: Some(admin),
            xds,
            variant,
        };
        let config = dir.path().join("bootstrap.json");
        fs::write(&config, bootstrap.to_json().to_string()).unwrap();
        let output = File::create(dir.path().join("output")).unwrap();
        let process = Command::new(binary)
            .arg("--config-path")
            .arg(config)
            .arg("--log-path")
            .arg(dir.path().join("log"))
            .args(["--concurrency", "1", "--disable-hot-restart"])
            .args(["--log-level", "info", "--drain-time-s", "2"])
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        Self {
            process,
            admin,
            dir,
        }
    }

    /// Waits until it has its clusters and listeners.
    pub async fn ready(&mut self) {
        eventually("Envoy is ready", async || {
            let exited = self.process.try_wait().unwrap();
            assert!(exited.is_none(), "Envoy ended: {}", self.log());
            self.get("/ready").await.filter(|body| body == "LIVE\n")
        })
        .await;
    }

    /// What it wrote so far.
    pub fn log(&self) -> String {
        ["output", "log"]
            .map(|file| fs::read_to_string(self.dir.path().join(file)).unwrap_or_default())
            .concat()
    }

    /// The answer of its admin interface to a path, if there is one.
    pub async fn get(&self, path: &str) -> Option<String> {
        let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
        let uri = format!("http://{}{path}", self.admin).parse().unwrap();
        let answer = client.get(uri).await.ok()?;
        let body = answer.into_body().collect().await.ok()?.to_bytes();
        Some(String::from_utf8_lossy(&body).into_owned())
    }

    /// Its counters and gauges whose names match a regular expression. None would tell nothing, so
    /// there must be some.
    pub async fn stats(&self, filter: &str) -> BTreeMap<String, u64> {
        let stats = self.stats_so_far(filter).await;
        assert!(!stats.is_empty(), "Envoy has no statistic {filter}");
        stats
    }

    async fn stats_so_far(&self, filter: &str) -> BTreeMap<String, u64> {
        let text = self.get(&format!("/stats?filter={filter}")).await;
        let text = text.expect("Envoy tells its statistics");
        let lines = text.lines().filter_map(|line| line.rsplit_once(": "));
        lines
            .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
            .collect()
    }

    /// One counter or gauge, which must exist: Envoy makes its own when it starts, and those of a
    /// listener or cluster with it.
    pub async fn stat(&self, name: &str) -> u64 {
        let known = self.stat_so_far(name).await;
        known.unwrap_or_else(|| panic!("Envoy has no statistic {name}"))
    }

    /// The same, `None` where Envoy does not have it yet: those of TLS come with the secrets of a cluster,
    /// after the cluster.
    pub async fn stat_so_far(&self, name: &str) -> Option<u64> {
        let filter = format!("^{}$", name.replace('.', "\\.").replace('#', "%23"));
        self.stats_so_far(&filter).await.get(name).copied()
    }

    /// How many updates it refused, of any type.
    pub async fn refused(&self) -> u64 {
        let stats = self.stats("update_rejected$").await;
        for kind in ["cluster_manager.cds", "listener_manager.lds"] {
            let counted = stats.contains_key(&format!("{kind}.update_rejected"));
            assert!(counted, "Envoy counts what it refuses of {kind}");
        }
        stats.values().sum()
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("Envoy's log:\n{}", self.log());
        }
    }
}
