//! What the sidecar is made of, each piece alone in one thread, with what it allocates: from a message
//! of the daemon to the bytes for Envoy.
//!
//! `cargo bench --bench pieces`

use std::sync::Arc;
use std::time::Instant;

use divan::{AllocProfiler, Bencher, black_box};
use igw_envoy::daemon::{Transcript, Update};
use igw_envoy::envoy::ResourceType;
use igw_envoy::envoy::Variant;
use igw_envoy::ffi::read_document;
use igw_envoy::index::{Event, Index, Options};
use igw_envoy::snapshot::Snapshot;
use igw_envoy::translate::{Endpoint, load_assignment};
use igw_envoy::validate::Context;
use igw_envoy::verdict::{Facts, judge};
use igw_envoy::xds::session::{Batches, Common};
use igw_envoy::xds::wire::{DeltaRequest, Node, Request};
use igw_envoy::xds::{Log, Session};
use serde_json::{Map, json};

#[allow(dead_code)]
#[path = "scale/cluster.rs"]
mod cluster;

use cluster::Cluster;

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

/// The numbers of services.
const SIZES: [usize; 2] = [100, 10_000];

fn main() {
    divan::main();
}

/// A message about one endpoint: parsed, and applied to what is known.
#[divan::bench(args = SIZES)]
fn patch_apply(bencher: Bencher, services: usize) {
    let (mut cluster, mut transcript, _) = world(services);
    let mut service = 0;
    bencher
        .with_inputs(|| {
            service = (service + 7919) % services;
            cluster.move_endpoint(service)
        })
        .bench_local_values(|text| transcript.message(text.as_bytes()).ok().flatten());
}

/// A message about nothing that is watched.
#[divan::bench(args = SIZES)]
fn patch_irrelevant(bencher: Bencher, services: usize) {
    let (mut cluster, mut transcript, _) = world(services);
    bencher
        .with_inputs(|| cluster.noise())
        .bench_local_values(|text| transcript.message(text.as_bytes()).ok().flatten());
}

/// A changed endpoint becomes a new snapshot.
#[divan::bench(args = SIZES)]
fn derive_endpoint(bencher: Bencher, services: usize) {
    let (mut cluster, mut transcript, mut index) = world(services);
    let mut service = 0;
    bencher
        .with_inputs(|| {
            service = (service + 7919) % services;
            update(&mut transcript, &cluster.move_endpoint(service))
        })
        .bench_local_values(|update| {
            index.apply(Event::Daemon(update), &Context::default());
            index.snapshot().clone()
        });
}

/// A service comes to be, and goes again: read, validated, translated, encoded, placed; on a port of
/// its own (0) or on the shared listener (1).
#[divan::bench(args = [(100, 0), (100, 1), (10_000, 0), (10_000, 1)])]
fn derive_service(bencher: Bencher, (services, shared): (usize, usize)) {
    let (mut cluster, mut transcript, mut index) = world(services);
    let new = services + shared;
    bencher.bench_local(|| {
        for message in [cluster.add(new), cluster.remove(new)] {
            let update = update(&mut transcript, &message);
            index.apply(Event::Daemon(update), &Context::default());
        }
    });
}

/// A whole state is read.
#[divan::bench(args = SIZES, sample_count = 10)]
fn status_read(bencher: Bencher, services: usize) {
    let text = Cluster::new(services).status();
    bencher.bench_local(|| Transcript::default().status(text.as_bytes()).is_ok());
}

/// A whole state becomes the first snapshot.
#[divan::bench(args = SIZES, sample_count = 10)]
fn derive_everything(bencher: Bencher, services: usize) {
    let text = Cluster::new(services).status();
    bencher
        .with_inputs(|| (index(), Transcript::default().status(text.as_bytes())))
        .bench_local_values(|(mut index, update)| {
            if let Ok(update) = update {
                index.apply(Event::Daemon(update), &Context::default());
            }
            index
        });
}

/// A service of some exposes is judged as the plugin judges it, from JSON to the verdict.
#[divan::bench(args = [10, 333])]
fn judge_exposes(bencher: Bencher, exposes: usize) {
    let text = service(exposes, 1);
    bencher.bench_local(|| judged(black_box(&text)));
}

/// A thousand routes in one service, or in as many services.
#[divan::bench(args = [1, 1000])]
fn judge_thousand_routes(bencher: Bencher, services: usize) {
    let text = service(1, 1000 / services);
    bencher.bench_local(|| {
        (0..services)
            .map(|_| judged(black_box(&text)))
            .sum::<usize>()
    });
}

/// Two endpoints become bytes with a version.
#[divan::bench]
fn encode_and_hash(bencher: Bencher) {
    let endpoint = |addr: [u8; 4]| Endpoint {
        locality: None,
        addr: addr.into(),
        port: 8080,
    };
    let endpoints = [endpoint([10, 0, 0, 1]), endpoint([11, 0, 0, 1])];
    bencher.bench_local(|| load_assignment(black_box("web00001.expose#0"), &endpoints));
}

