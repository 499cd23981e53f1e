//! What a client's refusal says.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::envoy::refusal_text::{CANNOT_BIND, CONSTRAINT, EACH, NO_ADDRESS, PORT_TAKEN, mentions};

/// How much of a text is read, in bytes: it comes from outside, and each name is looked for in it.
const READ: usize = 1 << 16;

/// What Envoy says of a socket that it cannot have now, and may have later: the address comes to this
/// node, or who holds the port ends.
const FOR_NOW: [&str; 3] = [CANNOT_BIND, PORT_TAKEN, NO_ADDRESS];

/// What a refusal's text says of the names in the response.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// The names that it gives.
    pub(super) named: BTreeSet<Arc<str>>,
    /// Whether everything else was taken. Where the text gives no name, that is never known.
    pub(super) others_taken: bool,
    /// Whether these are words of Envoy's.
    pub(super) is_envoys: bool,
}

/// Reads a refusal's text for the names in the response.
pub(super) fn read<'a>(text: &str, names: impl Iterator<Item = &'a Arc<str>>) -> Reading {
    let end = (0..=text.len().min(READ))
        .rev()
        .find(|at| text.is_char_boundary(*at));
    let text = &text[..end.unwrap_or(0)];
    let each = text.starts_with(EACH);
    let mut named: BTreeSet<_> = names
        .filter(|name| mentions(text, name, |_| true))
        .cloned()
        .collect();
    // "NAME: why"; within the reasons, other names may occur.
    let is_headed = |name: &Arc<str>| mentions(text, name, |after| after.starts_with(": "));
    if each && named.iter().any(is_headed) {
        named.retain(is_headed);
    }
    Reading {
        is_envoys: each || text.contains(CONSTRAINT),
        others_taken: !named.is_empty() && (each || !text.contains(CONSTRAINT)),
        named,
    }
}

/// Whether what was refused may be accepted later, as it is.
pub(super) fn may_pass(text: &str) -> bool {
    FOR_NOW.iter().any(|words| text.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 3] = ["test/svc/web1.expose#1", "web1.expose#1", "0.0.0.0:80/tcp"];

    fn read(text: &str) -> (Vec<String>, bool) {
        let names = NAMES.map(Arc::from);
        let reading = super::read(text, names.iter());
        let named = reading.named.iter().map(ToString::to_string);
        (named.collect(), reading.others_taken)
    }

    fn only(name: &str) -> Vec<String> {
        vec![name.to_owned()]
    }

    #[test]
    fn a_name_within_a_longer_one_is_not_meant() {
        let text =
            "Error adding/updating cluster(s) test/svc/web1.expose#1: no, web1.expose#12: no";
        assert_eq!(read(text), (only(NAMES[0]), true));
    }

    #[test]
    fn a_listener_is_named_before_a_colon() {
        let text = "Error adding/updating listener(s) 0.0.0.0:80/tcp: cannot bind '0.0.0.0:80'";
        assert_eq!(read(text), (only(NAMES[2]), true));
        assert!(may_pass(text));
    }

    #[test]
    fn a_name_within_the_reason_is_not_at_fault() {
        let text =
            "Error adding/updating cluster(s) web1.expose#1: not like test/svc/web1.expose#1";
        assert_eq!(read(text), (only(NAMES[1]), true));
    }

    #[test]
    fn a_text_without_names_tells_nothing_of_any() {
        assert_eq!(read("malformed IP address: foo"), (Vec::new(), false));
    }

    #[test]
    fn a_broken_constraint_means_that_nothing_was_taken() {
        let text = "Proto constraint validation failed (field: value is required): web1.expose#1";
        assert_eq!(read(text), (only(NAMES[1]), false));
    }

    #[test]
    fn a_broken_constraint_within_one_resource_leaves_the_others_taken() {
        let text = "Error adding/updating listener(s) 0.0.0.0:80/tcp: goo.gle/debugstr stat_prefix: \
                    \"a\" : Proto constraint validation failed (field: \"cluster_specifier\")";
        assert_eq!(read(text), (only(NAMES[2]), true));
        assert!(!may_pass(text));
    }
}
