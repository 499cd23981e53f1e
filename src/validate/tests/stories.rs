//! Whole configurations.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::model::{
    Action, Destination, HashKey, KeyPairSource, PathMatch, PathRewrite, Redirect, RedirectCode,
    Traffic,
};

fn route(expose: &Expose, section: &str) -> crate::model::Route {
    let Traffic::Http { vhosts, .. } = &expose.traffic else {
        unreachable!("{:?}", expose.traffic)
    };
    let mut routes = vhosts.iter().flat_map(|vhost| &vhost.routes);
    routes
        .find(|route| route.section == section)
        .unwrap()
        .clone()
}

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
    let document = Document::from_json("webl7".parse().unwrap(), &recorded["webl7"]).unwrap();
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
        section.keywords.insert(keyword.into(), value.into());
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
            "route#1.match_regex: is not a regular expression of RE2: a ( is never closed; write \
             \\( for a parenthesis",
            "route#2.match_regex: is not a regular expression of RE2: a ) closes nothing; write \
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

/// The agent crashes on a missing listener_port, and stores port=abc as no port at all.
#[test]
fn listener_port_has_its_documented_default() {
    let expose = only("[ip#1]\nexpose=expose#0\n[expose#0]\nport=8080\n");
    assert_eq!(expose.socket().unwrap().to_string(), "0.0.0.0:8080/tcp");
    let expose = only("[ip#1]\nexpose=expose#0\n[expose#0]\nport=8080\nlistener_port=0\n");
    assert_eq!(expose.listener_port, None);
    let expose =
        only("[ip#1]\nexpose=expose#0\n[expose#0]\nport=53\nprotocol=udp\nlistener_addr=::\n");
    assert_eq!(expose.socket().unwrap().to_string(), "[::]:53/udp");
}

#[test]
fn defaults_are_inherited_and_their_errors_say_so() {
    let expose = only(
        "[DEFAULT]\nnodes=node1\nport=8080\nlistener_addr=10.0.0.1\n\
         [ip#1]\nexpose=expose#0\n[expose#0]\nlistener_addr=10.0.0.2\n",
    );
    assert_eq!(expose.socket().unwrap().to_string(), "10.0.0.2:8080/tcp");
    let validated = judge("[DEFAULT]\nport=abc\n[ip#1]\nexpose=expose#0\n[expose#0]\n");
    assert_eq!(
        errors(&validated),
        [
            "expose#0.port: 'abc' is not an integer (from the DEFAULT section); write a port from 1 \
          to 65535"
        ]
    );
}

/// A value for another node is refused here too, since every node judges the same configuration.
#[test]
fn every_scoped_value_is_judged_and_one_is_used() {
    let validated =
        judge("[ip#1]\nexpose=expose#0\n[expose#0]\nport=80\nport@node1=81\nport@node2=abc\n");
    assert_eq!(
        errors(&validated),
        ["expose#0.port@node2: 'abc' is not an integer; write a port from 1 to 65535"]
    );
    let expose = only("[ip#1]\nexpose=expose#0\n[expose#0]\nport@node2=82\nport@node1=81\n");
    assert_eq!(expose.port.get(), 81);
    let validated = judge("[ip#1]\nexpose=expose#0\n[expose#0]\nport=80\nvhosts@node1=vhost#7\n");
    assert_eq!(
        errors(&validated),
        ["expose#0.vhosts@node1: 'vhost#7' is not defined; add a section [vhost#0]"]
    );
}

#[test]
fn what_only_a_node_can_evaluate_is_neither_right_nor_wrong() {
    for value in ["{node.env.port}", "$(8000+80)", "{nodename}"] {
        let validated = judge(&format!(
            "[ip#1]\nexpose=expose#0\n[expose#0]\nport={value}\nlistener_addr=foo\n"
        ));
        assert_eq!(errors(&validated).len(), 1, "the other keywords are judged");
        assert_eq!(
            lines(&validated, Severity::Info),
            [format!(
                "expose#0.port: '{value}' is evaluated by the agent; the value is judged when it \
                 is known"
            )]
        );
        assert_eq!(validated.service.exposes, []);
    }
    let expose = only(
        "[env]\nport=8080\n[ip#1]\nexpose=expose#0\n[expose#0]\nport={env.port}\nvhosts=vhost#0\n\
         [vhost#0]\ndomains={name}.acme.com\nroutes=route#0\n[route#0]\nmatch_regex=/a{2}/[^/]{1,3}\n",
    );
    assert_eq!(expose.port.get(), 8080);
    assert_eq!(
        route(&expose, "route#0").path,
        PathMatch::Regex("/a{2}/[^/]{1,3}".into())
    );
}

