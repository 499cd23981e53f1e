//! References in OpenSVC's configuration values: `{name}`, `{env.port}`, `{ip#1.ipname}`, and
//! arithmetic, `$(8000+80)`.
//!
//! The agent evaluates them on each node. Here, those are replaced that the configuration alone
//! decides; the others stay as they are, and their value counts as unknown.

use crate::model::ObjectPath;

/// How deep references may lead to references.
const MAX_DEPTH: usize = 20;
/// What evaluating one value may cost, in bytes that are copied. The daemon carries a service of
/// 64 KiB, so this is more than enough for any value but one that was made to double itself.
const VALUE_EFFORT: usize = 512 * 1024;
/// What evaluating a whole configuration may cost.
const WHOLE_EFFORT: usize = 16 * VALUE_EFFORT;
/// What one look-up costs, beside what it finds.
const LOOKUP_EFFORT: usize = 64;

/// What evaluating a configuration may still cost.
#[derive(Debug)]
pub(crate) struct Effort {
    value: usize,
    whole: usize,
}

impl Default for Effort {
    fn default() -> Self {
        Self {
            value: VALUE_EFFORT,
            whole: WHOLE_EFFORT,
        }
    }
}

impl Effort {
    fn spend(&mut self, cost: usize) -> Result<(), TooLarge> {
        self.whole = self.whole.saturating_sub(cost);
        self.value = self.value.min(self.whole).saturating_sub(cost);
        match self.value {
            0 => Err(TooLarge),
            _ => Ok(()),
        }
    }
}

/// References that lead to ever more references.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// The first reference in a value that only a node can evaluate, with its braces.
///
/// A brace is often something else: JSON, or the count of a regular expression. The agent takes for
/// references only braces around word characters and `.[]:/`, with at most one `#` after a word,
/// and leaves alone those that lead nowhere, such as the `{2}` and `\p{Greek}` of a regular expression.
pub fn unresolved(text: &str) -> Option<&str> {
    // Nearly every value has neither.
    memchr::memchr2(b'{', b'$', text.as_bytes())?;
    references(text)
        .find(|reference| !is_count(reference) && !is_escape(text, reference))
        .or_else(|| expression(text))
}

/// Replaces the references that `lookup` knows, in their results too.
///
/// # Errors
/// When the value grows too long, or the effort is used up.
pub(crate) fn resolve(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    effort: &mut Effort,
) -> Result<String, TooLarge> {
    let mut value = text.to_owned();
    if !text.contains('{') {
        return Ok(value);
    }
    effort.value = VALUE_EFFORT;
    for _ in 0..MAX_DEPTH {
        effort.spend(value.len())?;
        let mut done = String::with_capacity(value.len());
        let mut rest = value.as_str();
        let mut replaced = false;
        while let Some(reference) = references(rest).next() {
            let start = reference.as_ptr() as usize - rest.as_ptr() as usize;
            let (before, after) = (&rest[..start], &rest[start + reference.len()..]);
            done.push_str(before);
            match lookup(&reference[1..reference.len() - 1]) {
                Some(found) => {
                    replaced = true;
                    effort.spend(LOOKUP_EFFORT + found.len())?;
                    done.push_str(&found);
                }
                None => {
                    effort.spend(LOOKUP_EFFORT)?;
                    done.push_str(reference);
                }
            }
            rest = after;
        }
        done.push_str(rest);
        value = done;
        if !replaced {
            break;
        }
    }
    Ok(value)
}

/// What a reference to the service itself stands for.
pub(crate) fn own(path: &ObjectPath, section: &str, reference: &str) -> Option<String> {
    let unslaved = |name: &str| match path.scaler() {
        Some((_, scaler)) => scaler.name().to_owned(),
        None => name.to_owned(),
    };
    let first = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    Some(match reference {
        "name" | "svcname" => path.name().to_owned(),
        "short_name" | "short_svcname" => first(path.name()),
        "scaler_name" | "scaler_svcname" => unslaved(path.name()),
        "scaler_short_name" | "scaler_short_svcname" => first(&unslaved(path.name())),
        "namespace" => path.namespace().unwrap_or("root").to_owned(),
        "path" | "svcpath" => path.to_string(),
        "kind" => "svc".to_owned(),
        "rid" => section.to_owned(),
        "rindex" => section
            .split('#')
            .next_back()
            .unwrap_or_default()
            .to_owned(),
        _ => return None,
    })
}

