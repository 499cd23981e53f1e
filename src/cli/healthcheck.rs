//! `xds healthcheck`: whether a sidecar of this machine serves, for container runtimes.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::time::timeout;
use tonic::transport::{Endpoint, Uri};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tower::service_fn;

/// The service whose health is that the daemon's state, or a last known good, is served.
const DISCOVERY: &str = "envoy.service.discovery.v3.AggregatedDiscoveryService";

/// What the help says of exit codes. Container runtimes know two, so that a sidecar that does not
/// answer is no other than one that says no.
const EXIT_CODES: &str = "\
Exit codes:
  0  the sidecar lives, or with --ready has something to serve
  1  it says no, or does not answer in time; why is on standard error
  2  the command line is not understood";

/// What to ask, and whom.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct HealthcheckArgs {
    /// The unix socket on which the sidecar serves Envoy
    #[arg(
        long,
        value_name = "PATH",
        default_value = "unix:///var/run/xds/xds.sock"
    )]
    #[arg(env = "IGW_XDS_SOCKET", hide_env_values = true)]
    janitor_socket: PathBuf,
    /// Ask whether there is something to serve, too: not before the daemon's state is known
    #[arg(long)]
    ready: bool,
    /// How many seconds the sidecar may take to answer
    #[arg(long, value_name = "SECONDS", default_value_t = 2)]
    timeout: u64,
}

/// Asks once.
///
/// # Errors
/// What is wrong, for people, where the sidecar does not say that it serves.
pub(super) async fn ask(args: HealthcheckArgs) -> Result<(), String> {
    let path = super::sidecar::without_scheme(&args.janitor_socket);
    let patience = Duration::from_secs(args.timeout);
    let service = if args.ready { DISCOVERY } else { "" };
    let status = match timeout(patience, status(path.clone(), service)).await {
        Ok(status) => status,
        Err(_) => Err(format!("no answer in {} s", args.timeout)),
    };
    let at = path.display();
    match status {
        Ok(ServingStatus::Serving) => Ok(()),
        Ok(ServingStatus::NotServing) if args.ready => Err(format!(
            "the daemon's state is not known yet to the sidecar at {at}"
        )),
        Ok(status) => Err(format!("the sidecar at {at} says {}", status.as_str_name())),
        Err(error) => Err(format!(
            "no sidecar answers at {at}: {error}; name its socket with --janitor-socket PATH"
        )),
    }
}

async fn status(path: PathBuf, service: &str) -> Result<ServingStatus, String> {
    // A socket has no host, but a request must name one.
    let endpoint = Endpoint::from_static("http://localhost");
    let connect = service_fn(move |_: Uri| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    });
    let channel = endpoint.connect_with_connector(connect).await;
    let channel = channel.map_err(|error| reason(&error))?;
    let request = HealthCheckRequest {
        service: service.to_owned(),
    };
    match HealthClient::new(channel).check(request).await {
        Ok(response) => Ok(response.into_inner().status()),
        // The service is registered once it serves.
        Err(status) if status.code() == tonic::Code::NotFound => Ok(ServingStatus::NotServing),
        Err(status) => Err(status.message().to_owned()),
    }
}

/// The innermost cause: "transport error" tells nobody anything.
fn reason(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
