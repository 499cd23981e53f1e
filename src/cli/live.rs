//! Reaching the running sidecar, for the commands that ask it.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::failure::Failure;
use super::sidecar::without_scheme;
use super::terminal::{Paint, Style};
use crate::control::v1::control_client::ControlClient;
use crate::control::{self, ConnectError, v1};
use crate::inspect::Moment;
use crate::text::printable;

/// Where a sidecar listens unless it is told otherwise.
const USUAL: &str = "unix:///var/run/xds/xds.sock";

/// Which sidecar.
#[derive(Debug, Clone, Args)]
pub(super) struct SidecarSocket {
    /// The unix socket of the running sidecar
    #[arg(
        long,
        value_name = "PATH",
        default_value = USUAL
    )]
    #[arg(env = "IGW_XDS_SOCKET", hide_env_values = true)]
    #[arg(value_parser = OsStringValueParser::new().map(named_socket))]
    janitor_socket: PathBuf,
}

/// The socket of an option or variable; one that is set to nothing is as good as none.
fn named_socket(named: OsString) -> PathBuf {
    match named.is_empty() {
        true => USUAL.into(),
        false => named.into(),
    }
}

impl SidecarSocket {
    /// Connects to the sidecar.
    pub(super) async fn connect(&self) -> Result<Channel, Failure> {
        let socket = without_scheme(&self.janitor_socket);
        control::connect(&socket).await.map_err(|error| {
            let advice = match error {
                ConnectError::Denied { .. } => "ask as root, or as a member of its group",
                ConnectError::NoSocket { .. } | ConnectError::Stranger { .. } => {
                    "name the sidecar's socket with --janitor-socket PATH"
                }
                ConnectError::Nobody { .. } => {
                    "start one with `xds`, or name its socket with --janitor-socket PATH"
                }
            };
            Failure::Unreachable(format!("{error}; {advice}"))
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
        // The problem names it.
        [] | [_] => None,
        nodes => Some(format!("refused by {}", nodes.join(", "))),
    };
    let problem = Some(expose.problem.clone()).filter(|problem| !problem.is_empty());
    refused
        .into_iter()
        .chain(problem)
        .collect::<Vec<_>>()
        .join("; ")
}

/// A finding, as a line. What services wrote is shown as it can do a terminal no harm.
pub(super) fn finding(finding: &v1::Finding, paint: Paint) -> String {
    let place = [&finding.section, &finding.keyword].map(String::as_str);
    let place: Vec<&str> = place.into_iter().filter(|part| !part.is_empty()).collect();
    let hint = match finding.hint.as_str() {
        "" => String::new(),
        hint => format!("; {hint}"),
    };
    format!(
        "{}: {} {}: {} {}\n",
        finding.severity,
        printable(&finding.service),
        printable(&place.join(".")),
        printable(&format!("{}{hint}", finding.message)),
        paint.apply(Style::Dim, format!("[{}]", finding.code)),
    )
}

/// A time as people read it, to the second.
pub(super) fn time(time: Option<&prost_types::Timestamp>) -> String {
    time.map_or_else(String::new, |time| control::moment(time).to_the_second())
}

/// The time of day, to the second.
pub(super) fn now() -> String {
    let moment = Moment::from(std::time::SystemTime::now()).to_string();
    let of_day = moment.split('T').nth(1).unwrap_or_default();
    of_day.split('.').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A section may have any name that the agent lets through.
    #[test]
    fn what_a_service_wrote_does_nothing_to_a_terminal() {
        let written = v1::Finding {
            service: "web".to_owned(),
            section: "vhost#\u{1b}[2J".to_owned(),
            message: "is\rempty".to_owned(),
            severity: "error".to_owned(),
            code: "code".to_owned(),
            ..v1::Finding::default()
        };
        assert_eq!(
            finding(&written, Paint::plain()),
            "error: web vhost#\\u{1b}[2J: is\\rempty [code]\n"
        );
    }
}
