//! The file: added to, or replaced as a whole; readable by nobody else, and never trusted.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use imbl::ordmap::DiffItem;

use super::Kept;
use super::format::LARGEST;
use super::read::{self, Damage, decode};
use super::write::{Written, encode, encode_changes};
use crate::envoy::ResourceType;
use crate::snapshot::Change;

/// How many bytes are added at least before the file is replaced.
const ROOM: usize = 1 << 16;

/// A gateway's file.
#[derive(Debug, Clone)]
pub struct Store {
    path: PathBuf,
    gateway: String,
    with_keys: bool,
}

/// The file as this process wrote it, which is added to.
#[derive(Debug)]
pub struct Journal {
    file: File,
    written: Written,
    /// How large it was when it was written as a whole.
    whole: usize,
    /// What it ends with.
    kept: Kept,
    /// As the last write left it.
    mark: Mark,
}

/// What tells whether somebody else touched a file: which it is, its size, its mode, and when anything of
/// that changed last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark([u64; 4], u32, [i64; 2]);

impl Mark {
    fn of(about: &Metadata) -> Self {
        Self(
            [about.dev(), about.ino(), about.len(), about.uid().into()],
            about.mode(),
            [about.ctime(), about.ctime_nsec()],
        )
    }
}

impl Journal {
    /// Lets every write fail from now on.
    #[cfg(test)]
    pub(super) fn only_reads(&mut self, path: &Path) {
        self.file = File::open(path).expect("it is there");
    }

    fn added(&self) -> usize {
        self.written.size() - self.whole
    }
}

/// What was read.
#[derive(Debug)]
pub struct Loaded {
    /// The state.
    pub kept: Kept,
    /// How many bytes at its end are left out: a write that did not come to its end.
    pub torn: usize,
    /// When it was last known to be what the daemon says.
    pub known_at: SystemTime,
}

/// Why a file is ignored.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The system says no.
    #[error("{0}")]
    System(#[from] io::Error),
    /// Somebody else could have written it.
    #[error(
        "users other than its owner may write it; it should have mode 600 and an owner who is root or runs xds"
    )]
    Exposed,
    /// Too large to be one.
    #[error("it is larger than {} MiB", LARGEST >> 20)]
    TooLarge,
    /// Its content is no use.
    #[error(transparent)]
    Damage(#[from] Damage),
}

