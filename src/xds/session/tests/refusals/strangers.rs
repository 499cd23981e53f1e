//! Refusals by clients of which it is not known whether they are Envoys.

use super::*;

/// A client that does not say that it is an Envoy, as an Envoy would.
fn stranger(variant: Variant, resources: impl IntoIterator<Item = Resource>) -> Talk {
    let mut talk = Talk::new(variant);
    talk.agent = "";
    talk.publish(resources);
    match variant {
        Variant::Delta => talk.subscribe(Cluster, &[], &[]),
        Variant::StateOfTheWorld => talk.ask(Cluster, &[]),
    }
    talk
}

#[test]
fn a_refusal_is_not_answered_until_something_changes() {
    for text in ["no", "b: no"] {
        let mut talk = stranger(
            Variant::StateOfTheWorld,
            [cluster("a", "1"), cluster("b", "bad"), cluster("c", "1")],
        );
        let response = talk.expect(Cluster, &["a", "b", "c"], &[]);
        talk.nack(&response, text);
        talk.quiet();
        talk.pass(Duration::from_secs(30));
        talk.quiet();
        talk.publish([cluster("b", "2"), cluster("c", "2")]);
        let mended = talk.accept(Cluster, &["a", "b", "c"]);
        assert_ne!(mended.version, response.version);
        talk.quiet();
    }
}

#[test]
fn a_refusal_is_not_answered_and_its_resource_is_sent_when_it_changes() {
    let first = [cluster("a", "1"), cluster("b", "1"), cluster("c", "1")];
    let mut talk = stranger(Variant::Delta, first);
    talk.accept(Cluster, &["a", "b", "c"]);
    talk.publish([cluster("a", "bad"), cluster("c", "bad")]);
    let response = talk.expect(Cluster, &["a", "c"], &[]);
    talk.nack(&response, "no");
    talk.quiet();
    talk.pass(Duration::from_secs(30));
    talk.quiet();
    talk.publish([cluster("b", "2")]);
    talk.accept(Cluster, &["b"]);
    talk.quiet();
    talk.publish([cluster("a", "2")]);
    talk.accept(Cluster, &["a"]);
    talk.quiet();
}

/// It may be an Envoy behind a name of its own: what it could take is not kept from it for ever.
#[test]
fn a_client_that_is_no_envoy_is_asked_after_a_while_what_it_refused() {
    for variant in BOTH {
        let mut talk = stranger(variant, [cluster("a", "1"), cluster("b", "bad")]);
        let response = talk.expect(Cluster, &["a", "b"], &[]);
        talk.nack(&response, "no");
        talk.quiet();
        talk.pass(search::PATIENCE);
        talk.accept(Cluster, &["a"]);
        let bad = talk.hear().unwrap();
        assert!(names(&bad).contains(&"b"));
        talk.nack(&bad, "no");
        talk.quiet();
        talk.pass(Duration::from_secs(3600));
        talk.quiet();
    }
}

/// An Envoy is known by its words as well: a proxy of another name may well be one.
#[test]
fn who_speaks_like_an_envoy_is_one() {
    let mut talk = stranger(Variant::Delta, [cluster("a", "1"), cluster("b", "bad")]);
    let response = talk.expect(Cluster, &["a", "b"], &[]);
    talk.nack(&response, "Proto constraint validation failed (something)");
    talk.accept(Cluster, &["a"]);
    let bad = talk.expect(Cluster, &["b"], &[]);
    talk.nack(&bad, "Proto constraint validation failed (something)");
    talk.quiet();
}
