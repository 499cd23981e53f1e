//! Resources of which only the version is known, as a sidecar that starts without its daemon has them.

use super::*;

/// What the last run kept of a resource that holds a private key.
fn version_of(resource: &Resource) -> Resource {
    let references = resource.references.iter().cloned().collect();
    Resource::unknown(
        resource.kind,
        resource.name.clone(),
        resource.version,
        references,
    )
}

fn publish_only(talk: &mut Talk, resource: Resource) {
    talk.snapshot = Snapshot::default();
    talk.publish([resource]);
}

#[test]
fn a_delta_client_that_has_it_is_told_nothing_before_and_after() {
    let mut talk = Talk::delta();
    publish_only(&mut talk, version_of(&secret("s", "key")));
    let current = [("s", secret("s", "key").version.to_string())];
    talk.resume(Secret, &["s"], &current);
    talk.quiet();
    publish_only(&mut talk, secret("s", "key"));
    talk.quiet();
}

#[test]
fn a_client_that_has_it_not_gets_it_once_it_is_known() {
    for variant in [Variant::Delta, Variant::StateOfTheWorld] {
        let mut talk = Talk::new(variant);
        publish_only(&mut talk, version_of(&secret("s", "key")));
        match variant {
            Variant::Delta => talk.subscribe(Secret, &["s"], &[]),
            Variant::StateOfTheWorld => talk.ask(Secret, &["s"]),
        }
        // Neither sent nor said to be gone.
        talk.quiet();
        publish_only(&mut talk, secret("s", "key"));
        talk.accept(Secret, &["s"]);
        talk.quiet();
    }
}

#[test]
fn one_that_changed_meanwhile_is_sent() {
    let mut talk = Talk::delta();
    publish_only(&mut talk, version_of(&secret("s", "key")));
    let current = [("s", secret("s", "key").version.to_string())];
    talk.resume(Secret, &["s"], &current);
    talk.quiet();
    publish_only(&mut talk, secret("s", "new"));
    talk.accept(Secret, &["s"]);
}

/// A full response without it would remove it from a client that has it.
#[test]
fn all_clusters_are_not_told_while_one_is_unknown_to_a_client_that_has_some() {
    let mut talk = Talk::sotw();
    talk.publish([cluster("a", "1")]);
    talk.publish([version_of(&cluster("b", "1"))]);
    talk.ask_again(Cluster, &[], "an older version", "");
    talk.quiet();
    let known = talk.snapshot.get(Cluster, "a").unwrap().as_ref().clone();
    publish_only(&mut talk, known);
    talk.publish([cluster("b", "1")]);
    talk.accept(Cluster, &["a", "b"]);

    let mut new = Talk::sotw();
    new.publish([cluster("a", "1")]);
    new.publish([version_of(&cluster("b", "1"))]);
    new.ask(Cluster, &[]);
    new.accept(Cluster, &["a"]);
}
