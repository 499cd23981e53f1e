//! Refusals while other responses are under way, or have no answer of their own.

use super::*;

#[test]
fn a_refusal_that_answers_several_responses_may_be_of_any_of_them() {
    let mut talk = Talk::sotw();
    talk.publish(["a", "b"].map(|name| endpoints(name, "1")));
    talk.ask(Endpoints, &["a", "b"]);
    talk.accept(Endpoints, &["a", "b"]);
    talk.publish([endpoints("a", "bad")]);
    talk.expect(Endpoints, &["a"], &[]);
    talk.publish([endpoints("b", "2")]);
    let last = talk.expect(Endpoints, &["b"], &[]);
    // What is wrong is in the response before, which has no answer of its own.
    talk.nack(&last, "something is wrong");
    let (_, refused) = refuses_silently(&mut talk);
    assert_eq!(refused, 1);
    let has = |name| has(&talk, Endpoints, name).map(|has| has.version.to_string());
    assert_eq!(has("b"), Some(talk.version(Endpoints, "b")));
    assert_ne!(has("a"), Some(talk.version(Endpoints, "a")));
}

/// A client that has cluster A and its endpoints.
fn with_a() -> Talk {
    let mut talk = Talk::sotw();
    talk.publish([cluster("a", "1"), endpoints("a", "1")]);
    talk.ask(Cluster, &[]);
    talk.ask(Endpoints, &["a"]);
    talk.accept_all();
    talk
}

/// What changes before the client has said what it has is told after that, and its endpoints with it.
#[test]
fn a_change_behind_a_refused_response_waits_for_the_answer() {
    let mut talk = with_a();
    talk.publish([cluster("b", "bad")]);
    let first = talk.expect(Cluster, &["a", "b"], &[]);
    talk.publish([cluster("a", "2")]);
    talk.quiet();
    talk.nack(&first, "no");
    let second = talk.expect(Cluster, &["a"], &[]);
    assert!(content(&second, "a").starts_with("a: 2"));
    talk.accept(Endpoints, &["a"]);
    talk.ack(&second);
    talk.quiet();
}

/// Nobody waits for it longer than for others, and it is heard all the same.
#[test]
fn a_refusal_that_comes_late_blames_nobody_else() {
    let mut talk = with_a();
    talk.publish([cluster("b", "bad")]);
    let late = talk.expect(Cluster, &["a", "b"], &[]);
    talk.publish([cluster("c", "1"), endpoints("c", "1")]);
    talk.quiet();
    talk.pass(FALLBACK);
    let next = talk.expect(Cluster, &["a", "b", "c"], &[]);
    talk.nack(&late, "no");
    talk.nack(&next, "no");
    let last = talk.expect(Cluster, &["a", "c"], &[]);
    talk.ack(&last);
}

#[test]
fn what_is_refused_after_it_is_wanted_no_more_does_not_come_back() {
    for names in [&["a", "b"][..], &["a"]] {
        let mut talk = Talk::delta();
        talk.publish(names.iter().map(|name| endpoints(name, "1")));
        talk.subscribe(Endpoints, names, &[]);
        let response = talk.expect(Endpoints, names, &[]);
        talk.subscribe(Endpoints, &[], names);
        talk.nack(&response, "Proto constraint validation failed (something)");
        talk.quiet();
        let ledger = &talk.session.lane(Endpoints).unwrap().ledger;
        assert!(ledger.is_blank(), "{ledger:?}");
    }
}

#[test]
fn what_two_unanswered_responses_repeat_is_not_blamed() {
    let mut talk = with(Variant::StateOfTheWorld, &["a", "b"]);
    talk.publish([cluster("b", "2")]);
    talk.expect(Cluster, &["a", "b"], &[]);
    talk.publish([cluster("c", "bad")]);
    talk.pass(FALLBACK);
    let response = talk.expect(Cluster, &["a", "b", "c"], &[]);
    talk.notes.take();
    talk.nack(&response, "no");
    let notes = talk.notes.take();
    let told = r#"refused Cluster ["b", "c"] of ["a", "b", "c"]: no"#;
    assert!(notes.iter().any(|note| note == told), "{notes:?}");
}

#[test]
fn what_came_and_went_in_unanswered_responses_may_be_there_still() {
    let mut talk = with(Variant::StateOfTheWorld, &["a"]);
    talk.publish([cluster("b", "1")]);
    talk.expect(Cluster, &["a", "b"], &[]);
    talk.remove(Cluster, "b");
    talk.pass(FALLBACK);
    let response = talk.expect(Cluster, &["a"], &[]);
    talk.nack(&response, "no");
    assert_eq!(names(&talk.hear().expect("it is removed again")), ["a"]);
}

#[test]
fn a_group_that_is_refused_with_a_later_response_is_not_waited_for() {
    let mut talk = Talk::sotw();
    let all = ["a", "b", "c", "d", "e"];
    talk.publish(all[..4].iter().map(|name| endpoints(name, "1")));
    talk.ask(Endpoints, &all);
    let response = talk.expect(Endpoints, &all[..4], &[]);
    talk.nack(&response, "no");
    talk.expect(Endpoints, &["a", "b"], &[]);
    talk.publish([endpoints("e", "1")]);
    let response = talk.expect(Endpoints, &["e"], &[]);
    talk.nack(&response, "no");
    assert!(talk.hear().is_some(), "the next group, at once");
}
