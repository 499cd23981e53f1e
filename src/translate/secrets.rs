//! Certificates and trust anchors, which Envoy gets by SDS, whatever their source: so they rotate
//! without a change of any listener, and inline and secret ones can be mixed.

use std::fmt;

use envoy_types::pb::envoy::config::core::v3::{DataSource, data_source::Specifier};
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::{
    CertificateValidationContext, Secret, TlsCertificate, secret,
};

use crate::envoy::{Resource, ResourceType, encode};
use crate::model::{ExposeId, KeyPairSource, ObjectPath};

/// What a secret is used for, which decides the keys that it must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretUse {
    /// A certificate to present: keys `certificate_chain`, `private_key` and maybe `password`.
    KeyPair,
    /// A judge of the peer's: keys `trusted_ca` and `verify_certificate_hash`, at least one.
    Validation,
}

impl SecretUse {
    /// The name of the Envoy secret made from something: an OpenSVC secret's path, mostly.
    pub fn resource_name(self, of: &impl fmt::Display) -> String {
        match self {
            Self::KeyPair => format!("tls_certificate/{of}"),
            Self::Validation => format!("validation_context/{of}"),
        }
    }
}

/// An OpenSVC secret that an expose cannot be served without.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequiredSecret {
    /// The secret.
    pub path: ObjectPath,
    /// What for.
    pub usage: SecretUse,
}

impl RequiredSecret {
    /// The name of the Envoy secret that it becomes.
    pub fn resource_name(&self) -> String {
        self.usage.resource_name(&self.path)
    }
}

/// The Envoy secret of a key pair: PEM text, and the password of an encrypted key. Confidential.
pub fn tls_certificate(
    name: &str,
    certificate_chain: &str,
    private_key: &str,
    password: Option<&str>,
) -> Resource {
    let certificate = TlsCertificate {
        certificate_chain: Some(inline(certificate_chain)),
        private_key: Some(inline(private_key)),
        password: password.map(inline),
        ..TlsCertificate::default()
    };
    secret(name, secret::Type::TlsCertificate(certificate))
}

/// The Envoy secret that judges peers: by authority (PEM text), by certificate hash (64
/// hexadecimal digits, or 95 characters with colons), or both.
pub fn validation_context(name: &str, trusted_ca: Option<&str>, hashes: &[String]) -> Resource {
    let context = CertificateValidationContext {
        trusted_ca: trusted_ca.map(inline),
        verify_certificate_hash: hashes.to_vec(),
        ..CertificateValidationContext::default()
    };
    secret(name, secret::Type::ValidationContext(context))
}

/// The secret of a `certificate#…` section that holds its key pair itself; `None` where an OpenSVC
/// secret does.
pub(super) fn own_secret(id: &ExposeId, section: &str, source: &KeyPairSource) -> Option<Resource> {
    let name = own_secret_name(id, section);
    match source {
        KeyPairSource::Secret(_) => None,
        KeyPairSource::Inline {
            certificate_chain,
            private_key,
        } => Some(tls_certificate(&name, certificate_chain, private_key, None)),
        KeyPairSource::Files {
            certificate_chain,
            private_key,
        } => {
            let certificate = TlsCertificate {
                certificate_chain: Some(file(certificate_chain)),
                private_key: Some(file(private_key)),
                ..TlsCertificate::default()
            };
            Some(secret(&name, secret::Type::TlsCertificate(certificate)))
        }
    }
}

/// `tls_certificate/<service path>.<certificate section>`.
pub(super) fn own_secret_name(id: &ExposeId, section: &str) -> String {
    SecretUse::KeyPair.resource_name(&format_args!("{}.{section}", id.service))
}

fn secret(name: &str, kind: secret::Type) -> Resource {
    let message = Secret {
        name: name.into(),
        r#type: Some(kind),
    };
    Resource::new(ResourceType::Secret, name, encode(&message), Vec::new())
}

fn inline(text: &str) -> DataSource {
    source(Specifier::InlineString(text.into()))
}

fn file(path: &str) -> DataSource {
    source(Specifier::Filename(path.into()))
}

fn source(specifier: Specifier) -> DataSource {
    DataSource {
        specifier: Some(specifier),
        ..DataSource::default()
    }
}
