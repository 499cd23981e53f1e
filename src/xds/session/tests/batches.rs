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
        let batches = Batches::from(FEW);
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
        let mut talk = talk(variant, &Batches::from(FEW));
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
        let mut talk = talk(variant, &Batches::from(FEW));
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

/// An Envoy is ready with the first answer about its listeners, be it empty.
#[test]
fn the_first_answer_tells_of_all_few_or_many() {
    for (variant, kind) in [
        (Variant::Delta, Listener),
        (Variant::StateOfTheWorld, Listener),
        (Variant::Delta, Routes),
        (Variant::StateOfTheWorld, Routes),
    ] {
        for many in [FEW, 64] {
            let mut talk = talk(variant, &Batches::from(many));
            talk.publish(NAMES.map(|name| routes(name, "1", &[name])));
            talk.publish([resource(kind, "early", "1", &[])]);
            ask(&mut talk, Cluster, &[]);
            ask(&mut talk, kind, &[]);
            let clusters = talk.expect(Cluster, &NAMES, &[]);
            talk.quiet();
            talk.ack(&clusters);
            ask(&mut talk, Endpoints, &NAMES[1..]);
            talk.accept(Endpoints, &NAMES[1..]);
            talk.quiet();
            let due = talk.session.deadline().unwrap();
            assert!(due <= talk.now + FALLBACK);
            talk.now = due;
            talk.accept(kind, &["a", "b", "c", "d", "e", "early"]);
            talk.quiet();
        }
    }
}

/// What a client refused may never come, and nothing waits for that.
#[test]
fn the_first_answer_does_not_wait_for_what_is_refused() {
    for variant in [Variant::Delta, Variant::StateOfTheWorld] {
        for many in [FEW, 64] {
            let mut talk = talk(variant, &Batches::from(many));
            ask(&mut talk, Cluster, &[]);
            let clusters = talk.expect(Cluster, &NAMES, &[]);
            let each = NAMES.map(|name| format!("{name}: no")).join(", ");
            talk.nack(
                &clusters,
                &format!("Error adding/updating cluster(s) {each}"),
            );
            talk.accept_all();
            ask(&mut talk, Listener, &[]);
            talk.accept(Listener, &[]);
            talk.quiet();
        }
    }
}

#[test]
fn listeners_do_not_wait_for_endpoints_that_nobody_asks_for() {
    let mut talk = talk(Variant::Delta, &Batches::from(FEW));
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

#[test]
fn a_private_key_stays_with_those_that_may_see_it() {
    for names in [&[][..], &["a", "b", "c", "key"]] {
        let batches = Batches::from(FEW);
        let mut talks = [true, false].map(|confidential| {
            let mut talk = Talk::with(Variant::Delta, None, confidential);
            talk.session.common.batches = batches.clone();
            talk.publish(["a", "b", "c"].map(|name| secret(name, "1")));
            talk.publish([secret("key", "PRIVATE").confidential()]);
            talk
        });
        let [open, shut] = talks.each_mut();
        ask(open, Secret, names);
        open.expect(Secret, &["a", "b", "c", "key"], &[]);
        ask(shut, Secret, names);
        shut.expect(Secret, &["a", "b", "c"], &[]);
    }
}

#[test]
fn what_one_client_refuses_is_not_taken_from_others() {
    for variant in [Variant::Delta, Variant::StateOfTheWorld] {
        let batches = Batches::from(FEW);
        let mut talks = [(); 3].map(|()| talk(variant, &batches));
        let [one, other, last] = talks.each_mut();
        ask(one, Cluster, &[]);
        ask(other, Cluster, &[]);
        let refused = one.expect(Cluster, &NAMES, &[]);
        let taken = other.expect(Cluster, &NAMES, &[]);
        one.nack(&refused, "Error adding/updating cluster(s) b: no");
        one.accept(Cluster, &["a", "c", "d", "e"]);
        one.quiet();
        ask(last, Cluster, &[]);
        last.accept(Cluster, &NAMES);
        other.ack(&taken);
        for talk in [other, last] {
            talk.quiet();
            let ledger = &talk.session.lane(Cluster).unwrap().ledger;
            assert!(ledger.is_blank(), "{ledger:?}");
        }
    }
}

#[test]
fn what_is_wanted_no_more_is_not_kept_for_others() {
    let kept = |talk: &Talk| talk.session.lane(Endpoints).unwrap().first.len();
    let mut client = talk(Variant::Delta, &Batches::from(FEW));
    for round in 0..10 {
        let fresh = ["x", "y", "z"].map(|name| format!("{name}{round}"));
        for names in [&NAMES[..], &fresh.each_ref().map(|name| &**name)] {
            client.subscribe(Endpoints, names, &[]);
            client.accept_all();
            assert_eq!(kept(&client), 1);
            client.subscribe(Endpoints, &[], names);
            client.accept_all();
            assert_eq!(kept(&client), 0);
        }
    }
    let mut client = talk(Variant::StateOfTheWorld, &Batches::from(FEW));
    client.ask(Endpoints, &NAMES);
    for _ in 0..10 {
        let response = client.expect(Endpoints, &NAMES, &[]);
        client.names.insert(Endpoints, Vec::new());
        client.ack(&response);
        let version = response.version.to_string();
        let names = NAMES.map(str::to_owned).to_vec();
        client.names.insert(Endpoints, names);
        client.say(Endpoints, &version, &response.nonce, None);
        assert_eq!(kept(&client), 1);
    }
}

#[test]
fn names_taken_away_and_added_at_once_are_told_once() {
    let mut talk = talk(Variant::Delta, &Batches::from(FEW));
    talk.subscribe(Endpoints, &["a", "b"], &[]);
    talk.subscribe(Endpoints, &["c"], &[]);
    talk.accept_all();
    talk.publish([endpoints("b", "2")]);
    talk.subscribe(Endpoints, &["a", "b", "c"], &["a", "b", "c"]);
    let ledger = &talk.session.lane(Endpoints).unwrap().ledger;
    assert!(ledger.untold.is_empty(), "something is known of b");
    assert!(!ledger.pending()["b"].has.is_nothing());
    talk.accept(Endpoints, &["a", "b", "c"]);
    talk.quiet();
}

#[test]
fn many_lists_that_wait_are_not_searched_one_by_one() {
    let mut talk = Talk::delta();
    let names: Vec<String> = (0..600).map(|at| format!("n{at:03}")).collect();
    talk.publish(names.iter().map(|name| endpoints(name, "1")));
    for some in names.chunks(3) {
        let some: Vec<&str> = some.iter().map(|name| &**name).collect();
        talk.subscribe(Endpoints, &some, &[]);
    }
    let untold = talk.session.lane(Endpoints).unwrap().ledger.untold.len();
    assert!(untold < 100, "{untold} batches");
    let mut told = Vec::new();
    while let Some(response) = talk.hear() {
        told.extend(self::names(&response).into_iter().map(str::to_owned));
        talk.ack(&response);
    }
    told.sort();
    assert_eq!(told, names, "each once");
}
