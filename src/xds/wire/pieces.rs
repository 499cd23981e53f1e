//! Bytes as they arrive.

use std::collections::VecDeque;
use std::mem;

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// A piece that is smaller is not worth one of its own; Envoy's frames are larger, but for the last.
const SMALL: usize = 1 << 10;

/// How large what is gathered becomes.
const GATHERED: usize = 64 << 10;

/// Bytes in the pieces in which they were received, none of them empty. A request with ten thousand names comes
/// in dozens, and is read without putting them together.
#[derive(Debug, Default)]
pub struct Pieces {
    pieces: VecDeque<Bytes>,
    len: usize,
}

impl Pieces {
    /// Adds a piece. Small ones are gathered: each would keep the whole buffer that it was received in.
    pub fn push(&mut self, piece: Bytes) {
        if piece.is_empty() {
            return;
        }
        self.len += piece.len();
        match self.pieces.back_mut() {
            Some(last) if piece.len() < SMALL && last.len() < GATHERED => {
                let mut gathered = match mem::take(last).try_into_mut() {
                    Ok(gathered) => gathered,
                    Err(shared) => BytesMut::from(shared),
                };
                gathered.extend_from_slice(&piece);
                *last = gathered.freeze();
            }
            _ => self.pieces.push_back(piece),
        }
    }

    /// Takes the first bytes out, of which there must be as many.
    pub(in crate::xds) fn split_to(&mut self, len: usize) -> Self {
        let mut first = Self::default();
        while first.len < len
            && let Some(front) = self.pieces.front_mut()
        {
            let piece = front.split_to(front.len().min(len - first.len));
            if front.is_empty() {
                self.pieces.pop_front();
            }
            self.len -= piece.len();
            first.push(piece);
        }
        first
    }

    /// The byte at a place.
    pub(super) fn get(&self, mut at: usize) -> Option<u8> {
        for piece in &self.pieces {
            match piece.get(at) {
                Some(byte) => return Some(*byte),
                None => at -= piece.len(),
            }
        }
        None
    }

    /// Whether they begin with others.
    pub(super) fn starts_with(&self, mut others: &[u8]) -> bool {
        for piece in &self.pieces {
            let Some((first, rest)) = others.split_at_checked(piece.len()) else {
                return piece.starts_with(others);
            };
            if piece != first {
                return false;
            }
            others = rest;
        }
        others.is_empty()
    }
}

impl From<Bytes> for Pieces {
    fn from(bytes: Bytes) -> Self {
        let mut pieces = Self::default();
        pieces.push(bytes);
        pieces
    }
}

impl Buf for Pieces {
    fn remaining(&self) -> usize {
        self.len
    }

    fn chunk(&self) -> &[u8] {
        self.pieces.front().map_or(&[], |piece| piece)
    }

    /// # Panics
    /// Never, where others panic: there is nothing beyond the last byte.
    fn advance(&mut self, len: usize) {
        self.split_to(len);
    }

    fn copy_to_bytes(&mut self, len: usize) -> Bytes {
        let mut first = self.split_to(len);
        if first.pieces.len() <= 1 {
            return first.pieces.pop_front().unwrap_or_default();
        }
        let mut together = BytesMut::with_capacity(first.len);
        first
            .pieces
            .iter()
            .for_each(|piece| together.put_slice(piece));
        together.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As they are, however small.
    fn pieces(pieces: &[&'static str]) -> Pieces {
        let pieces = pieces.iter().filter(|piece| !piece.is_empty());
        let pieces: VecDeque<_> = pieces.map(|p| Bytes::from_static(p.as_bytes())).collect();
        Pieces {
            len: pieces.iter().map(Bytes::len).sum(),
            pieces,
        }
    }

    #[test]
    fn small_pieces_are_gathered() {
        let text: Vec<u8> = (0..200_000_u32).map(|at| at.to_le_bytes()[0]).collect();
        let buffer = Bytes::from(text.clone());
        let mut all = Pieces::default();
        for at in 0..text.len() {
            all.push(buffer.slice(at..=at));
        }
        assert_eq!(all.remaining(), text.len());
        assert_eq!(all.pieces.len(), text.len().div_ceil(GATHERED));
        let most = all.pieces.iter().map(Bytes::len).max();
        assert_eq!(most, Some(GATHERED));
        all.push(buffer.slice(..SMALL));
        assert_eq!(
            all.pieces.back().map(Bytes::len),
            Some(SMALL),
            "this one is not copied"
        );
        assert!(all.starts_with(&text));
    }

    #[test]
    fn pieces_are_read_as_if_they_were_one() {
        let cuts: [&[&str]; 4] = [
            &["abcdef"],
            &["ab", "cdef"],
            &["a", "b", "cde", "f"],
            &["abc", "def"],
        ];
        for cut in cuts {
            let whole = || pieces(cut);
            assert_eq!(whole().remaining(), 6);
            for len in 0..=6 {
                let text = &b"abcdef"[..len];
                assert!(whole().starts_with(text), "{cut:?} {len}");
                assert_eq!(whole().get(len), b"abcdef".get(len).copied());
                assert_eq!(whole().copy_to_bytes(len), text);
                let mut rest = whole();
                assert_eq!(rest.split_to(len).copy_to_bytes(len), text);
                assert_eq!(rest.copy_to_bytes(6 - len), b"abcdef"[len..]);
                assert!(!rest.has_remaining());
            }
            for other in ["b", "abcdefg", "abx", "abcdex"] {
                assert!(!whole().starts_with(other.as_bytes()), "{cut:?} {other}");
            }
        }
        assert!(pieces(&[]).starts_with(b"") && !pieces(&[]).starts_with(b"a"));
    }
}
