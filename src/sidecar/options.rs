//! What a gateway is started with.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

/// How to run a sidecar.
#[derive(Debug, Clone)]
pub struct Options {
    /// The gateway's name, which services may write in `gateway`.
    pub gateway: String,
    /// The OpenSVC daemon's unix socket.
    pub daemon_socket: PathBuf,
    /// The unix socket on which Envoy is served, everything included.
    pub unix_socket: PathBuf,
    /// The permission bits of that socket. Whoever can open it can read private keys.
    pub unix_mode: u32,
    /// The TCP address on which Envoy is served; `None` serves on the unix socket alone.
    pub tcp: Option<SocketAddr>,
    /// Whether private keys are served over TCP, where any local user could read them.
    pub tcp_serves_keys: bool,
    /// The port of Envoy's admin interface, which no expose may take.
    pub envoy_admin_port: u16,
    /// Where listener ports are chosen from for `listener_port=0`.
    pub port_range: RangeInclusive<u16>,
    /// Where the dashboard, the API and the metrics are served; `None` serves none of them.
    pub http: Option<Http>,
    /// Where the last known good is kept; `None` keeps none.
    pub state: Option<State>,
    /// How long streams may take to end when the sidecar stops.
    pub grace: Duration,
}

/// Where the last known good is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The folder, made where it does not exist.
    pub folder: PathBuf,
    /// Whether private keys are written, too. Without them, a sidecar that starts while the daemon is
    /// away cannot serve a certificate to an Envoy that does not have it.
    pub with_keys: bool,
}

/// Where the HTTP interface is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Http {
    /// The address. What is shown there is not secret, but it is nobody else's business either.
    pub addr: SocketAddr,
    /// Whether the sidecar does not start without it.
    pub required: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            gateway: "envoy".into(),
            daemon_socket: crate::daemon::SOCKETS[0].into(),
            unix_socket: "/var/run/xds/xds.sock".into(),
            unix_mode: 0o600,
            tcp: Some(SocketAddr::from(([127, 0, 0, 1], 50051))),
            tcp_serves_keys: false,
            envoy_admin_port: 9901,
            port_range: 1025..=65535,
            http: None,
            state: None,
            grace: Duration::from_secs(3),
        }
    }
}
