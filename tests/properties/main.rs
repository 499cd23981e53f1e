//! What holds whatever happens: no order matters, every reference resolves, nothing is left behind.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod accepted;
mod daemon;
#[path = "../support/envoy_check.rs"]
mod envoy_check;
mod envoys;
#[path = "../support/integrity.rs"]
mod integrity;
mod odd;
#[path = "../support/pki.rs"]
#[allow(dead_code, reason = "certificate files are all that is needed of it")]
mod pki;
mod regexes;
mod sections;
#[path = "../support/mod.rs"]
mod support;

use daemon::{Secrets, Step, Universe};
use igw_envoy::daemon::Update;
use igw_envoy::envoy::ResourceType;
use igw_envoy::index::{Event, Index, Options, Request};
use igw_envoy::snapshot::Snapshot;
use igw_envoy::validate::Context;
use igw_envoy::validate::conflict::Reserved;
use proptest::prelude::*;

/// A gateway, and what it still waits to be answered.
struct Gateway {
    index: Index,
    asked: Vec<Request>,
}

impl Gateway {
    fn new() -> Self {
        let admin = Reserved {
            addr: "0.0.0.0".parse().unwrap(),
            port: 9901,
            what: "Envoy's admin interface".into(),
        };
        Self {
            index: Index::new(Options {
                gateway: "envoy".into(),
                ports: 2000..=2002,
                reserved: vec![admin],
            }),
            asked: Vec::new(),
        }
    }

    fn apply(&mut self, event: Event) {
        let requests = self.index.apply(event, &Context::default());
        self.asked.extend(requests);
    }

    /// Answers everything that is asked, reading what the secrets hold.
    fn answer_all(&mut self, secrets: &Secrets) {
        while let Some(request) = self.asked.pop() {
            self.apply(match request {
                Request::Read(read) => {
                    let content = secrets.read(&read.secret.path, read.keys());
                    Event::SecretRead(read, content)
                }
                Request::Store(store) => Event::PortStored(store, Ok(())),
            });
        }
    }

    fn snapshot(&self) -> &Snapshot {
        self.index.snapshot()
    }
}

/// A gateway that was told everything at once.
fn told(universe: &Universe) -> Gateway {
    let mut gateway = Gateway::new();
    gateway.apply(Event::Daemon(universe.reset()));
    gateway.answer_all(&universe.secrets);
    gateway
}

/// Every resource, to the byte.
fn bytes(snapshot: &Snapshot) -> Vec<(ResourceType, String, Vec<u8>)> {
    let all = ResourceType::ALL.into_iter();
    all.flat_map(|kind| snapshot.iter(kind))
        .map(|resource| {
            let name = resource.name.to_string();
            (resource.kind, name, resource.body.to_vec())
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 96,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Whatever the daemon says, in whatever order, the snapshot is one that Envoy takes, and the
    /// index neither panics nor forgets anything.
    #[test]
    fn whatever_happens_envoy_could_take_it(steps in daemon::steps()) {
        let mut gateway = Gateway::new();
        let mut universe = Universe::default();
        for step in steps {
            match step {
                Step::Daemon(change) => {
                    let update = universe.change(change);
                    gateway.apply(Event::Daemon(update));
                }
                Step::Answer { which, ok } if !gateway.asked.is_empty() => {
                    let request = gateway.asked.remove(which.index(gateway.asked.len()));
                    let no = "the daemon says no".to_owned();
                    gateway.apply(match request {
                        Request::Read(read) => {
                            let content = universe.secrets.read(&read.secret.path, read.keys());
                            Event::SecretRead(read, if ok { content } else { Err(no) })
                        }
                        Request::Store(store) => {
                            Event::PortStored(store, if ok { Ok(()) } else { Err(no) })
                        }
                    });
                }
                Step::Answer { .. } => {}
                Step::Retry => gateway.apply(Event::Retry),
            }
            let problems = integrity::problems(gateway.snapshot());
            prop_assert!(problems.is_empty(), "{problems:#?}");
        }
        gateway.apply(Event::Daemon(Update::Reset {
            services: Default::default(),
            secrets: Default::default(),
        }));
        prop_assert_eq!(bytes(gateway.snapshot()), Vec::new());
        prop_assert!(gateway.index.view().exposes.is_empty());
        prop_assert!(gateway.index.view().reports.is_empty());

        // And it is as good as new.
        gateway.asked.clear();
        gateway.apply(Event::Daemon(universe.reset()));
        gateway.answer_all(&universe.secrets);
        let fresh = told(&universe);
        prop_assert_eq!(bytes(gateway.snapshot()), bytes(fresh.snapshot()));
        prop_assert_eq!(&gateway.index.view().reports, &fresh.index.view().reports);
    }

    /// The order in which one patch lists what changed means nothing.
    #[test]
    fn one_patch_in_any_order_gives_the_same_bytes(
        (universe, seed) in (daemon::universe(), any::<u64>()),
    ) {
        let expected = bytes(told(&universe).snapshot());
        let mut gateway = Gateway::new();
        gateway.apply(Event::Daemon(Universe::default().reset()));
        gateway.apply(Event::Daemon(universe.shuffled_patch(seed)));
        gateway.answer_all(&universe.secrets);
        prop_assert_eq!(bytes(gateway.snapshot()), expected);
    }

    /// Services that do not compete may come one after the other in any order.
    #[test]
    fn services_without_conflict_in_any_order_give_the_same_bytes(
        (universe, seed) in (daemon::peaceful(), any::<u64>()),
    ) {
        let expected = told(&universe);
        prop_assert!(!expected.snapshot().is_empty(ResourceType::Listener));
        let mut gateway = Gateway::new();
        gateway.apply(Event::Daemon(Universe::default().reset()));
        for update in universe.shuffled_patches(seed) {
            gateway.apply(Event::Daemon(update));
            gateway.answer_all(&universe.secrets);
        }
        prop_assert_eq!(bytes(gateway.snapshot()), bytes(expected.snapshot()));
        for kind in ResourceType::ALL {
            prop_assert_eq!(
                gateway.snapshot().version(kind),
                expected.snapshot().version(kind)
            );
        }
    }
}
