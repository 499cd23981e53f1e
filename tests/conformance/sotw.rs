//! B: the state-of-the-world variant.

use futures_util::future::join_all;
use igw_envoy::envoy::Resource;
use igw_envoy::envoy::ResourceType::{self, Cluster, Endpoints, Listener, Routes, Secret};

use crate::client::{Client, Lane, error, owned};
use crate::gateway::{self, Gateway};
use crate::item::{Case, aggregated_sotw, everywhere, items, long_silence, silence, sotw};
use crate::model::Follower;
use crate::support::discovery::{Heard, Server};
use crate::things::{NAMED, WILD, thing, things};

items! {
    15 "An empty first request, and `*`, mean everything" sotw => wildcard;
    16 "Names beside a wildcard remove nothing; without it, they are all that is left; none is none" sotw => wildcard_to_names;
    17 "After `*`, naming nothing is wanting nothing" sotw => star_to_nothing;
    18 "After a name, naming nothing is wanting nothing, and no wildcard comes back" sotw => name_to_nothing;
    19 "A change of clusters or listeners is told with all of them; so is that there are none" sotw => full_state;
    20 "That there is nothing is said at once" sotw => nothing;
    21 "Who names A and B gets A and B" sotw => by_name;
    22 "A name that does not exist is sent when it does" sotw => born_later,
        "Only the new one is sent.";
    23 "A name alone that does not exist does no harm" sotw => absent_alone,
        "Nothing is said until it exists: an empty response would say nothing either, as absence is no removal there.";
    24 "Of endpoints, routes and secrets, only what changed is sent" sotw => only_changes,
        "What did not change is not repeated: at 10,000 services a change costs what it is.";
    25 "A name added is sent, though the version is the same" sotw => name_added;
    26 "A name dropped and added again is sent again" sotw => name_again;
    27 "What was dropped is not sent" sotw => name_dropped;
    28 "An acknowledgement is not answered" sotw => acknowledged;
    29 "A refusal starts no loop; the next change is sent" sotw => refused,
        "What was refused is not sent again until it changes. An Envoy, whose refusal may have been applied in part, is told at once what puts it right; whoever is no Envoy hears nothing until something changes, or for 60 s.";
    30 "A refusal that repeats the current version is a refusal" sotw => refused_with_version;
    31 "The names in a refusal count" sotw => refused_with_names;
    32 "A request with an old nonce does not count" sotw => stale_nonce;
    33 "A stream's first request is no answer, whatever its nonce" sotw => reconnects,
        "Who has the current version of all clusters or all listeners is not sent them again; names are always answered.";
    34 "Nonces belong to a type" aggregated_sotw => nonce_of_type;
    35 "A change moves its own type only, and what is no change moves none" everywhere => own_type;
    36 "Equal content has an equal version, on every stream, node and after a restart" everywhere => versions,
        "Versions are hashes of content.";
    37 "A change taken back at once is not told" everywhere => flip,
        "There is no hold-off: what changes is sent at once, and what changed back before it was sent is not.";
    38 "A name given twice counts once" everywhere => duplicates;
}

/// The next response, if there is one soon.
async fn maybe(client: &mut Client) -> Option<Heard> {
    let next = tokio::time::timeout(silence(), client.next()).await;
    next.ok().map(|heard| heard.unwrap().unwrap())
}

async fn wildcard(case: Case) {
    for kind in WILD {
        for names in [&[][..], &["*"]] {
            let (_server, mut client) = case.talk(kind, things(kind, &["a", "b", "c"])).await;
            client.list(kind, names).await;
            client.expect(kind, &["a", "b", "c"]).await;
            client.quiet().await;
        }
    }
}

async fn wildcard_to_names(case: Case) {
    for kind in WILD {
        let (server, mut client) = case.talk(kind, things(kind, &["a", "b"])).await;
        client.list(kind, &[]).await;
        client.expect(kind, &["a", "b"]).await;
        // Whether the name that is new is answered or not, nothing is removed.
        client.list(kind, &["*", "a"]).await;
        server.publish([thing(kind, "b", 2)]);
        until(&mut client, &["a", "b"], &thing(kind, "b", 2)).await;
        client.list(kind, &["a"]).await;
        client.quiet_but_for(&["a"]).await;
        server.publish([thing(kind, "a", 3), thing(kind, "b", 3)]);
        until(&mut client, &["a"], &thing(kind, "a", 3)).await;
        unsubscribed(&server, &mut client, kind).await;
    }
}

/// Responses with exactly these names, until one holds a content; accepted.
async fn until(client: &mut Client, names: &[&str], content: &Resource) {
    loop {
        let heard = client.hear().await;
        assert_eq!(heard.names(), names);
        client.accept(&heard).await;
        if heard
            .resources
            .iter()
            .any(|(_, _, body)| *body == content.body)
        {
            return;
        }
    }
}

