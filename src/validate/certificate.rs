//! Judging certificates and keys: the ones written inline, and secrets before they are served.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::time::ASN1Time;

/// The smallest RSA key that Envoy serves.
const MIN_RSA_BITS: usize = 2048;

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
    /// A certificate of the chain is not one; its number, from 1.
    #[error("certificate {0} of the chain is not a valid X.509 certificate")]
    BadCertificate(usize),
    /// There is no PEM private key.
    #[error("the private key is not a PEM private key")]
    NoKey,
    /// The key is encrypted, and nothing says how to read it.
    #[error("the private key is encrypted, and there is no password")]
    NoPassword,
    /// The certificate's key is shorter than Envoy serves; its bits.
    #[error("the certificate has an RSA key of {0} bits, and Envoy wants {MIN_RSA_BITS}")]
    WeakKey(usize),
    /// The key's algorithm is not one that Envoy serves.
    #[error("the private key is not a valid RSA, ECDSA or Ed25519 key")]
    BadKey,
    /// The key is another certificate's.
    #[error("the private key is not that of the first certificate of the chain")]
    Mismatch,
}

/// Why data cannot validate a peer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValidationError {
    /// There is neither an authority nor a hash.
    #[error("there is neither trusted_ca nor verify_certificate_hash")]
    Nothing,
    /// The trust anchors hold no PEM block.
    #[error("trusted_ca holds no PEM certificate")]
    NoCertificate,
    /// A trust anchor is not one; its number, from 1.
    #[error("certificate {0} of trusted_ca is not a valid X.509 certificate")]
    BadCertificate(usize),
    /// A hash that Envoy would refuse.
    #[error("'{0}' in verify_certificate_hash is not a SHA-256 hash: write 64 hexadecimal digits")]
    BadHash(String),
}

/// Checks that a PEM chain, leaf first, and a PEM key can be served: both parse and they belong
/// together. Dates are reported, not judged.
///
/// An encrypted key is not decrypted, so it is not compared.
///
/// # Errors
/// When Envoy would refuse them.
pub fn check_pair(
    chain_pem: &str,
    key_pem: &str,
    password: Option<&str>,
) -> Result<PairFacts, PairError> {
    let chain = certificates(chain_pem).map_err(PairError::BadCertificate)?;
    let Some(leaf) = chain.first() else {
        return Err(PairError::NoCertificate);
    };
    if let Some(bits) = rsa_bits(leaf)
        && bits < MIN_RSA_BITS
    {
        return Err(PairError::WeakKey(bits));
    }
    let compared = !is_encrypted(key_pem);
    if compared {
        let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes());
        compare(&chain, leaf, &key.map_err(|_| PairError::NoKey)?)?;
    } else if password.is_none_or(str::is_empty) {
        return Err(PairError::NoPassword);
    }
    facts(leaf, compared).ok_or(PairError::BadCertificate(1))
}

