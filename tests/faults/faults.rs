//! What fails. Each ends when everything is well again.

use std::fs;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use hyper_util::rt::TokioIo;
use igw_envoy::envoy::ResourceType;
use igw_envoy::envoy::Variant;
use igw_envoy::simnode::Fault as Trouble;
use serde_json::Value;
use tokio::net::{UnixListener, UnixStream};
use tonic::transport::{Channel, Endpoint, Uri};

use crate::stand::Stand;
use crate::support::discovery::Talk;
use crate::support::eventually;

type Running<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

pub(crate) struct Fault {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&mut Stand) -> Running<'_>,
}

macro_rules! faults {
    ($($name:literal: $run:ident;)*) => {
        pub(crate) const ALL: &[Fault] = &[$(Fault {
            name: $name,
            run: |stand| Box::pin($run(stand)),
        }),*];
    };
}

faults! {
    "sidecar killed (-9) and restarted": sidecar_killed;
    "sidecar killed and restarted while the daemon is down": sidecar_killed_without_daemon;
    "daemon killed and restarted": daemon_killed;
    "daemon silent": daemon_silent;
    "daemon sends garbage, gaps and half messages": daemon_talks_nonsense;
    "5 clients that stop reading": clients_that_stop_reading;
    "100 clients connect at once": a_hundred_clients;
    "scaled up and down": scaled_up_and_down;
    "certificate rotated": certificate_rotated;
    "100 bad exposes": bad_exposes;
    "Envoy refuses a listener": a_refused_listener;
    "disk full": disk_full;
    "state file damaged": state_file_damaged;
}

async fn sidecar_killed(stand: &mut Stand) {
    stand.kill_sidecar();
    stand.traffic.goes_on(10).await;
    stand.start_sidecar().await;
    stand.changes_arrive().await;
    // That change is not on disk yet, and Envoy has it.
    stand.kill_sidecar();
    stand.start_sidecar().await;
    eventually("the daemon is heard", async || {
        let ready = stand.api("/readyz").await?;
        (ready["serving"] == "current").then_some(())
    })
    .await;
    nothing_was_sent(
        stand,
        &["cluster", "endpoints", "secret", "listener", "routes"],
    )
    .await;
}

async fn sidecar_killed_without_daemon(stand: &mut Stand) {
    let before = SystemTime::now();
    stand.changes_arrive().await;
    eventually("what is served is kept", async || {
        let written = fs::metadata(stand.state()).ok()?.modified().ok()?;
        (written > before).then_some(())
    })
    .await;
    stand.node.stop_daemon();
    stand.kill_sidecar();
    stand.start_sidecar().await;
    let ready = eventually("it is ready", async || {
        let ready = stand.api("/readyz").await?;
        (ready["serving"] == "last-known-good").then_some(ready)
    })
    .await;
    assert!(ready["age_seconds"].as_f64().unwrap() < 3600.0, "{ready}");
    nothing_was_sent(
        stand,
        &["cluster", "endpoints", "secret", "listener", "routes"],
    )
    .await;
    stand.a_new_envoy_is_served().await;
    stand.traffic.goes_on(10).await;
    stand.node.start_daemon().unwrap();
    stand.changes_arrive().await;
    nothing_was_sent(stand, &["secret", "routes"]).await;
    let ready = stand.api("/readyz").await.unwrap();
    assert_eq!(ready["serving"], "current", "{ready}");
}

/// Envoy has connected again, and was sent nothing of these types: it has them. With the state of the
/// world, names that it asks for must be answered.
async fn nothing_was_sent(stand: &Stand, types: &[&str]) {
    let envoy = eventually("Envoy is connected", async || {
        let envoys = stand.api("/api/v1/envoys").await?;
        let mut envoys = envoys.as_array()?.iter();
        envoys.find(|envoy| envoy["node"] == "test").cloned()
    })
    .await;
    if stand.variant == Variant::Delta {
        for kind in types {
            let bytes = envoy["types"][kind]["sent_bytes"].as_u64().unwrap_or(0);
            assert_eq!(bytes, 0, "{kind} in {envoy}");
        }
    }
}

async fn daemon_killed(stand: &mut Stand) {
    stand.node.stop_daemon();
    stand.traffic.goes_on(10).await;
    stand.node.start_daemon().unwrap();
    stand.changes_arrive().await;
}

/// Something takes the connections and never says a word.
async fn daemon_silent(stand: &mut Stand) {
    stand.node.stop_daemon();
    let path = stand.node.socket().to_owned();
    fs::remove_file(&path).ok();
    let silent = UnixListener::bind(&path).unwrap();
    let accepted = tokio::time::timeout(Duration::from_secs(10), silent.accept()).await;
    accepted.unwrap().unwrap();
    stand.traffic.goes_on(20).await;
    drop(silent);
    fs::remove_file(&path).unwrap();
    stand.node.start_daemon().unwrap();
    stand.changes_arrive().await;
}

