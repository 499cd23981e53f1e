//! Binding what Envoy connects to.

use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::os::unix::net as unix;
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, UnixListener};

/// Why a socket cannot be bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another process serves there.
    #[error("{} is in use by another process; stop it, or choose another --janitor-socket", .0.display())]
    InUse(PathBuf),
    /// Something that is not a socket is in the way.
    #[error("{} exists and is not a socket; remove it, or choose another --janitor-socket", .0.display())]
    NotASocket(PathBuf),
    /// The system refused.
    #[error("cannot bind {what}: {source}")]
    System {
        /// What was to be bound.
        what: String,
        /// What the system said.
        source: io::Error,
    },
}

/// A bound unix socket that is removed when this is dropped.
#[derive(Debug)]
pub(super) struct UnixSocket {
    path: PathBuf,
    listener: Option<UnixListener>,
    /// Held while the socket is ours, so that a second process finds out before it replaces it.
    _lock: File,
}

impl UnixSocket {
    /// Binds a path. A socket that nobody listens on any more is replaced; its directory is made
    /// where it is missing. The socket never exists with other permission bits than `mode`: it is
    /// bound in a directory that only this user can enter, and moved.
    pub(super) fn bind(path: &Path, mode: u32) -> Result<Self, BindError> {
        let refused = |source| BindError::System {
            what: path.display().to_string(),
            source,
        };
        let directory = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let directory = directory.unwrap_or(Path::new("."));
        fs::create_dir_all(directory).map_err(refused)?;
        let lock = lock(path)?;
        match fs::symlink_metadata(path) {
            Ok(found) if !found.file_type().is_socket() => {
                return Err(BindError::NotASocket(path.into()));
            }
            Ok(_) if unix::UnixStream::connect(path).is_ok() => {
                return Err(BindError::InUse(path.into()));
            }
            _ => {}
        }
        let private = directory.join(format!(".xds-{}", std::process::id()));
        let _ = fs::remove_dir_all(&private);
        let bound = bind_in(&private, path, mode);
        let _ = fs::remove_dir_all(&private);
        Ok(Self {
            path: path.into(),
            listener: Some(bound.map_err(refused)?),
            _lock: lock,
        })
    }

    /// The listener; `None` when it was taken before.
    pub(super) fn take(&mut self) -> Option<UnixListener> {
        self.listener.take()
    }
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn bind_in(private: &Path, path: &Path, mode: u32) -> io::Result<UnixListener> {
    fs::DirBuilder::new().mode(0o700).create(private)?;
    let bound = private.join("sock");
    let listener = unix::UnixListener::bind(&bound)?;
    fs::set_permissions(&bound, Permissions::from_mode(mode))?;
    fs::rename(&bound, path)?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

fn lock(path: &Path) -> Result<File, BindError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let refused = |source| BindError::System {
        what: format!("{} (its lock)", path.display()),
        source,
    };
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&name)
        .map_err(refused)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(BindError::InUse(path.into())),
        Err(TryLockError::Error(source)) => Err(refused(source)),
    }
}

/// Binds a TCP address.
pub(super) async fn bind_tcp(addr: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(addr)
        .await
        .map_err(|source| BindError::System {
            what: format!("{addr}"),
            source,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn other_users_are_kept_out_and_the_socket_goes_when_it_is_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run/xds.sock");
        let socket = UnixSocket::bind(&path, 0o600).unwrap();
        assert_eq!(mode(&path), 0o600);
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("xds.sock");
        drop(unix::UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "a stale socket is left by a killed process");
        let first = UnixSocket::bind(&path, 0o600).unwrap();
        let second = UnixSocket::bind(&path, 0o600);
        assert!(matches!(second, Err(BindError::InUse(_))), "{second:?}");
        assert!(path.exists());
        drop(first);
        let foreign = unix::UnixListener::bind(&path).unwrap();
        let third = UnixSocket::bind(&path, 0o600);
        assert!(matches!(third, Err(BindError::InUse(_))), "{third:?}");
        drop(foreign);
    }

    #[tokio::test]
    async fn a_file_in_the_way_is_not_touched() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("xds.sock");
        fs::write(&path, "precious").unwrap();
        let refused = UnixSocket::bind(&path, 0o600);
        assert!(matches!(refused, Err(BindError::NotASocket(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }
}
