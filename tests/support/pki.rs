//! One authority for a test run, and a certificate for every name that somebody asks for.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};

/// A certificate and its private key, as PEM.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) chain: String,
    pub(crate) key: String,
}

struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
    issued: Mutex<BTreeMap<String, Identity>>,
}

static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(DnType::CommonName, "igw-envoy test authority");
    let certificate = params.self_signed(&key).unwrap().pem();
    Authority {
        certificate,
        issuer: Issuer::new(params, key),
        issued: Mutex::default(),
    }
});

/// The authority's certificate.
pub(crate) fn authority() -> String {
    AUTHORITY.certificate.clone()
}

/// The identity of a name; the same one whenever it is asked for.
pub(crate) fn identity(name: &str) -> Identity {
    let mut issued = AUTHORITY
        .issued
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let identity = issued.entry(name.to_owned()).or_insert_with(|| issue(name));
    identity.clone()
}

/// A new identity for some names, parted by commas.
pub(crate) fn issue(names: &str) -> Identity {
    let key = KeyPair::generate().unwrap();
    let alternatives: Vec<String> = names.split(',').map(str::to_owned).collect();
    let mut params = CertificateParams::new(alternatives).unwrap();
    params.distinguished_name.push(DnType::CommonName, names);
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    let certificate = params.signed_by(&key, &AUTHORITY.issuer).unwrap();
    Identity {
        chain: certificate.pem(),
        key: key.serialize_pem(),
    }
}

/// Every identity of a name that was asked for.
#[allow(dead_code, reason = "not every user of this file names them")]
pub(crate) fn identities() -> Vec<(String, Identity)> {
    let issued = AUTHORITY
        .issued
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    issued.clone().into_iter().collect()
}
