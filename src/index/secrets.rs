//! The OpenSVC secrets that exposes need: which to read, and whether they can be served.
//!
//! A secret is read from the daemon only while an expose wants it, and served only when it is
//! whole: a certificate with its own key. While a renewal is half done, or after a mistake, Envoy
//! keeps the last good one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foldhash::HashMap;

use super::{ReadSecret, SecretContent};
use crate::envoy::{Resource, ResourceType};
use crate::model::{Diagnostic, Expose, ExposeId, ObjectPath, Severity};
use crate::snapshot::Snapshot;
use crate::translate::{RequiredSecret, SecretUse, tls_certificate, validation_context};
use crate::validate::keywords::certificate::{CERTIFICATE_SECRET, VALIDATION_SECRET};
use crate::validate::{certificate, codes};
use crate::verdict::Candidate;

/// The secrets that exist, and those that are wanted.
#[derive(Debug, Default)]
pub(super) struct Secrets {
    revisions: HashMap<ObjectPath, String>,
    wanted: BTreeMap<RequiredSecret, Wanted>,
    uses: HashMap<ExposeId, BTreeSet<RequiredSecret>>,
    /// As an earlier run served them, by name.
    last_good: HashMap<Arc<str>, Resource>,
}

#[derive(Debug)]
struct Wanted {
    users: BTreeSet<ExposeId>,
    state: State,
    good: Good,
}

/// What there is of a good version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Good {
    Nothing,
    /// Its version, from an earlier run that kept no private key: Envoys that have it go on with it.
    Version,
    Content,
}

impl Good {
    fn of(last_good: Option<Resource>, snapshot: &mut Snapshot) -> Self {
        let Some(resource) = last_good else {
            return Self::Nothing;
        };
        let is_known = resource.is_known();
        snapshot.put(resource);
        match is_known {
            true => Self::Content,
            false => Self::Version,
        }
    }
}

/// Where the reading of a secret stands.
#[derive(Debug, PartialEq)]
enum State {
    /// The daemon knows no such secret.
    Missing,
    /// Asked for.
    Reading,
    /// Read, and served.
    Good,
    /// Read, and not fit to be served; why.
    Bad(String),
}

impl Secrets {
    /// Takes over the secrets that an earlier run served: each is good until it is read.
    pub(super) fn recall<'a>(&mut self, served: impl Iterator<Item = &'a Arc<Resource>>) {
        let by_name = served.map(|secret| (secret.name.clone(), Resource::clone(secret)));
        self.last_good = by_name.collect();
    }

    /// Forgets those that nobody wanted.
    pub(super) fn forget_last_good(&mut self) {
        self.last_good.clear();
    }

    /// Makes the set of secrets that an expose needs be exactly these. Returns what must be read.
    pub(super) fn want(
        &mut self,
        id: &ExposeId,
        wanted: BTreeSet<RequiredSecret>,
        snapshot: &mut Snapshot,
    ) -> Vec<ReadSecret> {
        let mut requests = Vec::new();
        for secret in &wanted {
            let revision = self.revisions.get(&secret.path);
            let entry = self.wanted.entry(secret.clone()).or_insert_with(|| {
                requests.extend(revision.map(|revision| request(secret, revision)));
                let last_good = self.last_good.remove(&*secret.resource_name());
                Wanted {
                    users: BTreeSet::new(),
                    state: revision.map_or(State::Missing, |_| State::Reading),
                    good: Good::of(last_good, snapshot),
                }
            });
            entry.users.insert(id.clone());
        }
        let old = match wanted.is_empty() {
            true => self.uses.remove(id),
            false => self.uses.insert(id.clone(), wanted.clone()),
        };
        for secret in old.unwrap_or_default().difference(&wanted) {
            if let Some(entry) = self.wanted.get_mut(secret) {
                entry.users.remove(id);
                if entry.users.is_empty() {
                    self.wanted.remove(secret);
                    snapshot.remove(ResourceType::Secret, &secret.resource_name());
                }
            }
        }
        requests
    }

    /// Takes note that a secret is new, changed, or gone. Returns what must be read.
    pub(super) fn revise(
        &mut self,
        path: &ObjectPath,
        revision: Option<String>,
    ) -> Vec<ReadSecret> {
        let old = match &revision {
            Some(revision) => self.revisions.insert(path.clone(), revision.clone()),
            None => self.revisions.remove(path),
        };
        if old == revision {
            return Vec::new();
        }
        let mut requests = Vec::new();
        for usage in [SecretUse::KeyPair, SecretUse::Validation] {
            let path = path.clone();
            let secret = RequiredSecret { path, usage };
            if let Some(entry) = self.wanted.get_mut(&secret) {
                entry.state = revision.as_ref().map_or(State::Missing, |_| State::Reading);
                requests.extend(revision.as_ref().map(|revision| request(&secret, revision)));
            }
        }
        requests
    }

    /// The paths of all secrets that the daemon told of.
    pub(super) fn paths(&self) -> impl Iterator<Item = &ObjectPath> {
        self.revisions.keys()
    }

    /// Takes what was read. Returns the exposes that are concerned; none where the reading is of a
    /// revision that has been overtaken.
    pub(super) fn read(
        &mut self,
        reading: &ReadSecret,
        content: Result<SecretContent, String>,
        snapshot: &mut Snapshot,
    ) -> Vec<ExposeId> {
        let current = self.revisions.get(&reading.secret.path);
        let Some(entry) = self.wanted.get_mut(&reading.secret) else {
            return Vec::new();
        };
        if current != Some(&reading.revision) {
            return Vec::new();
        }
        match content.and_then(|content| resource(&reading.secret, &content)) {
            Ok(resource) => {
                snapshot.put(resource);
                entry.state = State::Good;
                entry.good = Good::Content;
            }
            Err(why) => entry.state = State::Bad(why),
        }
        entry.users.iter().cloned().collect()
    }

    /// What to read again, as time has passed: the secrets that could not be read or used. The daemon
    /// may not have answered, and what it would say now may be another thing.
    pub(super) fn again(&self) -> Vec<ReadSecret> {
        let bad = |entry: &Wanted| matches!(entry.state, State::Bad(_));
        self.wanted
            .iter()
            .filter(|(_, entry)| bad(entry))
            .filter_map(|(secret, _)| Some(request(secret, self.revisions.get(&secret.path)?)))
            .collect()
    }

    /// The exposes that need a secret.
    pub(super) fn users(&self, path: &ObjectPath) -> Vec<ExposeId> {
        [SecretUse::KeyPair, SecretUse::Validation]
            .into_iter()
            .filter_map(|usage| {
                let path = path.clone();
                self.wanted.get(&RequiredSecret { path, usage })
            })
            .flat_map(|entry| entry.users.iter().cloned())
            .collect()
    }

    /// Whether every one of some secrets has a good version to serve, maybe not its newest.
    pub(super) fn ready(&self, wanted: &[RequiredSecret]) -> bool {
        wanted.iter().all(|secret| {
            let entry = self.wanted.get(secret);
            entry.is_some_and(|entry| entry.good != Good::Nothing)
        })
    }

    /// Whether nothing is being read.
    pub(super) fn settled(&self) -> bool {
        self.wanted
            .values()
            .all(|entry| entry.state != State::Reading)
    }

    /// What there is to say of the secrets of an expose, where its certificate sections name them.
    /// `is_kept` where an older version of the expose is served meanwhile.
    pub(super) fn problems(&self, candidate: &Candidate, is_kept: bool) -> Vec<Diagnostic> {
        let expose = &candidate.expose;
        let mut problems = Vec::new();
        for secret in &candidate.translation.required_secrets {
            if let Some(problem) = self.problem(secret, &expose.id.section, is_kept) {
                let keyword = naming(secret.usage);
                let sections = sections(expose, secret).into_iter();
                problems.extend(sections.map(|section| problem.clone().at(section, keyword)));
            }
        }
        problems
    }

    fn problem(&self, secret: &RequiredSecret, expose: &str, is_kept: bool) -> Option<Diagnostic> {
        let entry = self.wanted.get(secret)?;
        let consequence = match entry.good {
            Good::Content => "the last good version stays in use".to_owned(),
            Good::Version => {
                "an Envoy that has the last good version goes on with it, and one that starts has none".to_owned()
            }
            Good::Nothing if is_kept => {
                format!("{expose} is served as it was before, until it can be")
            }
            Good::Nothing => format!("{expose} is not served until it can be"),
        };
        let (code, what, hint) = match &entry.state {
            State::Good | State::Reading => return None,
            State::Missing => (
                codes::SECRET_MISSING,
                format!("secret {} does not exist", secret.path),
                format!("create it with: om {} create", secret.path),
            ),
            State::Bad(why) => (
                codes::SECRET_UNUSABLE,
                format!("secret {} cannot be used: {why}", secret.path),
                format!("see its keys with: om {} keys", secret.path),
            ),
        };
        let message = format!("{what}; {consequence}");
        Some(Diagnostic::new(Severity::Warning, code, message).hint(hint))
    }
}

