//! The keywords, each with odd values.

use serde_json::json;

use super::values::{domains, names, paths, texts};
use super::{Base, Odd};

/// Every keyword with values that are odd for it, right or wrong.
pub(super) fn table() -> Vec<Odd> {
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
        texts(&crate::regexes::ODD),
    ));
    table.push((
        Base::Tcp,
        "expose#0",
        "cluster_data",
        crate::envoys::clusters(),
    ));
    table.push((
        Base::Tcp,
        "expose#0",
        "filter_config_data",
        crate::envoys::tcp_proxies(),
    ));
    table.push((
        Base::Http,
        "expose#0",
        "filter_config_data",
        crate::envoys::http_managers(),
    ));
    table.push((
        Base::Udp,
        "expose#0",
        "filter_config_data",
        crate::envoys::udp_proxies(),
    ));
    table
}
