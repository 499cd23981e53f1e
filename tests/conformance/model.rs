//! A client that behaves like Envoy: it follows clusters and listeners, asks for what those name, and
//! must never be led to something that it was not given.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::select_all;
use igw_envoy::envoy::ResourceType::{self, Cluster, Endpoints, Listener, Routes, Secret};
use tonic::transport::Channel;

use crate::client::Client;
use crate::item::{Case, Scope, silence};
use crate::support::PATIENCE;
use crate::support::discovery::Heard;
use crate::things::names_in;

/// What it has of one resource.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Has {
    pub(crate) version: String,
    pub(crate) body: Vec<u8>,
    names: Names,
}

type Names = BTreeSet<(ResourceType, String)>;

type Table = BTreeMap<String, Has>;

/// A change of what is asked for, because of a response.
struct Ask {
    /// The nonce of the response.
    after: String,
    kind: ResourceType,
    more: Vec<String>,
    less: Vec<String>,
    all: Vec<String>,
}

pub(crate) struct Follower {
    case: Case,
    clients: Vec<Client>,
    state: BTreeMap<ResourceType, Table>,
    wants: BTreeMap<ResourceType, BTreeSet<String>>,
    /// Clusters that came, whose endpoints did not come since: Envoy keeps them warming.
    warming: BTreeSet<String>,
    /// What the client asks for because of what it read, sent after the answer to that.
    asks: VecDeque<Ask>,
    /// What contents name, as a client reads the same one again and again.
    read: HashMap<(ResourceType, Vec<u8>), Names>,
    log: Vec<Heard>,
    /// Whether anything ever came.
    begun: bool,
}

