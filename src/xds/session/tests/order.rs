//! Make before break: what waits for what.

use super::*;

/// A talk in which the client has a cluster `x`, and routes `r` that lead to it.
fn routed(variant: Variant) -> Talk {
    let mut talk = Talk::new(variant);
    talk.publish([
        cluster("x", "1"),
        endpoints("x", "1"),
        resource(Listener, "l", "1", &[(Routes, "r")]),
        routes("r", "1", &["x"]),
    ]);
    if variant == Variant::Delta {
        talk.subscribe(Cluster, &[], &[]);
        talk.subscribe(Endpoints, &["x"], &[]);
        talk.subscribe(Listener, &[], &[]);
        talk.subscribe(Routes, &["r"], &[]);
    } else {
        talk.ask(Cluster, &[]);
        talk.ask(Endpoints, &["x"]);
        talk.ask(Listener, &[]);
        talk.ask(Routes, &["r"]);
    }
    talk.accept_all();
    talk.quiet();
    talk
}

/// The client asks for endpoints as well.
fn want_endpoints(talk: &mut Talk, all: &[&str], added: &str) {
    match talk.session.stream.variant {
        Variant::Delta => talk.subscribe(Endpoints, &[added], &[]),
        Variant::StateOfTheWorld => {
            let nonce = talk.session.lane(Endpoints).unwrap().last_nonce.clone();
            talk.ask_again(Endpoints, all, "", &nonce.unwrap());
        }
    }
}

#[test]
fn routes_wait_until_a_new_cluster_is_acknowledged_and_has_endpoints() {
    for variant in BOTH {
        let mut talk = routed(variant);
        talk.publish([
            cluster("y", "1"),
            endpoints("y", "1"),
            routes("r", "2", &["x", "y"]),
        ]);
        let clusters = talk.hear().unwrap();
        assert_eq!(kind_of(&clusters), Cluster);
        talk.quiet();
        talk.ack(&clusters);
        talk.quiet();
        want_endpoints(&mut talk, &["x", "y"], "y");
        talk.accept(Endpoints, &["y"]);
        talk.accept(Routes, &["r"]);
        talk.quiet();
    }
}

#[test]
fn a_cluster_goes_after_the_routes_that_named_it_are_acknowledged_away() {
    let mut talk = routed(Variant::Delta);
    talk.publish([routes("r", "2", &[])]);
    talk.snapshot.remove(Endpoints, "x");
    talk.remove(Cluster, "x");
    let changed = talk.expect(Routes, &["r"], &[]);
    talk.quiet();
    talk.ack(&changed);
    let removed = talk.expect(Cluster, &[], &["x"]);
    talk.quiet();
    talk.ack(&removed);
    talk.expect(Endpoints, &[], &["x"]);
    talk.quiet();
}

#[test]
fn a_swap_of_clusters_is_make_before_break() {
    let mut talk = routed(Variant::StateOfTheWorld);
    talk.snapshot.remove(Cluster, "x");
    talk.publish([
        cluster("y", "1"),
        endpoints("y", "1"),
        routes("r", "2", &["y"]),
    ]);
    // Both are there while the routes move.
    talk.accept(Cluster, &["x", "y"]);
    want_endpoints(&mut talk, &["x", "y"], "y");
    talk.accept(Endpoints, &["y"]);
    let moved = talk.expect(Routes, &["r"], &[]);
    talk.quiet();
    talk.ack(&moved);
    talk.accept(Cluster, &["y"]);
    talk.quiet();
}

#[test]
fn a_client_that_acknowledges_nothing_is_waited_for_no_longer_than_the_fallback() {
    for variant in BOTH {
        let mut talk = routed(variant);
        talk.publish([
            cluster("y", "1"),
            endpoints("y", "1"),
            routes("r", "2", &["y"]),
        ]);
        talk.remove(Cluster, "x");
        assert_eq!(kind_of(&talk.hear().unwrap()), Cluster);
        talk.quiet();
        let deadline = talk.session.deadline().expect("a time to look again");
        assert!(deadline <= talk.now + FALLBACK);
        talk.pass(FALLBACK);
        talk.expect(Routes, &["r"], &[]);
        talk.quiet();
        talk.pass(FALLBACK);
        assert_eq!(kind_of(&talk.hear().unwrap()), Cluster);
        talk.quiet();
        assert_eq!(talk.session.deadline(), None);
    }
}

