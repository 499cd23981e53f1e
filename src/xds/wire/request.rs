//! What clients ask.

use bytes::{Buf, Bytes};
use prost::encoding::{self, DecodeContext, decode_key, message, skip_field, string};

use super::names::{self, Heard, Names};
use super::pieces::Pieces;
use crate::envoy::Variant;
use crate::envoy::refusal_text::beginning;

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
    fn decode(mut request: Pieces, heard: &Heard) -> Result<Self, prost::DecodeError> {
        let mut read = Self::default();
        let mut found = names::Found::default();
        while let Some(key) = request.get(0) {
            if key == names::KEY {
                match heard.next_in(&request) {
                    Some(known) => {
                        request.advance(known.0.len());
                        found.add(known);
                    }
                    None => found.add(&Names::take_from(&mut request)?),
                }
                continue;
            }
            let (field, wire) = decode_key(&mut request)?;
            let (buf, ctx) = (&mut request, DecodeContext::default());
            match field {
                1 => string::merge(wire, &mut read.version_info, buf, ctx)?,
                2 => message::merge(wire, read.node.get_or_insert_default(), buf, ctx)?,
                // With a key that is written in a longer way than it need be, which nobody does.
                3 => {
                    let mut name = Bytes::new();
                    encoding::bytes::merge(wire, &mut name, buf, ctx)?;
                    found.add(&[name].iter().collect());
                }
                4 => string::merge(wire, &mut read.type_url, buf, ctx)?,
                5 => string::merge(wire, &mut read.response_nonce, buf, ctx)?,
                6 => message::merge(wire, read.error_detail.get_or_insert_default(), buf, ctx)?,
                _ => skip_field(wire, field, buf, ctx)?,
            }
        }
        read.resource_names = found.into_names();
        Ok(read)
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

/// How much of a client's words is read, in bytes: they are kept as long as what they are about is not mended.
/// Envoy tells of hundreds of resources in as much.
const WORDS: usize = 1 << 16;

impl ErrorDetail {
    fn shorten(&mut self) {
        if self.message.len() > WORDS {
            self.message = beginning(&self.message, WORDS).to_owned();
        }
    }
}

impl Request {
    /// Decodes a request of a variant.
    pub fn decode(variant: Variant, mut buffer: impl Buf) -> Result<Self, prost::DecodeError> {
        let request = buffer.copy_to_bytes(buffer.remaining());
        Self::decode_next(variant, request.into(), &mut Heard::default())
    }

    /// Decodes a request of a variant that comes after others on its stream.
    pub fn decode_next(
        variant: Variant,
        mut request: Pieces,
        heard: &mut Heard,
    ) -> Result<Self, prost::DecodeError> {
        use prost::Message;
        let mut read = match variant {
            Variant::StateOfTheWorld => {
                let mut request = SotwRequest::decode(request, heard)?;
                heard.remember(&mut request);
                Self::Sotw(request)
            }
            Variant::Delta => {
                // In one piece, of which thousands of names can be slices.
                let request = request.copy_to_bytes(request.remaining());
                Self::Delta(DeltaRequest::decode(request)?)
            }
        };
        if let Some(error) = read.error_mut() {
            error.shorten();
        }
        Ok(read)
    }

    fn error_mut(&mut self) -> Option<&mut ErrorDetail> {
        match self {
            Self::Sotw(request) => request.error_detail.as_mut(),
            Self::Delta(request) => request.error_detail.as_mut(),
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

#[cfg(test)]
mod tests {
    use envoy_types::pb::envoy::service::discovery::v3 as pb;
    use prost::Message;

    use super::*;
    use crate::envoy::ResourceType;

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

    /// It must not take the square of their number, as this would show by never ending.
    #[test]
    fn names_that_something_else_separates_are_read_at_once() {
        let times = 100_000;
        let separated = [&[0x1a, 1, b'a', 0x38, 0][..]; 2].concat().repeat(times);
        let Ok(Request::Sotw(read)) = Request::decode(Variant::StateOfTheWorld, &*separated) else {
            panic!("a state-of-the-world request");
        };
        assert_eq!(read.resource_names.iter().count(), 2 * times);
    }

    /// A request as it arrives.
    fn in_pieces(request: &[u8]) -> Pieces {
        let mut pieces = Pieces::default();
        for piece in request.chunks(2000) {
            pieces.push(Bytes::copy_from_slice(piece));
        }
        pieces
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
            let read = Request::decode_next(Variant::StateOfTheWorld, in_pieces(&sent), &mut heard);
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
        Request::decode_next(Variant::StateOfTheWorld, in_pieces(&none), &mut heard).unwrap();
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

    #[test]
    fn of_endless_words_the_beginning_is_kept() {
        let error_detail = Some(envoy_types::pb::google::rpc::Status {
            message: "é".repeat(750_000),
            ..Default::default()
        });
        let sotw = pb::DiscoveryRequest {
            error_detail: error_detail.clone(),
            ..Default::default()
        };
        let delta = pb::DeltaDiscoveryRequest {
            error_detail,
            ..Default::default()
        };
        for (variant, sent) in [
            (Variant::StateOfTheWorld, sotw.encode_to_vec()),
            (Variant::Delta, delta.encode_to_vec()),
        ] {
            let mut read = Request::decode(variant, &*sent).unwrap();
            let words = &read.error_mut().unwrap().message;
            assert_eq!((words.len(), words.capacity()), (WORDS, WORDS));
        }
    }
}
