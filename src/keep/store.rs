//! The file: replaced as a whole, readable by nobody else, and never trusted.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::Kept;
use super::format::{Damage, LARGEST, decode, encode};
use crate::envoy::ResourceType;

/// A gateway's file.
#[derive(Debug, Clone)]
pub struct Store {
    path: PathBuf,
    gateway: String,
    with_keys: bool,
}

/// What was read.
#[derive(Debug)]
pub struct Loaded {
    /// The state.
    pub kept: Kept,
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
        Ok(Self {
            path: folder.join(format!("{}.state", file_name(gateway))),
            gateway: gateway.to_owned(),
            with_keys,
        })
    }

    /// Whether everything in a state may be written: without `with_keys`, no private key may.
    pub fn may_hold(&self, kept: &Kept) -> bool {
        let mut resources = ResourceType::ALL
            .into_iter()
            .flat_map(|kind| kept.snapshot.iter(kind));
        let mut incumbents = kept.memory.incumbents.iter();
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
        let kept = decode(&bytes.into(), &self.gateway)?;
        let known_at = about.modified()?;
        Ok(Some(Loaded { kept, known_at }))
    }

    /// Replaces it: after this, or after a crash at any moment, it is the old one or the new one.
    ///
    /// # Errors
    /// When the system cannot; the old one is left.
    pub fn save(&self, kept: &Kept) -> io::Result<()> {
        let new = self.path.with_extension("state.new");
        // What a crash may have left.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let written = self
            .write(kept, &new)
            .and_then(|()| fs::rename(&new, &self.path));
        if written.is_err() {
            // Half a file on a full disk helps nobody; that there may be none is no matter.
            let _ = fs::remove_file(&new);
            return written;
        }
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        File::open(folder)?.sync_all()
    }

    fn write(&self, kept: &Kept, path: &Path) -> io::Result<()> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        let mut writer = BufWriter::with_capacity(1 << 16, file);
        encode(kept, &self.gateway, self.with_keys, &mut writer)?;
        writer.flush()?;
        writer.get_ref().sync_all()
    }

    /// Notes that what was saved is what the daemon says now.
    ///
    /// # Errors
    /// When the system cannot.
    pub fn confirm(&self) -> io::Result<()> {
        let file = OpenOptions::new()
            .write(true)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&self.path)?;
        file.set_modified(SystemTime::now())
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
