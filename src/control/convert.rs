//! From what is known of a gateway to the messages that tell it.

use std::time::{Duration, SystemTime};

use prost_types::Timestamp;

use super::v1;
use crate::daemon::{Connection, Link};
use crate::envoy::{Resource, ResourceType};
use crate::inspect::board::{Board, Standing, Summary, Traffic};
use crate::inspect::explain::{Caveat, Explanation, Outcome, Stage};
use crate::inspect::telemetry::{Change, Envoy, Refusal, Report};
use crate::inspect::{Moment, State};
use crate::model::{Diagnostic, ObjectPath, Severity};

/// The gateway at a glance; the exposes of one service, or all.
pub(super) fn status(state: &State, service: &str) -> v1::Status {
    let board = state.board();
    let snapshot = board.catalog.snapshot();
    let resources = ResourceType::ALL.into_iter().map(|kind| v1::Resources {
        r#type: kind.word().into(),
        count: number(snapshot.len(kind)),
        version: snapshot.version(kind).to_string(),
    });
    let summaries = board.exposes.values();
    let wanted = summaries.filter(|summary| service.is_empty() || summary.service == service);
    let certificates = board.catalog.secrets.values();
    let ends = certificates.filter_map(|secret| Some((secret.certificate.not_after?, secret)));
    let first = ends.min_by_key(|(end, _)| *end);
    v1::Status {
        gateway: state.sources().gateway.clone(),
        version: env!("CARGO_PKG_VERSION").into(),
        started: Some(time(state.started().into())),
        ready: board.known,
        daemon: Some(daemon(&state.connection(), SystemTime::now())),
        exposes: wanted.map(|summary| expose(summary)).collect(),
        envoys: envoys(&board),
        resources: resources.collect(),
        first_expiry: first.map(|(end, _)| time(end)),
        first_to_expire: first.map_or_else(String::new, |(_, secret)| secret.owner().into()),
        findings: findings(&board, service),
    }
}

/// What there is to mend in the configurations of one service, or of all.
fn findings(board: &Board, service: &str) -> Vec<v1::Finding> {
    let reports = board.view.reports.iter();
    let wanted = reports.filter(|(path, _)| service.is_empty() || path.to_string() == service);
    let all = wanted.flat_map(|(path, report)| report.diagnostics.iter().map(move |f| (path, f)));
    let to_mend = all.filter(|(_, found)| found.severity != Severity::Info);
    to_mend.map(|(path, found)| finding(path, found)).collect()
}

/// How the following of the daemon goes.
pub(super) fn daemon(connection: &Connection, now: SystemTime) -> v1::Daemon {
    let (link, since, error) = match &connection.link {
        Link::Starting => (v1::daemon::Link::Starting, None, ""),
        Link::Following { since } => (v1::daemon::Link::Following, Some(*since), ""),
        Link::Waiting { since, error } => (v1::daemon::Link::Waiting, Some(*since), error.as_str()),
    };
    v1::Daemon {
        link: link.into(),
        since: since.map(|since| time(since.into())),
        error: error.into(),
        age_seconds: connection.age(now).as_secs_f64(),
    }
}

/// An expose.
pub(super) fn expose(summary: &Summary) -> v1::Expose {
    let standing = match summary.standing {
        Standing::Refused => v1::Standing::Refused,
        Standing::RefusedByEnvoy => v1::Standing::RefusedByEnvoy,
        Standing::Waiting => v1::Standing::Waiting,
        Standing::Kept => v1::Standing::Kept,
        Standing::NoEndpoints => v1::Standing::NoEndpoints,
        Standing::Served => v1::Standing::Served,
    };
    let traffic = summary.traffic.map(|traffic| match traffic {
        Traffic::Http => "http",
        Traffic::Https => "https",
        Traffic::Tcp => "tcp",
        Traffic::Tls => "tls",
        Traffic::Passthrough => "passthrough",
        Traffic::Udp => "udp",
    });
    v1::Expose {
        id: summary.id.clone(),
        service: summary.service.clone(),
        section: summary.section.clone(),
        standing: standing.into(),
        listener: summary.listener.clone().unwrap_or_default(),
        traffic: traffic.unwrap_or_default().into(),
        names: summary.names.clone(),
        endpoints: number(summary.endpoints),
        refused_by: summary.refused_by.clone(),
        problem: summary.problem.clone().unwrap_or_default(),
        warnings: number(summary.warnings),
    }
}

