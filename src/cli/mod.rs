//! The command line: thin, over the rest of the library.
//!
//! `xds` alone is the sidecar. The commands beside it come in two kinds: those that work without it,
//! on configurations and on tables, and those that ask a running one over its unix socket.

mod bootstrap;
mod codes;
mod diff;
mod explain;
mod failure;
mod healthcheck;
mod keywords;
mod live;
mod log;
mod probe;
mod record;
pub mod reference;
mod replay;
mod shell;
mod sidecar;
mod source;
mod status;
mod terminal;
mod translate;
mod validate;
mod wait;
mod watch;

use std::ffi::OsString;
use std::future::Future;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::demo;
use crate::text::printable;
use failure::Failure;

pub use sidecar::SidecarArgs;

/// Exit code of a command that did what it was asked, and whose answer is yes.
pub const OK: u8 = 0;
/// Exit code of a command that failed, or whose answer is no.
pub const FAILED: u8 = 1;
/// Exit code of a command line, or a file that it names, that is not understood.
pub const USAGE: u8 = 2;
/// Exit code of a command that the sidecar or the OpenSVC daemon does not answer.
pub const UNREACHABLE: u8 = 3;
/// Exit code of a command that waited in vain.
pub const TIMED_OUT: u8 = 4;

/// What the help says of exit codes.
const EXIT_CODES: &str = "\
Exit codes:
  0  done, and the answer is yes: accepted, nothing differs, forwarded, acknowledged
  1  failed, or the answer is no: findings, differences, a request that reaches nobody
  2  the command line, or a file that it names, is not understood
  3  the sidecar or the OpenSVC daemon does not answer
  4  the time was up";

/// The control plane of OpenSVC's Envoy ingress gateway.
///
/// Without a command, follows the OpenSVC daemon of this node and configures Envoy over xDS v3.
#[derive(Debug, Parser)]
#[command(name = "xds", version, infer_long_args = true, after_help = EXIT_CODES)]
#[command(args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(flatten)]
    sidecar: SidecarArgs,
    #[command(flatten)]
    log: LogArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Judges configurations of services as the gateway would
    Validate(validate::ValidateArgs),
    /// Shows what Envoy would get for configurations of services
    Translate(translate::TranslateArgs),
    /// Shows what a changed configuration would change in Envoy, and which connections would end
    Diff(diff::DiffArgs),
    /// Explains what becomes of a request: which listener, chain, virtual host, route and cluster
    /// take it, and why
    Explain(explain::ExplainArgs),
    /// Shows the running gateway at a glance: its daemon, its Envoys and what is exposed
    Status(status::StatusArgs),
    /// Shows what happens in the running gateway, as it happens
    Watch(watch::WatchArgs),
    /// Waits until the running gateway serves a service, and until Envoys acknowledged that
    Wait(wait::WaitArgs),
    /// Records what the OpenSVC daemon says, without what is secret
    Record(record::RecordArgs),
    /// Plays a recording: tells what a gateway makes of it, or serves it as a daemon would
    Replay(replay::ReplayArgs),
    /// Writes Envoy's bootstrap for this gateway
    ///
    /// It is the file for `envoy -c`; `envoy --mode validate -c FILE` checks it without serving.
    Bootstrap(bootstrap::BootstrapArgs),
    /// Lists the keywords that services may use, and what they do
    Keywords(keywords::KeywordsArgs),
    /// Explains the codes of findings: what they mean, why it matters, and what to do
    ExplainCode(codes::CodesArgs),
    /// Writes a script that completes the commands in a shell
    Completions(shell::CompletionsArgs),
    /// Writes the manual pages
    Man(shell::ManArgs),
    /// Publishes a service of a simulated OpenSVC node through a real Envoy, and shows it answer
    Demo(demo::Options),
    /// Asks the sidecar of this machine whether it serves, for container runtimes and systemd
    Healthcheck(healthcheck::HealthcheckArgs),
}

/// What is logged, and how.
#[derive(Debug, Args)]
struct LogArgs {
    /// How log lines look on standard error: for people, or one JSON object a line
    #[arg(long, value_enum, default_value_t = log::Format::Human, value_name = "FORMAT")]
    log_format: log::Format,
    /// What is logged: error, warn, info, debug, trace, or directives such as igw_envoy::daemon=debug.
    /// The environment variable RUST_LOG is used where this is not given
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
}

/// The command line as clap knows it.
fn command() -> clap::Command {
    Cli::command().mut_subcommands(|command| match command.get_after_help() {
        None => command.after_help(EXIT_CODES),
        Some(_) => command,
    })
}

/// Runs the command line. Returns the exit code: [`OK`], [`FAILED`], [`USAGE`], [`UNREACHABLE`] or
/// [`TIMED_OUT`].
pub fn main(args: impl IntoIterator<Item = OsString>) -> u8 {
    let parsed = command().try_get_matches_from(args);
    let cli = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are "errors" too, that belong on standard output. Where that cannot
            // be written there is nobody to tell.
            let _ = error.print();
            return match error.use_stderr() {
                true => USAGE,
                false => OK,
            };
        }
    };
    let outcome = match cli.command {
        None => return sidecar::run(cli.sidecar, &cli.log),
        Some(command) => run(command),
    };
    outcome.unwrap_or_else(|failure| {
        let code = failure.code();
        if code != OK {
            eprintln!("xds: {}", lines_of(&failure));
        }
        code
    })
}

/// A failure as it is shown: it may quote a file, whose bytes are nobody's to send to a terminal.
fn lines_of(failure: &Failure) -> String {
    let text = failure.to_string();
    text.lines().map(printable).collect::<Vec<_>>().join("\n")
}

fn run(command: Command) -> Result<u8, Failure> {
    match command {
        Command::Validate(args) => block_on(validate::run(args)),
        Command::Translate(args) => block_on(translate::run(args)),
        Command::Diff(args) => block_on(diff::run(args)),
        Command::Explain(args) => block_on(explain::run(args)),
        Command::Status(args) => block_on(status::run(args)),
        Command::Watch(args) => block_on(watch::run(args)),
        Command::Wait(args) => block_on(wait::run(args)),
        Command::Record(args) => block_on(record::run(args)),
        Command::Replay(args) => block_on(replay::run(args)),
        Command::Bootstrap(args) => bootstrap::run(args),
        Command::Keywords(args) => keywords::run(&args),
        Command::ExplainCode(args) => codes::run(&args),
        Command::Completions(args) => shell::completions(&args),
        Command::Man(args) => shell::man(&args),
        Command::Healthcheck(args) => block_on(async {
            let outcome = healthcheck::ask(args).await;
            outcome.map(|()| OK).map_err(Failure::Failed)
        }),
        Command::Demo(options) => {
            block_on(async { Ok(if demo::run(options).await { OK } else { FAILED }) })
        }
    }
}

fn block_on(work: impl Future<Output = Result<u8, Failure>>) -> Result<u8, Failure> {
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => Err(Failure::Failed(format!("cannot start threads: {error}"))),
    }
}