#[test]
fn the_times_that_clients_are_given_are_those_promised() {
    assert_eq!(FALLBACK, Duration::from_secs(5));
    // Below the two seconds in which a request must be answered.
    assert!(SETTLE < Duration::from_secs(1));
}

#[test]
fn an_older_response_accepted_says_nothing_of_a_cluster_that_was_removed_and_sent_anew() {
    let mut talk = Talk::delta();
    talk.publish([cluster("a", "1")]);
    talk.subscribe(Cluster, &[], &[]);
    talk.subscribe(Listener, &[], &[]);
    let older = talk.expect(Cluster, &["a"], &[]);
    talk.accept(Listener, &[]);
    talk.remove(Cluster, "a");
    talk.expect(Cluster, &[], &["a"]);
    talk.publish([cluster("a", "2"), listener("l", "1", "a")]);
    let newer = talk.expect(Cluster, &["a"], &[]);
    talk.ack(&older);
    talk.pass(SETTLE);
    talk.quiet();
    talk.ack(&newer);
    talk.pass(SETTLE);
    talk.accept(Listener, &["l"]);
}

#[test]
fn others_proceed_while_a_cluster_waits_to_be_acknowledged() {
    let mut talk = routed(Variant::Delta);
    talk.publish([cluster("y", "1"), routes("r", "2", &["x", "y"])]);
    talk.expect(Cluster, &["y"], &[]);
    talk.publish([endpoints("x", "2"), listener("other", "1", "x")]);
    talk.accept(Endpoints, &["x"]);
    talk.accept(Listener, &["other"]);
}

#[test]
fn a_refused_cluster_withholds_what_names_it_and_nothing_else() {
    for variant in BOTH {
        let mut talk = routed(variant);
        talk.publish([
            cluster("bad", "1"),
            cluster("good", "1"),
            listener("to-bad", "1", "bad"),
            listener("to-good", "1", "good"),
            routes("r", "2", &["x", "bad"]),
        ]);
        let clusters = talk.hear().unwrap();
        talk.nack(&clusters, "Error adding/updating cluster(s) bad: no");
        talk.pass(SETTLE);
        want_endpoints(&mut talk, &["x", "good"], "good");
        talk.pass(FALLBACK);
        talk.accept_all();
        talk.pass(FALLBACK * 10);
        talk.quiet();
        let withheld = talk.session.lane(Routes).unwrap().ledger.pending().len();
        assert_eq!(withheld, 1, "the routes still wait");

        // Mended: the routes follow, the listener too.
        talk.publish([cluster("bad", "2"), endpoints("bad", "1")]);
        let clusters = talk.hear().unwrap();
        talk.ack(&clusters);
        want_endpoints(&mut talk, &["x", "good", "bad"], "bad");
        talk.accept(Endpoints, &["bad"]);
        let listeners = talk.hear().unwrap();
        assert!(names(&listeners).contains(&"to-bad"));
        talk.ack(&listeners);
        talk.accept(Routes, &["r"]);
    }
}

#[test]
fn a_cluster_stays_for_the_routes_whose_replacement_was_refused() {
    let mut talk = routed(Variant::Delta);
    talk.publish([cluster("y", "1"), routes("r", "bad", &["y"])]);
    talk.remove(Cluster, "x");
    talk.accept(Cluster, &["y"]);
    talk.pass(FALLBACK);
    let refused = talk.expect(Routes, &["r"], &[]);
    talk.nack(&refused, "r: no");
    talk.pass(FALLBACK * 10);
    talk.quiet();
    talk.publish([routes("r", "good", &["y"])]);
    talk.accept(Routes, &["r"]);
    talk.expect(Cluster, &[], &["x"]);
}

