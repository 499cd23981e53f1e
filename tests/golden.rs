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
mod support;
#[path = "support/watch.rs"]
mod watch;

use igw_envoy::envoy::{Resource, ResourceType};
use story::Story;
use support::envoy;

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
    let Some(envoy) = envoy::binary("golden stories") else {
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

/// The judge is awake: what Envoy refuses is told, and by name.
#[tokio::test]
async fn envoy_refuses_what_is_wrong() {
    let Some(envoy) = envoy::binary("golden stories") else {
        return;
    };
    let stories = Story::all();
    let story = stories.iter().find(|story| story.name == "http").unwrap();
    let mut snapshot = story.tell().await.snapshot;
    let routes = snapshot.iter(ResourceType::Routes).next().unwrap().clone();
    let mut twice = routes.body.to_vec();
    twice.extend_from_slice(&routes.body);
    let name = routes.name.to_string();
    snapshot.put(Resource::new(
        ResourceType::Routes,
        name,
        twice.into(),
        vec![],
    ));
    assert!(!integrity::problems(&snapshot).is_empty());
    let complaint = envoy_check::validate(&envoy, &snapshot).unwrap_err();
    assert!(complaint.contains("acme.com"), "{complaint}");
}
