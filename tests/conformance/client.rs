//! A client that says exactly what it is told to, and checks what holds for every response.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
};
use envoy_types::pb::google::rpc;
use igw_envoy::envoy::ResourceType;
use igw_envoy::envoy::Variant;
use tokio::sync::mpsc;
use tonic::transport::Channel;
use tonic::{Status, Streaming};

use crate::item::silence;
use crate::support::PATIENCE;
use crate::support::discovery::{ANSWER, Heard, call, path};

enum Stream {
    Sotw(mpsc::Sender<DiscoveryRequest>, Streaming<DiscoveryResponse>),
    Delta(
        mpsc::Sender<DeltaDiscoveryRequest>,
        Streaming<DeltaDiscoveryResponse>,
    ),
}

/// What the client last heard of a type, which its acknowledgements repeat.
#[derive(Default, Clone)]
pub(crate) struct Lane {
    pub(crate) names: Vec<String>,
    pub(crate) version: String,
    pub(crate) nonce: String,
}

/// An open stream.
pub(crate) struct Client {
    stream: Stream,
    node: Option<Node>,
    pub(crate) lanes: BTreeMap<String, Lane>,
    nonces: BTreeSet<String>,
    /// What per-type streams may leave out.
    pub(crate) without_type: bool,
}

/// The node that a client says it is, if not told otherwise.
pub(crate) fn node(id: &str, cluster: &str) -> Node {
    Node {
        id: id.to_owned(),
        cluster: cluster.to_owned(),
        ..Node::default()
    }
}

pub(crate) fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub(crate) fn error(text: &str) -> Option<rpc::Status> {
    Some(rpc::Status {
        code: 13,
        message: text.to_owned(),
        ..rpc::Status::default()
    })
}

impl Client {
    pub(crate) async fn open(
        channel: &Channel,
        scope: Option<ResourceType>,
        variant: Variant,
    ) -> Self {
        let path = path(scope, variant);
        Self::open_path(channel, &path, variant).await.unwrap()
    }

    pub(crate) async fn open_path(
        channel: &Channel,
        path: &str,
        variant: Variant,
    ) -> Result<Self, Status> {
        let opening = async {
            match variant {
                Variant::StateOfTheWorld => {
                    let opened = call(channel, path).await;
                    opened.map(|(requests, responses)| Stream::Sotw(requests, responses))
                }
                Variant::Delta => {
                    let opened = call(channel, path).await;
                    opened.map(|(requests, responses)| Stream::Delta(requests, responses))
                }
            }
        };
        let stream = tokio::time::timeout(ANSWER * 5, opening).await;
        Ok(Self {
            stream: stream.expect("the stream opens in time")?,
            node: Some(node("envoy1", "envoy")),
            lanes: BTreeMap::new(),
            nonces: BTreeSet::new(),
            without_type: false,
        })
    }

    /// Makes the first request that of this node, or of none.
    pub(crate) fn be(mut self, node: Option<Node>) -> Self {
        self.node = node;
        self
    }

    pub(crate) fn lane(&self, kind: ResourceType) -> Lane {
        self.lanes.get(kind.type_url()).cloned().unwrap_or_default()
    }

    /// A state-of-the-world request, sent as it is; the first with the node.
    pub(crate) async fn sotw(&mut self, mut request: DiscoveryRequest) {
        request.node = request.node.or(self.node.take());
        if self.without_type {
            request.type_url.clear();
        }
        let Stream::Sotw(requests, _) = &self.stream else {
            panic!("this is a delta stream");
        };
        // A stream that the server ended takes no request; why it ended is heard.
        let _ = requests.send(request).await;
    }

    /// A delta request, sent as it is; the first with the node.
    pub(crate) async fn delta(&mut self, mut request: DeltaDiscoveryRequest) {
        request.node = request.node.or(self.node.take());
        if self.without_type {
            request.type_url.clear();
        }
        let Stream::Delta(requests, _) = &self.stream else {
            panic!("this is a state-of-the-world stream");
        };
        let _ = requests.send(request).await;
    }

