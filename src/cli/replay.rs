//! `xds replay`: a recording, told or served.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use clap::Args;
use imbl::ordmap::DiffItem;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use super::OK;
use super::diff::resource;
use super::failure::Failure;
use super::source::context;
use super::terminal::{self, Paint, Style, count};
use crate::daemon::Transcript;
use crate::index::{Event, Index, Options, ReadSecret, Request, SecretContent, Serving, View};
use crate::preview::{Difference, differences};
use crate::recording::{Player, Recording, apply, stand_in};
use crate::snapshot::Snapshot;

/// Options of `xds replay`.
#[derive(Debug, Clone, Args)]
pub(super) struct ReplayArgs {
    /// The recording that `xds record` made; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Serve it on this unix socket as a daemon would, instead of telling what a gateway makes of it:
    /// `xds --socket PATH` then follows it
    #[arg(long, value_name = "PATH", conflicts_with = "json")]
    serve: Option<PathBuf>,
    /// How many times as fast it is served
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, requires = "serve")]
    #[arg(value_parser = parse_speed)]
    speed: f64,
    /// The gateway's name
    #[arg(short, long, value_name = "NAME", default_value = "envoy")]
    name: String,
    /// Write JSON: an object a line
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) async fn run(args: ReplayArgs) -> Result<u8, Failure> {
    let recording = read(&args.file)?;
    match &args.serve {
        None => tell(&args, recording),
        Some(socket) => serve(socket, recording, args.speed).await,
    }
}

fn read(file: &Path) -> Result<Recording, Failure> {
    let name = file.display();
    let from: Box<dyn BufRead> = match file == Path::new("-") {
        true => Box::new(BufReader::new(std::io::stdin())),
        false => {
            let file = File::open(file).map_err(|e| Failure::Usage(format!("{name}: {e}")))?;
            Box::new(BufReader::new(file))
        }
    };
    Recording::read(from).map_err(|error| Failure::Usage(format!("{name}: {error}")))
}

async fn serve(socket: &Path, recording: Recording, speed: f64) -> Result<u8, Failure> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let messages = recording.entries.len();
    let player = Player::bind(socket, recording).map_err(|error| {
        Failure::Failed(format!("cannot serve at {}: {error}", socket.display()))
    })?;
    eprintln!(
        "serving {} at {} once somebody listens; secrets are made up; Ctrl-C ends it",
        count(messages, "message"),
        socket.display()
    );
    let told = |number: usize, _: &_| {
        if number + 1 == messages {
            eprintln!("everything was said; the last state stays");
        }
    };
    tokio::select! {
        () = player.play(speed, told) => {}
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    // The socket is ours: it did not exist before. Where it is gone already, so be it.
    let _ = std::fs::remove_file(socket);
    Ok(OK)
}

/// What a gateway makes of one message.
#[derive(Debug, Serialize)]
struct Told {
    /// Seconds after the beginning.
    after: f64,
    /// The number of the daemon's message; absent for the state at the beginning.
    message: Option<u64>,
    /// How exposes that are new or differ are served.
    exposes: Vec<String>,
    /// Findings that are new.
    findings: Vec<String>,
    /// What changes for Envoy.
    differences: Vec<Difference>,
}

fn tell(args: &ReplayArgs, recording: Recording) -> Result<u8, Failure> {
    let mut index = Index::new(Options {
        gateway: args.name.clone(),
        ports: 1025..=65535,
        reserved: Vec::new(),
    });
    let paint = Paint::stdout();
    let mut dataset = recording.head.status;
    let entries = recording.entries.into_iter();
    let entries = entries.map(|entry| (entry.after, Some(entry.message)));
    let mut seen = (View::default(), Snapshot::default());
    for (after, message) in std::iter::once((0.0, None)).chain(entries) {
        if let Some(message) = &message {
            apply(&mut dataset, message);
        }
        feed(&mut index, dataset.to_string().as_bytes())?;
        let now = (index.view().clone(), index.snapshot().clone());
        let told = Told {
            after,
            message: message.as_ref().and_then(|m| m.get("id")?.as_u64()),
            exposes: exposes(&seen.0, &now.0),
            findings: findings(&seen.0, &now.0),
            differences: differences(&seen.1, &now.1),
        };
        seen = now;
        if args.json {
            let line = serde_json::to_string(&told).map_err(std::io::Error::from)?;
            terminal::print(&format!("{line}\n"))?;
        } else if let Some(text) = told.text(paint) {
            terminal::print(&text)?;
        }
    }
    Ok(OK)
}

/// Lets a gateway read a whole state. Secrets are made up.
fn feed(index: &mut Index, status: &[u8]) -> Result<(), Failure> {
    let update = Transcript::default()
        .status(status)
        .map_err(|error| Failure::Usage(format!("the recorded state cannot be read: {error}")))?;
    let mut events = vec![Event::Daemon(update)];
    while let Some(event) = events.pop() {
        for request in index.apply(event, &context()) {
            events.push(match request {
                Request::Read(read) => {
                    let content = made_up(&read);
                    Event::SecretRead(read, Ok(content))
                }
                Request::Store(store) => Event::PortStored(store, Ok(())),
            });
        }
    }
    Ok(())
}

fn made_up(read: &ReadSecret) -> SecretContent {
    let keys = read.keys().iter();
    keys.filter_map(|key| Some(((*key).to_owned(), stand_in(key)?.to_owned())))
        .collect()
}

fn exposes(old: &View, new: &View) -> Vec<String> {
    let word = |serving| match serving {
        Serving::Served => "served",
        Serving::Kept => "kept as it was",
        Serving::Refused => "refused",
        Serving::Waiting => "waits for a secret",
    };
    let changes = old.exposes.diff(&new.exposes);
    changes
        .map(|change| match change {
            DiffItem::Remove(id, _) => format!("{id}: not exposed any more"),
            DiffItem::Add(id, view)
            | DiffItem::Update {
                new: (id, view), ..
            } => {
                let socket = view
                    .socket
                    .map_or_else(String::new, |socket| format!(" on {socket}"));
                let endpoints = count(view.endpoints, "endpoint");
                format!("{id}: {}{socket}, {endpoints}", word(view.serving))
            }
        })
        .collect()
}

fn findings(old: &View, new: &View) -> Vec<String> {
    let mut lines = Vec::new();
    for (service, report) in &new.reports {
        let before = old.reports.get(service);
        let known = |finding| before.is_some_and(|report| report.diagnostics.contains(finding));
        let fresh = report.diagnostics.iter().filter(|finding| !known(finding));
        lines.extend(fresh.map(|f| format!("{}: {service} {f} [{}]", f.severity, f.code)));
    }
    lines
}

impl Told {
    /// The lines for people; `None` where nothing happened.
    fn text(&self, paint: Paint) -> Option<String> {
        let quiet = self.exposes.is_empty() && self.findings.is_empty();
        if quiet && self.differences.is_empty() && self.message.is_some() {
            return None;
        }
        let what = match self.message {
            None => "the state at the beginning".to_owned(),
            Some(id) => format!("message {id}"),
        };
        let head = format!("{:9.3} s  {what}", self.after);
        let mut text = format!("{}\n", paint.apply(Style::Bold, head));
        for line in self.exposes.iter().chain(&self.findings) {
            text.push_str(&format!("  {line}\n"));
        }
        for difference in &self.differences {
            text.push_str(&resource(difference, paint));
        }
        Some(text)
    }
}

fn parse_speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed.is_finite() && speed > 0.0 => Ok(speed),
        _ => Err(format!(
            "'{text}' is not a factor; write a number above 0, such as 10"
        )),
    }
}
