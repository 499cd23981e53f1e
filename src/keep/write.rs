//! Writing: a whole state, or behind it what changed.

use std::io::{self, Write};

use bytes::Bytes;
use imbl::ordmap::DiffItem;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

use super::Kept;
use super::format::{
    FORMAT, KeptExpose, KeptPort, KeptReference, KeptResource, LARGEST, MAGIC, SUM, SUM_FIELD,
    number,
};
use crate::envoy::{Resource, ResourceType, holds_pem_key};
use crate::index::{ChosenPort, Incumbent};
use crate::model::{ExposeId, Protocol};
use crate::snapshot::Change;

/// What was written: enough to write on.
#[derive(Debug)]
pub struct Written {
    sum: blake3::Hasher,
    /// In bytes.
    len: usize,
}

impl Written {
    /// How many bytes there are.
    pub fn size(&self) -> usize {
        self.len
    }
}

/// Writes a gateway's state; private keys only `with_keys`.
///
/// # Errors
/// Those of the writer, and when the state is larger than [`LARGEST`].
pub fn encode(
    kept: &Kept,
    gateway: &str,
    with_keys: bool,
    to: &mut impl Write,
) -> io::Result<Written> {
    let nothing = Written {
        sum: blake3::Hasher::new(),
        len: 0,
    };
    let mut out = Summed {
        to,
        written: nothing,
    };
    out.write_all(MAGIC)?;
    out.write_all(FORMAT)?;
    out.write_all(b"\n")?;
    out.field(1, gateway.as_bytes())?;
    out.changes(&Kept::default(), kept, with_keys)?;
    out.finish()
}

/// Writes behind what was `written` of an `older` state how a `newer` one differs; with the same choice of
/// keys. It costs what the difference is.
///
/// # Errors
/// Those of the writer, and when all is larger than [`LARGEST`]. Nothing can be written behind that.
pub fn encode_changes(
    older: &Kept,
    newer: &Kept,
    written: Written,
    with_keys: bool,
    to: &mut impl Write,
) -> io::Result<Written> {
    let mut out = Summed { to, written };
    out.changes(older, newer, with_keys)?;
    out.finish()
}

/// A writer that sums up what it wrote.
struct Summed<'a, W> {
    to: &'a mut W,
    written: Written,
}

impl<W: Write> Summed<'_, W> {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written.len += bytes.len();
        if self.written.len + SUM_FIELD > LARGEST {
            let large = format!("the state is larger than {LARGEST} bytes");
            return Err(io::Error::other(large));
        }
        self.written.sum.update(bytes);
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

    fn message(&mut self, tag: u32, message: &impl Message) -> io::Result<()> {
        self.field(tag, &message.encode_to_vec())
    }

    /// How a newer state differs from an older one.
    fn changes(&mut self, older: &Kept, newer: &Kept, with_keys: bool) -> io::Result<()> {
        for kind in ResourceType::ALL {
            for change in newer.snapshot.changes(&older.snapshot, kind) {
                match change {
                    Change::Put(resource) => {
                        self.message(2, &resource_of(resource, with_keys))?;
                    }
                    Change::Removed(name) => self.message(5, &named(kind, name))?,
                }
            }
        }
        for change in older.memory.incumbents.diff(&newer.memory.incumbents) {
            match change {
                DiffItem::Add(id, incumbent)
                | DiffItem::Update {
                    new: (id, incumbent),
                    ..
                } => {
                    self.message(3, &incumbent_of(id, incumbent, with_keys)?)?;
                }
                DiffItem::Remove(id, _) => self.message(6, &expose_of(id))?,
            }
        }
        for change in older.memory.ports.diff(&newer.memory.ports) {
            match change {
                DiffItem::Add(id, chosen)
                | DiffItem::Update {
                    new: (id, chosen), ..
                } => {
                    self.message(4, &port_of(id, chosen))?;
                }
                DiffItem::Remove(id, _) => self.message(7, &expose_of(id))?,
            }
        }
        Ok(())
    }

    /// Ends a part.
    fn finish(mut self) -> io::Result<Written> {
        let sum = self.written.sum.finalize();
        self.field(SUM, sum.as_bytes())?;
        Ok(self.written)
    }
}

fn resource_of(resource: &Resource, with_keys: bool) -> KeptResource {
    let is_written = resource.is_known() && (with_keys || !resource.confidential);
    let references = resource.references.iter();
    let references = references.map(|reference| named(reference.kind, &reference.name));
    KeptResource {
        kind: number(resource.kind),
        name: resource.name.to_string(),
        body: is_written.then(|| resource.body.clone()),
        version: resource.version.get(),
        references: references.collect(),
        confidential: resource.confidential,
    }
}

fn named(kind: ResourceType, name: &str) -> KeptReference {
    KeptReference {
        kind: number(kind),
        name: name.to_owned(),
    }
}

fn incumbent_of(id: &ExposeId, incumbent: &Incumbent, with_keys: bool) -> io::Result<KeptExpose> {
    let served = incumbent.served.as_ref();
    let served = served.filter(|_| with_keys || !incumbent.confidential);
    let served = served.map(serde_json::to_vec).transpose()?;
    // Whatever else a key may stand in.
    let served = served.filter(|text| with_keys || !holds_pem_key(text));
    Ok(KeptExpose {
        served: served.map(Bytes::from),
        rank: incumbent.rank,
        ..expose_of(id)
    })
}

fn port_of(id: &ExposeId, chosen: &ChosenPort) -> KeptPort {
    KeptPort {
        expose: Some(expose_of(id)),
        addr: chosen.addr.to_string(),
        udp: chosen.protocol == Protocol::Udp,
        port: chosen.port.get().into(),
    }
}

fn expose_of(expose: &ExposeId) -> KeptExpose {
    KeptExpose {
        service: expose.service.to_string(),
        section: expose.section.clone(),
        ..KeptExpose::default()
    }
}
