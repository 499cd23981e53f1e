//! A client's stream, in either variant of the protocol.

use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
};
use envoy_types::pb::google::rpc;
use igw_envoy::envoy::{ResourceType, Variant};
use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Status, Streaming};

/// How long silence must last to count as silence.
pub const SILENCE: Duration = Duration::from_millis(500);

/// How long an answer may take.
pub const ANSWER: Duration = Duration::from_secs(2);

/// The path of a type's own service, or of the aggregated one.
pub fn path(scope: Option<ResourceType>, variant: Variant) -> String {
    let (service, what) = match scope {
        None => ("discovery.v3.AggregatedDiscovery", "AggregatedResources"),
        Some(ResourceType::Cluster) => ("cluster.v3.ClusterDiscovery", "Clusters"),
        Some(ResourceType::Endpoints) => ("endpoint.v3.EndpointDiscovery", "Endpoints"),
        Some(ResourceType::Secret) => ("secret.v3.SecretDiscovery", "Secrets"),
        Some(ResourceType::Listener) => ("listener.v3.ListenerDiscovery", "Listeners"),
        Some(ResourceType::Routes) => ("route.v3.RouteDiscovery", "Routes"),
    };
    let how = match variant {
        Variant::StateOfTheWorld => "Stream",
        Variant::Delta => "Delta",
    };
    format!("/envoy.service.{service}Service/{how}{what}")
}

/// A response of either variant, as far as both have it.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    pub type_url: String,
    pub nonce: String,
    pub version: String,
    pub control_plane: String,
    /// Name, version (of the resource in delta, of the response otherwise) and body, sorted.
    pub resources: Vec<(String, String, Vec<u8>)>,
    pub removed: Vec<String>,
}

impl Heard {
    /// The names of the resources.
    pub fn names(&self) -> Vec<&str> {
        self.resources.iter().map(|(name, ..)| &**name).collect()
    }
}

/// An open stream of either variant.
pub struct Talk {
    variant: Variant,
    sotw: Option<(mpsc::Sender<DiscoveryRequest>, Streaming<DiscoveryResponse>)>,
    delta: Option<(
        mpsc::Sender<DeltaDiscoveryRequest>,
        Streaming<DeltaDiscoveryResponse>,
    )>,
    asked: bool,
    names: std::collections::HashMap<String, Vec<String>>,
}

/// What a request says, as far as both variants can.
#[derive(Debug, Clone, Default)]
pub struct Ask<'a> {
    pub type_url: &'a str,
    pub names: &'a [&'a str],
    pub nonce: &'a str,
    pub error: Option<&'a str>,
    pub without_node: bool,
}

impl Talk {
    /// Opens a stream. Nothing is said yet.
    pub async fn open(
        channel: &Channel,
        scope: Option<ResourceType>,
        variant: Variant,
    ) -> Result<Self, Status> {
        Self::open_path(channel, &path(scope, variant), variant).await
    }

    /// Opens a stream at a path.
    pub async fn open_path(
        channel: &Channel,
        path: &str,
        variant: Variant,
    ) -> Result<Self, Status> {
        let mut talk = Self {
            variant,
            sotw: None,
            delta: None,
            asked: false,
            names: std::collections::HashMap::new(),
        };
        match variant {
            Variant::StateOfTheWorld => talk.sotw = Some(call(channel, path).await?),
            Variant::Delta => talk.delta = Some(call(channel, path).await?),
        }
        Ok(talk)
    }

    /// Sends a request; the first carries a node.
    pub async fn ask(&mut self, ask: Ask<'_>) {
        let node = (!std::mem::replace(&mut self.asked, true) && !ask.without_node).then(|| Node {
            id: "envoy1".to_owned(),
            cluster: "envoy".to_owned(),
            user_agent_name: "envoy".to_owned(),
            ..Node::default()
        });
        let names: Vec<String> = ask.names.iter().map(|name| (*name).to_owned()).collect();
        let error_detail = ask.error.map(|message| rpc::Status {
            message: message.to_owned(),
            ..rpc::Status::default()
        });
        let type_url = ask.type_url.to_owned();
        let response_nonce = ask.nonce.to_owned();
        // A stream that the server ended takes no request; what it said is heard later.
        if let Some((requests, _)) = &self.sotw {
            let resource_names = if ask.nonce.is_empty() {
                self.names.insert(type_url.clone(), names.clone());
                names
            } else {
                self.names.get(&type_url).cloned().unwrap_or_default()
            };
            let request = DiscoveryRequest {
                node,
                type_url,
                resource_names,
                response_nonce,
                error_detail,
                ..DiscoveryRequest::default()
            };
            let _ = requests.send(request).await;
        } else if let Some((requests, _)) = &self.delta {
            let request = DeltaDiscoveryRequest {
                node,
                type_url,
                resource_names_subscribe: names,
                response_nonce,
                error_detail,
                ..DeltaDiscoveryRequest::default()
            };
            let _ = requests.send(request).await;
        }
    }

    /// Asks for names of a type; for everything where there are none.
    pub async fn want(&mut self, kind: ResourceType, names: &[&str]) {
        self.ask(Ask {
            type_url: kind.type_url(),
            names,
            ..Ask::default()
        })
        .await;
    }

