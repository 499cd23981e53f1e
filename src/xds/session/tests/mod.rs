//! Conversations without a network: what is asked, what is published, what is answered.

mod batches;
mod delta;
mod events;
mod invariant;
mod lives;
mod order;
mod refusals;
mod removals;
mod sotw;
mod successors;
mod unknown;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::*;
use crate::envoy::{Reference, Resource};
use crate::xds::wire::{DeltaRequest, ErrorDetail, NameVersion, Node, Request, SotwRequest};
use ResourceType::{Cluster, Endpoints, Listener, Routes, Secret};

const BOTH: [Variant; 2] = [Variant::Delta, Variant::StateOfTheWorld];

/// How many resources go into batches here.
const FEW: usize = 3;

/// A resource whose body is a line of text that tells its content and what it names.
fn resource(
    kind: ResourceType,
    name: &str,
    content: &str,
    names: &[(ResourceType, &str)],
) -> Resource {
    let references = names.iter().map(|(kind, name)| Reference {
        kind: *kind,
        name: (*name).into(),
    });
    let references: Vec<_> = references.collect();
    let body = Bytes::from(format!("{name}: {content} {references:?}"));
    Resource::new(kind, name, body, references)
}

/// A cluster with endpoints of the same name.
fn cluster(name: &str, content: &str) -> Resource {
    resource(Cluster, name, content, &[(Endpoints, name)])
}

fn endpoints(name: &str, content: &str) -> Resource {
    resource(Endpoints, name, content, &[])
}

/// A listener that leads to a cluster.
fn listener(name: &str, content: &str, cluster: &str) -> Resource {
    resource(Listener, name, content, &[(Cluster, cluster)])
}

/// Routes to clusters.
fn routes(name: &str, content: &str, clusters: &[&str]) -> Resource {
    let names: Vec<_> = clusters.iter().map(|c| (Cluster, *c)).collect();
    resource(Routes, name, content, &names)
}

fn secret(name: &str, content: &str) -> Resource {
    resource(Secret, name, content, &[])
}

/// Remembers what it was told.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Notes {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Observer for Notes {
    fn observe(&self, stream: &Stream, event: &Event<'_>) {
        let note = match event {
            Event::Opened => format!("{} opened", stream.node),
            Event::Closed => format!("{} closed", stream.node),
            Event::Sent {
                kind,
                resources,
                removed,
                ..
            } => format!("sent {kind:?} {resources} -{removed}"),
            Event::Accepted { kind, .. } => format!("accepted {kind:?}"),
            Event::Refused(refusal) => format!(
                "refused {:?} {:?} of {:?}: {}",
                refusal.kind, refusal.suspects, refusal.names, refusal.text
            ),
            Event::Cleared { kind, name } => format!("cleared {kind:?} {name}"),
            Event::Withheld { kind, name } => format!("withheld {kind:?} {name}"),
        };
        self.0.lock().unwrap().push(note);
    }
}

/// A session, its client's side of the conversation, and a clock.
struct Talk {
    session: Session,
    snapshot: Snapshot,
    now: Instant,
    notes: Arc<Notes>,
    /// State of the world: the names last asked for, which acknowledgements repeat.
    names: HashMap<ResourceType, Vec<String>>,
    /// What the client calls itself.
    agent: &'static str,
    asked: bool,
}

/// An Envoy that has some clusters.
fn with(variant: Variant, names: &[&str]) -> Talk {
    let mut talk = Talk::new(variant);
    talk.take_clusters(names);
    talk
}

impl Talk {
    fn new(variant: Variant) -> Self {
        Self::with(variant, None, true)
    }

    fn with(variant: Variant, scope: Option<ResourceType>, confidential: bool) -> Self {
        let notes = Arc::new(Notes::default());
        let common = Common {
            identifier: "igw".into(),
            transport: "test".into(),
            confidential,
            observer: notes.clone(),
            batches: Batches::from(FEW),
        };
        Self {
            session: Session::new(1, variant, scope, common),
            snapshot: Snapshot::default(),
            now: Instant::now(),
            notes,
            names: HashMap::new(),
            agent: "envoy",
            asked: false,
        }
    }

    fn sotw() -> Self {
        Self::new(Variant::StateOfTheWorld)
    }

    fn delta() -> Self {
        Self::new(Variant::Delta)
    }

    /// Has the client take some clusters.
    fn take_clusters(&mut self, names: &[&str]) {
        self.publish(names.iter().map(|name| cluster(name, "1")));
        match self.session.stream.variant {
            Variant::Delta => self.subscribe(Cluster, &[], &[]),
            Variant::StateOfTheWorld => self.ask(Cluster, &[]),
        }
        self.accept_all();
    }

    /// Publishes what is there, with some resources more or other.
    fn publish(&mut self, resources: impl IntoIterator<Item = Resource>) {
        for resource in resources {
            self.snapshot.put(resource);
        }
        self.session.update(Arc::new(self.snapshot.clone()));
    }

    fn remove(&mut self, kind: ResourceType, name: &str) {
        assert!(self.snapshot.remove(kind, name), "there is no {name}");
        self.session.update(Arc::new(self.snapshot.clone()));
    }

    fn node(&mut self) -> Option<Node> {
        let node = Node {
            id: "envoy1".into(),
            cluster: "envoy".into(),
            user_agent_name: self.agent.into(),
        };
        (!std::mem::replace(&mut self.asked, true)).then_some(node)
    }

