//! `xds watch`: what happens, as it happens.

use std::collections::BTreeMap;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::OK;
use super::failure::Failure;
use super::live::{self, SidecarSocket};
use super::status::{sentence, style};
use super::terminal::{self, Paint, Style, count};
use crate::control::v1;

/// Options of `xds watch`.
#[derive(Debug, Clone, Args)]
pub(super) struct WatchArgs {
    /// Only the exposes of a service
    #[arg(value_name = "SERVICE")]
    service: Option<String>,
    #[command(flatten)]
    sidecar: SidecarSocket,
    /// Write JSON: an object a line
    #[arg(long)]
    json: bool,
}

/// Runs the command until it is interrupted.
pub(super) async fn run(args: WatchArgs) -> Result<u8, Failure> {
    args.sidecar.clone().asked(tell(args)).await
}

async fn tell(args: WatchArgs) -> Result<u8, Failure> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut client = args.sidecar.control().await?;
    let service = args.service.unwrap_or_default();
    let mut stream = client
        .watch(v1::WatchRequest { service })
        .await?
        .into_inner();
    let mut seen = Seen::default();
    let paint = Paint::stdout();
    let reader_is_gone = terminal::reader_is_gone();
    tokio::pin!(reader_is_gone);
    loop {
        let news = tokio::select! {
            news = stream.message() => news?,
            _ = interrupt.recv() => return Ok(OK),
            _ = terminate.recv() => return Ok(OK),
            () = &mut reader_is_gone => return Ok(OK),
        };
        let Some(news) = news else {
            return Err(Failure::Unreachable("the sidecar ended".into()));
        };
        if args.json {
            let line = serde_json::to_string(&news).map_err(std::io::Error::from)?;
            terminal::print(&format!("{line}\n"))?;
        } else {
            let now = paint.apply(Style::Dim, live::now());
            let lines = seen.tell(&news, paint);
            let lines: String = lines
                .iter()
                .map(|line| format!("{now}  {line}\n"))
                .collect();
            terminal::print(&lines)?;
        }
    }
}

/// What was told already.
#[derive(Debug, Default)]
struct Seen {
    begun: bool,
    daemon: String,
    /// The Envoys by the number of their stream: the name, and what they refused.
    envoys: BTreeMap<u64, (String, Vec<String>)>,
    /// The newest change, and those that were not acknowledged by all.
    newest: u64,
    spreading: Vec<u64>,
}

impl Seen {
    /// What is new, a line each.
    fn tell(&mut self, news: &v1::News, paint: Paint) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(daemon) = &news.daemon {
            let (style, text) = sentence(daemon);
            if self.daemon != text {
                lines.push(format!("daemon {}", paint.apply(style, &text)));
                self.daemon = text;
            }
        }
        self.tell_envoys(news, paint, &mut lines);
        for expose in &news.exposes {
            let why = live::why(expose);
            let why = if why.is_empty() {
                why
            } else {
                format!(": {why}")
            };
            let standing = paint.apply(style(expose), live::standing(expose));
            let at = match expose.listener.as_str() {
                "" => String::new(),
                listener => format!(" on {listener}"),
            };
            let endpoints = count(usize::try_from(expose.endpoints).unwrap_or(0), "endpoint");
            lines.push(format!("{} {standing}{at}, {endpoints}{why}", expose.id));
        }
        for gone in &news.gone {
            lines.push(format!(
                "{gone} {}",
                paint.apply(Style::Dim, "is not exposed any more")
            ));
        }
        self.tell_changes(news, &mut lines);
        self.begun = true;
        lines
    }

    fn tell_envoys(&mut self, news: &v1::News, paint: Paint, lines: &mut Vec<String>) {
        let mut left = std::mem::take(&mut self.envoys);
        for envoy in &news.envoys {
            let refusals = envoy.refusals.iter();
            let refusals = refusals.map(|r| format!("{} {}: {}", r.r#type, r.resource, r.text));
            let refusals: Vec<String> = refusals.collect();
            let known = left.remove(&envoy.stream);
            if known.is_none() {
                let how = format!("{} by {}", envoy.variant.replace('_', " "), envoy.transport);
                let connected = paint.apply(Style::Good, "connected");
                lines.push(format!("Envoy {} {connected}, {how}", envoy.node));
            }
            let (_, before) = known.unwrap_or_default();
            for refusal in refusals.iter().filter(|refusal| !before.contains(refusal)) {
                let refused = paint.apply(Style::Bad, "refused");
                lines.push(format!("Envoy {} {refused} {refusal}", envoy.node));
            }
            self.envoys
                .insert(envoy.stream, (envoy.node.clone(), refusals));
        }
        for (node, _) in left.into_values() {
            lines.push(format!(
                "Envoy {node} {}",
                paint.apply(Style::Bad, "disconnected")
            ));
        }
    }

    /// Changes when they are made, and again when all Envoys have them. Those made before are old.
    fn tell_changes(&mut self, news: &v1::News, lines: &mut Vec<String>) {
        let newest = news.changes.iter().map(|change| change.number).max();
        if !self.begun {
            self.newest = newest.unwrap_or_default();
            return;
        }
        for change in news.changes.iter().rev() {
            let spreads = change.outstanding > 0 || change.acknowledged == 0;
            let is_new = change.number > self.newest;
            if is_new {
                let parts = change.parts.iter().map(part).collect::<Vec<_>>();
                lines.push(format!("change {}: {}", change.number, parts.join(", ")));
                self.spreading.push(change.number);
            }
            if !spreads && self.spreading.contains(&change.number) {
                self.spreading.retain(|number| *number != change.number);
                let envoys = count(usize::try_from(change.acknowledged).unwrap_or(0), "Envoy");
                let after = change.event_to_ack_seconds.unwrap_or_default() * 1000.0;
                lines.push(format!(
                    "change {} acknowledged by {envoys}, {after:.1} ms after the event",
                    change.number
                ));
            }
        }
        self.newest = self.newest.max(newest.unwrap_or_default());
    }
}

fn part(part: &v1::Part) -> String {
    let mut text = Vec::new();
    if part.put > 0 {
        text.push(format!("{} put", part.put));
    }
    if part.removed > 0 {
        text.push(format!("{} removed", part.removed));
    }
    format!("{} {}", part.r#type, text.join(" and "))
}
