//! Clients that come back with a part, change their mind, or say what nobody expects.

use super::*;

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// A stream beside another, with what that was told shared.
fn beside(talk: &Talk) -> Talk {
    let mut other = Talk::new(talk.session.stream.variant);
    other.session.common.batches = talk.session.common.batches.clone();
    other.snapshot = talk.snapshot.clone();
    other.publish([]);
    other
}

#[test]
fn a_stream_that_ends_in_the_middle_goes_on_with_what_is_missing() {
    let mut talk = Talk::delta();
    talk.publish(NAMES.map(|name| cluster(name, "1")));
    talk.subscribe(Cluster, &[], &[]);
    talk.expect(Cluster, &NAMES, &[]);
    let old = talk.version(Cluster, "c");
    talk.publish([cluster("c", "2")]);
    let mut again = beside(&talk);
    let mut has = ["a", "b"]
        .map(|name| (name, talk.version(Cluster, name)))
        .to_vec();
    has.extend([("c", old.clone()), ("gone", old)]);
    again.resume(Cluster, &[], &has);
    again.accept(Cluster, &["c", "d", "e"]);
    again.quiet();
    // It may have listeners that it did not ask for yet.
    again.pass(SETTLE);
    let response = again.expect(Cluster, &[], &["gone"]);
    again.ack(&response);
    again.quiet();
}

#[test]
fn versions_of_an_earlier_life_are_not_taken_for_ours() {
    let mut talk = Talk::delta();
    talk.publish(NAMES.map(|name| cluster(name, "1")));
    let versions = ["42", "", "not-a-version", "\u{e9}", "0"].map(str::to_owned);
    let has: Vec<_> = NAMES.into_iter().zip(versions).collect();
    talk.resume(Cluster, &[], &has);
    talk.accept(Cluster, &NAMES);
    talk.quiet();
    for version in ["42", "not-a-version", "0"] {
        let mut talk = Talk::sotw();
        talk.publish(NAMES.map(|name| cluster(name, "1")));
        talk.ask_again(Cluster, &[], version, "an earlier nonce");
        talk.accept(Cluster, &NAMES);
        talk.quiet();
    }
}

#[test]
fn who_changes_its_mind_before_any_answer_is_answered_once() {
    for names in [&NAMES[..], &["a"], &["*"]] {
        let mut talk = Talk::delta();
        talk.publish(NAMES.map(|name| endpoints(name, "1")));
        talk.subscribe(Endpoints, names, &[]);
        talk.subscribe(Endpoints, &[], names);
        talk.quiet();
        talk.subscribe(Endpoints, names, &[]);
        let all = if names == ["*"] { &NAMES } else { names };
        talk.accept(Endpoints, all);
        talk.quiet();
    }
}

#[test]
fn a_name_dropped_by_a_refusal_and_taken_again_is_answered_and_not_for_ever() {
    let mut talk = Talk::sotw();
    talk.publish(["a", "b"].map(|name| endpoints(name, "1")));
    talk.ask(Endpoints, &["a", "b"]);
    talk.accept(Endpoints, &["a", "b"]);
    talk.publish([endpoints("a", "bad")]);
    let response = talk.expect(Endpoints, &["a"], &[]);
    talk.names.insert(Endpoints, vec!["b".to_owned()]);
    talk.nack(&response, "no");
    talk.quiet();
    talk.ask_again(Endpoints, &["a", "b"], "", &response.nonce);
    // It threw away what it had, so there is nothing else to answer.
    let response = talk.expect(Endpoints, &["a"], &[]);
    talk.nack(&response, "no");
    talk.quiet();
    talk.publish([endpoints("a", "2")]);
    talk.accept(Endpoints, &["a"]);
    talk.quiet();
}