#[test]
fn near_misses_are_guessed() {
    let validated = judge(
        "
[ip#1]
expose = expose#0 expose#11
[expose#0]
port = 80
listen_port = 80
match_prefix = /
vhosts = vhost#frnt
[vhost#front]
domain = a.org
[hash_policy#0]
cookie_name = a
[hashpolicies#1]
cookie_name = a
[Routes#1]
match_prefix = /
[disk#0]
type = lvm
",
    );
    assert_eq!(
        errors(&validated),
        ["expose#0.vhosts: 'vhost#frnt' is not defined; did you mean vhost#front?"]
    );
    assert_eq!(
        warnings(&validated),
        [
            "Routes#1: Routes is no group of sections, so this one is ignored; did you mean route#1?",
            "expose#0.listen_port: is not a keyword of expose sections and has no effect; did you \
             mean listener_port?",
            "expose#0.match_prefix: is not a keyword of expose sections and has no effect; it is a \
             keyword of route sections",
            "hash_policy#0: hash_policy is no group of sections, so this one is ignored; did you \
             mean hashpolicy#0?",
            "hashpolicies#1: hashpolicies is no group of sections, so this one is ignored; did you \
             mean hashpolicy#1?",
            "ip#1.expose: 'expose#11' is not defined; add a section [expose#11], or remove the name",
            "vhost#front.domain: is not a keyword of vhost sections and has no effect; did you mean \
             domains?",
            "vhost#front.routes: is empty, so every request is answered with 404; write for example \
             routes=route#0, and match_prefix=/ in route#0",
        ]
    );
}

#[test]
fn domains_are_unique_in_an_expose_whatever_their_case() {
    let text = |tls: &str, domains: &str| {
        format!(
            "[ip#1]\nexpose=expose#0\n[expose#0]\nport=80\nvhosts=vhost#0 vhost#1\n{tls}\n\
             [vhost#0]\ndomains=a.org:80 A.ORG\nroutes=route#0\n[vhost#1]\ndomains={domains}\n\
             routes=route#0\n[route#0]\nmatch_prefix=/\n[certificate#0]\ncertificate_secret=web\n"
        )
    };
    assert_eq!(
        errors(&judge(&text("", "b.org A.org"))),
        [
            "vhost#1.domains: 'a.org' is a domain of vhost#0 too, both in expose#0; leave it in one \
          of the two"
        ]
    );
    let tls = "listener_certificates=certificate#0";
    only(&text("", "*-eu.b.org * www.*"));
    only(&text(tls, "* www.* *.b.org 10.0.0.1"));
    assert_eq!(
        errors(&judge(&text(tls, "*-eu.b.org"))),
        [
            "vhost#1.domains: '*-eu.b.org' cannot be told by the server name of a TLS connection, as \
          expose#0 needs; write * only as the whole first label, as in *.acme.com"
        ]
    );
}

#[test]
fn a_listener_needs_a_certificate_to_present_and_an_endpoint_one_to_check() {
    let text = |keyword: &str| {
        format!(
            "[ip#1]\nexpose=expose#0\n[expose#0]\nport=80\n{keyword}=certificate#0\n\
             [certificate#0]\nvalidation_secret=ca\n"
        )
    };
    assert_eq!(
        errors(&judge(&text("listener_certificates"))),
        [
            "expose#0.listener_certificates: names no certificate to present to clients; name a \
          certificate section with certificate_secret"
        ]
    );
    assert!(only(&text("cluster_certificates")).upstream_tls.is_some());
}

#[test]
fn sections_of_another_type_are_not_the_gateways() {
    let validated = judge("[ip#1]\nexpose=expose#0\n[expose#0]\ntype=haproxy\nport=abc\n");
    assert_eq!(errors(&validated), Vec::<String>::new());
    assert_eq!(validated.service.exposes, []);
    let validated = judge(
        "[ip#1]\nexpose=expose#0\n[expose#0]\ntype=envoy\nport=1\nvhosts=vhost#0\n[vhost#0]\ntype=x\n",
    );
    assert_eq!(
        errors(&validated),
        ["expose#0.vhosts: vhost#0 is of type 'x'; name a vhost section of type envoy"]
    );
    let mut document = with(
        "[ip#1]\nexpose=expose#0\n",
        "expose#0",
        &[("port", json!(80))],
    );
    document.sections.get_mut("expose#0").unwrap().driver = Some("expose.envoy".into());
    let validated = validate(&document, &Context::default());
    assert_eq!(validated.service.exposes.len(), 1);
}

#[test]
fn the_daemons_limit_is_a_warning_and_then_an_error_that_serves_all_the_same() {
    let document = |kib: usize| {
        let data = json!({"x": "y".repeat(kib * 1024)});
        let keywords = [("port", json!(80)), ("cluster_data", data)];
        with("[ip#1]\nexpose=expose#0\n", "expose#0", &keywords)
    };
    let of_size = |kib: usize| validate(&document(kib), &Context::default());
    assert_eq!(of_size(30).report.worst(), None);
    for (size, severity) in [(40, Severity::Warning), (70, Severity::Error)] {
        let validated = of_size(size);
        assert_eq!(validated.report.worst(), Some(severity));
        assert_eq!(
            validated.report.diagnostics[0].code,
            codes::DOCUMENT_TOO_LARGE
        );
        assert_eq!(validated.service.exposes.len(), 1);
    }
    let mut delivered = document(70);
    delivered.evaluated = true;
    let delivered = validate(&delivered, &Context::default());
    assert_eq!(delivered.report.worst(), Some(Severity::Warning));
    let unread = of_size(2048);
    assert_eq!(unread.report.diagnostics[0].code, codes::DOCUMENT_UNREAD);
    assert_eq!(unread.service.exposes, []);
}

/// Few bytes that would become millions of routes.
#[test]
fn sections_named_many_times_do_not_multiply() {
    let mut text = String::from("[DEFAULT]\nvhosts =");
    for i in 0..150 {
        text.push_str(&format!(" vhost#{i}"));
    }
    text.push_str("\nroutes =");
    for i in 0..150 {
        text.push_str(&format!(" route#{i}"));
    }
    for i in 0..150 {
        text.push_str(&format!(
            "\n[expose#{i}]\nport={}\n[vhost#{i}]\ndomains=d{i}\n[route#{i}]\nmatch_path=/{i}",
            i + 1
        ));
    }
    let validated = judge(&text);
    assert!(
        validated
            .report
            .errors()
            .any(|d| d.code == codes::TOO_MANY_ROUTES)
    );
    assert!(validated.report.diagnostics.len() <= 501);
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
        ["expose#1.port: 80810 is no port; write a port from 1 to 65535"]
    );
    assert_eq!(warnings(&shop), Vec::<String>::new());
}

/// What is missing only because it is wrong is not said to be missing as well.
#[test]
fn a_mistake_is_said_once() {
    let validated = judge(
        "
[ip#1]
expose = expose#0
[expose#0]
port = 80
lb_policy = ring_hash
vhosts = vhost#0
[vhost#0]
routes = route#0
[route#0]
match_prefix = /
hash_policies = hashpolicy#0
[hashpolicy#0]
cookie_path = /
",
    );
    let codes: Vec<_> = validated
        .report
        .diagnostics
        .iter()
        .map(|d| d.code)
        .collect();
    assert_eq!(codes, [codes::COOKIE_WITHOUT_NAME, codes::LEFT_OUT]);
}

#[test]
fn an_expose_without_ip_is_told_of_one_that_is_there() {
    let hint = |ips: &str| {
        let validated = judge(&format!("{ips}[expose#0]\nport = 80\n"));
        validated.report.diagnostics[0].hint.clone()
    };
    assert_eq!(
        hint("[ip#7]\nipname = 10.0.0.1\n"),
        "add it to an ip: ip#7.expose+=expose#0"
    );
    assert_eq!(hint(""), "add an ip section with expose=expose#0");
}

#[test]
fn an_ip_inside_a_container_publishes_nothing() {
    for inside in ["encap = true", "tags = nofreeze encap"] {
        let judged = judge(&format!(
            "[ip#1]\ntype = netns\nexpose = expose#0\n{inside}\n\
             [expose#0]\ntype = envoy\nport = 80\n"
        ));
        assert_eq!(
            warnings(&judged),
            [
                "expose#0: no ip section names this expose, so nothing is behind it; add an ip \
                 section with expose=expose#0",
                "ip#1.expose: is inside a container, where the gateway does not look for addresses; \
                 list the exposes in an ip section without encap",
            ]
        );
    }
}

/// What is not known of a listener port is no reason to doubt the port in a domain.
#[test]
fn a_listener_port_that_is_wrong_or_unknown_is_held_against_no_domain() {
    let judge_with = |listener_port: &str| {
        judge(&format!(
            "[ip#1]\nexpose=expose#0\n[expose#0]\nport=80\nlistener_port={listener_port}\n\
             vhosts=vhost#0\n[vhost#0]\ndomains=www.acme.com:8443\nroutes=route#0\n\
             [route#0]\nmatch_prefix=/\n"
        ))
    };
    let codes = |validated: Validated| -> Vec<&'static str> {
        let codes = validated.report.diagnostics.iter().map(|d| d.code);
        codes.filter(|code| *code != codes::LEFT_OUT).collect()
    };
    assert_eq!(codes(judge_with("8443")), Vec::<&str>::new());
    assert_eq!(codes(judge_with("0")), [codes::DOMAIN_PORT]);
    assert_eq!(codes(judge_with("8080")), [codes::DOMAIN_PORT]);
    let unknown = codes(judge_with("{node.env.port}"));
    assert_eq!(unknown, [codes::UNRESOLVED_REFERENCE]);
    let wrong = errors(&judge_with("80810"));
    assert!(matches!(&wrong[..], [one] if one.starts_with("expose#0.listener_port: ")));
}

/// Whether there is a certificate to present is only known where all of them are.
#[test]
fn a_certificate_that_is_refused_or_unknown_may_be_the_one_to_present() {
    let errors_with = |port: &str, first: &str| {
        errors(&judge(&format!(
            "[ip#1]\nexpose=expose#0\n[expose#0]\nport={port}\nlistener_port=443\nsni=a.org\n\
             listener_certificates=certificate#0 certificate#1\n\
             [certificate#0]\n{first}\n[certificate#1]\nvalidation_secret=ca\n"
        )))
    };
    let about_presenting = |errors: &[String]| {
        let about = errors
            .iter()
            .filter(|e| e.contains("to present to clients"));
        about.count()
    };
    let refused = errors_with("80", "certificate_secret=Not/A/Name/At/All");
    assert!(!refused.is_empty());
    assert_eq!(about_presenting(&refused), 0, "{refused:?}");
    let unknown = errors_with("80", "certificate_secret={node.env.secret}");
    assert_eq!(unknown, Vec::<String>::new());
    // Another mistake of the expose does not hide that there is none.
    let none = errors_with("abc", "validation_secret=other");
    assert_eq!(about_presenting(&none), 1, "{none:?}");
}

#[test]
fn that_one_value_of_several_counts_is_told_once_under_any_name_of_the_keyword() {
    for name in ["header_header_name", "header_name"] {
        let validated = judge(&format!(
            "[ip#1]\nexpose=expose#0\n[expose#0]\nport=80\nlb_policy=maglev\nvhosts=vhost#0\n\
             [vhost#0]\ndomains=a.org\nroutes=route#0\n\
             [route#0]\nmatch_prefix=/\nhash_policies=hashpolicy#0\n\
             [hashpolicy#0]\n{name}@node1=X-A\n{name}@node2=X-B\n"
        ));
        let mut told = lines(&validated, Severity::Info);
        told.retain(|line| line.contains("differs"));
        let expected = format!("hashpolicy#0.{name}: differs from node to node");
        assert!(
            matches!(&told[..], [one] if one.starts_with(&expected)),
            "{told:?}"
        );
    }
}
