//! Discovery requests and responses on the wire.
//!
//! Requests are decoded by messages of our own that hold only the fields this server reads: names
//! stay slices of the buffer they came in, and the hundreds of extensions that an Envoy lists in its
//! node are skipped. Responses are written straight from the encoded resources.
//!
//! Field numbers are those of `envoy/service/discovery/v3/discovery.proto`.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use prost::encoding::{
    DecodeContext, WireType, check_wire_type, decode_key, decode_varint, encode_varint,
    encoded_len_varint, message, skip_field, string,
};

use crate::envoy::{Resource, ResourceType, Variant, Version};

/// Who asks: the part of `envoy.config.core.v3.Node` that is read.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Node {
    /// The name of this Envoy.
    #[prost(string, tag = "1")]
    pub id: String,
    /// The name of the gateway it belongs to.
    #[prost(string, tag = "2")]
    pub cluster: String,
    /// What program it is; `envoy` says of itself that it is one.
    #[prost(string, tag = "6")]
    pub user_agent_name: String,
}

/// Why a client refused a response: the part of `google.rpc.Status` that is read.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ErrorDetail {
    /// The client's words.
    #[prost(string, tag = "2")]
    pub message: String,
}

/// A name and the version that a client has of it.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct NameVersion {
    /// The name.
    #[prost(bytes = "bytes", tag = "1")]
    pub name: Bytes,
    /// The version.
    #[prost(string, tag = "2")]
    pub version: String,
}

/// `DiscoveryRequest`: a request of a state-of-the-world stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SotwRequest {
    /// The version last accepted; empty at first.
    pub version_info: String,
    /// Who asks; only guaranteed on a stream's first request.
    pub node: Option<Node>,
    /// Every name the client wants from now on.
    pub resource_names: Names,
    /// The type asked for.
    pub type_url: String,
    /// The response that this answers; empty where it answers none.
    pub response_nonce: String,
    /// Present where the response was refused.
    pub error_detail: Option<ErrorDetail>,
}

impl SotwRequest {
    /// Decodes a request, but for its names, of which only the form is looked at; and not even that where
    /// they are those of an earlier request.
    fn decode(request: Bytes, heard: &Heard) -> Result<Self, prost::DecodeError> {
        let mut read = Self::default();
        let mut names = NamesFound::default();
        let mut named_until = None;
        let mut rest = &*request;
        while !rest.is_empty() {
            let start = request.len() - rest.len();
            // Compared where names begin, and not again after each.
            let begins = named_until != Some(start);
            if begins && let Some(known) = heard.at(rest) {
                let end = start + known.0.len();
                rest.advance(known.0.len());
                names.add(&request, start..end);
                names.known = Some(known);
                named_until = Some(end);
                continue;
            }
            let (field, wire) = decode_key(&mut rest)?;
            let (buf, ctx) = (&mut rest, DecodeContext::default());
            match field {
                1 => string::merge(wire, &mut read.version_info, buf, ctx)?,
                2 => message::merge(wire, read.node.get_or_insert_default(), buf, ctx)?,
                3 => {
                    check_wire_type(WireType::LengthDelimited, wire)?;
                    skip_field(wire, field, buf, ctx)?;
                    let end = request.len() - rest.len();
                    names.add(&request, start..end);
                    named_until = Some(end);
                }
                4 => string::merge(wire, &mut read.type_url, buf, ctx)?,
                5 => string::merge(wire, &mut read.response_nonce, buf, ctx)?,
                6 => message::merge(wire, read.error_detail.get_or_insert_default(), buf, ctx)?,
                _ => skip_field(wire, field, buf, ctx)?,
            }
        }
        read.resource_names = names.of(&request);
        Ok(read)
    }
}

/// The names of a state-of-the-world request, encoded as they came. Every acknowledgement repeats them,
/// and they may be ten thousand: as bytes, they are compared as a whole.
#[derive(Debug, Clone, Default, Eq)]
pub struct Names(Bytes);

impl PartialEq for Names {
    fn eq(&self, other: &Self) -> bool {
        // The lists of a stream's acknowledgements are one, as a rule.
        let is_one = self.0.as_ptr() == other.0.as_ptr() && self.0.len() == other.0.len();
        is_one || self.0 == other.0
    }
}

