//! What the API tells.

use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use futures_util::StreamExt;
use igw_envoy::daemon::Link;
use igw_envoy::envoy::{ResourceType, Version};
use igw_envoy::http::{Hosts, router};
use igw_envoy::xds::{Event, Observer, Refusal};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::gateway::{Gateway, stream};
use crate::once::Once;
use crate::stories::{DATABASE, IDLE, town};

fn standings(exposes: &Value) -> Vec<(&str, &str)> {
    let list = exposes["exposes"].as_array().unwrap();
    list.iter()
        .map(|e| (e["id"].as_str().unwrap(), e["standing"].as_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn every_expose_is_listed_with_how_it_is_doing() {
    let exposes = town().json("/api/v1/exposes").await;
    assert_eq!(
        standings(&exposes),
        [
            ("test/svc/db.expose#0", "served"),
            ("test/svc/hopeful.expose#0", "waiting"),
            ("test/svc/idle.expose#0", "no_endpoints"),
            ("test/svc/mail.expose#0", "served"),
            ("test/svc/rival.expose#0", "refused"),
            ("test/svc/rival.expose#1", "refused"),
            ("test/svc/shop.expose#0", "served"),
            ("test/svc/shop.expose#1", "served"),
        ]
    );
    let shop = &exposes["exposes"][7];
    assert_eq!(shop["traffic"], "https");
    assert_eq!(shop["listener"], "0.0.0.0:443/tcp");
    assert_eq!(
        shop["names"],
        json!(["*.shop.example.com", "shop.example.com"])
    );
    assert_eq!(exposes["exposes"][3]["traffic"], "passthrough");
    assert_eq!(exposes["exposes"][6]["endpoints"], 2);
}

#[tokio::test]
async fn exposes_are_found_by_domain_service_port_and_standing() {
    let gateway = town();
    for (query, expected) in [
        ("q=mail.example", vec!["test/svc/mail.expose#0"]),
        ("q=svc/db", vec!["test/svc/db.expose#0"]),
        ("q=:5432/", vec!["test/svc/db.expose#0"]),
        ("q=SHOP.example%20:443", vec!["test/svc/shop.expose#1"]),
        (
            "standing=waiting,no_endpoints",
            vec!["test/svc/hopeful.expose#0", "test/svc/idle.expose#0"],
        ),
        ("service=test/svc/mail", vec!["test/svc/mail.expose#0"]),
        ("q=nowhere", vec![]),
    ] {
        let found = gateway.json(&format!("/api/v1/exposes?{query}")).await;
        let ids: Vec<&str> = standings(&found).into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids, expected, "{query}");
        assert_eq!(found["total"], 8);
    }
    let reply = gateway.get("/api/v1/exposes?standing=refused,bogus").await;
    assert_eq!(reply.status, 400);
    assert!(reply.problem().contains("'bogus'"));
    assert!(reply.problem().contains("no_endpoints"));
}

#[tokio::test]
async fn a_refused_expose_says_why_and_which_line_to_change() {
    let gateway = town();
    let expose = gateway
        .json("/api/v1/exposes/test%2Fsvc%2Frival.expose%230")
        .await;
    let finding = expose["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|f| f["code"] == "name-taken");
    let finding = finding.unwrap_or_else(|| panic!("{expose:#}"));
    assert_eq!(finding["incumbent"], "test/svc/shop.expose#0");
    assert_ne!(finding["explanation"], "");
    let wrong_port = gateway
        .json("/api/v1/exposes/test%2Fsvc%2Frival.expose%231")
        .await;
    let findings = wrong_port["findings"].as_array().unwrap();
    let finding = findings.iter().find(|f| f["keyword"] == "port").unwrap();
    assert_eq!(finding["section"], "expose#1");
    assert_eq!(finding["value"], "eighty");
    assert_eq!(
        finding["command"],
        "om test/svc/rival set --kw 'expose#1.port=VALUE'"
    );
    assert!(wrong_port["problem"].as_str().unwrap().contains("eighty"));
}

#[tokio::test]
async fn an_expose_shows_the_way_of_a_request() {
    let gateway = town();
    let expose = gateway
        .json("/api/v1/exposes/test%2Fsvc%2Fshop.expose%231")
        .await;
    assert_eq!(
        expose["chain"]["termination"]["certificates"],
        json!(["tls_certificate/test/sec/shop"])
    );
    assert_eq!(expose["virtual_hosts"][0]["routes"][0]["path"], "/health");
    assert_eq!(expose["cluster"]["lb_policy"], "ROUND_ROBIN");
    assert_eq!(
        expose["addresses"],
        json!([{"address": "10.0.0.1", "port": 8443}])
    );
    assert_eq!(expose["secrets"][0]["leaf"]["names"][0], "shop.example.com");
    assert_eq!(
        expose["neighbours"], 2,
        "the mail service is on the port too"
    );
    let missing = gateway.get("/api/v1/exposes/nobody").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert!(missing.problem().contains("test/svc/web.expose#0"));
}

#[tokio::test]
async fn certificates_come_in_the_order_of_their_expiry() {
    let certificates = town().json("/api/v1/certificates").await;
    let first = &certificates[0];
    assert_eq!(first["name"], "tls_certificate/test/sec/shop");
    assert_eq!(first["exposes"], json!(["test/svc/shop.expose#1"]));
    let days = first["remaining_seconds"].as_f64().unwrap() / 86_400.0;
    assert!((19.9..20.1).contains(&days), "{days}");
}

#[tokio::test]
async fn what_an_envoy_refuses_is_told_of_the_expose_that_owns_it() {
    let mut gateway = town();
    let telemetry = gateway.telemetry.clone();
    telemetry.observe(&stream(), &Event::Opened);
    let refuse = |gateway: &Gateway, kind, name: &str, text: &str| {
        let refusal = Refusal {
            kind,
            version: gateway.snapshot().version(kind),
            nonce: "1".into(),
            text: text.into(),
            names: vec![name.into()],
            suspects: vec![name.into()],
            certain: true,
            content: Version::from_number(1),
        };
        telemetry.observe(&stream(), &Event::Refused(&refusal));
    };
    refuse(
        &gateway,
        ResourceType::Cluster,
        "test/svc/db.expose#0",
        "no such filter",
    );
    let db = gateway
        .json("/api/v1/exposes/test%2Fsvc%2Fdb.expose%230")
        .await;
    assert_eq!(db["standing"], "refused_by_envoy");
    assert_eq!(db["refused_by"], json!(["edge1"]));
    assert_eq!(db["problem"], "Envoy edge1 refuses it: no such filter");
    assert_eq!(db["refusals"][0]["text"], "no such filter");
    // A listener is everybody's on it, unless Envoy names one.
    let text = "filter chain 'test/svc/mail.expose#0' is bad";
    refuse(&gateway, ResourceType::Listener, "0.0.0.0:443/tcp", text);
    let envoys = gateway.json("/api/v1/envoys").await;
    assert_eq!(
        envoys[0]["refusals"][1]["exposes"],
        json!(["test/svc/mail.expose#0"])
    );
    let status = gateway.json("/api/v1/status").await;
    assert_eq!(status["exposes"]["refused_by_envoy"], 2);

    // The cluster changes and the Envoy accepts it.
    gateway.deploy(
        "test/svc/db",
        &format!("{DATABASE}lb_policy = random\n"),
        &["10.0.0.3"],
    );
    let kind = ResourceType::Cluster;
    let version = gateway.snapshot().version(kind);
    let (nonce, resources, removed, bytes) = ("2", 1, 0, 300);
    telemetry.observe(
        &stream(),
        &Event::Sent {
            kind,
            version,
            nonce,
            resources,
            removed,
            bytes,
        },
    );
    let after = Duration::from_millis(2);
    telemetry.observe(
        &stream(),
        &Event::Accepted {
            kind,
            version,
            nonce,
            after,
        },
    );
    let name = "test/svc/db.expose#0";
    telemetry.observe(&stream(), &Event::Cleared { kind, name });
    let db = gateway
        .json("/api/v1/exposes/test%2Fsvc%2Fdb.expose%230")
        .await;
    assert_eq!(db["standing"], "served");
    let changes = gateway.json("/api/v1/changes?limit=1").await;
    assert_eq!(changes[0]["acknowledged"], 1);
    assert_eq!(
        changes[0]["parts"]["cluster"]["names"],
        json!(["test/svc/db.expose#0"])
    );
    assert!(changes[0]["event_to_ack_seconds"].as_f64().unwrap() > 0.0);
}

#[tokio::test]
async fn readiness_is_that_there_is_something_true_to_serve() {
    let gateway = Gateway::starting();
    let reply = gateway.get("/readyz").await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(reply.problem().contains("not known yet"));
    assert_eq!(gateway.get("/healthz").await.status, StatusCode::OK);

    let gateway = town();
    assert_eq!(gateway.json("/readyz").await["serving"], "current");
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    gateway.connection.send_modify(|connection| {
        connection.last_message = Some(hour_ago);
        connection.link = Link::Waiting {
            since: hour_ago,
            error: "no such file".into(),
        };
    });
    let ready = gateway.json("/readyz").await;
    assert_eq!(ready["serving"], "last-known-good");
    assert!(ready["daemon"]["age_seconds"].as_f64().unwrap() >= 3600.0);
    assert_eq!(ready["daemon"]["error"], "no such file");
}

/// After a restart, before the daemon is heard.
#[tokio::test]
async fn what_was_read_from_disk_is_told_with_its_age() {
    let gateway = town();
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    gateway.telemetry.serving_since(Some(hour_ago));
    let ready = gateway.json("/readyz").await;
    assert_eq!(ready["serving"], "last-known-good");
    assert!(ready["age_seconds"].as_f64().unwrap() >= 3600.0, "{ready}");
    let metrics = gateway.get("/metrics").await.body;
    assert!(metrics.contains("\nigw_last_known_good_age_seconds 36"));
    gateway.telemetry.serving_since(None);
    let ready = gateway.json("/readyz").await;
    assert_eq!(
        (&ready["serving"], &ready["age_seconds"]),
        (&json!("current"), &json!(0.0))
    );
    let metrics = gateway.get("/metrics").await.body;
    assert!(metrics.contains("\nigw_last_known_good_age_seconds 0\n"));
}

#[tokio::test]
async fn health_is_lost_when_nobody_follows_the_daemon_any_more() {
    let gateway = town();
    let app = router(gateway.state.clone(), Hosts::Any);
    drop(gateway);
    let request = Request::get("/healthz").body(Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
}

/// The next `news` of a stream.
async fn news(body: &mut axum::body::BodyDataStream) -> Value {
    loop {
        let frame = body.next().await.unwrap().unwrap();
        let text = String::from_utf8(frame.to_vec()).unwrap();
        if let Some(data) = text.lines().find_map(|line| line.strip_prefix("data: ")) {
            return serde_json::from_str(data).unwrap();
        }
    }
}

#[tokio::test]
async fn changes_are_streamed_after_the_whole() {
    let mut gateway = town();
    let app = router(gateway.state.clone(), Hosts::Local);
    let request = Request::get("/api/v1/events").body(Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body().into_data_stream();
    let first = news(&mut body).await;
    assert_eq!(first["whole"], true);
    assert_eq!(first["exposes"].as_array().unwrap().len(), 8);
    gateway.deploy("test/svc/idle", IDLE, &["10.0.0.9"]);
    gateway.delete("test/svc/db");
    let second = news(&mut body).await;
    assert_eq!(second["whole"], false);
    assert_eq!(second["gone"], json!(["test/svc/db.expose#0"]));
    let exposes = second["exposes"].as_array().unwrap();
    assert_eq!(exposes.len(), 1, "only what differs: {exposes:?}");
    assert_eq!(exposes[0]["standing"], "served");
    assert_eq!(second["status"]["exposes"]["no_endpoints"], 0);
}

#[tokio::test]
async fn resources_are_shown_in_envoys_own_words() {
    let gateway = town();
    let cluster = gateway
        .json("/api/v1/resources/cluster/test%2Fsvc%2Fdb.expose%230")
        .await;
    assert_eq!(
        cluster["content"]["lb_policy"],
        Value::Null,
        "round robin is Envoy's default"
    );
    assert_eq!(cluster["content"]["type"], "EDS");
    let listener = gateway
        .json("/api/v1/resources/listener/0.0.0.0:80%2Ftcp")
        .await;
    assert_eq!(listener["content"]["filter_chains"][0]["name"], "http");
    for list in ["listeners", "routes", "clusters"] {
        assert!(
            !gateway
                .json(&format!("/api/v1/{list}"))
                .await
                .as_array()
                .unwrap()
                .is_empty()
        );
    }
}

#[tokio::test]
async fn a_posted_configuration_is_judged_and_translated_and_forgotten() {
    let gateway = town();
    let judged = gateway
        .post("/api/v1/validate?service=test/svc/new", DATABASE)
        .await
        .json();
    assert_eq!(judged["accepted"], true, "{judged:#}");
    assert_eq!(judged["served"], json!(["test/svc/new.expose#0"]));
    let wrong = DATABASE.replace("port = 5432", "port = x");
    let judged = gateway
        .post("/api/v1/validate?service=test/svc/new", wrong)
        .await
        .json();
    assert_eq!(judged["accepted"], false);
    assert_eq!(judged["findings"][0]["section"], "expose#0");
    let json = json!({"expose#0": {"type": "envoy", "port": 80, "listener_port": 80}}).to_string();
    let translated = gateway
        .post("/api/v1/translate?service=web", json)
        .await
        .json();
    let types: Vec<&str> = translated["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|resource| resource["type"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["cluster", "listener"]);
    assert_eq!(gateway.json("/api/v1/exposes").await["total"], 8);
}

#[tokio::test]
async fn an_empty_body_is_no_configuration() {
    let reply = town().post("/api/v1/validate?service=web", " \n").await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(reply.problem().contains("post the service's configuration"));
}

/// The document cannot say anything else than the handlers do, so it is enough that it holds them.
#[tokio::test]
async fn the_openapi_document_lists_what_there_is() {
    let gateway = town();
    let document = gateway.json("/api/v1/openapi.json").await;
    let paths = document["paths"].as_object().unwrap();
    for (path, methods) in paths {
        for method in methods.as_object().unwrap().keys() {
            let pure = ["/api/v1/validate", "/api/v1/translate"].contains(&path.as_str());
            assert_eq!(method, if pure { "post" } else { "get" }, "{path}");
        }
    }
    assert!(paths.len() >= 16, "{}", paths.len());
    let summary = &document["components"]["schemas"]["Summary"]["properties"];
    assert!(summary["standing"].is_object(), "{summary:#}");
    let responses = &paths["/api/v1/exposes/{id}"]["get"]["responses"];
    let media = |status: &str| {
        responses[status]["content"]
            .as_object()
            .unwrap()
            .keys()
            .next()
    };
    assert_eq!(media("200").unwrap(), "application/json");
    assert_eq!(media("404").unwrap(), "application/problem+json");
}

/// An object that says a thing twice says nothing: who reads it takes the first, or the last.
#[tokio::test]
async fn no_answer_says_a_thing_twice() {
    let gateway = town();
    let document = gateway.json("/api/v1/openapi.json").await;
    let mut asked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        // The stream never ends, and what is posted is tested on its own.
        if methods["get"].is_null() || path == "/api/v1/events" {
            continue;
        }
        let path = path
            .replace("{id}", "test%2Fsvc%2Fshop.expose%231")
            .replace("{kind}/{name}", "cluster/test%2Fsvc%2Fshop.expose%231");
        let query = match path.ends_with("/explain") {
            true => "?url=https://shop.example.com/health",
            false => "",
        };
        let reply = gateway.get(&format!("{path}{query}")).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}");
        let read: Result<Once, _> = serde_json::from_str(&reply.body);
        assert!(read.is_ok(), "{path}: {read:?}");
        asked += 1;
    }
    assert!(asked >= 13, "{asked}");
    let posted = gateway
        .post("/api/v1/translate?service=web", DATABASE)
        .await;
    assert!(serde_json::from_str::<Once>(&posted.body).is_ok());
}
