//! A daemon that says anything: mostly services as people write them, sometimes nonsense.

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
use serde_json::{Map, Value, json};

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
        btree_map(path(&SECRETS), weighted(0.8, secret()), 0..2),
        prop::bool::weighted(0.1),
    );
    let change = change.prop_map(|(services, secrets, resync)| {
        Step::Daemon(Change {
            services: services.into_iter().collect(),
            secrets: secrets.into_iter().collect(),
            resync,
        })
    });
    let answer = (any::<Index>(), prop::bool::weighted(0.8));
    let answer = answer.prop_map(|(which, ok)| Step::Answer { which, ok });
    vec(
        prop_oneof![5 => change, 4 => answer, 1 => Just(Step::Retry)],
        1..16,
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
    let holds = prop_oneof![3 => Just(Holds::Everything), 2 => select(&Holds::ALL[..])];
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
    let sections = palette()
        .iter()
        .map(|(name, keywords)| section(name, keywords))
        .collect::<Vec<_>>();
    let ip = select(&["10.0.0.1", "10.0.0.2", "::1", "", "nonsense"][..]);
    let sections = sections.prop_map(|sections| sections.into_iter().flatten().collect());
    (sections, ip, prop::bool::weighted(0.9), any::<bool>())
        .prop_map(|(sections, ip, up, slave)| instance(sections, ip, up, slave))
}

fn instance(sections: BTreeMap<String, Value>, ip: &str, up: bool, slave: bool) -> Instance {
    let exposes: Vec<&String> = sections
        .keys()
        .filter(|name| name.starts_with("expose#"))
        .collect();
    let ip = json!({"ipaddr": ip, "expose": exposes});
    let resource = |driver: String, info: &Value| ResourceState {
        driver,
        status: match up {
            true => ResourceStatus::Up,
            false => ResourceStatus::NotUp,
        },
        disabled: false,
        info: Arc::new(info.as_object().unwrap().clone()),
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
        scaler_slaves: Vec::new(),
        resources,
    }
}