impl Names {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One after the other; they need not be text.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || {
            decode_key(&mut rest).ok()?;
            let len = usize::try_from(decode_varint(&mut rest).ok()?).ok()?;
            let (name, others) = rest.split_at_checked(len)?;
            rest = others;
            Some(name)
        })
    }
}

impl<N: AsRef<[u8]>> FromIterator<N> for Names {
    fn from_iter<I: IntoIterator<Item = N>>(names: I) -> Self {
        let mut encoded = BytesMut::new();
        for name in names {
            field(&mut encoded, 3, name.as_ref());
        }
        Self(encoded.freeze())
    }
}

/// The names in a stream's last requests, by type. Those of an acknowledgement, which may be thousands, are
/// the same as in the one before: they are read once, and kept once.
#[derive(Debug, Default)]
pub struct Heard(Vec<(String, Names)>);

impl Heard {
    /// The names known from before that a text begins with.
    fn at(&self, text: &[u8]) -> Option<&Names> {
        let known = self.0.iter().map(|(_, names)| names);
        let known = known.filter(|known| text.starts_with(&known.0));
        known.max_by_key(|known| known.0.len())
    }

    /// Remembers the names of a request. What is kept is a copy, as the request was read into a buffer that
    /// is larger, and is used for the next one once nobody needs it.
    fn remember(&mut self, request: &mut SotwRequest) {
        let url = &request.type_url;
        // Of what is not served there is no end. On a stream of one type it need not be named.
        if !url.is_empty() && ResourceType::from_type_url(url).is_none() {
            return;
        }
        let names = &mut request.resource_names;
        if names.is_empty() {
            self.0.retain(|(known, _)| known != url);
            return;
        }
        let known = self.0.iter_mut().find(|(known, _)| known == url);
        match known {
            Some((_, known)) if *known == *names => *names = known.clone(),
            known => {
                *names = Names(Bytes::copy_from_slice(&names.0));
                match known {
                    Some((_, known)) => *known = names.clone(),
                    None => self.0.push((request.type_url.clone(), names.clone())),
                }
            }
        }
    }
}

/// Where the names are in a request: in one piece, unless somebody encodes in an unusual way.
#[derive(Default)]
struct NamesFound<'a> {
    last: Range<usize>,
    earlier: BytesMut,
    /// Names heard before that are there.
    known: Option<&'a Names>,
}

impl NamesFound<'_> {
    fn add(&mut self, request: &Bytes, at: Range<usize>) {
        if at.start != self.last.end {
            self.earlier.extend_from_slice(&request[self.last.clone()]);
            self.last.start = at.start;
        }
        self.last.end = at.end;
    }

    fn of(mut self, request: &Bytes) -> Names {
        if self.earlier.is_empty() {
            let all = self.known.filter(|known| known.0.len() == self.last.len());
            return all.map_or_else(|| Names(request.slice(self.last)), Names::clone);
        }
        self.earlier.extend_from_slice(&request[self.last]);
        Names(self.earlier.freeze())
    }
}

/// `DeltaDiscoveryRequest`: a request of a delta stream.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct DeltaRequest {
    /// Who asks; only guaranteed on a stream's first request.
    #[prost(message, optional, tag = "1")]
    pub node: Option<Node>,
    /// The type asked for.
    #[prost(string, tag = "2")]
    pub type_url: String,
    /// Names to add to what the client wants.
    #[prost(bytes = "bytes", repeated, tag = "3")]
    pub resource_names_subscribe: Vec<Bytes>,
    /// Names to take away from what the client wants.
    #[prost(bytes = "bytes", repeated, tag = "4")]
    pub resource_names_unsubscribe: Vec<Bytes>,
    /// What the client has from an earlier stream.
    #[prost(message, repeated, tag = "5")]
    pub initial_resource_versions: Vec<NameVersion>,
    /// The response that this answers; empty where it answers none.
    #[prost(string, tag = "6")]
    pub response_nonce: String,
    /// Present where the response was refused.
    #[prost(message, optional, tag = "7")]
    pub error_detail: Option<ErrorDetail>,
}

