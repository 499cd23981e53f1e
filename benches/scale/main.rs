//! The sidecar at scale, as a black box: the `xds` binary as its own process, between a synthetic
//! OpenSVC daemon of N services and minimal xDS clients.
//!
//! What is told of time is the processor time of the server process alone; latency is from before a
//! patch is written to after its response was read. A bare gRPC stream, which forwards messages of the
//! same size and takes the acknowledgements, is measured in turns with it: the floor.
//!
//! `cargo bench --bench scale -- --help`; without `--bench`, as `cargo test` starts it, a small run only
//! shows that it works.

mod client;
mod cluster;
mod daemon;
mod floor;
mod measure;
mod meter;
mod plot;
mod process;
mod report;
mod rig;
mod translation;
mod wire;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use measure::Effort;
use rig::Subject;

/// A result, or why there is none.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Measures the sidecar at scale.
#[derive(Debug, Parser)]
struct Options {
    /// How many services, in turn
    #[arg(long, value_delimiter = ',', default_value = "100,1000,10000,50000")]
    sizes: Vec<usize>,
    /// The size that the table of targets is about
    #[arg(long, default_value_t = 10_000)]
    target: usize,
    /// How many changes are measured at a time
    #[arg(long, default_value_t = 100)]
    changes: usize,
    /// How many times
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Write scale.md and scale.svg into this folder; without it, only print
    #[arg(long)]
    write: Option<PathBuf>,
    /// The `xds` binary to measure, where it is not the one that is built with this
    #[arg(long, value_name = "PATH", default_value = env!("CARGO_BIN_EXE_xds"))]
    server: PathBuf,
    /// Passed to the server as well, such as `--server-arg=-w1`
    #[arg(long, allow_hyphen_values = true)]
    server_arg: Vec<String>,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|first| first == "floor") {
        let args: Vec<_> = args.collect();
        return done(floor::main(&args));
    }
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let result = runtime
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(run(&options)));
    done(result)
}

fn done(result: Outcome<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scale: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Outcome<()> {
    if !options.bench {
        return measure::smoke(50, &Subject::default()).await;
    }
    let subject = Subject {
        binary: options.server.clone(),
        args: options.server_arg.clone(),
    };
    let effort = Effort {
        changes: options.changes,
        rounds: options.rounds,
    };
    let mut sizes = Vec::new();
    for services in &options.sizes {
        eprintln!("{services} services");
        let size = measure::size(*services, effort, &subject).await?;
        eprintln!("{size:#?}");
        sizes.push(size);
    }
    let routes = translation::thousand_routes()?;
    let page = report::page(&sizes, options.target, &routes);
    std::io::stdout().write_all(page.as_bytes())?;
    if let Some(folder) = &options.write {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("scale.md"), page)?;
        std::fs::write(folder.join("scale.svg"), plot::growth(&sizes))?;
    }
    Ok(())
}
