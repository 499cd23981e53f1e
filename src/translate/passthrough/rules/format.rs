//! Formats of access logs, headers and local replies: text with commands such as `%REQ(:PATH)%`.

/// The first words of the names of Envoy's commands, of its formatter extensions too: a name that begins
/// with none of them is none of theirs.
const FAMILIES: [&str; 51] = [
    "ACCESS",
    "BYTES",
    "CEL",
    "CLUSTER",
    "COALESCE",
    "COMMON",
    "CONNECTION",
    "CUSTOM",
    "DOWNSTREAM",
    "DURATION",
    "DYNAMIC",
    "EMIT",
    "ENVIRONMENT",
    "ENVOY",
    "FILE",
    "FILTER",
    "GENERIC",
    "GRPC",
    "HOST",
    "HOSTNAME",
    "HTTP",
    "JWT",
    "LISTENER",
    "LOCAL",
    "METADATA",
    "ORIGINAL",
    "PACKETS",
    "PATH",
    "PER",
    "PROTOCOL",
    "QUERY",
    "QUIC",
    "REQ",
    "REQUEST",
    "REQUESTED",
    "RESP",
    "RESPONSE",
    "ROUNDTRIP",
    "ROUTE",
    "SECRET",
    "SERVER",
    "SPAN",
    "START",
    "STREAM",
    "TLS",
    "TRACE",
    "TRAILER",
    "UNIQUE",
    "UPSTREAM",
    "VIRTUAL",
    "XFCC",
];

/// What is wrong with a format, in words. `extended` is whether formatter extensions may know more
/// commands. What is between a command's parentheses is for Envoy to judge.
pub(super) fn mistake(format: &str, extended: bool) -> Option<String> {
    let mut rest = format;
    while let Some((_, after)) = rest.split_once('%') {
        if let Some(literal) = after.strip_prefix('%') {
            rest = literal;
            continue;
        }
        let is_of_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        let end = after.find(|c| !is_of_name(c)).unwrap_or(after.len());
        let (name, after) = after.split_at(end);
        let closed = match after.strip_prefix('(') {
            Some(arguments) => arguments.split_once(')').map(|(_, after)| after),
            None => Some(after),
        };
        let closed = closed.and_then(|after| after.split_once('%'));
        let Some((_, after)) = closed.filter(|_| !name.is_empty()) else {
            return Some("has a % that begins no command".to_owned());
        };
        let family = name.split('_').next().unwrap_or_default();
        if !extended && FAMILIES.binary_search(&family).is_err() {
            return Some(format!(
                "names the command %{name}%, which Envoy does not have"
            ));
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_may_hold_only_commands_that_envoy_has() {
        assert!(FAMILIES.is_sorted());
        for good in [
            "",
            "plain, 100%% of it",
            "[%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%] \"%REQ(:METHOD)% %REQ(X-PATH?:PATH):10%\"",
            "%RESPONSE_CODE%%RESPONSE_FLAGS%",
            "%DYNAMIC_METADATA(a:b:c)%",
        ] {
            assert_eq!(mistake(good, false), None, "{good}");
        }
        for bad in ["%FOO%", "%REQ(", "100%", "50% off", "%REQ(:PATH)", "%%%"] {
            assert!(mistake(bad, false).is_some(), "{bad}");
        }
        assert_eq!(mistake("%FOO%", true), None);
    }
}
