//! A gateway whose HTTP interface is on a socket, as a browser needs it.

use std::net::SocketAddr;

use igw_envoy::http::serve;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::chromium::Page;
use crate::gateway::Gateway;
use crate::support::free_address;

/// A gateway, and where it is served.
pub(crate) struct Served {
    pub(crate) gateway: Gateway,
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<()>>,
}

impl Served {
    pub(crate) async fn new(gateway: Gateway) -> Self {
        let mut served = Self {
            gateway,
            address: free_address(),
            stop: None,
            task: None,
        };
        served.start().await;
        served
    }

    /// Serves on the same address as before.
    pub(crate) async fn start(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        let (stop, stopped) = oneshot::channel();
        let state = self.gateway.state.clone();
        let shutdown = async {
            stopped.await.ok();
        };
        self.stop = Some(stop);
        self.task = Some(tokio::spawn(async {
            serve(listener, state, shutdown).await.unwrap();
        }));
    }

    /// Ends the server and every connection to it.
    pub(crate) async fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop.send(()).ok();
        }
        if let Some(task) = self.task.take() {
            task.await.unwrap();
        }
    }

    /// A browser that shows a place of the dashboard, such as `#/exposes`. `None` where there is no
    /// browser.
    pub(crate) async fn open(&self, test: &str, hash: &str) -> Option<Page> {
        let mut page = Page::open(test, &format!("http://{}/{hash}", self.address)).await?;
        page.reads("#link", "Live").await;
        Some(page)
    }

    /// What every story ends with: the page is as it should be, and asked nobody else.
    pub(crate) fn was_quiet(&self, page: &Page) {
        assert_eq!(page.complaints(self.address), Vec::<String>::new());
    }

    /// The same, where the browser itself is expected to note what the server answered.
    pub(crate) fn was_quiet_but_for(&self, page: &Page, expected: &str) {
        let mut complaints = page.complaints(self.address);
        complaints.retain(|complaint| !complaint.contains(expected));
        assert_eq!(complaints, Vec::<String>::new());
    }
}
