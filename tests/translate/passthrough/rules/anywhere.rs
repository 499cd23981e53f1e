//! Rules of messages that may stand in many places: formats, expressions, addresses, filters.

use serde_json::{Value, json};

use super::super::{FILTERS, router, web};
use crate::exposes::But;
use crate::shown::refused;

#[test]
fn what_is_wrong_anywhere_is_refused() {
    let filter = |name: &str, fields: Value| {
        let mut config = json!({"@type": format!("{FILTERS}.http.{name}")});
        config
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        json!({"http_filters": [{"name": "x", "typed_config": config}, router()]})
    };
    let log = |fields: Value| {
        let mut config = json!({
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": "/dev/null",
        });
        config
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        json!({"access_log": [{"name": "x", "typed_config": config}]})
    };
    let policies = |permission: Value, principal: Value| {
        filter(
            "rbac.v3.RBAC",
            json!({"rules": {"policies": {
                "a": {"permissions": [permission], "principals": [principal]},
            }}}),
        )
    };
    let any = json!({"any": true});
    for (data, problem) in [
        (
            log(json!({"format": "%REQ("})),
            "access_log[0].typed_config.format has a % that begins no command",
        ),
        (
            log(json!({"log_format": {"text_format_source": {"inline_string": "%FOO%"}}})),
            "log_format.text_format_source names the command %FOO%, which Envoy does not have",
        ),
        (
            log(json!({"json_format": {"a": {"b": ["%FOO(x)%"]}}})),
            "access_log[0].typed_config.json_format names the command %FOO%",
        ),
        (
            json!({"local_reply_config": {"body_format": {"json_format": {"a": "%FOO%"}}}}),
            "local_reply_config.body_format.json_format names the command %FOO%",
        ),
        (
            filter(
                "header_mutation.v3.HeaderMutation",
                json!({"mutations": {"request_mutations": [
                    {"append": {"header": {"key": "x", "value": "%FOO%"}}},
                ]}}),
            ),
            "mutations.request_mutations[0].append.header.value names the command %FOO%",
        ),
        (
            policies(
                any.clone(),
                json!({"direct_remote_ip": {"address_prefix": "foo"}}),
            ),
            "policies[\"a\"].principals[0].direct_remote_ip.address_prefix is not an ip address",
        ),
        (
            policies(
                json!({"header": {"name": "x", "string_match": {"safe_regex": {"regex": "("}}}}),
                any,
            ),
            "header.string_match.safe_regex.regex is not a regular expression",
        ),
        (
            filter(
                "local_ratelimit.v3.LocalRateLimit",
                json!({"stat_prefix": "x", "token_bucket": {
                    "max_tokens": 1, "fill_interval": "0.01s",
                }}),
            ),
            "http_filters[0].typed_config.token_bucket.fill_interval is below 50 ms",
        ),
        (
            filter(
                "jwt_authn.v3.JwtAuthentication",
                json!({"rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "p"}}]}),
            ),
            "typed_config.rules ask for the provider 'p', which is none of the providers",
        ),
        (
            filter(
                "header_to_metadata.v3.Config",
                json!({"request_rules": [{"header": "x"}]}),
            ),
            "typed_config.request_rules have one that does nothing",
        ),
        (
            filter(
                "health_check.v3.HealthCheck",
                json!({"pass_through_mode": false, "cache_time": "1s"}),
            ),
            "typed_config.cache_time is for pass_through_mode alone",
        ),
        (
            json!({"http2_protocol_options": {"custom_settings_parameters": [
                {"identifier": 100, "value": 1}, {"identifier": 100, "value": 2},
            ]}}),
            "http2_protocol_options.custom_settings_parameters give the setting 100 two values",
        ),
        (
            json!({"upgrade_configs": [{"upgrade_type": "websocket", "filters": [{
                "name": "cors", "typed_config": {"@type": format!("{FILTERS}.http.cors.v3.Cors")},
            }]}]}),
            "upgrade_configs[0].filters does not end with the router",
        ),
    ] {
        let told = refused(&web().with_filter_data(data));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains(problem), "{told:?}");
    }
}
