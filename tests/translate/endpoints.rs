//! Load assignments.

use igw_envoy::translate::{Endpoint, load_assignment};
use serde_json::json;

use crate::shown::shown;

fn endpoint(addr: &str, locality: Option<&str>) -> Endpoint {
    Endpoint {
        locality: locality.map(Into::into),
        addr: addr.parse().unwrap(),
        port: 80,
    }
}

fn address(addr: &str) -> serde_json::Value {
    json!({"endpoint": {"address": {"socket_address": {"address": addr, "port_value": 80}}}})
}

#[test]
fn endpoints_are_sorted_grouped_by_locality_and_sent_once() {
    let given = [
        endpoint("10.0.0.9", None),
        endpoint("10.0.0.10", None),
        endpoint("fd00::1", Some("paris")),
        endpoint("10.0.0.9", None),
    ];
    let resource = load_assignment("web.expose#0", &given);
    assert_eq!(
        shown(&resource),
        json!({
            "cluster_name": "web.expose#0",
            "endpoints": [
                {"lb_endpoints": [address("10.0.0.9"), address("10.0.0.10")]},
                {"locality": {"zone": "paris"}, "lb_endpoints": [address("fd00::1")]},
            ],
        })
    );
    let mut reversed = given.clone();
    reversed.reverse();
    assert_eq!(
        load_assignment("web.expose#0", &reversed).body,
        resource.body
    );
}

#[test]
fn no_endpoint_is_an_empty_assignment() {
    let resource = load_assignment("web.expose#0", &[]);
    assert_eq!(shown(&resource), json!({"cluster_name": "web.expose#0"}));
    assert_eq!(&*resource.name, "web.expose#0");
}
