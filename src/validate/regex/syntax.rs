//! RE2's syntax, rewritten into what the `regex-syntax` crate reads.
//!
//! The two agree on the meaning of nearly everything and differ in what they accept. Whatever RE2
//! refuses is refused here; what it writes otherwise is spelled out. Capture names are dropped,
//! since nothing refers to them.
//!
//! Envoy compiles in Latin-1: an expression is its bytes, each of them a character, and a text as
//! well. What is rewritten is all ASCII, and is read with bytes as characters.

use std::fmt::Write;
use std::iter::Peekable;
use std::str::Bytes;

use super::Refusal;
use super::atoms::back_reference;

/// The largest count in `{…}`.
const MAX_COUNT: u32 = 1000;

/// Rewrites an expression, or says why RE2 refuses it.
pub(super) fn rewrite(pattern: &str) -> Result<String, Refusal> {
    let mut rewriter = Rewriter {
        rest: Characters(pattern.bytes()).peekable(),
        out: String::with_capacity(pattern.len() * 2),
        flags: String::new(),
        groups: 0,
        operand: false,
        repeated: false,
    };
    while let Some(c) = rewriter.rest.next() {
        rewriter.token(c)?;
    }
    match rewriter.groups == 0 {
        true => Ok(rewriter.out),
        false => Err(Refusal::new(
            "a ( is never closed",
            "write \\( for a parenthesis",
        )),
    }
}

/// The bytes of an expression, each as the character of Latin-1 that RE2 takes it for.
#[derive(Clone)]
pub(super) struct Characters<'a>(Bytes<'a>);

impl Iterator for Characters<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        self.0.next().map(char::from)
    }
}

pub(super) struct Rewriter<'a> {
    pub(super) rest: Peekable<Characters<'a>>,
    pub(super) out: String,
    /// `(?flags)` that are yet to be written: RE2 lets what is before them be repeated after them.
    flags: String,
    /// How many groups are open.
    groups: usize,
    /// Whether something to repeat stands before this token.
    pub(super) operand: bool,
    /// Whether the last token was a repetition.
    repeated: bool,
}

