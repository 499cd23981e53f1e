//! The addresses that connections to endpoints come from.

use std::net::IpAddr;

use envoy_types::pb::envoy::config::core::v3::{BindConfig, SocketAddress};

use super::DataFindings;

const PATH: &str = "upstream_bind_config";

pub(super) fn check(bind: &BindConfig, findings: &mut DataFindings<'_>) {
    let extra = bind.extra_source_addresses.iter();
    let extra: Vec<_> = extra.filter_map(|extra| extra.address.as_ref()).collect();
    #[expect(deprecated, reason = "Envoy still reads it")]
    let additional = &bind.additional_source_addresses;
    if !extra.is_empty() && !additional.is_empty() {
        let hint = "keep one of the two";
        findings.break_rule(
            PATH,
            "has both extra_source_addresses and additional_source_addresses",
            hint,
        );
    }
    let others: Vec<_> = extra.into_iter().chain(additional).collect();
    let first = bind.source_address.as_ref();
    if first.is_none() && !others.is_empty() {
        let hint = "write the first one as source_address";
        findings.break_rule(PATH, "has extra addresses and no source_address", hint);
    }
    if others.len() > 1 {
        let hint = "keep one, of the other IP version than source_address";
        findings.break_rule(PATH, "has more than one extra address", hint);
    }
    let first = first.and_then(|address| parsed(address, "source_address", findings));
    let other = others
        .first()
        .and_then(|address| parsed(address, "extra_source_addresses", findings));
    if let (Some(first), Some(other)) = (first, other)
        && first.is_ipv4() == other.is_ipv4()
    {
        let hint = "write one of IPv4 and one of IPv6";
        findings.break_rule(PATH, "has two addresses of one IP version", hint);
    }
}

fn parsed(address: &SocketAddress, field: &str, findings: &mut DataFindings<'_>) -> Option<IpAddr> {
    let parsed = address.address.parse();
    if parsed.is_err() {
        let path = format!("{PATH}.{field}.address");
        let hint = "write an IPv4 or IPv6 address";
        findings.break_rule(&path, "is not an ip address", hint);
    }
    parsed.ok()
}
