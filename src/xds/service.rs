//! gRPC paths: which method opens which kind of stream.

use std::convert::Infallible;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::metadata::MetadataValue;
use tonic::server::NamedService;

use super::requests::Requests;
use super::responses::Responses;
use super::streaming::{Opening, Streams};
use crate::envoy::ResourceType;
use crate::envoy::Variant;

/// gRPC's headers that say how messages are compressed, and how they may be.
const ENCODING: &str = "grpc-encoding";
const ACCEPT_ENCODING: &str = "grpc-accept-encoding";

/// Not at all.
const IDENTITY: &str = "identity";

/// A gRPC service with its two methods. The `Fetch` methods (REST) are not implemented.
pub(super) struct Methods {
    pub(super) service: &'static str,
    sotw: &'static str,
    delta: &'static str,
    scope: Option<ResourceType>,
}

/// The services, by the const parameter of [`Discovery`].
pub(super) const SERVICES: [Methods; 6] = [
    Methods {
        service: "envoy.service.discovery.v3.AggregatedDiscoveryService",
        sotw: "StreamAggregatedResources",
        delta: "DeltaAggregatedResources",
        scope: None,
    },
    Methods {
        service: "envoy.service.cluster.v3.ClusterDiscoveryService",
        sotw: "StreamClusters",
        delta: "DeltaClusters",
        scope: Some(ResourceType::Cluster),
    },
    Methods {
        service: "envoy.service.endpoint.v3.EndpointDiscoveryService",
        sotw: "StreamEndpoints",
        delta: "DeltaEndpoints",
        scope: Some(ResourceType::Endpoints),
    },
    Methods {
        service: "envoy.service.secret.v3.SecretDiscoveryService",
        sotw: "StreamSecrets",
        delta: "DeltaSecrets",
        scope: Some(ResourceType::Secret),
    },
    Methods {
        service: "envoy.service.listener.v3.ListenerDiscoveryService",
        sotw: "StreamListeners",
        delta: "DeltaListeners",
        scope: Some(ResourceType::Listener),
    },
    Methods {
        service: "envoy.service.route.v3.RouteDiscoveryService",
        sotw: "StreamRoutes",
        delta: "DeltaRoutes",
        scope: Some(ResourceType::Routes),
    },
];

/// One of [`SERVICES`] on one transport.
#[derive(Clone)]
pub(super) struct Discovery<const SERVICE: usize>(pub(super) Streams);

impl<const SERVICE: usize> NamedService for Discovery<SERVICE> {
    const NAME: &'static str = SERVICES[SERVICE].service;
}

impl<const SERVICE: usize> Service<http::Request<Body>> for Discovery<SERVICE> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let methods = &SERVICES[SERVICE];
        let method = request.uri().path().rsplit('/').next().unwrap_or_default();
        let variant = if method == methods.sotw {
            Variant::StateOfTheWorld
        } else if method == methods.delta {
            Variant::Delta
        } else {
            let status = Status::unimplemented(format!(
                "this server has {} and {} in {}",
                methods.sotw, methods.delta, methods.service
            ));
            return std::future::ready(Ok(status.into_http())).boxed();
        };
        let opening = Opening {
            streams: self.0.clone(),
            variant,
            scope: methods.scope,
        };
        std::future::ready(Ok(answer(&opening, request))).boxed()
    }
}

/// Opens a stream, unless its requests are compressed.
fn answer(opening: &Opening, request: http::Request<Body>) -> http::Response<Body> {
    let encoding = request.headers().get(ENCODING);
    if let Some(encoding) = encoding.filter(|encoding| *encoding != IDENTITY) {
        let mut status = Status::unimplemented(format!(
            "requests are not to be compressed, and these are, with {encoding:?}"
        ));
        let identity = MetadataValue::from_static(IDENTITY);
        status.metadata_mut().insert(ACCEPT_ENCODING, identity);
        return status.into_http();
    }
    let requests = Requests::new(request.into_body(), opening.variant);
    let mut response = http::Response::new(Body::new(Responses::new(opening.open(requests))));
    let content_type = http::HeaderValue::from_static("application/grpc");
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, content_type);
    response
}
