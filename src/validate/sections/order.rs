//! The routes of a virtual host in their order: which of them never get a request, and which redirect to what
//! they take themselves.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use foldhash::HashMap;

use crate::model::{Action, PathMatch, PathRewrite, Redirect, Route};

/// What is wrong with the place of a route.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Misplaced<'a> {
    /// It never gets a request.
    Hidden {
        /// The earlier route that takes them all.
        by: &'a str,
    },
    /// It redirects to what it takes itself, and no route before it does.
    Endless {
        /// Where it redirects to: a path, or how one begins.
        target: &'a str,
    },
    /// The same for what comes by TLS: it redirects to https.
    EndlessByTls,
}

/// The routes that are misplaced, each with its name. Linear in their number, whatever they match.
pub(super) fn misplaced<'a>(routes: &[(&'a str, &'a Arc<Route>)]) -> Vec<(&'a str, Misplaced<'a>)> {
    let mut earlier = Earlier::default();
    let mut found = Vec::new();
    for (name, route) in routes {
        if let Some(by) = earlier.covering(route) {
            found.push((*name, Misplaced::Hidden { by }));
            continue;
        }
        if let Action::Redirect(to) = &route.action {
            let target = own_target(route, to).filter(|target| !earlier.may_take(target, to));
            match target {
                Some(target) if !to.https => found.push((*name, Misplaced::Endless { target })),
                None if to.path.is_some() || to.host.is_some() || !to.https => {}
                _ => found.push((*name, Misplaced::EndlessByTls)),
            }
        }
        earlier.insert(name, route);
    }
    found
}

/// Where a redirect to the same host leads to, if the route would take that, too.
fn own_target<'r>(route: &'r Route, to: &'r Redirect) -> Option<&'r str> {
    let target = match (&to.host, &to.path) {
        (None, Some(PathRewrite::Path(path))) => path.split(['?', '#']).next()?,
        (None, Some(PathRewrite::Prefix(prefix))) => prefix,
        _ => return None,
    };
    let fold = |text: &'r str| match route.case_sensitive {
        true => Cow::Borrowed(text),
        false => lower(text),
    };
    let takes = match &route.path {
        PathMatch::Exact(path) => fold(path) == fold(target),
        PathMatch::Prefix(prefix) => fold(target).starts_with(&*fold(prefix)),
        PathMatch::Regex(pattern) => is_everything(pattern),
    };
    takes.then_some(target)
}

/// The routes before another.
#[derive(Default)]
struct Earlier<'t, 'a> {
    /// Those that mind the case, and those that do not, by their text in lower case.
    exact: Texts<'t, 'a>,
    folded: Texts<'t, 'a>,
    regexes: HashMap<&'t str, &'a str>,
    /// The texts of all but the expressions, in lower case.
    texts: BTreeSet<Cow<'t, str>>,
}

/// Routes by what they match.
#[derive(Default)]
struct Texts<'t, 'a> {
    prefixes: Prefixes<'t, 'a>,
    paths: HashMap<Cow<'t, str>, &'a str>,
}

impl<'t, 'a> Earlier<'t, 'a> {
    /// The route that takes all requests of another, as far as that is easily told.
    fn covering(&self, route: &Route) -> Option<&'a str> {
        let (text, is_path) = match &route.path {
            PathMatch::Exact(path) => (path.as_str(), true),
            PathMatch::Prefix(prefix) => (prefix.as_str(), false),
            PathMatch::Regex(pattern) => {
                let all = [&self.exact, &self.folded].into_iter();
                let all = all.filter_map(|texts| texts.prefixes.covering("/")).next();
                return all.or_else(|| self.regexes.get(pattern.as_str()).copied());
            }
        };
        let lower = lower(text);
        let by = self.folded.prefixes.covering(&lower);
        let by = by.or_else(|| match route.case_sensitive {
            true => self.exact.prefixes.covering(text),
            // A prefix that minds the case covers all cases only where it has no letters.
            false => self.exact.prefixes.covering(letterless(text)),
        });
        by.or_else(|| {
            let folded = self.folded.paths.get(&lower);
            let exact = || self.exact.paths.get(text);
            let same = folded.or_else(|| route.case_sensitive.then(exact).flatten());
            same.filter(|_| is_path).copied()
        })
    }

    /// Whether one of them takes what a redirect leads to, or might: all of it or, where only its beginning is
    /// known, a part.
    fn may_take(&self, target: &str, to: &Redirect) -> bool {
        let lower = lower(target);
        let takes_part = || {
            let mut from = self
                .texts
                .range::<str, _>((Bound::Included(&*lower), Bound::Unbounded));
            from.next().is_some_and(|text| text.starts_with(&*lower))
        };
        !self.regexes.is_empty()
            || self.exact.has(target)
            || self.folded.has(&lower)
            || (matches!(to.path, Some(PathRewrite::Prefix(_))) && takes_part())
    }

    fn insert(&mut self, name: &'a str, route: &'t Route) {
        let texts = match route.case_sensitive {
            true => &mut self.exact,
            false => &mut self.folded,
        };
        let text = |text: &'t str| match route.case_sensitive {
            true => Cow::Borrowed(text),
            false => lower(text),
        };
        if let PathMatch::Exact(path) | PathMatch::Prefix(path) = &route.path {
            self.texts.insert(lower(path));
        }
        match &route.path {
            PathMatch::Exact(path) => drop(texts.paths.insert(text(path), name)),
            PathMatch::Prefix(prefix) => texts.prefixes.insert(text(prefix), name),
            PathMatch::Regex(all) if is_everything(all) => texts.prefixes.insert("/".into(), name),
            PathMatch::Regex(pattern) => drop(self.regexes.insert(pattern, name)),
        }
    }
}

