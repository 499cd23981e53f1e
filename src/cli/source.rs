//! Where commands get configurations from: files, standard input, or the cluster.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use clap::Args;

use super::failure::Failure;
use super::sidecar::daemon_socket_of;
use crate::config::Written;
use crate::daemon::{Availability, DaemonV2, ResourceStatus, ServiceState};
use crate::index;
use crate::model::{Document, Expose, ObjectPath};
use crate::preview::Address;
use crate::validate::Context;

/// The largest configuration that is read, in bytes.
const LARGEST: u64 = 16 << 20;

/// The first of the addresses that stand for those of ip sections which name none (RFC 5737).
const PLACEHOLDER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// Which configurations.
#[derive(Debug, Clone, Args)]
pub(super) struct SourceArgs {
    /// Configurations of services: files as in /etc/opensvc, or JSON; - is standard input
    #[arg(value_name = "FILE", required_unless_present = "live")]
    pub(super) files: Vec<PathBuf>,
    /// The service that the file configures. Default: after the file,
    /// namespaces/NAMESPACE/svc/NAME.conf or NAME.conf
    #[arg(long, value_name = "SERVICE")]
    pub(super) service: Option<ObjectPath>,
    /// A service of the cluster, with the configuration that is stored; may be given several times
    #[arg(long, value_name = "SERVICE")]
    pub(super) live: Vec<ObjectPath>,
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
}

/// Which cluster.
#[derive(Debug, Clone, Args)]
pub(super) struct ClusterArgs {
    /// Hold the configurations against what the services of the cluster expose now
    #[arg(long)]
    pub(super) cluster: bool,
    /// The OpenSVC daemon's unix socket; the environment variable OPENSVC_LSNR_SOCK wins over this.
    /// Default: the first of the usual paths that exists
    #[arg(short = 'S', long, value_name = "PATH")]
    pub(super) socket: Option<PathBuf>,
}

/// A configuration, and what to call it.
#[derive(Debug)]
pub(super) struct Source {
    /// The file, or the service for one of the cluster.
    pub(super) name: String,
    /// The configuration.
    pub(super) document: Document,
    /// The addresses of its ip sections: those that they name, and one of documentation for each
    /// that names none.
    pub(super) addresses: Vec<Address>,
    /// The addresses of documentation among them.
    pub(super) placeholders: Vec<Address>,
}

/// A cluster as its daemon tells of it at one moment.
#[derive(Debug)]
pub(super) struct Cluster {
    socket: PathBuf,
    daemon: DaemonV2,
    services: BTreeMap<ObjectPath, Arc<ServiceState>>,
}

/// The configurations, and the cluster where it was asked.
pub(super) async fn read(args: &SourceArgs) -> Result<(Vec<Source>, Option<Cluster>), Failure> {
    if args.service.is_some() && args.files.len() > 1 {
        let text = "--service names the service of one file; there are several";
        return Err(Failure::Usage(text.into()));
    }
    let files = args.files.iter();
    let files = files.map(|file| Source::read(file, args.service.as_ref()));
    let mut sources = files.collect::<Result<Vec<_>, _>>()?;
    if args.live.is_empty() && !args.cluster.cluster {
        return Ok((sources, None));
    }
    let cluster = Cluster::read(&args.cluster).await?;
    for service in &args.live {
        sources.push(cluster.source(service).await?);
    }
    Ok((sources, Some(cluster)))
}

/// What is judged by: the time of now.
pub(super) fn context() -> Context {
    Context {
        now: Some(SystemTime::now()),
    }
}

impl Source {
    /// Reads a file; `-` is standard input.
    pub(super) fn read(file: &Path, service: Option<&ObjectPath>) -> Result<Self, Failure> {
        let name = file.display().to_string();
        let text = match name.as_str() {
            "-" => read_text(&mut std::io::stdin()),
            _ => std::fs::File::open(file).and_then(|mut file| read_text(&mut file)),
        };
        let text = text.map_err(|error| Failure::Usage(format!("{name}: {error}")))?;
        let service = match service {
            Some(service) => service.clone(),
            None => service_of(file)?,
        };
        Self::parse(name, service, &text)
    }

