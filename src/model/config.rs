//! OpenSVC's configuration text, as the agent reads it.
//!
//! The agent uses Python's `RawConfigParser`, with keywords as they are written: comments are whole
//! lines, a line indented deeper than its keyword continues the value, blank lines within a value
//! belong to it, and of two equal keywords the last one counts.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::Value;

use super::reference::{self, Effort, TooLarge};
use super::{Document, IpSection, ObjectPath, Remark, Section, printable};

/// The sections of a configuration, every keyword as text, references unevaluated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// By section name, then by keyword, with its scope where it has one (`port@node1`).
    pub sections: BTreeMap<String, BTreeMap<String, String>>,
    /// What is written twice.
    pub remarks: Vec<Remark>,
}

/// A keyword whose value may go on.
struct Open<'t> {
    name: String,
    line: usize,
    value: Vec<&'t str>,
}

/// Why a configuration cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A line that is neither a section, a keyword, a comment nor the continuation of a value.
    #[error("line {line}: want '[section]' or 'keyword = value', not '{text}'")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What is on it.
        text: String,
    },
    /// A keyword before any section.
    #[error("line {line}: '{text}' comes before any '[section]'")]
    NoSection {
        /// The line, from 1.
        line: usize,
        /// What is on it.
        text: String,
    },
    /// JSON of another shape.
    #[error("{shown}: want {want}", shown = printable(at))]
    Shape {
        /// The section; `configuration` for the whole.
        at: String,
        /// What was expected.
        want: &'static str,
    },
    /// Sections that no service has.
    #[error(
        "this is no configuration of a service: it has {found}; want sections such as DEFAULT, ip#1 and \
         expose#0, with keywords in them"
    )]
    Foreign {
        /// What is there instead.
        found: String,
    },
}

impl Config {
    /// Reads configuration text.
    ///
    /// # Errors
    /// Names the first line that cannot be read.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        let mut section: Option<String> = None;
        let mut keyword: Option<Open<'_>> = None;
        let mut indent = 0;
        for (number, line) in text.lines().enumerate() {
            let content = line.trim();
            if content.starts_with(['#', ';']) {
                continue;
            }
            if content.is_empty() {
                if let Some(open) = &mut keyword {
                    open.value.push("");
                }
                continue;
            }
            let depth = line.len() - line.trim_start().len();
            if depth > indent
                && let Some(open) = &mut keyword
            {
                open.value.push(content);
                continue;
            }
            indent = depth;
            config.store(section.as_deref(), keyword.take());
            let line = number + 1;
            if let Some(name) = header(content) {
                config.open(name, line);
                section = Some(name.to_owned());
                continue;
            }
            let shown = || printable(&content.chars().take(80).collect::<String>()).into_owned();
            if section.is_none() {
                return Err(ConfigError::NoSection {
                    line,
                    text: shown(),
                });
            }
            keyword = match content.split_once(['=', ':']) {
                Some((name, value)) if !name.trim().is_empty() => Some(Open {
                    name: name.trim().to_owned(),
                    line,
                    value: vec![value.trim()],
                }),
                _ => {
                    return Err(ConfigError::Line {
                        line,
                        text: shown(),
                    });
                }
            };
        }
        config.store(section.as_deref(), keyword);
        Ok(config)
    }

    fn open(&mut self, section: &str, line: usize) {
        match self.sections.entry(section.to_owned()) {
            Entry::Vacant(new) => {
                new.insert(BTreeMap::new());
            }
            Entry::Occupied(known) => self.remarks.push(Remark::RepeatedSection {
                section: known.key().clone(),
                line,
            }),
        }
    }

    fn store(&mut self, section: Option<&str>, keyword: Option<Open<'_>>) {
        let (Some(section), Some(Open { name, line, value })) = (section, keyword) else {
            return;
        };
        let value = value.join("\n").trim_end().to_owned();
        let keywords = self.sections.entry(section.to_owned()).or_default();
        if keywords.insert(name.clone(), value).is_some() {
            self.remarks.push(Remark::RepeatedKeyword {
                section: section.to_owned(),
                keyword: name,
                line,
            });
        }
    }

    /// The raw text of a keyword on a node: the value scoped to the node, else the unscoped one,
    /// else the same of the `DEFAULT` section.
    pub fn get(&self, section: &str, keyword: &str, node: &str) -> Option<&str> {
        let scoped = format!("{keyword}@{node}");
        [section, "DEFAULT"].into_iter().find_map(|section| {
            let keywords = self.sections.get(section)?;
            let value = keywords.get(&scoped).or_else(|| keywords.get(keyword))?;
            Some(value.as_str())
        })
    }
}

