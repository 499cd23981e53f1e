//! Following a daemon through everything that can go wrong.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::server::{Asked, Script, next, soon};
use crate::daemon::{
    Availability, Connection, Daemon, Link, Resync, ServiceState, Update, Updates,
};
use crate::model::ObjectPath;

/// A ready node with these services, by their `avail`.
fn dataset(services: Value) -> Value {
    node("idle", services)
}

fn node(phase: &str, services: Value) -> Value {
    let mut status = serde_json::Map::new();
    for (service, avail) in services.as_object().unwrap() {
        status.insert(service.clone(), json!({"avail": avail, "resources": {}}));
    }
    json!({"monitor": {"nodes": {"n1": {
        "monitor": {"status": phase}, "services": {"status": status, "config": {}}}}}})
}

/// Sets the `avail` of a service.
fn avail(service: &str, avail: &str) -> Value {
    json!([[
        [
            "monitor", "nodes", "n1", "services", "status", service, "avail"
        ],
        avail
    ]])
}

fn noise() -> Value {
    json!([
        [["listener", "stats", "sessions", "rx"], 7],
        [["scheduler", "delayed", 0]]
    ])
}

/// An update in short: whether it is a reset, and which services are up, down or gone.
fn short(update: Update) -> (bool, Vec<String>) {
    let (reset, services) = match update {
        Update::Reset { services, .. } => {
            let all = services
                .into_iter()
                .map(|(path, state)| (path, Some(state)));
            (true, all.collect())
        }
        Update::Patch { services, .. } => (false, services),
    };
    let word = |(path, state): (ObjectPath, Option<Arc<ServiceState>>)| {
        let up = state.map(|s| s.instances["n1"].avail == Availability::Serving);
        format!(
            "{path} {}",
            match up {
                Some(true) => "up",
                Some(false) => "down",
                None => "gone",
            }
        )
    };
    (reset, services.into_iter().map(word).collect())
}

fn reset(words: &[&str]) -> (bool, Vec<String>) {
    (true, words.iter().map(ToString::to_string).collect())
}

fn patch(words: &[&str]) -> (bool, Vec<String>) {
    (false, words.iter().map(ToString::to_string).collect())
}

async fn until(updates: &Updates, what: impl Fn(&Connection) -> bool) -> Connection {
    let mut connection = updates.connection();
    let seen = soon(connection.wait_for(what)).await.unwrap();
    seen.clone()
}

/// A daemon that is followed, with service `a` up.
async fn following() -> (Script, Updates, Asked) {
    let mut script = Script::up();
    let mut updates = script.daemon().follow();
    let events = script
        .followed(&mut updates, &dataset(json!({"a": "up"})))
        .await;
    (script, updates, events)
}

#[tokio::test]
async fn what_happens_between_the_subscription_and_the_state_is_not_lost() {
    let mut script = Script::up();
    let mut updates = script.daemon().follow();
    let mut events = script.asked("events").await;
    let status = script.asked("daemon_status").await;
    // Newer than the state that is on its way, which does not know.
    events.patch(5, avail("a", "down")).await;
    status.reply(&dataset(json!({"a": "up", "b": "up"}))).await;
    // The two may arrive as one.
    let mut last = short(next(&mut updates).await);
    if last != reset(&["a down", "b up"]) {
        assert_eq!(last, reset(&["a up", "b up"]));
        last = short(next(&mut updates).await);
        assert_eq!(last, patch(&["a down"]));
    }
    events.patch(6, avail("b", "down")).await;
    assert_eq!(short(next(&mut updates).await), patch(&["b down"]));
    let connection = updates.connection().borrow().clone();
    assert_eq!(connection.resyncs(Resync::Connected), 1);
    assert!(matches!(connection.link, Link::Following { .. }));
}

#[tokio::test]
async fn noise_and_news_are_counted_and_change_nothing() {
    let (mut script, mut updates, mut events) = following().await;
    for id in 1..=50 {
        events.patch(id, noise()).await;
        events
            .message(&json!({"kind": "event", "data": {"id": "instance_stop"}}))
            .await;
    }
    events.patch(51, json!([])).await;
    events.patch(52, avail("a", "up")).await;
    events.patch(53, avail("a", "down")).await;
    assert_eq!(short(next(&mut updates).await), patch(&["a down"]));
    let connection = updates.connection().borrow().clone();
    assert_eq!((connection.patches, connection.irrelevant), (1, 102));
    assert!(connection.last_message.is_some());
    assert!(!script.is_asked());
}

