//! Host names: TLS server names, the domains of virtual hosts, hosts to rewrite or redirect to.

use std::mem;
use std::net::{IpAddr, Ipv6Addr};

use super::codes;
use super::problem::{Problem, quote};
use crate::envoy::shown;

/// What DNS can carry, in characters: RFC 1035 section 2.3.4.
const LONGEST_NAME: usize = 253;
const LONGEST_LABEL: usize = 63;

/// A domain as it is written, with the port that may stand behind it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Domain {
    /// Lower case: exact, with one `*` at its start or end, `*`, or a bracketed IPv6 literal.
    pub(super) host: String,
    pub(super) port: Option<u16>,
}

/// A TLS server name: exact, or `*.` and a suffix; in lower case.
pub(super) fn server_name(text: &str) -> Result<String, Problem> {
    let problem = |hint: &str| {
        Problem::new(
            codes::INVALID_SERVER_NAME,
            format!("{} is not a server name", quote(text)),
            hint,
        )
    };
    let want = "write a name such as www.acme.com, or *.acme.com for every name below it";
    let name = text.to_ascii_lowercase();
    if matches!(name.as_str(), "*" | "*.") {
        return Err(problem("drop sni to take connections of every name"));
    }
    if name.parse::<IpAddr>().is_ok() {
        return Err(problem(
            "clients send no server name for an address; write a name, or drop sni",
        ));
    }
    if let Some((host, port)) = name.split_once(':')
        && port.bytes().all(|b| b.is_ascii_digit())
    {
        return Err(problem(&format!(
            "write {}: a server name has no port",
            shown(host)
        )));
    }
    if let Some(host) = name.strip_suffix('.') {
        return Err(problem(&format!(
            "write {}: clients send no final dot",
            shown(host)
        )));
    }
    let host = name.strip_prefix("*.").unwrap_or(&name);
    if host.contains('*') {
        return Err(problem(
            "write * only as the whole first label, as in *.acme.com",
        ));
    }
    check_labels(host).map_err(|hint| problem(hint.unwrap_or(want)))?;
    Ok(name)
}

/// A domain of a virtual host.
pub(super) fn domain(text: &str) -> Result<Domain, Problem> {
    let problem = |hint: &str| {
        Problem::new(
            codes::INVALID_DOMAIN,
            format!("{} is not a domain", quote(text)),
            hint,
        )
    };
    let want = "write a host such as www.acme.com, *.acme.com, or * for every other host";
    let lower = text.to_ascii_lowercase();
    if let Some(host) = host_of_url(&lower) {
        return Err(problem(&format!("write the host alone: {}", shown(host))));
    }
    let (host, port) = split_port(&lower).ok_or_else(|| {
        problem(
            "write a port from 1 to 65535, or none; an IPv6 address wants brackets, as in [::1]",
        )
    })?;
    let domain = Domain {
        host: host.to_owned(),
        port,
    };
    if host == "*" || host.starts_with('[') {
        return Ok(domain);
    }
    if let Some(name) = host.strip_suffix('.') {
        return Err(problem(&format!(
            "write {}: a final dot in the Host header does not match",
            shown(name)
        )));
    }
    let rest = match (host.strip_prefix('*'), host.strip_suffix('*')) {
        (Some(suffix), _) => suffix.trim_start_matches(['.', '-']),
        (_, Some(prefix)) => prefix.trim_end_matches(['.', '-']),
        _ => host,
    };
    if rest.contains('*') {
        return Err(problem(
            "write * once, at the start or at the end, as in *.acme.com",
        ));
    }
    check_labels(rest).map_err(|hint| problem(hint.unwrap_or(want)))?;
    Ok(domain)
}

/// A host to send to, with or without port, as the text it was written in.
pub(super) fn host(text: &str) -> Result<String, Problem> {
    let problem = |hint: &str| {
        Problem::new(
            codes::INVALID_HOST,
            format!("{} is not a host", quote(text)),
            hint,
        )
    };
    if let Some(host) = host_of_url(text) {
        return Err(problem(&format!("write the host alone: {}", shown(host))));
    }
    let (host, _) = split_port(text).ok_or_else(|| {
        problem("write host or host:port; an IPv6 address wants brackets, as in [::1]")
    })?;
    if !host.starts_with('[') {
        check_labels(&host.to_ascii_lowercase()).map_err(|hint| {
            problem(hint.unwrap_or("write a host such as www.acme.com or www.acme.com:8443"))
        })?;
    }
    Ok(text.to_owned())
}

/// The host of what is a URL. Nearly nothing holds a colon, which is found sooner.
fn host_of_url(text: &str) -> Option<&str> {
    let (_, rest) = text.contains(':').then(|| text.split_once("://"))??;
    rest.split('/').next()
}

/// Splits `host`, `host:port`, `[v6]` or `[v6]:port`; `None` for anything else.
fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(inner) => {
            let end = inner.find(']')?;
            inner[..end].parse::<Ipv6Addr>().ok()?;
            text.split_at(end + 2)
        }
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    match rest.strip_prefix(':') {
        Some(port) => {
            let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
            let port = port.parse::<u16>().ok().filter(|p| *p > 0 && digits)?;
            Some((host, Some(port)))
        }
        None if rest.is_empty() => Some((host, None)),
        None => None,
    }
}

