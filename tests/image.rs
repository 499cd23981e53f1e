//! The container image: built from nothing, run without privileges, and a gateway served from it.
//!
//! `make image-check` builds the image and runs this; `make test` does not, as a static release
//! build takes minutes. Needs podman, and Envoy for the last step.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::print_stdout, reason = "sizes, for who builds the image")]

#[path = "support/mod.rs"]
mod support;

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use igw_envoy::envoy::Variant;
use igw_envoy::envoy::bootstrap::XdsAddress;
use igw_envoy::simnode::{Settings, SimNode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use support::envoy::{self, Envoy};
use support::{eventually, free_address};

/// The largest that the image may be: it is pulled on every node.
const MAX_BYTES: u64 = 40 << 20;

fn image() -> String {
    std::env::var("IMAGE").unwrap_or(format!("igw_envoy:{}", env!("CARGO_PKG_VERSION")))
}

fn podman(arguments: &[&str]) -> Output {
    Command::new("podman").args(arguments).output().unwrap()
}

/// What podman prints, where it succeeds.
fn told(arguments: &[&str]) -> String {
    let output = podman(arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "podman {arguments:?}: {said}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A container of the image, which is gone with it.
struct Container {
    name: String,
}

impl Container {
    /// Runs the image as the service templates do: nothing to write on but the mounts, no capability.
    fn run(user: &str, mounts: &[(&Path, &str)], arguments: &[&str]) -> Self {
        let name = format!("igw-image-check-{}-{user}", std::process::id());
        let mounts: Vec<String> = mounts
            .iter()
            .map(|(outside, inside)| format!("{}:{inside}", outside.display()))
            .collect();
        let mut all = vec!["run", "--detach", "--name", &name, "--network", "host"];
        all.extend(["--user", user, "--read-only", "--cap-drop", "ALL"]);
        all.extend(["--security-opt", "no-new-privileges"]);
        // Podman asks systemd to run the health check, and for more files than it may have itself:
        // neither is to be had where tests run in a container.
        all.extend(["--no-healthcheck", "--ulimit", "nofile=1024:1024"]);
        all.extend(["--ulimit", "nproc=1024:1024"]);
        if Path::new("/usr/sbin/runc").exists() {
            all.extend(["--runtime", "runc"]);
        }
        for mount in &mounts {
            all.extend(["--volume", mount]);
        }
        let image = image();
        all.push(&image);
        all.extend(arguments);
        told(&all);
        Self { name }
    }

    fn is_healthy(&self, arguments: &[&str]) -> bool {
        let mut all = vec!["exec", &self.name, "/usr/local/bin/xds", "healthcheck"];
        all.extend(arguments);
        podman(&all).status.success()
    }

    /// Ends it as a runtime does, and says with which exit code it did.
    fn stop(&self) -> String {
        told(&["stop", "--time", "10", &self.name]);
        told(&["inspect", "--format", "{{.State.ExitCode}}", &self.name])
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let logs = podman(&["logs", &self.name]);
            eprintln!("{}", String::from_utf8_lossy(&logs.stderr));
        }
        podman(&["rm", "--force", "--time", "0", &self.name]);
    }
}

/// A web server that always says the same.
async fn backend() -> SocketAddr {
    let listener = TcpListener::bind(free_address()).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer =
                b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\nconnection: close\r\n\r\nbackend\n";
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer).await;
        }
    });
    address
}

async fn get(at: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect(at).await.ok()?;
    let request = b"GET / HTTP/1.1\r\nhost: image.example.com\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    answer.contains("backend").then_some(answer)
}

#[test]
#[ignore = "run by `make image-check`, which builds the image"]
fn the_image_is_small_and_says_what_it_is() {
    let image = image();
    let size: u64 = told(&["image", "inspect", "--format", "{{.Size}}", &image])
        .parse()
        .unwrap();
    println!("{image}: {:.1} MiB", size as f64 / f64::from(1 << 20));
    assert!(size < MAX_BYTES, "{size} bytes");
    let labels = told(&["image", "inspect", "--format", "{{json .Labels}}", &image]);
    for label in ["licenses", "source", "version", "revision"] {
        assert!(labels.contains(&format!("image.{label}")), "{labels}");
    }
    let check = told(&[
        "image",
        "inspect",
        "--format",
        "{{json .HealthCheck}}",
        &image,
    ]);
    assert!(check.contains("healthcheck"), "{check}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by `make image-check`, which builds the image"]
async fn a_gateway_is_served_from_it_by_root_and_by_others() {
    let Some(binary) = envoy::binary("image") else {
        return;
    };
    for user in ["0", "65532"] {
        served(&binary, user).await;
    }
}

async fn served(binary: &std::path::PathBuf, user: &str) {
    let folder = tempfile::tempdir().unwrap();
    let [lsnr, xds, state] = ["lsnr", "xds", "state"].map(|name| folder.path().join(name));
    for folder in [&lsnr, &xds, &state] {
        fs::create_dir(folder).unwrap();
    }
    let node = SimNode::start(Settings::at(lsnr.join("lsnr.sock"))).unwrap();
    if user != "0" {
        // The case in which the daemon's socket may be opened by others.
        for path in [folder.path(), &lsnr, &xds, &state, &lsnr.join("lsnr.sock")] {
            fs::set_permissions(path, Permissions::from_mode(0o777)).unwrap();
        }
    }
    let backend = backend().await;
    let listener = free_address();
    let config = format!(
        "[ip#1]\nipname = {}\nexpose = expose#0\n[expose#0]\ntype = envoy\nport = {}\n\
         listener_addr = {}\nlistener_port = {}\n",
        backend.ip(),
        backend.port(),
        listener.ip(),
        listener.port()
    );
    node.deploy("web", &config).unwrap();
    let mounts = [
        (lsnr.as_path(), "/var/run/lsnr"),
        (xds.as_path(), "/var/run/xds"),
        (state.as_path(), "/var/lib/igw_envoy"),
    ];
    let http = free_address().to_string();
    let arguments = [
        "--socket",
        "/var/run/lsnr/lsnr.sock",
        "--port",
        "0",
        "--http",
    ];
    let arguments: Vec<&str> = arguments.into_iter().chain([http.as_str()]).collect();
    let container = Container::run(user, &mounts, &arguments);
    eventually("the container is ready", async || {
        container.is_healthy(&["--ready"]).then_some(())
    })
    .await;
    let _envoy = Envoy::start(
        binary,
        "gateway",
        XdsAddress::Unix(xds.join("xds.sock")),
        Variant::Delta,
    );
    let answer = eventually("Envoy answers", async || get(listener).await).await;
    println!("user {user}: {}", answer.lines().next().unwrap());
    node.stop_daemon();
    assert!(container.is_healthy(&[]), "it lives without the daemon");
    assert_eq!(container.stop(), "0", "it ends when it is told to");
}
