//! What the next run knows of this one.

use super::*;
use crate::envoy::Resource;

/// A gateway that starts again, before the daemon told it anything.
fn restarted(story: &Story) -> Story {
    let mut next = Story::new();
    let (memory, served) = (story.index.memory(), story.index.snapshot());
    next.index.recall(memory, served);
    next
}

/// The versions of everything that Envoy gets but for the endpoints, which follow the daemon.
fn configuration(story: &Story) -> Vec<crate::envoy::Version> {
    let kinds = ResourceType::ALL.into_iter();
    kinds
        .filter(|kind| *kind != ResourceType::Endpoints)
        .map(|kind| story.index.snapshot().version(kind))
        .collect()
}

#[test]
fn the_incumbent_is_still_the_incumbent_after_a_restart() {
    let mut story = Story::begun();
    story.put(&[("zeta", instance("10.0.0.1", l4(80, 8080)))]);
    story.put(&[("alpha", instance("10.0.0.2", l4(80, 8080)))]);
    let mut next = restarted(&story);
    next.reset();
    next.put(&[
        ("alpha", instance("10.0.0.2", l4(80, 8080))),
        ("zeta", instance("10.0.0.1", l4(80, 8080))),
    ]);
    assert_eq!(next.serving("zeta", "expose#0"), Some(Serving::Served));
    assert_eq!(next.serving("alpha", "expose#0"), Some(Serving::Refused));
    // One that leaves loses its rank.
    next.remove("zeta");
    next.put(&[("zeta", instance("10.0.0.1", l4(80, 8080)))]);
    assert_eq!(next.serving("alpha", "expose#0"), Some(Serving::Served));
}

#[test]
fn a_port_that_is_not_stored_yet_is_chosen_again_after_a_restart() {
    let mut story = Story::begun();
    story.put(&[("first", instance("10.0.0.1", l4(80, 0)))]);
    story.put(&[("second", instance("10.0.0.2", l4(80, 0)))]);
    let port = |story: &Story, service: &str| {
        let view = story.index.view().exposes.get(&id(service, "expose#0"));
        view.and_then(|view| view.socket).map(|socket| socket.port)
    };
    assert_eq!(port(&story, "second"), Some(2001));
    let mut next = restarted(&story);
    next.reset();
    next.put(&[("second", instance("10.0.0.2", l4(80, 0)))]);
    assert_eq!(port(&next, "second"), Some(2001));
    // The earlier run may have ended before the daemon stored it.
    let store = Request::Store(StorePort {
        expose: id("second", "expose#0"),
        services: vec![path("second")],
        port: 2001,
    });
    assert_eq!(next.take_requests(), [store]);
    next.put(&[("second", instance("10.0.0.3", l4(81, 0)))]);
    assert_eq!(next.take_requests(), [], "once is enough");
}

#[test]
fn a_recalled_port_that_somebody_names_now_gives_way_to_another() {
    let mut story = Story::begun();
    story.put(&[("zero", instance("10.0.0.1", l4(80, 0)))]);
    let mut next = restarted(&story);
    next.reset();
    next.put(&[("named", instance("10.0.0.2", l4(80, 2000)))]);
    next.put(&[("zero", instance("10.0.0.1", l4(80, 0)))]);
    assert_eq!(
        next.names(ResourceType::Listener),
        ["0.0.0.0:2000/tcp", "0.0.0.0:2001/tcp"]
    );
    assert_eq!(next.codes("zero"), Vec::<&str>::new());
}

#[test]
fn the_last_good_version_is_kept_over_a_restart() {
    let mut broken = http("a.org");
    broken["route#0"] = json!({"match_prefix": "no-slash"});
    for breaks_before in [true, false] {
        let mut story = Story::begun();
        story.put(&[
            ("web", instance("10.0.0.1", http("a.org"))),
            ("other", instance("10.0.0.9", http("b.org"))),
        ]);
        let before = configuration(&story);
        if breaks_before {
            story.put(&[("web", instance("10.0.0.1", broken.clone()))]);
        }
        let mut next = restarted(&story);
        next.put(&[
            ("web", instance("10.0.0.2", broken.clone())),
            ("other", instance("10.0.0.9", http("b.org"))),
        ]);
        next.reset();
        assert_eq!(next.serving("web", "expose#0"), Some(Serving::Kept));
        assert_eq!(next.serving("other", "expose#0"), Some(Serving::Served));
        assert_eq!(configuration(&next), before);
        assert_eq!(next.endpoints("web.expose#0"), ["10.0.0.2:8080"]);
        assert!(next.findings("web")[0].contains("route#0.match_prefix"));
        // And over one more.
        let mut third = restarted(&next);
        third.put(&[("web", instance("10.0.0.2", broken.clone()))]);
        third.reset();
        assert_eq!(third.serving("web", "expose#0"), Some(Serving::Kept));
        third.put(&[("web", instance("10.0.0.2", http("a.org")))]);
        assert_eq!(third.serving("web", "expose#0"), Some(Serving::Served));
        assert_eq!(third.findings("web"), Vec::<String>::new());
        third.remove("web");
        assert!(third.names(ResourceType::Listener).is_empty());
    }
}

