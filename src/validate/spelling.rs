//! Names that are not known: of keywords in a section, and of sections in a keyword.

use super::codes;
use super::keywords::Group;
use super::problem::{Problem, quote};
use super::reader::Reader;
use super::value;
use crate::model::{keyword_name, split_scope};

impl Reader<'_, '_> {
    /// What is wrong with the name of a section that a keyword cannot name.
    pub(super) fn dangling<'n>(
        &mut self,
        name: &str,
        group: Group,
        known: impl Iterator<Item = &'n str> + Clone,
    ) -> Problem {
        let wrong =
            |message: String, hint: String| Problem::new(codes::WRONG_SECTION, message, hint);
        if name.contains([',', '[', ']', '"']) {
            return wrong(
                format!("{} is not the name of a section", quote(name)),
                "separate names with spaces, without commas, brackets or quotes".to_owned(),
            );
        }
        match self.document.sections.get(name) {
            Some(section) if Group::of(name) == Some(group) => {
                return wrong(
                    format!(
                        "{name} is of type {}",
                        quote(section.driver.as_deref().unwrap_or_default())
                    ),
                    format!("name a {group} section of type {}", group.driver()),
                );
            }
            Some(_) => {
                return wrong(
                    format!("{} is not a {group} section", quote(name)),
                    format!("name {group} sections, such as {group}#0"),
                );
            }
            None => {}
        }
        let with_group = format!("{group}#{name}");
        let meant = known.clone().find(|known| *known == with_group);
        let meant = meant.or_else(|| self.findings.nearest_section(name, known.clone()));
        let hint = match meant {
            Some(meant) => format!("did you mean {meant}?"),
            None => {
                let known: Vec<&str> = known.take(5).collect();
                match known.is_empty() {
                    true if Group::of(name) == Some(group) => format!("add a section [{name}]"),
                    true => format!("add a section [{group}#0]"),
                    false => format!("defined: {}", known.join(", ")),
                }
            }
        };
        Problem::new(
            codes::UNDEFINED_SECTION,
            format!("{} is not defined", quote(name)),
            hint,
        )
    }

    /// Diagnoses the keywords that the table does not know, and scopes where there can be none.
    pub(super) fn check_names(&mut self) {
        if self.values.is_plain() {
            return;
        }
        for (label, value) in &*self.section.keywords {
            let (name, scope) = split_scope(label);
            match self.group.keyword(name) {
                _ if matches!(name, "comment" | "type") => {}
                Some(keyword) if scope.is_some() && !keyword.scopable => self.error(
                    label,
                    codes::SCOPE_NOT_SUPPORTED,
                    "cannot differ from node to node",
                    format!("write {name} without scope"),
                ),
                Some(keyword) => {
                    if let Some(main) = keyword.alias_of
                        && !value::is_empty(value)
                    {
                        self.warn(
                            label,
                            codes::KEYWORD_ALIAS,
                            format!("is another name of {main}, which the agent ignores"),
                            match self.says(main) {
                                true => format!("remove it: {main} is written as well, and counts"),
                                false => format!("write {main} instead"),
                            },
                        );
                    }
                }
                None => self.unknown_keyword(label, name),
            }
        }
    }

    /// Whether the section itself says something under exactly that name, in any scope.
    fn says(&self, name: &str) -> bool {
        let mut said = self.section.keywords.iter();
        said.any(|(label, value)| keyword_name(label) == name && !value::is_empty(value))
    }

    fn unknown_keyword(&mut self, label: &str, name: &str) {
        let names = self.group.keywords().iter().map(|keyword| keyword.name);
        let elsewhere = Group::ALL
            .into_iter()
            .find(|group| group.keyword(name).is_some());
        let hint = match (self.findings.nearest(name, names), elsewhere) {
            (_, Some(group)) => format!("it is a keyword of {group} sections"),
            (Some(meant), None) => format!("did you mean {meant}?"),
            (None, None) => String::new(),
        };
        self.warn(
            label,
            codes::UNKNOWN_KEYWORD,
            format!(
                "is not a keyword of {} sections and has no effect",
                self.group
            ),
            hint,
        );
    }
}
