//! What follows a backslash, and what stands in brackets.

use std::fmt::Write;

use super::Refusal;
use super::syntax::{Rewriter, shown};
use super::unicode;

impl Rewriter<'_> {
    pub(super) fn escape(&mut self) -> Result<(), Refusal> {
        let Some(c) = self.rest.next() else {
            return Err(Refusal::new(
                "it ends in a backslash",
                "write \\\\ for a backslash",
            ));
        };
        match c {
            'A' | 'z' | 'b' | 'B' => {
                self.out.push('\\');
                self.out.push(c);
            }
            'C' => self.out.push_str(r"[\x00-\xFF]"),
            'p' | 'P' => self.unicode_group(c)?,
            c => match perl_class(c) {
                Some(class) => self.out.push_str(class),
                None => {
                    let c = self.escaped(c)?;
                    self.code(c);
                }
            },
        }
        Ok(())
    }

    fn unicode_group(&mut self, kind: char) -> Result<(), Refusal> {
        let mut name = String::new();
        match self.rest.next() {
            Some('{') => loop {
                match self.rest.next() {
                    Some('}') => break,
                    Some(c) => name.push(c),
                    None => return Err(Refusal::new("a \\p{ is never closed", "")),
                }
            },
            Some(c) => name.push(c),
            None => return Err(Refusal::new("it ends in \\p", "write \\pL or \\p{Greek}")),
        }
        let (negated, name) = match name.strip_prefix('^') {
            Some(name) => (kind == 'p', name),
            None => (kind == 'P', name.as_str()),
        };
        let Some(set) = unicode::latin1(name) else {
            let name: String = name.chars().map(shown).collect();
            return Err(Refusal::new(
                format!("RE2 knows no Unicode group {name}"),
                "write a general category such as \\p{Lu} or a script such as \\p{Greek}",
            ));
        };
        self.out.push_str(match (set, negated) {
            ("", false) => r"[^\x00-\xFF]",
            ("", true) => r"[\x00-\xFF]",
            (_, false) => "[",
            (_, true) => "[^",
        });
        if !set.is_empty() {
            self.out.push_str(set);
            self.out.push(']');
        }
        Ok(())
    }

    /// The character that `\c…` stands for.
    fn escaped(&mut self, c: char) -> Result<char, Refusal> {
        let octal = |c: &char| c.is_digit(8);
        let code = match c {
            'a' => 7,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'v' => 11,
            '8' | '9' => return Err(back_reference()),
            '1'..='7' if !self.rest.peek().is_some_and(octal) => return Err(back_reference()),
            '0'..='7' => {
                let mut code = c.to_digit(8).unwrap_or_default();
                for _ in 0..2 {
                    if let Some(digit) = self.rest.next_if(octal) {
                        code = code * 8 + digit.to_digit(8).unwrap_or_default();
                    }
                }
                code
            }
            'x' => self.hexadecimal()?,
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => u32::from(c),
            c => {
                return Err(Refusal::new(
                    format!("RE2 knows no escape \\{}", shown(c)),
                    instead_of(c),
                ));
            }
        };
        let code = u8::try_from(code).map_err(|_| {
            Refusal::new(
                format!("\\{code:o} is more than the 377 of the last character"),
                PERCENT_ENCODE,
            )
        })?;
        Ok(char::from(code))
    }

    fn hexadecimal(&mut self) -> Result<u32, Refusal> {
        let bad = || {
            Refusal::new(
                "a \\x is not a character",
                "write it as in \\x7F or \\x{7F}",
            )
        };
        let mut digits = String::new();
        if self.take('{') {
            loop {
                match self.rest.next().ok_or_else(bad)? {
                    '}' => break,
                    c => digits.push(c),
                }
            }
        } else {
            digits.extend(self.rest.by_ref().take(2));
            if digits.len() != 2 {
                return Err(bad());
            }
        }
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(bad());
        }
        u32::from_str_radix(&digits, 16)
            .ok()
            .filter(|code| *code <= 0xFF)
            .ok_or_else(|| {
                Refusal::new(
                    format!("\\x{{{digits}}} is beyond \\xFF: Envoy compares bytes"),
                    PERCENT_ENCODE,
                )
            })
    }

    pub(super) fn code(&mut self, c: char) {
        let _ = write!(self.out, "\\x{:02X}", u32::from(c));
    }

    /// `[…]`, where RE2 knows no set operations and no brackets within brackets.
    pub(super) fn class(&mut self) -> Result<(), Refusal> {
        let unclosed = || Refusal::new("a [ is never closed", "write \\[ for a bracket");
        self.out.push('[');
        if self.take('^') {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let c = self.rest.next().ok_or_else(unclosed)?;
            match c {
                ']' if !first => break,
                '[' if self.rest.peek() == Some(&':') && self.posix_class()? => {}
                '\\' if matches!(self.rest.peek(), Some('p' | 'P')) => {
                    let kind = self.rest.next().unwrap_or('p');
                    self.unicode_group(kind)?;
                }
                '\\' if self.rest.peek().is_some_and(|c| perl_class(*c).is_some()) => {
                    let class = self.rest.next().and_then(perl_class);
                    self.out.push_str(class.unwrap_or_default());
                }
                c => {
                    let low = self.class_character(c)?;
                    let mut ahead = self.rest.clone();
                    let is_range = ahead.next() == Some('-') && !matches!(ahead.next(), Some(']'));
                    self.code(low);
                    if is_range {
                        self.rest.next();
                        let c = self.rest.next().ok_or_else(unclosed)?;
                        self.check_range_end(c)?;
                        let high = self.class_character(c)?;
                        if high < low {
                            return Err(Refusal::new(
                                format!("the range {}-{} is backwards", shown(low), shown(high)),
                                "write the smaller character first",
                            ));
                        }
                        self.out.push('-');
                        self.code(high);
                    }
                }
            }
            first = false;
        }
        self.out.push(']');
        Ok(())
    }

    /// Refuses a range to a class: in `[a-\d]`, the dash was to be itself.
    fn check_range_end(&self, c: char) -> Result<(), Refusal> {
        match self.rest.clone().peek() {
            Some(class)
                if c == '\\' && (perl_class(*class).is_some() || matches!(class, 'p' | 'P')) =>
            {
                Err(Refusal::new(
                    format!("a range in brackets ends in the class \\{class}"),
                    "write \\- for a dash, or put the dash last",
                ))
            }
            _ => Ok(()),
        }
    }

    fn class_character(&mut self, c: char) -> Result<char, Refusal> {
        match (c, self.rest.peek().copied()) {
            ('\\', Some(escaped)) => {
                self.rest.next();
                if matches!(escaped, 'A' | 'z' | 'b' | 'B' | 'C' | 'Q') {
                    return Err(Refusal::new(
                        format!("\\{escaped} has no meaning in brackets"),
                        "write it outside of the brackets, or the letter without backslash",
                    ));
                }
                self.escaped(escaped)
            }
            ('\\', None) => Err(Refusal::new(
                "it ends in a backslash",
                "write \\\\ for a backslash",
            )),
            (c, _) => Ok(c),
        }
    }

    /// `[:alpha:]` after its first bracket; false when that bracket only stands for itself.
    fn posix_class(&mut self) -> Result<bool, Refusal> {
        let rest: String = self.rest.clone().skip(1).take(32).collect();
        let Some((name, _)) = rest.split_once(":]") else {
            return Ok(false);
        };
        let plain = name.strip_prefix('^').unwrap_or(name);
        const NAMES: &[&str] = &[
            "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print",
            "punct", "space", "upper", "word", "xdigit",
        ];
        if !NAMES.contains(&plain) {
            return Err(Refusal::new(
                format!("there is no class [:{plain}:]"),
                "write one such as [:alpha:], or escape the bracket",
            ));
        }
        let _ = write!(self.out, "[:{name}:]");
        for _ in 0..name.chars().count() + 3 {
            self.rest.next();
        }
        Ok(true)
    }
}