    /// State of the world: these are all the names from now on, with the version and the nonce that
    /// were last heard.
    pub(crate) async fn list(&mut self, kind: ResourceType, names: &[&str]) {
        let lane = self.lanes.entry(kind.type_url().to_owned()).or_default();
        lane.names = owned(names);
        let lane = lane.clone();
        self.list_with(kind, &lane, None).await;
    }

    /// State of the world: with another version, nonce or error.
    pub(crate) async fn list_with(
        &mut self,
        kind: ResourceType,
        lane: &Lane,
        error_detail: Option<rpc::Status>,
    ) {
        self.sotw(DiscoveryRequest {
            type_url: kind.type_url().to_owned(),
            resource_names: lane.names.clone(),
            version_info: lane.version.clone(),
            response_nonce: lane.nonce.clone(),
            error_detail,
            ..DiscoveryRequest::default()
        })
        .await;
    }

    /// Delta: names more and less, as a request of its own.
    pub(crate) async fn adjust(&mut self, kind: ResourceType, more: &[&str], less: &[&str]) {
        self.delta(DeltaDiscoveryRequest {
            type_url: kind.type_url().to_owned(),
            resource_names_subscribe: owned(more),
            resource_names_unsubscribe: owned(less),
            ..DeltaDiscoveryRequest::default()
        })
        .await;
    }

    /// Delta: the first request of a type, from a client that has something from an earlier stream.
    pub(crate) async fn resume(
        &mut self,
        kind: ResourceType,
        names: &[&str],
        has: impl IntoIterator<Item = (String, String)>,
    ) {
        self.delta(DeltaDiscoveryRequest {
            type_url: kind.type_url().to_owned(),
            resource_names_subscribe: owned(names),
            initial_resource_versions: has.into_iter().collect(),
            ..DeltaDiscoveryRequest::default()
        })
        .await;
    }

    /// Either variant: asks for names beside those asked for; for everything, where there are none.
    pub(crate) async fn want(&mut self, kind: ResourceType, names: &[&str]) {
        match self.stream {
            Stream::Delta(..) => self.adjust(kind, names, &[]).await,
            Stream::Sotw(..) => {
                let mut all = self.lane(kind).names;
                all.extend(owned(names));
                let all: Vec<_> = all.iter().map(String::as_str).collect();
                self.list(kind, &all).await;
            }
        }
    }

    /// Either variant: no longer asks for names.
    pub(crate) async fn drop_names(&mut self, kind: ResourceType, names: &[&str]) {
        match self.stream {
            Stream::Delta(..) => self.adjust(kind, &[], names).await,
            Stream::Sotw(..) => {
                let all = self.lane(kind).names;
                let left = all.iter().map(String::as_str);
                let left: Vec<_> = left.filter(|name| !names.contains(name)).collect();
                self.list(kind, &left).await;
            }
        }
    }

    pub(crate) async fn accept(&mut self, heard: &Heard) {
        self.answer(heard, None).await;
    }

    /// A refusal repeats the version that was accepted last.
    pub(crate) async fn refuse(&mut self, heard: &Heard, text: &str) {
        self.answer(heard, error(text)).await;
    }

    async fn answer(&mut self, heard: &Heard, error_detail: Option<rpc::Status>) {
        let type_url = heard.type_url.clone();
        match self.stream {
            Stream::Delta(..) => {
                self.delta(DeltaDiscoveryRequest {
                    type_url,
                    response_nonce: heard.nonce.clone(),
                    error_detail,
                    ..DeltaDiscoveryRequest::default()
                })
                .await;
            }
            Stream::Sotw(..) => {
                let lane = self.lanes.entry(type_url.clone()).or_default();
                if error_detail.is_none() {
                    lane.version.clone_from(&heard.version);
                }
                lane.nonce.clone_from(&heard.nonce);
                let lane = lane.clone();
                self.sotw(DiscoveryRequest {
                    type_url,
                    resource_names: lane.names,
                    version_info: lane.version,
                    response_nonce: lane.nonce,
                    error_detail,
                    ..DiscoveryRequest::default()
                })
                .await;
            }
        }
    }