impl Texts<'_, '_> {
    fn has(&self, path: &str) -> bool {
        self.prefixes.covering(path).is_some() || self.paths.contains_key(path)
    }
}

/// The prefixes of routes, by their text.
#[derive(Default)]
struct Prefixes<'t, 'a> {
    names: HashMap<Cow<'t, str>, &'a str>,
    lengths: BTreeSet<usize>,
}

impl<'t, 'a> Prefixes<'t, 'a> {
    fn insert(&mut self, prefix: Cow<'t, str>, name: &'a str) {
        self.lengths.insert(prefix.len());
        self.names.insert(prefix, name);
    }

    /// The name of the longest prefix that starts a text, if it is found soon: one of as many lengths as
    /// nobody uses.
    fn covering(&self, text: &str) -> Option<&'a str> {
        const TRIES: usize = 32;
        let lengths = self.lengths.range(..=text.len()).rev().take(TRIES);
        lengths
            .filter_map(|length| self.names.get(text.get(..*length)?))
            .next()
            .copied()
    }
}

/// Whether an expression matches every path, as it is usually written.
fn is_everything(pattern: &str) -> bool {
    matches!(pattern, "/.*" | ".*")
}

fn lower(text: &str) -> Cow<'_, str> {
    match text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(text.to_ascii_lowercase()),
        false => Cow::Borrowed(text),
    }
}