/// Holds the names of sections against what a service has: an empty file and another program's JSON
/// are configurations of nothing, which nobody means who asks for a verdict.
///
/// # Errors
/// When none of them is one.
pub fn check_is_service<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), ConfigError> {
    const PLAIN: [&str; 4] = ["DEFAULT", "env", "labels", "metadata"];
    let mut foreign = Vec::new();
    for name in names {
        if PLAIN.contains(&name) || name.contains('#') {
            return Ok(());
        }
        foreign.push(name);
    }
    let found = match foreign.as_slice() {
        [] => "no section at all".to_owned(),
        [first, ..] => {
            let first: String = first.chars().take(40).collect();
            format!("'{}' and nothing that a service has", printable(&first))
        }
    };
    Err(ConfigError::Foreign { found })
}

/// The name in `[name]`; like the agent, up to the last bracket and whatever follows it.
fn header(line: &str) -> Option<&str> {
    let name = &line.strip_prefix('[')?[..line.rfind(']')?.checked_sub(1)?];
    (!name.is_empty()).then_some(name)
}

impl Document {
    /// A document from configuration text.
    ///
    /// # Errors
    /// Names the first line that cannot be read.
    pub fn from_config(path: ObjectPath, text: &str) -> Result<Self, ConfigError> {
        let config = Config::parse(text)?;
        let section = |(name, keywords): (String, BTreeMap<String, String>)| {
            let keywords = keywords.into_iter().map(|(k, v)| (k, Value::String(v)));
            (name, keywords.collect())
        };
        let sections = config.sections.into_iter().map(section).collect();
        let mut document = assemble(path, sections);
        document.remarks.extend(config.remarks);
        Ok(document)
    }

    /// A document from the JSON form of a configuration: an object of sections, each an object of
    /// keywords.
    ///
    /// # Errors
    /// When it is not that.
    pub fn from_json(path: ObjectPath, value: &Value) -> Result<Self, ConfigError> {
        let shape = |at: &str, want| ConfigError::Shape {
            at: at.to_owned(),
            want,
        };
        let object = value
            .as_object()
            .ok_or_else(|| shape("configuration", "an object of sections"))?;
        let mut sections = Sections::new();
        for (name, keywords) in object {
            let keywords = keywords
                .as_object()
                .ok_or_else(|| shape(name, "an object of keywords"))?;
            let keywords = keywords.iter().map(|(k, v)| (k.clone(), v.clone()));
            sections.insert(name.clone(), keywords.collect());
        }
        Ok(assemble(path, sections))
    }
}

type Sections = BTreeMap<String, BTreeMap<String, Value>>;

/// Sorts the sections into a document and evaluates the references that need no node.
fn assemble(path: ObjectPath, raw: Sections) -> Document {
    let inherited: Vec<String> = raw.get("DEFAULT").into_iter().flat_map(exposes).collect();
    let mut document = Document::new(path);
    let evaluated = match raw.values().flat_map(BTreeMap::values).any(may_refer) {
        true => evaluate_all(&document.path, &raw, &mut document.remarks),
        false => raw,
    };
    for (name, mut keywords) in evaluated {
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
                document.sections.insert(name, Section { driver, keywords });
            }
            None => {}
        }
    }
    document
}

/// Whether a value may hold a reference.
fn may_refer(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.contains('{'))
}

fn evaluate_all(path: &ObjectPath, raw: &Sections, remarks: &mut Vec<Remark>) -> Sections {
    let mut effort = Effort::default();
    let mut evaluated = Sections::new();
    for (section, keywords) in raw {
        if !section.contains('#') && section != "DEFAULT" {
            // Only referred to, where its references count in the value that refers.
            continue;
        }
        let target = evaluated.entry(section.clone()).or_default();
        for (keyword, value) in keywords {
            let value =
                evaluate(path, raw, section, value, &mut effort).unwrap_or_else(|TooLarge| {
                    remarks.push(Remark::EndlessReferences {
                        section: section.clone(),
                        keyword: keyword.clone(),
                    });
                    value.clone()
                });
            target.insert(keyword.clone(), value);
        }
    }
    evaluated
}

