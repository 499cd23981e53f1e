//! The values of all metrics, at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use super::names::*;
use super::process;
use super::text::Text;
use crate::daemon::{Connection, Link, Resync};
use crate::envoy::{ResourceType, Variant};
use crate::http::api::status::seconds_since;
use crate::inspect::board::{Board, Standing};
use crate::inspect::telemetry::Report;
use crate::inspect::{Moment, State};
use crate::xds::Stream;

pub(super) fn gather(state: &State) -> String {
    let board = state.board();
    let mut text = Text::default();
    text.family(BUILD_INFO)
        .sample(&[env!("CARGO_PKG_VERSION"), &state.sources().gateway], 1);
    text.single(READY, u8::from(board.known));
    let kept_from = board.telemetry.as_ref().and_then(|report| report.kept_from);
    text.single(KEPT_AGE, kept_from.map_or(0.0, seconds_since));
    daemon(&mut text, &state.connection());
    exposes(&mut text, &board);
    snapshot(&mut text, &board);
    if let Some(report) = &board.telemetry {
        envoys(&mut text, report, &state.sources().transports);
    }
    let mut family = text.family(CERTIFICATE_EXPIRY);
    for secret in board.catalog.secrets.values() {
        if let Some(expiry) = secret.certificate.not_after {
            let subject = secret
                .certificate
                .leaf
                .as_ref()
                .map_or("", |leaf| &leaf.subject);
            family.sample(&[&secret.name, subject], expiry.unix_seconds());
        }
    }
    process::write(&mut text);
    text.finish()
}

fn seconds(time: SystemTime) -> f64 {
    Moment::from(time).unix_seconds()
}

fn daemon(text: &mut Text, connection: &Connection) {
    let following = matches!(connection.link, Link::Following { .. });
    text.single(CONFIG_AGE, connection.age(SystemTime::now()).as_secs_f64());
    text.single(DAEMON_CONNECTED, u8::from(following));
    text.single(
        DAEMON_LAST_MESSAGE,
        connection.last_message.map_or(0.0, seconds),
    );
    text.family(DAEMON_MESSAGES)
        .sample(&["true"], connection.patches)
        .sample(&["false"], connection.irrelevant);
    let mut family = text.family(DAEMON_RESYNCS);
    for reason in Resync::ALL {
        family.sample(&[&reason.to_string()], connection.resyncs(reason));
    }
}

fn exposes(text: &mut Text, board: &Board) {
    let mut family = text.family(EXPOSES);
    for standing in Standing::ALL {
        family.sample(&[standing.word()], board.count(standing));
    }
    let mut family = text.family(EXPOSE_INFO);
    for expose in board.exposes.values() {
        family.sample(
            &[&expose.service, &expose.section, expose.standing.word()],
            1,
        );
    }
    let mut family = text.family(EXPOSE_ENDPOINTS);
    for expose in board.exposes.values() {
        family.sample(&[&expose.service, &expose.section], expose.endpoints);
    }
    let mut family = text.family(EXPOSE_REFUSED_BY_ENVOY);
    for expose in board.exposes.values() {
        for node in &expose.refused_by {
            family.sample(&[&expose.service, &expose.section, node], 1);
        }
    }
    let mut counts: BTreeMap<(String, &str), usize> = BTreeMap::new();
    for finding in board
        .view
        .reports
        .values()
        .flat_map(|report| &report.diagnostics)
    {
        *counts
            .entry((finding.severity.to_string(), finding.code))
            .or_default() += 1;
    }
    let mut family = text.family(DIAGNOSTICS);
    for ((severity, code), count) in counts {
        family.sample(&[&severity, code], count);
    }
}

fn snapshot(text: &mut Text, board: &Board) {
    let snapshot = board.catalog.snapshot();
    let mut family = text.family(SNAPSHOT_RESOURCES);
    for kind in ResourceType::ALL {
        family.sample(&[kind.word()], snapshot.len(kind));
    }
    let mut family = text.family(SNAPSHOT_BYTES);
    for kind in ResourceType::ALL {
        let bytes: usize = snapshot
            .iter(kind)
            .map(|resource| resource.body.len())
            .sum();
        family.sample(&[kind.word()], bytes);
    }
    let last = board
        .telemetry
        .as_ref()
        .and_then(|report| report.changes.first());
    text.single(SNAPSHOT_CHANGES, last.map_or(0, |change| change.number));
    text.single(
        SNAPSHOT_LAST_CHANGE,
        last.map_or(0.0, |change| seconds(change.at)),
    );
}

fn envoys(text: &mut Text, report: &Report, transports: &[Arc<str>]) {
    // A series that comes and goes is none that an alert could be made of.
    let mut streams: BTreeMap<(&str, &str), usize> = transports
        .iter()
        .flat_map(|transport| {
            [Variant::StateOfTheWorld, Variant::Delta].map(|of| ((of.word(), &**transport), 0))
        })
        .collect();
    for envoy in &report.envoys {
        let key = (envoy.stream.variant.word(), &*envoy.stream.transport);
        *streams.entry(key).or_default() += 1;
    }
    let mut family = text.family(STREAMS);
    for ((variant, transport), count) in streams {
        family.sample(&[variant, transport], count);
    }
    text.single(CONNECTIONS, report.connections);
    let mut family = text.family(LAG);
    for envoy in &report.envoys {
        let stream = envoy.stream.id.to_string();
        family.sample(
            &[&envoy.stream.node, &stream],
            report.lag(envoy).as_secs_f64(),
        );
    }
    for (metric, of) in [
        (
            RESPONSES,
            (|c| c.responses) as fn(&crate::inspect::telemetry::Counters) -> u64,
        ),
        (SENT_RESOURCES, |c| c.resources),
        (SENT_BYTES, |c| c.bytes),
        (ACKS, |c| c.accepted),
    ] {
        let mut family = text.family(metric);
        for kind in ResourceType::ALL {
            family.sample(&[kind.word()], of(report.of(kind)));
        }
    }
    let mut family = text.family(NACKS);
    for kind in ResourceType::ALL {
        for (node, count) in nacks(report, kind) {
            family.sample(&[kind.word(), node], count);
        }
    }
    let mut family = text.family(EVENT_TO_ACK);
    for kind in ResourceType::ALL {
        family.histogram(&[kind.word()], &report.of(kind).event_to_ack);
    }
    let mut family = text.family(SEND_TO_ACK);
    for kind in ResourceType::ALL {
        family.histogram(&[kind.word()], &report.of(kind).send_to_ack);
    }
}

/// How often nodes refused a type, those that may do so and never did among them: a rate sees the first
/// refusal only where there was a zero before.
fn nacks(report: &Report, kind: ResourceType) -> BTreeMap<&str, u64> {
    let may = |stream: &&Stream| stream.scope.is_none_or(|scope| scope == kind);
    let streams = report.envoys.iter().map(|envoy| &envoy.stream).filter(may);
    let mut nacks: BTreeMap<&str, u64> = streams.map(|stream| (&*stream.node, 0)).collect();
    let refused = &report.of(kind).refused;
    nacks.extend(refused.iter().map(|(node, count)| (&**node, *count)));
    nacks
}
