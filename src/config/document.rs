//! A configuration, as text or as JSON, becomes a [`Document`].

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::reference::{self, Effort, TooLarge};
use super::{Config, ConfigError};
use crate::model::{Document, IpSection, ObjectPath, Remark, Section, keyword_name, split_scope};

impl Document {
    /// A document from configuration text.
    ///
    /// # Errors
    /// Names the first line that cannot be read.
    pub fn from_config(path: ObjectPath, text: &str) -> Result<Self, ConfigError> {
        Ok(Self::of(path, Config::parse(text)?))
    }

    /// A document from a configuration that was read.
    pub fn of(path: ObjectPath, config: Config) -> Self {
        let keywords = |keywords: BTreeMap<String, String>| {
            let texts = keywords.into_iter().map(|(k, v)| (k, Value::String(v)));
            texts.collect()
        };
        let sections = config.sections.into_iter();
        let sections = sections.map(|(name, text)| (name, keywords(text)));
        let mut document = assemble(path, sections.collect());
        document.remarks.extend(config.remarks);
        document
    }

    /// A document from the JSON form of a configuration: an object of sections, each an object of
    /// keywords.
    ///
    /// # Errors
    /// When it is not that.
    pub fn from_json(path: ObjectPath, json: Value) -> Result<Self, ConfigError> {
        let shape = |at: &str, want| ConfigError::Shape {
            at: at.to_owned(),
            want,
        };
        let Value::Object(object) = json else {
            return Err(shape("configuration", "an object of sections"));
        };
        let sections = object.into_iter().map(|(name, keywords)| match keywords {
            Value::Object(keywords) => Ok((name, keywords)),
            _ => Err(shape(&name, "an object of keywords")),
        });
        // In the order of their names, which is cheaper than one by one; so it is below.
        let sections: Result<Sections, _> = sections.collect();
        Ok(assemble(path, sections?))
    }
}

type Sections = BTreeMap<String, Keywords>;

type Keywords = Map<String, Value>;

/// Sorts the sections into a document and evaluates the references that need no node.
fn assemble(path: ObjectPath, mut raw: Sections) -> Document {
    let inherited: Vec<String> = raw.get("DEFAULT").into_iter().flat_map(exposes).collect();
    let mut document = Document::new(path);
    document.remarks = evaluate_all(&document.path, &mut raw);
    let mut sections = Vec::with_capacity(raw.len());
    for (name, mut keywords) in raw {
        match name.split_once('#') {
            _ if name == "DEFAULT" => document.defaults = keywords,
            Some(("ip", _)) => {
                let inherited = inherited.iter().filter(|_| !has(&keywords, "expose"));
                let exposes = exposes(&keywords).chain(inherited.cloned()).collect();
                let encap = is_encap(&keywords);
                document.ips.insert(name, IpSection { exposes, encap });
            }
            Some(_) => {
                let driver = match keywords.remove("type") {
                    Some(Value::String(driver)) => Some(driver),
                    _ => None,
                };
                let keywords = Arc::new(keywords);
                sections.push((name, Section { driver, keywords }));
            }
            None => {}
        }
    }
    document.sections = sections.into_iter().collect();
    document
}

/// Evaluates every value that may hold a reference, by what was written: no result refers to another.
/// Returns those whose references have no end.
fn evaluate_all(path: &ObjectPath, raw: &mut Sections) -> Vec<Remark> {
    // Other sections are only referred to, and their references count in the value that refers.
    let used = |section: &str| section.contains('#') || section == "DEFAULT";
    let referring = raw.iter().filter(|(section, _)| used(section));
    let referring = referring.flat_map(|(section, keywords)| {
        let texts = keywords.iter();
        let texts = texts.filter_map(|(keyword, value)| Some((keyword, value.as_str()?)));
        texts.map(move |(keyword, text)| (section, keyword, text))
    });
    let referring: Vec<_> = referring
        .filter(|(_, _, text)| text.contains('{'))
        .collect();
    if referring.is_empty() {
        return Vec::new();
    }
    // Looked up for every reference, of which a hostile configuration has many.
    let scoped: HashSet<(&str, &str)> = raw
        .iter()
        .flat_map(|(section, keywords)| {
            let labels = keywords.keys().map(|label| split_scope(label));
            let scoped = labels.filter(|(_, scope)| scope.is_some());
            scoped.map(move |(name, _)| (section.as_str(), name))
        })
        .collect();
    let mut effort = Effort::default();
    let mut remarks = Vec::new();
    let mut evaluated = Vec::new();
    for (section, keyword, text) in referring {
        match evaluate(path, raw, &scoped, section, text, &mut effort) {
            Ok(result) if result == text => {}
            Ok(result) => evaluated.push((section.clone(), keyword.clone(), result)),
            Err(TooLarge) => remarks.push(Remark::EndlessReferences {
                section: section.clone(),
                keyword: keyword.clone(),
            }),
        }
    }
    for (section, keyword, result) in evaluated {
        if let Some(value) = raw.get_mut(&section).and_then(|k| k.get_mut(&keyword)) {
            *value = Value::String(result);
        }
    }
    remarks
}

fn has(keywords: &Keywords, name: &str) -> bool {
    keywords.keys().any(|label| keyword_name(label) == name)
}

/// Whether a section lives in a container: by `encap`, or as the agent had it before, by a tag.
fn is_encap(keywords: &Keywords) -> bool {
    let text = |name| keywords.get(name).and_then(Value::as_str);
    let tags = text("tags").unwrap_or_default().split_whitespace();
    let yes = |text: &str| {
        matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "t" | "yes" | "y" | "1"
        )
    };
    text("encap").is_some_and(yes)
        || keywords.get("encap") == Some(&Value::Bool(true))
        || tags.into_iter().any(|tag| tag == "encap")
}

