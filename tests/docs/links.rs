//! Links to files and headings of this repository.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::pages;

#[test]
fn links_lead_somewhere() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in links(&text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            count += 1;
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => page.clone(),
                file => page.parent().unwrap().join(file),
            };
            if !target.exists() {
                wrong.push(format!("{}: {link}", page.display()));
            } else if !heading.is_empty() && !headings(&target).contains(heading) {
                wrong.push(format!("{}: {link}: no such heading", page.display()));
            }
        }
    }
    assert!(count > 10, "{count} links: are they read?");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The targets of a page's links, those in blocks of code left out.
fn links(text: &str) -> Vec<&str> {
    let mut links = Vec::new();
    let mut is_code = false;
    for line in text.lines() {
        if line.starts_with("```") {
            is_code = !is_code;
        }
        if is_code {
            continue;
        }
        let parts = line.split("](").skip(1);
        links.extend(
            parts
                .filter_map(|part| part.split_once(')'))
                .map(|(link, _)| link),
        );
    }
    links
}

/// The anchors of a page's headings.
fn headings(page: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(page).unwrap();
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let words = title.chars().filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
            _ => None,
        });
        words.collect()
    };
    headings.map(anchor).collect()
}
