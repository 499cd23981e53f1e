//! Text that comes from outside, as it is shown to people.

use std::borrow::Cow;

/// A text that stays on its line and does nothing to a terminal: control characters, and those that
/// are invisible or turn the direction of what follows, are written as their escapes.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match is_unprintable(letter) {
            true => shown.extend(letter.escape_default()),
            false => shown.push(letter),
        }
    }
    Cow::Owned(shown)
}

/// Whether a letter would do something instead of being seen.
pub(super) fn is_unprintable(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{ad}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_seen_instead() {
        assert_eq!(printable("münchen {a} 'b'"), "münchen {a} 'b'");
        assert_eq!(
            printable("a\nb\0\u{1b}[2J\u{feff}\u{202e}\u{9b}"),
            r"a\nb\u{0}\u{1b}[2J\u{feff}\u{202e}\u{9b}"
        );
    }
}
