//! `xds explain`: what becomes of a request, and why.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::failure::Failure;
use super::live::{self, SidecarSocket};
use super::probe::{self, Probe, Probes};
use super::source::{ClusterArgs, SourceArgs};
use super::terminal::{self, Paint, Style, Table, plain, styled};
use super::validate::{findings, judge_all};
use super::{FAILED, OK};
use crate::control::{self, v1};
use crate::inspect::catalog::Catalog;
use crate::inspect::explain::{self, BadQuestion, Question};
use crate::model::ObjectPath;
use crate::preview::Preview;

/// Options of `xds explain`.
#[derive(Debug, Clone, Args)]
pub(super) struct ExplainArgs {
    /// The request's URL, with scheme http, https, tcp, tls or udp
    #[arg(value_name = "URL")]
    url: String,
    /// A header of the request; may be given several times
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// The server name (SNI) that a TLS client asks for, where it is not the URL's host; empty for none
    #[arg(long, value_name = "NAME")]
    sni: Option<String>,
    /// The address that is connected to, where it matters which
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// Connect to the listener and the endpoints as well, from here, and say which of them answer
    #[arg(long, conflicts_with = "files")]
    probe: bool,
    /// Ask configurations instead of the running sidecar; may be given several times
    #[arg(long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The service that the file configures
    #[arg(long, value_name = "SERVICE", requires = "files")]
    service: Option<ObjectPath>,
    /// The gateway: exposes in files that name another one are left out
    #[arg(
        short,
        long,
        value_name = "NAME",
        default_value = "envoy",
        requires = "files"
    )]
    name: String,
    #[command(flatten)]
    sidecar: SidecarSocket,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

impl From<BadQuestion> for Failure {
    fn from(error: BadQuestion) -> Self {
        Self::Usage(error.to_string())
    }
}

/// Runs the command. Fails where the request reaches nobody.
pub(super) async fn run(args: ExplainArgs) -> Result<u8, Failure> {
    args.sidecar.clone().asked(tell(args)).await
}

async fn tell(args: ExplainArgs) -> Result<u8, Failure> {
    let (explanation, findings_text) = match args.files.is_empty() {
        true => (ask(&args).await?, String::new()),
        false => answer(&args).await?,
    };
    let probes = match args.probe {
        true => Some(probe::probe(&explanation, question(&args)?.address).await),
        false => None,
    };
    let arrives = arrives(&explanation) && probes.as_ref().is_none_or(Probes::is_well);
    if args.json {
        terminal::print_json(&Told {
            explanation,
            untried_endpoints: probes.as_ref().map(|probes| probes.untried),
            probes: probes.map(|probes| probes.tried),
        })?;
    } else {
        let paint = Paint::stdout();
        let text = text(&args.url, &explanation, paint);
        let tried = probes.map_or_else(String::new, |probes| probes.lines(paint));
        terminal::print(&format!("{findings_text}{text}{tried}"))?;
    }
    Ok(if arrives { OK } else { FAILED })
}

/// The answer, as JSON.
#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    explanation: v1::Explanation,
    #[serde(skip_serializing_if = "Option::is_none")]
    probes: Option<Vec<Probe>>,
    /// How many endpoints were not tried, beside those that were.
    #[serde(skip_serializing_if = "Option::is_none")]
    untried_endpoints: Option<usize>,
}

/// Whether somebody gets the request, as far as can be told without sending it.
fn arrives(explanation: &v1::Explanation) -> bool {
    let goes_somewhere = matches!(
        explanation.outcome(),
        v1::Outcome::Forwarded | v1::Outcome::Redirected
    );
    goes_somewhere && !explanation.caveats.iter().any(|caveat| caveat.fatal)
}

/// Asks the sidecar.
async fn ask(args: &ExplainArgs) -> Result<v1::Explanation, Failure> {
    let mut client = args.sidecar.control().await?;
    let request = v1::ExplainRequest {
        url: args.url.clone(),
        headers: args.headers.clone(),
        server_name: args.sni.clone(),
        address: args.address.clone().unwrap_or_default(),
    };
    Ok(client.explain(request).await?.into_inner())
}