fn has(keywords: &BTreeMap<String, Value>, name: &str) -> bool {
    keywords.keys().any(|k| k.split('@').next() == Some(name))
}

/// Whether a section lives in a container: by `encap`, or as the agent had it before, by a tag.
fn is_encap(keywords: &BTreeMap<String, Value>) -> bool {
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
fn exposes(keywords: &BTreeMap<String, Value>) -> impl Iterator<Item = String> + '_ {
    keywords
        .iter()
        .filter(|(name, _)| name.split('@').next() == Some("expose"))
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

/// Evaluates the references of a value to the service itself and to unscoped keywords.
fn evaluate(
    path: &ObjectPath,
    raw: &Sections,
    section: &str,
    value: &Value,
    effort: &mut Effort,
) -> Result<Value, TooLarge> {
    let Value::String(text) = value else {
        return Ok(value.clone());
    };
    let keyword = |section: &str, name: &str| {
        let keywords = raw.get(section)?;
        let scoped = format!("{name}@");
        let mut from_there = keywords.range(scoped.clone()..);
        if from_there
            .next()
            .is_some_and(|(k, _)| k.starts_with(&scoped))
        {
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
    reference::resolve(text, &lookup, effort).map(Value::String)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TEXT: &str = "\
# made by hand
[DEFAULT]
nodes = node1 node2
listener_addr = 10.0.0.1

[env]
port: 8080

[ip#1]
type = host
expose = expose#0 80/tcp
expose@node2 = expose#0 expose#1

[expose#0]
type = envoy
port = {env.port}
; not this one
cluster_data =
    {
      # a comment inside

      \"connect_timeout\": \"1s\"
    }
sni@node2 = a.org

[vhost#0]
domains = {name}.acme.com {nodename}.acme.com
";

    fn document(text: &str) -> Document {
        Document::from_config("test/svc/web".parse().unwrap(), text).unwrap()
    }

    #[test]
    fn text_is_read_as_the_agent_reads_it() {
        let config = Config::parse(TEXT).unwrap();
        let expose = &config.sections["expose#0"];
        assert_eq!(expose["port"], "{env.port}");
        assert_eq!(
            expose["cluster_data"],
            "\n{\n\n\"connect_timeout\": \"1s\"\n}"
        );
        assert_eq!(expose["sni@node2"], "a.org");
        assert_eq!(config.get("expose#0", "sni", "node2"), Some("a.org"));
        assert_eq!(config.get("expose#0", "sni", "node1"), None);
        assert_eq!(
            config.get("expose#0", "listener_addr", "node1"),
            Some("10.0.0.1")
        );
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
        assert_eq!(Document::from_json(path, &json).unwrap(), document(TEXT));
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
    fn another_programs_file_is_no_service() {
        assert!(check_is_service(["DEFAULT"].into_iter()).is_ok());
        assert!(check_is_service(["monitor", "ip#1"].into_iter()).is_ok());
        for names in [&[][..], &["monitor"], &["services", "\u{1b}"]] {
            let error = check_is_service(names.iter().copied()).unwrap_err();
            assert!(error.to_string().contains("expose#0"), "{error}");
        }
    }

    #[test]
    fn errors_name_their_line() {
        let error = |text: &str| Config::parse(text).unwrap_err().to_string();
        assert_eq!(
            error("[expose#0]\nport\n"),
            "line 2: want '[section]' or 'keyword = value', not 'port'"
        );
        assert_eq!(
            error("\nport = 1\n"),
            "line 2: 'port = 1' comes before any '[section]'"
        );
        let path = || "web".parse().unwrap();
        assert_eq!(
            Document::from_json(path(), &json!([]))
                .unwrap_err()
                .to_string(),
            "configuration: want an object of sections"
        );
        assert_eq!(
            Document::from_json(path(), &json!({"expose#0": 3}))
                .unwrap_err()
                .to_string(),
            "expose#0: want an object of keywords"
        );
    }
}
