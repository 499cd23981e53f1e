//! What an item of the suite is, and where it runs.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use igw_envoy::envoy::Variant;
use igw_envoy::envoy::{Resource, ResourceType};

use crate::client::Client;
use crate::support::discovery::{Server, WAYS, Way};

/// Whether a stream carries every type, or one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    Aggregated,
    PerType,
}

/// Where an item runs: one column of the page, on one transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) variant: Variant,
    pub(crate) scope: Scope,
    pub(crate) way: Way,
}

impl Case {
    /// Every case there is, column by column.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        COLUMNS.into_iter().flat_map(|(variant, scope)| {
            let case = move |way| Self {
                variant,
                scope,
                way,
            };
            WAYS.into_iter().map(case)
        })
    }

    /// Whether responses carry the whole state of a type, which absence is a part of.
    pub(crate) fn is_full(self, kind: ResourceType) -> bool {
        self.is_sotw() && kind.is_full_state()
    }

    pub(crate) fn is_sotw(self) -> bool {
        self.variant == Variant::StateOfTheWorld
    }

    /// What a stream for a type is opened with.
    pub(crate) fn stream_of(self, kind: ResourceType) -> Option<ResourceType> {
        (self.scope == Scope::PerType).then_some(kind)
    }

    /// A client with a stream that carries a type.
    pub(crate) async fn client(self, server: &Server, kind: ResourceType) -> Client {
        let channel = server.connect(self.way).await;
        Client::open(&channel, self.stream_of(kind), self.variant).await
    }

    /// A server with these resources, and a client with a stream that carries a type.
    pub(crate) async fn talk(
        self,
        kind: ResourceType,
        resources: impl IntoIterator<Item = Resource>,
    ) -> (Server, Client) {
        let server = Server::with(resources).await;
        let client = self.client(&server, kind).await;
        (server, client)
    }
}

/// The columns of the page.
pub(crate) const COLUMNS: [(Variant, Scope); 4] = [
    (Variant::StateOfTheWorld, Scope::Aggregated),
    (Variant::StateOfTheWorld, Scope::PerType),
    (Variant::Delta, Scope::Aggregated),
    (Variant::Delta, Scope::PerType),
];

/// Why an item does not apply to a column; `None` where it does.
type NotHere = fn(Variant, Scope) -> Option<&'static str>;

type Run = fn(Case) -> Pin<Box<dyn Future<Output = ()>>>;

/// A rule, and how it is shown to hold. It holds where the run does not panic.
pub(crate) struct Item {
    pub(crate) number: u8,
    pub(crate) title: &'static str,
    /// What was chosen, where the protocol leaves a choice, and why; else empty.
    pub(crate) choice: &'static str,
    pub(crate) not_here: NotHere,
    pub(crate) run: Run,
}

/// It applies everywhere.
pub(crate) fn everywhere(_: Variant, _: Scope) -> Option<&'static str> {
    None
}

/// A rule of the state-of-the-world variant.
pub(crate) fn sotw(variant: Variant, _: Scope) -> Option<&'static str> {
    (variant == Variant::Delta).then_some("a rule of the state-of-the-world variant")
}

/// A rule of the delta variant.
pub(crate) fn delta(variant: Variant, _: Scope) -> Option<&'static str> {
    (variant != Variant::Delta).then_some("a rule of the delta variant")
}

/// A rule about several types on one stream.
pub(crate) fn aggregated(_: Variant, scope: Scope) -> Option<&'static str> {
    (scope == Scope::PerType).then_some("a rule about several types on one stream")
}

/// A rule about several types on one state-of-the-world stream.
pub(crate) fn aggregated_sotw(variant: Variant, scope: Scope) -> Option<&'static str> {
    sotw(variant, scope).or_else(|| aggregated(variant, scope))
}

/// A rule about streams of one type.
pub(crate) fn per_type(_: Variant, scope: Scope) -> Option<&'static str> {
    (scope == Scope::Aggregated).then_some("a rule about streams of one type")
}

/// Items, one a line: number, title, where, function, and what was chosen.
macro_rules! items {
    ($($number:literal $title:literal $not_here:path => $run:path $(, $choice:literal)?;)*) => {
        pub(crate) const ITEMS: &[$crate::item::Item] = &[$($crate::item::Item {
            number: $number,
            title: $title,
            choice: concat!($($choice)?),
            not_here: $not_here,
            run: |case| Box::pin($run(case)),
        }),*];
    };
}
pub(crate) use items;

/// Whether this is the long run: what is waited for in vain is waited for as long as the rules say.
pub(crate) fn is_long() -> bool {
    std::env::var("IGW_CONFORMANCE").is_ok_and(|value| value == "long")
}

/// How long silence must last to count as silence. A window that is too short can only miss a
/// mistake, never see one that is not there.
pub(crate) fn silence() -> Duration {
    Duration::from_millis(if is_long() { 500 } else { 200 })
}

/// How long a server must not send again what was refused, or take away what its daemon no longer
/// vouches for.
pub(crate) fn long_silence() -> Duration {
    Duration::from_secs(if is_long() { 30 } else { 1 })
}
