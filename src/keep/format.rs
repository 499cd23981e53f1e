//! The bytes: a line that names the format, a protobuf message, and a checksum of both.
//!
//! A reader refuses what has another number of the format: it was written by what the sidecar was before an
//! upgrade or a downgrade, and is a cache, so nothing is lost that the daemon does not tell again.

use std::io::{self, Write};
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

use super::Kept;
use crate::envoy::{Reference, Resource, ResourceType, Version, holds_pem_key};
use crate::index::{ChosenPort, Incumbent, Memory};
use crate::model::{ExposeId, Protocol};
use crate::snapshot::Snapshot;

/// How files of any version of the format begin; the version follows, then a line feed.
const MAGIC: &[u8] = b"igw-envoy last known good ";

/// The number of the format. It is another whenever what is held means something else, or the same resource gets
/// another version: an Envoy that comes back is judged by these.
///
/// - 1: one hash made the version of every resource.
/// - 2: exposes as they are served; the version of a route configuration is made of those of its fields.
const FORMAT: &[u8] = b"2";

/// The length of the checksum (BLAKE3) at the end.
const CHECKSUM: usize = blake3::OUT_LEN;

/// The largest file, in bytes: more than twice what 50,000 services take.
pub const LARGEST: usize = 256 << 20;

/// What is wrong with some bytes.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// Something else.
    #[error("it is no state of an igw-envoy gateway")]
    Foreign,
    /// Written by another version of this program.
    #[error("its format is {0}, and this version of xds reads {format}", format = String::from_utf8_lossy(FORMAT))]
    Format(String),
    /// Not what was written.
    #[error("it is truncated or was changed: its checksum does not fit")]
    Checksum,
    /// Of another gateway.
    #[error("it is of the gateway {0}")]
    Gateway(String),
    /// Written wrongly, which a defect causes.
    #[error("it holds {0}; this is a bug of the version that wrote it")]
    Content(&'static str),
}

/// Everything, as it is read. It is written field by field.
#[derive(Clone, PartialEq, Message)]
struct State {
    #[prost(string, tag = "1")]
    gateway: String,
    #[prost(message, repeated, tag = "2")]
    resources: Vec<KeptResource>,
    /// In the order of their seniority.
    #[prost(message, repeated, tag = "3")]
    incumbents: Vec<KeptExpose>,
    #[prost(message, repeated, tag = "4")]
    ports: Vec<KeptPort>,
}

#[derive(Clone, PartialEq, Message)]
struct KeptResource {
    #[prost(uint32, tag = "1")]
    kind: u32,
    #[prost(string, tag = "2")]
    name: String,
    /// Absent where it holds a private key that is not to be written.
    #[prost(bytes = "bytes", optional, tag = "3")]
    body: Option<Bytes>,
    #[prost(fixed64, tag = "4")]
    version: u64,
    #[prost(message, repeated, tag = "5")]
    references: Vec<KeptReference>,
    #[prost(bool, tag = "6")]
    confidential: bool,
}

#[derive(Clone, PartialEq, Message)]
struct KeptReference {
    #[prost(uint32, tag = "1")]
    kind: u32,
    #[prost(string, tag = "2")]
    name: String,
}

#[derive(Clone, PartialEq, Message)]
struct KeptExpose {
    #[prost(string, tag = "1")]
    service: String,
    #[prost(string, tag = "2")]
    section: String,
    /// Of an incumbent: the expose as it is served, as JSON. Absent where it holds a private key that is
    /// not to be written.
    #[prost(bytes = "bytes", optional, tag = "3")]
    served: Option<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
struct KeptPort {
    #[prost(message, optional, tag = "1")]
    expose: Option<KeptExpose>,
    #[prost(string, tag = "2")]
    addr: String,
    #[prost(bool, tag = "3")]
    udp: bool,
    #[prost(uint32, tag = "4")]
    port: u32,
}

/// Writes a gateway's state; private keys only `with_keys`.
///
/// # Errors
/// Those of the writer, and when the state is larger than [`LARGEST`].
pub fn encode(kept: &Kept, gateway: &str, with_keys: bool, to: &mut impl Write) -> io::Result<()> {
    let mut out = Summed {
        to,
        hasher: blake3::Hasher::new(),
        written: 0,
    };
    out.write_all(MAGIC)?;
    out.write_all(FORMAT)?;
    out.write_all(b"\n")?;
    out.field(1, gateway.as_bytes())?;
    for resource in ResourceType::ALL
        .into_iter()
        .flat_map(|kind| kept.snapshot.iter(kind))
    {
        let is_written = resource.is_known() && (with_keys || !resource.confidential);
        let references = resource.references.iter().map(|reference| KeptReference {
            kind: number(reference.kind),
            name: reference.name.to_string(),
        });
        let resource = KeptResource {
            kind: number(resource.kind),
            name: resource.name.to_string(),
            body: is_written.then(|| resource.body.clone()),
            version: resource.version.get(),
            references: references.collect(),
            confidential: resource.confidential,
        };
        out.field(2, &resource.encode_to_vec())?;
    }
    for incumbent in &kept.memory.incumbents {
        let served = incumbent.served.as_ref();
        let served = served.filter(|_| with_keys || !incumbent.confidential);
        let served = served.map(serde_json::to_vec).transpose()?;
        // Whatever else a key may stand in.
        let served = served.filter(|text| with_keys || !holds_pem_key(text));
        let expose = KeptExpose {
            served: served.map(Bytes::from),
            ..expose_of(&incumbent.id)
        };
        out.field(3, &expose.encode_to_vec())?;
    }
    for chosen in &kept.memory.ports {
        let port = KeptPort {
            expose: Some(expose_of(&chosen.expose)),
            addr: chosen.addr.to_string(),
            udp: chosen.protocol == Protocol::Udp,
            port: chosen.port.get().into(),
        };
        out.field(4, &port.encode_to_vec())?;
    }
    let sum = out.hasher.finalize();
    out.to.write_all(sum.as_bytes())
}

/// Reads what [`encode`] wrote for a gateway. The resources share the bytes.
///
/// # Errors
/// When the bytes are anything else.
pub fn decode(bytes: &Bytes, gateway: &str) -> Result<Kept, Damage> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(Damage::Foreign)?;
    let line = rest.iter().take(16).position(|byte| *byte == b'\n');
    let (format, _) = rest.split_at(line.ok_or(Damage::Foreign)?);
    if format != FORMAT {
        return Err(Damage::Format(String::from_utf8_lossy(format).into_owned()));
    }
    let start = MAGIC.len() + format.len() + 1;
    let end = bytes
        .len()
        .checked_sub(CHECKSUM)
        .filter(|end| *end >= start);
    let end = end.ok_or(Damage::Checksum)?;
    let sum = blake3::hash(&bytes[..end]);
    if sum.as_bytes()[..] != bytes[end..] {
        return Err(Damage::Checksum);
    }
    let state = State::decode(bytes.slice(start..end));
    let state = state.map_err(|_| Damage::Content("data that is not a protobuf message"))?;
    if state.gateway != gateway {
        return Err(Damage::Gateway(state.gateway));
    }
    let mut kept = Kept::default();
    put(&mut kept.snapshot, state.resources)?;
    kept.memory = memory(state.incumbents, state.ports)?;
    Ok(kept)
}

