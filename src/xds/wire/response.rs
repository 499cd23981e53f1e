//! What is answered.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use bytes::{BufMut, Bytes, BytesMut};

use super::{field, field_len, head};
use crate::envoy::{Resource, Variant, Version};

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
    pub resources: Resources,
    /// The names that are no more; only the delta variant can say so.
    pub removed: Vec<Arc<str>>,
    /// Who answers.
    pub identifier: Arc<str>,
}

/// The resources of a response.
#[derive(Debug, Clone, Default)]
pub struct Resources {
    all: Arc<[Arc<Resource>]>,
    /// How they are encoded in each variant, once that was asked for, where they are in many responses.
    encoded: Option<Arc<[OnceLock<Bytes>; 2]>>,
}

impl Resources {
    /// Resources that are in many responses: they are encoded once.
    pub(in crate::xds) fn shared(all: &[Arc<Resource>]) -> Self {
        Self {
            all: all.into(),
            encoded: Some(Arc::default()),
        }
    }
}

impl From<Vec<Arc<Resource>>> for Resources {
    fn from(all: Vec<Arc<Resource>>) -> Self {
        Self {
            all: all.into(),
            encoded: None,
        }
    }
}

impl Deref for Resources {
    type Target = [Arc<Resource>];

    fn deref(&self) -> &Self::Target {
        &self.all
    }
}

impl Response {
    /// The length of the encoded message, in bytes.
    pub fn encoded_len(&self) -> usize {
        let version = match self.variant {
            Variant::StateOfTheWorld => field_len(Version::DIGITS),
            Variant::Delta => 0,
        };
        let removed = self.removed().iter().map(|name| name.len());
        version
            + self
                .entries()
                .map_or_else(|| self.entries_len(), Bytes::len)
            + removed.map(field_len).sum::<usize>()
            + field_len(self.type_url.len())
            + field_len(self.nonce.len())
            + field_len(field_len(self.identifier.len()))
    }

    /// Writes the encoded message: `DiscoveryResponse` or `DeltaDiscoveryResponse`.
    pub fn encode(&self, out: &mut impl BufMut) {
        self.encode_head(out);
        match self.entries() {
            Some(entries) => out.put_slice(entries),
            None => self.encode_entries(out, |out, body| out.put_slice(body)),
        }
        self.encode_tail(out);
    }

    /// Writes what comes before the resources.
    pub(in crate::xds) fn encode_head(&self, out: &mut impl BufMut) {
        // A delta response has room for the version, for debugging; there, each resource tells its own.
        if self.variant == Variant::StateOfTheWorld {
            field(out, 1, &self.version.text());
        }
    }

    /// The resources encoded, where other responses have the same.
    pub(in crate::xds) fn entries(&self) -> Option<&Bytes> {
        let [sotw, delta] = self.resources.encoded.as_deref()?;
        let encoded = match self.variant {
            Variant::StateOfTheWorld => sotw,
            Variant::Delta => delta,
        };
        Some(encoded.get_or_init(|| {
            let mut entries = BytesMut::with_capacity(self.entries_len());
            self.encode_entries(&mut entries, |out, body| out.put_slice(body));
            entries.freeze()
        }))
    }

    /// Writes the resources; `put` writes the body of one, or sees to it that it comes in between.
    pub(in crate::xds) fn encode_entries<O: BufMut>(
        &self,
        out: &mut O,
        mut put: impl FnMut(&mut O, &Bytes),
    ) {
        for resource in &*self.resources {
            head(out, 2, self.entry_len(resource));
            match self.variant {
                Variant::StateOfTheWorld => self.any(out, resource, &mut put),
                Variant::Delta => {
                    field(out, 1, &resource.version.text());
                    head(out, 2, self.any_len(resource));
                    self.any(out, resource, &mut put);
                    field(out, 3, resource.name.as_bytes());
                }
            }
        }
    }

    /// Writes what comes after the resources.
    pub(in crate::xds) fn encode_tail(&self, out: &mut impl BufMut) {
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

    fn entries_len(&self) -> usize {
        let entries = self
            .resources
            .iter()
            .map(|resource| self.entry_len(resource));
        entries.map(field_len).sum()
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
    fn any<O: BufMut>(
        &self,
        out: &mut O,
        resource: &Resource,
        put: &mut impl FnMut(&mut O, &Bytes),
    ) {
        field(out, 1, self.type_url.as_bytes());
        head(out, 2, resource.body.len());
        put(out, &resource.body);
    }
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
            resources: vec![resource("a", b"body of a"), resource("b", &[0; 300])].into(),
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
    fn what_many_responses_have_in_common_is_encoded_once_for_each_variant() {
        let own = [Variant::Delta, Variant::StateOfTheWorld].map(response);
        let shared = Resources::shared(&own[0].resources);
        let responses = own.clone().map(|response| Response {
            resources: shared.clone(),
            ..response
        });
        for (own, response) in own.iter().zip(&responses) {
            assert_eq!(encoded(response), encoded(own));
            let again = Response {
                nonce: "other".into(),
                ..response.clone()
            };
            let at = |response: &Response| response.entries().map(|entries| entries.as_ptr());
            assert!(at(response).is_some() && at(&again) == at(response));
        }
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
}
