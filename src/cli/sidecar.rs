//! The sidecar's options, drop-in for those of the Python janitor.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::{FAILED, LogArgs, OK, USAGE, log};
use crate::daemon::{SOCKET_VARIABLE, SOCKETS};
use crate::sidecar::{Http, Options, Sidecar, State};

/// Options of the sidecar.
#[derive(Debug, Args)]
pub struct SidecarArgs {
    /// The name of this gateway: what services write in `gateway` to choose one of several
    #[arg(short, long, value_name = "NAME", default_value = "envoy")]
    name: String,
    /// The TCP port on which Envoy is served; 0 serves on the unix socket alone
    #[arg(short, long, value_name = "PORT", default_value_t = 50051)]
    port: u16,
    /// The address of that port. Other hosts are served only where this is not a loopback address
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    address: IpAddr,
    /// Serve private keys over TCP too. Every local user, and every host that can reach the address,
    /// can then read them; without this, Envoy must use the unix socket for TLS
    #[arg(long)]
    tcp_serves_keys: bool,
    /// The port of Envoy's admin interface, which no service may take
    #[arg(short = 'P', long, value_name = "PORT", default_value_t = 9901)]
    envoy_port: u16,
    /// The ports to choose from for listener_port=0: FIRST-LAST, or [FIRST, END] with END excluded
    #[arg(short = 'r', long, value_name = "RANGE", default_value = "1025-65535")]
    #[arg(value_parser = parse_port_range)]
    port_range: RangeInclusive<u16>,
    /// The OpenSVC daemon's unix socket; the environment variable OPENSVC_LSNR_SOCK wins over this.
    /// Default: the first of the usual paths that exists
    #[arg(short = 'S', long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// The unix socket on which Envoy is served
    #[arg(
        long,
        value_name = "PATH",
        default_value = "unix:///var/run/xds/xds.sock"
    )]
    janitor_socket: PathBuf,
    /// The permission bits of that socket, in octal. Whoever may open it can read private keys
    #[arg(long, value_name = "BITS", default_value = "600", value_parser = parse_mode)]
    unix_mode: u32,
    /// The most threads to serve with; never more than the machine has cores. One is the cheapest: more
    /// hand every event from one to the next. (Of old, the number of clients that could be served: there is
    /// no such limit any more.)
    #[arg(short = 'w', long, value_name = "THREADS", default_value = "1")]
    #[arg(value_parser = parse_workers)]
    max_workers: usize,
    /// The address and port of the dashboard, the API and the metrics, or off. Default: 127.0.0.1:9902,
    /// or none where that is taken
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = parse_http)]
    http: Option<HttpArg>,
    /// The folder in which what is served is kept, so that a restart serves it at once, the daemon up or
    /// not; or off. Default: /var/lib/igw_envoy where that exists
    #[arg(long, value_name = "PATH")]
    state_dir: Option<PathBuf>,
    /// Keep private keys in that folder too, in files of mode 600. Without them, a restart while the
    /// daemon is down serves HTTPS only to Envoys that have the certificates already
    #[arg(long)]
    state_keys: bool,
    /// How many seconds streams may take to end on SIGTERM
    #[arg(long, value_name = "SECONDS", default_value_t = 3)]
    grace: u64,
}

impl SidecarArgs {
    /// `environment` is the value of the socket's variable.
    fn options(&self, environment: Option<OsString>) -> Options {
        Options {
            gateway: self.name.clone(),
            daemon_socket: daemon_socket(
                environment.map(PathBuf::from),
                self.socket.as_deref(),
                Path::exists,
            ),
            unix_socket: without_scheme(&self.janitor_socket),
            unix_mode: self.unix_mode,
            tcp: (self.port != 0).then(|| SocketAddr::new(self.address, self.port)),
            tcp_serves_keys: self.tcp_serves_keys,
            envoy_admin_port: self.envoy_port,
            port_range: self.port_range.clone(),
            http: match self.http {
                None => Some(Http {
                    addr: HTTP,
                    required: false,
                }),
                Some(HttpArg::Off) => None,
                Some(HttpArg::At(addr)) => Some(Http {
                    addr,
                    required: true,
                }),
            },
            state: state_folder(self.state_dir.as_deref(), Path::is_dir).map(|folder| State {
                folder,
                with_keys: self.state_keys,
            }),
            grace: Duration::from_secs(self.grace),
        }
    }
}

/// Where the last known good is kept unless told otherwise, if it exists.
const STATE: &str = "/var/lib/igw_envoy";

/// The folder for the last known good: the flag's, else the usual one where it exists.
fn state_folder(flag: Option<&Path>, exists: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    match flag {
        Some(off) if off == Path::new("off") => None,
        Some(folder) => Some(folder.to_owned()),
        None => Some(PathBuf::from(STATE)).filter(|folder| exists(folder)),
    }
}

