/// The way of a request.
#[derive(serde::Serialize)]
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Explanation {
    /// What becomes of the request.
    #[prost(enumeration = "Outcome", tag = "1")]
    #[serde(serialize_with = "super::words::outcome")]
    pub outcome: i32,
    /// The same as a sentence.
    #[prost(string, tag = "2")]
    pub answer: ::prost::alloc::string::String,
    /// The way there.
    #[prost(message, repeated, tag = "3")]
    pub steps: ::prost::alloc::vec::Vec<Step>,
    /// The expose that the request reaches; empty where it reaches none.
    #[prost(string, tag = "4")]
    pub expose: ::prost::alloc::string::String,
    /// The endpoints that it may be forwarded to.
    #[prost(message, repeated, tag = "5")]
    pub endpoints: ::prost::alloc::vec::Vec<Endpoint>,
    /// Where it is redirected to; empty where it is not.
    #[prost(string, tag = "6")]
    pub location: ::prost::alloc::string::String,
    /// The expose that it reaches, in a few words.
    #[prost(message, optional, tag = "7")]
    pub owner: ::core::option::Option<Expose>,
    /// Findings that may be why: they speak of the host, or of the expose that is reached.
    #[prost(message, repeated, tag = "8")]
    pub related: ::prost::alloc::vec::Vec<Finding>,
    /// What its way does not show, and decides whether it arrives; the worst first.
    #[prost(message, repeated, tag = "9")]
    pub caveats: ::prost::alloc::vec::Vec<Caveat>,
}
/// Something that the way of a request does not show.
#[derive(serde::Serialize)]
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Caveat {
    /// What it is, and what to do.
    #[prost(string, tag = "1")]
    pub text: ::prost::alloc::string::String,
    /// Whether the request fails for it, wherever its way leads.
    #[prost(bool, tag = "2")]
    pub fatal: bool,
}
/// What was chosen at a stage.
#[derive(serde::Serialize)]
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Step {
    /// The stage.
    #[prost(enumeration = "Stage", tag = "1")]
    #[serde(serialize_with = "super::words::stage")]
    pub stage: i32,
    /// What was chosen; empty where nothing fits.
    #[prost(string, tag = "2")]
    pub name: ::prost::alloc::string::String,
    /// Why, in a sentence.
    #[prost(string, tag = "3")]
    pub why: ::prost::alloc::string::String,
    /// What would fit too, and why it was not chosen.
    #[prost(message, repeated, tag = "4")]
    pub shadows: ::prost::alloc::vec::Vec<Shadow>,
}
/// Something that fits a request and was not chosen, or of which it cannot be told whether it fits.
#[derive(serde::Serialize)]
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Shadow {
    /// What it is.
    #[prost(string, tag = "1")]
    pub name: ::prost::alloc::string::String,
    /// Why it was not chosen.
    #[prost(string, tag = "2")]
    pub why: ::prost::alloc::string::String,
}
/// Where an instance of a service answers.
#[derive(serde::Serialize)]
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Endpoint {
    /// Its address.
    #[prost(string, tag = "1")]
    pub address: ::prost::alloc::string::String,
    /// Its port.
    #[prost(uint32, tag = "2")]
    pub port: u32,
}
/// Something to say about a configuration.
#[derive(serde::Serialize)]
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Finding {
    /// The service.
    #[prost(string, tag = "1")]
    pub service: ::prost::alloc::string::String,
    /// error, warning or info.
    #[prost(string, tag = "2")]
    pub severity: ::prost::alloc::string::String,
    /// A stable identifier; `xds explain-code` tells more of it.
    #[prost(string, tag = "3")]
    pub code: ::prost::alloc::string::String,
    /// The section at fault; empty for the service as a whole.
    #[prost(string, tag = "4")]
    pub section: ::prost::alloc::string::String,
    /// The keyword at fault; empty for the section as a whole.
    #[prost(string, tag = "5")]
    pub keyword: ::prost::alloc::string::String,
    /// What is wrong, with the offending value.
    #[prost(string, tag = "6")]
    pub message: ::prost::alloc::string::String,
    /// What to write instead; empty where the message says it all.
    #[prost(string, tag = "7")]
    pub hint: ::prost::alloc::string::String,
}
/// What happened since the last message.
#[derive(serde::Serialize)]
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct News {
    /// Whether `exposes` holds all of them, so that what is not in it does not exist.
    #[prost(bool, tag = "1")]
    pub whole: bool,
    /// Exposes that are new or differ.
    #[prost(message, repeated, tag = "2")]
    pub exposes: ::prost::alloc::vec::Vec<Expose>,
    /// Exposes that are gone.
    #[prost(string, repeated, tag = "3")]
    pub gone: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,
    /// How the following of the OpenSVC daemon goes.
    #[prost(message, optional, tag = "4")]
    pub daemon: ::core::option::Option<Daemon>,
    /// The connected Envoys.
    #[prost(message, repeated, tag = "5")]
    pub envoys: ::prost::alloc::vec::Vec<Envoy>,
    /// The newest changes, the last one first.
    #[prost(message, repeated, tag = "6")]
    pub changes: ::prost::alloc::vec::Vec<Change>,
}
/// A change of what Envoy is served.
#[derive(serde::Serialize)]
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Change {
    /// Its number, from 1.
    #[prost(uint64, tag = "1")]
    pub number: u64,
    /// When it was published.
    #[prost(message, optional, tag = "2")]
    #[serde(serialize_with = "super::words::time")]
    pub at: ::core::option::Option<::prost_types::Timestamp>,
    /// What changed, by type.
    #[prost(message, repeated, tag = "3")]
    pub parts: ::prost::alloc::vec::Vec<Part>,
    /// How many of the Envoys that were sent any of it have it.
    #[prost(uint32, tag = "4")]
    pub acknowledged: u32,
    /// How many have not.
    #[prost(uint32, tag = "5")]
    pub outstanding: u32,
    /// From the event in the daemon to the last acknowledgement so far, in seconds.
    #[prost(double, optional, tag = "6")]
    pub event_to_ack_seconds: ::core::option::Option<f64>,
}
/// What changed of a type.
#[derive(serde::Serialize)]
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Part {
    /// The type: cluster, endpoints, secret, listener or routes.
    #[prost(string, tag = "1")]
    pub r#type: ::prost::alloc::string::String,
    /// How many resources are new or differ.
    #[prost(uint32, tag = "2")]
    pub put: u32,
    /// How many are gone.
    #[prost(uint32, tag = "3")]
    pub removed: u32,
    /// The names of the first few of them.
    #[prost(string, repeated, tag = "4")]
    pub names: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,
}
/// How far the current configuration of a service has come.
#[derive(serde::Serialize)]
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ServiceProgress {
    /// Whether the daemon's state is known and the service exposes something on this gateway.
    #[prost(bool, tag = "1")]
    pub known: bool,
    /// Its exposes.
    #[prost(message, repeated, tag = "2")]
    pub exposes: ::prost::alloc::vec::Vec<Expose>,
    /// What there is to say of its configuration.
    #[prost(message, repeated, tag = "3")]
    pub findings: ::prost::alloc::vec::Vec<Finding>,
    /// What Envoy is served for it, in the versions that are current. Which Envoy has which of them is
    /// what the client status discovery service (CSDS) on the same socket tells.
    #[prost(message, repeated, tag = "4")]
    pub resources: ::prost::alloc::vec::Vec<Resource>,
}
/// A resource that Envoy is served.
#[derive(serde::Serialize)]
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Resource {
    /// Its type URL, as in xDS.
    #[prost(string, tag = "1")]
    pub type_url: ::prost::alloc::string::String,
    /// Its type in a word: cluster, endpoints, secret, listener or routes.
    #[prost(string, tag = "2")]
    pub r#type: ::prost::alloc::string::String,
    /// Its name.
    #[prost(string, tag = "3")]
    pub name: ::prost::alloc::string::String,
    /// Its version: a hash of its content.
    #[prost(string, tag = "4")]
    pub version: ::prost::alloc::string::String,
}
/// How an expose is doing.
#[derive(serde::Serialize)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ::prost::Enumeration)]
#[repr(i32)]
pub enum Standing {
    Unspecified = 0,
    /// Not served: the configuration is refused.
    Refused = 1,
    /// Refused by an Envoy.
    RefusedByEnvoy = 2,
    /// Not served: a secret that it needs cannot be.
    Waiting = 3,
    /// Served as it was configured before: the newest configuration is refused, or waits.
    Kept = 4,
    /// Served, but no instance is up to answer.
    NoEndpoints = 5,
    /// Served as configured.
    Served = 6,
}
impl Standing {
    /// String value of the enum field names used in the ProtoBuf definition.
    ///
    /// The values are not transformed in any way and thus are considered stable
    /// (if the ProtoBuf definition does not change) and safe for programmatic use.
    pub fn as_str_name(&self) -> &'static str {
        match self {
            Self::Unspecified => "STANDING_UNSPECIFIED",
            Self::Refused => "STANDING_REFUSED",
            Self::RefusedByEnvoy => "STANDING_REFUSED_BY_ENVOY",
            Self::Waiting => "STANDING_WAITING",
            Self::Kept => "STANDING_KEPT",
            Self::NoEndpoints => "STANDING_NO_ENDPOINTS",
            Self::Served => "STANDING_SERVED",
        }
    }
    /// Creates an enum from field names used in the ProtoBuf definition.
    pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
        match value {
            "STANDING_UNSPECIFIED" => Some(Self::Unspecified),
            "STANDING_REFUSED" => Some(Self::Refused),
            "STANDING_REFUSED_BY_ENVOY" => Some(Self::RefusedByEnvoy),
            "STANDING_WAITING" => Some(Self::Waiting),
            "STANDING_KEPT" => Some(Self::Kept),
            "STANDING_NO_ENDPOINTS" => Some(Self::NoEndpoints),
            "STANDING_SERVED" => Some(Self::Served),
            _ => None,
        }
    }
}
/// What becomes of a request.
#[derive(serde::Serialize)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ::prost::Enumeration)]
#[repr(i32)]
pub enum Outcome {
    Unspecified = 0,
    /// It is forwarded to an endpoint.
    Forwarded = 1,
    /// It is answered with a redirect.
    Redirected = 2,
    /// It would be forwarded, but there is no endpoint: 503.
    NoEndpoints = 3,
    /// It is answered 404: no virtual host or no route wants it.
    NotFound = 4,
    /// The connection is closed: no filter chain wants it, or it speaks another protocol.
    Closed = 5,
    /// Nothing listens there.
    NotListening = 6,
}
impl Outcome {
    /// String value of the enum field names used in the ProtoBuf definition.
    ///
    /// The values are not transformed in any way and thus are considered stable
    /// (if the ProtoBuf definition does not change) and safe for programmatic use.
    pub fn as_str_name(&self) -> &'static str {
        match self {
            Self::Unspecified => "OUTCOME_UNSPECIFIED",
            Self::Forwarded => "OUTCOME_FORWARDED",
            Self::Redirected => "OUTCOME_REDIRECTED",
            Self::NoEndpoints => "OUTCOME_NO_ENDPOINTS",
            Self::NotFound => "OUTCOME_NOT_FOUND",
            Self::Closed => "OUTCOME_CLOSED",
            Self::NotListening => "OUTCOME_NOT_LISTENING",
        }
    }
    /// Creates an enum from field names used in the ProtoBuf definition.
    pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
        match value {
            "OUTCOME_UNSPECIFIED" => Some(Self::Unspecified),
            "OUTCOME_FORWARDED" => Some(Self::Forwarded),
            "OUTCOME_REDIRECTED" => Some(Self::Redirected),
            "OUTCOME_NO_ENDPOINTS" => Some(Self::NoEndpoints),
            "OUTCOME_NOT_FOUND" => Some(Self::NotFound),
            "OUTCOME_CLOSED" => Some(Self::Closed),
            "OUTCOME_NOT_LISTENING" => Some(Self::NotListening),
            _ => None,
        }
    }
}
/// A stage of a request's way through Envoy.
#[derive(serde::Serialize)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ::prost::Enumeration)]
#[repr(i32)]
pub enum Stage {
    Unspecified = 0,
    /// The socket.
    Listener = 1,
    /// The filter chain, by server name and transport.
    Chain = 2,
    /// The virtual host, by Host header.
    VirtualHost = 3,
    /// The route, by path.
    Route = 4,
    /// The cluster.
    Cluster = 5,
}
impl Stage {
    /// String value of the enum field names used in the ProtoBuf definition.
    ///
    /// The values are not transformed in any way and thus are considered stable
    /// (if the ProtoBuf definition does not change) and safe for programmatic use.
    pub fn as_str_name(&self) -> &'static str {
        match self {
            Self::Unspecified => "STAGE_UNSPECIFIED",
            Self::Listener => "STAGE_LISTENER",
            Self::Chain => "STAGE_CHAIN",
            Self::VirtualHost => "STAGE_VIRTUAL_HOST",
            Self::Route => "STAGE_ROUTE",
            Self::Cluster => "STAGE_CLUSTER",
        }
    }
    /// Creates an enum from field names used in the ProtoBuf definition.
    pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
        match value {
            "STAGE_UNSPECIFIED" => Some(Self::Unspecified),
            "STAGE_LISTENER" => Some(Self::Listener),
            "STAGE_CHAIN" => Some(Self::Chain),
            "STAGE_VIRTUAL_HOST" => Some(Self::VirtualHost),
            "STAGE_ROUTE" => Some(Self::Route),
            "STAGE_CLUSTER" => Some(Self::Cluster),
            _ => None,
        }
    }
}
