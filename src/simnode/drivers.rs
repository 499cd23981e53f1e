//! What the agent's stock drivers make of a section: its label and its `info`.
//!
//! The tables are the agent's, with its types: what the gateway would like the keywords to be is
//! [`crate::validate`]'s business.

use serde_json::{Map, Value, json};

use super::config::{Config, Scope};

/// How the agent converts the text of a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Convert {
    Text,
    /// `None` for what is not a number; fractions are cut off.
    Integer,
    /// `None` for what is not JSON.
    Json,
    List,
    /// An error for what is neither true nor false.
    Boolean,
    /// Seconds; letters that are not a unit are skipped.
    Duration,
}

/// One keyword of a driver.
pub(super) struct Keyword {
    pub(super) name: &'static str,
    pub(super) convert: Convert,
    /// The text that stands for an absent keyword.
    pub(super) default: Option<&'static str>,
    pub(super) candidates: &'static [&'static str],
    pub(super) required: bool,
}

const fn keyword(name: &'static str, convert: Convert) -> Keyword {
    Keyword {
        name,
        convert,
        default: None,
        candidates: &[],
        required: false,
    }
}

const fn with_default(name: &'static str, convert: Convert, default: &'static str) -> Keyword {
    Keyword {
        default: Some(default),
        ..keyword(name, convert)
    }
}

const fn one_of(
    name: &'static str,
    default: &'static str,
    candidates: &'static [&'static str],
) -> Keyword {
    Keyword {
        candidates,
        ..with_default(name, Text, default)
    }
}

use Convert::{Boolean, Duration, Integer, Json, List, Text};

static EXPOSE: &[Keyword] = &[
    keyword("cluster_data", Json),
    keyword("filter_config_data", Json),
    Keyword {
        required: true,
        ..keyword("port", Integer)
    },
    one_of("protocol", "tcp", &["tcp", "udp"]),
    keyword("listener_addr", Text),
    keyword("listener_port", Integer),
    keyword("sni", List),
    one_of(
        "lb_policy",
        "round robin",
        &[
            "round robin",
            "least_request",
            "ring_hash",
            "random",
            "original_dst_lb",
            "maglev",
        ],
    ),
    keyword("gateway", Text),
    keyword("vhosts", List),
    keyword("listener_certificates", List),
    keyword("cluster_certificates", List),
    keyword("cluster_private_key_filename", Text),
];

static VHOST: &[Keyword] = &[
    with_default("domains", List, "{name}"),
    keyword("routes", List),
];

static ROUTE: &[Keyword] = &[
    keyword("match_path", Text),
    keyword("match_regex", Text),
    keyword("match_prefix", Text),
    keyword("match_case_sensitive", Text),
    keyword("route_prefix_rewrite", Text),
    keyword("route_host_rewrite", Text),
    keyword("route_cluster_header", Text),
    keyword("route_timeout", Text),
    keyword("redirect_host_redirect", Text),
    keyword("redirect_prefix_rewrite", Text),
    keyword("redirect_path_redirect", Text),
    keyword("redirect_response_code", Text),
    with_default("redirect_https_redirect", Boolean, "false"),
    with_default("redirect_strip_query", Boolean, "false"),
    keyword("hash_policies", List),
];

static HASHPOLICY: &[Keyword] = &[
    keyword("cookie_name", Text),
    keyword("cookie_path", Text),
    keyword("cookie_ttl", Duration),
    keyword("header_header_name", Text),
    keyword("connection_source_ip", Text),
    with_default("terminal", Boolean, "false"),
];

static CERTIFICATE: &[Keyword] = &[
    keyword("certificate_secret", Text),
    keyword("validation_secret", Text),
    keyword("certificate_chain_filename", Text),
    keyword("private_key_filename", Text),
    keyword("certificate_chain_inline_string", Text),
    keyword("private_key_inline_string", Text),
];

/// A data driver: its section group, its type, its keywords.
pub(super) struct Driver {
    pub(super) group: &'static str,
    pub(super) basename: &'static str,
    pub(super) keywords: &'static [Keyword],
}

/// The drivers of the sections that hold nothing but data.
pub(super) static DATA_DRIVERS: &[Driver] = &[
    driver("expose", "envoy", EXPOSE),
    driver("vhost", "envoy", VHOST),
    driver("route", "envoy", ROUTE),
    driver("hashpolicy", "envoy", HASHPOLICY),
    driver("certificate", "tls", CERTIFICATE),
];

