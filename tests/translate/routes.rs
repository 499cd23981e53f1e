//! Virtual hosts, routes and hash policies, keyword by keyword.

use std::time::Duration;

use igw_envoy::model::{
    Action, Destination, HashKey, HashPolicy, PathMatch, PathRewrite, RedirectCode,
};
use serde_json::{Value, json};

use crate::exposes::{
    But, Extras, exact, forward, forward_to, http, prefix, redirect, regex, route, vhost,
};
use crate::shown::routes_of;

/// The route configuration's only route.
fn shown_route(path: PathMatch, action: Action) -> Value {
    let host = vhost("vhost#0", &["a.org"], vec![route(path, action)]);
    routes_of(&[http(vec![host])])["virtual_hosts"][0]["routes"][0].clone()
}

fn shown_action(change: impl FnOnce(&mut Extras)) -> Value {
    shown_route(prefix("/"), forward_to(Destination::Own, change))["route"].clone()
}

fn shown_redirect(change: impl FnOnce(&mut igw_envoy::model::Redirect)) -> Value {
    shown_route(prefix("/"), redirect(change))["redirect"].clone()
}

#[test]
fn paths_are_matched_three_ways() {
    for (path, shown) in [
        (exact("/a"), json!({"path": "/a"})),
        (prefix("/a/"), json!({"prefix": "/a/"})),
        (regex("/a.*"), json!({"safe_regex": {"regex": "/a.*"}})),
    ] {
        let route = shown_route(path, forward());
        assert_eq!(route["match"], shown);
        assert_eq!(route["route"], json!({"cluster": "web.expose#0"}));
    }
}

#[test]
fn case_matters_unless_told_otherwise() {
    let mut any_case = route(prefix("/a"), forward());
    any_case.case_sensitive = false;
    let host = vhost("vhost#0", &["a.org"], vec![any_case]);
    let routes = routes_of(&[http(vec![host])]);
    assert_eq!(
        routes["virtual_hosts"][0]["routes"][0]["match"],
        json!({"prefix": "/a", "case_sensitive": false})
    );
}

#[test]
fn routes_keep_the_order_of_the_keyword() {
    let host = vhost(
        "vhost#0",
        &["a.org"],
        ["/b", "/", "/a"]
            .map(|path| route(prefix(path), forward()))
            .into(),
    );
    let routes = routes_of(&[http(vec![host])]);
    let paths = routes["virtual_hosts"][0]["routes"].as_array().unwrap();
    let paths: Vec<&Value> = paths
        .iter()
        .map(|route| &route["match"]["prefix"])
        .collect();
    assert_eq!(paths, ["/b", "/", "/a"]);
}

#[test]
fn rewrites_and_timeouts_are_envoys_own_fields() {
    let action = shown_action(|extras| {
        extras.prefix_rewrite = Some("/new".into());
        extras.host_rewrite = Some("b.org".into());
        extras.timeout = Some(Duration::from_millis(1500));
    });
    assert_eq!(
        action,
        json!({
            "cluster": "web.expose#0",
            "prefix_rewrite": "/new",
            "host_rewrite_literal": "b.org",
            "timeout": "1.500s",
        })
    );
    let forever = shown_action(|extras| extras.timeout = Some(Duration::ZERO));
    assert_eq!(forever["timeout"], "0s");
}

#[test]
fn a_websocket_is_the_listeners_unless_the_route_says() {
    assert_eq!(shown_action(|_| {})["upgrade_configs"], json!(null));
    for enabled in [true, false] {
        assert_eq!(
            shown_action(|extras| extras.websocket = Some(enabled))["upgrade_configs"],
            json!([{"upgrade_type": "websocket", "enabled": enabled}])
        );
    }
}

#[test]
fn every_kind_of_hash_policy_is_envoys_own() {
    let policy = |key, terminal| HashPolicy {
        section: "hashpolicy#0".into(),
        key,
        terminal,
    };
    let action = shown_action(|extras| {
        extras.hash_policies = vec![
            policy(
                HashKey::Header {
                    name: "x-user".into(),
                },
                true,
            ),
            policy(
                HashKey::Cookie {
                    name: "sticky".into(),
                    path: Some("/".into()),
                    ttl: Some(Duration::from_secs(60)),
                },
                false,
            ),
            policy(
                HashKey::Cookie {
                    name: "theirs".into(),
                    path: None,
                    ttl: None,
                },
                false,
            ),
            policy(HashKey::SourceIp, false),
        ];
    });
    assert_eq!(
        action["hash_policy"],
        json!([
            {"header": {"header_name": "x-user"}, "terminal": true},
            {"cookie": {"name": "sticky", "path": "/", "ttl": "60s"}},
            {"cookie": {"name": "theirs"}},
            {"connection_properties": {"source_ip": true}},
        ])
    );
}

#[test]
fn a_redirect_says_only_what_differs_from_envoys_defaults() {
    assert_eq!(shown_redirect(|_| {}), json!({}), "301 is the default");
    let full = shown_redirect(|to| {
        to.host = Some("b.org:8443".into());
        to.path = Some(PathRewrite::Path("/new".into()));
        to.code = RedirectCode::PermanentRedirect;
        to.https = true;
        to.strip_query = true;
    });
    assert_eq!(
        full,
        json!({
            "host_redirect": "b.org:8443",
            "path_redirect": "/new",
            "response_code": "PERMANENT_REDIRECT",
            "https_redirect": true,
            "strip_query": true,
        })
    );
    let prefix = shown_redirect(|to| to.path = Some(PathRewrite::Prefix("/new".into())));
    assert_eq!(prefix, json!({"prefix_rewrite": "/new"}));
    for (code, name) in [
        (RedirectCode::Found, "FOUND"),
        (RedirectCode::SeeOther, "SEE_OTHER"),
        (RedirectCode::TemporaryRedirect, "TEMPORARY_REDIRECT"),
    ] {
        assert_eq!(shown_redirect(|to| to.code = code)["response_code"], name);
    }
}

#[test]
fn a_redirecting_vhost_names_no_cluster() {
    let host = vhost(
        "vhost#0",
        &["a.org"],
        vec![route(prefix("/"), redirect(|to| to.https = true))],
    );
    let (_, routes) = crate::shown::attached(&[http(vec![host])]);
    assert_eq!(crate::shown::references(&routes[0]), [""; 0]);
}

#[test]
fn hosts_are_served_with_and_without_the_listeners_port() {
    for (port, domain, hosts) in [
        (80, "a.org", json!(["a.org", "a.org:80"])),
        (8080, "a.org", json!(["a.org", "a.org:8080"])),
        (8080, "*.a.org", json!(["*.a.org", "*.a.org:8080"])),
        (8080, "[::1]", json!(["[::1]", "[::1]:8080"])),
        (8080, "www.*", json!(["www.*"])),
        (8080, "*", json!(["*"])),
    ] {
        let expose = http(vec![vhost("vhost#0", &[domain], Vec::new())]).on("0.0.0.0", port);
        assert_eq!(routes_of(&[expose])["virtual_hosts"][0]["domains"], hosts);
    }
}
