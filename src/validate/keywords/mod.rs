//! The keywords of the five section families: the one table behind parsing, "did you mean",
//! documentation and the declarations made to the OpenSVC agent.

pub mod certificate;
pub mod expose;
pub mod hashpolicy;
pub mod route;
pub mod vhost;

use std::fmt;

use serde::Serialize;

use crate::model::Section;

/// A family of sections: the part of a section's name before `#`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// `expose#…`
    Expose,
    /// `vhost#…`
    Vhost,
    /// `route#…`
    Route,
    /// `hashpolicy#…`
    Hashpolicy,
    /// `certificate#…`
    Certificate,
}

impl Group {
    /// Every group.
    pub const ALL: [Self; 5] = [
        Self::Expose,
        Self::Vhost,
        Self::Route,
        Self::Hashpolicy,
        Self::Certificate,
    ];

    /// The group's name in a section's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Expose => "expose",
            Self::Vhost => "vhost",
            Self::Route => "route",
            Self::Hashpolicy => "hashpolicy",
            Self::Certificate => "certificate",
        }
    }

    /// The group of a section's name; `None` for sections that are no concern of the gateway.
    pub fn of(section: &str) -> Option<Self> {
        let end = section.bytes().position(|byte| byte == b'#')?;
        Some(match section.get(..end)? {
            "expose" => Self::Expose,
            "vhost" => Self::Vhost,
            "route" => Self::Route,
            "hashpolicy" => Self::Hashpolicy,
            "certificate" => Self::Certificate,
            _ => return None,
        })
    }

    /// The `type` keyword's only value in the group's own sections.
    pub fn driver(self) -> &'static str {
        match self {
            Self::Certificate => "tls",
            _ => "envoy",
        }
    }

    /// The `type` of a section where it is not the gateway's: its name, which the daemon has with the
    /// group before it (`expose.envoy`). A section without type is the gateway's.
    pub fn foreign_driver(self, driver: Option<&str>) -> Option<&str> {
        let driver = driver?;
        let name = match driver.split_once('.') {
            Some((group, name)) if group == self.name() => name,
            _ => driver,
        };
        (!name.is_empty() && name != self.driver()).then_some(name)
    }

    /// Whether a section is of the group and of its type, so that the gateway reads it.
    pub fn owns(self, name: &str, section: &Section) -> bool {
        Self::of(name) == Some(self) && self.foreign_driver(section.driver.as_deref()).is_none()
    }

    /// The group's keywords, in the order of the documentation.
    pub fn keywords(self) -> &'static [&'static Keyword] {
        match self {
            Self::Expose => expose::KEYWORDS,
            Self::Vhost => vhost::KEYWORDS,
            Self::Route => route::KEYWORDS,
            Self::Hashpolicy => hashpolicy::KEYWORDS,
            Self::Certificate => certificate::KEYWORDS,
        }
    }

    /// A keyword of the group by its name, without scope.
    pub fn keyword(self, name: &str) -> Option<&'static Keyword> {
        self.keywords().iter().copied().find(|k| k.name == name)
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a keyword's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A port, 1 to 65535.
    Port,
    /// A port, or 0.
    PortOrZero,
    /// An IPv4 or IPv6 address.
    Address,
    /// One of the keyword's candidates.
    Choice,
    /// Host names, separated by white space.
    Names,
    /// Section names of a group, separated by white space.
    Sections(Group),
    /// `true` or `false`.
    Boolean,
    /// Whole seconds, or OpenSVC's `1h30m`.
    Duration,
    /// A duration that may also have fractions and milliseconds.
    Timeout,
    /// A JSON object.
    Object,
    /// The path of an OpenSVC secret.
    Secret,
    /// Text; the keyword's help says of what form.
    Text,
}

/// Who defines a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The OpenSVC 2.1 agent's own drivers.
    Stock,
    /// This gateway, since a version of it; the agent ignores the keyword without our drivers.
    Ours {
        /// The first version that knew it.
        since: &'static str,
    },
}

