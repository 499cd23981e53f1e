//! The order of delivery, as a property: whatever changes, however late a client answers and whatever
//! it refuses, after every single response all that its listeners and routes name is there.

mod finds;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::prelude::*;

use super::*;
use crate::xds::wire::Names;

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    /// The state changes.
    Change { service: usize, what: What },
    /// The server reads a request.
    Hear,
    /// The server writes a response.
    Say,
    /// The client reads a response.
    Read,
    /// The connection is lost, with all that was under way.
    Reconnect,
}

/// How a service changes.
#[derive(Debug, Clone)]
enum What {
    Presence,
    Cluster {
        bad: bool,
    },
    Endpoints,
    /// Its own listener leads to the cluster of this service, or is gone.
    Listener(Option<usize>),
    /// It is a host in this route configuration, or in none.
    Host(Option<usize>),
    /// The route configuration of this number gets refused, or is mended.
    BadRoutes(usize, bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let what = prop_oneof![
        3 => Just(What::Presence),
        2 => prop::bool::weighted(0.3).prop_map(|bad| What::Cluster { bad }),
        1 => Just(What::Endpoints),
        3 => prop::option::of(0..SERVICES).prop_map(What::Listener),
        3 => prop::option::of(0..2usize).prop_map(What::Host),
        1 => (0..2usize, any::<bool>()).prop_map(|(n, bad)| What::BadRoutes(n, bad)),
    ];
    let step = prop_oneof![
        12 => (0..SERVICES, what).prop_map(|(service, what)| Step::Change { service, what }),
        20 => Just(Step::Hear),
        20 => Just(Step::Say),
        20 => Just(Step::Read),
        1 => Just(Step::Reconnect),
    ];
    prop::collection::vec(step, 1..300)
}

const SERVICES: usize = 5;

/// What is to be served.
#[derive(Debug, Clone, Default)]
struct Wanted {
    services: [Service; SERVICES],
    bad_routes: [bool; 2],
}

#[derive(Debug, Clone, Default)]
struct Service {
    present: bool,
    cluster: usize,
    bad: bool,
    endpoints: usize,
    listener: Option<usize>,
    host: Option<usize>,
}

impl Wanted {
    fn change(&mut self, service: usize, what: &What) {
        let service = &mut self.services[service];
        match *what {
            What::Presence => service.present = !service.present,
            What::Cluster { bad } => {
                service.cluster += 1;
                service.bad = bad;
            }
            What::Endpoints => service.endpoints += 1,
            What::Listener(to) => service.listener = to,
            What::Host(of) => service.host = of,
            What::BadRoutes(n, bad) => self.bad_routes[n] = bad,
        }
    }

    fn mend(&mut self) {
        self.bad_routes = [false; 2];
        for service in &mut self.services {
            service.bad = false;
        }
    }

    /// Another state of clusters and of listeners.
    fn renew(&mut self) {
        let service = &mut self.services[0];
        let listens = service.present && service.listener == Some(0);
        service.present = true;
        service.cluster += 1;
        service.listener = (!listens).then_some(0);
    }

    /// A snapshot of this, in which every reference resolves.
    fn resources(&self) -> Vec<Resource> {
        let present = |n: &usize| self.services[*n].present;
        let mut all = Vec::new();
        for (n, service) in self.services.iter().enumerate().filter(|(_, s)| s.present) {
            let name = format!("c{n}");
            let bad = if service.bad { "bad" } else { "" };
            all.push(cluster(&name, &format!("{}{bad}", service.cluster)));
            all.push(endpoints(&name, &service.endpoints.to_string()));
            if let Some(to) = service.listener.filter(present) {
                all.push(listener(&format!("tcp{n}"), "", &format!("c{to}")));
            }
        }
        for (n, bad) in self.bad_routes.iter().enumerate() {
            let hosts = (0..SERVICES).filter(|s| present(s) && self.services[*s].host == Some(n));
            let clusters: Vec<_> = hosts.map(|s| format!("c{s}")).collect();
            let clusters: Vec<_> = clusters.iter().map(String::as_str).collect();
            let content = format!("{clusters:?}{}", if *bad { "bad" } else { "" });
            if !clusters.is_empty() {
                let name = format!("r{n}");
                let names = [(Routes, &*name)];
                all.push(resource(Listener, &format!("http{n}"), "", &names));
                all.push(routes(&name, &content, &clusters));
            }
        }
        all
    }

