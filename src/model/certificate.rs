//! TLS, on both sides of Envoy.

use serde::{Deserialize, Serialize};

use super::ObjectPath;

/// Where a certificate and its private key come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyPairSource {
    /// An OpenSVC secret, keys `certificate_chain`, `private_key` and, optionally, `password`.
    Secret(ObjectPath),
    /// Files that Envoy reads, in its own file system.
    Files {
        /// Path of the PEM chain.
        certificate_chain: String,
        /// Path of the PEM key.
        private_key: String,
    },
    /// PEM text in the configuration; checked to be a pair.
    Inline {
        /// The PEM chain, leaf first.
        certificate_chain: String,
        /// The PEM key.
        private_key: String,
    },
}

/// A `certificate#…` section of type `tls`: an identity, a trust anchor, or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The section's name, such as `certificate#0`.
    pub section: String,
    /// The certificate to present; `None` when the section only validates.
    pub key_pair: Option<KeyPairSource>,
    /// The secret whose `trusted_ca` (and `verify_certificate_hash`) judges the peer.
    pub validation: Option<ObjectPath>,
}

impl Certificate {
    /// The OpenSVC secret that holds the key pair, where one does.
    pub fn secret(&self) -> Option<&ObjectPath> {
        match &self.key_pair {
            Some(KeyPairSource::Secret(path)) => Some(path),
            _ => None,
        }
    }
}

/// TLS towards clients: what `listener_certificates` names. At least one certificate has a key pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DownstreamTls {
    /// The certificates, in the order of the keyword. Where one has a `validation`, clients must
    /// present a certificate that it accepts.
    pub certificates: Vec<Certificate>,
}

/// TLS towards endpoints: what `cluster_certificates` names. Without a `validation` the endpoint's
/// certificate is not verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamTls {
    /// The certificates, in the order of the keyword.
    pub certificates: Vec<Certificate>,
}
