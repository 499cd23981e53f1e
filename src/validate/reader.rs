//! Reading one section by the keyword table.

use std::mem;
use std::rc::Rc;

use foldhash::{HashSet, HashSetExt};
use serde_json::Value;

use super::codes;
use super::findings::Findings;
use super::given::{Given, GivenValues};
use super::keywords::{Group, Keyword, Kind};
use super::problem::{Problem, quote};
use super::table::Table;
use super::value;
use crate::config::unresolved;
use crate::model::{Diagnostic, Document, Section, Severity, keyword_name};

/// What became of a section.
#[derive(Debug)]
pub(super) enum Parsed<T> {
    /// It is valid.
    Good(T),
    /// It depends on something that is not known here, and nothing else is wrong with it.
    Unknown,
    /// It holds an error, or reaches one.
    Refused,
}

/// One section being read.
pub(super) struct Reader<'a, 'f> {
    /// The section's name.
    pub(super) name: &'a str,
    pub(super) group: Group,
    pub(super) document: &'a Document,
    pub(super) section: &'a Section,
    pub(super) findings: &'f mut Findings,
    /// The sections that it names, in any scope.
    pub(super) links: Vec<&'a str>,
    pub(super) values: Rc<GivenValues<'a>>,
    refused: bool,
    unknown: bool,
}

impl<'a, 'f> Reader<'a, 'f> {
    pub(super) fn new(
        name: &'a str,
        group: Group,
        document: &'a Document,
        section: &'a Section,
        defaults: &GivenValues<'a>,
        findings: &'f mut Findings,
    ) -> Self {
        Self {
            values: Rc::new(GivenValues::of(group, &section.keywords, defaults)),
            name,
            group,
            document,
            section,
            findings,
            links: Vec::new(),
            refused: false,
            unknown: false,
        }
    }

    /// The parsed value of a keyword, or its default.
    ///
    /// Every scoped value is judged; the unscoped one counts, or the first where there is none.
    pub(super) fn read<T>(
        &mut self,
        keyword: &'static Keyword,
        parse: impl Fn(&Value) -> Result<T, Problem>,
    ) -> Option<T> {
        let values = Rc::clone(&self.values);
        let given = values.given(keyword);
        if given.is_empty() {
            return self.read_nothing(keyword, parse);
        }
        self.tell_scopes(given);
        let mut chosen = None;
        for (i, one) in given.iter().enumerate() {
            let reference = reference_in(one.value);
            let is_evaluated = self.document.has_evaluated(self.name, one.label);
            if let (Some(reference), false) = (reference, is_evaluated) {
                self.unknown |= i == 0;
                self.say(
                    Severity::Info,
                    one.label,
                    Problem::new(
                        codes::UNRESOLVED_REFERENCE,
                        format!("{} is evaluated by the agent", quote(reference)),
                        "the value is judged when it is known",
                    ),
                );
                continue;
            }
            let parsed = parse(one.value);
            if let (Some(reference), Ok(_), false) = (reference, &parsed, is_json(keyword)) {
                self.warn(
                    one.label,
                    codes::LITERAL_BRACES,
                    format!(
                        "{} is not a reference that the agent knows",
                        quote(reference)
                    ),
                    "it stands for itself, braces and all; check the name if that is not meant",
                );
            }
            match parsed {
                Ok(value) if i == 0 => chosen = Some(value),
                Ok(_) => {}
                Err(mut problem) => {
                    problem.complete(keyword, one.value);
                    if one.inherited {
                        problem.message.push_str(" (from the DEFAULT section)");
                    }
                    self.refuse(one.label, problem);
                }
            }
        }
        chosen
    }

    /// What stands for a keyword of which nothing is said.
    fn read_nothing<T>(
        &mut self,
        keyword: &'static Keyword,
        parse: impl Fn(&Value) -> Result<T, Problem>,
    ) -> Option<T> {
        if let Some(default) = keyword.default {
            let default = Value::String(default.to_owned());
            return match parse(&default) {
                Ok(value) => Some(value),
                // The default can be the service's own name, which need not be right for everything.
                Err(mut problem) => {
                    problem.complete(keyword, &default);
                    problem.message =
                        format!("has no value, and of its default {}", problem.message);
                    problem.hint =
                        format!("write for example {}={}", keyword.name, keyword.example);
                    self.refuse(keyword.name, problem);
                    None
                }
            };
        }
        if keyword.required {
            let hint = format!("write for example {}={}", keyword.name, keyword.example);
            // The daemon tells nothing of a value that its agent could not convert, such as port=abc.
            let message = match self.document.evaluated {
                true => "has no value, or one that the agent cannot read",
                false => "is required",
            };
            self.error(keyword.name, codes::MISSING_KEYWORD, message, hint);
        }
        None
    }