const fn driver(
    group: &'static str,
    basename: &'static str,
    keywords: &'static [Keyword],
) -> Driver {
    Driver {
        group,
        basename,
        keywords,
    }
}

/// The group of a section name: `expose` of `expose#0`.
pub(super) fn group(section: &str) -> &str {
    section.split('#').next().unwrap_or(section)
}

/// The data driver of a section.
pub(super) fn data_driver(section: &str) -> Option<&'static Driver> {
    DATA_DRIVERS.iter().find(|d| d.group == group(section))
}

/// The keywords of a data section as the status shows them: converted, with defaults, without what
/// is empty or could not be converted.
pub(super) fn info(
    driver: &Driver,
    section: &str,
    config: &Config,
    scope: Scope<'_>,
) -> Map<String, Value> {
    let mut info = Map::new();
    for keyword in driver.keywords {
        let text = config.evaluate(section, keyword.name, scope).or_else(|| {
            keyword
                .default
                .map(|d| config.dereference(section, d, scope))
        });
        let value = text.and_then(|text| convert(keyword.convert, &text).ok().flatten());
        if let Some(value) = value
            && value != json!([])
        {
            info.insert(keyword.name.to_owned(), value);
        }
    }
    info
}

/// The one-line description of a data section.
pub(super) fn label(driver: &Driver, info: &Map<String, Value>) -> String {
    let text = |name: &str| match info.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => "None".to_owned(),
    };
    match driver.group {
        "expose" => {
            let address = info.get("listener_addr").and_then(Value::as_str);
            format!(
                "envoy expose {}/{} via {}:{}",
                text("port"),
                text("protocol"),
                address.unwrap_or("0.0.0.0"),
                text("listener_port")
            )
        }
        "vhost" => {
            let domains: Vec<&str> = info
                .get("domains")
                .and_then(Value::as_array)
                .map(|list| list.iter().filter_map(Value::as_str).collect())
                .unwrap_or_default();
            format!("envoy vhost {}", domains.join(", "))
        }
        "route" => "envoy route".to_owned(),
        "hashpolicy" => "envoy hash policy".to_owned(),
        _ => "tls certificate".to_owned(),
    }
}

/// Converts as the agent does: `Ok(None)` where it silently gives nothing, an error where it
/// complains.
pub(super) fn convert(convert: Convert, text: &str) -> Result<Option<Value>, String> {
    Ok(match convert {
        Text => Some(json!(text)),
        List => Some(json!(text.split_whitespace().collect::<Vec<_>>())),
        Json => serde_json::from_str(text).ok(),
        Integer => text
            .trim()
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite())
            .map(|number| json!(number.trunc() as i64)),
        Boolean => match text.to_lowercase().as_str() {
            "yes" | "y" | "true" | "t" | "1" => Some(json!(true)),
            "no" | "n" | "false" | "f" | "0" | "0.0" | "" | "none" | "[]" | "{}" => {
                Some(json!(false))
            }
            _ => return Err(format!("convert boolean error: {text}")),
        },
        Duration => Some(json!(seconds(text))),
    })
}

fn seconds(text: &str) -> u64 {
    if let Ok(number) = text.trim().parse() {
        return number;
    }
    let mut total = 0_u64;
    let mut digits = String::new();
    for letter in text.to_lowercase().chars() {
        let unit = match letter {
            'w' => 604_800,
            'd' => 86_400,
            'h' => 3_600,
            'm' => 60,
            's' => 1,
            _ => {
                if letter.is_ascii_digit() {
                    digits.push(letter);
                }
                continue;
            }
        };
        let number: u64 = digits.parse().unwrap_or(0);
        total = total.saturating_add(number.saturating_mul(unit));
        digits.clear();
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversions_are_as_forgiving_as_the_agent() {
        let ok = |kind, text| convert(kind, text).unwrap();
        assert_eq!(ok(Integer, "80"), Some(json!(80)));
        assert_eq!(ok(Integer, "12.7"), Some(json!(12)));
        assert_eq!(ok(Integer, "1e3"), Some(json!(1000)));
        assert_eq!(ok(Integer, "abc"), None);
        assert_eq!(ok(Json, "{not json"), None);
        assert_eq!(ok(List, " a  b "), Some(json!(["a", "b"])));
        assert_eq!(ok(Duration, "1h30m"), Some(json!(5400)));
        assert_eq!(ok(Duration, "abc"), Some(json!(0)));
        assert_eq!(
            convert(Boolean, "maybe").unwrap_err(),
            "convert boolean error: maybe"
        );
    }
}
