//! Certificates that live in OpenSVC secrets.

use super::*;

fn pair(name: &str) -> SecretContent {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    SecretContent::from([
        ("certificate_chain".to_owned(), made.cert.pem()),
        ("private_key".to_owned(), made.signing_key.serialize_pem()),
    ])
}

fn tls() -> Value {
    json!({
        "expose#0": {
            "port": 80, "listener_port": 8443, "sni": ["a.org"],
            "listener_certificates": ["certificate#0"],
        },
        "certificate#0": {"certificate_secret": "front"},
    })
}

fn the_read(story: &mut Story) -> ReadSecret {
    match &story.take_requests()[..] {
        [Request::Read(read)] => read.clone(),
        other => panic!("one secret is to be read, not {other:?}"),
    }
}

/// A story in which the expose is served with a first certificate.
fn served() -> (Story, ReadSecret) {
    let mut story = Story::begun();
    story.secret("sec/front", Some("r1"));
    story.put(&[("web", instance("10.0.0.1", tls()))]);
    let read = the_read(&mut story);
    story.apply(Event::SecretRead(read.clone(), Ok(pair("a.org"))));
    assert_eq!(story.serving("web", "expose#0"), Some(Serving::Served));
    (story, read)
}

#[test]
fn an_expose_waits_for_its_secret() {
    let mut story = Story::begun();
    story.put(&[("web", instance("10.0.0.1", tls()))]);
    assert_eq!(story.serving("web", "expose#0"), Some(Serving::Waiting));
    assert_eq!(story.codes("web"), ["secret-missing"]);
    assert!(
        story.names(ResourceType::Listener).is_empty(),
        "Envoy would wait 15 s for it"
    );
    assert_eq!(story.take_requests(), []);
    assert!(
        story.index.is_settled(),
        "a secret that does not exist is not waited for"
    );

    story.secret("sec/front", Some("r1"));
    let read = the_read(&mut story);
    assert!(!story.index.is_settled());
    story.apply(Event::SecretRead(read, Ok(pair("a.org"))));
    assert!(story.index.is_settled());
    assert_eq!(
        story.names(ResourceType::Secret),
        ["tls_certificate/sec/front"]
    );
    assert_eq!(story.names(ResourceType::Listener), ["0.0.0.0:8443/tcp"]);
    assert_eq!(story.findings("web"), Vec::<String>::new());
}

#[test]
fn what_is_wrong_with_a_secret_is_told_where_it_is_named() {
    let mut story = Story::begun();
    let mut sections = tls();
    sections["expose#0"]["listener_certificates"] = json!(["certificate#0", "certificate#1"]);
    sections["certificate#1"] = json!({"validation_secret": "ca"});
    sections["expose#1"] = json!({
        "port": 80, "listener_port": 8444, "listener_certificates": ["certificate#0"],
    });
    story.put(&[("web", instance("10.0.0.1", sections))]);
    assert_eq!(
        story.findings("web"),
        [
            "warning: certificate#0.certificate_secret: secret sec/front does not exist; expose#0 \
             is not served until it can be; create it with: om sec/front create",
            "warning: certificate#0.certificate_secret: secret sec/front does not exist; expose#1 \
             is not served until it can be; create it with: om sec/front create",
            "warning: certificate#1.validation_secret: secret sec/ca does not exist; expose#0 is \
             not served until it can be; create it with: om sec/ca create",
        ]
    );
}

#[test]
fn a_renewed_certificate_moves_the_secret_and_nothing_else() {
    let (mut story, _) = served();
    let before = story.index.snapshot().clone();
    story.secret("sec/front", Some("r2"));
    let read = the_read(&mut story);
    assert_eq!(read.revision, "r2");
    story.apply(Event::SecretRead(read, Ok(pair("a.org"))));
    for kind in ResourceType::ALL {
        let changes = story.index.snapshot().changes(&before, kind).count();
        assert_eq!(
            changes,
            usize::from(kind == ResourceType::Secret),
            "{kind:?}"
        );
    }
}

/// A renewal changes the certificate and the key one after the other.
#[test]
fn while_certificate_and_key_do_not_match_the_last_good_pair_is_served() {
    let (mut story, _) = served();
    let before = story.index.snapshot().clone();
    let (old, new) = (pair("a.org"), pair("a.org"));
    let half = SecretContent::from([
        (
            "certificate_chain".to_owned(),
            new["certificate_chain"].clone(),
        ),
        ("private_key".to_owned(), old["private_key"].clone()),
    ]);
    story.secret("sec/front", Some("r2"));
    let read = the_read(&mut story);
    story.apply(Event::SecretRead(read, Ok(half)));
    assert_eq!(
        story
            .index
            .snapshot()
            .changes(&before, ResourceType::Secret)
            .count(),
        0
    );
    assert_eq!(story.codes("web"), ["secret-unusable"]);
    story.secret("sec/front", Some("r3"));
    let read = the_read(&mut story);
    story.apply(Event::SecretRead(read, Ok(new)));
    assert_eq!(
        story
            .index
            .snapshot()
            .changes(&before, ResourceType::Secret)
            .count(),
        1
    );
    assert_eq!(story.codes("web"), Vec::<&str>::new());
}

