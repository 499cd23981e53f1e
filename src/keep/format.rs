//! The bytes: a line that names the format, and parts. The first part is a whole state, each other one
//! what changed since. A part is a protobuf message whose last field is a checksum of the file up to
//! there: what follows the last one that fits was not written to its end, and is not read.
//!
//! A reader refuses what has another number of the format: it was written by what the sidecar was before an
//! upgrade or a downgrade, and is a cache, so nothing is lost that the daemon does not tell again.

use bytes::Bytes;
use prost::Message;

use crate::envoy::ResourceType;

/// How files of any version of the format begin; the version follows, then a line feed.
pub(super) const MAGIC: &[u8] = b"igw-envoy last known good ";

/// The number of the format. It is another whenever what is held means something else, or the same resource gets
/// another version: an Envoy that comes back is judged by these.
///
/// - 1: one hash made the version of every resource.
/// - 2: changes behind a whole; exposes as they are served; the version of a route configuration is made of
///   those of its fields.
pub(super) const FORMAT: &[u8] = b"2";

/// The field that ends a part: the checksum (BLAKE3) of everything before it.
pub(super) const SUM: u32 = 15;

/// How many bytes that field has: its key, its length and the checksum.
pub(super) const SUM_FIELD: usize = 2 + blake3::OUT_LEN;

/// The largest file, in bytes: more than twice what 50,000 services take.
pub const LARGEST: usize = 256 << 20;

/// A part, as it is read. It is written field by field.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Part {
    /// Of the first part only.
    #[prost(string, tag = "1")]
    pub(super) gateway: String,
    #[prost(message, repeated, tag = "2")]
    pub(super) resources: Vec<KeptResource>,
    #[prost(message, repeated, tag = "3")]
    pub(super) incumbents: Vec<KeptExpose>,
    #[prost(message, repeated, tag = "4")]
    pub(super) ports: Vec<KeptPort>,
    /// The resources that are gone.
    #[prost(message, repeated, tag = "5")]
    pub(super) removed: Vec<KeptReference>,
    /// The exposes that are served no more.
    #[prost(message, repeated, tag = "6")]
    pub(super) left: Vec<KeptExpose>,
    /// The exposes whose chosen port is not remembered any more.
    #[prost(message, repeated, tag = "7")]
    pub(super) unchosen: Vec<KeptExpose>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct KeptResource {
    #[prost(uint32, tag = "1")]
    pub(super) kind: u32,
    #[prost(string, tag = "2")]
    pub(super) name: String,
    /// Absent where it holds a private key that is not to be written.
    #[prost(bytes = "bytes", optional, tag = "3")]
    pub(super) body: Option<Bytes>,
    #[prost(fixed64, tag = "4")]
    pub(super) version: u64,
    #[prost(message, repeated, tag = "5")]
    pub(super) references: Vec<KeptReference>,
    #[prost(bool, tag = "6")]
    pub(super) confidential: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct KeptReference {
    #[prost(uint32, tag = "1")]
    pub(super) kind: u32,
    #[prost(string, tag = "2")]
    pub(super) name: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct KeptExpose {
    #[prost(string, tag = "1")]
    pub(super) service: String,
    #[prost(string, tag = "2")]
    pub(super) section: String,
    /// Of an incumbent: the expose as it is served, as JSON. Absent where it holds a private key that is
    /// not to be written.
    #[prost(bytes = "bytes", optional, tag = "3")]
    pub(super) served: Option<Bytes>,
    /// Of an incumbent.
    #[prost(uint64, tag = "4")]
    pub(super) rank: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct KeptPort {
    #[prost(message, optional, tag = "1")]
    pub(super) expose: Option<KeptExpose>,
    #[prost(string, tag = "2")]
    pub(super) addr: String,
    #[prost(bool, tag = "3")]
    pub(super) udp: bool,
    #[prost(uint32, tag = "4")]
    pub(super) port: u32,
}

/// The number of a type in the format; never reused.
pub(super) fn number(kind: ResourceType) -> u32 {
    match kind {
        ResourceType::Cluster => 1,
        ResourceType::Endpoints => 2,
        ResourceType::Secret => 3,
        ResourceType::Listener => 4,
        ResourceType::Routes => 5,
    }
}

/// The type of a number.
pub(super) fn kind(number: u32) -> Option<ResourceType> {
    let mut kinds = ResourceType::ALL.into_iter();
    kinds.find(|kind| self::number(*kind) == number)
}