/// The Python janitor took a minute of silence for the end of the stream. An idle daemon says
/// nothing, and no request's time limit is the stream's.
#[tokio::test]
async fn a_stream_may_be_silent_for_longer_than_a_request_may_take() {
    let timeout = Duration::from_millis(100);
    let mut script = Script::up();
    let mut updates = script
        .daemon_with(Duration::from_secs(3600), timeout)
        .follow();
    let state = dataset(json!({"a": "up"}));
    let mut events = script.followed(&mut updates, &state).await;
    tokio::time::sleep(3 * timeout).await;
    events.patch(1, avail("a", "down")).await;
    assert_eq!(short(next(&mut updates).await), patch(&["a down"]));
    assert!(!script.is_asked());
}

#[tokio::test]
async fn a_missing_message_makes_the_state_be_read_again() {
    let (mut script, mut updates, mut events) = following().await;
    events.patch(1, noise()).await;
    events.patch(3, avail("a", "down")).await;
    let status = script.asked("daemon_status").await;
    assert_eq!(short(next(&mut updates).await), patch(&["a down"]));
    events.patch(4, avail("b", "down")).await;
    status
        .reply(&dataset(json!({"a": "down", "b": "up"})))
        .await;
    // Message 4 is newer than the state.
    let first = short(next(&mut updates).await);
    if first != reset(&["a down", "b down"]) {
        assert_eq!(first, reset(&["a down", "b up"]));
        assert_eq!(short(next(&mut updates).await), patch(&["b down"]));
    }
    assert_eq!(updates.connection().borrow().resyncs(Resync::Gap), 1);
    // The stream stayed open.
    events.patch(5, avail("a", "up")).await;
    assert_eq!(short(next(&mut updates).await), patch(&["a up"]));
}

/// The state is not read again and again: what is told meanwhile does not wait for it.
#[tokio::test]
async fn messages_count_though_others_are_missed_again_and_again() {
    let mut script = Script::up();
    let mut daemon = script.daemon();
    daemon.tempo.resync = Duration::from_secs(3600);
    let mut updates = daemon.follow();
    let state = dataset(json!({"a": "up", "b": "up"}));
    let mut events = script.followed(&mut updates, &state).await;
    events.patch(1, noise()).await;
    events.patch(3, noise()).await;
    script.asked("daemon_status").await.reply(&state).await;
    next(&mut updates).await;
    for id in [5, 7] {
        events.patch(id, avail("a", "down")).await;
        assert_eq!(short(next(&mut updates).await), patch(&["a down"]));
        events.patch(id + 1, avail("a", "up")).await;
        assert_eq!(short(next(&mut updates).await), patch(&["a up"]));
    }
    // One that does not fit hides nothing either.
    let mut entries = avail("unknown", "up");
    entries
        .as_array_mut()
        .unwrap()
        .extend(avail("b", "down").as_array().cloned().unwrap());
    events.patch(9, entries).await;
    assert_eq!(short(next(&mut updates).await), patch(&["b down"]));
    assert!(!script.is_asked());
}

#[tokio::test]
async fn numbers_that_go_back_are_another_daemon() {
    let (mut script, mut updates, mut events) = following().await;
    events.patch(80, noise()).await;
    events.patch(1, avail("a", "down")).await;
    script
        .asked("daemon_status")
        .await
        .reply(&dataset(json!({"c": "up"})))
        .await;
    assert_eq!(short(next(&mut updates).await), reset(&["c up"]));
    assert_eq!(updates.connection().borrow().resyncs(Resync::Restart), 1);
}

#[tokio::test]
async fn a_change_that_does_not_fit_makes_the_state_be_read_again() {
    let (mut script, mut updates, mut events) = following().await;
    for (id, entries) in [
        // A parent that is missing.
        (1, avail("unheard", "up")),
        // An index into an object.
        (
            2,
            json!([[["monitor", "nodes", "n1", "services", "status", 0], 1]]),
        ),
    ] {
        events.patch(id, entries).await;
        script
            .asked("daemon_status")
            .await
            .reply(&dataset(json!({"a": "up"})))
            .await;
        assert_eq!(short(next(&mut updates).await), reset(&["a up"]));
    }
    assert_eq!(updates.connection().borrow().resyncs(Resync::Anomaly), 2);
}

