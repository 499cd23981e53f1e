//! `xds record`: what the daemon says, for whoever wants to see what a gateway made of it.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use clap::Args;
use serde::Serialize;
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

use super::OK;
use super::failure::Failure;
use super::sidecar::daemon_socket_of;
use super::terminal::count;
use crate::daemon::DaemonV2;
use crate::inspect::Moment;
use crate::recording::{Entry, FORMAT, Head, message, status};

/// How long to record where nobody says so: until it is interrupted.
const FOREVER: Duration = Duration::from_secs(u32::MAX as u64);

/// Options of `xds record`.
#[derive(Debug, Clone, Args)]
pub(super) struct RecordArgs {
    /// The file to write, which must not exist; - is standard output
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
    /// How many seconds to record. Default: until it is interrupted
    #[arg(long = "for", value_name = "SECONDS")]
    seconds: Option<u32>,
    /// The OpenSVC daemon's unix socket; the environment variable OPENSVC_LSNR_SOCK wins over this.
    /// Default: the first of the usual paths that exists
    #[arg(short = 'S', long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

/// Runs the command.
pub(super) async fn run(args: RecordArgs) -> Result<u8, Failure> {
    let socket = daemon_socket_of(args.socket.as_deref());
    let unreachable = |error: crate::daemon::RequestError| {
        Failure::Unreachable(format!(
            "the OpenSVC daemon does not answer at {}: {error}; name its socket with --socket PATH",
            socket.display()
        ))
    };
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let daemon = DaemonV2::new(&socket, Default::default());
    // What happens while the state is read is in both, which is no harm: values are absolute.
    let mut events = daemon.events().await.map_err(unreachable)?;
    let began = Instant::now();
    let whole = daemon.status_text().await.map_err(unreachable)?;
    let whole: Value = serde_json::from_slice(&whole).map_err(|error| {
        Failure::Unreachable(format!(
            "what answers at {} is not an OpenSVC daemon, or one that is not ready: its state is not JSON: \
             {error}; name its socket with --socket PATH",
            socket.display()
        ))
    })?;
    let mut out = open(&args.file)?;
    let head = Head {
        igw_recording: FORMAT,
        at: Moment::from(SystemTime::now()).to_string(),
        status: status(&whole),
    };
    write(&mut out, &head)?;
    eprintln!("recording {}; Ctrl-C ends it", socket.display());
    let length = args
        .seconds
        .map_or(FOREVER, |seconds| Duration::from_secs(seconds.into()));
    let end = sleep(length);
    tokio::pin!(end);
    let mut recorded = 0;
    loop {
        let text = tokio::select! {
            text = events.next() => text.map_err(unreachable)?,
            () = &mut end => break,
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
        };
        let said = text.and_then(|text| serde_json::from_slice::<Value>(&text).ok());
        let Some(said) = said else {
            eprintln!("xds: a message that is not JSON is left out");
            continue;
        };
        if let Some(message) = message(&said) {
            let after = began.elapsed().as_secs_f64();
            // Milliseconds are all that a daemon's messages can be apart by.
            let after = (after * 1000.0).round() / 1000.0;
            write(&mut out, &Entry { after, message })?;
            recorded += 1;
        }
    }
    eprintln!("recorded {}", count(recorded, "message"));
    Ok(OK)
}

/// Opens a file that only its owner may read: there may be more in it than anybody thought of.
fn open(file: &Path) -> Result<Box<dyn Write>, Failure> {
    if file == Path::new("-") {
        return Ok(Box::new(io::stdout()));
    }
    let opened = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file);
    match opened {
        Ok(opened) => Ok(Box::new(opened)),
        Err(error) => Err(Failure::Usage(format!("{}: {error}", file.display()))),
    }
}

fn write(out: &mut impl Write, line: &impl Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_vec(line).map_err(io::Error::from)?;
    text.push(b'\n');
    out.write_all(&text)?;
    out.flush()?;
    Ok(())
}