    fn snapshot(&self, older: &Snapshot) -> Snapshot {
        let mut snapshot = older.clone();
        let wanted = self.resources();
        for kind in ResourceType::ALL {
            let named = |name: &str| wanted.iter().any(|r| r.kind == kind && &*r.name == name);
            let gone: Vec<_> = older.iter(kind).filter(|r| !named(&r.name)).collect();
            for resource in gone {
                snapshot.remove(kind, &resource.name);
            }
        }
        for resource in wanted {
            snapshot.put(resource);
        }
        snapshot
    }
}

type Table = BTreeMap<Arc<str>, Arc<Resource>>;

/// A client that behaves like Envoy: clusters and listeners by wildcard, what those name by name, bad
/// resources refused in one of Envoy's ways.
struct Client {
    variant: Variant,
    manner: Manner,
    /// How many responses it refused.
    refusals: usize,
    /// Clusters that came, whose endpoints did not come since: Envoy keeps them warming.
    warming: BTreeSet<Arc<str>>,
    /// Whether the server may not know what it has.
    unsure: bool,
    state: [Table; ResourceType::ALL.len()],
    wants: BTreeMap<ResourceType, BTreeSet<Arc<str>>>,
    nonces: HashMap<ResourceType, String>,
    versions: HashMap<ResourceType, String>,
    inbox: VecDeque<Response>,
    outbox: VecDeque<Request>,
}

/// How a client refuses.
#[derive(Debug, Clone, Copy)]
enum Manner {
    /// It names what is bad and takes the rest.
    Each,
    /// It takes nothing and does not say why.
    Whole,
    /// It takes what comes before the first bad one, and does not say which that is.
    UpTo,
}

const BY_NAME: [(ResourceType, ResourceType); 2] = [(Endpoints, Cluster), (Routes, Listener)];

impl Client {
    fn new(variant: Variant, manner: Manner) -> Self {
        let mut client = Self {
            variant,
            manner,
            refusals: 0,
            warming: BTreeSet::new(),
            unsure: false,
            state: Default::default(),
            wants: BY_NAME.map(|(kind, _)| (kind, BTreeSet::new())).into(),
            nonces: HashMap::new(),
            versions: HashMap::new(),
            inbox: VecDeque::new(),
            outbox: VecDeque::new(),
        };
        client.connect();
        client
    }

    fn connect(&mut self) {
        self.inbox.clear();
        self.outbox.clear();
        self.nonces.clear();
        for kind in [Cluster, Endpoints, Listener, Routes] {
            if self.wants.get(&kind).is_some_and(BTreeSet::is_empty) {
                continue;
            }
            let names: Vec<_> = self
                .wants
                .get(&kind)
                .into_iter()
                .flatten()
                .cloned()
                .collect();
            let has = self.state[kind as usize].values();
            let initial = has.map(|r| NameVersion {
                name: Bytes::copy_from_slice(r.name.as_bytes()),
                version: r.version.to_string(),
            });
            let initial = initial.collect();
            self.write(kind, &names, &[], None, initial);
        }
    }

