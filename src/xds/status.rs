//! The client status discovery service (CSDS): which client has what, told over the same sockets.
//!
//! What is told is the server's own knowledge, so `config_status` counts; `client_status` says the
//! same in the words of `envoy.admin.v3`, for tools that only know those. A secret's content is never
//! told, whatever the transport.

use std::pin::Pin;
use std::time::{Instant, SystemTime};

use envoy_types::pb::envoy::admin::v3::{ClientResourceStatus, UpdateFailureState};
use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::envoy::service::status::v3::client_config::GenericXdsConfig;
use envoy_types::pb::envoy::service::status::v3::client_status_discovery_service_server as server;
use envoy_types::pb::envoy::service::status::v3::{
    ClientConfig, ClientStatusRequest, ClientStatusResponse, ConfigStatus,
};
use envoy_types::pb::envoy::r#type::matcher::v3::string_matcher::MatchPattern;
use envoy_types::pb::envoy::r#type::matcher::v3::{NodeMatcher, StringMatcher};
use envoy_types::pb::google::protobuf::{Any, Timestamp};
use futures_util::{Stream, StreamExt};
use regex::Regex;
use tonic::{Request, Response, Status, Streaming};

use super::Stream as ClientStream;
use super::clients::Clients;
use super::session::{self, ResourceStatus, Session};
use crate::envoy::Variant;
use crate::envoy::{Resource, ResourceType};

pub(super) use server::ClientStatusDiscoveryServiceServer;

/// The service's name.
pub(super) const SERVICE: &str = server::SERVICE_NAME;

/// The service: one answer for each request, about the clients that it is about.
pub(super) struct ClientStatus(pub(super) Clients);

#[tonic::async_trait]
impl server::ClientStatusDiscoveryService for ClientStatus {
    type StreamClientStatusStream =
        Pin<Box<dyn Stream<Item = Result<ClientStatusResponse, Status>> + Send>>;

    async fn stream_client_status(
        &self,
        request: Request<Streaming<ClientStatusRequest>>,
    ) -> Result<Response<Self::StreamClientStatusStream>, Status> {
        let clients = self.0.clone();
        let answers = request
            .into_inner()
            .map(move |request| answer(&clients, &request?));
        Ok(Response::new(Box::pin(answers)))
    }

    async fn fetch_client_status(
        &self,
        request: Request<ClientStatusRequest>,
    ) -> Result<Response<ClientStatusResponse>, Status> {
        answer(&self.0, request.get_ref()).map(Response::new)
    }
}

fn answer(
    clients: &Clients,
    request: &ClientStatusRequest,
) -> Result<ClientStatusResponse, Status> {
    let which = Which::read(&request.node_matchers)?;
    let with_contents = !request.exclude_resource_contents;
    let look = |session: &Session| {
        let stream = session.stream()?;
        let asked = which.holds(&stream.node);
        asked.then(|| client(stream, &session.statuses(), with_contents))
    };
    let config = clients.look(look).into_iter().flatten().collect();
    Ok(ClientStatusResponse { config })
}

fn client(stream: &ClientStream, statuses: &[ResourceStatus], with_contents: bool) -> ClientConfig {
    let clock = (Instant::now(), SystemTime::now());
    let told = statuses.iter().map(|s| resource(s, with_contents, clock));
    ClientConfig {
        node: Some(Node {
            id: stream.node.to_string(),
            cluster: stream.gateway.to_string(),
            ..Node::default()
        }),
        generic_xds_configs: told.collect(),
        client_scope: scope(stream),
        ..ClientConfig::default()
    }
}

/// Which of a client's streams this is, as it may have several.
fn scope(stream: &ClientStream) -> String {
    let variant = match stream.variant {
        Variant::StateOfTheWorld => "state of the world",
        Variant::Delta => "delta",
    };
    let types = stream.scope.map_or("aggregated", ResourceType::type_url);
    let (id, transport) = (stream.id, &stream.transport);
    format!("stream {id} on {transport}: {types}, {variant}")
}

