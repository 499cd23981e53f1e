//! What is wrong wherever it is written: in a filter, in a log, in a matcher within either.

use std::collections::BTreeMap;
use std::net::IpAddr;

use envoy_types::pb::envoy::config::core::v3::substitution_format_string::Format;
use envoy_types::pb::envoy::config::core::v3::{
    CidrRange, HeaderValueOption, Http2ProtocolOptions, SubstitutionFormatString,
    data_source::Specifier,
};
use envoy_types::pb::envoy::extensions::access_loggers::file::v3::{
    FileAccessLog, file_access_log::AccessLogFormat,
};
use envoy_types::pb::envoy::extensions::filters::http::header_to_metadata::v3::{
    Config as HeaderToMetadata, config::Rule,
};
use envoy_types::pb::envoy::extensions::filters::http::health_check::v3::HealthCheck;
use envoy_types::pb::envoy::extensions::filters::http::jwt_authn::v3::jwt_requirement::RequiresType;
use envoy_types::pb::envoy::extensions::filters::http::jwt_authn::v3::requirement_rule::RequirementType;
use envoy_types::pb::envoy::extensions::filters::http::jwt_authn::v3::{
    JwtAuthentication, JwtRequirement,
};
use envoy_types::pb::envoy::extensions::filters::http::local_ratelimit::v3::LocalRateLimit;
use envoy_types::pb::envoy::r#type::matcher::v3::RegexMatcher;
use envoy_types::pb::google::protobuf::{Struct, Value, value::Kind};
use prost::{Message, Name};

use super::{DataFindings, format};
use crate::envoy::{each_message, encode, shown};
use crate::validate::regex;

/// How often a bucket of tokens may be filled: every 50 ms, as seconds and nanoseconds.
const FILL: (i64, i32) = (0, 50_000_000);

const COMMANDS: &str = "write a % of your own as %%, and commands as in %REQ(:PATH)%";

/// A mistake in a message.
struct Mistake {
    /// The field in it.
    field: &'static str,
    what: String,
    hint: &'static str,
}

impl Mistake {
    fn new(field: &'static str, what: impl Into<String>, hint: &'static str) -> Self {
        Self {
            field,
            what: what.into(),
            hint,
        }
    }
}

/// Judges what a message holds, at any depth.
pub(super) fn check<M: Message + Name>(message: &M, findings: &mut DataFindings<'_>) {
    each_message::<M>(&encode(message), &mut |path, kind, held| {
        if let Some(Mistake { field, what, hint }) = mistake(kind, held) {
            let dot = if path.is_empty() { "" } else { "." };
            findings.break_rule(&format!("{path}{dot}{field}"), what, hint);
        }
    });
}

/// The first mistake in an encoded message of a type.
fn mistake(kind: &str, message: &[u8]) -> Option<Mistake> {
    match kind {
        "envoy.type.matcher.v3.RegexMatcher" => regex(&read(message)?),
        "envoy.config.core.v3.CidrRange" => range(&read(message)?),
        "envoy.config.core.v3.Http2ProtocolOptions" => settings(&read(message)?),
        "envoy.config.core.v3.HeaderValueOption" => header(&read(message)?),
        "envoy.config.core.v3.SubstitutionFormatString" => substitution(&read(message)?),
        "envoy.extensions.access_loggers.file.v3.FileAccessLog" => file_log(&read(message)?),
        "envoy.extensions.filters.http.header_to_metadata.v3.Config" => metadata(&read(message)?),
        "envoy.extensions.filters.http.health_check.v3.HealthCheck" => health(&read(message)?),
        "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication" => tokens(&read(message)?),
        "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit" => limit(&read(message)?),
        _ => None,
    }
}

fn read<M: Message + Default>(message: &[u8]) -> Option<M> {
    M::decode(message).ok()
}

fn regex(matcher: &RegexMatcher) -> Option<Mistake> {
    let why = regex::refusal(&matcher.regex)?;
    let what = format!("is not a regular expression: {why}");
    Some(Mistake::new("regex", what, "write it as RE2 has it"))
}

fn range(range: &CidrRange) -> Option<Mistake> {
    let is_address = range.address_prefix.parse::<IpAddr>().is_ok();
    let wrong = || {
        let hint = "write an IPv4 or IPv6 address, and the length in prefix_len";
        Mistake::new("address_prefix", "is not an ip address", hint)
    };
    (!is_address).then(wrong)
}

fn settings(options: &Http2ProtocolOptions) -> Option<Mistake> {
    let mut known = BTreeMap::new();
    options
        .custom_settings_parameters
        .iter()
        .find_map(|setting| {
            let identifier = setting.identifier.as_ref()?.value;
            let value = setting.value.as_ref()?.value;
            let other = known.insert(identifier, value)?;
            let wrong = || {
                let what = format!("give the setting {identifier} two values");
                Mistake::new("custom_settings_parameters", what, "keep one of the two")
            };
            (other != value).then(wrong)
        })
}

