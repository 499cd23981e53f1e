//! From exposes to Envoy v3, as JSON.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

mod exposes;
mod shown;

mod clusters;
mod defects;
mod endpoints;
mod listeners;
mod passthrough;
mod routes;
mod tls;

/// Prints what a translation costs: `cargo test --release --test translate -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn a_translation_costs() {
    use exposes::But;

    let web = exposes::http(vec![exposes::plain_vhost("a.org")]);
    for (kind, expose) in [
        ("tcp", exposes::tcp()),
        ("http", web.clone()),
        (
            "https",
            web.with_tls(vec![exposes::certificate("certificate#0", "sec/web")]),
        ),
        (
            "tcp with cluster_data",
            exposes::tcp().with_cluster_data(serde_json::json!({"connect_timeout": "1s"})),
        ),
    ] {
        shown::translated(&expose);
        let start = std::time::Instant::now();
        for _ in 0..1000 {
            shown::translated(&expose);
        }
        println!("{kind} {:?}", start.elapsed() / 1000);
    }
}