/// Checks that a lower-case name is made of labels. The error is a hint, where there is a better
/// one than the caller's.
fn check_labels(name: &str) -> Result<(), Option<&'static str>> {
    if is_made_of_labels(name) {
        return Ok(());
    }
    if !name.is_ascii() {
        return Err(Some(
            "write the name in its ASCII form (punycode), as in xn--caf-dma.com",
        ));
    }
    if name.contains(',') {
        return Err(Some("separate names with spaces, without commas"));
    }
    let mut labels = name.split('.');
    match name.len() > LONGEST_NAME || labels.any(|label| label.len() > LONGEST_LABEL) {
        true => Err(Some(
            "a name has at most 253 characters, and 63 between two dots",
        )),
        false => Err(None),
    }
}

/// Whether a lower-case name is letters, digits, hyphens and underscores between dots, and short enough.
fn is_made_of_labels(name: &str) -> bool {
    let mut label = 0;
    let is_made_of_labels = name.bytes().all(|byte| match byte {
        b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => {
            label += 1;
            label <= LONGEST_LABEL
        }
        b'.' => mem::take(&mut label) > 0,
        _ => false,
    });
    is_made_of_labels && label > 0 && name.len() <= LONGEST_NAME
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_server_name_is_exact_or_below_a_suffix() {
        for (text, name) in [
            ("www.acme.com", "www.acme.com"),
            ("WWW.Acme.COM", "www.acme.com"),
            ("*.acme.com", "*.acme.com"),
            ("*.org", "*.org"),
            ("a_b.acme-1.com", "a_b.acme-1.com"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(server_name(text).unwrap(), name);
        }
        for (text, hint) in [
            ("*", "drop sni to take connections of every name"),
            ("*.", "drop sni to take connections of every name"),
            ("a.org:443", "write a.org: a server name has no port"),
            ("a.org.", "write a.org: clients send no final dot"),
            (
                "a*.b.org",
                "write * only as the whole first label, as in *.acme.com",
            ),
            (
                "10.0.0.1",
                "clients send no server name for an address; write a name, or drop sni",
            ),
            (
                "::1",
                "clients send no server name for an address; write a name, or drop sni",
            ),
            ("a.org,b.org", "separate names with spaces, without commas"),
            (
                "café.com",
                "write the name in its ASCII form (punycode), as in xn--caf-dma.com",
            ),
        ] {
            assert_eq!(server_name(text).unwrap_err().hint, hint, "{text}");
        }
        for text in ["", ".", "a..b", "a b", "a/b", "-\0", ".a", "*.*.a"] {
            assert!(server_name(text).is_err(), "{text:?}");
        }
        assert!(server_name(&"a".repeat(64)).is_err());
        assert!(server_name(&"a.".repeat(127)).is_err());
    }

    #[test]
    fn a_domain_may_have_a_port_and_one_star() {
        for (text, host, port) in [
            ("www.acme.com", "www.acme.com", None),
            ("WWW.acme.com:8080", "www.acme.com", Some(8080)),
            ("*.acme.com", "*.acme.com", None),
            ("*-eu.acme.com", "*-eu.acme.com", None),
            ("www.*", "www.*", None),
            ("*", "*", None),
            ("*:80", "*", Some(80)),
            ("10.0.0.1:80", "10.0.0.1", Some(80)),
            ("[::1]", "[::1]", None),
            ("[2001:DB8::1]:443", "[2001:db8::1]", Some(443)),
        ] {
            let domain = domain(text).unwrap();
            assert_eq!((domain.host.as_str(), domain.port), (host, port), "{text}");
        }
        for (text, hint) in [
            ("https://a.org/x", "write the host alone: a.org"),
            (
                "a*b.org",
                "write * once, at the start or at the end, as in *.acme.com",
            ),
            (
                "::1",
                "write a port from 1 to 65535, or none; an IPv6 address wants brackets, as in [::1]",
            ),
            (
                "a.org.",
                "write a.org: a final dot in the Host header does not match",
            ),
        ] {
            assert_eq!(domain(text).unwrap_err().hint, hint, "{text}");
        }
        for text in [
            "", ":80", "a:0", "a:65536", "a:x", "a:+80", "[::1", "[x]", "[::1]x", "**", "*.",
            "a/b", "a b",
        ] {
            assert!(domain(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_host_keeps_its_text() {
        for text in ["internal", "New.acme.com:8443", "[::1]:80", "10.0.0.1"] {
            assert_eq!(host(text).unwrap(), text);
        }
        assert_eq!(
            host("https://a.org/x").unwrap_err().hint,
            "write the host alone: a.org"
        );
        for text in ["", "a b", "a/b", "a\r\nx: y", "*", "a:99999"] {
            assert!(host(text).is_err(), "{text:?}");
        }
    }
}
