//! Reading: every part that was written to its end, and no byte of anything else.

use std::net::IpAddr;
use std::num::NonZeroU16;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use prost::Message;
use prost::encoding::{WireType, decode_key, decode_varint};

use super::Kept;
use super::format::{
    self, FORMAT, KeptExpose, KeptPort, KeptResource, MAGIC, Part, SUM, SUM_FIELD,
};
use crate::envoy::{Reference, Resource, ResourceType, Version, holds_pem_key};
use crate::index::{ChosenPort, Incumbent, Memory};
use crate::model::{ExposeId, Protocol};
use crate::snapshot::Snapshot;

/// What is wrong with some bytes.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// Something else.
    #[error("it is not the state of an igw-envoy gateway")]
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

/// What was read.
#[derive(Debug)]
pub struct Read {
    /// The state.
    pub kept: Kept,
    /// How many bytes at the end are no part of it: a write that did not come to its end.
    pub torn: usize,
}

/// Reads what [`encode`] and [`encode_changes`] wrote for a gateway. The resources share the bytes.
///
/// # Errors
/// When the bytes are anything else.
pub fn decode(bytes: &Bytes, gateway: &str) -> Result<Read, Damage> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(Damage::Foreign)?;
    let line = rest.iter().take(16).position(|byte| *byte == b'\n');
    let (format, _) = rest.split_at(line.ok_or(Damage::Foreign)?);
    if format != FORMAT {
        return Err(Damage::Format(String::from_utf8_lossy(format).into_owned()));
    }
    let mut kept = Kept::default();
    let mut end = None;
    for part in parts(bytes, MAGIC.len() + format.len() + 1) {
        let read = Part::decode(bytes.slice(part.clone()));
        let read = read.map_err(|_| Damage::Content("data that is not a protobuf message"))?;
        if end.is_none() && read.gateway != gateway {
            return Err(Damage::Gateway(read.gateway));
        }
        apply(&mut kept, read)?;
        end = Some(part.end + SUM_FIELD);
    }
    let end = end.ok_or(Damage::Checksum)?;
    Ok(Read {
        kept,
        torn: bytes.len() - end,
    })
}

/// Where the parts are whose checksum fits, without it, up to the first that does not.
fn parts(bytes: &[u8], start: usize) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut sum = blake3::Hasher::new();
    let (mut summed, mut start, mut at) = (0, start, start);
    while let Some((tag, value)) = field(&bytes[at..]) {
        let next = at + value.end;
        if tag == SUM {
            sum.update(&bytes[summed..at]);
            summed = at;
            if sum.finalize().as_bytes()[..] != bytes[at + value.start..next] {
                break;
            }
            parts.push(start..at);
            start = next;
        }
        at = next;
    }
    parts
}

/// The tag of the field that some bytes begin with, and where in them its value is; `None` where there is no
/// whole length-delimited field.
fn field(bytes: &[u8]) -> Option<(u32, Range<usize>)> {
    let mut rest = bytes;
    let (tag, WireType::LengthDelimited) = decode_key(&mut rest).ok()? else {
        return None;
    };
    let len = usize::try_from(decode_varint(&mut rest).ok()?).ok()?;
    let start = bytes.len() - rest.remaining();
    let end = start.checked_add(len).filter(|end| *end <= bytes.len())?;
    Some((tag, start..end))
}

fn apply(kept: &mut Kept, part: Part) -> Result<(), Damage> {
    for removed in part.removed {
        kept.snapshot.remove(kind(removed.kind)?, &removed.name);
    }
    put(&mut kept.snapshot, part.resources)?;
    let Memory { incumbents, ports } = &mut kept.memory;
    for left in part.left {
        incumbents.remove(&expose(left)?);
    }
    for mut incumbent in part.incumbents {
        let (json, rank) = (incumbent.served.take().unwrap_or_default(), incumbent.rank);
        let known = Incumbent {
            rank,
            // An expose that another version of this program wrote may have other fields.
            served: serde_json::from_slice(&json).ok(),
            confidential: holds_pem_key(&json),
        };
        incumbents.insert(expose(incumbent)?, known);
    }
    for unchosen in part.unchosen {
        ports.remove(&expose(unchosen)?);
    }
    for mut port in part.ports {
        let id = expose(port.expose.take().unwrap_or_default())?;
        ports.insert(id, chosen(&port)?);
    }
    Ok(())
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

fn chosen(kept: &KeptPort) -> Result<ChosenPort, Damage> {
    let addr = kept.addr.parse::<IpAddr>();
    let port = u16::try_from(kept.port).ok().and_then(NonZeroU16::new);
    Ok(ChosenPort {
        addr: addr.map_err(|_| Damage::Content("an address that is not an IP address"))?,
        protocol: match kept.udp {
            true => Protocol::Udp,
            false => Protocol::Tcp,
        },
        port: port.ok_or(Damage::Content("a port outside 1-65535"))?,
    })
}

fn expose(kept: KeptExpose) -> Result<ExposeId, Damage> {
    let service = kept.service.parse();
    Ok(ExposeId {
        service: service.map_err(|_| Damage::Content("a service without a name"))?,
        section: kept.section,
    })
}

fn kind(number: u32) -> Result<ResourceType, Damage> {
    format::kind(number).ok_or(Damage::Content("a resource type that does not exist"))
}
