//! State of the world: who is told what, and when.

use super::*;

/// A talk about three clusters, with their first response acknowledged.
fn three_clusters() -> (Talk, Response) {
    let mut talk = Talk::sotw();
    talk.publish(["a", "b", "c"].map(|name| cluster(name, "1")));
    talk.ask(Cluster, &[]);
    let response = talk.accept(Cluster, &["a", "b", "c"]);
    (talk, response)
}

#[test]
fn the_first_request_without_names_is_answered_with_everything() {
    for names in [&[][..], &["*"][..]] {
        let mut talk = Talk::sotw();
        talk.publish([cluster("a", "1"), cluster("b", "1")]);
        talk.ask(Cluster, names);
        talk.accept(Cluster, &["a", "b"]);
        talk.quiet();
    }
}

#[test]
fn nothing_is_answered_before_the_first_state_is_known() {
    let mut talk = Talk::sotw();
    talk.ask(Cluster, &[]);
    talk.ask(Listener, &[]);
    talk.quiet();
    talk.pass(FALLBACK * 10);
    talk.quiet();
    talk.publish([cluster("a", "1")]);
    talk.accept(Cluster, &["a"]);
    talk.accept(Listener, &[]);
    talk.quiet();
}

#[test]
fn no_resources_at_all_are_said_so_at_once() {
    let mut talk = Talk::sotw();
    talk.publish([]);
    talk.ask(Cluster, &[]);
    talk.ask(Listener, &["*"]);
    talk.accept(Cluster, &[]);
    talk.accept(Listener, &[]);
}

#[test]
fn a_wildcard_beside_names_removes_nothing_and_without_it_names_are_left() {
    let (mut talk, first) = three_clusters();
    talk.ask_again(Cluster, &["*", "a"], "", &first.nonce);
    let second = talk.accept(Cluster, &["a", "b", "c"]);
    talk.ask_again(Cluster, &["a"], "", &second.nonce);
    talk.quiet();
    talk.publish([cluster("b", "2")]);
    talk.quiet();
    talk.publish([cluster("a", "2")]);
    let third = talk.accept(Cluster, &["a"]);
    talk.ask_again(Cluster, &[], "", &third.nonce);
    talk.publish([cluster("a", "3"), cluster("b", "3")]);
    talk.quiet();
}

#[test]
fn naming_nothing_after_something_unsubscribes() {
    for names in [["*"], ["a"]] {
        let mut talk = Talk::sotw();
        talk.publish([cluster("a", "1")]);
        talk.ask(Cluster, &names);
        let response = talk.accept(Cluster, &["a"]);
        talk.ask_again(Cluster, &[], "", &response.nonce);
        talk.publish([cluster("a", "2"), cluster("b", "1")]);
        talk.quiet();
    }
}

#[test]
fn a_change_of_clusters_is_told_with_all_of_them() {
    let (mut talk, first) = three_clusters();
    talk.publish([cluster("b", "2")]);
    let second = talk.accept(Cluster, &["a", "b", "c"]);
    assert_ne!(first.version, second.version);
    talk.publish([cluster("d", "1")]);
    talk.accept(Cluster, &["a", "b", "c", "d"]);
    for (gone, left) in [("a", &["b", "c", "d"][..]), ("b", &["c", "d"])] {
        talk.remove(Cluster, gone);
        talk.accept(Cluster, left);
    }
    talk.remove(Cluster, "c");
    talk.remove(Cluster, "d");
    talk.accept(Cluster, &[]);
}

#[test]
fn only_the_names_asked_for_are_sent() {
    let mut talk = Talk::sotw();
    talk.publish(["a", "b", "c"].map(|name| endpoints(name, "1")));
    talk.ask(Endpoints, &["a", "b", "a"]);
    talk.accept(Endpoints, &["a", "b"]);
    talk.publish([endpoints("c", "2")]);
    talk.quiet();
}

#[test]
fn a_name_that_does_not_exist_is_sent_when_it_does() {
    let mut talk = Talk::sotw();
    talk.publish([routes("a", "1", &[])]);
    talk.ask(Routes, &["a", "z"]);
    talk.accept(Routes, &["a"]);
    talk.publish([routes("z", "1", &[])]);
    talk.accept(Routes, &["z"]);

    let mut talk = Talk::sotw();
    talk.publish([]);
    talk.ask(Routes, &["z"]);
    talk.quiet();
    talk.publish([routes("z", "1", &[])]);
    talk.accept(Routes, &["z"]);
}