/// A request of either variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// State of the world.
    Sotw(SotwRequest),
    /// Delta.
    Delta(DeltaRequest),
}

impl Request {
    /// Decodes a request of a variant.
    pub fn decode(variant: Variant, buffer: impl Buf) -> Result<Self, prost::DecodeError> {
        Self::decode_next(variant, buffer, &mut Heard::default())
    }

    /// Decodes a request of a variant that comes after others on its stream.
    pub fn decode_next(
        variant: Variant,
        mut buffer: impl Buf,
        heard: &mut Heard,
    ) -> Result<Self, prost::DecodeError> {
        use prost::Message;
        // In one piece, of which thousands of names can be slices.
        let request = buffer.copy_to_bytes(buffer.remaining());
        match variant {
            Variant::StateOfTheWorld => {
                let mut request = SotwRequest::decode(request, heard)?;
                heard.remember(&mut request);
                Ok(Self::Sotw(request))
            }
            Variant::Delta => DeltaRequest::decode(request).map(Self::Delta),
        }
    }

    /// Who asks.
    pub fn node(&self) -> Option<&Node> {
        match self {
            Self::Sotw(request) => request.node.as_ref(),
            Self::Delta(request) => request.node.as_ref(),
        }
    }

    /// The type asked for.
    pub fn type_url(&self) -> &str {
        match self {
            Self::Sotw(request) => &request.type_url,
            Self::Delta(request) => &request.type_url,
        }
    }
}

/// A response of either variant: what to send, before it is bytes.
#[derive(Debug, Clone)]
pub struct Response {
    /// How it is encoded.
    pub variant: Variant,
    /// The type of its resources.
    pub type_url: Cow<'static, str>,
    /// The version of the type as a whole.
    pub version: Version,
    /// What the client's answer will name it by.
    pub nonce: String,
    /// The resources.
    pub resources: Vec<Arc<Resource>>,
    /// The names that are no more; only the delta variant can say so.
    pub removed: Vec<Arc<str>>,
    /// Who answers.
    pub identifier: Arc<str>,
}

impl Response {
    /// The length of the encoded message, in bytes.
    pub fn encoded_len(&self) -> usize {
        let version = match self.variant {
            Variant::StateOfTheWorld => field_len(Version::DIGITS),
            Variant::Delta => 0,
        };
        let resources = self
            .resources
            .iter()
            .map(|resource| self.entry_len(resource));
        let removed = self.removed().iter().map(|name| name.len());
        version
            + resources.chain(removed).map(field_len).sum::<usize>()
            + field_len(self.type_url.len())
            + field_len(self.nonce.len())
            + field_len(field_len(self.identifier.len()))
    }

    /// Writes the encoded message: `DiscoveryResponse` or `DeltaDiscoveryResponse`.
    pub fn encode(&self, out: &mut impl BufMut) {
        // A delta response has room for the version, for debugging; there, each resource tells its own.
        if self.variant == Variant::StateOfTheWorld {
            field(out, 1, &self.version.text());
        }
        for resource in &self.resources {
            head(out, 2, self.entry_len(resource));
            match self.variant {
                Variant::StateOfTheWorld => self.any(out, resource),
                Variant::Delta => {
                    field(out, 1, &resource.version.text());
                    head(out, 2, self.any_len(resource));
                    self.any(out, resource);
                    field(out, 3, resource.name.as_bytes());
                }
            }
        }
        field(out, 4, self.type_url.as_bytes());
        field(out, 5, self.nonce.as_bytes());
        for name in self.removed() {
            field(out, 6, name.as_bytes());
        }
        // `control_plane { identifier }`
        let control_plane = match self.variant {
            Variant::StateOfTheWorld => 6,
            Variant::Delta => 7,
        };
        head(out, control_plane, field_len(self.identifier.len()));
        field(out, 1, self.identifier.as_bytes());
    }

    fn removed(&self) -> &[Arc<str>] {
        match self.variant {
            Variant::StateOfTheWorld => &[],
            Variant::Delta => &self.removed,
        }
    }

