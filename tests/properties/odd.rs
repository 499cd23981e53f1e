//! Services that are nearly all right: one odd value each, or a few.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// What the rest of a service looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Base {
    Tcp,
    Udp,
    Http,
    Https,
}

/// A section, a keyword of it, and odd values for it.
type Odd = (Base, &'static str, &'static str, Vec<Value>);

/// A keyword and its value.
type Given = (&'static str, Value);

/// The sections of a service, as the daemon tells of them.
pub(crate) type Sections = BTreeMap<String, Map<String, Value>>;

/// Every odd value in a service of its own, then some services with several.
pub(crate) fn services(several: usize) -> Vec<Sections> {
    let table = table();
    let mut all = Vec::new();
    for (base, section, keyword, values) in &table {
        for value in values {
            let mut sections = plain(*base, all.len());
            put(&mut sections, section, keyword, value);
            all.push(sections);
        }
    }
    for (first, second) in pairs() {
        let mut sections = plain(Base::Tcp, all.len());
        for (keyword, value) in [first, second] {
            put(&mut sections, "expose#0", keyword, &value);
        }
        all.push(sections);
    }
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for _ in 0..several {
        let base = [Base::Tcp, Base::Http, Base::Https][dice.below(3)];
        let mut sections = plain(base, all.len());
        for _ in 0..3 {
            let (of, section, keyword, values) = &table[dice.below(table.len())];
            if *of == base || (base == Base::Https && *of == Base::Http) {
                put(
                    &mut sections,
                    section,
                    keyword,
                    &values[dice.below(values.len())],
                );
            }
        }
        all.push(sections);
    }
    all
}

/// Values that are right alone.
fn pairs() -> Vec<(Given, Given)> {
    let mut pairs = Vec::new();
    let balanced = [
        json!({"lb_subset_config": {"fallback_policy": "ANY_ENDPOINT", "subset_selectors": [{"keys": ["a"]}]}}),
        json!({"original_dst_lb_config": {"use_http_header": true}}),
        json!({"ring_hash_lb_config": {}}),
        json!({"common_lb_config": {"locality_weighted_lb_config": {}}}),
        json!({"load_balancing_policy": {"policies": [{"typed_extension_config": {"name": "a"}}]}}),
        json!({"lb_policy": "MAGLEV"}),
        json!({"slow_start_config": {}}),
    ];
    for policy in [
        "original_dst_lb",
        "ring_hash",
        "maglev",
        "random",
        "least_request",
    ] {
        for data in &balanced {
            pairs.push((("lb_policy", json!(policy)), ("cluster_data", data.clone())));
        }
    }
    pairs
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }
}

fn put(sections: &mut Sections, section: &str, keyword: &str, value: &Value) {
    let keywords = sections.entry(section.to_owned()).or_default();
    keywords.insert(keyword.to_owned(), value.clone());
    if matches!(keyword, "match_path" | "match_regex") {
        keywords.remove("match_prefix");
    }
    if section.starts_with("hashpolicy") {
        put(sections, "route#0", "hash_policies", &json!([section]));
        put(sections, "expose#0", "lb_policy", &json!("ring_hash"));
    }
}

fn plain(base: Base, number: usize) -> Sections {
    let mut sections = Sections::new();
    let mut add = |name: &str, keywords: Value| {
        let Value::Object(keywords) = keywords else {
            panic!("{keywords} is no section");
        };
        sections.insert(name.to_owned(), keywords);
    };
    let port = 10_000 + number;
    let mut expose = json!({"port": 80, "listener_port": port});
    if base == Base::Udp {
        expose["protocol"] = json!("udp");
    }
    if matches!(base, Base::Http | Base::Https) {
        expose["vhosts"] = json!(["vhost#0"]);
        add(
            "vhost#0",
            json!({"domains": ["a.org"], "routes": ["route#0"]}),
        );
        add("route#0", json!({"match_prefix": "/"}));
    }
    if base == Base::Https {
        expose["listener_certificates"] = json!(["certificate#0"]);
        add(
            "certificate#0",
            json!({
                "certificate_chain_filename": "/a.crt", "private_key_filename": "/a.key",
            }),
        );
    }
    add("expose#0", expose);
    sections
}

fn texts(texts: &[&str]) -> Vec<Value> {
    texts.iter().map(|text| json!(text)).collect()
}

/// Texts in a list, each alone.
fn lists(texts: &[&str]) -> Vec<Value> {
    texts.iter().map(|text| json!([text])).collect()
}

