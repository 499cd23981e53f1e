//! What is written of a section's keywords.

use std::ptr;

use serde_json::{Map, Value};

use super::keywords::{Group, Keyword};
use super::value::is_empty;
use crate::model::keyword_name;

/// A value that is written somewhere.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given<'a> {
    keyword: &'static Keyword,
    /// The keyword as it is written, with its scope.
    pub(super) label: &'a str,
    pub(super) value: &'a Value,
    /// Whether the `DEFAULT` section says it.
    pub(super) inherited: bool,
}

/// The values of a section's keywords: of each the unscoped one first, then the scoped ones by scope.
#[derive(Debug, Default)]
pub(super) struct GivenValues<'a> {
    given: Vec<Given<'a>>,
    /// Whether something is said under another name of its keyword.
    has_aliases: bool,
    /// Whether all that the section itself says are values of keywords, by their own names and for every node.
    is_plain: bool,
}

impl<'a> GivenValues<'a> {
    /// What the `DEFAULT` section says of a group's keywords.
    pub(super) fn defaults(group: Group, keywords: &'a Map<String, Value>) -> Self {
        Self::read(group, keywords, true)
    }

    /// What a section says, and, where it says nothing, the `DEFAULT` section.
    pub(super) fn of(group: Group, keywords: &'a Map<String, Value>, defaults: &Self) -> Self {
        let mut values = Self::read(group, keywords, false);
        let own = values.given.len();
        for default in &defaults.given {
            let mut said = values.given.iter().take(own);
            if !said.any(|given| ptr::eq(given.keyword, default.keyword)) {
                values.given.push(*default);
            }
        }
        values.has_aliases |= defaults.has_aliases;
        values
    }

    fn read(group: Group, keywords: &'a Map<String, Value>, inherited: bool) -> Self {
        let mut given = Vec::with_capacity(keywords.len());
        given.extend(written(group, keywords, inherited));
        let is_alias = |given: &Given<'_>| given.keyword.alias_of.is_some();
        let has_aliases = given.iter().any(is_alias);
        let has_scope = |given: &Given<'_>| given.label.len() > given.keyword.name.len();
        Self {
            is_plain: !has_aliases && given.len() == keywords.len() && !given.iter().any(has_scope),
            has_aliases,
            given,
        }
    }

    /// The values of a keyword, or of another name of it.
    pub(super) fn given(&self, keyword: &Keyword) -> &[Given<'a>] {
        match self.run(|given| ptr::eq(given, keyword)) {
            [] if self.has_aliases => self.run(|given| given.alias_of == Some(keyword.name)),
            own => own,
        }
    }

    /// Whether all that the section itself says are values of keywords, by their own names and for every
    /// node: then there is nothing to say about the names.
    pub(super) fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// The values of the first keyword that is wanted: they stand together.
    fn run(&self, is_wanted: impl Fn(&Keyword) -> bool) -> &[Given<'a>] {
        let is_wanted = |given: &Given<'_>| is_wanted(given.keyword);
        let start = self.given.iter().position(is_wanted);
        let rest = start.and_then(|start| self.given.get(start..));
        let rest = rest.unwrap_or(&[]);
        let end = rest.iter().position(|given| !is_wanted(given));
        rest.get(..end.unwrap_or(rest.len())).unwrap_or(rest)
    }
}

/// The known keywords that say something, in the order of their labels: `@` comes before every character
/// of a name, so that a keyword's values follow each other.
fn written(
    group: Group,
    keywords: &Map<String, Value>,
    inherited: bool,
) -> impl Iterator<Item = Given<'_>> {
    let said = keywords.iter().filter(|(_, value)| !is_empty(value));
    said.filter_map(move |(label, value)| {
        Some(Given {
            keyword: group.keyword(keyword_name(label))?,
            label,
            value,
            inherited,
        })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::validate::keywords::certificate::{CERTIFICATE_SECRET, VALIDATION_SECRET};
    use crate::validate::keywords::expose::{LISTENER_PORT, PORT, SNI};

    fn keywords(json: Value) -> Map<String, Value> {
        match json {
            Value::Object(keywords) => keywords,
            _ => Map::new(),
        }
    }

    fn labels<'a>(values: &GivenValues<'a>, keyword: &Keyword) -> Vec<&'a str> {
        let given = values.given(keyword).iter();
        given.map(|given| given.label).collect()
    }

    #[test]
    fn the_section_speaks_first_and_the_defaults_where_it_is_silent() {
        let own = keywords(json!({"port@b": 2, "port": 1, "port@a": 3, "sni": "", "unknown": 4}));
        let defaults = keywords(json!({"port@c": 5, "sni": "a.org", "listener_port": 6}));
        let defaults = GivenValues::defaults(Group::Expose, &defaults);
        let values = GivenValues::of(Group::Expose, &own, &defaults);
        assert_eq!(labels(&values, &PORT), ["port", "port@a", "port@b"]);
        assert_eq!(labels(&values, &SNI), ["sni"]);
        assert_eq!(labels(&values, &LISTENER_PORT), ["listener_port"]);
        assert!(values.given(&SNI).iter().all(|given| given.inherited));
    }

    #[test]
    fn another_name_counts_where_the_keyword_itself_is_silent() {
        let alias = Group::Certificate.keywords().iter();
        let alias = alias.copied().find(|k| k.alias_of.is_some());
        let alias = alias.map_or("", |k| k.name);
        let own = keywords(json!({alias: "a", "validation_secret": "b"}));
        let values = GivenValues::of(Group::Certificate, &own, &GivenValues::default());
        assert_eq!(labels(&values, &CERTIFICATE_SECRET), [alias]);
        assert_eq!(labels(&values, &VALIDATION_SECRET), ["validation_secret"]);
        let own = keywords(json!({alias: "a", "certificate_secret": "b"}));
        let values = GivenValues::of(Group::Certificate, &own, &GivenValues::default());
        assert_eq!(labels(&values, &CERTIFICATE_SECRET), ["certificate_secret"]);
    }
}