fn header(option: &HeaderValueOption) -> Option<Mistake> {
    let what = format::mistake(&option.header.as_ref()?.value, false)?;
    Some(Mistake::new("header.value", what, COMMANDS))
}

fn substitution(format: &SubstitutionFormatString) -> Option<Mistake> {
    let extended = !format.formatters.is_empty();
    let (field, what) = match format.format.as_ref()? {
        #[expect(deprecated, reason = "Envoy still reads it")]
        Format::TextFormat(text) => ("text_format", format::mistake(text, extended)?),
        Format::TextFormatSource(source) => match source.specifier.as_ref()? {
            Specifier::InlineString(text) => {
                ("text_format_source", format::mistake(text, extended)?)
            }
            _ => return None,
        },
        Format::JsonFormat(json) => ("json_format", in_struct(json, extended)?),
    };
    Some(Mistake::new(field, what, COMMANDS))
}

#[expect(deprecated, reason = "Envoy still reads all of them")]
fn file_log(log: &FileAccessLog) -> Option<Mistake> {
    let (field, what) = match log.access_log_format.as_ref()? {
        AccessLogFormat::Format(text) => ("format", format::mistake(text, false)?),
        AccessLogFormat::JsonFormat(json) => ("json_format", in_struct(json, false)?),
        AccessLogFormat::TypedJsonFormat(json) => ("typed_json_format", in_struct(json, false)?),
        // A message of its own.
        AccessLogFormat::LogFormat(_) => return None,
    };
    Some(Mistake::new(field, what, COMMANDS))
}

fn in_struct(json: &Struct, extended: bool) -> Option<String> {
    let mut fields: Vec<(&String, &Value)> = json.fields.iter().collect();
    fields.sort_by_key(|(name, _)| *name);
    fields
        .into_iter()
        .find_map(|(_, value)| in_value(value, extended))
}

fn in_value(value: &Value, extended: bool) -> Option<String> {
    match value.kind.as_ref()? {
        Kind::StringValue(text) => format::mistake(text, extended),
        Kind::StructValue(json) => in_struct(json, extended),
        Kind::ListValue(list) => list
            .values
            .iter()
            .find_map(|value| in_value(value, extended)),
        _ => None,
    }
}

fn metadata(config: &HeaderToMetadata) -> Option<Mistake> {
    let rules = [
        ("request_rules", &config.request_rules),
        ("response_rules", &config.response_rules),
    ];
    rules.into_iter().find_map(|(field, rules)| {
        let idle =
            |rule: &Rule| rule.on_header_present.is_none() && rule.on_header_missing.is_none();
        let hint = "write on_header_present or on_header_missing in each";
        rules
            .iter()
            .any(idle)
            .then(|| Mistake::new(field, "have one that does nothing", hint))
    })
}

fn health(check: &HealthCheck) -> Option<Mistake> {
    let passes = check.pass_through_mode.is_some_and(|set| set.value);
    let caches = check
        .cache_time
        .as_ref()
        .is_some_and(|time| time.seconds > 0 || time.nanos > 0);
    let hint = "write pass_through_mode true, or remove it";
    (caches && !passes).then(|| Mistake::new("cache_time", "is for pass_through_mode alone", hint))
}

fn limit(limit: &LocalRateLimit) -> Option<Mistake> {
    let interval = limit.token_bucket.as_ref()?.fill_interval.as_ref()?;
    let interval = (interval.seconds, interval.nanos);
    let hint = "write 0.05s or more, and more tokens_per_fill";
    let field = "token_bucket.fill_interval";
    (interval < FILL).then(|| Mistake::new(field, "is below 50 ms", hint))
}

fn tokens(config: &JwtAuthentication) -> Option<Mistake> {
    let hint = "write its providers, or the name of one of them";
    let unknown = |requirement: &JwtRequirement| {
        let name = unknown_provider(config, requirement)?;
        let what = format!(
            "ask for the provider '{}', which is none of the providers",
            shown(name)
        );
        Some(what)
    };
    let rules = config
        .rules
        .iter()
        .find_map(|rule| match &rule.requirement_type {
            Some(RequirementType::Requires(requirement)) => unknown(requirement),
            _ => None,
        });
    rules.map(|what| Mistake::new("rules", what, hint))
}

/// A provider that a requirement names and that is not there.
fn unknown_provider<'a>(
    config: &JwtAuthentication,
    requirement: &'a JwtRequirement,
) -> Option<&'a str> {
    let absent = |name: &'a String| (!config.providers.contains_key(name)).then_some(&**name);
    match requirement.requires_type.as_ref()? {
        RequiresType::ProviderName(name) => absent(name),
        RequiresType::ProviderAndAudiences(provider) => absent(&provider.provider_name),
        RequiresType::RequiresAny(any) => any
            .requirements
            .iter()
            .find_map(|r| unknown_provider(config, r)),
        RequiresType::RequiresAll(all) => all
            .requirements
            .iter()
            .find_map(|r| unknown_provider(config, r)),
        _ => None,
    }
}