fn table() -> Vec<Odd> {
    let long = |length: usize| "a".repeat(length);
    let name = [long(63), long(63), long(63), long(61)].join(".");
    let mut table = vec![
        (
            Base::Tcp,
            "expose#0",
            "port",
            vec![
                json!(1),
                json!(65535),
                json!("80"),
                json!(0),
                json!(65536),
                json!(80.0),
                json!(true),
            ],
        ),
        (
            Base::Tcp,
            "expose#0",
            "listener_addr",
            texts(&[
                "::",
                "::1",
                "::ffff:10.0.0.1",
                "0:0:0:0:0:0:0:1",
                "2001:DB8::1",
                "fe80::1",
                "127.0.0.1",
                "255.255.255.255",
                "224.0.0.1",
                "ff02::1",
                "127.1",
                "010.0.0.1",
                "[::1]",
                "fe80::1%eth0",
                "a.org",
                "",
                " ",
            ]),
        ),
        (
            Base::Tcp,
            "expose#0",
            "lb_policy",
            texts(&[
                "ROUND_ROBIN",
                "Least-Request",
                "ring hash",
                "maglev",
                "random",
                "original_dst_lb",
                "x",
            ]),
        ),
        (
            Base::Tcp,
            "expose#0",
            "gateway",
            texts(&["", " ", "envoy", "ENVOY"]),
        ),
        (Base::Https, "vhost#0", "domains", domains(&name)),
        (Base::Http, "vhost#0", "domains", domains(&name)),
        (
            Base::Http,
            "vhost#0",
            "routes",
            vec![json!([]), json!(["route#0", "route#0"]), json!("route#0")],
        ),
        (
            Base::Http,
            "route#0",
            "match_case_sensitive",
            vec![
                json!("false"),
                json!(false),
                json!("NO"),
                json!(0),
                json!("2"),
                json!(""),
            ],
        ),
        (
            Base::Http,
            "route#0",
            "route_prefix_rewrite",
            texts(&[
                "/", "/a?b=c#d", "/%", "/%zz", "//", "/\u{e9}", "a", "/a b", "/a\nb",
            ]),
        ),
        (
            Base::Http,
            "route#0",
            "route_host_rewrite",
            texts(&[
                "a.org", "A.org:1", "[::1]:80", "1.2.3.4", "a.org.", "_a", "a..b", "*", "%REQ(x)%",
                "a:b",
            ]),
        ),
        (
            Base::Http,
            "route#0",
            "route_cluster_header",
            texts(&[
                "x-a",
                "X_A",
                ":authority",
                ":path",
                "!#$%&'*+-.^_`|~",
                "host",
                "a:b",
                "\u{e9}",
                "x y",
            ]),
        ),
        (
            Base::Http,
            "route#0",
            "route_timeout",
            texts(&[
                "0",
                "0s",
                "0.000000001s",
                "9223372035",
                "9223372036",
                "15250w",
                "15251w",
                "1h30m",
                "500ms",
                "1.5",
                ".5s",
                "1.",
                "-1s",
                "1e3",
                "\u{661}s",
                "1m 30s",
                "s",
                "99999999999999999999",
            ]),
        ),
        (
            Base::Http,
            "route#0",
            "route_use_websocket",
            vec![json!(true), json!("no"), json!("maybe")],
        ),
        (
            Base::Http,
            "route#0",
            "redirect_host_redirect",
            texts(&[
                "b.org",
                "b.org:8443",
                "[::1]",
                "https://b.org",
                "b.org/x",
                "b.org.",
                "",
            ]),
        ),
        (
            Base::Http,
            "route#0",
            "redirect_path_redirect",
            texts(&[
                "/x",
                "/x?y=z",
                "/x#y",
                "/%0d%0a",
                "x",
                "/\r\nx: y",
                "//evil.org",
            ]),
        ),
        (
            Base::Http,
            "route#0",
            "redirect_prefix_rewrite",
            texts(&["/x", "/", "x", "/\u{0}"]),
        ),
        (
            Base::Http,
            "route#0",
            "redirect_response_code",
            vec![
                json!(302),
                json!("303"),
                json!("permanent_redirect"),
                json!("Found"),
                json!(200),
                json!(0),
            ],
        ),
        (
            Base::Http,
            "route#0",
            "redirect_https_redirect",
            vec![json!(true), json!("yes"), json!(2)],
        ),
        (
            Base::Http,
            "hashpolicy#0",
            "cookie_name",
            texts(&["id", "a!b", "a=b", "a;b", "\u{e9}", ""]),
        ),
        (
            Base::Http,
            "hashpolicy#0",
            "header_header_name",
            texts(&["x-a", ":authority", "a b", "X-A"]),
        ),
        (
            Base::Http,
            "hashpolicy#0",
            "connection_source_ip",
            vec![json!("true"), json!(true), json!("x")],
        ),
        (
            Base::Https,
            "certificate#0",
            "certificate_chain_filename",
            texts(&["a.crt", "/a b.crt", "/\u{e9}.crt"]),
        ),
        (
            Base::Https,
            "expose#0",
            "listener_certificates",
            vec![
                json!(["certificate#0", "certificate#0"]),
                json!([]),
                json!(["certificate#9"]),
            ],
        ),
        (
            Base::Udp,
            "expose#0",
            "lb_policy",
            texts(&["maglev", "original_dst_lb", "random"]),
        ),
    ];
    table.push((Base::Tcp, "expose#0", "sni", names(&name)));
    table.push((Base::Http, "route#0", "match_path", paths()));
    table.push((Base::Http, "route#0", "match_prefix", paths()));
    table.push((
        Base::Http,
        "route#0",
        "match_regex",
        texts(&super::regexes::ODD),
    ));
    table.push((
        Base::Tcp,
        "expose#0",
        "cluster_data",
        super::envoys::clusters(),
    ));
    table.push((
        Base::Tcp,
        "expose#0",
        "filter_config_data",
        super::envoys::tcp_proxies(),
    ));
    table.push((
        Base::Http,
        "expose#0",
        "filter_config_data",
        super::envoys::http_managers(),
    ));
    table.push((
        Base::Udp,
        "expose#0",
        "filter_config_data",
        super::envoys::udp_proxies(),
    ));
    table
}

fn paths() -> Vec<Value> {
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

fn names(longest: &str) -> Vec<Value> {
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

fn domains(longest: &str) -> Vec<Value> {
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