/// The keyword of certificate sections that names a secret.
fn naming(usage: SecretUse) -> &'static str {
    match usage {
        SecretUse::KeyPair => CERTIFICATE_SECRET.name,
        SecretUse::Validation => VALIDATION_SECRET.name,
    }
}

/// The certificate sections in which an expose names a secret, each once.
fn sections<'a>(expose: &'a Expose, secret: &RequiredSecret) -> BTreeSet<&'a str> {
    let certificates = expose.certificates().filter(|certificate| {
        let named = match secret.usage {
            SecretUse::KeyPair => certificate.secret(),
            SecretUse::Validation => certificate.validation.as_ref(),
        };
        named == Some(&secret.path)
    });
    certificates.map(|c| c.section.as_str()).collect()
}

fn request(secret: &RequiredSecret, revision: &str) -> ReadSecret {
    ReadSecret {
        secret: secret.clone(),
        revision: revision.into(),
    }
}

/// The Envoy secret of what was read, or why there is none.
fn resource(secret: &RequiredSecret, content: &SecretContent) -> Result<Resource, String> {
    let key = |name: &str| content.get(name).map(String::as_str);
    let name = secret.resource_name();
    match secret.usage {
        SecretUse::KeyPair => {
            let chain = key("certificate_chain").ok_or("it has no key certificate_chain")?;
            let private = key("private_key").ok_or("it has no key private_key")?;
            let password = key("password");
            certificate::check_pair(chain, private, password).map_err(|e| e.to_string())?;
            Ok(tls_certificate(&name, chain, private, password))
        }
        SecretUse::Validation => {
            let (ca, hashes) = (key("trusted_ca"), key("verify_certificate_hash"));
            let hashes = certificate::check_validation(ca, hashes).map_err(|e| e.to_string())?;
            Ok(validation_context(&name, ca, &hashes))
        }
    }
}

/// The keys to read of a secret, all of them optional as far as the reading is concerned.
pub(super) fn keys(usage: SecretUse) -> &'static [&'static str] {
    match usage {
        SecretUse::KeyPair => &["certificate_chain", "private_key", "password"],
        SecretUse::Validation => &["trusted_ca", "verify_certificate_hash"],
    }
}
