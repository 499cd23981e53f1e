//! Keyword by keyword: what is good in every spelling, and what is refused with which code.

use serde_json::json;

use super::*;
use crate::validate::keywords::{Group, Keyword, Kind};

/// One section of each group, each leading to the next.
pub(super) const BASE: &str = "
[ip#1]
expose = expose#0
[expose#0]
port = 8080
listener_port = 80
lb_policy = maglev
vhosts = vhost#0
[vhost#0]
domains = www.acme.com
routes = route#0
[route#0]
match_prefix = /
hash_policies = hashpolicy#0
[hashpolicy#0]
cookie_name = SID
[certificate#0]
certificate_secret = web
";

pub(super) fn section_of(keyword: &Keyword) -> &'static str {
    let group = Group::ALL
        .into_iter()
        .find(|group| group.keyword(keyword.name) == Some(keyword))
        .unwrap();
    match group {
        Group::Expose => "expose#0",
        Group::Vhost => "vhost#0",
        Group::Route => "route#0",
        Group::Hashpolicy => "hashpolicy#0",
        Group::Certificate => "certificate#0",
    }
}

fn codes_at(document: &Document, section: &str, keyword: &str) -> Vec<&'static str> {
    let validated = validate(document, &Context::default());
    let all = validated.report.diagnostics.into_iter();
    all.filter(|d| d.section.as_deref() == Some(section) && d.keyword.as_deref() == Some(keyword))
        .map(|d| d.code)
        .collect()
}

#[test]
fn the_base_is_valid() {
    let validated = judge(BASE);
    assert_eq!(errors(&validated), Vec::<String>::new());
    assert_eq!(warnings(&validated), Vec::<String>::new());
}

#[test]
fn every_keyword_refuses_what_is_not_of_its_kind() {
    for keyword in Group::ALL.iter().flat_map(|g| g.keywords()).copied() {
        if keyword.name == "cluster_private_key_filename" || keyword.alias_of.is_some() {
            continue;
        }
        let section = section_of(keyword);
        let (bad, code) = match keyword.kind {
            Kind::Port | Kind::PortOrZero => (json!("abc"), codes::INVALID_INTEGER),
            Kind::Address => (json!("www.acme.com"), codes::INVALID_ADDRESS),
            Kind::Choice => (json!("toto"), codes::INVALID_CHOICE),
            Kind::Sections(_) => (json!("nosuch#7"), codes::UNDEFINED_SECTION),
            Kind::Boolean => (json!("maybe"), codes::INVALID_BOOLEAN),
            Kind::Duration | Kind::Timeout => (json!("abc"), codes::INVALID_DURATION),
            Kind::Object => (json!("{not json"), codes::INVALID_JSON),
            Kind::Secret => (json!("prod/sec/web"), codes::INVALID_SECRET),
            Kind::Names | Kind::Text => (json!({"a": 1}), codes::WRONG_TYPE),
        };
        let document = with(BASE, section, &[(keyword.name, bad)]);
        let found = codes_at(&document, section, keyword.name);
        assert!(
            found.contains(&code),
            "{section}.{}: {found:?}",
            keyword.name
        );
    }
}

#[test]
fn every_keyword_takes_its_own_example_and_its_candidates() {
    for keyword in Group::ALL.iter().flat_map(|g| g.keywords()).copied() {
        let section = section_of(keyword);
        let defined = "[vhost#1]\n[route#1]\nmatch_prefix=/\n[certificate#front]\n\
                       certificate_secret=a\n[certificate#back]\ncertificate_secret=b\n";
        let base = format!("{BASE}{defined}");
        for text in keyword.candidates.iter().chain([&keyword.example]) {
            let document = with(&base, section, &[(keyword.name, json!(text))]);
            for code in codes_at(&document, section, keyword.name) {
                assert!(
                    !code.starts_with("invalid") && code != codes::UNDEFINED_SECTION,
                    "{section}.{}={text}: {code}",
                    keyword.name
                );
            }
        }
    }
}

#[test]
fn text_and_json_spellings_give_the_same_model() {
    for (section, keyword, text, evaluated) in [
        ("expose#0", "port", json!("8080"), json!(8080)),
        ("expose#0", "listener_port", json!("0"), json!(0)),
        ("expose#0", "vhosts", json!("vhost#0"), json!(["vhost#0"])),
        (
            "expose#0",
            "cluster_data",
            json!("{\"connect_timeout\": \"1s\"}"),
            json!({"connect_timeout": "1s"}),
        ),
        (
            "vhost#0",
            "domains",
            json!("WWW.acme.com a.org a.org"),
            json!(["a.org", "www.acme.com"]),
        ),
        (
            "route#0",
            "match_case_sensitive",
            json!("false"),
            json!(false),
        ),
        ("route#0", "route_timeout", json!("1m"), json!(60)),
        ("route#0", "route_use_websocket", json!("yes"), json!(true)),
        (
            "route#0",
            "redirect_https_redirect",
            json!("true"),
            json!(true),
        ),
        ("hashpolicy#0", "cookie_ttl", json!("1h"), json!(3600)),
        ("hashpolicy#0", "terminal", json!("t"), json!(true)),
    ] {
        let model = |value| {
            let document = with(BASE, section, &[(keyword, value)]);
            validate(&document, &Context::default()).service
        };
        let from_text = model(text);
        assert_eq!(from_text.exposes.len(), 1, "{keyword}");
        assert_eq!(from_text, model(evaluated), "{keyword}");
    }
}

#[test]
fn what_the_daemon_gives_for_nothing_is_nothing() {
    for (section, keyword) in [
        ("expose#0", "sni"),
        ("expose#0", "gateway"),
        ("route#0", "route_host_rewrite"),
        ("route#0", "redirect_path_redirect"),
    ] {
        for nothing in [json!(null), json!(""), json!("  "), json!([])] {
            let document = with(BASE, section, &[(keyword, nothing)]);
            let service = validate(&document, &Context::default()).service;
            assert_eq!(service, judge(BASE).service, "{section}.{keyword}");
        }
    }
}

#[test]
fn bad_values_are_refused_with_their_code() {
    for (section, keywords, at, code) in [
        (
            "expose#0",
            vec![("port", json!(null))],
            "port",
            codes::MISSING_KEYWORD,
        ),
        (
            "expose#0",
            vec![("port", json!(0))],
            "port",
            codes::PORT_OUT_OF_RANGE,
        ),
        (
            "expose#0",
            vec![("port", json!(99_999_999))],
            "port",
            codes::PORT_OUT_OF_RANGE,
        ),
        (
            "expose#0",
            vec![("listener_addr", json!("[::1]"))],
            "listener_addr",
            codes::INVALID_ADDRESS,
        ),
        (
            "expose#0",
            vec![("sni", json!("a.org"))],
            "sni",
            codes::SNI_WITH_VHOSTS,
        ),
        (
            "expose#0",
            vec![("sni", json!("a.org:443"))],
            "sni",
            codes::INVALID_SERVER_NAME,
        ),
        (
            "expose#0",
            vec![("protocol", json!("udp"))],
            "vhosts",
            codes::NOT_FOR_UDP,
        ),
        (
            "expose#0",
            vec![("cluster_data", json!([1]))],
            "cluster_data",
            codes::INVALID_JSON,
        ),
        (
            "expose#0",
            vec![("vhosts", json!("route#0"))],
            "vhosts",
            codes::WRONG_SECTION,
        ),
        (
            "expose#0",
            vec![("vhosts", json!("vhost#0,vhost#1"))],
            "vhosts",
            codes::WRONG_SECTION,
        ),
        (
            "vhost#0",
            vec![("domains", json!("a*b.org"))],
            "domains",
            codes::INVALID_DOMAIN,
        ),
        (
            "vhost#0",
            vec![("domains", json!("a.org:81"))],
            "domains",
            codes::DOMAIN_PORT,
        ),
        (
            "route#0",
            vec![("match_prefix", json!(null))],
            "match_prefix",
            codes::NO_MATCH,
        ),
        (
            "route#0",
            vec![("match_path", json!("/a"))],
            "match_prefix",
            codes::SEVERAL_MATCHES,
        ),
        (
            "route#0",
            vec![("match_prefix", json!("foo"))],
            "match_prefix",
            codes::INVALID_PATH,
        ),
        (
            "route#0",
            vec![("match_prefix", json!("/a?b"))],
            "match_prefix",
            codes::INVALID_PATH,
        ),
        (
            "route#0",
            vec![("match_regex", json!("(["))],
            "match_regex",
            codes::INVALID_REGEX,
        ),
        (
            "route#0",
            vec![("match_regex", json!("app/.*"))],
            "match_regex",
            codes::REGEX_NEVER_MATCHES,
        ),
        (
            "route#0",
            vec![("match_regex", json!("/\\pL{300}"))],
            "match_regex",
            codes::REGEX_TOO_LARGE,
        ),
        (
            "route#0",
            vec![("route_timeout", json!("-1"))],
            "route_timeout",
            codes::INVALID_DURATION,
        ),
        (
            "route#0",
            vec![("route_timeout", json!("9999999999999"))],
            "route_timeout",
            codes::INVALID_DURATION,
        ),
        (
            "route#0",
            vec![("route_cluster_header", json!("x y"))],
            "route_cluster_header",
            codes::INVALID_HEADER_NAME,
        ),
        (
            "route#0",
            vec![("route_host_rewrite", json!("a\r\nb"))],
            "route_host_rewrite",
            codes::CONTROL_CHARACTER,
        ),
        (
            "route#0",
            vec![("redirect_host_redirect", json!("https://a"))],
            "redirect_host_redirect",
            codes::INVALID_HOST,
        ),
        (
            "route#0",
            vec![
                ("redirect_path_redirect", json!("/a")),
                ("redirect_prefix_rewrite", json!("/b")),
            ],
            "redirect_prefix_rewrite",
            codes::SEVERAL_REWRITES,
        ),
        (
            "route#0",
            vec![("redirect_response_code", json!(302))],
            "redirect_response_code",
            codes::REDIRECT_LOOP,
        ),
        (
            "route#0",
            vec![("redirect_strip_query", json!(true))],
            "redirect_strip_query",
            codes::REDIRECT_LOOP,
        ),
        (
            "hashpolicy#0",
            vec![("cookie_name", json!("a;b"))],
            "cookie_name",
            codes::INVALID_COOKIE,
        ),
        (
            "hashpolicy#0",
            vec![("cookie_name", json!(null)), ("cookie_ttl", json!(1))],
            "cookie_ttl",
            codes::COOKIE_WITHOUT_NAME,
        ),
        (
            "hashpolicy#0",
            vec![("cookie_name", json!(null)), ("terminal", json!(true))],
            "cookie_name",
            codes::NOTHING_TO_HASH,
        ),
        (
            "hashpolicy#0",
            vec![("connection_source_ip", json!("true"))],
            "connection_source_ip",
            codes::SEVERAL_HASH_KEYS,
        ),
        (
            "hashpolicy#0",
            vec![("cookie_name@node1", json!("a"))],
            "cookie_name@node1",
            codes::SCOPE_NOT_SUPPORTED,
        ),
        (
            "certificate#0",
            vec![("private_key_filename", json!("/k"))],
            "certificate_chain_filename",
            codes::HALF_A_PAIR,
        ),
        (
            "certificate#0",
            vec![("certificate_secret", json!(null))],
            "certificate_secret",
            codes::EMPTY_CERTIFICATE,
        ),
        (
            "certificate#0",
            vec![
                ("certificate_chain_filename", json!("/c")),
                ("private_key_filename", json!("/k")),
            ],
            "certificate_chain_filename",
            codes::SEVERAL_KEY_PAIRS,
        ),
        (
            "certificate#0",
            vec![
                ("certificate_secret", json!(null)),
                ("certificate_chain_inline_string", json!("x")),
                ("private_key_inline_string", json!("y")),
            ],
            "certificate_chain_inline_string",
            codes::BAD_KEY_PAIR,
        ),
    ] {
        let document = with(BASE, section, &keywords);
        let validated = validate(&document, &Context::default());
        let found = validated.report.errors().any(|d| {
            d.code == code
                && d.section.as_deref() == Some(section)
                && d.keyword.as_deref() == Some(at)
        });
        assert!(found, "{section} {keywords:?}: {:?}", errors(&validated));
        let is_reached = section != "certificate#0";
        assert_eq!(
            validated.service.exposes.is_empty(),
            is_reached,
            "{keywords:?}"
        );
    }
}

#[test]
fn what_is_served_otherwise_than_meant_is_warned_of() {
    for (section, keywords, at, code) in [
        (
            "expose#0",
            vec![("cluster_private_key_filename", json!("/k"))],
            "cluster_private_key_filename",
            codes::KEYWORD_IGNORED,
        ),
        (
            "expose#0",
            vec![("lb_policy", json!("random"))],
            "lb_policy",
            codes::HASH_POLICY_UNUSED,
        ),
        (
            "expose#0",
            vec![("prot", json!(1))],
            "prot",
            codes::UNKNOWN_KEYWORD,
        ),
        (
            "expose#0",
            vec![("vhosts", json!("vhost#0 vhost#0"))],
            "vhosts",
            codes::SECTION_NAMED_TWICE,
        ),
        (
            "vhost#0",
            vec![("routes", json!(null))],
            "routes",
            codes::NO_ROUTES,
        ),
        (
            "route#0",
            vec![("hash_policies", json!(null))],
            "lb_policy",
            codes::NOTHING_HASHED,
        ),
        (
            "route#0",
            vec![("redirect_https_redirect", json!(true))],
            "hash_policies",
            codes::KEYWORD_IGNORED,
        ),
        (
            "route#0",
            vec![("redirect_response_code", json!("301"))],
            "redirect_response_code",
            codes::KEYWORD_IGNORED,
        ),
        (
            "route#0",
            vec![
                ("match_prefix", json!("/ws")),
                ("route_prefix_rewrite", json!("/")),
            ],
            "route_prefix_rewrite",
            codes::REWRITE_DOUBLE_SLASH,
        ),
        (
            "route#0",
            vec![("route_prefix_rewrite", json!("/x?y=1"))],
            "route_prefix_rewrite",
            codes::REWRITE_QUERY,
        ),
        (
            "route#0",
            vec![
                ("match_prefix", json!(null)),
                ("match_regex", json!("/a.*")),
                ("match_case_sensitive", json!("false")),
            ],
            "match_case_sensitive",
            codes::KEYWORD_IGNORED,
        ),
        (
            "route#0",
            vec![
                ("match_prefix", json!(null)),
                ("match_regex", json!("/a.*")),
                ("route_prefix_rewrite", json!("/b")),
            ],
            "route_prefix_rewrite",
            codes::REWRITE_WHOLE_PATH,
        ),
        (
            "hashpolicy#0",
            vec![("cookie_path", json!("x"))],
            "cookie_path",
            codes::COOKIE_PATH_IGNORED,
        ),
        (
            "hashpolicy#0",
            vec![("cookie_name", json!(null)), ("header_name", json!("x"))],
            "header_name",
            codes::KEYWORD_ALIAS,
        ),
    ] {
        let document = with(BASE, section, &keywords);
        let validated = validate(&document, &Context::default());
        assert_eq!(errors(&validated), Vec::<String>::new(), "{keywords:?}");
        let found = validated.report.diagnostics.iter().any(|d| {
            d.code == code && d.severity == Severity::Warning && d.keyword.as_deref() == Some(at)
        });
        assert!(found, "{section} {keywords:?}: {:?}", warnings(&validated));
        assert_eq!(validated.service.exposes.len(), 1, "{keywords:?}");
    }
}
