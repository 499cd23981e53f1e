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
    what: Probed,
    /// Where.
    address: SocketAddr,
    /// What went wrong; absent where the connection was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Who should listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Probed {
    /// Envoy.
    Listener,
    /// An instance of the service.
    Endpoint,
}

/// What was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Probes {
    /// Where a connection would be made first.
    entry: Entry,
    /// What came of each connection.
    pub(super) tried: Vec<Probe>,
    /// How many endpoints were not tried.
    pub(super) untried: usize,
}

/// Where a request enters the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    /// No listener takes it.
    Nowhere,
    /// By datagrams, which answer nobody who says nothing.
    Datagrams,
    /// At an address that takes TCP connections.
    Tcp(SocketAddr),
}

/// Connects to the listener and the endpoints of an explanation, and says nothing to them. Nothing is
/// tried where datagrams would be sent, nor where there is no listener. `asked` is the address that the
/// question names.
pub(super) async fn probe(explanation: &v1::Explanation, asked: Option<IpAddr>) -> Probes {
    let steps = explanation.steps.iter();
    let mut listeners = steps.filter(|step| step.stage() == v1::Stage::Listener);
    let name = listeners.next().map_or("", |step| &step.name);
    let mut probes = Probes {
        entry: entry(name, asked),
        tried: Vec::new(),
        untried: 0,
    };
    let Entry::Tcp(address) = probes.entry else {
        return probes;
    };
    let endpoints = explanation.endpoints.iter().filter_map(|endpoint| {
        let ip: IpAddr = endpoint.address.parse().ok()?;
        Some(SocketAddr::new(ip, u16::try_from(endpoint.port).ok()?))
    });
    let endpoints: Vec<SocketAddr> = endpoints.collect();
    probes.untried = endpoints.len();
    probes.tried.push(connect(Probed::Listener, address).await);
    let first = endpoints.get(..TRIED).unwrap_or(&endpoints);
    for some in first.chunks(AT_ONCE) {
        let tried = some
            .iter()
            .map(|address| connect(Probed::Endpoint, *address));
        let tried = join_all(tried).await;
        let answers = tried.iter().any(|probe| probe.error.is_none());
        probes.untried -= tried.len();
        probes.tried.extend(tried);
        if answers {
            break;
        }
    }
    probes
}

impl Probes {
    /// Whether Envoy listens, and an endpoint if there is any.
    pub(super) fn is_well(&self) -> bool {
        [Probed::Listener, Probed::Endpoint]
            .into_iter()
            .all(|what| {
                let of = self.tried.iter().filter(|probe| probe.what == what);
                of.clone().next().is_none() || of.clone().any(|probe| probe.error.is_none())
            })
    }

    /// What came of it, a line each.
    pub(super) fn lines(&self, paint: Paint) -> String {
        match self.entry {
            Entry::Nowhere => {
                return "Tried nothing: the gateway has no listener there.\n".to_owned();
            }
            Entry::Datagrams => {
                return "Tried nothing: no TCP connection would be made.\n".to_owned();
            }
            Entry::Tcp(_) => {}
        }
        let mut table = Table::default();
        for probe in &self.tried {
            let what = match probe.what {
                Probed::Listener => "listener",
                Probed::Endpoint => "endpoint",
            };
            let found = match &probe.error {
                None => styled(Style::Good, "accepts connections"),
                Some(error) => styled(Style::Bad, error),
            };
            table.row([plain(what), plain(probe.address.to_string()), found]);
        }
        let table = table.lines(2, paint);
        format!("Tried from here:\n{table}{}", self.untried())
    }

    /// What is said of the endpoints that were not tried.
    fn untried(&self) -> String {
        let mut endpoints = self.tried.iter().filter(|p| p.what == Probed::Endpoint);
        let why = match endpoints.any(|probe| probe.error.is_none()) {
            true => ", as one of these answers",
            false => "",
        };
        match self.untried {
            0 => String::new(),
            1 => format!("1 more endpoint was not tried{why}.\n"),
            more => format!("{more} more endpoints were not tried{why}.\n"),
        }
    }
}