/// What `\d` and its like stand for; ASCII only, unlike in the crate.
fn perl_class(c: char) -> Option<&'static str> {
    Some(match c {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        's' => r"[\t\n\x0C\r\x20]",
        'S' => r"[^\t\n\x0C\r\x20]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        _ => return None,
    })
}

pub(super) const PERCENT_ENCODE: &str =
    "write what is beyond ASCII percent-encoded, as it is in a path: %C3%A9 for é";

/// What to write instead of an escape that other engines know, or that nobody knows.
fn instead_of(escaped: char) -> &'static str {
    match escaped {
        'Z' => "write \\z, or nothing: the whole path is compared",
        'G' => "write \\A, or nothing: the whole path is compared",
        'h' => "write [ \\t]",
        'H' => "write [^ \\t]",
        'V' => "write [^\\n\\v\\f\\r]",
        'N' => "write [^\\n]",
        'R' => "write \\r?\\n",
        'X' => "write \\C for any byte",
        'e' => "write \\x1B",
        'u' | 'U' | 'c' => "write the character by its code, as in \\x7F or \\x{7F}",
        'E' => "write \\Q before it, where what is quoted begins",
        'K' => "leave it out: the whole path is compared",
        'k' | 'g' => "RE2 has no back references: write out what is meant",
        c if c.is_ascii() => "write the letter without backslash, if that is meant",
        _ => PERCENT_ENCODE,
    }
}

pub(super) fn back_reference() -> Refusal {
    Refusal::new(
        "RE2 has no back references",
        "write out what is meant, or use several routes",
    )
}
