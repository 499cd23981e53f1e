//! A daemon that says anything.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use igw_envoy::daemon::{
    Availability, Instance, ResourceState, ResourceStatus, ServiceState, Update,
};
use igw_envoy::index::SecretContent;
use igw_envoy::model::ObjectPath;
use proptest::collection::{btree_map, vec};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use crate::sections::sections;

const SERVICES: [&str; 6] = [
    "a",
    "test/svc/b",
    "0.s",
    "1.s",
    "test/svc/0.n",
    "test/svc/1.n",
];

const SECRETS: [&str; 3] = ["sec/cert", "test/sec/cert", "sec/ca"];

type Services = BTreeMap<ObjectPath, Arc<ServiceState>>;

/// The secrets of a daemon: their revision, and what they hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Secrets(BTreeMap<ObjectPath, (String, Holds)>);

impl Secrets {
    /// What the daemon answers who reads keys.
    pub(crate) fn read(&self, path: &ObjectPath, keys: &[&str]) -> Result<SecretContent, String> {
        let (_, holds) = self.0.get(path).ok_or("no such secret")?;
        let all = holds.content();
        Ok(keys
            .iter()
            .filter_map(|key| Some(((*key).to_owned(), all.get(*key)?.clone())))
            .collect())
    }

    fn revisions(&self) -> BTreeMap<ObjectPath, String> {
        let revisions = self.0.iter();
        revisions
            .map(|(path, (revision, _))| (path.clone(), revision.clone()))
            .collect()
    }
}

/// What a secret holds.
#[derive(Debug, Clone, Copy)]
enum Holds {
    Everything,
    Another,
    Mismatch,
    OnlyTheChain,
    Nonsense,
}

impl Holds {
    const ALL: [Self; 5] = [
        Self::Everything,
        Self::Another,
        Self::Mismatch,
        Self::OnlyTheChain,
        Self::Nonsense,
    ];

    fn content(self) -> SecretContent {
        static PAIRS: LazyLock<[(String, String); 2]> = LazyLock::new(|| [pair(), pair()]);
        let [first, second] = &*PAIRS;
        let (chain, key) = match self {
            Self::Everything | Self::OnlyTheChain => first.clone(),
            Self::Another => second.clone(),
            Self::Mismatch => (first.0.clone(), second.1.clone()),
            Self::Nonsense => ("nonsense".into(), String::new()),
        };
        let mut content = SecretContent::from([
            ("trusted_ca".to_owned(), chain.clone()),
            ("certificate_chain".to_owned(), chain),
        ]);
        if !matches!(self, Self::OnlyTheChain) {
            content.insert("private_key".into(), key);
        }
        content
    }
}

fn pair() -> (String, String) {
    let pair = rcgen::generate_simple_self_signed(["a.org".to_owned()]).unwrap();
    (pair.cert.pem(), pair.signing_key.serialize_pem())
}

/// What a daemon knows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Universe {
    services: Services,
    pub(crate) secrets: Secrets,
}

impl Universe {
    /// Everything, told at once.
    pub(crate) fn reset(&self) -> Update {
        Update::Reset {
            services: self.services.clone(),
            secrets: self.secrets.revisions(),
        }
    }

    /// Takes a change. Returns how it is told.
    pub(crate) fn change(&mut self, change: Change) -> Update {
        let mut services = Vec::new();
        for (path, state) in change.services {
            match &state {
                Some(state) => self.services.insert(path.clone(), state.clone()),
                None => self.services.remove(&path),
            };
            services.push((path, state));
        }
        let mut secrets = Vec::new();
        for (path, secret) in change.secrets {
            secrets.push((path.clone(), secret.as_ref().map(|(r, _)| r.clone())));
            match secret {
                Some(secret) => self.secrets.0.insert(path, secret),
                None => self.secrets.0.remove(&path),
            };
        }
        match change.resync {
            true => self.reset(),
            false => Update::Patch { services, secrets },
        }
    }

    /// Everything in one patch, in an order that depends on a seed.
    pub(crate) fn shuffled_patch(&self, seed: u64) -> Update {
        let services = self.services.clone().into_iter();
        let services = services.map(|(path, state)| (path, Some(state)));
        let secrets = self.secrets.revisions().into_iter();
        let secrets = secrets.map(|(path, revision)| (path, Some(revision)));
        Update::Patch {
            services: shuffled(services.collect(), seed),
            secrets: shuffled(secrets.collect(), seed),
        }
    }

    /// Everything, one thing at a time, in an order that depends on a seed.
    pub(crate) fn shuffled_patches(&self, seed: u64) -> Vec<Update> {
        let services = self.services.clone().into_iter();
        let services = services.map(|(path, state)| Update::Patch {
            services: vec![(path, Some(state))],
            secrets: Vec::new(),
        });
        let secrets = self.secrets.revisions().into_iter();
        let secrets = secrets.map(|(path, revision)| Update::Patch {
            services: Vec::new(),
            secrets: vec![(path, Some(revision))],
        });
        shuffled(services.chain(secrets).collect(), seed)
    }
}

fn shuffled<T>(items: Vec<T>, seed: u64) -> Vec<T> {
    let lot = |index: usize| *blake3::hash(format!("{seed} {index}").as_bytes()).as_bytes();
    let mut lots: Vec<_> = items.into_iter().enumerate().collect();
    lots.sort_by_key(|(index, _)| lot(*index));
    lots.into_iter().map(|(_, item)| item).collect()
}

