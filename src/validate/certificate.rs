//! Judging certificates and keys: the ones written inline, and secrets before they are served.

use std::time::SystemTime;

/// What a good certificate chain and key say about themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairFacts {
    /// The leaf's subject, such as `CN=web.acme.com`.
    pub subject: String,
    /// The host names and addresses of the leaf's subject alternative name.
    pub names: Vec<String>,
    /// When the leaf starts to be valid.
    pub not_before: SystemTime,
    /// When the leaf stops being valid.
    pub not_after: SystemTime,
    /// Whether the key was compared with the leaf; it is not when the key is encrypted.
    pub compared: bool,
}

/// Why a certificate chain and a key cannot be served together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PairError {
    /// The chain holds no PEM block.
    #[error("the certificate chain holds no PEM certificate")]
    NoCertificate,
}

/// Why data cannot validate a peer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValidationError {
    /// The trust anchors hold no PEM block.
    #[error("trusted_ca holds no PEM certificate")]
    NoCertificate,
}

/// Checks that a PEM chain, leaf first, and a PEM key can be served: both parse and they belong
/// together. Dates are reported, not judged.
///
/// # Errors
/// When Envoy would refuse them.
pub fn check_pair(
    chain_pem: &str,
    key_pem: &str,
    password: Option<&str>,
) -> Result<PairFacts, PairError> {
    let _ = (chain_pem, key_pem, password);
    Err(PairError::NoCertificate)
}

/// Checks what validates a peer: trust anchors in PEM, and certificate hashes in hexadecimal
/// (64 digits, or 32 pairs separated by colons), separated by white space or commas.
///
/// # Errors
/// When Envoy would refuse them.
pub fn check_validation(
    trusted_ca: Option<&str>,
    hashes: Option<&str>,
) -> Result<Vec<String>, ValidationError> {
    let _ = (trusted_ca, hashes);
    Err(ValidationError::NoCertificate)
}
