//! `xds keywords`: the reference of keywords, from the table that configurations are judged by.

use clap::Args;
use serde::Serialize;

use super::failure::Failure;
use super::terminal::{self, Paint, Style, wrap};
use super::{FAILED, OK, reference};
use crate::validate::keywords::{Group, Keyword, Kind, Origin};

/// Options of `xds keywords`.
#[derive(Debug, Clone, Args)]
pub(super) struct KeywordsArgs {
    /// What to show: a section's group (route), a keyword (port), or both (expose.port). Default: all
    #[arg(value_name = "KEYWORD")]
    wanted: Vec<String>,
    /// Write JSON: a list of keywords
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Write the reference as a Markdown page
    #[arg(long, conflicts_with = "wanted")]
    markdown: bool,
}

/// A keyword with the section that it belongs to.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Entry {
    section: Group,
    driver: &'static str,
    #[serde(flatten)]
    keyword: &'static Keyword,
}

/// Runs the command.
pub(super) fn run(args: &KeywordsArgs) -> Result<u8, Failure> {
    if args.markdown {
        terminal::print(&reference::keywords())?;
        return Ok(OK);
    }
    let of = |section: Group| {
        section.keywords().iter().map(move |keyword| Entry {
            section,
            driver: section.driver(),
            keyword,
        })
    };
    let all: Vec<Entry> = Group::ALL.into_iter().flat_map(of).collect();
    let unknown = args
        .wanted
        .iter()
        .find(|wanted| !all.iter().any(|e| e.is(wanted)));
    if let Some(unknown) = unknown {
        let near = nearest(unknown, all.iter().map(Entry::name));
        return Err(Failure::Failed(format!(
            "'{unknown}' is neither a group of sections nor a keyword{near}; `xds keywords` lists all"
        )));
    }
    let is_wanted =
        |entry: &&Entry| args.wanted.is_empty() || args.wanted.iter().any(|w| entry.is(w));
    let entries: Vec<Entry> = all.iter().filter(is_wanted).copied().collect();
    if args.json {
        terminal::print_json(&entries)?;
    } else if entries.is_empty() {
        return Ok(FAILED);
    } else {
        terminal::print(&text(&entries, Paint::stdout()))?;
    }
    Ok(OK)
}

impl Entry {
    fn name(&self) -> String {
        format!("{}.{}", self.section, self.keyword.name)
    }

    fn is(&self, wanted: &str) -> bool {
        // A section's own name, as in expose#0.port, will do for its group.
        let (group, keyword) = match wanted.split_once('.') {
            Some((group, keyword)) => (Some(group), Some(keyword)),
            None if Group::ALL.iter().any(|g| g.name() == stem(wanted)) => (Some(wanted), None),
            None => (None, Some(wanted)),
        };
        group.is_none_or(|group| stem(group) == self.section.name())
            && keyword.is_none_or(|keyword| keyword == self.keyword.name)
    }
}

fn stem(section: &str) -> &str {
    section.split('#').next().unwrap_or_default()
}

/// `, did you mean …?` where a known name is like the one that is written.
pub(super) fn nearest(written: &str, known: impl Iterator<Item = String>) -> String {
    let short = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let likeness = |name: &String| {
        let whole = strsim::jaro_winkler(written, name);
        whole.max(strsim::jaro_winkler(written, &short(name)))
    };
    let scored = known.map(|name| (likeness(&name), name));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((likeness, name)) if likeness > 0.8 => format!(", did you mean {name}?"),
        _ => String::new(),
    }
}

fn text(entries: &[Entry], paint: Paint) -> String {
    let mut text = String::new();
    let mut group = None;
    for entry in entries {
        if group.replace(entry.section) != Some(entry.section) {
            let heading = format!("[{}#…]  type = {}", entry.section, entry.driver);
            text.push_str(&format!("{}\n\n", paint.apply(Style::Bold, heading)));
        }
        text.push_str(&entry.text(paint));
    }
    text
}

impl Entry {
    fn text(&self, paint: Paint) -> String {
        let keyword = self.keyword;
        let name = paint.apply(Style::Good, keyword.name);
        let facts = facts(keyword).join("; ");
        format!(
            "  {name}  {}\n      {}\n      {}\n\n",
            paint.apply(Style::Dim, facts),
            wrap(keyword.help, 96, 6),
            paint.apply(
                Style::Dim,
                format!("{} = {}", keyword.name, keyword.example)
            ),
        )
    }
}

/// What kind of value a keyword takes, whether it must be there, and who knows it.
pub(super) fn facts(keyword: &Keyword) -> Vec<String> {
    let mut facts = vec![kind(keyword)];
    match (keyword.required, keyword.default) {
        (true, _) => facts.push("required".into()),
        (false, Some(default)) => facts.push(format!("default {default}")),
        (false, None) if !keyword.default_text.is_empty() => {
            facts.push(format!("without it, {}", keyword.default_text));
        }
        (false, None) => {}
    }
    if !keyword.scopable {
        facts.push("the same on every node".into());
    }
    if let Some(proper) = keyword.alias_of {
        facts.push(format!("another name of {proper}"));
    }
    if let Origin::Ours { since } = keyword.origin {
        facts.push(format!("since igw-envoy {since}; a stock agent ignores it"));
    }
    facts
}

fn kind(keyword: &Keyword) -> String {
    match keyword.kind {
        Kind::Port => "a port, 1 to 65535".into(),
        Kind::PortOrZero => "a port, 0 to 65535".into(),
        Kind::Address => "an IPv4 or IPv6 address".into(),
        Kind::Choice => format!("one of {}", keyword.candidates.join(", ")),
        Kind::Names => "host names, separated by spaces".into(),
        Kind::Sections(group) => format!("{group} sections, separated by spaces"),
        Kind::Boolean => "true or false".into(),
        Kind::Duration => "a duration: seconds, or 1h30m".into(),
        Kind::Timeout => "a duration: seconds, 1h30m, 1.5s or 250ms".into(),
        Kind::Object => "a JSON object".into(),
        Kind::Secret => "a secret of the service's namespace".into(),
        Kind::Text => "text".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyword_is_found_by_group_by_name_and_by_both() {
        let entry = Entry {
            section: Group::Route,
            driver: "envoy",
            keyword: &crate::validate::keywords::route::MATCH_PATH,
        };
        for wanted in [
            "route",
            "route#1",
            "match_path",
            "route.match_path",
            "route#0.match_path",
        ] {
            assert!(entry.is(wanted), "{wanted}");
        }
        for wanted in ["expose", "match", "vhost.match_path", "route.port"] {
            assert!(!entry.is(wanted), "{wanted}");
        }
    }
}