/// The connected Envoys.
pub(super) fn envoys(board: &Board) -> Vec<v1::Envoy> {
    let reports = board.telemetry.iter();
    let all = reports.flat_map(|report| report.envoys.iter().map(move |envoy| (report, envoy)));
    all.map(|(report, known)| envoy(board, report, known))
        .collect()
}

fn envoy(board: &Board, report: &Report, envoy: &Envoy) -> v1::Envoy {
    let stream = &envoy.stream;
    let refusals = envoy.refusals().map(|(kind, r)| refusal(board, kind, r));
    v1::Envoy {
        node: stream.node.to_string(),
        gateway: stream.gateway.to_string(),
        stream: stream.id,
        variant: stream.variant.word().into(),
        transport: stream.transport.to_string(),
        connected: Some(time(envoy.connected.into())),
        lag_seconds: report.lag(envoy).as_secs_f64(),
        refusals: refusals.collect(),
    }
}

fn refusal(board: &Board, kind: ResourceType, refusal: &Refusal) -> v1::Refusal {
    let owners = board.owners.of_refusal(kind, &refusal.name, &refusal.text);
    v1::Refusal {
        r#type: kind.word().into(),
        resource: refusal.name.to_string(),
        certain: refusal.certain,
        text: refusal.text.to_string(),
        at: Some(time(refusal.at.into())),
        exposes: owners.into_iter().map(str::to_owned).collect(),
    }
}

/// The newest changes, the last one first.
pub(super) fn changes(board: &Board, limit: usize) -> Vec<v1::Change> {
    let reports = board.telemetry.iter();
    let all = reports.flat_map(|report| report.changes.iter().map(move |change| (report, change)));
    all.take(limit)
        .map(|(report, made)| change(report, made))
        .collect()
}

fn change(report: &Report, change: &Change) -> v1::Change {
    let (acknowledged, outstanding) = report.spread(change);
    let parts = change.parts.iter().map(|part| v1::Part {
        r#type: part.kind.word().into(),
        put: number(part.put),
        removed: number(part.removed),
        names: part.names.iter().map(ToString::to_string).collect(),
    });
    let last = change.acknowledged.iter().map(|ack| ack.after).max();
    v1::Change {
        number: change.number,
        at: Some(time(change.at.into())),
        parts: parts.collect(),
        acknowledged: number(acknowledged),
        outstanding: number(outstanding),
        event_to_ack_seconds: last.map(|after| after.as_secs_f64()),
    }
}

/// How far a service has come.
pub(super) fn progress(board: &Board, service: &ObjectPath) -> v1::ServiceProgress {
    let own = board
        .exposes
        .iter()
        .filter(|(id, _)| id.service == *service);
    let exposes: Vec<v1::Expose> = own.map(|(_, summary)| expose(summary)).collect();
    let report = board.view.reports.get(service);
    let findings = report.into_iter().flat_map(|report| &report.diagnostics);
    let mut resources: Vec<v1::Resource> = exposes
        .iter()
        .flat_map(|expose| resources(board, &expose.id))
        .map(|resource| v1::Resource {
            type_url: resource.kind.type_url().into(),
            r#type: resource.kind.word().into(),
            name: resource.name.to_string(),
            version: resource.version.to_string(),
        })
        .collect();
    // Exposes share listeners.
    resources.sort_by(|a, b| (&a.type_url, &a.name).cmp(&(&b.type_url, &b.name)));
    resources.dedup();
    v1::ServiceProgress {
        known: board.known && !exposes.is_empty(),
        findings: findings.map(|f| finding(service, f)).collect(),
        exposes,
        resources,
    }
}

