//! What is served from the start on, with a daemon that is a script.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::*;
use crate::daemon::{
    self, Assignment, Availability, Instance, RequestError, ResourceState, ResourceStatus,
    ServiceState, Update,
};
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

fn index() -> Index {
    Index::new(crate::index::Options {
        gateway: "envoy".into(),
        ports: 1025..=65535,
        reserved: Vec::new(),
    })
}

/// A whole state of one service, with these sections and an ip that lists its expose.
fn state(sections: &Value) -> Update {
    let mut instance = Instance {
        avail: Availability::Serving,
        ..Instance::default()
    };
    let ip = json!({"ip#0": {"ipaddr": "10.0.0.1", "expose": ["expose#0"]}});
    let all = [&ip, sections].map(|sections| sections.as_object().unwrap());
    for (name, keywords) in all.into_iter().flatten() {
        let driver = match name.split('#').next().unwrap() {
            "certificate" => "certificate.tls",
            "ip" => "ip.host",
            _ => "expose.envoy",
        };
        let resource = ResourceState {
            driver: driver.into(),
            status: ResourceStatus::Up,
            disabled: false,
            info: keywords.as_object().unwrap().into(),
        };
        instance.resources.insert(name.clone(), resource);
    }
    let instances = [("node1", Arc::new(instance))].into();
    let service = Arc::new(ServiceState { instances });
    Update::Reset {
        services: [("web".parse().unwrap(), service)].into(),
        secrets: [("sec/front".parse().unwrap(), "r1".to_owned())].into(),
    }
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
        Self::with(moment, FIRST_SECRETS, Keeper::default())
    }

    /// The same, with so much `patience` for secrets, and with what keeps the state.
    fn with(moment: impl FnOnce(Recalled) -> Recalled, patience: Duration, keeper: Keeper) -> Self {
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
            patience,
        };
        let mut index = index();
        let incumbent = Incumbent {
            rank: 0,
            served: None,
            confidential: false,
        };
        let memory = Memory {
            incumbents: [(kept_expose(), incumbent)].into_iter().collect(),
            ..Memory::default()
        };
        index.recall(memory, &Snapshot::default());
        let (stop, stopped) = oneshot::channel();
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
        self.tells(Update::Reset {
            services: BTreeMap::new(),
            secrets: BTreeMap::new(),
        });
    }

    fn tells(&self, update: Update) {
        self.daemon.publish(update);
    }

    /// Lets whatever runs without the daemon run.
    async fn rest(&self) {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
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
    start.rest().await;
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

/// A service of which one certificate is in a secret, which is never read.
fn with_a_secret() -> Update {
    state(&json!({
        "expose#0": {
            "port": 80, "listener_port": 8443, "sni": ["a.org"], "listener_certificates": ["certificate#0"],
        },
        "certificate#0": {"certificate_secret": "front"},
    }))
}

#[tokio::test]
async fn the_first_state_waits_for_the_secrets_that_are_being_read() {
    let start = Start::with(
        Recalled::patiently,
        Duration::from_secs(3600),
        Keeper::default(),
    );
    start.tells(with_a_secret());
    start.rest().await;
    assert!(start.served.borrow().is_none());
}

#[tokio::test]
async fn the_first_state_does_not_wait_for_secrets_for_ever() {
    let mut start = Start::with(Recalled::patiently, Duration::ZERO, Keeper::default());
    start.tells(with_a_secret());
    assert!(!start.serves_what_was_kept().await);
    let told = start.told.borrow().exposes.values().next().cloned();
    assert_eq!(told.map(|expose| expose.serving), Some(Serving::Waiting));
}

/// An earlier run kept private keys, and this one is told not to.
#[tokio::test]
async fn a_file_that_holds_a_key_is_written_anew_where_none_is_to_be_kept() {
    const KEY: &str = "-----BEGIN PRIVATE KEY-----";
    let told = || {
        state(&json!({"expose#0": {
            "port": 80, "listener_port": 8080, "cluster_data": {"alt_stat_name": KEY},
        }}))
    };
    let mut served = index();
    served.apply(Event::Daemon(told()), &Context::default());
    assert_eq!(served.snapshot().len(ResourceType::Listener), 1);
    let folder = tempfile::tempdir().unwrap();
    let store = keep::Store::open(folder.path(), "envoy", true).unwrap();
    let kept = keep::Kept {
        snapshot: served.snapshot().clone(),
        memory: served.memory(),
    };
    store.save(&kept).unwrap();
    let file = || {
        let bytes = std::fs::read(store.path()).unwrap();
        let holds_it = bytes.windows(KEY.len()).any(|w| w == KEY.as_bytes());
        (holds_it, store.load().unwrap().unwrap().kept)
    };
    assert!(file().0);

    let options = State {
        folder: folder.path().to_owned(),
        with_keys: false,
    };
    let (keeper, loaded) = Keeper::open(Some(options), "envoy").await;
    assert!(loaded.is_some());
    let start = Start::with(Recalled::patiently, FIRST_SECRETS, keeper);
    start.tells(told());
    let begun = Instant::now();
    while file().0 {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "it is left as it is"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // It is the same state otherwise.
    let (_, now) = file();
    for kind in ResourceType::ALL {
        assert_eq!(now.snapshot.version(kind), kept.snapshot.version(kind));
    }
}

/// A write that did not come to its end may have left a key behind.
#[tokio::test]
async fn a_file_with_a_torn_end_is_written_anew() {
    let told = state(&json!({"expose#0": {"port": 80, "listener_port": 8080}}));
    let mut served = index();
    served.apply(Event::Daemon(told), &Context::default());
    let folder = tempfile::tempdir().unwrap();
    let store = keep::Store::open(folder.path(), "envoy", false).unwrap();
    let kept = keep::Kept {
        snapshot: served.snapshot().clone(),
        memory: served.memory(),
    };
    drop(store.save(&kept).unwrap());
    let good = std::fs::read(store.path()).unwrap();
    std::fs::write(store.path(), [&good[..], b"half a part"].concat()).unwrap();

    let options = State {
        folder: folder.path().to_owned(),
        with_keys: false,
    };
    let (mut keeper, loaded) = Keeper::open(Some(options), "envoy").await;
    assert_eq!(loaded.unwrap().torn, "half a part".len());
    keeper.follow(&served, true);
    writes(&mut keeper, &served).await;
    assert_eq!(store.load().unwrap().unwrap().torn, 0);
}

/// Envoy is served the same.
#[tokio::test]
async fn what_only_the_next_run_should_know_is_written_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let options = State {
        folder: folder.path().to_owned(),
        with_keys: false,
    };
    let (mut keeper, _) = Keeper::open(Some(options), "envoy").await;
    let store = keep::Store::open(folder.path(), "envoy", false).unwrap();
    let ports = || store.load().unwrap().unwrap().kept.memory.ports.len();
    let mut served = index();
    let tell = |served: &mut Index, port: u16| {
        let told = state(&json!({"expose#0": {"port": 80, "listener_port": port}}));
        served.apply(Event::Daemon(told), &Context::default());
        (served.snapshot().clone(), served.memory())
    };
    let before = tell(&mut served, 0);
    keeper.follow(&served, true);
    writes(&mut keeper, &served).await;
    assert_eq!(ports(), 1);
    // The daemon stored the port that was chosen.
    let after = tell(&mut served, 1025);
    assert!(after.0.is_same(&before.0) && after.1 != before.1);
    keeper.follow(&served, false);
    writes(&mut keeper, &served).await;
    assert_eq!(ports(), 0);
}

/// Lets a keeper write what is due.
async fn writes(keeper: &mut Keeper, index: &Index) {
    let write = async {
        keeper.wait().await;
        keeper.proceed(index);
        keeper.wait().await;
    };
    let written = tokio::time::timeout(Duration::from_secs(60), write).await;
    written.expect("something is due");
}

/// An index that serves something, and what keeps it in a folder.
async fn kept_in(folder: &Path) -> (Index, Keeper, keep::Store) {
    let mut served = index();
    let told = state(&json!({"expose#0": {"port": 80, "listener_port": 8080}}));
    served.apply(Event::Daemon(told), &Context::default());
    let options = State {
        folder: folder.to_owned(),
        with_keys: false,
    };
    let (mut keeper, _) = Keeper::open(Some(options), "envoy").await;
    keeper.follow(&served, true);
    keeper.finish(&served).await;
    let store = keep::Store::open(folder, "envoy", false).unwrap();
    assert!(store.load().unwrap().is_some());
    (served, keeper, store)
}

#[tokio::test]
async fn the_last_state_is_written_though_the_file_was_lost_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let (index, mut keeper, store) = kept_in(folder.path()).await;
    std::fs::remove_file(store.path()).unwrap();
    keeper.finish(&index).await;
    assert!(store.load().unwrap().is_some());
}

#[tokio::test]
async fn what_is_older_than_what_is_served_is_not_called_new() {
    let folder = tempfile::tempdir().unwrap();
    let (mut index, mut keeper, store) = kept_in(folder.path()).await;
    let written = store.load().unwrap().unwrap().known_at;
    let told = state(&json!({"expose#0": {"port": 80, "listener_port": 8081}}));
    index.apply(Event::Daemon(told), &Context::default());
    // A write is due, or will be: the file is not what the daemon says.
    for changed in [true, false] {
        keeper.follow(&index, changed);
        keeper.confirm(&index);
        assert_eq!(store.load().unwrap().unwrap().known_at, written);
    }
    keeper.finish(&index).await;
    assert!(store.load().unwrap().unwrap().known_at > written);
}
