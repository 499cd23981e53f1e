//! `xds validate`: the verdict of the gateway, without the gateway.

use clap::Args;
use serde::Serialize;

use super::failure::Failure;
use super::source::{self, Source, SourceArgs};
use super::terminal::{self, Paint, Style, Table, count, plain, styled};
use super::{FAILED, OK};
use crate::model::{Diagnostic, Expose, ObjectPath, Severity};
use crate::text::printable;
use crate::verdict::{Facts, Verdict, judge};

/// Options of `xds validate`.
#[derive(Debug, Clone, Args)]
pub(super) struct ValidateArgs {
    #[command(flatten)]
    sources: SourceArgs,
    /// Warnings fail, too
    #[arg(long)]
    strict: bool,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// A configuration, judged.
pub(super) struct Judged {
    pub(super) source: Source,
    pub(super) verdict: Verdict,
}

/// The verdict on one configuration, for scripts.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    source: &'a str,
    service: String,
    accepted: bool,
    served: Vec<String>,
    secrets: Vec<String>,
    findings: &'a [Diagnostic],
}

/// Judges configurations, each against the cluster and those before it.
pub(super) async fn judge_all(args: &SourceArgs) -> Result<(Vec<Judged>, Vec<Expose>), Failure> {
    let (sources, cluster) = source::read(args).await?;
    let others = cluster.map(|cluster| cluster.exposed()).unwrap_or_default();
    let mut facts = Facts {
        context: source::context(),
        others: others.clone(),
        ..Facts::default()
    };
    let mut all = Vec::new();
    for source in sources {
        let verdict = judge(&source.document, &facts);
        let service = &source.document.path;
        facts.others.retain(|other| other.id.service != *service);
        let exposes = verdict
            .candidates
            .iter()
            .map(|candidate| &*candidate.expose);
        facts.others.extend(exposes.cloned());
        all.push(Judged { source, verdict });
    }
    Ok((all, others))
}

/// Runs the command.
pub(super) async fn run(args: ValidateArgs) -> Result<u8, Failure> {
    let (all, _) = judge_all(&args.sources).await?;
    if args.json {
        let shown: Vec<Shown<'_>> = all.iter().map(Shown::of).collect();
        terminal::print_json(&shown)?;
    } else {
        let paint = Paint::stdout();
        let texts: Vec<String> = all.iter().map(|judged| judged.text(paint)).collect();
        terminal::print(&texts.join("\n"))?;
    }
    let worst = all
        .iter()
        .filter_map(|judged| judged.verdict.report.worst())
        .max();
    let limit = if args.strict {
        Severity::Warning
    } else {
        Severity::Error
    };
    Ok(match worst {
        Some(worst) if worst >= limit => FAILED,
        _ => OK,
    })
}

impl<'a> Shown<'a> {
    fn of(judged: &'a Judged) -> Self {
        let report = &judged.verdict.report;
        Self {
            source: &judged.source.name,
            service: report.service.to_string(),
            accepted: report.worst() != Some(Severity::Error),
            served: judged.verdict.served().map(ToString::to_string).collect(),
            secrets: texts(judged.verdict.secrets()),
            findings: &report.diagnostics,
        }
    }
}

impl Judged {
    fn text(&self, paint: Paint) -> String {
        let mut text = heading(&self.source, paint);
        text.push_str(&findings(&self.verdict.report.diagnostics, paint));
        let served: Vec<&str> = self
            .verdict
            .served()
            .map(|id| id.section.as_str())
            .collect();
        text.push_str(&match served.is_empty() {
            true => "  nothing would be served\n".to_owned(),
            false => format!("  would serve {}\n", served.join(", ")),
        });
        let secrets = texts(self.verdict.secrets());
        if !secrets.is_empty() {
            text.push_str(&format!(
                "  needs {}, not looked at here\n",
                secrets.join(", ")
            ));
        }
        text
    }
}

fn texts<'a>(secrets: impl IntoIterator<Item = &'a ObjectPath>) -> Vec<String> {
    secrets.into_iter().map(ToString::to_string).collect()
}

/// The source of a configuration and its service, as a line.
pub(super) fn heading(source: &Source, paint: Paint) -> String {
    let service = source.document.path.to_string();
    let line = match source.name == service {
        true => service,
        false => format!("{}: {service}", source.name),
    };
    format!("{}\n", paint.apply(Style::Bold, line))
}

/// Findings as lines: where, what, what to write, and the code for `xds explain-code`.
pub(super) fn findings(findings: &[Diagnostic], paint: Paint) -> String {
    let mut table = Table::default();
    for finding in findings {
        let style = match finding.severity {
            Severity::Error => Style::Bad,
            Severity::Warning => Style::Doubtful,
            Severity::Info => Style::Dim,
        };
        let place = match (&finding.section, &finding.keyword) {
            (Some(section), Some(keyword)) => format!("{section}.{keyword}"),
            (Some(section), None) => section.clone(),
            _ => "service".to_owned(),
        };
        let hint = match finding.hint.is_empty() {
            true => String::new(),
            false => format!("; {}", finding.hint),
        };
        let code = paint.apply(Style::Dim, format!("[{}]", finding.code));
        table.row([
            styled(style, finding.severity.to_string()),
            plain(printable(&place)),
            plain(format!("{}{hint} {code}", finding.message)),
        ]);
    }
    let mut text = table.lines(2, paint);
    let number = |severity| findings.iter().filter(|f| f.severity == severity).count();
    let (errors, warnings) = (number(Severity::Error), number(Severity::Warning));
    let mut sums = Vec::new();
    if errors > 0 {
        sums.push(count(errors, "error"));
    }
    if warnings > 0 {
        sums.push(count(warnings, "warning"));
    }
    if !sums.is_empty() {
        text.push_str(&format!("  {}\n", sums.join(", ")));
    }
    text
}
