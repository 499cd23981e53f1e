//! The status of an instance and of a service, in the daemon's words.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::config::{Config, Scope};
use super::drivers::{self, Convert};
use super::journal::now;

/// What a node does with a service.
#[derive(Debug, Clone, Default)]
pub(super) struct Instance {
    /// Whether it was started.
    pub(super) started: bool,
    /// Whether it ever was.
    pub(super) once_started: bool,
    /// When it was frozen; 0 is not frozen.
    pub(super) frozen: f64,
    /// The ip resources that are down although the instance is started.
    pub(super) failed: BTreeSet<String>,
    /// The addresses that the backend network gave to ip resources of type `cni`.
    pub(super) addresses: BTreeMap<String, IpAddr>,
    /// When it was made.
    pub(super) provisioned: f64,
}

/// Where a service stands in a scaler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Plain,
    Slave,
    Scaler(u32),
}

/// The groups that `status_group` always lists.
const GROUPS: [&str; 16] = [
    "DEFAULT",
    "app",
    "certificate",
    "container",
    "disk",
    "expose",
    "fs",
    "hashpolicy",
    "ip",
    "route",
    "share",
    "subset",
    "sync",
    "task",
    "vhost",
    "volume",
];

/// The groups whose resources run, and so decide the availability.
const RUNNING: [&str; 7] = ["app", "container", "disk", "fs", "ip", "share", "volume"];

/// `monitor.nodes.<node>.services.status.<path>` of a service.
pub(super) fn instance(
    config: &Config,
    role: Role,
    instance: &Instance,
    scope: Scope<'_>,
) -> Value {
    let text = |keyword: &str| config.evaluate("DEFAULT", keyword, scope);
    let resources = match role {
        Role::Scaler(_) => Map::new(),
        _ => resources(config, instance, scope),
    };
    let avail = availability(resources.iter().filter(|(rid, _)| runs(rid)));
    let topology = text("topology").unwrap_or_else(|| "failover".to_owned());
    let groups: Map<String, Value> = GROUPS
        .iter()
        .map(|group| {
            let of_group = resources
                .iter()
                .filter(|(rid, _)| drivers::group(rid) == *group);
            ((*group).to_owned(), json!(availability(of_group)))
        })
        .collect();
    let mut status = json!({
        "kind": "svc",
        "app": text("app").unwrap_or_else(|| "default".to_owned()),
        "env": text("env").unwrap_or_else(|| "TST".to_owned()),
        "placement": "nodes order",
        "topology": topology,
        "frozen": if instance.frozen == 0.0 { json!(0) } else { json!(instance.frozen) },
        "subsets": {},
        "resources": resources,
        "status_group": groups,
        "overall": avail,
        "avail": avail,
        "optional": "n/a",
        "monitor": monitor(instance, role),
    });
    if topology == "flex" {
        for keyword in ["flex_target", "flex_min", "flex_max"] {
            status[keyword] = json!(1);
        }
    }
    if let Some(orchestrate) = text("orchestrate") {
        status["orchestrate"] = json!(orchestrate);
    }
    match role {
        Role::Plain => {}
        Role::Slave => status["scaler_slave"] = json!(true),
        Role::Scaler(scale) => {
            let name = scope.path.rsplit('/').next().unwrap_or_default();
            let slaves: Vec<String> = (0..scale).map(|index| format!("{index}.{name}")).collect();
            status["scale"] = json!(scale);
            status["scaler_slaves"] = json!(slaves);
        }
    }
    if !matches!(role, Role::Scaler(_)) {
        status["provisioned"] = json!(true);
    }
    status["csum"] = json!(checksum(&status.to_string()));
    status["updated"] = json!(now());
    status
}

/// `monitor.services.<path>`: the instances of a service taken together.
pub(super) fn service(role: Role, instances: &[&Value], slaves: &[&Value]) -> Value {
    let avails: Vec<&str> = match role {
        Role::Scaler(_) => slaves,
        _ => instances,
    }
    .iter()
    .filter_map(|status| status["avail"].as_str())
    .collect();
    // One instance up makes a service up; every slave must be up for a scaler to be.
    let scaler = matches!(role, Role::Scaler(_));
    let any_up = avails.contains(&"up");
    let all_up = avails.iter().all(|avail| *avail == "up");
    let avail = match avails.as_slice() {
        [] => "n/a",
        _ if all_up || (any_up && !scaler) => "up",
        _ if any_up => "warn",
        [first, ..] => first,
    };
    let frozen = instances.iter().filter(|i| i["frozen"] != json!(0)).count();
    let mut aggregate = json!({
        "avail": avail,
        "overall": avail,
        "frozen": match frozen {
            0 => "thawed",
            n if n == instances.len() => "frozen",
            _ => "mixed",
        },
        "placement": "optimal",
        "provisioned": if scaler { json!("n/a") } else { json!(true) },
    });
    match role {
        Role::Plain => {}
        Role::Slave => aggregate["scaler_slave"] = json!(true),
        Role::Scaler(scale) => aggregate["scale"] = json!(scale),
    }
    aggregate
}

/// `monitor.nodes.<node>.services.status.<path>` of a secret.
pub(super) fn secret() -> Value {
    json!({
        "updated": now(),
        "kind": "sec",
        "csum": checksum("sec"),
        "monitor": {"status": "idle", "placement": ""},
    })
}

