//! The messages of the xDS protocol, as far as a client of the benchmark reads and writes them.

use bytes::{Buf, BufMut, Bytes};
use prost::Message;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

use super::Outcome;

/// The variant of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    /// Incremental.
    Delta,
    /// State of the world.
    Sotw,
}

/// A type of resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Type {
    /// CDS.
    Clusters,
    /// EDS.
    Endpoints,
    /// LDS.
    Listeners,
    /// RDS.
    Routes,
}

pub(crate) const TYPES: [(Type, &str); 4] = [
    (
        Type::Clusters,
        "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    ),
    (
        Type::Endpoints,
        "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
    ),
    (
        Type::Listeners,
        "type.googleapis.com/envoy.config.listener.v3.Listener",
    ),
    (
        Type::Routes,
        "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
    ),
];

impl Type {
    /// Its name in messages.
    pub(crate) fn url(self) -> &'static str {
        TYPES[self as usize].1
    }

    /// The type of a name.
    pub(crate) fn of(url: &str) -> Option<Self> {
        let known = TYPES.iter().find(|(_, known)| *known == url);
        known.map(|(kind, _)| *kind)
    }
}

/// Messages as they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Node {
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    #[prost(string, tag = "2")]
    pub(crate) cluster: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct DeltaRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) node: Option<Node>,
    #[prost(string, tag = "2")]
    pub(crate) type_url: String,
    #[prost(string, repeated, tag = "3")]
    pub(crate) subscribe: Vec<String>,
    #[prost(string, repeated, tag = "4")]
    pub(crate) unsubscribe: Vec<String>,
    #[prost(string, tag = "6")]
    pub(crate) nonce: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct DeltaResponse {
    #[prost(message, repeated, tag = "2")]
    pub(crate) resources: Vec<DeltaResource>,
    #[prost(string, tag = "4")]
    pub(crate) type_url: String,
    #[prost(string, tag = "5")]
    pub(crate) nonce: String,
    #[prost(string, repeated, tag = "6")]
    pub(crate) removed: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct DeltaResource {
    #[prost(string, tag = "3")]
    pub(crate) name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SotwRequest {
    #[prost(string, tag = "1")]
    pub(crate) version: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) node: Option<Node>,
    #[prost(string, repeated, tag = "3")]
    pub(crate) names: Vec<String>,
    #[prost(string, tag = "4")]
    pub(crate) type_url: String,
    #[prost(string, tag = "5")]
    pub(crate) nonce: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SotwResponse {
    #[prost(string, tag = "1")]
    pub(crate) version: String,
    #[prost(message, repeated, tag = "2")]
    pub(crate) resources: Vec<SotwResource>,
    #[prost(string, tag = "4")]
    pub(crate) type_url: String,
    #[prost(string, tag = "5")]
    pub(crate) nonce: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SotwResource {
    #[prost(message, optional, tag = "2")]
    pub(crate) body: Option<Named>,
}

/// Every resource here has its name in field 1.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Named {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
}

/// What a response says, in either variant.
pub(crate) struct Said {
    pub(crate) kind: Type,
    pub(crate) nonce: String,
    pub(crate) version: String,
    pub(crate) names: Vec<String>,
    pub(crate) removed: Vec<String>,
}

/// Reads a response of the delta variant.
pub(crate) fn delta(message: &Bytes) -> Outcome<Said> {
    let read = DeltaResponse::decode(message.clone())?;
    Ok(Said {
        kind: Type::of(&read.type_url).ok_or("a type that nobody asked for")?,
        nonce: read.nonce,
        version: String::new(),
        names: read.resources.into_iter().map(|r| r.name).collect(),
        removed: read.removed,
    })
}

/// Reads a response of the state of the world.
pub(crate) fn sotw(message: &Bytes) -> Outcome<Said> {
    let read = SotwResponse::decode(message.clone())?;
    let bodies = read.resources.into_iter().filter_map(|r| r.body);
    Ok(Said {
        kind: Type::of(&read.type_url).ok_or("a type that nobody asked for")?,
        nonce: read.nonce,
        version: read.version,
        names: bodies.map(|body| body.name).collect(),
        removed: Vec::new(),
    })
}