#[test]
fn of_the_endpoints_only_those_that_changed_are_sent() {
    let mut talk = Talk::sotw();
    talk.publish(["a", "b"].map(|name| endpoints(name, "1")));
    talk.ask(Endpoints, &["a", "b"]);
    talk.accept(Endpoints, &["a", "b"]);
    talk.publish([endpoints("a", "2")]);
    talk.accept(Endpoints, &["a"]);
}

#[test]
fn a_name_added_is_sent_though_the_version_is_the_same() {
    let mut talk = Talk::sotw();
    talk.publish(["a", "b"].map(|name| endpoints(name, "1")));
    talk.ask(Endpoints, &["a"]);
    let first = talk.accept(Endpoints, &["a"]);
    let version = first.version.to_string();
    talk.ask_again(Endpoints, &["a", "b"], &version, &first.nonce);
    let second = talk.accept(Endpoints, &["b"]);
    talk.ask_again(Endpoints, &["a"], &version, &second.nonce);
    talk.quiet();
    talk.publish([endpoints("b", "2")]);
    talk.quiet();
    talk.ask_again(Endpoints, &["a", "b"], &version, &second.nonce);
    talk.accept(Endpoints, &["b"]);
}

#[test]
fn an_acknowledgement_is_not_answered() {
    let (mut talk, first) = three_clusters();
    talk.ack(&first);
    talk.quiet();
    talk.pass(FALLBACK * 6);
    talk.quiet();
}