/// Where the HTTP interface is served unless told otherwise: beside Envoy's admin interface.
const HTTP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9902);

/// What `--http` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HttpArg {
    Off,
    At(SocketAddr),
}

/// Runs the sidecar until SIGTERM or SIGINT.
pub(super) fn run(args: SidecarArgs, logging: &LogArgs) -> u8 {
    if let Err(error) = log::start(logging.log_format, logging.log_level.as_deref()) {
        eprintln!("xds: --log-level: {error}; write error, warn, info, debug or trace");
        return USAGE;
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // A change passes through several tasks. On one thread, none of them has to wake another thread.
    let mut runtime = match args.max_workers.min(cores) {
        1 => tokio::runtime::Builder::new_current_thread(),
        threads => {
            let mut runtime = tokio::runtime::Builder::new_multi_thread();
            runtime.worker_threads(threads);
            runtime
        }
    };
    let runtime = match runtime.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("xds: cannot start its threads: {error}");
            return FAILED;
        }
    };
    let outcome = runtime.block_on(serve(args.options(std::env::var_os(SOCKET_VARIABLE))));
    // What is still being read from a disk is not waited for.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => OK,
        Err(error) => {
            tracing::error!("{error}");
            FAILED
        }
    }
}

async fn serve(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let shutdown = async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
            _ = interrupt.recv() => tracing::info!("SIGINT: stopping"),
        }
    };
    let sidecar = Sidecar::bind(options.clone()).await?;
    tracing::info!(
        gateway = options.gateway,
        daemon = %options.daemon_socket.display(),
        socket = %options.unix_socket.display(),
        http = sidecar.http_addr().map(|addr| addr.to_string()).unwrap_or_else(|| "off".into()),
        tcp = sidecar.tcp_addr().map(|addr| addr.to_string()).unwrap_or_else(|| "off".into()),
        "started"
    );
    sidecar.run(shutdown).await?;
    Ok(())
}

/// The daemon's socket, by the environment and a flag.
pub(super) fn daemon_socket_of(flag: Option<&Path>) -> PathBuf {
    let environment = std::env::var_os(SOCKET_VARIABLE).map(PathBuf::from);
    daemon_socket(environment, flag, Path::exists)
}

/// The daemon's socket: the environment's, else the flag's, else the first usual one that exists,
/// else the most usual one, which may come to exist.
fn daemon_socket(
    environment: Option<PathBuf>,
    flag: Option<&Path>,
    exists: impl Fn(&Path) -> bool,
) -> PathBuf {
    let named = environment.filter(|path| !path.as_os_str().is_empty());
    let named = named.or_else(|| flag.map(Path::to_owned));
    let usual = || {
        let mut paths = SOCKETS.iter().map(Path::new);
        let found = paths.find(|path| exists(path));
        found.unwrap_or(Path::new(SOCKETS[0])).to_owned()
    };
    named.map_or_else(usual, |path| without_scheme(&path))
}

/// `unix:///run/x.sock` and `unix:/run/x.sock` are `/run/x.sock`.
pub(super) fn without_scheme(path: &Path) -> PathBuf {
    let text = path.to_str().and_then(|text| text.strip_prefix("unix:"));
    match text {
        Some(text) => match text.strip_prefix("//") {
            Some(text) => text.into(),
            None => text.into(),
        },
        None => path.to_owned(),
    }
}

/// `1025-65535`, or `[1025, 65536]` whose end is excluded, as the Python janitor printed its default.
fn parse_port_range(text: &str) -> Result<RangeInclusive<u16>, String> {
    let wrong =
        || format!("'{text}' is not a range of ports; write FIRST-LAST, such as 1025-65535");
    let bracketed = text
        .trim()
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let (first, last, excluded) = match bracketed {
        Some(inner) => {
            let (first, end) = inner.split_once(',').ok_or_else(wrong)?;
            (first, end, 1)
        }
        None => {
            let (first, last) = text.split_once('-').ok_or_else(wrong)?;
            (first, last, 0)
        }
    };
    let number = |text: &str| text.trim().parse::<u32>().map_err(|_| wrong());
    let (first, last) = (number(first)?, number(last)?.saturating_sub(excluded));
    match (u16::try_from(first), u16::try_from(last)) {
        (Ok(first), Ok(last)) if first > 0 && first <= last => Ok(first..=last),
        _ => Err(format!(
            "'{text}' is not a range of ports: they go from 1 to 65535, the first not above the last"
        )),
    }
}

fn parse_http(text: &str) -> Result<HttpArg, String> {
    match text {
        "off" => Ok(HttpArg::Off),
        _ => text.parse().map(HttpArg::At).map_err(|_| {
            format!("'{text}' is not an address and port; write 127.0.0.1:9902, [::1]:9902 or off")
        }),
    }
}

