//! What the next run knows of this one.

use super::*;

/// A gateway that starts again, before the daemon told it anything.
fn restarted(story: &Story) -> Story {
    let mut next = Story::new();
    next.index.recall(story.index.memory());
    next
}

#[test]
fn the_incumbent_is_still_the_incumbent_after_a_restart() {
    let mut story = Story::begun();
    story.put(&[("zeta", instance("10.0.0.1", l4(80, 8080)))]);
    story.put(&[("alpha", instance("10.0.0.2", l4(80, 8080)))]);
    let mut next = restarted(&story);
    next.reset();
    next.put(&[
        ("alpha", instance("10.0.0.2", l4(80, 8080))),
        ("zeta", instance("10.0.0.1", l4(80, 8080))),
    ]);
    assert_eq!(next.serving("zeta", "expose#0"), Some(Serving::Served));
    assert_eq!(next.serving("alpha", "expose#0"), Some(Serving::Refused));
    // One that leaves loses its rank.
    next.remove("zeta");
    next.put(&[("zeta", instance("10.0.0.1", l4(80, 8080)))]);
    assert_eq!(next.serving("alpha", "expose#0"), Some(Serving::Served));
}

#[test]
fn a_port_that_is_not_stored_yet_is_chosen_again_after_a_restart() {
    let mut story = Story::begun();
    story.put(&[("first", instance("10.0.0.1", l4(80, 0)))]);
    story.put(&[("second", instance("10.0.0.2", l4(80, 0)))]);
    let port = |story: &Story, service: &str| {
        let view = story.index.view().exposes.get(&id(service, "expose#0"));
        view.and_then(|view| view.socket).map(|socket| socket.port)
    };
    assert_eq!(port(&story, "second"), Some(2001));
    let mut next = restarted(&story);
    next.reset();
    next.put(&[("second", instance("10.0.0.2", l4(80, 0)))]);
    assert_eq!(port(&next, "second"), Some(2001));
    // The earlier run may have ended before the daemon stored it.
    let store = Request::Store(StorePort {
        expose: id("second", "expose#0"),
        services: vec![path("second")],
        port: 2001,
    });
    assert_eq!(next.take_requests(), [store]);
    next.put(&[("second", instance("10.0.0.3", l4(81, 0)))]);
    assert_eq!(next.take_requests(), [], "once is enough");
}

#[test]
fn a_recalled_port_that_somebody_names_now_gives_way_to_another() {
    let mut story = Story::begun();
    story.put(&[("zero", instance("10.0.0.1", l4(80, 0)))]);
    let mut next = restarted(&story);
    next.reset();
    next.put(&[("named", instance("10.0.0.2", l4(80, 2000)))]);
    next.put(&[("zero", instance("10.0.0.1", l4(80, 0)))]);
    assert_eq!(
        next.names(ResourceType::Listener),
        ["0.0.0.0:2000/tcp", "0.0.0.0:2001/tcp"]
    );
    assert_eq!(next.codes("zero"), Vec::<&str>::new());
}
