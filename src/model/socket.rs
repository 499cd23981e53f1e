//! Where Envoy listens.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// The transport protocol of an expose.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP, also under TLS and HTTP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

/// An address, port and protocol that one Envoy listener binds.
///
/// Its text is the listener's name: `0.0.0.0:80/tcp`, `[::]:443/tcp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Socket {
    /// The address to bind.
    pub addr: IpAddr,
    /// The port to bind; never 0, which Envoy would take as "any".
    pub port: u16,
    /// The transport protocol.
    pub protocol: Protocol,
}

impl Socket {
    /// Whether the two cannot both be bound. A wildcard address also covers the other family: `::` may
    /// be bound for both.
    pub fn overlaps(&self, other: &Self) -> bool {
        (self.protocol, self.port) == (other.protocol, other.port)
            && (self.addr == other.addr
                || self.addr.is_unspecified()
                || other.addr.is_unspecified())
    }
}

impl fmt::Display for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.addr {
            IpAddr::V4(addr) => write!(f, "{addr}:{}/{}", self.port, self.protocol),
            IpAddr::V6(addr) => write!(f, "[{addr}]:{}/{}", self.port, self.protocol),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_prints_as_the_listener_is_named() {
        let socket = |addr: &str, protocol| Socket {
            addr: addr.parse().unwrap(),
            port: 80,
            protocol,
        };
        assert_eq!(
            socket("0.0.0.0", Protocol::Tcp).to_string(),
            "0.0.0.0:80/tcp"
        );
        assert_eq!(socket("::", Protocol::Udp).to_string(), "[::]:80/udp");
    }

    #[test]
    fn a_wildcard_overlaps_every_address_of_its_port_and_protocol() {
        let socket = |addr: &str, port, protocol| Socket {
            addr: addr.parse().unwrap(),
            port,
            protocol,
        };
        let one = socket("10.0.0.1", 80, Protocol::Tcp);
        for (other, expected) in [
            (one, true),
            (socket("0.0.0.0", 80, Protocol::Tcp), true),
            (socket("::", 80, Protocol::Tcp), true),
            (socket("10.0.0.2", 80, Protocol::Tcp), false),
            (socket("0.0.0.0", 81, Protocol::Tcp), false),
            (socket("0.0.0.0", 80, Protocol::Udp), false),
        ] {
            assert_eq!(one.overlaps(&other), expected, "{other}");
            assert_eq!(other.overlaps(&one), expected, "{other}");
        }
    }
}