    fn write(
        &mut self,
        kind: ResourceType,
        add: &[Arc<str>],
        less: &[Arc<str>],
        answer: Option<(&str, Option<String>)>,
        initial: Vec<NameVersion>,
    ) {
        let names = |names: &[Arc<str>]| {
            let copy = |name: &Arc<str>| Bytes::copy_from_slice(name.as_bytes());
            names.iter().map(copy).collect()
        };
        let node = Some(Node {
            user_agent_name: "envoy".into(),
            ..Node::default()
        });
        let type_url = kind.type_url().into();
        let error = answer.as_ref().and_then(|(_, error)| error.clone());
        let error_detail = error.map(|message| ErrorDetail { message });
        let nonce = answer.map(|(nonce, _)| nonce.to_owned());
        self.outbox.push_back(match self.variant {
            Variant::Delta => Request::Delta(DeltaRequest {
                node,
                type_url,
                resource_names_subscribe: names(add),
                resource_names_unsubscribe: names(less),
                initial_resource_versions: initial,
                response_nonce: nonce.unwrap_or_default(),
                error_detail,
            }),
            Variant::StateOfTheWorld => Request::Sotw(SotwRequest {
                node,
                type_url,
                version_info: self.versions.get(&kind).cloned().unwrap_or_default(),
                resource_names: match self.wants.get(&kind) {
                    Some(wants) => wants.iter().map(|name| name.as_bytes()).collect(),
                    None => Names::default(),
                },
                response_nonce: nonce
                    .or_else(|| self.nonces.get(&kind).cloned())
                    .unwrap_or_default(),
                error_detail,
            }),
        });
    }

    fn read(&mut self) {
        let Some(response) = self.inbox.pop_front() else {
            return;
        };
        check(&response);
        let kind = kind_of(&response);
        let full = self.variant == Variant::StateOfTheWorld && kind.is_full_state();
        let bad = |r: &Arc<Resource>| String::from_utf8_lossy(&r.body).contains("bad");
        // What is no longer wanted is not even looked at.
        let wants = self.wants.get(&kind);
        let wanted = |r: &&Arc<Resource>| wants.is_none_or(|names| names.contains(&r.name));
        let is_bad = response.resources.iter().filter(wanted).any(bad);
        let manner = match kind.is_full_state() {
            true => self.manner,
            // Envoy takes these one after the other.
            false if matches!(self.manner, Manner::Whole) => Manner::UpTo,
            false => self.manner,
        };
        let before = self.state[kind as usize].clone();
        let state = &mut self.state[kind as usize];
        let mut older = if full {
            std::mem::take(state)
        } else {
            Table::new()
        };
        let mut refused = Vec::new();
        for resource in response.resources.iter().filter(wanted) {
            if bad(resource) {
                refused.push(resource.name.to_string());
                state.extend(older.remove_entry(&resource.name));
                if let Manner::UpTo = manner {
                    break;
                }
            } else {
                state.insert(resource.name.clone(), resource.clone());
            }
        }
        if is_bad && matches!(manner, Manner::UpTo) {
            // It did not come as far as removals.
            for (name, resource) in &before {
                state
                    .entry(name.clone())
                    .or_insert_with(|| resource.clone());
            }
        } else {
            for name in &response.removed {
                state.remove(name);
            }
        }
        let error = match manner {
            _ if !is_bad => None,
            Manner::Each => Some(format!(
                "Error adding/updating {}: no",
                refused.join(": no, ")
            )),
            Manner::UpTo => Some("malformed".to_owned()),
            Manner::Whole => {
                state.clone_from(&before);
                Some("Proto constraint validation failed".to_owned())
            }
        };
        self.refusals += usize::from(error.is_some());
        self.warm(kind, &before, &response);
        if error.is_none() {
            self.versions.insert(kind, response.version.to_string());
        }
        self.nonces.insert(kind, response.nonce.clone());
        self.write(kind, &[], &[], Some((&response.nonce, error)), Vec::new());
        for (kind, by) in BY_NAME {
            self.want(kind, by);
        }
        self.check();
    }

