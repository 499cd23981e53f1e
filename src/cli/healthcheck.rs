//! `xds healthcheck`: whether a sidecar of this machine serves, for container runtimes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use tokio::time::timeout;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::control;

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
    let at = path.display();
    let status = match timeout(patience, status(&path, service)).await {
        Ok(status) => status,
        Err(_) => Err(format!("no sidecar answers at {at} in {} s", args.timeout)),
    };
    match status {
        Ok(ServingStatus::Serving) => Ok(()),
        Ok(ServingStatus::NotServing) if args.ready => Err(format!(
            "the daemon's state is not known yet to the sidecar at {at}"
        )),
        Ok(status) => Err(format!("the sidecar at {at} says {}", status.as_str_name())),
        Err(error) => Err(format!(
            "{error}; name its socket with --janitor-socket PATH"
        )),
    }
}

async fn status(path: &Path, service: &str) -> Result<ServingStatus, String> {
    let channel = control::connect(path).await;
    let channel = channel.map_err(|error| error.to_string())?;
    let request = HealthCheckRequest {
        service: service.to_owned(),
    };
    match HealthClient::new(channel).check(request).await {
        Ok(response) => Ok(response.into_inner().status()),
        // The service is registered once it serves.
        Err(status) if status.code() == Code::NotFound => Ok(ServingStatus::NotServing),
        Err(status) => Err(format!(
            "the sidecar at {} does not answer: {}",
            path.display(),
            status.message()
        )),
    }
}
