//! Clients that others wrote: Envoy in each of its versions, and gRPC's own xDS client.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use igw_envoy::envoy::Variant;

use crate::gateway::{Gateway, Settings};
use crate::grpc;
use crate::run::{Job, job};
use crate::safety::town;
use crate::support::discovery::{VARIANTS, WAYS, Way};
use crate::support::envoy::{self, Envoy};
use crate::support::{eventually, free_address};

const HEAD: &str = "
Envoy follows `xds` through services of every kind (TCP, UDP, TLS by name, HTTPS with certificates, HTTP),
changes of endpoints, routes and certificates, a service that comes and goes, and a sidecar that is stopped
and started again. It must refuse nothing, leave nothing warming, and have every listener in the end.

gRPC's own xDS client (that of C++, Python, Ruby and PHP), which knows nothing of Envoy's code, calls a service by `xds:///`: it finds a
listener, its routes, its cluster and its endpoints, follows a change of endpoints and a swap of clusters,
refuses a cluster that it cannot use and keeps the one it has, and finds out that a listener is gone.

A client without any protos finds the services by reflection, reads their messages, asks for health, and
reads who has what from CSDS.

`make conformance` runs the oldest and the newest Envoy that starts from PyPI; `make test` the pinned one.

| Client | How | Result |
|---|---|---|
";

/// A client and how it talked, and whether all went well.
pub(crate) type Rows = BTreeMap<(String, &'static str), Vec<Result<(), String>>>;

/// Every client that this machine has, to be run.
pub(crate) fn all() -> Vec<(String, &'static str, Job<()>)> {
    let mut jobs = Vec::new();
    for binary in envoys() {
        let client = format!("Envoy {}", version(&binary));
        for (variant, how) in VARIANTS.into_iter().zip(["SotW, ADS", "Delta, ADS"]) {
            for way in WAYS {
                let binary = binary.clone();
                jobs.push((
                    client.clone(),
                    how,
                    job(move || follows(binary, way, variant)),
                ));
            }
        }
    }
    jobs.extend(grpc::all());
    jobs
}

/// That part of the page; clients that did not run stay as they are.
pub(crate) fn page(before: &str, rows: &Rows) -> String {
    let lines = before.lines().filter_map(|line| {
        let cells: Vec<_> = line
            .strip_prefix("| ")?
            .trim_end_matches(" |")
            .split(" | ")
            .collect();
        let [client, how, result] = cells[..] else {
            return None;
        };
        (client != "Client").then(|| ((client.to_owned(), how.to_owned()), result.to_owned()))
    });
    let mut table: BTreeMap<_, _> = lines.collect();
    for ((client, how), results) in rows {
        let passed = results.iter().all(Result::is_ok);
        let result = if passed { "pass" } else { "**fail**" };
        table.insert((client.clone(), (*how).to_owned()), result.to_owned());
    }
    let mut page = HEAD.to_owned();
    for ((client, how), result) in table {
        writeln!(page, "| {client} | {how} | {result} |").unwrap();
    }
    page
}

/// The Envoys to run: those of `IGW_ENVOYS`, else the one that every test uses.
fn envoys() -> Vec<PathBuf> {
    match std::env::var_os("IGW_ENVOYS") {
        Some(paths) => std::env::split_paths(&paths).collect(),
        None => envoy::binary("conformance of Envoy").into_iter().collect(),
    }
}

fn version(binary: &Path) -> String {
    let output = Command::new(binary).arg("--version").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.split('/').nth_back(3).map(str::trim);
    version
        .filter(|v| v.starts_with(|c: char| c.is_ascii_digit()))
        .unwrap_or("?")
        .to_owned()
}

async fn follows(binary: PathBuf, way: Way, variant: Variant) {
    let mut gateway = Gateway::start(Settings::default()).await;
    town(&gateway, free_address().ip()).await;
    let mut envoy = Envoy::start(&binary, "envoy1", gateway.address(way), variant);
    envoy.ready().await;
    has_listeners(&envoy, 4).await;
    let node = gateway.node();
    let counts = async |stat: &str| envoy.stat(stat).await;

    node.set("http", &["ip#1.ipname=10.0.0.77"]).unwrap();
    eventually("the endpoint came", async || {
        let all = envoy.get("/clusters").await?;
        all.contains("10.0.0.77:80").then_some(())
    })
    .await;
    node.set("http", &["route#0.match_prefix=/other/"]).unwrap();
    eventually("the route came", async || {
        let all = envoy.get("/config_dump").await?;
        all.contains("\"/other/\"").then_some(())
    })
    .await;
    let rotated = counts("listener_manager.listener_modified").await;
    gateway.secret("sec/web", "web.org");
    eventually("the certificate came", async || {
        let stats = envoy.stats("sds.*update_success$").await;
        stats.values().any(|count| *count >= 2).then_some(())
    })
    .await;
    assert_eq!(counts("listener_manager.listener_modified").await, rotated);

    let listen = free_address().ip();
    let guest = crate::gateway::tcp_service(9, 8009);
    gateway
        .deploy(
            "guest",
            &format!("[DEFAULT]\nlistener_addr = {listen}\n{guest}"),
        )
        .await;
    has_listeners(&envoy, 5).await;
    gateway.node().delete("guest");
    has_listeners(&envoy, 4).await;

    gateway.restart().await;
    gateway
        .deploy(
            "guest",
            &format!("[DEFAULT]\nlistener_addr = {listen}\n{guest}"),
        )
        .await;
    has_listeners(&envoy, 5).await;
    eventually("nothing is warming", async || {
        let clusters = envoy.stat("cluster_manager.warming_clusters").await;
        let listeners = envoy.stat("listener_manager.total_listeners_warming").await;
        (clusters + listeners == 0).then_some(())
    })
    .await;
    assert_eq!(envoy.refused().await, 0, "Envoy refused something");
}

async fn has_listeners(envoy: &Envoy, count: u64) {
    eventually(&format!("{count} listeners are active"), async || {
        let active = envoy.stat("listener_manager.total_listeners_active").await;
        (active == count).then_some(())
    })
    .await;
}
