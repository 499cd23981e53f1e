//! C: the delta variant.

use std::collections::BTreeMap;

use envoy_types::pb::envoy::service::discovery::v3::DeltaDiscoveryRequest;
use futures_util::future::join_all;
use igw_envoy::envoy::ResourceType::{self, Cluster, Endpoints};

use crate::client::{error, owned};
use crate::gateway::{self, Gateway};
use crate::item::{Case, delta, items, long_silence};
use crate::model::Follower;
use crate::support::discovery::Heard;
use crate::things::{NAMED, WILD, thing, things};

items! {
    39 "An empty first request, and `*`, mean everything, even nothing" delta => wildcard;
    40 "A name that does not exist is removed, and sent when it exists" delta => absent;
    41 "A change is told alone, a removal by its name" delta => changes;
    42 "A name subscribed again is sent again" delta => again;
    43 "Unsubscribing needs no answer" delta => unsubscribe;
    44 "A wildcard survives names, and ends by its own" delta => wildcard_and_names;
    45 "A name unsubscribed beside a wildcard is answered" delta => unsubscribe_beside_wildcard;
    46 "A subscription counts, whatever the nonce" delta => any_nonce;
    47 "A request may answer and subscribe" delta => both;
    48 "A refusal starts no loop and stops no other" delta => refused,
        "What was refused is not sent again until it changes. An Envoy, whose refusal may have been applied in part, is told at once what puts it right; whoever is no Envoy hears nothing until something changes, or for 60 s.";
    49 "Responses may be under way together, and be answered in any order" delta => pipelining;
    50 "Who reconnects is sent what differs" delta => reconnect;
    51 "So is who reconnects with names" delta => reconnect_by_name,
        "What the client says it has is not sent again.";
    52 "Versions on a later request are ignored" delta => versions_later;
    53 "After a restart of the server nothing is sent that the client has" delta => server_restart;
    54 "A first response may be split, without a name twice" delta => split,
        "From 256 KiB on.";
    55 "Names of the new kind (xdstp, globs) are answered" delta => new_names,
        "They do not exist here.";
}

async fn wildcard(case: Case) {
    for kind in WILD {
        for names in [&[][..], &["*"]] {
            let (_server, mut client) = case.talk(kind, things(kind, &["a", "b"])).await;
            client.adjust(kind, names, &[]).await;
            let heard = client.expect(kind, &["a", "b"]).await;
            assert!(
                heard
                    .resources
                    .iter()
                    .all(|(_, version, body)| { !version.is_empty() && !body.is_empty() })
            );
            client.quiet().await;
            let (_server, mut client) = case.talk(kind, []).await;
            client.adjust(kind, names, &[]).await;
            client.expect(kind, &[]).await;
            client.quiet().await;
        }
    }
}

async fn absent(case: Case) {
    for kind in ResourceType::ALL {
        let (server, mut client) = case.talk(kind, things(kind, &["a"])).await;
        client.adjust(kind, &["a", "z"], &[]).await;
        client.expect_with(kind, &["a"], &["z"]).await;
        server.publish([thing(kind, "z", 1)]);
        client.expect(kind, &["z"]).await;
    }
}

