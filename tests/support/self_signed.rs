//! Certificates that nobody vouches for.

use std::time::{Duration, SystemTime};

/// A certificate for names, valid until some days from now, or ago, and its key: PEM.
pub fn key_pair(names: &[&str], days: i64) -> (String, String) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut parameters = rcgen::CertificateParams::new(names).unwrap();
    let day = Duration::from_secs(86_400);
    let start = SystemTime::now() - 400 * day;
    parameters.not_before = start.into();
    parameters.not_after = (start + u32::try_from(400 + days).unwrap() * day).into();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}
