//! Text that comes from outside, as it is shown to people.

use std::borrow::Cow;

/// A text that stays on its line and does nothing to a terminal or a web page: control characters, and
/// those that are invisible or turn the direction of what follows, are written as their escapes.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    text.chars()
        .for_each(|letter| push_printable(&mut shown, letter));
    Cow::Owned(shown)
}

/// Adds a letter, or its escape where it would do something instead of being seen.
pub(crate) fn push_printable(to: &mut String, letter: char) {
    match is_unprintable(letter) {
        true => to.extend(letter.escape_default()),
        false => to.push(letter),
    }
}

/// Whether a letter would do something instead of being seen: the controls, and of Unicode's format
/// characters and other invisible ones those that are not part of how people write.
pub(crate) fn is_unprintable(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_seen_instead() {
        assert_eq!(printable("münchen {a} 'b'"), "münchen {a} 'b'");
        assert_eq!(
            printable("a\nb\0\u{1b}[2J\u{feff}\u{202e}\u{9b}\u{61c}\u{e0041}"),
            r"a\nb\u{0}\u{1b}[2J\u{feff}\u{202e}\u{9b}\u{61c}\u{e0041}"
        );
    }
}
