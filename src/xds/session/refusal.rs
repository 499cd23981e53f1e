//! Which resources a client's refusal is about.

use std::sync::Arc;

/// How Envoy begins a refusal of a message that breaks a constraint of the API: it then takes nothing
/// of the response, whichever resource it names.
const WHOLE: &str = "Proto constraint validation failed";

/// Those of `names` that a refusal's text concerns. Envoy names the resources that it could not use and
/// applies the others. Where the text names none, or the response was refused whole, that is all.
pub(super) fn suspects(text: &str, names: &[Arc<str>]) -> Vec<Arc<str>> {
    let named = names.iter().filter(|name| mentions(text, name));
    let named: Vec<_> = named.cloned().collect();
    if named.is_empty() || text.contains(WHOLE) {
        names.to_vec()
    } else {
        named
    }
}

/// Whether a text holds a name that is not merely part of a longer one.
fn mentions(text: &str, name: &str) -> bool {
    !name.is_empty()
        && text.match_indices(name).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let mut after = text[at + name.len()..].chars();
            let ends = match after.next() {
                // The full stop of a sentence, rather than more of a name.
                Some('.') => !after.next().is_some_and(is_part_of_name),
                next => !next.is_some_and(is_part_of_name),
            };
            ends && !before.is_some_and(|c| is_part_of_name(c) || c == '.')
        })
}

fn is_part_of_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '/' | '#' | '-' | '_' | '[' | ']')
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 3] = ["test/svc/web1.expose#1", "web1.expose#1", "0.0.0.0:80/tcp"];

    fn suspects(text: &str) -> Vec<Arc<str>> {
        super::suspects(text, &NAMES.map(Arc::from))
    }

    #[test]
    fn a_name_within_a_longer_one_is_not_meant() {
        let text =
            "Error adding/updating cluster(s) test/svc/web1.expose#1: no, web1.expose#12: no";
        assert_eq!(suspects(text), [NAMES[0].into()]);
    }

    #[test]
    fn a_listener_is_named_before_a_colon() {
        let text = "Error adding/updating listener(s) 0.0.0.0:80/tcp: cannot bind '0.0.0.0:80'";
        assert_eq!(suspects(text), [NAMES[2].into()]);
    }

    #[test]
    fn a_text_without_names_means_everything() {
        assert_eq!(suspects("malformed IP address: foo"), NAMES.map(Arc::from));
    }

    #[test]
    fn a_broken_constraint_means_everything_whatever_is_named() {
        let text = "Proto constraint validation failed (field: value is required): web1.expose#1";
        assert_eq!(suspects(text), NAMES.map(Arc::from));
    }
}
