//! Golden stories: a configuration goes in; diagnostics and Envoy's resources come out, as committed.
//!
//! A story is a folder of `tests/golden`:
//!
//! | file | holds |
//! |---|---|
//! | `*.conf` | services, in the order of their names; `# service: PATH` on the first line names one otherwise than its file |
//! | `secrets.json` | the daemon's secrets, `@chain NAME`, `@key NAME` and `@ca` standing for PEM text |
//! | `state.json` | instead of services: what the daemon says, for what no configuration leads to |
//! | `expected.txt` | what people are told |
//! | `envoy.json` | what Envoy gets |
//!
//! Every configuration is judged offline, and published by a simulated node to a gateway: what the
//! offline verdict promises must be what the gateway serves. A real Envoy judges the resources.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/envoy_check.rs"]
mod envoy_check;
#[path = "support/expected.rs"]
mod expected;
#[path = "support/fake_daemon.rs"]
mod fake_daemon;
#[path = "support/integrity.rs"]
mod integrity;
#[path = "support/marks.rs"]
mod marks;
#[path = "support/pki.rs"]
mod pki;
#[path = "support/pretty.rs"]
mod pretty;
#[path = "golden/replay.rs"]
mod replay;
#[path = "support/show.rs"]
mod show;
#[path = "golden/story.rs"]
mod story;
#[path = "support/watch.rs"]
mod watch;

use story::Story;

/// Every story, told again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_story_ends_as_it_is_written() {
    let mut failures = Vec::new();
    for story in Story::all() {
        let told = story.tell().await;
        let problems = integrity::problems(&told.snapshot);
        failures.extend(problems.iter().map(|p| format!("{}: {p}", story.name)));
        for (file, text) in [("expected.txt", &told.text), ("envoy.json", &told.envoy)] {
            failures.extend(expected::compare(&story.folder.join(file), text).err());
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What is written in `envoy.json` is what a real Envoy takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn envoy_takes_what_every_story_gives_it() {
    let Some(envoy) = envoy_check::envoy() else {
        return;
    };
    let mut failures = Vec::new();
    for story in Story::all() {
        let told = story.tell().await;
        if let Err(complaint) = envoy_check::validate(&envoy, &told.snapshot) {
            failures.push(format!("{}: {complaint}", story.name));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