impl Rewriter<'_> {
    fn token(&mut self, c: char) -> Result<(), Refusal> {
        let repeated = std::mem::take(&mut self.repeated);
        match c {
            '*' | '+' | '?' => return self.repetition(c.to_string(), repeated),
            '{' => {
                if let Some(counts) = self.counts() {
                    return self.repetition(check_counts(counts)?, repeated);
                }
            }
            '(' => return self.open(),
            // Quoted characters are like any others: the last is what may be repeated.
            '\\' if self.take('Q') => {
                self.quotation();
                return Ok(());
            }
            _ => {}
        }
        self.write_flags();
        self.operand = true;
        match c {
            ')' => {
                self.groups = self.groups.checked_sub(1).ok_or_else(|| {
                    Refusal::new("a ) closes nothing", "write \\) for a parenthesis")
                })?;
                self.out.push(')');
            }
            '|' => {
                self.out.push('|');
                self.operand = false;
            }
            '.' | '^' | '$' => self.out.push(c),
            '[' => self.class()?,
            '\\' => self.escape()?,
            c => self.literal(c),
        }
        Ok(())
    }

    fn write_flags(&mut self) {
        self.out.push_str(&self.flags);
        self.flags.clear();
    }

    fn literal(&mut self, c: char) {
        if !c.is_ascii() {
            return self.code(c);
        }
        if regex_syntax::is_meta_character(c) {
            self.out.push('\\');
        }
        self.out.push(c);
    }

    /// `\Q…\E`, or to the end.
    fn quotation(&mut self) {
        while let Some(c) = self.rest.next() {
            if c == '\\' && self.take('E') {
                break;
            }
            self.write_flags();
            self.literal(c);
            self.operand = true;
        }
    }

    pub(super) fn take(&mut self, c: char) -> bool {
        self.rest.next_if_eq(&c).is_some()
    }

    fn repetition(&mut self, operator: String, repeated: bool) -> Result<(), Refusal> {
        if !self.operand {
            return Err(Refusal::new(
                format!("there is nothing for {operator} to repeat"),
                "write a backslash before it for the character itself",
            ));
        }
        if repeated {
            return Err(Refusal::new(
                format!("{operator} repeats a repetition"),
                "put the inner repetition in a group, as in (?:a+)*",
            ));
        }
        // After an operator, a question mark would only make that one lazy.
        self.out.push_str(match operator.as_str() {
            "?" => "{0,1}",
            operator => operator,
        });
        if self.take('?') {
            self.out.push('?');
        }
        self.repeated = true;
        Ok(())
    }

    /// The counts after `{`, when they are a repetition; RE2 takes any other brace as itself.
    fn counts(&mut self) -> Option<(u32, Option<u32>)> {
        let mut ahead = self.rest.clone();
        let min = number(&mut ahead)?;
        let max = match ahead.next()? {
            '}' => Some(min),
            ',' if ahead.next_if_eq(&'}').is_some() => None,
            ',' => {
                let max = number(&mut ahead)?;
                ahead.next_if_eq(&'}')?;
                Some(max)
            }
            _ => return None,
        };
        self.rest = ahead;
        Some((min, max))
    }

    fn open(&mut self) -> Result<(), Refusal> {
        if !self.take('?') {
            self.begin("(");
            return Ok(());
        }
        let ahead: String = self.rest.clone().take(3).collect();
        if ahead.starts_with("<=") || ahead.starts_with("<!") || ahead.starts_with(['=', '!']) {
            return Err(Refusal::new(
                format!(
                    "RE2 cannot look around, as (?{} does",
                    ahead.get(..1).unwrap_or("=")
                ),
                "write what matches, or put a more specific route before this one",
            ));
        }
        if ahead.starts_with("P<") || ahead.starts_with('<') {
            return self.named_group();
        }
        if ahead.starts_with("P=") {
            return Err(back_reference());
        }
        self.flags()
    }

    fn begin(&mut self, group: &str) {
        self.write_flags();
        self.out.push_str(group);
        self.groups += 1;
        self.operand = false;
    }

    fn named_group(&mut self) -> Result<(), Refusal> {
        self.take('P');
        self.take('<');
        let mut name = String::new();
        loop {
            match self.rest.next() {
                Some('>') if !name.is_empty() => break,
                Some(c) if c.is_alphabetic() || c.is_ascii_digit() || c == '_' => name.push(c),
                _ => {
                    return Err(Refusal::new(
                        "the name of a group is not made of letters, digits and _",
                        "write (?P<name>…), or (…) without a name",
                    ));
                }
            }
        }
        self.begin("(");
        Ok(())
    }

    /// `(?flags)` and `(?flags:`, with flags among i, m, s and U.
    fn flags(&mut self) -> Result<(), Refusal> {
        let mut on = String::new();
        let mut off = String::new();
        let mut negated = false;
        let mut seen = false;
        loop {
            let c = self.rest.next();
            match c {
                Some(flag @ ('i' | 'm' | 's' | 'U')) => {
                    seen = true;
                    let (set, other) = match negated {
                        true => (&mut off, &mut on),
                        false => (&mut on, &mut off),
                    };
                    other.retain(|f| f != flag);
                    if !set.contains(flag) {
                        set.push(flag);
                    }
                }
                Some('-') if !negated => {
                    negated = true;
                    seen = false;
                }
                Some(end @ (':' | ')')) if seen || !negated => {
                    let flags = match off.is_empty() {
                        true => on,
                        false => format!("{on}-{off}"),
                    };
                    if end == ':' {
                        self.begin(&format!("(?{flags}:"));
                    } else if !flags.is_empty() {
                        let _ = write!(self.flags, "(?{flags})");
                    }
                    return Ok(());
                }
                _ => {
                    let shown = c.map(shown).unwrap_or_default();
                    return Err(Refusal::new(
                        format!("RE2 knows no group (?{shown}"),
                        "write (?:…) for a group, or (?i) to ignore case",
                    ));
                }
            }
        }
    }
}

/// A character in a message: its byte where it is beyond ASCII, as it may be half a letter.
pub(super) fn shown(c: char) -> String {
    match c.is_ascii() {
        true => c.to_string(),
        false => format!("\\x{:02X}", u32::from(c)),
    }
}

/// A decimal number without needless zeros, below 100 million.
fn number(chars: &mut Peekable<Characters<'_>>) -> Option<u32> {
    let mut digits = String::new();
    while let Some(digit) = chars.next_if(char::is_ascii_digit) {
        digits.push(digit);
    }
    let padded = digits.len() > 1 && digits.starts_with('0');
    digits.parse().ok().filter(|n| *n < 100_000_000 && !padded)
}

fn check_counts((min, max): (u32, Option<u32>)) -> Result<String, Refusal> {
    let text = match max {
        Some(max) if max == min => format!("{{{min}}}"),
        Some(max) => format!("{{{min},{max}}}"),
        None => format!("{{{min},}}"),
    };
    if max.is_some_and(|max| max < min) {
        return Err(Refusal::new(
            format!("the repetition {text} is backwards"),
            "write the smaller number first",
        ));
    }
    if max.unwrap_or(min) > MAX_COUNT {
        return Err(Refusal::new(
            format!("the repetition {text} is more than RE2's {MAX_COUNT}"),
            "write * or + instead",
        ));
    }
    Ok(text)
}
