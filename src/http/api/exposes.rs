//! What services expose.

use std::sync::Arc;

use axum::Json;
use axum::extract;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Path, Problem, Query};
use crate::inspect::board::{Board, Standing, Summary};
use crate::inspect::catalog::{Chain, Cluster, Endpoint, Secret, VirtualHost};
use crate::inspect::{State, refusal};
use crate::model::{Diagnostic, ExposeId, ObjectPath};
use crate::validate::codes;

/// Which exposes to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    /// Words that the name, a domain, the listener or the problem must contain, all of them.
    #[serde(default)]
    q: String,
    /// How they are doing: one or several words, separated by commas.
    #[serde(default)]
    #[param(example = "refused,waiting")]
    standing: String,
    /// The service that owns them.
    service: Option<String>,
}

/// A page of exposes.
#[derive(Debug, Serialize, ToSchema)]
pub struct Exposes {
    /// How many exposes there are, whatever was asked for.
    pub total: usize,
    /// Those asked for, by service and section.
    pub exposes: Vec<Arc<Summary>>,
}

/// A finding: what is wrong, and the line to change.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Finding {
    /// The service.
    pub service: String,
    /// `error`, `warning` or `info`.
    #[schema(example = "error")]
    pub severity: String,
    /// A stable identifier.
    #[schema(example = "name-taken")]
    pub code: &'static str,
    /// What the code means.
    pub title: &'static str,
    /// Why it matters and what to do.
    pub explanation: &'static str,
    /// The section at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    /// The keyword at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyword: Option<String>,
    /// What the configuration says there, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What is wrong, with the offending value.
    pub message: String,
    /// What to write instead.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hint: String,
    /// In a conflict: the expose that holds what this one asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incumbent: Option<String>,
    /// The command that changes the very line, with `VALUE` to fill in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "om test/svc/web set --kw 'vhost#0.domains=VALUE'")]
    pub command: Option<String>,
}

impl Finding {
    pub(super) fn of(service: &impl ToString, finding: &Diagnostic) -> Self {
        let entry = codes::explain(finding.code);
        let service = service.to_string();
        let line = finding.section.as_ref().zip(finding.keyword.as_ref());
        Self {
            severity: finding.severity.to_string(),
            code: finding.code,
            title: entry.map_or("", |entry| entry.title),
            explanation: entry.map_or("", |entry| entry.explanation),
            section: finding.section.clone(),
            keyword: finding.keyword.clone(),
            message: finding.message.clone(),
            hint: finding.hint.clone(),
            value: None,
            incumbent: finding.incumbent.as_ref().map(ToString::to_string),
            command: line.map(|(section, keyword)| {
                format!("om {service} set --kw '{section}.{keyword}=VALUE'")
            }),
            service,
        }
    }
}

impl Finding {
    /// A finding on a service of the cluster, with what its configuration says there.
    pub(super) fn live(board: &Board, service: &ObjectPath, finding: &Diagnostic) -> Self {
        let line = finding.section.clone().zip(finding.keyword.clone());
        let values = board.view.values.get(service);
        let value = line.and_then(|line| values?.get(&line).cloned());
        Self {
            value,
            ..Self::of(service, finding)
        }
    }
}

/// What an Envoy refused of an expose.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct EnvoyRefusal {
    /// The Envoy.
    pub node: String,
    /// The resource that it refused.
    pub resource: String,
    /// Envoy's words.
    pub text: String,
    /// Which line to change, where it is the host that Envoy is on which makes it refuse.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// An expose, and the way of a request to it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Expose {
    /// The expose in a few words.
    #[serde(flatten)]
    pub summary: Arc<Summary>,
    /// What there is to say of it and of the sections that it may use.
    pub findings: Vec<Finding>,
    /// What Envoys refused of it.
    pub refusals: Vec<EnvoyRefusal>,
    /// Its filter chain, or the one that it shares; absent where it is not served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<Chain>,
    /// Its virtual hosts.
    pub virtual_hosts: Vec<VirtualHost>,
    /// Its cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Arc<Cluster>>,
    /// Where its endpoints are.
    pub addresses: Vec<Endpoint>,
    /// The certificates and trust anchors that it uses.
    pub secrets: Vec<Arc<Secret>>,
    /// How many exposes its listener serves.
    pub neighbours: usize,
}

/// List exposes
#[utoipa::path(get, path = "/api/v1/exposes", tag = "exposes", params(Filter),
    responses((status = 200, body = Exposes), (status = 400, body = Problem)))]
