//! Envoy's descriptors.

use once_cell::race::OnceBox;
use prost_reflect::{DescriptorPool, MessageDescriptor};

/// The part of Envoy's FileDescriptorSet that this crate uses; made by the build script.
pub(crate) static DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/envoy.bin"));

/// The descriptors, decoded at the first use.
pub(crate) fn pool() -> &'static DescriptorPool {
    // Without a lock: a process that forks while another of its threads holds one would never get it.
    static POOL: OnceBox<DescriptorPool> = OnceBox::new();
    POOL.get_or_init(|| {
        // The set is a constant of the build, which a test decodes.
        Box::new(DescriptorPool::decode(DESCRIPTORS).unwrap_or_default())
    })
}

/// The message of a name or a type URL.
pub(crate) fn message(name: &str) -> Option<MessageDescriptor> {
    let name = name.rsplit('/').next().unwrap_or(name);
    pool().get_message_by_name(name)
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
    }
}