/// The part of a path before its first letter.
fn letterless(path: &str) -> &str {
    path.split(|c: char| c.is_ascii_alphabetic())
        .next()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(path: PathMatch, case_sensitive: bool, to: Redirect) -> Arc<Route> {
        Arc::new(Route {
            section: String::new(),
            path,
            case_sensitive,
            action: Action::Redirect(to),
        })
    }

    fn prefix(text: &str) -> PathMatch {
        PathMatch::Prefix(text.into())
    }

    fn exact(text: &str) -> PathMatch {
        PathMatch::Exact(text.into())
    }

    fn regex(text: &str) -> PathMatch {
        PathMatch::Regex(text.into())
    }

    #[test]
    fn a_route_behind_one_that_takes_all_of_its_requests_is_hidden() {
        let routes = [
            ("api", prefix("/api"), true),
            ("apis", prefix("/api/v1"), true),
            ("folded", prefix("/Img"), false),
            ("img", exact("/IMG/a"), true),
            ("any-case", prefix("/api"), false),
            ("regex", regex("/a.*"), true),
            ("regex again", regex("/a.*"), true),
            ("path", exact("/p"), true),
            ("path again", exact("/p"), true),
            ("path of any case", exact("/P"), false),
            ("path at last", exact("/p"), false),
            ("all", regex("/.*"), true),
            ("late", exact("/x"), true),
            ("late folded", prefix("/x"), false),
            ("late regex", regex("/x.*"), true),
        ];
        let made = routes.map(|(name, path, case)| (name, route(path, case, Redirect::default())));
        let routes: Vec<_> = made.iter().map(|(name, route)| (*name, route)).collect();
        let hidden = |(name, misplaced)| match misplaced {
            Misplaced::Hidden { by } => (name, by),
            Misplaced::Endless { target } => (name, target),
            Misplaced::EndlessByTls => (name, "https"),
        };
        let hidden: Vec<_> = misplaced(&routes).into_iter().map(hidden).collect();
        assert_eq!(
            hidden,
            [
                ("apis", "api"),
                ("img", "folded"),
                ("regex again", "regex"),
                ("path again", "path"),
                ("path at last", "path of any case"),
                ("late", "all"),
                ("late folded", "all"),
                ("late regex", "all"),
            ]
        );
    }

    fn to(path: PathRewrite) -> Redirect {
        Redirect {
            path: Some(path),
            ..Redirect::default()
        }
    }

    #[test]
    fn a_redirect_to_what_the_route_takes_is_endless_unless_an_earlier_one_takes_it() {
        let new = || to(PathRewrite::Path("/new?a=b".into()));
        let deeper = || to(PathRewrite::Prefix("/a/b".into()));
        for (path, case_sensitive, redirect, is_endless) in [
            (prefix("/"), true, new(), true),
            (prefix("/N"), false, new(), true),
            (prefix("/N"), true, new(), false),
            (regex("/.*"), true, new(), true),
            (regex("/n.*"), true, new(), false),
            (prefix("/a"), true, deeper(), true),
            (prefix("/b"), true, deeper(), false),
            (exact("/a/b"), true, deeper(), true),
            (exact("/a"), true, deeper(), false),
        ] {
            let what = format!("{path:?} {redirect:?}");
            let other_host = Redirect {
                host: Some("b.org".into()),
                ..redirect.clone()
            };
            let elsewhere = route(path.clone(), case_sensitive, other_host);
            assert_eq!(misplaced(&[("r", &elsewhere)]), [], "{what}");
            let alone = route(path, case_sensitive, redirect);
            assert_eq!(
                !misplaced(&[("r", &alone)]).is_empty(),
                is_endless,
                "{what}"
            );
            let earlier = [exact("/new"), exact("/a/b"), regex("/x")];
            for path in earlier {
                let first = route(path.clone(), true, Redirect::default());
                let mut found = misplaced(&[("first", &first), ("r", &alone)]);
                found.retain(|(_, misplaced)| matches!(misplaced, Misplaced::Endless { .. }));
                let takes = own_target_of(&alone).is_some_and(|target| match &path {
                    PathMatch::Exact(path) => path == target,
                    _ => true,
                });
                assert_eq!(
                    found.is_empty(),
                    !is_endless || takes,
                    "{what} after {path:?}"
                );
            }
        }
    }

    fn own_target_of(route: &Route) -> Option<&str> {
        match &route.action {
            Action::Redirect(to) => own_target(route, to),
            Action::Forward { .. } => None,
        }
    }

    #[test]
    fn a_redirect_to_a_beginning_that_an_earlier_route_goes_on_from_is_not_endless() {
        let first = route(prefix("/a/v1/"), true, Redirect::default());
        let into = to(PathRewrite::Prefix("/a/v1".into()));
        let second = route(prefix("/a"), true, into);
        assert_eq!(misplaced(&[("first", &first), ("second", &second)]), []);
        assert_eq!(misplaced(&[("second", &second)]).len(), 1);
    }

    #[test]
    fn what_came_by_tls_is_not_sent_to_https_once_more() {
        let https = |path| Redirect {
            https: true,
            path,
            ..Redirect::default()
        };
        let new = Some(PathRewrite::Path("/new".into()));
        let forward = route(prefix("/new"), true, to(PathRewrite::Path("/x".into())));
        let by_tls = Some(Misplaced::EndlessByTls);
        for (matched, redirect, alone, behind_another) in [
            (prefix("/"), https(None), &by_tls, &by_tls),
            (prefix("/"), https(new.clone()), &by_tls, &None),
            (prefix("/a"), https(new), &None, &None),
            (prefix("/"), Redirect::default(), &None, &None),
        ] {
            let what = format!("{matched:?} {redirect:?}");
            let route = route(matched, true, redirect);
            let last = |routes: &[(&'static str, &Arc<Route>)]| -> Option<String> {
                misplaced(routes)
                    .pop()
                    .map(|(_, found)| format!("{found:?}"))
            };
            let said = |found: &Option<Misplaced<'_>>| found.as_ref().map(|f| format!("{f:?}"));
            assert_eq!(last(&[("r", &route)]), said(alone), "{what}");
            let both = [("first", &forward), ("r", &route)];
            assert_eq!(last(&both), said(behind_another), "{what}");
        }
    }
}
