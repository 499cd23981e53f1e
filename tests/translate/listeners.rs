//! Listeners put together from attachments.

use igw_envoy::model::{Expose, LbPolicy, VirtualHost};
use serde_json::{Value, json};

use crate::exposes::{But, certificate, http, plain_vhost, sni, tcp, udp};
use crate::shown::{attached, listener_of, references, refused, routes_of, shown, translated};

const TYPE: &str = "type.googleapis.com/envoy.extensions.filters";

fn inspector() -> Value {
    json!({
        "name": "envoy.filters.listener.tls_inspector",
        "typed_config": {"@type": format!("{TYPE}.listener.tls_inspector.v3.TlsInspector")},
    })
}

fn proxy_to(cluster: &str) -> Value {
    json!([{
        "name": "envoy.filters.network.tcp_proxy",
        "typed_config": {
            "@type": format!("{TYPE}.network.tcp_proxy.v3.TcpProxy"),
            "stat_prefix": format!("ingress_{cluster}"),
            "cluster": cluster,
        },
    }])
}

/// The names of a listener's chains, in order.
fn chains(listener: &Value) -> Vec<&str> {
    let chains = listener["filter_chains"].as_array().unwrap();
    chains
        .iter()
        .map(|chain| chain["name"].as_str().unwrap())
        .collect()
}

#[test]
fn plain_tcp_takes_every_connection() {
    assert_eq!(
        listener_of(&[tcp().named("test/svc/web1.expose#0")]),
        json!({
            "name": "0.0.0.0:8080/tcp",
            "address": {"socket_address": {"address": "0.0.0.0", "port_value": 8080}},
            "listener_filters": [inspector()],
            "filter_chains": [{
                "name": "test/svc/web1.expose#0",
                "filters": proxy_to("test/svc/web1.expose#0"),
            }],
        })
    );
}

#[test]
fn sni_chooses_the_chain_and_tls_passes_through() {
    let listener = listener_of(&[sni(&["*.b.org", "a.org"])]);
    assert_eq!(
        listener["filter_chains"][0],
        json!({
            "name": "web.expose#0",
            "filter_chain_match": {
                "server_names": ["*.b.org", "a.org"],
                "transport_protocol": "tls",
            },
            "filters": proxy_to("web.expose#0"),
        })
    );
}

#[test]
fn udp_has_a_listener_filter_and_no_chain() {
    let listener = listener_of(&[udp().on("::1", 53)]);
    assert_eq!(
        listener,
        json!({
            "name": "[::1]:53/udp",
            "address": {
                "socket_address": {"address": "::1", "port_value": 53, "protocol": "UDP"},
            },
            "listener_filters": [{
                "name": "envoy.filters.udp_listener.udp_proxy",
                "typed_config": {
                    "@type": format!("{TYPE}.udp.udp_proxy.v3.UdpProxyConfig"),
                    "stat_prefix": "ingress_web.expose#0",
                    "matcher": {"on_no_match": {"action": {
                        "name": "route",
                        "typed_config": {
                            "@type": format!("{TYPE}.udp.udp_proxy.v3.Route"),
                            "cluster": "web.expose#0",
                        },
                    }}},
                },
            }],
        })
    );
}

