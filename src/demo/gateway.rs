//! The sidecar, inside the demo.

use std::path::Path;

use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::Failure;
use super::ports::Ports;
use crate::index::View;
use crate::model::ObjectPath;
use crate::sidecar::{Error, Http, Options, Sidecar};

/// A running sidecar.
pub(super) struct Gateway {
    views: watch::Receiver<View>,
    shutdown: oneshot::Sender<()>,
    running: JoinHandle<Result<(), Error>>,
}

impl Gateway {
    /// Starts the sidecar between the daemon's socket and Envoy's.
    pub(super) async fn start(daemon: &Path, xds: &Path, ports: Ports) -> Result<Self, Failure> {
        let sidecar = Sidecar::bind(Options {
            daemon_socket: daemon.to_owned(),
            unix_socket: xds.to_owned(),
            tcp: None,
            envoy_admin_port: ports.admin,
            http: Some(Http {
                addr: ports.http_address(),
                required: true,
            }),
            ..Options::default()
        })
        .await?;
        let (shutdown, ended) = oneshot::channel();
        Ok(Self {
            views: sidecar.views(),
            shutdown,
            running: tokio::spawn(sidecar.run(async {
                ended.await.ok();
            })),
        })
    }

    /// Waits for an error in a service, and says it as the sidecar does.
    pub(super) async fn refusal(&mut self, service: &str) -> Result<String, Failure> {
        let service: ObjectPath = service.parse()?;
        let error = |view: &View| {
            let error = view.reports.get(&service)?.errors().next()?;
            Some(error.to_string())
        };
        let view = self.views.wait_for(|view| error(view).is_some()).await?;
        Ok(error(&view).unwrap_or_default())
    }

    /// Ends it.
    pub(super) async fn stop(self) -> Result<(), Failure> {
        self.shutdown.send(()).ok();
        Ok(self.running.await??)
    }
}