fn borrowed(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

fn kind_of(heard: &Heard) -> ResourceType {
    ResourceType::from_type_url(&heard.type_url).expect("a type that was asked for")
}

impl Follower {
    pub(crate) async fn connect(channel: &Channel, case: Case) -> Self {
        let mut follower = Self {
            case,
            clients: Vec::new(),
            state: BTreeMap::new(),
            wants: BTreeMap::new(),
            warming: BTreeSet::new(),
            asks: VecDeque::new(),
            read: HashMap::new(),
            log: Vec::new(),
            begun: false,
        };
        follower.reconnect(channel).await;
        follower
    }

    /// Another connection, on which it says what it has.
    pub(crate) async fn reconnect(&mut self, channel: &Channel) {
        let streams = match self.case.scope {
            Scope::Aggregated => vec![None],
            Scope::PerType => ResourceType::ALL.map(Some).to_vec(),
        };
        let lanes = self.clients.iter().flat_map(|client| client.lanes.clone());
        let lanes: BTreeMap<_, _> = lanes.collect();
        self.clients.clear();
        self.asks.clear();
        for scope in streams {
            self.clients
                .push(Client::open(channel, scope, self.case.variant).await);
        }
        for kind in [Cluster, Listener, Endpoints, Routes, Secret] {
            let wants = self.wants.get(&kind).cloned();
            let named = !matches!(kind, Cluster | Listener);
            if named && wants.as_ref().is_none_or(BTreeSet::is_empty) {
                continue;
            }
            let wants: Vec<_> = wants.iter().flatten().map(String::as_str).collect();
            if self.case.is_sotw() {
                let version = lanes.get(kind.type_url()).map(|lane| lane.version.clone());
                let lane = crate::client::Lane {
                    names: crate::client::owned(&wants),
                    version: version.unwrap_or_default(),
                    nonce: String::new(),
                };
                let client = self.client(kind);
                client
                    .lanes
                    .insert(kind.type_url().to_owned(), lane.clone());
                client.list_with(kind, &lane, None).await;
            } else {
                let has = self.state.get(&kind).into_iter().flatten();
                let has: Vec<_> = has
                    .map(|(name, has)| (name.clone(), has.version.clone()))
                    .collect();
                self.client(kind).resume(kind, &wants, has).await;
            }
        }
    }

    fn client(&mut self, kind: ResourceType) -> &mut Client {
        let at = match self.case.scope {
            Scope::Aggregated => 0,
            Scope::PerType => kind as usize,
        };
        &mut self.clients[at]
    }

    /// The next response on any stream, taken but not answered; `None` after some time of silence.
    pub(crate) async fn hear_within(&mut self, time: Duration) -> Option<Heard> {
        let next = self.clients.iter_mut().map(|client| client.next().boxed());
        let heard = tokio::time::timeout(time, select_all(next)).await.ok()?.0;
        let heard = heard.unwrap().expect("the stream goes on");
        self.take(&heard);
        Some(heard)
    }

    pub(crate) async fn hear(&mut self) -> Heard {
        self.hear_within(PATIENCE)
            .await
            .expect("a response in time")
    }

    fn take(&mut self, heard: &Heard) {
        let kind = kind_of(heard);
        let wants = self.wants.get(&kind);
        let table = self.state.entry(kind).or_default();
        let mut older = if self.case.is_full(kind) {
            std::mem::take(table)
        } else {
            Table::new()
        };
        for (name, version, body) in &heard.resources {
            let named = !matches!(kind, Cluster | Listener);
            if named && wants.is_none_or(|wants| !wants.contains(name)) {
                continue;
            }
            let had = older.remove(name).or_else(|| table.get(name).cloned());
            let names = self
                .read
                .entry((kind, body.clone()))
                .or_insert_with(|| names_in(kind, body));
            let has = Has {
                version: version.clone(),
                body: body.clone(),
                names: names.clone(),
            };
            if kind == Cluster && had.is_none_or(|had| had.body != has.body) {
                let endpoints = has.names.iter().filter(|(kind, _)| *kind == Endpoints);
                self.warming.extend(endpoints.map(|(_, name)| name.clone()));
            }
            if kind == Endpoints {
                self.warming.remove(name);
            }
            table.insert(name.clone(), has);
        }
        for name in &heard.removed {
            table.remove(name);
        }
        if kind == Cluster {
            self.warming.retain(|name| table.contains_key(name));
        }
        self.log.push(heard.clone());
        self.begun = true;
        self.want(&heard.nonce);
        if self.case.scope == Scope::Aggregated {
            self.check();
        }
    }

    /// Everything that listeners and routes lead to is there, with its endpoints.
    fn check(&self) {
        for (kind, table) in &self.state {
            if !matches!(kind, Listener | Routes) {
                continue;
            }
            for (holder, has) in table {
                for (_, name) in has.names.iter().filter(|(kind, _)| *kind == Cluster) {
                    let cluster = self.get(Cluster, name);
                    let cluster = cluster
                        .unwrap_or_else(|| panic!("{holder} leads to {name}, which is not there"));
                    for (kind, name) in &cluster.names {
                        let there = *kind != Endpoints || self.get(*kind, name).is_some();
                        assert!(there, "{holder} leads to {name} without endpoints");
                    }
                }
            }
        }
    }

    pub(crate) fn get(&self, kind: ResourceType, name: &str) -> Option<&Has> {
        self.state.get(&kind)?.get(name)
    }

    /// Acknowledges a response and asks for what is named since it was read.
    pub(crate) async fn accept(&mut self, heard: &Heard) {
        self.client(kind_of(heard)).accept(heard).await;
        self.ask(heard).await;
    }

    /// Asks for what is named since a response was read, and for nothing that no longer is.
    pub(crate) async fn ask(&mut self, heard: &Heard) {
        let ours = |ask: &Ask| ask.after == heard.nonce;
        while self.asks.front().is_some_and(ours) {
            let Some(ask) = self.asks.pop_front() else {
                return;
            };
            let sotw = self.case.is_sotw();
            let client = self.client(ask.kind);
            if sotw {
                client.list(ask.kind, &borrowed(&ask.all)).await;
            } else {
                client
                    .adjust(ask.kind, &borrowed(&ask.more), &borrowed(&ask.less))
                    .await;
            }
        }
    }

    /// What the client wants from now on, as it read a response.
    fn want(&mut self, after: &str) {
        for kind in [Endpoints, Routes, Secret] {
            let all = self
                .state
                .values()
                .flat_map(BTreeMap::values)
                .flat_map(|has| &has.names);
            let now: BTreeSet<String> = all
                .filter(|(named, _)| *named == kind)
                .map(|(_, name)| name.clone())
                .collect();
            let before = self.wants.insert(kind, now.clone()).unwrap_or_default();
            if now == before {
                continue;
            }
            self.state
                .entry(kind)
                .or_default()
                .retain(|name, _| now.contains(name));
            self.asks.push_back(Ask {
                after: after.to_owned(),
                kind,
                more: now.difference(&before).cloned().collect(),
                less: before.difference(&now).cloned().collect(),
                all: now.into_iter().collect(),
            });
        }
    }

    pub(crate) async fn refuse(&mut self, heard: &Heard, text: &str) {
        self.client(kind_of(heard)).refuse(heard, text).await;
    }

    /// Takes and accepts everything, until nothing comes any more.
    pub(crate) async fn settle(&mut self) {
        // Something always comes first.
        let mut time = if self.begun { silence() * 3 } else { PATIENCE };
        while let Some(heard) = self.hear_within(time).await {
            self.accept(&heard).await;
            time = if self.lacks() {
                PATIENCE
            } else {
                silence() * 3
            };
        }
        assert!(
            self.warming.is_empty(),
            "warming forever: {:?}",
            self.warming
        );
    }

    /// Waits for a response of a type first, for what does not follow a change at once.
    pub(crate) async fn settle_after(&mut self, kind: ResourceType) {
        loop {
            let heard = self.hear().await;
            self.accept(&heard).await;
            if kind_of(&heard) == kind {
                break;
            }
        }
        self.settle().await;
    }

    /// Whether it waits for something that it asked for.
    fn lacks(&self) -> bool {
        let missing = |(kind, names): (&ResourceType, &BTreeSet<String>)| {
            names.iter().any(|name| self.get(*kind, name).is_none())
        };
        !self.warming.is_empty() || self.wants.iter().any(missing)
    }

    /// How many resources of a type it has.
    pub(crate) fn count(&self, kind: ResourceType) -> usize {
        self.state.get(&kind).map_or(0, BTreeMap::len)
    }

    /// The names of a type that it has.
    pub(crate) fn names(&self, kind: ResourceType) -> Vec<&str> {
        self.state
            .get(&kind)
            .into_iter()
            .flatten()
            .map(|(name, _)| &**name)
            .collect()
    }

    /// Everything that it has, with versions.
    pub(crate) fn versions(&self) -> Vec<(ResourceType, String, String)> {
        let all = self.state.iter().flat_map(|(kind, table)| {
            table
                .iter()
                .map(|(name, has)| (*kind, name.clone(), has.version.clone()))
        });
        all.collect()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (ResourceType, &str, &Has)> {
        let tables = self.state.iter();
        tables.flat_map(|(kind, table)| table.iter().map(|(name, has)| (*kind, &**name, has)))
    }

    pub(crate) fn forget_log(&mut self) {
        self.log.clear();
    }

    /// The types of what came since the log was forgotten, in order, each once.
    pub(crate) fn kinds(&self) -> Vec<ResourceType> {
        let mut kinds: Vec<_> = self.log.iter().map(kind_of).collect();
        kinds.dedup();
        kinds
    }

    /// What came since the log was forgotten.
    pub(crate) fn log(&self) -> &[Heard] {
        &self.log
    }

    /// The names of everything that was sent since then.
    pub(crate) fn sent_resources(&self) -> Vec<String> {
        self.log
            .iter()
            .flat_map(|heard| heard.names())
            .map(str::to_owned)
            .collect()
    }
}
