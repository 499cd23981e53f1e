//! What observers are told, and what ends a stream.

use super::*;

#[test]
fn observers_hear_of_the_whole_conversation() {
    let mut talk = Talk::delta();
    talk.publish([cluster("a", "1")]);
    talk.subscribe(Cluster, &[], &[]);
    talk.accept(Cluster, &["a"]);
    let notes = talk.notes.clone();
    drop(talk);
    assert_eq!(
        notes.take(),
        [
            "envoy1 opened",
            "sent Cluster 1 -0",
            "accepted Cluster",
            "envoy1 closed"
        ]
    );
}

#[test]
fn a_refusal_tells_the_names_under_way_and_the_suspects() {
    let mut talk = Talk::delta();
    talk.publish(["a", "b", "c"].map(|name| cluster(name, "1")));
    talk.subscribe(Cluster, &[], &[]);
    let response = talk.expect(Cluster, &["a", "b", "c"], &[]);
    talk.notes.take();
    talk.nack(&response, "Error adding/updating cluster(s) b: bad");
    assert_eq!(
        talk.notes.take(),
        [r#"refused Cluster ["b"] of ["a", "b", "c"]: Error adding/updating cluster(s) b: bad"#]
    );
}

#[test]
fn the_first_request_must_say_who_asks_and_later_ones_need_not() {
    let request = |node| {
        Request::Delta(DeltaRequest {
            node,
            type_url: Cluster.type_url().into(),
            ..DeltaRequest::default()
        })
    };
    let mut talk = Talk::delta();
    let now = talk.now;
    assert_eq!(
        talk.session.request(request(None), now),
        Err(BadRequest::NoNode)
    );
    let node = Some(Node::default());
    assert_eq!(talk.session.request(request(node), now), Ok(()));
    assert_eq!(talk.session.request(request(None), now), Ok(()));
}

#[test]
fn a_type_must_be_given_on_an_aggregated_stream_only() {
    let request = |type_url: &str| {
        Request::Delta(DeltaRequest {
            node: Some(Node::default()),
            type_url: type_url.into(),
            ..DeltaRequest::default()
        })
    };
    let mut talk = Talk::delta();
    assert_eq!(
        talk.session.request(request(""), talk.now),
        Err(BadRequest::NoType)
    );

    let mut talk = Talk::with(Variant::Delta, Some(Endpoints), true);
    talk.publish([endpoints("a", "1"), cluster("a", "1")]);
    assert_eq!(talk.session.request(request(""), talk.now), Ok(()));
    talk.expect(Endpoints, &["a"], &[]);
    let foreign = talk.session.request(request(Cluster.type_url()), talk.now);
    assert!(matches!(foreign, Err(BadRequest::ForeignType { .. })));
}

#[test]
fn a_private_key_looks_absent_where_none_is_served() {
    let key = || secret("tls_certificate/x", "key").confidential();
    let mut talk = Talk::with(Variant::Delta, None, false);
    talk.publish([key(), secret("validation_context/x", "1")]);
    let both = ["tls_certificate/x", "validation_context/x"];
    talk.subscribe(Secret, &both, &[]);
    let response = talk.expect(Secret, &[both[1]], &[both[0]]);
    talk.ack(&response);
    let told = talk.notes.take();
    assert!(told.contains(&"withheld Secret tls_certificate/x".to_owned()));
    talk.publish([secret("tls_certificate/x", "rotated").confidential()]);
    talk.quiet();
    assert!(talk.notes.take().is_empty(), "told once");

    let mut talk = Talk::with(Variant::StateOfTheWorld, None, false);
    talk.publish([key()]);
    talk.ask(Secret, &["tls_certificate/x"]);
    talk.quiet();
    assert!(
        talk.notes
            .take()
            .contains(&"withheld Secret tls_certificate/x".to_owned())
    );

    let mut talk = Talk::with(Variant::Delta, None, true);
    talk.publish([key()]);
    talk.subscribe(Secret, &["tls_certificate/x"], &[]);
    talk.expect(Secret, &["tls_certificate/x"], &[]);
}

#[test]
fn nothing_of_a_private_key_is_ever_printed() {
    let key = secret("tls_certificate/x", "PRIVATE").confidential();
    assert!(!format!("{key:?}").contains("PRIVATE"));
    let mut talk = Talk::delta();
    talk.publish([key]);
    talk.subscribe(Secret, &["tls_certificate/x"], &[]);
    let response = talk.hear();
    assert!(!format!("{response:?}").contains("PRIVATE"));
}
