//! Where the path of a patch leads, decided word by word.

use std::borrow::Cow;

use serde::de::SeqAccess;
use serde_json::Number;

use super::dataset::{is_watched, secret, service};
use super::json::Step;
use super::shape::{As, Shape, skip_list};
use crate::model::ObjectPath;

/// A part of the dataset that contains whole objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    /// The whole dataset.
    Root,
    /// `monitor`
    Monitor,
    /// `monitor.nodes`
    Nodes,
    /// A node.
    Node(String),
    /// A node's `services`.
    Services(String),
    /// A node's `services.status`.
    Statuses(String),
    /// A node's `services.config`.
    Configs(String),
}

impl Scope {
    /// The node; `None` for all of them.
    pub(super) fn node(&self) -> Option<&str> {
        match self {
            Self::Root | Self::Monitor | Self::Nodes => None,
            Self::Node(node)
            | Self::Services(node)
            | Self::Statuses(node)
            | Self::Configs(node) => Some(node),
        }
    }

    /// Whether it has nodes' phases.
    pub(super) fn has_phases(&self) -> bool {
        matches!(
            self,
            Self::Root | Self::Monitor | Self::Nodes | Self::Node(_)
        )
    }

    /// Whether it has instances.
    pub(super) fn has_statuses(&self) -> bool {
        !matches!(self, Self::Configs(_))
    }

    /// Whether it has secrets.
    pub(super) fn has_configs(&self) -> bool {
        !matches!(self, Self::Statuses(_))
    }
}

/// Where a path leads.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Target {
    /// To where nothing can be: inside a plain value, or by index into an object.
    #[default]
    Odd,
    /// To nothing that is watched.
    Elsewhere,
    /// To a part that contains whole objects.
    Part(Scope),
    /// To a node's `monitor`.
    NodeMonitor(String),
    /// To a node's `monitor.status`.
    Phase(String),
    /// To a secret's configuration on a node.
    Secret(String, ObjectPath),
    /// To the checksum in it.
    Checksum(String, ObjectPath),
    /// To a service's configuration on a node.
    Listed(String, ObjectPath),
    /// To the nodes that the service may run on there, or one of them.
    RunsOn(String, ObjectPath),
    /// To a service's instance on a node.
    Instance(String, ObjectPath),
    /// Into it.
    Field(String, ObjectPath, Place),
}

/// Where a path leads in an instance; the first text is the resource's name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    Avail,
    ScalerSlave,
    Resources,
    Resource(String),
    Driver(String),
    Status(String),
    Disabled(String),
    Info(String),
    InfoAt(String, Vec<Step>),
}

/// Reads a path.
pub(super) struct Path;

impl<'de> Shape<'de> for Path {
    type Value = Target;

    fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<Target, A::Error> {
        let target = walk(&mut list)?;
        let beyond = skip_list(&mut list)?;
        Ok(match target {
            Target::Elsewhere => Target::Elsewhere,
            _ if beyond > 0 => Target::Odd,
            target => target,
        })
    }
}

/// The next word of a path; returns `$end` where the path ends here.
macro_rules! word {
    ($list:ident, else $end:expr) => {
        match $list.next_element_seed(As(Element))? {
            None => return Ok($end),
            Some(Found::Key(word)) => word,
            Some(_) => return Ok(Target::Odd),
        }
    };
}

/// Follows a path as far as it stays on what is watched; the words beyond are left unread.
fn walk<'de, A: SeqAccess<'de>>(list: &mut A) -> Result<Target, A::Error> {
    if word!(list, else Target::Part(Scope::Root)) != "monitor"
        || word!(list, else Target::Part(Scope::Monitor)) != "nodes"
    {
        return Ok(Target::Elsewhere);
    }
    let node = word!(list, else Target::Part(Scope::Nodes));
    match &*word!(list, else Target::Part(Scope::Node(node.into()))) {
        "services" => {}
        "monitor" => {
            return Ok(match &*word!(list, else Target::NodeMonitor(node.into())) {
                "status" => Target::Phase(node.into()),
                _ => Target::Elsewhere,
            });
        }
        _ => return Ok(Target::Elsewhere),
    }
    match &*word!(list, else Target::Part(Scope::Services(node.into()))) {
        "status" => {
            let object = word!(list, else Target::Part(Scope::Statuses(node.into())));
            match service(&object) {
                Some(service) => walk_instance(node, service, list),
                None => Ok(Target::Elsewhere),
            }
        }
        "config" => {
            let object = word!(list, else Target::Part(Scope::Configs(node.into())));
            if let Some(secret) = secret(&object) {
                return walk_secret(node, secret, list);
            }
            match service(&object) {
                Some(service) => {
                    let word = word!(list, else Target::Listed(node.into(), service));
                    if word != "scope" {
                        return Ok(Target::Elsewhere);
                    }
                    skip_list(list)?;
                    Ok(Target::RunsOn(node.into(), service))
                }
                None => Ok(Target::Elsewhere),
            }
        }
        _ => Ok(Target::Elsewhere),
    }
}

