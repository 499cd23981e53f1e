//! What the server tells of itself: which client has what (CSDS), and which services there are.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod support;

use envoy_types::pb::envoy::admin::v3::ClientResourceStatus as Client;
use envoy_types::pb::envoy::service::status::v3::client_config::GenericXdsConfig;
use envoy_types::pb::envoy::service::status::v3::client_status_discovery_service_client::ClientStatusDiscoveryServiceClient;
use envoy_types::pb::envoy::service::status::v3::{
    ClientConfig, ClientStatusRequest, ConfigStatus as Config,
};
use envoy_types::pb::envoy::r#type::matcher::v3::string_matcher::MatchPattern;
use envoy_types::pb::envoy::r#type::matcher::v3::{
    NodeMatcher, RegexMatcher, StringMatcher, StructMatcher,
};
use igw_envoy::envoy::ResourceType::{Cluster, Endpoints, Secret};
use igw_envoy::envoy::Variant;
use igw_envoy::envoy::{Resource, encode};
use support::discovery::{Server, Talk, VARIANTS, WAYS, Way};
use support::eventually;
use support::resources::{cluster, endpoints};
use tokio_stream::StreamExt;
use tonic::Code;

async fn ask(server: &Server, request: ClientStatusRequest) -> Result<Vec<ClientConfig>, Code> {
    let mut client = ClientStatusDiscoveryServiceClient::new(server.connect(Way::Tcp).await);
    let answer = client.fetch_client_status(request).await;
    answer
        .map(|answer| answer.into_inner().config)
        .map_err(|status| status.code())
}

/// What is told of the only client, when it is as expected.
async fn told(
    server: &Server,
    expected: impl Fn(&[GenericXdsConfig]) -> bool,
) -> Vec<GenericXdsConfig> {
    eventually("the status is as expected", async || {
        let all = ask(server, ClientStatusRequest::default()).await.unwrap();
        let [config] = &all[..] else {
            return None;
        };
        let resources = config.generic_xds_configs.clone();
        expected(&resources).then_some(resources)
    })
    .await
}

fn is(resource: &GenericXdsConfig, name: &str, config: Config, client: Client) -> bool {
    resource.name == name
        && (resource.config_status(), resource.client_status()) == (config, client)
}

#[tokio::test]
async fn a_client_is_told_with_what_it_has_and_since_when() {
    for variant in VARIANTS {
        let server = Server::with([cluster("a", 1), cluster("b", 1)]).await;
        let channel = server.connect(Way::Unix).await;
        let mut talk = Talk::open(&channel, None, variant).await.unwrap();
        talk.want(Cluster, &[]).await;
        let heard = talk.hear().await;
        let sent = told(&server, |all| {
            all.len() == 2 && is(&all[0], "a", Config::Stale, Client::Requested)
        })
        .await;
        assert_eq!(sent[0].version_info, cluster("a", 1).version.to_string());

        talk.accept(&heard).await;
        let had = told(&server, |all| {
            all.len() == 2 && is(&all[1], "b", Config::Synced, Client::Acked)
        })
        .await;
        assert_eq!(had[1].type_url, Cluster.type_url());
        assert_eq!(had[1].version_info, cluster("b", 1).version.to_string());
        assert_eq!(
            had[1].xds_config.as_ref().unwrap().value,
            cluster("b", 1).body
        );
        let now = std::time::SystemTime::now();
        let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
        let since = had[1].last_updated.as_ref().unwrap().seconds;
        assert!((now - 60..=now).contains(&since), "{since}");

        // A name that does not exist, beside those that do.
        talk.want(Endpoints, &["none"]).await;
        told(&server, |all| {
            all.len() == 3 && is(&all[2], "none", Config::NotSent, Client::DoesNotExist)
        })
        .await;
    }
}

