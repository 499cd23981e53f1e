//! `listener_port=0`: the gateway chooses.

use super::*;

fn store(service: &str, services: &[&str], port: u16) -> StorePort {
    StorePort {
        expose: id(service, "expose#0"),
        services: services.iter().map(|s| path(s)).collect(),
        port,
    }
}

fn the_store(story: &mut Story) -> StorePort {
    match &story.take_requests()[..] {
        [Request::Store(store)] => store.clone(),
        other => panic!("one port is to be stored, not {other:?}"),
    }
}

/// The Python janitor chose again in every pass until the write came back, which it never did.
#[test]
fn a_port_is_chosen_once_served_at_once_and_written_back_once() {
    let mut story = Story::begun();
    story.put(&[("web", instance("10.0.0.1", l4(80, 0)))]);
    assert_eq!(story.names(ResourceType::Listener), ["0.0.0.0:2000/tcp"]);
    let expected = store("web", &["web"], 2000);
    assert_eq!(story.take_requests(), [Request::Store(expected.clone())]);
    story.put(&[("web", instance("10.0.0.2", l4(80, 0)))]);
    story.put(&[("web", instance("10.0.0.2", l4(81, 0)))]);
    story.reset();
    assert_eq!(story.take_requests(), []);
    assert_eq!(story.names(ResourceType::Listener), ["0.0.0.0:2000/tcp"]);

    let before = story.index.snapshot().clone();
    story.apply(Event::PortStored(expected, Ok(())));
    story.put(&[("web", instance("10.0.0.2", l4(81, 2000)))]);
    for kind in ResourceType::ALL {
        assert_eq!(
            story.index.snapshot().version(kind),
            before.version(kind),
            "{kind:?}"
        );
    }
}

#[test]
fn several_that_ask_get_different_ports_and_none_that_somebody_names() {
    let mut story = Story::begun();
    story.put(&[
        ("a", instance("10.0.0.1", l4(80, 0))),
        ("b", instance("10.0.0.2", l4(80, 0))),
        ("c", instance("10.0.0.3", l4(80, 2000))),
    ]);
    assert_eq!(
        story.names(ResourceType::Listener),
        ["0.0.0.0:2000/tcp", "0.0.0.0:2001/tcp", "0.0.0.0:2002/tcp"]
    );
    assert_eq!(story.serving("c", "expose#0"), Some(Serving::Served));
}

#[test]
fn tcp_and_udp_may_have_the_same_port() {
    let mut story = Story::begun();
    let udp = json!({"expose#0": {"port": 53, "listener_port": 0, "protocol": "udp"}});
    story.put(&[
        ("a", instance("10.0.0.1", l4(80, 0))),
        ("b", instance("10.0.0.2", udp)),
    ]);
    assert_eq!(
        story.names(ResourceType::Listener),
        ["0.0.0.0:2000/tcp", "0.0.0.0:2000/udp"]
    );
}

#[test]
fn that_a_port_is_chosen_later_is_told_until_it_is_chosen() {
    let text = "[ip#1]\nexpose=expose#0\n[expose#0]\nport=80\nlistener_port=0\n";
    let document = crate::model::Document::from_config(path("web"), text).unwrap();
    let verdict = crate::verdict::judge(&document, &crate::verdict::Facts::default());
    let told: Vec<_> = verdict.report.diagnostics.iter().map(|d| d.code).collect();
    assert_eq!(told, ["port-chosen-later"]);
    let kinds: Vec<_> = verdict.resources().iter().map(|r| r.kind).collect();
    assert_eq!(kinds, [ResourceType::Cluster]);

    let mut story = Story::begun();
    story.put(&[("web", instance("10.0.0.1", l4(80, 0)))]);
    assert_eq!(story.codes("web"), Vec::<&str>::new());
}

#[test]
fn a_scaler_and_its_slaves_all_get_the_port() {
    let mut story = Story::begun();
    let mut slave = instance("10.0.0.1", l4(80, 0));
    slave.scaler_slave = true;
    story.put(&[("0.web", slave.clone()), ("1.web", slave)]);
    let expected = store("web", &["web", "0.web", "1.web"], 2000);
    let mut request = the_store(&mut story);
    let mut sorted = expected.services.clone();
    sorted.sort();
    request.services.sort();
    assert_eq!(
        request,
        StorePort {
            services: sorted,
            ..expected
        }
    );
}

#[test]
fn a_range_that_is_used_up_is_told_and_the_rest_is_served() {
    let mut story = Story::begun();
    for name in ["a", "b", "c", "d", "e"] {
        story.put(&[(name, instance("10.0.0.1", l4(80, 0)))]);
    }
    assert_eq!(story.names(ResourceType::Listener).len(), 4);
    assert_eq!(story.codes("e"), ["ports-exhausted"]);
    story.put(&[("f", instance("10.0.0.1", l4(80, 8080)))]);
    assert_eq!(story.serving("f", "expose#0"), Some(Serving::Served));
    story.take_requests();

    story.remove("b");
    assert_eq!(story.serving("e", "expose#0"), Some(Serving::Served));
    assert_eq!(story.codes("e"), Vec::<&str>::new());
    let store = Request::Store(store("e", &["e"], 2001));
    assert_eq!(story.take_requests(), [store]);
}

#[test]
fn a_port_that_an_expose_moved_away_from_is_given_to_one_that_found_none() {
    let mut story = Story::begun();
    for name in ["a", "b", "c", "d", "e"] {
        story.put(&[(name, instance("10.0.0.1", l4(80, 0)))]);
    }
    story.put(&[("c", instance("10.0.0.1", l4(80, 8080)))]);
    assert_eq!(story.serving("c", "expose#0"), Some(Serving::Served));
    assert_eq!(story.serving("e", "expose#0"), Some(Serving::Served));
    assert_eq!(story.names(ResourceType::Listener).len(), 5);
}

#[test]
fn what_the_daemon_refused_to_store_is_told_and_tried_again_until_it_is_not_needed() {
    let mut story = Story::begun();
    story.put(&[("web", instance("10.0.0.1", l4(80, 0)))]);
    let request = the_store(&mut story);
    story.apply(Event::PortStored(request.clone(), Err("no".into())));
    assert_eq!(story.codes("web"), ["port-not-stored"]);
    assert_eq!(story.serving("web", "expose#0"), Some(Serving::Served));
    story.apply(Event::Retry);
    assert_eq!(story.take_requests(), [Request::Store(request)]);
    story.put(&[("web", instance("10.0.0.1", l4(80, 8080)))]);
    story.apply(Event::Retry);
    assert_eq!(story.take_requests(), [], "the user wrote a port meanwhile");
    assert_eq!(story.codes("web"), Vec::<&str>::new());
}