fn walk_secret<'de, A: SeqAccess<'de>>(
    node: Cow<'de, str>,
    secret: ObjectPath,
    list: &mut A,
) -> Result<Target, A::Error> {
    Ok(
        match &*word!(list, else Target::Secret(node.into(), secret)) {
            "csum" => Target::Checksum(node.into(), secret),
            _ => Target::Elsewhere,
        },
    )
}

fn walk_instance<'de, A: SeqAccess<'de>>(
    node: Cow<'de, str>,
    service: ObjectPath,
    list: &mut A,
) -> Result<Target, A::Error> {
    let word = word!(list, else Target::Instance(node.into(), service));
    let to = |place| Target::Field(node.into(), service, place);
    match &*word {
        "avail" => return Ok(to(Place::Avail)),
        "scaler_slave" => return Ok(to(Place::ScalerSlave)),
        "resources" => {}
        _ => return Ok(Target::Elsewhere),
    }
    let resource = word!(list, else to(Place::Resources));
    if !is_watched(resource.as_bytes()) {
        return Ok(Target::Elsewhere);
    }
    let resource = resource.into_owned();
    match &*word!(list, else to(Place::Resource(resource))) {
        "type" => Ok(to(Place::Driver(resource))),
        "status" => Ok(to(Place::Status(resource))),
        "disable" => Ok(to(Place::Disabled(resource))),
        "info" => {
            let mut steps = Vec::new();
            while let Some(step) = list.next_element_seed(As(Element))? {
                steps.push(step.into());
            }
            Ok(to(if steps.is_empty() {
                Place::Info(resource)
            } else {
                Place::InfoAt(resource, steps)
            }))
        }
        _ => Ok(Target::Elsewhere),
    }
}

/// A [`Step`] that is not copied yet.
#[derive(Default)]
enum Found<'de> {
    #[default]
    Odd,
    Key(Cow<'de, str>),
    Index(usize),
}

impl From<Found<'_>> for Step {
    fn from(found: Found<'_>) -> Self {
        match found {
            Found::Odd => Self::Odd,
            Found::Key(key) => Self::Key(key.into_owned()),
            Found::Index(index) => Self::Index(index),
        }
    }
}

/// Reads one element of a path.
struct Element;

impl<'de> Shape<'de> for Element {
    type Value = Found<'de>;

    fn text(self, text: Cow<'de, str>) -> Self::Value {
        Found::Key(text)
    }

