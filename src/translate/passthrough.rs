//! `cluster_data` and `filter_config_data`: Envoy's own messages as JSON, under ours.

/// What a passthrough gives: the message, and which of its fields were written, since a field
/// written with its default value cannot be told from the message.
#[derive(Default)]
pub(super) struct Base<M> {
    pub(super) message: M,
    pub(super) given: Vec<String>,
}

impl<M> Base<M> {
    /// Whether a field was written, by its proto name.
    pub(super) fn gives(&self, field: &str) -> bool {
        self.given.iter().any(|given| given == field)
    }
}
