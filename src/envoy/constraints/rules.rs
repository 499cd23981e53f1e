//! The rules of `validate.rules` that Envoy's protos use, on one value.

use std::fmt;

/// A value that rules judge.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scalar<'a> {
    Bool(bool),
    /// Any integer; for a duration, nanoseconds; for an enum, its number.
    Int(i128),
    Float(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// One rule.
#[derive(Debug, Clone)]
pub(in crate::envoy) enum Rule {
    MinChars(usize),
    MaxChars(usize),
    MinBytes(usize),
    MaxBytes(usize),
    Prefix(&'static str),
    Suffix(&'static str),
    TextIn(&'static [&'static str]),
    Shape(Shape),
    /// A regular expression of a rare field: compiled where one is judged.
    Pattern(&'static str),
    Is(bool),
    Above(Number),
    AtLeast(Number),
    Below(Number),
    AtMost(Number),
    NotIn(&'static [i128]),
    /// The numbers of an enum's values, sorted.
    Defined(&'static [i128]),
}

/// A bound, in the unit of its field.
#[derive(Debug, Clone, Copy)]
pub(in crate::envoy) enum Number {
    Int(i128),
    Float(f64),
    /// Nanoseconds.
    Time(i128),
}

/// The form of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::envoy) enum Shape {
    /// An HTTP header's name.
    HeaderName,
    /// An HTTP header's value.
    HeaderValue,
    /// What cannot end a header early.
    HeaderSafe,
    /// A path without query whose last character is not a slash.
    PathSegments,
    /// Letters, digits and `_-.~:`.
    Identifier,
    /// Letters, digits and `_-./~:`.
    IdentifierPath,
}

impl Shape {
    fn fits(self, text: &str) -> bool {
        match self {
            Self::HeaderName => {
                let name = text.strip_prefix(':').unwrap_or(text);
                is_made_of(name, b"!#$%&'*+-.^_|~`")
            }
            Self::HeaderValue => text.bytes().all(|b| b == b'\t' || (b >= 0x20 && b != 0x7f)),
            Self::HeaderSafe => !text.contains(['\0', '\r', '\n']),
            Self::PathSegments => {
                text.chars().count() > 1 && !text.contains(['?', '#']) && !text.ends_with('/')
            }
            Self::Identifier => is_made_of(text, b"_-.~:"),
            Self::IdentifierPath => is_made_of(text, b"_-./~:"),
        }
    }
}

/// Whether a text is not empty and of letters, digits and some more characters only.
fn is_made_of(text: &str, more: &[u8]) -> bool {
    let known = |b: u8| b.is_ascii_alphanumeric() || more.contains(&b);
    !text.is_empty() && text.bytes().all(known)
}

impl Number {
    /// How a value compares with this bound; `None` where they cannot be compared.
    fn order(self, value: Scalar<'_>) -> Option<std::cmp::Ordering> {
        match (value, self) {
            (Scalar::Int(value), Self::Int(bound) | Self::Time(bound)) => Some(value.cmp(&bound)),
            (Scalar::Float(value), Self::Float(bound)) => value.partial_cmp(&bound),
            _ => None,
        }
    }
}

impl Rule {
    /// Whether a value keeps the rule. A rule about another kind of value is kept.
    pub(super) fn accepts(&self, value: Scalar<'_>) -> bool {
        let order = |bound: &Number| bound.order(value);
        match (self, value) {
            (Self::MinChars(min), Scalar::Text(text)) => {
                text.chars().nth(min.saturating_sub(1)).is_some() || *min == 0
            }
            (Self::MaxChars(max), Scalar::Text(text)) => text.chars().nth(*max).is_none(),
            (Self::MinBytes(min), _) => value.bytes().is_none_or(|b| b >= *min),
            (Self::MaxBytes(max), _) => value.bytes().is_none_or(|b| b <= *max),
            (Self::Prefix(prefix), Scalar::Text(text)) => text.starts_with(prefix),
            (Self::Suffix(suffix), Scalar::Text(text)) => text.ends_with(suffix),
            (Self::TextIn(known), Scalar::Text(text)) => known.contains(&text),
            (Self::Shape(shape), Scalar::Text(text)) => shape.fits(text),
            (Self::Pattern(pattern), Scalar::Text(text)) => {
                regex::Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(text))
            }
            (Self::Is(wanted), Scalar::Bool(value)) => value == *wanted,
            (Self::Above(bound), _) => order(bound).is_none_or(|o| o.is_gt()),
            (Self::AtLeast(bound), _) => order(bound).is_none_or(|o| o.is_ge()),
            (Self::Below(bound), _) => order(bound).is_none_or(|o| o.is_lt()),
            (Self::AtMost(bound), _) => order(bound).is_none_or(|o| o.is_le()),
            (Self::NotIn(refused), Scalar::Int(value)) => !refused.contains(&value),
            (Self::Defined(known), Scalar::Int(value)) => known.binary_search(&value).is_ok(),
            _ => true,
        }
    }
}

impl Scalar<'_> {
    fn bytes(&self) -> Option<usize> {
        match self {
            Self::Text(text) => Some(text.len()),
            Self::Bytes(bytes) => Some(bytes.len()),
            _ => None,
        }
    }

    /// Whether it is its type's default, which `ignore_empty` lets pass.
    pub(super) fn is_default(&self) -> bool {
        match self {
            Self::Bool(value) => !value,
            Self::Int(value) => *value == 0,
            Self::Float(value) => *value == 0.0,
            Self::Text(_) | Self::Bytes(_) => self.bytes() == Some(0),
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(n) => write!(f, "{n}"),
            Self::Float(n) => write!(f, "{n}"),
            Self::Time(n) if n % 1_000_000_000 == 0 => write!(f, "{}s", n / 1_000_000_000),
            Self::Time(n) => write!(f, "{}ms", *n as f64 / 1e6),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MinChars(1) | Self::MinBytes(1) => f.write_str("must not be empty"),
            Self::MinChars(n) => write!(f, "must have at least {n} characters"),
            Self::MaxChars(n) => write!(f, "must have at most {n} characters"),
            Self::MinBytes(n) => write!(f, "must have at least {n} bytes"),
            Self::MaxBytes(n) => write!(f, "must have at most {n} bytes"),
            Self::Prefix(text) => write!(f, "must start with '{text}'"),
            Self::Suffix(text) => write!(f, "must end with '{text}'"),
            Self::TextIn(known) => write!(f, "must be one of '{}'", known.join("', '")),
            Self::Shape(shape) => write!(f, "must be {shape}"),
            Self::Pattern(pattern) => write!(f, "must match {pattern}"),
            Self::Is(value) => write!(f, "must be {value}"),
            Self::Above(bound) => write!(f, "must be greater than {bound}"),
            Self::AtLeast(bound) => write!(f, "must be at least {bound}"),
            Self::Below(bound) => write!(f, "must be less than {bound}"),
            Self::AtMost(bound) => write!(f, "must be at most {bound}"),
            Self::NotIn(_) => f.write_str("must not be this value"),
            Self::Defined(_) => f.write_str("must be a value that Envoy defines"),
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HeaderName => "the name of an HTTP header",
            Self::HeaderValue => "the value of an HTTP header",
            Self::HeaderSafe => "without line breaks and NUL",
            Self::PathSegments => "a path without '?' and '#' that does not end with '/'",
            Self::Identifier => "made of letters, digits and '_-.~:'",
            Self::IdentifierPath => "made of letters, digits and '_-./~:'",
        })
    }
}
