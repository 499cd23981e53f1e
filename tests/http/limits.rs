//! What hostile or mistaken requests meet.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};

use crate::gateway::Gateway;
use crate::stories::town;

#[tokio::test]
async fn nothing_can_be_changed() {
    let gateway = town();
    for (method, path) in [
        ("POST", "/api/v1/exposes"),
        ("DELETE", "/api/v1/exposes/test%2Fsvc%2Fdb.expose%230"),
        ("PUT", "/metrics"),
        ("PATCH", "/"),
        ("GET", "/api/v1/validate"),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(Body::empty())
            .unwrap();
        let reply = gateway.send(request).await;
        assert_eq!(
            reply.status,
            StatusCode::METHOD_NOT_ALLOWED,
            "{method} {path}"
        );
        assert!(reply.problem().contains("read only"));
    }
}

#[tokio::test]
async fn what_is_not_understood_is_said() {
    let gateway = town();
    for (path, status, words) in [
        ("/nothing", 404, "dashboard"),
        ("/api/v1/exposes?limit=1", 400, "limit"),
        ("/api/v1/changes?limit=-1", 400, "limit"),
        ("/api/v1/exposes/%FF", 400, "UTF-8"),
        (
            "/api/v1/resources/dogs/rex",
            404,
            "cluster, endpoints, secret, listener, routes",
        ),
        ("/api/v1/resources/cluster/none", 404, "none"),
        ("/api/v1/explain", 400, "url"),
        (
            "/api/v1/explain?url=ftp://x",
            400,
            "http, https, tcp, tls or udp",
        ),
        ("/api/v1/explain?url=http://", 400, "no host"),
        ("/api/v1/explain?url=http://a:99999", 400, "1 to 65535"),
        (
            "/api/v1/explain?url=tcp://a",
            400,
            "tcp://www.example.com:5432",
        ),
        ("/api/v1/explain?url=http://a&headers=x", 400, "Name: value"),
        ("/api/v1/explain?url=http://a&address=b", 400, "IP address"),
    ] {
        let reply = gateway.get(path).await;
        assert_eq!(reply.status.as_u16(), status, "{path}: {}", reply.body);
        let problem = reply.problem();
        assert!(problem.contains(words), "{path}: {problem}");
    }
}

#[tokio::test]
async fn a_body_has_a_size_and_a_meaning() {
    let gateway = Gateway::new();
    let path = "/api/v1/validate?service=web";
    let large = "#".repeat(igw_envoy::http::MAX_BODY + 1);
    assert_eq!(
        gateway.post(path, large).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    for body in [
        "[expose#0]\nport\n",
        "{\"expose#0\": 1}",
        "{",
        "\u{0}",
        "# nothing\n",
        "{}",
        "{\"monitor\": {\"nodes\": {}}}",
    ] {
        let reply = gateway.post(path, body).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{body:?}");
        reply.problem();
    }
    let reply = gateway.post(path, vec![0xff, 0xfe]).await;
    assert!(reply.problem().contains("UTF-8"));
    let nested = format!("{{\"a\":{}", "[".repeat(100_000));
    assert_eq!(
        gateway.post(path, nested).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let reply = gateway.post("/api/v1/validate?service=a//b", "").await;
    assert!(reply.problem().contains("a//b"));
    assert_eq!(
        gateway.post("/api/v1/validate", "").await.status,
        StatusCode::BAD_REQUEST
    );
}

/// A hundred lines that ask for 2^100 letters, in a body that is small.
#[tokio::test]
async fn references_that_double_are_found_instead_of_followed() {
    let gateway = Gateway::new();
    let mut body = String::from("[ip#1]\nexpose = expose#0\n[expose#0]\nport = {env.k0}\n[env]\n");
    for i in 0..100 {
        body.push_str(&format!("k{i} = {{env.k{n}}}{{env.k{n}}}\n", n = i + 1));
    }
    let reply = gateway.post("/api/v1/validate?service=web", body).await;
    let verdict = reply.json();
    assert_eq!(verdict["accepted"], false);
    let finding = &verdict["findings"][0];
    assert_eq!(finding["code"], "endless-references");
    assert_eq!(finding["section"], "expose#0");
    assert_eq!(finding["keyword"], "port");
}

/// A web page can have its own name lead to 127.0.0.1; its requests then carry that name.
#[tokio::test]
async fn on_loopback_other_names_are_not_answered() {
    let gateway = town();
    for (host, answered) in [
        ("localhost:9902", true),
        ("127.0.0.1:9902", true),
        ("[::1]:9902", true),
        ("gw.localhost", true),
        ("evil.example.com", false),
        ("127.0.0.1.evil.example.com", false),
        ("localhost.evil.example.com:9902", false),
    ] {
        let request = Request::get("/api/v1/status").header(header::HOST, host);
        let reply = gateway.send(request.body(Body::empty()).unwrap()).await;
        let expected = if answered {
            StatusCode::OK
        } else {
            StatusCode::MISDIRECTED_REQUEST
        };
        assert_eq!(reply.status, expected, "{host}");
    }
}

#[tokio::test]
async fn browsers_are_told_to_load_nothing_else() {
    let gateway = town();
    for path in ["/", "/api/v1/status", "/assets/dashboard.js", "/nothing"] {
        let reply = gateway.get(path).await;
        let policy = reply.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{path}");
        assert_eq!(reply.headers["x-content-type-options"], "nosniff");
    }
    let page = gateway.get("/").await.body;
    let mut quoted = page.split(['"', '\'']);
    let elsewhere = quoted.find(|text| text.contains("//"));
    assert_eq!(elsewhere, None, "the page refers to somewhere else");
}