fn put(snapshot: &mut Snapshot, resources: Vec<KeptResource>) -> Result<(), Damage> {
    for kept in resources {
        let kind = kind(kept.kind)?;
        let references = kept.references.into_iter().map(|reference| {
            Ok(Reference {
                kind: self::kind(reference.kind)?,
                name: Arc::from(reference.name),
            })
        });
        let references = references.collect::<Result<_, Damage>>()?;
        let version = Version::from_number(kept.version);
        let resource = match kept.body {
            Some(body) => Resource::new(kind, kept.name, body, references),
            None => Resource::unknown(kind, kept.name, version, references),
        };
        if resource.version != version {
            return Err(Damage::Content("a version that is not of its content"));
        }
        snapshot.put(match kept.confidential {
            true => resource.confidential(),
            false => resource,
        });
    }
    Ok(())
}

fn memory(incumbents: Vec<KeptExpose>, ports: Vec<KeptPort>) -> Result<Memory, Damage> {
    let port = |kept: KeptPort| {
        let port = u16::try_from(kept.port).ok().and_then(NonZeroU16::new);
        Ok(ChosenPort {
            expose: expose(kept.expose.unwrap_or_default())?,
            addr: kept
                .addr
                .parse::<IpAddr>()
                .map_err(|_| Damage::Content("an address that is not an IP address"))?,
            protocol: match kept.udp {
                true => Protocol::Udp,
                false => Protocol::Tcp,
            },
            port: port.ok_or(Damage::Content("a port outside 1-65535"))?,
        })
    };
    Ok(Memory {
        incumbents: incumbents
            .into_iter()
            .map(incumbent)
            .collect::<Result<_, _>>()?,
        ports: ports.into_iter().map(port).collect::<Result<_, _>>()?,
    })
}

fn expose_of(expose: &ExposeId) -> KeptExpose {
    KeptExpose {
        service: expose.service.to_string(),
        section: expose.section.clone(),
        served: None,
    }
}

fn incumbent(mut kept: KeptExpose) -> Result<Incumbent, Damage> {
    let json = kept.served.take().unwrap_or_default();
    Ok(Incumbent {
        id: expose(kept)?,
        // An expose that another version of this program wrote may have other fields.
        served: serde_json::from_slice(&json).ok(),
        confidential: holds_pem_key(&json),
    })
}

fn expose(kept: KeptExpose) -> Result<ExposeId, Damage> {
    let service = kept.service.parse();
    Ok(ExposeId {
        service: service.map_err(|_| Damage::Content("a service without a name"))?,
        section: kept.section,
    })
}

/// The number of a type in the format; never reused.
fn number(kind: ResourceType) -> u32 {
    match kind {
        ResourceType::Cluster => 1,
        ResourceType::Endpoints => 2,
        ResourceType::Secret => 3,
        ResourceType::Listener => 4,
        ResourceType::Routes => 5,
    }
}

fn kind(number: u32) -> Result<ResourceType, Damage> {
    let mut kinds = ResourceType::ALL.into_iter();
    let found = kinds.find(|kind| self::number(*kind) == number);
    found.ok_or(Damage::Content("a resource type that does not exist"))
}

/// A writer that sums up what it wrote.
struct Summed<'a, W> {
    to: &'a mut W,
    hasher: blake3::Hasher,
    written: usize,
}

impl<W: Write> Summed<'_, W> {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len();
        if self.written + CHECKSUM > LARGEST {
            let large = format!("the state is larger than {LARGEST} bytes");
            return Err(io::Error::other(large));
        }
        self.hasher.update(bytes);
        self.to.write_all(bytes)
    }

    /// A length-delimited field.
    fn field(&mut self, tag: u32, bytes: &[u8]) -> io::Result<()> {
        let mut head = Vec::with_capacity(12);
        encode_key(tag, WireType::LengthDelimited, &mut head);
        encode_varint(bytes.len() as u64, &mut head);
        self.write_all(&head)?;
        self.write_all(bytes)
    }
}
