//! The page: what was seen, item by item. But for the line that says when, it only changes with verdicts.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use igw_envoy::envoy::Variant;

use crate::item::{COLUMNS, Case, Item, Scope};
use crate::support::discovery::Way;

/// What was seen of an item: an error for each case in which it does not hold.
pub(crate) type Seen = BTreeMap<u8, Vec<(Case, Result<(), String>)>>;

/// A group of items.
pub(crate) struct Group {
    pub(crate) title: &'static str,
    pub(crate) items: &'static [Item],
}

const HEAD: &str = "\
# Conformance

What igw-envoy does with each rule of the xDS transport protocol, as seen from outside: the suite in
`tests/conformance` speaks gRPC to the server, and to the `xds` process behind a simulated OpenSVC node
where that matters. `make conformance` writes this page, with silence waited for as long as the rules
say; `make test` runs the same with shorter silence and fails where the page says otherwise.

**pass**: holds on the unix socket and on TCP. **–**: does not apply, for the reason below the table.
The columns are the variants of the protocol, state of the world (SotW) and delta, each on an aggregated
stream (ADS) and on streams of one type.
";

/// Where the part begins that tells of others' clients.
pub(crate) const OTHERS: &str = "## Others' clients\n";

/// What the line begins with that says when the page was written, and where.
pub(crate) const WHEN: &str = "Seen in full on ";

/// The part of the page that tells of the items; `when` is the whole line that begins with [`WHEN`].
pub(crate) fn items(groups: &[Group], seen: &Seen, when: &str) -> String {
    let mut page = format!("{HEAD}\n{when}\n");
    for group in groups {
        write!(page, "\n## {}\n\n", group.title).unwrap();
        page += "| # | Rule | SotW, ADS | SotW, one type | Delta, ADS | Delta, one type |\n";
        page += "|--:|---|---|---|---|---|\n";
        let mut reasons = BTreeMap::new();
        for item in group.items {
            write!(page, "| {} | {} |", item.number, item.title).unwrap();
            for (variant, scope) in COLUMNS {
                let cell = match (item.not_here)(variant, scope) {
                    Some(why) => {
                        let items: &mut Vec<u8> = reasons.entry(why).or_default();
                        if items.last() != Some(&item.number) {
                            items.push(item.number);
                        }
                        "–".to_owned()
                    }
                    None => cell(variant, scope, &seen[&item.number]),
                };
                write!(page, " {cell} |").unwrap();
            }
            page.push('\n');
        }
        if !reasons.is_empty() {
            page += "\nDoes not apply:\n";
        }
        for (why, items) in reasons {
            let items: Vec<_> = items.iter().map(u8::to_string).collect();
            writeln!(page, "- {}: {why}", items.join(", ")).unwrap();
        }
        let choices = group.items.iter().filter(|item| !item.choice.is_empty());
        let choices: Vec<_> = choices.collect();
        if !choices.is_empty() {
            page += "\nChosen, where the protocol leaves a choice:\n";
        }
        for item in choices {
            writeln!(page, "- {}: {}", item.number, item.choice).unwrap();
        }
    }
    page.push('\n');
    page
}

fn cell(variant: Variant, scope: Scope, seen: &[(Case, Result<(), String>)]) -> String {
    let here = seen
        .iter()
        .filter(|(c, _)| (c.variant, c.scope) == (variant, scope));
    let failed: Vec<_> = here
        .filter(|(_, result)| result.is_err())
        .map(|(case, _)| match case.way {
            Way::Unix => "unix",
            Way::Tcp => "TCP",
        })
        .collect();
    match failed.is_empty() {
        true => "pass".to_owned(),
        false => format!("**fail** ({})", failed.join(", ")),
    }
}
