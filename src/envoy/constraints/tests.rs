#![allow(clippy::unwrap_used)]

use std::time::Instant;

use envoy_types::pb::envoy::config::cluster::v3::{Cluster, cluster::LbPolicy};
use envoy_types::pb::envoy::config::core::v3::{HealthCheck, Metadata, SocketAddress};
use envoy_types::pb::envoy::config::listener::v3::{Filter, FilterChain, filter};
use envoy_types::pb::envoy::config::route::v3::{
    Route, RouteAction, RouteMatch, VirtualHost, route, route_action::ClusterSpecifier,
    route_match::PathSpecifier,
};
use envoy_types::pb::envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy;
use envoy_types::pb::google::protobuf::{Duration, UInt32Value};

use super::*;
use crate::envoy::pack;

fn paths<M: Message + Name>(message: &M) -> Vec<String> {
    match check(message) {
        Ok(()) => Vec::new(),
        Err(violations) => violations.iter().map(ToString::to_string).collect(),
    }
}

fn cluster() -> Cluster {
    Cluster {
        name: "a".into(),
        connect_timeout: Some(Duration {
            seconds: 0,
            nanos: 250_000_000,
        }),
        ..Cluster::default()
    }
}

fn virtual_host(prefix: &str) -> VirtualHost {
    VirtualHost {
        name: "v".into(),
        domains: vec!["a.org".into(), "a.org:80".into()],
        routes: vec![Route {
            r#match: Some(RouteMatch {
                path_specifier: Some(PathSpecifier::Prefix(prefix.into())),
                ..RouteMatch::default()
            }),
            action: Some(route::Action::Route(RouteAction {
                cluster_specifier: Some(ClusterSpecifier::Cluster("a".into())),
                ..RouteAction::default()
            })),
            ..Route::default()
        }],
        ..VirtualHost::default()
    }
}

#[test]
fn a_good_message_breaks_no_rule() {
    assert_eq!(paths(&cluster()), [""; 0]);
    assert_eq!(paths(&virtual_host("/")), [""; 0]);
}

#[test]
fn an_absent_field_is_judged_as_its_default() {
    let message = Cluster {
        name: String::new(),
        ..cluster()
    };
    assert_eq!(paths(&message), ["name must not be empty"]);
}

#[test]
fn the_path_leads_to_the_field() {
    let message = Cluster {
        lb_policy: 99,
        connect_timeout: Some(Duration::default()),
        health_checks: vec![HealthCheck {
            timeout: Some(Duration::default()),
            unhealthy_threshold: Some(UInt32Value { value: 1 }),
            ..HealthCheck::default()
        }],
        ..cluster()
    };
    assert_eq!(
        paths(&message),
        [
            "connect_timeout must be greater than 0s",
            "lb_policy must be a value that Envoy defines",
            "health_checks[0].timeout must be greater than 0s",
            "health_checks[0].interval must be given",
            "health_checks[0].healthy_threshold must be given",
            "health_checks[0].health_checker must be given: one of http_health_check, \
             tcp_health_check, grpc_health_check, custom_health_check",
        ]
    );
}

#[test]
fn a_member_of_a_oneof_is_judged_only_where_it_is_set() {
    let mut host = virtual_host("/");
    host.routes[0].action = Some(route::Action::Route(RouteAction {
        cluster_specifier: Some(ClusterSpecifier::ClusterHeader("a\nb".into())),
        ..RouteAction::default()
    }));
    assert_eq!(
        paths(&host),
        ["routes[0].route.cluster_header must be without line breaks and NUL"]
    );
}

#[test]
fn an_any_is_looked_into() {
    let chain = FilterChain {
        filters: vec![Filter {
            name: "envoy.filters.network.tcp_proxy".into(),
            config_type: Some(filter::ConfigType::TypedConfig(pack(&TcpProxy::default()))),
        }],
        ..FilterChain::default()
    };
    assert_eq!(
        paths(&chain),
        [
            "filters[0].typed_config.stat_prefix must not be empty",
            "filters[0].typed_config.cluster_specifier must be given: one of cluster, \
             weighted_clusters",
        ]
    );
}

#[test]
fn maps_and_lists_are_counted_and_their_keys_judged() {
    let message = Cluster {
        metadata: Some(Metadata {
            filter_metadata: [(String::new(), Default::default())].into(),
            ..Metadata::default()
        }),
        ..cluster()
    };
    assert_eq!(
        paths(&message),
        ["metadata.filter_metadata[\"\"] must not be empty"]
    );
    let message = VirtualHost {
        domains: Vec::new(),
        ..virtual_host("/")
    };
    assert_eq!(paths(&message), ["domains must not be empty"]);
}

#[test]
fn numbers_keep_their_sign_and_durations_their_range() {
    let message = SocketAddress {
        address: "::1".into(),
        port_specifier: Some(
            envoy_types::pb::envoy::config::core::v3::socket_address::PortSpecifier::PortValue(
                70000,
            ),
        ),
        ..SocketAddress::default()
    };
    assert_eq!(paths(&message), ["port_value must be at most 65535"]);
    let message = Cluster {
        lb_policy: LbPolicy::Maglev.into(),
        cleanup_interval: Some(Duration {
            seconds: -1,
            nanos: 0,
        }),
        ..cluster()
    };
    assert_eq!(
        paths(&message),
        ["cleanup_interval must be greater than 0s"]
    );
}

/// Prints what a check costs: `cargo test --release -- --ignored --nocapture a_check_costs`.
#[test]
#[ignore = "a measurement"]
fn a_check_costs() {
    let start = Instant::now();
    check(&cluster()).unwrap();
    println!("tables {:?}", start.elapsed());
    for (name, message) in [
        ("envoy.config.cluster.v3.Cluster", encode(&cluster())),
        (
            "envoy.config.route.v3.VirtualHost",
            encode(&virtual_host("/")),
        ),
    ] {
        let start = Instant::now();
        for _ in 0..10_000 {
            check_encoded(name, &message).unwrap();
        }
        println!("{name} {:?}", start.elapsed() / 10_000);
    }
}

/// What every expose has of clusters and filters is not checked again and again where only these differ.
#[test]
fn a_name_that_the_gateway_gives_need_only_be_there() {
    let manager = "envoy.extensions.filters.network.http_connection_manager.v3";
    let udp = "envoy.extensions.filters.udp.udp_proxy.v3";
    for (message, field) in [
        ("envoy.config.cluster.v3.Cluster", "name"),
        ("envoy.config.listener.v3.FilterChain", "name"),
        (&*TcpProxy::full_name(), "stat_prefix"),
        (&*TcpProxy::full_name(), "cluster"),
        (&*format!("{manager}.HttpConnectionManager"), "stat_prefix"),
        (&*format!("{manager}.Rds"), "route_config_name"),
        (&*format!("{udp}.UdpProxyConfig"), "stat_prefix"),
        (&*format!("{udp}.Route"), "cluster"),
    ] {
        let kind = schema::find(message).unwrap();
        let field = kind
            .fields
            .iter()
            .find(|known| known.name == field)
            .unwrap();
        let rules = field.rules;
        let asks = rules.values.rules.iter();
        let is_presence = |rule: &Rule| matches!(rule, Rule::MinChars(1) | Rule::MinBytes(1));
        assert!(
            asks.clone().all(is_presence),
            "{message} {}: {rules:?}",
            field.name
        );
        assert!(
            !rules.unimplemented && !field.repeated,
            "{message} {}",
            field.name
        );
    }
}