/// The question that the arguments ask.
fn question(args: &ExplainArgs) -> Result<Question, BadQuestion> {
    let mut question = Question::new(&args.url)?;
    for line in &args.headers {
        question = question.header(line)?;
    }
    if let Some(name) = &args.sni {
        question = question.server_name(name);
    }
    match &args.address {
        Some(address) => question.address(address),
        None => Ok(question),
    }
}

/// Answers from configurations; and what was found in them.
async fn answer(args: &ExplainArgs) -> Result<(v1::Explanation, String), Failure> {
    let question = question(args)?;
    let sources = SourceArgs {
        files: args.files.clone(),
        service: args.service.clone(),
        live: Vec::new(),
        cluster: ClusterArgs {
            cluster: false,
            socket: None,
        },
    };
    let (all, _) = judge_all(&sources).await?;
    let mut preview = Preview::new(&args.name);
    let mut told = String::new();
    for judged in &all {
        preview.serve(
            &judged.source.document,
            &judged.verdict,
            &judged.source.addresses,
        );
        told.push_str(&findings(
            &judged.verdict.report.diagnostics,
            Paint::stdout(),
        ));
    }
    let catalog = Catalog::of(&preview.snapshot());
    let explanation = explain::explain(&catalog, &question);
    Ok((control::explanation(&explanation), told))
}

fn text(url: &str, explanation: &v1::Explanation, paint: Paint) -> String {
    let (style, word) = match explanation.outcome() {
        v1::Outcome::Forwarded => (Style::Good, "forwarded"),
        v1::Outcome::Redirected => (Style::Good, "redirected"),
        v1::Outcome::NoEndpoints => (Style::Doubtful, "no endpoint"),
        v1::Outcome::NotFound => (Style::Bad, "not found"),
        v1::Outcome::Closed => (Style::Bad, "closed"),
        v1::Outcome::NotListening => (Style::Bad, "nothing listens"),
        v1::Outcome::Unspecified => (Style::Doubtful, "unknown"),
    };
    let head = paint.apply(Style::Bold, url);
    let is_fatal = explanation.caveats.iter().any(|caveat| caveat.fatal);
    let outcome = match style {
        Style::Good if is_fatal => paint.apply(Style::Bad, format!("{word}, but it fails")),
        _ => paint.apply(style, word),
    };
    let mut text = format!("{head}: {outcome}\n");
    let mut table = Table::default();
    for step in &explanation.steps {
        let stage = match step.stage() {
            v1::Stage::Listener => "listener",
            v1::Stage::Chain => "chain",
            v1::Stage::VirtualHost => "virtual host",
            v1::Stage::Route => "route",
            v1::Stage::Cluster => "cluster",
            v1::Stage::Unspecified => "",
        };
        let name = match step.name.as_str() {
            "" => styled(Style::Bad, "none"),
            name => plain(name),
        };
        table.row([plain(stage), name, plain(&step.why)]);
        for shadow in &step.shadows {
            let name = styled(Style::Dim, format!("(not {})", shadow.name));
            table.row([plain(""), name, styled(Style::Dim, &shadow.why)]);
        }
    }
    text.push_str(&table.lines(2, paint));
    text.push_str(&format!("{}\n", explanation.answer));
    for caveat in &explanation.caveats {
        let (style, word) = match caveat.fatal {
            true => (Style::Bad, "But"),
            false => (Style::Doubtful, "Note"),
        };
        text.push_str(&format!("{}: {}\n", paint.apply(style, word), caveat.text));
    }
    if let Some(owner) = &explanation.owner {
        let why = live::why(owner);
        let is_told = explanation.caveats.iter().any(|c| c.text.contains(&why));
        let why = match why.is_empty() || is_told {
            true => String::new(),
            false => format!(", {why}"),
        };
        text.push_str(&format!("{}: {}{why}\n", owner.id, live::standing(owner)));
    }
    for finding in &explanation.related {
        text.push_str(&live::finding(finding, paint));
    }
    text
}