/// Every `{…}` of the agent's reference syntax, with its braces.
fn references(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('{').filter_map(|(start, _)| {
        let body = &text[start + 1..];
        let end = body.find(|c| !is_reference_char(c))?;
        let inner = &body[..end];
        (body[end..].starts_with('}') && is_reference(inner)).then(|| &text[start..start + end + 2])
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_reference_char(c: char) -> bool {
    is_word(c) || matches!(c, '#' | '.' | '[' | ']' | ':' | '/')
}

/// `\w*[\w#][\w.\[\]:/]*`
fn is_reference(inner: &str) -> bool {
    let rest = inner.trim_start_matches(is_word);
    match rest.strip_prefix('#') {
        Some(rest) => !rest.contains('#'),
        None => rest.len() < inner.len() && !rest.contains('#'),
    }
}

fn is_count(reference: &str) -> bool {
    reference[1..reference.len() - 1]
        .bytes()
        .all(|b| b.is_ascii_digit())
}

/// Whether a reference in a text belongs to an escape of regular expressions: `\p{…}`, `\x{…}`.
fn is_escape(text: &str, reference: &str) -> bool {
    let start = reference.as_ptr() as usize - text.as_ptr() as usize;
    let before = text.get(..start).unwrap_or_default();
    ["\\p", "\\P", "\\x"]
        .iter()
        .any(|escape| before.ends_with(escape))
}

/// `$(…)` with something inside.
fn expression(text: &str) -> Option<&str> {
    let start = text.find("$(")?;
    let end = text.rfind(')')?;
    (end > start + 2).then(|| &text[start..=end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_agents_own_syntax_is_a_reference() {
        for (text, expected) in [
            ("{env.port}", Some("{env.port}")),
            ("a{name}b", Some("{name}")),
            ("{ip#1.ipname}", Some("{ip#1.ipname}")),
            ("{#env.list}", Some("{#env.list}")),
            ("{safe://web.pem}", Some("{safe://web.pem}")),
            ("{nodes[0]}", Some("{nodes[0]}")),
            ("{{name}}", Some("{name}")),
            ("$(8000+80)", Some("$(8000+80)")),
            ("/a{2}", None),
            ("/a{2,3}", None),
            (r"/\p{Greek}\P{Lu}\x{4A}", None),
            (r"/\p{Greek}/{id}", Some("{id}")),
            ("{}", None),
            ("{.a}", None),
            ("{a#b#c}", None),
            ("{\"a\": 1}", None),
            ("{\"a\": {\"b\": {}}}", None),
            ("{a", None),
            ("a}", None),
            ("$()", None),
            ("/a$", None),
        ] {
            assert_eq!(unresolved(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_known_is_replaced_and_the_rest_stays() {
        let lookup = |reference: &str| match reference {
            "env.port" => Some("80".to_owned()),
            "env.url" => Some("{name}:{env.port}".to_owned()),
            "name" => Some("web".to_owned()),
            _ => None,
        };
        assert_eq!(
            resolve("{env.url}/{2}/{nodename}", &lookup, &mut Effort::default()),
            Ok("web:80/{2}/{nodename}".to_owned())
        );
    }

    #[test]
    fn a_loop_or_an_explosion_of_references_ends() {
        let lookup = |reference: &str| match reference {
            "a" => Some("{a}".to_owned()),
            "b" => Some("{b}{b}{b}{b}".to_owned()),
            _ => None,
        };
        let resolve = |text| resolve(text, &lookup, &mut Effort::default());
        assert_eq!(resolve("{a}"), Ok("{a}".to_owned()));
        assert_eq!(resolve("{b}"), Err(TooLarge));
    }

    #[test]
    fn many_values_share_one_effort() {
        let lookup = |_: &str| Some("x".repeat(1024));
        let mut effort = Effort::default();
        let text = "{a}".repeat(200);
        let done = (0..100).map(|_| resolve(&text, &lookup, &mut effort));
        assert_eq!(done.filter(Result::is_ok).count(), 19);
    }
}