#[test]
fn before_the_daemon_is_heard_what_was_served_is_told_as_it_was() {
    let mut story = Story::begun();
    story.put(&[("web", instance("10.0.0.1", l4(80, 8080)))]);
    let next = restarted(&story);
    let told = next.index.recalled_view(story.index.snapshot());
    let expose = told.exposes.get(&id("web", "expose#0")).unwrap();
    assert_eq!(expose.serving, Serving::Kept);
    let socket = expose.socket.map(|socket| socket.to_string());
    assert_eq!(socket.as_deref(), Some("0.0.0.0:8080/tcp"));
    assert_eq!((expose.endpoints, told.exposes.len()), (1, 1));
}

#[test]
fn after_a_restart_nobody_is_given_the_seat_of_one_that_is_kept() {
    let mut story = Story::begun();
    story.put(&[("b", instance("10.0.0.2", l4(80, 8002)))]);
    story.put(&[("a", instance("10.0.0.1", l4(80, 8001)))]);
    // It sits on 8002, and asks for 8001.
    story.put(&[("b", instance("10.0.0.2", l4(80, 8001)))]);
    let before = configuration(&story);
    let mut next = restarted(&story);
    next.services = story.services.clone();
    let newcomer = on_node1(instance("10.0.0.3", l4(80, 8002)));
    next.services.insert(path("0"), newcomer);
    next.reset();
    assert_eq!(configuration(&next), before);
    assert_eq!(next.serving("a", "expose#0"), Some(Serving::Served));
    assert_eq!(next.serving("b", "expose#0"), Some(Serving::Kept));
    assert_eq!(next.serving("0", "expose#0"), Some(Serving::Refused));
    // What was kept goes on as if there had been no restart.
    next.put(&[("a", instance("10.0.0.1", l4(80, 8003)))]);
    assert_eq!(next.serving("b", "expose#0"), Some(Serving::Served));
    assert_eq!(next.serving("0", "expose#0"), Some(Serving::Served));
}

#[test]
fn what_is_gone_when_the_daemon_is_heard_again_does_not_come_back() {
    let mut story = Story::begun();
    story.put(&[("web", instance("10.0.0.1", l4(80, 8080)))]);
    let mut next = restarted(&story);
    next.reset();
    assert!(next.names(ResourceType::Cluster).is_empty());
    let broken = json!({"expose#0": {"listener_port": 8080}});
    next.put(&[("web", instance("10.0.0.1", broken))]);
    assert_eq!(next.serving("web", "expose#0"), Some(Serving::Refused));
}

/// A service with a certificate that was read: its sections, and what the secret holds.
fn with_a_certificate() -> (Story, Value, SecretContent) {
    let sections = json!({
        "expose#0": {
            "port": 80, "listener_port": 8443, "sni": ["a.org"],
            "listener_certificates": ["certificate#0"],
        },
        "certificate#0": {"certificate_secret": "front"},
    });
    let made = rcgen::generate_simple_self_signed(vec!["a.org".to_owned()]).unwrap();
    let content = SecretContent::from([
        ("certificate_chain".to_owned(), made.cert.pem()),
        ("private_key".to_owned(), made.signing_key.serialize_pem()),
    ]);
    let mut story = Story::begun();
    story.secret("sec/front", Some("r1"));
    story.put(&[("web", instance("10.0.0.1", sections.clone()))]);
    let [Request::Read(read)] = &story.take_requests()[..] else {
        panic!("one secret is to be read");
    };
    story.apply(Event::SecretRead(read.clone(), Ok(content.clone())));
    (story, sections, content)
}