#[tokio::test]
async fn a_refusal_is_told_with_its_words_until_it_is_mended() {
    for variant in VARIANTS {
        let server = Server::with([cluster("a", 1), cluster("b", 1)]).await;
        let channel = server.connect(Way::Unix).await;
        let mut talk = Talk::open(&channel, None, variant).await.unwrap();
        talk.want(Cluster, &[]).await;
        talk.expect(Cluster, &["a", "b"]).await;
        server.publish([cluster("b", 2)]);
        let heard = talk.hear().await;
        talk.refuse(&heard, "Error adding/updating cluster(s) b: no")
            .await;
        let all = told(&server, |all| {
            is(&all[1], "b", Config::Error, Client::Nacked)
        })
        .await;
        assert!(
            is(&all[0], "a", Config::Synced, Client::Acked),
            "{:?}",
            all[0]
        );
        let failure = all[1].error_state.as_ref().unwrap();
        assert!(failure.details.ends_with("b: no"));
        assert_eq!(failure.version_info, cluster("b", 2).version.to_string());
        assert!(failure.last_update_attempt.is_some());
        // What it still has.
        assert_eq!(all[1].version_info, cluster("b", 1).version.to_string());
        assert_eq!(
            all[1].xds_config.as_ref().unwrap().value,
            cluster("b", 1).body
        );

        server.publish([cluster("b", 3)]);
        let mended = cluster("b", 3);
        loop {
            let heard = talk.hear().await;
            talk.accept(&heard).await;
            if heard
                .resources
                .iter()
                .any(|(_, _, body)| *body == mended.body)
            {
                break;
            }
        }
        let all = told(&server, |all| {
            is(&all[1], "b", Config::Synced, Client::Acked)
        })
        .await;
        assert_eq!(all[1].error_state, None);
        assert_eq!(all[1].version_info, mended.version.to_string());
    }
}

#[tokio::test]
async fn the_content_of_a_secret_is_never_told() {
    use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::Secret as Message;
    let secret = |name: &str| {
        let message = Message {
            name: name.to_owned(),
            ..Message::default()
        };
        Resource::new(Secret, name, encode(&message), vec![])
    };
    let server = Server::with([
        secret("public"),
        secret("private").confidential(),
        cluster("inline", 1).confidential(),
    ])
    .await;
    let channel = server.connect(Way::Unix).await;
    let mut talk = Talk::open(&channel, None, Variant::Delta).await.unwrap();
    talk.want(Cluster, &[]).await;
    talk.expect(Cluster, &["inline"]).await;
    talk.want(Secret, &["private", "public"]).await;
    talk.expect(Secret, &["private", "public"]).await;
    for way in WAYS {
        let mut client = ClientStatusDiscoveryServiceClient::new(server.connect(way).await);
        let answer = client
            .fetch_client_status(ClientStatusRequest::default())
            .await
            .unwrap();
        let told = &answer.into_inner().config[0].generic_xds_configs;
        let names: Vec<_> = told.iter().map(|told| &*told.name).collect();
        assert_eq!(names, ["inline", "private", "public"]);
        assert!(
            told.iter().all(|told| told.xds_config.is_none()),
            "{told:?}"
        );
        assert!(told.iter().all(|told| !told.version_info.is_empty()));
    }
}

fn matching(pattern: MatchPattern) -> ClientStatusRequest {
    ClientStatusRequest {
        node_matchers: vec![NodeMatcher {
            node_id: Some(StringMatcher {
                match_pattern: Some(pattern),
                ..StringMatcher::default()
            }),
            ..NodeMatcher::default()
        }],
        ..ClientStatusRequest::default()
    }
}

