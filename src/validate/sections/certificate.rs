//! `certificate#…`

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use super::super::certificate::{PairError, PairFacts, check_pair, date};
use super::super::keywords::Keyword;
use super::super::keywords::certificate as keyword;
use super::super::problem::{Problem, quote};
use super::super::reader::Reader;
use super::super::value;
use super::super::{Context, codes};
use crate::model::{Certificate, KeyPairSource, ObjectPath};

/// How long before its end a certificate is warned of.
const NOTICE: Duration = Duration::from_secs(30 * 86_400);

pub(super) fn parse(
    service: &ObjectPath,
    context: &Context,
    reader: &mut Reader<'_, '_>,
) -> Option<Certificate> {
    let secret = reader.read(&keyword::CERTIFICATE_SECRET, |v| value::secret(v, service));
    let validation = reader.read(&keyword::VALIDATION_SECRET, |v| value::secret(v, service));
    let files = pair(
        reader,
        &keyword::CERTIFICATE_CHAIN_FILENAME,
        &keyword::PRIVATE_KEY_FILENAME,
        value::line,
    );
    let inline = pair(
        reader,
        &keyword::CERTIFICATE_CHAIN_INLINE_STRING,
        &keyword::PRIVATE_KEY_INLINE_STRING,
        |value| value::text(value).map(Cow::into_owned),
    );
    check_sources(reader);
    if let Some((chain, key)) = &files {
        for (keyword, path) in [
            (&keyword::CERTIFICATE_CHAIN_FILENAME, chain),
            (&keyword::PRIVATE_KEY_FILENAME, key),
        ] {
            if !path.starts_with('/') {
                reader.warn(
                    keyword.name,
                    codes::RELATIVE_FILENAME,
                    format!("{} depends on where Envoy was started", quote(path)),
                    "write an absolute path of the file system that Envoy sees",
                );
            }
        }
    }
    if let Some((chain, key)) = &inline {
        check_inline(reader, context, chain, key);
    }
    let files = files.map(|(certificate_chain, private_key)| KeyPairSource::Files {
        certificate_chain,
        private_key,
    });
    let inline = inline.map(|(certificate_chain, private_key)| KeyPairSource::Inline {
        certificate_chain,
        private_key,
    });
    Some(Certificate {
        section: reader.name.to_owned(),
        key_pair: secret.map(KeyPairSource::Secret).or(files).or(inline),
        validation,
    })
}

/// A chain and a key, each required by the other.
fn pair(
    reader: &mut Reader<'_, '_>,
    chain: &'static Keyword,
    key: &'static Keyword,
    parse: fn(&serde_json::Value) -> Result<String, Problem>,
) -> Option<(String, String)> {
    let chain_text = reader.read(chain, parse);
    let key_text = reader.read(key, parse);
    for (given, missing) in [(chain, key), (key, chain)] {
        if reader.is_set(given) && !reader.is_set(missing) {
            reader.error(
                missing.name,
                codes::HALF_A_PAIR,
                format!("is required by {}", given.name),
                "write both, from the same kind of source",
            );
        }
    }
    chain_text.zip(key_text)
}

/// Checks that the key pair comes from one place, and that there is something at all.
fn check_sources(reader: &mut Reader<'_, '_>) {
    let sources = [
        &keyword::CERTIFICATE_SECRET,
        &keyword::CERTIFICATE_CHAIN_FILENAME,
        &keyword::CERTIFICATE_CHAIN_INLINE_STRING,
    ];
    let given: Vec<&Keyword> = sources.into_iter().filter(|k| reader.is_set(k)).collect();
    match given[..] {
        [first, second, ..] => reader.error(
            second.name,
            codes::SEVERAL_KEY_PAIRS,
            format!("excludes {}", first.name),
            "write one certificate section for each, and name them all where they are used",
        ),
        [] if keyword::KEYWORDS.iter().all(|k| !reader.is_set(k)) => reader.error(
            keyword::CERTIFICATE_SECRET.name,
            codes::EMPTY_CERTIFICATE,
            "nothing says where the certificate is",
            "write certificate_secret, validation_secret or both",
        ),
        _ => {}
    }
}

fn check_inline(reader: &mut Reader<'_, '_>, context: &Context, chain: &str, key: &str) {
    match check_pair(chain, key, None) {
        Ok(facts) => check_dates(reader, context, &facts),
        Err(error) => {
            let keyword = match error {
                PairError::NoKey | PairError::BadKey | PairError::NoPassword => {
                    &keyword::PRIVATE_KEY_INLINE_STRING
                }
                _ => &keyword::CERTIFICATE_CHAIN_INLINE_STRING,
            };
            reader.error(
                keyword.name,
                codes::BAD_KEY_PAIR,
                error.to_string(),
                "write both in PEM, or better put them into a secret and write certificate_secret",
            );
        }
    }
}

/// Dates are warned of and no more: Envoy serves an expired certificate, and a verdict that
/// changes by itself would take a service down at midnight, or on some nodes before others.
fn check_dates(reader: &mut Reader<'_, '_>, context: &Context, facts: &PairFacts) {
    let Some(now) = context.now else {
        return;
    };
    let keyword = keyword::CERTIFICATE_CHAIN_INLINE_STRING.name;
    let (code, message) = if facts.not_after < now {
        let message = format!("{} expired on {}", facts.subject, date(facts.not_after));
        (codes::CERTIFICATE_EXPIRED, message)
    } else if facts.not_before > now {
        let message = format!(
            "{} is valid from {} on",
            facts.subject,
            date(facts.not_before)
        );
        (codes::CERTIFICATE_NOT_YET_VALID, message)
    } else if ends_soon(facts.not_after, now) {
        let message = format!("{} expires on {}", facts.subject, date(facts.not_after));
        (codes::CERTIFICATE_EXPIRES_SOON, message)
    } else {
        return;
    };
    reader.warn(keyword, code, message, "renew it");
}

fn ends_soon(end: SystemTime, now: SystemTime) -> bool {
    end.duration_since(now).is_ok_and(|left| left < NOTICE)
}