async fn connect(what: Probed, address: SocketAddr) -> Probe {
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

/// Where to reach a listener of a name such as `0.0.0.0:443/tcp`. One that is on every address is
/// reached at the one that was asked for, or else on loopback.
fn entry(name: &str, asked: Option<IpAddr>) -> Entry {
    if name.is_empty() {
        return Entry::Nowhere;
    }
    let tcp = name.strip_suffix("/tcp");
    let Some(mut address) = tcp.and_then(|at| at.parse::<SocketAddr>().ok()) else {
        return Entry::Datagrams;
    };
    if address.ip().is_unspecified() {
        let asked = asked.filter(|ip| ip.is_ipv4() == address.is_ipv4());
        address.set_ip(asked.unwrap_or(match address.is_ipv4() {
            true => Ipv4Addr::LOCALHOST.into(),
            false => Ipv6Addr::LOCALHOST.into(),
        }));
    }
    Entry::Tcp(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_every_address_is_reached_at_the_one_asked_for_or_on_loopback() {
        let at = |name, asked: &str| entry(name, asked.parse().ok());
        let tcp = |at: &str| Entry::Tcp(at.parse().unwrap());
        assert_eq!(at("0.0.0.0:443/tcp", ""), tcp("127.0.0.1:443"));
        assert_eq!(at("[::]:443/tcp", ""), tcp("[::1]:443"));
        assert_eq!(at("0.0.0.0:443/tcp", "10.0.0.9"), tcp("10.0.0.9:443"));
        assert_eq!(at("[::]:443/tcp", "fd00::9"), tcp("[fd00::9]:443"));
        assert_eq!(at("0.0.0.0:443/tcp", "fd00::9"), tcp("127.0.0.1:443"));
        assert_eq!(at("10.0.0.1:80/tcp", "10.0.0.1"), tcp("10.0.0.1:80"));
        assert_eq!(at("10.0.0.1:53/udp", ""), Entry::Datagrams);
        assert_eq!(at("", ""), Entry::Nowhere);
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
        assert!(probe(&explanation(&listener, &all), None).await.is_well());
        all.pop();
        let probes = probe(&explanation(&listener, &all), None).await;
        assert!(!probes.is_well());
        assert!(!probes.lines(Paint::plain()).contains("not tried"));
    }

    #[tokio::test]
    async fn nothing_is_tried_by_tcp_where_datagrams_are_sent() {
        let dead = SocketAddr::from(([127, 0, 0, 1], 1));
        let probes = probe(&explanation("127.0.0.1:53/udp", &[dead]), None).await;
        assert_eq!(probes.tried, []);
        assert!(probes.is_well());
        let said = probes.lines(Paint::plain());
        assert_eq!(said, "Tried nothing: no TCP connection would be made.\n");
    }

    #[tokio::test]
    async fn nothing_is_tried_where_there_is_no_listener() {
        let probes = probe(&explanation("", &[]), None).await;
        let said = probes.lines(Paint::plain());
        assert_eq!(said, "Tried nothing: the gateway has no listener there.\n");
    }

    #[tokio::test]
    async fn endpoints_that_were_not_tried_are_counted() {
        let alive = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = alive.local_addr().unwrap();
        let said = async |endpoints: usize| {
            let explanation = explanation(&format!("{at}/tcp"), &vec![at; endpoints]);
            probe(&explanation, None).await.lines(Paint::plain())
        };
        assert!(!said(AT_ONCE).await.contains("not tried"));
        let one = "1 more endpoint was not tried, as one of these answers.\n";
        assert!(said(AT_ONCE + 1).await.ends_with(one));
        let several = "3 more endpoints were not tried, as one of these answers.\n";
        assert!(said(AT_ONCE + 3).await.ends_with(several));
    }

    #[test]
    fn one_endpoint_that_answers_is_enough() {
        let probe = |what, error: Option<&str>| Probe {
            what,
            address: SocketAddr::from(([127, 0, 0, 1], 80)),
            error: error.map(str::to_owned),
        };
        let (listens, dead) = (
            probe(Probed::Listener, None),
            probe(Probed::Endpoint, Some("no")),
        );
        let is_well = |tried: &[Probe]| {
            let probes = Probes {
                entry: Entry::Nowhere,
                tried: tried.to_vec(),
                untried: 0,
            };
            probes.is_well()
        };
        assert!(is_well(&[]));
        assert!(is_well(std::slice::from_ref(&listens)));
        assert!(!is_well(&[listens.clone(), dead.clone()]));
        assert!(is_well(&[listens, dead, probe(Probed::Endpoint, None)]));
        assert!(!is_well(&[probe(Probed::Listener, Some("no"))]));
    }
}
