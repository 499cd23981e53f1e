//! `xds status`: the running gateway at a glance.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use prost_types::Timestamp;

use super::failure::Failure;
use super::live::{self, SidecarSocket};
use super::terminal::{self, Paint, Style, Table, count, plain, styled};
use super::{FAILED, OK};
use crate::control::v1;

/// How many findings are told of beyond those beside the exposes.
const FINDINGS: usize = 10;

/// A day, in seconds.
const DAY: i64 = 86_400;

/// For how many days it is pointed at that a certificate expires: as long as a finding does of one
/// that is written out in a configuration.
const WARNED: i64 = 30;

/// Options of `xds status`.
#[derive(Debug, Clone, Args)]
pub(super) struct StatusArgs {
    /// Only the exposes of a service
    #[arg(value_name = "SERVICE")]
    service: Option<String>,
    /// Fail also where an expose is not served as configured, not only where the gateway is not ready
    #[arg(long)]
    check: bool,
    /// Write nothing; the exit code tells
    #[arg(short, long, conflicts_with = "json")]
    quiet: bool,
    #[command(flatten)]
    sidecar: SidecarSocket,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command. Fails where the gateway is not ready.
pub(super) async fn run(args: StatusArgs) -> Result<u8, Failure> {
    args.sidecar.clone().asked(tell(args)).await
}

async fn tell(args: StatusArgs) -> Result<u8, Failure> {
    let mut client = args.sidecar.control().await?;
    let service = args.service.clone().unwrap_or_default();
    let status = client
        .get_status(v1::GetStatusRequest { service })
        .await?
        .into_inner();
    if let Some(service) = args.service.as_ref().filter(|_| status.exposes.is_empty()) {
        return Err(Failure::Failed(format!(
            "{service} exposes nothing on gateway {}; `xds status` lists what is exposed",
            status.gateway
        )));
    }
    if args.json {
        terminal::print_json(&status)?;
    } else if !args.quiet {
        terminal::print(&text(&status, Paint::stdout()))?;
    }
    let well = |expose: &v1::Expose| {
        matches!(
            expose.standing(),
            v1::Standing::Served | v1::Standing::NoEndpoints
        )
    };
    let good = status.ready && (!args.check || status.exposes.iter().all(well));
    Ok(if good { OK } else { FAILED })
}

fn text(status: &v1::Status, paint: Paint) -> String {
    let mut table = Table::default();
    let head = format!(
        "{}, xds {}, up since {}",
        status.gateway,
        status.version,
        live::time(status.started.as_ref())
    );
    table.row([plain("gateway"), plain(head)]);
    table.row([plain("daemon"), daemon(status.daemon.as_ref())]);
    let envoys = status.envoys.iter().map(envoy);
    for (number, envoy) in envoys.enumerate() {
        table.row([plain(if number == 0 { "Envoy" } else { "" }), envoy]);
    }
    if status.envoys.is_empty() {
        table.row([plain("Envoy"), styled(Style::Bad, "none is connected")]);
    }
    let told = |refusal: &v1::Refusal| {
        let mut exposes = status.exposes.iter();
        exposes.any(|expose| refusal.exposes.contains(&expose.id) && !expose.refused_by.is_empty())
    };
    for envoy in &status.envoys {
        // Beside the exposes that are concerned, it is told what to do about it.
        for refusal in envoy.refusals.iter().filter(|refusal| !told(refusal)) {
            let text = format!(
                "{} refused {} {}: {}",
                envoy.node,
                refusal.r#type,
                refusal.resource,
                refusal.text.trim()
            );
            table.row([plain(""), styled(Style::Bad, text)]);
        }
    }
    let resources: Vec<String> = status
        .resources
        .iter()
        .map(|of| match (of.r#type.as_str(), of.count) {
            ("endpoints", n) => format!("endpoints of {n}"),
            ("routes", n) => format!("routes of {n}"),
            (kind, n) => count(usize::try_from(n).unwrap_or_default(), kind),
        })
        .collect();
    table.row([plain("serves"), plain(resources.join(", "))]);
    if let Some(expiry) = &status.first_expiry {
        table.row([plain(""), first_to_expire(status, expiry)]);
    }
    let mut text = table.lines(0, paint);
    if status.exposes.is_empty() {
        text.push_str(nothing(status));
        text.push_str(&findings(status, paint));
        return text;
    }
    text.push('\n');
    let mut table = Table::default();
    let titles = [
        "EXPOSE",
        "STANDING",
        "LISTENER",
        "TRAFFIC",
        "ENDPOINTS",
        "NAMES",
    ];
    table.row(titles.map(|title| styled(Style::Dim, title)));
    for expose in &status.exposes {
        table.row([
            plain(&expose.id),
            styled(style(expose), live::standing(expose)),
            plain(dash(&expose.listener)),
            plain(dash(&expose.traffic)),
            plain(expose.endpoints.to_string()),
            plain(expose.names.join(" ")),
        ]);
        let why = live::why(expose);
        if !why.is_empty() {
            table.row([styled(style(expose), format!("  {why}"))]);
        }
    }
    text.push_str(&table.lines(0, paint));
    text.push_str(&findings(status, paint));
    text
}

/// What there is to say where there is no expose.
fn nothing(status: &v1::Status) -> &'static str {
    let mut resources = status.resources.iter();
    match resources.any(|of| of.r#type == "listener" && of.count > 0) {
        _ if !status.ready => {
            "\nWhat is exposed is not known before the OpenSVC daemon is heard.\n"
        }
        true => {
            "\nThe last known good is served; what is exposed is not known before the daemon is heard.\n"
        }
        false => "\nNothing is exposed.\n",
    }
}

