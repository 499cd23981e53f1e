//! The demo's own folder: sockets, Envoy's bootstrap, logs. It is gone when the demo is.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// A folder that only this user can enter, removed when dropped.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("igw-demo-{}", std::process::id()));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// Sends this process's log to a file here, unless it goes somewhere already.
    pub(super) fn log_here(&self) -> io::Result<()> {
        let file = File::create(self.0.join("sidecar.log"))?;
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_target(false)
            .with_writer(file)
            .try_init()
            .ok();
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}
