//! `xds translate`: a configuration in Envoy's words.

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::failure::Failure;
use super::source::{Source, SourceArgs};
use super::terminal::{self, Paint, Style};
use super::validate::{findings, judge_all};
use super::{FAILED, OK};
use crate::envoy::json::{self, Sensitive};
use crate::envoy::{Resource, ResourceType};
use crate::model::Severity;
use crate::preview::Preview;

/// Options of `xds translate`.
#[derive(Debug, Clone, Args)]
pub(super) struct TranslateArgs {
    #[command(flatten)]
    sources: SourceArgs,
    /// The gateway: exposes that name another one are left out
    #[arg(short, long, value_name = "NAME", default_value = "envoy")]
    name: String,
    /// Only resources of a type: cluster, endpoints, secret, listener or routes; may be given several
    /// times
    #[arg(long = "type", value_name = "TYPE", value_parser = parse_type)]
    types: Vec<ResourceType>,
    /// Write JSON: a list of resources with type, name, version and content
    #[arg(long)]
    json: bool,
}

/// A resource, for people and scripts.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(rename = "type")]
    kind: &'static str,
    name: String,
    version: String,
    confidential: bool,
    content: Value,
}

/// Runs the command.
pub(super) async fn run(args: TranslateArgs) -> Result<u8, Failure> {
    let (all, _) = judge_all(&args.sources).await?;
    let mut preview = Preview::new(&args.name);
    let paint = Paint::stdout();
    let mut text = String::new();
    let mut refused = false;
    for judged in &all {
        let (source, report) = (&judged.source, &judged.verdict.report);
        preview.serve(&source.document, &judged.verdict, &source.addresses);
        refused |= report.worst() == Some(Severity::Error);
        for line in findings(&report.diagnostics, Paint::plain()).lines() {
            text.push_str(&comment(paint, &format!("{}:{line}", source.name)));
        }
        text.push_str(&placeholders(source, paint));
    }
    let snapshot = preview.snapshot();
    let wanted = |kind: &ResourceType| args.types.is_empty() || args.types.contains(kind);
    let kinds = ResourceType::ALL.into_iter().filter(wanted);
    let resources = kinds.flat_map(|kind| snapshot.iter(kind));
    let shown: Vec<Shown> = resources.map(|resource| Shown::of(resource)).collect();
    if args.json {
        terminal::print_json(&shown)?;
    } else {
        for resource in &shown {
            let head = format!(
                "{} {}, version {}",
                resource.kind, resource.name, resource.version
            );
            text.push_str(&comment(paint, &head));
            text.push_str(&format!("{:#}\n", resource.content));
        }
        terminal::print(&text)?;
    }
    Ok(if refused { FAILED } else { OK })
}

/// A line that says which addresses stand for others.
pub(super) fn placeholders(source: &Source, paint: Paint) -> String {
    let stand_for = source.placeholders.iter();
    let lines = stand_for.map(|address| {
        let (addr, section) = (address.addr, &address.section);
        comment(
            paint,
            &format!("{addr} stands for the address of {section}, which is known once it is up"),
        )
    });
    lines.collect()
}

fn comment(paint: Paint, text: &str) -> String {
    format!(
        "{}\n",
        paint.apply(Style::Dim, format!("# {}", text.trim_end()))
    )
}

impl Shown {
    fn of(resource: &Resource) -> Self {
        let content = json::print(resource.kind.type_url(), &resource.body, Sensitive::Hidden);
        Self {
            kind: resource.kind.word(),
            name: resource.name.to_string(),
            version: resource.version.to_string(),
            confidential: resource.confidential,
            content: content.unwrap_or_default(),
        }
    }
}

fn parse_type(text: &str) -> Result<ResourceType, String> {
    let all = ResourceType::ALL;
    let found = all.into_iter().find(|kind| kind.word() == text);
    found.ok_or_else(|| {
        let words = all.map(ResourceType::word).join(", ");
        format!("'{text}' is not a type; write one of {words}")
    })
}