    /// The length of what stands for a resource: an `Any`, or a
    /// `envoy.service.discovery.v3.Resource` with its version, the `Any` and its name.
    fn entry_len(&self, resource: &Resource) -> usize {
        let any = self.any_len(resource);
        match self.variant {
            Variant::StateOfTheWorld => any,
            Variant::Delta => {
                field_len(Version::DIGITS) + field_len(any) + field_len(resource.name.len())
            }
        }
    }

    fn any_len(&self, resource: &Resource) -> usize {
        field_len(self.type_url.len()) + field_len(resource.body.len())
    }

    /// `google.protobuf.Any`.
    fn any(&self, out: &mut impl BufMut, resource: &Resource) {
        field(out, 1, self.type_url.as_bytes());
        field(out, 2, &resource.body);
    }
}

/// The encoded length of a length-delimited field of `len` bytes.
fn field_len(len: usize) -> usize {
    1 + encoded_len_varint(len as u64) + len
}

/// The head of a length-delimited field, of which `len` bytes follow. Every number here is below 16, so that
/// a key is one byte.
fn head(out: &mut impl BufMut, number: u8, len: usize) {
    out.put_u8(number << 3 | WireType::LengthDelimited as u8);
    encode_varint(len as u64, out);
}

/// A string or bytes field.
fn field(out: &mut impl BufMut, number: u8, bytes: &[u8]) {
    head(out, number, bytes.len());
    out.put_slice(bytes);
}

#[cfg(test)]
mod tests {
    use envoy_types::pb::envoy::service::discovery::v3 as pb;
    use prost::Message;

    use super::*;
    use crate::envoy::ResourceType;

