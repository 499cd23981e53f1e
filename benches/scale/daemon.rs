//! The daemon's end of the socket: answers `daemon_status`, and writes messages to who asked for
//! `events`. The protocol is that of OpenSVC 2.1: one JSON document and a NUL byte either way.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use super::Outcome;
use super::cluster::Cluster;

/// A daemon on a socket.
#[derive(Clone)]
pub(crate) struct Daemon {
    socket: PathBuf,
    state: Rc<RefCell<State>>,
}

struct State {
    cluster: Cluster,
    streams: Vec<UnixStream>,
    readings: usize,
}

impl Daemon {
    /// Binds a socket; serves on it within the current `LocalSet`.
    pub(crate) fn start(socket: &Path, cluster: Cluster) -> Outcome<Self> {
        let listener = UnixListener::bind(socket)?;
        let daemon = Self {
            socket: socket.to_owned(),
            state: Rc::new(RefCell::new(State {
                cluster,
                streams: Vec::new(),
                readings: 0,
            })),
        };
        let serving = daemon.clone();
        tokio::task::spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let daemon = serving.clone();
                tokio::task::spawn_local(async move { daemon.serve(stream).await.ok() });
            }
        });
        Ok(daemon)
    }

    async fn serve(&self, mut stream: UnixStream) -> std::io::Result<()> {
        let mut request = Vec::new();
        while request.last() != Some(&0) {
            if stream.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
        }
        if String::from_utf8_lossy(&request).contains("daemon_status") {
            let mut reply = self.state.borrow().cluster.status().into_bytes();
            reply.push(0);
            stream.write_all(&reply).await?;
            self.state.borrow_mut().readings += 1;
        } else {
            self.state.borrow_mut().streams.push(stream);
        }
        Ok(())
    }

    /// Where it listens.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// How often the whole state was read from it.
    pub(crate) fn readings(&self) -> usize {
        self.state.borrow().readings
    }

    /// How many follow its events.
    pub(crate) fn followers(&self) -> usize {
        self.state.borrow().streams.len()
    }

    /// What the cluster is like now.
    pub(crate) fn cluster<T>(&self, look: impl FnOnce(&Cluster) -> T) -> T {
        look(&self.state.borrow().cluster)
    }

    /// Changes the cluster and returns the message that says so.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Cluster) -> String) -> Vec<u8> {
        let mut message = change(&mut self.state.borrow_mut().cluster).into_bytes();
        message.push(0);
        message
    }

    /// Writes a message to all who follow.
    pub(crate) async fn say(&self, message: &[u8]) -> Outcome<()> {
        let mut streams = std::mem::take(&mut self.state.borrow_mut().streams);
        for stream in &mut streams {
            stream.write_all(message).await?;
        }
        self.state.borrow_mut().streams.append(&mut streams);
        Ok(())
    }
}
