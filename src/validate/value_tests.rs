#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;

#[test]
fn a_port_is_an_integer_in_range_in_text_and_json() {
    for good in [json!("8080"), json!(8080), json!(" 8080 ")] {
        assert_eq!(port(&good).unwrap().get(), 8080, "{good}");
    }
    for (bad, code) in [
        (json!("abc"), codes::INVALID_INTEGER),
        (json!("12.7"), codes::INVALID_INTEGER),
        (json!(12.7), codes::INVALID_INTEGER),
        (json!("1e3"), codes::INVALID_INTEGER),
        (json!("inf"), codes::INVALID_INTEGER),
        (json!("+80"), codes::INVALID_INTEGER),
        (json!(true), codes::INVALID_INTEGER),
        (json!(0), codes::PORT_OUT_OF_RANGE),
        (json!("65536"), codes::PORT_OUT_OF_RANGE),
        (json!(99_999_999), codes::PORT_OUT_OF_RANGE),
        (json!(-1), codes::PORT_OUT_OF_RANGE),
        (
            json!("99999999999999999999999999"),
            codes::PORT_OUT_OF_RANGE,
        ),
        (json!([80]), codes::WRONG_TYPE),
        (json!({"port": 80}), codes::WRONG_TYPE),
    ] {
        assert_eq!(port(&bad).unwrap_err().code, code, "{bad}");
    }
    assert_eq!(port_or_zero(&json!("0")).unwrap(), None);
    assert_eq!(
        port_or_zero(&json!(70000)).unwrap_err().code,
        codes::PORT_OUT_OF_RANGE
    );
}

#[test]
fn booleans_are_the_agents_words() {
    for good in [json!(true), json!("yes"), json!("T"), json!("1"), json!(1)] {
        assert!(boolean(&good).unwrap(), "{good}");
    }
    for good in [json!(false), json!("No"), json!("f"), json!("0"), json!(0)] {
        assert!(!boolean(&good).unwrap(), "{good}");
    }
    for bad in [json!("maybe"), json!("on"), json!(2), json!([true])] {
        assert!(boolean(&bad).is_err(), "{bad}");
    }
}

#[test]
fn choices_forgive_case_and_separators() {
    let candidates = &["round robin", "least_request"];
    for good in ["round robin", "ROUND_ROBIN", "round-robin"] {
        assert_eq!(choice(&json!(good), candidates).unwrap(), "round robin");
    }
    assert_eq!(
        choice(&json!("toto"), candidates).unwrap_err().hint,
        "write one of: round robin, least_request"
    );
}

#[test]
fn durations_are_the_agents_without_its_silent_zero() {
    for (text, seconds) in [
        (json!(90), 90),
        (json!("90"), 90),
        (json!("90s"), 90),
        (json!("1h30m"), 5400),
        (json!("1H 30M"), 5400),
        (json!("1w1d"), 691_200),
        (json!("0"), 0),
    ] {
        assert_eq!(duration(&text).unwrap(), Duration::from_secs(seconds));
        assert_eq!(timeout(&text).unwrap(), Duration::from_secs(seconds));
    }
    for bad in [
        "abc",
        "-5",
        "1h30",
        "s",
        "1x",
        "xxs",
        "1.",
        "1.5.5s",
        "1e3",
        "999999999999w",
        "99999999999999999999999999999999999999999999s",
    ] {
        assert!(duration(&json!(bad)).is_err(), "{bad}");
        assert!(timeout(&json!(bad)).is_err(), "{bad}");
    }
}

#[test]
fn only_timeouts_have_fractions_because_the_agent_fails_on_them_elsewhere() {
    for (text, millis) in [
        (json!("500ms"), 500),
        (json!("1.5s"), 1500),
        (json!(0.25), 250),
        (json!("1m500ms"), 60_500),
    ] {
        assert_eq!(timeout(&text).unwrap(), Duration::from_millis(millis));
        assert!(duration(&text).is_err(), "{text}");
    }
}

#[test]
fn an_object_is_json_or_its_text_and_errors_have_a_position() {
    let expected = json!({"a": {"b": 1}});
    assert_eq!(Value::Object(object(&expected).unwrap()), expected);
    let text = json!(" {\"a\":\n {\"b\": 1}} ");
    assert_eq!(Value::Object(object(&text).unwrap()), expected);
    let problem = object(&json!("{not json")).unwrap_err();
    assert_eq!(
        problem.message,
        "is not JSON: key must be a string at line 1 column 2"
    );
    let problem = object(&json!("{'a': 1}")).unwrap_err();
    assert_eq!(
        problem.hint,
        "JSON wants double quotes around keys and texts"
    );
    let twice = json!(r#"{"a": [{"b": "1s", "b": "2s"}]}"#);
    let problem = object(&twice).unwrap_err();
    assert_eq!(
        problem.message,
        "is ambiguous: a.b is given twice; keep one of the two at line 1 column 22"
    );
    assert_eq!(problem.hint, "write each field once");
    assert_eq!(
        object(&json!("[1]")).unwrap_err().message,
        "is a list, not an object"
    );
    let deep = "{\"a\":".repeat(100) + "1" + &"}".repeat(100);
    assert_eq!(
        object(&json!(deep)).unwrap_err().message,
        "is nested more than 48 deep"
    );
    let deeper = "[".repeat(100_000);
    assert!(object(&json!(deeper)).is_err());
}

#[test]
fn a_secret_is_in_the_services_namespace() {
    let service: ObjectPath = "test/svc/web".parse().unwrap();
    for good in ["cert1", "sec/cert1", "test/sec/cert1"] {
        let path = secret(&json!(good), &service).unwrap();
        assert_eq!(path.to_string(), "test/sec/cert1");
    }
    for (bad, message) in [
        (
            "prod/sec/cert1",
            "'prod/sec/cert1' is in another namespace than the service",
        ),
        ("cfg/cert1", "'cfg/cert1' is not the path of a secret"),
        ("a/b/c/d", "'a/b/c/d' is not the path of a secret"),
        ("sec/", "'sec/' is not the name of a secret"),
        ("a b", "'a b' is not the name of a secret"),
    ] {
        let problem = secret(&json!(bad), &service).unwrap_err();
        assert_eq!(problem.message, message);
    }
    let root: ObjectPath = "web".parse().unwrap();
    let path = secret(&json!("root/sec/cert1"), &root).unwrap();
    assert_eq!(path.to_string(), "sec/cert1");
}

#[test]
fn a_quoted_value_is_one_short_line() {
    assert_eq!(quote("a\nb"), "'a\\nb'");
    assert_eq!(quote(&"x".repeat(100)).chars().count(), 63);
}

#[test]
fn an_address_is_one_that_a_node_can_listen_on() {
    for (text, is) in [
        ("0.0.0.0", "0.0.0.0"),
        ("::", "::"),
        ("2001:DB8::1", "2001:db8::1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
    ] {
        assert_eq!(address(&json!(text)).unwrap().to_string(), is);
    }
    for text in [
        "fe80::1",
        "fe80::1%eth0",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
        "[::1]",
        "10.0.0.1/8",
        "127.1",
        "010.0.0.1",
        "a.org",
        "",
    ] {
        let problem = address(&json!(text)).unwrap_err();
        assert_eq!(problem.code, codes::INVALID_ADDRESS, "{text}");
    }
}

#[test]
fn a_private_key_is_never_quoted() {
    assert_eq!(
        quote("x -----BEGIN RSA PRIVATE KEY-----"),
        "'[private key]'"
    );
}
