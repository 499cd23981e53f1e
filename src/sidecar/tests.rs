//! What is served from the start on, with a daemon that is a script.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::*;
use crate::daemon::{self, Assignment, RequestError, Update};
use crate::envoy::Resource;
use crate::envoy::ResourceType;
use crate::index::{Incumbent, Memory, Serving};
use crate::model::{ExposeId, ObjectPath};

/// A daemon of which nothing is asked.
struct Silent;

impl Daemon for Silent {
    fn follow(&self) -> Updates {
        daemon::channel().1
    }

    fn secret_key<'a>(
        &'a self,
        _: &'a ObjectPath,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, RequestError>> {
        Box::pin(std::future::pending())
    }

    fn set<'a>(
        &'a self,
        _: &'a ObjectPath,
        _: &'a [Assignment],
    ) -> BoxFuture<'a, Result<(), RequestError>> {
        Box::pin(std::future::pending())
    }
}

fn kept_expose() -> ExposeId {
    "kept.expose#0".parse().unwrap()
}

/// A sidecar that starts with something kept.
struct Start {
    daemon: daemon::Publisher,
    served: watch::Receiver<Option<Arc<Snapshot>>>,
    told: watch::Receiver<View>,
    _stop: oneshot::Sender<()>,
}

impl Start {
    /// `moment` says how long the daemon is waited for.
    fn new(moment: impl FnOnce(Recalled) -> Recalled) -> Self {
        let (daemon, updates) = daemon::channel();
        let (snapshots, served) = watch::channel(None);
        let (views, told) = watch::channel(View::default());
        let mut kept = Snapshot::default();
        let body = Bytes::from_static(b"as it was");
        kept.put(Resource::new(
            ResourceType::Cluster,
            "kept",
            body,
            Vec::new(),
        ));
        let recalled = Recalled::new(kept, SystemTime::now(), updates.connection());
        let publisher = IndexPublisher {
            snapshots,
            views,
            logged: View::default(),
            telemetry: Arc::default(),
            is_current: false,
            recalled: Some(moment(recalled)),
        };
        let mut index = Index::new(crate::index::Options {
            gateway: "envoy".into(),
            ports: 1025..=65535,
            reserved: Vec::new(),
        });
        let incumbent = Incumbent {
            id: kept_expose(),
            served: None,
            confidential: false,
        };
        let memory = Memory {
            incumbents: vec![incumbent],
            ports: Vec::new(),
        };
        index.recall(memory, &Snapshot::default());
        let (stop, stopped) = oneshot::channel();
        let keeper = Keeper::default();
        let asked = Arc::new(Silent);
        tokio::spawn(follow(index, asked, updates, publisher, keeper, stopped));
        Self {
            daemon,
            served,
            told,
            _stop: stop,
        }
    }

    fn link(&self, link: Link) {
        self.daemon.connection().send_modify(|c| c.link = link);
    }

    /// That there are no services.
    fn tells_its_state(&self) {
        self.daemon.publish(Update::Reset {
            services: BTreeMap::new(),
            secrets: BTreeMap::new(),
        });
    }

    /// Whether what is served next is what was kept.
    async fn serves_what_was_kept(&mut self) -> bool {
        self.served.changed().await.unwrap();
        let served = self.served.borrow_and_update();
        let served = served.as_ref().unwrap();
        served.get(ResourceType::Cluster, "kept").is_some()
    }
}

#[tokio::test]
async fn what_was_kept_is_not_served_before_a_daemon_that_is_there_had_a_moment() {
    let mut start = Start::new(Recalled::patiently);
    // Whatever runs without the daemon has run.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(start.served.borrow().is_none());
    start.link(Link::Following {
        since: SystemTime::now(),
    });
    start.tells_its_state();
    assert!(!start.serves_what_was_kept().await);
}

#[tokio::test]
async fn what_was_kept_is_served_at_once_without_a_daemon() {
    let mut start = Start::new(Recalled::patiently);
    start.link(Link::Waiting {
        since: SystemTime::now(),
        error: "connection refused".into(),
    });
    assert!(start.serves_what_was_kept().await);
    let kept = kept_expose();
    let told = start.told.wait_for(|view| view.exposes.contains_key(&kept));
    let told = told.await.unwrap().exposes.get(&kept).cloned();
    assert_eq!(told.map(|expose| expose.serving), Some(Serving::Kept));
    start.tells_its_state();
    assert!(!start.serves_what_was_kept().await);
    assert!(start.told.borrow().exposes.is_empty());
}

#[tokio::test]
async fn what_was_kept_is_served_if_the_daemon_is_silent() {
    let mut start = Start::new(Recalled::no_longer);
    assert!(start.serves_what_was_kept().await);
}
