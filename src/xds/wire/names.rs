//! The names in state-of-the-world requests.

use bytes::{Buf, Bytes, BytesMut};
use prost::DecodeError;
use prost::encoding::{DecodeContext, decode_key, decode_varint, skip_field};

use super::pieces::Pieces;
use super::{SotwRequest, field};
use crate::envoy::ResourceType;

/// What each name of a request begins with: the number of its field, and that its length follows.
pub(super) const KEY: u8 = 3 << 3 | 2;

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

    /// Takes the names that come next in a request, up to another field.
    pub(super) fn take_from(request: &mut Pieces) -> Result<Self, DecodeError> {
        // In one piece, of which they can be a slice.
        let mut bytes = request.copy_to_bytes(request.remaining());
        let mut rest = &*bytes;
        while rest.first() == Some(&KEY) {
            let (field, wire) = decode_key(&mut rest)?;
            skip_field(wire, field, &mut rest, DecodeContext::default())?;
        }
        let names = bytes.split_to(bytes.len() - rest.len());
        *request = bytes.into();
        Ok(Self(names))
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

/// The names that were found in a request so far. As a rule they are in one place, of which they are a slice.
#[derive(Default)]
pub(super) struct Found {
    first: Names,
    joined: BytesMut,
}

impl Found {
    /// Adds the names of one more place.
    pub(super) fn add(&mut self, names: &Names) {
        if self.first.is_empty() && self.joined.is_empty() {
            self.first = names.clone();
            return;
        }
        if self.joined.is_empty() {
            self.joined.extend_from_slice(&self.first.0);
        }
        self.joined.extend_from_slice(&names.0);
    }

    /// All of them.
    pub(super) fn into_names(self) -> Names {
        match self.joined.is_empty() {
            true => self.first,
            false => Names(self.joined.freeze()),
        }
    }
}

/// The names in a stream's last requests, by type. Those of an acknowledgement, which may be thousands, are
/// the same as in the one before: they are read once, and kept once.
#[derive(Debug, Default)]
pub struct Heard(pub(super) Vec<(String, Names)>);

impl Heard {
    /// The names known from before that come next in a request, if no others follow them.
    pub(super) fn next_in(&self, request: &Pieces) -> Option<&Names> {
        let mut known = self.0.iter().map(|(_, names)| names);
        known.find(|known| request.get(known.0.len()) != Some(KEY) && request.starts_with(&known.0))
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
