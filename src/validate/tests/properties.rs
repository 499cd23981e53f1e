//! What holds for every document, sensible or not.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use super::*;
use crate::model::Traffic;
use crate::validate::keywords::Group;

/// Texts that mean something somewhere, and some that mean nothing.
const TEXTS: &[&str] = &[
    "",
    " ",
    "0",
    "80",
    "65536",
    "-1",
    "abc",
    "1h30m",
    "500ms",
    "true",
    "no",
    "tcp",
    "udp",
    "ring_hash",
    "round robin",
    "original_dst_lb",
    "301",
    "FOUND",
    "0.0.0.0",
    "::1",
    "[::1]",
    "vhost#0",
    "vhost#0 vhost#1",
    "vhost#1",
    "route#0",
    "route#1 route#0",
    "route#0 route#0",
    "hashpolicy#0",
    "certificate#0",
    "certificate#0 certificate#1",
    "nosuch#0",
    "a.org",
    "A.org:80",
    "*",
    "*.a.org",
    "a*b",
    "a.org b.org",
    "/",
    "/a",
    "/a/",
    "a",
    "/a?b",
    "/[a-z]+",
    "(",
    "/a{2}",
    "/\\pL{9}",
    "x-user",
    "a;b",
    "cert",
    "test/sec/cert",
    "prod/sec/cert",
    "{}",
    "{\"a\": 1}",
    "{not json",
    "[1]",
    "{name}",
    "{nodename}",
    "$(1+1)",
    "a\nb",
    "é",
    "\u{0}",
    "-----BEGIN CERTIFICATE-----",
];

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        8 => select(TEXTS).prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => proptest::collection::vec(select(TEXTS), 0..3).prop_map(|texts| json!(texts)),
        1 => "\\PC{0,12}".prop_map(Value::from),
        1 => Just(json!({"a": [null, {"b": 1.5}]})),
        1 => Just(Value::Null),
    ]
}

fn section() -> impl Strategy<Value = (String, Vec<(String, Value)>)> {
    let group = select(Group::ALL.as_slice());
    (group, 0..2_u8).prop_flat_map(|(group, index)| {
        let mut names: Vec<&str> = group.keywords().iter().map(|k| k.name).collect();
        names.extend(["type", "comment", "prot"]);
        let keyword = (select(names), select(vec!["", "", "", "", "@node1"]));
        let keyword = keyword.prop_map(|(name, scope)| format!("{name}{scope}"));
        let keywords = proptest::collection::vec((keyword, value()), 0..8);
        keywords.prop_map(move |keywords| (format!("{group}#{index}"), keywords))
    })
}

/// A configuration that is often right: a good one, with sections of any content put over it.
fn document() -> impl Strategy<Value = Document> {
    proptest::collection::vec(section(), 0..5).prop_map(|sections| {
        let mut document = Document::from_config("test/svc/web".parse().unwrap(), GOOD).unwrap();
        for (name, keywords) in sections {
            let section = document.sections.entry(name).or_default();
            Arc::make_mut(&mut section.keywords).extend(keywords);
        }
        document
    })
}

const GOOD: &str = "
[ip#1]
expose = expose#0 expose#1
[expose#0]
port = 80
[expose#1]
port = 81
vhosts = vhost#0
listener_certificates = certificate#0
[vhost#0]
domains = a.org
routes = route#0
[route#0]
match_prefix = /
hash_policies = hashpolicy#0
[hashpolicy#0]
cookie_name = SID
[certificate#0]
certificate_secret = cert
[vhost#1]
routes = route#0
";

fn judged(document: &Document) -> Validated {
    validate(document, &Context::default())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_verdict_is_repeatable_and_its_model_sound(document in document()) {
        let validated = judged(&document);
        prop_assert_eq!(&validated, &judged(&document));
        for expose in &validated.service.exposes {
            let own = validated.report.errors().filter(|d| d.section.as_deref() == Some(&expose.id.section));
            prop_assert_eq!(own.count(), 0);
            if let Traffic::Http { vhosts, .. } = &expose.traffic {
                prop_assert!(!vhosts.is_empty());
                let mut domains: Vec<&String> = vhosts.iter().flat_map(|v| &v.domains).collect();
                let all = domains.len();
                domains.sort();
                domains.dedup();
                prop_assert_eq!(domains.len(), all);
                prop_assert!(vhosts.iter().all(|v| !v.domains.is_empty() && v.domains.is_sorted()));
            }
        }
        for diagnostic in &validated.report.diagnostics {
            prop_assert!(codes::explain(diagnostic.code).is_some());
            prop_assert!(!diagnostic.to_string().contains('\n'), "{}", diagnostic);
        }
    }

    /// Every expose is served, unknown with a word about it, or refused with an error.
    #[test]
    fn nothing_vanishes_without_a_word(document in document()) {
        let validated = judged(&document);
        for name in document.sections.keys().filter(|n| Group::of(n) == Some(Group::Expose)) {
            let served = validated.service.exposes.iter().any(|e| e.id.section == *name);
            let said = validated.report.diagnostics.iter().any(|d| {
                d.severity == Severity::Error
                    || matches!(d.code, codes::UNRESOLVED_REFERENCE | codes::UNKNOWN_TYPE)
            });
            prop_assert!(served || said, "{}", name);
        }
    }

    #[test]
    fn the_order_of_a_configuration_means_nothing(
        blocks in Just(GOOD.split_inclusive("\n[").map(str::to_owned).collect::<Vec<_>>()).prop_shuffle()
    ) {
        let text: String = blocks
            .iter()
            .map(|block| block.trim_end_matches('[').trim())
            .map(|block| if block.is_empty() { String::new() } else { format!("[{block}\n") })
            .collect();
        prop_assert_eq!(judge(&text), judge(GOOD));
    }

    #[test]
    fn a_section_that_nothing_names_harms_no_expose(document in document(), (_, keywords) in section()) {
        let before = judged(&document).service;
        let mut document = document;
        for group in [Group::Vhost, Group::Route, Group::Hashpolicy, Group::Certificate] {
            let section = document.sections.entry(format!("{group}#lone")).or_default();
            Arc::make_mut(&mut section.keywords).extend(keywords.clone());
        }
        prop_assert_eq!(judged(&document).service, before);
    }

    #[test]
    fn no_text_is_too_odd_to_read(text in "(\\PC|[\\[\\]=:#; \\t\\n]){0,200}") {
        if let Ok(document) = Document::from_config("web".parse().unwrap(), &text) {
            judged(&document);
        }
    }

    #[test]
    fn no_expression_is_too_odd_to_judge(pattern in "[\\[\\](){}|*+?^$\\\\.a-z0-9,:<>=!PpQE-]{0,30}") {
        let document = with(GOOD, "route#0", &[("match_prefix", Value::Null), ("match_regex", pattern.into())]);
        judged(&document);
    }
}
