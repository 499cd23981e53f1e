//! A minimal xDS client over a unix socket that asks and acknowledges as Envoy does: clusters first,
//! then the endpoints of each, then listeners, then the routes that these name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use hyper_util::rt::TokioIo;
use prost::Message;
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint, Uri};

use super::Outcome;
use super::cluster::HTTP_PORT;
use super::meter::{Count, Metered};
use super::wire::{DeltaRequest, Node, Raw, SotwRequest, TYPES, Type, Variant, delta, sotw};

/// A response that was read and answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    /// The type of its resources.
    pub(crate) kind: Type,
    /// How many resources it held.
    pub(crate) resources: usize,
    /// How many names it removed.
    pub(crate) removed: usize,
    /// Its length, without gRPC's and HTTP's framing.
    pub(crate) bytes: usize,
    /// When it was read.
    pub(crate) at: Instant,
}

/// A connected client; it disconnects when dropped.
pub(crate) struct Client {
    socket_bytes: Count,
    task: AbortHandle,
}

impl Client {
    /// Connects to a server. Everything that is read is told to `arrivals`.
    pub(crate) async fn connect(
        number: usize,
        socket: &Path,
        variant: Variant,
        arrivals: mpsc::UnboundedSender<Arrival>,
    ) -> Outcome<Self> {
        let socket_bytes = Count::default();
        let channel = channel(socket, socket_bytes.clone()).await?;
        let mut conversation = Conversation::open(channel, number, variant).await?;
        let task = tokio::spawn(async move {
            while let Ok(Some(message)) = conversation.responses.message().await {
                let at = Instant::now();
                let Ok(mut arrival) = conversation.answer(&message) else {
                    eprintln!("scale: a response that is not understood");
                    return;
                };
                arrival.at = at;
                if arrivals.send(arrival).is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            socket_bytes,
            task: task.abort_handle(),
        })
    }

    /// How many bytes were read from the socket, framing included.
    pub(crate) fn socket_bytes(&self) -> u64 {
        self.socket_bytes.load(Ordering::Relaxed)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A gRPC channel over a unix socket that is there.
pub(crate) async fn channel(socket: &Path, count: Arc<AtomicU64>) -> Outcome<Channel> {
    let path: PathBuf = socket.to_owned();
    // Envoy's own windows.
    let endpoint = Endpoint::from_static("http://scale")
        .initial_stream_window_size(256 << 20)
        .initial_connection_window_size(256 << 20);
    let connector = tower::service_fn(move |_: Uri| {
        let (path, count) = (path.clone(), count.clone());
        async move {
            let stream = UnixStream::connect(path).await?;
            Ok::<_, std::io::Error>(TokioIo::new(Metered::new(stream, count)))
        }
    });
    Ok(endpoint.connect_with_connector(connector).await?)
}

/// One type: the names wanted, and the answer to the last response.
#[derive(Debug, Default)]
struct Lane {
    names: BTreeSet<String>,
    /// State of the world: the names as they are in every request.
    encoded: Vec<u8>,
    version: String,
    nonce: String,
}

struct Conversation {
    variant: Variant,
    requests: mpsc::UnboundedSender<Bytes>,
    responses: tonic::Streaming<Bytes>,
    node: Option<Node>,
    lanes: [Lane; TYPES.len()],
    listening: bool,
}

impl Conversation {
    async fn open(channel: Channel, client: usize, variant: Variant) -> Outcome<Self> {
        let mut grpc = tonic::client::Grpc::new(channel).max_decoding_message_size(usize::MAX);
        grpc.ready().await?;
        let (requests, queue) = mpsc::unbounded_channel();
        let path = match variant {
            Variant::Delta => {
                "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
            }
            Variant::Sotw => {
                "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources"
            }
        };
        let path = PathAndQuery::from_static(path);
        let first = Self::subscription(
            variant,
            Some(Node {
                id: format!("scale-{client}"),
                cluster: "envoy".to_owned(),
            }),
            Type::Clusters,
        );
        requests.send(first)?;
        let stream = UnboundedReceiverStream::new(queue);
        let request = tonic::Request::new(stream);
        let responses = grpc.streaming(request, path, Raw).await?.into_inner();
        Ok(Self {
            variant,
            requests,
            responses,
            node: None,
            lanes: Default::default(),
            listening: false,
        })
    }

    /// Asks for everything of a type.
    fn subscription(variant: Variant, node: Option<Node>, kind: Type) -> Bytes {
        let type_url = kind.url().to_owned();
        let encoded = match variant {
            Variant::Delta => DeltaRequest {
                node,
                type_url,
                ..DeltaRequest::default()
            }
            .encode_to_vec(),
            Variant::Sotw => SotwRequest {
                node,
                type_url,
                ..SotwRequest::default()
            }
            .encode_to_vec(),
        };
        encoded.into()
    }

    /// Acknowledges a response, and asks for what follows from it.
    fn answer(&mut self, message: &Bytes) -> Outcome<Arrival> {
        let said = match self.variant {
            Variant::Delta => delta(message)?,
            Variant::Sotw => sotw(message)?,
        };
        let arrival = Arrival {
            kind: said.kind,
            resources: said.names.len(),
            removed: said.removed.len(),
            bytes: message.len(),
            at: Instant::now(),
        };
        let lane = &mut self.lanes[said.kind as usize];
        (lane.version, lane.nonce) = (said.version, said.nonce);
        match said.kind {
            Type::Clusters => {
                self.acknowledge(said.kind)?;
                self.want(Type::Endpoints, said.names, said.removed)?;
            }
            Type::Endpoints => {
                self.acknowledge(said.kind)?;
                if !std::mem::replace(&mut self.listening, true) {
                    let everything = Self::subscription(self.variant, None, Type::Listeners);
                    self.requests.send(everything)?;
                }
            }
            Type::Listeners => {
                self.acknowledge(said.kind)?;
                let mut shared = said.names;
                shared.retain(|name| name.contains(&format!(":{HTTP_PORT}/")));
                self.want(Type::Routes, shared, Vec::new())?;
            }
            Type::Routes => self.acknowledge(said.kind)?,
        }
        Ok(arrival)
    }

    fn acknowledge(&mut self, kind: Type) -> Outcome<()> {
        let request = match self.variant {
            Variant::Delta => DeltaRequest {
                node: self.node.take(),
                type_url: kind.url().to_owned(),
                nonce: std::mem::take(&mut self.lanes[kind as usize].nonce),
                ..DeltaRequest::default()
            }
            .encode_to_vec(),
            Variant::Sotw => self.all_of(kind),
        };
        self.requests.send(request.into())?;
        Ok(())
    }

    /// State of the world: every request repeats every name. They are encoded once, so that the one thread of
    /// all clients does not take longer to ask than the server to answer.
    fn all_of(&self, kind: Type) -> Vec<u8> {
        let lane = &self.lanes[kind as usize];
        let before = SotwRequest {
            version: lane.version.clone(),
            ..SotwRequest::default()
        };
        let after = SotwRequest {
            type_url: kind.url().to_owned(),
            nonce: lane.nonce.clone(),
            ..SotwRequest::default()
        };
        let parts = [
            &before.encode_to_vec(),
            &lane.encoded,
            &after.encode_to_vec(),
        ];
        parts.map(Vec::as_slice).concat()
    }

    /// Changes the names wanted of a type. State of the world: `names` of clusters are all there are.
    fn want(&mut self, kind: Type, names: Vec<String>, removed: Vec<String>) -> Outcome<()> {
        let lane = &mut self.lanes[kind as usize];
        let request = match self.variant {
            Variant::Delta => {
                let subscribe: Vec<String> = names
                    .into_iter()
                    .filter(|name| lane.names.insert(name.clone()))
                    .collect();
                let unsubscribe: Vec<String> = removed
                    .into_iter()
                    .filter(|name| lane.names.remove(name))
                    .collect();
                if subscribe.is_empty() && unsubscribe.is_empty() {
                    return Ok(());
                }
                DeltaRequest {
                    type_url: kind.url().to_owned(),
                    subscribe,
                    unsubscribe,
                    ..DeltaRequest::default()
                }
                .encode_to_vec()
            }
            Variant::Sotw => {
                let names: BTreeSet<String> = names.into_iter().collect();
                if lane.names == names {
                    return Ok(());
                }
                let list = SotwRequest {
                    names: names.iter().cloned().collect(),
                    ..SotwRequest::default()
                };
                lane.encoded = list.encode_to_vec();
                lane.names = names;
                self.all_of(kind)
            }
        };
        self.requests.send(request.into())?;
        Ok(())
    }
}