async fn daemon_talks_nonsense(stand: &mut Stand) {
    for trouble in [
        Trouble::Gap,
        Trouble::Garbage,
        Trouble::UnknownKind,
        Trouble::HalfMessage,
        Trouble::EndOfStream,
        Trouble::Raw(r#"{"kind": "patch", "id": 1, "data": [[["monitor""#.into()),
    ] {
        stand.node.inject(&trouble);
        stand.changes_arrive().await;
    }
}

async fn clients_that_stop_reading(stand: &mut Stand) {
    let mut talks = Vec::new();
    for _ in 0..5 {
        let mut talk = Talk::open(&connect(stand).await, None, Variant::Delta)
            .await
            .unwrap();
        for kind in [ResourceType::Cluster, ResourceType::Listener] {
            talk.want(kind, &[]).await;
        }
        talks.push(talk);
    }
    let before = stand.memory();
    for _ in 0..10 {
        for size in [6, 2] {
            stand.node.scale("many", size);
        }
        stand.traffic.goes_on(2).await;
    }
    stand.changes_arrive().await;
    let grown = stand.memory().saturating_sub(before);
    assert!(grown < 32_000, "the sidecar grew by {grown} kB");
}

async fn a_hundred_clients(stand: &mut Stand) {
    let channel = connect(stand).await;
    let clients = (0..100).map(|n| {
        let channel = channel.clone();
        tokio::spawn(async move {
            let variant = [Variant::Delta, Variant::StateOfTheWorld][n % 2];
            let mut talk = Talk::open(&channel, None, variant).await.unwrap();
            talk.want(ResourceType::Cluster, &[]).await;
            let heard = talk.hear_within(Duration::from_secs(20)).await;
            assert!(heard.names().len() >= 4);
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    stand.changes_arrive().await;
}

async fn scaled_up_and_down(stand: &mut Stand) {
    for size in [5, 1, 6, 2, 4, 2] {
        stand.node.scale("many", size);
        stand.traffic.goes_on(6).await;
    }
    stand.changes_arrive().await;
}

async fn certificate_rotated(stand: &mut Stand) {
    for _ in 0..3 {
        stand.rotate("front.org");
        stand.traffic.goes_on(6).await;
    }
    stand.changes_arrive().await;
}

async fn bad_exposes(stand: &mut Stand) {
    for n in 0..100 {
        let bad = format!(
            "[ip#1]\nipname = 127.0.0.1\nexpose = expose#0\n\
             [expose#0]\ntype = envoy\nport = {n}0000000\nlistener_port = 8080\n"
        );
        stand.deploy(&format!("bad{n}"), &bad);
    }
    stand.changes_arrive().await;
    for n in 0..100 {
        stand.node.delete(&format!("bad{n}"));
    }
    stand.changes_arrive().await;
}

/// An address that no check at the gateway can know not to be there.
async fn a_refused_listener(stand: &mut Stand) {
    let far = "[DEFAULT]\nlistener_addr = 192.0.2.1\n[ip#1]\nipname = 127.0.0.1\n\
               expose = expose#0\n[expose#0]\ntype = envoy\nport = 80\nlistener_port = 80\n";
    stand.node.deploy("far", far).unwrap();
    let refused = eventually("the refusal is told of the expose", async || {
        let exposes = stand.api("/api/v1/exposes?service=far").await?;
        let far = exposes["exposes"][0].clone();
        (far["standing"] == "refused_by_envoy").then_some(far)
    })
    .await;
    assert_eq!(refused["refused_by"], Value::from(vec!["test"]));
    stand.changes_arrive().await;
    stand.node.delete("far");
    stand.changes_arrive().await;
}

async fn disk_full(stand: &mut Stand) {
    stand.kill_sidecar();
    let kept = fs::read(stand.state()).unwrap();
    stand.start_sidecar_on_a_full_disk().await;
    stand.changes_arrive().await;
    stand.traffic.goes_on(20).await;
    assert_eq!(
        fs::read(stand.state()).unwrap(),
        kept,
        "the old state is left"
    );
    stand.kill_sidecar();
    stand.start_sidecar().await;
    stand.changes_arrive().await;
}

async fn state_file_damaged(stand: &mut Stand) {
    stand.kill_sidecar();
    let mut kept = fs::read(stand.state()).unwrap();
    let middle = kept.len() / 2;
    kept[middle] ^= 1;
    fs::write(stand.state(), kept).unwrap();
    stand.start_sidecar().await;
    stand.changes_arrive().await;
}

/// A connection to the sidecar, beside Envoy's.
async fn connect(stand: &Stand) -> Channel {
    let path = stand.path("xds.sock");
    let connector = tower::service_fn(move |_: Uri| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    });
    let endpoint = Endpoint::from_static("http://sidecar");
    endpoint.connect_with_connector(connector).await.unwrap()
}