#[tokio::test]
async fn what_is_not_understood_is_checked_against_the_state() {
    let (mut script, mut updates, mut events) = following().await;
    events.message(&json!({"kind": "full", "data": {}})).await;
    // Meanwhile the stream is followed as before.
    let status = script.asked("daemon_status").await;
    events.patch(1, avail("a", "down")).await;
    assert_eq!(short(next(&mut updates).await), patch(&["a down"]));
    // The state is older than the patch, and has a service that no message told of.
    status.reply(&dataset(json!({"a": "up", "b": "up"}))).await;
    assert_eq!(short(next(&mut updates).await), patch(&["b up"]));
    let connection = until(&updates, |c| c.resyncs(Resync::Drift) == 1).await;
    assert_eq!(connection.resyncs(Resync::Unknown), 1);
}

/// However much is not understood, it postpones a reading of the whole state once.
#[tokio::test]
async fn much_that_is_not_understood_freezes_nothing() {
    let (mut script, mut updates, mut events) = following().await;
    for _ in 0..500 {
        events.message(&json!([])).await;
    }
    let connection = until(&updates, |c| c.resyncs(Resync::Unknown) == 500).await;
    assert!(matches!(connection.link, Link::Following { .. }));
    events.patch(1, noise()).await;
    events.patch(5, noise()).await;
    // The gap has the whole state read, and soon, whatever reading was under way.
    let now = dataset(json!({"a": "down"}));
    let answering = async {
        loop {
            script.asked("daemon_status").await.offer(&now).await;
        }
    };
    let told = async { while !matches!(next(&mut updates).await, Update::Reset { .. }) {} };
    tokio::select! {
        never = answering => never,
        () = told => {}
    }
}

#[tokio::test]
async fn garbage_is_a_missing_message() {
    let (mut script, mut updates, mut events) = following().await;
    events.patch(1, noise()).await;
    events
        .send(b"\xff\xfe{\"kind\": \"patch\", \"id\": 2, \"da\0")
        .await;
    // What it said is looked up at once …
    let now = dataset(json!({"a": "up", "b": "up"}));
    script.asked("daemon_status").await.reply(&now).await;
    assert_eq!(short(next(&mut updates).await), patch(&["b up"]));
    // … and its number is missed.
    events.patch(3, avail("a", "down")).await;
    assert_eq!(short(next(&mut updates).await), patch(&["a down"]));
    let now = dataset(json!({"a": "down", "b": "up"}));
    script.asked("daemon_status").await.reply(&now).await;
    assert_eq!(short(next(&mut updates).await), reset(&["a down", "b up"]));
    let connection = updates.connection().borrow().clone();
    let counts = [Resync::Unknown, Resync::Gap].map(|reason| connection.resyncs(reason));
    assert_eq!(counts, [1, 1]);
}

