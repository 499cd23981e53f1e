//! `route#…`

use serde_json::Value;

use super::super::codes;
use super::super::keywords::route as keyword;
use super::super::problem::{Problem, quote};
use super::super::reader::Reader;
use super::super::regex::{self, DEFAULT_PROGRAM_SIZE, LARGEST_PROGRAM_SIZE};
use super::super::table::Table;
use super::super::text;
use super::super::value;
use crate::envoy::shown;
use crate::model::{
    Action, Destination, HashPolicy, PathMatch, PathRewrite, Redirect, RedirectCode, Route,
};

pub(super) fn parse<'a>(
    hash_policies: &Table<'a, HashPolicy>,
    reader: &mut Reader<'a, '_>,
) -> Option<Route> {
    let path = path_match(reader);
    let case_sensitive = reader.boolean(&keyword::MATCH_CASE_SENSITIVE);
    if matches!(path, Some(PathMatch::Regex(_))) && case_sensitive == Some(false) {
        reader.warn(
            keyword::MATCH_CASE_SENSITIVE.name,
            codes::KEYWORD_IGNORED,
            "has no effect on match_regex",
            "write (?i) at the start of the expression instead",
        );
    }
    // Both kinds of action are read, so that everything that is wrong is said.
    let redirect = redirect(reader, path.as_ref());
    let forward = forward(hash_policies, reader, path.as_ref());
    let action = match redirect {
        Some(redirect) => {
            for ignored in keyword::FORWARD_ONLY {
                if reader.is_set(ignored) {
                    reader.warn(
                        ignored.name,
                        codes::KEYWORD_IGNORED,
                        "has no effect: this route is a redirect",
                        "remove it, or the redirect_ keywords",
                    );
                }
            }
            Action::Redirect(redirect)
        }
        None => forward,
    };
    Some(Route {
        section: reader.name.to_owned(),
        path: path?,
        case_sensitive: case_sensitive?,
        action,
    })
}

fn path_match(reader: &mut Reader<'_, '_>) -> Option<PathMatch> {
    let exact = reader.read(&keyword::MATCH_PATH, text::match_path);
    let prefix = reader.read(&keyword::MATCH_PREFIX, text::match_path);
    let regex = reader.read(&keyword::MATCH_REGEX, expression);
    if let Some((pattern, size)) = &regex
        && *size > DEFAULT_PROGRAM_SIZE
    {
        reader.info(
            keyword::MATCH_REGEX.name,
            codes::REGEX_LARGE,
            format!(
                "{} compiles to about {size} instructions; Envoy takes \
                 {DEFAULT_PROGRAM_SIZE} unless its bootstrap says more",
                quote(pattern)
            ),
            "use the gateway's own bootstrap, which does, or several routes",
        );
    }
    let all = [
        &keyword::MATCH_PATH,
        &keyword::MATCH_PREFIX,
        &keyword::MATCH_REGEX,
    ];
    let given: Vec<_> = all.into_iter().filter(|k| reader.is_set(k)).collect();
    match given[..] {
        [_] => {}
        [] => reader.error(
            keyword::MATCH_PREFIX.name,
            codes::NO_MATCH,
            "one of match_path, match_prefix and match_regex is required",
            "write match_prefix=/ to take every request",
        ),
        [first, second, ..] => reader.error(
            second.name,
            codes::SEVERAL_MATCHES,
            format!("excludes {}", first.name),
            "write one of match_path, match_prefix and match_regex",
        ),
    }
    let exact = exact.map(PathMatch::Exact);
    let prefix = prefix.map(PathMatch::Prefix);
    exact
        .or(prefix)
        .or(regex.map(|(pattern, _)| PathMatch::Regex(pattern)))
}

/// A regular expression with the size of its program.
fn expression(value: &Value) -> Result<(String, u64), Problem> {
    let pattern = value::line(value)?;
    let facts = regex::judge(&pattern).map_err(|refusal| {
        Problem::of_value(
            codes::INVALID_REGEX,
            format!("is not a regular expression of RE2: {}", refusal.why),
            refusal.hint,
        )
    })?;
    if facts.size > LARGEST_PROGRAM_SIZE {
        return Err(Problem::of_value(
            codes::REGEX_TOO_LARGE,
            format!(
                "compiles to about {} instructions, and {LARGEST_PROGRAM_SIZE} are the most",
                facts.size
            ),
            "use several routes, match_prefix, or smaller counts and classes",
        ));
    }
    if let Some(never) = facts.never {
        return Err(Problem::of_value(
            codes::REGEX_NEVER_MATCHES,
            format!("never matches: {}", never.why),
            never.hint,
        ));
    }
    Ok((pattern, facts.size))
}

fn forward<'a>(
    hash_policies: &Table<'a, HashPolicy>,
    reader: &mut Reader<'a, '_>,
    path: Option<&PathMatch>,
) -> Action {
    let prefix_rewrite = reader.read(&keyword::ROUTE_PREFIX_REWRITE, text::path);
    if let Some(rewrite) = &prefix_rewrite {
        check_rewrite(reader, keyword::ROUTE_PREFIX_REWRITE.name, path, rewrite);
    }
    let header = reader.read(&keyword::ROUTE_CLUSTER_HEADER, text::header_name);
    let policies = reader.sections(&keyword::HASH_POLICIES, hash_policies);
    Action::Forward {
        destination: header.map_or(Destination::Own, Destination::ClusterHeader),
        prefix_rewrite,
        host_rewrite: reader.read(&keyword::ROUTE_HOST_REWRITE, text::host),
        timeout: reader.read(&keyword::ROUTE_TIMEOUT, value::timeout),
        websocket: reader.boolean(&keyword::ROUTE_USE_WEBSOCKET),
        hash_policies: policies
            .into_iter()
            .map(|(_, policy)| policy.clone())
            .collect(),
    }
}

