//! How Envoy words a refusal, as 1.40 does.

/// How it begins a refusal of clusters or listeners of which it took the others: it then names each
/// that it could not use, and says why.
pub(crate) const EACH: &str = "Error adding/updating ";

/// How it says that a message breaks a constraint of the API. Unless it was found while one resource
/// after the other was taken in, nothing of the response was.
pub(crate) const CONSTRAINT: &str = "Proto constraint validation failed";

/// How it says that it cannot have a socket.
pub(crate) const CANNOT_BIND: &str = "cannot bind";

/// That somebody listens on the port.
pub(crate) const PORT_TAKEN: &str = "Address already in use";

/// That the host does not have the address.
pub(crate) const NO_ADDRESS: &str = "Cannot assign requested address";

/// What a text says of one resource. Envoy refuses several in one text, and begins a line with each:
/// "NAME: why". Where the name begins no line, all of it.
pub(crate) fn own<'a>(text: &'a str, resource: &str) -> &'a str {
    let list = match text.strip_prefix(EACH) {
        Some(rest) => rest.split_once("(s) ").map_or(rest, |(_, list)| list),
        None => text,
    };
    let mut own = None;
    let mut at = 0;
    for line in list.split_inclusive('\n') {
        match (own, heading(line)) {
            (None, Some(name)) if name == resource => own = Some(at + name.len() + ": ".len()),
            (Some(from), Some(_)) => return list.get(from..at).unwrap_or(text),
            _ => {}
        }
        at += line.len();
    }
    own.and_then(|from| list.get(from..)).unwrap_or(text)
}

/// The name that a line begins with, where it does: of a listener, as `0.0.0.0:80/tcp`, or of a cluster,
/// as `test/svc/web.expose#0`.
fn heading(line: &str) -> Option<&str> {
    let (name, _) = line.split_once(": ")?;
    let is_name = name.contains(['/', '#']) && !name.contains(char::is_whitespace);
    is_name.then_some(name)
}

/// Whether a text holds a name that is not merely part of a longer one, where what follows is
/// `fitting`.
pub(crate) fn mentions(text: &str, name: &str, fitting: impl Fn(&str) -> bool) -> bool {
    !name.is_empty()
        && text.match_indices(name).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let rest = &text[at + name.len()..];
            let mut after = rest.chars();
            let ends = match after.next() {
                // The full stop of a sentence, rather than more of a name.
                Some('.') => !after.next().is_some_and(is_part_of_name),
                next => !next.is_some_and(is_part_of_name),
            };
            ends && !before.is_some_and(|c| is_part_of_name(c) || c == '.') && fitting(rest)
        })
}

fn is_part_of_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '/' | '#' | '-' | '_' | '[' | ']')
}

#[cfg(test)]
mod tests {
    use super::mentions;

    #[test]
    fn an_expose_is_named_by_its_whole_name_only() {
        for text in [
            "web.expose#1: no",
            "duplicate cluster 'web.expose#1' found",
            "of web.expose#1.",
        ] {
            assert!(mentions(text, "web.expose#1", |_| true), "{text}");
        }
        for text in [
            "web.expose#12: no",
            "shop/svc/web.expose#1: no",
            "my-web.expose#1: no",
            "",
        ] {
            assert!(!mentions(text, "web.expose#1", |_| true), "{text}");
        }
    }
}
