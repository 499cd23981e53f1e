//! The floor: a bare gRPC server that reads the same messages from the same kind of daemon, forwards
//! bytes of the length that a discovery response has, and takes the acknowledgements. It looks at
//! nothing, knows nothing and keeps nothing.

use std::convert::Infallible;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio_stream::wrappers::{UnboundedReceiverStream, UnixListenerStream};
use tonic::body::Body;
use tonic::codec::Streaming;
use tonic::codegen::{Service, http};
use tonic::server::{Grpc, NamedService, StreamingService};
use tonic::{Request, Response, Status};

use super::Outcome;
use super::client::channel;
use super::meter::Count;
use super::wire::Raw;

/// The arguments of the process that runs the floor.
pub(crate) fn arguments(events: &Path, listen: &Path, bytes: usize) -> Vec<OsString> {
    vec![
        "floor".into(),
        events.into(),
        listen.into(),
        bytes.to_string().into(),
    ]
}

/// Runs the floor until it is killed.
pub(crate) fn main(args: &[OsString]) -> Outcome<()> {
    let [events, listen, bytes] = args else {
        return Err("floor EVENTS LISTEN BYTES".into());
    };
    let bytes: usize = bytes.to_string_lossy().parse()?;
    let (events, listen) = (PathBuf::from(events), PathBuf::from(listen));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let (news, watched) = watch::channel(0);
        let listener = UnixListener::bind(listen)?;
        let serving = tonic::transport::Server::builder()
            .add_service(Floor {
                response: vec![b'.'; bytes].into(),
                watched,
            })
            .serve_with_incoming(UnixListenerStream::new(listener));
        tokio::select! {
            served = serving => Ok(served?),
            followed = tokio::spawn(follow(events, news)) => Ok(followed??),
        }
    })
}

async fn follow(events: PathBuf, news: watch::Sender<u64>) -> std::io::Result<()> {
    let mut stream = UnixStream::connect(events).await?;
    stream.write_all(b"{\"action\": \"events\"}\0").await?;
    let mut stream = BufReader::new(stream);
    let mut message = Vec::new();
    while stream.read_until(0, &mut message).await? > 0 {
        message.clear();
        news.send_modify(|count| *count += 1);
    }
    Ok(())
}

#[derive(Clone)]
struct Floor {
    response: Bytes,
    watched: watch::Receiver<u64>,
}

impl NamedService for Floor {
    const NAME: &'static str = "envoy.service.discovery.v3.AggregatedDiscoveryService";
}

impl Service<http::Request<Body>> for Floor {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let floor = self.clone();
        async move { Ok(Grpc::new(Raw).streaming(floor, request).await) }.boxed()
    }
}

impl StreamingService<Bytes> for Floor {
    type Response = Bytes;
    type ResponseStream = BoxStream<'static, Result<Bytes, Status>>;
    type Future = std::future::Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<Bytes>>) -> Self::Future {
        let state = (
            self.response.clone(),
            self.watched.clone(),
            request.into_inner(),
        );
        let responses = stream::unfold(state, |(response, mut watched, mut requests)| async {
            loop {
                tokio::select! {
                    changed = watched.changed() => {
                        changed.ok()?;
                        return Some((Ok(response.clone()), (response, watched, requests)));
                    }
                    request = requests.message() => {
                        request.ok()??;
                    }
                }
            }
        });
        std::future::ready(Ok(Response::new(Box::pin(responses))))
    }
}

/// Connects a client that acknowledges whatever it reads with `acknowledgement` bytes, and tells when.
pub(crate) async fn client(
    socket: &Path,
    acknowledgement: usize,
    arrivals: mpsc::UnboundedSender<Instant>,
) -> Outcome<AbortHandle> {
    let channel = channel(socket, Count::default()).await?;
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await?;
    let (requests, queue) = mpsc::unbounded_channel();
    let path = format!("/{}/DeltaAggregatedResources", Floor::NAME);
    let acknowledgement = Bytes::from(vec![b'.'; acknowledgement]);
    requests.send(acknowledgement.clone())?;
    let request = Request::new(UnboundedReceiverStream::new(queue));
    let opened = grpc.streaming(request, path.parse()?, Raw).await?;
    let mut responses = opened.into_inner();
    let task = tokio::spawn(async move {
        while let Ok(Some(_)) = responses.message().await {
            let at = Instant::now();
            if requests.send(acknowledgement.clone()).is_err() || arrivals.send(at).is_err() {
                return;
            }
        }
    });
    Ok(task.abort_handle())
}
