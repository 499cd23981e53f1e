//! The command line: thin, over the rest of the library.

mod healthcheck;
mod log;
mod sidecar;

use std::ffi::OsString;

use clap::{Args, Parser, Subcommand};

use crate::demo;

pub use sidecar::SidecarArgs;

/// Exit code of a command that did what it was asked.
pub const OK: u8 = 0;
/// Exit code of a command that failed.
pub const FAILED: u8 = 1;
/// Exit code of a command line that is not understood.
pub const USAGE: u8 = 2;

/// The control plane of OpenSVC's Envoy ingress gateway.
///
/// Without a command, follows the OpenSVC daemon of this node and configures Envoy over xDS v3.
#[derive(Debug, Parser)]
#[command(name = "xds", version, infer_long_args = true)]
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
    /// Publishes a service of a simulated OpenSVC node through a real Envoy, and shows it answer
    Demo(demo::Options),
    /// Asks the sidecar of this machine whether it serves: exits with 0 if so, with 1 if not
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

/// Runs the command line. Returns the exit code: [`OK`], [`FAILED`] or [`USAGE`].
pub fn main(args: impl IntoIterator<Item = OsString>) -> u8 {
    let cli = match Cli::try_parse_from(args) {
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
    match cli.command {
        None => sidecar::run(cli.sidecar, &cli.log),
        Some(Command::Demo(options)) => run_demo(options),
        Some(Command::Healthcheck(args)) => run_healthcheck(args),
    }
}

fn run_demo(options: demo::Options) -> u8 {
    match tokio::runtime::Runtime::new() {
        Ok(runtime) if runtime.block_on(demo::run(options)) => OK,
        Ok(_) => FAILED,
        Err(error) => {
            eprintln!("xds: cannot start threads: {error}");
            FAILED
        }
    }
}

fn run_healthcheck(args: healthcheck::HealthcheckArgs) -> u8 {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(healthcheck::ask(args)),
        Err(error) => Err(format!("cannot start: {error}")),
    };
    match outcome {
        Ok(()) => OK,
        Err(error) => {
            eprintln!("xds: {error}");
            FAILED
        }
    }
}
