//! The route configuration that the plain HTTP exposes of a socket share, changed where it changes.
//!
//! It may hold thousands of virtual hosts. What [`translate::route_configuration`] makes of all of them
//! is made here of the last one and of the exposes that changed.

use bytes::{BufMut, Bytes, BytesMut};
use prost::encoding::bytes::encoded_len_repeated;

use crate::envoy::{Reference, Resource, Version, wire};
use crate::model::{ExposeId, Socket};
use crate::translate::{self, Attachment, Shape};

/// The field of `RouteConfiguration` that holds the virtual hosts.
const VIRTUAL_HOSTS: u32 = 2;

/// From how many changed exposes on everything is put together anew.
const MANY: usize = 8;

/// The route configuration of a socket.
#[derive(Debug, Default)]
pub(super) struct SharedRoutes {
    /// Whose virtual hosts there are, in their order. There may be thousands to move when one comes or goes.
    parts: Vec<Part>,
    /// What comes before the virtual hosts, in bytes.
    head: usize,
    /// What was made last.
    whole: Option<Resource>,
}

/// What an expose adds.
#[derive(Debug)]
struct Part {
    of: Box<Origin>,
    /// Its virtual hosts, in encoded bytes.
    length: usize,
}

/// Where a part comes from.
#[derive(Debug)]
struct Origin {
    expose: ExposeId,
    references: Box<[Reference]>,
}

impl Part {
    fn of(expose: &ExposeId, length: usize, references: &[Reference]) -> Self {
        let expose = expose.clone();
        let references = references.into();
        Self {
            of: Box::new(Origin { expose, references }),
            length,
        }
    }
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
        let few = changed.len() <= MANY;
        match self.whole.take().filter(|_| few) {
            Some(mut whole) => {
                for (expose, attachment) in changed {
                    whole = self.replace(whole, expose, attachment);
                }
                self.whole = (!self.parts.is_empty()).then_some(whole);
            }
            None => self.assemble(socket, &all()),
        }
        self.whole.clone()
    }

    fn assemble(&mut self, socket: Socket, attachments: &[&Attachment]) {
        self.whole = translate::route_configuration(socket, attachments);
        let parts = attachments.iter().filter_map(|attachment| {
            let (vhosts, references) = shared(attachment)?;
            let length = encoded_len_repeated(VIRTUAL_HOSTS, vhosts);
            Some(Part::of(&attachment.expose, length, references))
        });
        self.parts = parts.collect();
        self.parts.sort_by(|a, b| a.of.expose.cmp(&b.of.expose));
        let vhosts: usize = self.parts.iter().map(|part| part.length).sum();
        let length = self.whole.as_ref().map_or(0, |whole| whole.body.len());
        self.head = length.saturating_sub(vhosts);
    }

    /// Puts another part in the place of an expose's. Returns what the `whole` is then.
    fn replace(
        &mut self,
        whole: Resource,
        expose: &ExposeId,
        attachment: Option<&Attachment>,
    ) -> Resource {
        let parts = &mut self.parts;
        let found = parts.binary_search_by(|part| part.of.expose.cmp(expose));
        let (Ok(place) | Err(place)) = found;
        let new = attachment.and_then(shared);
        if found.is_err() && new.is_none() {
            return whole;
        }
        let (vhosts, come) = new.unwrap_or_default();
        let vhosts = encoded(vhosts);
        let before: usize = parts.iter().take(place).map(|part| part.length).sum();
        let new = new.map(|(_, references)| Part::of(expose, vhosts.len(), references));
        let old = parts.splice(place..place + usize::from(found.is_ok()), new);
        let old = old.last();
        let gone = old.as_ref().map_or(&[][..], |old| &old.of.references);
        let start = self.head + before;
        let end = start + old.as_ref().map_or(0, |old| old.length);
        let (body, version) = spliced(&whole, start..end, &vhosts);
        let references = match gone == come {
            true => whole.references,
            false => whole.references.with(gone, come),
        };
        Resource::routes(whole.name, body, version, references)
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

/// The body and version of a route configuration with other fields in place of a part.
fn spliced(whole: &Resource, part: std::ops::Range<usize>, with: &[u8]) -> (Bytes, Version) {
    let bytes = &whole.body;
    let (before, rest) = bytes.split_at(part.start.min(bytes.len()));
    let (gone, after) = rest.split_at(part.len().min(rest.len()));
    let mut spliced = BytesMut::with_capacity(before.len() + with.len() + after.len());
    spliced.put_slice(before);
    spliced.put_slice(with);
    spliced.put_slice(after);
    let version = whole.version.with_other_fields(gone, with);
    (spliced.freeze(), version)
}
