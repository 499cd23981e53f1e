//! The two variants of the xDS protocol.

/// Which variant of the xDS protocol Envoy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variant {
    /// Each message carries the whole state of a type.
    StateOfTheWorld,
    /// Each message carries what changed; less work for both sides.
    Delta,
}

impl Variant {
    /// The word for the variant in JSON, in metrics and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::StateOfTheWorld => "state_of_the_world",
            Self::Delta => "delta",
        }
    }
}
