//! Keyword by keyword: what is of its kind, in every spelling.

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
