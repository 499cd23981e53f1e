//! Delta: subscriptions, removals and reconnection.

use super::*;

/// A talk about some clusters, all of which the client wants and has.
fn wildcard(names: &[&str]) -> Talk {
    let mut talk = Talk::delta();
    talk.publish(names.iter().map(|name| cluster(name, "1")));
    talk.subscribe(Cluster, &[], &[]);
    talk.accept(Cluster, names);
    talk
}

#[test]
fn the_first_request_without_names_is_answered_with_everything() {
    for names in [&[][..], &["*"]] {
        let mut talk = Talk::delta();
        talk.publish([cluster("a", "1"), cluster("b", "1")]);
        talk.subscribe(Cluster, names, &[]);
        let response = talk.accept(Cluster, &["a", "b"]);
        assert_eq!(
            response.resources[0].version.to_string(),
            talk.version(Cluster, "a")
        );
        talk.quiet();
    }
}

#[test]
fn no_resources_at_all_are_said_so_at_once() {
    let mut talk = Talk::delta();
    talk.publish([]);
    talk.subscribe(Cluster, &[], &[]);
    talk.accept(Cluster, &[]);
    talk.quiet();
}

#[test]
fn nothing_is_answered_before_the_first_state_is_known() {
    let mut talk = Talk::delta();
    talk.subscribe(Cluster, &[], &[]);
    talk.subscribe(Endpoints, &["a"], &[]);
    talk.pass(FALLBACK * 10);
    talk.quiet();
    talk.publish([cluster("a", "1"), endpoints("a", "1")]);
    talk.accept(Cluster, &["a"]);
    talk.accept(Endpoints, &["a"]);
}

#[test]
fn a_name_that_does_not_exist_is_removed_and_sent_when_it_does() {
    let mut talk = Talk::delta();
    talk.publish([endpoints("a", "1")]);
    talk.subscribe(Endpoints, &["a", "z"], &[]);
    let response = talk.expect(Endpoints, &["a"], &["z"]);
    talk.ack(&response);
    talk.publish([endpoints("z", "1")]);
    talk.accept(Endpoints, &["z"]);
    talk.subscribe(Endpoints, &["xdstp://other/glob/*"], &[]);
    talk.expect(Endpoints, &[], &["xdstp://other/glob/*"]);
}

