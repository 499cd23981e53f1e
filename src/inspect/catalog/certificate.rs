//! Certificates and trust anchors: what may be known of them, which is never a key.

use envoy_types::pb::envoy::config::core::v3::{DataSource, data_source::Specifier};
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3 as envoy;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::secret::Type;
use prost::Message;
use serde::Serialize;
use utoipa::ToSchema;
use x509_parser::certificate::X509Certificate;
use x509_parser::pem::Pem;
use x509_parser::time::ASN1Time;

use crate::envoy::Resource;
use crate::inspect::Moment;
use crate::validate::certificate::{host_names, system_time};

/// A secret, without what makes it one.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Secret {
    /// Its name in Envoy.
    #[schema(example = "tls_certificate/test/sec/web")]
    pub name: String,
    /// What it is for.
    pub kind: SecretKind,
    /// Its certificates: a leaf and what follows it, or trust anchors.
    #[serde(flatten)]
    pub certificate: Certificate,
}

/// What a secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretKind {
    /// A certificate to present.
    Identity,
    /// A judge of the peer's certificate.
    Trust,
}

/// What is known of the certificates in a secret.
#[derive(Debug, Clone, PartialEq, Default, Serialize, ToSchema)]
pub struct Certificate {
    /// The certificate that is presented.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaf: Option<Leaf>,
    /// The authorities that are trusted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub anchors: Vec<Anchor>,
    /// A file that only Envoy reads: nothing is known of what is in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// When the first of them stops being valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Moment>,
}

/// A certificate to present.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Leaf {
    /// Its subject.
    #[schema(example = "CN=web.example.com")]
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// The host names and addresses that it is for.
    pub names: Vec<String>,
    /// When it starts to be valid.
    pub not_before: Moment,
    /// When it stops being valid.
    pub not_after: Moment,
}

/// A trusted authority.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Anchor {
    /// Its subject.
    pub subject: String,
    /// When it stops being valid.
    pub not_after: Moment,
}

impl Secret {
    /// What holds it: a secret of OpenSVC, or the certificate section of a service.
    pub fn owner(&self) -> &str {
        owner(&self.name)
    }

    /// Decodes a secret; of a key pair, the chain only.
    pub(super) fn read(resource: &Resource) -> Option<Self> {
        let secret = envoy::Secret::decode(&*resource.body).ok()?;
        let (kind, certificate) = match secret.r#type? {
            Type::TlsCertificate(pair) => (SecretKind::Identity, identity(&pair.certificate_chain)),
            Type::ValidationContext(context) => (SecretKind::Trust, trust(&context.trusted_ca)),
            _ => return None,
        };
        Some(Self {
            name: secret.name,
            kind,
            certificate,
        })
    }
}

/// What holds the secret of a name such as `tls_certificate/test/sec/web`.
pub fn owner(name: &str) -> &str {
    name.split_once('/').map_or(name, |(_, owner)| owner)
}

fn identity(source: &Option<DataSource>) -> Certificate {
    let (blocks, file) = read(source);
    let leaf = blocks.first().and_then(|block| leaf(block));
    Certificate {
        // A chain is of no use once any of its links expired.
        not_after: blocks.iter().filter_map(|b| expiry(b)).min(),
        leaf,
        anchors: Vec::new(),
        file,
    }
}

fn trust(source: &Option<DataSource>) -> Certificate {
    let (blocks, file) = read(source);
    let anchors: Vec<Anchor> = blocks.iter().filter_map(|block| anchor(block)).collect();
    Certificate {
        leaf: None,
        not_after: anchors.iter().map(|anchor| anchor.not_after).min(),
        anchors,
        file,
    }
}

/// The DER certificates of a source, or the file that they are in.
fn read(source: &Option<DataSource>) -> (Vec<Vec<u8>>, Option<String>) {
    let pem: &[u8] = match source.as_ref().and_then(|s| s.specifier.as_ref()) {
        Some(Specifier::InlineString(text)) => text.as_bytes(),
        Some(Specifier::InlineBytes(bytes)) => bytes,
        Some(Specifier::Filename(path)) => return (Vec::new(), Some(path.clone())),
        _ => return (Vec::new(), None),
    };
    let blocks = Pem::iter_from_buffer(pem)
        .map_while(Result::ok)
        .filter(|block| block.label == "CERTIFICATE" || block.label == "TRUSTED CERTIFICATE")
        .map(|block| block.contents);
    (blocks.collect(), None)
}

fn parse(der: &[u8]) -> Option<X509Certificate<'_>> {
    use x509_parser::prelude::FromDer;
    X509Certificate::from_der(der).ok().map(|(_, cert)| cert)
}

fn expiry(der: &[u8]) -> Option<Moment> {
    Some(moment(parse(der)?.validity().not_after))
}

fn anchor(der: &[u8]) -> Option<Anchor> {
    let certificate = parse(der)?;
    Some(Anchor {
        subject: certificate.subject().to_string(),
        not_after: moment(certificate.validity().not_after),
    })
}

fn leaf(der: &[u8]) -> Option<Leaf> {
    let certificate = parse(der)?;
    Some(Leaf {
        subject: certificate.subject().to_string(),
        issuer: certificate.issuer().to_string(),
        names: host_names(&certificate),
        not_before: moment(certificate.validity().not_before),
        not_after: moment(certificate.validity().not_after),
    })
}

fn moment(time: ASN1Time) -> Moment {
    Moment::from(system_time(time))
}
