//! `xds wait`: until a service is where it should be, for deploy scripts.
//!
//! What the service should have comes from the control service, and what each Envoy has from the
//! client status discovery service (CSDS) on the same socket: so an acknowledgement counts for the
//! very resource and version that the service has now.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use envoy_types::pb::envoy::service::status::v3::client_status_discovery_service_client as csds;
use envoy_types::pb::envoy::service::status::v3::{
    ClientConfig, ClientStatusRequest, ConfigStatus,
};
use tokio::time::{Instant, interval, timeout_at};
use tonic::transport::Channel;

use super::failure::Failure;
use super::live::{self, SidecarSocket};
use super::terminal;
use super::{FAILED, OK, TIMED_OUT};
use crate::control::{self, v1};
use crate::model::ObjectPath;

/// How often Envoys are asked after.
const PACE: Duration = Duration::from_millis(200);

/// How long a refused configuration may be the one before the one that is waited for.
const SETTLE: Duration = Duration::from_secs(3);

/// Options of `xds wait`.
#[derive(Debug, Clone, Args)]
pub(super) struct WaitArgs {
    /// The service
    #[arg(value_name = "SERVICE")]
    service: ObjectPath,
    /// Wait until every connected Envoy acknowledged the service's current configuration, and one at
    /// least is connected
    #[arg(long)]
    acked: bool,
    /// Wait until each of its exposes has an endpoint
    #[arg(long)]
    endpoints: bool,
    /// How many seconds to wait at most
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    timeout: u64,
    /// Do not tell what is waited for
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    sidecar: SidecarSocket,
}

/// How far things are.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Progress {
    /// There is nothing to wait for.
    Done,
    /// This is missing.
    Waiting(Vec<String>),
    /// It will not come unless somebody mends something.
    Refused(Vec<String>),
}

/// Runs the command.
pub(super) async fn run(args: WaitArgs) -> Result<u8, Failure> {
    args.sidecar.clone().asked(wait_for(args)).await
}

async fn wait_for(args: WaitArgs) -> Result<u8, Failure> {
    let deadline = Instant::now() + Duration::from_secs(args.timeout);
    let mut told = Vec::new();
    match timeout_at(deadline, wait(&args, &mut told)).await {
        Ok(outcome) => outcome,
        Err(_) => {
            eprintln!(
                "xds: after {} s {} still waits: {}",
                args.timeout,
                args.service,
                told.join("; ")
            );
            Ok(TIMED_OUT)
        }
    }
}

async fn wait(args: &WaitArgs, told: &mut Vec<String>) -> Result<u8, Failure> {
    let channel = args.sidecar.connect().await?;
    let request = v1::WatchServiceRequest {
        service: args.service.to_string(),
    };
    let mut control = control::client(channel.clone());
    let mut stream = control.watch_service(request).await?.into_inner();
    let mut service = v1::ServiceProgress::default();
    let mut pace = interval(PACE);
    let mut refused_since = None;
    loop {
        tokio::select! {
            news = stream.message() => match news? {
                Some(news) => service = news,
                None => return Err(Failure::Unreachable("the sidecar ended".into())),
            },
            _ = pace.tick() => {}
        }
        let clients = match args.acked {
            true => Some(clients(&channel).await?),
            false => None,
        };
        let missing = match progress(&service, clients.as_deref(), args.endpoints) {
            Progress::Done => {
                if !args.quiet {
                    terminal::print(&format!("{} {}\n", args.service, done(args, clients)))?;
                }
                return Ok(OK);
            }
            Progress::Refused(why) => {
                let since = *refused_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= SETTLE {
                    eprintln!("xds: {} is refused: {}", args.service, why.join("; "));
                    return Ok(FAILED);
                }
                why
            }
            Progress::Waiting(what) => {
                refused_since = None;
                what
            }
        };
        if *told != missing {
            if !args.quiet {
                eprintln!("waiting: {}", missing.join("; "));
            }
            *told = missing;
        }
    }
}

fn done(args: &WaitArgs, clients: Option<Vec<ClientConfig>>) -> String {
    let nodes = clients.iter().flatten().filter_map(node);
    let nodes: std::collections::BTreeSet<&str> = nodes.collect();
    match nodes.is_empty() {
        true if args.endpoints => "is served, and has endpoints".to_owned(),
        true => "is served".to_owned(),
        false => {
            let nodes: Vec<&str> = nodes.into_iter().collect();
            format!("is acknowledged by {}", nodes.join(", "))
        }
    }
}

async fn clients(channel: &Channel) -> Result<Vec<ClientConfig>, Failure> {
    let client = csds::ClientStatusDiscoveryServiceClient::new(channel.clone());
    let mut client = client.max_decoding_message_size(control::MAX_MESSAGE);
    let request = ClientStatusRequest {
        exclude_resource_contents: true,
        ..ClientStatusRequest::default()
    };
    Ok(client
        .fetch_client_status(request)
        .await?
        .into_inner()
        .config)
}

fn node(client: &ClientConfig) -> Option<&str> {
    client.node.as_ref().map(|node| node.id.as_str())
}

