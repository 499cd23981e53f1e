//! An expose that moves to another listener.

use super::*;

/// What Envoy says of a listener that it cannot bind.
fn busy(name: &str) -> String {
    format!("Error adding/updating listener(s) {name}: cannot bind: Address already in use\n")
}

/// An Envoy that has everything in a snapshot.
fn has(variant: Variant, resources: impl IntoIterator<Item = Resource>) -> Talk {
    let mut talk = Talk::new(variant);
    talk.publish(resources);
    let routes: Vec<_> = talk.snapshot.iter(Routes).cloned().collect();
    let names: Vec<_> = routes.iter().map(|routes| &*routes.name).collect();
    for (kind, names) in [(Cluster, &[][..]), (Listener, &[]), (Routes, &names)] {
        match variant {
            _ if kind == Routes && names.is_empty() => {}
            Variant::Delta => talk.subscribe(kind, names, &[]),
            Variant::StateOfTheWorld => talk.ask(kind, names),
        }
        talk.accept_all();
    }
    talk.pass(FALLBACK);
    talk.accept_all();
    talk
}

/// A service whose listener is one and then another.
fn moved(variant: Variant) -> Talk {
    let mut talk = has(variant, [cluster("web", "1"), listener("old", "1", "web")]);
    talk.snapshot.remove(Listener, "old");
    talk.publish([listener("new", "1", "web")]);
    talk
}

/// The listeners that a client has after a response.
fn left(response: &Response, had: &[&'static str]) -> Vec<String> {
    assert_eq!(kind_of(response), Listener);
    let mut names: Vec<_> = names(response).into_iter().map(str::to_owned).collect();
    if response.variant == Variant::Delta {
        let is_gone = |name: &str| response.removed.iter().any(|gone| **gone == *name);
        let stays = had.iter().filter(|name| !is_gone(name));
        names.extend(stays.map(|name| (*name).to_owned()));
    }
    names.sort();
    names.dedup();
    names
}

#[test]
fn the_old_listener_goes_after_the_new_one_came() {
    for variant in BOTH {
        let mut talk = moved(variant);
        let response = talk.hear().unwrap();
        assert_eq!(left(&response, &["old"]), ["new", "old"], "{variant:?}");
        talk.quiet();
        talk.ack(&response);
        let response = talk.hear().unwrap();
        assert_eq!(left(&response, &["new", "old"]), ["new"], "{variant:?}");
        talk.ack(&response);
        talk.quiet();
    }
}

#[test]
fn the_old_listener_goes_though_the_client_says_nothing_of_the_new_one() {
    for variant in BOTH {
        let mut talk = moved(variant);
        talk.hear().unwrap();
        talk.quiet();
        talk.pass(FALLBACK);
        let response = talk.hear().unwrap();
        assert_eq!(left(&response, &["new", "old"]), ["new"], "{variant:?}");
    }
}

#[test]
fn the_old_listener_stays_while_the_new_one_is_refused() {
    for variant in BOTH {
        let mut talk = moved(variant);
        let response = talk.hear().unwrap();
        talk.nack(&response, &busy("new"));
        // State of the world is put right by a response that can be accepted.
        if let Some(response) = talk.hear() {
            assert_eq!(left(&response, &["old"]), ["old"], "{variant:?}");
            talk.ack(&response);
        }
        talk.quiet();
        // It is tried again, and others come and go without it.
        talk.pass(Duration::from_secs(60));
        let response = talk.hear().unwrap();
        assert_eq!(left(&response, &["old"]), ["new", "old"], "{variant:?}");
        talk.nack(&response, &busy("new"));
        talk.accept_all();
        talk.publish([cluster("else", "1"), listener("else", "1", "else")]);
        talk.accept_all();
        talk.pass(SETTLE);
        talk.accept_all();
        talk.remove(Listener, "else");
        let response = talk.hear().unwrap();
        assert_eq!(left(&response, &["else", "old"]), ["old"], "{variant:?}");
        talk.ack(&response);
        // The port is free.
        talk.pass(Duration::from_secs(60));
        let response = talk.hear().unwrap();
        assert_eq!(left(&response, &["old"]), ["new", "old"], "{variant:?}");
        talk.ack(&response);
        let response = talk.hear().unwrap();
        assert_eq!(left(&response, &["new", "old"]), ["new"], "{variant:?}");
    }
}

#[test]
fn a_refused_move_is_taken_back_or_goes_on() {
    for variant in BOTH {
        for to in ["old", "third"] {
            let mut talk = moved(variant);
            let response = talk.hear().unwrap();
            talk.nack(&response, &busy("new"));
            talk.accept_all();
            talk.snapshot.remove(Listener, "new");
            talk.publish([listener(to, "1", "web")]);
            let mut has = vec!["old"];
            while let Some(response) = talk.hear() {
                has = left(&response, &has)
                    .iter()
                    .map(|name| if name == "old" { "old" } else { "third" })
                    .collect();
                assert!(!has.is_empty());
                talk.ack(&response);
            }
            assert_eq!(has, [to], "{variant:?}");
        }
    }
}

/// The listener leads to the service by its routes, which stay with it.
#[test]
fn an_http_listener_stays_with_its_routes() {
    for variant in BOTH {
        let by_routes = |name: &str| resource(Listener, name, "1", &[(Routes, name)]);
        let all = [
            cluster("web", "1"),
            by_routes("old"),
            routes("old", "1", &["web"]),
        ];
        let mut talk = has(variant, all);
        talk.snapshot.remove(Listener, "old");
        talk.snapshot.remove(Routes, "old");
        talk.publish([by_routes("new"), routes("new", "1", &["web"])]);
        let response = talk.hear().unwrap();
        assert_eq!(left(&response, &["old"]), ["new", "old"], "{variant:?}");
        talk.nack(&response, &busy("new"));
        while let Some(response) = talk.hear() {
            assert_eq!(left(&response, &["old"]), ["old"], "{variant:?}");
            talk.ack(&response);
        }
        // It is deleted for good.
        talk.snapshot.remove(Listener, "new");
        talk.snapshot.remove(Routes, "new");
        talk.remove(Cluster, "web");
        let response = talk.hear().unwrap();
        assert!(left(&response, &["old"]).is_empty(), "{variant:?}");
    }
}

/// The other listener is there already, for others: the routes are what is new, and may be refused.
#[test]
fn a_listener_goes_after_its_service_was_added_to_the_routes_of_another() {
    for variant in BOTH {
        let all = [
            cluster("web", "1"),
            listener("old", "1", "web"),
            cluster("other", "1"),
            resource(Listener, "shared", "1", &[(Routes, "shared")]),
            routes("shared", "1", &["other"]),
        ];
        let mut talk = has(variant, all);
        talk.snapshot.remove(Listener, "old");
        talk.publish([routes("shared", "2", &["other", "web"])]);
        let response = talk.expect(Routes, &["shared"], &[]);
        talk.nack(&response, "no");
        talk.quiet();
        talk.publish([routes("shared", "3", &["other", "web"])]);
        talk.accept(Routes, &["shared"]);
        let response = talk.hear().unwrap();
        let has = left(&response, &["old", "shared"]);
        assert_eq!(has, ["shared"], "{variant:?}");
    }
}