    fn response(variant: Variant) -> Response {
        let resource = |name: &str, body: &'static [u8]| {
            let body = Bytes::from_static(body);
            Arc::new(Resource::new(ResourceType::Cluster, name, body, vec![]))
        };
        Response {
            variant,
            type_url: ResourceType::Cluster.type_url().into(),
            version: Version::from_number(7),
            nonce: "1.2".into(),
            resources: vec![resource("a", b"body of a"), resource("b", &[0; 300])],
            removed: vec!["gone".into()],
            identifier: "igw".into(),
        }
    }

    fn encoded(response: &Response) -> Vec<u8> {
        let mut buffer = Vec::new();
        response.encode(&mut buffer);
        assert_eq!(buffer.len(), response.encoded_len());
        buffer
    }

    #[test]
    fn a_delta_response_is_what_envoys_own_message_reads() {
        let response = response(Variant::Delta);
        let read = pb::DeltaDiscoveryResponse::decode(&*encoded(&response)).unwrap();
        assert_eq!(read.encode_to_vec().len(), response.encoded_len());
        assert_eq!(read.system_version_info, "", "each resource has its own");
        assert_eq!(read.type_url, ResourceType::Cluster.type_url());
        assert_eq!(read.nonce, "1.2");
        assert_eq!(read.removed_resources, ["gone"]);
        assert_eq!(read.control_plane.unwrap().identifier, "igw");
        let first = &read.resources[0];
        let any = first.resource.as_ref().unwrap();
        assert_eq!(first.name, "a");
        assert_eq!(first.version, response.resources[0].version.to_string());
        assert_eq!(any.type_url, ResourceType::Cluster.type_url());
        assert_eq!(any.value, b"body of a");
        assert_eq!(read.resources.len(), 2);
    }

    #[test]
    fn a_sotw_response_is_what_envoys_own_message_reads() {
        let response = response(Variant::StateOfTheWorld);
        let read = pb::DiscoveryResponse::decode(&*encoded(&response)).unwrap();
        assert_eq!(read.encode_to_vec().len(), response.encoded_len());
        assert_eq!(read.version_info, "AAAAAAAH");
        assert_eq!(read.nonce, "1.2");
        assert_eq!(read.control_plane.unwrap().identifier, "igw");
        assert_eq!(read.resources[1].value, [0; 300]);
    }

    #[test]
    fn the_names_of_a_request_are_read_wherever_they_are() {
        let sent = |names: &[&str]| pb::DiscoveryRequest {
            version_info: "v".into(),
            resource_names: names.iter().map(ToString::to_string).collect(),
            type_url: "t".into(),
            ..Default::default()
        };
        let read = |encoded: Vec<u8>| match Request::decode(Variant::StateOfTheWorld, &*encoded) {
            Ok(Request::Sotw(read)) => read,
            other => panic!("a state-of-the-world request: {other:?}"),
        };
        let whole = read(sent(&["a", "", "b"]).encode_to_vec());
        assert_eq!(whole.resource_names, Names::from_iter(["a", "", "b"]));
        assert_eq!((&*whole.version_info, &*whole.type_url), ("v", "t"));
        // Two messages in a row are one: lists are joined.
        let parts = [sent(&["a", ""]), sent(&["b"])].map(|part| part.encode_to_vec());
        let joined = read(parts.concat()).resource_names;
        assert_eq!(joined.iter().collect::<Vec<_>>(), [&b"a"[..], b"", b"b"]);
        assert!(read(sent(&[]).encode_to_vec()).resource_names.is_empty());
        let cut = &sent(&["abc"]).encode_to_vec()[..6];
        assert!(Request::decode(Variant::StateOfTheWorld, cut).is_err());
    }

    #[test]
    fn names_that_were_heard_before_are_read_as_if_they_were_not() {
        let mut heard = Heard::default();
        let many = |count: usize| (0..count).map(|at| format!("name {at}"));
        let lists: [Vec<String>; 6] = [
            many(1000).collect(),
            many(1000).collect(),
            many(1100).collect(),
            many(1099).chain(["other".to_owned()]).collect(),
            many(1000).rev().collect(),
            vec!["name 0".to_owned()],
        ];
        let urls = [
            ResourceType::Endpoints.type_url(),
            "",
            "of nothing that is served",
        ];
        for (names, type_url) in lists.iter().flat_map(|names| urls.map(|url| (names, url))) {
            let sent = pb::DiscoveryRequest {
                version_info: "v".into(),
                resource_names: names.clone(),
                type_url: type_url.into(),
                response_nonce: "n".into(),
                ..Default::default()
            };
            let sent = sent.encode_to_vec();
            let read = Request::decode_next(Variant::StateOfTheWorld, &*sent, &mut heard);
            assert_eq!(read, Request::decode(Variant::StateOfTheWorld, &*sent));
            let Ok(Request::Sotw(read)) = read else {
                panic!("a state-of-the-world request");
            };
            assert_eq!(read.resource_names, names.iter().collect::<Names>());
        }
        let kept: Vec<_> = heard.0.iter().map(|(url, names)| (&**url, names)).collect();
        let last = Names::from_iter(["name 0"]);
        assert_eq!(kept, [(urls[0], &last), (urls[1], &last)]);

        let none = pb::DiscoveryRequest {
            type_url: urls[0].into(),
            ..Default::default()
        };
        let none = none.encode_to_vec();
        Request::decode_next(Variant::StateOfTheWorld, &*none, &mut heard).unwrap();
        assert_eq!(heard.0.len(), 1);
    }

    #[test]
    fn requests_are_read_from_envoys_own_messages() {
        let sent = pb::DeltaDiscoveryRequest {
            type_url: "t".into(),
            resource_names_subscribe: vec!["*".into(), "a".into()],
            resource_names_unsubscribe: vec!["b".into()],
            initial_resource_versions: [("c".to_owned(), "1".to_owned())].into(),
            response_nonce: "n".into(),
            error_detail: Some(envoy_types::pb::google::rpc::Status {
                code: 3,
                message: "no".into(),
                details: vec![],
            }),
            ..Default::default()
        };
        let Ok(Request::Delta(read)) = Request::decode(Variant::Delta, &*sent.encode_to_vec())
        else {
            panic!("a delta request");
        };
        assert_eq!(read.resource_names_subscribe, ["*", "a"]);
        assert_eq!(read.resource_names_unsubscribe, ["b"]);
        assert_eq!(read.initial_resource_versions[0].version, "1");
        assert_eq!(read.response_nonce, "n");
        assert_eq!(read.error_detail.unwrap().message, "no");
    }
}
