//! A story: its folder, and how it is told.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use igw_envoy::envoy::ResourceType;
use igw_envoy::index::Index;
use igw_envoy::model::{Document, Expose, ObjectPath};
use igw_envoy::simnode::{Settings, SimNode};
use igw_envoy::snapshot::Snapshot;
use igw_envoy::verdict::{self, Facts, Verdict};
use serde_json::Value;

use crate::fake_daemon::FakeDaemon;
use crate::watch::{self, Watch};
use crate::{marks, pretty, show};

/// A folder of `tests/golden`.
pub(crate) struct Story {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    services: Vec<(ObjectPath, String)>,
    secrets: Value,
    state: Option<Value>,
}

/// How a story ends.
pub(crate) struct Told {
    pub(crate) text: String,
    pub(crate) envoy: String,
    pub(crate) snapshot: Snapshot,
}

impl Story {
    /// Every story, by name.
    pub(crate) fn all() -> Vec<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        let folders = fs::read_dir(root)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let mut folders: Vec<PathBuf> = folders.filter(|path| path.is_dir()).collect();
        folders.sort();
        let stories = folders.into_iter().map(Self::read);
        stories.filter(|story| !story.is_empty()).collect()
    }

    fn read(folder: PathBuf) -> Self {
        let files = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let mut files: Vec<PathBuf> = files.collect();
        files.sort();
        let services = files
            .iter()
            .filter(|file| file.extension().is_some_and(|e| e == "conf"));
        let json = |name: &str| {
            let text = fs::read_to_string(folder.join(name)).ok()?;
            Some(serde_json::from_str(&text).unwrap_or_else(|e| panic!("{folder:?}/{name}: {e}")))
        };
        Self {
            name: folder.file_name().unwrap().to_string_lossy().into(),
            services: services.map(|file| service(file)).collect(),
            secrets: json("secrets.json").unwrap_or(Value::Null),
            state: json("state.json"),
            folder,
        }
    }

    fn is_empty(&self) -> bool {
        self.services.is_empty() && self.state.is_none()
    }

    /// Tells the story.
    pub(crate) async fn tell(&self) -> Told {
        let mut text = String::new();
        let verdicts = self.judge(&mut text);
        let index = match &self.state {
            Some(state) => {
                let daemon = FakeDaemon::start(state.clone());
                self.each_secret(|path, key, value| daemon.set_secret_key(path, key, value));
                Watch::read(&daemon.socket()).await
            }
            None => self.publish(&mut text).await,
        };
        text.push_str("gateway\n");
        show::view(&mut text, index.view());
        if let [verdict] = &verdicts[..] {
            keeps_its_promise(&mut text, verdict, &index);
        }
        let snapshot = index.snapshot().clone();
        let envoy = pretty::pretty(&show::resources(&snapshot));
        Told {
            text: marks::mark(&text),
            envoy: format!("{envoy}\n"),
            snapshot,
        }
    }

    /// The offline verdicts, each on what the services before it leave free.
    fn judge(&self, text: &mut String) -> Vec<Verdict> {
        let mut others: Vec<Expose> = Vec::new();
        let mut verdicts = Vec::new();
        for (path, config) in &self.services {
            writeln!(text, "verdict on {path}").unwrap();
            let document = Document::from_config(path.clone(), config).unwrap();
            let facts = Facts {
                reserved: watch::options().reserved,
                others: others.clone(),
                ..Facts::default()
            };
            let verdict = verdict::judge(&document, &facts);
            for diagnostic in &verdict.report.diagnostics {
                writeln!(text, "  {}", show::diagnostic(diagnostic)).unwrap();
            }
            for id in verdict.served() {
                writeln!(text, "  would serve {}", id.section).unwrap();
            }
            for secret in verdict.secrets() {
                writeln!(text, "  needs {secret}").unwrap();
            }
            others.extend(verdict.candidates.iter().map(|c| (*c.expose).clone()));
            verdicts.push(verdict);
        }
        verdicts
    }

    /// Deploys the services on a simulated node of two, and reads what a gateway makes of them.
    async fn publish(&self, text: &mut String) -> Index {
        let folder = tempfile::tempdir().unwrap();
        let node = SimNode::start(Settings {
            nodes: vec!["node1".into(), "node2".into()],
            ..Settings::at(folder.path().join("lsnr.sock"))
        });
        let node = node.unwrap();
        self.each_secret(|path, key, value| node.set_secret_key(path, key, &value));
        for (path, config) in &self.services {
            if let Err(refused) = node.deploy(&path.to_string(), config) {
                writeln!(text, "the agent refuses {path}").unwrap();
                for line in refused.to_string().lines() {
                    writeln!(text, "  {line}").unwrap();
                }
            }
        }
        Watch::read(node.socket()).await
    }

    fn each_secret(&self, mut set: impl FnMut(&str, &str, String)) {
        for (path, keys) in self.secrets.as_object().into_iter().flatten() {
            for (key, value) in keys.as_object().unwrap() {
                let value = value.as_str().unwrap();
                set(
                    path,
                    key,
                    marks::expand(value).unwrap_or_else(|| value.into()),
                );
            }
        }
    }
}

/// Reads a configuration, its marks expanded to lines that continue the value.
fn service(file: &Path) -> (ObjectPath, String) {
    let text = fs::read_to_string(file).unwrap();
    let first = text.lines().next().unwrap_or_default();
    let path = match first.strip_prefix("# service: ") {
        Some(path) => path.to_owned(),
        None => file.file_stem().unwrap().to_string_lossy().into(),
    };
    let lines = text.lines().map(|line| {
        let mark = line.split_once(" = ").and_then(|(keyword, value)| {
            let pem = marks::expand(value)?;
            Some(format!(
                "{keyword} =\n    {}",
                pem.trim_end().replace('\n', "\n    ")
            ))
        });
        mark.unwrap_or_else(|| line.to_owned())
    });
    let config = lines.collect::<Vec<_>>().join("\n");
    (path.parse().unwrap(), config)
}

/// Says where the gateway serves something else than the offline verdict promised. It may: the
/// agent evaluates the configuration, and what it cannot read is lost on the way.
fn keeps_its_promise(text: &mut String, verdict: &Verdict, index: &Index) {
    let snapshot = index.snapshot();
    let promised = verdict.resources();
    for resource in &promised {
        let served = snapshot.get(resource.kind, &resource.name);
        let what = match served {
            None => "promised and not served",
            Some(served) if served.body != resource.body => "promised otherwise than served",
            Some(_) => continue,
        };
        writeln!(text, "  {:?} {}: {what}", resource.kind, resource.name).unwrap();
    }
    for kind in [
        ResourceType::Cluster,
        ResourceType::Listener,
        ResourceType::Routes,
    ] {
        for resource in snapshot.iter(kind) {
            let is_same = |other: &&_| {
                let other: &igw_envoy::envoy::Resource = other;
                (other.kind, &other.name) == (kind, &resource.name)
            };
            if promised.iter().find(is_same).is_none() {
                writeln!(
                    text,
                    "  {kind:?} {}: served and not promised",
                    resource.name
                )
                .unwrap();
            }
        }
    }
}
