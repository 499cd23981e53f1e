//! What becomes of a request.

use igw_envoy::daemon::Link;
use serde_json::Value;

use crate::gateway::Gateway;
use crate::stories::{SHOP, town};

async fn ask(gateway: &Gateway, query: &str) -> Value {
    gateway.json(&format!("/api/v1/explain?url={query}")).await
}

#[tokio::test]
async fn a_request_is_followed_to_what_becomes_of_it() {
    let gateway = town();
    for (url, outcome, words) in [
        (
            "http://shop.example.com/",
            "forwarded",
            "10.0.0.1:8080, 10.0.0.2:8080",
        ),
        (
            "http://SHOP.example.com:80/x?y=z",
            "forwarded",
            "shop.expose%230",
        ),
        ("http://a.b.shop.example.com/", "forwarded", "shop"),
        (
            "http://old.example.com/a?b=c",
            "redirected",
            "301, with Location: https://shop.example.com/a?b=c",
        ),
        (
            "http://example.com/",
            "not_found",
            "no virtual host answers to example.com",
        ),
        ("https://shop.example.com/", "forwarded", "10.0.0.1:8443"),
        ("https://mail.example.com/", "forwarded", "mail"),
        ("tls://mail.example.com:443", "forwarded", "10.0.0.4:993"),
        (
            "https://nobody.example.com/",
            "closed",
            "no chain has the server name nobody.example.com",
        ),
        ("https://127.0.0.1/", "closed", "asks for no server name"),
        ("http://shop.example.com:443/", "closed", "takes TLS only"),
        (
            "https://shop.example.com:80/",
            "closed",
            "plain HTTP is spoken",
        ),
        ("tcp://db:5432", "forwarded", "10.0.0.3:5432"),
        ("https://db:5432", "forwarded", "10.0.0.3:5432"),
        ("tcp://idle:7000", "no_endpoints", "no endpoint"),
        (
            "http://shop.example.com:81/",
            "not_listening",
            "on port 81/tcp",
        ),
        ("udp://shop.example.com:80", "not_listening", "80/udp"),
    ] {
        let explained = ask(&gateway, &url.replace('?', "%3F")).await;
        assert_eq!(explained["outcome"], outcome, "{url}: {explained:#}");
        let words = words.replace("%23", "#");
        let answer = explained["answer"].as_str().unwrap();
        assert!(answer.contains(&words), "{url}: {answer}");
    }
}

