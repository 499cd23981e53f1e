//! What is written of a section's keywords.

use serde_json::{Map, Value};

use super::keywords::{Group, Keyword};
use super::value::is_empty;

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
pub(super) struct Values<'a>(Vec<Given<'a>>);

impl<'a> Values<'a> {
    /// What the `DEFAULT` section says of a group's keywords.
    pub(super) fn defaults(group: Group, keywords: &'a Map<String, Value>) -> Self {
        Self(written(group, keywords, true).collect())
    }

    /// What a section says, and, where it says nothing, the `DEFAULT` section.
    pub(super) fn of(group: Group, keywords: &'a Map<String, Value>, defaults: &Self) -> Self {
        let mut values = Self(written(group, keywords, false).collect());
        let own = values.0.len();
        for default in &defaults.0 {
            let mut said = values.0.iter().take(own);
            if !said.any(|given| given.keyword.name == default.keyword.name) {
                values.0.push(*default);
            }
        }
        values
    }

    /// The values of a keyword, or of another name of it.
    pub(super) fn given(&self, keyword: &Keyword) -> &[Given<'a>] {
        match self.run(|given| given.name == keyword.name) {
            [] => self.run(|given| given.alias_of == Some(keyword.name)),
            own => own,
        }
    }

    /// The values of the first keyword that is wanted: they stand together.
    fn run(&self, is_wanted: impl Fn(&Keyword) -> bool) -> &[Given<'a>] {
        let is_wanted = |given: &Given<'_>| is_wanted(given.keyword);
        let start = self.0.iter().position(is_wanted);
        let rest = start.and_then(|start| self.0.get(start..)).unwrap_or(&[]);
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
        let end = label.bytes().position(|byte| byte == b'@');
        let name = label.get(..end.unwrap_or(label.len()))?;
        Some(Given {
            keyword: group.keyword(name)?,
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

    fn labels<'a>(values: &Values<'a>, keyword: &Keyword) -> Vec<&'a str> {
        let given = values.given(keyword).iter();
        given.map(|given| given.label).collect()
    }

    #[test]
    fn the_section_speaks_first_and_the_defaults_where_it_is_silent() {
        let own = keywords(json!({"port@b": 2, "port": 1, "port@a": 3, "sni": "", "unknown": 4}));
        let defaults = keywords(json!({"port@c": 5, "sni": "a.org", "listener_port": 6}));
        let defaults = Values::defaults(Group::Expose, &defaults);
        let values = Values::of(Group::Expose, &own, &defaults);
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
        let values = Values::of(Group::Certificate, &own, &Values::default());
        assert_eq!(labels(&values, &CERTIFICATE_SECRET), [alias]);
        assert_eq!(labels(&values, &VALIDATION_SECRET), ["validation_secret"]);
        let own = keywords(json!({alias: "a", "certificate_secret": "b"}));
        let values = Values::of(Group::Certificate, &own, &Values::default());
        assert_eq!(labels(&values, &CERTIFICATE_SECRET), ["certificate_secret"]);
    }
}