#[tokio::test]
async fn half_a_message_is_the_end_of_a_connection_not_of_what_is_known() {
    let (mut script, mut updates, mut events) = following().await;
    events
        .send(br#"{"kind": "patch", "id": 1, "data": [[["monitor", "no"#)
        .await;
    script.stop();
    drop(events);
    let connection = until(&updates, |c| matches!(c.link, Link::Waiting { .. })).await;
    let Link::Waiting { error, .. } = connection.link else {
        unreachable!()
    };
    assert!(error.contains("closed the connection"), "{error}");
    script.start();
    // Nothing was said in between: the next update is the new state.
    script
        .followed(&mut updates, &dataset(json!({"b": "up"})))
        .await;
    let connection = updates.connection().borrow().clone();
    assert_eq!(connection.resyncs(Resync::Connected), 2);
}

#[tokio::test]
async fn a_daemon_that_is_not_there_is_waited_for() {
    let mut script = Script::down();
    let mut updates = script.daemon().follow();
    let connection = until(&updates, |c| matches!(c.link, Link::Waiting { .. })).await;
    let Link::Waiting { error, .. } = connection.link else {
        unreachable!()
    };
    assert!(error.contains("lsnr.sock"), "{error}");
    script.start();
    script
        .followed(&mut updates, &dataset(json!({"a": "up"})))
        .await;
}

#[tokio::test]
async fn a_state_that_cannot_be_had_is_asked_for_again() {
    let mut script = Script::up();
    let mut updates = script.daemon().follow();
    for reply in [
        json!({"status": 500, "error": "busy", "traceback": "..."}),
        json!([]),
        json!({"cluster": {}}),
    ] {
        let events = script.asked("events").await;
        script.asked("daemon_status").await.reply(&reply).await;
        events.closed().await;
    }
    // Cut short.
    let events = script.asked("events").await;
    script
        .asked("daemon_status")
        .await
        .send(b"{\"monitor\": {")
        .await;
    events.closed().await;
    script
        .followed(&mut updates, &dataset(json!({"a": "up"})))
        .await;
}

#[tokio::test]
async fn a_state_that_never_comes_is_given_up() {
    let mut script = Script::up();
    let daemon = script.daemon_with(Duration::from_secs(3600), Duration::from_millis(50));
    let updates = daemon.follow();
    let events = script.asked("events").await;
    script.asked("daemon_status").await.closed().await;
    events.closed().await;
    let connection = until(&updates, |c| matches!(c.link, Link::Waiting { .. })).await;
    let Link::Waiting { error, .. } = connection.link else {
        unreachable!()
    };
    assert!(error.contains("did not answer"), "{error}");
}

/// The state may be read before the stream is subscribed, though it was asked for after: what
/// happened in between must not wait for the next periodic reading.
#[tokio::test]
async fn what_happens_before_the_stream_is_subscribed_is_found_soon() {
    let mut script = Script::up();
    let mut updates = script.daemon_confirmed().follow();
    let state = dataset(json!({"a": "up"}));
    let mut events = script.followed(&mut updates, &state).await;
    let state = dataset(json!({"a": "down"}));
    script.asked("daemon_status").await.reply(&state).await;
    assert_eq!(short(next(&mut updates).await), patch(&["a down"]));
    events.patch(1, avail("a", "up")).await;
    assert_eq!(short(next(&mut updates).await), patch(&["a up"]));
    assert!(!script.is_asked());
}

#[tokio::test]
async fn the_state_is_read_from_time_to_time_and_only_what_differs_is_told() {
    let mut script = Script::up();
    let daemon = script.daemon_with(Duration::from_millis(20), Duration::from_secs(30));
    let mut updates = daemon.follow();
    let first = dataset(json!({"a": "up", "b": "up", "c": "up"}));
    let mut events = script.followed(&mut updates, &first).await;
    for _ in 0..3 {
        script.asked("daemon_status").await.reply(&first).await;
    }
    let second = dataset(json!({"a": "up", "b": "down", "d": "up"}));
    script.asked("daemon_status").await.reply(&second).await;
    let told = short(next(&mut updates).await);
    assert_eq!(told, patch(&["b down", "c gone", "d up"]));
    // A reading that fails changes nothing, and the stream is the same all the time.
    script
        .asked("daemon_status")
        .await
        .reply(&json!({"status": 500, "error": "no"}))
        .await;
    events.patch(1, avail("a", "down")).await;
    assert_eq!(short(next(&mut updates).await), patch(&["a down"]));
    let connection = updates.connection().borrow().clone();
    assert_eq!(connection.resyncs(Resync::Connected), 1);
    assert_eq!(connection.resyncs(Resync::Drift), 1);
}

#[tokio::test]
async fn a_restarted_daemon_takes_nothing_away_before_it_knows() {
    let (mut script, mut updates, events) = following().await;
    script.stop();
    drop(events);
    until(&updates, |c| matches!(c.link, Link::Waiting { .. })).await;
    script.start();
    let mut events = script.asked("events").await;
    let starting = node("init", json!({}));
    script.asked("daemon_status").await.reply(&starting).await;
    assert_eq!(short(next(&mut updates).await), reset(&["a up"]));
    let status = ["monitor", "nodes", "n1", "services", "status", "a"];
    let phase = ["monitor", "nodes", "n1", "monitor", "status"];
    events.patch(1, json!([[status, {"avail": "down"}]])).await;
    assert_eq!(short(next(&mut updates).await), patch(&["a down"]));
    events.patch(2, json!([[phase, "idle"], [status]])).await;
    assert_eq!(short(next(&mut updates).await), patch(&["a gone"]));
}

#[tokio::test]
async fn nothing_is_told_before_the_first_full_state() {
    let mut script = Script::up();
    let mut updates = script.daemon().follow();
    let events = script.asked("events").await;
    for services in [json!({}), json!({"a": "up"})] {
        script
            .asked("daemon_status")
            .await
            .reply(&node("init", services))
            .await;
    }
    let connection = until(&updates, |c| matches!(c.link, Link::Waiting { .. })).await;
    assert_eq!(connection.resyncs(Resync::Connected), 0);
    let full = dataset(json!({"a": "up", "b": "up"}));
    script.asked("daemon_status").await.reply(&full).await;
    assert_eq!(short(next(&mut updates).await), reset(&["a up", "b up"]));
    drop(events);
}

#[tokio::test]
async fn a_consumer_that_is_busy_finds_everything_as_one_update() {
    let (_script, mut updates, mut events) = following().await;
    for id in 1..=999 {
        let word = if id % 2 == 0 { "up" } else { "down" };
        events.patch(id, avail("a", word)).await;
    }
    until_counted(&updates, 999).await;
    assert_eq!(short(next(&mut updates).await), patch(&["a down"]));
}

/// Waits until this many patches were applied; the count wakes nobody.
async fn until_counted(updates: &Updates, patches: u64) {
    let connection = updates.connection();
    soon(async {
        while connection.borrow().patches < patches {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn nobody_is_followed_for_nobody() {
    let (_script, updates, events) = following().await;
    drop(updates);
    events.closed().await;
}

#[tokio::test]
async fn more_messages_than_can_wait_are_as_good_as_lost() {
    let mut script = Script::up();
    let mut updates = script.daemon().follow();
    let mut events = script.asked("events").await;
    let status = script.asked("daemon_status").await;
    // A short text that becomes a large table.
    let large = json!(vec![json!({"": 0}); 4000]);
    let services = ["monitor", "nodes", "n1", "services", "status"];
    let keyword = [&services[..], &["a", "resources", "expose#0", "info", "x"]].concat();
    let state = |info: Value| {
        let mut state = dataset(json!({"a": "up", "b": "up"}));
        state["monitor"]["nodes"]["n1"]["services"]["status"]["a"]["resources"] =
            json!({"expose#0": {"info": info}});
        state
    };
    // Nobody takes them while the state is awaited.
    for id in 1..=40 {
        events.patch(id, json!([[keyword, large]])).await;
    }
    status.reply(&state(json!({}))).await;
    let status = script.asked("daemon_status").await;
    // The last messages may come after it, and say the same.
    status.reply(&state(json!({"x": large}))).await;
    until(&updates, |c| c.resyncs(Resync::Overflow) == 1).await;
    // What came before it was dropped, or at least some of it: the state is not read again for that.
    events.patch(41, avail("b", "down")).await;
    while !short(next(&mut updates).await)
        .1
        .contains(&"b down".to_owned())
    {}
    assert_eq!(updates.connection().borrow().resyncs(Resync::Gap), 0);
    assert!(!script.is_asked());
}

#[tokio::test]
async fn messages_that_do_not_matter_do_not_wait() {
    let mut script = Script::up();
    let mut updates = script.daemon().follow();
    let mut events = script.asked("events").await;
    let status = script.asked("daemon_status").await;
    let megabyte = json!([[["listener", "x"], "x".repeat(1024 * 1024)]]);
    for id in 1..=70 {
        events.patch(id, megabyte.clone()).await;
    }
    status.reply(&dataset(json!({"a": "up"}))).await;
    assert_eq!(short(next(&mut updates).await), reset(&["a up"]));
    events.patch(71, avail("a", "down")).await;
    assert_eq!(short(next(&mut updates).await), patch(&["a down"]));
    assert_eq!(updates.connection().borrow().resyncs(Resync::Overflow), 0);
}