/// After an empty list nothing is sent, whatever changes.
async fn unsubscribed(server: &Server, client: &mut Client, kind: ResourceType) {
    client.list(kind, &[]).await;
    client.quiet().await;
    server.publish([thing(kind, "a", 8), thing(kind, "b", 8)]);
    client.quiet().await;
}

async fn star_to_nothing(case: Case) {
    for kind in WILD {
        let (server, mut client) = case.talk(kind, things(kind, &["a", "b"])).await;
        client.list(kind, &["*"]).await;
        client.expect(kind, &["a", "b"]).await;
        unsubscribed(&server, &mut client, kind).await;
    }
}

async fn name_to_nothing(case: Case) {
    for kind in WILD.into_iter().chain(NAMED) {
        let (server, mut client) = case.talk(kind, things(kind, &["a", "b"])).await;
        client.list(kind, &["a"]).await;
        client.expect(kind, &["a"]).await;
        unsubscribed(&server, &mut client, kind).await;
        client.list(kind, &[]).await;
        client.quiet().await;
        client.list(kind, &["*"]).await;
        client.expect(kind, &["a", "b"]).await;
    }
}

async fn full_state(case: Case) {
    let names: Vec<_> = (0..101).map(|n| format!("{n:0>3}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    for kind in WILD {
        let (server, mut client) = case.talk(kind, things(kind, &names[..100])).await;
        client.list(kind, &[]).await;
        let mut versions = vec![client.expect(kind, &names[..100]).await.version];
        server.publish([thing(kind, "050", 2)]);
        versions.push(client.expect(kind, &names[..100]).await.version);
        server.publish([thing(kind, "100", 1)]);
        versions.push(client.expect(kind, &names).await.version);
        server.remove(kind, "000");
        versions.push(client.expect(kind, &names[1..]).await.version);
        server.change(|state| {
            names[1..]
                .iter()
                .for_each(|name| assert!(state.remove(kind, name)))
        });
        versions.push(client.expect(kind, &[]).await.version);
        let count = versions.len();
        versions.sort();
        versions.dedup();
        assert_eq!(versions.len(), count, "other content, other version");
    }
}

async fn nothing(case: Case) {
    let started = tokio::time::Instant::now();
    for kind in WILD {
        let (server, mut client) = case.talk(kind, []).await;
        client.list(kind, &[]).await;
        client.expect(kind, &[]).await;
        client.quiet().await;
        server.publish([thing(kind, "a", 1)]);
        client.expect(kind, &["a"]).await;
    }
    assert!(started.elapsed() < crate::support::PATIENCE);
}

async fn by_name(case: Case) {
    for kind in NAMED.into_iter().chain(WILD) {
        let (_server, mut client) = case.talk(kind, things(kind, &["a", "b", "c"])).await;
        client.list(kind, &["a", "b"]).await;
        client.gather(kind, &["a", "b"]).await;
        client.quiet().await;
    }
}

async fn born_later(case: Case) {
    for kind in NAMED {
        let (server, mut client) = case.talk(kind, things(kind, &["a"])).await;
        client.list(kind, &["a", "z"]).await;
        client.expect(kind, &["a"]).await;
        server.publish([thing(kind, "z", 1)]);
        client.expect(kind, &["z"]).await;
    }
}

async fn absent_alone(case: Case) {
    for kind in NAMED {
        let (server, mut client) = case.talk(kind, []).await;
        client.list(kind, &["z"]).await;
        if let Some(heard) = maybe(&mut client).await {
            assert!(heard.resources.is_empty());
            client.accept(&heard).await;
        }
        server.publish([thing(kind, "z", 1)]);
        client.expect(kind, &["z"]).await;
    }
}

async fn only_changes(case: Case) {
    for kind in NAMED {
        let (server, mut client) = case.talk(kind, things(kind, &["a", "b"])).await;
        client.list(kind, &["a", "b"]).await;
        client.gather(kind, &["a", "b"]).await;
        server.publish([thing(kind, "a", 2)]);
        client.expect(kind, &["a"]).await;
    }
}

async fn name_added(case: Case) {
    for kind in NAMED {
        let (_server, mut client) = case.talk(kind, things(kind, &["a", "b"])).await;
        client.list(kind, &["a"]).await;
        let version = client.expect(kind, &["a"]).await.version;
        client.list(kind, &["a", "b"]).await;
        let heard = client.hear().await;
        assert!(heard.names().contains(&"b"), "{heard:?}");
        assert_eq!(heard.version, version, "nothing changed");
    }
}

async fn name_again(case: Case) {
    for kind in NAMED {
        let (_server, mut client) = case.talk(kind, things(kind, &["a", "b"])).await;
        client.list(kind, &["a", "b"]).await;
        client.gather(kind, &["a", "b"]).await;
        client.list(kind, &["a"]).await;
        client.quiet().await;
        client.list(kind, &["a", "b"]).await;
        let heard = client.hear().await;
        assert!(heard.names().contains(&"b"), "{heard:?}");
    }
}

async fn name_dropped(case: Case) {
    for kind in NAMED {
        let (server, mut client) = case.talk(kind, things(kind, &["a", "b"])).await;
        client.list(kind, &["a", "b"]).await;
        client.gather(kind, &["a", "b"]).await;
        client.list(kind, &["a"]).await;
        client.quiet().await;
        server.publish([thing(kind, "b", 2)]);
        client.quiet().await;
    }
}

async fn acknowledged(case: Case) {
    for kind in WILD.into_iter().chain(NAMED) {
        let (_server, mut client) = case.talk(kind, things(kind, &["a"])).await;
        client.list(kind, &["a"]).await;
        client.expect(kind, &["a"]).await;
        client.quiet().await;
    }
}

async fn refused(case: Case) {
    let kinds = WILD.into_iter().chain(NAMED);
    join_all(kinds.map(|kind| refused_of(case, kind))).await;
}

async fn refused_of(case: Case, kind: ResourceType) {
    let (server, mut client) = case.talk(kind, things(kind, &["a", "b"])).await;
    client.list(kind, &["a", "b"]).await;
    client.gather(kind, &["a", "b"]).await;
    let bad = thing(kind, "b", 2);
    server.publish([bad.clone()]);
    let heard = client.hear().await;
    client.refuse(&heard, "b: no").await;
    client.quiet_for(long_silence()).await;
    server.publish([thing(kind, "a", 3)]);
    let next = client.hear().await;
    assert!(next.names().contains(&"a"));
    assert_ne!(next.version, heard.version);
    client.accept(&next).await;
    server.publish([thing(kind, "b", 3)]);
    loop {
        let heard = client.hear().await;
        client.accept(&heard).await;
        let mended = thing(kind, "b", 3).body;
        if heard.resources.iter().any(|(_, _, body)| *body == mended) {
            break;
        }
    }
}

async fn refused_with_version(case: Case) {
    for kind in NAMED {
        let (server, mut client) = case.talk(kind, things(kind, &["a", "b"])).await;
        client.list(kind, &["a"]).await;
        client.expect(kind, &["a"]).await;
        client.list(kind, &["a", "b"]).await;
        let heard = client.hear().await;
        // The client has that version already, of A.
        let lane = Lane {
            names: owned(&["a", "b"]),
            version: heard.version.clone(),
            nonce: heard.nonce,
        };
        client.list_with(kind, &lane, error("b: no")).await;
        crate::support::eventually("the refusal is counted", async || {
            (server.notes.count("refused") == 1).then_some(())
        })
        .await;
        assert_eq!(server.notes.count("accepted"), 1);
        client.quiet_for(long_silence()).await;
    }
}

async fn refused_with_names(case: Case) {
    for kind in NAMED {
        let (_server, mut client) = case.talk(kind, things(kind, &["a", "b"])).await;
        client.list(kind, &["a"]).await;
        let heard = client.hear().await;
        let lane = Lane {
            names: owned(&["a", "b"]),
            nonce: heard.nonce,
            ..Lane::default()
        };
        client.list_with(kind, &lane, error("a: no")).await;
        let heard = client.hear().await;
        assert_eq!(heard.names(), ["b"]);
    }
}

async fn stale_nonce(case: Case) {
    for kind in NAMED {
        let (server, mut client) = case.talk(kind, things(kind, &["a", "b"])).await;
        client.list(kind, &["a"]).await;
        client.expect(kind, &["a"]).await;
        let old = client.lane(kind);
        server.publish([thing(kind, "a", 2)]);
        let heard = client.hear().await;
        let names = owned(&["a", "b"]);
        let stale = Lane {
            names: names.clone(),
            ..old
        };
        client.list_with(kind, &stale, None).await;
        client.quiet().await;
        let current = Lane {
            names,
            version: heard.version,
            nonce: heard.nonce,
        };
        client.list_with(kind, &current, None).await;
        let heard = client.hear().await;
        assert_eq!(heard.names(), ["b"]);
    }
}

async fn reconnects(case: Case) {
    for kind in WILD.into_iter().chain(NAMED) {
        let named = NAMED.contains(&kind);
        let (server, mut client) = case.talk(kind, things(kind, &["a"])).await;
        let names: &[&str] = if named { &["a"] } else { &[] };
        client.list(kind, names).await;
        client.expect(kind, &["a"]).await;
        let lane = client.lane(kind);
        drop(client);
        let mut client = case.client(&server, kind).await;
        client
            .lanes
            .insert(kind.type_url().to_owned(), lane.clone());
        client.list_with(kind, &lane, None).await;
        if named {
            client.expect(kind, &["a"]).await;
        } else if let Some(heard) = maybe(&mut client).await {
            assert_eq!(heard.names(), ["a"]);
            client.accept(&heard).await;
        }
        server.publish([thing(kind, "a", 2)]);
        client.expect(kind, &["a"]).await;
    }
}

async fn nonce_of_type(case: Case) {
    let all = [things(Cluster, &["a", "b"]), things(Listener, &["l"])];
    let (server, mut client) = case.talk(Cluster, all.into_iter().flatten()).await;
    client.list(Cluster, &[]).await;
    let clusters = client.hear().await;
    client.list(Listener, &[]).await;
    let listeners = client.hear().await;
    let crossed = Lane {
        names: owned(&["a"]),
        version: clusters.version.clone(),
        nonce: listeners.nonce,
    };
    client.list_with(Cluster, &crossed, None).await;
    client.quiet().await;
    assert_eq!(
        server.notes.count("accepted"),
        0,
        "no answer to the clusters"
    );
    // Nor do its names count.
    client.accept(&clusters).await;
    server.publish([thing(Cluster, "b", 2)]);
    client.expect(Cluster, &["a", "b"]).await;
}

async fn own_type(case: Case) {
    let gateway = Gateway::start(gateway::Settings::default()).await;
    gateway.secret("sec/web", "web.org");
    gateway
        .deploy("web", &gateway::https_service(1, 8443, "web"))
        .await;
    let mut follower = Follower::connect(&gateway.connect(case.way).await, case).await;
    follower.settle().await;
    assert_eq!(follower.count(Routes), 1, "a route configuration");
    assert_eq!(follower.count(Secret), 1, "a secret");

    follower.forget_log();
    gateway
        .node()
        .set("web", &["DEFAULT.comment=nothing that Envoy has to know"])
        .unwrap();
    follower.settle().await;
    assert_eq!(follower.kinds(), [], "a comment");

    gateway
        .node()
        .set("web", &["ip#1.ipname=10.0.0.99"])
        .unwrap();
    follower.settle_after(Endpoints).await;
    assert_eq!(follower.kinds(), [Endpoints], "another address");

    follower.forget_log();
    gateway
        .node()
        .set("web", &["route#0.match_prefix=/more/"])
        .unwrap();
    follower.settle_after(Routes).await;
    assert_eq!(follower.kinds(), [Routes], "another route");

    follower.forget_log();
    gateway.secret("sec/web", "web.org");
    follower.settle_after(Secret).await;
    assert_eq!(follower.kinds(), [Secret], "another certificate");
}

async fn versions(case: Case) {
    let mut gateway = Gateway::start(gateway::Settings::default()).await;
    gateway.secret("sec/web", "web.org");
    gateway
        .deploy("web", &gateway::https_service(1, 8443, "web"))
        .await;
    gateway.deploy("tcp", &gateway::tcp_service(2, 8000)).await;
    let seen = async |gateway: &Gateway| {
        let mut follower = Follower::connect(&gateway.connect(case.way).await, case).await;
        follower.settle().await;
        follower.versions()
    };
    let before = seen(&gateway).await;
    assert!(before.len() >= 5, "{before:?}");
    assert_eq!(seen(&gateway).await, before, "on another stream");
    let beside = gateway.beside(gateway::Settings::default()).await;
    assert_eq!(
        seen(&beside).await,
        before,
        "on another node of the gateway"
    );
    gateway.restart().await;
    assert_eq!(seen(&gateway).await, before, "after a restart");
    gateway
        .node()
        .set("web", &["route#0.match_prefix=/more/"])
        .unwrap();
    let after = seen(&gateway).await;
    assert_ne!(after, before, "other content, other version");
}

async fn flip(case: Case) {
    for kind in ResourceType::ALL {
        let (server, mut client) = case.talk(kind, things(kind, &["a"])).await;
        client.want(kind, &["a"]).await;
        client.expect(kind, &["a"]).await;
        server.change(|state| {
            state.put(thing(kind, "a", 2));
            state.put(thing(kind, "a", 1));
        });
        client.quiet().await;
        server.change(|state| {
            state.remove(kind, "a");
            state.put(thing(kind, "a", 1));
        });
        client.quiet().await;
    }
}

async fn duplicates(case: Case) {
    for kind in ResourceType::ALL {
        let (_server, mut client) = case.talk(kind, things(kind, &["a", "b"])).await;
        client.want(kind, &["a", "b", "a", "b", "b"]).await;
        client.gather(kind, &["a", "b"]).await;
        client.quiet().await;
    }
}
