//! Whether somebody listens where a request goes: what only trying tells.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use futures_util::future::join_all;
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::terminal::{Paint, Style, Table, plain, styled};
use crate::control::v1;

/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many endpoints are tried at once; more only where none of these answers.
const AT_ONCE: usize = 16;

/// How many endpoints are tried.
const TRIED: usize = 256;

/// An address, and what came of connecting to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Probe {
    /// What should listen there.
    what: Place,
    /// Where.
    address: SocketAddr,
    /// What went wrong; absent where the connection was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Who should listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Place {
    /// Envoy.
    Listener,
    /// An instance of the service.
    Endpoint,
}

/// Connects to the listener and the endpoints of an explanation, and says nothing to them. Nothing is
/// tried where datagrams would be sent.
pub(super) async fn probe(explanation: &v1::Explanation) -> Vec<Probe> {
    let steps = explanation.steps.iter();
    let mut listeners = steps.filter(|step| step.stage() == v1::Stage::Listener);
    let listener = listeners.next().map(|step| listener(&step.name));
    if matches!(listener, Some(None)) {
        return Vec::new();
    }
    let endpoints = explanation.endpoints.iter().take(TRIED);
    let endpoints: Vec<SocketAddr> = endpoints
        .filter_map(|endpoint| {
            let ip: IpAddr = endpoint.address.parse().ok()?;
            Some(SocketAddr::new(ip, u16::try_from(endpoint.port).ok()?))
        })
        .collect();
    let mut probes = Vec::new();
    if let Some(Some(address)) = listener {
        probes.push(connect(Place::Listener, address).await);
    }
    for some in endpoints.chunks(AT_ONCE) {
        let tried = some
            .iter()
            .map(|address| connect(Place::Endpoint, *address));
        let tried = join_all(tried).await;
        let answers = tried.iter().any(|probe| probe.error.is_none());
        probes.extend(tried);
        if answers {
            break;
        }
    }
    probes
}

/// Whether Envoy listens, and an endpoint if there is any.
pub(super) fn is_well(probes: &[Probe]) -> bool {
    [Place::Listener, Place::Endpoint].into_iter().all(|what| {
        let mut of = probes.iter().filter(|probe| probe.what == what).peekable();
        of.peek().is_none() || of.any(|probe| probe.error.is_none())
    })
}

/// What came of it, a line each.
pub(super) fn lines(probes: &[Probe], paint: Paint) -> String {
    if probes.is_empty() {
        return "Tried: nothing, as no TCP connection would be made.\n".to_owned();
    }
    let mut table = Table::default();
    for probe in probes {
        let what = match probe.what {
            Place::Listener => "listener",
            Place::Endpoint => "endpoint",
        };
        let found = match &probe.error {
            None => styled(Style::Good, "accepts connections"),
            Some(error) => styled(Style::Bad, error),
        };
        table.row([plain(what), plain(probe.address.to_string()), found]);
    }
    format!("Tried from here:\n{}", table.lines(2, paint))
}

async fn connect(what: Place, address: SocketAddr) -> Probe {
    let error = match timeout(PATIENCE, TcpStream::connect(address)).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => {
            Some("refuses connections: nothing listens there".to_owned())
        }
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!("no answer within {} s", PATIENCE.as_secs())),
    };
    Probe {
        what,
        address,
        error,
    }
}

/// Where to reach a listener of a name such as `0.0.0.0:443/tcp`; `None` for one of datagrams, which
/// answer nobody who says nothing.
fn listener(name: &str) -> Option<SocketAddr> {
    let mut address: SocketAddr = name.strip_suffix("/tcp")?.parse().ok()?;
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    Some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_every_address_is_reached_on_loopback() {
        let at = |name| listener(name).map(|address| address.to_string());
        assert_eq!(at("0.0.0.0:443/tcp").as_deref(), Some("127.0.0.1:443"));
        assert_eq!(at("[::]:443/tcp").as_deref(), Some("[::1]:443"));
        assert_eq!(at("10.0.0.1:80/tcp").as_deref(), Some("10.0.0.1:80"));
        assert_eq!(at("10.0.0.1:53/udp"), None);
        assert_eq!(at(""), None);
    }

    fn explanation(listener: &str, endpoints: &[SocketAddr]) -> v1::Explanation {
        v1::Explanation {
            steps: vec![v1::Step {
                stage: v1::Stage::Listener.into(),
                name: listener.to_owned(),
                ..v1::Step::default()
            }],
            endpoints: endpoints
                .iter()
                .map(|at| v1::Endpoint {
                    address: at.ip().to_string(),
                    port: at.port().into(),
                })
                .collect(),
            ..v1::Explanation::default()
        }
    }

    #[tokio::test]
    async fn the_last_of_many_endpoints_is_tried_where_the_others_are_dead() {
        let alive = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let alive = alive.local_addr().map(|at| (alive, at)).unwrap();
        // Port 1 of loopback: nobody has it.
        let mut all = vec![SocketAddr::from(([127, 0, 0, 1], 1)); AT_ONCE + 3];
        all.push(alive.1);
        let listener = format!("{}/tcp", alive.1);
        assert!(is_well(&probe(&explanation(&listener, &all)).await));
        all.pop();
        assert!(!is_well(&probe(&explanation(&listener, &all)).await));
    }

    #[tokio::test]
    async fn nothing_is_tried_by_tcp_where_datagrams_are_sent() {
        let dead = SocketAddr::from(([127, 0, 0, 1], 1));
        let probes = probe(&explanation("127.0.0.1:53/udp", &[dead])).await;
        assert_eq!(probes, []);
        assert!(is_well(&probes));
    }

    #[test]
    fn one_endpoint_that_answers_is_enough() {
        let probe = |what, error: Option<&str>| Probe {
            what,
            address: SocketAddr::from(([127, 0, 0, 1], 80)),
            error: error.map(str::to_owned),
        };
        let (listens, dead) = (
            probe(Place::Listener, None),
            probe(Place::Endpoint, Some("no")),
        );
        assert!(is_well(&[]));
        assert!(is_well(std::slice::from_ref(&listens)));
        assert!(!is_well(&[listens.clone(), dead.clone()]));
        assert!(is_well(&[listens, dead, probe(Place::Endpoint, None)]));
        assert!(!is_well(&[probe(Place::Listener, Some("no"))]));
    }
}
