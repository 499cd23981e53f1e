//! What messages show of the values that they are about.

use serde_json::json;

use super::keywords::{BASE, section_of};
use super::*;
use crate::validate::keywords::{Group, Keyword};

fn keywords() -> impl Iterator<Item = &'static Keyword> {
    Group::ALL.into_iter().flat_map(Group::keywords).copied()
}

/// The findings at a keyword that is given a value.
fn about(keyword: &'static Keyword, value: Value) -> Vec<Diagnostic> {
    let section = section_of(keyword);
    let document = with(BASE, section, &[(keyword.name, value)]);
    let found = validate(&document, &Context::default()).report.diagnostics;
    let is_about = |found: &Diagnostic| found.keyword.as_deref() == Some(keyword.name);
    found.into_iter().filter(is_about).collect()
}

/// Long values end in an ellipsis, in the message and in the hint, whatever is wrong with them.
#[test]
fn no_finding_repeats_a_long_value() {
    let long = "x".repeat(2_000);
    for keyword in keywords() {
        for value in [
            long.clone(),
            format!("/{long}"),
            format!("/{long}?a"),
            format!("/{long} é"),
            format!("/{long}/"),
            format!("https://{long}/"),
            format!("{long}."),
            format!("{long}:1"),
            format!("*{long}"),
            format!("({long}"),
            format!("{{{long}}}"),
            format!("{{env.{long}}}"),
            format!("[{long}"),
            format!("a {long}"),
            "1".repeat(2_000),
            "/ ".repeat(1_000),
        ] {
            let lists = [
                Value::from(value.clone()),
                json!([value, value]),
                json!([[value]]),
            ];
            for value in lists {
                for found in about(keyword, value) {
                    let line = found.to_string();
                    assert!(line.chars().count() < 500, "{line}");
                }
            }
        }
    }
}

/// What turns the direction of a line, or is not seen, would let a message say something else than it does.
#[test]
fn no_finding_holds_a_letter_that_is_not_seen() {
    let turned = "a\u{202e}b\u{200b}\u{61c}";
    for keyword in keywords() {
        for value in [
            turned.to_owned(),
            format!("/{turned}/"),
            format!("{{{turned}}}"),
        ] {
            for found in about(keyword, json!(value)) {
                let said = format!("{}{}", found.message, found.hint);
                assert!(!said.contains(crate::text::is_unprintable), "{said:?}");
            }
        }
    }
    // Names of sections and types stand in messages as well.
    let text = format!(
        "[ip#1]\nexpose = expose#{turned} expose#0\n[expose#0]\ntype = {turned}\n[vhosts#{turned}]\n"
    );
    let report = judge(&text).report;
    let codes: Vec<&str> = report.diagnostics.iter().map(|found| found.code).collect();
    assert_eq!(
        codes,
        [
            codes::UNKNOWN_TYPE,
            codes::UNDEFINED_SECTION,
            codes::UNKNOWN_SECTION
        ]
    );
    for found in &report.diagnostics {
        let said = format!("{}{}", found.message, found.hint);
        assert!(!said.contains(crate::text::is_unprintable), "{said:?}");
    }
}

#[test]
fn a_message_shows_the_value_that_it_is_about() {
    use crate::validate::keywords::{expose, route, vhost};
    for (keyword, value, message) in [
        (
            &route::MATCH_REGEX,
            json!("/a[b"),
            "'/a[b' is not a regular expression of RE2: a [ is never closed",
        ),
        (
            &route::MATCH_REGEX,
            json!("x"),
            "'x' never matches: the whole path is compared, and it starts with /",
        ),
        (&route::MATCH_PREFIX, json!(["/a"]), "'[\"/a\"]' is a list"),
        (
            &expose::PORT,
            json!({"a": 1}),
            "'{\"a\":1}' is a JSON object",
        ),
        (
            &vhost::DOMAINS,
            json!([["a.org"]]),
            "'[[\"a.org\"]]' is a list of something else than names",
        ),
    ] {
        let found = about(keyword, value);
        assert!(found.iter().any(|f| f.message == message), "{found:#?}");
    }
}

/// A list that holds no name is no list of names: it would reach Envoy as none at all.
#[test]
fn a_list_of_nothing_is_told_where_it_is_written() {
    use crate::validate::keywords::{route, vhost};
    for keyword in [&vhost::DOMAINS, &vhost::ROUTES, &route::HASH_POLICIES] {
        for value in [json!([[]]), json!([null]), json!([""]), json!([{}])] {
            let found = about(keyword, value.clone());
            assert!(
                matches!(&found[..], [one] if one.code == codes::WRONG_TYPE && !one.hint.is_empty()),
                "{}={value}: {found:#?}",
                keyword.name
            );
        }
    }
}

#[test]
fn nothing_is_shown_of_what_may_be_a_key() {
    let word = "s3cret";
    for keyword in keywords().filter(|keyword| !keyword.is_shown()) {
        for value in [
            json!(word),
            json!([word]),
            json!({"a": word}),
            json!([[word]]),
        ] {
            for found in about(keyword, value) {
                let line = found.to_string();
                assert!(!line.contains(word), "{line}");
            }
        }
    }
}
