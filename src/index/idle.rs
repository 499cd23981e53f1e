//! Why an expose that is served has no endpoint, for whoever has to mend it.

use serde_json::Value;

use super::logical::own_port;
use super::placement::{Placed, Placement};
use crate::daemon::{Availability, Info, ResourceStatus};

/// How many instances are told of.
const TOLD: usize = 3;

impl Placement<'_> {
    /// What keeps every instance of a logical service from being an endpoint of an expose, and what to
    /// do about the first of them. Says the same of the same state.
    pub(super) fn idle(&self, section: &str, documented: &Info) -> String {
        let mut instances = self.0.iter();
        let told = instances.by_ref().take(TOLD);
        let told = told.map(|placed| reason(placed, section, documented));
        let (told, advice): (Vec<String>, Vec<String>) = told.unzip();
        let told = told.join(", ");
        let more = match instances.len() {
            0 => String::new(),
            1 => " and 1 more instance".to_owned(),
            more => format!(" and {more} more instances"),
        };
        match advice.first() {
            Some(advice) => format!("{told}{more}; {advice}"),
            None => format!("{told}{more}"),
        }
    }
}

/// What keeps an instance from being an endpoint, and what to do.
fn reason(placed: &Placed<'_>, section: &str, documented: &Info) -> (String, String) {
    let (path, node) = (placed.service, placed.node);
    let listing = placed.listing(section);
    let (disabled, enabled): (Vec<_>, Vec<_>) = listing.partition(|ip| ip.resource.disabled);
    // It may be that an instance is not up for this very reason.
    if let (Some(ip), true) = (disabled.first(), enabled.is_empty()) {
        let ip = ip.name;
        let advice = format!("enable it with: om {path} enable --rid {ip}");
        return (format!("{ip} of {path} is disabled on {node}"), advice);
    }
    if placed.instance.avail != Availability::Serving {
        let advice = format!("start it with: om {path} start");
        return (format!("{path} is not up on {node}"), advice);
    }
    let mut up = enabled
        .iter()
        .filter(|ip| ip.resource.status != ResourceStatus::NotUp);
    let Some(listed) = up.next().or(enabled.first()) else {
        let advice = format!("add it to an ip: ip#1.expose+={section}");
        return (format!("no ip of {path} lists it on {node}"), advice);
    };
    let ip = listed.name;
    if listed.resource.status == ResourceStatus::NotUp {
        let advice = format!("start it with: om {path} start --rid {ip}");
        return (format!("{ip} of {path} is down on {node}"), advice);
    }
    if own_port(placed.instance, section, documented).is_err() {
        let why = format!("its port on {node} is not a port");
        return (why, format!("write {section}.port"));
    }
    let why = match &listed.address {
        Some(Value::String(address)) => {
            format!("nobody can be reached at {address}, the address of {ip} on {node}")
        }
        _ => format!("{ip} of {path} has no address on {node}"),
    };
    (why, format!("write {ip}.ipname"))
}
