//! OpenSVC object paths: `name` in the root namespace, `kind/name`, or `namespace/kind/name`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::text::{is_unprintable, printable};

/// The kinds of OpenSVC object that matter to the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectKind {
    /// A service: the only kind that exposes anything.
    Svc,
    /// A secret: holds certificates and keys.
    Sec,
    /// Any other kind (`cfg`, `vol`, `usr`, `ccfg`, `nscfg`).
    Other,
}

/// The path of an OpenSVC object, such as `svcweb`, `sec/web` or `test/svc/web1`.
///
/// Ordered by namespace, kind and name, so that iteration is stable everywhere.
/// Everything that is made for a service carries its path, so a copy only counts its users.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectPath {
    namespace: Option<Arc<str>>,
    kind: Arc<str>,
    name: Arc<str>,
}

/// Why a text is not an object path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The text, or one of its parts, is empty.
    #[error("an object path has no empty part: '{shown}'", shown = printable(.0))]
    Empty(String),
    /// More than three parts.
    #[error(
        "an object path is name, kind/name or namespace/kind/name: '{shown}'",
        shown = printable(.0)
    )]
    TooManyParts(String),
    /// A letter that no name has: OpenSVC's are letters, digits and a few signs.
    #[error("an object path has no white space and no control character: '{shown}'", shown = printable(.0))]
    Unprintable(String),
}

impl ObjectPath {
    /// The path of a service; `None` or `"root"` is the root namespace.
    pub fn service(namespace: Option<&str>, name: &str) -> Self {
        Self::new(namespace, "svc", name)
    }

    /// The path of a secret; `None` or `"root"` is the root namespace.
    pub fn secret(namespace: Option<&str>, name: &str) -> Self {
        Self::new(namespace, "sec", name)
    }

    fn new(namespace: Option<&str>, kind: &str, name: &str) -> Self {
        Self {
            namespace: namespace.filter(|n| *n != "root").map(Into::into),
            kind: kind.into(),
            name: name.into(),
        }
    }

    /// The namespace, `None` for the root namespace.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// The object's name without namespace and kind.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The object's kind.
    pub fn kind(&self) -> ObjectKind {
        match &*self.kind {
            "svc" => ObjectKind::Svc,
            "sec" => ObjectKind::Sec,
            _ => ObjectKind::Other,
        }
    }

    /// Splits a scaler slave's path into its index and its scaler's path: `test/svc/3.web` is slave
    /// 3 of `test/svc/web`. `None` where the name has no leading `<digits>.`.
    ///
    /// The name alone does not make a slave: the daemon says so in the instance's `scaler_slave`.
    pub fn scaler(&self) -> Option<(u32, ObjectPath)> {
        let (index, name) = self.name.split_once('.')?;
        if name.is_empty() || !index.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let scaler = Self {
            name: name.into(),
            ..self.clone()
        };
        Some((index.parse().ok()?, scaler))
    }
}

impl FromStr for ObjectPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        // In a log, the rest of such a name would look like a line of its own.
        if text.contains(|letter: char| letter.is_whitespace() || is_unprintable(letter)) {
            return Err(PathError::Unprintable(text.into()));
        }
        let parts: Vec<&str> = text.split('/').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return Err(PathError::Empty(text.into()));
        }
        match parts[..] {
            [name] => Ok(Self::new(None, "svc", name)),
            [kind, name] => Ok(Self::new(None, kind, name)),
            [namespace, kind, name] => Ok(Self::new(Some(namespace), kind, name)),
            _ => Err(PathError::TooManyParts(text.into())),
        }
    }
}

impl fmt::Display for ObjectPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.namespace, &*self.kind) {
            (Some(namespace), kind) => write!(f, "{namespace}/{kind}/{}", self.name),
            (None, "svc") => f.write_str(&self.name),
            (None, kind) => write!(f, "{kind}/{}", self.name),
        }
    }
}

impl fmt::Debug for ObjectPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ObjectPath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ObjectPath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ObjectPath {
        text.parse().unwrap()
    }

    #[test]
    fn a_path_prints_as_the_daemon_writes_it() {
        for text in ["svcweb", "sec/web0cert", "test/svc/web1", "test/sec/web1"] {
            assert_eq!(path(text).to_string(), text);
        }
        assert_eq!(path("root/svc/web").to_string(), "web");
        assert!("a//b".parse::<ObjectPath>().is_err());
        assert!("a/b/c/d".parse::<ObjectPath>().is_err());
    }

    #[test]
    fn a_name_that_would_write_a_line_of_its_own_is_none() {
        for text in [
            "web\nERROR forged",
            "web\u{1b}[2J",
            "te st/svc/web",
            "\u{feff}web",
            "web\0",
        ] {
            let error = text.parse::<ObjectPath>().unwrap_err();
            assert!(matches!(error, PathError::Unprintable(_)), "{text:?}");
            let shown = error.to_string();
            assert!(!shown.contains(char::is_control), "{shown:?}");
        }
        let error = "a//\u{1b}".parse::<ObjectPath>().unwrap_err();
        assert!(error.to_string().ends_with(r"'a//\u{1b}'"), "{error}");
    }

    #[test]
    fn a_slave_knows_its_scaler_in_any_namespace() {
        assert_eq!(path("0.web").scaler(), Some((0, path("web"))));
        assert_eq!(
            path("test/svc/12.web.eu").scaler(),
            Some((12, path("test/svc/web.eu")))
        );
        for text in ["web", "web.0", "x1.web", "1."] {
            assert_eq!(path(text).scaler(), None, "{text}");
        }
    }
}
