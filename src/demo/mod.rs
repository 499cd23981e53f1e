//! `xds demo`: a service published through a real Envoy, on one machine, in one command.
//!
//! A simulated OpenSVC node reads the example configurations, the sidecar follows its socket, a
//! real Envoy follows the sidecar, and real web servers stand on loopback addresses. Clients then
//! show what a user of the service would see.

mod backends;
mod certificates;
mod client;
mod envoy;
mod examples;
mod folder;
mod gateway;
mod load;
mod ports;
mod screen;
mod stage;
mod story;

use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};
use screen::Screen;
use stage::Stage;
use tokio::signal::unix::{SignalKind, signal};

/// Why the demo cannot go on; told to the user as it is.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Whoever looked on has seen enough.
#[derive(Debug, thiserror::Error)]
#[error("The demo was interrupted before everything was shown. What it had started has ended.")]
struct Interrupted;

/// What `xds demo` can be told.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Options {
    /// End after the story; succeed only if everything was seen
    #[arg(long)]
    pub once: bool,
    /// The Envoy binary [default: what `make envoy` installed, then `envoy` in the PATH]
    // A variable that is set to nothing, as in `ENVOY_BIN= xds demo`, is as good as none.
    #[arg(long, env = "ENVOY_BIN", value_name = "PATH")]
    #[arg(value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub envoy_bin: Option<PathBuf>,
    /// The folder of svcweb.conf and svcshop.conf [default: examples, else copies built in]
    #[arg(long, value_name = "FOLDER")]
    pub examples: Option<PathBuf>,
}

/// Runs the demo until it was seen (`once`) or interrupted. Needs a tokio runtime.
///
/// Returns whether everything that was to be seen was seen.
pub async fn run(options: Options) -> bool {
    let mut screen = Screen::new();
    if let Err(failure) = play(&options, &mut screen).await {
        if failure.is::<Interrupted>() {
            screen.line(&format!("\n{failure}"));
            return !options.once;
        }
        screen.line(&format!("\nThe demo cannot go on: {failure}"));
        return false;
    }
    let missing = screen.missing();
    if !missing.is_empty() {
        screen.line("\nNot seen:");
        for what in missing {
            screen.line(&format!("  - {what}"));
        }
    }
    missing.is_empty()
}

async fn play(options: &Options, screen: &mut Screen) -> Result<(), Failure> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // The terminal was closed.
    let mut hangup = signal(SignalKind::hangup())?;
    let ended = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    };
    tokio::pin!(ended);

    screen.title("igw-envoy demo: an OpenSVC service, published by Envoy");
    let mut stage = tokio::select! {
        stage = Stage::set_up(options, screen) => stage?,
        () = &mut ended => return Err(Interrupted.into()),
    };
    let outcome = tokio::select! {
        outcome = story::tell(&mut stage, screen) => outcome,
        () = &mut ended => {
            stage.tear_down().await.ok();
            return Err(Interrupted.into());
        }
    };
    if outcome.is_err() || !screen.missing().is_empty() {
        let logs = stage.keep_logs();
        screen.line(&format!("\n{logs}"));
    } else {
        stage.look_further(screen);
        if options.once {
            screen.line("\nEverything was seen. Without ONCE=1 it would keep running.");
        } else {
            screen.line("\nEverything keeps running. Ctrl-C ends it.");
            ended.await;
            stage.tear_down().await?;
            screen.line("\nThe demo is over. Everything that it started has ended, and its files are removed.");
            return outcome;
        }
    }
    let ended = stage.tear_down().await;
    outcome.and(ended)
}