/// Warns of rewrites that Envoy takes and that give surprising paths.
fn check_rewrite(
    reader: &mut Reader<'_, '_>,
    keyword: &'static str,
    path: Option<&PathMatch>,
    rewrite: &str,
) {
    match path {
        Some(PathMatch::Regex(_)) => reader.warn(
            keyword,
            codes::REWRITE_WHOLE_PATH,
            "replaces the whole path where match_regex matched",
            "write match_prefix to keep the rest of the path",
        ),
        Some(PathMatch::Prefix(prefix)) if !prefix.ends_with('/') && rewrite.ends_with('/') => {
            let prefix = shown(prefix);
            reader.warn(
                keyword,
                codes::REWRITE_DOUBLE_SLASH,
                format!("makes {}/x of {prefix}/x", shown(rewrite)),
                format!("write match_prefix={prefix}/, or a rewrite without the final /"),
            );
        }
        _ => {}
    }
    if rewrite.contains(['?', '#']) {
        reader.warn(
            keyword,
            codes::REWRITE_QUERY,
            "holds a query or a fragment, and the request's own query follows it",
            "write the path alone",
        );
    }
}

/// The redirect that a route asks for; `None` where nothing says where to.
fn redirect(reader: &mut Reader<'_, '_>, path: Option<&PathMatch>) -> Option<Redirect> {
    let host = reader.read(&keyword::REDIRECT_HOST_REDIRECT, text::host);
    let new_path = reader.read(&keyword::REDIRECT_PATH_REDIRECT, text::path);
    let new_prefix = reader.read(&keyword::REDIRECT_PREFIX_REWRITE, text::path);
    let https = reader.boolean(&keyword::REDIRECT_HTTPS_REDIRECT) == Some(true);
    let strip_query = reader.boolean(&keyword::REDIRECT_STRIP_QUERY) == Some(true);
    let code = reader.choice(&keyword::REDIRECT_RESPONSE_CODE).map(code);

    if reader.is_set(&keyword::REDIRECT_PATH_REDIRECT)
        && reader.is_set(&keyword::REDIRECT_PREFIX_REWRITE)
    {
        reader.error(
            keyword::REDIRECT_PREFIX_REWRITE.name,
            codes::SEVERAL_REWRITES,
            "excludes redirect_path_redirect",
            "write one of the two",
        );
    }
    if let Some(rewrite) = &new_prefix {
        check_rewrite(reader, keyword::REDIRECT_PREFIX_REWRITE.name, path, rewrite);
    }
    let goes_elsewhere = host.is_some() || new_prefix.is_some() || https;
    let same_path = match (&new_path, path) {
        (Some(new), Some(PathMatch::Exact(old))) => new == old,
        (Some(_), _) => false,
        (None, _) => true,
    };
    if !goes_elsewhere && same_path {
        match code {
            _ if new_path.is_some() => {
                refuse_loop(reader, keyword::REDIRECT_PATH_REDIRECT.name);
            }
            _ if strip_query => refuse_open_loop(reader, keyword::REDIRECT_STRIP_QUERY.name),
            None => return None,
            // Envoy's default is what older gateways took for no redirect at all.
            Some(RedirectCode::MovedPermanently) => {
                reader.warn(
                    keyword::REDIRECT_RESPONSE_CODE.name,
                    codes::KEYWORD_IGNORED,
                    "has no effect: nothing says where to redirect to",
                    "write redirect_host_redirect, redirect_path_redirect or redirect_https_redirect",
                );
                return None;
            }
            Some(_) => refuse_open_loop(reader, keyword::REDIRECT_RESPONSE_CODE.name),
        }
    }
    let path = match (new_path, new_prefix) {
        (Some(path), _) => Some(PathRewrite::Path(path)),
        (None, prefix) => prefix.map(PathRewrite::Prefix),
    };
    Some(Redirect {
        host,
        path,
        code: code.unwrap_or_default(),
        https,
        strip_query,
    })
}

/// Refuses a redirect to where it comes from, unless a keyword that says where to is written and has no value
/// here: it may be wrong, which is told already, or refer to what only a node knows.
fn refuse_open_loop(reader: &mut Reader<'_, '_>, at: &'static str) {
    let leading = [
        &keyword::REDIRECT_HOST_REDIRECT,
        &keyword::REDIRECT_PATH_REDIRECT,
        &keyword::REDIRECT_PREFIX_REWRITE,
        &keyword::REDIRECT_HTTPS_REDIRECT,
    ];
    if !leading.into_iter().any(|k| reader.is_set(k)) {
        refuse_loop(reader, at);
    }
}

fn refuse_loop(reader: &mut Reader<'_, '_>, at: &'static str) {
    reader.error(
        at,
        codes::REDIRECT_LOOP,
        "redirects a request to itself, for ever",
        "write redirect_host_redirect, another redirect_path_redirect or redirect_https_redirect",
    );
}

fn code(name: &'static str) -> RedirectCode {
    match name {
        "FOUND" | "302" => RedirectCode::Found,
        "SEE_OTHER" | "303" => RedirectCode::SeeOther,
        "TEMPORARY_REDIRECT" | "307" => RedirectCode::TemporaryRedirect,
        "PERMANENT_REDIRECT" | "308" => RedirectCode::PermanentRedirect,
        _ => RedirectCode::MovedPermanently,
    }
}
