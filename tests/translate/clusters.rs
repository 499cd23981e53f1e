//! Clusters.

use igw_envoy::model::LbPolicy;
use serde_json::json;

use crate::exposes::{But, tcp, udp};
use crate::shown::{cluster, references, translated};

#[test]
fn a_cluster_is_named_as_its_expose_and_takes_its_endpoints_by_eds() {
    let expose = tcp().named("test/svc/web1.expose#0");
    assert_eq!(
        cluster(&expose),
        json!({
            "name": "test/svc/web1.expose#0",
            "type": "EDS",
            "eds_cluster_config": {
                "eds_config": {"ads": {}, "resource_api_version": "V3"},
            },
            "connect_timeout": "0.250s",
            "health_checks": [{
                "timeout": "5s",
                "interval": "30s",
                "interval_jitter": "15s",
                "unhealthy_threshold": 3,
                "healthy_threshold": 1,
                "tcp_health_check": {},
            }],
            "ignore_health_on_host_removal": true,
        })
    );
    assert_eq!(
        references(&translated(&expose).cluster),
        ["Endpoints test/svc/web1.expose#0"]
    );
}

#[test]
fn every_lb_policy_has_its_envoy_name() {
    for (policy, name) in [
        (LbPolicy::RoundRobin, json!(null)),
        (LbPolicy::LeastRequest, json!("LEAST_REQUEST")),
        (LbPolicy::RingHash, json!("RING_HASH")),
        (LbPolicy::Random, json!("RANDOM")),
        (LbPolicy::Maglev, json!("MAGLEV")),
    ] {
        let cluster = cluster(&tcp().balanced(policy));
        assert_eq!(
            cluster["lb_policy"], name,
            "{policy:?}; round robin is the default"
        );
        assert_eq!(cluster["type"], "EDS");
    }
}

#[test]
fn an_original_destination_cluster_has_no_endpoints_of_its_own() {
    let expose = tcp().balanced(LbPolicy::OriginalDst);
    assert_eq!(
        cluster(&expose),
        json!({
            "name": "web.expose#0",
            "type": "ORIGINAL_DST",
            "lb_policy": "CLUSTER_PROVIDED",
            "connect_timeout": "0.250s",
            "ignore_health_on_host_removal": true,
        })
    );
    let translation = translated(&expose);
    assert_eq!(references(&translation.cluster), [""; 0]);
    assert_eq!(translation.warnings[0].code, "original-dst");
}

#[test]
fn datagrams_have_no_tcp_health_check() {
    assert_eq!(cluster(&udp())["health_checks"], json!(null));
}