#[test]
fn a_change_is_told_alone_and_a_removal_by_its_name() {
    let names: Vec<_> = (0..100).map(|n| format!("c{n:02}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut talk = wildcard(&names);
    talk.publish([cluster("c42", "2")]);
    talk.accept(Cluster, &["c42"]);
    talk.remove(Cluster, "c42");
    let response = talk.expect(Cluster, &[], &["c42"]);
    talk.ack(&response);
    talk.publish([cluster("c42", "2")]);
    talk.accept(Cluster, &["c42"]);
    talk.quiet();
}

#[test]
fn a_name_subscribed_again_is_sent_again() {
    let mut talk = Talk::delta();
    talk.publish([endpoints("a", "1")]);
    talk.subscribe(Endpoints, &["a"], &[]);
    talk.accept(Endpoints, &["a"]);
    talk.subscribe(Endpoints, &["a"], &[]);
    talk.accept(Endpoints, &["a"]);
}

#[test]
fn unsubscribing_needs_no_answer_and_phantoms_do_no_harm() {
    let mut talk = Talk::delta();
    talk.publish([endpoints("a", "1")]);
    talk.subscribe(Endpoints, &["a"], &[]);
    talk.accept(Endpoints, &["a"]);
    talk.subscribe(Endpoints, &[], &["nope"]);
    talk.quiet();
    talk.subscribe(Endpoints, &[], &["a"]);
    talk.publish([endpoints("a", "2")]);
    talk.remove(Endpoints, "a");
    talk.quiet();
}

#[test]
fn a_wildcard_survives_a_name_and_ends_by_its_own() {
    let mut talk = wildcard(&["a", "b"]);
    talk.subscribe(Cluster, &["a"], &[]);
    talk.accept(Cluster, &["a"]);
    talk.publish([cluster("b", "2")]);
    talk.accept(Cluster, &["b"]);
    talk.subscribe(Cluster, &[], &["*"]);
    talk.publish([cluster("b", "3")]);
    talk.quiet();
    talk.publish([cluster("a", "3")]);
    talk.accept(Cluster, &["a"]);
    talk.subscribe(Cluster, &[], &["a"]);
    talk.subscribe(Cluster, &[], &[]);
    talk.publish([cluster("a", "4"), cluster("b", "4")]);
    talk.quiet();
}

#[test]
fn a_name_unsubscribed_beside_a_wildcard_is_answered() {
    let mut talk = wildcard(&["a"]);
    talk.subscribe(Cluster, &["a", "z"], &[]);
    let response = talk.expect(Cluster, &["a"], &["z"]);
    talk.ack(&response);
    talk.subscribe(Cluster, &[], &["a"]);
    talk.accept(Cluster, &["a"]);
    talk.subscribe(Cluster, &[], &["z"]);
    talk.expect(Cluster, &[], &["z"]);
}

#[test]
fn a_subscription_counts_whatever_the_nonce() {
    for nonce in ["stale", "wrong", "none"] {
        let mut talk = Talk::delta();
        talk.publish([endpoints("a", "1"), endpoints("b", "1")]);
        talk.subscribe(Endpoints, &["a"], &[]);
        let first = talk.expect(Endpoints, &["a"], &[]);
        talk.publish([endpoints("a", "2")]);
        talk.expect(Endpoints, &["a"], &[]);
        let nonce = match nonce {
            "stale" => first.nonce.as_str(),
            "wrong" => "wrong",
            _ => "",
        };
        talk.subscribe_with(Endpoints, &["b"], &[], nonce);
        talk.expect(Endpoints, &["b"], &[]);
    }
}

#[test]
fn a_request_may_acknowledge_and_subscribe() {
    let mut talk = Talk::delta();
    talk.publish([endpoints("a", "1"), endpoints("b", "1")]);
    talk.subscribe(Endpoints, &["a"], &[]);
    let first = talk.expect(Endpoints, &["a"], &[]);
    talk.notes.take();
    talk.subscribe_with(Endpoints, &["b"], &[], &first.nonce);
    assert_eq!(talk.notes.take(), ["accepted Endpoints"]);
    talk.accept(Endpoints, &["b"]);
}

#[test]
fn responses_may_be_under_way_together_and_acknowledged_in_any_order() {
    let mut talk = wildcard(&["a"]);
    let responses: Vec<_> = ["2", "3", "4"]
        .into_iter()
        .map(|content| {
            talk.publish([cluster("a", content)]);
            talk.expect(Cluster, &["a"], &[])
        })
        .collect();
    talk.notes.take();
    for response in responses.iter().rev() {
        talk.ack(response);
    }
    assert_eq!(talk.notes.take(), ["accepted Cluster"; 3]);
    talk.quiet();
}

#[test]
fn nonces_are_short_and_never_the_same() {
    let mut talk = wildcard(&["a"]);
    let mut nonces = HashSet::new();
    for change in 0..1000 {
        talk.publish([cluster("a", &format!("change {change}"))]);
        let response = talk.expect(Cluster, &["a"], &[]);
        talk.ack(&response);
        assert!(response.nonce.len() <= 2, "{}", response.nonce);
        assert!(nonces.insert(response.nonce), "at change {change}");
    }
}

/// A client may answer with a nonce of its last stream, also one to another process.
#[test]
fn streams_begin_with_nonces_of_their_own() {
    let first = |_| {
        let mut talk = Talk::delta();
        talk.publish([cluster("a", "1")]);
        talk.subscribe(Cluster, &[], &[]);
        talk.expect(Cluster, &["a"], &[]).nonce
    };
    let all: HashSet<String> = (0..20).map(first).collect();
    assert!(all.len() > 1, "{all:?}");
}

#[test]
fn a_client_that_never_acknowledges_gets_fewer_responses_with_the_newest_state() {
    let mut talk = wildcard(&["a"]);
    let mut sent = 0;
    for n in 0..1000 {
        talk.publish([cluster("a", &n.to_string())]);
        sent += usize::from(talk.hear().is_some());
    }
    assert_eq!(sent, WINDOW);
    assert!(talk.session.deadline().is_some());
    talk.pass(FALLBACK);
    let last = talk.expect(Cluster, &["a"], &[]);
    assert!(last.resources[0].body.starts_with(b"a: 999 "));
}

#[test]
fn a_client_that_reconnects_is_sent_what_differs() {
    let mut talk = Talk::delta();
    talk.publish([cluster("a", "1"), cluster("b", "2")]);
    let current = talk.version(Cluster, "a");
    let has = [
        ("a", current.clone()),
        ("b", "older".into()),
        ("c", current),
    ];
    talk.resume(Cluster, &[], &has);
    talk.expect(Cluster, &["b"], &[]);
    talk.quiet();
    talk.pass(SETTLE);
    talk.expect(Cluster, &[], &["c"]);
    talk.quiet();
}

#[test]
fn a_client_that_reconnects_by_name_is_sent_what_it_lacks() {
    let mut talk = Talk::delta();
    talk.publish(["a", "b", "c"].map(|name| routes(name, "1", &[])));
    let has = [("a", talk.version(Routes, "a")), ("b", "AAAAAAAB".into())];
    talk.resume(Routes, &["a", "b", "c"], &has);
    talk.expect(Routes, &["b", "c"], &[]);
    talk.quiet();
}

#[test]
fn a_client_that_has_everything_is_sent_nothing_even_if_it_is_known_later() {
    for known_first in [true, false] {
        let mut published = Talk::delta();
        published.publish([cluster("a", "1"), endpoints("a", "1")]);
        let has = |kind| [("a", published.version(kind, "a"))];

        let mut talk = Talk::delta();
        if known_first {
            talk.publish([cluster("a", "1"), endpoints("a", "1")]);
        }
        talk.resume(Cluster, &[], &has(Cluster));
        talk.resume(Endpoints, &["a"], &has(Endpoints));
        talk.quiet();
        talk.publish([cluster("a", "1"), endpoints("a", "1")]);
        talk.quiet();
        talk.pass(FALLBACK * 2);
        talk.quiet();
    }
}

#[test]
fn versions_on_a_later_request_are_ignored() {
    let mut talk = wildcard(&["a"]);
    let has = [("a", "older".to_owned()), ("gone", "older".to_owned())];
    talk.resume(Cluster, &[], &has);
    talk.pass(FALLBACK * 2);
    talk.quiet();
}

#[test]
fn a_large_first_response_is_split_without_a_name_twice() {
    let mut talk = Talk::delta();
    let big = "x".repeat(CHUNK / 4);
    let all: Vec<_> = (0..10).map(|n| format!("c{n}")).collect();
    talk.publish(all.iter().map(|name| cluster(name, &big)));
    talk.subscribe(Cluster, &[], &[]);
    let mut seen = Vec::new();
    let mut responses = 0;
    while let Some(response) = talk.hear() {
        seen.extend(response.resources.iter().map(|r| r.name.to_string()));
        responses += 1;
    }
    assert_eq!(seen, all);
    assert_eq!(responses, 3);
}

#[test]
fn a_type_that_is_not_served_has_no_resources_and_harms_no_other() {
    let mut talk = wildcard(&["a"]);
    let runtime = "type.googleapis.com/envoy.service.runtime.v3.Runtime";
    let request = Request::Delta(DeltaRequest {
        type_url: runtime.into(),
        resource_names_subscribe: bytes(&["r"]),
        ..DeltaRequest::default()
    });
    talk.session.request(request, talk.now).unwrap();
    let response = talk.session.poll(talk.now).unwrap();
    assert_eq!(response.type_url, runtime);
    assert_eq!(response.removed, ["r".into()]);
    talk.publish([cluster("a", "2")]);
    talk.accept(Cluster, &["a"]);
}
