//! `hashpolicy#…`

use super::super::codes;
use super::super::keywords::hashpolicy as keyword;
use super::super::reader::Reader;
use super::super::text;
use super::super::value;
use crate::model::{HashKey, HashPolicy};

pub(super) fn parse(reader: &mut Reader<'_, '_>) -> Option<HashPolicy> {
    let cookie = reader.read(&keyword::COOKIE_NAME, text::cookie_name);
    let path = reader.read(&keyword::COOKIE_PATH, text::cookie_path);
    let ttl = reader.read(&keyword::COOKIE_TTL, value::duration);
    let header = reader.read(&keyword::HEADER_HEADER_NAME, text::header_name);
    let source_ip = reader.boolean(&keyword::CONNECTION_SOURCE_IP);
    let terminal = reader.boolean(&keyword::TERMINAL);

    let has_cookie = reader.is_set(&keyword::COOKIE_NAME);
    for dependent in [&keyword::COOKIE_PATH, &keyword::COOKIE_TTL] {
        if reader.is_set(dependent) && !has_cookie {
            reader.error(
                dependent.name,
                codes::COOKIE_WITHOUT_NAME,
                "is about a cookie without a name",
                "write cookie_name as well",
            );
        }
    }
    if path.as_deref().is_some_and(|path| !path.starts_with('/')) {
        reader.warn(
            keyword::COOKIE_PATH.name,
            codes::COOKIE_PATH_IGNORED,
            "does not start with /, so browsers ignore it",
            "write a path such as /",
        );
    }
    let mut keys = Vec::new();
    if let Some(name) = header {
        keys.push(HashKey::Header { name });
    }
    if let Some(name) = cookie {
        keys.push(HashKey::Cookie { name, path, ttl });
    }
    if source_ip == Some(true) {
        keys.push(HashKey::SourceIp);
    }
    match keys.len() {
        0 | 1 => {}
        _ => reader.error(
            match reader.is_set(&keyword::HEADER_HEADER_NAME) {
                true => keyword::HEADER_HEADER_NAME.name,
                false => keyword::CONNECTION_SOURCE_IP.name,
            },
            codes::SEVERAL_HASH_KEYS,
            "hashes several things: a hash policy is a cookie, a header or the source ip",
            "write one hashpolicy section for each, and name them all in hash_policies",
        ),
    }
    let is_given = [
        &keyword::COOKIE_NAME,
        &keyword::COOKIE_PATH,
        &keyword::COOKIE_TTL,
        &keyword::HEADER_HEADER_NAME,
    ]
    .into_iter()
    .any(|keyword| reader.is_set(keyword));
    if !is_given && source_ip == Some(false) {
        reader.error(
            keyword::COOKIE_NAME.name,
            codes::NOTHING_TO_HASH,
            "nothing says what to hash",
            "write cookie_name, header_header_name or connection_source_ip=true",
        );
    }
    Some(HashPolicy {
        section: reader.name.to_owned(),
        key: keys.pop()?,
        terminal: terminal?,
    })
}