#[test]
fn the_endpoints_of_a_changed_cluster_are_sent_again_right_behind_it() {
    for variant in BOTH {
        let mut talk = routed(variant);
        talk.publish([cluster("x", "2")]);
        talk.accept(Cluster, &["x"]);
        talk.accept(Endpoints, &["x"]);
        talk.quiet();
    }
}

#[test]
fn only_the_endpoints_of_clusters_that_changed_are_sent_again() {
    let mut talk = routed(Variant::StateOfTheWorld);
    talk.publish([cluster("y", "1"), endpoints("y", "1")]);
    talk.accept(Cluster, &["x", "y"]);
    want_endpoints(&mut talk, &["x", "y"], "y");
    talk.accept(Endpoints, &["y"]);
    talk.publish([cluster("y", "2")]);
    talk.accept(Cluster, &["x", "y"]);
    talk.accept(Endpoints, &["y"]);
    talk.quiet();
}

#[test]
fn on_reconnect_a_sent_cluster_is_followed_by_its_endpoints_in_any_order_of_requests() {
    for endpoints_first in [true, false] {
        let mut talk = Talk::delta();
        talk.publish([cluster("x", "2"), endpoints("x", "1")]);
        let current = [("x", talk.version(Endpoints, "x"))];
        let older = [("x", "older".to_owned())];
        if endpoints_first {
            talk.resume(Endpoints, &["x"], &current);
            talk.quiet();
            talk.resume(Cluster, &[], &older);
            talk.accept(Cluster, &["x"]);
        } else {
            talk.resume(Cluster, &[], &older);
            talk.accept(Cluster, &["x"]);
            talk.resume(Endpoints, &["x"], &current);
        }
        talk.accept(Endpoints, &["x"]);
        talk.quiet();
    }
}

#[test]
fn on_reconnect_a_cluster_goes_after_what_may_name_it() {
    let mut talk = Talk::delta();
    talk.publish([cluster("y", "1"), listener("l", "2", "y")]);
    let y = talk.version(Cluster, "y");
    talk.resume(Cluster, &[], &[("x", "older".into()), ("y", y)]);
    talk.quiet();
    talk.resume(Listener, &[], &[("l", "older".into())]);
    let moved = talk.expect(Listener, &["l"], &[]);
    talk.pass(SETTLE);
    talk.quiet();
    talk.ack(&moved);
    talk.expect(Cluster, &[], &["x"]);
}

#[test]
fn a_listener_goes_before_its_routes_and_those_before_their_cluster() {
    let mut talk = routed(Variant::Delta);
    talk.snapshot.remove(Cluster, "x");
    talk.snapshot.remove(Endpoints, "x");
    talk.snapshot.remove(Routes, "r");
    talk.remove(Listener, "l");
    for (kind, name) in [
        (Listener, "l"),
        (Routes, "r"),
        (Cluster, "x"),
        (Endpoints, "x"),
    ] {
        let removed = talk.expect(kind, &[], &[name]);
        talk.quiet();
        talk.ack(&removed);
    }
    talk.quiet();
}

#[test]
fn many_removals_at_once_wait_the_same() {
    let names: Vec<_> = (0..50).map(|n| format!("c{n:02}")).collect();
    let mut talk = Talk::delta();
    talk.publish(names.iter().map(|name| cluster(name, "1")));
    talk.publish(names.iter().map(|name| listener(name, "1", name)));
    talk.subscribe(Cluster, &[], &[]);
    talk.subscribe(Listener, &[], &[]);
    talk.accept_all();
    talk.pass(FALLBACK);
    talk.accept_all();
    for name in &names {
        talk.snapshot.remove(Cluster, name);
        talk.snapshot.remove(Listener, name);
    }
    talk.publish([cluster("new", "1")]);
    talk.accept(Cluster, &["new"]);
    let removed = talk.hear().unwrap();
    assert_eq!((kind_of(&removed), removed.removed.len()), (Listener, 50));
    talk.quiet();
    talk.ack(&removed);
    let removed = talk.hear().unwrap();
    assert_eq!((kind_of(&removed), removed.removed.len()), (Cluster, 50));
}

