//! Refusals by clients that have something by an earlier stream.

use super::*;

/// It was taken by an earlier stream, so its content is not known; to leave it out would remove it.
#[test]
fn what_an_earlier_stream_brought_is_not_removed_by_a_refusal() {
    let mut talk = Talk::sotw();
    talk.publish([cluster("a", "bad"), cluster("b", "1")]);
    talk.ask_again(Cluster, &[], "an older version", "");
    let response = talk.expect(Cluster, &["a", "b"], &[]);
    talk.nack(&response, &not_these(&["a"]));
    talk.accept_all();
    talk.publish([cluster("b", "2")]);
    talk.expect(Cluster, &["a", "b"], &[]);
}

/// A client that has something by an earlier stream, nobody knows what.
fn reconnected(resources: impl IntoIterator<Item = Resource>) -> Talk {
    let mut talk = Talk::sotw();
    talk.publish(resources);
    talk.ask_again(Cluster, &[], "an older version", "");
    talk
}

#[test]
fn after_a_reconnection_what_is_bad_keeps_nothing_good_away() {
    let mut talk = reconnected([cluster("a", "1"), cluster("b", "bad"), cluster("c", "1")]);
    let (sent, refused) = refuses_silently(&mut talk);
    assert!(sent <= 7 && refused <= 3, "{sent} sent, {refused} refused");
    for name in ["a", "c"] {
        let is = has(&talk, Cluster, name).unwrap();
        assert_eq!(is.body, cluster(name, "1").body);
    }
    assert!(has(&talk, Cluster, "b").is_none());
    talk.pass(Duration::from_secs(3600));
    talk.quiet();
    talk.publish([cluster("b", "2")]);
    talk.accept(Cluster, &["a", "b", "c"]);
    talk.quiet();
}

#[test]
fn after_a_reconnection_what_is_named_alone_is_left_out() {
    let mut talk = reconnected([cluster("a", "1"), cluster("b", "bad"), cluster("c", "1")]);
    let response = talk.expect(Cluster, &["a", "b", "c"], &[]);
    let text = r#"name: "b" type: EDS : Proto constraint validation failed (something)"#;
    talk.nack(&response, text);
    talk.accept(Cluster, &["a", "c"]);
    talk.quiet();
}

/// What is refused is sent with every change as long as the others are taken, and no longer.
#[test]
fn after_a_reconnection_a_culprit_is_no_longer_sent_once_nothing_is_taken_with_it() {
    for text in [&*not_these(&["b"]), "no"] {
        let mut talk = reconnected([cluster("b", "bad")]);
        let response = talk.expect(Cluster, &["b"], &[]);
        talk.nack(&response, text);
        talk.quiet();
        talk.publish([cluster("c", "1")]);
        refuses_silently(&mut talk);
        let is = has(&talk, Cluster, "c").unwrap();
        assert_eq!(is.body, cluster("c", "1").body);
        talk.publish([cluster("c", "2")]);
        talk.accept(Cluster, &["c"]);
        talk.quiet();
    }
}