/// Compares what a service should have with what there is; `clients` where Envoys count.
fn progress(
    service: &v1::ServiceProgress,
    clients: Option<&[ClientConfig]>,
    endpoints: bool,
) -> Progress {
    if !service.known {
        return Progress::Waiting(vec!["the gateway knows of nothing that it exposes".into()]);
    }
    let (mut missing, mut refused) = (Vec::new(), Vec::new());
    for expose in &service.exposes {
        let told = format!("{}: {}", expose.id, live::standing(expose));
        let told = match live::why(expose).as_str() {
            "" => told,
            why => format!("{told}, {why}"),
        };
        match expose.standing() {
            v1::Standing::Served => {}
            v1::Standing::NoEndpoints if !endpoints => {}
            v1::Standing::Refused | v1::Standing::RefusedByEnvoy => refused.push(told),
            v1::Standing::Kept if !expose.problem.is_empty() => refused.push(told),
            _ => missing.push(told),
        }
    }
    if let Some(clients) = clients {
        acknowledged(service, clients, &mut missing, &mut refused);
    }
    match (refused.is_empty(), missing.is_empty()) {
        (false, _) => Progress::Refused(refused),
        (true, false) => Progress::Waiting(missing),
        (true, true) => Progress::Done,
    }
}

/// What Envoys lack of a service's resources, and what they refused of them.
fn acknowledged(
    service: &v1::ServiceProgress,
    clients: &[ClientConfig],
    missing: &mut Vec<String>,
    refused: &mut Vec<String>,
) {
    // An Envoy may have a stream for each type.
    let mut nodes: BTreeMap<&str, Vec<&ClientConfig>> = BTreeMap::new();
    for client in clients {
        nodes
            .entry(node(client).unwrap_or_default())
            .or_default()
            .push(client);
    }
    if nodes.is_empty() {
        missing.push("no Envoy is connected".into());
    }
    for (node, streams) in nodes {
        let has = streams
            .iter()
            .flat_map(|client| &client.generic_xds_configs);
        let has: Vec<_> = has.collect();
        for resource in &service.resources {
            let mut same = has.iter().filter(|held| {
                (&held.type_url, &held.name) == (&resource.type_url, &resource.name)
            });
            let (kind, name) = (&resource.r#type, &resource.name);
            let held = same.next();
            match held.map(|held| held.config_status()) {
                Some(ConfigStatus::Synced)
                    if held.is_some_and(|held| held.version_info == resource.version) => {}
                Some(ConfigStatus::Error) => {
                    let why = held.and_then(|held| held.error_state.as_ref());
                    let why = why.map_or("", |state| state.details.as_str());
                    refused.push(format!("Envoy {node} refused {kind} {name}: {why}"));
                }
                _ => missing.push(format!("Envoy {node} does not have {kind} {name} yet")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use envoy_types::pb::envoy::admin::v3::UpdateFailureState;
    use envoy_types::pb::envoy::config::core::v3::Node;
    use envoy_types::pb::envoy::service::status::v3::client_config::GenericXdsConfig;

    use super::*;

    fn service(standing: v1::Standing) -> v1::ServiceProgress {
        v1::ServiceProgress {
            known: true,
            exposes: vec![v1::Expose {
                id: "web.expose#0".into(),
                standing: standing.into(),
                ..v1::Expose::default()
            }],
            findings: Vec::new(),
            resources: vec![v1::Resource {
                type_url: "cluster".into(),
                r#type: "cluster".into(),
                name: "web.expose#0".into(),
                version: "2".into(),
            }],
        }
    }

    fn client(node: &str, status: ConfigStatus, version: &str) -> ClientConfig {
        let error = (status == ConfigStatus::Error).then(|| UpdateFailureState {
            details: "no".into(),
            ..UpdateFailureState::default()
        });
        ClientConfig {
            node: Some(Node {
                id: node.into(),
                ..Node::default()
            }),
            generic_xds_configs: vec![GenericXdsConfig {
                type_url: "cluster".into(),
                name: "web.expose#0".into(),
                version_info: version.into(),
                config_status: status.into(),
                error_state: error,
                ..GenericXdsConfig::default()
            }],
            ..ClientConfig::default()
        }
    }

    fn waits(progress: Progress) -> String {
        match progress {
            Progress::Waiting(what) => what.join("; "),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_service_that_nobody_knows_is_waited_for() {
        let nobody = v1::ServiceProgress::default();
        assert!(waits(progress(&nobody, None, false)).contains("knows of nothing"));
    }

    #[test]
    fn every_envoy_must_have_the_very_version() {
        let service = service(v1::Standing::Served);
        let synced = |node, version| client(node, ConfigStatus::Synced, version);
        let with = |clients: &[ClientConfig]| progress(&service, Some(clients), false);
        assert_eq!(with(&[synced("a", "2"), synced("b", "2")]), Progress::Done);
        let behind = waits(with(&[synced("a", "2"), synced("b", "1")]));
        assert_eq!(behind, "Envoy b does not have cluster web.expose#0 yet");
        let sent = client("a", ConfigStatus::Stale, "2");
        assert!(waits(with(&[sent])).contains("Envoy a does not have"));
        assert_eq!(waits(with(&[])), "no Envoy is connected");
        assert_eq!(progress(&service, None, false), Progress::Done);
    }

    #[test]
    fn what_is_refused_by_the_gateway_or_an_envoy_will_not_come() {
        let served = service(v1::Standing::Served);
        let refusing = [client("a", ConfigStatus::Error, "2")];
        let Progress::Refused(why) = progress(&served, Some(&refusing), false) else {
            panic!();
        };
        assert_eq!(why, ["Envoy a refused cluster web.expose#0: no"]);
        let refused = service(v1::Standing::Refused);
        assert!(matches!(
            progress(&refused, None, false),
            Progress::Refused(_)
        ));
    }

    #[test]
    fn endpoints_count_where_they_are_asked_for() {
        let idle = service(v1::Standing::NoEndpoints);
        assert_eq!(progress(&idle, None, false), Progress::Done);
        assert_eq!(
            waits(progress(&idle, None, true)),
            "web.expose#0: no endpoints"
        );
    }
}
