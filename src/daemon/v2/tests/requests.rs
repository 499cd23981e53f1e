//! Requests and replies, as recorded.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::server::Script;
use crate::daemon::v2::request;
use crate::daemon::{Assignment, Daemon, RequestError};
use crate::model::ObjectPath;

/// The recorded replies to requests that contain a text.
fn replies(text: &str) -> Vec<Vec<u8>> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/21_request_replies.jsonl");
    let recorded = std::fs::read_to_string(path).unwrap();
    let lines = recorded.lines().filter(|line| line.contains(text));
    lines
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|line| line["reply"][0].to_string().into_bytes())
        .collect()
}

fn path(text: &str) -> ObjectPath {
    text.parse().unwrap()
}

fn key(secret: &str, reply: &[u8]) -> Result<Option<String>, RequestError> {
    request::read_secret_key(&path(secret), "password", reply)
}

fn set(reply: &Value) -> Result<(), RequestError> {
    request::read_set(&path("web0"), reply.to_string().as_bytes())
}

#[test]
fn keywords_are_set_in_the_one_form_that_works() {
    let assignment = Assignment {
        section: "expose#0".into(),
        keyword: "listener_port".into(),
        value: "1025".into(),
    };
    assert_eq!(
        request::set(&path("web0"), &[assignment]),
        json!({"action": "service_action", "node": "ANY", "options": {
            "path": "web0", "action": "set", "sync": true,
            "options": {"kw": ["expose#0.listener_port=1025"]}}})
    );
}

#[test]
fn a_key_is_a_text_or_not_there() {
    let recorded = replies("\"key\": \"certificate_chain\"");
    let value = key("sec/web0cert", &recorded[0]).unwrap().unwrap();
    assert!(value.starts_with("-----BEGIN CERTIFICATE-----"));
    assert_eq!(key("sec/none", &recorded[1]).unwrap(), None);
    let missing = &replies("\"key\": \"nope\"")[0];
    assert_eq!(key("sec/web0cert", missing).unwrap(), None);
}

#[test]
fn a_key_that_is_not_there_is_not_there_in_whatever_words() {
    let said = |status: i64, error: &str| {
        let reply = json!({"status": status, "error": error}).to_string();
        key("sec/w", reply.as_bytes())
    };
    for words in [
        "secret sec/w key password does not exist",
        "secret sec/w key password does not exist or has no value",
        "key 'password' does not exist. use the 'add' action to add it.",
        "Key password not found",
        "no such key",
        "password: no value",
        "'password'",
        "'sec/w'",
    ] {
        assert_eq!(said(1, words).unwrap(), None, "{words}");
    }
    assert_eq!(said(404, "password not found").unwrap(), None);
    let words = "secret modules/sec/command key password does not exist or has no value";
    let reply = json!({"status": 1, "error": words}).to_string();
    let read = key("modules/sec/command", reply.as_bytes());
    assert_eq!(read.unwrap(), None, "a name is no word of an error");
    for (status, words) in [
        (403, "Forbidden: no such grant"),
        (500, "password not found"),
        (1, "permission denied: key password"),
        (1, "secret sec/w key password cannot be decrypted"),
        (
            1,
            "[Errno 2] No such file or directory: '/etc/opensvc/sec/w.conf'",
        ),
        (1, "python module 'Crypto' not found"),
        (1, "'sec/another'"),
        (1, ""),
    ] {
        let error = said(status, words).unwrap_err();
        assert!(matches!(error, RequestError::Refused { .. }), "{words}");
    }
}

#[test]
fn anything_else_than_a_key_is_an_error_in_the_daemons_words() {
    let not_a_secret = &replies("\"svcpath\": \"web0\", \"key\"")[0];
    let error = key("web0", not_a_secret).unwrap_err().to_string();
    assert!(error.contains("has no attribute 'decode_key'"), "{error}");
    let no_path = &replies("{\"key\": \"x\"}")[0];
    assert!(matches!(
        key("sec/c", no_path),
        Err(RequestError::Refused { status: 400, message }) if message.contains("path is not set")
    ));
    for odd in [
        "",
        "{}",
        "[]",
        "null",
        r#"{"status": 0}"#,
        r#"{"status": 0, "data": null}"#,
    ] {
        let result = key("sec/c", odd.as_bytes());
        assert!(matches!(result, Err(RequestError::Malformed(_))), "{odd}");
    }
}

