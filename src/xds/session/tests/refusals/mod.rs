//! What becomes of refused updates.

mod reconnected;
mod strangers;
mod unanswered;

use super::*;
use crate::xds::session::has::Has;

/// What Envoy says where it took everything but some.
fn not_these(names: &[&str]) -> String {
    let each = names.iter().map(|name| format!("{name}: no"));
    format!(
        "Error adding/updating cluster(s) {}",
        each.collect::<Vec<_>>().join(", ")
    )
}

/// The line of a resource in a response.
fn content(response: &Response, name: &str) -> String {
    let found = response.resources.iter().find(|r| &*r.name == name);
    String::from_utf8_lossy(&found.unwrap().body).into_owned()
}

/// A client that says no to whole responses with something bad, and never says of what. Returns how
/// many responses it takes until there is no more to say, and how many of those it refused.
fn refuses_silently(talk: &mut Talk) -> (usize, usize) {
    let (mut sent, mut refused) = (0, 0);
    while let Some(response) = talk.hear() {
        sent += 1;
        let bad = |r: &Arc<Resource>| String::from_utf8_lossy(&r.body).contains("bad");
        if response.resources.iter().any(bad) {
            refused += 1;
            talk.nack(&response, "Proto constraint validation failed (something)");
        } else {
            talk.ack(&response);
        }
        assert!(sent < 10_000, "it never ends");
    }
    (sent, refused)
}

fn has(talk: &Talk, kind: ResourceType, name: &str) -> Option<Arc<Resource>> {
    let ledger = &talk.session.lane(kind).unwrap().ledger;
    assert!(!ledger.pending().contains_key(name), "{name} is pending");
    match ledger.held.get(name).map(|held| &held.has) {
        Some(Has::Resource(has)) => Some(has.clone()),
        Some(_) => None,
        None => talk.snapshot.get(kind, name).cloned(),
    }
}

#[test]
fn what_envoy_names_is_put_back_and_the_rest_counts_as_received() {
    let mut talk = with(Variant::Delta, &["a", "b"]);
    talk.publish([cluster("a", "bad"), cluster("b", "2")]);
    let response = talk.expect(Cluster, &["a", "b"], &[]);
    talk.nack(&response, &not_these(&["a"]));
    // Envoy took b, but would claim the older version of it after a loss of the connection.
    talk.accept(Cluster, &["b"]);
    talk.quiet();

    let mut talk = with(Variant::StateOfTheWorld, &["a", "b"]);
    talk.publish([cluster("a", "bad"), cluster("b", "2")]);
    let response = talk.expect(Cluster, &["a", "b"], &[]);
    talk.nack(&response, &not_these(&["a"]));
    let mended = talk.accept(Cluster, &["a", "b"]);
    assert!(
        content(&mended, "a").starts_with("a: 1"),
        "the last good one"
    );
    assert!(content(&mended, "b").starts_with("b: 2"));
    assert_ne!(mended.version, response.version);
    talk.quiet();
}

#[test]
fn what_was_never_accepted_is_left_out() {
    let mut talk = with(Variant::StateOfTheWorld, &["a"]);
    talk.publish([cluster("new", "bad")]);
    let response = talk.expect(Cluster, &["a", "new"], &[]);
    talk.nack(&response, &not_these(&["new"]));
    talk.accept(Cluster, &["a"]);
    talk.publish([cluster("a", "2")]);
    talk.accept(Cluster, &["a"]);
    talk.quiet();
}

#[test]
fn what_is_mended_is_tried_at_once_and_what_is_not_never_again() {
    for variant in BOTH {
        let mut talk = with(variant, &["a"]);
        talk.publish([cluster("a", "bad")]);
        let response = talk.hear().unwrap();
        talk.nack(&response, &not_these(&["a"]));
        talk.accept_all();
        talk.pass(Duration::from_secs(3600));
        talk.quiet();
        talk.publish([cluster("a", "good")]);
        let mended = talk.accept(Cluster, &["a"]);
        assert!(content(&mended, "a").starts_with("a: good"));
        talk.notes.take();
        talk.quiet();
        assert_eq!(talk.notes.take(), ["cleared Cluster a"]);
    }
}

#[test]
fn what_is_put_back_by_its_owner_is_no_news() {
    let mut talk = with(Variant::Delta, &["a"]);
    talk.publish([cluster("a", "bad")]);
    let response = talk.expect(Cluster, &["a"], &[]);
    talk.nack(&response, "a is bad");
    talk.publish([cluster("a", "1")]);
    talk.quiet();
}