fn compare(
    chain: &[CertificateDer<'static>],
    leaf: &CertificateDer<'_>,
    key: &PrivateKeyDer<'static>,
) -> Result<(), PairError> {
    let Ok(signer) = any_supported_type(key) else {
        // Envoy serves P-521, which cannot be used here; its keys hold their public point.
        return match p521_point(leaf) {
            Some(point) if holds(key.secret_der(), &point) => Ok(()),
            Some(_) => Err(PairError::Mismatch),
            None => Err(PairError::BadKey),
        };
    };
    match CertifiedKey::new(chain.to_vec(), signer).keys_match() {
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(()),
        Err(Error::InconsistentKeys(_)) => Err(PairError::Mismatch),
        Err(_) => Err(PairError::BadCertificate(1)),
    }
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn rsa_bits(leaf: &CertificateDer<'_>) -> Option<usize> {
    let (_, leaf) = X509Certificate::from_der(leaf).ok()?;
    match leaf.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => Some(key.key_size()),
        _ => None,
    }
}

/// The public key of a certificate on the curve P-521.
fn p521_point(leaf: &CertificateDer<'_>) -> Option<Vec<u8>> {
    const UNCOMPRESSED_BYTES: usize = 1 + 2 * 66;
    let (_, leaf) = X509Certificate::from_der(leaf).ok()?;
    let point = match leaf.public_key().parsed() {
        Ok(PublicKey::EC(point)) => point.data().to_vec(),
        _ => return None,
    };
    (point.len() == UNCOMPRESSED_BYTES).then_some(point)
}

/// Checks what validates a peer: trust anchors in PEM, and certificate hashes in hexadecimal
/// (64 digits, or 32 pairs separated by colons), separated by white space or commas.
///
/// Returns the hashes.
///
/// # Errors
/// When Envoy would refuse them.
pub fn check_validation(
    trusted_ca: Option<&str>,
    hashes: Option<&str>,
) -> Result<Vec<String>, ValidationError> {
    if let Some(pem) = trusted_ca {
        let anchors = certificates(pem).map_err(ValidationError::BadCertificate)?;
        if anchors.is_empty() {
            return Err(ValidationError::NoCertificate);
        }
    }
    let separator = |c: char| c.is_whitespace() || c == ',';
    let words = hashes.unwrap_or_default().split(separator);
    let hashes: Vec<String> = words.filter(|w| !w.is_empty()).map(Into::into).collect();
    if let Some(bad) = hashes.iter().find(|hash| !is_digest(hash)) {
        return Err(ValidationError::BadHash(bad.clone()));
    }
    match trusted_ca.is_none() && hashes.is_empty() {
        true => Err(ValidationError::Nothing),
        false => Ok(hashes),
    }
}

/// The certificates of a PEM text; an error is the number of the one that is not valid.
fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, usize> {
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .enumerate()
        .map(|(at, certificate)| match certificate {
            Ok(der) if X509Certificate::from_der(&der).is_ok() => Ok(der),
            _ => Err(at + 1),
        })
        .collect()
}

fn is_encrypted(key_pem: &str) -> bool {
    key_pem.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----")
        || key_pem.contains("Proc-Type: 4,ENCRYPTED")
}

/// Whether a text is a SHA-256 in hexadecimal, as Envoy reads it: from a text of the length that 32 pairs with
/// colons between have, it takes the colons out, wherever they are.
pub(crate) fn is_digest(hash: &str) -> bool {
    let digits = match hash.len() {
        95 => hash.replace(':', ""),
        _ => hash.to_owned(),
    };
    digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn facts(leaf: &CertificateDer<'_>, compared: bool) -> Option<PairFacts> {
    let (_, leaf) = X509Certificate::from_der(leaf).ok()?;
    Some(PairFacts {
        subject: leaf.subject().to_string(),
        names: host_names(&leaf),
        not_before: system_time(leaf.validity().not_before),
        not_after: system_time(leaf.validity().not_after),
        compared,
    })
}

/// The host names and addresses that a certificate is for: those of its subject alternative name.
pub(crate) fn host_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let alternatives = certificate.subject_alternative_name().ok().flatten();
    let names = alternatives
        .iter()
        .flat_map(|found| &found.value.general_names);
    names.filter_map(host_name).collect()
}

fn host_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let v6 = <[u8; 16]>::try_from(*bytes).map(IpAddr::from);
            Some(v4.or(v6).ok()?.to_string())
        }
        _ => None,
    }
}

