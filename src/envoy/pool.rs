//! Envoy's descriptors.

use once_cell::race::OnceBox;
use prost_reflect::{DescriptorPool, MessageDescriptor};

use super::schema;

/// The part of Envoy's FileDescriptorSet that this crate uses; made by the build script.
pub(crate) static DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/envoy.bin"));

/// What is not in there of all that Envoy can be configured with.
static EXTENSIONS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/extensions.bin"));

// Without locks: a process that forks while another of its threads holds one would never get it. What is
// decoded are constants of the build, and tests decode them.

/// The descriptors of what is served, decoded at the first use.
pub(crate) fn pool() -> &'static DescriptorPool {
    static POOL: OnceBox<DescriptorPool> = OnceBox::new();
    POOL.get_or_init(|| Box::new(DescriptorPool::decode(DESCRIPTORS).unwrap_or_default()))
}

/// The descriptors of all that Envoy can be configured with, which is more than twice as much.
fn extensions() -> &'static DescriptorPool {
    static POOL: OnceBox<DescriptorPool> = OnceBox::new();
    POOL.get_or_init(|| {
        let mut pool = pool().clone();
        let _ = pool.decode_file_descriptor_set(EXTENSIONS);
        Box::new(pool)
    })
}

/// Every message type.
#[cfg(test)]
pub(crate) fn all() -> impl Iterator<Item = MessageDescriptor> {
    extensions().all_messages()
}

/// The message of a name or a type URL.
pub(crate) fn message(name: &str) -> Option<MessageDescriptor> {
    let served = pool().get_message_by_name(full_name(name));
    // What no table names is not looked for, as decoding takes its time.
    served.or_else(|| schema::find(name).and_then(|_| message_among_extensions(name)))
}

/// The same message in the pool that has the extensions, too.
pub(crate) fn message_among_extensions(name: &str) -> Option<MessageDescriptor> {
    extensions().get_message_by_name(full_name(name))
}

fn full_name(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::envoy::ResourceType;

    #[test]
    fn the_descriptors_hold_what_is_served() {
        for kind in ResourceType::ALL {
            assert!(message(kind.type_url()).is_some(), "{kind:?}");
        }
    }

    #[test]
    fn the_descriptors_are_whole() {
        let pool = DescriptorPool::decode(DESCRIPTORS).unwrap();
        assert!(pool.all_messages().count() > 500);
        let rules = pool.get_extension_by_name("validate.rules");
        assert!(rules.is_some(), "the constraints came along");
        let mut whole = pool.clone();
        whole.decode_file_descriptor_set(EXTENSIONS).unwrap();
        assert!(whole.all_messages().count() > pool.all_messages().count());
    }

    #[test]
    fn every_extension_is_there_and_nothing_else() {
        for name in [
            "envoy.extensions.filters.http.wasm.v3.Wasm",
            "envoy.extensions.filters.network.redis_proxy.v3.RedisProxy",
            "envoy.extensions.clusters.aggregate.v3.ClusterConfig",
        ] {
            assert_eq!(message(name).unwrap().full_name(), name);
            assert!(
                pool().get_message_by_name(name).is_none(),
                "decoded for this"
            );
        }
        assert!(message("envoy.extensions.zorglub.v3.Zorglub").is_none());
    }
}
