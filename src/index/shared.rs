//! The route configuration that the plain HTTP exposes of a socket share, changed where it changes.
//!
//! It may hold thousands of virtual hosts. What [`translate::route_configuration`] makes of all of them
//! is made here of the last one and of the exposes that changed.

use bytes::{BufMut, Bytes, BytesMut};
use prost::encoding::bytes::encoded_len_repeated;

use crate::envoy::{Reference, References, Resource, ResourceType, wire};
use crate::model::{ExposeId, Socket};
use crate::translate::{self, Attachment, Shape};

/// The field of `RouteConfiguration` that holds the virtual hosts.
const VIRTUAL_HOSTS: u32 = 2;

/// From how many changed exposes on everything is put together anew.
const MANY: usize = 8;

/// The route configuration of a socket.
#[derive(Debug, Default)]
pub(super) struct SharedRoutes {
    /// Whose virtual hosts there are, in their order.
    parts: Vec<Part>,
    /// What comes before the virtual hosts, in bytes.
    head: usize,
    body: Bytes,
    references: References,
}

/// What an expose adds.
#[derive(Debug)]
struct Part {
    expose: ExposeId,
    /// Its virtual hosts, in encoded bytes.
    length: usize,
    references: Box<[Reference]>,
}

impl SharedRoutes {
    /// Makes a resource of the attachments that there are on the socket, of which only those of some
    /// exposes are others than before. `None` where none of them shares the configuration.
    pub(super) fn update<'a>(
        &mut self,
        socket: Socket,
        changed: impl ExactSizeIterator<Item = (&'a ExposeId, Option<&'a Attachment>)>,
        all: impl Fn() -> Vec<&'a Attachment>,
    ) -> Option<Resource> {
        if self.parts.is_empty() || changed.len() > MANY {
            return self.assemble(socket, &all());
        }
        for (expose, attachment) in changed {
            self.replace(expose, attachment);
        }
        if self.parts.is_empty() {
            *self = Self::default();
            return None;
        }
        let name = socket.to_string();
        let body = self.body.clone();
        let mut resource = Resource::new(ResourceType::Routes, name, body, Vec::new());
        resource.references = self.references.clone();
        Some(resource)
    }

    fn assemble(&mut self, socket: Socket, attachments: &[&Attachment]) -> Option<Resource> {
        let Some(whole) = translate::route_configuration(socket, attachments) else {
            *self = Self::default();
            return None;
        };
        let mut parts: Vec<Part> = attachments
            .iter()
            .filter_map(|attachment| {
                let (vhosts, references) = shared(attachment)?;
                Some(Part {
                    expose: attachment.expose.clone(),
                    length: encoded_len_repeated(VIRTUAL_HOSTS, vhosts),
                    references: references.into(),
                })
            })
            .collect();
        parts.sort_by(|a, b| a.expose.cmp(&b.expose));
        let vhosts: usize = parts.iter().map(|part| part.length).sum();
        *self = Self {
            parts,
            head: whole.body.len().saturating_sub(vhosts),
            body: whole.body.clone(),
            references: whole.references.clone(),
        };
        Some(whole)
    }

    /// Puts another part in the place of an expose's.
    fn replace(&mut self, expose: &ExposeId, attachment: Option<&Attachment>) {
        let found = self.parts.binary_search_by(|part| part.expose.cmp(expose));
        let (Ok(place) | Err(place)) = found;
        let new = attachment.and_then(shared);
        let vhosts = encoded(new.map_or(&[], |(vhosts, _)| vhosts));
        let before: usize = self.parts.iter().take(place).map(|part| part.length).sum();
        let new = new.map(|(_, references)| Part {
            expose: expose.clone(),
            length: vhosts.len(),
            references: references.into(),
        });
        let old = match (found, new) {
            (Ok(_), Some(new)) => self.parts.get_mut(place).map(|p| std::mem::replace(p, new)),
            (Ok(_), None) => Some(self.parts.remove(place)),
            (Err(_), Some(new)) => {
                self.parts.insert(place, new);
                None
            }
            (Err(_), None) => return,
        };
        let start = self.head + before;
        let end = start + old.as_ref().map_or(0, |old| old.length);
        self.body = spliced(&self.body, start..end, &vhosts);
        let old = old.map(|old| old.references).unwrap_or_default();
        let new = self.parts.get(place).filter(|part| part.expose == *expose);
        let new = new.map_or(&[][..], |part| &part.references);
        if *old != *new {
            self.references = self.references.with(&old, new);
        }
    }
}

/// The virtual hosts of an attachment in the shared configuration, and what that names for them: the
/// expose's own cluster, which no other expose can name.
fn shared(attachment: &Attachment) -> Option<(&[Bytes], &[Reference])> {
    match &attachment.shape {
        Shape::SharedHttp {
            vhosts,
            routes_references,
            ..
        } => Some((vhosts, routes_references)),
        Shape::Udp { .. } | Shape::Chain { .. } => None,
    }
}

fn encoded(vhosts: &[Bytes]) -> Vec<u8> {
    let mut encoded = Vec::new();
    for vhost in vhosts {
        wire::append(&mut encoded, VIRTUAL_HOSTS, vhost);
    }
    encoded
}

/// Some bytes with others in place of a part.
fn spliced(bytes: &Bytes, part: std::ops::Range<usize>, with: &[u8]) -> Bytes {
    let (before, rest) = bytes.split_at(part.start.min(bytes.len()));
    let (_, after) = rest.split_at(part.len().min(rest.len()));
    let mut spliced = BytesMut::with_capacity(before.len() + with.len() + after.len());
    spliced.put_slice(before);
    spliced.put_slice(with);
    spliced.put_slice(after);
    spliced.freeze()
}
