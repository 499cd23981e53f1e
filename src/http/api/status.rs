//! The gateway at a glance.

use std::collections::BTreeMap;
use std::time::SystemTime;

use axum::Json;
use axum::extract;
use serde::Serialize;
use utoipa::ToSchema;

use crate::daemon::{Connection, Link, Resync};
use crate::envoy::ResourceType;
use crate::inspect::board::Standing;
use crate::inspect::{Moment, State};

/// The gateway at a glance.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Status {
    /// The gateway's name.
    pub gateway: String,
    /// The version of the software.
    pub version: &'static str,
    /// When it started.
    pub started: Moment,
    /// Whether there is something to serve: the daemon's state is, or was, known.
    pub ready: bool,
    /// How the following of the OpenSVC daemon goes.
    pub daemon: Daemon,
    /// How many exposes are doing how.
    pub exposes: BTreeMap<&'static str, usize>,
    /// How many findings there are on configurations, by severity.
    pub findings: BTreeMap<String, usize>,
    /// How many Envoys are connected.
    pub envoys: usize,
    /// What is served, by type.
    pub resources: BTreeMap<&'static str, Resources>,
    /// When the first certificate expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_expiry: Option<Moment>,
}

/// How the following of the daemon goes.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Daemon {
    /// `following`: what is served is current. `waiting`: the last state that was known is served.
    /// `starting`: no connection was tried yet.
    #[schema(example = "following")]
    pub link: &'static str,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Moment>,
    /// What the last attempt met.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When the daemon last said something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_message: Option<Moment>,
    /// How old what is served may be, in seconds: 0 while the daemon is followed.
    pub age_seconds: f64,
    /// How often the whole state was read again, by reason.
    pub resyncs: BTreeMap<String, u64>,
}

/// The resources of a type.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Resources {
    /// How many there are.
    pub count: usize,
    /// The version of all of them together.
    #[schema(example = "kNPF8KGy")]
    pub version: String,
}

impl Daemon {
    pub(in crate::http) fn of(connection: &Connection, now: SystemTime) -> Self {
        let (link, since, error) = match &connection.link {
            Link::Starting => ("starting", None, None),
            Link::Following { since } => ("following", Some(*since), None),
            Link::Waiting { since, error } => ("waiting", Some(*since), Some(error.clone())),
        };
        let resyncs = Resync::ALL.into_iter();
        Self {
            link,
            since: since.map(Moment::from),
            error,
            last_message: connection.last_message.map(Moment::from),
            age_seconds: connection.age(now).as_secs_f64(),
            resyncs: resyncs
                .map(|reason| (reason.to_string(), connection.resyncs(reason)))
                .filter(|(_, count)| *count > 0)
                .collect(),
        }
    }
}

/// The time from a moment to now, in seconds.
pub(in crate::http) fn seconds_since(moment: SystemTime) -> f64 {
    let age = SystemTime::now().duration_since(moment);
    age.unwrap_or_default().as_secs_f64()
}

pub(in crate::http) fn current(state: &State) -> Status {
    let board = state.board();
    let snapshot = board.catalog.snapshot();
    let resources = ResourceType::ALL.into_iter().map(|kind| {
        let resources = Resources {
            count: snapshot.len(kind),
            version: snapshot.version(kind).to_string(),
        };
        (kind.word(), resources)
    });
    let certificates = board.catalog.secrets.values();
    let reports = board.view.reports.values();
    let mut findings = BTreeMap::new();
    for finding in reports.flat_map(|report| &report.diagnostics) {
        *findings.entry(finding.severity.to_string()).or_default() += 1;
    }
    Status {
        gateway: state.sources().gateway.clone(),
        version: env!("CARGO_PKG_VERSION"),
        started: state.started().into(),
        ready: board.known,
        daemon: Daemon::of(&state.connection(), SystemTime::now()),
        exposes: Standing::ALL
            .into_iter()
            .map(|standing| (standing.word(), board.count(standing)))
            .collect(),
        findings,
        envoys: board
            .telemetry
            .as_ref()
            .map_or(0, |report| report.envoys.len()),
        resources: resources.collect(),
        first_expiry: certificates.filter_map(|c| c.certificate.not_after).min(),
    }
}

/// The gateway at a glance
#[utoipa::path(get, path = "/api/v1/status", tag = "gateway",
    responses((status = 200, body = Status)))]
pub(super) async fn status(extract::State(state): extract::State<State>) -> Json<Status> {
    Json(current(&state))
}