#[tokio::test]
async fn clients_are_chosen_by_their_node() {
    let server = Server::with([cluster("a", 1)]).await;
    let channel = server.connect(Way::Tcp).await;
    // One client, envoy1, on two streams.
    let mut talks = Vec::new();
    for scope in [None, Some(Cluster)] {
        let mut talk = Talk::open(&channel, scope, Variant::Delta).await.unwrap();
        talk.want(Cluster, &[]).await;
        talk.expect(Cluster, &["a"]).await;
        talks.push(talk);
    }
    let text = str::to_owned;
    let regex = |regex: &str| {
        MatchPattern::SafeRegex(RegexMatcher {
            regex: regex.to_owned(),
            ..RegexMatcher::default()
        })
    };
    for (pattern, streams) in [
        (MatchPattern::Exact(text("envoy1")), 2),
        (MatchPattern::Exact(text("envoy")), 0),
        (MatchPattern::Prefix(text("env")), 2),
        (MatchPattern::Suffix(text("1")), 2),
        (MatchPattern::Contains(text("voy")), 2),
        (MatchPattern::Contains(text("v.y")), 0),
        (regex("envoy[0-9]"), 2),
        (regex("envoy"), 0),
    ] {
        let all = ask(&server, matching(pattern.clone())).await.unwrap();
        assert_eq!(all.len(), streams, "{pattern:?}");
    }
    let all = ask(&server, ClientStatusRequest::default()).await.unwrap();
    let scopes: Vec<_> = all.iter().map(|config| &*config.client_scope).collect();
    assert!(scopes[0].contains("aggregated, delta"), "{scopes:?}");
    assert!(scopes[1].contains("Cluster, delta"), "{scopes:?}");
    let bare = ClientStatusRequest {
        exclude_resource_contents: true,
        ..ClientStatusRequest::default()
    };
    let all = ask(&server, bare).await.unwrap();
    assert_eq!(all[0].generic_xds_configs[0].xds_config, None);

    for bad in [
        matching(regex("(")),
        ClientStatusRequest {
            node_matchers: vec![NodeMatcher {
                node_metadatas: vec![StructMatcher::default()],
                ..NodeMatcher::default()
            }],
            ..ClientStatusRequest::default()
        },
    ] {
        assert_eq!(ask(&server, bad).await.unwrap_err(), Code::InvalidArgument);
    }
}

#[tokio::test]
async fn a_stream_of_questions_is_answered_one_by_one_and_who_left_is_gone() {
    let server = Server::with([cluster("a", 1), endpoints("a", &[])]).await;
    let mut client = ClientStatusDiscoveryServiceClient::new(server.connect(Way::Unix).await);
    let (questions, asked) = tokio::sync::mpsc::channel(1);
    let asked = tokio_stream::wrappers::ReceiverStream::new(asked);
    questions
        .send(ClientStatusRequest::default())
        .await
        .unwrap();
    let mut answers = client
        .stream_client_status(asked)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answers.next().await.unwrap().unwrap().config, []);

    let channel = server.connect(Way::Unix).await;
    let mut talk = Talk::open(&channel, None, Variant::Delta).await.unwrap();
    talk.want(Cluster, &[]).await;
    talk.expect(Cluster, &["a"]).await;
    questions
        .send(ClientStatusRequest::default())
        .await
        .unwrap();
    let config = answers.next().await.unwrap().unwrap().config;
    assert_eq!(config[0].node.as_ref().unwrap().id, "envoy1");

    drop((talk, channel));
    eventually("the client is gone", async || {
        let all = ask(&server, ClientStatusRequest::default()).await.unwrap();
        all.is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn reflection_names_the_services_and_knows_their_messages() {
    use tonic_reflection::pb::v1::ServerReflectionRequest;
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

    let server = Server::start().await;
    let mut client = ServerReflectionClient::new(server.connect(Way::Unix).await);
    let mut ask = async |what: MessageRequest| {
        let request = ServerReflectionRequest {
            message_request: Some(what),
            ..ServerReflectionRequest::default()
        };
        let asked = tokio_stream::once(request);
        let mut answers = client
            .server_reflection_info(asked)
            .await
            .unwrap()
            .into_inner();
        answers
            .next()
            .await
            .unwrap()
            .unwrap()
            .message_response
            .unwrap()
    };
    let MessageResponse::ListServicesResponse(list) =
        ask(MessageRequest::ListServices(String::new())).await
    else {
        panic!("a list of services");
    };
    let mut names: Vec<_> = list
        .service
        .into_iter()
        .map(|service| service.name)
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "envoy.service.cluster.v3.ClusterDiscoveryService",
            "envoy.service.discovery.v3.AggregatedDiscoveryService",
            "envoy.service.endpoint.v3.EndpointDiscoveryService",
            "envoy.service.listener.v3.ListenerDiscoveryService",
            "envoy.service.route.v3.RouteDiscoveryService",
            "envoy.service.secret.v3.SecretDiscoveryService",
            "envoy.service.status.v3.ClientStatusDiscoveryService",
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
        ]
    );
    for name in names {
        let answer = ask(MessageRequest::FileContainingSymbol(name.clone())).await;
        assert!(
            matches!(answer, MessageResponse::FileDescriptorResponse(_)),
            "{name}: {answer:?}"
        );
    }
}