    /// Notes which clusters wait for their endpoints, and which do not any more.
    fn warm(&mut self, kind: ResourceType, before: &Table, response: &Response) {
        let now = &self.state[kind as usize];
        for resource in &*response.resources {
            let taken = now.get(&resource.name) == Some(resource);
            if kind == Endpoints && taken {
                self.warming.remove(&resource.name);
            } else if kind == Cluster && taken && before.get(&resource.name) != Some(resource) {
                let endpoints = newcomers::endpoints(&resource.references);
                self.warming.extend(endpoints.cloned());
            }
        }
        let clusters = &self.state[Cluster as usize];
        let named = |name: &Arc<str>| clusters.values().any(|c| c.references(Endpoints, name));
        self.warming.retain(named);
    }

    /// Asks for what is named now, and drops what no longer is.
    fn want(&mut self, kind: ResourceType, by: ResourceType) {
        let names = self.state[by as usize]
            .values()
            .flat_map(|r| r.references.iter());
        let now: BTreeSet<_> = names
            .filter(|r| r.kind == kind)
            .map(|r| r.name.clone())
            .collect();
        let before = self.wants.insert(kind, now.clone()).unwrap_or_default();
        if now == before {
            return;
        }
        self.state[kind as usize].retain(|name, _| now.contains(name));
        let add: Vec<_> = now.difference(&before).cloned().collect();
        let less: Vec<_> = before.difference(&now).cloned().collect();
        self.write(kind, &add, &less, None, Vec::new());
    }

    /// Everything that listeners and routes lead to is there.
    fn check(&self) {
        if self.unsure {
            return;
        }
        for kind in [Listener, Routes] {
            for resource in self.state[kind as usize].values() {
                for name in newcomers::clusters(&resource.references) {
                    let cluster = self.state[Cluster as usize].contains_key(name);
                    assert!(
                        cluster,
                        "{} leads to {name}, which is not there",
                        resource.name
                    );
                    let endpoints = self.state[Endpoints as usize].contains_key(name);
                    assert!(
                        endpoints,
                        "{} leads to {name} without endpoints",
                        resource.name
                    );
                }
            }
        }
    }
}

struct World {
    wanted: Wanted,
    talk: Talk,
    client: Client,
    streams: u64,
    /// The stream before, whose end was not noticed: what it was told first is shared with the next.
    lost: Option<Session>,
}

impl World {
    fn new(variant: Variant, manner: Manner) -> Self {
        Self {
            wanted: Wanted::default(),
            talk: Talk::new(variant),
            client: Client::new(variant, manner),
            streams: 1,
            lost: None,
        }
    }

    fn publish(&mut self) {
        self.talk.snapshot = self.wanted.snapshot(&self.talk.snapshot);
        let newest = Arc::new(self.talk.snapshot.clone());
        self.talk.session.update(newest);
    }

    fn hear(&mut self) -> bool {
        let request = self.client.outbox.pop_front();
        request.is_some_and(|request| self.talk.session.request(request, self.talk.now).is_ok())
    }

    fn say(&mut self) -> bool {
        let response = self.talk.session.poll(self.talk.now);
        self.client.inbox.extend(response.clone());
        response.is_some()
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Change { service, what } => {
                self.wanted.change(*service, what);
                self.publish();
            }
            Step::Hear => drop(self.hear()),
            Step::Say => drop(self.say()),
            Step::Read => self.client.read(),
            Step::Reconnect => {
                // What a state-of-the-world client has is not known to a new stream, so it may lose a
                // cluster before the routes that name it.
                self.client.unsure |= self.client.variant == Variant::StateOfTheWorld;
                // A cluster whose endpoints were lost on the way takes those that it has.
                let has = &self.client.state[Endpoints as usize];
                self.client.warming.retain(|name| !has.contains_key(name));
                self.streams += 1;
                let (variant, common) = (self.client.variant, self.talk.session.common.clone());
                let session = Session::new(self.streams, variant, None, common);
                self.lost = Some(std::mem::replace(&mut self.talk.session, session));
                self.publish();
                self.client.connect();
            }
        }
    }

