//! What a client has under one name, as far as that is known.

use std::sync::Arc;

use crate::envoy::{Resource, ResourceType, Version};

/// What a client has under a name.
#[derive(Debug, Clone)]
pub(super) enum Has {
    /// Nothing.
    Nothing,
    /// This.
    Resource(Arc<Resource>),
    /// Something from an earlier stream; its version, if that is one of ours.
    Earlier(Option<Version>),
}

impl Has {
    /// What a client has that was sent whatever there was.
    pub(super) fn sent(resource: Option<&Arc<Resource>>) -> Self {
        resource.map_or(Self::Nothing, |resource| Self::Resource(resource.clone()))
    }

    /// Whether the client has this content.
    pub(super) fn is(&self, resource: &Resource) -> bool {
        match self {
            Self::Nothing => false,
            Self::Resource(has) => has.version == resource.version,
            Self::Earlier(version) => *version == Some(resource.version),
        }
    }

    /// Whether both are the same content, as far as that is known.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match other {
            Self::Resource(other) => self.is(other),
            Self::Nothing => self.is_nothing(),
            Self::Earlier(_) => false,
        }
    }

    /// Whether the client has nothing.
    pub(super) fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// What the client has, if this stream brought it.
    pub(super) fn resource(&self) -> Option<&Arc<Resource>> {
        match self {
            Self::Resource(resource) => Some(resource),
            Self::Nothing | Self::Earlier(_) => None,
        }
    }

    /// Whether the client may have something that this stream did not bring.
    pub(super) fn is_earlier(&self) -> bool {
        matches!(self, Self::Earlier(_))
    }

    /// Whether what the client has may name a resource. What came by an earlier stream may name
    /// anything.
    pub(super) fn may_name(&self, kind: ResourceType, name: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Resource(has) => has.references(kind, name),
            Self::Earlier(_) => true,
        }
    }
}