#[tokio::test]
async fn every_stage_says_why() {
    let gateway = town();
    let explained = ask(&gateway, "https://www.shop.example.com/health").await;
    let stages: Vec<&str> = explained["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["stage"].as_str().unwrap())
        .collect();
    assert_eq!(
        stages,
        ["listener", "chain", "virtual_host", "route", "cluster"]
    );
    assert_eq!(explained["steps"][3]["name"], "path /health");
    assert_eq!(explained["steps"][3]["shadows"][0]["name"], "prefix /");
    assert_eq!(explained["owner"]["id"], "test/svc/shop.expose#1");
}

/// A rival that wants the same name is refused, which is what its owner wants to know.
#[tokio::test]
async fn whoever_lost_the_name_is_told_too() {
    let explained = ask(&town(), "http://shop.example.com/").await;
    let related = explained["related"].as_array().unwrap();
    let rival = related
        .iter()
        .find(|finding| finding["service"] == "test/svc/rival");
    assert_eq!(rival.unwrap()["code"], "name-taken");
}

#[tokio::test]
async fn the_server_name_and_the_host_may_differ() {
    let gateway = town();
    let query = "https://shop.example.com/&sni=mail.example.com";
    assert_eq!(
        ask(&gateway, query).await["expose"],
        "test/svc/mail.expose#0"
    );
    let query = "https://shop.example.com/&headers=Host:%20other.example.com";
    assert_eq!(ask(&gateway, query).await["outcome"], "not_found");
    let query = "http://10.1.1.1/&headers=host:%20shop.example.com";
    assert_eq!(ask(&gateway, query).await["outcome"], "forwarded");
}

/// Two gateways' worth of listeners on one port: the address decides, and where it is not known, the
/// name does.
#[tokio::test]
async fn a_listener_of_an_address_is_preferred_to_that_of_all() {
    let mut gateway = town();
    let inside = SHOP
        .replace(
            "listener_port = 80\n",
            "listener_port = 80\nlistener_addr = 10.9.9.9\n",
        )
        .replace("shop.example.com", "inside.example.com")
        .replace("expose = expose#0 expose#1", "expose = expose#0");
    gateway.deploy("test/svc/inside", &inside, &["10.0.0.7"]);
    let to = async |query: &str| ask(&gateway, query).await["steps"][0]["name"].clone();
    assert_eq!(
        to("http://inside.example.com/&address=10.9.9.9").await,
        "10.9.9.9:80/tcp"
    );
    assert_eq!(
        to("http://shop.example.com/&address=10.1.1.1").await,
        "0.0.0.0:80/tcp"
    );
    assert_eq!(to("http://inside.example.com/").await, "10.9.9.9:80/tcp");
    assert_eq!(to("http://shop.example.com/").await, "0.0.0.0:80/tcp");
    assert_eq!(to("http://[::1]/").await, Value::Null);
}

#[tokio::test]
async fn routes_are_tried_in_order_by_path_prefix_and_regex() {
    let mut gateway = Gateway::new();
    let config = "
[ip#1]
expose = expose#0
[expose#0]
type = envoy
port = 80
listener_port = 80
vhosts = vhost#0
[vhost#0]
type = envoy
domains = *
routes = route#0 route#1 route#2 route#3
[route#0]
type = envoy
match_path = /Exact
match_case_sensitive = false
[route#1]
type = envoy
match_regex = /u/[0-9]+
[route#2]
type = envoy
match_prefix = /api/
route_prefix_rewrite = /
[route#3]
type = envoy
match_prefix = /x
redirect_prefix_rewrite = /y
redirect_response_code = permanent_redirect
redirect_strip_query = true
";
    gateway.deploy("web", config, &["10.0.0.1"]);
    for (path, route) in [
        ("/exact", "path /Exact"),
        ("/EXACT%3Fquery", "path /Exact"),
        ("/exact/", ""),
        ("/u/12", "regex /u/[0-9]+"),
        ("/u/12/more", ""),
        ("/a/u/12", ""),
        ("/api/1", "prefix /api/"),
        ("/api", ""),
        ("/API/", ""),
    ] {
        let explained = ask(&gateway, &format!("http://any{path}")).await;
        let step = &explained["steps"][3]["name"];
        assert_eq!(
            step.as_str().unwrap_or_default(),
            route,
            "{path}: {explained:#}"
        );
    }
    let moved = ask(&gateway, "http://any:8/%3F").await;
    assert_eq!(moved["outcome"], "not_listening");
    let moved = ask(&gateway, "http://any/x/1%3Fq").await;
    assert_eq!(moved["location"], "http://any/y/1");
    assert!(moved["answer"].as_str().unwrap().contains("308"));
}

/// What the way does not show: the face of the API is the dashboard's, too.
#[tokio::test]
async fn what_decides_beside_the_way_is_said() {
    let mut gateway = town();
    let texts = |explained: &Value| -> Vec<String> {
        let caveats = explained["caveats"].as_array().unwrap().iter();
        let fatal = caveats.map(|caveat| (caveat["fatal"].as_bool().unwrap(), &caveat["text"]));
        fatal
            .map(|(fatal, text)| format!("{fatal} {}", text.as_str().unwrap()))
            .collect()
    };
    let said = texts(&ask(&gateway, "http://shop.example.com/").await);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].starts_with("true No Envoy is connected"),
        "{said:?}"
    );

    let (chain, key) = crate::self_signed::key_pair(&["shop.example.com"], -2);
    let pair = [("certificate_chain", &*chain), ("private_key", &*key)];
    gateway.secret("test/sec/shop", &pair);
    gateway.connection.send_modify(|connection| {
        connection.link = Link::Waiting {
            since: std::time::SystemTime::now(),
            error: "connection refused".into(),
        };
    });
    let said = texts(&ask(&gateway, "https://shop.example.com/").await);
    // What fails for sure comes first.
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(
        said[1].starts_with("true The certificate in test/sec/shop expired on "),
        "{said:?}"
    );
    assert!(
        said[2].ends_with("may have moved: connection refused."),
        "{said:?}"
    );
}
