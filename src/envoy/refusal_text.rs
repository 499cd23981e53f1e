//! How Envoy words a refusal, as 1.40 does, and how much of its words is told.

use std::borrow::Cow;

use crate::text::push_printable;

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

/// How much of a text is kept and told, in bytes: it comes from outside.
const TOLD: usize = 4096;

/// What follows where the rest of a text is not told.
const CUT: &str = "… (the rest is cut)";

/// What is kept of a text: its beginning, where it is long.
pub(crate) fn shortened(text: &str) -> Cow<'_, str> {
    match text.len() > TOLD {
        true => format!("{}{CUT}", beginning(text, TOLD)).into(),
        false => text.into(),
    }
}

/// The beginning of a text, of at most so many bytes.
pub(crate) fn beginning(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}

/// What is told of a text on one line, in a log or a sentence: no line of it looks like one of ours.
pub(crate) fn on_one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(TOLD));
    for word in shortened(text).split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        for c in word.chars() {
            push_printable(&mut line, c);
        }
    }
    line
}

/// What a text says of one resource. Envoy refuses several in one text, and says "NAME: why" of each: of
/// listeners on a line each, of clusters separated by commas. Where nothing begins with the name, all of
/// it.
pub(crate) fn own<'a>(text: &'a str, resource: &str) -> &'a str {
    let list = match text.strip_prefix(EACH) {
        Some(rest) => rest.split_once("(s) ").map_or(rest, |(_, list)| list),
        None => text,
    };
    if !list.contains(resource) {
        return text;
    }
    let mut own = None;
    for (at, name) in headings(list) {
        match own {
            None if name == resource => own = Some(at + name.len() + ": ".len()),
            Some(from) => {
                let own = list.get(from..at).unwrap_or(text);
                return own.strip_suffix(COMMA).unwrap_or(own);
            }
            None => {}
        }
    }
    own.and_then(|from| list.get(from..)).unwrap_or(text)
}

/// What stands between two clusters.
const COMMA: &str = ", ";

/// Where a list of refusals says of whom it speaks, and the name.
fn headings(list: &str) -> impl Iterator<Item = (usize, &str)> {
    let starts = list.match_indices(['\n', ',']);
    let starts = starts.filter_map(|(at, found)| match found {
        "\n" => Some((at + 1, false)),
        _ => list[at..]
            .starts_with(COMMA)
            .then_some((at + COMMA.len(), true)),
    });
    let starts = std::iter::once((0, false)).chain(starts);
    starts.filter_map(|(at, in_line)| {
        let name = heading(list.get(at..)?)?;
        // A reason has commas as well: what follows one is the name of an expose or more of the reason.
        (!in_line || name.contains(".expose#")).then_some((at, name))
    })
}

/// The name that a text begins with, where it does: of a listener, as `0.0.0.0:80/tcp`, or of a cluster,
/// as `test/svc/web.expose#0`.
fn heading(text: &str) -> Option<&str> {
    let end = text.find(char::is_whitespace)?;
    let name = text[..end].strip_suffix(':')?;
    (text[end..].starts_with(' ') && name.contains(['/', '#'])).then_some(name)
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
    use super::*;

    #[test]
    fn of_several_clusters_that_are_refused_each_has_its_own_words() {
        let text = "Error adding/updating cluster(s) c-ring.expose#0: ring hash: minimum_ring_size \
                    (100) > maximum_ring_size (10), so no ring, test/svc/c-2.expose#1: no such type, at \
                    type.googleapis.com/x: y, c-3.expose#0: bad";
        let reason = |name| own(text, name);
        assert_eq!(
            reason("c-ring.expose#0"),
            "ring hash: minimum_ring_size (100) > maximum_ring_size (10), so no ring"
        );
        assert_eq!(
            reason("test/svc/c-2.expose#1"),
            "no such type, at type.googleapis.com/x: y"
        );
        assert_eq!(reason("c-3.expose#0"), "bad");
        assert_eq!(reason("c-4.expose#0"), text);
        assert_eq!(reason("2.expose#1"), text);
    }

    #[test]
    fn of_several_listeners_that_are_refused_each_has_its_own_line() {
        let text = "Error adding/updating listener(s) 0.0.0.0:80/tcp: cannot bind '0.0.0.0:80': Address \
                    already in use\n[::1]:443/tcp: no such filter, as of 1.40: x\n10.0.0.1:53/udp: bad\n";
        let reason = |name| own(text, name).trim_end();
        assert_eq!(
            reason("0.0.0.0:80/tcp"),
            "cannot bind '0.0.0.0:80': Address already in use"
        );
        assert_eq!(reason("[::1]:443/tcp"), "no such filter, as of 1.40: x");
        assert_eq!(reason("10.0.0.1:53/udp"), "bad");
        assert_eq!(own(text, "0.0.0.0:8080/tcp"), text);
        assert_eq!(own(text, "0.0.0.1:53/udp"), text);
    }

    #[test]
    fn of_another_wording_all_is_told_unless_it_lists_names() {
        let listed = "0.0.0.0:80/tcp: no\n0.0.0.0:81/tcp: nor that";
        assert_eq!(own(listed, "0.0.0.0:80/tcp").trim_end(), "no");
        assert_eq!(own(listed, "0.0.0.0:81/tcp"), "nor that");
        for text in [
            "web.expose#0 and web.expose#1 have the same port",
            "refused: web.expose#0 (bad), web.expose#1 (worse)",
            "Error adding/updating web.expose#0, web.expose#1",
            "Error adding/updating cluster(s) ",
            "",
        ] {
            assert_eq!(own(text, "web.expose#0"), text);
            assert_eq!(own(text, "web.expose#1"), text);
        }
    }

    #[test]
    fn a_long_text_is_cut_and_made_one_line() {
        let text = format!(
            "no\n2026-11-26 INFO\tfine\u{1b}[31m {}",
            "é ".repeat(500_000)
        );
        let line = on_one_line(&text);
        assert!(line.len() < 5000, "{}", line.len());
        assert!(
            line.starts_with("no 2026-11-26 INFO fine\\u{1b}[31m é é"),
            "{line}"
        );
        assert!(line.ends_with("… (the rest is cut)"), "{line}");
        assert!(!line.contains('\n'));
        assert_eq!(shortened("a\nb"), "a\nb");
        assert!(shortened(&text).len() < 5000);
    }

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