    fn number(self, number: Number) -> Self::Value {
        number
            .as_u64()
            .and_then(|n| n.try_into().ok())
            .map_or(Found::Odd, Found::Index)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde::de::DeserializeSeed;

    use super::*;

    fn target(text: &str) -> Target {
        let mut json = serde_json::Deserializer::from_str(text);
        let target = As(Path).deserialize(&mut json).unwrap();
        json.end().unwrap();
        target
    }

    #[test]
    fn what_is_not_watched_leads_elsewhere() {
        for path in [
            r#"["listener", "stats", "sessions", "accepted"]"#,
            r#"["scheduler", "delayed", 1]"#,
            r#"["monitor", "services", "web0", "avail"]"#,
            r#"["monitor", "transitions"]"#,
            r#"["monitor", "nodes", "n1", "stats", "score"]"#,
            r#"["monitor", "nodes", "n1", "monitor", "status_updated"]"#,
            r#"["monitor", "nodes", "n1", "services", "status", "web0", "updated"]"#,
            r#"["monitor", "nodes", "n1", "services", "status", "web0", "scaler_slaves", 2]"#,
            r#"["monitor", "nodes", "n1", "services", "status", "web0", "monitor", "status"]"#,
            r#"["monitor", "nodes", "n1", "services", "status", "web0", "resources", "fs#1", "info", "a"]"#,
            r#"["monitor", "nodes", "n1", "services", "status", "web0", "resources", "ip#1", "label"]"#,
            r#"["monitor", "nodes", "n1", "services", "status", "sec/web0", "updated"]"#,
            r#"["monitor", "nodes", "n1", "services", "status", "cluster"]"#,
            r#"["monitor", "nodes", "n1", "services", "config", "web0", "csum"]"#,
            r#"["monitor", "nodes", "n1", "services", "config", "sec/web0", "scope", 0]"#,
        ] {
            assert_eq!(target(path), Target::Elsewhere, "{path}");
        }
    }

    #[test]
    fn every_level_down_to_an_element_is_a_target() {
        let n1 = || "n1".to_string();
        let part = |scope| Target::Part(scope);
        let service = || "t/svc/web".parse().unwrap();
        let at = |place| Target::Field(n1(), service(), place);
        let ip = || "ip#1".to_string();
        let key = |key: &str| Step::Key(key.into());
        let secret = || "sec/c".parse().unwrap();
        for (rest, expected) in [
            ("", part(Scope::Root)),
            (r#""monitor""#, part(Scope::Monitor)),
            (r#""monitor", "nodes""#, part(Scope::Nodes)),
            (r#""monitor", "nodes", "n1""#, part(Scope::Node(n1()))),
            (r#"N, "monitor""#, Target::NodeMonitor(n1())),
            (r#"N, "monitor", "status""#, Target::Phase(n1())),
            (r#"N, "services""#, part(Scope::Services(n1()))),
            ("C", part(Scope::Configs(n1()))),
            (r#"C, "sec/c""#, Target::Secret(n1(), secret())),
            (r#"C, "sec/c", "csum""#, Target::Checksum(n1(), secret())),
            (r#"C, "t/svc/web""#, Target::Listed(n1(), service())),
            (
                r#"C, "t/svc/web", "scope""#,
                Target::RunsOn(n1(), service()),
            ),
            (
                r#"C, "t/svc/web", "scope", 1"#,
                Target::RunsOn(n1(), service()),
            ),
            ("S", part(Scope::Statuses(n1()))),
            ("W", Target::Instance(n1(), service())),
            (r#"W, "avail""#, at(Place::Avail)),
            (r#"W, "scaler_slave""#, at(Place::ScalerSlave)),
            (r#"W, "resources""#, at(Place::Resources)),
            ("R", at(Place::Resource(ip()))),
            (r#"R, "type""#, at(Place::Driver(ip()))),
            (r#"R, "status""#, at(Place::Status(ip()))),
            (r#"R, "disable""#, at(Place::Disabled(ip()))),
            (r#"R, "info""#, at(Place::Info(ip()))),
            (
                r#"R, "info", "expose", 3"#,
                at(Place::InfoAt(ip(), vec![key("expose"), Step::Index(3)])),
            ),
        ] {
            let path = format!("[{rest}]")
                .replace('R', r#"W, "resources", "ip#1""#)
                .replace('W', r#"S, "t/svc/web""#)
                .replace('S', r#"N, "services", "status""#)
                .replace('C', r#"N, "services", "config""#)
                .replace('N', r#""monitor", "nodes", "n1""#);
            assert_eq!(target(&path), expected, "{path}");
        }
    }

    #[test]
    fn a_path_that_can_lead_nowhere_is_odd() {
        for path in [
            r#"["monitor", 0]"#,
            r#"["monitor", "nodes", "n1", "services", "status", "web", "avail", "x"]"#,
            r#"["monitor", "nodes", "n1", "services", "status", "web", "resources", 0]"#,
            r#"["monitor", "nodes", null]"#,
            r#""monitor""#,
            "null",
        ] {
            assert_eq!(target(path), Target::Odd, "{path}");
        }
    }
}