    /// A state-of-the-world request that answers no response.
    fn ask(&mut self, kind: ResourceType, names: &[&str]) {
        self.ask_again(kind, names, "", "");
    }

    /// A state-of-the-world request with a version and a nonce.
    fn ask_again(&mut self, kind: ResourceType, names: &[&str], version: &str, nonce: &str) {
        let names = names.iter().map(|n| (*n).to_owned()).collect();
        self.names.insert(kind, names);
        self.say(kind, version, nonce, None);
    }

    fn say(&mut self, kind: ResourceType, version: &str, nonce: &str, error: Option<&str>) {
        let names = self.names.get(&kind).cloned().unwrap_or_default();
        let request = Request::Sotw(SotwRequest {
            version_info: version.into(),
            node: self.node(),
            resource_names: names.into_iter().collect(),
            type_url: kind.type_url().into(),
            response_nonce: nonce.into(),
            error_detail: error.map(|message| ErrorDetail {
                message: message.into(),
            }),
        });
        self.session.request(request, self.now).unwrap();
    }

    fn delta_request(&mut self, kind: ResourceType) -> DeltaRequest {
        DeltaRequest {
            node: self.node(),
            type_url: kind.type_url().into(),
            ..DeltaRequest::default()
        }
    }

    /// A delta request.
    fn subscribe(&mut self, kind: ResourceType, add: &[&str], less: &[&str]) {
        self.subscribe_with(kind, add, less, "");
    }

    fn subscribe_with(&mut self, kind: ResourceType, add: &[&str], less: &[&str], nonce: &str) {
        let mut request = self.delta_request(kind);
        request.resource_names_subscribe = bytes(add);
        request.resource_names_unsubscribe = bytes(less);
        request.response_nonce = nonce.into();
        self.session
            .request(Request::Delta(request), self.now)
            .unwrap();
    }

    /// A delta stream's first request of a type, from a client that reconnects with these versions.
    fn resume(&mut self, kind: ResourceType, add: &[&str], has: &[(&str, String)]) {
        let mut request = self.delta_request(kind);
        request.resource_names_subscribe = bytes(add);
        request.initial_resource_versions = has
            .iter()
            .map(|(name, version)| NameVersion {
                name: Bytes::copy_from_slice(name.as_bytes()),
                version: version.clone(),
            })
            .collect();
        self.session
            .request(Request::Delta(request), self.now)
            .unwrap();
    }

    /// The version of a resource as it is published.
    fn version(&self, kind: ResourceType, name: &str) -> String {
        self.snapshot.get(kind, name).unwrap().version.to_string()
    }

    fn ack(&mut self, response: &Response) {
        self.answer(response, None);
    }

    fn nack(&mut self, response: &Response, text: &str) {
        self.answer(response, Some(text));
    }

    fn answer(&mut self, response: &Response, error: Option<&str>) {
        let kind = kind_of(response);
        if response.variant == Variant::StateOfTheWorld {
            let version = response.version.to_string();
            return self.say(kind, &version, &response.nonce, error);
        }
        let mut request = self.delta_request(kind);
        request.response_nonce = response.nonce.clone();
        request.error_detail = error.map(|message| ErrorDetail {
            message: message.into(),
        });
        self.session
            .request(Request::Delta(request), self.now)
            .unwrap();
    }

    /// The next response, if there is one.
    fn hear(&mut self) -> Option<Response> {
        let response = self.session.poll(self.now)?;
        check(&response);
        Some(response)
    }

    /// The next response, which there must be.
    fn expect(&mut self, kind: ResourceType, resources: &[&str], removed: &[&str]) -> Response {
        let response = self.hear().expect("a response");
        assert_eq!(kind_of(&response), kind);
        assert_eq!(names(&response), resources, "{kind:?}");
        let gone: Vec<_> = response.removed.iter().map(|n| &**n).collect();
        assert_eq!(gone, removed, "{kind:?} removed");
        response
    }

    /// The next response, acknowledged.
    fn accept(&mut self, kind: ResourceType, resources: &[&str]) -> Response {
        let response = self.expect(kind, resources, &[]);
        self.ack(&response);
        response
    }

    /// Everything there is to say, acknowledged as it comes.
    fn accept_all(&mut self) {
        while let Some(response) = self.hear() {
            self.ack(&response);
        }
    }

    /// Nothing is said, now or later.
    fn quiet(&mut self) {
        if let Some(response) = self.hear() {
            panic!(
                "unexpected {:?}: {:?}, removed {:?}",
                kind_of(&response),
                names(&response),
                response.removed
            );
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }
}

fn bytes(names: &[&str]) -> Vec<Bytes> {
    let copy = |name: &&str| Bytes::copy_from_slice(name.as_bytes());
    names.iter().map(copy).collect()
}

fn kind_of(response: &Response) -> ResourceType {
    ResourceType::from_type_url(&response.type_url).unwrap()
}

/// The names of a response's resources, sorted.
fn names(response: &Response) -> Vec<&str> {
    let mut names: Vec<_> = response.resources.iter().map(|r| &*r.name).collect();
    names.sort_unstable();
    names
}

/// What holds for every response.
fn check(response: &Response) {
    let kind = kind_of(response);
    assert!(response.resources.iter().all(|r| r.kind == kind));
    assert!(!response.nonce.is_empty());
    assert!(!response.identifier.is_empty());
    let mut all = names(response);
    all.extend(response.removed.iter().map(|n| &**n));
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count, "a name twice in one response");
}