/// What Envoy is served for an expose.
fn resources<'a>(board: &'a Board, expose: &str) -> Vec<&'a Resource> {
    let belongings = board.owners.belongings(expose);
    let listener = belongings.and_then(|b| b.listener.as_ref());
    let routes = belongings.and_then(|b| b.routes.as_deref());
    let secrets = board.catalog.secrets.keys();
    let is_used =
        |secret: &&std::sync::Arc<str>| board.owners.of_secret(secret).any(|user| user == expose);
    let named = [
        Some((ResourceType::Cluster, expose)),
        Some((ResourceType::Endpoints, expose)),
        listener.map(|listener| (ResourceType::Listener, listener.name.as_str())),
        routes.map(|routes| (ResourceType::Routes, routes)),
    ];
    let secrets = secrets
        .filter(is_used)
        .map(|name| (ResourceType::Secret, &**name));
    let snapshot = board.catalog.snapshot();
    let all = named.into_iter().flatten().chain(secrets);
    all.filter_map(|(kind, name)| snapshot.get(kind, name).map(|found| &**found))
        .collect()
}

/// Something that was found in a configuration.
pub(super) fn finding(service: &ObjectPath, finding: &Diagnostic) -> v1::Finding {
    v1::Finding {
        service: service.to_string(),
        severity: finding.severity.to_string(),
        code: finding.code.into(),
        section: finding.section.clone().unwrap_or_default(),
        keyword: finding.keyword.clone().unwrap_or_default(),
        message: finding.message.clone(),
        hint: finding.hint.clone(),
    }
}

/// The way of a request, without its owner and what is related.
pub fn explanation(explanation: &Explanation) -> v1::Explanation {
    let outcome = match explanation.outcome {
        Outcome::Forwarded => v1::Outcome::Forwarded,
        Outcome::Redirected => v1::Outcome::Redirected,
        Outcome::NoEndpoints => v1::Outcome::NoEndpoints,
        Outcome::NotFound => v1::Outcome::NotFound,
        Outcome::Closed => v1::Outcome::Closed,
        Outcome::NotListening => v1::Outcome::NotListening,
    };
    let stage = |stage| match stage {
        Stage::Listener => v1::Stage::Listener,
        Stage::Chain => v1::Stage::Chain,
        Stage::VirtualHost => v1::Stage::VirtualHost,
        Stage::Route => v1::Stage::Route,
        Stage::Cluster => v1::Stage::Cluster,
    };
    let steps = explanation.steps.iter().map(|step| v1::Step {
        stage: stage(step.stage).into(),
        name: step.name.clone().unwrap_or_default(),
        why: step.why.clone(),
        shadows: step
            .shadows
            .iter()
            .map(|shadow| v1::Shadow {
                name: shadow.name.clone(),
                why: shadow.why.clone(),
            })
            .collect(),
    });
    let endpoints = explanation.endpoints.iter().map(|endpoint| v1::Endpoint {
        address: endpoint.address.clone(),
        port: endpoint.port.into(),
    });
    v1::Explanation {
        outcome: outcome.into(),
        answer: explanation.answer.clone(),
        steps: steps.collect(),
        expose: explanation.expose.clone().unwrap_or_default(),
        endpoints: endpoints.collect(),
        location: explanation.location.clone().unwrap_or_default(),
        owner: None,
        related: Vec::new(),
        caveats: Vec::new(),
    }
}

/// What the way of a request does not show.
pub(super) fn caveat(caveat: Caveat) -> v1::Caveat {
    v1::Caveat {
        text: caveat.text,
        fatal: caveat.fatal,
    }
}

fn time(moment: Moment) -> Timestamp {
    let since = Duration::from_secs_f64(moment.unix_seconds());
    Timestamp {
        seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(since.subsec_nanos()).unwrap_or_default(),
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