#[test]
fn of_two_that_are_named_both_are_held_and_nothing_else() {
    for variant in [Variant::Delta, Variant::StateOfTheWorld] {
        let mut talk = Talk::new(variant);
        talk.publish(NAMES.map(|name| cluster(name, "1")));
        match variant {
            Variant::Delta => talk.subscribe(Cluster, &[], &[]),
            Variant::StateOfTheWorld => talk.ask(Cluster, &[]),
        }
        talk.accept_all();
        talk.publish([cluster("a", "bad"), cluster("c", "bad"), cluster("d", "2")]);
        let response = talk.hear().unwrap();
        talk.nack(&response, "Error adding/updating cluster(s) a: no, c: no");
        let good = talk.hear().unwrap();
        let d = good.resources.iter().find(|r| &*r.name == "d").unwrap();
        assert!(d.body.starts_with(b"d: 2"));
        assert!(
            good.resources
                .iter()
                .all(|r| !r.body.windows(3).any(|word| word == b"bad"))
        );
        talk.ack(&good);
        talk.quiet();
        talk.publish([cluster("c", "2")]);
        assert!(names(&talk.hear().unwrap()).contains(&"c"));
    }
}

#[test]
fn a_refusal_that_names_what_was_not_sent_blames_what_was() {
    for text in ["Error adding/updating cluster(s) x: no", "x", "e is bad"] {
        let mut talk = Talk::delta();
        talk.publish(NAMES.map(|name| cluster(name, "1")));
        talk.subscribe(Cluster, &[], &[]);
        talk.accept_all();
        talk.publish([cluster("a", "bad")]);
        let response = talk.expect(Cluster, &["a"], &[]);
        talk.nack(&response, text);
        talk.quiet();
        talk.publish([cluster("b", "2")]);
        talk.accept(Cluster, &["b"]);
        talk.quiet();
    }
}

#[test]
fn what_came_back_as_it_was_is_there_in_whichever_order_it_is_acknowledged() {
    for is_in_order in [true, false] {
        let mut talk = Talk::delta();
        talk.publish([cluster("a", "1"), cluster("b", "1")]);
        talk.subscribe(Cluster, &[], &[]);
        talk.accept_all();
        let before = talk.snapshot.clone();
        talk.remove(Cluster, "a");
        let gone = talk.expect(Cluster, &[], &["a"]);
        talk.snapshot = before;
        talk.publish([]);
        let back = talk.expect(Cluster, &["a"], &[]);
        let [first, second] = if is_in_order {
            [&gone, &back]
        } else {
            [&back, &gone]
        };
        talk.ack(first);
        talk.ack(second);
        talk.quiet();
        let ledger = &talk.session.lane(Cluster).unwrap().ledger;
        assert!(ledger.flights().is_empty() && ledger.held.is_empty());
    }
}

#[test]
fn the_only_listener_changes_while_its_routes_are_refused() {
    for variant in [Variant::Delta, Variant::StateOfTheWorld] {
        let mut talk = Talk::new(variant);
        let http = |content: &str| resource(Listener, "http", content, &[(Routes, "r")]);
        talk.publish([cluster("a", "1"), endpoints("a", "1")]);
        talk.publish([routes("r", "1", &["a"]), http("1")]);
        let asked: [(_, &[&str]); 4] = [
            (Cluster, &[]),
            (Endpoints, &["a"]),
            (Listener, &[]),
            (Routes, &["r"]),
        ];
        for (kind, names) in asked {
            match variant {
                Variant::Delta => talk.subscribe(kind, names, &[]),
                Variant::StateOfTheWorld => talk.ask(kind, names),
            }
        }
        talk.accept_all();
        talk.publish([routes("r", "bad", &["a"])]);
        let refused = talk.expect(Routes, &["r"], &[]);
        talk.publish([http("2")]);
        let listener = talk.expect(Listener, &["http"], &[]);
        talk.nack(&refused, "no");
        talk.ack(&listener);
        talk.quiet();
        talk.publish([routes("r", "2", &["a"])]);
        talk.accept(Routes, &["r"]);
        talk.quiet();
    }
}