#[test]
fn a_culprit_that_nobody_names_is_found_by_halving() {
    for variant in BOTH {
        for count in [1_usize, 2, 3, 64, 100] {
            for culprit in [0, count / 2, count - 1] {
                let names: Vec<_> = (0..count).map(|n| format!("c{n:03}")).collect();
                let names: Vec<_> = names.iter().map(String::as_str).collect();
                let mut talk = with(variant, &names);
                talk.publish(names.iter().map(|name| cluster(name, "2")));
                talk.publish([cluster(names[culprit], "bad")]);
                let (sent, refused) = refuses_silently(&mut talk);
                let halvings = count.next_power_of_two().trailing_zeros() as usize;
                assert!(refused <= halvings + 1, "{refused} of {count}");
                assert!(sent <= 2 * halvings + 2, "{sent} of {count}");
                for (n, name) in names.iter().enumerate() {
                    let is = has(&talk, Cluster, name).unwrap();
                    let expected = if n == culprit { "1" } else { "2" };
                    assert_eq!(is.body, cluster(name, expected).body);
                }
                talk.pass(Duration::from_secs(3600));
                talk.quiet();
            }
        }
    }
}

#[test]
fn many_culprits_are_found_and_bounded() {
    for variant in BOTH {
        let names: Vec<_> = (0..100).map(|n| format!("c{n:03}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let mut talk = with(variant, &names);
        talk.publish(names.iter().map(|name| cluster(name, "bad")));
        let (sent, refused) = refuses_silently(&mut talk);
        assert!(refused < 200, "{refused}");
        assert!(sent <= 200, "{sent}");
        assert_eq!(talk.session.lane(Cluster).unwrap().ledger.held.len(), 100);
    }
}

#[test]
fn a_name_in_a_refusal_of_the_whole_spares_the_search() {
    for variant in BOTH {
        let mut talk = with(variant, &["a", "b", "c"]);
        talk.publish([cluster("a", "2"), cluster("b", "bad"), cluster("c", "2")]);
        let response = talk.hear().unwrap();
        let text = r#"name: "b" type: EDS : Proto constraint validation failed (something)"#;
        talk.nack(&response, text);
        let rest = talk.hear().unwrap();
        assert!(content(&rest, "a").starts_with("a: 2"));
        assert!(content(&rest, "c").starts_with("c: 2"));
        talk.ack(&rest);
        talk.quiet();
    }
}

#[test]
fn other_changes_pass_by_a_search() {
    let mut talk = with(Variant::Delta, &["a", "b", "other"]);
    talk.publish([cluster("a", "bad"), cluster("b", "2")]);
    let response = talk.expect(Cluster, &["a", "b"], &[]);
    talk.nack(&response, "no");
    let trial = talk.expect(Cluster, &["a"], &[]);
    talk.publish([cluster("other", "2")]);
    talk.accept(Cluster, &["other"]);
    talk.quiet();
    talk.nack(&trial, "no");
    talk.accept(Cluster, &["b"]);
    talk.quiet();
}

/// With the state of the world, the answer to a group would be about the other change as well.
#[test]
fn with_the_state_of_the_world_other_changes_follow_a_group() {
    let mut talk = with(Variant::StateOfTheWorld, &["a", "b", "other"]);
    talk.publish([cluster("a", "bad"), cluster("b", "2")]);
    let response = talk.hear().unwrap();
    talk.nack(&response, "no");
    let trial = talk.hear().unwrap();
    assert!(content(&trial, "b").starts_with("b: 1"));
    talk.publish([cluster("other", "2")]);
    talk.quiet();
    talk.nack(&trial, "no");
    let other = talk.hear().unwrap();
    assert!(content(&other, "a").starts_with("a: 1"));
    assert!(content(&other, "other").starts_with("other: 2"));
    talk.ack(&other);
    talk.accept_all();
    assert!(has(&talk, Cluster, "b").unwrap().body.starts_with(b"b: 2"));
}

/// Nor for ever, for a client that never answers.
#[test]
fn an_unanswered_group_holds_up_nobody_for_long() {
    let mut talk = with(Variant::StateOfTheWorld, &["a", "b", "other"]);
    talk.publish([cluster("a", "bad"), cluster("b", "2")]);
    let response = talk.hear().unwrap();
    talk.nack(&response, "no");
    talk.hear().unwrap();
    talk.publish([cluster("other", "2")]);
    talk.quiet();
    assert!(talk.session.deadline().unwrap() <= talk.now + FALLBACK);
    talk.pass(FALLBACK);
    assert!(content(&talk.hear().unwrap(), "other").starts_with("other: 2"));
}

#[test]
fn an_address_that_is_not_there_is_tried_again_later_and_later() {
    for variant in BOTH {
        let mut talk = Talk::new(variant);
        talk.publish([listener("good", "1", "x"), listener("far", "1", "x")]);
        match variant {
            Variant::Delta => talk.subscribe(Listener, &[], &[]),
            Variant::StateOfTheWorld => talk.ask(Listener, &[]),
        }
        let text = "Error adding/updating listener(s) far: cannot bind '192.0.2.1:80': \
                    Cannot assign requested address";
        let first = talk.hear().unwrap();
        talk.nack(&first, text);
        talk.accept_all();
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            let due = talk.session.deadline().unwrap();
            assert_eq!(due - talk.now, Duration::from_secs(seconds), "{variant:?}");
            talk.pass(Duration::from_secs(seconds) - Duration::from_millis(1));
            talk.quiet();
            talk.pass(Duration::from_millis(1));
            let again = talk.hear().unwrap();
            assert!(names(&again).contains(&"far"));
            talk.notes.take();
            talk.nack(&again, text);
            assert_eq!(talk.notes.take().len(), 1, "it was never cleared");
            talk.accept_all();
        }
        // The address comes.
        talk.pass(Duration::from_secs(60));
        let again = talk.hear().unwrap();
        talk.ack(&again);
        talk.notes.take();
        talk.quiet();
        assert_eq!(talk.notes.take(), ["cleared Listener far"]);
        assert_eq!(talk.session.deadline(), None);
    }
}

#[test]
fn a_refused_assignment_of_endpoints_is_answered_with_the_one_before() {
    let mut talk = Talk::delta();
    talk.publish([endpoints("a", "1"), endpoints("b", "1")]);
    talk.subscribe(Endpoints, &["a", "b"], &[]);
    talk.accept(Endpoints, &["a", "b"]);
    talk.publish([endpoints("a", "bad"), endpoints("b", "2")]);
    let (_, refused) = refuses_silently(&mut talk);
    assert_eq!(refused, 2);
    // The client asks again, and is not sent what it refused.
    talk.subscribe(Endpoints, &["a"], &[]);
    let answer = talk.accept(Endpoints, &["a"]);
    assert!(content(&answer, "a").starts_with("a: 1"));
}

#[test]
fn a_client_that_refuses_what_it_has_is_left_alone() {
    for variant in BOTH {
        let mut talk = with(variant, &["a", "b"]);
        talk.publish([cluster("a", "2")]);
        let response = talk.hear().unwrap();
        for _ in 0..3 {
            talk.nack(&response, "b: no");
        }
        let mut sent = 0;
        while let Some(response) = talk.hear() {
            talk.nack(&response, "b: no");
            sent += 1;
            assert!(sent < 5, "it never ends");
        }
    }
}

#[test]
fn what_is_put_back_as_it_was_is_sent_again_when_that_is_refused_too() {
    let mut talk = Talk::delta();
    talk.publish([cluster("a", "1"), cluster("b", "1")]);
    talk.subscribe(Cluster, &[], &[]);
    talk.accept(Cluster, &["a", "b"]);
    for a in ["2", "1"] {
        talk.publish([cluster("a", a), cluster("b", &format!("bad beside {a}"))]);
        let response = talk.expect(Cluster, &["a", "b"], &[]);
        // It may have taken the one before the other.
        talk.nack(&response, "malformed");
    }
    talk.accept(Cluster, &["a"]);
    let response = talk.expect(Cluster, &["b"], &[]);
    talk.nack(&response, "malformed");
    talk.quiet();
}

#[test]
fn of_an_endless_refusal_the_beginning_of_each_reason_is_kept() {
    let mut talk = with(
        Variant::Delta,
        &["test/svc/a.expose#0", "test/svc/b.expose#0"],
    );
    let names = ["test/svc/a.expose#0", "test/svc/b.expose#0"];
    talk.publish(names.map(|name| cluster(name, "bad")));
    let response = talk.expect(Cluster, &names, &[]);
    let long = "x".repeat(60_000);
    talk.nack(
        &response,
        &format!(
            "Error adding/updating cluster(s) {}: {long}, {}: short",
            names[0], names[1]
        ),
    );
    let kept: Vec<usize> = names.map(|name| talk.complaint(name).len()).into();
    assert!(kept[0] > 1000 && kept[0] < 5000, "{kept:?}");
    assert_eq!(talk.complaint(names[1]), "short");
}

impl Talk {
    /// Why a cluster was refused, as it is kept.
    fn complaint(&self, name: &str) -> String {
        let statuses = self.session.statuses();
        let status = statuses.iter().find(|status| &*status.name == name);
        match &status.unwrap().state {
            ConfigStatus::Refused { text, .. } => text.to_string(),
            other => panic!("{name} is {other:?}"),
        }
    }
}