fn parse_mode(text: &str) -> Result<u32, String> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    match u32::from_str_radix(digits, 8) {
        Ok(mode) if mode <= 0o777 && mode & 0o600 == 0o600 => Ok(mode),
        _ => Err(format!(
            "'{text}' are not permission bits that let the owner in; write octal digits, such as 600 or 660"
        )),
    }
}

fn parse_workers(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err(format!(
            "'{text}' is not a number of threads; write 1 or more"
        )),
        Ok(workers) => Ok(workers),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::Cli;
    use super::*;

    fn options(line: &str) -> Options {
        let args = line.split_whitespace().map(OsString::from);
        let cli = Cli::try_parse_from(std::iter::once("xds".into()).chain(args)).unwrap();
        cli.sidecar.options(None)
    }

    #[test]
    fn without_flags_the_defaults_are_those_of_old() {
        let options = options("");
        assert_eq!(options.gateway, "envoy");
        assert_eq!(options.tcp.unwrap().to_string(), "127.0.0.1:50051");
        assert_eq!(options.envoy_admin_port, 9901);
        assert_eq!(options.port_range, 1025..=65535);
        assert_eq!(options.unix_socket, Path::new("/var/run/xds/xds.sock"));
        assert_eq!(options.unix_mode, 0o600);
        assert!(!options.tcp_serves_keys);
    }

    #[test]
    fn the_command_lines_of_todays_templates_work() {
        let options = options("--sock /var/run/lsnr/lsnr.sock --name ns-gw");
        assert_eq!(options.daemon_socket, Path::new("/var/run/lsnr/lsnr.sock"));
        assert_eq!(options.gateway, "ns-gw");
    }

    #[test]
    fn short_flags_are_those_of_old() {
        let options = options("-n gw -p 0 -P 19901 -r 2000-2010 -S unix:///run/l.sock -w 4");
        assert_eq!(options.gateway, "gw");
        assert_eq!(options.tcp, None);
        assert_eq!(options.envoy_admin_port, 19901);
        assert_eq!(options.port_range, 2000..=2010);
        assert_eq!(options.daemon_socket, Path::new("/run/l.sock"));
    }

    /// The Python janitor compared the text of a range with numbers: every use of -r crashed.
    #[test]
    fn port_ranges_are_numbers_in_both_spellings() {
        assert_eq!(parse_port_range("1025-65535"), Ok(1025..=65535));
        assert_eq!(parse_port_range("[1025, 65536]"), Ok(1025..=65535));
        for wrong in [
            "",
            "80",
            "9-1",
            "0-5",
            "1-65536",
            "[1,2",
            "a-b",
            "[1025, 0]",
        ] {
            assert!(parse_port_range(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_environment_wins_over_the_flag_and_the_flag_over_what_exists() {
        let flag = Some(Path::new("/flag.sock"));
        let none = |_: &Path| false;
        let from_environment = daemon_socket(Some("/env.sock".into()), flag, none);
        assert_eq!(from_environment, Path::new("/env.sock"));
        assert_eq!(daemon_socket(None, flag, none), Path::new("/flag.sock"));
        assert_eq!(
            daemon_socket(None, None, |path| path == Path::new(SOCKETS[1])),
            Path::new(SOCKETS[1])
        );
        assert_eq!(daemon_socket(None, None, none), Path::new(SOCKETS[0]));
    }

    #[test]
    fn the_http_interface_is_beside_envoys_admin_unless_it_is_off() {
        let usual = options("").http.unwrap();
        assert_eq!(usual.addr.to_string(), "127.0.0.1:9902");
        assert!(!usual.required, "two gateways of a host start both");
        assert_eq!(options("--http off").http, None);
        let named = options("--http [::1]:80").http.unwrap();
        assert_eq!((named.addr.port(), named.required), (80, true));
        assert!(parse_http("9902").is_err());
    }

    #[test]
    fn the_last_known_good_is_kept_where_the_folder_is_or_is_named() {
        let usual = state_folder(None, |_| true).unwrap();
        assert_eq!(usual, Path::new("/var/lib/igw_envoy"));
        assert_eq!(state_folder(None, |_| false), None);
        assert_eq!(state_folder(Some(Path::new("off")), |_| true), None);
        let named = options("--state-dir /srv/x --state-keys").state.unwrap();
        assert_eq!(
            (named.folder.to_str(), named.with_keys),
            (Some("/srv/x"), true)
        );
    }

    #[test]
    fn a_mode_that_locks_the_owner_out_is_refused() {
        assert_eq!(parse_mode("660"), Ok(0o660));
        for wrong in ["066", "9", "1777", ""] {
            assert!(parse_mode(wrong).is_err(), "{wrong}");
        }
    }
}