/// Times before 1970 are 1970: such a certificate has expired whatever the day.
pub(crate) fn system_time(time: ASN1Time) -> SystemTime {
    let seconds = u64::try_from(time.timestamp()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// A time as it is shown, such as `Nov 23 07:36:00 2026 +00:00`.
pub(super) fn date(time: SystemTime) -> String {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_secs()).ok())
        .and_then(|seconds| ASN1Time::from_timestamp(seconds).ok())
        .map_or_else(|| "a day before 1970".to_owned(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};

    use super::*;

    fn made(name: &str) -> (String, String) {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(vec![name.to_owned(), "10.0.0.1".to_owned()]).unwrap();
        (cert.pem(), signing_key.serialize_pem())
    }

    #[test]
    fn a_good_pair_tells_its_names_and_dates() {
        let (chain, key) = made("a.org");
        let facts = check_pair(&chain, &key, None).unwrap();
        assert_eq!(facts.names, ["a.org", "10.0.0.1"]);
        assert!(facts.compared);
        assert!(facts.not_before < facts.not_after);
    }

    /// Envoy says KEY_VALUES_MISMATCH and refuses the listener.
    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let (chain, _) = made("a.org");
        let (_, key) = made("a.org");
        assert_eq!(check_pair(&chain, &key, None), Err(PairError::Mismatch));
    }

    #[test]
    fn the_leaf_comes_first_in_a_chain() {
        let (leaf, key) = made("a.org");
        let (other, _) = made("b.org");
        assert!(check_pair(&format!("{leaf}{other}"), &key, None).is_ok());
        assert_eq!(
            check_pair(&format!("{other}{leaf}"), &key, None),
            Err(PairError::Mismatch)
        );
    }

    #[test]
    fn what_is_not_pem_is_refused_in_words() {
        let (chain, key) = made("a.org");
        assert_eq!(check_pair("", &key, None), Err(PairError::NoCertificate));
        assert_eq!(check_pair(&key, &key, None), Err(PairError::NoCertificate));
        assert_eq!(check_pair(&chain, "", None), Err(PairError::NoKey));
        let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(
            check_pair(garbage, &key, None),
            Err(PairError::BadCertificate(1))
        );
        let second = format!("{chain}{garbage}");
        assert_eq!(
            check_pair(&second, &key, None),
            Err(PairError::BadCertificate(2))
        );
    }

    #[test]
    fn an_encrypted_key_needs_a_password_and_is_not_compared() {
        let (chain, _) = made("a.org");
        let key =
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        assert_eq!(check_pair(&chain, key, None), Err(PairError::NoPassword));
        assert!(!check_pair(&chain, key, Some("secret")).unwrap().compared);
    }

    #[test]
    fn every_usual_kind_of_key_is_known() {
        for algorithm in [
            &rcgen::PKCS_ECDSA_P256_SHA256,
            &rcgen::PKCS_ECDSA_P384_SHA384,
            &rcgen::PKCS_ED25519,
        ] {
            let key = KeyPair::generate_for(algorithm).unwrap();
            let parameters = rcgen::CertificateParams::new(vec!["a.org".to_owned()]).unwrap();
            let chain = parameters.self_signed(&key).unwrap().pem();
            assert!(check_pair(&chain, &key.serialize_pem(), None).is_ok());
        }
    }

    /// As `envoy --mode validate` says of both.
    #[test]
    fn envoy_serves_p521_and_refuses_short_rsa_keys() {
        let chain = include_str!("../../tests/certificates/p521.pem");
        let key = include_str!("../../tests/certificates/p521.key");
        assert!(check_pair(chain, key, None).unwrap().compared);
        let (other, _) = made("a.org");
        assert_eq!(check_pair(&other, key, None), Err(PairError::BadKey));
        let short = include_str!("../../tests/certificates/rsa1024.pem");
        assert_eq!(check_pair(short, key, None), Err(PairError::WeakKey(1024)));
    }

    #[test]
    fn a_peer_is_validated_by_authority_or_hash() {
        let (ca, _) = made("ca");
        let hash = "ab".repeat(32);
        let colons = vec!["AB"; 32].join(":");
        let uneven = format!("{}:{}", "a".repeat(64), ":".repeat(30));
        assert!(is_digest(&uneven), "Envoy takes the colons out first");
        for odd in [&colons[..94], &colons.replace(':', "-"), &"ab".repeat(31)] {
            assert!(!is_digest(odd), "{odd}");
        }
        assert_eq!(check_validation(Some(&ca), None), Ok(vec![]));
        let both = format!("{hash}, {colons}\n");
        assert_eq!(check_validation(None, Some(&both)), Ok(vec![hash, colons]));
        assert_eq!(check_validation(None, None), Err(ValidationError::Nothing));
        assert_eq!(
            check_validation(Some(""), None),
            Err(ValidationError::NoCertificate)
        );
        assert_eq!(
            check_validation(None, Some("abc")),
            Err(ValidationError::BadHash("abc".into()))
        );
    }
}