/// One keyword. There is one value of each, in the tables of the groups, and it is known by its address.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Keyword {
    /// Its name.
    pub name: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// Whether a section is invalid without it.
    pub required: bool,
    /// The value that stands for its absence, as text; `None` where absence has a meaning of its own.
    pub default: Option<&'static str>,
    /// What absence means, where `default` does not say it.
    pub default_text: &'static str,
    /// For [`Kind::Choice`], what may be written.
    pub candidates: &'static [&'static str],
    /// Whether it may differ from node to node (`port@node1`).
    pub scopable: bool,
    /// The agent's converter; `None` leaves the text as it is.
    pub convert: Option<&'static str>,
    /// Whether its value is a private key, which nothing may show.
    #[serde(skip)]
    pub confidential: bool,
    /// The keyword that this one is only another name of.
    pub alias_of: Option<&'static str>,
    /// Who defines it.
    pub origin: Origin,
    /// What it does.
    pub help: &'static str,
    /// A value that can be written.
    pub example: &'static str,
}

impl Keyword {
    /// An optional, scopable stock keyword without default: what most are.
    const fn new(
        name: &'static str,
        kind: Kind,
        example: &'static str,
        help: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            required: false,
            default: None,
            default_text: "",
            candidates: &[],
            scopable: true,
            convert: match kind {
                Kind::Port | Kind::PortOrZero => Some("integer"),
                Kind::Names | Kind::Sections(_) => Some("list"),
                Kind::Boolean => Some("boolean"),
                Kind::Duration => Some("duration"),
                Kind::Object => Some("json"),
                _ => None,
            },
            confidential: false,
            alias_of: None,
            origin: Origin::Stock,
            help,
            example,
        }
    }

    /// Whether its values may be shown: not those that are a private key, a password or a token, or may
    /// hold one among Envoy's own words.
    pub fn is_shown(&self) -> bool {
        !self.confidential && self.kind != Kind::Object
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_aliases_lead_to_a_keyword() {
        for group in Group::ALL {
            for (i, keyword) in group.keywords().iter().enumerate() {
                assert!(
                    group.keywords()[..i].iter().all(|k| k.name != keyword.name),
                    "{group}.{}",
                    keyword.name
                );
                if let Some(name) = keyword.alias_of {
                    assert!(group.keyword(name).is_some_and(|k| k.alias_of.is_none()));
                }
            }
        }
    }

    #[test]
    fn every_keyword_is_explained_and_choices_have_candidates() {
        for keyword in Group::ALL.iter().flat_map(|g| g.keywords()) {
            assert!(keyword.help.ends_with('.'), "{}", keyword.name);
            assert!(!keyword.example.is_empty(), "{}", keyword.name);
            assert_eq!(
                keyword.kind == Kind::Choice,
                !keyword.candidates.is_empty(),
                "{}",
                keyword.name
            );
            // So that they need not be parsed.
            if let Some(default) = keyword.default {
                match keyword.kind {
                    Kind::Choice => assert!(keyword.candidates.contains(&default)),
                    Kind::Boolean => assert!(["true", "false"].contains(&default)),
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn a_section_without_type_or_of_the_groups_own_is_the_gateways() {
        for driver in [None, Some(""), Some("envoy"), Some("expose.envoy")] {
            assert_eq!(Group::Expose.foreign_driver(driver), None, "{driver:?}");
        }
        for (driver, name) in [
            ("haproxy", "haproxy"),
            ("expose.haproxy", "haproxy"),
            ("vhost.envoy", "vhost.envoy"),
        ] {
            assert_eq!(Group::Expose.foreign_driver(Some(driver)), Some(name));
        }
        let section = Section::default();
        assert!(Group::Expose.owns("expose#0", &section));
        assert!(!Group::Expose.owns("vhost#0", &section));
    }

    #[test]
    fn a_section_has_the_group_of_its_name() {
        for group in Group::ALL {
            assert_eq!(Group::of(&format!("{group}#user")), Some(group));
        }
        assert_eq!(Group::of("hash_policy#0"), None);
        assert_eq!(Group::of("expose"), None);
    }
}