    /// Everything that was said is heard and answered, until there is no more to say.
    fn settle(&mut self) {
        for _ in 0..20 {
            let mut rounds = 0;
            while self.hear() || self.say() || !self.client.inbox.is_empty() {
                self.client.read();
                rounds += 1;
                assert!(rounds < 3_000, "no end of responses");
            }
            self.talk.pass(FALLBACK);
        }
    }

    /// The client has everything good that leads to nothing bad; and of what is bad, nothing.
    fn check_what_is_good(&self) {
        let bad = |r: &Resource| String::from_utf8_lossy(&r.body).contains("bad");
        let good = |r: &Resource| {
            let mut clusters = newcomers::clusters(&r.references);
            let snapshot = &self.talk.snapshot;
            !bad(r) && clusters.all(|name| snapshot.get(Cluster, name).is_some_and(|c| !bad(c)))
        };
        for kind in [Cluster, Listener, Routes] {
            let has = &self.client.state[kind as usize];
            assert!(has.values().all(|r| !bad(r)));
            for resource in self.talk.snapshot.iter(kind).filter(|r| good(r)) {
                let wanted = self.client.wants.get(&kind);
                if wanted.is_none_or(|names| names.contains(&resource.name)) {
                    assert_eq!(has.get(&resource.name), Some(resource), "{kind:?}");
                }
            }
        }
    }

    /// The client has what it should, and no more.
    fn check(&self) {
        for kind in [Cluster, Endpoints, Listener, Routes] {
            let has = self.client.state[kind as usize].values();
            let should = self.talk.snapshot.iter(kind);
            let (has, should): (Vec<_>, Vec<_>) = (has.collect(), should.collect());
            assert_eq!(has, should, "{kind:?}");
            let lane = self.talk.session.lane(kind);
            let pending = lane.map_or(0, |lane| lane.ledger.pending().len());
            assert_eq!(pending, 0, "{kind:?} still pending");
            let flights = lane.map_or(0, |lane| lane.ledger.flights().len());
            assert_eq!(flights, 0, "{kind:?} never acknowledged");
        }
        let warming = &self.client.warming;
        assert!(warming.is_empty(), "warming forever: {warming:?}");
    }
}

fn run(variant: Variant, manner: Manner, steps: &[Step]) {
    let mut world = World::new(variant, manner);
    world.publish();
    for step in steps {
        world.step(step);
    }
    // As much as can be served is served, and what is bad is not sent over and over.
    world.settle();
    let refusals = world.client.refusals;
    assert!(refusals <= 10 * steps.len(), "{refusals} refusals");
    world.check_what_is_good();
    world.settle();
    assert_eq!(
        world.client.refusals, refusals,
        "it is sent again and again"
    );
    world.wanted.mend();
    if world.client.unsure {
        // It may have said that it has the current version, and have a part of a refused one as well.
        world.wanted.renew();
    }
    world.publish();
    world.settle();
    world.check();
}

fn manners() -> impl Strategy<Value = Manner> {
    prop_oneof![Just(Manner::Each), Just(Manner::Whole), Just(Manner::UpTo)]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 100,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_delta_client_never_leads_nowhere(manner in manners(), steps in steps()) {
        run(Variant::Delta, manner, &steps);
    }

    #[test]
    fn a_sotw_client_never_leads_nowhere(manner in manners(), steps in steps()) {
        let stays = steps.iter().filter(|step| !matches!(step, Step::Reconnect));
        run(Variant::StateOfTheWorld, manner, &stays.cloned().collect::<Vec<_>>());
    }

    #[test]
    fn a_sotw_client_that_reconnects_has_everything_in_the_end(
        manner in manners(),
        steps in steps(),
    ) {
        run(Variant::StateOfTheWorld, manner, &steps);
    }
}