#[test]
fn a_reconnecting_client_keeps_its_listeners_while_clusters_are_unsettled() {
    let mut talk = Talk::sotw();
    talk.publish([
        cluster("a", "1"),
        endpoints("a", "1"),
        listener("l", "1", "a"),
    ]);
    talk.ask_again(Cluster, &[], "older", "");
    talk.ask_again(Endpoints, &["a"], "older", "");
    talk.ask_again(Listener, &[], "older", "");
    let clusters = talk.expect(Cluster, &["a"], &[]);
    talk.accept(Endpoints, &["a"]);
    // No listeners in a response would remove those that the client has.
    talk.quiet();
    talk.nack(&clusters, "no");
    talk.accept(Listener, &["l"]);
}

#[test]
fn a_type_that_the_client_does_not_ask_for_is_not_waited_for() {
    let mut talk = Talk::sotw();
    talk.publish([cluster("a", "1"), listener("l", "1", "a")]);
    talk.ask(Listener, &[]);
    talk.accept(Listener, &["l"]);
}

#[test]
fn a_new_listener_comes_after_the_clusters_of_its_routes_and_their_endpoints() {
    for variant in BOTH {
        let mut talk = routed(variant);
        let names = [(Routes, "more")];
        talk.publish([
            resource(Listener, "http2", "1", &names),
            routes("more", "1", &["new"]),
            cluster("new", "1"),
            endpoints("new", "1"),
        ]);
        let clusters = talk.hear().expect("clusters");
        assert_eq!(kind_of(&clusters), Cluster);
        talk.quiet();
        talk.ack(&clusters);
        talk.quiet();
        want_endpoints(&mut talk, &["x", "new"], "new");
        let sent = talk.hear().expect("endpoints");
        assert_eq!(kind_of(&sent), Endpoints);
        talk.ack(&sent);
        let listeners = talk.hear().expect("listeners");
        assert_eq!(kind_of(&listeners), Listener);
        assert!(super::names(&listeners).contains(&"http2"));
    }
}

#[test]
fn a_cluster_that_stays_as_its_removal_was_refused_still_needs_endpoints() {
    for variant in BOTH {
        let mut talk = routed(variant);
        talk.publish([cluster("y", "1"), endpoints("y", "1")]);
        let clusters = talk.hear().unwrap();
        talk.ack(&clusters);
        talk.snapshot.remove(Cluster, "y");
        talk.snapshot.remove(Endpoints, "y");
        talk.publish([cluster("x", "bad")]);
        let clusters = talk.hear().unwrap();
        let y_is_back = [
            cluster("y", "1"),
            endpoints("y", "1"),
            routes("r", "2", &["x", "y"]),
        ];
        talk.publish(y_is_back);
        talk.nack(&clusters, "Proto constraint validation failed");
        while let Some(response) = talk.hear() {
            assert_ne!(kind_of(&response), Routes, "they lead to y");
            talk.ack(&response);
        }
        want_endpoints(&mut talk, &["x", "y"], "y");
        talk.accept(Endpoints, &["y"]);
        talk.accept(Routes, &["r"]);
        talk.quiet();
    }
}

#[test]
fn changes_of_a_cluster_do_not_prolong_the_wait_for_a_client_that_says_nothing() {
    let mut talk = Talk::delta();
    talk.publish([cluster("a", "0"), listener("l", "1", "a")]);
    talk.subscribe(Cluster, &[], &[]);
    talk.subscribe(Listener, &[], &[]);
    talk.expect(Cluster, &["a"], &[]);
    let until = talk.now + FALLBACK;
    for content in ["1", "2", "3", "4"] {
        talk.pass(FALLBACK / 5);
        talk.publish([cluster("a", content)]);
        talk.expect(Cluster, &["a"], &[]);
        talk.quiet();
    }
    talk.now = until;
    talk.expect(Listener, &["l"], &[]);
}
