//! gRPC reflection: a client without the protos, such as `grpcurl`, asks which services there are and
//! what their messages mean.

use std::convert::Infallible;
use std::sync::OnceLock;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic_reflection::server::{Builder, Error};

use super::service::SERVICES;
use super::status;
use crate::envoy::DESCRIPTORS;

/// The version of the reflection protocol that is current.
pub(super) const V1: bool = true;

/// The version that older clients speak.
pub(super) const V1_ALPHA: bool = false;

/// The reflection service, in one of its versions. It is made when it is first asked, as it needs
/// megabytes that a gateway otherwise does without.
#[derive(Clone, Copy)]
pub(super) struct Reflection<const IS_V1: bool>;

impl<const IS_V1: bool> NamedService for Reflection<IS_V1> {
    const NAME: &'static str = match IS_V1 {
        V1 => "grpc.reflection.v1.ServerReflection",
        V1_ALPHA => "grpc.reflection.v1alpha.ServerReflection",
    };
}

impl<const IS_V1: bool> Service<http::Request<Body>> for Reflection<IS_V1> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        static ROUTES: OnceLock<Result<Routes, String>> = OnceLock::new();
        match ROUTES.get_or_init(|| routes().map_err(|error| error.to_string())) {
            Ok(routes) => routes.clone().call(request).boxed(),
            Err(why) => {
                let status = Status::internal(format!("the descriptors cannot be read: {why}"));
                std::future::ready(Ok(status.into_http())).boxed()
            }
        }
    }
}

fn routes() -> Result<Routes, Error> {
    let routes = Routes::new(builder().build_v1()?);
    Ok(routes.add_service(builder().build_v1alpha()?).prepare())
}

/// Knows every message of the descriptors, and names the services that are served.
fn builder() -> Builder<'static> {
    let others = [
        status::SERVICE,
        tonic_health::pb::health_server::SERVICE_NAME,
        Reflection::<V1>::NAME,
        Reflection::<V1_ALPHA>::NAME,
    ];
    let served = SERVICES.iter().map(|methods| methods.service);
    served.chain(others).fold(
        Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(
                tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
            )
            .include_reflection_service(false),
        Builder::with_service_name,
    )
}