/// Something that changes in a daemon.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    services: Vec<(ObjectPath, Option<Arc<ServiceState>>)>,
    secrets: Vec<(ObjectPath, Option<(String, Holds)>)>,
    resync: bool,
}

/// Something that happens to a gateway.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Daemon(Change),
    Answer { which: Index, ok: bool },
    Retry,
}

/// A life of a gateway.
pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let change = (
        btree_map(path(&SERVICES), weighted(0.8, service()), 0..4),
        btree_map(path(&SECRETS), weighted(0.9, secret()), 0..3),
        prop::bool::weighted(0.1),
    );
    let change = change.prop_map(|(services, secrets, resync)| {
        Step::Daemon(Change {
            services: services.into_iter().collect(),
            secrets: secrets.into_iter().collect(),
            resync,
        })
    });
    let answer = (any::<Index>(), prop::bool::weighted(0.9));
    let answer = answer.prop_map(|(which, ok)| Step::Answer { which, ok });
    vec(
        prop_oneof![4 => change, 6 => answer, 1 => Just(Step::Retry)],
        1..20,
    )
}

/// A daemon with anything in it.
pub(crate) fn universe() -> impl Strategy<Value = Universe> {
    let services = btree_map(path(&SERVICES), service(), 1..6);
    let secrets = btree_map(path(&SECRETS), secret(), 0..3);
    (services, secrets).prop_map(|(services, secrets)| Universe {
        services,
        secrets: Secrets(secrets),
    })
}

/// A daemon whose services do not compete: each has ports and names of its own, though they share
/// listeners.
pub(crate) fn peaceful() -> impl Strategy<Value = Universe> {
    let secret = (Just("sec/cert".parse().unwrap()), secret());
    (2..7_usize, secret).prop_map(|(count, (path, (revision, _)))| Universe {
        services: (0..count)
            .map(|n| {
                let path = format!("svc{n}").parse().unwrap();
                (path, on_nodes([("node1".to_owned(), peaceful_service(n))]))
            })
            .collect(),
        secrets: Secrets([(path, (revision, Holds::Everything))].into()),
    })
}

fn peaceful_service(n: usize) -> Instance {
    let sections = json!({
        "expose#0": {"port": 80, "listener_port": 8000 + n},
        "expose#1": {"port": 81, "listener_port": 443, "sni": [format!("sni{n}.org")]},
        "expose#2": {
            "port": 82, "listener_port": 443, "vhosts": ["vhost#0"],
            "listener_certificates": ["certificate#0"],
        },
        "expose#3": {"port": 83, "listener_port": 80, "vhosts": ["vhost#0"]},
        "expose#4": {"port": 84, "listener_port": 8000 + n, "protocol": "udp"},
        "vhost#0": {"domains": [format!("www{n}.org")], "routes": ["route#0"]},
        "route#0": {"match_prefix": "/"},
        "certificate#0": {"certificate_secret": "cert"},
    });
    let sections = sections.as_object().unwrap().clone().into_iter();
    instance(sections.collect(), &format!("10.0.0.{n}"), true, false)
}

fn path(from: &'static [&'static str]) -> impl Strategy<Value = ObjectPath> {
    select(from).prop_map(|text| text.parse().unwrap())
}

fn secret() -> impl Strategy<Value = (String, Holds)> {
    let holds = prop_oneof![4 => Just(Holds::Everything), 1 => select(&Holds::ALL[..])];
    (0..1000_u32, holds).prop_map(|(revision, holds)| (revision.to_string(), holds))
}

fn service() -> impl Strategy<Value = Arc<ServiceState>> {
    let nodes = select(vec!["node1".to_owned(), "node2".to_owned()]);
    btree_map(nodes, any_instance(), 1..3).prop_map(on_nodes)
}

fn on_nodes(instances: impl IntoIterator<Item = (String, Instance)>) -> Arc<ServiceState> {
    let instances = instances.into_iter();
    let instances = instances.map(|(node, instance)| (node, Arc::new(instance)));
    Arc::new(ServiceState {
        instances: instances.collect(),
    })
}

fn any_instance() -> impl Strategy<Value = Instance> {
    let ip = select(&["10.0.0.1", "10.0.0.2", "::1", "", "nonsense"][..]);
    (sections(), ip, prop::bool::weighted(0.9), any::<bool>())
        .prop_map(|(sections, ip, up, slave)| instance(sections, ip, up, slave))
}

fn instance(sections: BTreeMap<String, Value>, ip: &str, up: bool, slave: bool) -> Instance {
    let exposes: Vec<&String> = sections
        .keys()
        .filter(|name| name.starts_with("expose#"))
        .collect();
    let ip = json!({"ipaddr": ip, "expose": exposes});
    let resource = |driver: String, info: &Value| ResourceState {
        driver: driver.into(),
        status: match up {
            true => ResourceStatus::Up,
            false => ResourceStatus::NotUp,
        },
        disabled: false,
        info: info.as_object().unwrap().into(),
    };
    let mut resources = BTreeMap::from([("ip#1".to_owned(), resource("ip.host".into(), &ip))]);
    for (name, info) in &sections {
        let group = name.split('#').next().unwrap();
        let driver = match group {
            "certificate" => "certificate.tls".to_owned(),
            group => format!("{group}.envoy"),
        };
        resources.insert(name.clone(), resource(driver, info));
    }
    Instance {
        avail: match up {
            true => Availability::Serving,
            false => Availability::NotServing,
        },
        scaler_slave: slave,
        resources: resources.into_iter().collect(),
    }
}
