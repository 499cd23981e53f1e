//! Resources as they travel: a name, encoded bytes and a version that is a hash of them.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::Secret;

use super::references::{Reference, References};
use super::sensitive::holds_secret;
use super::wire::Fields;

/// The xDS resource types, in the order in which an aggregated stream must deliver additions:
/// whatever a resource names comes before it. Removals go the other way.
///
/// See "Eventual consistency considerations" in Envoy's xDS protocol description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceType {
    /// CDS: `envoy.config.cluster.v3.Cluster`.
    Cluster,
    /// EDS: `envoy.config.endpoint.v3.ClusterLoadAssignment`.
    Endpoints,
    /// SDS: `envoy.extensions.transport_sockets.tls.v3.Secret`.
    Secret,
    /// LDS: `envoy.config.listener.v3.Listener`.
    Listener,
    /// RDS: `envoy.config.route.v3.RouteConfiguration`.
    Routes,
}

impl ResourceType {
    /// Every type, in delivery order.
    pub const ALL: [Self; 5] = [
        Self::Cluster,
        Self::Endpoints,
        Self::Secret,
        Self::Listener,
        Self::Routes,
    ];

    /// The type's URL in requests, responses and `Any`.
    pub fn type_url(self) -> &'static str {
        match self {
            Self::Cluster => "type.googleapis.com/envoy.config.cluster.v3.Cluster",
            Self::Endpoints => "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
            Self::Secret => "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
            Self::Listener => "type.googleapis.com/envoy.config.listener.v3.Listener",
            Self::Routes => "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        }
    }

    /// The word for the type in URLs of the API, in JSON, in metrics and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Endpoints => "endpoints",
            Self::Secret => "secret",
            Self::Listener => "listener",
            Self::Routes => "routes",
        }
    }

    /// The type of a URL; `None` for a type that is not served.
    pub fn from_type_url(url: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.type_url() == url)
    }

    /// Whether an update of this type carries the whole state, so that absence means removal
    /// (CDS and LDS); absence in the other types means nothing.
    pub fn is_full_state(self) -> bool {
        matches!(self, Self::Cluster | Self::Listener)
    }
}

/// A version: 48 bits of a hash over content, printed as eight digits of base64url.
///
/// Equal content has an equal version on every stream, machine and run, so an Envoy that
/// reconnects is sent only what differs.
///
/// A version is in every response and every acknowledgement, so it is short. What it must tell apart is
/// the content that a client has under a name from the one that it should have: for two that differ, the
/// odds to miss that are one in 281 million million, which is once in 9,000 years at a thousand changes a
/// second.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(u64);

impl Version {
    /// How many bytes of a hash it keeps.
    const BYTES: usize = 6;

    /// How long its text is: base64 has four digits for each three bytes.
    pub const DIGITS: usize = Self::BYTES / 3 * 4;