/// 32 hexadecimal digits, as the agent's checksums have.
pub(super) fn checksum(text: &str) -> String {
    let mut digits = blake3::hash(text.as_bytes()).to_hex().to_string();
    digits.truncate(32);
    digits
}

fn monitor(instance: &Instance, role: Role) -> Value {
    let scaler = matches!(role, Role::Scaler(_));
    let thawed = instance.frozen == 0.0;
    let placement = if thawed && !scaler { "leader" } else { "" };
    let mut monitor = json!({"status": "idle", "placement": placement});
    // What was once expected stays as a null.
    if instance.once_started {
        monitor["local_expect"] = json!(instance.started.then_some("started"));
    }
    monitor
}

fn runs(rid: &str) -> bool {
    RUNNING.contains(&drivers::group(rid))
}

/// All up is up, all down is down, both is a warning; what is disabled or only data does not count.
fn availability<'a>(resources: impl Iterator<Item = (&'a String, &'a Value)>) -> &'static str {
    let (mut up, mut down) = (false, false);
    for (_, resource) in resources {
        match resource["status"].as_str() {
            Some("up") => up = true,
            Some("down") => down = true,
            _ => {}
        }
    }
    match (up, down) {
        (true, true) => "warn",
        (true, false) => "up",
        (false, true) => "down",
        (false, false) => "n/a",
    }
}

fn resources(config: &Config, instance: &Instance, scope: Scope<'_>) -> Map<String, Value> {
    let mut resources = Map::new();
    for section in config.sections.keys().filter(|name| name.contains('#')) {
        let resource = match drivers::data_driver(section) {
            Some(driver) => data(driver, section, config, scope),
            None if drivers::group(section) == "ip" => ip(section, config, instance, scope),
            None if runs(section) => process(section, config, instance, scope),
            None => continue,
        };
        resources.insert(section.clone(), resource);
    }
    resources
}

fn data(driver: &drivers::Driver, section: &str, config: &Config, scope: Scope<'_>) -> Value {
    let info = drivers::info(driver, section, config, scope);
    json!({
        "status": "n/a",
        "type": format!("{}.{}", driver.group, driver.basename),
        "label": drivers::label(driver, &info),
        "info": info,
    })
}

fn ip(section: &str, config: &Config, instance: &Instance, scope: Scope<'_>) -> Value {
    let text = |keyword: &str| config.evaluate(section, keyword, scope);
    let list = |keyword: &str| -> Vec<String> {
        let text = text(keyword).unwrap_or_default();
        text.split_whitespace().map(str::to_owned).collect()
    };
    let cni = text("type").as_deref() == Some("cni");
    let name = text("ipname");
    // A static address is configuration: it is there whether the resource is up or not. A cni
    // address is there only while the container has it.
    let address: Option<IpAddr> = if cni {
        instance.addresses.get(section).copied()
    } else {
        name.as_deref().and_then(|name| name.parse().ok())
    };
    let device = text("ipdev").unwrap_or_else(|| if cni { "eth12" } else { "" }.to_owned());
    let mut info = Map::new();
    info.insert("ipaddr".to_owned(), json!(address));
    if !device.is_empty() {
        info.insert("ipdev".to_owned(), json!(device));
    }
    for keyword in ["gateway", "netmask"] {
        if let Some(value) = text(keyword) {
            info.insert(keyword.to_owned(), json!(value));
        }
    }
    let expose = list("expose");
    if !expose.is_empty() {
        info.insert("expose".to_owned(), json!(expose));
    }
    let shown = address.map_or_else(|| name.unwrap_or_default(), |address| address.to_string());
    let label = if cni {
        let network = text("network").unwrap_or_else(|| "default".to_owned());
        format!("cni {network} {shown}/24 {device} {}", expose.join(" "))
    } else {
        let netmask = text("netmask").unwrap_or_else(|| "None".to_owned());
        format!("{shown}/{netmask} {device}")
    };
    let kind = if cni { "ip.cni" } else { "ip" };
    resource(section, config, instance, scope, (kind, label), info)
}

fn process(section: &str, config: &Config, instance: &Instance, scope: Scope<'_>) -> Value {
    let group = drivers::group(section);
    let (kind, label) = match config.evaluate(section, "type", scope) {
        Some(driver) => (format!("{group}.{driver}"), driver),
        None => (group.to_owned(), group.to_owned()),
    };
    resource(section, config, instance, scope, (&kind, label), Map::new())
}

fn resource(
    section: &str,
    config: &Config,
    instance: &Instance,
    scope: Scope<'_>,
    (kind, label): (&str, String),
    info: Map<String, Value>,
) -> Value {
    let disabled = config
        .evaluate(section, "disable", scope)
        .and_then(|text| drivers::convert(Convert::Boolean, &text).ok().flatten())
        == Some(json!(true));
    let status = if disabled {
        "n/a"
    } else if instance.started && !instance.failed.contains(section) {
        "up"
    } else {
        "down"
    };
    let mut resource = json!({
        "status": status,
        "type": kind,
        "label": label,
        "provisioned": {"state": true, "mtime": instance.provisioned},
        "info": info,
    });
    if disabled {
        resource["disable"] = json!(true);
    }
    resource
}
