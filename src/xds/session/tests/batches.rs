//! What clients that connect are told at once.

use super::*;

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// A client of a gateway with some clusters, their endpoints and a listener for each.
fn talk(variant: Variant, batches: &Batches) -> Talk {
    let mut talk = Talk::new(variant);
    talk.session.common.batches = batches.clone();
    talk.publish(NAMES.map(|name| cluster(name, "1")));
    talk.publish(NAMES.map(|name| endpoints(name, "1")));
    talk.publish(NAMES.map(|name| listener(name, "1", name)));
    talk
}

fn ask(talk: &mut Talk, kind: ResourceType, names: &[&str]) {
    match talk.session.stream.variant {
        Variant::Delta => talk.subscribe(kind, names, &[]),
        Variant::StateOfTheWorld => talk.ask(kind, names),
    }
}

#[test]
fn clients_that_connect_at_the_same_time_are_told_the_very_same() {
    for variant in [Variant::Delta, Variant::StateOfTheWorld] {
        let batches = Batches::default();
        let mut talks = [(); 2].map(|()| talk(variant, &batches));
        for (kind, names) in [(Cluster, &[][..]), (Endpoints, &NAMES), (Listener, &[])] {
            let [one, other] = talks.each_mut().map(|talk| {
                ask(talk, kind, names);
                talk.accept(kind, &NAMES)
            });
            assert!(std::ptr::eq(&*one.resources, &*other.resources), "{kind:?}");
            assert_eq!(
                one.entries().map(|entries| entries.as_ptr()),
                other.entries().map(|entries| entries.as_ptr())
            );
        }
        let [one, other] = talks.each_ref().map(|talk| {
            let subscription = &talk.session.lane(Endpoints).unwrap().subscription;
            subscription.names().next().map(Arc::as_ptr)
        });
        assert!(one.is_some() && one == other, "the names are kept once");
    }
}

#[test]
fn a_change_while_a_client_is_told_of_everything_is_told_with_it() {
    for variant in [Variant::Delta, Variant::StateOfTheWorld] {
        let mut talk = talk(variant, &Batches::default());
        ask(&mut talk, Cluster, &[]);
        talk.publish([cluster("b", "2"), cluster("f", "1")]);
        talk.remove(Cluster, "c");
        let response = talk.accept(Cluster, &["a", "b", "d", "e", "f"]);
        let b = response.resources.iter().find(|r| &*r.name == "b");
        assert_eq!(b.unwrap().version.to_string(), talk.version(Cluster, "b"));
        talk.quiet();
    }
}

#[test]
fn listeners_wait_for_clusters_that_came_at_once_and_their_endpoints() {
    for variant in [Variant::Delta, Variant::StateOfTheWorld] {
        let mut talk = talk(variant, &Batches::default());
        ask(&mut talk, Cluster, &[]);
        let clusters = talk.expect(Cluster, &NAMES, &[]);
        ask(&mut talk, Listener, &[]);
        talk.quiet();
        talk.ack(&clusters);
        ask(&mut talk, Endpoints, &NAMES[..4]);
        talk.accept(Endpoints, &NAMES[..4]);
        talk.quiet();
        let names = match variant {
            Variant::Delta => &NAMES[4..],
            Variant::StateOfTheWorld => &NAMES,
        };
        ask(&mut talk, Endpoints, names);
        talk.accept(Endpoints, &NAMES[4..]);
        talk.accept(Listener, &NAMES);
        talk.quiet();
    }
}

#[test]
fn listeners_do_not_wait_for_endpoints_that_nobody_asks_for() {
    let mut talk = talk(Variant::Delta, &Batches::default());
    ask(&mut talk, Cluster, &[]);
    talk.accept(Cluster, &NAMES);
    ask(&mut talk, Endpoints, &NAMES[..4]);
    talk.accept(Endpoints, &NAMES[..4]);
    ask(&mut talk, Listener, &[]);
    talk.quiet();
    talk.now = talk.session.deadline().unwrap();
    talk.accept(Listener, &NAMES);
    talk.quiet();
}
