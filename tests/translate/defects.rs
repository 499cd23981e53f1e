//! What the Python janitor got wrong, each as a test that it would fail.

use igw_envoy::model::{Destination, HashKey, HashPolicy, LbPolicy, PathRewrite, RedirectCode};
use igw_envoy::translate::load_assignment;
use serde_json::json;

use crate::exposes::{
    But, certificate, forward_to, http, inline_certificate, plain_vhost, prefix, redirect, route,
    sni, tcp, udp, validation, vhost,
};
use crate::shown::{attached, cluster, listener_of, routes_of, shown, translated};

/// B1: without it Envoy accepts the listener and closes every connection.
#[test]
fn b1_tls_listeners_have_a_tls_inspector() {
    let https =
        http(vec![plain_vhost("a.org")]).with_tls(vec![certificate("certificate#0", "sec/web")]);
    for expose in [https, sni(&["a.org"]), tcp()] {
        let listener = listener_of(&[expose]);
        assert_eq!(
            listener["listener_filters"][0]["name"],
            "envoy.filters.listener.tls_inspector"
        );
    }
}

/// B8: an endpoint without address was sent for a locality without endpoints.
#[test]
fn b8_no_endpoint_is_no_endpoint() {
    let empty = shown(&load_assignment("web.expose#0", &[]));
    assert_eq!(empty["endpoints"], json!(null));
}

/// B11: header and source address policies were never sent.
#[test]
fn b11_a_header_is_hashed() {
    let by_header = HashPolicy {
        section: "hashpolicy#0".into(),
        key: HashKey::Header {
            name: "x-user".into(),
        },
        terminal: false,
    };
    let action = forward_to(Destination::Own, |extras| {
        extras.hash_policies = vec![by_header];
    });
    let host = vhost("vhost#0", &["a.org"], vec![route(prefix("/"), action)]);
    let routes = routes_of(&[http(vec![host])]);
    assert_eq!(
        routes["virtual_hosts"][0]["routes"][0]["route"]["hash_policy"],
        json!([{"header": {"header_name": "x-user"}}])
    );
}

/// B12: `cluster` was sent beside `cluster_header`, which lost the whole response.
#[test]
fn b12_a_cluster_header_replaces_the_cluster() {
    let action = forward_to(Destination::ClusterHeader("x-cluster".into()), |_| {});
    let host = vhost("vhost#0", &["a.org"], vec![route(prefix("/"), action)]);
    let routes = routes_of(&[http(vec![host])]);
    assert_eq!(
        routes["virtual_hosts"][0]["routes"][0]["route"],
        json!({"cluster_header": "x-cluster", "cluster_not_found_response_code": "NOT_FOUND"})
    );
}

/// B13: the inline key went to a field that does not exist.
#[test]
fn b13_an_inline_key_is_an_inline_string() {
    let expose = tcp().with_tls(vec![inline_certificate("certificate#0", "CHAIN", "KEY")]);
    let secret = shown(&translated(&expose).secrets[0]);
    assert_eq!(
        secret["tls_certificate"]["private_key"],
        json!({"inline_string": "KEY"})
    );
}

/// B14: validation was referenced by a name that was never served.
#[test]
fn b14_validation_is_referenced_by_the_name_it_is_served_under() {
    let expose = tcp().with_tls(vec![
        certificate("certificate#0", "sec/web"),
        validation("certificate#1", "sec/ca"),
    ]);
    let translation = translated(&expose);
    let names: Vec<String> = translation
        .required_secrets
        .iter()
        .map(|w| w.resource_name())
        .collect();
    let attachment = translation.attachment.unwrap();
    for name in ["validation_context/sec/ca", "tls_certificate/sec/web"] {
        assert!(names.iter().any(|n| n == name));
        assert!(attachment.references.iter().any(|r| &*r.name == name));
    }
}

/// B19: the translation wrote into the daemon's data, so a later change was shadowed.
#[test]
fn b19_a_changed_keyword_is_seen_beside_cluster_data() {
    let before = tcp().with_cluster_data(json!({"connect_timeout": "1s"}));
    let after = before.clone().balanced(LbPolicy::Random);
    assert_eq!(cluster(&before)["lb_policy"], json!(null));
    assert_eq!(cluster(&after)["lb_policy"], "RANDOM");
    assert_eq!(cluster(&before)["lb_policy"], json!(null));
}

/// B26: the transport socket had v2's `config`.
#[test]
fn b26_transport_sockets_are_typed() {
    let certificates = vec![certificate("certificate#0", "sec/web")];
    let expose = tcp()
        .with_tls(certificates.clone())
        .with_upstream_tls(certificates);
    let type_of = |socket: &serde_json::Value| socket["typed_config"]["@type"].clone();
    let tls = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3";
    let shown = cluster(&expose);
    assert_eq!(
        type_of(&shown["transport_socket"]),
        format!("{tls}.UpstreamTlsContext")
    );
    let listener = listener_of(&[expose]);
    assert_eq!(
        type_of(&listener["filter_chains"][0]["transport_socket"]),
        format!("{tls}.DownstreamTlsContext")
    );
}

/// B30: exclusive fields were sent together, and codes and booleans as text.
#[test]
fn b30_a_redirect_has_one_path_and_a_code() {
    let action = redirect(|to| {
        to.path = Some(PathRewrite::Prefix("/new".into()));
        to.code = RedirectCode::Found;
    });
    let mut any_case = route(prefix("/old"), action);
    any_case.case_sensitive = false;
    let host = vhost("vhost#0", &["a.org"], vec![any_case]);
    let routes = routes_of(&[http(vec![host])]);
    assert_eq!(
        routes["virtual_hosts"][0]["routes"][0],
        json!({
            "match": {"prefix": "/old", "case_sensitive": false},
            "redirect": {"prefix_rewrite": "/new", "response_code": "FOUND"},
        })
    );
}

/// B31: off ports 80 and 443 a request without port in its `Host` met no vhost.
#[test]
fn b31_the_bare_host_is_served_on_any_port() {
    let routes = routes_of(&[http(vec![plain_vhost("a.org")])]);
    assert_eq!(
        routes["virtual_hosts"][0]["domains"],
        json!(["a.org", "a.org:8080"])
    );
}

/// B33: a UDP expose listened on TCP.
#[test]
fn b33_udp_listens_on_udp() {
    let (listener, _) = attached(&[udp()]);
    assert_eq!(&*listener.name, "0.0.0.0:8080/udp");
    let listener = shown(&listener);
    assert_eq!(listener["address"]["socket_address"]["protocol"], "UDP");
    assert_eq!(listener["filter_chains"], json!(null));
}

/// B39: certificates of tcp and sni exposes were ignored.
#[test]
fn b39_certificates_terminate_tls_on_tcp_and_sni() {
    for expose in [tcp(), sni(&["a.org"])] {
        let expose = expose.with_tls(vec![certificate("certificate#0", "sec/web")]);
        let listener = listener_of(&[expose]);
        let context = &listener["filter_chains"][0]["transport_socket"]["typed_config"];
        assert_eq!(
            context["common_tls_context"]["tls_certificate_sds_secret_configs"][0]["name"],
            "tls_certificate/sec/web"
        );
    }
}