impl Store {
    /// The file of a gateway in a folder, which is made where it does not exist. Private keys are
    /// written only `with_keys`.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(folder: &Path, gateway: &str, with_keys: bool) -> io::Result<Self> {
        if !folder.is_dir() {
            let mut builder = fs::DirBuilder::new();
            builder.recursive(true).mode(0o700).create(folder)?;
        }
        let store = Self {
            path: folder.join(format!("{}.state", file_name(gateway))),
            gateway: gateway.to_owned(),
            with_keys,
        };
        // What a crash may have left, and a key in it.
        let _ = fs::remove_file(store.new_path());
        Ok(store)
    }

    /// Where a file is that takes its place when it is written.
    fn new_path(&self) -> PathBuf {
        self.path.with_extension("state.new")
    }

    /// Whether everything in a state may be written: without `with_keys`, no private key may.
    pub fn may_hold(&self, kept: &Kept) -> bool {
        let mut resources = ResourceType::ALL
            .into_iter()
            .flat_map(|kind| kept.snapshot.iter(kind));
        let mut incumbents = kept.memory.incumbents.values();
        self.with_keys
            || !resources.any(|resource| resource.confidential && resource.is_known())
                && !incumbents.any(|incumbent| incumbent.confidential)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it; `None` where there is none.
    ///
    /// # Errors
    /// When it cannot be read, or is not what [`save`](Self::save) wrote for this gateway.
    pub fn load(&self) -> Result<Option<Loaded>, LoadError> {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(&self.path);
        let file = match file {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let about = file.metadata()?;
        if !about.is_file() {
            return Err(Damage::Foreign.into());
        }
        let own = fs::metadata("/proc/self").map_or(0, |process| process.uid());
        if about.mode() & 0o022 != 0 || ![0, own].contains(&about.uid()) {
            return Err(LoadError::Exposed);
        }
        // It is looked at before it is read, and may grow in between.
        if about.len() > LARGEST as u64 {
            return Err(LoadError::TooLarge);
        }
        let mut bytes = Vec::new();
        let limit = LARGEST as u64 + 1;
        file.take(limit).read_to_end(&mut bytes)?;
        if bytes.len() > LARGEST {
            return Err(LoadError::TooLarge);
        }
        let read::Read { kept, torn } = decode(&bytes.into(), &self.gateway)?;
        Ok(Some(Loaded {
            kept,
            torn,
            known_at: about.modified()?,
        }))
    }

    /// Replaces it: after this, or after a crash at any moment, it is the old one or the new one.
    ///
    /// # Errors
    /// When the system cannot; the old one is left.
    pub fn save(&self, kept: &Kept) -> io::Result<Journal> {
        let new = self.new_path();
        // What a crash may have left.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let written = self.write(kept, &new).and_then(|mut journal| {
            fs::rename(&new, &self.path)?;
            journal.mark = Mark::of(&journal.file.metadata()?);
            Ok(journal)
        });
        if written.is_err() {
            // Half a file on a full disk helps nobody; that there may be none is no matter.
            let _ = fs::remove_file(&new);
            return written;
        }
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        File::open(folder)?.sync_all()?;
        written
    }

    /// Brings it to a state, from the one that a journal ends with: what changed is added, or the file is
    /// replaced where it has grown to twice its size, or cannot be added to. After this, or after a crash at
    /// any moment, it is the old one or the new one.
    ///
    /// # Errors
    /// When the system cannot; the old one is left.
    pub fn add(&self, kept: &Kept, journal: Journal) -> io::Result<Journal> {
        let has_grown = journal.added() > journal.whole.max(ROOM);
        if has_grown || !self.is_untouched(&journal) || self.leaves_keys(&journal.kept, kept) {
            return self.save(kept);
        }
        let Journal {
            file,
            written,
            whole,
            kept: older,
            ..
        } = journal;
        let end = written.size();
        let added = self.write_changes(&older, kept, written, &file);
        match added {
            Ok(written) => Ok(Journal {
                mark: Mark::of(&file.metadata()?),
                file,
                written,
                whole,
                kept: kept.clone(),
            }),
            Err(_) => {
                // Half a part helps nobody, and may hold a key.
                let _ = file.set_len(end as u64);
                self.save(kept)
            }
        }
    }

    fn write_changes(
        &self,
        older: &Kept,
        newer: &Kept,
        written: Written,
        file: &File,
    ) -> io::Result<Written> {
        let mut writer = BufWriter::with_capacity(1 << 16, file);
        let written = encode_changes(older, newer, written, self.with_keys, &mut writer)?;
        writer.flush()?;
        file.sync_data()?;
        Ok(written)
    }

    /// Whether the file is still as a journal left it: nobody replaced it, wrote to it or opened it to others.
    fn is_untouched(&self, journal: &Journal) -> bool {
        let there = fs::symlink_metadata(&self.path);
        there.is_ok_and(|there| Mark::of(&there) == journal.mark)
    }

    /// Whether a private key that was written is not in use any more: then it should not stay behind.
    fn leaves_keys(&self, older: &Kept, newer: &Kept) -> bool {
        let held_one = |kind| {
            let mut changes = newer.snapshot.changes(&older.snapshot, kind);
            changes.any(|change| {
                let name = match change {
                    Change::Put(resource) => &resource.name,
                    Change::Removed(name) => name,
                };
                let old = older.snapshot.get(kind, name);
                old.is_some_and(|old| old.confidential)
            })
        };
        let (older_exposes, exposes) = (&older.memory.incumbents, &newer.memory.incumbents);
        let mut exposes = older_exposes.diff(exposes);
        self.with_keys
            && (ResourceType::ALL.into_iter().any(held_one)
                || exposes.any(|change| match change {
                    DiffItem::Update { old: (_, old), .. } | DiffItem::Remove(_, old) => {
                        old.confidential
                    }
                    DiffItem::Add(..) => false,
                }))
    }

    fn write(&self, kept: &Kept, path: &Path) -> io::Result<Journal> {
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        let mut writer = BufWriter::with_capacity(1 << 16, file);
        let written = encode(kept, &self.gateway, self.with_keys, &mut writer)?;
        writer.flush()?;
        let file = writer.into_parts().0;
        file.sync_all()?;
        Ok(Journal {
            mark: Mark::of(&file.metadata()?),
            file,
            whole: written.size(),
            written,
            kept: kept.clone(),
        })
    }

    /// Notes that the daemon says now what the file holds, which is a state: as a journal left it or, without
    /// one, as it was read. Where somebody else touched it, it is replaced.
    ///
    /// # Errors
    /// When the system cannot.
    pub fn confirm(&self, kept: &Kept, journal: Option<Journal>) -> io::Result<Option<Journal>> {
        let now = SystemTime::now();
        match journal {
            Some(mut journal) if self.is_untouched(&journal) => {
                journal.file.set_modified(now)?;
                journal.mark = Mark::of(&journal.file.metadata()?);
                return Ok(Some(journal));
            }
            None => {
                let mut file = OpenOptions::new();
                let file = file.write(true).custom_flags(libc::O_NOFOLLOW);
                let dated = file
                    .open(&self.path)
                    .and_then(|file| file.set_modified(now));
                if dated.is_ok() {
                    return Ok(None);
                }
            }
            Some(_) => {}
        }
        self.save(kept).map(Some)
    }
}

/// A gateway's name as a part of a file's name.
fn file_name(gateway: &str) -> String {
    let mut name = String::new();
    for byte in gateway.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => name.push(byte.into()),
            other => name.push_str(&format!("%{other:02X}")),
        }
    }
    name
}