#[test]
fn plain_http_shares_one_chain_and_one_route_configuration() {
    let exposes = [
        http(vec![plain_vhost("b.org")]).named("web2.expose#0"),
        http(vec![plain_vhost("a.org")]).named("web1.expose#0"),
    ];
    let (listener, routes) = attached(&exposes);
    assert_eq!(references(&listener), ["Routes 0.0.0.0:8080/tcp"]);
    let listener = shown(&listener);
    assert_eq!(chains(&listener), ["http"]);
    assert_eq!(
        listener["filter_chains"][0],
        json!({
            "name": "http",
            "filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": {
                    "@type": format!(
                        "{TYPE}.network.http_connection_manager.v3.HttpConnectionManager"
                    ),
                    "stat_prefix": "ingress_0.0.0.0:8080/tcp",
                    "rds": {
                        "config_source": {"ads": {}, "resource_api_version": "V3"},
                        "route_config_name": "0.0.0.0:8080/tcp",
                    },
                    "http_filters": [{
                        "name": "envoy.filters.http.router",
                        "typed_config": {"@type": format!("{TYPE}.http.router.v3.Router")},
                    }],
                    "http_protocol_options": {"accept_http_10": true},
                    "http2_protocol_options": {},
                    "upgrade_configs": [{"upgrade_type": "websocket"}],
                },
            }],
        })
    );
    let [routes] = &routes[..] else {
        panic!("one route configuration");
    };
    assert_eq!(
        references(routes),
        ["Cluster web1.expose#0", "Cluster web2.expose#0"]
    );
    let routes = shown(routes);
    assert_eq!(routes["name"], "0.0.0.0:8080/tcp");
    assert_eq!(routes["virtual_hosts"][0]["name"], "web1.expose#0.vhost#0");
    assert_eq!(routes["virtual_hosts"][1]["name"], "web2.expose#0.vhost#0");
}

#[test]
fn the_order_of_attachments_does_not_matter() {
    let mut exposes = vec![
        sni(&["c.org"]).named("test/svc/c.expose#0"),
        http(vec![plain_vhost("b.org")]).named("b.expose#1"),
        http(vec![plain_vhost("a.org")]).named("a.expose#0"),
        sni(&["d.org"]).named("a.expose#1"),
    ];
    let (listener, routes) = attached(&exposes);
    assert_eq!(
        chains(&shown(&listener)),
        ["http", "a.expose#1", "test/svc/c.expose#0"]
    );
    exposes.reverse();
    let (reversed, reversed_routes) = attached(&exposes);
    assert_eq!(reversed.body, listener.body);
    assert_eq!(reversed_routes, routes);
}

#[test]
fn original_destination_adds_its_listener_filter() {
    let exposes = [tcp().balanced(LbPolicy::OriginalDst)];
    let filters = &listener_of(&exposes)["listener_filters"];
    assert_eq!(filters[0], inspector());
    assert_eq!(
        filters[1],
        json!({
            "name": "envoy.filters.listener.original_dst",
            "typed_config": {"@type": format!("{TYPE}.listener.original_dst.v3.OriginalDst")},
        })
    );
}

#[test]
fn without_a_listener_port_there_is_only_the_cluster() {
    let translation = translated(&tcp().but(|expose| expose.listener_port = None));
    assert_eq!(translation.attachment, None);
    assert_eq!(&*translation.cluster.name, "web.expose#0");
}

#[test]
fn mistakes_and_secrets_are_known_before_the_port_is() {
    let unallocated = |expose: Expose| expose.but(|expose| expose.listener_port = None);
    let expose = unallocated(tcp().with_filter_data(json!({"idle_timeout": 5})));
    assert!(refused(&expose)[0].contains("idle_timeout: 5 is not a duration"));
    let expose = unallocated(tcp().with_tls(vec![certificate("certificate#0", "sec/web")]));
    assert_eq!(translated(&expose).required_secrets.len(), 1);
}

#[test]
fn a_listener_waits_for_what_its_chains_name() {
    let exposes = [
        tcp().with_tls(vec![certificate("certificate#0", "sec/web")]),
        http(vec![plain_vhost("a.org")])
            .named("app.expose#0")
            .with_tls(vec![certificate("certificate#0", "sec/app")]),
    ];
    assert_eq!(
        references(&attached(&exposes).0),
        [
            "Cluster web.expose#0",
            "Secret tls_certificate/sec/app",
            "Secret tls_certificate/sec/web",
            "Routes 0.0.0.0:8080/tcp/app.expose#0",
        ]
    );
}

#[test]
fn a_route_configuration_of_vhosts_without_routes_is_still_there() {
    let empty = VirtualHost {
        routes: Vec::new(),
        ..plain_vhost("a.org")
    };
    let routes = routes_of(&[http(vec![empty])]);
    assert_eq!(
        routes["virtual_hosts"],
        json!([{"name": "web.expose#0.vhost#0", "domains": ["a.org", "a.org:8080"]}])
    );
}
