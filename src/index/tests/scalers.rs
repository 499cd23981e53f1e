//! Scalers: one service to users, many to the daemon.

use super::*;

fn slave(ip: &str) -> Instance {
    let mut slave = instance(ip, l4(80, 8080));
    slave.scaler_slave = true;
    slave
}

fn scaler() -> Instance {
    Instance {
        avail: Availability::Serving,
        ..Instance::default()
    }
}

/// The Python janitor missed the slaves of scalers in a namespace: each became a service of its own,
/// and the listener, with as many catch-all chains, was refused.
#[test]
fn the_slaves_of_a_scaler_are_endpoints_of_one_cluster_in_any_namespace() {
    for namespace in ["", "test/svc/"] {
        let path = |name: &str| format!("{namespace}{name}");
        let mut story = Story::begun();
        story.put(&[
            (&path("web"), scaler()),
            (&path("0.web"), slave("10.0.0.1")),
            (&path("1.web"), slave("10.0.0.2")),
        ]);
        let cluster = format!("{}.expose#0", path("web"));
        assert_eq!(story.names(ResourceType::Cluster), [cluster.as_str()]);
        assert_eq!(story.endpoints(&cluster), ["10.0.0.1:80", "10.0.0.2:80"]);
        assert_eq!(story.findings(&path("web")), Vec::<String>::new());
    }
}

#[test]
fn slaves_on_one_address_are_one_endpoint() {
    let mut story = Story::begun();
    story.put(&[
        ("web", scaler()),
        ("0.web", slave("10.0.0.1")),
        ("1.web", slave("10.0.0.1")),
    ]);
    assert_eq!(story.endpoints("web.expose#0"), ["10.0.0.1:80"]);
    let view = &story.index.view().exposes[&id("web", "expose#0")];
    assert_eq!(view.endpoints, 1);
}

#[test]
fn a_scaler_grows_and_shrinks_by_endpoints_alone() {
    let mut story = Story::begun();
    story.put(&[("web", scaler()), ("0.web", slave("10.0.0.1"))]);
    let before = story.index.snapshot().clone();
    // The scaler names a slave before the slave exists.
    story.put(&[("web", scaler())]);
    story.put(&[("1.web", slave("10.0.0.2"))]);
    assert_eq!(
        story.endpoints("web.expose#0"),
        ["10.0.0.1:80", "10.0.0.2:80"]
    );
    story.put(&[("web", scaler())]);
    story.remove("1.web");
    assert_eq!(story.endpoints("web.expose#0"), ["10.0.0.1:80"]);
    for kind in ResourceType::ALL {
        assert_eq!(
            story.index.snapshot().version(kind),
            before.version(kind),
            "{kind:?}"
        );
    }
}

#[test]
fn a_service_that_only_looks_like_a_slave_stands_for_itself() {
    let mut story = Story::begun();
    story.put(&[("0.web", instance("10.0.0.1", l4(80, 8080)))]);
    assert_eq!(story.names(ResourceType::Cluster), ["0.web.expose#0"]);
}

/// `om web set` reaches the scaler, not the slaves that exist; those made later carry it.
#[test]
fn the_newest_slave_tells_what_a_scaler_exposes() {
    let mut story = Story::begun();
    let mut newer = instance(
        "10.0.0.2",
        json!({
            "expose#0": {"port": 80, "listener_port": 8090},
            "expose#1": {"port": 81, "listener_port": 8091},
        }),
    );
    newer.scaler_slave = true;
    story.put(&[("0.web", slave("10.0.0.1")), ("10.web", newer)]);
    assert_eq!(
        story.names(ResourceType::Listener),
        ["0.0.0.0:8090/tcp", "0.0.0.0:8091/tcp"]
    );
    assert_eq!(
        story.endpoints("web.expose#0"),
        ["10.0.0.1:80", "10.0.0.2:80"]
    );
    assert_eq!(story.endpoints("web.expose#1"), ["10.0.0.2:81"]);
}
