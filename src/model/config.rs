//! OpenSVC's configuration text, as the agent reads it.
//!
//! The agent uses Python's `RawConfigParser`, with keywords as they are written: comments are whole
//! lines, a line indented deeper than its keyword continues the value, blank lines within a value
//! belong to it, and of two equal keywords the last one counts.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Document, IpSection, ObjectPath, Section, reference};

/// The sections of a configuration, every keyword as text, references unevaluated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// By section name, then by keyword, with its scope where it has one (`port@node1`).
    pub sections: BTreeMap<String, BTreeMap<String, String>>,
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
    #[error("{at}: want {want}")]
    Shape {
        /// The section; `configuration` for the whole.
        at: String,
        /// What was expected.
        want: &'static str,
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
        let mut keyword: Option<(String, Vec<&str>)> = None;
        let mut indent = 0;
        for (number, line) in text.lines().enumerate() {
            let content = line.trim();
            if content.starts_with(['#', ';']) {
                continue;
            }
            if content.is_empty() {
                if let Some((_, lines)) = &mut keyword {
                    lines.push("");
                }
                continue;
            }
            let depth = line.len() - line.trim_start().len();
            if depth > indent
                && let Some((_, lines)) = &mut keyword
            {
                lines.push(content);
                continue;
            }
            indent = depth;
            config.store(section.as_deref(), keyword.take());
            if let Some(name) = header(content) {
                config.sections.entry(name.to_owned()).or_default();
                section = Some(name.to_owned());
                continue;
            }
            let shown = || content.chars().take(80).collect::<String>();
            if section.is_none() {
                return Err(ConfigError::NoSection {
                    line: number + 1,
                    text: shown(),
                });
            }
            keyword = match content.split_once(['=', ':']) {
                Some((name, value)) if !name.trim().is_empty() => {
                    Some((name.trim().to_owned(), vec![value.trim()]))
                }
                _ => {
                    return Err(ConfigError::Line {
                        line: number + 1,
                        text: shown(),
                    });
                }
            };
        }
        config.store(section.as_deref(), keyword);
        Ok(config)
    }

    fn store(&mut self, section: Option<&str>, keyword: Option<(String, Vec<&str>)>) {
        if let (Some(section), Some((name, lines))) = (section, keyword) {
            let value = lines.join("\n").trim_end().to_owned();
            self.sections
                .entry(section.to_owned())
                .or_default()
                .insert(name, value);
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
        let sections = config
            .sections
            .into_iter()
            .map(|(name, keywords)| {
                let keywords = keywords.into_iter().map(|(k, v)| (k, Value::String(v)));
                (name, keywords.collect())
            })
            .collect();
        Ok(assemble(path, sections))
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
    let evaluated = match raw.values().flat_map(BTreeMap::values).any(may_refer) {
        true => evaluate_all(&path, &raw),
        false => raw,
    };
    let mut document = Document::new(path);
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

fn evaluate_all(path: &ObjectPath, raw: &Sections) -> Sections {
    let section = |(name, keywords): (&String, &BTreeMap<String, Value>)| {
        let keywords = keywords
            .iter()
            .map(|(k, v)| (k.clone(), evaluate(path, raw, name, v)));
        (name.clone(), keywords.collect())
    };
    raw.iter().map(section).collect()
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
fn evaluate(path: &ObjectPath, raw: &Sections, section: &str, value: &Value) -> Value {
    let Value::String(text) = value else {
        return value.clone();
    };
    let keyword = |section: &str, name: &str| {
        let keywords = raw.get(section)?;
        if keywords.keys().any(|k| {
            k.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('@'))
        }) {
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
    Value::String(reference::resolve(text, &lookup))
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