/// A delta client is told of a changed endpoint and acknowledges.
#[divan::bench(args = SIZES)]
fn subscription_change(bencher: Bencher, services: usize) {
    let (mut cluster, mut transcript, mut index) = world(services);
    let mut session = subscribed(index.snapshot());
    let mut service = 0;
    bencher
        .with_inputs(|| {
            service = (service + 7919) % services;
            let update = update(&mut transcript, &cluster.move_endpoint(service));
            index.apply(Event::Daemon(update), &Context::default());
            Arc::new(index.snapshot().clone())
        })
        .bench_local_values(|snapshot| {
            session.update(snapshot);
            talk(&mut session)
        });
}

/// A delta client is sent everything.
#[divan::bench(args = SIZES, sample_count = 10)]
fn subscription_cold(bencher: Bencher, services: usize) {
    let (_, _, index) = world(services);
    bencher.bench_local(|| subscribed(index.snapshot()));
}

/// The JSON of a service of some exposes, each with a vhost of some routes.
fn service(exposes: usize, routes: usize) -> String {
    let mut sections = Map::new();
    for expose in 0..exposes {
        let names = (0..routes).map(|route| format!("route#{expose}x{route}"));
        let names: Vec<String> = names.collect();
        let port = (10_000 + expose).to_string();
        sections.insert(
            format!("expose#{expose}"),
            json!({
                "type": "envoy", "port": "8080", "listener_port": port,
                "vhosts": format!("vhost#{expose}"), "lb_policy": "ring_hash",
            }),
        );
        sections.insert(
            format!("vhost#{expose}"),
            json!({
                "type": "envoy", "domains": format!("www{expose}.acme.com"), "routes": names.join(" "),
            }),
        );
        for (number, name) in names.into_iter().enumerate() {
            let regex = format!("/app{number}/[a-z]+(/.*)?");
            sections.insert(
                name,
                json!({"type": "envoy", "match_regex": regex, "route_timeout": "30s"}),
            );
        }
    }
    json!({"path": "bench", "sections": sections}).to_string()
}

/// How many exposes of a service, given as JSON, would be served.
fn judged(service: &str) -> usize {
    let document = read_document(service.as_bytes());
    document.map_or(0, |document| {
        judge(&document, &Facts::default()).candidates.len()
    })
}

/// A cluster, what a daemon told of it, and what the index made of that.
fn world(services: usize) -> (Cluster, Transcript, Index) {
    let cluster = Cluster::new(services);
    let mut transcript = Transcript::default();
    let mut index = index();
    if let Ok(update) = transcript.status(cluster.status().as_bytes()) {
        index.apply(Event::Daemon(update), &Context::default());
    }
    (cluster, transcript, index)
}

fn index() -> Index {
    Index::new(Options {
        gateway: "envoy".to_owned(),
        ports: 1025..=65535,
        reserved: Vec::new(),
    })
}

/// What a message changes; nothing where it is not understood, which the numbers would show.
fn update(transcript: &mut Transcript, text: &str) -> Update {
    let update = transcript.message(text.as_bytes()).ok().flatten();
    update.unwrap_or(Update::Patch {
        services: Vec::new(),
        secrets: Vec::new(),
    })
}

/// A delta session whose client has everything.
fn subscribed(snapshot: &Snapshot) -> Session {
    let common = Common {
        identifier: "igw-envoy".into(),
        transport: "bench".into(),
        confidential: true,
        observer: Arc::new(Log::default()),
        batches: Batches::default(),
    };
    let mut session = Session::new(1, Variant::Delta, None, common);
    session.update(Arc::new(snapshot.clone()));
    for kind in [
        ResourceType::Cluster,
        ResourceType::Endpoints,
        ResourceType::Listener,
        ResourceType::Routes,
    ] {
        ask(&mut session, kind, String::new());
        talk(&mut session);
    }
    session
}

/// Takes, encodes and acknowledges responses until there is none. Returns how many bytes they had.
fn talk(session: &mut Session) -> usize {
    let mut bytes = 0;
    while let Some(response) = session.poll(Instant::now()) {
        let mut buffer = Vec::with_capacity(response.encoded_len());
        response.encode(&mut buffer);
        bytes += black_box(buffer).len();
        let kind = ResourceType::from_type_url(&response.type_url);
        if let Some(kind) = kind {
            ask(session, kind, response.nonce);
        }
    }
    bytes
}

/// Asks for everything of a type, or acknowledges.
fn ask(session: &mut Session, kind: ResourceType, nonce: String) {
    let request = DeltaRequest {
        node: Some(Node {
            id: "bench".to_owned(),
            cluster: "envoy".to_owned(),
            user_agent_name: "envoy".into(),
        }),
        type_url: kind.type_url().to_owned(),
        response_nonce: nonce,
        ..DeltaRequest::default()
    };
    if let Err(bad) = session.request(Request::Delta(request), Instant::now()) {
        black_box(bad);
    }
}