    fn parse(name: String, service: ObjectPath, text: &str) -> Result<Self, Failure> {
        match Written::read(text) {
            Ok(written) => Self::of(name, service, &written),
            Err(error) => Err(Failure::Usage(format!("{name}: {error}"))),
        }
    }

    fn of(name: String, service: ObjectPath, written: &Written) -> Result<Self, Failure> {
        let document = written.document(service);
        let document = document.map_err(|error| Failure::Usage(format!("{name}: {error}")))?;
        let ips = document.ips.keys().map(String::as_str);
        let (addresses, placeholders) =
            addresses(ips.map(|section| (section, written.get(section, "ipname"))));
        Ok(Self {
            document,
            addresses,
            placeholders,
            name,
        })
    }
}

impl Cluster {
    /// Asks the daemon for everything.
    pub(super) async fn read(args: &ClusterArgs) -> Result<Self, Failure> {
        let socket = daemon_socket_of(args.socket.as_deref());
        let daemon = DaemonV2::new(&socket, Default::default());
        match daemon.services().await {
            Ok(services) => Ok(Self {
                socket,
                daemon,
                services,
            }),
            Err(error) => Err(Failure::Unreachable(format!(
                "the OpenSVC daemon does not answer at {}: {error}; is it running here? \
                 name its socket with --socket PATH",
                socket.display()
            ))),
        }
    }

    /// What the services of the cluster expose.
    pub(super) fn exposed(&self) -> Vec<Expose> {
        index::exposed(self.services.clone(), &context())
    }

    /// The stored configuration of a service, and the addresses where it runs.
    pub(super) async fn source(&self, service: &ObjectPath) -> Result<Source, Failure> {
        let name = service.to_string();
        match self.daemon.service_config(service).await {
            Ok(Some(config)) => {
                let written = Written::Json(config);
                let mut source = Source::of(name, service.clone(), &written)?;
                source.addresses = self.addresses(service);
                source.placeholders.clear();
                Ok(source)
            }
            Ok(None) => Err(Failure::Failed(format!(
                "{service}: the daemon at {} has no instance of the service on this node; `om '**' ls` \
                 lists those that there are",
                self.socket.display()
            ))),
            Err(error) => Err(Failure::Unreachable(format!(
                "{service}: the OpenSVC daemon at {} does not tell its configuration: {error}",
                self.socket.display()
            ))),
        }
    }

    /// Where a service runs: the addresses of its ip resources that are up, and of its slaves' where
    /// it is a scaler.
    pub(super) fn addresses(&self, service: &ObjectPath) -> Vec<Address> {
        let is_member = |path: &ObjectPath, state: &ServiceState| {
            path == service
                || state
                    .instances
                    .values()
                    .any(|instance| instance.scaler_slave)
                    && path.scaler().is_some_and(|(_, scaler)| scaler == *service)
        };
        let members = self
            .services
            .iter()
            .filter(|(path, state)| is_member(path, state));
        let instances = members.flat_map(|(_, state)| state.instances.values());
        let serving = instances.filter(|instance| instance.avail == Availability::Serving);
        let resources = serving.flat_map(|instance| &instance.resources);
        let up = resources.filter(|(section, resource)| {
            section.starts_with("ip#")
                && resource.status != ResourceStatus::NotUp
                && !resource.disabled
        });
        up.filter_map(|(section, resource)| {
            Some(Address {
                section: section.as_ref().into(),
                addr: resource.info.get("ipaddr")?.as_str()?.parse().ok()?,
            })
        })
        .collect()
    }
}

