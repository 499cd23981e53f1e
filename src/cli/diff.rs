//! `xds diff`: what a changed configuration would change in Envoy, and which connections would end.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::failure::Failure;
use super::source::{self, Cluster, ClusterArgs, Source};
use super::terminal::{self, Paint, Style, Table, count, plain, styled};
use super::translate::placeholders;
use super::validate::{findings, heading};
use super::{FAILED, OK};
use crate::model::{Diagnostic, ObjectPath, Severity};
use crate::preview::{Difference, Drain, Extent, Field, Kind, Preview, differences, drains};
use crate::verdict::{Facts, judge};

/// Options of `xds diff`.
#[derive(Debug, Clone, Args)]
pub(super) struct DiffArgs {
    /// The configuration after; - is standard input. With two: those before and after. With one, the
    /// one before is that which is stored in the cluster
    #[arg(value_name = "FILE", num_args = 1..=2, required = true)]
    files: Vec<PathBuf>,
    /// The service that they configure. Default: after the last file,
    /// namespaces/NAMESPACE/svc/NAME.conf or NAME.conf
    #[arg(long, value_name = "SERVICE")]
    service: Option<ObjectPath>,
    /// The gateway: exposes that name another one are left out
    #[arg(short, long, value_name = "NAME", default_value = "envoy")]
    name: String,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// Everything there is to tell.
#[derive(Debug, Serialize)]
struct Told {
    service: String,
    findings: Vec<Diagnostic>,
    /// Exposes that would be refused, and go on as they are.
    kept: Vec<String>,
    differences: Vec<Difference>,
    drains: Vec<Drain>,
}

/// Runs the command. Like diff, fails where something differs.
pub(super) async fn run(args: DiffArgs) -> Result<u8, Failure> {
    let (old, new) = match args.files.as_slice() {
        [old, new] => (Some(old), new),
        [new] => (None, new),
        _ => return Err(Failure::Usage("name one file or two".into())),
    };
    let new = Source::read(new, args.service.as_ref())?;
    let service = new.document.path.clone();
    let from_cluster = old.is_none() || args.cluster.cluster;
    let cluster = match from_cluster {
        true => Some(Cluster::read(&args.cluster).await?),
        false => None,
    };
    let old = match (old, &cluster) {
        (Some(file), _) => Source::read(file, Some(&service))?,
        (None, Some(cluster)) => cluster.source(&service).await?,
        (None, None) => {
            return Err(Failure::Usage(
                "name a configuration to compare with".into(),
            ));
        }
    };
    let others = cluster.as_ref().map(Cluster::exposed).unwrap_or_default();
    // In the cluster the addresses are known; they are not what the configuration changes.
    let live = cluster.as_ref().map(|cluster| cluster.addresses(&service));
    let live = live.filter(|addresses| !addresses.is_empty());
    let facts = Facts {
        context: source::context(),
        others,
        ..Facts::default()
    };
    let mut preview = Preview::new(&args.name);
    let neighbours = facts
        .others
        .iter()
        .filter(|other| other.id.service != service);
    preview.serve_others(&neighbours.cloned().collect::<Vec<_>>());
    let addresses = |source: &Source| live.clone().unwrap_or_else(|| source.addresses.clone());
    let verdict = judge(&old.document, &facts);
    preview.serve(&old.document, &verdict, &addresses(&old));
    let before = preview.snapshot();
    let verdict = judge(&new.document, &facts);
    let kept = preview.serve(&new.document, &verdict, &addresses(&new));
    let after = preview.snapshot();
    let told = Told {
        service: service.to_string(),
        findings: verdict.report.diagnostics,
        kept: kept.iter().map(ToString::to_string).collect(),
        differences: differences(&before, &after),
        drains: drains(&before, &after),
    };
    if args.json {
        terminal::print_json(&told)?;
    } else {
        let paint = Paint::stdout();
        let mut text = heading(&new, paint);
        text.push_str(&findings(&told.findings, paint));
        if live.is_none() {
            text.push_str(&placeholders(&new, paint));
        }
        text.push_str(&told.text(paint));
        terminal::print(&text)?;
    }
    let refused = |finding: &Diagnostic| finding.severity == Severity::Error;
    let is_same = told.differences.is_empty() && !told.findings.iter().any(refused);
    Ok(if is_same { OK } else { FAILED })
}

impl Told {
    fn text(&self, paint: Paint) -> String {
        let mut text = String::new();
        for expose in &self.kept {
            text.push_str(&format!(
                "  {expose} would be refused, and go on as it is\n"
            ));
        }
        if self.differences.is_empty() {
            text.push_str("\nNothing changes in Envoy.\n");
            return text;
        }
        text.push_str(&format!("\n{}\n", paint.apply(Style::Bold, "In Envoy")));
        for difference in &self.differences {
            text.push_str(&resource(difference, paint));
        }
        text.push_str(&format!("\n{}\n", paint.apply(Style::Bold, "Connections")));
        if self.drains.is_empty() {
            text.push_str("  none ends\n");
        }
        for drain in &self.drains {
            text.push_str(&format!("  {}\n", sentence(drain)));
        }
        let number = |kind| self.differences.iter().filter(|d| d.change == kind).count();
        let changed = number(Kind::Changed);
        let (added, removed) = (number(Kind::Added), number(Kind::Removed));
        let sum = format!("{added} added, {changed} changed, {removed} removed");
        text.push_str(&format!(
            "\n{}: {sum}\n",
            count(self.differences.len(), "resource")
        ));
        text
    }
}

pub(super) fn resource(difference: &Difference, paint: Paint) -> String {
    let style = match difference.change {
        Kind::Added => Style::Good,
        Kind::Changed => Style::Doubtful,
        Kind::Removed => Style::Bad,
    };
    let mark = match difference.change {
        Kind::Added => "+",
        Kind::Changed => "~",
        Kind::Removed => "-",
    };
    let head = format!("{mark} {} {}", difference.kind, difference.name);
    let mut text = format!("  {}\n", paint.apply(style, head));
    if difference.change == Kind::Changed && difference.fields.is_empty() {
        text.push_str("      what is secret in it\n");
    }
    let mut table = Table::default();
    for field in &difference.fields {
        table.row([plain(&field.path), change(field)]);
    }
    text.push_str(&table.lines(6, paint));
    text
}

/// A field's change: what came and went of a list of plain values, the values otherwise.
fn change(field: &Field) -> (String, Option<Style>) {
    let text = match (&field.old, &field.new) {
        (Some(Value::Array(old)), Some(Value::Array(new))) if is_set(old) && is_set(new) => {
            let gone = old.iter().filter(|item| !new.contains(item));
            let come = new.iter().filter(|item| !old.contains(item));
            let gone = gone.map(|item| format!("-{}", brief(item)));
            let come = come.map(|item| format!("+{}", brief(item)));
            let all: Vec<String> = gone.chain(come).collect();
            match all.is_empty() {
                true => format!(
                    "{} → {}",
                    brief(&old.clone().into()),
                    brief(&new.clone().into())
                ),
                false => all.join(" "),
            }
        }
        (Some(old), Some(new)) => format!("{} → {}", brief(old), brief(new)),
        (None, Some(new)) => return styled(Style::Good, format!("+ {}", brief(new))),
        (Some(old), None) => return styled(Style::Bad, format!("- {}", brief(old))),
        (None, None) => String::new(),
    };
    plain(text)
}

fn is_set(items: &[Value]) -> bool {
    items
        .iter()
        .all(|item| !item.is_object() && !item.is_array())
}

/// A value on a line, cut where it is long.
fn brief(value: &Value) -> String {
    const LONGEST: usize = 120;
    let text = match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn sentence(drain: &Drain) -> String {
    let Drain { listener, why, .. } = drain;
    match &drain.extent {
        Extent::Closed => format!("{listener} closes, and its connections drain: {why}"),
        Extent::All => format!("all of {listener} drain: {why}"),
        Extent::Chain { chain } => format!("those of {chain} on {listener} drain: {why}"),
    }
}
