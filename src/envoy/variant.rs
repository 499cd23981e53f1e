//! The two variants of the xDS protocol.

/// Which variant of the xDS protocol Envoy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variant {
    /// Each message carries the whole state of a type.
    StateOfTheWorld,
    /// Each message carries what changed; less work for both sides.
    Delta,
}