#[test]
fn a_refusal_that_repeats_the_current_version_is_a_refusal() {
    let mut talk = Talk::sotw();
    talk.publish([endpoints("a", "1"), endpoints("b", "1")]);
    talk.ask(Endpoints, &["a"]);
    let first = talk.accept(Endpoints, &["a"]);
    let version = first.version.to_string();
    talk.ask_again(Endpoints, &["a", "b"], &version, &first.nonce);
    let second = talk.expect(Endpoints, &["b"], &[]);
    assert_eq!(second.version, first.version);
    talk.notes.take();
    talk.nack(&second, "b is bad");
    assert_eq!(
        talk.notes.take(),
        [r#"refused Endpoints ["b"] of ["b"]: b is bad"#]
    );
}

#[test]
fn the_names_in_a_refusal_count() {
    let mut talk = Talk::sotw();
    talk.publish(["a", "b"].map(|name| endpoints(name, "1")));
    talk.ask(Endpoints, &["a"]);
    let first = talk.expect(Endpoints, &["a"], &[]);
    talk.names
        .insert(Endpoints, vec!["a".to_owned(), "b".to_owned()]);
    talk.nack(&first, "no");
    talk.accept(Endpoints, &["b"]);
}

#[test]
fn the_names_in_an_answer_to_an_older_response_do_not_count() {
    let mut talk = Talk::sotw();
    talk.publish(["a", "b"].map(|name| endpoints(name, "1")));
    talk.ask(Endpoints, &["a"]);
    let first = talk.expect(Endpoints, &["a"], &[]);
    talk.publish([endpoints("a", "2")]);
    let second = talk.expect(Endpoints, &["a"], &[]);
    talk.ask_again(Endpoints, &["a", "b"], "", &first.nonce);
    talk.quiet();
    talk.ask_again(Endpoints, &["a", "b"], "", &second.nonce);
    talk.accept(Endpoints, &["b"]);
}

#[test]
fn a_client_that_reconnects_is_answered_whatever_its_nonce() {
    let mut talk = Talk::sotw();
    talk.publish([endpoints("a", "1"), cluster("a", "1")]);
    let version = talk.snapshot.version(Endpoints).to_string();
    talk.ask_again(Endpoints, &["a"], &version, "77.1");
    talk.accept(Endpoints, &["a"]);
    talk.ask_again(Cluster, &[], "an older version", "77.2");
    talk.accept(Cluster, &["a"]);
}

#[test]
fn a_client_that_reconnects_with_the_current_clusters_is_not_sent_them() {
    for known_first in [true, false] {
        let mut published = Talk::sotw();
        published.publish([cluster("a", "1")]);
        let version = published.snapshot.version(Cluster).to_string();

        let mut talk = Talk::sotw();
        if known_first {
            talk.publish([cluster("a", "1")]);
        }
        talk.ask_again(Cluster, &[], &version, "77.2");
        talk.publish([cluster("a", "1")]);
        talk.quiet();
        talk.publish([cluster("a", "2")]);
        talk.accept(Cluster, &["a"]);
    }
}

#[test]
fn nonces_belong_to_a_type() {
    let mut talk = Talk::sotw();
    talk.publish([cluster("a", "1"), listener("l", "1", "a")]);
    talk.ask(Cluster, &[]);
    let clusters = talk.accept(Cluster, &["a"]);
    talk.ask(Listener, &[]);
    talk.pass(FALLBACK);
    talk.expect(Listener, &["l"], &[]);
    talk.notes.take();
    talk.ask_again(Listener, &[], "", &clusters.nonce);
    assert!(talk.notes.take().is_empty(), "nothing was acknowledged");
}

#[test]
fn what_changed_moves_its_own_type_only() {
    let mut talk = Talk::sotw();
    let state = || {
        [
            cluster("a", "1"),
            endpoints("a", "1"),
            secret("s", "1"),
            listener("l", "1", "a"),
            routes("r", "1", &["a"]),
        ]
    };
    talk.publish(state());
    for (kind, names) in [
        (Cluster, &[][..]),
        (Endpoints, &["a"]),
        (Secret, &["s"]),
        (Listener, &[]),
        (Routes, &["r"]),
    ] {
        talk.ask(kind, names);
    }
    talk.accept_all();
    talk.publish(state());
    talk.quiet();
    talk.publish([endpoints("a", "2")]);
    talk.accept(Endpoints, &["a"]);
    talk.quiet();
    talk.publish([routes("r", "2", &["a"])]);
    talk.accept(Routes, &["r"]);
    talk.quiet();
    talk.publish([secret("s", "2")]);
    talk.accept(Secret, &["s"]);
    talk.quiet();
}

#[test]
fn equal_content_has_an_equal_version_on_every_stream() {
    let version = |history: &[&str]| {
        let mut talk = Talk::sotw();
        talk.ask(Cluster, &[]);
        let mut last = None;
        for content in history {
            talk.publish([cluster("a", content), cluster("b", "1")]);
            let response = talk.hear().unwrap();
            talk.ack(&response);
            last = Some(response.version);
        }
        last.unwrap()
    };
    assert_eq!(version(&["1", "2"]), version(&["2"]));
    assert_eq!(version(&["1", "2", "1"]), version(&["1"]));
    assert_ne!(version(&["1"]), version(&["2"]));
}

/// However many it did not answer.
#[test]
fn a_client_that_never_answers_is_told_all_clusters_once_in_a_while() {
    let mut talk = Talk::sotw();
    talk.ask(Cluster, &[]);
    for n in 0..70 {
        talk.publish([cluster("a", &n.to_string())]);
        assert!(talk.hear().is_some(), "{n}");
        talk.publish([cluster("a", &format!("{n} and a half"))]);
        talk.quiet();
        talk.pass(FALLBACK);
    }
}

#[test]
fn a_change_taken_back_before_it_was_sent_is_not_told() {
    let (mut talk, _) = three_clusters();
    talk.publish([cluster("a", "2")]);
    talk.publish([cluster("a", "1")]);
    talk.quiet();
}

#[test]
fn a_slow_client_gets_the_newest_state_in_one_response() {
    let mut talk = Talk::sotw();
    talk.publish([cluster("a", "0")]);
    talk.ask(Cluster, &[]);
    talk.accept(Cluster, &["a"]);
    for n in 1..=1000 {
        talk.publish([cluster("a", &n.to_string())]);
    }
    let response = talk.accept(Cluster, &["a"]);
    assert!(response.resources[0].body.starts_with(b"a: 1000 "));
    talk.quiet();
}

#[test]
fn many_requests_before_any_answer_are_answered_by_the_last() {
    let mut talk = Talk::sotw();
    let all: Vec<_> = (0..100).map(|n| format!("e{n:02}")).collect();
    talk.publish(all.iter().map(|name| endpoints(name, "1")));
    for name in &all {
        talk.ask(Endpoints, &[name]);
    }
    talk.accept(Endpoints, &["e99"]);
    talk.quiet();
}

/// What it refused, and took a part of, was sent by a stream that is gone.
#[test]
fn a_client_that_comes_back_with_a_refusal_is_told_everything() {
    for refuses in [false, true] {
        let mut talk = with(Variant::StateOfTheWorld, &["a", "b"]);
        talk.publish([listener("l", "1", "a")]);
        let version = talk.snapshot.version(Cluster).to_string();
        let mut again = Talk::sotw();
        again.snapshot = talk.snapshot.clone();
        again.publish([]);
        again.names.insert(Cluster, Vec::new());
        again.say(Cluster, &version, "of-before", refuses.then_some("no"));
        match refuses {
            true => drop(again.accept(Cluster, &["a", "b"])),
            false => again.quiet(),
        }
        again.quiet();
    }
}