/// What there is to mend beyond what stands beside the exposes, a line each.
fn findings(status: &v1::Status, paint: Paint) -> String {
    let told = |finding: &v1::Finding| {
        let mut own = status
            .exposes
            .iter()
            .filter(|e| e.service == finding.service);
        own.any(|expose| expose.problem.contains(&finding.message))
    };
    let rest: Vec<&v1::Finding> = status.findings.iter().filter(|f| !told(f)).collect();
    if rest.is_empty() {
        return String::new();
    }
    let mut text = String::from("\n");
    for finding in rest.iter().take(FINDINGS) {
        text.push_str(&live::finding(finding, paint));
    }
    if rest.len() > FINDINGS {
        let more = rest.len() - FINDINGS;
        text.push_str(&format!(
            "and {more} more: `xds status SERVICE` tells those of one service\n"
        ));
    }
    text
}

/// When the first certificate expires, or did.
fn first_to_expire(status: &v1::Status, expiry: &Timestamp) -> (String, Option<Style>) {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let days = (expiry.seconds - now).div_euclid(DAY);
    let secret = match status.first_to_expire.as_str() {
        // A sidecar of another version does not say which.
        "" => String::new(),
        secret => format!(", in {secret},"),
    };
    let at = live::time(Some(expiry));
    match days {
        ..0 => styled(Style::Bad, format!("a certificate{secret} expired {at}")),
        0..WARNED => styled(
            Style::Doubtful,
            format!("the first certificate{secret} expires {at}"),
        ),
        _ => plain(format!("the first certificate{secret} expires {at}")),
    }
}

/// How an expose's standing looks.
pub(super) fn style(expose: &v1::Expose) -> Style {
    match expose.standing() {
        v1::Standing::Served => Style::Good,
        v1::Standing::Refused | v1::Standing::RefusedByEnvoy => Style::Bad,
        _ => Style::Doubtful,
    }
}

fn dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

fn daemon(daemon: Option<&v1::Daemon>) -> (String, Option<Style>) {
    let Some(daemon) = daemon else {
        return styled(Style::Doubtful, "unknown");
    };
    let (style, text) = sentence(daemon);
    styled(style, text)
}

/// How the following of the daemon goes, in words.
pub(super) fn sentence(daemon: &v1::Daemon) -> (Style, String) {
    let since = live::time(daemon.since.as_ref());
    match daemon.link() {
        v1::daemon::Link::Following => (Style::Good, format!("followed since {since}")),
        v1::daemon::Link::Waiting => {
            let text = format!("waited for since {since}: {}", daemon.error);
            (Style::Bad, text)
        }
        _ => (Style::Doubtful, "no connection was tried yet".to_owned()),
    }
}

fn envoy(envoy: &v1::Envoy) -> (String, Option<Style>) {
    let (style, state) = match (envoy.refusals.len(), envoy.lag_seconds) {
        (0, lag) if lag <= 0.0 => (Style::Good, "up to date".to_owned()),
        (0, lag) => (Style::Doubtful, format!("owes an answer for {lag:.1} s")),
        (n, _) => (Style::Bad, format!("refused {}", count(n, "resource"))),
    };
    let variant = match envoy.variant.as_str() {
        "delta" => "delta",
        _ => "state of the world",
    };
    styled(
        style,
        format!("{} ({variant}, {}): {state}", envoy.node, envoy.transport),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_nothing_is_exposed_is_not_said_while_a_listener_is_served_or_nothing_is_known() {
        let status = |ready, count| v1::Status {
            ready,
            resources: vec![v1::Resources {
                r#type: "listener".into(),
                count,
                ..v1::Resources::default()
            }],
            ..v1::Status::default()
        };
        let says = |ready, count, what| text(&status(ready, count), Paint::plain()).contains(what);
        assert!(says(true, 0, "Nothing is exposed."));
        assert!(says(true, 1, "The last known good is served;"));
        assert!(says(
            false,
            0,
            "not known before the OpenSVC daemon is heard"
        ));
    }
}
