//! A client that behaves like Envoy, and refuses what is bad.

use super::*;

/// A client that behaves like Envoy: clusters and listeners by wildcard, what those name by name, bad
/// resources refused in one of Envoy's ways.
pub(super) struct Client {
    pub(super) variant: Variant,
    pub(super) manner: Manner,
    /// How many responses it refused.
    pub(super) refusals: usize,
    /// Clusters that came, whose endpoints did not come since: Envoy keeps them warming.
    pub(super) warming: BTreeSet<Arc<str>>,
    /// Whether the server may not know what it has.
    pub(super) unsure: bool,
    pub(super) state: [Table; ResourceType::ALL.len()],
    pub(super) wants: BTreeMap<ResourceType, BTreeSet<Arc<str>>>,
    pub(super) nonces: HashMap<ResourceType, String>,
    pub(super) versions: HashMap<ResourceType, String>,
    pub(super) inbox: VecDeque<Response>,
    pub(super) outbox: VecDeque<Request>,
}

/// How a client refuses.
#[derive(Debug, Clone, Copy)]
pub(super) enum Manner {
    /// It names what is bad and takes the rest.
    Each,
    /// It takes nothing and does not say why.
    Whole,
    /// It takes what comes before the first bad one, and does not say which that is.
    UpTo,
}

const BY_NAME: [(ResourceType, ResourceType); 2] = [(Endpoints, Cluster), (Routes, Listener)];

impl Client {
    pub(super) fn new(variant: Variant, manner: Manner) -> Self {
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

    pub(super) fn connect(&mut self) {
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

    pub(super) fn write(
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

    pub(super) fn read(&mut self) {
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
    pub(super) fn warm(&mut self, kind: ResourceType, before: &Table, response: &Response) {
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
    pub(super) fn want(&mut self, kind: ResourceType, by: ResourceType) {
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
    pub(super) fn check(&self) {
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