    /// Half-closes the stream: there will be no more requests.
    pub(crate) fn finish(&mut self) {
        match &mut self.stream {
            Stream::Sotw(requests, _) => *requests = mpsc::channel(1).0,
            Stream::Delta(requests, _) => *requests = mpsc::channel(1).0,
        }
    }

    /// The next response, whenever it comes.
    pub(crate) async fn next(&mut self) -> Result<Option<Heard>, Status> {
        let heard = match &mut self.stream {
            Stream::Sotw(_, responses) => responses.message().await?.map(Heard::from),
            Stream::Delta(_, responses) => responses.message().await?.map(Heard::from),
        };
        if let Some(heard) = &heard {
            self.check(heard);
        }
        Ok(heard)
    }

    /// What holds for every response (that every `Any` has the response's type, and every resource
    /// its own name, was looked at when it was read).
    fn check(&mut self, heard: &Heard) {
        assert!(!heard.nonce.is_empty(), "a response without a nonce");
        assert!(
            self.nonces.insert(heard.nonce.clone()),
            "nonce {} was used before",
            heard.nonce
        );
        assert!(!heard.control_plane.is_empty(), "nobody says who answers");
        let mut all: Vec<_> = heard.names();
        all.extend(heard.removed.iter().map(String::as_str));
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count, "a name twice in one response: {heard:?}");
    }

    /// The next response, in time.
    pub(crate) async fn hear(&mut self) -> Heard {
        self.hear_within(PATIENCE).await
    }

    pub(crate) async fn hear_within(&mut self, time: Duration) -> Heard {
        match tokio::time::timeout(time, self.next()).await {
            Ok(Ok(Some(heard))) => heard,
            Ok(Ok(None)) => panic!("the stream ended"),
            Ok(Err(status)) => panic!("the stream ended: {status}"),
            Err(_) => panic!("no answer in time"),
        }
    }

    /// The next response: of this type, with these names and nothing removed; accepted.
    pub(crate) async fn expect(&mut self, kind: ResourceType, names: &[&str]) -> Heard {
        self.expect_with(kind, names, &[]).await
    }

    /// The next response: of this type, with these names, and these removed; accepted.
    pub(crate) async fn expect_with(
        &mut self,
        kind: ResourceType,
        names: &[&str],
        removed: &[&str],
    ) -> Heard {
        let heard = self.hear().await;
        assert_eq!(heard.type_url, kind.type_url());
        assert_eq!(heard.names(), names, "{kind:?}");
        assert_eq!(heard.removed, removed, "{kind:?} removed");
        self.accept(&heard).await;
        heard
    }

    /// As many responses as it takes until all of these names came, and no others; accepted.
    pub(crate) async fn gather(&mut self, kind: ResourceType, names: &[&str]) -> Vec<Heard> {
        let mut left: BTreeSet<&str> = names.iter().copied().collect();
        let mut all = Vec::new();
        while !left.is_empty() {
            let heard = self.hear().await;
            assert_eq!(heard.type_url, kind.type_url());
            for name in heard.names() {
                assert!(left.remove(name), "{name} came twice or was not asked for");
            }
            self.accept(&heard).await;
            all.push(heard);
        }
        all
    }

    /// Nothing is said.
    pub(crate) async fn quiet(&mut self) {
        self.quiet_for(silence()).await;
    }

    /// Nothing is said, but maybe these names once more; accepted.
    pub(crate) async fn quiet_but_for(&mut self, names: &[&str]) {
        while let Ok(said) = tokio::time::timeout(silence(), self.next()).await {
            let heard = said.unwrap().expect("the stream goes on");
            assert_eq!(heard.names(), names);
            self.accept(&heard).await;
        }
    }

    pub(crate) async fn quiet_for(&mut self, time: Duration) {
        if let Ok(said) = tokio::time::timeout(time, self.next()).await {
            panic!("unexpected: {said:?}");
        }
    }

    /// How the stream ends: `None` where the server ended it without a complaint.
    pub(crate) async fn end(&mut self) -> Option<Status> {
        loop {
            let next = tokio::time::timeout(ANSWER * 5, self.next());
            match next.await.expect("the stream ends in time") {
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(status) => return Some(status),
            }
        }
    }
}