fn resource(
    status: &ResourceStatus,
    with_contents: bool,
    clock: (Instant, SystemTime),
) -> GenericXdsConfig {
    use {ClientResourceStatus as Client, ConfigStatus as Config};
    let (config, client) = match (&status.state, status.version) {
        (session::ConfigStatus::Synced, _) => (Config::Synced, Client::Acked),
        (session::ConfigStatus::Sent, _) => (Config::Stale, Client::Requested),
        (session::ConfigStatus::NotSent, Some(_)) => (Config::NotSent, Client::Acked),
        (session::ConfigStatus::NotSent, None) => (Config::NotSent, Client::Requested),
        (session::ConfigStatus::Absent, _) => (Config::NotSent, Client::DoesNotExist),
        (session::ConfigStatus::Refused { .. }, _) => (Config::Error, Client::Nacked),
    };
    let of = status.resource.as_deref();
    let version = status.version.map(|version| version.to_string());
    GenericXdsConfig {
        type_url: status.kind.type_url().to_owned(),
        name: status.name.to_string(),
        version_info: version.unwrap_or_default(),
        xds_config: of.filter(|_| with_contents).and_then(content),
        last_updated: of.and_then(|resource| resource.since).map(timestamp),
        config_status: config.into(),
        client_status: client.into(),
        error_state: failure(&status.state, clock),
        is_static_resource: false,
    }
}

/// The content of a resource, where it is known and no secret.
fn content(resource: &Resource) -> Option<Any> {
    let secret = resource.confidential || resource.kind == ResourceType::Secret;
    (!secret && resource.is_known()).then(|| Any {
        type_url: resource.kind.type_url().to_owned(),
        value: resource.body.to_vec(),
    })
}

fn failure(
    state: &session::ConfigStatus,
    (now, time): (Instant, SystemTime),
) -> Option<UpdateFailureState> {
    let session::ConfigStatus::Refused { text, version, at } = state else {
        return None;
    };
    let when = time.checked_sub(now.saturating_duration_since(*at));
    Some(UpdateFailureState {
        failed_configuration: None,
        last_update_attempt: when.map(timestamp),
        details: text.to_string(),
        version_info: version.map_or_else(String::new, |version| version.to_string()),
    })
}

fn timestamp(time: SystemTime) -> Timestamp {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let since = since.unwrap_or_default();
    Timestamp {
        seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(since.subsec_nanos()).unwrap_or_default(),
    }
}

/// Which clients a request is about: those whose `node.id` one of the patterns matches; all, where
/// there are none.
struct Which(Vec<Regex>);

impl Which {
    fn read(matchers: &[NodeMatcher]) -> Result<Self, Status> {
        let bad = |why: String| Status::invalid_argument(format!("node_matchers: {why}"));
        let patterns = matchers.iter().map(|matcher| {
            if !matcher.node_metadatas.is_empty() {
                let why = "the metadata of nodes is not kept here; match node_id";
                return Err(bad(why.to_owned()));
            }
            let pattern = match &matcher.node_id {
                None => Ok(String::new()),
                Some(text) => pattern(text),
            };
            let pattern = pattern.map_err(|why| bad(why.to_owned()))?;
            Regex::new(&pattern).map_err(|error| bad(error.to_string()))
        });
        Ok(Self(patterns.collect::<Result<_, _>>()?))
    }

    fn holds(&self, node: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|pattern| pattern.is_match(node))
    }
}

/// A regular expression that matches the same.
fn pattern(matcher: &StringMatcher) -> Result<String, &'static str> {
    let escape = regex::escape;
    let pattern = match &matcher.match_pattern {
        None => {
            return Err(
                "node_id has no pattern; write exact, prefix, suffix, contains or safe_regex",
            );
        }
        Some(MatchPattern::Exact(text)) => format!("^{}$", escape(text)),
        Some(MatchPattern::Prefix(text)) => format!("^{}", escape(text)),
        Some(MatchPattern::Suffix(text)) => format!("{}$", escape(text)),
        Some(MatchPattern::Contains(text)) => escape(text),
        // Case is not ignored here, by the definition of the message.
        Some(MatchPattern::SafeRegex(regex)) => return Ok(format!("^(?:{})$", regex.regex)),
        Some(MatchPattern::Custom(_)) => {
            return Err(
                "node_id.custom is not known here; write exact, prefix, suffix, contains or safe_regex",
            );
        }
    };
    Ok(if matcher.ignore_case {
        format!("(?i){pattern}")
    } else {
        pattern
    })
}