#[test]
fn a_certificate_stays_in_use_over_a_restart_until_it_is_read_again() {
    let (story, sections, _) = with_a_certificate();
    let before = configuration(&story);

    // The secret is gone meanwhile, and the configuration is wrong.
    let mut wrong = sections.clone();
    wrong["expose#0"]["port"] = json!("abc");
    let mut next = restarted(&story);
    next.services = story.services.clone();
    next.services
        .insert(path("web"), on_node1(instance("10.0.0.1", wrong)));
    next.reset();
    assert_eq!(next.serving("web", "expose#0"), Some(Serving::Kept));
    assert_eq!(configuration(&next), before);
    // It is right again: still without its secret.
    next.put(&[("web", instance("10.0.0.1", sections))]);
    assert_eq!(next.serving("web", "expose#0"), Some(Serving::Served));
    assert_eq!(configuration(&next), before);
    let findings = next.findings("web");
    assert!(
        findings[0].contains("the last good version stays in use"),
        "{findings:?}"
    );
    next.remove("web");
    assert!(next.names(ResourceType::Secret).is_empty());
}

/// Without `--state-keys` no private key is on disk: of such a secret only the version is known.
#[test]
fn a_certificate_that_is_not_on_disk_is_there_once_it_is_read_again() {
    let (story, _, content) = with_a_certificate();
    let before = configuration(&story);

    let mut kept = story.index.snapshot().clone();
    for secret in story.index.snapshot().iter(ResourceType::Secret) {
        let (name, version) = (secret.name.clone(), secret.version);
        kept.remove(ResourceType::Secret, &name);
        kept.put(Resource::unknown(
            ResourceType::Secret,
            name,
            version,
            vec![],
        ));
    }
    let restarted = || {
        let mut next = Story::new();
        next.index.recall(story.index.memory(), &kept);
        next.services = story.services.clone();
        next
    };
    let mut without = restarted();
    without.reset();
    let told = &without.findings("web")[0];
    assert!(told.contains("and one that starts has none"), "{told}");

    let mut next = restarted();
    next.secrets.insert(path("sec/front"), "r1".into());
    next.reset();
    let secret = |story: &Story| {
        let mut secrets = story.index.snapshot().iter(ResourceType::Secret);
        secrets.next().unwrap().is_known()
    };
    assert!(!secret(&next));
    assert!(!next.index.is_settled(), "it is being read");
    let [Request::Read(read)] = &next.take_requests()[..] else {
        panic!("one secret is to be read");
    };
    next.apply(Event::SecretRead(read.clone(), Ok(content)));
    assert!(secret(&next) && next.index.is_settled());
    assert_eq!(configuration(&next), before);
}

/// The port of what was served is that of the gateway itself now.
#[test]
fn what_cannot_be_served_as_it_was_is_not() {
    let mut story = Story::begun();
    story.put(&[("web", instance("10.0.0.1", l4(80, 8080)))]);
    let mut memory = story.index.memory();
    let incumbent = memory.incumbents.get_mut(&id("web", "expose#0")).unwrap();
    let served = incumbent.served.as_mut().unwrap();
    Arc::make_mut(served).listener_port = 9901.try_into().ok();
    let mut next = Story::new();
    next.index.recall(memory, story.index.snapshot());
    let broken = json!({"expose#0": {"listener_port": 8080}});
    next.services
        .insert(path("web"), on_node1(instance("10.0.0.1", broken)));
    next.reset();
    assert_eq!(next.serving("web", "expose#0"), Some(Serving::Refused));
    assert!(next.names(ResourceType::Listener).is_empty());
}

#[test]
fn what_was_deleted_without_a_gateway_does_not_hold_its_port_for_ever() {
    let mut story = Story::begun();
    for name in ["a", "b", "c", "d"] {
        story.put(&[(name, instance("10.0.0.1", l4(80, 0)))]);
    }
    let mut next = restarted(&story);
    next.services = story.services.clone();
    next.services.remove(&path("b"));
    next.reset();
    next.put(&[("e", instance("10.0.0.1", l4(80, 0)))]);
    for _ in 0..2 {
        assert_eq!(next.codes("e"), ["ports-exhausted"], "b may be told late");
        next.apply(Event::Retry);
    }
    assert_eq!(next.serving("e", "expose#0"), Some(Serving::Served));
    let ports = next.index.memory().ports;
    let taken: Vec<_> = ports.keys().map(ToString::to_string).collect();
    assert_eq!(
        taken,
        ["a.expose#0", "c.expose#0", "d.expose#0", "e.expose#0"]
    );
}
