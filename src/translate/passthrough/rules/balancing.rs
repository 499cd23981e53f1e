//! Load balancing.

use std::collections::BTreeSet;

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::cluster::v3::cluster::lb_subset_config::lb_subset_selector::LbSubsetSelectorFallbackPolicy as Fallback;
use envoy_types::pb::envoy::config::cluster::v3::cluster::{LbConfig, LbPolicy};
use envoy_types::pb::envoy::config::cluster::v3::load_balancing_policy::Policy;

use envoy_types::pb::envoy::extensions::load_balancing_policies::maglev::v3::Maglev;
use envoy_types::pb::google::protobuf::Any;
use prost::Message;

use super::{DataFindings, is_of};
use crate::envoy::is_extension;

/// What Envoy takes for sizes that are not written.
const RING: (u64, u64) = (1024, 8 << 20);
const TABLE: u64 = 65_537;

/// The most that its protos allow.
const LARGEST_TABLE: u64 = 5_000_011;

pub(super) fn check(cluster: &Cluster, findings: &mut DataFindings<'_>) {
    match &cluster.lb_config {
        Some(LbConfig::RingHashLbConfig(ring)) => {
            let min = ring.minimum_ring_size.map_or(RING.0, |size| size.value);
            let max = ring.maximum_ring_size.map_or(RING.1, |size| size.value);
            if min > max {
                findings.break_rule(
                    "ring_hash_lb_config",
                    format_args!("has a minimum_ring_size of {min} and a maximum of {max}"),
                    "write a minimum_ring_size, 1024 unless it is written, below the maximum",
                );
            }
        }
        Some(LbConfig::MaglevLbConfig(maglev)) => {
            let size = maglev.table_size.map_or(TABLE, |size| size.value);
            if !is_prime(size) {
                findings.break_rule(
                    "maglev_lb_config.table_size",
                    format_args!("{size} is not a prime number"),
                    "write a prime number such as 65537",
                );
            }
        }
        _ => {}
    }
    let policies = cluster.load_balancing_policy.as_ref();
    let wants_policies = cluster.lb_policy() == LbPolicy::LoadBalancingPolicyConfig;
    if policies.map_or(wants_policies, |given| given.policies.is_empty()) {
        findings.break_rule(
            "load_balancing_policy",
            "names no policy",
            "write its policies, or the section's lb_policy keyword",
        );
    }
    if let Some(given) = policies
        && !given.policies.is_empty()
        && !given.policies.iter().any(is_known)
    {
        findings.break_rule(
            "load_balancing_policy",
            "names no policy that Envoy knows",
            "write a typed_config of envoy.extensions.load_balancing_policies",
        );
    }
    let chosen = policies.and_then(|given| given.policies.iter().find(|policy| is_known(policy)));
    let config = chosen
        .and_then(config)
        .filter(|config| is_of::<Maglev>(config));
    let maglev = config.and_then(|config| Maglev::decode(&*config.value).ok());
    let size = maglev.and_then(|maglev| Some(maglev.table_size?.value));
    // What is larger breaks a constraint.
    if let Some(size) = size.filter(|size| *size <= LARGEST_TABLE && !is_prime(*size)) {
        findings.break_rule(
            "load_balancing_policy",
            format_args!("has a Maglev table_size of {size}, which is not a prime number"),
            "write a prime number such as 65537",
        );
    }
    let subsets = cluster.lb_subset_config.as_ref();
    let selectors = subsets.map_or(&[][..], |subsets| &subsets.subset_selectors);
    for (index, selector) in selectors.iter().enumerate() {
        let path = format!("lb_subset_config.subset_selectors[{index}].fallback_keys_subset");
        let keys: BTreeSet<&String> = selector.keys.iter().collect();
        let fallback: BTreeSet<&String> = selector.fallback_keys_subset.iter().collect();
        let falls_back = selector.fallback_policy() == Fallback::KeysSubset;
        if falls_back && (fallback.is_empty() || fallback == keys || !fallback.is_subset(&keys)) {
            let hint = "write some of the keys, and not all";
            findings.break_rule(&path, "is not part of the keys", hint);
        } else if !falls_back && !fallback.is_empty() {
            let hint = "write fallback_policy KEYS_SUBSET, or remove it";
            findings.break_rule(&path, "belongs to another fallback_policy", hint);
        }
    }
}

/// Envoy takes the first policy that it knows.
fn is_known(policy: &Policy) -> bool {
    config(policy)
        .is_some_and(|config| is_extension(&config.type_url, "envoy.load_balancing_policies"))
}

fn config(policy: &Policy) -> Option<&Any> {
    policy
        .typed_extension_config
        .as_ref()?
        .typed_config
        .as_ref()
}

/// By division: Envoy takes no table above five million.
fn is_prime(number: u64) -> bool {
    let mut divisors = (2..).take_while(|divisor| divisor * divisor <= number);
    number > 1 && !divisors.any(|divisor| number.is_multiple_of(divisor))
}