    /// One of a keyword's candidates.
    pub(super) fn choice(&mut self, keyword: &'static Keyword) -> Option<&'static str> {
        match keyword.default {
            Some(default) if !self.is_set(keyword) => Some(default),
            _ => self.read(keyword, |value| value::choice(value, keyword.candidates)),
        }
    }

    /// Yes or no.
    pub(super) fn boolean(&mut self, keyword: &'static Keyword) -> Option<bool> {
        match keyword.default {
            Some(default) if !self.is_set(keyword) => Some(default == "true"),
            _ => self.read(keyword, value::boolean),
        }
    }

    /// The sections that a keyword names, resolved in a table of their group.
    pub(super) fn sections<'t, T>(
        &mut self,
        keyword: &'static Keyword,
        table: &'t Table<'a, T>,
    ) -> Vec<(&'a str, &'t T)> {
        let Kind::Sections(group) = keyword.kind else {
            return Vec::new();
        };
        let mut chosen = self.read(keyword, value::list).unwrap_or_default();
        let mut found: Vec<(&'a str, &'t T)> = Vec::new();
        let mut seen = HashSet::new();
        let values = Rc::clone(&self.values);
        for (i, one) in values.given(keyword).iter().enumerate() {
            let is_evaluated = self.document.has_evaluated(self.name, one.label);
            if !is_evaluated && reference_in(one.value).is_some() {
                continue;
            }
            let names = match i {
                0 => mem::take(&mut chosen),
                _ => value::list(one.value).unwrap_or_default(),
            };
            found.reserve(names.len());
            self.links.reserve(names.len());
            let is_alone = names.len() == 1;
            for name in names {
                let Some((name, parsed)) = table.get(&name) else {
                    let problem = self.dangling(&name, group, table.names());
                    self.refuse(one.label, problem);
                    continue;
                };
                self.links.push(name);
                if i > 0 {
                    continue;
                }
                if !is_alone && !seen.insert(name) {
                    self.warn(
                        keyword.name,
                        codes::SECTION_NAMED_TWICE,
                        format!("{name} is named twice"),
                        "only the first place counts",
                    );
                    continue;
                }
                match parsed {
                    Parsed::Good(target) => found.push((name, target)),
                    Parsed::Unknown => self.unknown = true,
                    Parsed::Refused => self.refused = true,
                }
            }
        }
        found
    }

    /// What a reading gives, and whether all that it read is right and known, whatever was before.
    pub(super) fn watch<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> (T, bool) {
        let refused = mem::take(&mut self.refused);
        let unknown = mem::take(&mut self.unknown);
        let value = read(self);
        let is_whole = self.is_whole();
        self.refused |= refused;
        self.unknown |= unknown;
        (value, is_whole)
    }

    /// Whether everything read so far is right and known, so that what is absent is really absent.
    pub(super) fn is_whole(&self) -> bool {
        !self.refused && !self.unknown
    }

    /// Whether a keyword, or another name of it, is given a value, whatever it is.
    pub(super) fn is_set(&self, keyword: &'static Keyword) -> bool {
        !self.values.given(keyword).is_empty()
    }

    /// An error of this section.
    pub(super) fn refuse(&mut self, keyword: &str, problem: Problem) {
        self.refused = true;
        self.say(Severity::Error, keyword, problem);
    }

    /// An error of another section that only matters because of this one.
    pub(super) fn refuse_for(&mut self, section: &str, keyword: &str, problem: Problem) {
        self.refused = true;
        self.findings.push(
            Diagnostic::new(Severity::Error, problem.code, problem.message)
                .at(section, keyword)
                .hint(problem.hint),
        );
    }

    pub(super) fn error(
        &mut self,
        keyword: &str,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.refuse(keyword, Problem::new(code, message, hint));
    }

    pub(super) fn warn(
        &mut self,
        keyword: &str,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.say(
            Severity::Warning,
            keyword,
            Problem::new(code, message, hint),
        );
    }

    pub(super) fn info(
        &mut self,
        keyword: &str,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.say(Severity::Info, keyword, Problem::new(code, message, hint));
    }

    /// Ends the reading.
    pub(super) fn finish<T>(mut self, value: Option<T>) -> (Parsed<T>, Vec<&'a str>) {
        self.check_names();
        let parsed = match value {
            _ if self.refused => Parsed::Refused,
            _ if self.unknown => Parsed::Unknown,
            Some(value) => Parsed::Good(value),
            None => Parsed::Refused,
        };
        (parsed, self.links)
    }

    fn say(&mut self, severity: Severity, keyword: &str, problem: Problem) {
        self.findings.push(
            Diagnostic::new(severity, problem.code, problem.message)
                .at(self.name, keyword)
                .hint(problem.hint),
        );
    }

    /// Tells where only one of several values of a keyword counts.
    fn tell_scopes(&mut self, given: &[Given<'a>]) {
        if let [first, rest @ ..] = given
            && rest.iter().any(|one| one.value != first.value)
        {
            self.info(
                keyword_name(first.label),
                codes::SCOPED_VALUE,
                "differs from node to node",
                format!(
                    "{} is what is held against the rest of the service",
                    first.label
                ),
            );
        }
    }
}

/// Whether the braces of a keyword's values are its own.
fn is_json(keyword: &Keyword) -> bool {
    matches!(keyword.kind, Kind::Object | Kind::Sections(_))
}

/// The first unresolved reference in a text or in a list of texts.
fn reference_in(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => unresolved(text),
        Value::Array(items) => items.iter().find_map(|item| unresolved(item.as_str()?)),
        _ => None,
    }
}