#[test]
fn a_set_that_ran_is_not_yet_a_set_that_succeeded() {
    let recorded = replies("\"action\": \"service_action\"");
    let results: Vec<_> = recorded
        .iter()
        .map(|reply| request::read_set(&path("web0"), reply))
        .collect();
    // The old form, the right one, a refused value, an unknown service, an asynchronous one.
    assert!(matches!(
        results[0],
        Err(RequestError::Refused { status: 500, .. })
    ));
    assert!(results[1].is_ok());
    let Err(RequestError::Failed {
        code: 1, output, ..
    }) = &results[2]
    else {
        panic!("{:?}", results[2]);
    };
    assert!(
        output.starts_with("E option expose#0.lb_policy value toto is not in valid candidates"),
        "{output}"
    );
    assert!(matches!(
        &results[3],
        Err(RequestError::Refused { status: 404, message }) if message == "nope not found"
    ));
    assert!(matches!(results[4], Err(RequestError::Malformed(_))));
}

#[test]
fn a_relayed_reply_is_read_under_its_nodes_name() {
    let ran = |ret: i64| json!({"status": 0, "data": {"out": "", "err": "E no\n", "ret": ret}});
    let relayed = |node: Value| json!({"nodes": {"n1": node}, "status": 0});
    assert!(set(&relayed(ran(0))).is_ok());
    let error = set(&relayed(ran(1))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "web0: the action failed (exit code 1): E no"
    );
    let refused = set(&relayed(json!({"status": 404, "error": "web0 not found"})));
    assert!(matches!(
        refused,
        Err(RequestError::Refused { status: 404, .. })
    ));
    let textual = set(&json!({"status": "1", "error": "no"}));
    assert!(matches!(
        textual,
        Err(RequestError::Refused { status: 1, .. })
    ));
    for odd in [
        json!({"nodes": {}, "status": 0}),
        relayed(Value::Null),
        relayed(json!({})),
    ] {
        assert!(
            matches!(set(&odd), Err(RequestError::Malformed(_))),
            "{odd}"
        );
    }
}

#[tokio::test]
async fn a_secret_is_read_and_keywords_are_set() {
    let mut script = Script::up();
    let daemon = script.daemon();
    let secret: ObjectPath = "test/sec/c".parse().unwrap();
    let value = json!({"status": 0, "data": "PEM"});
    let (read, ()) = tokio::join!(daemon.secret_key(&secret, "private_key"), async {
        let asked = script.asked("get_secret_key").await;
        let options = json!({"path": "test/sec/c", "key": "private_key"});
        assert_eq!(asked.request["options"], options);
        asked.reply(&value).await;
    });
    assert_eq!(read.unwrap().as_deref(), Some("PEM"));

    let service: ObjectPath = "web".parse().unwrap();
    let keywords = [Assignment {
        section: "expose#0".into(),
        keyword: "listener_port".into(),
        value: "1025".into(),
    }];
    let refusal = json!({"nodes": {"n1": {"status": 0, "data":
        {"out": "", "err": "@ n:n1 o:web sc:n\nE option expose#0.port is odd\n", "ret": 1}}},
        "status": 0});
    let (set, ()) = tokio::join!(daemon.set(&service, &keywords), async {
        script.asked("service_action").await.reply(&refusal).await;
    });
    assert!(matches!(
        set,
        Err(RequestError::Failed { output, .. }) if output == "E option expose#0.port is odd"
    ));

    let (cut, ()) = tokio::join!(daemon.set(&service, &keywords), async {
        script
            .asked("service_action")
            .await
            .send(b"{\"status\": 0")
            .await;
    });
    assert!(matches!(cut, Err(RequestError::Closed)), "{cut:?}");
    let hasty = script.daemon_with(Duration::from_secs(60), Duration::from_millis(50));
    let (silent, ()) = tokio::join!(hasty.secret_key(&secret, "private_key"), async {
        script.asked("get_secret_key").await.closed().await;
    });
    assert!(
        matches!(silent, Err(RequestError::Timeout(_))),
        "{silent:?}"
    );
    script.stop();
    tokio::task::yield_now().await;
    let refused = daemon.secret_key(&secret, "private_key").await;
    assert!(
        matches!(refused, Err(RequestError::Connect { .. })),
        "{refused:?}"
    );
}
