//! Service configuration files, as the agent reads them.

use std::collections::BTreeMap;

/// The raw sections of a configuration file: nothing is evaluated yet.
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
    /// Reads `[section]`, `keyword = value`, comments and indented continuation lines.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut config = Self::default();
        let mut section = String::new();
        let mut keyword: Option<String> = None;
        for (number, line) in (1..).zip(text.lines()) {
            let content = line.trim();
            if content.is_empty() || content.starts_with(['#', ';']) {
                continue;
            }
            if line.starts_with([' ', '\t'])
                && let Some(keyword) = &keyword
            {
                let value = config.value_mut(&section, keyword);
                value.push('\n');
                value.push_str(content);
                continue;
            }
            if let Some(name) = content
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
            {
                section = name.trim().to_owned();
                config.sections.entry(section.clone()).or_default();
                keyword = None;
                continue;
            }
            let Some((name, value)) = content.split_once(['=', ':']) else {
                return Err(format!(
                    "line {number}: '{content}' is no 'keyword = value'"
                ));
            };
            if section.is_empty() {
                return Err(format!("line {number}: '{content}' is in no [section]"));
            }
            let name = name.trim().to_lowercase();
            *config.value_mut(&section, &name) = value.trim().to_owned();
            keyword = Some(name);
        }
        Ok(config)
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
        Some(self.dereference(raw, scope, 0))
    }

    fn scoped(&self, section: &str, keyword: &str, node: &str) -> Option<&str> {
        self.raw(section, &format!("{keyword}@{node}"))
            .or_else(|| self.raw(section, &format!("{keyword}@nodes")))
            .or_else(|| self.raw(section, keyword))
    }

    /// Replaces `{name}`, `{env.x}`, `{section.keyword}` …; an unknown reference is left as it is.
    pub(super) fn dereference(&self, text: &str, scope: Scope<'_>, depth: usize) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let value = after
                .split_once('}')
                .and_then(|(name, tail)| Some((self.reference(name, scope, depth)?, tail)));
            match value {
                Some((value, tail)) => {
                    out.push_str(&value);
                    rest = tail;
                }
                None => {
                    out.push('{');
                    rest = after;
                }
            }
        }
        out.push_str(rest);
        out
    }

    fn reference(&self, name: &str, scope: Scope<'_>, depth: usize) -> Option<String> {
        // A reference that leads back to itself ends here.
        if depth > 8 {
            return None;
        }
        let (namespace, base) = split_path(scope.path);
        match name {
            "name" | "svcname" => Some(base.to_owned()),
            "short_name" => base.split('.').next().map(str::to_owned),
            "namespace" => Some(namespace.unwrap_or("root").to_owned()),
            "path" | "svcpath" => Some(scope.path.to_owned()),
            "nodename" => Some(scope.node.to_owned()),
            "clusternodes" => Some(scope.cluster_nodes.join(" ")),
            _ => {
                let (section, keyword) = name.rsplit_once('.')?;
                let raw = self.scoped(section, keyword, scope.node)?;
                Some(self.dereference(raw, scope, depth + 1))
            }
        }
    }
}

/// The namespace (`None` is root) and the name of an object path.
pub(super) fn split_path(path: &str) -> (Option<&str>, &str) {
    let name = path.rsplit('/').next().unwrap_or(path);
    let parts = path.split('/').count();
    let namespace = path.split('/').next().filter(|_| parts == 3);
    (namespace, name)
}

/// The kind of an object path: `svc` where it does not say.
pub(super) fn kind(path: &str) -> &str {
    let mut parts = path.rsplit('/').skip(1);
    parts.next().unwrap_or("svc")
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
    fn a_file_is_read_with_comments_and_continuations() {
        let config = Config::parse(
            "# head\n[DEFAULT]\nnodes = node1\n\n[expose#0]\nPort: 80\ncluster_data = {\n  \"a\": 1\n  }\n; end\n",
        )
        .unwrap();
        assert_eq!(config.raw("expose#0", "port"), Some("80"));
        assert_eq!(
            config.raw("expose#0", "cluster_data"),
            Some("{\n\"a\": 1\n}")
        );
        assert_eq!(
            Config::parse("port = 1").unwrap_err(),
            "line 1: 'port = 1' is in no [section]"
        );
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

    #[test]
    fn paths_have_a_namespace_and_a_kind() {
        assert_eq!(split_path("web"), (None, "web"));
        assert_eq!(split_path("sec/web"), (None, "web"));
        assert_eq!(split_path("test/svc/0.web"), (Some("test"), "0.web"));
        assert_eq!(
            (kind("web"), kind("sec/web"), kind("test/sec/web")),
            ("svc", "sec", "sec")
        );
    }
}
