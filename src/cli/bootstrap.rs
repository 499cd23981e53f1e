//! `xds bootstrap`: the one file that an Envoy of this gateway needs.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::OK;
use super::failure::Failure;
use super::sidecar::without_scheme;
use super::terminal;
use crate::envoy::Variant;
use crate::envoy::bootstrap::{Bootstrap, RE2_MAX_PROGRAM_SIZE, Tuning, XdsAddress};

/// Options of `xds bootstrap`.
#[derive(Debug, Clone, Args)]
pub(super) struct BootstrapArgs {
    /// The gateway that Envoy belongs to (node.cluster)
    #[arg(short, long, value_name = "NAME", default_value = "envoy")]
    name: String,
    /// The name of this Envoy (node.id). Default: the host's name
    #[arg(long, value_name = "NAME")]
    node_id: Option<String>,
    /// The address and port of Envoy's admin interface, or off
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9901")]
    #[arg(value_parser = parse_admin)]
    admin: Admin,
    /// The sidecar's unix socket, as Envoy sees it
    #[arg(
        long,
        value_name = "PATH",
        default_value = "unix:///var/run/xds/xds.sock"
    )]
    janitor_socket: PathBuf,
    /// Reach the sidecar by TCP instead. Private keys are not served there unless the sidecar is told
    /// so
    #[arg(long, value_name = "ADDRESS:PORT", conflicts_with = "janitor_socket")]
    tcp: Option<SocketAddr>,
    /// How updates are sent: what changed (delta), or all of a type each time (sotw)
    #[arg(long, value_enum, default_value_t = Protocol::Delta, value_name = "VARIANT")]
    variant: Protocol,
    /// The largest RE2 program that a match_regex may become. Envoy's own limit is 100
    #[arg(long, value_name = "SIZE", default_value_t = RE2_MAX_PROGRAM_SIZE)]
    re2_max_program_size: u32,
}

/// `--variant`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Protocol {
    Delta,
    Sotw,
}

/// `--admin`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Admin {
    Off,
    At(SocketAddr),
}

/// Runs the command.
pub(super) fn run(args: BootstrapArgs) -> Result<u8, Failure> {
    let bootstrap = Bootstrap {
        node: args.node_id.unwrap_or_else(host_name),
        gateway: args.name,
        admin: match args.admin {
            Admin::Off => None,
            Admin::At(addr) => Some(addr),
        },
        xds: match args.tcp {
            Some(addr) => XdsAddress::Tcp(addr),
            None => XdsAddress::Unix(without_scheme(&args.janitor_socket)),
        },
        variant: match args.variant {
            Protocol::Delta => Variant::Delta,
            Protocol::Sotw => Variant::StateOfTheWorld,
        },
    };
    let tuning = Tuning {
        re2_max_program_size: args.re2_max_program_size,
    };
    terminal::print_json(&bootstrap.to_json_with(&tuning))?;
    Ok(OK)
}

/// The host's name, by which Envoys of several nodes are told apart.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match name.trim() {
        "" => "gateway".to_owned(),
        name => name.to_owned(),
    }
}

fn parse_admin(text: &str) -> Result<Admin, String> {
    match text {
        "off" => Ok(Admin::Off),
        _ => text.parse().map(Admin::At).map_err(|_| {
            format!("'{text}' is not an address and port; write 127.0.0.1:9901, [::1]:9901 or off")
        }),
    }
}
