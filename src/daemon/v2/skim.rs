//! A message of the event stream, of which only what matters is read.
//!
//! Nearly every entry of a patch is about statistics, schedulers and loads. Its path says so within a few
//! words, and then only the end of the entry is looked for. What cannot be told apart this way is left to
//! the thorough reading.

use super::change::{Change, Entry};
use super::dataset::{is_secret, is_watched};
use super::message::{Kind, read};
use super::whole::said;
use crate::daemon::walk::{Cursor, Lost, Walk};

/// What a message says: its kind, its number and its changes.
pub(super) type Said = (Kind, Option<u64>, Option<Vec<Change>>);

/// Skims a message.
pub(super) fn skim(text: &[u8]) -> Result<Said, Lost> {
    let (mut kind, mut id, mut changes) = (Kind::Missing, None, None);
    let mut message = Cursor::new(text);
    message.members(|message, name| {
        match name {
            b"kind" => kind = said(message.value()?, Kind::Missing)?,
            b"id" => id = natural(message.value()?),
            b"data" => changes = data(message)?,
            _ => message.pass()?,
        }
        Ok(())
    })?;
    match message.peek() {
        Ok(_) => Err(Lost),
        Err(Lost) => Ok((kind, id, changes)),
    }
}

fn natural(text: &[u8]) -> Option<u64> {
    let is_natural = text.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(text).ok().filter(|_| is_natural);
    text?.parse().ok()
}

/// The changes of a patch that matter; `None` where it has no list of them.
fn data(message: &mut Cursor<'_>) -> Result<Option<Vec<Change>>, Lost> {
    let mut changes = Vec::new();
    let is_list = message.elements(|entries| {
        let is_elsewhere = is_elsewhere(entries.rest()).unwrap_or(false);
        let entry = entries.value()?;
        if !is_elsewhere {
            changes.extend(read(entry, || Entry).or(Err(Lost))?);
        }
        Ok(())
    })?;
    Ok(is_list.then_some(changes))
}

/// Whether the path of an entry surely leads to nothing that is watched; `None` where its words do not
/// suffice to tell.
fn is_elsewhere(entry: &[u8]) -> Option<bool> {
    let mut path = Words::of(entry)?;
    if path.next()? != b"monitor" || path.next()? != b"nodes" {
        return Some(true);
    }
    path.next()?;
    Some(match path.next()? {
        b"services" => match path.next()? {
            b"status" => {
                path.next()?;
                match path.next()? {
                    b"avail" | b"scaler_slave" => false,
                    b"resources" => {
                        !is_watched(path.next()?)
                            || !matches!(path.next()?, b"type" | b"status" | b"disable" | b"info")
                    }
                    _ => true,
                }
            }
            b"config" => {
                let is_secret = is_secret(path.next()?);
                match path.next()? {
                    b"csum" => !is_secret,
                    b"scope" => is_secret,
                    _ => true,
                }
            }
            _ => true,
        },
        b"monitor" => path.next()? != b"status",
        _ => true,
    })
}

/// The words that a path begins with, as long as nothing in them is escaped.
struct Words<'t> {
    rest: Cursor<'t>,
    is_first: bool,
}

impl<'t> Words<'t> {
    /// The path of an entry.
    fn of(entry: &'t [u8]) -> Option<Self> {
        let mut rest = Cursor::new(entry);
        for _ in 0..2 {
            if rest.peek() != Ok(b'[') {
                return None;
            }
            rest.step();
        }
        Some(Self {
            rest,
            is_first: true,
        })
    }

    fn next(&mut self) -> Option<&[u8]> {
        if !std::mem::take(&mut self.is_first) {
            if self.rest.peek() != Ok(b',') {
                return None;
            }
            self.rest.step();
        }
        match self.rest.text() {
            Ok((word, false)) => Some(word),
            _ => None,
        }
    }
}
