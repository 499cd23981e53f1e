//! Values that several keywords have.

use serde_json::{Value, json};

/// Texts, each alone.
pub(super) fn texts(texts: &[&str]) -> Vec<Value> {
    texts.iter().map(|text| json!(text)).collect()
}

/// Texts in a list, each alone.
pub(super) fn lists(texts: &[&str]) -> Vec<Value> {
    texts.iter().map(|text| json!([text])).collect()
}

/// Paths, and what is nearly one.
pub(super) fn paths() -> Vec<Value> {
    let mut paths = texts(&[
        "/",
        "/a",
        "//",
        "/a//b",
        "/{id}",
        "/*",
        "/a;b=c",
        "/%2F",
        "/%00",
        "/%",
        "/a|b",
        "/\"",
        "/a\\b",
        "/a?b",
        "/a#b",
        "a",
        "",
        " /a ",
        "/a b",
        "/\u{e9}",
        "/\u{0}",
        "http://a.org/",
    ]);
    paths.push(json!(format!("/{}", "a".repeat(20_000))));
    paths
}

/// Names of hosts, and what is nearly one; `longest` is as long as one may be.
pub(super) fn names(longest: &str) -> Vec<Value> {
    let mut names = lists(&[
        "a.org",
        "A.ORG",
        "*.a.org",
        "*.org",
        "localhost",
        "_a.org",
        "a-.org",
        "xn--caf-dma.com",
        "1.org",
        longest,
        "*",
        "*.",
        "*a.org",
        "a.*",
        "a*.org",
        "*.*.org",
        "a.org.",
        "a.org:443",
        "10.0.0.1",
        "::1",
        "caf\u{e9}.com",
        "a..org",
        ".org",
        "a b",
        "",
    ]);
    names.extend([
        json!("a.org b.org"),
        json!(["a.org", "A.org"]),
        json!(["a.org", "*.a.org", "*.org"]),
        json!(["a.org", ""]),
        json!(["a.org", null]),
        json!(["a.org", "b org"]),
        json!([1]),
        json!([true]),
        json!({"a.org": 1}),
    ]);
    names
}

/// Domains of virtual hosts: names, and more.
pub(super) fn domains(longest: &str) -> Vec<Value> {
    let mut domains = names(longest);
    domains.extend(lists(&[
        "[::1]",
        "[2001:DB8::1]",
        "[::1",
        "*-a.org",
        "a-*",
        "*.a.*",
        "**",
        "1.2.3.4",
        "1.2.3.4.*",
        "*.1",
        "a.org:80",
        "https://a.org",
    ]));
    domains.extend([
        json!(["*", "a.org"]),
        json!(["a.*", "a.org", "*.org"]),
        json!(["[::1]", "[0::1]"]),
    ]);
    domains
}