    /// Accepts a response.
    pub async fn accept(&mut self, heard: &Heard) {
        self.ask(Ask {
            type_url: &heard.type_url,
            nonce: &heard.nonce,
            ..Ask::default()
        })
        .await;
    }

    /// Refuses a response.
    pub async fn refuse(&mut self, heard: &Heard, text: &str) {
        self.ask(Ask {
            type_url: &heard.type_url,
            nonce: &heard.nonce,
            error: Some(text),
            ..Ask::default()
        })
        .await;
    }

    /// Says that there will be no more requests.
    pub fn finish(&mut self) {
        let (closed, _) = mpsc::channel(1);
        if let Some((requests, _)) = &mut self.sotw {
            *requests = closed;
        }
        let (closed, _) = mpsc::channel(1);
        if let Some((requests, _)) = &mut self.delta {
            *requests = closed;
        }
    }

    async fn next(&mut self) -> Result<Option<Heard>, Status> {
        match self.variant {
            Variant::StateOfTheWorld => {
                let (_, responses) = self.sotw.as_mut().unwrap();
                Ok(responses.message().await?.map(Heard::from))
            }
            Variant::Delta => {
                let (_, responses) = self.delta.as_mut().unwrap();
                Ok(responses.message().await?.map(Heard::from))
            }
        }
    }

    /// The next response, in time.
    pub async fn hear(&mut self) -> Heard {
        self.hear_within(ANSWER).await
    }

    /// The next response, within some time.
    pub async fn hear_within(&mut self, time: Duration) -> Heard {
        match tokio::time::timeout(time, self.next()).await {
            Ok(Ok(Some(heard))) => heard,
            Ok(Ok(None)) => panic!("the stream ended"),
            Ok(Err(status)) => panic!("the stream ended: {status}"),
            Err(_) => panic!("no answer in time"),
        }
    }

    /// The next response of a type, accepted.
    pub async fn expect(&mut self, kind: ResourceType, names: &[&str]) -> Heard {
        let heard = self.hear().await;
        assert_eq!(heard.type_url, kind.type_url());
        assert_eq!(heard.names(), names);
        self.accept(&heard).await;
        heard
    }

    /// Nothing is said.
    pub async fn quiet(&mut self) {
        if let Ok(said) = tokio::time::timeout(SILENCE, self.next()).await {
            panic!("unexpected {said:?}");
        }
    }

    /// How the stream ended: `None` where the server ended it without a complaint.
    pub async fn end(&mut self) -> Option<Status> {
        loop {
            let next = tokio::time::timeout(ANSWER * 3, self.next());
            match next.await.expect("the stream ends in time") {
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(status) => return Some(status),
            }
        }
    }
}

/// Opens a stream at a path: where requests go, and responses come from.
pub async fn call<Q, A>(
    channel: &Channel,
    path: &str,
) -> Result<(mpsc::Sender<Q>, Streaming<A>), Status>
where
    Q: Message + Default + 'static,
    A: Message + Default + 'static,
{
    let (requests, receiver) = mpsc::channel(200);
    let mut grpc = tonic::client::Grpc::new(channel.clone()).max_decoding_message_size(256 << 20);
    grpc.ready().await.unwrap();
    let path: PathAndQuery = path.parse().unwrap();
    let codec = tonic_prost::ProstCodec::<Q, A>::default();
    let stream = tonic::Request::new(ReceiverStream::new(receiver));
    let response = grpc.streaming(stream, path, codec).await?;
    Ok((requests, response.into_inner()))
}

/// The name inside a resource: its first field, in every type but endpoints, where that is the
/// cluster's name.
fn inner_name(body: &[u8]) -> String {
    #[derive(Message)]
    struct Named {
        #[prost(string, tag = "1")]
        name: String,
    }
    Named::decode(body).unwrap().name
}

impl From<DiscoveryResponse> for Heard {
    fn from(response: DiscoveryResponse) -> Self {
        let version = response.version_info;
        let resources = response.resources.into_iter().map(|any| {
            assert_eq!(any.type_url, response.type_url);
            (inner_name(&any.value), version.clone(), any.value)
        });
        let mut resources: Vec<_> = resources.collect();
        resources.sort();
        Self {
            type_url: response.type_url,
            nonce: response.nonce,
            version: version.clone(),
            control_plane: response.control_plane.unwrap_or_default().identifier,
            resources,
            removed: Vec::new(),
        }
    }
}

impl From<DeltaDiscoveryResponse> for Heard {
    fn from(response: DeltaDiscoveryResponse) -> Self {
        let resources = response.resources.into_iter().map(|resource| {
            assert!(resource.ttl.is_none(), "a time to live");
            let any = resource.resource.unwrap();
            assert_eq!(any.type_url, response.type_url);
            assert_eq!(resource.name, inner_name(&any.value));
            (resource.name, resource.version, any.value)
        });
        let mut resources: Vec<_> = resources.collect();
        resources.sort();
        Self {
            type_url: response.type_url,
            nonce: response.nonce,
            version: response.system_version_info,
            control_plane: response.control_plane.unwrap_or_default().identifier,
            resources,
            removed: response.removed_resources,
        }
    }
}
