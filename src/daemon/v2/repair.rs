//! Mending what Python writes and JSON does not know.
//!
//! The daemon prints numbers that are no numbers as `NaN` and `Infinity`, and halves of surrogate
//! pairs as they come. Both can be typed into a service's configuration, and one such service must
//! not hide every other one. Nor must a number that is larger than any that can be held.
//!
//! All such numbers become texts of the same letters. Null would be a keyword or field that is not set;
//! with the text, either no number is wanted where it stands, or the validation refuses and shows it.
//!
//! Halves of surrogate pairs become U+FFFD. So do bytes that are not UTF-8, which Python does not write.

use std::borrow::Cow;

/// The text with `NaN`, `Infinity` and what is as large in quotes, and lone surrogates and what is not UTF-8
/// as U+FFFD; `None` where there is nothing to mend.
pub(super) fn repaired(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() + 64);
    let text = String::from_utf8_lossy(text);
    let mut mended = matches!(text, Cow::Owned(_));
    let mut rest = text.as_bytes();
    let mut in_string = false;
    while let Some(&byte) = rest.first() {
        let (write, length): (&[u8], usize) = match byte {
            b'"' => {
                in_string = !in_string;
                (b"\"", 1)
            }
            b'\\' if in_string => match surrogates(rest) {
                Surrogates::Pair => (rest.get(..12).unwrap_or(rest), 12),
                Surrogates::Lone => (br"\ufffd", 6),
                Surrogates::None => (rest.get(..2).unwrap_or(rest), 2),
            },
            _ if in_string => (rest.get(..1).unwrap_or(rest), 1),
            b'0'..=b'9' | b'N' | b'I' | b'-' => match no_number(rest) {
                Some(word) => {
                    out.push(b'"');
                    out.extend_from_slice(word);
                    (b"\"", word.len())
                }
                None => {
                    let length = number(rest).len().max(1);
                    (rest.get(..length).unwrap_or(rest), length)
                }
            },
            _ => (rest.get(..1).unwrap_or(rest), 1),
        };
        mended |= !rest.starts_with(write);
        out.extend_from_slice(write);
        rest = rest.get(length..).unwrap_or_default();
    }
    mended.then_some(out)
}

/// What a text starts with that Python takes for a number and JSON cannot hold.
fn no_number(text: &[u8]) -> Option<&[u8]> {
    let words = [&b"NaN"[..], b"Infinity", b"-Infinity"];
    let word = words.into_iter().find(|word| text.starts_with(word));
    word.or_else(|| Some(number(text)).filter(|number| is_infinite(number)))
}

/// The number that a text starts with.
fn number(text: &[u8]) -> &[u8] {
    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
    let length = text.iter().take_while(|byte| is_part(byte)).count();
    text.get(..length).unwrap_or(text)
}

fn is_infinite(number: &[u8]) -> bool {
    let number = std::str::from_utf8(number).ok();
    let number = number.and_then(|number| number.parse::<f64>().ok());
    number.is_some_and(f64::is_infinite)
}

enum Surrogates {
    Pair,
    Lone,
    None,
}

/// What an escape is, which the text starts with.
fn surrogates(text: &[u8]) -> Surrogates {
    let after = text.get(6..).unwrap_or_default();
    match (unit(text), unit(after)) {
        (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => Surrogates::Pair,
        (Some(0xd800..=0xdfff), _) => Surrogates::Lone,
        _ => Surrogates::None,
    }
}

/// The UTF-16 unit of an escape that a text starts with.
fn unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(br"\u")?.get(..4)?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mend(text: &str) -> Option<String> {
        repaired(text.as_bytes()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    #[test]
    fn what_python_writes_becomes_json() {
        let text = r#"{"a": [NaN, Infinity, -Infinity, 1e5, 1e999, -1E999, 9.5], "b": "\ud83d\ude00 \ud83d \ude00"}"#;
        let mended = r#"{"a": ["NaN", "Infinity", "-Infinity", 1e5, "1e999", "-1E999", 9.5], "b": "\ud83d\ude00 \ufffd \ufffd"}"#;
        assert_eq!(mend(text).as_deref(), Some(mended));
    }

    #[test]
    fn a_byte_that_is_not_utf8_costs_a_letter() {
        let mended = repaired(b"{\"a\": \"M\xfcller\", \"b\": \"\xc3\xbc\"}");
        let mended = mended.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert_eq!(
            mended.as_deref(),
            Some("{\"a\": \"M\u{fffd}ller\", \"b\": \"\u{fc}\"}")
        );
    }

    #[test]
    fn words_in_strings_and_broken_texts_are_left_alone() {
        for text in [
            r#"{"NaN": "Infinity \" NaN"}"#,
            r#""\\\\" "#,
            r#"""#,
            r#""\"#,
            r#""\u"#,
            r#""\ud8"#,
            "",
        ] {
            assert_eq!(mend(text), None, "{text}");
        }
    }
}
