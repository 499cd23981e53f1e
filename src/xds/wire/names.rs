//! The names in state-of-the-world requests.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use prost::encoding::{decode_key, decode_varint};

use super::{SotwRequest, field};
use crate::envoy::ResourceType;

/// The names of a state-of-the-world request, encoded as they came. Every acknowledgement repeats them,
/// and they may be ten thousand: as bytes, they are compared as a whole.
#[derive(Debug, Clone, Default, Eq)]
pub struct Names(pub(super) Bytes);

impl PartialEq for Names {
    fn eq(&self, other: &Self) -> bool {
        // The lists of a stream's acknowledgements are one, as a rule.
        let is_one = self.0.as_ptr() == other.0.as_ptr() && self.0.len() == other.0.len();
        is_one || self.0 == other.0
    }
}

impl Names {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One after the other; they need not be text.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || {
            decode_key(&mut rest).ok()?;
            let len = usize::try_from(decode_varint(&mut rest).ok()?).ok()?;
            let (name, others) = rest.split_at_checked(len)?;
            rest = others;
            Some(name)
        })
    }
}

impl<N: AsRef<[u8]>> FromIterator<N> for Names {
    fn from_iter<I: IntoIterator<Item = N>>(names: I) -> Self {
        let mut encoded = BytesMut::new();
        for name in names {
            field(&mut encoded, 3, name.as_ref());
        }
        Self(encoded.freeze())
    }
}

/// The names in a stream's last requests, by type. Those of an acknowledgement, which may be thousands, are
/// the same as in the one before: they are read once, and kept once.
#[derive(Debug, Default)]
pub struct Heard(pub(super) Vec<(String, Names)>);

impl Heard {
    /// The names known from before that a text begins with.
    pub(super) fn at(&self, text: &[u8]) -> Option<&Names> {
        let known = self.0.iter().map(|(_, names)| names);
        let known = known.filter(|known| text.starts_with(&known.0));
        known.max_by_key(|known| known.0.len())
    }

    /// Remembers the names of a request. What is kept is a copy, as the request was read into a buffer that
    /// is larger, and is used for the next one once nobody needs it.
    pub(super) fn remember(&mut self, request: &mut SotwRequest) {
        let url = &request.type_url;
        // Of what is not served there is no end. On a stream of one type it need not be named.
        if !url.is_empty() && ResourceType::from_type_url(url).is_none() {
            return;
        }
        let names = &mut request.resource_names;
        if names.is_empty() {
            self.0.retain(|(known, _)| known != url);
            return;
        }
        let known = self.0.iter_mut().find(|(known, _)| known == url);
        match known {
            Some((_, known)) if *known == *names => *names = known.clone(),
            known => {
                *names = Names(Bytes::copy_from_slice(&names.0));
                match known {
                    Some((_, known)) => *known = names.clone(),
                    None => self.0.push((request.type_url.clone(), names.clone())),
                }
            }
        }
    }
}

/// Where the names are in a request: in one piece, unless somebody encodes in an unusual way.
#[derive(Default)]
pub(super) struct NamesFound<'a> {
    last: Range<usize>,
    earlier: BytesMut,
    /// Names heard before that are there.
    pub(super) known: Option<&'a Names>,
}

impl NamesFound<'_> {
    pub(super) fn add(&mut self, request: &Bytes, at: Range<usize>) {
        if at.start != self.last.end {
            self.earlier.extend_from_slice(&request[self.last.clone()]);
            self.last.start = at.start;
        }
        self.last.end = at.end;
    }

    pub(super) fn of(mut self, request: &Bytes) -> Names {
        if self.earlier.is_empty() {
            let all = self.known.filter(|known| known.0.len() == self.last.len());
            return all.map_or_else(|| Names(request.slice(self.last)), Names::clone);
        }
        self.earlier.extend_from_slice(&request[self.last]);
        Names(self.earlier.freeze())
    }
}