async fn changes(case: Case) {
    let names: Vec<_> = (0..100).map(|n| format!("{n:0>3}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    for kind in ResourceType::ALL {
        let (server, mut client) = case.talk(kind, things(kind, &names)).await;
        let wanted = if NAMED.contains(&kind) {
            &names[..]
        } else {
            &[]
        };
        client.adjust(kind, wanted, &[]).await;
        client.gather(kind, &names).await;
        server.publish([thing(kind, "050", 2)]);
        client.expect(kind, &["050"]).await;
        server.remove(kind, "050");
        client.expect_with(kind, &[], &["050"]).await;
        server.publish([thing(kind, "050", 2)]);
        client.expect(kind, &["050"]).await;
    }
}

async fn again(case: Case) {
    for kind in ResourceType::ALL {
        let (_server, mut client) = case.talk(kind, things(kind, &["a", "b"])).await;
        client.adjust(kind, &["a", "b"], &[]).await;
        client.gather(kind, &["a", "b"]).await;
        client.adjust(kind, &["a"], &[]).await;
        client.expect(kind, &["a"]).await;
    }
}

async fn unsubscribe(case: Case) {
    for kind in ResourceType::ALL {
        let (server, mut client) = case.talk(kind, things(kind, &["a", "b"])).await;
        client.adjust(kind, &["a", "b"], &[]).await;
        client.gather(kind, &["a", "b"]).await;
        client.adjust(kind, &[], &["nope"]).await;
        client.quiet().await;
        client.adjust(kind, &[], &["a"]).await;
        client.quiet().await;
        server.publish([thing(kind, "a", 2)]);
        client.quiet().await;
        server.remove(kind, "a");
        client.quiet().await;
        server.publish([thing(kind, "b", 2)]);
        client.expect(kind, &["b"]).await;
    }
}

async fn wildcard_and_names(case: Case) {
    for kind in WILD {
        let (server, mut client) = case.talk(kind, things(kind, &["a", "b"])).await;
        client.adjust(kind, &[], &[]).await;
        client.expect(kind, &["a", "b"]).await;
        client.adjust(kind, &["a"], &[]).await;
        client.expect(kind, &["a"]).await;
        server.publish([thing(kind, "b", 2)]);
        client.expect(kind, &["b"]).await;
        client.adjust(kind, &[], &["*"]).await;
        client.quiet().await;
        server.publish([thing(kind, "b", 3)]);
        client.quiet().await;
        server.publish([thing(kind, "a", 3)]);
        client.expect(kind, &["a"]).await;
        client.adjust(kind, &[], &["a"]).await;
        client.adjust(kind, &[], &[]).await;
        client.quiet().await;
        server.publish([thing(kind, "a", 4), thing(kind, "b", 4)]);
        client.quiet().await;
    }
}

async fn unsubscribe_beside_wildcard(case: Case) {
    for kind in WILD {
        let (server, mut client) = case.talk(kind, things(kind, &["a", "b"])).await;
        client.adjust(kind, &[], &[]).await;
        client.expect(kind, &["a", "b"]).await;
        client.adjust(kind, &["a", "z"], &[]).await;
        client.expect_with(kind, &["a"], &["z"]).await;
        client.adjust(kind, &[], &["a"]).await;
        client.expect(kind, &["a"]).await;
        client.adjust(kind, &[], &["z"]).await;
        client.expect_with(kind, &[], &["z"]).await;
        server.publish([thing(kind, "a", 2)]);
        client.expect(kind, &["a"]).await;
    }
}

async fn any_nonce(case: Case) {
    for kind in ResourceType::ALL {
        let names = ["a", "b", "c", "d"];
        let (server, mut client) = case.talk(kind, things(kind, &names)).await;
        client.adjust(kind, &["a"], &[]).await;
        let old = client.expect(kind, &["a"]).await.nonce;
        server.publish([thing(kind, "a", 2)]);
        client.expect(kind, &["a"]).await;
        for (name, nonce) in [("b", old), ("c", "wrong".to_owned()), ("d", String::new())] {
            client
                .delta(DeltaDiscoveryRequest {
                    type_url: kind.type_url().to_owned(),
                    resource_names_subscribe: owned(&[name]),
                    response_nonce: nonce,
                    ..DeltaDiscoveryRequest::default()
                })
                .await;
            client.expect(kind, &[name]).await;
        }
    }
}

async fn both(case: Case) {
    for (error, counted) in [(None, "accepted"), (error("a: no"), "refused")] {
        for kind in ResourceType::ALL {
            let (server, mut client) = case.talk(kind, things(kind, &["a", "b"])).await;
            client.adjust(kind, &["a"], &[]).await;
            let heard = client.hear().await;
            client
                .delta(DeltaDiscoveryRequest {
                    type_url: kind.type_url().to_owned(),
                    resource_names_subscribe: owned(&["b"]),
                    response_nonce: heard.nonce,
                    error_detail: error.clone(),
                    ..DeltaDiscoveryRequest::default()
                })
                .await;
            let heard = client.hear().await;
            assert!(heard.names().contains(&"b"), "{heard:?}");
            assert_eq!(server.notes.count(counted), 1);
        }
    }
}

async fn refused(case: Case) {
    let kinds = ResourceType::ALL.into_iter();
    join_all(kinds.map(|kind| refused_of(case, kind))).await;
}

async fn refused_of(case: Case, kind: ResourceType) {
    let (server, mut client) = case.talk(kind, things(kind, &["a", "b"])).await;
    client.adjust(kind, &["a", "b"], &[]).await;
    client.gather(kind, &["a", "b"]).await;
    let bad = thing(kind, "a", 2);
    server.publish([bad.clone()]);
    let heard = client.hear().await;
    client.refuse(&heard, "a: no").await;
    client.quiet_for(long_silence()).await;
    server.publish([thing(kind, "b", 2)]);
    client.expect(kind, &["b"]).await;
    server.publish([thing(kind, "a", 3)]);
    client.expect(kind, &["a"]).await;
    // Refused once more, and put back to what the client has.
    server.publish([bad.clone()]);
    let heard = client.hear().await;
    client.refuse(&heard, "a: no").await;
    client.quiet_for(long_silence()).await;
    server.publish([thing(kind, "a", 3)]);
    client.quiet_for(long_silence()).await;
    server.publish([thing(kind, "a", 4)]);
    client.expect(kind, &["a"]).await;
}

async fn pipelining(case: Case) {
    for kind in ResourceType::ALL {
        let names = ["a", "b", "c"];
        let (server, mut client) = case.talk(kind, things(kind, &names)).await;
        client.adjust(kind, &names, &[]).await;
        client.gather(kind, &names).await;
        let mut heard = Vec::new();
        for name in names {
            server.publish([thing(kind, name, 2)]);
            heard.push(client.hear().await);
        }
        let accepted = server.notes.count("accepted");
        for n in [2, 0, 1] {
            client.accept(&heard[n]).await;
        }
        crate::support::eventually("each is acknowledged", async || {
            (server.notes.count("accepted") == accepted + 3).then_some(())
        })
        .await;
        client.quiet().await;
    }
}

fn versions(heard: &[Heard]) -> BTreeMap<String, String> {
    let resources = heard.iter().flat_map(|heard| &heard.resources);
    resources
        .map(|(name, version, _)| (name.clone(), version.clone()))
        .collect()
}

async fn reconnect(case: Case) {
    for kind in WILD {
        let (server, mut client) = case.talk(kind, things(kind, &["a", "b", "c"])).await;
        client.adjust(kind, &[], &[]).await;
        let has = versions(&[client.expect(kind, &["a", "b", "c"]).await]);
        drop(client);
        server.publish([thing(kind, "b", 2)]);
        server.remove(kind, "c");
        let mut client = case.client(&server, kind).await;
        client.resume(kind, &[], has).await;
        // The removal may come later, for what may still name it.
        let mut heard = client.hear().await;
        client.accept(&heard).await;
        if heard.removed.is_empty() || heard.resources.is_empty() {
            let more = client.hear().await;
            client.accept(&more).await;
            heard.resources.extend(more.resources);
            heard.removed.extend(more.removed);
        }
        assert_eq!(heard.names(), ["b"]);
        assert_eq!(heard.removed, ["c"]);
        client.quiet().await;
    }
}

async fn reconnect_by_name(case: Case) {
    for kind in NAMED {
        let names = ["a", "b", "c", "d"];
        let (server, mut client) = case.talk(kind, things(kind, &names)).await;
        client.adjust(kind, &names[..3], &[]).await;
        let has = versions(&client.gather(kind, &names[..3]).await);
        drop(client);
        server.publish([thing(kind, "b", 2)]);
        server.remove(kind, "c");
        let mut client = case.client(&server, kind).await;
        client.resume(kind, &names, has).await;
        let mut sent = Vec::new();
        let mut removed = Vec::new();
        while sent.len() < 2 || removed.is_empty() {
            let heard = client.hear().await;
            client.accept(&heard).await;
            sent.extend(heard.resources.into_iter().map(|(name, ..)| name));
            removed.extend(heard.removed);
        }
        sent.sort();
        assert_eq!((sent, removed), (owned(&["b", "d"]), owned(&["c"])));
        client.quiet().await;
    }
}

async fn versions_later(case: Case) {
    for kind in ResourceType::ALL {
        let (_server, mut client) = case.talk(kind, things(kind, &["a", "b"])).await;
        client.adjust(kind, &["a"], &[]).await;
        client.expect(kind, &["a"]).await;
        let b = thing(kind, "b", 1).version.to_string();
        let has = [("b".to_owned(), b), ("a".to_owned(), "01234567".to_owned())];
        client.resume(kind, &["b"], has).await;
        client.expect(kind, &["b"]).await;
        client.quiet().await;
    }
}

async fn server_restart(case: Case) {
    let mut gateway = Gateway::start(gateway::Settings::default()).await;
    gateway.secret("sec/web", "web.org");
    gateway
        .deploy("web", &gateway::https_service(1, 8443, "web"))
        .await;
    gateway.deploy("tcp", &gateway::tcp_service(2, 8000)).await;
    let mut follower = Follower::connect(&gateway.connect(case.way).await, case).await;
    follower.settle().await;
    gateway.restart().await;
    follower.reconnect(&gateway.connect(case.way).await).await;
    follower.forget_log();
    follower.settle().await;
    assert_eq!(follower.sent_resources(), Vec::<String>::new());
    gateway
        .node()
        .set("web", &["ip#1.ipname=10.0.0.99"])
        .unwrap();
    follower.settle_after(Endpoints).await;
    assert_eq!(follower.kinds(), [Endpoints]);
}

async fn split(case: Case) {
    let filler = "x".repeat(1000);
    let names: Vec<_> = (0..1500).map(|n| format!("{n:0>4}{filler}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    for kind in [Cluster, Endpoints] {
        let (_server, mut client) = case.talk(kind, things(kind, &names)).await;
        let wanted = if kind == Endpoints { &names[..] } else { &[] };
        client.adjust(kind, wanted, &[]).await;
        // No name may come twice, which is looked at here.
        let responses = client.gather(kind, &names).await.len();
        assert!(responses > 1, "1.5 MB in one response");
        client.quiet().await;
    }
}

async fn new_names(case: Case) {
    for kind in ResourceType::ALL {
        let (_server, mut client) = case.talk(kind, things(kind, &["a"])).await;
        let url = kind.type_url().rsplit('/').next().unwrap();
        let one = format!("xdstp://authority/{url}/id");
        let glob = format!("xdstp://authority/{url}/folder/*");
        client.adjust(kind, &[&one, &glob, "fold/*"], &[]).await;
        let mut removed = client.hear().await.removed;
        removed.sort();
        let mut expected = vec![one, glob, "fold/*".to_owned()];
        expected.sort();
        assert_eq!(removed, expected);
    }
}
