//! Every expose with all there is to say of it, put together from what the index thinks, what Envoy
//! was sent, and what Envoys answered.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::catalog::{Catalog, Next, Owners};
use super::refusal;
use super::telemetry::{Refusal, Report};
use crate::index::{ExposeView, Serving, View};
use crate::model::{Diagnostic, ExposeId, Severity};
use crate::snapshot::Snapshot;

/// How an expose is doing, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Not served: the configuration is refused.
    Refused,
    /// Refused by an Envoy.
    RefusedByEnvoy,
    /// Not served: a secret that it needs cannot be.
    Waiting,
    /// Served as it was configured before: the newest configuration is refused, waits, or is not known.
    Kept,
    /// Served, but no instance is up to answer.
    NoEndpoints,
    /// Served as configured.
    Served,
}

impl Standing {
    /// Every standing, worst first.
    pub const ALL: [Self; 6] = [
        Self::Refused,
        Self::RefusedByEnvoy,
        Self::Waiting,
        Self::Kept,
        Self::NoEndpoints,
        Self::Served,
    ];

    /// The word for it in JSON and metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::RefusedByEnvoy => "refused_by_envoy",
            Self::Waiting => "waiting",
            Self::Kept => "kept",
            Self::NoEndpoints => "no_endpoints",
            Self::Served => "served",
        }
    }
}

/// What travels through an expose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Traffic {
    /// HTTP.
    Http,
    /// HTTP under TLS, terminated by the gateway.
    Https,
    /// Bytes.
    Tcp,
    /// Bytes under TLS, terminated by the gateway.
    Tls,
    /// Bytes under TLS, passed through by server name.
    Passthrough,
    /// Datagrams.
    Udp,
}

/// An expose in a few words.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Summary {
    /// Its name, which is that of its cluster in Envoy too.
    #[schema(example = "test/svc/web.expose#0")]
    pub id: String,
    /// The service that owns it.
    #[schema(example = "test/svc/web")]
    pub service: String,
    /// Its section.
    #[schema(example = "expose#0")]
    pub section: String,
    /// How it is doing.
    pub standing: Standing,
    /// Where Envoy listens for it; absent where it is not served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listener: Option<String>,
    /// What travels through it; absent where it is not served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Traffic>,
    /// The domains or server names that it answers to; all where there are none.
    pub names: Vec<String>,
    /// How many endpoints it has.
    pub endpoints: usize,
    /// The Envoys (`node.id`) that refused something of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused_by: Vec<String>,
    /// The first thing to mend, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// How many findings are warnings.
    pub warnings: usize,
}

/// Everything at one moment.
#[derive(Debug, Default)]
pub struct Board {
    /// What Envoy is served, decoded.
    pub catalog: Catalog,
    /// Whether the daemon's state was ever known.
    pub known: bool,
    /// Whose each resource is.
    pub owners: Owners,
    /// What the gateway thinks.
    pub view: View,
    /// What Envoys do.
    pub telemetry: Option<Report>,
    /// The exposes.
    pub exposes: BTreeMap<ExposeId, Arc<Summary>>,
}

impl Board {
    /// The next board, which shares with this one what did not change.
    pub(super) fn next(
        &self,
        snapshot: Option<Arc<Snapshot>>,
        view: View,
        telemetry: Report,
    ) -> Self {
        let mut catalog = self.catalog.clone();
        let known = snapshot.is_some();
        if let Some(snapshot) = snapshot {
            catalog.follow(&snapshot);
        }
        let owners = Owners::of(&catalog);
        let refusals = refusals(&owners, &telemetry);
        let exposes = view.exposes.iter().map(|(id, state)| {
            let new = summary(id, state, &view, &owners, &refusals);
            let old = self.exposes.get(id).filter(|old| ***old == new);
            (id.clone(), old.cloned().unwrap_or_else(|| Arc::new(new)))
        });
        Self {
            exposes: exposes.collect(),
            known,
            catalog,
            owners,
            view,
            telemetry: Some(telemetry),
        }
    }

    /// The expose of a name.
    pub fn find(&self, id: &str) -> Option<(&ExposeId, &Arc<Summary>)> {
        self.exposes.get_key_value(&id.parse().ok()?)
    }

