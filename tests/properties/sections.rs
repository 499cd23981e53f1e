//! Sections: mostly as people write them, sometimes nonsense.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;
use serde_json::{Map, Value, json};

/// Keywords, how often each is there, and its sane values.
type Keywords = Vec<(&'static str, f64, Vec<Value>)>;

/// The sections of a service.
pub(crate) fn sections() -> impl Strategy<Value = BTreeMap<String, Value>> {
    let all: Vec<_> = vec![
        section("expose#0", exposes(&["vhost#0"])),
        section("expose#1", exposes(&["vhost#0", "vhost#1"])),
        section("vhost#0", vec![vhost(&["route#0"])]),
        section("vhost#1", vec![vhost(&["route#1", "route#0"])]),
        section("route#0", vec![forward(), redirect()]),
        section("route#1", vec![forward()]),
        section("hashpolicy#0", vec![header(), cookie()]),
        section("certificate#0", vec![by_secret()]),
        section("certificate#1", vec![by_secret(), by_files()]),
    ];
    all.prop_map(|sections| sections.into_iter().flatten().collect())
}

/// A section of one of several kinds: absent, as people write it, or with nonsense in a keyword or
/// two.
fn section(
    name: &'static str,
    kinds: Vec<Keywords>,
) -> impl Strategy<Value = Option<(String, Value)>> {
    let info = Union::new(kinds.into_iter().map(|kind| info(kind).boxed()));
    weighted(0.97, info).prop_map(move |info| Some((name.to_owned(), info?)))
}

fn info(keywords: Keywords) -> impl Strategy<Value = Value> {
    let names: Vec<&str> = keywords.iter().map(|(keyword, ..)| *keyword).collect();
    let sane: Vec<_> = keywords
        .into_iter()
        .map(|(keyword, often, values)| {
            weighted(often, select(values))
                .prop_map(move |value| value.map(|value| (keyword.to_owned(), value)))
        })
        .collect();
    let nonsense = vec((select(names).prop_map(str::to_owned), nonsense()), 1..3);
    let nonsense = prop_oneof![12 => Just(Vec::new()), 1 => nonsense];
    (sane, nonsense).prop_map(|(sane, nonsense)| {
        let mut info: Map<String, Value> = sane.into_iter().flatten().collect();
        info.extend(nonsense);
        Value::Object(info)
    })
}

fn names() -> Vec<Value> {
    vec![
        json!(["a.org"]),
        json!(["b.org", "*.b.org"]),
        json!(["c.org", "a.org"]),
        json!(["*.org"]),
    ]
}

fn domains() -> Vec<Value> {
    let mut domains = names();
    domains.extend([json!(["*"]), json!(["a.*"]), json!(["[::1]"])]);
    domains
}

fn certificates() -> Vec<Value> {
    vec![
        json!(["certificate#0"]),
        json!(["certificate#1"]),
        json!(["certificate#0", "certificate#1"]),
    ]
}

/// L4, SNI, TLS ended for bytes, HTTP, HTTPS, UDP, and all of it at once.
fn exposes(vhosts: &[&str]) -> Vec<Keywords> {
    let common: Keywords = vec![
        ("port", 0.99, vec![json!(80), json!(8080), json!("81")]),
        (
            "listener_port",
            0.97,
            vec![json!(80), json!(443), json!(8443), json!(0), json!(2001)],
        ),
        (
            "listener_addr",
            0.3,
            vec![json!("127.0.0.2"), json!("::"), json!("0.0.0.0")],
        ),
        (
            "lb_policy",
            0.5,
            vec![json!("round robin"), json!("ring_hash"), json!("maglev")],
        ),
        (
            "gateway",
            0.2,
            vec![json!("envoy"), json!("envoy"), json!("other")],
        ),
        ("cluster_data", 0.2, vec![json!({"connect_timeout": "1s"})]),
        (
            "filter_config_data",
            0.2,
            vec![json!({"idle_timeout": "9s"})],
        ),
    ];
    let sni = ("sni", 0.99, names());
    let vhosts = ("vhosts", 0.99, vec![json!(vhosts), json!(["vhost#0"])]);
    let front = ("listener_certificates", 0.99, certificates());
    let back = ("cluster_certificates", 0.3, certificates());
    let udp = ("protocol", 0.99, vec![json!("udp")]);
    let origin = ("lb_policy", 0.99, vec![json!("original_dst_lb")]);
    [
        vec![],
        vec![back.clone()],
        vec![origin],
        vec![sni.clone()],
        vec![front.clone()],
        vec![sni.clone(), front.clone()],
        vec![vhosts.clone()],
        vec![vhosts.clone()],
        vec![vhosts.clone(), front.clone()],
        vec![vhosts.clone(), front.clone(), back.clone()],
        vec![udp.clone()],
        vec![sni, vhosts, front, back, udp],
    ]
    .into_iter()
    .map(|more| [common.clone(), more].concat())
    .collect()
}

fn vhost(routes: &[&str]) -> Keywords {
    vec![
        ("domains", 0.97, domains()),
        ("routes", 0.97, vec![json!(routes)]),
    ]
}

fn forward() -> Keywords {
    vec![
        ("match_prefix", 0.98, vec![json!("/"), json!("/a")]),
        (
            "match_case_sensitive",
            0.2,
            vec![json!("false"), json!(true)],
        ),
        (
            "route_timeout",
            0.3,
            vec![json!("1m"), json!(5), json!("0")],
        ),
        ("route_cluster_header", 0.2, vec![json!("x-cluster")]),
        ("hash_policies", 0.3, vec![json!(["hashpolicy#0"])]),
    ]
}

fn redirect() -> Keywords {
    vec![
        ("match_path", 0.98, vec![json!("/"), json!("/a")]),
        ("redirect_path_redirect", 0.5, vec![json!("/new")]),
        ("redirect_https_redirect", 0.9, vec![json!(true)]),
    ]
}

fn header() -> Keywords {
    vec![
        ("header_header_name", 0.99, vec![json!("x-user")]),
        ("terminal", 0.5, vec![json!(false), json!(true)]),
    ]
}

fn cookie() -> Keywords {
    vec![
        ("cookie_name", 0.95, vec![json!("id")]),
        ("cookie_ttl", 0.5, vec![json!(60), json!("1h")]),
    ]
}

fn by_secret() -> Keywords {
    vec![
        (
            "certificate_secret",
            0.95,
            vec![json!("cert"), json!("sec/cert")],
        ),
        ("validation_secret", 0.2, vec![json!("ca"), json!("cert")]),
    ]
}

fn by_files() -> Keywords {
    vec![
        (
            "certificate_chain_filename",
            0.95,
            vec![json!("/etc/a.crt")],
        ),
        ("private_key_filename", 0.95, vec![json!("/etc/a.key")]),
    ]
}

/// What nobody should write.
fn nonsense() -> impl Strategy<Value = Value> {
    let curated = select(vec![
        json!(null),
        json!(-1),
        json!(70000),
        json!(1e300),
        json!(""),
        json!(" "),
        json!("abc"),
        json!("a b\r\nc: d"),
        json!("\u{0}"),
        json!("*.*"),
        json!("a*.org"),
        json!("a.org:443"),
        json!("((("),
        json!("{env.port}"),
        json!([]),
        json!([""]),
        json!([null, 3, {}]),
        json!(["expose#0"]),
        json!(["vhost#9"]),
        json!(["certificate#9", "certificate#0"]),
        json!(["route#0", "route#0"]),
        json!({}),
        json!({"name": "x", "type": "STATIC"}),
        json!({"no_such_field": 1}),
        json!({"connect_timeout": "-1s"}),
        json!({"load_assignment": {"cluster_name": "x"}}),
        json!({"health_checks": [{}]}),
        json!({"http_filters": []}),
        json!({"http_filters": [{"name": "envoy.router", "config": {}}]}),
        json!({"route_config": {}}),
    ]);
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    let any = leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            btree_map("[a-z_]{1,8}", inner, 0..3)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    });
    prop_oneof![3 => curated, 1 => any]
}
