//! OpenSVC object paths: `name` in the root namespace, `kind/name`, or `namespace/kind/name`.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::text::{is_unprintable, printable};

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
/// Everything that is made for a service carries its path, so it is small, and a copy only counts its users.
#[derive(Clone)]
pub struct ObjectPath {
    /// As the daemon writes it, in its shortest form.
    text: Arc<str>,
    /// Where the kind begins, behind the namespace; 0 in the root namespace.
    kind: u32,
    /// Where the name begins, behind the kind; 0 where there is none, which is `svc`.
    name: u32,
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
        let text: Arc<str> = match (namespace.filter(|n| *n != "root"), kind) {
            (None, "svc") => name.into(),
            (None, kind) => format!("{kind}/{name}").into(),
            (Some(namespace), kind) => format!("{namespace}/{kind}/{name}").into(),
        };
        // No name has a slash. A path of 4 GiB would have no namespace and no kind.
        let before = |end: usize| text.get(..end).and_then(|text| text.rfind('/'));
        let place = |slash: Option<usize>| slash.and_then(|slash| u32::try_from(slash + 1).ok());
        let last = before(text.len());
        let first = last.and_then(before);
        Self {
            kind: place(first).unwrap_or(0),
            name: place(last).unwrap_or(0),
            text,
        }
    }

    /// The namespace, `None` for the root namespace.
    pub fn namespace(&self) -> Option<&str> {
        self.text.get(..(self.kind as usize).checked_sub(1)?)
    }

    fn kind_text(&self) -> &str {
        let end = (self.name as usize).checked_sub(1);
        let kind = end.and_then(|end| self.text.get(self.kind as usize..end));
        kind.unwrap_or("svc")
    }

    /// The object's name without namespace and kind.
    pub fn name(&self) -> &str {
        self.text.get(self.name as usize..).unwrap_or_default()
    }

    /// The object's kind.
    pub fn kind(&self) -> ObjectKind {
        match self.kind_text() {
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
        let (index, name) = self.name().split_once('.')?;
        if name.is_empty() || !index.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let scaler = Self::new(self.namespace(), self.kind_text(), name);
        Some((index.parse().ok()?, scaler))
    }
}

impl FromStr for ObjectPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        // Services of the root namespace: nothing else is as frequent.
        if !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'/')
        {
            return Ok(Self {
                text: text.into(),
                kind: 0,
                name: 0,
            });
        }
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

impl PartialEq for ObjectPath {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for ObjectPath {}

impl Hash for ObjectPath {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl Ord for ObjectPath {
    fn cmp(&self, other: &Self) -> Ordering {
        // Services of the root namespace: nothing else is as frequent.
        if (self.name, other.name) == (0, 0) {
            return self.text.cmp(&other.text);
        }
        let parts = |path: &Self| (path.kind, path.name);
        let kinds = || self.kind_text().cmp(other.kind_text());
        match parts(self) == parts(other) {
            // Of the same lengths: a comparison of the whole is one of the parts.
            true => self.text.cmp(&other.text),
            false => (self.namespace().cmp(&other.namespace()))
                .then_with(kinds)
                .then_with(|| self.name().cmp(other.name())),
        }
    }
}

impl PartialOrd for ObjectPath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for ObjectPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
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
    fn a_path_has_three_parts_however_it_is_written() {
        for (text, namespace, kind, name) in [
            ("web", None, ObjectKind::Svc, "web"),
            ("svc/web", None, ObjectKind::Svc, "web"),
            ("root/sec/c", None, ObjectKind::Sec, "c"),
            ("test/svc/web", Some("test"), ObjectKind::Svc, "web"),
            ("n/vol/v", Some("n"), ObjectKind::Other, "v"),
        ] {
            let path = path(text);
            let parts = (path.namespace(), path.kind(), path.name());
            assert_eq!(parts, (namespace, kind, name), "{text}");
        }
        assert_eq!(
            path("root/svc/web"),
            ObjectPath::service(Some("root"), "web")
        );
        assert_eq!(path("t/sec/c"), ObjectPath::secret(Some("t"), "c"));
    }

    #[test]
    fn paths_are_in_the_order_of_namespace_kind_and_name() {
        let texts = [
            "cfg/z", "sec/a", "sec/b", "a-b", "a.b", "web", "zz", "usr/a", "a/sec/z", "a/svc/b",
            "a/svc/c", "aa/cfg/a", "b/svc/a",
        ];
        let parts = |path: &ObjectPath| {
            let namespace = path.namespace().map(str::to_owned);
            (
                namespace,
                path.kind_text().to_owned(),
                path.name().to_owned(),
            )
        };
        for (one, other) in texts
            .iter()
            .flat_map(|one| texts.map(|other| (*one, other)))
        {
            let (one, other) = (path(one), path(other));
            assert_eq!(
                one.cmp(&other),
                parts(&one).cmp(&parts(&other)),
                "{one} {other}"
            );
        }
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