pub(super) async fn list(
    extract::State(state): extract::State<State>,
    Query(filter): Query<Filter>,
) -> Result<Json<Exposes>, Problem> {
    let board = state.board();
    let words: Vec<String> = filter.q.split_whitespace().map(str::to_lowercase).collect();
    let standings: Vec<&str> = filter
        .standing
        .split(',')
        .filter(|s| !s.is_empty())
        .collect();
    let known = Standing::ALL.map(Standing::word);
    if let Some(unknown) = standings.iter().find(|word| !known.contains(word)) {
        let known = known.join(", ");
        let detail = format!("standing: '{unknown}' is none; write one or several of {known}");
        return Err(Problem::bad_request(detail));
    }
    let exposes = board.exposes.values().filter(|summary| {
        let service = filter.service.as_ref();
        service.is_none_or(|service| *service == summary.service)
            && (standings.is_empty() || standings.contains(&summary.standing.word()))
            && words.iter().all(|word| mentions(summary, word))
    });
    Ok(Json(Exposes {
        total: board.exposes.len(),
        exposes: exposes.cloned().collect(),
    }))
}

fn mentions(summary: &Summary, word: &str) -> bool {
    let texts = [
        Some(&summary.id),
        summary.listener.as_ref(),
        summary.problem.as_ref(),
    ];
    let names = summary.names.iter();
    let mut all = texts.into_iter().flatten().chain(names);
    all.any(|text| text.to_lowercase().contains(word))
}

/// One expose, with the way of a request to it
#[utoipa::path(get, path = "/api/v1/exposes/{id}", tag = "exposes",
    params(("id" = String, Path, description = "Its name, percent-encoded", example = "test%2Fsvc%2Fweb.expose%230")),
    responses((status = 200, body = Expose), (status = 404, body = Problem)))]
pub(super) async fn one(
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
) -> Result<Json<Expose>, Problem> {
    let board = state.board();
    let Some((id, summary)) = board.find(&id) else {
        let detail = format!(
            "there is no expose {id}; a name is, for instance, test/svc/web.expose#0, written \
             test%2Fsvc%2Fweb.expose%230 in a URL"
        );
        return Err(Problem::not_found(detail));
    };
    Ok(Json(detail(&board, id, summary)))
}

fn detail(board: &Board, id: &ExposeId, summary: &Arc<Summary>) -> Expose {
    let catalog = &board.catalog;
    let name = summary.id.as_str();
    let belongings = board.owners.belongings(name);
    let table = belongings
        .and_then(|b| b.routes.as_deref())
        .and_then(|routes| catalog.routes.get(routes));
    let hosts = table.into_iter().flat_map(|table| &table.virtual_hosts);
    let own_hosts = hosts.filter(|host| host.owner().is_some_and(|(owner, _)| owner == name));
    let secrets = catalog.secrets.iter();
    let own_secrets =
        secrets.filter(|(secret, _)| board.owners.of_secret(secret).any(|e| e == name));
    let listener = belongings.and_then(|b| b.listener.as_ref());
    Expose {
        findings: board
            .findings(id)
            .map(|f| Finding::live(board, &id.service, f))
            .collect(),
        refusals: refusals(board, name, &summary.section),
        chain: belongings.and_then(|b| b.chain.clone()),
        virtual_hosts: own_hosts.cloned().collect(),
        cluster: catalog.clusters.get(name).cloned(),
        addresses: catalog.endpoints_of(name).to_vec(),
        secrets: own_secrets.map(|(_, secret)| secret.clone()).collect(),
        neighbours: listener.map_or(0, |listener| {
            let on_it = board.exposes.values();
            on_it
                .filter(|other| other.listener.as_ref() == Some(&listener.name))
                .count()
        }),
        summary: summary.clone(),
    }
}

fn refusals(board: &Board, expose: &str, section: &str) -> Vec<EnvoyRefusal> {
    let envoys = board.telemetry.iter().flat_map(|report| &report.envoys);
    let all = envoys.flat_map(|envoy| envoy.refusals().map(move |(kind, r)| (envoy, kind, r)));
    let concerning = all.filter_map(|(envoy, kind, refusal)| {
        let resource = &*refusal.name;
        let owners = board.owners.of_refusal(kind, resource, &refusal.text);
        owners.contains(&expose).then(|| EnvoyRefusal {
            node: envoy.stream.node.to_string(),
            resource: resource.to_owned(),
            text: refusal.text.trim().to_owned(),
            advice: refusal::advice(resource, &refusal.text, section),
        })
    });
    concerning.collect()
}

/// Every finding on every service
#[utoipa::path(get, path = "/api/v1/diagnostics", tag = "exposes",
    responses((status = 200, body = Vec<Finding>)))]
pub(super) async fn diagnostics(
    extract::State(state): extract::State<State>,
) -> Json<Vec<Finding>> {
    let board = state.board();
    let reports = board.view.reports.values();
    let findings = reports.flat_map(|report| {
        let all = report.diagnostics.iter();
        all.map(|finding| Finding::live(&board, &report.service, finding))
    });
    Json(findings.collect())
}