/// The section names in an ip section's `expose` keyword, of every scope.
fn exposes(keywords: &Keywords) -> impl Iterator<Item = String> + '_ {
    keywords
        .iter()
        .filter(|(label, _)| keyword_name(label) == "expose")
        .flat_map(|(_, value)| match value {
            Value::String(text) => text.split_whitespace().map(str::to_owned).collect(),
            Value::Array(items) => items
                .iter()
                .filter_map(|item| item.as_str().map(str::to_owned))
                .collect(),
            _ => Vec::new(),
        })
        .filter(|entry| entry.contains('#'))
}

/// Evaluates the references of a text to the service itself and to unscoped keywords.
fn evaluate(
    path: &ObjectPath,
    raw: &Sections,
    scoped: &HashSet<(&str, &str)>,
    section: &str,
    text: &str,
    effort: &mut Effort,
) -> Result<String, TooLarge> {
    let keyword = |section: &str, name: &str| {
        let keywords = raw.get(section)?;
        if scoped.contains(&(section, name)) {
            return None;
        }
        match keywords.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    };
    let lookup = |name: &str| {
        reference::own(path, section, name).or_else(|| match name.split_once('.') {
            Some((section, name)) => keyword(section, name),
            None => keyword(section, name).or_else(|| keyword("DEFAULT", name)),
        })
    };
    reference::resolve(text, &lookup, effort)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::text::tests::TEXT;
    use super::*;

    fn document(text: &str) -> Document {
        Document::from_config("test/svc/web".parse().unwrap(), text).unwrap()
    }

    #[test]
    fn a_document_has_sections_defaults_and_what_the_ips_expose() {
        let document = document(TEXT);
        assert_eq!(document.defaults["listener_addr"], "10.0.0.1");
        assert_eq!(
            document.ips["ip#1"].exposes,
            ["expose#0", "expose#0", "expose#1"]
        );
        let expose = &document.sections["expose#0"];
        assert_eq!(expose.driver.as_deref(), Some("envoy"));
        assert_eq!(expose.keywords["port"], "8080");
        assert_eq!(
            document.sections["vhost#0"].keywords["domains"],
            "web.acme.com {nodename}.acme.com"
        );
        assert!(!document.sections.contains_key("env"));
    }

    #[test]
    fn the_json_form_gives_the_same_document() {
        let json = json!({
            "DEFAULT": {"nodes": "node1 node2", "listener_addr": "10.0.0.1"},
            "env": {"port": "8080"},
            "ip#1": {"type": "host", "expose": "expose#0 80/tcp", "expose@node2": "expose#0 expose#1"},
            "expose#0": {
                "type": "envoy",
                "port": "{env.port}",
                "cluster_data": "\n{\n\n\"connect_timeout\": \"1s\"\n}",
                "sni@node2": "a.org",
            },
            "vhost#0": {"domains": "{name}.acme.com {nodename}.acme.com"},
        });
        let path = "test/svc/web".parse().unwrap();
        assert_eq!(Document::from_json(path, json).unwrap(), document(TEXT));
    }

    #[test]
    fn a_scoped_keyword_is_not_a_value_to_refer_to() {
        let document = document("[env]\na = 1\na@node1 = 2\n[expose#0]\nport = {env.a}\n");
        assert_eq!(document.sections["expose#0"].keywords["port"], "{env.a}");
    }

    #[test]
    fn the_last_of_equal_keywords_and_sections_counts() {
        let document = document("[expose#0]\nport=1\n[vhost#0]\n[expose#0]\nport=2\nport=3\n");
        assert_eq!(document.sections["expose#0"].keywords["port"], "3");
    }

    #[test]
    fn what_is_written_twice_is_remarked() {
        let text = "[expose#0]\nport=1\n[vhost#0]\n[expose#0]\nport=2\nport@n1=3\nport =\n  4\n";
        let repeated = |line| Remark::RepeatedKeyword {
            section: "expose#0".into(),
            keyword: "port".into(),
            line,
        };
        let section = Remark::RepeatedSection {
            section: "expose#0".into(),
            line: 4,
        };
        let document = document(text);
        assert_eq!(document.remarks, [section, repeated(5), repeated(7)]);
        assert_eq!(document.sections["expose#0"].keywords["port"], "\n4");
    }

    #[test]
    fn references_that_double_end_soon_and_are_remarked() {
        let mut text = String::from("[env]\n");
        for i in 0..40 {
            text.push_str(&format!("k{i} = {{env.k{n}}}{{env.k{n}}}\n", n = i + 1));
        }
        text.push_str("k40 = x\n[expose#0]\nport = {env.k0}\nsni = {name}.acme.org\n");
        let document = document(&text);
        let port = Remark::EndlessReferences {
            section: "expose#0".into(),
            keyword: "port".into(),
        };
        assert_eq!(document.remarks, [port]);
        let keywords = &document.sections["expose#0"].keywords;
        assert_eq!(keywords["port"], "{env.k0}");
        assert_eq!(keywords["sni"], "web.acme.org");
    }

    #[test]
    fn json_of_another_shape_names_the_place() {
        let path = || "web".parse().unwrap();
        assert_eq!(
            Document::from_json(path(), json!([]))
                .unwrap_err()
                .to_string(),
            "configuration: want an object of sections"
        );
        assert_eq!(
            Document::from_json(path(), json!({"expose#0": 3}))
                .unwrap_err()
                .to_string(),
            "expose#0: want an object of keywords"
        );
    }
}
