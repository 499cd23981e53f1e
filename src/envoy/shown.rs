//! A user's words in a message.

use super::sensitive::holds_pem_key;
use crate::text::push_printable;

/// How much of a value or a name is shown, in characters.
const SHOWN: usize = 60;

/// A value or a name as every message shows it: on one line, its beginning where it is long, and nothing
/// of a private key.
pub(crate) fn shown(text: &str) -> String {
    if holds_pem_key(text.as_bytes()) {
        return "[private key]".to_owned();
    }
    let mut shown = String::with_capacity(text.len().min(4 * SHOWN));
    let mut rest = text.chars();
    for c in rest.by_ref().take(SHOWN) {
        push_printable(&mut shown, c);
    }
    if rest.next().is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_short_on_one_line_and_no_key() {
        assert_eq!(shown("/a'b\"\\d+"), "/a'b\"\\d+");
        assert_eq!(shown("a\nb\u{1b}\u{202e}"), r"a\nb\u{1b}\u{202e}");
        assert_eq!(shown(&"é".repeat(60)), "é".repeat(60));
        assert_eq!(shown(&"é".repeat(61)), format!("{}…", "é".repeat(60)));
        let key = format!("{}-----BEGIN RSA PRIVATE KEY-----", "x".repeat(100));
        assert_eq!(shown(&key), "[private key]");
    }
}