/// The addresses that ip sections name, with one of documentation for each that names none; and
/// those of documentation.
fn addresses<'a>(
    ips: impl Iterator<Item = (&'a str, Option<&'a str>)>,
) -> (Vec<Address>, Vec<Address>) {
    let mut free = u32::from(PLACEHOLDER)..;
    let mut placeholders = Vec::new();
    let addresses = ips.filter_map(|(section, ipname)| {
        let named = ipname.and_then(|name| name.trim().parse().ok());
        let section = section.to_owned();
        if let Some(addr) = named {
            return Some(Address { section, addr });
        }
        let addr = Ipv4Addr::from(free.next()?).into();
        placeholders.push(Address { section, addr });
        placeholders.last().cloned()
    });
    (addresses.collect(), placeholders)
}

fn read_text(from: &mut impl Read) -> std::io::Result<String> {
    let mut text = String::new();
    let read = from.take(LARGEST + 1).read_to_string(&mut text)?;
    match u64::try_from(read) {
        Ok(read) if read <= LARGEST => Ok(text),
        _ => Err(std::io::Error::other(
            "no configuration is larger than 16 MiB",
        )),
    }
}

/// The service that a file configures, as OpenSVC places them: `namespaces/NS/svc/NAME.conf`, else
/// `NAME.conf`.
fn service_of(file: &Path) -> Result<ObjectPath, Failure> {
    let unclear = || {
        let file = file.display();
        Failure::Usage(format!(
            "{file}: of which service? say it with --service SERVICE"
        ))
    };
    let name = match file.to_str() {
        Some("-") | None => return Err(unclear()),
        Some(_) => file.file_stem().and_then(|name| name.to_str()),
    };
    let name = name.ok_or_else(unclear)?;
    let folders: Vec<&str> = file
        .iter()
        .rev()
        .skip(1)
        .filter_map(|f| f.to_str())
        .collect();
    let path = match folders.as_slice() {
        [kind, namespace, "namespaces", ..] => format!("{namespace}/{kind}/{name}"),
        _ => name.to_owned(),
    };
    path.parse().map_err(|_| unclear())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(file: &str) -> String {
        service_of(Path::new(file)).unwrap().to_string()
    }

    #[test]
    fn a_file_is_named_after_its_service() {
        assert_eq!(service("web.conf"), "web");
        assert_eq!(service("/etc/opensvc/web.conf"), "web");
        let namespaced = "/etc/opensvc/namespaces/test/svc/web.conf";
        assert_eq!(service(namespaced), "test/svc/web");
        let unclear = service_of(Path::new("-")).unwrap_err().to_string();
        assert!(unclear.contains("--service"), "{unclear}");
    }

    #[test]
    fn an_address_that_nobody_names_stands_for_one() {
        let text = "[ip#1]\nipname = 10.0.0.1\n[ip#2]\ntype = cni\n[ip#3]\nipname = web.acme.org\n";
        let source = Source::parse("web.conf".into(), "web".parse().unwrap(), text).unwrap();
        let shown: Vec<_> = source
            .addresses
            .iter()
            .map(|a| a.addr.to_string())
            .collect();
        assert_eq!(shown, ["10.0.0.1", "192.0.2.1", "192.0.2.2"]);
        assert_eq!(source.placeholders, source.addresses[1..]);
    }

    #[test]
    fn text_and_json_are_the_same_configuration() {
        let parse = |text| Source::parse("-".into(), "web".parse().unwrap(), text).unwrap();
        let text = parse("[ip#1]\nipname = ::1\nexpose = expose#0\n[expose#0]\nport = 80\n");
        let json = parse(
            r#"{"ip#1": {"ipname": "::1", "expose": "expose#0"}, "expose#0": {"port": "80"}}"#,
        );
        assert_eq!(text.document, json.document);
        assert_eq!(text.addresses, json.addresses);
    }

    #[test]
    fn an_unreadable_configuration_names_its_file() {
        let parse = |text| Source::parse("web.conf".into(), "web".parse().unwrap(), text);
        let error = parse("[expose#0]\nport\n").unwrap_err().to_string();
        assert!(error.starts_with("web.conf: line 2: want"), "{error}");
        let error = parse("{").unwrap_err().to_string();
        assert!(error.starts_with("web.conf: EOF"), "{error}");
    }
}
