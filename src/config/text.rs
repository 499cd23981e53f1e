//! OpenSVC's configuration text, as the agent reads it.
//!
//! The agent uses Python's `RawConfigParser`, with keywords as they are written: comments are whole
//! lines, a line indented deeper than its keyword continues the value, blank lines within a value
//! belong to it, and of two equal keywords the last one counts.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::model::Remark;
use crate::text::printable;

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
    /// What begins as JSON and is not; the text names the line.
    #[error("{0}")]
    Json(String),
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
        "this is not the configuration of a service: it has {found}; want sections such as DEFAULT, ip#1 and \
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
pub(super) fn check_is_service<'a>(
    names: impl Iterator<Item = &'a str>,
) -> Result<(), ConfigError> {
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::config) const TEXT: &str = "\
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
    }
}