    /// The version of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let hash = blake3::hash(bytes);
        let mut first = [0; 8];
        first.copy_from_slice(&hash.as_bytes()[..8]);
        Self::from_number(u64::from_be_bytes(first))
    }

    /// The version of an encoded message of thousands of fields: of each of these, added up. So with another
    /// field it [is known](Self::with_other_fields) without a look at the rest. That the order of unlike fields
    /// makes no other version is right where it has no meaning, as among the virtual hosts of a route
    /// configuration.
    fn of_fields(message: &[u8]) -> Self {
        let mut sum = 0_u64;
        let mut rest = message;
        for field in Fields::of(message) {
            rest = rest.get(field.raw.len()..).unwrap_or_default();
            sum = sum.wrapping_add(Self::of(field.raw).0);
        }
        // What is no field is taken as one.
        if !rest.is_empty() {
            sum = sum.wrapping_add(Self::of(rest).0);
        }
        Self::from_number(sum)
    }

    /// The version of a route configuration with other fields in place of some, whose are given encoded.
    #[must_use]
    pub fn with_other_fields(self, gone: &[u8], come: &[u8]) -> Self {
        let without = self.0.wrapping_sub(Self::of_fields(gone).0);
        Self::from_number(without.wrapping_add(Self::of_fields(come).0))
    }

    /// The version as a number, for combining.
    pub fn get(self) -> u64 {
        self.0
    }

    /// The version that the last 48 bits of a number stand for.
    pub fn from_number(number: u64) -> Self {
        Self(number & (u64::MAX >> (64 - 8 * Self::BYTES)))
    }

    /// Its text.
    pub fn text(self) -> [u8; Self::DIGITS] {
        let alphabet = URL_SAFE.as_str().as_bytes();
        let last = 6 * (Self::DIGITS - 1);
        std::array::from_fn(|place| alphabet[(self.0 >> (last - 6 * place)) as usize & 63])
    }

    /// Reads a version back from its text; `None` where it is not one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let mut number = [0; 8];
        let bytes = &mut number[8 - Self::BYTES..];
        match URL_SAFE_NO_PAD.decode_slice(text, bytes) {
            Ok(Self::BYTES) => Some(Self(u64::from_be_bytes(number))),
            _ => None,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Its digits are ASCII.
        f.write_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An encoded, versioned resource; cheap to share, never changed.
#[derive(Clone)]
pub struct Resource {
    /// The type.
    pub kind: ResourceType,
    /// The name that Envoy knows it by, unique in its type.
    pub name: Arc<str>,
    /// The hash of `body`; of a route configuration, of its fields.
    pub version: Version,
    /// The encoded message: the `value` of the `Any` that carries it.
    pub body: Bytes,
    /// What it names.
    pub references: References,
    /// Whether `body` holds a private key, a password or a token: such a resource is only served
    /// where the transport keeps other users out, and never printed.
    pub confidential: bool,
    /// When this content came to be in a snapshot; `None` until then. It is not part of what the
    /// resource is.
    pub since: Option<SystemTime>,
    known: bool,
}

impl Resource {
    /// A resource from its encoded message.
    ///
    /// Clusters and secrets are looked through for what is confidential. Endpoints and routes have
    /// no room for it, and a listener's filters are refused with it before.
    pub fn new(
        kind: ResourceType,
        name: impl Into<Arc<str>>,
        body: Bytes,
        references: Vec<Reference>,
    ) -> Self {
        let confidential = match kind {
            ResourceType::Cluster => holds_secret::<Cluster>(&body),
            ResourceType::Secret => holds_secret::<Secret>(&body),
            _ => false,
        };
        Self {
            kind,
            name: name.into(),
            version: match kind {
                ResourceType::Routes => Version::of_fields(&body),
                _ => Version::of(&body),
            },
            references: references.into(),
            confidential,
            body,
            since: None,
            known: true,
        }
    }

    /// Another content of a route configuration, whose version is known.
    #[must_use]
    pub fn routes(
        name: impl Into<Arc<str>>,
        body: Bytes,
        version: Version,
        references: References,
    ) -> Self {
        debug_assert_eq!(version, Version::of_fields(&body), "of its content");
        Self {
            kind: ResourceType::Routes,
            name: name.into(),
            version,
            body,
            references,
            confidential: false,
            since: None,
            known: true,
        }
    }

    /// A resource of which the version is known and the content is not. Clients may have it; it cannot
    /// be sent.
    pub fn unknown(
        kind: ResourceType,
        name: impl Into<Arc<str>>,
        version: Version,
        references: Vec<Reference>,
    ) -> Self {
        Self {
            version,
            known: false,
            ..Self::new(kind, name, Bytes::new(), references)
        }
    }

    /// Whether its content is known.
    pub fn is_known(&self) -> bool {
        self.known
    }

    /// Whether it names the resource of a type and name.
    pub fn references(&self, kind: ResourceType, name: &str) -> bool {
        self.references.contains(kind, name)
    }

    /// Marks the resource as holding a private key, a password or a token.
    #[must_use]
    pub fn confidential(mut self) -> Self {
        self.confidential = true;
        self
    }
}

impl PartialEq for Resource {
    /// By identity, version, which stands for the content, and whether that is known.
    fn eq(&self, other: &Self) -> bool {
        (self.kind, self.version, &self.name, self.known)
            == (other.kind, other.version, &other.name, other.known)
    }
}

impl fmt::Debug for Resource {
    /// Everything but the body, which may hold a private key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource")
            .field("kind", &self.kind)
            .field("name", &self.name)
            .field("version", &self.version)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envoy::wire;

    #[test]
    fn a_version_is_read_back_from_its_text() {
        let versions = [
            Version::of(b"a"),
            Version::of(b"b"),
            Version::from_number(0),
        ];
        for version in versions {
            let text = version.to_string();
            assert_eq!(text.as_bytes(), version.text());
            assert_eq!(Version::parse(&text), Some(version));
        }
        assert_ne!(versions[0], versions[1]);
    }

    #[test]
    fn a_version_of_another_server_is_none_of_ours() {
        for text in [
            "",
            "7",
            "AAAAAAA",
            "AAAAAAAAA",
            "AAAA+AAA",
            "AAAAAAA=",
            "90d3c5f0a1b2c3d4",
        ] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_version_of_a_route_configuration_is_known_with_another_field() {
        let fields = |texts: &[&str]| {
            let mut message = Vec::new();
            let texts = texts.iter();
            texts.for_each(|text| wire::append(&mut message, 2, text.as_bytes()));
            message
        };
        let version = |message: Vec<u8>| {
            Resource::new(ResourceType::Routes, "r", message.into(), vec![]).version
        };
        let all = version(fields(&["a", "b", "c"]));
        let other = all.with_other_fields(&fields(&["b"]), &fields(&["x", "y"]));
        assert_eq!(other, version(fields(&["a", "x", "y", "c"])));
        assert_ne!(other, all);
        assert_eq!(
            other.with_other_fields(&fields(&["y", "x"]), &fields(&["b"])),
            all
        );
        assert_ne!(version(fields(&["ab", "c"])), version(fields(&["a", "bc"])));
        let broken = |rest: &[u8]| version([&fields(&["a"]), rest].concat());
        assert_ne!(broken(&[0x0b]), broken(&[0x0c]));
        assert_ne!(broken(&[0x0b]), broken(&[]));
    }

    #[test]
    fn a_number_of_more_bits_than_a_version_has_is_cut() {
        let version = Version::from_number(u64::MAX);
        assert_eq!(Version::parse(&version.to_string()), Some(version));
        assert_eq!(Version::from_number(version.get()), version);
    }
}
