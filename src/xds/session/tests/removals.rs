//! What becomes of refused removals.

use super::*;

/// The names that a response takes away from a client that had some.
fn removed(response: &Response, had: &[&str]) -> Vec<String> {
    let is_gone = |name: &&str| match response.variant {
        Variant::Delta => response.removed.iter().any(|gone| **gone == **name),
        Variant::StateOfTheWorld => !names(response).contains(name),
    };
    let gone = had.iter().copied().filter(is_gone);
    gone.map(str::to_owned).collect()
}

/// A client that says no to each response that takes something away which it keeps. Returns how often it did.
fn keeps(talk: &mut Talk, had: &[&str], kept: &[&str], text: &str) -> usize {
    let mut refused = 0;
    while let Some(response) = talk.hear() {
        let gone = removed(&response, had);
        if gone.iter().any(|name| kept.contains(&&**name)) {
            refused += 1;
            talk.nack(&response, text);
        } else {
            talk.ack(&response);
        }
        assert!(refused < 20, "it never ends");
    }
    refused
}

#[test]
fn a_refused_removal_is_not_sent_over_and_over() {
    for (variant, text) in BOTH
        .iter()
        .flat_map(|v| ["no", "a: no"].map(|text| (*v, text)))
    {
        let mut talk = with(variant, &["a", "b"]);
        talk.remove(Cluster, "a");
        assert_eq!(
            keeps(&mut talk, &["a", "b"], &["a"], text),
            1,
            "{variant:?}"
        );
        talk.pass(Duration::from_secs(3600));
        talk.quiet();
        // Others change without it.
        talk.publish([cluster("b", "2")]);
        assert_eq!(keeps(&mut talk, &["a", "b"], &["a"], text), 0);
    }
}

#[test]
fn a_refused_removal_is_told_as_long_as_it_is_refused() {
    for variant in BOTH {
        let mut talk = with(variant, &["a", "b"]);
        talk.remove(Cluster, "a");
        talk.notes.take();
        keeps(&mut talk, &["a", "b"], &["a"], "no");
        let notes = talk.notes.take();
        let told = notes.iter().find(|note| note.starts_with("refused"));
        assert!(
            told.unwrap().starts_with(r#"refused Cluster ["a"] of"#),
            "{notes:?}"
        );
        let statuses = talk.session.statuses();
        let a = statuses.iter().find(|status| &*status.name == "a").unwrap();
        assert!(
            matches!(a.state, ConfigStatus::Refused { version: None, .. }),
            "{a:?}"
        );
        assert!(a.version.is_some(), "it has what it had");
        // It comes back as another, and goes for good.
        talk.publish([cluster("a", "2")]);
        talk.accept_all();
        assert_eq!(talk.notes.take().last().unwrap(), "cleared Cluster a");
        talk.remove(Cluster, "a");
        let response = talk.hear().unwrap();
        assert_eq!(removed(&response, &["a", "b"]), ["a"]);
        talk.ack(&response);
        talk.quiet();
        assert_eq!(talk.session.statuses().len(), 1);
    }
}

#[test]
fn of_many_removals_those_that_are_not_refused_are_done() {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "rest"];
    for (variant, text) in BOTH
        .iter()
        .flat_map(|v| ["no", "c: no"].map(|text| (*v, text)))
    {
        let mut talk = with(variant, &names);
        for name in &names[..8] {
            talk.snapshot.remove(Cluster, name);
        }
        talk.publish([]);
        let refused = keeps(&mut talk, &names, &["c"], text);
        assert!(refused <= 4, "{refused}");
        let statuses = talk.session.statuses();
        let has: Vec<_> = statuses.iter().map(|status| &*status.name).collect();
        assert_eq!(has, ["c", "rest"], "{variant:?}, {text}");
    }
}

/// It is no reason to send anything to a client of which only the protocol is known.
#[test]
fn a_client_that_is_no_envoy_is_not_answered_with_the_same_removal() {
    for variant in BOTH {
        for change in [None, Some(cluster("b", "bad"))] {
            let mut talk = Talk::new(variant);
            talk.agent = "";
            talk.take_clusters(&["a", "b"]);
            talk.snapshot.remove(Cluster, "a");
            talk.publish(change);
            let response = talk.hear().unwrap();
            talk.nack(&response, "no");
            talk.pass(Duration::from_secs(30));
            talk.quiet();
        }
    }
}

/// What it names is there still.
#[test]
fn what_is_named_by_what_was_not_removed_stays() {
    let mut talk = Talk::delta();
    talk.publish([cluster("a", "1"), listener("l", "1", "a")]);
    talk.subscribe(Cluster, &[], &[]);
    talk.subscribe(Listener, &[], &[]);
    talk.accept(Cluster, &["a"]);
    talk.pass(FALLBACK);
    talk.accept(Listener, &["l"]);
    talk.snapshot.remove(Listener, "l");
    talk.remove(Cluster, "a");
    let response = talk.expect(Listener, &[], &["l"]);
    talk.nack(&response, "no");
    talk.pass(Duration::from_secs(3600));
    talk.quiet();
    // It is gone by something else than this.
    talk.publish([listener("l", "2", "a"), cluster("a", "1")]);
    talk.accept(Listener, &["l"]);
    talk.snapshot.remove(Listener, "l");
    talk.remove(Cluster, "a");
    let response = talk.expect(Listener, &[], &["l"]);
    talk.ack(&response);
    talk.expect(Cluster, &[], &["a"]);
}

/// What may pass is tried again, and a removal like anything else: later and later.
#[test]
fn a_removal_that_is_refused_for_now_is_tried_again_once_a_minute_at_most() {
    for variant in BOTH {
        let mut talk = with(variant, &["a", "b"]);
        talk.remove(Cluster, "a");
        let mut refused = 0;
        for _ in 0..3600 {
            refused += keeps(&mut talk, &["a", "b"], &["a"], "a: cannot bind");
            talk.pass(Duration::from_secs(1));
        }
        assert!((60..70).contains(&refused), "{variant:?}: {refused}");
    }
}
