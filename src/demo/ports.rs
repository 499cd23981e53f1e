//! The ports of the demo: the documented ones, or free ones where those are taken.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use super::Failure;

/// The ports on which the gateway of the demo listens, all on 127.0.0.1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    /// `expose#0` of svcweb: bytes.
    pub(super) l4: u16,
    /// `expose#1` and `expose#2` of svcweb: TLS.
    pub(super) tls: u16,
    /// `expose#0` of svcshop: plain HTTP.
    pub(super) shop: u16,
    /// `expose#1` of svcshop, which is refused at first.
    pub(super) mended: u16,
    /// Envoy's admin interface.
    pub(super) admin: u16,
    /// The dashboard of the sidecar.
    pub(super) http: u16,
}

/// As the example files have them.
pub(super) const DOCUMENTED: Ports = Ports {
    l4: 8080,
    tls: 8443,
    shop: 8082,
    mended: 8083,
    admin: 9901,
    http: 9902,
};

impl Ports {
    /// Finds free ports, and says which of the documented ones are taken.
    pub(super) fn find() -> Result<(Self, Vec<String>), Failure> {
        let mut notes = Vec::new();
        // Held until all are found, so that none is chosen twice.
        let mut held = Vec::new();
        let mut find = |wanted: u16, what: &str| -> Result<u16, Failure> {
            let listener = bind(wanted).or_else(|_| bind(0))?;
            let port = listener.local_addr()?.port();
            if port != wanted {
                notes.push(format!(
                    "port {wanted} is taken on this machine: {what} on {port}"
                ));
            }
            held.push(listener);
            Ok(port)
        };
        let ports = Self {
            l4: find(DOCUMENTED.l4, "L4")?,
            tls: find(DOCUMENTED.tls, "TLS")?,
            shop: find(DOCUMENTED.shop, "HTTP")?,
            mended: find(DOCUMENTED.mended, "the mended expose")?,
            admin: find(DOCUMENTED.admin, "Envoy's admin interface")?,
            http: find(DOCUMENTED.http, "the dashboard")?,
        };
        Ok((ports, notes))
    }

    /// Where Envoy's admin interface listens.
    pub(super) fn admin_address(self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.admin))
    }

    /// Where the dashboard is.
    pub(super) fn http_address(self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.http))
    }

    /// What to set in svcweb where a port is not the documented one.
    pub(super) fn svcweb_changes(self) -> Vec<String> {
        changes(&[
            ("expose#0", self.l4, DOCUMENTED.l4),
            ("expose#1", self.tls, DOCUMENTED.tls),
            ("expose#2", self.tls, DOCUMENTED.tls),
        ])
    }

    /// What to set in svcshop where a port is not the documented one.
    pub(super) fn svcshop_changes(self) -> Vec<String> {
        changes(&[
            ("expose#0", self.shop, DOCUMENTED.shop),
            ("expose#1", self.mended, DOCUMENTED.mended),
        ])
    }
}

fn changes(ports: &[(&str, u16, u16)]) -> Vec<String> {
    ports
        .iter()
        .filter(|(_, port, documented)| port != documented)
        .map(|(section, port, _)| format!("{section}.listener_port={port}"))
        .collect()
}

fn bind(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
}
