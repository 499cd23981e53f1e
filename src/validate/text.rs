//! Text that ends up in HTTP messages: header names, cookies, paths.

use serde_json::Value;

use super::codes;
use super::names;
use super::problem::{Problem, quote};
use super::value::line;
use crate::envoy::shown;

/// A character of an HTTP token, RFC 9110 section 5.6.2.
fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

/// A header name, in the lower case that HTTP/2 and Envoy use. `:authority` and its like count.
pub(super) fn header_name(value: &Value) -> Result<String, Problem> {
    let name = line(value)?;
    let plain = name.strip_prefix(':').unwrap_or(&name);
    match !plain.is_empty() && plain.chars().all(is_token) {
        true => Ok(name.to_ascii_lowercase()),
        false => Err(Problem::new(
            codes::INVALID_HEADER_NAME,
            format!("{} is not the name of a header", quote(&name)),
            "write one name such as x-user: letters, digits and hyphens",
        )),
    }
}

/// A cookie name, RFC 6265 section 4.1.1.
pub(super) fn cookie_name(value: &Value) -> Result<String, Problem> {
    let name = line(value)?;
    match name.chars().all(is_token) {
        true => Ok(name),
        false => Err(Problem::new(
            codes::INVALID_COOKIE,
            format!("{} is not the name of a cookie", quote(&name)),
            "write one name such as JSESSIONID: ASCII letters, digits, '-', '_' and '.'",
        )),
    }
}

/// A cookie's path, RFC 6265 section 4.1.1.
pub(super) fn cookie_path(value: &Value) -> Result<String, Problem> {
    let path = line(value)?;
    match path.chars().all(|c| c.is_ascii() && c != ';') {
        true => Ok(path),
        false => Err(Problem::new(
            codes::INVALID_COOKIE,
            format!("{} is not the path of a cookie", quote(&path)),
            "write a path such as /, without ';'",
        )),
    }
}

/// A path to match: what a request line can hold, without query.
pub(super) fn match_path(value: &Value) -> Result<String, Problem> {
    let path = path(value)?;
    match path.find(['?', '#']) {
        None => Ok(path),
        Some(at) => Err(Problem::new(
            codes::INVALID_PATH,
            format!(
                "{} holds a query, and only the path is matched",
                quote(&path)
            ),
            format!("write {}", shown(&path[..at])),
        )),
    }
}

/// A path to send: what a request line or a `Location` can hold.
pub(super) fn path(value: &Value) -> Result<String, Problem> {
    let path = line(value)?;
    let problem = |what: &str, hint: String| {
        Problem::new(
            codes::INVALID_PATH,
            format!("{} {what}", quote(&path)),
            hint,
        )
    };
    if path.contains(':') && path.contains("://") {
        return Err(problem("is a URL", "write the path alone".to_owned()));
    }
    if !path.starts_with('/') {
        return Err(problem(
            "does not start with /, as every path does",
            format!("write /{}", shown(&path)),
        ));
    }
    match path.chars().find(|c| !c.is_ascii_graphic()) {
        None => Ok(path),
        Some(c) => {
            let mut encoded = String::new();
            for byte in c.to_string().bytes() {
                encoded.push_str(&format!("%{byte:02X}"));
            }
            Err(problem(
                "holds a character that no request path has",
                format!("write {encoded} for {}", quote(&c.to_string())),
            ))
        }
    }
}

/// A host to send.
pub(super) fn host(value: &Value) -> Result<String, Problem> {
    names::host(&line(value)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn header_and_cookie_names_are_tokens() {
        assert_eq!(header_name(&json!("X-User")).unwrap(), "x-user");
        assert_eq!(header_name(&json!(":authority")).unwrap(), ":authority");
        for bad in ["x user", "x:y", "x\ny", ":", "é", "x,y"] {
            assert!(header_name(&json!(bad)).is_err(), "{bad:?}");
        }
        assert_eq!(cookie_name(&json!("JSESSIONID")).unwrap(), "JSESSIONID");
        for bad in ["a;b", "a=b", "a b", "a\nb"] {
            assert!(cookie_name(&json!(bad)).is_err(), "{bad:?}");
        }
        assert_eq!(cookie_path(&json!("/a")).unwrap(), "/a");
        for bad in ["/a;b", "/a\nSet-Cookie: x"] {
            assert!(cookie_path(&json!(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn paths_that_never_match_are_refused_with_the_right_one() {
        assert_eq!(match_path(&json!("/a/b%20c")).unwrap(), "/a/b%20c");
        for (bad, hint) in [
            ("foo", "write /foo"),
            ("/a?b=c", "write /a"),
            ("/a#b", "write /a"),
            ("/a b", "write %20 for ' '"),
            ("/é", "write %C3%A9 for 'é'"),
            ("https://a.org/b", "write the path alone"),
            ("/a\nb", "write it on one line"),
        ] {
            assert_eq!(match_path(&json!(bad)).unwrap_err().hint, hint, "{bad}");
        }
        assert_eq!(path(&json!("/a?b=c")).unwrap(), "/a?b=c");
    }
}