#[test]
fn an_overtaken_reading_is_not_used() {
    let (mut story, first) = served();
    story.secret("sec/front", Some("r2"));
    let before = story.index.snapshot().clone();
    story.apply(Event::SecretRead(first, Ok(pair("late.org"))));
    assert_eq!(
        story
            .index
            .snapshot()
            .changes(&before, ResourceType::Secret)
            .count(),
        0
    );
}

#[test]
fn a_deleted_secret_stays_in_use_and_an_unused_one_goes() {
    let (mut story, _) = served();
    story.secret("sec/front", None);
    assert_eq!(
        story.names(ResourceType::Secret),
        ["tls_certificate/sec/front"]
    );
    assert_eq!(story.codes("web"), ["secret-missing"]);
    assert_eq!(story.serving("web", "expose#0"), Some(Serving::Served));
    story.remove("web");
    assert!(story.names(ResourceType::Secret).is_empty());
}

#[test]
fn what_was_served_stays_while_a_new_secret_is_read() {
    let (mut story, _) = served();
    let mut changed = tls();
    changed["certificate#0"] = json!({"certificate_secret": "other"});
    story.put(&[("web", instance("10.0.0.1", changed))]);
    assert_eq!(story.serving("web", "expose#0"), Some(Serving::Kept));
    let findings = story.findings("web").join(" ");
    assert!(findings.contains("served as it was before"), "{findings}");
    story.secret("sec/other", Some("r1"));
    assert_eq!(story.serving("web", "expose#0"), Some(Serving::Kept));
    assert_eq!(
        story.names(ResourceType::Secret),
        ["tls_certificate/sec/front"]
    );
    let read = the_read(&mut story);
    story.apply(Event::SecretRead(read, Ok(pair("a.org"))));
    assert_eq!(story.serving("web", "expose#0"), Some(Serving::Served));
    assert_eq!(
        story.names(ResourceType::Secret),
        ["tls_certificate/sec/other"]
    );
}

/// After an error the Python janitor went on with the certificate of the service before.
#[test]
fn nobody_shows_the_certificate_of_another() {
    let (mut story, _) = served();
    let with = |name: &str, certificate: Value| {
        let mut sections = tls();
        sections["expose#0"]["sni"] = json!([name]);
        sections["certificate#0"] = certificate;
        instance("10.0.0.2", sections)
    };
    story.put(&[
        ("without", with("b.org", json!({}))),
        (
            "waits",
            with("c.org", json!({"certificate_secret": "none"})),
        ),
        (
            "broken",
            with("d.org", json!({"certificate_chain_inline_string": "x"})),
        ),
    ]);
    for (service, serving) in [
        ("without", Serving::Refused),
        ("waits", Serving::Waiting),
        ("broken", Serving::Refused),
    ] {
        assert_eq!(story.serving(service, "expose#0"), Some(serving));
    }
    let listener = story.json(ResourceType::Listener, "0.0.0.0:8443/tcp");
    let chains = listener["filter_chains"].as_array().unwrap();
    let names: Vec<_> = chains.iter().map(|chain| &chain["name"]).collect();
    assert_eq!(names, ["web.expose#0"]);
}

#[test]
fn a_secret_that_could_not_be_read_is_asked_for_again() {
    let mut story = Story::begun();
    story.secret("sec/front", Some("r1"));
    story.put(&[("web", instance("10.0.0.1", tls()))]);
    let read = the_read(&mut story);
    story.apply(Event::SecretRead(read.clone(), Err("no answer".into())));
    assert_eq!(story.codes("web"), ["secret-unusable"]);
    story.apply(Event::Retry);
    assert_eq!(the_read(&mut story), read);
    story.apply(Event::SecretRead(read, Ok(pair("a.org"))));
    assert_eq!(story.serving("web", "expose#0"), Some(Serving::Served));
    story.apply(Event::Retry);
    assert_eq!(story.take_requests(), []);
}

#[test]
fn a_secret_that_only_a_refused_version_named_is_not_read_any_more() {
    let (mut story, _) = served();
    let before = story.index.snapshot().version(ResourceType::Secret);
    let mut other = tls();
    other["certificate#0"]["certificate_secret"] = json!("other");
    story.put(&[("web", instance("10.0.0.1", other.clone()))]);
    other["expose#0"]["port"] = json!("abc");
    story.put(&[("web", instance("10.0.0.1", other))]);
    story.secret("sec/other", Some("r1"));
    assert_eq!(story.take_requests(), []);
    // What is served meanwhile is kept, and renewed.
    assert_eq!(story.serving("web", "expose#0"), Some(Serving::Kept));
    assert_eq!(story.index.snapshot().version(ResourceType::Secret), before);
    story.secret("sec/front", Some("r2"));
    assert_eq!(the_read(&mut story).secret.path, path("sec/front"));
}
