//! Whole services: documented, recorded, given as examples.

use std::time::Duration;

use super::*;
use crate::model::{
    Action, Destination, HashKey, KeyPairSource, PathRewrite, Redirect, RedirectCode,
};

/// The exposes of OpenSVC's documentation, as its commands set them.
#[test]
fn the_documented_service_is_served() {
    let validated = judge(
        "
[ip#1]
expose = expose#0 expose#1 expose#2
[expose#0]
type = envoy
listener_port = 8080
port = 80
[certificate#front]
type = tls
secret = web1-front-cert
[certificate#back]
type = tls
secret = web1-back-cert
[expose#1]
type = envoy
listener_port = 443
port = 443
sni = svcweb.acme.org
listener_certificates = certificate#front
cluster_certificates = certificate#back
[expose#2]
type = envoy
listener_addr = 0.0.0.0
listener_port = 443
port = 443
vhosts = vhost#0
listener_certificates = certificate#front
cluster_certificates = certificate#back
[vhost#0]
type = envoy
domains = alt-svcweb.acme.org
routes = route#0 route#1
[route#0]
type = envoy
match_prefix = /realtime/generic
route_use_websocket = true
[route#1]
type = envoy
match_prefix = /
",
    );
    assert_eq!(errors(&validated), Vec::<String>::new());
    assert_eq!(
        warnings(&validated),
        [
            "certificate#back.secret: is another name of certificate_secret, which the agent \
             ignores; write certificate_secret instead",
            "certificate#front.secret: is another name of certificate_secret, which the agent \
             ignores; write certificate_secret instead",
        ]
    );
    let [plain, sni, http] = validated.service.exposes.as_slice() else {
        unreachable!()
    };
    assert!(
        matches!(&plain.traffic, Traffic::Tcp { server_names, tls: None } if server_names.is_empty())
    );
    let Traffic::Tcp {
        server_names,
        tls: Some(tls),
    } = &sni.traffic
    else {
        unreachable!()
    };
    assert_eq!(server_names, &["svcweb.acme.org"]);
    assert_eq!(
        tls.certificates[0].key_pair,
        Some(KeyPairSource::Secret(
            "test/sec/web1-front-cert".parse().unwrap()
        ))
    );
    assert!(sni.upstream_tls.is_some());
    let websocket = route(http, "route#0");
    assert!(matches!(
        websocket.action,
        Action::Forward {
            websocket: Some(true),
            ..
        }
    ));
}

/// A service recorded from a live node, with all the mistakes that were made in it.
#[test]
fn the_recorded_service_is_judged_line_by_line() {
    let recorded = include_str!("../../../tests/recordings/l7_service_config.json");
    let recorded: Value = serde_json::from_str(recorded).unwrap();
    let document =
        Document::from_json("webl7".parse().unwrap(), recorded["webl7"].clone()).unwrap();
    let validated = validate(&document, &Context::default());
    assert_eq!(
        errors(&validated),
        [
            "expose#1.cluster_data: is not JSON: key must be a string at line 1 column 2; write a \
             JSON object, such as {\"connect_timeout\": \"1s\"}",
            "vhost#0.domains: 'api.acme.com:8080' has a port, and expose#0 listens on 80; write \
             api.acme.com, which is matched with and without the port",
            "vhost#1.routes: 'route#9' is not defined; defined: route#0, route#1, route#2, route#3",
        ]
    );
    assert_eq!(validated.service.exposes, []);

    let mut document = document;
    let mut set = |section: &str, keyword: &str, value: &str| {
        let section = document.sections.get_mut(section).unwrap();
        Arc::make_mut(&mut section.keywords).insert(keyword.into(), value.into());
    };
    set("vhost#0", "domains", "www.acme.com api.acme.com:80");
    set("vhost#1", "routes", "route#3");
    let validated = validate(&document, &Context::default());
    let [expose] = validated.service.exposes.as_slice() else {
        unreachable!("{:?}", errors(&validated))
    };
    let Traffic::Http { vhosts, .. } = &expose.traffic else {
        unreachable!()
    };
    assert_eq!(vhosts[0].domains, ["api.acme.com", "www.acme.com"]);
    assert_eq!(vhosts[1].domains, ["webl7"]);
    assert_eq!(
        route(expose, "route#0").action,
        Action::Redirect(Redirect {
            host: Some("new.acme.com".into()),
            path: Some(PathRewrite::Path("/new".into())),
            code: RedirectCode::MovedPermanently,
            https: true,
            strip_query: true,
        })
    );
    let Action::Forward {
        timeout,
        host_rewrite,
        hash_policies,
        ..
    } = route(expose, "route#1").action
    else {
        unreachable!()
    };
    assert_eq!(timeout, Some(Duration::from_secs(30)));
    assert_eq!(host_rewrite.as_deref(), Some("internal"));
    let keys: Vec<HashKey> = hash_policies.into_iter().map(|policy| policy.key).collect();
    assert_eq!(
        keys,
        [
            HashKey::Cookie {
                name: "JSESSIONID".into(),
                path: Some("/".into()),
                ttl: Some(Duration::from_secs(3600)),
            },
            HashKey::Header {
                name: "x-user".into()
            },
            HashKey::SourceIp,
        ]
    );
    let Action::Forward {
        timeout, websocket, ..
    } = route(expose, "route#2").action
    else {
        unreachable!()
    };
    assert_eq!(
        (timeout, websocket),
        (Some(Duration::from_secs(60)), Some(true))
    );
    let Action::Forward { destination, .. } = route(expose, "route#3").action else {
        unreachable!()
    };
    assert_eq!(destination, Destination::ClusterHeader("x-cluster".into()));
}

/// One bad value used to make the answers for all services fail.
#[test]
fn an_error_stays_with_the_exposes_that_reach_it() {
    let validated = judge(
        "
[ip#1]
expose = expose#0 expose#1 expose#2
[expose#0]
port = 80
vhosts = vhost#0
[expose#1]
port = 81
vhosts = vhost#1
[expose#2]
port = abc
[vhost#0]
routes = route#0
[vhost#1]
routes = route#1
[route#0]
match_prefix = /
[route#1]
match_regex = (
[route#2]
match_regex = )
",
    );
    assert_eq!(
        errors(&validated),
        [
            "expose#2.port: 'abc' is not an integer; write a port from 1 to 65535",
            "route#1.match_regex: '(' is not a regular expression of RE2: a ( is never closed; write \
             \\( for a parenthesis",
            "route#2.match_regex: ')' is not a regular expression of RE2: a ) closes nothing; write \
             \\) for a parenthesis",
        ]
    );
    assert_eq!(
        lines(&validated, Severity::Info),
        [
            "expose#1: left out because of route#1",
            "route#2: no expose leads to this section",
        ]
    );
    let served = validated
        .service
        .exposes
        .iter()
        .map(|e| e.id.section.as_str());
    assert_eq!(served.collect::<Vec<_>>(), ["expose#0"]);
}

/// What the demonstration runs is said to be right, but for the mistake that it shows.
#[test]
fn the_examples_have_the_findings_that_they_mean_to_have() {
    let web = judge(include_str!("../../../examples/svcweb.conf"));
    assert_eq!(errors(&web), Vec::<String>::new());
    assert_eq!(warnings(&web), Vec::<String>::new());
    let shop = judge(include_str!("../../../examples/svcshop.conf"));
    assert_eq!(
        errors(&shop),
        ["expose#1.port: 80810 is not a port; write a port from 1 to 65535"]
    );
    assert_eq!(warnings(&shop), Vec::<String>::new());
}