    /// How many exposes are doing how.
    pub fn count(&self, standing: Standing) -> usize {
        let summaries = self.exposes.values();
        summaries
            .filter(|summary| summary.standing == standing)
            .count()
    }

    /// The findings that concern an expose: those of its own section, and those of its service's
    /// sections that are not an expose.
    pub fn findings<'a>(&'a self, id: &'a ExposeId) -> impl Iterator<Item = &'a Diagnostic> {
        findings(&self.view, id)
    }
}

fn findings<'a>(view: &'a View, id: &'a ExposeId) -> impl Iterator<Item = &'a Diagnostic> {
    let report = view.reports.get(&id.service);
    let all = report.into_iter().flat_map(|report| &report.diagnostics);
    all.filter(|finding| {
        let section = finding.section.as_deref();
        section.is_none_or(|s| s == id.section || !s.starts_with("expose#"))
    })
}

/// What Envoys refused of an expose and what they said, by its name and their `node.id`.
type Refusals<'a> = BTreeMap<String, BTreeMap<String, &'a Refusal>>;

fn refusals<'a>(owners: &Owners, report: &'a Report) -> Refusals<'a> {
    let mut by_expose = Refusals::new();
    for envoy in &report.envoys {
        for (kind, refusal) in envoy.refusals() {
            for expose in owners.of_refusal(kind, &refusal.name, &refusal.text) {
                let nodes = by_expose.entry(expose.to_owned()).or_default();
                nodes.insert(envoy.stream.node.to_string(), refusal);
            }
        }
    }
    by_expose
}

fn summary(
    id: &ExposeId,
    state: &ExposeView,
    view: &View,
    owners: &Owners,
    refusals: &Refusals<'_>,
) -> Summary {
    let name = id.to_string();
    let belongings = owners.belongings(&name);
    let refusals = refusals.get(&name);
    let refused_by: Vec<String> = refusals
        .into_iter()
        .flat_map(BTreeMap::keys)
        .cloned()
        .collect();
    let standing = match state.serving {
        Serving::Refused => Standing::Refused,
        _ if !refused_by.is_empty() => Standing::RefusedByEnvoy,
        Serving::Waiting => Standing::Waiting,
        Serving::Kept => Standing::Kept,
        Serving::Served if state.endpoints == 0 => Standing::NoEndpoints,
        Serving::Served => Standing::Served,
    };
    let mut findings: Vec<&Diagnostic> = findings(view, id).collect();
    // The sections of an expose that is fine are not to blame for what others meet in them.
    if standing == Standing::Served {
        findings.retain(|finding| finding.section.as_deref() == Some(&id.section));
    }
    let warnings = findings
        .iter()
        .filter(|f| f.severity == Severity::Warning)
        .count();
    let worst = || {
        let own = |f: &Diagnostic| f.section.as_deref() == Some(id.section.as_str());
        let worst = findings.iter().max_by_key(|f| (f.severity, own(f)));
        worst.map(ToString::to_string)
    };
    let problem = match standing {
        Standing::Served => None,
        Standing::NoEndpoints => state.idle.as_deref().map(str::to_owned),
        Standing::RefusedByEnvoy => refusals
            .and_then(BTreeMap::first_key_value)
            .map(|(node, of)| refusal::sentence(node, &of.name, &of.text, &id.section)),
        Standing::Refused | Standing::Waiting | Standing::Kept => worst(),
    };
    Summary {
        standing,
        listener: state.socket.map(|socket| socket.to_string()),
        traffic: belongings.and_then(|belongings| {
            let listener = belongings.listener.as_ref()?;
            let chain = belongings.chain.as_ref()?;
            Some(match (&chain.next, chain.termination.is_some()) {
                _ if listener.udp => Traffic::Udp,
                (Next::Routes(_), true) => Traffic::Https,
                (Next::Routes(_), false) => Traffic::Http,
                (_, true) => Traffic::Tls,
                (_, false) if chain.tls_only => Traffic::Passthrough,
                (_, false) => Traffic::Tcp,
            })
        }),
        names: belongings.map_or_else(Vec::new, |b| b.names.iter().cloned().collect()),
        endpoints: state.endpoints,
        refused_by,
        problem,
        warnings,
        service: id.service.to_string(),
        section: id.section.clone(),
        id: name,
    }
}
