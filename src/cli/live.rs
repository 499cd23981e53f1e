//! Reaching the running sidecar, for the commands that ask it.

use std::path::PathBuf;

use clap::Args;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::failure::Failure;
use super::sidecar::without_scheme;
use crate::control::v1::control_client::ControlClient;
use crate::control::{self, v1};
use crate::inspect::Moment;

/// Which sidecar.
#[derive(Debug, Clone, Args)]
pub(super) struct SidecarSocket {
    /// The unix socket of the running sidecar
    #[arg(
        long,
        value_name = "PATH",
        default_value = "unix:///var/run/xds/xds.sock"
    )]
    #[arg(env = "IGW_XDS_SOCKET", hide_env_values = true)]
    janitor_socket: PathBuf,
}

impl SidecarSocket {
    /// Connects to the sidecar.
    pub(super) async fn connect(&self) -> Result<Channel, Failure> {
        let socket = without_scheme(&self.janitor_socket);
        control::connect(&socket).await.map_err(|error| {
            Failure::Unreachable(format!(
                "{error}; start one with `xds`, or name its socket with --janitor-socket PATH"
            ))
        })
    }

    /// Does what asks this sidecar; a failure says which one was asked.
    pub(super) async fn asked<T>(
        self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        work.await.map_err(|failure| self.blame(failure))
    }

    /// Says of a failure which sidecar was asked, where it does not say so itself.
    fn blame(&self, failure: Failure) -> Failure {
        let socket = without_scheme(&self.janitor_socket).display().to_string();
        let named = |text: String| match text.contains(&socket) {
            true => text,
            false => format!("{text} (the sidecar at {socket} was asked)"),
        };
        match failure {
            Failure::Failed(text) => Failure::Failed(named(text)),
            Failure::Unreachable(text) => Failure::Unreachable(named(text)),
            other => other,
        }
    }

    /// Connects to the sidecar's control service.
    pub(super) async fn control(&self) -> Result<ControlClient<Channel>, Failure> {
        Ok(control::client(self.connect().await?))
    }
}

/// What the sidecar's refusal of a request is to the user.
impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        let text = status.message().to_owned();
        match status.code() {
            Code::InvalidArgument => Self::Usage(text),
            Code::Unavailable | Code::Cancelled => {
                Self::Unreachable(format!("the sidecar went away: {text}"))
            }
            // A connection that breaks under a stream is told in many ways.
            Code::Unknown if text.contains("transport") || text.contains("h2") => {
                Self::Unreachable(format!("the sidecar went away: {text}"))
            }
            Code::Unimplemented => Self::Failed(format!(
                "the sidecar does not know this command: it runs another version than {}",
                env!("CARGO_PKG_VERSION")
            )),
            code => Self::Failed(format!("{code}: {text}")),
        }
    }
}

/// The word for an expose's standing.
pub(super) fn standing(expose: &v1::Expose) -> &'static str {
    match expose.standing() {
        v1::Standing::Unspecified => "unknown",
        v1::Standing::Refused => "refused",
        v1::Standing::RefusedByEnvoy => "refused by Envoy",
        v1::Standing::Waiting => "waiting",
        v1::Standing::Kept => "kept",
        v1::Standing::NoEndpoints => "no endpoints",
        v1::Standing::Served => "served",
    }
}

/// What more there is to say of an expose that is not as it should be.
pub(super) fn why(expose: &v1::Expose) -> String {
    let refused = match expose.refused_by.as_slice() {
        [] => None,
        nodes => Some(format!("refused by {}", nodes.join(", "))),
    };
    let problem = Some(expose.problem.clone()).filter(|problem| !problem.is_empty());
    refused
        .into_iter()
        .chain(problem)
        .collect::<Vec<_>>()
        .join("; ")
}

/// A time as people read it, to the second.
pub(super) fn time(time: Option<&prost_types::Timestamp>) -> String {
    time.map_or_else(String::new, |time| {
        let moment = control::moment(time).to_string();
        let seconds = moment.split('.').next().unwrap_or_default();
        format!("{seconds}Z")
    })
}

/// The time of day, to the second.
pub(super) fn now() -> String {
    let moment = Moment::from(std::time::SystemTime::now()).to_string();
    let of_day = moment.split('T').nth(1).unwrap_or_default();
    of_day.split('.').next().unwrap_or_default().to_owned()
}
