//! Service configurations, evaluated as an agent does on its node.

use std::collections::BTreeMap;

use crate::config;
use crate::model::{ObjectKind, ObjectPath};

/// The raw sections of a configuration, which commands edit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Config {
    pub(super) sections: BTreeMap<String, BTreeMap<String, String>>,
}

/// Where an evaluation takes place, which scopes and references depend on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) path: &'a str,
    pub(super) node: &'a str,
    pub(super) cluster_nodes: &'a [String],
}

impl Config {
    /// Reads configuration text.
    pub(super) fn parse(text: &str) -> Result<Self, config::ConfigError> {
        let config::Config { sections, .. } = config::Config::parse(text)?;
        Ok(Self { sections })
    }

    /// The raw value, made when absent.
    pub(super) fn value_mut(&mut self, section: &str, keyword: &str) -> &mut String {
        self.sections
            .entry(section.to_owned())
            .or_default()
            .entry(keyword.to_owned())
            .or_default()
    }

    /// The raw value, without scope, fallback or references.
    pub(super) fn raw(&self, section: &str, keyword: &str) -> Option<&str> {
        self.sections.get(section)?.get(keyword).map(String::as_str)
    }

    /// The value on one node: the most specific scope, then the DEFAULT section, references
    /// followed.
    pub(super) fn evaluate(
        &self,
        section: &str,
        keyword: &str,
        scope: Scope<'_>,
    ) -> Option<String> {
        let raw = [section, "DEFAULT"]
            .iter()
            .find_map(|section| self.scoped(section, keyword, scope.node))?;
        Some(self.dereference(section, raw, scope))
    }

    /// Replaces `{name}`, `{env.x}`, `{section.keyword}` …; an unknown reference is left as it is.
    pub(super) fn dereference(&self, section: &str, text: &str, scope: Scope<'_>) -> String {
        let path: Option<ObjectPath> = scope.path.parse().ok();
        let lookup = |name: &str| match name {
            "nodename" => Some(scope.node.to_owned()),
            "clusternodes" => Some(scope.cluster_nodes.join(" ")),
            _ => path
                .as_ref()
                .and_then(|path| config::own(path, section, name))
                .or_else(|| {
                    let (section, keyword) = name.rsplit_once('.')?;
                    Some(self.scoped(section, keyword, scope.node)?.to_owned())
                }),
        };
        let known = config::resolve(text, &lookup, &mut config::Effort::default());
        known.unwrap_or_else(|_| text.to_owned())
    }

    fn scoped(&self, section: &str, keyword: &str, node: &str) -> Option<&str> {
        self.raw(section, &format!("{keyword}@{node}"))
            .or_else(|| self.raw(section, &format!("{keyword}@nodes")))
            .or_else(|| self.raw(section, keyword))
    }
}

/// The kind of an object, by its path.
pub(super) fn kind(path: &str) -> ObjectKind {
    path.parse()
        .map_or(ObjectKind::Other, |path: ObjectPath| path.kind())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope<'a>(path: &'a str, nodes: &'a [String]) -> Scope<'a> {
        Scope {
            path,
            node: "node1",
            cluster_nodes: nodes,
        }
    }

    #[test]
    fn values_follow_scopes_defaults_and_references() {
        let config = Config::parse(
            "[DEFAULT]\nport = 1\n[env]\ndomain = acme.org\n[vhost#0]\ndomains = {name}.{env.domain} {no.such}\n\
             [expose#0]\nport@node1 = 2\nport@node2 = 3\n",
        )
        .unwrap();
        let nodes = ["node1".to_owned()];
        let at = scope("test/svc/web", &nodes);
        assert_eq!(
            config.evaluate("vhost#0", "domains", at).unwrap(),
            "web.acme.org {no.such}"
        );
        assert_eq!(config.evaluate("expose#0", "port", at).unwrap(), "2");
        assert_eq!(config.evaluate("vhost#0", "port", at).unwrap(), "1");
    }
}