/// A section: absent, as people write it, or with nonsense in one keyword or two.
fn section(
    name: &'static str,
    keywords: &[(&'static str, f64, Vec<Value>)],
) -> impl Strategy<Value = Option<(String, Value)>> + use<> {
    let sane: Vec<_> = keywords
        .iter()
        .map(|(keyword, often, values)| {
            weighted(*often, select(values.clone()))
                .prop_map(|value| value.map(|value| ((*keyword).to_owned(), value)))
        })
        .collect();
    let keywords: Vec<String> = keywords.iter().map(|(k, ..)| (*k).to_owned()).collect();
    let nonsense = vec((select(keywords), nonsense()), 1..3);
    let nonsense = prop_oneof![4 => Just(Vec::new()), 1 => nonsense];
    let info = (sane, nonsense).prop_map(|(sane, nonsense)| {
        let mut info: Map<String, Value> = sane.into_iter().flatten().collect();
        info.extend(nonsense);
        Value::Object(info)
    });
    weighted(0.9, info).prop_map(move |info| Some((name.to_owned(), info?)))
}

/// Keywords, how often each is there, and its sane values.
type Keywords = Vec<(&'static str, f64, Vec<Value>)>;

/// The keywords of each section.
fn palette() -> Vec<(&'static str, Keywords)> {
    let names = || vec![json!(["a.org"]), json!(["b.org", "*.b.org"]), json!(["*"])];
    let certificates = || vec![json!(["certificate#0"]), json!(["certificate#1"])];
    let expose = |vhosts: &[&str]| {
        vec![
            ("port", 0.98, vec![json!(80), json!(8080), json!("81")]),
            (
                "listener_port",
                0.98,
                vec![json!(80), json!(443), json!(443), json!(0), json!(2001)],
            ),
            ("protocol", 0.3, vec![json!("tcp"), json!("udp")]),
            (
                "listener_addr",
                0.2,
                vec![json!("127.0.0.2"), json!("::"), json!("0.0.0.0")],
            ),
            ("sni", 0.2, names()),
            ("vhosts", 0.6, vec![json!(vhosts), json!(["vhost#0"])]),
            ("listener_certificates", 0.4, certificates()),
            ("cluster_certificates", 0.2, certificates()),
            (
                "lb_policy",
                0.5,
                vec![
                    json!("round robin"),
                    json!("ring_hash"),
                    json!("original_dst_lb"),
                ],
            ),
            ("gateway", 0.2, vec![json!("envoy"), json!("other")]),
            ("cluster_data", 0.2, vec![json!({"connect_timeout": "1s"})]),
            (
                "filter_config_data",
                0.2,
                vec![json!({"idle_timeout": "9s"})],
            ),
        ]
    };
    let vhost = |routes: &[&str]| {
        vec![
            ("domains", 0.9, names()),
            ("routes", 0.9, vec![json!(routes)]),
        ]
    };
    let route = || {
        vec![
            ("match_prefix", 0.9, vec![json!("/"), json!("/a")]),
            (
                "match_case_sensitive",
                0.2,
                vec![json!("false"), json!(true)],
            ),
            (
                "route_timeout",
                0.3,
                vec![json!("1m"), json!(5), json!("0")],
            ),
            ("route_cluster_header", 0.2, vec![json!("x-cluster")]),
            ("hash_policies", 0.3, vec![json!(["hashpolicy#0"])]),
            ("redirect_path_redirect", 0.2, vec![json!("/new")]),
            (
                "redirect_https_redirect",
                0.5,
                vec![json!(false), json!(true)],
            ),
        ]
    };
    vec![
        ("expose#0", expose(&["vhost#0"])),
        ("expose#1", expose(&["vhost#0", "vhost#1"])),
        ("vhost#0", vhost(&["route#0"])),
        ("vhost#1", vhost(&["route#1", "route#0"])),
        ("route#0", route()),
        ("route#1", route()),
        (
            "hashpolicy#0",
            vec![
                ("header_header_name", 0.9, vec![json!("x-user")]),
                ("cookie_name", 0.1, vec![json!("id")]),
                ("terminal", 0.5, vec![json!(false), json!(true)]),
            ],
        ),
        (
            "certificate#0",
            vec![(
                "certificate_secret",
                0.95,
                vec![json!("cert"), json!("sec/cert")],
            )],
        ),
        (
            "certificate#1",
            vec![
                ("certificate_secret", 0.5, vec![json!("cert")]),
                ("certificate_chain_filename", 0.5, vec![json!("/etc/a.crt")]),
                ("private_key_filename", 0.5, vec![json!("/etc/a.key")]),
                ("validation_secret", 0.3, vec![json!("ca")]),
            ],
        ),
    ]
}

/// What nobody should write.
fn nonsense() -> impl Strategy<Value = Value> {
    let curated = select(vec![
        json!(null),
        json!(-1),
        json!(70000),
        json!(1e300),
        json!(""),
        json!(" "),
        json!("abc"),
        json!("a b\r\nc: d"),
        json!("\u{0}"),
        json!("*.*"),
        json!("a*.org"),
        json!("a.org:443"),
        json!("((("),
        json!("{env.port}"),
        json!([]),
        json!([""]),
        json!([null, 3, {}]),
        json!(["expose#0"]),
        json!(["vhost#9"]),
        json!(["certificate#9", "certificate#0"]),
        json!(["route#0", "route#0"]),
        json!({}),
        json!({"name": "x", "type": "STATIC"}),
        json!({"no_such_field": 1}),
        json!({"connect_timeout": "-1s"}),
        json!({"load_assignment": {"cluster_name": "x"}}),
        json!({"health_checks": [{}]}),
        json!({"http_filters": []}),
        json!({"http_filters": [{"name": "envoy.router", "config": {}}]}),
        json!({"route_config": {}}),
    ]);
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    let any = leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            btree_map("[a-z_]{1,8}", inner, 0..3)
                .prop_map(|fields| { Value::Object(fields.into_iter().collect()) }),
        ]
    });
    prop_oneof![3 => curated, 1 => any]
}
