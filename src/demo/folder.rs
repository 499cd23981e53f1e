//! The demo's own folder: sockets, Envoy's bootstrap, logs. It goes with the demo.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// A folder that only this user can enter, removed when dropped unless it is to be kept.
pub(super) struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Folder {
    pub(super) fn new() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("igw-demo-{}", std::process::id()));
        // What a demo left behind that had this number before, and was killed.
        std::fs::remove_dir_all(&path).ok();
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self { path, keep: false })
    }

    /// Sends this process's log to a file here, unless it goes somewhere already.
    pub(super) fn log_here(&self) -> io::Result<()> {
        let file = File::create(self.path.join("sidecar.log"))?;
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_target(false)
            .with_writer(file)
            .try_init()
            .ok();
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves the folder behind, for whoever wants to know what went wrong.
    pub(super) fn keep(&mut self) {
        self.keep = true;
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep {
            std::fs::remove_dir_all(&self.path).ok();
        }
    }
}
